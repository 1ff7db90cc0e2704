//! Event protocols: from bytes to events ([`model::record::event`]).
//!
//! Bodies are JSON, small and of many shapes, so a decoder reads each event as a tree, one at a time. A body with a
//! mistake in its syntax is refused as a whole; an event that is wrong is refused alone, with a reason.

pub mod alertmanager;
pub mod cloudevents;
pub mod github;
pub mod gitlab;
pub mod grafana;
pub mod kubernetes;
pub mod signature;
mod tree;
pub mod webhook;
mod writer;

pub use writer::{BODY_BYTES_MAX, result_word};

pub(crate) use tree::{Tree, duration_ns, each_value};
pub(crate) use writer::EventWriter;

#[cfg(test)]
mod tests {
    use crate::error::DecodeError;
    use crate::logs::testing::{NOW_NS, records};
    use crate::records::{RecordLimits, RecordWriter, Signal};
    use model::record::Tenant;

    /// What becomes of a body.
    pub(crate) fn shown(decode: impl FnOnce(&mut RecordWriter) -> Result<(), DecodeError>) -> String {
        let limits = RecordLimits { signal: Signal::Events, ..RecordLimits::default() };
        let mut w = RecordWriter::new(Tenant::unnamed(), limits, NOW_NS);
        match decode(&mut w) {
            Ok(()) => records(w),
            Err(e) => format!("refused: {e}\n"),
        }
    }
}
