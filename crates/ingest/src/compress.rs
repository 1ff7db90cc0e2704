//! Decompression of request bodies, with the result bounded before it is made.

use crate::error::DecodeError;
use crate::limits::Limits;
use model::Limit;
use std::io::Read;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// Snappy block format (not the framing format).
    Snappy,
    /// Zstandard.
    Zstd,
    /// Gzip.
    Gzip,
    /// Zlib, which HTTP calls `deflate`.
    Zlib,
    /// Brotli.
    Brotli,
}

/// A Zstandard frame may ask for a window of at most two to this power bytes (8 MiB, what the format
/// recommends every decoder to support).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Snappy's densest element is a copy of 64 bytes in 3 bytes, so a body that claims to be larger than this many
/// times its size is lying.
const SNAPPY_RATIO_MAX: u64 = 22;
/// A buffer that grew beyond this is given back to the system after use.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// How far a buffer of unknown final size grows at a time.
const STEP_BYTES: usize = 256 << 10;

/// Decompresses one body after another into a buffer of its own.
pub struct Decompressor {
    snappy: snap::raw::Decoder,
    zstd: Option<DCtx<'static>>,
    buffer: Vec<u8>,
}

impl Default for Decompressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Decompressor {
    /// A decompressor that holds no memory yet.
    pub fn new() -> Self {
        Decompressor { snappy: snap::raw::Decoder::new(), zstd: None, buffer: Vec::new() }
    }

    /// The decompressed body, valid until the next call. An uncompressed body is returned as it is.
    pub fn decompress<'a>(
        &'a mut self,
        encoding: Encoding,
        body: &'a [u8],
        limits: &Limits,
    ) -> Result<&'a [u8], DecodeError> {
        check_body(body.len() as u64, limits)?;
        if self.buffer.len() > KEPT_BYTES_MAX {
            self.buffer = Vec::new();
        }
        let len = match encoding {
            Encoding::Identity => {
                check_decompressed(body.len() as u64, limits)?;
                return Ok(body);
            }
            Encoding::Snappy => self.snappy(body, limits)?,
            Encoding::Zstd => self.zstd(body, limits)?,
            Encoding::Gzip => self.inflate("gzip body", flate2::read::MultiGzDecoder::new(body), limits)?,
            Encoding::Zlib => self.inflate("zlib body", flate2::read::ZlibDecoder::new(body), limits)?,
            Encoding::Brotli => {
                self.inflate("brotli body", brotli_decompressor::Decompressor::new(body, STEP_BYTES), limits)?
            }
        };
        Ok(&self.buffer[..len])
    }

    fn snappy(&mut self, body: &[u8], limits: &Limits) -> Result<usize, DecodeError> {
        if body.starts_with(b"\xff\x06\x00\x00sNaPpY") {
            return Err(malformed("snappy body", "it is in the framing format; send the block format"));
        }
        let len = snap::raw::decompress_len(body).map_err(|e| malformed("snappy body", e))?;
        check_decompressed(len as u64, limits)?;
        if len as u64 > (body.len() as u64).saturating_mul(SNAPPY_RATIO_MAX) {
            return Err(malformed("snappy body", format!("{} bytes cannot hold {len} bytes", body.len())));
        }
        if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        self.snappy.decompress(body, &mut self.buffer[..len]).map_err(|e| malformed("snappy body", e))
    }

    fn zstd(&mut self, body: &[u8], limits: &Limits) -> Result<usize, DecodeError> {
        let fail = |code| malformed("zstd body", zstd::zstd_safe::get_error_name(code));
        let context = self.zstd.get_or_insert_with(DCtx::create);
        context.reset(ResetDirective::SessionOnly).map_err(fail)?;
        context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).map_err(fail)?;
        let mut input = InBuffer::around(body);
        let mut len = 0;
        loop {
            grow(&mut self.buffer, len, limits);
            let mut output = OutBuffer::around_pos(&mut self.buffer[..], len);
            let hint = context.decompress_stream(&mut output, &mut input).map_err(fail)?;
            len = output.pos();
            check_decompressed(len as u64, limits)?;
            let full = len == self.buffer.len();
            match (input.pos() == body.len(), full, hint) {
                (true, _, 0) => return Ok(len),
                (true, false, _) => return Err(malformed("zstd body", "it ends within a frame")),
                _ => {}
            }
        }
    }

    fn inflate(
        &mut self,
        what: &'static str,
        mut decoder: impl Read,
        limits: &Limits,
    ) -> Result<usize, DecodeError> {
        let mut len = 0;
        loop {
            grow(&mut self.buffer, len, limits);
            let n = decoder.read(&mut self.buffer[len..]).map_err(|e| malformed(what, e))?;
            if n == 0 {
                return Ok(len);
            }
            len += n;
            check_decompressed(len as u64, limits)?;
        }
    }
}

/// Refuses a body that is too large as it arrives. A server calls this with the announced length, before it
/// reads the body.
pub fn check_body(bytes: u64, limits: &Limits) -> Result<(), DecodeError> {
    check(bytes, limits.body_bytes_max, "ingest.limits.body_bytes_max", "the length in bytes of the body")
}

fn check_decompressed(bytes: u64, limits: &Limits) -> Result<(), DecodeError> {
    let what = "the length in bytes of the decompressed body";
    check(bytes, limits.decompressed_bytes_max, "ingest.limits.decompressed_bytes_max", what)
}

fn check(observed: u64, limit: u64, setting: &'static str, what: &str) -> Result<(), DecodeError> {
    if observed <= limit {
        return Ok(());
    }
    Err(DecodeError::TooLarge(Limit { what: what.to_owned(), observed, limit, setting }))
}

/// Makes room behind `len`, but for no more than one byte beyond the limit.
fn grow(buffer: &mut Vec<u8>, len: usize, limits: &Limits) {
    if buffer.len() > len {
        return;
    }
    let most = usize::try_from(limits.decompressed_bytes_max).unwrap_or(usize::MAX).saturating_add(1);
    let wanted = (len * 2).max(len + STEP_BYTES).min(most).max(len + 1);
    buffer.resize(wanted, 0);
}

fn malformed(what: &'static str, reason: impl ToString) -> DecodeError {
    DecodeError::Malformed { what, at: 0, reason: reason.to_string() }
}
