//! `watchfire traces` and `watchfire trace`: asks a server for traces, by TraceQL or by id.

mod list;
mod tree;
mod waterfall;

use crate::cli::{ListFormat, TraceArgs, TracesArgs};
use crate::exit::{Exit, no, unable, written};
use crate::query::{answer, table, time, units};
use crate::remote::Remote;
use std::io::{IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};
use traceql::Body;

const HOUR_MS: i64 = 3_600_000;
/// Where the server has Tempo's API.
const PREFIX: &str = "/tempo";

/// Finds traces, or computes numbers from them.
pub async fn search(args: &TracesArgs) -> Result<(), Exit> {
    // A mistake in the query is shown where it stands, before anyone is asked.
    let query = traceql::parse(&args.query).map_err(|e| no(e.caret(&args.query)))?;
    let remote = Remote::new(&args.url)?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let end = args.end.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(now_ms);
    let start = args.start.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(end - HOUR_MS);
    if end <= start {
        return Err(no("the range ends before it begins: --end must be after --start"));
    }
    // Nanoseconds, so that nothing is rounded away.
    let ns = |ms: i64| (ms.saturating_mul(1_000_000)).to_string();
    let mut params = vec![("q", args.query.clone()), ("start", ns(start)), ("end", ns(end))];
    match query.body {
        Body::Spans(_) => {
            params.extend([("limit", args.limit.to_string()), ("spss", args.spans.to_string())]);
            let body = ask(&remote, "/api/search", &params, args.tenant.as_deref()).await?;
            let mut out = std::io::stdout().lock();
            if args.format == ListFormat::Json {
                return written(out.write_all(&body).and_then(|()| out.write_all(b"\n")));
            }
            let found: list::Found = opened(&body, &args.url)?;
            if found.traces.is_empty() {
                eprintln!("no trace matches between --start and --end [default: the last hour]");
            }
            let width = crate::progress::terminal_width();
            written(list::write(&mut out, &found, width, colourful()))
        }
        Body::Metrics(_) => {
            let path = match args.start {
                Some(_) => "/api/metrics/query_range",
                None => "/api/metrics/query",
            };
            let body = ask(&remote, path, &params, args.tenant.as_deref()).await?;
            let mut out = std::io::stdout().lock();
            if args.format == ListFormat::Json {
                return written(out.write_all(&body).and_then(|()| out.write_all(b"\n")));
            }
            let found: list::Numbers = opened(&body, &args.url)?;
            let data: answer::Data = found.data(end as f64 / 1000.0);
            let range = args.start.as_ref().map(|_| (start as f64 / 1000.0, end as f64 / 1000.0));
            let width = crate::progress::terminal_width();
            written(table::table(&mut out, &data, units::Unit::None, range, width))
        }
    }
}

/// Shows one trace.
pub async fn show(args: &TraceArgs) -> Result<(), Exit> {
    let digits = args.id.len();
    if !(1..=32).contains(&digits) || !args.id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(no(format!("{:?} is no trace id: it has 1 to 32 hexadecimal digits", args.id)));
    }
    let remote = Remote::new(&args.url)?;
    let path = format!("/api/v2/traces/{}", args.id);
    let body = ask(&remote, &path, &[], args.tenant.as_deref()).await?;
    let mut out = std::io::stdout().lock();
    if args.format == ListFormat::Json {
        return written(out.write_all(&body).and_then(|()| out.write_all(b"\n")));
    }
    let answer: tree::Answer = opened(&body, &args.url)?;
    if let Some(message) = &answer.message {
        eprintln!("warning: {message}");
    }
    let spans = tree::spans(answer);
    let width = crate::progress::terminal_width();
    written(waterfall::write(&mut out, &spans, width, colourful(), args.details))
}

fn colourful() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::io::stdout().is_terminal()
}

/// The body of a successful answer.
async fn ask(
    remote: &Remote,
    path: &str,
    params: &[(&str, String)],
    tenant: Option<&str>,
) -> Result<Vec<u8>, Exit> {
    let mut url = remote.url(&format!("{PREFIX}{path}"));
    if !params.is_empty() {
        url.query_pairs_mut().extend_pairs(params);
    }
    let (status, body) = remote.get_as(url, tenant).await?;
    if status == 200 {
        return Ok(body);
    }
    let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let said = said.and_then(|v| v["error"].as_str().map(str::to_owned));
    let said =
        said.unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(400)]).trim().to_owned());
    Err(no(if said.is_empty() { format!("the server answers with status {status}") } else { said }))
}

fn opened<T: serde::de::DeserializeOwned>(body: &[u8], url: &str) -> Result<T, Exit> {
    serde_json::from_slice(body).map_err(|e| unable(format!("{url} does not answer as Tempo does: {e}")))
}

/// Text without what would move the cursor or change the terminal: a sender must not be able to.
fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Nanoseconds as people say them, in about three digits.
fn length(nanos: f64) -> String {
    units::Unit::Seconds.format(nanos / 1e9)
}
