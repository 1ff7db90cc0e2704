//! Issues, one below the other.

use super::{Paint, text, when};
use crate::query::sparkline::sparkline;
use serde_json::Value;
use std::io::{self, Write};

/// Writes issues with what is counted of them.
pub fn write(out: &mut dyn Write, data: &Value, width: usize, paint: &Paint) -> io::Result<()> {
    let Paint { dim, red, bold, reset } = paint;
    for issue in data["issues"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let mut marks = Vec::new();
        if issue["regressed"] == Value::Bool(true) {
            marks.push(format!("{red}regressed{reset}"));
        }
        match text(issue, "status").as_str() {
            "unresolved" => {}
            status => marks.push(status.to_owned()),
        }
        if issue["assigned"].is_string() {
            marks.push(format!("@{}", text(issue, "assigned")));
        }
        let marks = if marks.is_empty() { String::new() } else { format!("  {}", marks.join(" ")) };
        let title = cut(&text(issue, "title"), width.saturating_sub(12));
        let id: String = text(issue, "id").chars().take(8).collect();
        writeln!(out, "{dim}{id}{reset} {bold}{title}{reset}{marks}")?;
        let points: Vec<(f64, f64)> = issue["buckets"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(|(i, v)| (i as f64, v.as_f64().unwrap_or(0.0)))
            .collect();
        let trend = sparkline(&points, 0.0, points.len() as f64, points.len().max(1));
        let service = text(issue, "service");
        let of = if service.is_empty() { text(issue, "project") } else { service };
        writeln!(
            out,
            "         {trend} {} events {} users  {dim}{} {of}, {} to {}{reset}",
            text(issue, "events"),
            text(issue, "users"),
            text(issue, "level"),
            when(issue, "firstSeen"),
            when(issue, "lastSeen"),
        )?;
        let culprit = text(issue, "culprit");
        if !culprit.is_empty() {
            writeln!(out, "         {dim}{}{reset}", cut(&culprit, width.saturating_sub(9)))?;
        }
    }
    let shown = data["issues"].as_array().map_or(0, Vec::len) as u64;
    let more = data["total"].as_u64().unwrap_or(0).saturating_sub(shown);
    if more > 0 {
        writeln!(out, "{dim}and {more} more{reset}")?;
    }
    Ok(())
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
