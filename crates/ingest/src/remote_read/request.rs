//! `prometheus.ReadRequest`.

use crate::error::DecodeError;
use crate::wire::{LEN, Reader, VARINT, Wire, WireError};
use model::{MatchOp, Matcher, MatcherError, TimeRange};

const WHAT: &str = "remote read request";

/// Queries of one request; more are refused.
const QUERIES_MAX: usize = 128;
/// Matchers of one query; more are refused.
const MATCHERS_MAX: usize = 64;
/// Regular expressions of one request; more are refused. Each may take megabytes.
const PATTERNS_MAX: usize = 64;
/// Grouping labels of one hint; more are dropped, for hints bind nobody.
const GROUPING_MAX: usize = 256;

/// What a remote reader asks.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRequest {
    /// The queries; results are in the same order.
    pub queries: Vec<Query>,
    /// The form of answer, the first of those the reader accepts that is known here.
    pub response: ResponseType,
}

/// A form of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseType {
    /// One snappy-compressed message of raw samples.
    Samples,
    /// A stream of frames of encoded chunks.
    StreamedChunks,
}

impl ResponseType {
    /// The `Content-Type` of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            ResponseType::Samples => "application/x-protobuf",
            ResponseType::StreamedChunks => {
                "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
            }
        }
    }

    /// The `Content-Encoding` of the answer, if it has one.
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            ResponseType::Samples => Some("snappy"),
            ResponseType::StreamedChunks => None,
        }
    }
}

/// One query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The span of time, both ends included.
    pub range: TimeRange,
    /// Conditions on labels; all must hold.
    pub matchers: Vec<Matcher>,
    /// What the samples are for, if the reader says.
    pub hints: Option<Hints>,
}

/// What samples are for. A hint may be ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Step of the query, milliseconds.
    pub step_ms: i64,
    /// The surrounding function or aggregation.
    pub function: String,
    /// First time needed.
    pub start_ms: i64,
    /// Last time needed.
    pub end_ms: i64,
    /// Labels of the aggregation.
    pub grouping: Vec<String>,
    /// Whether the aggregation is by those labels rather than without them.
    pub by: bool,
    /// Range of a range selector, milliseconds.
    pub range_ms: i64,
}

/// Reads a decompressed `prometheus.ReadRequest`.
pub fn decode(body: &[u8]) -> Result<ReadRequest, DecodeError> {
    let mut accepted = Vec::new();
    let queries = read(body, &mut accepted).map_err(|e| e.within(WHAT))?;
    let known = accepted.iter().find_map(|t| match t {
        0 => Some(ResponseType::Samples),
        1 => Some(ResponseType::StreamedChunks),
        _ => None,
    });
    let response = match known {
        Some(response) => response,
        None if accepted.is_empty() => ResponseType::Samples,
        None => {
            let reason = format!(
                "none of the accepted response types {accepted:?} is known; SAMPLES (0) and STREAMED_XOR_CHUNKS \
                 (1) are"
            );
            return Err(DecodeError::Malformed { what: WHAT, at: 0, reason });
        }
    };
    Ok(ReadRequest { queries, response })
}

fn read(body: &[u8], accepted: &mut Vec<u64>) -> Wire<Vec<Query>> {
    let mut r = Reader::new(body, 0);
    let mut queries = Vec::new();
    let mut patterns = 0;
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => {
                bounded(&r, queries.len(), QUERIES_MAX, "queries")?;
                queries.push(query(r.message()?, &mut patterns)?);
            }
            (2, _) => r.repeated(field, wire, VARINT, |r| {
                let v = r.varint()?;
                if accepted.len() < 16 {
                    accepted.push(v);
                }
                Ok(())
            })?,
            (1, w) => return Err(r.error(format!("field {field} has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    Ok(queries)
}

fn bounded(r: &Reader<'_>, count: usize, max: usize, what: &str) -> Wire<()> {
    if count < max { Ok(()) } else { Err(r.error(format!("there are more than {max} {what}"))) }
}

fn query(mut r: Reader<'_>, patterns: &mut usize) -> Wire<Query> {
    let mut q = Query { range: TimeRange::new(0, 0), matchers: Vec::new(), hints: None };
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => q.range.start_ms = r.varint()? as i64,
            (2, VARINT) => q.range.end_ms = r.varint()? as i64,
            (3, LEN) => {
                bounded(&r, q.matchers.len(), MATCHERS_MAX, "matchers in a query")?;
                q.matchers.push(matcher(r.message()?, patterns)?);
            }
            (4, LEN) => q.hints = Some(hints(r.message()?)?),
            (1..=4, w) => return Err(r.error(format!("field {field} of a query has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    Ok(q)
}

fn matcher(mut r: Reader<'_>, patterns: &mut usize) -> Wire<Matcher> {
    let start = r.clone();
    let (mut kind, mut name, mut value) = (0, "", "");
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => kind = r.varint()?,
            (2, LEN) => name = r.str()?,
            (3, LEN) => value = r.str()?,
            (1..=3, w) => return Err(r.error(format!("field {field} of a matcher has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    let op = match kind {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        k => return Err(start.error(format!("matcher type {k} is not one of 0 to 3"))),
    };
    if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
        bounded(&start, *patterns, PATTERNS_MAX, "regular expressions in a request")?;
        *patterns += 1;
    }
    Matcher::new(op, name, value)
        .map_err(|e: MatcherError| WireError { at: start.position(), reason: e.to_string() })
}

fn hints(mut r: Reader<'_>) -> Wire<Hints> {
    let mut h = Hints::default();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => h.step_ms = r.varint()? as i64,
            (2, LEN) => h.function = r.str()?.to_owned(),
            (3, VARINT) => h.start_ms = r.varint()? as i64,
            (4, VARINT) => h.end_ms = r.varint()? as i64,
            (5, LEN) => {
                let label = r.str()?;
                if h.grouping.len() < GROUPING_MAX {
                    h.grouping.push(label.to_owned());
                }
            }
            (6, VARINT) => h.by = r.varint()? != 0,
            (7, VARINT) => h.range_ms = r.varint()? as i64,
            _ => r.skip(wire)?,
        }
    }
    Ok(h)
}
