//! Traces that were found, one below the other.

use super::{length, safe};
use crate::query::answer::{Data, Series as Numbered};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The answer to a search.
#[derive(Debug, Deserialize)]
pub struct Found {
    #[serde(default)]
    pub traces: Vec<Trace>,
}

/// A trace as a search gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(default)]
    root_service_name: String,
    #[serde(default)]
    root_trace_name: String,
    #[serde(default)]
    start_time_unix_nano: String,
    #[serde(default)]
    duration_ms: f64,
    #[serde(default)]
    span_sets: Vec<Set>,
    #[serde(default)]
    service_stats: BTreeMap<String, Count>,
}

#[derive(Debug, Deserialize)]
struct Set {
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    matched: usize,
    #[serde(default)]
    attributes: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    duration_nanos: String,
    #[serde(default)]
    attributes: Vec<Pair>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Count {
    span_count: u64,
    error_count: u64,
}

/// A name and a value in OTLP's JSON.
#[derive(Debug, Deserialize)]
pub struct Pair {
    pub key: String,
    #[serde(default)]
    pub value: serde_json::Value,
}

impl Pair {
    /// The value as people read it.
    pub fn text(&self) -> String {
        text(&self.value)
    }
}

/// Values nest as deep as the JSON reader allows.
fn text(value: &serde_json::Value) -> String {
    let Some((kind, inner)) = value.as_object().and_then(|o| o.iter().next()) else { return String::new() };
    match (kind.as_str(), inner) {
        ("arrayValue", list) => {
            let items = list["values"].as_array().map(Vec::as_slice).unwrap_or_default();
            format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        ("kvlistValue", list) => {
            let items = list["values"].as_array().map(Vec::as_slice).unwrap_or_default();
            let one =
                |p: &serde_json::Value| format!("{}={}", p["key"].as_str().unwrap_or(""), text(&p["value"]));
            format!("{{{}}}", items.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        (_, serde_json::Value::String(s)) => s.clone(),
        (_, other) => other.to_string(),
    }
}

const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

/// Writes each trace with the spans that were found in it.
pub fn write(out: &mut dyn Write, found: &Found, width: usize, colour: bool) -> io::Result<()> {
    let paint = |code: &'static str| if colour { code } else { "" };
    let (dim, red, reset) = (paint(DIM), paint(RED), paint(RESET));
    for trace in &found.traces {
        let (spans, errors) =
            trace.service_stats.values().fold((0, 0), |(s, e), c| (s + c.span_count, e + c.error_count));
        let errors = match errors {
            0 => String::new(),
            1 => format!(", {red}1 error{reset}"),
            n => format!(", {red}{n} errors{reset}"),
        };
        writeln!(
            out,
            "{dim}{}{reset} {} {}: {}  {dim}{spans} spans{reset}{errors} {dim}{}{reset}",
            when(&trace.start_time_unix_nano),
            length(trace.duration_ms * 1e6),
            safe(&trace.root_service_name),
            safe(&trace.root_trace_name),
            safe(&trace.trace_id),
        )?;
        for set in &trace.span_sets {
            let of_set: Vec<String> =
                set.attributes.iter().map(|p| format!("{}={}", p.key, p.text())).collect();
            if !of_set.is_empty() {
                writeln!(out, "    {dim}{}{reset}", cut(&safe(&of_set.join(" ")), width.saturating_sub(4)))?;
            }
            for span in &set.spans {
                let pairs: Vec<String> =
                    span.attributes.iter().map(|p| format!("{}={}", p.key, p.text())).collect();
                let head = format!(
                    "    {} {}",
                    length(span.duration_nanos.parse().unwrap_or(0.0)),
                    safe(&span.name)
                );
                let rest = width.saturating_sub(head.chars().count() + 20);
                let pairs = cut(&safe(&pairs.join(" ")), rest);
                writeln!(out, "{head} {dim}{pairs} {}{reset}", safe(&span.span_id))?;
            }
            let more = set.matched.saturating_sub(set.spans.len());
            if more > 0 {
                writeln!(out, "    {dim}and {more} more{reset}")?;
            }
        }
    }
    Ok(())
}

fn when(nanos: &str) -> String {
    let at = nanos.parse::<i128>().ok().and_then(|n| Timestamp::from_nanosecond(n).ok());
    match at {
        Some(at) => at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        None => safe(nanos),
    }
}

/// The text, or its beginning where there is no room.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// The answer to a metrics query.
#[derive(Debug, Deserialize)]
pub struct Numbers {
    #[serde(default)]
    series: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default)]
    labels: Vec<Pair>,
    #[serde(default)]
    samples: Option<Vec<Sample>>,
    #[serde(default)]
    value: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    #[serde(default)]
    timestamp_ms: String,
    #[serde(default)]
    value: f64,
}

impl Numbers {
    /// As the result of a query of numbers elsewhere.
    pub fn data(self, end: f64) -> Data {
        let is_range = self.series.iter().any(|s| s.samples.is_some());
        let one = |s: Series| Numbered {
            metric: s.labels.iter().map(|p| (p.key.clone(), p.text())).collect(),
            value: s.samples.is_none().then(|| (end, s.value.to_string())),
            values: s
                .samples
                .unwrap_or_default()
                .into_iter()
                .map(|p| (p.timestamp_ms.parse::<f64>().unwrap_or(0.0) / 1000.0, p.value.to_string()))
                .collect(),
            histogram: None,
            histograms: Vec::new(),
        };
        let series = self.series.into_iter().map(one).collect();
        if is_range { Data::Matrix(series) } else { Data::Vector(series) }
    }
}
