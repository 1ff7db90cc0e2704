//! Memory and paging.

use super::{Part, Roots};
use crate::Problem;
use crate::parse::memory;
use crate::read::KeptFile;
use crate::sheet::{Family, Out};
use model::MetricKind;

/// `/proc/meminfo`.
pub(crate) struct Meminfo(KeptFile);

impl Meminfo {
    pub(crate) fn new(roots: &Roots) -> Meminfo {
        Meminfo(KeptFile::new(roots.proc("meminfo")))
    }
}

impl Part for Meminfo {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let mut seen = false;
        for field in memory::meminfo(self.0.read(buf)?) {
            let suffix = if field.bytes { "_bytes" } else { "" };
            let help = "Memory as the kernel accounts it:";
            let family = Family::of_field("node_memory_", field.name, suffix, MetricKind::Gauge, help);
            out.sample(&family, &[], field.value as f64);
            seen = true;
        }
        if seen { Ok(()) } else { Err(self.0.malformed("there is no field")) }
    }
}

/// `/proc/vmstat`.
pub(crate) struct Vmstat(KeptFile);

impl Vmstat {
    pub(crate) fn new(roots: &Roots) -> Vmstat {
        Vmstat(KeptFile::new(roots.proc("vmstat")))
    }
}

impl Part for Vmstat {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for (name, value) in memory::vmstat(self.0.read(buf)?) {
            if memory::is_kept_vmstat(name) {
                let help = "Counter of the virtual memory system:";
                let family = Family::of_field("node_vmstat_", name, "", MetricKind::Unknown, help);
                out.sample(&family, &[], value);
            }
        }
        Ok(())
    }
}
