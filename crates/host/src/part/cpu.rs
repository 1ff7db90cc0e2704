//! Time by CPU and mode, scheduler counters, load and pressure.

use super::{Part, Roots, decimal, ticks_per_second};
use crate::Problem;
use crate::parse::pressure::{full, pressure};
use crate::parse::stat::{self, MODES};
use crate::parse::text;
use crate::read::{KeptFile, attribute, attribute_value, names};
use crate::sheet::{Family, Out};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CPU: Family<'_> = Family::counter("node_cpu_seconds_total", "Time each CPU spent in each mode.");
const GUEST: Family<'_> = Family::counter(
    "node_cpu_guest_seconds_total",
    "Time each CPU spent running virtual machines, part of user and nice time.",
);
const INTERRUPTS: Family<'_> = Family::counter("node_intr_total", "Interrupts served.");
const SWITCHES: Family<'_> = Family::counter("node_context_switches_total", "Context switches.");
const BOOT: Family<'_> = Family::gauge("node_boot_time_seconds", "When this machine started, in Unix time.");
const FORKS: Family<'_> = Family::counter("node_forks_total", "Processes and threads made.");
const RUNNING: Family<'_> = Family::gauge("node_procs_running", "Tasks that run or could run.");
const BLOCKED: Family<'_> = Family::gauge("node_procs_blocked", "Tasks blocked on input or output.");

/// Idle time that goes back by more than this many ticks is taken as a CPU that went away and came back.
const RESET_TICKS: u64 = 300;

/// `/proc/stat`.
pub(crate) struct Stat {
    file: KeptFile,
    ticks: f64,
    /// By place in the file. Some columns, idle and iowait above all, can dip between two readings; a counter
    /// must not, or it would look like a reset.
    before: Vec<[u64; 10]>,
}

impl Stat {
    pub(crate) fn new(roots: &Roots) -> Stat {
        Stat { file: KeptFile::new(roots.proc("stat")), ticks: ticks_per_second(), before: Vec::new() }
    }
}

/// Replaces the columns of `now` that dipped by those of `before`, and remembers the result.
fn never_back(before: &mut [u64; 10], now: &mut [u64; 10]) {
    const IDLE: usize = 3;
    if now[IDLE] + RESET_TICKS >= before[IDLE] {
        for (now, before) in now.iter_mut().zip(&*before) {
            *now = (*now).max(*before);
        }
    }
    *before = *now;
}

impl Part for Stat {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let bytes = self.file.read(buf)?;
        let mut cpus = 0;
        for line in stat::stat(bytes) {
            match line {
                stat::Stat::Cpu { cpu, ticks: mut now } => {
                    if self.before.len() <= cpus {
                        self.before.push(now);
                    }
                    never_back(&mut self.before[cpus], &mut now);
                    cpus += 1;
                    for (mode, value) in MODES.iter().zip(now).take(8) {
                        let pairs = [("cpu", cpu), ("mode", mode.as_bytes())];
                        out.sample(&CPU, &pairs, value as f64 / self.ticks);
                    }
                    for (mode, value) in [("user", now[8]), ("nice", now[9])] {
                        let pairs = [("cpu", cpu), ("mode", mode.as_bytes())];
                        out.sample(&GUEST, &pairs, value as f64 / self.ticks);
                    }
                }
                stat::Stat::Interrupts(n) => out.sample(&INTERRUPTS, &[], n as f64),
                stat::Stat::ContextSwitches(n) => out.sample(&SWITCHES, &[], n as f64),
                stat::Stat::BootTime(n) => out.sample(&BOOT, &[], n as f64),
                stat::Stat::Forks(n) => out.sample(&FORKS, &[], n as f64),
                stat::Stat::Running(n) => out.sample(&RUNNING, &[], n as f64),
                stat::Stat::Blocked(n) => out.sample(&BLOCKED, &[], n as f64),
            }
        }
        if cpus != self.before.len() {
            // A CPU came or went: places moved, so start over.
            self.before.clear();
        }
        if cpus == 0 { Err(self.file.malformed("there is no line of a CPU")) } else { Ok(()) }
    }
}

/// `/proc/loadavg`.
pub(crate) struct Load(KeptFile);

impl Load {
    pub(crate) fn new(roots: &Roots) -> Load {
        Load(KeptFile::new(roots.proc("loadavg")))
    }
}

impl Part for Load {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        const LOADS: [Family<'_>; 3] = [
            Family::gauge("node_load1", "Tasks that run or wait uninterruptibly, averaged over 1 minute."),
            Family::gauge("node_load5", "Tasks that run or wait uninterruptibly, averaged over 5 minutes."),
            Family::gauge("node_load15", "Tasks that run or wait uninterruptibly, averaged over 15 minutes."),
        ];
        let loads = stat::loadavg(self.0.read(buf)?);
        let loads = loads.ok_or_else(|| self.0.malformed("it does not start with three numbers"))?;
        for (family, load) in LOADS.iter().zip(loads) {
            out.sample(family, &[], load);
        }
        Ok(())
    }
}

