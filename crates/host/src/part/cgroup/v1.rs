//! The first version: a tree for each controller, in which a group need not be.

use super::*;
use crate::parse::text::{uint, value};
use crate::part::ticks_per_second;
use std::path::Path;

/// Controllers with something to say. Where two are mounted together, links have their single names on most systems.
const TREES: [&str; 6] = ["cpu", "cpuacct", "cpu,cpuacct", "memory", "pids", "blkio"];

/// Limits from here on are none: the kernel rounds the greatest number to its pages.
const UNLIMITED: f64 = (1u64 << 62) as f64;

/// The trees that are there.
pub(super) fn trees(root: &Path) -> Vec<PathBuf> {
    TREES.iter().map(|t| root.join(t)).filter(|t| t.is_dir()).collect()
}

/// One group.
pub(super) fn collect(out: &mut Out<'_>, root: &Path, group: &str, id: Id<'_>, buf: &mut Vec<u8>) {
    let dir = |tree: &str| root.join(tree).join(group);
    let joint = dir("cpu,cpuacct");
    let [cpu, accounting] = ["cpu", "cpuacct"].map(|t| if joint.is_dir() { joint.clone() } else { dir(t) });
    usage(out, &accounting, id, buf);
    throttling(out, &cpu, id, buf);
    memory(out, &dir("memory"), id, buf);
    for (family, file) in [(&TASKS, "pids.current"), (&TASKS_MAX, "pids.max")] {
        if let Some(count) = limit(&dir("pids").join(file), buf) {
            out.sample(family, &[id], count);
        }
    }
    let io = dir("blkio");
    device_counts(out, &io.join("blkio.throttle.io_service_bytes"), id, [&READ_BYTES, &WRITE_BYTES], buf);
    device_counts(out, &io.join("blkio.throttle.io_serviced"), id, [&READS, &WRITES], buf);
}

fn usage(out: &mut Out<'_>, dir: &Path, id: Id<'_>, buf: &mut Vec<u8>) {
    if let Some(ns) = read_once(&dir.join("cpuacct.usage"), buf).ok().and_then(value) {
        out.sample(&CPU, &[id], ns / 1e9);
    }
    let Ok(bytes) = read_once(&dir.join("cpuacct.stat"), buf) else { return };
    for (family, key) in [(&CPU_USER, "user"), (&CPU_SYSTEM, "system")] {
        if let Some(ticks) = keyed(bytes, key) {
            out.sample(family, &[id], ticks / ticks_per_second());
        }
    }
}

fn throttling(out: &mut Out<'_>, dir: &Path, id: Id<'_>, buf: &mut Vec<u8>) {
    if let Ok(bytes) = read_once(&dir.join("cpu.stat"), buf) {
        let keys = [
            (&PERIODS, "nr_periods", 1.0),
            (&THROTTLED, "nr_throttled", 1.0),
            (&THROTTLED_TIME, "throttled_time", 1e9),
        ];
        for (family, key, divisor) in keys {
            if let Some(value) = keyed(bytes, key) {
                out.sample(family, &[id], value / divisor);
            }
        }
    }
    // -1 is no quota.
    let quota = read_once(&dir.join("cpu.cfs_quota_us"), buf).ok().and_then(value).filter(|q| *q >= 0.0);
    let period = read_once(&dir.join("cpu.cfs_period_us"), buf).ok().and_then(value);
    if let (Some(quota), Some(period)) = (quota, period) {
        out.sample(&QUOTA, &[id], quota);
        out.sample(&PERIOD, &[id], period);
    }
}

/// A limit; none reads as 0.
fn limit(path: &Path, buf: &mut Vec<u8>) -> Option<f64> {
    let bytes = read_once(path, buf).ok()?;
    if bytes.trim_ascii() == b"max" {
        return Some(0.0);
    }
    value(bytes).map(|limit| if limit >= UNLIMITED { 0.0 } else { limit })
}

fn memory(out: &mut Out<'_>, dir: &Path, id: Id<'_>, buf: &mut Vec<u8>) {
    let current = read_once(&dir.join("memory.usage_in_bytes"), buf).ok().and_then(value);
    if let Some(current) = current {
        out.sample(&MEMORY, &[id], current);
    }
    if let Ok(bytes) = read_once(&dir.join("memory.stat"), buf) {
        // With the groups below it, as the second version counts.
        let whole = |key: &str| keyed(bytes, &format!("total_{key}")).or_else(|| keyed(bytes, key));
        if let (Some(current), Some(idle)) = (current, whole("inactive_file")) {
            out.sample(&WORKING_SET, &[id], (current - idle).max(0.0));
        }
        for (family, key) in [(&RSS, "rss"), (&CACHE, "cache"), (&MAPPED, "mapped_file"), (&SWAP, "swap")] {
            if let Some(bytes) = whole(key) {
                out.sample(family, &[id], bytes);
            }
        }
        for kind in ["pgfault", "pgmajfault"] {
            if let Some(count) = whole(kind) {
                out.sample(&FAULTS, &[id, ("failure_type", kind.as_bytes()), ("scope", b"hierarchy")], count);
            }
        }
    }
    if let Some(bytes) = read_once(&dir.join("memory.kmem.usage_in_bytes"), buf).ok().and_then(value) {
        out.sample(&KERNEL, &[id], bytes);
    }
    if let Some(bytes) = limit(&dir.join("memory.limit_in_bytes"), buf) {
        out.sample(&MEMORY_MAX, &[id], bytes);
    }
    let killed = read_once(&dir.join("memory.oom_control"), buf).ok().and_then(|b| keyed(b, "oom_kill"));
    if let Some(count) = killed {
        out.sample(&OOM, &[id], count);
    }
}

/// Lines `8:0 Read 4096`, by device and kind of operation, and a sum.
fn device_counts(out: &mut Out<'_>, path: &Path, id: Id<'_>, families: [&Family<'_>; 2], buf: &mut Vec<u8>) {
    let Ok(bytes) = read_once(path, buf) else { return };
    for line in lines(bytes) {
        let mut words = fields(line);
        let (Some(device), Some(kind), Some(count)) =
            (words.next(), words.next(), words.next().and_then(uint))
        else {
            continue;
        };
        let family = match kind {
            b"Read" => families[0],
            b"Write" => families[1],
            _ => continue,
        };
        out.sample(family, &[id, ("device", device)], count as f64);
    }
}
