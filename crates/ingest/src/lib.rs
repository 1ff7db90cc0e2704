//! Decoders from the protocols people send to the model; refuses to know sockets and stores.
//!
//! Every decoder takes the bytes of one body and makes calls to a [`model::Appender`]. What is wrong with a
//! body as a whole is a [`DecodeError`]; what is wrong with single series or samples is counted in the
//! [`Outcome`], and the rest is kept. Decoders of logs and spans write into a [`records::RecordWriter`] instead. Nothing
//! here panics on, or allocates more than a small multiple of, what it is given.

// First, for its macro.
#[macro_use]
pub mod records;

pub mod compress;
mod error;
pub mod events;
pub mod exposition;
mod histogram;
mod limits;
pub mod logs;
pub mod metrics;
pub mod negotiate;
pub mod otlp;
mod outcome;
pub mod remote_read;
pub mod remote_write;
mod resolve;
pub mod sentry;
pub mod traces;
mod wire;

pub use error::{DecodeError, SyntaxError};
pub use limits::Limits;
pub use outcome::{Outcome, REASONS_MAX};
