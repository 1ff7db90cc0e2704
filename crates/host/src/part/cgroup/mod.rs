//! Control groups of both versions, named as cAdvisor names containers: `id` is the path of the group.

mod v1;
mod v2;

use super::{Part, Roots};
use crate::Problem;
use crate::parse::text::{fields, lines, number};
use crate::read::{names, read_once};
use crate::sheet::{Family, Out};
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;

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
    /// Paths of groups, relative to the root.
    groups: Vec<String>,
    age: u32,
}

impl Cgroups {
    pub(crate) fn new(roots: &Roots, groups_max: usize) -> Cgroups {
        Cgroups { root: roots.sys("fs/cgroup"), groups_max, groups: Vec::new(), age: 0 }
    }

    /// Lists the groups below any of `trees`. Those nearest to the root come first, so that the bound cuts off the
    /// deepest.
    fn walk(&mut self, trees: &[PathBuf]) {
        self.groups.clear();
        let mut queue = VecDeque::from([(String::new(), 0)]);
        while let Some((group, depth)) = queue.pop_front() {
            if self.groups.len() >= self.groups_max {
                break;
            }
            if depth < DEPTH_MAX {
                let mut children = BTreeSet::new();
                for tree in trees {
                    let dir = tree.join(&group);
                    let is_dir =
                        |name: &String| std::fs::symlink_metadata(dir.join(name)).is_ok_and(|m| m.is_dir());
                    children.extend(names(&dir).into_iter().filter(is_dir));
                }
                for name in children {
                    if queue.len() < 4 * self.groups_max {
                        let child = if group.is_empty() { name } else { format!("{group}/{name}") };
                        queue.push_back((child, depth + 1));
                    }
                }
            }
            self.groups.push(group);
        }
    }
}

impl Part for Cgroups {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        // Only the second version has this file at its root; the first has a tree for each controller.
        let second = read_once(&self.root.join("cgroup.controllers"), buf).map(|_| ());
        let trees = match &second {
            Ok(()) => vec![self.root.clone()],
            Err(_) => v1::trees(&self.root),
        };
        if trees.is_empty() {
            return second;
        }
        if self.age == 0 {
            self.walk(&trees);
        }
        self.age = (self.age + 1) % WALK_EVERY;
        for group in &self.groups {
            let id = format!("/{group}");
            let id = ("id", id.as_bytes());
            match second {
                Ok(()) => v2::collect(out, &self.root.join(group), id, buf),
                Err(_) => v1::collect(out, &self.root, group, id, buf),
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
