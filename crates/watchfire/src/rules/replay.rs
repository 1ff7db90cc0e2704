//! `watchfire rules replay`: when alerting rules would have fired.

use super::args::ReplayArgs;
use super::{read, told};
use crate::cli::ListFormat;
use crate::exit::{Exit, no, unable, written};
use crate::query::time;
use crate::remote::Remote;
use rules::{Expression, FileOptions, RuleFile, RuleKind};
use serde_json::{Map, Value, json};
use server::http::time::{format_rfc3339, parse_duration};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Steps of a replay unless the command says otherwise: fewer than the server takes, which adds those for `for`.
const STEPS: i64 = 5_000;
/// The shortest step that is chosen, milliseconds.
const STEP_MS_MIN: i64 = 15_000;

/// A rule to be replayed, in the shape in which the server tries rules.
struct Replayed {
    name: String,
    asked: Map<String, Value>,
}

/// Runs the command.
pub async fn run(args: &ReplayArgs) -> Result<(), Exit> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let start_ms = time(&args.start, now_ms)?;
    let end_ms = args.end.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(now_ms);
    if end_ms < start_ms {
        return Err(no("the time ends before it begins: --end must not be before --start"));
    }
    let step_ms = match &args.step {
        Some(text) => parse_duration(text).map_err(|e| no(format!("--step: {e}")))?,
        None => ((end_ms - start_ms) / STEPS / 1000 * 1000).max(STEP_MS_MIN),
    };
    let remote = Remote::new(&args.url)?;
    let mut replayed = match Path::new(&args.what).is_file() {
        true => of_file(args)?,
        false => of_server(&remote, &args.what).await?,
    };
    if let Some(name) = &args.rule {
        replayed.retain(|r| r.name == *name);
    }
    if replayed.is_empty() {
        let what = &args.what;
        return Err(no(format!(
            "no alerting rule to replay: {what:?} is neither a rule file with one nor the name of one at work"
        )));
    }
    let mut answers = Vec::new();
    let mut out = std::io::stdout().lock();
    let look =
        Look { colour: out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) };
    let mut failed = false;
    for one in replayed {
        let mut asked = one.asked;
        for (key, ms) in [("start", start_ms), ("end", end_ms), ("step", step_ms)] {
            asked.insert(key.to_owned(), json!(ms as f64 / 1000.0));
        }
        let json = [("content-type", "application/json")];
        let body = Value::Object(asked).to_string().into_bytes();
        let (status, answer) = remote.post("/api/v1/rules/try", &json, body).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        if status != 200 {
            let reason = answer["error"].as_str().unwrap_or("it gives no reason");
            let told = format!("{}: the server answers {status}: {reason}", one.name);
            return Err(if status == 400 || status == 422 { no(told) } else { unable(told) });
        }
        let trial = &answer["data"];
        failed |= trial["errorCount"].as_u64().unwrap_or(0) > 0;
        match args.format {
            ListFormat::Json => answers.push(json!({"alert": one.name, "trial": trial})),
            _ => written(look.trial(&mut out, &one.name, trial))?,
        }
    }
    if args.format == ListFormat::Json {
        written(writeln!(out, "{}", Value::Array(answers)))?;
    }
    if failed { Err(no("")) } else { Ok(()) }
}

/// The alerting rules of a file.
fn of_file(args: &ReplayArgs) -> Result<Vec<Replayed>, Exit> {
    let path = Path::new(&args.what);
    let options = FileOptions { language: args.language.unwrap_or_default(), ..FileOptions::default() };
    let file = RuleFile::parse(&read(path)?, options).map_err(|problems| no(told(path, &problems)))?;
    let mut out = Vec::new();
    for group in &file.groups {
        for rule in group.rules.iter().filter(|r| r.kind == RuleKind::Alert) {
            let mut asked = json!({
                "alert": rule.name, "expr": rule.expr_text, "labels": rule.labels, "annotations": rule.annotations,
                "for": millis(rule.for_ms), "keep_firing_for": millis(rule.keep_firing_for_ms),
                "language": rule.expr.language().as_str(),
            });
            if let Some(tenant) = &group.tenant {
                asked["tenant"] = tenant.as_str().into();
            }
            if let Expression::TraceQl { range_ms, .. } = &rule.expr {
                asked["range"] = millis(*range_ms).into();
            }
            out.extend(replayed(asked));
        }
    }
    Ok(out)
}

