//! `watchfire events send`: an event from a script, or of the run of a command.

use super::said;
use crate::cli::EventsSendArgs;
use crate::exit::{Exit, no, unable};
use crate::query::time;
use crate::remote::Remote;
use serde_json::{Map, Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Times it is tried, and the pause before each but the first.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Of what a command says on its standard error, so many last bytes are sent.
const SAID_BYTES: usize = 4096;

fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64)
}

/// Sends an event; runs a command first, if one is given, and ends as it did.
pub async fn run(args: EventsSendArgs) -> Result<(), Exit> {
    let remote = Remote::new(&args.url)?;
    let mut event = Map::new();
    let title = match (&args.title, args.command.first()) {
        (Some(title), _) => title.clone(),
        (None, Some(program)) => program.rsplit('/').next().unwrap_or(program).to_owned(),
        (None, None) => return Err(no("the event has no title: give --title")),
    };
    event.insert("title".to_owned(), json!(title));
    if !args.command.is_empty() {
        // Metrics tell jobs apart by it.
        event.insert("subject".to_owned(), json!(title));
    }
    let kind = args.kind.clone().or_else(|| (!args.command.is_empty()).then(|| "cron".to_owned()));
    let host = args.host.clone().unwrap_or_else(server::process::hostname);
    for (name, value) in [
        ("kind", &kind),
        ("text", &args.text),
        ("severity", &args.severity),
        ("subject", &args.subject),
        ("link", &args.link),
        ("result", &args.result),
        ("duration", &args.duration),
        ("service", &args.service),
        ("version", &args.version),
        ("environment", &args.environment),
        ("host", &Some(host.clone())),
        ("source", &Some(args.source.clone())),
    ] {
        if let Some(value) = value.as_ref().filter(|v| !v.is_empty()) {
            event.insert(name.to_owned(), json!(value));
        }
    }
    let mut attributes = Map::new();
    for pair in &args.attribute {
        let (name, value) = pair.split_once('=').ok_or_else(|| no(format!("{pair:?} is not name=value")))?;
        // Numbers stay numbers, so that metrics can add them.
        let value =
            serde_json::from_str::<serde_json::Number>(value).map_or_else(|_| json!(value), Value::Number);
        attributes.insert(name.to_owned(), value);
    }
    let begun_ns = match args.time.as_deref() {
        Some(text) => time(text, now_ns() / 1_000_000)?.saturating_mul(1_000_000),
        None => now_ns(),
    };
    event.insert("time".to_owned(), json!(begun_ns));
    let code = if args.command.is_empty() {
        None
    } else {
        Some(command(&args.command, &mut event, &mut attributes).await?)
    };
    // With an id, an event whose answer was lost is stored once all the same.
    let id = args.id.clone().unwrap_or_else(|| format!("{host}/{}/{}", std::process::id(), now_ns()));
    event.insert("id".to_owned(), json!(id));
    if !attributes.is_empty() {
        event.insert("attributes".to_owned(), Value::Object(attributes));
    }
    let sent = deliver(&remote, &args, Value::Object(event).to_string()).await;
    match (code, sent) {
        // What became of the command matters more than whether it could be told.
        (Some(code), sent) => {
            if let Err(exit) = sent {
                let _ = exit.report();
            }
            match code {
                0 => Ok(()),
                code => std::process::exit(code),
            }
        }
        (None, sent) => sent,
    }
}

/// Runs a command with our input and output; gives its exit code.
async fn command(
    words: &[String],
    event: &mut Map<String, Value>,
    attributes: &mut Map<String, Value>,
) -> Result<i32, Exit> {
    let begun = Instant::now();
    let mut child = tokio::process::Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::inherit())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| unable(format!("cannot run {}: {e}", words[0])))?;
    let mut last = Vec::new();
    if let Some(stderr) = &mut child.stderr {
        let mut piece = [0; 4096];
        while let Ok(n @ 1..) = tokio::io::AsyncReadExt::read(stderr, &mut piece).await {
            // It is seen as if it were not read here.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), &piece[..n]);
            last.extend_from_slice(&piece[..n]);
            let over = last.len().saturating_sub(SAID_BYTES);
            last.drain(..over);
        }
    }
    let status = child.wait().await.map_err(|e| unable(format!("cannot wait for {}: {e}", words[0])))?;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0));
    event.insert("duration".to_owned(), json!(begun.elapsed().as_secs_f64()));
    event.entry("result").or_insert_with(|| json!(if code == 0 { "ok" } else { "failed" }));
    attributes.insert("process.exit.code".to_owned(), json!(code));
    attributes.insert("process.command_line".to_owned(), json!(words.join(" ")));
    let said = String::from_utf8_lossy(&last).trim().to_owned();
    if code != 0 && !said.is_empty() {
        event.entry("text").or_insert_with(|| json!(said));
    }
    Ok(code)
}

async fn deliver(remote: &Remote, args: &EventsSendArgs, body: String) -> Result<(), Exit> {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(args.tenant.as_deref().map(|t| ("x-scope-orgid", t)));
    let mut attempt = 1;
    loop {
        let done = match remote.post("/api/v1/events", &headers, body.clone().into_bytes()).await {
            Ok((200..=299, _)) => return Ok(()),
            Ok((status @ (429 | 500..=599), body)) => unable(said(&body, status)),
            Ok((status, body)) => return Err(no(said(&body, status))),
            Err(exit) => exit,
        };
        if attempt == ATTEMPTS {
            return Err(done);
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}
