//! `watchfire logs`: asks a server for log lines, once or as they come.

mod follow;
mod line;
mod page;

use crate::cli::{LogsArgs, LogsFormat};
use crate::exit::{Exit, no, unable, written};
use crate::query::{answer, plan, seconds, table, time, units};
use crate::remote::Remote;
use follow::Shown;
use line::Painter;
use logql::Expr;
use page::Pages;
use std::io::{IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Points of a range of numbers when no step is given.
const POINTS: i64 = 120;
const HOUR_MS: i64 = 3_600_000;

/// Runs the command.
pub async fn run(args: &LogsArgs) -> Result<(), Exit> {
    // A mistake in the query is shown where it stands, before anyone is asked.
    let expr = logql::parse(&args.query).map_err(|e| no(e.caret(&args.query)))?;
    let remote = Remote::new(&args.url)?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let (start_ms, end_ms) = span(args, now_ms)?;
    if args.explain {
        return explained(args, &remote, matches!(expr, Expr::Log(_)), (start_ms, end_ms)).await;
    }
    match expr {
        Expr::Metric(_) if args.follow => {
            Err(no("lines can be followed, numbers cannot: leave out --follow or the functions"))
        }
        Expr::Metric(_) => numbers(args, &remote, start_ms, end_ms).await,
        Expr::Log(_) => lines(args, &remote, start_ms, end_ms).await,
    }
}

fn span(args: &LogsArgs, now_ms: i64) -> Result<(i64, i64), Exit> {
    let end = args.end.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(now_ms);
    let start = args.start.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(end - HOUR_MS);
    if end < start {
        return Err(no("the range ends before it begins: --end must not be before --start"));
    }
    Ok((start, end))
}

async fn lines(args: &LogsArgs, remote: &Remote, start_ms: i64, end_ms: i64) -> Result<(), Exit> {
    let painter = Painter::new(args.format, colourful(args));
    let (start_ns, end_ns) = (start_ms.saturating_mul(1_000_000), end_ms.saturating_mul(1_000_000));
    let mut pages = Pages::new(remote, args, start_ns, end_ns);
    let mut shown = Shown::until(end_ns);
    let mut out = std::io::stdout().lock();
    if args.forward {
        while let Some(page) = pages.next().await? {
            page.iter().for_each(|e| shown.add(e));
            written(page.iter().try_for_each(|e| painter.write(&mut out, e)))?;
        }
    } else {
        // The newest come first; people read them in order of time.
        let mut all = Vec::new();
        while let Some(page) = pages.next().await? {
            all.extend(page);
        }
        all.iter().rev().for_each(|e| shown.add(e));
        if let Some(oldest) = all.last().filter(|_| all.len() == args.limit) {
            shown.leave_out_before(oldest.time_ns);
        }
        written(all.iter().rev().try_for_each(|e| painter.write(&mut out, e)))?;
        if all.is_empty() && !args.follow {
            eprintln!("no line matches between --start and --end [default: the last hour]");
        }
    }
    written(out.flush())?;
    drop(out);
    if args.follow { follow::run(args, remote, &painter, shown).await } else { Ok(()) }
}

/// How the query is evaluated.
async fn explained(args: &LogsArgs, remote: &Remote, lines: bool, range: (i64, i64)) -> Result<(), Exit> {
    let (_, mut params) = numeric(args, range);
    if lines {
        let direction = if args.forward { "forward" } else { "backward" };
        params = vec![("query", args.query.clone()), ("start", seconds(range.0)), ("end", seconds(range.1))];
        params.extend([("limit", args.limit.to_string()), ("direction", direction.to_owned())]);
    }
    let body = ask(args, remote, "/api/v1/logs/explain", &params).await?;
    let explained: plan::Explained = opened(args, &body)?;
    let mut out = std::io::stdout().lock();
    written(match args.format {
        LogsFormat::Json => out.write_all(&body).and_then(|()| out.write_all(b"\n")),
        LogsFormat::Text | LogsFormat::Raw => {
            plan::write(&mut out, &explained, crate::progress::terminal_width())
        }
    })
}

/// Where numbers are asked for, and how.
fn numeric(args: &LogsArgs, (start_ms, end_ms): (i64, i64)) -> (&'static str, Vec<(&'static str, String)>) {
    let step_ms = ((end_ms - start_ms) / POINTS / 1000 * 1000).max(1000);
    let mut params = vec![("query", args.query.clone())];
    if args.start.is_none() {
        params.push(("time", seconds(end_ms)));
        return ("/loki/api/v1/query", params);
    }
    params.extend([("start", seconds(start_ms)), ("end", seconds(end_ms)), ("step", seconds(step_ms))]);
    ("/loki/api/v1/query_range", params)
}

async fn numbers(args: &LogsArgs, remote: &Remote, start_ms: i64, end_ms: i64) -> Result<(), Exit> {
    let (path, params) = numeric(args, (start_ms, end_ms));
    let body = ask(args, remote, path, &params).await?;
    let data: answer::Data = opened(args, &body)?;
    let range = args.start.as_ref().map(|_| (start_ms as f64 / 1000.0, end_ms as f64 / 1000.0));
    let mut out = std::io::stdout().lock();
    written(match args.format {
        LogsFormat::Json => out.write_all(&body).and_then(|()| out.write_all(b"\n")),
        LogsFormat::Text | LogsFormat::Raw => {
            table::table(&mut out, &data, units::Unit::None, range, crate::progress::terminal_width())
        }
    })
}

fn colourful(args: &LogsArgs) -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    args.format == LogsFormat::Text && wanted && std::io::stdout().is_terminal()
}

/// The body of an answer, whatever its status.
async fn ask(
    args: &LogsArgs,
    remote: &Remote,
    path: &str,
    params: &[(&str, String)],
) -> Result<Vec<u8>, Exit> {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let mut headers = vec![
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-loki-response-encoding-flags", "categorize-labels"),
    ];
    headers.extend(args.tenant.as_deref().map(|t| ("x-scope-orgid", t)));
    Ok(remote.post(path, &headers, form.into_bytes()).await?.1)
}

/// What an answer holds; an error if that is what it is.
fn opened<T: serde::de::DeserializeOwned>(args: &LogsArgs, body: &[u8]) -> Result<T, Exit> {
    let envelope: answer::Envelope<T> = serde_json::from_slice(body).map_err(|e| {
        let said = String::from_utf8_lossy(&body[..body.len().min(200)]);
        unable(format!("{} does not answer as Loki does: {e}: {said}", args.url))
    })?;
    envelope.warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    match envelope.data {
        Some(data) if envelope.status == "success" => Ok(data),
        _ => Err(no(format!("{}: {}", envelope.error_type, envelope.error))),
    }
}
