//! `/proc/stat` and `/proc/loadavg`.

use super::text::{fields, lines, number, uint};

/// Columns of a `cpu` line, as procfs orders them.
pub const MODES: [&str; 10] =
    ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"];

/// A line of `/proc/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stat<'a> {
    /// Clock ticks one CPU spent in each of [`MODES`]; columns an old kernel does not have are 0.
    Cpu {
        /// The CPU's number.
        cpu: &'a [u8],
        /// Ticks by mode.
        ticks: [u64; 10],
    },
    /// Interrupts served.
    Interrupts(u64),
    /// Context switches.
    ContextSwitches(u64),
    /// When the machine started, Unix seconds.
    BootTime(u64),
    /// Processes and threads ever made.
    Forks(u64),
    /// Tasks that can run.
    Running(u64),
    /// Tasks that wait for input or output.
    Blocked(u64),
}

/// The lines that are understood; the sum over all CPUs and other lines are left out.
pub fn stat(bytes: &[u8]) -> impl Iterator<Item = Stat<'_>> {
    lines(bytes).filter_map(|line| {
        let mut fields = fields(line);
        let key = fields.next()?;
        if let Some(cpu) = key.strip_prefix(b"cpu") {
            let mut ticks = [0; 10];
            for (tick, field) in ticks.iter_mut().zip(&mut fields) {
                *tick = uint(field)?;
            }
            return (!cpu.is_empty()).then_some(Stat::Cpu { cpu, ticks });
        }
        let value = || uint(fields.clone().next()?);
        match key {
            b"intr" => value().map(Stat::Interrupts),
            b"ctxt" => value().map(Stat::ContextSwitches),
            b"btime" => value().map(Stat::BootTime),
            b"processes" => value().map(Stat::Forks),
            b"procs_running" => value().map(Stat::Running),
            b"procs_blocked" => value().map(Stat::Blocked),
            _ => None,
        }
    })
}

/// The load averages over 1, 5 and 15 minutes.
pub fn loadavg(bytes: &[u8]) -> Option<[f64; 3]> {
    let mut fields = fields(bytes);
    Some([number(fields.next()?)?, number(fields.next()?)?, number(fields.next()?)?])
}

/// `/proc/schedstat`: for each CPU its number, seconds run, seconds waited and time slices.
pub fn schedstat(bytes: &[u8]) -> impl Iterator<Item = (&[u8], f64, f64, u64)> {
    lines(bytes).filter_map(|line| {
        let mut fields = fields(line);
        let cpu = fields.next()?.strip_prefix(b"cpu")?;
        let mut fields = fields.skip(6);
        let mut next = || uint(fields.next()?);
        Some((cpu, next()? as f64 / 1e9, next()? as f64 / 1e9, next()?))
    })
}

/// A CPU of `/proc/cpuinfo`; fields an architecture does not have are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CpuInfo<'a> {
    /// Number of the CPU.
    pub number: &'a [u8],
    /// Number of the package it sits in.
    pub package: &'a [u8],
    /// Number of the core within the package.
    pub core: &'a [u8],
    /// Who made it.
    pub vendor: &'a [u8],
    /// Family, a number of the vendor's.
    pub family: &'a [u8],
    /// Model, a number of the vendor's.
    pub model: &'a [u8],
    /// Model in words.
    pub model_name: &'a [u8],
    /// Version of the microcode.
    pub microcode: &'a [u8],
    /// Stepping, a number of the vendor's.
    pub stepping: &'a [u8],
    /// Size of the cache, with its unit.
    pub cache: &'a [u8],
    /// Frequency.
    pub megahertz: Option<f64>,
}

/// All CPUs of `/proc/cpuinfo`.
pub fn cpuinfo(bytes: &[u8]) -> Vec<CpuInfo<'_>> {
    let mut cpus: Vec<CpuInfo<'_>> = Vec::new();
    for line in lines(bytes) {
        let Some((key, value)) = super::text::split_once(line, b':') else { continue };
        let (key, value) = (key.trim_ascii(), value.trim_ascii());
        if key == b"processor" {
            cpus.push(CpuInfo { number: value, ..CpuInfo::default() });
        }
        let Some(cpu) = cpus.last_mut() else { continue };
        match key {
            b"vendor_id" => cpu.vendor = value,
            b"cpu family" => cpu.family = value,
            b"model" => cpu.model = value,
            b"model name" => cpu.model_name = value,
            b"stepping" => cpu.stepping = value,
            b"microcode" => cpu.microcode = value,
            b"cache size" => cpu.cache = value,
            b"physical id" => cpu.package = value,
            b"core id" => cpu.core = value,
            b"cpu MHz" => cpu.megahertz = number(value),
            _ => {}
        }
    }
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_file_of_two_cpus() {
        let text =
            b"cpu  30 0 12 900 5 0 1 0 0 0\ncpu0 10 0 5 400 3 0 1 0 7 0\ncpu11 20 0 7 500\nintr 77 0 1\n\
            ctxt 1234\nbtime 1700000000\nprocesses 42\nprocs_running 3\nprocs_blocked 1\nsoftirq 9 1\n";
        let all: Vec<_> = stat(text).collect();
        assert_eq!(all[0], Stat::Cpu { cpu: b"0", ticks: [10, 0, 5, 400, 3, 0, 1, 0, 7, 0] });
        assert_eq!(all[1], Stat::Cpu { cpu: b"11", ticks: [20, 0, 7, 500, 0, 0, 0, 0, 0, 0] });
        assert_eq!(all[2..4], [Stat::Interrupts(77), Stat::ContextSwitches(1234)]);
        assert_eq!(all[4..6], [Stat::BootTime(1_700_000_000), Stat::Forks(42)]);
        assert_eq!(all[6..], [Stat::Running(3), Stat::Blocked(1)]);
    }

    #[test]
    fn load_and_run_queue() {
        assert_eq!(loadavg(b"0.28 0.15 12.5 7/112 8734\n"), Some([0.28, 0.15, 12.5]));
        assert_eq!(loadavg(b"0.28 0.15"), None);
        let text = b"version 17\ntimestamp 1\ncpu0 0 0 0 0 0 0 2500000000 1000000000 9\ndomain0 ff 1\n";
        assert_eq!(schedstat(text).collect::<Vec<_>>(), [(&b"0"[..], 2.5, 1.0, 9)]);
    }

    #[test]
    fn cpus_begin_with_their_number() {
        let text = b"flags: x\nprocessor\t: 0\nmodel name\t: A B\ncpu MHz\t\t: 2599.998\n\nprocessor : 1\ncore id : 3\n";
        let all = cpuinfo(text);
        assert_eq!((all.len(), all[0].model_name, all[0].megahertz), (2, &b"A B"[..], Some(2599.998)));
        assert_eq!((all[1].number, all[1].core), (&b"1"[..], &b"3"[..]));
    }
}
