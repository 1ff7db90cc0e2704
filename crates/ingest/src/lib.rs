//! Decoders from the protocols people send to the model; refuses to know sockets and stores.
//!
//! Every decoder takes the bytes of one body and makes calls to a [`model::Appender`]. What is wrong with a
//! body as a whole is a [`DecodeError`]; what is wrong with single series or samples is counted in the
//! [`Outcome`], and the rest is kept. Decoders of logs write into a [`logs::LogWriter`] instead. Nothing here panics on, or allocates more than a small multiple of, what
//! it is given.

pub mod compress;
mod error;
pub mod exposition;
mod histogram;
mod limits;
pub mod logs;
pub mod negotiate;
mod outcome;
pub mod remote_read;
pub mod remote_write;
mod resolve;
mod wire;

pub use error::{DecodeError, SyntaxError};
pub use limits::Limits;
pub use outcome::{Outcome, REASONS_MAX};
