//! A trace as a waterfall in the terminal.

use super::list::cut;
use super::tree::Shown;
use super::{length, safe};
use std::collections::BTreeSet;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";
/// Columns of the bars, at least.
const BAR_MIN: usize = 16;
/// Columns of a duration.
const LENGTH: usize = 9;

/// Writes the spans of a trace: each with its place in the tree, its service, its bar and how long it took.
pub fn write(
    out: &mut dyn Write,
    spans: &[Shown],
    width: usize,
    colour: bool,
    details: bool,
) -> io::Result<()> {
    let paint = |code: &'static str| if colour { code } else { "" };
    let (dim, red, reset) = (paint(DIM), paint(RED), paint(RESET));
    let start = spans.iter().map(|s| s.start_ns).min().unwrap_or(0);
    let end = spans.iter().map(|s| s.end_ns).max().unwrap_or(0);
    let total = (end - start).max(1) as f64;
    let services: BTreeSet<&str> = spans.iter().map(|s| s.service.as_str()).collect();
    let errors = spans.iter().filter(|s| s.error.is_some()).count();
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    writeln!(
        out,
        "{} in {}, {}, {}",
        count(spans.len(), "span"),
        count(services.len(), "service"),
        count(errors, "error"),
        length(total)
    )?;
    let service_width = services.iter().map(|s| safe(s).width()).max().unwrap_or(0).min(20);
    let names: Vec<String> =
        spans.iter().map(|s| format!("{}{}", branches(&s.followed), safe(&s.name))).collect();
    let wanted = names.iter().map(|n| n.width()).max().unwrap_or(0);
    let room = width.saturating_sub(service_width + LENGTH + 4);
    let name_width = wanted.min(room.saturating_sub(BAR_MIN).max(20)).min(room.max(20) * 3 / 5);
    let bar_width = room.saturating_sub(name_width).max(BAR_MIN);
    for (span, name) in spans.iter().zip(&names) {
        let paint = if span.error.is_some() { red } else { "" };
        let unpaint = if span.error.is_some() { reset } else { "" };
        let bar =
            bar((span.start_ns - start) as f64 / total, (span.end_ns - start) as f64 / total, bar_width);
        write!(
            out,
            "{} {dim}{}{reset} {paint}{bar}{unpaint} {:>LENGTH$}",
            padded(name, name_width),
            padded(&safe(&span.service), service_width),
            length((span.end_ns - span.start_ns) as f64),
        )?;
        match &span.error {
            Some(message) if !message.is_empty() => {
                writeln!(out, " {red}{}{reset}", cut(&safe(message), width))?;
            }
            _ => writeln!(out)?,
        }
        if details {
            let indent = "  ".repeat(span.followed.len());
            for pair in &span.attributes {
                writeln!(out, "{indent}{dim}{}={}{reset}", safe(&pair.key), safe(&pair.text()))?;
            }
            for event in &span.events {
                let at = event.time_unix_nano.parse::<i64>().map_or(0, |t| t - span.start_ns);
                let pairs: Vec<String> =
                    event.attributes.iter().map(|p| format!("{}={}", p.key, p.text())).collect();
                let pairs = safe(&pairs.join(" "));
                writeln!(out, "{indent}{dim}+{} {} {pairs}{reset}", length(at as f64), safe(&event.name))?;
            }
        }
    }
    Ok(())
}

/// The lines that lead from its ancestors to a span.
fn branches(followed: &[bool]) -> String {
    let Some((own, above)) = followed.split_last() else { return String::new() };
    // Roots stand at the edge.
    let Some(above) = above.get(1..) else { return String::new() };
    let mut out: String = above.iter().map(|f| if *f { "│ " } else { "  " }).collect();
    out.push_str(if *own { "├ " } else { "└ " });
    out
}

/// From where to where something went on, in eighths of a column.
fn bar(from: f64, to: f64, width: usize) -> String {
    const LEFT: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = width * 8;
    let begin = ((from * eighths as f64).round() as usize).min(eighths - 1);
    let end = ((to * eighths as f64).round() as usize).clamp(begin + 1, eighths);
    let column = |i: usize| {
        let (a, b) = (i * 8, i * 8 + 8);
        let covered = end.min(b).saturating_sub(begin.max(a));
        match covered {
            0 => ' ',
            // Characters are filled from the left; what begins within a column is shown from its middle on.
            _ if begin > a && end >= b => {
                if covered >= 4 {
                    '▐'
                } else {
                    '▕'
                }
            }
            n => LEFT[n],
        }
    };
    (0..width).map(column).collect()
}

fn padded(text: &str, width: usize) -> String {
    let mut out = if text.width() > width { cut(text, width) } else { text.to_owned() };
    out.push_str(&" ".repeat(width.saturating_sub(out.width())));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, start: i64, end: i64, error: Option<&str>, followed: &[bool]) -> Shown {
        Shown {
            name: name.to_owned(),
            service: "shop".to_owned(),
            start_ns: start * 1_000_000,
            end_ns: end * 1_000_000,
            error: error.map(str::to_owned),
            attributes: Vec::new(),
            events: Vec::new(),
            followed: followed.to_vec(),
        }
    }

    #[test]
    fn a_waterfall() {
        let spans = [
            span("GET /cart", 0, 1000, None, &[false]),
            span("call", 100, 600, None, &[false, true]),
            span("load", 200, 500, Some("no \x1b[2Jstock"), &[false, true, false]),
            span("mail", 900, 900, None, &[false, false]),
        ];
        let mut out = Vec::new();
        write(&mut out, &spans, 60, false, false).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn bars_have_a_width_whatever_they_show() {
        for (from, to) in [(0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (0.3, 0.31), (0.99, 2.0)] {
            let bar = bar(from, to, 20);
            assert_eq!(bar.chars().count(), 20, "{from} {to}");
            assert!(bar.contains(|c| c != ' '), "{from} {to}");
        }
    }
}
