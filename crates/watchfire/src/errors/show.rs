//! One issue: what is counted of it, and its newest event.

use super::list::cut;
use super::{Paint, text, when};
use serde_json::Value;
use std::io::{self, Write};

/// Breadcrumbs that are shown: the newest.
const CRUMBS_MAX: usize = 10;

/// Writes an issue.
pub fn write(out: &mut dyn Write, issue: &Value, width: usize, paint: &Paint) -> io::Result<()> {
    let Paint { dim, red, bold, reset } = paint;
    writeln!(out, "{bold}{}{reset}", text(issue, "title"))?;
    let life = &issue["life"];
    let mut status = text(life, "status");
    for (name, word) in [("inRelease", "in"), ("afterRelease", "after"), ("assigned", "assigned to")] {
        if life[name].is_string() {
            status.push_str(&format!(", {word} {}", text(life, name)));
        }
    }
    if life["regressed"] == Value::Bool(true) {
        status.push_str(&format!(", {red}came back{reset}"));
    }
    let pairs = [
        ("id", text(issue, "id")),
        ("status", status),
        ("project", text(issue, "project")),
        ("service", text(issue, "service")),
        ("culprit", text(issue, "culprit")),
        ("events", format!("{} ({} not handled)", text(issue, "events"), text(issue, "unhandled"))),
        ("users", text(issue, "users")),
        ("first", format!("{} {}", when(issue, "firstSeen"), text(issue, "firstRelease"))),
        ("last", format!("{} {}", when(issue, "lastSeen"), text(issue, "lastRelease"))),
    ];
    for (name, value) in pairs.iter().filter(|(_, v)| !v.trim().is_empty()) {
        writeln!(out, "{dim}{name:<9}{reset}{}", cut(value.trim(), width.saturating_sub(9)))?;
    }
    let event = &issue["latestEvent"];
    if event.is_null() {
        return writeln!(out, "{dim}its events are past retention{reset}");
    }
    writeln!(out, "\n{dim}newest event {} at {}{reset}", text(event, "id"), when(event, "time"))?;
    if let Some(trace) = event["links"]["trace"]["traceID"].as_str() {
        writeln!(out, "{dim}trace        {}{reset}", cut(trace, 40))?;
    }
    let exceptions = event["exceptions"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (i, e) in exceptions.iter().rev().enumerate() {
        let because = if i > 0 { "caused by " } else { "" };
        let head = match (text(e, "type"), text(e, "value")) {
            (kind, value) if kind.is_empty() || value.is_empty() => format!("{kind}{value}"),
            (kind, value) => format!("{kind}: {value}"),
        };
        writeln!(out, "\n{because}{red}{}{reset}", cut(&head, width.saturating_sub(because.len()) * 3))?;
        frames(out, &e["stack"], paint)?;
    }
    if exceptions.is_empty() {
        writeln!(out, "\n{}", text(event, "message"))?;
        frames(out, &event["stack"], paint)?;
    }
    let crumbs = event["breadcrumbs"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !crumbs.is_empty() {
        writeln!(out, "\n{dim}before that{reset}")?;
    }
    for crumb in &crumbs[crumbs.len().saturating_sub(CRUMBS_MAX)..] {
        let line = format!("{} {} {}", when(crumb, "time"), text(crumb, "category"), text(crumb, "message"));
        writeln!(out, "  {}", cut(&line, width.saturating_sub(2)))?;
    }
    Ok(())
}

/// Calls, the one that failed first; source where it was sent.
fn frames(out: &mut dyn Write, stack: &Value, paint: &Paint) -> io::Result<()> {
    let Paint { dim, bold, reset, .. } = paint;
    for f in stack["frames"].as_array().map(Vec::as_slice).unwrap_or_default().iter().rev() {
        let own = f["in_app"] != Value::Bool(false);
        let weight = if own { bold } else { dim };
        let place = match (text(f, "file"), text(f, "line")) {
            (file, line) if line.is_empty() => file,
            (file, line) => format!("{file}:{line}"),
        };
        let module = match text(f, "module") {
            module if module.is_empty() => module,
            module => format!("{module}."),
        };
        writeln!(out, "  {weight}{module}{}{reset} {dim}{place}{reset}", text(f, "function"))?;
        if own && f["source"].is_string() {
            writeln!(out, "      {}", text(f, "source").trim())?;
        }
    }
    Ok(())
}