const CPU_WAITING: Family<'_> =
    Family::counter("node_pressure_cpu_waiting_seconds_total", "Time in which some task waited for a CPU.");
const IO_WAITING: Family<'_> = Family::counter(
    "node_pressure_io_waiting_seconds_total",
    "Time in which some task waited for input or output.",
);
const IO_STALLED: Family<'_> = Family::counter(
    "node_pressure_io_stalled_seconds_total",
    "Time in which all tasks waited for input or output.",
);
const MEMORY_WAITING: Family<'_> = Family::counter(
    "node_pressure_memory_waiting_seconds_total",
    "Time in which some task waited for memory.",
);
const MEMORY_STALLED: Family<'_> = Family::counter(
    "node_pressure_memory_stalled_seconds_total",
    "Time in which all tasks waited for memory.",
);
const IRQ_STALLED: Family<'_> = Family::counter(
    "node_pressure_irq_stalled_seconds_total",
    "Time in which interrupts kept tasks from running.",
);

/// `/proc/pressure`.
pub(crate) struct Pressure {
    cpu: KeptFile,
    io: KeptFile,
    memory: KeptFile,
    irq: KeptFile,
}

impl Pressure {
    pub(crate) fn new(roots: &Roots) -> Pressure {
        let file = |name: &str| KeptFile::new(roots.proc("pressure").join(name));
        Pressure { cpu: file("cpu"), io: file("io"), memory: file("memory"), irq: file("irq") }
    }
}

impl Part for Pressure {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let seconds = |micros: u64| micros as f64 / 1e6;
        for (file, some, all) in [
            (&mut self.cpu, &CPU_WAITING, None),
            (&mut self.io, &IO_WAITING, Some(&IO_STALLED)),
            (&mut self.memory, &MEMORY_WAITING, Some(&MEMORY_STALLED)),
        ] {
            let (waiting, stalled) =
                pressure(file.read(buf)?).ok_or_else(|| file.malformed("there is no total"))?;
            out.sample(some, &[], seconds(waiting));
            if let (Some(all), Some(stalled)) = (all, stalled) {
                out.sample(all, &[], seconds(stalled));
            }
        }
        // Only there if the kernel accounts interrupt time, and then with a `full` line alone.
        if let Ok(bytes) = self.irq.read(buf)
            && let Some(stalled) = full(bytes)
        {
            out.sample(&IRQ_STALLED, &[], seconds(stalled));
        }
        Ok(())
    }
}

const RUN: Family<'_> = Family::counter("node_schedstat_running_seconds_total", "Time a CPU ran tasks.");
const WAIT: Family<'_> =
    Family::counter("node_schedstat_waiting_seconds_total", "Time tasks waited for a CPU.");
const SLICES: Family<'_> =
    Family::counter("node_schedstat_timeslices_total", "Time slices a CPU gave to tasks.");

/// `/proc/schedstat`.
pub(crate) struct Schedstat(KeptFile);

impl Schedstat {
    pub(crate) fn new(roots: &Roots) -> Schedstat {
        Schedstat(KeptFile::new(roots.proc("schedstat")))
    }
}

impl Part for Schedstat {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for (cpu, ran, waited, slices) in stat::schedstat(self.0.read(buf)?) {
            let pairs = [("cpu", cpu)];
            out.sample(&RUN, &pairs, ran);
            out.sample(&WAIT, &pairs, waited);
            out.sample(&SLICES, &pairs, slices as f64);
        }
        Ok(())
    }
}

const INFO: Family<'_> = Family::gauge("node_cpu_info", "What a CPU is, always 1.");
const HERTZ: Family<'_> = Family::gauge("node_cpu_frequency_hertz", "Frequency of a CPU.");
const ONLINE: Family<'_> = Family::gauge("node_cpu_online", "Whether a CPU is in use (1).");
const CORE_THROTTLES: Family<'_> =
    Family::counter("node_cpu_core_throttles_total", "Times a core was slowed down because of heat.");
const PACKAGE_THROTTLES: Family<'_> =
    Family::counter("node_cpu_package_throttles_total", "Times a package was slowed down because of heat.");

/// Names of CPU directories: `cpu0`, `cpu1`, ... in the order of their numbers.
fn cpu_dirs(dir: &Path) -> Vec<(u64, PathBuf)> {
    let mut cpus: Vec<(u64, PathBuf)> = names(dir)
        .into_iter()
        .filter_map(|name| Some((text::uint(name.strip_prefix("cpu")?.as_bytes())?, dir.join(&name))))
        .collect();
    cpus.sort();
    cpus
}

/// `/proc/cpuinfo` and the throttling counters of sysfs.
pub(crate) struct Info {
    file: KeptFile,
    dir: PathBuf,
}

impl Info {
    pub(crate) fn new(roots: &Roots) -> Info {
        Info { file: KeptFile::new(roots.proc("cpuinfo")), dir: roots.sys("devices/system/cpu") }
    }

