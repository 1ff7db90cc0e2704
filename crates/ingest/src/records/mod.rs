//! What decoders of all records share: a writer into a [`model::record::RecordBatch`] that holds the limits, knows the
//! streams of the batch and counts what is refused.

#[macro_use]
mod limits;
mod writer;

pub use limits::{RecordLimits, Signal};
pub(crate) use writer::check_name;
pub use writer::{Decoded, RecordOutcome, RecordWriter, Refused};
