//! Why a statement gives no rows.

use datafusion::common::{DataFusionError, Diagnostic};
use datafusion::sql::sqlparser::parser::ParserError;
use promql::{EvalError, ParseError, SourceError};

/// Why a statement gives no rows.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SqlError {
    /// The statement is wrong, and where.
    #[error("{0}")]
    Statement(ParseError),
    /// The statement does something that SQL does here nowhere: it changes data or settings.
    #[error("{0}")]
    Refused(ParseError),
    /// The statement is right but cannot be carried out.
    #[error("{0}")]
    Run(#[from] EvalError),
}

impl SqlError {
    /// What is wrong with a text, at a place given by line and column of characters, both from 1.
    pub(crate) fn at(
        text: &str,
        line: u64,
        column: u64,
        end: Option<(u64, u64)>,
        message: String,
    ) -> SqlError {
        let start = offset(text, line, column);
        let end = end.map_or_else(|| word_end(text, start), |(l, c)| offset(text, l, c));
        SqlError::Statement(ParseError::new(text, promql::Span { start, end }, message))
    }

    /// What DataFusion says of a statement.
    pub(crate) fn of(text: &str, error: &DataFusionError) -> SqlError {
        if let Some(e) = evaluation(error) {
            return SqlError::Run(e.clone());
        }
        if let Some(parser) = parser_error(error) {
            return of_parser(text, parser);
        }
        if let DataFusionError::ResourcesExhausted(told) = error.find_root() {
            let message = format!("{}: raise query.memory_per_query", lower_first(told));
            return SqlError::Run(EvalError::Query(message));
        }
        let message = tidy(error);
        match error.diagnostic() {
            Some(Diagnostic { span: Some(span), message: told, .. }) if span.start.line > 0 => {
                let end = (span.end.line, span.end.column);
                let said = if message.is_empty() { told.clone() } else { message };
                SqlError::at(text, span.start.line, span.start.column, Some(end), said)
            }
            _ if about_statement(error) => match named_place(text, &message) {
                Some(span) => SqlError::Statement(ParseError::new(text, span, message)),
                None => {
                    SqlError::Statement(ParseError::new(text, promql::Span { start: 0, end: 0 }, message))
                }
            },
            _ => SqlError::Run(EvalError::Query(message)),
        }
    }
}

/// An error of ours that came through DataFusion.
fn evaluation(error: &DataFusionError) -> Option<&EvalError> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<EvalError>() {
            return Some(found);
        }
        // Of several errors the first that is ours counts.
        if let Some(DataFusionError::Collection(all)) = e.downcast_ref::<DataFusionError>() {
            return all.iter().find_map(evaluation);
        }
        if let Some(DataFusionError::External(inner)) = e.downcast_ref::<DataFusionError>() {
            next = Some(inner.as_ref());
            continue;
        }
        if let Some(DataFusionError::Shared(inner)) = e.downcast_ref::<DataFusionError>() {
            next = Some(inner.as_ref());
            continue;
        }
        next = e.source();
    }
    None
}

fn parser_error(error: &DataFusionError) -> Option<&ParserError> {
    match error.find_root() {
        DataFusionError::SQL(parser, _) => Some(parser),
        _ => None,
    }
}

fn of_parser(text: &str, error: &ParserError) -> SqlError {
    let message = match error {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m.clone(),
        ParserError::RecursionLimitExceeded => {
            return SqlError::Statement(ParseError::new(
                text,
                promql::Span { start: 0, end: 0 },
                "the statement nests too deep: write parts of it as WITH queries".to_owned(),
            ));
        }
    };
    match message.rsplit_once(" at Line: ") {
        Some((told, place)) => {
            let mut numbers = place.split(", Column: ").map(|n| n.trim().parse::<u64>().unwrap_or(1));
            let (line, column) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
            SqlError::at(text, line, column, None, lower_first(told))
        }
        // What is missing at the end.
        None => {
            let end = text.trim_end().len();
            SqlError::Statement(ParseError::new(
                text,
                promql::Span { start: end, end },
                lower_first(&message),
            ))
        }
    }
}

/// Whether the statement is to blame, not the data.
fn about_statement(error: &DataFusionError) -> bool {
    matches!(
        error.find_root(),
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) | DataFusionError::NotImplemented(_)
    )
}

/// The message without the words DataFusion puts before it.
fn tidy(error: &DataFusionError) -> String {
    let root = error.find_root();
    let text = match root {
        DataFusionError::Diagnostic(_, inner) => inner.strip_backtrace(),
        other => other.strip_backtrace(),
    };
    let mut text = text.as_str();
    for prefix in [
        "Error during planning: ",
        "Schema error: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Arrow error: ",
        "Invalid function ",
        "Optimizer rule ",
        "External error: ",
        "Internal error: ",
    ] {
        if let Some(rest) =
            text.strip_prefix(prefix).filter(|_| !prefix.ends_with("function ") && !prefix.ends_with("rule "))
        {
            text = rest;
        }
    }
    let text = text.split("\nThis issue was likely caused by a bug").next().unwrap_or(text);
    lower_first(text.trim())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.as_str()) {
        (Some(first), rest) if rest.chars().next().is_some_and(|c| !c.is_uppercase()) => {
            format!("{}{rest}", first.to_lowercase())
        }
        _ => text.to_owned(),
    }
}

/// Where the first name that a message quotes stands in the text.
fn named_place(text: &str, message: &str) -> Option<promql::Span> {
    let quoted = message.split('\'').nth(1)?;
    let name = quoted.rsplit('.').next().filter(|n| !n.is_empty())?;
    let start = text.to_ascii_lowercase().find(&name.to_ascii_lowercase())?;
    Some(promql::Span { start, end: start + name.len() })
}

/// The byte at a line and column of characters, both from 1.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let mut at = 0;
    for _ in 1..line {
        match text[at..].find('\n') {
            Some(end) => at += end + 1,
            None => break,
        }
    }
    let skip = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let rest = &text[at..];
    at + rest.char_indices().nth(skip).map_or(rest.len(), |(i, _)| i)
}

/// Where the word at a place ends.
fn word_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    start + if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word }
}

impl From<SourceError> for SqlError {
    fn from(e: SourceError) -> SqlError {
        SqlError::Run(EvalError::Source(e))
    }
}
