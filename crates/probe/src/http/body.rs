//! Reads an answer's body: counts it, keeps what is to be looked at, decompresses where that is asked for.

use crate::config::HttpProbe;
use crate::trial::Failure;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io::Read;

/// Most bytes that are kept to be looked at, and that are decompressed.
const KEPT_BYTES_MAX: u64 = 64 << 20;

/// How much is read and kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// `body_size_limit`, or none.
    bytes_max: Option<u64>,
    /// Whether the body is looked at.
    keep: bool,
}

/// A body.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Its length once decompressed.
    pub bytes: u64,
    /// It, if it is looked at.
    pub kept: Vec<u8>,
}

impl Limits {
    pub fn of(config: &HttpProbe) -> Limits {
        let keep = !config.fail_if_body_matches_regexp.is_empty()
            || !config.fail_if_body_not_matches_regexp.is_empty();
        let limit = config.body_size_limit.bytes();
        Limits { bytes_max: (limit > 0).then_some(limit), keep }
    }
}

/// Reads to the end.
pub(super) async fn read(
    mut body: Incoming,
    compression: Option<&str>,
    limits: Limits,
) -> Result<Body, Failure> {
    let compression = compression.filter(|c| !matches!(*c, "" | "identity"));
    let mut out = Body::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| format!("the body broke off after {} bytes: {e}", out.bytes))?;
        let Some(data) = frame.data_ref() else { continue };
        out.bytes += data.len() as u64;
        if compression.is_none() && limits.bytes_max.is_some_and(|max| out.bytes > max) {
            return Err(too_long(limits.bytes_max.unwrap_or(0), "body_size_limit"));
        }
        if limits.keep || compression.is_some() {
            if out.kept.len() as u64 + data.len() as u64 > KEPT_BYTES_MAX {
                return Err(too_long(KEPT_BYTES_MAX, "what is looked at"));
            }
            out.kept.extend_from_slice(data);
        }
    }
    let Some(compression) = compression else { return Ok(out) };
    let compression = compression.to_owned();
    let decompressed = tokio::task::spawn_blocking(move || decompress(&out.kept, &compression, limits)).await;
    decompressed.map_err(|_| Failure::from("decompressing the body met a fault"))?
}

fn too_long(max: u64, limit: &str) -> Failure {
    Failure(format!("the body is longer than {max} bytes, the limit of {limit}"))
}

fn decompress(bytes: &[u8], compression: &str, limits: Limits) -> Result<Body, Failure> {
    let (max, name) = match limits.bytes_max {
        Some(max) if max < KEPT_BYTES_MAX => (max, "body_size_limit"),
        _ => (KEPT_BYTES_MAX, "what is decompressed"),
    };
    let reader: Box<dyn Read + '_> = match compression {
        "gzip" => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        "deflate" => Box::new(flate2::read::DeflateDecoder::new(bytes)),
        _ => Box::new(brotli_decompressor::Decompressor::new(bytes, 4096)),
    };
    let mut kept = Vec::new();
    let read = reader.take(max + 1).read_to_end(&mut kept);
    read.map_err(|e| format!("the body is not {compression}: {e}"))?;
    if kept.len() as u64 > max {
        return Err(too_long(max, name));
    }
    Ok(Body { bytes: kept.len() as u64, kept })
}
