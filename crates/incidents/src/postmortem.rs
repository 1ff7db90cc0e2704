//! A report about an incident in Markdown, for people to complete.

mod words;

use crate::incident::{Entry, Incident, Member, What};
use std::collections::BTreeMap;
use std::fmt::Write;

pub use words::Language;
use words::Words;

/// Something that changed, as events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Its kind: `deploy`.
    pub kind: String,
    /// What it says.
    pub title: String,
}

/// An error issue that was new or came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Its id.
    pub id: String,
    /// What it says.
    pub title: String,
    /// In which service.
    pub service: String,
    /// Whether it came back.
    pub regressed: bool,
}

/// What is known besides the incident.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// In order of time.
    pub changes: Vec<Change>,
    /// In order of time.
    pub issues: Vec<Issue>,
}

/// A line of the report's timeline.
const LINES_MAX: usize = 1_000;

/// Writes the report. `parts` are incidents that became a part of it.
pub fn report(
    incident: &Incident,
    parts: &[&Incident],
    context: &Context,
    language: Language,
    now_ms: i64,
) -> String {
    let words = language.words();
    let mut out = String::new();
    // Writing to memory does not fail.
    let _ = write_report(&mut out, incident, parts, context, words, now_ms);
    out
}

fn write_report(
    out: &mut String,
    incident: &Incident,
    parts: &[&Incident],
    context: &Context,
    w: &Words,
    now_ms: i64,
) -> std::fmt::Result {
    let head = &incident.head;
    writeln!(out, "# {}: {} (#{})\n", w.report, plain(&head.title), head.id)?;
    summary(out, incident, w, now_ms)?;
    impact(out, incident, w, now_ms)?;
    timeline(out, incident, parts, context, w)?;
    alerts(out, incident, w)?;
    writeln!(out, "## {}\n", w.changes)?;
    let before = context.changes.iter().filter(|c| c.at_ms <= head.started_ms);
    let before: Vec<String> = before.map(change_line).collect();
    listed(out, &before, w)?;
    writeln!(out, "## {}\n", w.errors)?;
    let issues: Vec<String> = context.issues.iter().map(|i| issue_line(i, w)).collect();
    listed(out, &issues, w)?;
    people(out, incident, parts, w)?;
    for (title, what) in w.to_fill {
        writeln!(out, "## {title}\n\n_{what}_\n")?;
    }
    writeln!(out, "## {}\n\n- [ ] _{}_", w.actions, w.actions_to_fill)
}

fn summary(out: &mut String, incident: &Incident, w: &Words, now_ms: i64) -> std::fmt::Result {
    let head = &incident.head;
    writeln!(out, "## {}\n\n_{}_\n", w.summary, w.summary_to_fill)?;
    writeln!(out, "- {}: {}", w.severity, head.severity.text())?;
    writeln!(out, "- {}: {}", w.status, w.status_of(head.status))?;
    writeln!(out, "- {}: {}", w.began, time(head.started_ms))?;
    if let Some(resolved) = &head.resolved {
        let by = resolved.by.as_deref().map_or(w.by_itself.to_owned(), |by| w.by(&plain(by)));
        writeln!(out, "- {}: {} ({by})", w.ended, time(resolved.ended_ms))?;
    }
    writeln!(out, "- {}: {}", w.duration, length(incident.end_ms(now_ms).saturating_sub(head.started_ms)))?;
    let first = incident.entries.iter().find(|e| matches!(e.what, What::Acknowledged));
    if let Some(first) = first {
        let after = length(first.at_ms.saturating_sub(head.started_ms));
        let by = w.by(&plain(first.by.as_deref().unwrap_or("")));
        writeln!(out, "- {}: {after} ({by})", w.acknowledged_after)?;
    }
    if let Some(to) = &head.assigned {
        writeln!(out, "- {}: {}", w.assigned, plain(to))?;
    }
    writeln!(out)
}

fn impact(out: &mut String, incident: &Incident, w: &Words, now_ms: i64) -> std::fmt::Result {
    writeln!(out, "## {}\n\n_{}_\n", w.impact, w.impact_to_fill)?;
    let firing = incident.members.values().map(|m| (m.first_ms, if m.ended { m.ends_ms } else { now_ms }));
    let last = firing.map(|(_, to)| to).max().unwrap_or(now_ms);
    let span = length(last.saturating_sub(incident.head.started_ms));
    writeln!(out, "- {}: {span}", w.fired_for)?;
    let entities: Vec<String> =
        incident.entities().iter().map(|e| format!("`{}`", code(&e.to_string()))).collect();
    if !entities.is_empty() {
        writeln!(out, "- {}: {}", w.entities, entities.join(", "))?;
    }
    writeln!(out, "- {}: {}\n", w.alerts, incident.members.len())
}

