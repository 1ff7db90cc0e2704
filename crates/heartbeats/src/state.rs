//! The bytes in which beats are kept: a line with a version and a checksum, then JSON.

use crate::beat::Beat;
use std::collections::BTreeMap;

/// What the first line begins with.
const MAGIC: &str = "watchfire heartbeats 1";
/// Bytes that are read.
pub const BYTES_MAX: u64 = 64 << 20;

/// Bytes that are no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The first line is not ours.
    #[error("the first line is not {MAGIC:?} and a checksum")]
    Head,
    /// The checksum is of other bytes.
    #[error("the checksum is {found:08x}, and {stated:08x} is stated")]
    Checksum {
        /// What is stated.
        stated: u32,
        /// What it is.
        found: u32,
    },
    /// What follows is not ours.
    #[error("{0}")]
    Json(String),
}

/// Writes beats by their names.
pub fn encode(beats: &BTreeMap<String, Beat>) -> Vec<u8> {
    // Maps with text as keys, numbers and text can always be written.
    let json = serde_json::to_vec(beats).unwrap_or_default();
    let mut out = format!("{MAGIC} {:08x}\n", crc32c::crc32c(&json)).into_bytes();
    out.extend_from_slice(&json);
    out
}

/// Reads beats.
pub fn decode(bytes: &[u8]) -> Result<BTreeMap<String, Beat>, StateError> {
    let at = bytes.iter().take(100).position(|b| *b == b'\n').ok_or(StateError::Head)?;
    let line = std::str::from_utf8(&bytes[..at]).map_err(|_| StateError::Head)?;
    let stated = line.strip_prefix(MAGIC).and_then(|l| l.strip_prefix(' ')).ok_or(StateError::Head)?;
    let stated = u32::from_str_radix(stated, 16).map_err(|_| StateError::Head)?;
    let json = &bytes[at + 1..];
    let found = crc32c::crc32c(json);
    if found != stated {
        return Err(StateError::Checksum { stated, found });
    }
    serde_json::from_slice(json).map_err(|e| StateError::Json(e.to_string()))
}
