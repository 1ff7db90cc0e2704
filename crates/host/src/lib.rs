//! This machine's kernel counters as samples; refuses to know networks and stores.
//!
//! [`Collector`] reads procfs and sysfs and writes one batch per collection through [`model::Appender`]. Metric
//! names, labels, kinds and units are those of the Prometheus node exporter, so that dashboards and alerts
//! written for it work unchanged; control groups are named as cAdvisor names containers, and the busiest
//! processes as process-exporter names its groups.
//!
//! Two layers: [`parse`] turns bytes into values and never panics on foreign bytes; the collectors read files
//! under configurable roots, keep them open, and find their series again by position, so that a collection
//! costs system calls and little else.

mod collector;
pub mod parse;
mod part;
mod read;
#[cfg(test)]
mod recorder;
mod sheet;
#[cfg(test)]
mod tests;

pub use collector::{Collector, CollectorStatus, Options, Report, TEXTFILE_DIR, host_name};
pub use part::processes::Process;

use std::io;
use std::path::{Path, PathBuf};

/// Why one collector has nothing, or not everything, to say. The others go on.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// This kernel or machine does not have it; nothing is wrong.
    #[error("{} is not there", path.display())]
    Absent {
        /// What was looked for.
        path: PathBuf,
    },
    /// It is there and cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// It was read and is not what it should be.
    #[error("{} is not understood: {what}", path.display())]
    Malformed {
        /// What was read.
        path: PathBuf,
        /// What is missing or wrong.
        what: std::borrow::Cow<'static, str>,
    },
}

impl Problem {
    fn read(path: &Path, error: io::Error) -> Problem {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Problem::Absent { path: path.into() },
            _ => Problem::Read { path: path.into(), error },
        }
    }

    /// Whether the thing measured just does not exist here.
    pub fn is_absence(&self) -> bool {
        matches!(self, Problem::Absent { .. })
    }
}