fn timeline(
    out: &mut String,
    incident: &Incident,
    parts: &[&Incident],
    context: &Context,
    w: &Words,
) -> std::fmt::Result {
    writeln!(out, "## {}\n", w.timeline)?;
    let mut lines: Vec<(i64, u64, String)> = Vec::new();
    for entry in parts.iter().copied().chain([incident]).flat_map(|i| &i.entries) {
        if let Some(line) = entry_line(entry, w) {
            lines.push((entry.at_ms, entry.number, line));
        }
    }
    lines.extend(context.changes.iter().map(|c| (c.at_ms, 0, change_words(c))));
    lines.extend(context.issues.iter().map(|i| (i.at_ms, 0, issue_words(i, w))));
    lines.sort();
    let left_out = lines.len().saturating_sub(LINES_MAX) as u64 + incident.dropped;
    for (at_ms, _, line) in lines.iter().take(LINES_MAX) {
        writeln!(out, "- {} {line}", time(*at_ms))?;
    }
    if left_out > 0 {
        writeln!(out, "- {}: {left_out}", w.left_out)?;
    }
    writeln!(out)
}

/// A moment in one line; nothing of what says nothing to a reader.
fn entry_line(entry: &Entry, w: &Words) -> Option<String> {
    let by = entry.by.as_deref().filter(|b| !b.is_empty()).map(|b| format!(" ({})", plain(b)));
    let by = by.unwrap_or_default();
    let said = match &entry.what {
        What::Opened { .. } => w.opened.to_owned(),
        What::Firing { alert } | What::Ended { alert } => {
            let what = if matches!(entry.what, What::Firing { .. }) { w.fires } else { w.is_over };
            let more =
                if alert.summary.is_empty() { String::new() } else { format!(": {}", plain(&alert.summary)) };
            format!("{what} **{}**{more}", plain(&alert.name))
        }
        What::Severity { from, to } => format!("{}: {} → {}", w.severity, from.text(), to.text()),
        What::Acknowledged => w.acknowledged.to_owned(),
        What::Unacknowledged => w.unacknowledged.to_owned(),
        What::Assigned { to } => format!("{}: {}", w.assigned, plain(to.as_deref().unwrap_or("—"))),
        What::Note { text } => format!("{}: {}", w.note, plain(text)),
        What::Title { to, .. } => format!("{}: {}", w.titled, plain(to)),
        What::Escalated(r) => {
            let people: Vec<String> = r.people.iter().map(|p| plain(p)).collect();
            let whom = if people.is_empty() { w.nobody.to_owned() } else { people.join(", ") };
            format!("{}: {whom}", w.escalated)
        }
        What::Paged(_) => return None,
        What::Notified { notification, .. } => format!("{}: {}", w.notified, plain(&notification.receiver)),
        What::Quiet => w.quiet.to_owned(),
        What::Resolved => w.resolved.to_owned(),
        What::Reopened { .. } => w.reopened.to_owned(),
        What::Merged { incident } => format!("{} #{incident}", w.merged),
        What::MergedInto { .. } => return None,
        What::Split { incident, .. } => format!("{} #{incident}", w.split),
        What::SplitFrom { incident } => format!("{} #{incident}", w.split_from),
    };
    Some(said + &by)
}

