//! Control groups (version 2), named as cAdvisor names containers: `id` is the path of the group.

use super::{Part, Roots};
use crate::Problem;
use crate::parse::pressure::pressure;
use crate::parse::text::{fields, lines, number, uint, value};
use crate::read::{names, read_once};
use crate::sheet::{Family, Out};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

const CPU: Family<'_> = Family::counter("container_cpu_usage_seconds_total", "CPU time of a control group.");
const CPU_USER: Family<'_> =
    Family::counter("container_cpu_user_seconds_total", "CPU time of a control group in user mode.");
const CPU_SYSTEM: Family<'_> =
    Family::counter("container_cpu_system_seconds_total", "CPU time of a control group in the kernel.");
const PERIODS: Family<'_> =
    Family::counter("container_cpu_cfs_periods_total", "Periods in which a CPU quota was in force.");
const THROTTLED: Family<'_> = Family::counter(
    "container_cpu_cfs_throttled_periods_total",
    "Periods in which a control group used up its quota.",
);
const THROTTLED_TIME: Family<'_> = Family::counter(
    "container_cpu_cfs_throttled_seconds_total",
    "Time a control group was held back by its quota.",
);
const QUOTA: Family<'_> =
    Family::gauge("container_spec_cpu_quota", "CPU quota of a control group, microseconds per period.");
const PERIOD: Family<'_> =
    Family::gauge("container_spec_cpu_period", "Period of the CPU quota, microseconds.");
const MEMORY: Family<'_> =
    Family::gauge("container_memory_usage_bytes", "Memory charged to a control group, caches included.");
const WORKING_SET: Family<'_> = Family::gauge(
    "container_memory_working_set_bytes",
    "Memory of a control group without file pages not used lately.",
);
const RSS: Family<'_> = Family::gauge("container_memory_rss", "Anonymous memory of a control group.");
const CACHE: Family<'_> = Family::gauge("container_memory_cache", "File pages of a control group.");
const MAPPED: Family<'_> =
    Family::gauge("container_memory_mapped_file", "File pages of a control group that are mapped.");
const KERNEL: Family<'_> =
    Family::gauge("container_memory_kernel_usage", "Kernel memory of a control group.");
const SWAP: Family<'_> = Family::gauge("container_memory_swap", "Swap space of a control group.");
const FAULTS: Family<'_> =
    Family::counter("container_memory_failures_total", "Page faults of a control group.");
const MEMORY_MAX: Family<'_> = Family::gauge(
    "container_spec_memory_limit_bytes",
    "Memory limit of a control group, 0 if there is none.",
);
const OOM: Family<'_> = Family::counter(
    "container_oom_events_total",
    "Processes killed because a control group ran out of memory.",
);
const TASKS: Family<'_> = Family::gauge("container_threads", "Tasks in a control group.");
const TASKS_MAX: Family<'_> = Family::gauge(
    "container_threads_max",
    "The most tasks a control group may have, 0 if there is no limit.",
);
const READ_BYTES: Family<'_> =
    Family::counter("container_fs_reads_bytes_total", "Bytes a control group read from a device.");
const WRITE_BYTES: Family<'_> =
    Family::counter("container_fs_writes_bytes_total", "Bytes a control group wrote to a device.");
const READS: Family<'_> =
    Family::counter("container_fs_reads_total", "Reads of a control group from a device.");
const WRITES: Family<'_> =
    Family::counter("container_fs_writes_total", "Writes of a control group to a device.");
const PRESSURE: [(&str, Family<'_>, Family<'_>); 3] = [
    (
        "cpu.pressure",
        Family::counter(
            "container_pressure_cpu_waiting_seconds_total",
            "Time in which some task of a control group waited for a CPU.",
        ),
        Family::counter(
            "container_pressure_cpu_stalled_seconds_total",
            "Time in which all tasks of a control group waited for a CPU.",
        ),
    ),
    (
        "memory.pressure",
        Family::counter(
            "container_pressure_memory_waiting_seconds_total",
            "Time in which some task of a control group waited for memory.",
        ),
        Family::counter(
            "container_pressure_memory_stalled_seconds_total",
            "Time in which all tasks of a control group waited for memory.",
        ),
    ),
    (
        "io.pressure",
        Family::counter(
            "container_pressure_io_waiting_seconds_total",
            "Time in which some task of a control group waited for input or output.",
        ),
        Family::counter(
            "container_pressure_io_stalled_seconds_total",
            "Time in which all tasks of a control group waited for input or output.",
        ),
    ),
];

/// Groups lie this deep below the root at most: slice, service, pod, container, and some to spare.
const DEPTH_MAX: usize = 8;
/// The tree is walked anew after this many scans; in between its groups are taken as they were.
const WALK_EVERY: u32 = 6;

/// `/sys/fs/cgroup`.
pub(crate) struct Cgroups {
    root: PathBuf,
    groups_max: usize,
    groups: Vec<(String, PathBuf)>,
    age: u32,
}

impl Cgroups {
    pub(crate) fn new(roots: &Roots, groups_max: usize) -> Cgroups {
        Cgroups { root: roots.sys("fs/cgroup"), groups_max, groups: Vec::new(), age: 0 }
    }

