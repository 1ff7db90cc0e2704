//! The text of a plugin: a line, then more lines, with perfdata behind a `|` in either.

use crate::perfdata::{self, Perfdata};

/// What a plugin printed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// The first line, without its perfdata.
    pub summary: String,
    /// The other lines, without theirs.
    pub text: String,
    /// Perfdata of all lines.
    pub perfdata: Vec<Perfdata>,
    /// Pieces of perfdata that cannot be read.
    pub unreadable: usize,
}

impl Output {
    /// Reads what was printed. Nothing of it is an error: what cannot be read is counted.
    pub fn read(printed: &str) -> Output {
        let mut lines = printed.lines().skip_while(|l| l.trim().is_empty());
        let mut out = Output::default();
        let Some(first) = lines.next() else { return out };
        let (summary, data) = halves(first);
        out.summary = summary.trim().to_owned();
        out.take(data);
        let mut in_data = false;
        let mut text: Vec<&str> = Vec::new();
        for line in lines {
            if in_data {
                out.take(line);
            } else if let Some((before, data)) = line.split_once('|') {
                text.push(before);
                out.take(data);
                in_data = true;
            } else {
                text.push(line);
            }
        }
        out.text = text.join("\n").trim().to_owned();
        out
    }

    fn take(&mut self, data: &str) {
        self.unreadable += perfdata::read(data, &mut self.perfdata);
    }
}

fn halves(line: &str) -> (&str, &str) {
    line.split_once('|').unwrap_or((line, ""))
}
