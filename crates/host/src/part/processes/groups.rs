//! Processes by name, as process-exporter groups them: the busiest are kept as series.

use super::scan::{Counters, Scan};
use crate::sheet::{Family, Out};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const PROCS: Family<'_> = Family::gauge("namedprocess_namegroup_num_procs", "Processes of this name.");
const CPU: Family<'_> =
    Family::counter("namedprocess_namegroup_cpu_seconds_total", "CPU time of processes of this name.");
const MEMORY: Family<'_> =
    Family::gauge("namedprocess_namegroup_memory_bytes", "Memory of processes of this name.");
const MAJOR: Family<'_> = Family::counter(
    "namedprocess_namegroup_major_page_faults_total",
    "Page faults that waited for the disk.",
);
const MINOR: Family<'_> =
    Family::counter("namedprocess_namegroup_minor_page_faults_total", "Page faults served from memory.");
const READ: Family<'_> =
    Family::counter("namedprocess_namegroup_read_bytes_total", "Bytes read from storage.");
const WRITTEN: Family<'_> =
    Family::counter("namedprocess_namegroup_write_bytes_total", "Bytes written to storage.");
const SWITCHES: Family<'_> =
    Family::counter("namedprocess_namegroup_context_switches_total", "Context switches.");
const THREADS: Family<'_> =
    Family::gauge("namedprocess_namegroup_num_threads", "Threads of processes of this name.");
const STATES: Family<'_> =
    Family::gauge("namedprocess_namegroup_states", "Processes of this name in each state.");
const FILES: Family<'_> =
    Family::gauge("namedprocess_namegroup_open_filedesc", "Open files of processes of this name.");
const START: Family<'_> = Family::gauge(
    "namedprocess_namegroup_oldest_start_time_seconds",
    "When the oldest of them started, in Unix time.",
);

/// A group stays for this long after it last was among the first.
const KEEP: Duration = Duration::from_secs(600);
/// Cores a group must use, and bytes it must hold, to be among the first.
const CORES_MIN: f64 = 0.002;
const RESIDENT_MIN: u64 = 4 << 20;
/// Weight of the latest scan in the average by which groups are ranked.
const LATEST: f64 = 0.3;
/// Times `top` groups are kept at most; the rest leaves, longest out of the first ranks first.
const KEPT_TIMES: usize = 4;

/// All groups that have a process or are kept.
pub(crate) struct Groups {
    top: usize,
    page_bytes: u64,
    groups: BTreeMap<Box<[u8]>, Group>,
}

#[derive(Default)]
struct Group {
    /// Sums over all processes that ever were in the group, so that an exit does not take them back.
    counters: Counters,
    procs: u64,
    threads: u64,
    resident_pages: u64,
    virtual_bytes: u64,
    swapped_bytes: u64,
    open_files: u64,
    oldest_ticks: u64,
    /// Running, sleeping, waiting, zombie, other.
    states: [u64; 5],
    gained_ticks: u64,
    /// Clock ticks per second, averaged over scans.
    busy: f64,
    kept_until: Option<Instant>,
}

impl Groups {
    pub(crate) fn new(top: usize, page_bytes: u64) -> Groups {
        Groups { top, page_bytes, groups: BTreeMap::new() }
    }

    /// Whether a group is written as series, and its processes are worth a closer look.
    pub(crate) fn is_kept(&self, name: &[u8]) -> bool {
        self.groups.get(name).is_some_and(|group| group.kept_until.is_some())
    }

    /// Takes in a scan.
    pub(crate) fn update(&mut self, scan: &Scan, now: Instant) {
        for group in self.groups.values_mut() {
            let (counters, busy, kept_until) = (group.counters, group.busy, group.kept_until);
            *group = Group { counters, busy, kept_until, ..Group::default() };
        }
        for seen in scan.seen.values() {
            if !self.groups.contains_key(&seen.name) {
                self.groups.insert(seen.name.clone(), Group::default());
            }
            let Some(group) = self.groups.get_mut(&seen.name) else { continue };
            group.counters.add(seen.gained);
            group.gained_ticks += seen.gained.ticks();
            group.procs += 1;
            group.threads += seen.threads;
            group.resident_pages += seen.resident_pages;
            group.virtual_bytes = group.virtual_bytes.saturating_add(seen.virtual_bytes);
            group.swapped_bytes += seen.swapped_bytes;
            group.open_files += seen.open_files;
            group.oldest_ticks = match group.procs {
                1 => seen.start_ticks,
                _ => group.oldest_ticks.min(seen.start_ticks),
            };
            group.states[state_place(seen.state)] += 1;
        }
        if let Some(elapsed) = scan.elapsed {
            let seconds = elapsed.as_secs_f64().max(0.001);
            for group in self.groups.values_mut() {
                group.busy += LATEST * (group.gained_ticks as f64 / seconds - group.busy);
            }
        }
        self.rank(now);
    }

