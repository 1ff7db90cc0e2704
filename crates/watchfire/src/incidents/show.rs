//! One incident with its alerts and its timeline.

use super::{answer, line, moment, path, text};
use crate::cli::ListFormat;
use crate::exit::{Exit, written};
use crate::remote::Remote;
use serde_json::{Value, json};
use std::io::Write;

/// Shows it.
pub async fn show(remote: &Remote, id: &str, format: ListFormat) -> Result<(), Exit> {
    let (status, body) = remote.get(&path(id, "")).await?;
    let incident = answer(status, &body)?;
    let (status, body) = remote.get(&path(id, "/timeline")).await?;
    let timeline = answer(status, &body)?;
    let mut out = std::io::stdout().lock();
    if format == ListFormat::Json {
        return written(writeln!(out, "{}", json!({"incident": incident, "timeline": timeline})));
    }
    written(whole(&mut out, &incident, &timeline))
}

fn whole(out: &mut impl Write, incident: &Value, timeline: &Value) -> std::io::Result<()> {
    line(out, incident)?;
    if let Some(by) = incident["acknowledgedBy"].as_str() {
        writeln!(out, "    acknowledged by {by}, {}", moment(&incident["acknowledgedAt"]))?;
    }
    let escalation = &incident["escalation"];
    if escalation.is_object() {
        let (policy, state) = (text(escalation, "policy"), text(escalation, "state"));
        let step = format!("step {} of {}", escalation["step"], escalation["steps"]);
        writeln!(out, "    escalation {policy}: {step}, {state} {}", moment(&escalation["nextAt"]))?;
    }
    writeln!(out, "\nAlerts")?;
    for alert in incident["alerts"].as_array().into_iter().flatten() {
        let (name, state) = (text(alert, "name"), text(alert, "state"));
        writeln!(
            out,
            "    {state}  {name}  since {}  {}",
            moment(&alert["startsAt"]),
            text(alert, "summary")
        )?;
        if let Some(expr) = alert["expr"].as_str() {
            writeln!(out, "        {}", expr.lines().collect::<Vec<_>>().join(" "))?;
        }
    }
    writeln!(out, "\nTimeline")?;
    for entry in timeline["entries"].as_array().into_iter().flatten() {
        let by = entry["by"].as_str().filter(|b| !b.is_empty()).map(|b| format!("  ({b})"));
        writeln!(out, "    {}  {}{}", moment(&entry["at"]), said(entry), by.unwrap_or_default())?;
    }
    Ok(())
}

fn names(list: &Value) -> String {
    let all: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    all.join(", ")
}

fn told(n: &Value) -> String {
    format!("{} by {}: {}", text(n, "receiver"), text(n, "way"), n["outcome"].as_str().unwrap_or("under way"))
}

/// What an entry says.
fn said(e: &Value) -> String {
    let kind = text(e, "kind");
    match kind {
        "opened" => format!("opened: {}", text(e, "title")),
        "firing" | "ended" => {
            format!("{kind}: {} {}", text(e, "name"), text(e, "summary")).trim_end().to_owned()
        }
        "severity" | "title" => format!("{kind}: {} → {}", text(e, "from"), text(e, "to")),
        "assigned" => format!("assigned to {}", e["to"].as_str().unwrap_or("nobody")),
        "note" => format!("note: {}", text(e, "text")),
        "escalated" if e["reached"] == true => format!("escalated to {}", names(&e["people"])),
        "escalated" => "escalated, and nobody was on call".to_owned(),
        "paged" => {
            let ways: Vec<String> = e["notifications"].as_array().into_iter().flatten().map(told).collect();
            let what = if e["end"] == true { "told of the end" } else { "paged" };
            format!("{} {what}: {}", text(e, "person"), ways.join("; "))
        }
        "notified" => format!("notified {} ({} alerts)", told(e), e["alerts"]),
        "reopened" => format!("reopened ({})", text(e, "reason")),
        "merged" => format!("#{} became a part of it", e["incident"]),
        "merged_into" => format!("became a part of #{}", e["incident"]),
        "split" => format!("split off as #{}: {}", e["incident"], names(&e["alerts"])),
        "split_from" => format!("split off from #{}", e["incident"]),
        "event" => format!("{}: {}", text(&e["event"], "kind"), text(&e["event"], "title")),
        "error" => {
            format!(
                "{} error: {} ({})",
                text(e, "what"),
                text(&e["issue"], "title"),
                text(&e["issue"], "service")
            )
        }
        other => other.to_owned(),
    }
}
