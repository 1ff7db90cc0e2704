//! Processes: counts by state, the busiest groups as series, and a table for people.

mod groups;
mod scan;
mod table;

use super::{Part, Roots, ticks_per_second};
use crate::Problem;
use crate::collector::Options;
use crate::parse::text::uint;
use crate::read::{KeptFile, read_once};
use crate::sheet::{Family, Out};
use groups::Groups;
use scan::Scan;
use std::path::PathBuf;
use std::sync::Arc;
pub use table::Process;
pub(crate) use table::Table;

const PIDS: Family<'_> = Family::gauge("node_processes_pids", "Processes.");
const THREADS: Family<'_> = Family::gauge("node_processes_threads", "Threads of all processes.");
const STATE: Family<'_> = Family::gauge("node_processes_state", "Processes in each state.");
const PIDS_MAX: Family<'_> =
    Family::gauge("node_processes_max_processes", "The most process ids there may be.");
const THREADS_MAX: Family<'_> = Family::gauge("node_processes_max_threads", "The most threads there may be.");

/// States with a series of their own, as the kernel's letters; others appear when they occur.
const STATES: [u8; 6] = *b"DIRSTZ";

/// `/proc/<pid>`.
pub(crate) struct Processes {
    scan: Scan,
    groups: Groups,
    table: Arc<Table>,
    ticks: f64,
    uptime: KeptFile,
    boot_ms: i64,
    pid_max: PathBuf,
    threads_max: PathBuf,
}

impl Processes {
    pub(crate) fn new(roots: &Roots, options: &Options, table: Arc<Table>) -> Processes {
        let page_bytes = rustix::param::page_size() as u64;
        Processes {
            scan: Scan::new(roots, options.processes_max),
            groups: Groups::new(options.processes_top, page_bytes),
            table,
            ticks: ticks_per_second(),
            uptime: KeptFile::new(roots.proc("uptime")),
            boot_ms: i64::MIN,
            pid_max: roots.proc("sys/kernel/pid_max"),
            threads_max: roots.proc("sys/kernel/threads-max"),
        }
    }

    /// When the machine started. Kept as it is while it moves by little, so that start times stand still.
    fn boot_ms(&mut self, now_ms: i64, buf: &mut Vec<u8>) -> Result<i64, Problem> {
        let field = crate::parse::text::fields(self.uptime.read(buf)?).next();
        let uptime = field.and_then(crate::parse::text::number);
        let uptime = uptime.ok_or_else(|| self.uptime.malformed("it does not start with a number"))?;
        let boot_ms = now_ms - (uptime * 1000.0) as i64;
        if self.boot_ms.abs_diff(boot_ms) > 2000 {
            self.boot_ms = boot_ms;
        }
        Ok(self.boot_ms)
    }
}

impl Part for Processes {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let boot_ms = self.boot_ms(out.time_ms, buf)?;
        self.scan.run(out.now, &self.groups)?;
        self.groups.update(&self.scan, out.now);

        out.sample(&PIDS, &[], self.scan.pids as f64);
        out.sample(&THREADS, &[], self.scan.threads as f64);
        for letter in 0..128u8 {
            let count = self.scan.states[usize::from(letter)];
            if count > 0 || STATES.contains(&letter) {
                out.sample(&STATE, &[("state", &[letter])], count as f64);
            }
        }
        for (family, path) in [(&PIDS_MAX, &self.pid_max), (&THREADS_MAX, &self.threads_max)] {
            if let Some(max) = read_once(path, buf).ok().and_then(|bytes| uint(bytes.trim_ascii())) {
                out.sample(family, &[], max as f64);
            }
        }
        self.groups.write(out, self.ticks, boot_ms);
        self.table.fill(&mut self.scan, self.ticks, boot_ms, out.time_ms);
        Ok(())
    }
}
