//! `watchfire events`: asks a server for events, and sends them.

mod list;
mod send;

use crate::cli::{EventsArgs, EventsCommand, EventsListArgs, ListFormat};
use crate::exit::{Exit, no, unable, written};
use crate::query::time;
use crate::remote::Remote;
use std::io::{IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MS: i64 = 86_400_000;

/// Shows events, or sends one.
pub async fn run(args: EventsArgs) -> Result<(), Exit> {
    match args.what {
        Some(EventsCommand::Send(args)) => send::run(args).await,
        None => show(&args.list).await,
    }
}

async fn show(args: &EventsListArgs) -> Result<(), Exit> {
    let remote = Remote::new(&args.url)?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let end = args.end.as_deref().map(|t| time(t, now_ms)).transpose()?;
    let start = args.start.as_deref().map(|t| time(t, now_ms)).transpose()?;
    let start = start.unwrap_or(end.unwrap_or(now_ms) - DAY_MS);
    if end.is_some_and(|end| end <= start) {
        return Err(no("the range ends before it begins: --end must be after --start"));
    }
    let ns = |ms: i64| ms.saturating_mul(1_000_000).to_string();
    let mut url = remote.url("/api/v1/events");
    {
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair("start", &ns(start)).append_pair("limit", &args.limit.to_string());
        if let Some(end) = end {
            pairs.append_pair("end", &ns(end));
        }
        for (name, values) in [("kind", &args.kind), ("service", &args.service), ("host", &args.host)] {
            for value in values {
                pairs.append_pair(name, value);
            }
        }
        for (name, value) in [("text", &args.text), ("severity", &args.severity)] {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        for pair in &args.attribute {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| no(format!("{pair:?} is not name=value")))?;
            pairs.append_pair("attribute", &format!("{name}:{value}"));
        }
    }
    let (status, body) = remote.get_as(url, args.tenant.as_deref()).await?;
    if status != 200 {
        return Err(no(said(&body, status)));
    }
    let mut out = std::io::stdout().lock();
    if args.format == ListFormat::Json {
        return written(out.write_all(&body).and_then(|()| out.write_all(b"\n")));
    }
    let answer: list::Answer = serde_json::from_slice(&body)
        .map_err(|e| unable(format!("{} does not answer as Watchfire does: {e}", args.url)))?;
    if answer.data.events.is_empty() {
        eprintln!("no event matches between --start and --end [default: the last day]");
    }
    let colourful =
        std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::io::stdout().is_terminal();
    written(list::write(&mut out, &answer.data.events, colourful, args.details))
}

/// What a server says is wrong.
fn said(body: &[u8], status: u16) -> String {
    let answer = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = answer.and_then(|v| v["error"].as_str().map(str::to_owned));
    let text = || String::from_utf8_lossy(&body[..body.len().min(400)]).trim().to_owned();
    match said.unwrap_or_else(text) {
        said if said.is_empty() => format!("the server answers with status {status}"),
        said => said,
    }
}