/// The alerting rules of a name that are at work.
async fn of_server(remote: &Remote, name: &str) -> Result<Vec<Replayed>, Exit> {
    let mut url = remote.url("/api/v1/rules");
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("type", "alert")
        .append_pair("rule_name[]", name)
        .append_pair("exclude_alerts", "true")
        .finish();
    url.set_query(Some(&query));
    let (status, body) = remote.get_url(url).await?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status != 200 {
        return Err(unable(format!("the server answers {status} when asked for its rules")));
    }
    let mut out = Vec::new();
    for group in answer["data"]["groups"].as_array().into_iter().flatten() {
        for rule in group["rules"].as_array().into_iter().flatten() {
            let seconds = |key: &str| millis((rule[key].as_f64().unwrap_or(0.0) * 1000.0) as i64);
            let mut asked = json!({
                "alert": rule["name"], "expr": rule["query"], "labels": rule["labels"],
                "annotations": rule["annotations"], "for": seconds("duration"),
                "keep_firing_for": seconds("keepFiringFor"),
            });
            for (from, key) in [(rule, "language"), (group, "tenant")] {
                if from[key].is_string() {
                    asked[key] = from[key].clone();
                }
            }
            if rule["range"].is_number() {
                asked["range"] = seconds("range").into();
            }
            out.extend(replayed(asked));
        }
    }
    Ok(out)
}

fn replayed(asked: Value) -> Option<Replayed> {
    match asked {
        Value::Object(asked) => {
            Some(Replayed { name: asked["alert"].as_str().unwrap_or("").to_owned(), asked })
        }
        _ => None,
    }
}

fn millis(ms: i64) -> String {
    format!("{ms}ms")
}

/// How a replay looks.
struct Look {
    colour: bool,
}

impl Look {
    fn trial(&self, out: &mut impl Write, name: &str, trial: &Value) -> std::io::Result<()> {
        let fired = trial["fired"].as_u64().unwrap_or(0);
        let times = if fired == 1 { "once".to_owned() } else { format!("{fired} times") };
        writeln!(
            out,
            "{}  {}",
            self.bold(name),
            if fired == 0 { "never fired".to_owned() } else { format!("fired {times}") }
        )?;
        let end = trial["end"].as_f64().unwrap_or(0.0);
        for history in trial["histories"].as_array().into_iter().flatten() {
            writeln!(out, "    {}", labels(&history["labels"]))?;
            for stretch in history["stretches"].as_array().into_iter().flatten() {
                self.stretch(out, stretch, end)?;
            }
        }
        let shown = trial["histories"].as_array().map_or(0, |all| all.len() as u64);
        let more = trial["historyCount"].as_u64().unwrap_or(0).saturating_sub(shown);
        if more > 0 {
            writeln!(out, "    and {more} further alerts")?;
        }
        let errors = trial["errorCount"].as_u64().unwrap_or(0);
        if errors > 0 {
            let first = &trial["errors"][0];
            let at = moment(first["at"].as_f64().unwrap_or(0.0));
            let why = first["error"].as_str().unwrap_or("");
            writeln!(out, "    {errors} evaluations failed, the first at {at}: {why}")?;
        }
        Ok(())
    }

    fn stretch(&self, out: &mut impl Write, stretch: &Value, end: f64) -> std::io::Result<()> {
        let state = stretch["state"].as_str().unwrap_or("");
        let (from, until) =
            (stretch["from"].as_f64().unwrap_or(0.0), stretch["until"].as_f64().unwrap_or(0.0));
        let code = match state {
            "firing" => "31",
            "pending" => "33",
            _ => "36",
        };
        let padded = format!("{state:<10}");
        let state = if self.colour { format!("\x1b[{code}m{padded}\x1b[0m") } else { padded };
        let length = promql::format_duration(((until - from) * 1000.0).round() as i64);
        let open = if until >= end { " and on" } else { "" };
        writeln!(out, "        {}  {state}  for {length}{open}", moment(from))
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn moment(seconds: f64) -> String {
    format_rfc3339((seconds * 1000.0).round() as i64)
}

/// The labels of an alert but for its name.
fn labels(v: &Value) -> String {
    let pairs = v.as_object().into_iter().flatten().filter(|(n, _)| *n != "alertname");
    let pairs: Vec<String> =
        pairs.map(|(n, v)| format!("{n}={}", promql::quote(v.as_str().unwrap_or("")))).collect();
    format!("{{{}}}", pairs.join(", "))
}