fn alerts(out: &mut String, incident: &Incident, w: &Words) -> std::fmt::Result {
    writeln!(out, "## {}\n", w.alerts)?;
    let mut members: Vec<&Member> = incident.members.values().collect();
    members.sort_by_key(|m| (m.first_ms, m.fingerprint));
    for m in members {
        let title = if m.name().is_empty() { alerting::shown(&m.labels) } else { m.name().to_owned() };
        writeln!(out, "### {} ({})\n", plain(&title), m.severity().text())?;
        if !m.summary().is_empty() {
            writeln!(out, "{}\n", plain(m.summary()))?;
        }
        let until = if m.ended { time(m.ends_ms) } else { w.still_fires.to_owned() };
        writeln!(out, "- {}: {} – {until}", w.fires, time(m.first_ms))?;
        if m.times > 1 {
            writeln!(out, "- {}: {}", w.times, m.times)?;
        }
        writeln!(out, "- {}: `{}`", w.labels, code(&alerting::shown(&m.labels)))?;
        match expression(&m.generator_url) {
            Some(expr) => writeln!(out, "- {}:\n\n{}\n", w.expression, block(&expr))?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn people(out: &mut String, incident: &Incident, parts: &[&Incident], w: &Words) -> std::fmt::Result {
    writeln!(out, "## {}\n", w.people)?;
    let mut did: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for entry in parts.iter().copied().chain([incident]).flat_map(|i| &i.entries) {
        if let Some(by) = entry.by.as_deref() {
            *did.entry(by).or_default().entry(w.deed(&entry.what)).or_default() += 1;
        }
    }
    let lines: Vec<String> = did
        .into_iter()
        .map(|(by, deeds)| {
            let deeds: Vec<String> = deeds
                .into_iter()
                .map(|(deed, n)| if n > 1 { format!("{deed} × {n}") } else { deed.to_owned() })
                .collect();
            let by = if by.is_empty() { w.unnamed.to_owned() } else { plain(by) };
            format!("- {by}: {}", deeds.join(", "))
        })
        .collect();
    listed(out, &lines, w)
}

fn listed(out: &mut String, lines: &[String], w: &Words) -> std::fmt::Result {
    if lines.is_empty() {
        return writeln!(out, "{}\n", w.none);
    }
    writeln!(out, "{}\n", lines.join("\n"))
}

fn change_words(c: &Change) -> String {
    format!("**{}**: {}", plain(&c.kind), plain(&c.title))
}

fn change_line(c: &Change) -> String {
    format!("- {} {}", time(c.at_ms), change_words(c))
}

fn issue_words(i: &Issue, w: &Words) -> String {
    let what = if i.regressed { w.error_back } else { w.error_new };
    let service = if i.service.is_empty() { String::new() } else { format!(" ({})", plain(&i.service)) };
    format!("{what}: {}{service} `{}`", plain(&i.title), code(&i.id))
}

fn issue_line(i: &Issue, w: &Words) -> String {
    format!("- {} {}", time(i.at_ms), issue_words(i, w))
}

/// What an alert of ours or of Prometheus says it evaluates, out of its address.
pub fn expression(generator_url: &str) -> Option<String> {
    let (_, query) = generator_url.split_once('?')?;
    let pairs = query.split('&').filter_map(|p| p.split_once('='));
    let value = pairs.into_iter().find(|(name, _)| ["g0.expr", "q", "expr"].contains(name))?.1;
    let spaced = value.replace('+', " ");
    let text = percent_encoding::percent_decode_str(&spaced).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// `2026-11-22 10:00:00 UTC`.
fn time(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// `2 d 3 h`, `1 h 2 min`, `45 s`: the two largest units.
fn length(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(s, _)| seconds >= *s) else { return "0 s".to_owned() };
    let mut rest = seconds;
    let mut out = Vec::new();
    for (size, name) in units.iter().skip(first).take(2) {
        let n = rest / size;
        rest %= size;
        if n > 0 {
            out.push(format!("{n} {name}"));
        }
    }
    out.join(" ")
}

/// A text on one line in which nothing is Markdown.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A text for within backticks.
fn code(text: &str) -> String {
    text.replace('`', "'").replace(char::is_control, " ")
}

/// Lines of code, fenced by more backticks than stand in them.
fn block(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_out_of_addresses() {
        for (url, expr) in [
            ("http://us/graph?g0.expr=up%20%3D%3D%200&g0.tab=1", Some("up == 0")),
            ("http://p/graph?g0.expr=up+%3D%3D+0&g0.tab=1", Some("up == 0")),
            ("http://us/logs?q=rate", Some("rate")),
            ("http://us/logs", None),
            ("", None),
            ("?g0.expr=", None),
        ] {
            assert_eq!(expression(url).as_deref(), expr, "{url}");
        }
    }

    #[test]
    fn nothing_that_is_told_is_markdown() {
        assert_eq!(plain("a *b*\n# c <x>"), r"a \*b\* \# c \<x\>");
        assert_eq!(block("a ``` b"), "````\na ``` b\n````");
        let all: Vec<String> = [0, 999, 45_000, 60_000, 3_720_000, 90_000_000].map(length).into();
        assert_eq!(all, ["0 s", "0 s", "45 s", "1 min", "1 h 2 min", "1 d 1 h"]);
    }
}
