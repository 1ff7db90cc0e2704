//! The second version: one tree, and in each group the files of all controllers.

use super::*;
use crate::parse::pressure::pressure;
use crate::parse::text::{split_once, uint, value};
use std::path::Path;

/// One group.
pub(super) fn collect(out: &mut Out<'_>, dir: &Path, id: Id<'_>, buf: &mut Vec<u8>) {
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
            let Some((key, count)) = split_once(word, b'=') else { continue };
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
