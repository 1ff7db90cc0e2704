//! What is wrong with a query, and where.

use crate::ast::Span;
use std::fmt;

/// A query that cannot be read, with the place that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// First byte of the place.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// Line of `start`, from 1.
    pub line: usize,
    /// Column of `start` in bytes, from 1.
    pub column: usize,
    /// What might be right instead.
    pub help: Option<String>,
}

impl ParseError {
    /// An error at a place of the query.
    pub fn new(input: &str, span: Span, message: String) -> ParseError {
        let start = span.start.min(input.len());
        let (line, column) = position(input, start);
        ParseError { message, start, end: span.end.clamp(start, input.len()), line, column, help: None }
    }

    /// Says what might be right instead.
    #[must_use]
    pub fn with_help(mut self, help: Option<String>) -> ParseError {
        self.help = help;
        self
    }

    /// The line of the query with a caret under the place, and the help below it:
    ///
    /// ```text
    /// sum(rat(x[5m]))
    ///     ^^^ unknown function with name "rat"
    /// ```
    pub fn caret(&self, input: &str) -> String {
        let start = floor_char(input, self.start);
        let line_start = input[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = input[start..].find('\n').map_or(input.len(), |i| start + i);
        let end = floor_char(input, self.end).clamp(start, line_end);
        let indent: String =
            input[line_start..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let width = input[start..end].chars().count().max(1);
        let mut out =
            format!("{}\n{indent}{} {}", &input[line_start..line_end], "^".repeat(width), self.message);
        if let Some(help) = &self.help {
            out.push_str(&format!("\n{indent}{help}"));
        }
        out
    }
}

fn floor_char(input: &str, at: usize) -> usize {
    let at = at.min(input.len());
    (0..=at).rev().find(|i| input.is_char_boundary(*i)).unwrap_or(0)
}

/// Line and column (in bytes) of a byte, both from 1.
pub(crate) fn position(input: &str, at: usize) -> (usize, usize) {
    let before = &input.as_bytes()[..at.min(input.len())];
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    (line, before.len() - line_start + 1)
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: parse error: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}
