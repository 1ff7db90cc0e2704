//! Events, one to a line, the oldest first, as logs are read.

use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The answer of a server.
#[derive(Debug, Deserialize)]
pub struct Answer {
    pub data: Data,
}

#[derive(Debug, Deserialize)]
pub struct Data {
    pub events: Vec<Event>,
}

/// An event.
#[derive(Debug, Deserialize)]
pub struct Event {
    time: String,
    #[serde(default)]
    duration: Option<i64>,
    kind: String,
    title: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    result: String,
    #[serde(default)]
    link: String,
    #[serde(default)]
    attributes: BTreeMap<String, serde_json::Value>,
}

/// Text without what would move the cursor or change the terminal: a sender must not be able to.
fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn time(ns: &str) -> String {
    let at = ns.parse::<i128>().ok().and_then(|ns| Timestamp::from_nanosecond(ns).ok());
    match at {
        Some(at) => at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => safe(ns),
    }
}

/// Writes events in the order of their times.
pub fn write(out: &mut impl Write, events: &[Event], colourful: bool, details: bool) -> io::Result<()> {
    let widest = events.iter().map(|e| e.kind.chars().count()).max().unwrap_or(0).min(24);
    for e in events.iter().rev() {
        let (on, off) = match (colourful, e.severity.as_str()) {
            (true, "error" | "fatal") => ("\x1b[31m", "\x1b[0m"),
            (true, "warn") => ("\x1b[33m", "\x1b[0m"),
            _ => ("", ""),
        };
        write!(out, "{}  {:widest$}  {on}{}{off}", time(&e.time), safe(&e.kind), safe(&e.title))?;
        if !e.result.is_empty() {
            write!(out, "  [{}]", safe(&e.result))?;
        }
        if let Some(duration) = e.duration {
            let length = crate::query::units::Unit::Seconds.format(duration as f64 / 1e9);
            write!(out, "  {length}")?;
        }
        let of = |name: &str| e.attributes.get(name).and_then(serde_json::Value::as_str).unwrap_or("");
        for name in ["service.name", "host.name"] {
            if !of(name).is_empty() && !e.title.contains(of(name)) {
                write!(out, "  {name}={}", safe(of(name)))?;
            }
        }
        writeln!(out)?;
        if details {
            for line in e.text.lines() {
                writeln!(out, "    {}", safe(line))?;
            }
            for (name, value) in [("source", &e.source), ("link", &e.link)] {
                if !value.is_empty() {
                    writeln!(out, "    {name}: {}", safe(value))?;
                }
            }
            for (name, value) in &e.attributes {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                writeln!(out, "    {}: {}", safe(name), safe(&value))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines() {
        let answer = r#"{"data":{"events":[
            {"time":"1795262000000000000","kind":"cron","title":"backup","severity":"error","result":"failed","duration":90000000000,"attributes":{"host.name":"db1","n":3},"text":"a\nb"},
            {"time":"x","kind":"deploy","title":"cart \u001b[2J","link":"http://l"}]}}"#;
        let answer: Answer = serde_json::from_str(answer).unwrap();
        let mut out = Vec::new();
        write(&mut out, &answer.data.events, false, true).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "x  deploy  cart \u{fffd}[2J");
        assert_eq!(lines[1], "    link: http://l");
        assert!(lines[2].ends_with("  cron    backup  [failed]  90 s  host.name=db1"), "{}", lines[2]);
        assert_eq!(lines[3..], ["    a", "    b", "    host.name: db1", "    n: 3"]);
    }
}
