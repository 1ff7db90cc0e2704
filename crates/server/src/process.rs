//! This process as the kernel sees it.

use crate::telemetry::Family;
use model::MetricKind;
use std::fs;

/// CPU, memory and descriptors of this process, under the names other servers use too. Empty where the kernel
/// does not tell.
pub fn families() -> Vec<Family> {
    use MetricKind::{Counter, Gauge};
    let mut out = Vec::new();
    if let Some(stat) = stat() {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let page = rustix::param::page_size() as f64;
        out.extend([
            Family::single(
                "process_cpu_seconds_total",
                "Processor time used, user and system.",
                Counter,
                stat.ticks as f64 / ticks,
            ),
            Family::single(
                "process_resident_memory_bytes",
                "Memory held in RAM.",
                Gauge,
                stat.resident_pages as f64 * page,
            ),
            Family::single(
                "process_virtual_memory_bytes",
                "Address space in use.",
                Gauge,
                stat.virtual_bytes as f64,
            ),
            Family::single("process_threads", "Threads.", Gauge, stat.threads as f64),
        ]);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        out.push(Family::single("process_open_fds", "Open file descriptors.", Gauge, open.count() as f64));
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        out.push(Family::single("process_max_fds", "File descriptors allowed.", Gauge, most as f64));
    }
    out
}

/// The name of this machine, empty if the kernel does not tell.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Threads of this process, 0 if the kernel does not tell.
pub fn threads() -> u64 {
    stat().map_or(0, |s| s.threads)
}

/// Memory this process holds in RAM, 0 if the kernel does not tell.
pub fn resident_bytes() -> u64 {
    stat().map_or(0, |s| s.resident_pages * rustix::param::page_size() as u64)
}

fn stat() -> Option<Stat> {
    parse_stat(&fs::read_to_string("/proc/self/stat").ok()?)
}

#[derive(Debug, PartialEq)]
struct Stat {
    ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

/// The fields of `/proc/PID/stat` after the name, which is in parentheses and may hold anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
    Some(Stat {
        ticks: number(11)? + number(12)?,
        threads: number(17)?,
        virtual_bytes: number(20)?,
        resident_pages: number(21)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let text = "7 (a) b) S 1 7 7 0 -1 4194304 10 0 0 0 25 5 0 0 20 0 9 0 100 5000 42 99";
        let stat = Stat { ticks: 30, threads: 9, virtual_bytes: 5000, resident_pages: 42 };
        assert_eq!(parse_stat(text), Some(stat));
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let families = families();
        let resident = families.iter().find(|f| f.name == "process_resident_memory_bytes").unwrap();
        assert!(resident.samples[0].value > 0.0);
    }
}
