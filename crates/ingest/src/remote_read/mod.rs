//! Prometheus remote read: what is asked, and the two forms of answer.

mod request;
mod response;
mod stream;

pub use request::{Hints, Query, ReadRequest, ResponseType, decode};
pub use response::SampledResponse;
pub use stream::{CHUNK_SAMPLES_MAX, FRAME_BYTES, series_frames};
