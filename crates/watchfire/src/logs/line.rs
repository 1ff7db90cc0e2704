//! How a line looks.

use super::page::Entry;
use crate::cli::LogsFormat;
use jiff::{Timestamp, tz::TimeZone};
use std::fmt::Write as _;
use std::io::{self, Write};

const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// Writes lines in one format.
pub struct Painter {
    format: LogsFormat,
    colour: bool,
    zone: TimeZone,
}

impl Painter {
    pub fn new(format: LogsFormat, colour: bool) -> Painter {
        Painter { format, colour, zone: TimeZone::system() }
    }

    /// Writes one line and what is known of it.
    pub fn write(&self, out: &mut dyn Write, entry: &Entry) -> io::Result<()> {
        match self.format {
            LogsFormat::Raw => writeln!(out, "{}", entry.line),
            LogsFormat::Json => {
                let object = serde_json::json!({
                    "time": self.time(entry.time_ns, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%S%.9fZ"),
                    "labels": entry.labels,
                    "line": entry.line,
                });
                writeln!(out, "{object}")
            }
            LogsFormat::Text => writeln!(out, "{}", self.text(entry)),
        }
    }

    fn time(&self, time_ns: i64, zone: &TimeZone, format: &str) -> String {
        match Timestamp::from_nanosecond(i128::from(time_ns)) {
            Ok(at) => at.to_zoned(zone.clone()).strftime(format).to_string(),
            Err(_) => time_ns.to_string(),
        }
    }

    fn text(&self, entry: &Entry) -> String {
        let time = self.time(entry.time_ns, &self.zone, "%Y-%m-%d %H:%M:%S%.3f");
        let labels = labels(entry);
        let level = level(entry);
        if self.colour {
            let paint = level.map_or("", Level::paint);
            format!("{DIM}{time}{RESET} {DIM}{labels}{RESET} {paint}{}{RESET}", shown(&entry.line))
        } else {
            format!("{time} {labels} {}", shown(&entry.line))
        }
    }
}

/// Labels but for the level, which the colour shows and the line mostly says.
fn labels(entry: &Entry) -> String {
    let mut text = String::from("{");
    for (name, value) in entry.labels.iter().filter(|(n, _)| n.as_str() != "detected_level") {
        let comma = if text.len() > 1 { ", " } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{name}={value:?}");
    }
    text.push('}');
    text
}

/// The line without what would move the cursor or change the terminal: a sender must not be able to.
fn shown(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.trim_end_matches(['\n', '\r']).chars() {
        match c {
            '\n' | '\t' => text.push(c),
            c if c.is_control() => {
                let _ = write!(text, "{}", c.escape_default());
            }
            c => text.push(c),
        }
    }
    text
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    fn paint(self) -> &'static str {
        match self {
            Level::Error => "\x1b[31m",
            Level::Warn => "\x1b[33m",
            Level::Info => "",
            Level::Debug => "\x1b[36m",
        }
    }
}

/// The level by the labels that may say it.
fn level(entry: &Entry) -> Option<Level> {
    let names = ["detected_level", "level", "severity", "severity_text", "lvl"];
    let text = names.iter().find_map(|n| entry.labels.get(*n))?.to_ascii_lowercase();
    match text.as_str() {
        "error" | "err" | "critical" | "crit" | "fatal" | "alert" | "emergency" | "emerg" | "panic" => {
            Some(Level::Error)
        }
        "warn" | "warning" => Some(Level::Warn),
        "info" | "notice" | "information" => Some(Level::Info),
        "debug" | "trace" => Some(Level::Debug),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(labels: &[(&str, &str)], line: &str) -> Entry {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Entry { time_ns: 1_500_000_000_123_456_789, line: line.to_owned(), labels }
    }

    fn written(format: LogsFormat, colour: bool, entry: &Entry) -> String {
        let mut out = Vec::new();
        Painter { format, colour, zone: TimeZone::UTC }.write(&mut out, entry).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formats_show_the_same_line_for_people_programs_and_pipes() {
        let e = entry(&[("app", "shop"), ("detected_level", "error")], "it \"broke\"\u{1b}[2J");
        assert_eq!(
            written(LogsFormat::Text, false, &e),
            "2017-07-14 02:40:00.123 {app=\"shop\"} it \"broke\"\\u{1b}[2J\n"
        );
        assert!(written(LogsFormat::Text, true, &e).contains("\x1b[31mit"));
        assert_eq!(written(LogsFormat::Raw, false, &e), "it \"broke\"\u{1b}[2J\n");
        let json: serde_json::Value = serde_json::from_str(&written(LogsFormat::Json, false, &e)).unwrap();
        assert_eq!(json["time"], "2017-07-14T02:40:00.123456789Z");
        assert_eq!(json["labels"]["app"], "shop");
        assert_eq!(json["line"], "it \"broke\"\u{1b}[2J");
    }

    #[test]
    fn levels_are_known_by_their_usual_names() {
        for (name, value, want) in [
            ("level", "WARNING", Some(Level::Warn)),
            ("severity", "Fatal", Some(Level::Error)),
            ("detected_level", "trace", Some(Level::Debug)),
            ("level", "whatever", None),
            ("app", "error", None),
        ] {
            assert_eq!(level(&entry(&[(name, value)], "")), want, "{name}={value}");
        }
    }
}