    /// A package or core has one counter, seen through each of its CPUs.
    fn throttles(&self, out: &mut Out<'_>, buf: &mut Vec<u8>) {
        let (mut cores, mut packages) = (BTreeMap::new(), BTreeMap::new());
        for (cpu, dir) in cpu_dirs(&self.dir) {
            // CPU 0 can have no such file: it cannot be switched off.
            let online = attribute_value(&dir, "online", buf).unwrap_or(1.0);
            let mut space = [0; 20];
            out.sample(&ONLINE, &[("cpu", decimal(&mut space, cpu))], online);
            let topology = dir.join("topology");
            let Some(package) = attribute(&topology, "physical_package_id", buf) else { continue };
            let throttle = dir.join("thermal_throttle");
            if let Some(count) = attribute_value(&throttle, "package_throttle_count", buf) {
                packages.insert(package.clone(), count);
            }
            if let Some(core) = attribute(&topology, "core_id", buf)
                && let Some(count) = attribute_value(&throttle, "core_throttle_count", buf)
            {
                cores.insert((package, core), count);
            }
        }
        for ((package, core), count) in &cores {
            let pairs = [("core", core.as_bytes()), ("package", package.as_bytes())];
            out.sample(&CORE_THROTTLES, &pairs, *count);
        }
        for (package, count) in &packages {
            out.sample(&PACKAGE_THROTTLES, &[("package", package.as_bytes())], *count);
        }
    }
}

impl Part for Info {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let scales = self.dir.join("cpu0/cpufreq").exists();
        for cpu in stat::cpuinfo(self.file.read(buf)?) {
            let place = [("package", cpu.package), ("core", cpu.core), ("cpu", cpu.number)];
            let pairs = [
                place[0],
                place[1],
                place[2],
                ("vendor", cpu.vendor),
                ("family", cpu.family),
                ("model", cpu.model),
                ("model_name", cpu.model_name),
                ("microcode", cpu.microcode),
                ("stepping", cpu.stepping),
                ("cachesize", cpu.cache),
            ];
            out.info(&INFO, &pairs);
            if let Some(megahertz) = cpu.megahertz.filter(|_| !scales) {
                out.sample(&HERTZ, &place, (megahertz * 1e6).round());
            }
        }
        self.throttles(out, buf);
        Ok(())
    }
}

/// Families of cpufreq with their files, which hold kilohertz.
const FREQUENCIES: [(Family<'_>, &str); 6] = [
    (Family::gauge("node_cpu_frequency_hertz", "Frequency of a CPU."), "cpuinfo_cur_freq"),
    (Family::gauge("node_cpu_frequency_min_hertz", "Lowest frequency of a CPU."), "cpuinfo_min_freq"),
    (Family::gauge("node_cpu_frequency_max_hertz", "Highest frequency of a CPU."), "cpuinfo_max_freq"),
    (
        Family::gauge("node_cpu_scaling_frequency_hertz", "Frequency the kernel chose for a CPU."),
        "scaling_cur_freq",
    ),
    (
        Family::gauge("node_cpu_scaling_frequency_min_hertz", "Lowest frequency the kernel may choose."),
        "scaling_min_freq",
    ),
    (
        Family::gauge("node_cpu_scaling_frequency_max_hertz", "Highest frequency the kernel may choose."),
        "scaling_max_freq",
    ),
];
const GOVERNOR: Family<'_> = Family::gauge(
    "node_cpu_scaling_governor",
    "Which rule the kernel follows when it chooses a frequency (1).",
);

/// `/sys/devices/system/cpu/cpu*/cpufreq`.
pub(crate) struct Frequency(PathBuf);

impl Frequency {
    pub(crate) fn new(roots: &Roots) -> Frequency {
        Frequency(roots.sys("devices/system/cpu"))
    }
}

impl Part for Frequency {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for (cpu, dir) in cpu_dirs(&self.0) {
            let dir = dir.join("cpufreq");
            let mut space = [0; 20];
            let cpu = ("cpu", decimal(&mut space, cpu));
            for (family, file) in &FREQUENCIES {
                if let Some(kilohertz) = attribute_value(&dir, file, buf) {
                    out.sample(family, &[cpu], kilohertz * 1000.0);
                }
            }
            let Some(chosen) = attribute(&dir, "scaling_governor", buf) else { continue };
            let all = attribute(&dir, "scaling_available_governors", buf).unwrap_or_default();
            for governor in all.split_ascii_whitespace() {
                let value = if governor == chosen { 1.0 } else { 0.0 };
                out.sample(&GOVERNOR, &[cpu, ("governor", governor.as_bytes())], value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dip_is_smoothed_and_a_reset_is_not() {
        let mut before = [100, 0, 0, 5000, 10, 0, 0, 0, 0, 0];
        let mut now = [110, 0, 0, 4990, 9, 0, 0, 0, 0, 0];
        never_back(&mut before, &mut now);
        assert_eq!(now, [110, 0, 0, 5000, 10, 0, 0, 0, 0, 0]);
        let mut now = [1, 0, 0, 20, 0, 0, 0, 0, 0, 0];
        never_back(&mut before, &mut now);
        assert_eq!((now[0], before[3]), (1, 20));
    }
}
