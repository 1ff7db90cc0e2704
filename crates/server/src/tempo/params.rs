//! Parameters as Tempo takes them.

use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::time;

const SECOND_NS: i64 = 1_000_000_000;
/// Without a range the last hour is meant.
const SINCE_NS: i64 = 3600 * SECOND_NS;

/// A time: Unix seconds, or nanoseconds where the number is too large for seconds, or RFC 3339.
fn time_ns(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    if let Ok(number) = text.parse::<i64>() {
        let is_seconds = number.unsigned_abs() < 100_000_000_000;
        return Ok(Some(if is_seconds { number.saturating_mul(SECOND_NS) } else { number }));
    }
    let ms = time::parse_time(text).map_err(|e| ApiError::parameter(name, e))?;
    Ok(Some(ms.saturating_mul(1_000_000)))
}

/// The range of `start` and `end`, if both or one of them are given.
pub fn given_range(params: &Params, now_ns: i64) -> Result<Option<(i64, i64)>, ApiError> {
    let (start, end) = (time_ns(params, "start")?, time_ns(params, "end")?);
    // Zeros stand for no range.
    let (start, end) = (start.filter(|t| *t != 0), end.filter(|t| *t != 0));
    let range = match (start, end) {
        (None, None) => return Ok(None),
        (start, end) => {
            let end = end.unwrap_or(now_ns);
            (start.unwrap_or(end.saturating_sub(SINCE_NS)), end)
        }
    };
    if range.1 <= range.0 {
        return Err(ApiError::parameter("end", "the end of the range is not after its start"));
    }
    Ok(Some(range))
}

/// The range of `start` and `end`, or `since` before now; the last hour without any of them.
pub fn range(params: &Params, now_ns: i64) -> Result<(i64, i64), ApiError> {
    if let Some(range) = given_range(params, now_ns)? {
        return Ok(range);
    }
    let since = duration_ns(params, "since")?.unwrap_or(SINCE_NS);
    // A span that starts right now is one of them.
    Ok((now_ns.saturating_sub(since), now_ns.saturating_add(1)))
}

/// A duration with a unit, or a number of seconds.
pub fn duration_ns(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let seconds = || text.parse::<f64>().ok().map(|s| (s * SECOND_NS as f64) as i64);
    match traceql::parse_duration(text).or_else(seconds) {
        Some(nanos) if nanos > 0 => Ok(Some(nanos)),
        _ => {
            Err(ApiError::parameter(name, format!("{text:?} is not a duration such as 1.2s, 100ms or 1m30s")))
        }
    }
}

/// A whole number.
pub fn count(params: &Params, name: &str) -> Result<Option<usize>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let parsed =
        text.parse().map_err(|_| ApiError::parameter(name, format!("{text:?} is not a whole number")));
    parsed.map(|n: usize| (n > 0).then_some(n))
}

/// How far apart the points of a range are if nobody says: about 240 of them, at round distances.
pub fn default_step_ns((start, end): (i64, i64)) -> i64 {
    const MILLISECOND: i64 = 1_000_000;
    let length = end.saturating_sub(start);
    let about = length / 240;
    if length < 60 * SECOND_NS {
        let unit = 50 * MILLISECOND;
        return (about / unit * unit).max(unit);
    }
    let units = [3600, 300, 60, 15, 5, 1].map(|s| s * SECOND_NS);
    let unit = units.into_iter().find(|u| about > *u).unwrap_or(SECOND_NS);
    (about / unit * unit).max(SECOND_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_in_every_form() {
        let of = |query: &str| range(&Params::of_query(query), 10_000 * SECOND_NS);
        assert_eq!(of("").unwrap(), (6400 * SECOND_NS, 10_000 * SECOND_NS + 1));
        assert_eq!(of("since=1m").unwrap().0, 9940 * SECOND_NS);
        assert_eq!(of("start=100&end=200").unwrap(), (100 * SECOND_NS, 200 * SECOND_NS));
        assert_eq!(of("start=100000000000000&end=200000000000000").unwrap().0, 100_000 * SECOND_NS);
        assert_eq!(of("start=2023-11-14T22:13:20Z&end=1700000001").unwrap().0, 1_700_000_000 * SECOND_NS);
        assert!(of("start=200&end=100").unwrap_err().message.contains("end"));
        assert!(of("start=x").unwrap_err().message.contains("start"));
        assert!(of("since=-5").unwrap_err().message.contains("since"));
    }

    #[test]
    fn steps_are_round() {
        for (seconds, step) in
            [(10, 0.05), (30, 0.1), (600, 2.0), (3600, 15.0), (86_400, 300.0), (864_000, 3600.0)]
        {
            let wanted = (step * SECOND_NS as f64) as i64;
            assert_eq!(default_step_ns((0, seconds * SECOND_NS)), wanted, "{seconds}");
        }
    }
}
