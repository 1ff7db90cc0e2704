//! `meta.json`: what a block says of itself.

use crate::error::Fault;
use serde::Deserialize;

/// What a block says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Meta {
    /// The block's identifier.
    pub ulid: String,
    /// First time, Unix milliseconds.
    #[serde(rename = "minTime")]
    pub from_ms: i64,
    /// The time after the last, Unix milliseconds.
    #[serde(rename = "maxTime")]
    pub until_ms: i64,
    /// Version of this file.
    pub version: u32,
    /// What it counted when it was written.
    #[serde(default)]
    pub stats: Stats,
}

/// Counts of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// Samples, tombstoned ones included.
    #[serde(default, rename = "numSamples")]
    pub samples: u64,
    /// Series.
    #[serde(default, rename = "numSeries")]
    pub series: u64,
    /// Chunks.
    #[serde(default, rename = "numChunks")]
    pub chunks: u64,
}

/// Reads `meta.json`.
pub fn parse(text: &[u8]) -> Result<Meta, Fault> {
    let meta: Meta = serde_json::from_slice(text).map_err(|e| Fault::new(0, e.to_string()))?;
    match meta.version {
        1 => Ok(meta),
        v => Err(Fault::unsupported(format!("block version {v} is not supported; 1 is"))),
    }
}
