//! The collectors: each owns its files and writes its samples.

mod cpu;
mod disk;
mod filesystem;
mod memory;
mod net;
pub(crate) mod processes;
mod system;

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
    vec![
        (&["cpu", "stat"], Fast, Box::new(cpu::Stat::new(roots))),
        (&["loadavg"], Fast, Box::new(cpu::Load::new(roots))),
        (&["pressure"], Fast, Box::new(cpu::Pressure::new(roots))),
        (&["meminfo"], Fast, Box::new(memory::Meminfo::new(roots))),
        (&["vmstat"], Fast, Box::new(memory::Vmstat::new(roots))),
        (&["diskstats"], Fast, Box::new(disk::Diskstats::new(roots))),
        (&["netdev"], Fast, Box::new(net::Netdev::new(roots))),
        (&["filesystem"], Slow, Box::new(filesystem::Filesystems::new(roots))),
        (&["uname"], Slow, Box::new(system::Uname)),
        (&["processes"], Scan, Box::new(processes::Processes::new(roots, options, table.clone()))),
    ]
}

/// Ticks per second in which the kernel counts CPU time for user space.
pub(crate) fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}
