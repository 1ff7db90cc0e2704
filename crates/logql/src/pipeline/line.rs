//! Filters on lines, and how much of them a source can do.

use super::pattern::Pattern;
use super::{IpSet, regex};
use crate::ast::{LineFilter, LineOp, LineTerm, LogExpr, StageKind};
use memchr::memmem::Finder;
use model::record::{FilterOp, TextFilter};
use regex::Regex;

/// Whether a line filter can use an expression.
pub(crate) fn check_regex(pattern: &str) -> Result<(), String> {
    regex(pattern).map(|_| ())
}

/// What a source does of a line filter.
pub(crate) struct Pushed {
    /// Conditions that follow from the filter.
    pub filters: Vec<TextFilter>,
    /// Whether they say all that the filter says.
    pub complete: bool,
}

fn text_filter(op: FilterOp, pattern: &str) -> Result<TextFilter, String> {
    TextFilter::new(op, pattern).map_err(|e| e.to_string())
}

/// An expression in which a dot matches a newline, as line filters have it.
fn dotall(pattern: &str) -> String {
    if pattern.contains('.') { format!("(?s){pattern}") } else { pattern.to_owned() }
}

/// The conditions of a line filter that a source applies.
pub(crate) fn pushed(filter: &LineFilter) -> Result<Pushed, String> {
    let texts: Vec<&str> = filter
        .terms
        .iter()
        .filter_map(|t| match t {
            LineTerm::Text(text) => Some(text.as_str()),
            LineTerm::Ip(_) => None,
        })
        .collect();
    let all_texts = texts.len() == filter.terms.len();
    let nothing = Ok(Pushed { filters: Vec::new(), complete: false });
    let each = |op: FilterOp, texts: &[&str]| -> Result<Vec<TextFilter>, String> {
        texts.iter().map(|t| text_filter(op, t)).collect()
    };
    match filter.op {
        // None of the terms may occur: every text is a condition of its own.
        LineOp::NotContains => {
            Ok(Pushed { filters: each(FilterOp::NotContains, &texts)?, complete: all_texts })
        }
        LineOp::NotMatches => {
            let filters: Result<_, String> =
                texts.iter().map(|t| text_filter(FilterOp::NotMatches, &dotall(t))).collect();
            Ok(Pushed { filters: filters?, complete: all_texts })
        }
        _ if !all_texts => nothing,
        // Every line holds the empty text.
        LineOp::Contains if texts.contains(&"") => Ok(Pushed { filters: Vec::new(), complete: true }),
        LineOp::Contains => match texts.as_slice() {
            [text] => Ok(Pushed { filters: each(FilterOp::Contains, &[text])?, complete: true }),
            several => {
                let escaped: Vec<String> = several.iter().map(|t| regex::escape(t)).collect();
                let filter = text_filter(FilterOp::Matches, &escaped.join("|"))?;
                Ok(Pushed { filters: vec![filter], complete: true })
            }
        },
        LineOp::Matches => {
            let pattern = match texts.as_slice() {
                [pattern] => dotall(pattern),
                several => several.iter().map(|t| format!("(?:{})", dotall(t))).collect::<Vec<_>>().join("|"),
            };
            Ok(Pushed { filters: vec![text_filter(FilterOp::Matches, &pattern)?], complete: true })
        }
        // The literals of a pattern must occur; in which order is looked at here.
        LineOp::Pattern => match texts.as_slice() {
            [text] => {
                let pattern = Pattern::new(text)?;
                let literals: Vec<&str> = pattern.literals().collect();
                Ok(Pushed { filters: each(FilterOp::Contains, &literals)?, complete: false })
            }
            _ => nothing,
        },
        LineOp::NotPattern => nothing,
    }
}

/// The conditions of a query that filters lines and does nothing else; an error names the stage that does more.
pub fn line_filters(log: &LogExpr) -> Result<Vec<TextFilter>, String> {
    let mut all = Vec::new();
    for stage in &log.stages {
        let filters = match &stage.kind {
            StageKind::Line(filter) => Some(pushed(filter)?).filter(|p| p.complete),
            _ => None,
        };
        match filters {
            Some(mut p) => all.append(&mut p.filters),
            None => {
                return Err(format!(
                    "{stage} is not possible here: only line filters on text are, |= != |~ !~"
                ));
            }
        }
    }
    Ok(all)
}

/// A line filter that is applied here.
#[derive(Debug)]
pub(crate) struct LineTest {
    terms: Vec<Term>,
    negative: bool,
}

#[derive(Debug)]
enum Term {
    Text(Box<Finder<'static>>),
    Regex(Regex),
    Pattern(Pattern),
    Ip(IpSet),
}

impl LineTest {
    pub fn new(filter: &LineFilter) -> Result<LineTest, String> {
        let term = |term: &LineTerm| -> Result<Term, String> {
            Ok(match (term, filter.op) {
                (LineTerm::Ip(pattern), _) => Term::Ip(
                    IpSet::parse(pattern).ok_or_else(|| format!("{pattern:?} is not a set of addresses"))?,
                ),
                (LineTerm::Text(text), LineOp::Contains | LineOp::NotContains) => {
                    Term::Text(Box::new(Finder::new(text.as_bytes()).into_owned()))
                }
                (LineTerm::Text(text), LineOp::Matches | LineOp::NotMatches) => Term::Regex(regex(text)?),
                (LineTerm::Text(text), LineOp::Pattern | LineOp::NotPattern) => {
                    Term::Pattern(Pattern::new(text)?)
                }
            })
        };
        let terms: Result<_, String> = filter.terms.iter().map(term).collect();
        Ok(LineTest { terms: terms?, negative: filter.op.is_negative() })
    }

    pub fn passes(&self, line: &str) -> bool {
        let found = self.terms.iter().any(|term| match term {
            Term::Text(finder) => finder.find(line.as_bytes()).is_some(),
            Term::Regex(regex) => regex.is_match(line),
            Term::Pattern(pattern) => pattern.test(line),
            Term::Ip(set) => set.occurs_in(line),
        });
        found != self.negative
    }
}
