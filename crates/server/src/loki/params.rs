//! Parameters as Loki takes them: times to the nanosecond.

use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::time;
use axum::http::HeaderMap;
use logql::{Direction, LogRange};
use model::record::Tenant;

const SECOND_NS: i64 = 1_000_000_000;
/// Without `start` a query looks back so far.
const SINCE_NS: i64 = 3600 * SECOND_NS;
/// Without `step` a range has about so many steps.
const STEPS: i64 = 250;
/// Lines that are given without `limit`.
const LIMIT: usize = 100;

/// Whose data a request is about.
pub fn tenant(headers: &HeaderMap) -> Result<Tenant, ApiError> {
    crate::intake::tenant(headers)
}

/// Whether the labels of lines are wanted apart from those of streams.
pub fn categorise(headers: &HeaderMap) -> bool {
    let flags = headers.get("x-loki-response-encoding-flags").and_then(|v| v.to_str().ok());
    flags.is_some_and(categorises)
}

/// As [`categorise`], also by a parameter: a browser cannot give a WebSocket headers.
pub fn categorise_tail(headers: &HeaderMap, params: &Params) -> bool {
    categorise(headers) || params.get("encoding_flags").is_some_and(categorises)
}

fn categorises(flags: &str) -> bool {
    flags.split(',').any(|flag| flag.trim() == "categorize-labels")
}

/// A time: Unix nanoseconds as a whole number, Unix seconds as one of up to ten digits or with a fraction, or RFC 3339.
pub fn time_ns(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        && text.trim_start_matches('-').len() > 10
        && let Ok(ns) = text.parse::<i64>()
    {
        return Ok(Some(ns));
    }
    let nanos = fraction_ns(text);
    let ms = time::parse_time(text).map_err(|e| ApiError::parameter(name, e))?;
    match nanos {
        Some(nanos) => Ok(Some(ms.div_euclid(1000).saturating_mul(SECOND_NS).saturating_add(nanos))),
        None => Ok(Some(ms.saturating_mul(1_000_000))),
    }
}

/// The nanoseconds within the second of an RFC 3339 time, whose milliseconds alone the parser gives.
fn fraction_ns(text: &str) -> Option<i64> {
    let (_, time) = text.split_once(['T', 't'])?;
    let (_, fraction) = time.split_once('.')?;
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).take(9).collect();
    format!("{digits:0<9}").parse().ok()
}

/// A span of time from `start` (or `since` before the end) to `end`, now without one.
pub fn span_ns(params: &Params, now_ms: i64) -> Result<(i64, i64), ApiError> {
    let now = now_ms.saturating_mul(1_000_000);
    let end = time_ns(params, "end")?.unwrap_or(now);
    let since = match params.duration("since")? {
        Some(ms) => ms.saturating_mul(1_000_000),
        None => SINCE_NS,
    };
    let start = match time_ns(params, "start")? {
        Some(start) => start,
        None => end.min(now).saturating_sub(since),
    };
    if end < start {
        return Err(ApiError::parameter("end", "the end of the range is before its start"));
    }
    Ok((start, end))
}

/// The step of a range query.
pub fn step_ns(params: &Params, start: i64, end: i64) -> Result<i64, ApiError> {
    match params.duration("step")? {
        Some(ms) if ms > 0 => Ok(ms.saturating_mul(1_000_000)),
        Some(_) => Err(ApiError::parameter("step", "the step must be longer than nothing")),
        None => Ok(((end.saturating_sub(start) / STEPS).max(SECOND_NS) / SECOND_NS) * SECOND_NS),
    }
}

/// Which lines are asked for.
pub fn lines(
    params: &Params,
    (start_ns, end_ns): (i64, i64),
    entries_max: usize,
) -> Result<LogRange, ApiError> {
    let direction = match params.get("direction").map(str::to_ascii_lowercase).as_deref() {
        None | Some("backward") => Direction::Backward,
        Some("forward") => Direction::Forward,
        Some(other) => {
            let reason = format!("{other:?} is neither forward nor backward");
            return Err(ApiError::parameter("direction", reason));
        }
    };
    let limit = params.limit()?.unwrap_or(LIMIT);
    if limit > entries_max {
        let reason = format!("{limit} lines, over the limit of {entries_max}: raise query.log_entries_max");
        return Err(ApiError::parameter("limit", reason));
    }
    Ok(LogRange { start_ns, end_ns, direction, limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_form() {
        for (text, ns) in [
            ("1700000000123456789", 1_700_000_000_123_456_789),
            ("1700000000", 1_700_000_000_000_000_000),
            ("1700000000.25", 1_700_000_000_250_000_000),
            ("2023-11-14T22:13:20.123456789Z", 1_700_000_000_123_456_789),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ] {
            let params = Params::of_query(&format!("start={text}"));
            assert_eq!(time_ns(&params, "start").unwrap(), Some(ns), "{text}");
        }
        let params = Params::of_query("start=yesterday");
        assert!(time_ns(&params, "start").unwrap_err().message.contains("start"));
    }

    #[test]
    fn a_span_has_an_end_and_looks_back() {
        let of = |query: &str| span_ns(&Params::of_query(query), 10_000_000);
        assert_eq!(of("").unwrap(), (10_000_000_000_000 - SINCE_NS, 10_000_000_000_000));
        assert_eq!(of("since=1m&end=5000").unwrap(), (4_940 * SECOND_NS, 5_000 * SECOND_NS));
        assert!(of("start=6000&end=5000").unwrap_err().message.contains("end"));
        let step = |query: &str| step_ns(&Params::of_query(query), 0, 1000 * SECOND_NS);
        assert_eq!((step("").unwrap(), step("step=0.5").unwrap()), (4 * SECOND_NS, SECOND_NS / 2));
    }

    #[test]
    fn labels_are_told_apart_when_asked() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap, query: &str| categorise_tail(headers, &Params::of_query(query));
        assert!(!of(&headers, "encoding_flags=other"));
        assert!(of(&headers, "encoding_flags=other,categorize-labels"));
        headers.insert("x-loki-response-encoding-flags", "categorize-labels".parse().unwrap());
        assert!(of(&headers, "") && categorise(&headers));
    }

    #[test]
    fn lines_have_a_direction_and_a_limit() {
        let of = |query: &str| lines(&Params::of_query(query), (1, 2), 5000);
        assert_eq!(of("").unwrap().limit, LIMIT);
        assert_eq!(of("direction=FORWARD&limit=7").unwrap().direction, Direction::Forward);
        assert!(of("direction=up").unwrap_err().message.contains("direction"));
        assert!(of("limit=5001").unwrap_err().message.contains("query.log_entries_max"));
    }
}
