//! `watchfire incidents`: what is wrong, and who is on it.

pub mod args;
mod oncall;
mod show;

pub use oncall::run as oncall;

use crate::cli::ListFormat;
use crate::exit::{Exit, no, written};
use crate::remote::Remote;
use args::{ByArgs, IncidentCommand, IncidentsArgs, Language, ListArgs};
use serde_json::{Value, json};
use std::io::Write;

/// The data of an answer; anything but success is a no with the server's words.
fn answer(status: u16, body: &[u8]) -> Result<Value, Exit> {
    let mut value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match status {
        200..300 => Ok(value["data"].take()),
        _ => {
            let said = value["error"]
                .as_str()
                .map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
            Err(no(format!("the server answers {status}: {said}")))
        }
    }
}

fn text<'v>(v: &'v Value, key: &str) -> &'v str {
    v[key].as_str().unwrap_or("")
}

/// A time without what nobody reads.
fn moment(v: &Value) -> String {
    let text = v.as_str().unwrap_or("");
    let seconds = text.split_once('.').map_or(text.trim_end_matches('Z'), |(s, _)| s);
    seconds.replace('T', " ")
}

/// Does what the arguments say.
pub async fn run(args: IncidentsArgs) -> Result<(), Exit> {
    let remote = Remote::new(&args.server.url)?;
    match args.what {
        None => {
            list(&remote, &ListArgs { status: "open".to_owned(), limit: 50, ..ListArgs::default() }).await
        }
        Some(IncidentCommand::List(wanted)) => list(&remote, &wanted).await,
        Some(IncidentCommand::Show { id, format }) => show::show(&remote, &id, format).await,
        Some(IncidentCommand::Ack(s)) => several(&remote, "acknowledge", &s.ids, &s.by).await,
        Some(IncidentCommand::Unack(s)) => several(&remote, "unacknowledge", &s.ids, &s.by).await,
        Some(IncidentCommand::Resolve(s)) => several(&remote, "resolve", &s.ids, &s.by).await,
        Some(IncidentCommand::Reopen(s)) => several(&remote, "reopen", &s.ids, &s.by).await,
        Some(IncidentCommand::Note { id, text, by }) => {
            act(&remote, &id, &by, json!({"action": "note", "text": text})).await
        }
        Some(IncidentCommand::Assign { id, to, by }) => {
            act(&remote, &id, &by, json!({"action": "assign", "to": to})).await
        }
        Some(IncidentCommand::Escalate { id, people, by }) => {
            act(&remote, &id, &by, json!({"action": "escalate", "people": people})).await
        }
        Some(IncidentCommand::Merge { id, others, by }) => {
            act(&remote, &id, &by, json!({"action": "merge", "incidents": others})).await
        }
        Some(IncidentCommand::Export { id, lang }) => export(&remote, &id, lang).await,
    }
}

fn path(id: &str, below: &str) -> String {
    format!("/api/v1/incidents/{}{below}", id.trim_start_matches('#'))
}

async fn list(remote: &Remote, wanted: &ListArgs) -> Result<(), Exit> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("status", &wanted.status).append_pair("limit", &wanted.limit.to_string());
    for (name, value) in [
        ("severity", &wanted.severity),
        ("assigned", &wanted.assigned),
        ("entity", &wanted.entity),
        ("since", &wanted.since),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    if !wanted.words.is_empty() {
        query.append_pair("query", &wanted.words.join(" "));
    }
    let mut url = remote.url("/api/v1/incidents");
    url.set_query(Some(&query.finish()));
    let (status, body) = remote.get_url(url).await?;
    let found = answer(status, &body)?;
    let mut out = std::io::stdout().lock();
    if wanted.format == Some(ListFormat::Json) {
        return written(writeln!(out, "{}", String::from_utf8_lossy(&body)));
    }
    let all = found["incidents"].as_array().map_or(&[][..], Vec::as_slice);
    for incident in all {
        written(line(&mut out, incident))?;
    }
    let total = found["total"].as_u64().unwrap_or(0);
    if total > all.len() as u64 {
        eprintln!("{} of {total}: more with --limit", all.len());
    }
    Ok(())
}

/// An incident in a list.
fn line(out: &mut impl Write, incident: &Value) -> std::io::Result<()> {
    let quiet = if incident["quiet"] == true { ", quiet" } else { "" };
    let (severity, status) = (text(incident, "severity"), text(incident, "status"));
    let since = moment(&incident["startedAt"]);
    writeln!(out, "#{}  {severity}  {status}{quiet}  since {since}", incident["id"])?;
    writeln!(out, "    {}", text(incident, "title"))?;
    let mut more = vec![format!("{} of {} alerts fire", incident["firing"], incident["alertCount"])];
    let entities = incident["entities"].as_array().into_iter().flatten();
    let entities: Vec<String> =
        entities.take(5).map(|e| format!("{}/{}", text(e, "type"), text(e, "id"))).collect();
    if !entities.is_empty() {
        more.push(entities.join(", "));
    }
    if let Some(who) =
        incident["assigned"].as_str().or(incident["acknowledgedBy"].as_str()).filter(|w| !w.is_empty())
    {
        more.push(format!("with {who}"));
    }
    writeln!(out, "    {}", more.join("; "))
}

async fn act(remote: &Remote, id: &str, by: &ByArgs, mut wish: Value) -> Result<(), Exit> {
    wish["by"] = json!(by.by.as_deref().unwrap_or(""));
    let json = [("content-type", "application/json")];
    let (status, body) = remote.post(&path(id, ""), &json, wish.to_string().into()).await?;
    answer(status, &body).map(drop)
}

/// The same for several. Those that can be done are done; the exit code is 1 if any cannot.
async fn several(remote: &Remote, action: &str, ids: &[String], by: &ByArgs) -> Result<(), Exit> {
    let mut refused = Vec::new();
    for id in ids {
        let done = act(remote, id, by, json!({"action": action})).await;
        match done {
            Ok(()) => {}
            Err(e) if ids.len() == 1 => return Err(e),
            Err(e) => refused.push(format!("#{}: {e}", id.trim_start_matches('#'))),
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(no(refused.join("\n"))) }
}

async fn export(remote: &Remote, id: &str, lang: Language) -> Result<(), Exit> {
    let mut url = remote.url(&path(id, "/postmortem"));
    url.set_query(Some(match lang {
        Language::En => "lang=en",
        Language::Zh => "lang=zh",
    }));
    let (status, body) = remote.get_url(url).await?;
    if status != 200 {
        return answer(status, &body).map(drop);
    }
    written(write!(std::io::stdout(), "{}", String::from_utf8_lossy(&body)))
}
