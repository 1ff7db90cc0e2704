//! `watchfire query`: asks a server and shows the answer.

pub mod answer;
mod place;
pub mod plan;
pub mod sparkline;
pub mod table;
pub mod units;

use crate::cli::{OutputFormat, QueryArgs};
use crate::exit::{Exit, no, unable};
use crate::remote::Remote;
use answer::{Data, Envelope};
use serde::de::DeserializeOwned;
use server::http::time::{parse_duration, parse_time};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};
use units::Unit;

const EXPLAIN: &str = "/api/v1/explain";
/// Points of a range when no step is given.
const POINTS: i64 = 120;

/// Runs the command.
pub async fn run(args: &QueryArgs) -> Result<(), Exit> {
    // A mistake in the expression is shown where it stands, before anyone is asked.
    let expr = promql::parse(&args.expr).map_err(|e| no(e.caret(&args.expr)))?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let request = Request::of(args, now_ms)?;
    let remote = Remote::new(&args.url)?;
    let body = remote.form(request.path, &request.params).await?;
    let width = crate::progress::terminal_width();
    if args.explain {
        let explained: plan::Explained = opened(args, &body)?;
        let mut out = std::io::stdout().lock();
        return crate::exit::written(match args.format {
            OutputFormat::Json => out.write_all(&body).and_then(|()| out.write_all(b"\n")),
            _ => plan::write(&mut out, &explained, width),
        });
    }
    let data: Data = opened(args, &body)?;
    if data.is_empty()
        && let Some(hint) = promql::empty_hint(&expr)
    {
        eprintln!("hint: {hint}");
    }
    let unit = Unit::of(&args.expr);
    let mut out = std::io::stdout().lock();
    let written = match args.format {
        OutputFormat::Json => out.write_all(&body).and_then(|()| out.write_all(b"\n")),
        OutputFormat::Csv => table::csv(&mut out, &data),
        OutputFormat::Table => table::table(&mut out, &data, unit, request.range, width),
        OutputFormat::Sparkline => table::sparklines(&mut out, &data, unit, request.range, width),
    };
    crate::exit::written(written)
}

/// What an answer holds, after its remarks have been shown; an error if that is what it is.
fn opened<T: DeserializeOwned>(args: &QueryArgs, body: &[u8]) -> Result<T, Exit> {
    let envelope: Envelope<T> = serde_json::from_slice(body)
        .map_err(|e| unable(format!("{} does not answer as a Prometheus API: {e}", args.url)))?;
    let remarks = [("warning", &envelope.warnings), ("info", &envelope.infos)];
    for (severity, note) in remarks.iter().flat_map(|(s, notes)| notes.iter().map(move |n| (s, n))) {
        eprintln!("{severity}: {}", place::with_caret(note, &args.expr));
    }
    match envelope.data {
        Some(data) if envelope.status == "success" => Ok(data),
        _ => Err(no(format!("{}: {}", envelope.error_type, envelope.error))),
    }
}

struct Request {
    path: &'static str,
    params: Vec<(&'static str, String)>,
    range: table::Range,
}

impl Request {
    fn of(args: &QueryArgs, now_ms: i64) -> Result<Request, Exit> {
        let mut params = vec![("query", args.expr.clone())];
        let Some(start) = &args.start else {
            let at = args.at.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(now_ms);
            params.push(("time", seconds(at)));
            let path = if args.explain { EXPLAIN } else { "/api/v1/query" };
            return Ok(Request { path, params, range: None });
        };
        let start = time(start, now_ms)?;
        let end = args.end.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(now_ms);
        if end < start {
            return Err(no("the range ends before it begins: --end must not be before --start".to_owned()));
        }
        let step = match &args.step {
            Some(text) => parse_duration(text).map_err(|e| no(format!("--step: {e}")))?,
            None => ((end - start) / POINTS / 1000 * 1000).max(1000),
        };
        params.extend([("start", seconds(start)), ("end", seconds(end)), ("step", seconds(step))]);
        let range = Some((start as f64 / 1000.0, end as f64 / 1000.0));
        let path = if args.explain { EXPLAIN } else { "/api/v1/query_range" };
        Ok(Request { path, params, range })
    }
}

/// Milliseconds as a parameter in seconds.
pub fn seconds(ms: i64) -> String {
    format!("{}", ms as f64 / 1000.0)
}

/// `now`, `now-1h`, `-1h`, Unix seconds or RFC 3339. Milliseconds.
pub fn time(text: &str, now_ms: i64) -> Result<i64, Exit> {
    let relative = text.strip_prefix("now").or_else(|| text.starts_with('-').then_some(text));
    let wrong = || {
        no(format!("{text:?} is not a time: write Unix seconds, 2026-11-21T08:00:00Z, now, now-30m or -1h"))
    };
    match relative {
        Some("") => Ok(now_ms),
        Some(offset) => {
            let (sign, length) = match offset.split_at_checked(1) {
                Some(("-", l)) => (-1, l),
                Some(("+", l)) => (1, l),
                _ => return Err(wrong()),
            };
            let ms = server::http::time::parse_units(length).ok_or_else(wrong)?;
            Ok(now_ms.saturating_add(sign * ms))
        }
        None => parse_time(text).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_relative() {
        for (text, ms) in [
            ("now", 1_000_000),
            ("-1m", 940_000),
            ("now-1s", 999_000),
            ("now+1s", 1_001_000),
            ("12.5", 12_500),
            ("1970-01-01T00:00:01Z", 1000),
        ] {
            assert_eq!(time(text, 1_000_000).ok(), Some(ms), "{text}");
        }
        for text in ["", "yesterday", "-", "now1h", "-1 h"] {
            assert!(time(text, 0).is_err(), "{text}");
        }
    }
}