    /// Groups nearest to the root come first, so that the bound cuts off the deepest.
    fn walk(&mut self) {
        self.groups.clear();
        let mut queue = VecDeque::from([(String::from("/"), self.root.clone(), 0)]);
        while let Some((id, dir, depth)) = queue.pop_front() {
            if self.groups.len() >= self.groups_max {
                break;
            }
            if depth < DEPTH_MAX {
                for name in names(&dir) {
                    let child = dir.join(&name);
                    let is_dir = std::fs::symlink_metadata(&child).is_ok_and(|m| m.is_dir());
                    if is_dir && queue.len() < 4 * self.groups_max {
                        queue.push_back((format!("{}/{name}", id.trim_end_matches('/')), child, depth + 1));
                    }
                }
            }
            self.groups.push((id, dir));
        }
    }
}

impl Part for Cgroups {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        // Only the second version has this file at its root; the first has a tree for each controller.
        read_once(&self.root.join("cgroup.controllers"), buf)?;
        if self.age == 0 {
            self.walk();
        }
        self.age = (self.age + 1) % WALK_EVERY;
        for (id, dir) in &self.groups {
            let id = ("id", id.as_bytes());
            cpu(out, dir, id, buf);
            memory(out, dir, id, buf);
            io(out, dir, id, buf);
            for (file, waiting, stalled) in &PRESSURE {
                let Some((some, all)) = read_once(&dir.join(file), buf).ok().and_then(pressure) else {
                    continue;
                };
                out.sample(waiting, &[id], some as f64 / 1e6);
                if let Some(all) = all {
                    out.sample(stalled, &[id], all as f64 / 1e6);
                }
            }
        }
        Ok(())
    }
}

type Id<'a> = (&'static str, &'a [u8]);

/// The value of a key in a file of `key value` lines.
fn keyed(bytes: &[u8], key: &str) -> Option<f64> {
    lines(bytes).find_map(|line| {
        let mut fields = fields(line);
        (fields.next()? == key.as_bytes()).then(|| number(fields.next()?))?
    })
}

fn cpu(out: &mut Out<'_>, dir: &Path, id: Id<'_>, buf: &mut Vec<u8>) {
    if let Ok(bytes) = read_once(&dir.join("cpu.stat"), buf) {
        for (family, key, divisor) in [
            (&CPU, "usage_usec", 1e6),
            (&CPU_USER, "user_usec", 1e6),
            (&CPU_SYSTEM, "system_usec", 1e6),
            (&PERIODS, "nr_periods", 1.0),
            (&THROTTLED, "nr_throttled", 1.0),
            (&THROTTLED_TIME, "throttled_usec", 1e6),
        ] {
            if let Some(value) = keyed(bytes, key) {
                out.sample(family, &[id], value / divisor);
            }
        }
    }
    if let Ok(bytes) = read_once(&dir.join("cpu.max"), buf) {
        let mut fields = fields(bytes);
        let (quota, period) = (fields.next().and_then(number), fields.next().and_then(number));
        if let (Some(quota), Some(period)) = (quota, period) {
            out.sample(&QUOTA, &[id], quota);
            out.sample(&PERIOD, &[id], period);
        }
    }
}

/// A limit; `max` is none and reads as 0.
fn limit(path: &Path, buf: &mut Vec<u8>) -> Option<f64> {
    let bytes = read_once(path, buf).ok()?;
    if bytes.trim_ascii() == b"max" { Some(0.0) } else { value(bytes) }
}

fn memory(out: &mut Out<'_>, dir: &Path, id: Id<'_>, buf: &mut Vec<u8>) {
    let current = read_once(&dir.join("memory.current"), buf).ok().and_then(value);
    if let Some(current) = current {
        out.sample(&MEMORY, &[id], current);
    }
    if let Ok(bytes) = read_once(&dir.join("memory.stat"), buf) {
        if let (Some(current), Some(idle)) = (current, keyed(bytes, "inactive_file")) {
            out.sample(&WORKING_SET, &[id], (current - idle).max(0.0));
        }
        for (family, key) in [(&RSS, "anon"), (&CACHE, "file"), (&MAPPED, "file_mapped"), (&KERNEL, "kernel")]
        {
            if let Some(bytes) = keyed(bytes, key) {
                out.sample(family, &[id], bytes);
            }
        }
        for kind in ["pgfault", "pgmajfault"] {
            if let Some(count) = keyed(bytes, kind) {
                out.sample(&FAULTS, &[id, ("failure_type", kind.as_bytes()), ("scope", b"hierarchy")], count);
            }
        }
    }
    if let Some(count) = read_once(&dir.join("memory.events"), buf).ok().and_then(|b| keyed(b, "oom_kill")) {
        out.sample(&OOM, &[id], count);
    }
    for (family, file) in [
        (&SWAP, "memory.swap.current"),
        (&MEMORY_MAX, "memory.max"),
        (&TASKS, "pids.current"),
        (&TASKS_MAX, "pids.max"),
    ] {
        if let Some(value) = limit(&dir.join(file), buf) {
            out.sample(family, &[id], value);
        }
    }
}

/// `254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`
fn io(out: &mut Out<'_>, dir: &Path, id: Id<'_>, buf: &mut Vec<u8>) {
    let Ok(bytes) = read_once(&dir.join("io.stat"), buf) else { return };
    for line in lines(bytes) {
        let mut words = fields(line);
        let Some(device) = words.next() else { continue };
        let pairs = [id, ("device", device)];
        for word in words {
            let Some((key, count)) = crate::parse::text::split_once(word, b'=') else { continue };
            let family = match key {
                b"rbytes" => &READ_BYTES,
                b"wbytes" => &WRITE_BYTES,
                b"rios" => &READS,
                b"wios" => &WRITES,
                _ => continue,
            };
            if let Some(count) = uint(count) {
                out.sample(family, &pairs, count as f64);
            }
        }
    }
}
