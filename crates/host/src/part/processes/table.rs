//! The processes that matter most, for people to look at.

use super::scan::Scan;
use crate::parse::process::passwd;
use crate::read::read_once;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A process as the table shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Process {
    /// Process id.
    pub pid: u64,
    /// Name of the executable, up to 15 bytes.
    pub name: String,
    /// Arguments, separated by blanks; empty for threads of the kernel.
    pub cmdline: String,
    /// Who runs it: a name, or the number where there is none.
    pub user: String,
    /// Share of one core since the scan before, in per cent; over its life in the first scan.
    pub cpu_percent: f64,
    /// Memory it holds.
    pub rss_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// The kernel's letter: `R`, `S`, `D`, `Z`, `T`, `I`.
    pub state: char,
    /// When it started, Unix milliseconds.
    pub start_ms: i64,
}

/// Rows by CPU, and as many by memory.
const ROWS: usize = 100;

/// The rows of the last scan, shared with whoever shows them.
#[derive(Default)]
pub(crate) struct Table {
    generation: AtomicU64,
    rows: Mutex<Arc<Vec<Process>>>,
    users: Mutex<HashMap<u32, String>>,
}

impl Table {
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn processes(&self) -> Arc<Vec<Process>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn fill(&self, scan: &mut Scan, ticks: f64, boot_ms: i64, now_ms: i64) {
        let start_ms = |ticks_after: u64| boot_ms + (ticks_after as f64 * 1000.0 / ticks) as i64;
        let elapsed = scan.elapsed;
        let mut rows: Vec<(u64, f64, u64)> = scan
            .seen
            .values()
            .map(|seen| {
                // A process that is new since the scan before cannot have run for longer than it exists.
                let alive = (now_ms - start_ms(seen.start_ticks)).max(10) as f64 / 1000.0;
                let seconds = elapsed.map_or(alive, |e| e.as_secs_f64().max(0.01).min(alive));
                (seen.pid, seen.gained.ticks() as f64 / ticks / seconds * 100.0, seen.resident_pages)
            })
            .collect();
        let by_memory = |a: &(u64, f64, u64), b: &(u64, f64, u64)| b.2.cmp(&a.2).then(a.0.cmp(&b.0));
        let by_cpu = |a: &(u64, f64, u64), b: &(u64, f64, u64)| b.1.total_cmp(&a.1).then(by_memory(a, b));
        rows.sort_unstable_by(by_cpu);
        if rows.len() > 2 * ROWS {
            rows[ROWS..].sort_unstable_by(by_memory);
            rows.truncate(2 * ROWS);
            rows.sort_unstable_by(by_cpu);
        }
        let page_bytes = rustix::param::page_size() as u64;
        let mut table = Vec::with_capacity(rows.len());
        for (pid, cpu_percent, pages) in rows {
            scan.describe(pid);
            let Some(seen) = scan.seen.get(&pid) else { continue };
            let about = seen.about.as_ref();
            table.push(Process {
                pid,
                name: String::from_utf8_lossy(&seen.name).into_owned(),
                cmdline: about.map(|a| a.cmdline.clone()).unwrap_or_default(),
                user: about.map(|a| self.user(scan, a.uid)).unwrap_or_default(),
                cpu_percent: (cpu_percent * 10.0).round() / 10.0,
                rss_bytes: pages * page_bytes,
                threads: seen.threads,
                state: char::from(seen.state),
                start_ms: start_ms(seen.start_ticks),
            });
        }
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn user(&self, scan: &Scan, uid: u32) -> String {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = users.get(&uid) {
            return name.clone();
        }
        // Names change rarely: the file is read again only for an id that was never asked for.
        let mut buf = Vec::new();
        if let Ok(bytes) = read_once(&scan.passwd, &mut buf) {
            for (name, id) in passwd(bytes) {
                let Ok(id) = u32::try_from(id) else { continue };
                users.entry(id).or_insert_with(|| String::from_utf8_lossy(name).into_owned());
            }
        }
        users.entry(uid).or_insert_with(|| uid.to_string()).clone()
    }
}
