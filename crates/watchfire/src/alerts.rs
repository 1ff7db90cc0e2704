//! `watchfire alerts` and `watchfire silence`: a client of Alertmanager's API.

use crate::cli::{AlertsArgs, ListFormat, SilenceCommand};
use crate::exit::{Exit, no, written};
use crate::remote::Remote;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::io::Write;

/// The answer as JSON; anything but success is a no with the server's words.
fn answer(status: u16, body: &[u8]) -> Result<Value, Exit> {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match status {
        200..300 => Ok(value),
        _ => {
            let said =
                value.as_str().map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
            Err(no(format!("the server answers {status}: {said}")))
        }
    }
}

fn text<'v>(v: &'v Value, key: &str) -> &'v str {
    v[key].as_str().unwrap_or("")
}

fn labels(v: &Value) -> String {
    let pairs = v.as_object().into_iter().flatten().filter(|(n, _)| *n != "alertname");
    let pairs: Vec<String> =
        pairs.map(|(n, v)| format!("{n}={}", promql::quote(v.as_str().unwrap_or("")))).collect();
    pairs.join(", ")
}

/// Shows what fires.
pub async fn run(args: &AlertsArgs) -> Result<(), Exit> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for matcher in &args.matchers {
        query.append_pair("filter", matcher);
    }
    if args.active {
        query.append_pair("silenced", "false").append_pair("inhibited", "false");
    }
    let remote = Remote::new(&args.url)?;
    let mut url = remote.url("/api/v2/alerts");
    url.set_query(Some(&query.finish()));
    let (status, body) = remote.get_url(url).await?;
    let alerts = answer(status, &body)?;
    let mut out = std::io::stdout().lock();
    if args.format == ListFormat::Json {
        return written(writeln!(out, "{}", String::from_utf8_lossy(&body)));
    }
    for alert in alerts.as_array().into_iter().flatten() {
        let (name, state) = (text(&alert["labels"], "alertname"), text(&alert["status"], "state"));
        written(writeln!(out, "{name}  {state}  since {}", text(alert, "startsAt")))?;
        written(writeln!(out, "    {}", labels(&alert["labels"])))?;
        for key in ["summary", "description"] {
            let said = text(&alert["annotations"], key);
            if !said.is_empty() {
                written(writeln!(out, "    {said}"))?;
            }
        }
    }
    Ok(())
}

/// Makes, lists and ends silences.
pub async fn silence(what: SilenceCommand) -> Result<(), Exit> {
    match what {
        SilenceCommand::Add { matchers, length, comment, author, url } => {
            let ms = promql::parse_duration(&length).map_err(|e| no(format!("--for: {e}")))?;
            let now = Timestamp::now();
            let ends =
                now.checked_add(SignedDuration::from_millis(ms)).map_err(|e| no(format!("--for: {e}")))?;
            let mut all = Vec::new();
            for matcher in &matchers {
                let read = alerting::Matchers::parse(matcher).map_err(|e| no(e.to_string()))?;
                all.extend(read.0.iter().map(shape));
            }
            let body = json!({
                "matchers": all,
                "startsAt": now.to_string(),
                "endsAt": ends.to_string(),
                "createdBy": author.unwrap_or_default(),
                "comment": comment,
            });
            let json = [("content-type", "application/json")];
            let (status, body) =
                Remote::new(&url)?.post("/api/v2/silences", &json, body.to_string().into()).await?;
            let made = answer(status, &body)?;
            written(writeln!(std::io::stdout(), "{}", text(&made, "silenceID")))
        }
        SilenceCommand::List { expired, url, format } => list(expired, &url, format).await,
        SilenceCommand::Expire { ids, url } => {
            let remote = Remote::new(&url)?;
            for id in ids {
                let (status, body) = remote.delete(&format!("/api/v2/silence/{id}")).await?;
                answer(status, &body)?;
            }
            Ok(())
        }
    }
}

fn shape(m: &model::Matcher) -> Value {
    use model::MatchOp::{Equal, NotRegex, Regex};
    let (regex, equal) = (matches!(m.op(), Regex | NotRegex), matches!(m.op(), Equal | Regex));
    json!({"name": m.name(), "value": m.value(), "isRegex": regex, "isEqual": equal})
}

async fn list(expired: bool, url: &str, format: ListFormat) -> Result<(), Exit> {
    let remote = Remote::new(url)?;
    let mut url = remote.url("/api/v2/silences");
    url.set_query(Some(&format!("expired={expired}")));
    let (status, body) = remote.get_url(url).await?;
    let silences = answer(status, &body)?;
    let mut out = std::io::stdout().lock();
    if format == ListFormat::Json {
        return written(writeln!(out, "{}", String::from_utf8_lossy(&body)));
    }
    for s in silences.as_array().into_iter().flatten() {
        let matchers: Vec<String> = s["matchers"].as_array().into_iter().flatten().map(shown).collect();
        let (id, state) = (text(s, "id"), text(&s["status"], "state"));
        written(writeln!(out, "{id}  {state}  until {}", text(s, "endsAt")))?;
        written(writeln!(out, "    {}", matchers.join(", ")))?;
        written(writeln!(out, "    {}: {}", text(s, "createdBy"), text(s, "comment")))?;
    }
    Ok(())
}

fn shown(m: &Value) -> String {
    let op = match (m["isEqual"].as_bool().unwrap_or(true), m["isRegex"].as_bool().unwrap_or(false)) {
        (true, false) => "=",
        (false, false) => "!=",
        (true, true) => "=~",
        (false, true) => "!~",
    };
    format!("{}{op}{}", text(m, "name"), promql::quote(text(m, "value")))
}
