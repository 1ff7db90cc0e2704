//! How columns of one chunk become bytes. Each codec is a pure pair of functions over slices; a page of many
//! chunks is then compressed as a whole (see [`crate::part`]), which finds what neighbouring series share.

pub(crate) mod floats;
pub(crate) mod histograms;
pub(crate) mod times;

/// A chunk holds at most this many samples. Longer chunks compress better; shorter ones let a query decode
/// less. The writer splits a series evenly, so chunks are rarely much shorter.
pub(crate) const CHUNK_SAMPLES_MAX: usize = 480;
