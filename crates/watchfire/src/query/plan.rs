//! How a query was evaluated, as a tree with figures.

use super::table::aligned;
use super::units::Unit;
use serde::Deserialize;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The answer of `/api/v1/explain` and of `/api/v1/logs/explain`.
#[derive(Debug, Deserialize)]
pub struct Explained {
    pub query: String,
    pub kind: String,
    pub steps: u64,
    pub elapsed_ms: f64,
    pub plan: Node,
}

/// A node of the query.
#[derive(Debug, Deserialize)]
pub struct Node {
    pub node: String,
    pub series: Option<u64>,
    pub samples: u64,
    /// Lines it gave, where lines are asked for.
    #[serde(default)]
    pub lines: Option<u64>,
    pub bytes: Option<u64>,
    pub total_ms: f64,
    pub self_ms: f64,
    pub memory_bytes: u64,
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(default)]
    pub children: Vec<Node>,
}

impl Node {
    fn reads_lines(&self) -> bool {
        self.lines.is_some() || self.children.iter().any(Node::reads_lines)
    }
}

/// Columns that the figures take beside the tree, about.
const FIGURES_WIDTH: usize = 64;
/// A tree narrower than this says nothing.
const TREE_WIDTH_MIN: usize = 30;

/// Writes the tree, a line per node.
pub fn write(out: &mut dyn Write, e: &Explained, width: usize) -> io::Result<()> {
    writeln!(out, "{}", e.query)?;
    let steps = match (e.kind.as_str(), e.steps) {
        ("range", 1) => "1 step".to_owned(),
        ("range", n) => format!("{n} steps"),
        ("lines", _) => "lines".to_owned(),
        _ => "one instant".to_owned(),
    };
    writeln!(out, "{steps}, {}\n", milliseconds(e.elapsed_ms))?;
    let read = if e.plan.reads_lines() { "lines" } else { "samples" };
    let mut lines = Lines { whole_ms: e.plan.total_ms, width: tree_width(width), rows: Vec::new() };
    lines.rows.push(
        ["node", "time", "self", "share", "series", read, "bytes", "memory"].map(str::to_owned).to_vec(),
    );
    lines.add(&e.plan, "", "");
    aligned(out, &lines.rows, &[1, 2, 3, 4, 5, 6, 7])?;
    let mut noted = Vec::new();
    collect_notes(&e.plan, &mut noted);
    if !noted.is_empty() {
        writeln!(out)?;
    }
    for (node, note) in noted {
        writeln!(out, "{}: {note}", shortened(node, lines.width))?;
    }
    Ok(())
}

fn tree_width(width: usize) -> usize {
    width.saturating_sub(FIGURES_WIDTH).max(TREE_WIDTH_MIN)
}

struct Lines {
    whole_ms: f64,
    width: usize,
    rows: Vec<Vec<String>>,
}

impl Lines {
    fn add(&mut self, n: &Node, branch: &str, below: &str) {
        let count = |v: Option<u64>| v.map_or_else(|| "–".to_owned(), |v| Unit::None.format(v as f64));
        let bytes = |v: u64| Unit::Bytes.format(v as f64);
        let share = if self.whole_ms > 0.0 { n.self_ms / self.whole_ms * 100.0 } else { 0.0 };
        self.rows.push(vec![
            shortened(&format!("{branch}{}", n.node), self.width),
            milliseconds(n.total_ms),
            milliseconds(n.self_ms),
            format!("{share:.0} %"),
            count(n.series),
            count(n.lines.or(Some(n.samples))),
            n.bytes.map_or_else(|| "–".to_owned(), bytes),
            bytes(n.memory_bytes),
        ]);
        for (i, child) in n.children.iter().enumerate() {
            let (turn, rail) = if i + 1 == n.children.len() { ("└ ", "  ") } else { ("├ ", "│ ") };
            self.add(child, &format!("{below}{turn}"), &format!("{below}{rail}"));
        }
    }
}

fn collect_notes<'a>(n: &'a Node, out: &mut Vec<(&'a str, &'a str)>) {
    out.extend(n.notes.iter().map(|note| (n.node.as_str(), note.as_str())));
    for child in &n.children {
        collect_notes(child, out);
    }
}

fn milliseconds(ms: f64) -> String {
    Unit::Seconds.format(ms / 1000.0)
}

/// A text of at most so many columns, with an ellipsis for what does not fit.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let mut out = String::new();
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken >= width {
            break;
        }
        out.push(c);
    }
    out + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_tree_with_figures() {
        let answer = r#"{"query":"sum(rate(a[5m])) / count(b)","kind":"range","steps":61,"elapsed_ms":12.5,"plan":{
            "node":"… / …","series":1,"samples":1210,"bytes":null,"total_ms":12.0,"self_ms":0.5,"memory_bytes":2048,
            "children":[
              {"node":"sum(…)","series":1,"samples":1200,"bytes":4096,"total_ms":11.0,"self_ms":1.0,"memory_bytes":1024,
               "children":[{"node":"rate(…)","series":null,"samples":1200,"bytes":4096,"total_ms":10.0,"self_ms":0.0,
                 "memory_bytes":0,"notes":["computed together with the node above"],"children":[
                 {"node":"a_metric_with_a_very_long_name_indeed{label=\"and a long value\"}[5m]","series":20,
                  "samples":1200,"bytes":4096,"total_ms":10.0,"self_ms":10.0,"memory_bytes":512,"notes":[]}]}]},
              {"node":"count(…)","series":1,"samples":10,"bytes":null,"total_ms":0.5,"self_ms":0.5,"memory_bytes":8,
               "notes":["answered from the index"],"children":[]}]}}"#;
        let explained: Explained = serde_json::from_str(answer).unwrap();
        let mut out = Vec::new();
        write(&mut out, &explained, 100).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