    fn rank(&mut self, now: Instant) {
        let ticks = super::ticks_per_second();
        let mut by_cpu: Vec<_> = self.groups.values_mut().filter(|g| g.busy >= CORES_MIN * ticks).collect();
        by_cpu.sort_by(|a, b| b.busy.total_cmp(&a.busy));
        by_cpu.into_iter().take(self.top).for_each(|g| g.kept_until = Some(now + KEEP));

        let pages_min = RESIDENT_MIN / self.page_bytes.max(1);
        let mut by_memory: Vec<_> =
            self.groups.values_mut().filter(|g| g.resident_pages >= pages_min).collect();
        by_memory.sort_by_key(|g| std::cmp::Reverse(g.resident_pages));
        by_memory.into_iter().take(self.top).for_each(|g| g.kept_until = Some(now + KEEP));

        let mut ends: Vec<Instant> = self.groups.values().filter_map(|g| g.kept_until).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        // Of many that were first at the same moment all stay: those are at most twice `top`.
        let bound = ends.get((self.top * KEPT_TIMES).saturating_sub(1)).copied().unwrap_or(now).max(now);
        for group in self.groups.values_mut() {
            group.kept_until = group.kept_until.filter(|until| *until >= bound);
        }
        self.groups.retain(|_, group| group.procs > 0 || group.kept_until.is_some());
    }

    /// Writes the series of kept groups.
    pub(crate) fn write(&self, out: &mut Out<'_>, ticks: f64, boot_ms: i64) {
        for (name, group) in self.groups.iter().filter(|(_, group)| group.kept_until.is_some()) {
            let name = ("groupname", &name[..]);
            let counters = &group.counters;
            out.sample(&PROCS, &[name], group.procs as f64);
            out.sample(&THREADS, &[name], group.threads as f64);
            out.sample(&FILES, &[name], group.open_files as f64);
            for (mode, value) in [("user", counters.user_ticks), ("system", counters.system_ticks)] {
                out.sample(&CPU, &[name, ("mode", mode.as_bytes())], value as f64 / ticks);
            }
            let resident = group.resident_pages * self.page_bytes;
            for (kind, value) in
                [("resident", resident), ("virtual", group.virtual_bytes), ("swapped", group.swapped_bytes)]
            {
                out.sample(&MEMORY, &[name, ("memtype", kind.as_bytes())], value as f64);
            }
            out.sample(&MAJOR, &[name], counters.major_faults as f64);
            out.sample(&MINOR, &[name], counters.minor_faults as f64);
            out.sample(&READ, &[name], counters.read_bytes as f64);
            out.sample(&WRITTEN, &[name], counters.written_bytes as f64);
            for (kind, value) in [("voluntary", counters.voluntary), ("nonvoluntary", counters.involuntary)] {
                out.sample(&SWITCHES, &[name, ("ctxswitchtype", kind.as_bytes())], value as f64);
            }
            for (state, value) in STATE_NAMES.iter().zip(group.states) {
                out.sample(&STATES, &[name, ("state", state.as_bytes())], value as f64);
            }
            if group.procs > 0 {
                let start = boot_ms as f64 / 1000.0 + group.oldest_ticks as f64 / ticks;
                out.sample(&START, &[name], (start * 100.0).round() / 100.0);
            }
        }
    }
}

const STATE_NAMES: [&str; 5] = ["Running", "Sleeping", "Waiting", "Zombie", "Other"];

fn state_place(state: u8) -> usize {
    match state {
        b'R' => 0,
        b'S' | b'I' => 1,
        b'D' => 2,
        b'Z' => 3,
        _ => 4,
    }
}
