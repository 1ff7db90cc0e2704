//! The collectors: each owns its files and writes its samples.

mod cgroup;
mod cpu;
mod disk;
mod filesystem;
mod memory;
mod net;
pub(crate) mod processes;
mod sensors;
mod system;
mod systemd;
pub(crate) mod textfile;

use crate::Problem;
use crate::collector::{Options, Pace};
use crate::sheet::Out;
use processes::Table;
use std::path::PathBuf;
use std::sync::Arc;

/// One source of samples.
pub(crate) trait Part: Send {
    /// Writes what there is now; `buf` is free to use. What was written before a failure counts.
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem>;
}

/// Where the kernel's file systems are.
#[derive(Debug, Clone)]
pub(crate) struct Roots {
    pub(crate) proc: PathBuf,
    pub(crate) sys: PathBuf,
    pub(crate) root: PathBuf,
}

impl Roots {
    pub(crate) fn proc(&self, path: &str) -> PathBuf {
        self.proc.join(path)
    }

    pub(crate) fn sys(&self, path: &str) -> PathBuf {
        self.sys.join(path)
    }
}

type Listed = (&'static [&'static str], Pace, Box<dyn Part>);

/// Every collector, with the names it goes by (those of the node exporter, where it has them).
pub(crate) fn all(options: &Options, roots: &Roots, table: &Arc<Table>) -> Vec<Listed> {
    use Pace::{Fast, Scan, Slow};
    let mut all: Vec<Listed> = vec![
        (&["cpu", "stat"], Fast, Box::new(cpu::Stat::new(roots))),
        (&["loadavg"], Fast, Box::new(cpu::Load::new(roots))),
        (&["pressure"], Fast, Box::new(cpu::Pressure::new(roots))),
        (&["meminfo"], Fast, Box::new(memory::Meminfo::new(roots))),
        (&["vmstat"], Fast, Box::new(memory::Vmstat::new(roots))),
        (&["diskstats"], Fast, Box::new(disk::Diskstats::new(roots))),
        (&["netdev"], Fast, Box::new(net::Netdev::new(roots))),
        (&["netstat"], Fast, Box::new(net::Netstat::new(roots))),
        (&["sockstat"], Fast, Box::new(net::Sockstat::new(roots))),
        (&["softnet"], Fast, Box::new(net::Softnet::new(roots))),
        (&["conntrack"], Fast, Box::new(net::Conntrack::new(roots))),
        (&["schedstat"], Fast, Box::new(cpu::Schedstat::new(roots))),
        (&["filefd"], Fast, Box::new(disk::FileNr::new(roots))),
        (&["time"], Fast, Box::new(system::Time)),
        (&["arp"], Slow, Box::new(net::Arp::new(roots))),
        (&["udp_queues"], Slow, Box::new(net::UdpQueues::new(roots))),
        (&["netclass"], Slow, Box::new(net::Netclass::new(roots))),
        (&["timex"], Slow, Box::new(system::Timex)),
        (&["clocksource"], Slow, Box::new(system::ClockSource::new(roots))),
        (&["entropy"], Slow, Box::new(system::Entropy::new(roots))),
        (&["os"], Slow, Box::new(system::Os::new(roots))),
        (&["dmi"], Slow, Box::new(system::Dmi::new(roots))),
        (&["selinux"], Slow, Box::new(system::Selinux::new(roots))),
        (&["cpuinfo"], Slow, Box::new(cpu::Info::new(roots))),
        (&["cpufreq"], Slow, Box::new(cpu::Frequency::new(roots))),
        (&["hwmon"], Slow, Box::new(sensors::Hwmon::new(roots))),
        (&["thermal_zone"], Slow, Box::new(sensors::Thermal::new(roots))),
        (&["powersupplyclass"], Slow, Box::new(sensors::PowerSupply::new(roots))),
        (&["rapl"], Slow, Box::new(sensors::Rapl::new(roots))),
        (&["edac"], Slow, Box::new(sensors::Edac::new(roots))),
        (&["nvme"], Slow, Box::new(disk::Nvme::new(roots))),
        (&["mdadm"], Slow, Box::new(disk::Mdadm::new(roots))),
        (&["cgroup"], Scan, Box::new(cgroup::Cgroups::new(roots, options.cgroups_max))),
        (&["filesystem"], Slow, Box::new(filesystem::Filesystems::new(roots))),
        (&["textfile"], Slow, Box::new(textfile::Textfiles::new(options.textfile_dirs.clone()))),
        (&["uname"], Slow, Box::new(system::Uname)),
        (&["processes"], Scan, Box::new(processes::Processes::new(roots, options, table.clone()))),
    ];
    if options.enabled.iter().any(|name| name == "systemd") {
        all.push((&["systemd"], Slow, Box::new(systemd::Systemd::new(roots))));
    }
    all
}

/// Ticks per second in which the kernel counts CPU time for user space.
pub(crate) fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// A number as text without allocation.
pub(crate) fn decimal(space: &mut [u8; 20], mut value: u64) -> &[u8] {
    let mut at = space.len();
    loop {
        at -= 1;
        space[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return &space[at..];
        }
    }
}
