//! Tokens to a checked syntax tree.
//!
//! A recursive descent whose depth, and with it the height of the tree, is bounded by [`NESTING_MAX`]. What an operator
//! means depends on what stands on its sides, so a side is read first and what it is, is seen then.

mod element;
mod field;
mod lexer;
mod metrics;
mod types;

pub(crate) use field::strength;

use crate::ast::{Body, FieldExpr, Hint, Pipeline, Place, Query, Spanset, Stage};
use crate::field::Field;
use crate::literal::Literal;
use lexer::{Kind, Token, Unreadable};
use promql::{ParseError, nearest_name};

/// How deep operators and parentheses may be nested.
pub const NESTING_MAX: u32 = 200;

/// Bytes a query may have.
pub const QUERY_BYTES_MAX: usize = 1 << 20;

/// Reads a query and checks its types.
pub fn parse(input: &str) -> Result<Query, ParseError> {
    let mut parser = Parser::new(input)?;
    if parser.peek() == &Kind::End {
        let error = parser.fail(parser.place(), "the query is empty");
        return Err(error.with_help(Some("{ } selects all spans".to_owned())));
    }
    let body = parser.body()?;
    let hints = parser.hints()?;
    parser.expect_end()?;
    Ok(Query { body, hints })
}

/// Reads a single filter, `{ … }`, as some parts of the HTTP API take it.
pub fn parse_filter(input: &str) -> Result<FieldExpr, ParseError> {
    match parse(input)?.body {
        Body::Spans(Pipeline { stages }) => match <[Stage; 1]>::try_from(stages) {
            Ok([Stage::Spans(Spanset::Filter(expr))]) => Ok(expr),
            _ => Err(not_a_filter(input)),
        },
        Body::Metrics(_) => Err(not_a_filter(input)),
    }
}

fn not_a_filter(input: &str) -> ParseError {
    let message = "a single filter { … } is asked for, without pipeline and operators around it".to_owned();
    ParseError::new(input, Place::new(0, input.len()), message)
}

/// Reads what can be read of a filter that somebody is still writing: of conditions joined with `&&` those that are whole.
pub fn parse_unfinished_filter(input: &str) -> FieldExpr {
    if let Ok(filter) = parse_filter(input) {
        return filter;
    }
    let inside = input.trim().trim_start_matches('{').trim_end_matches('}');
    let whole = |part: &str| parse_filter(&format!("{{ {part} }}")).ok().filter(|_| !part.trim().is_empty());
    let mut parts: Vec<FieldExpr> = conditions(inside).into_iter().filter_map(whole).collect();
    match parts.len() {
        0 => FieldExpr::TRUE,
        1 => parts.remove(0),
        _ => FieldExpr::And(parts),
    }
}

/// What stands between `&&` outside of strings and parentheses.
fn conditions(text: &str) -> Vec<&str> {
    let (mut quote, mut escaped, mut depth, mut start) = (None, false, 0, 0);
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        match (quote, b) {
            _ if escaped => escaped = false,
            (Some(b'"'), b'\\') => escaped = true,
            (Some(q), b) if q == *b => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'`') => quote = Some(*b),
            (None, b'(') => depth += 1,
            (None, b')') => depth -= 1,
            (None, b'&') if depth == 0 && i >= start && bytes.get(i + 1) == Some(&b'&') => {
                out.push(&text[start..i]);
                start = i + 2;
            }
            _ => {}
        }
    }
    out.push(&text[start.min(text.len())..]);
    out
}

/// Reads a field alone: `span.http.url`, `resource.service.name`, `status`.
pub fn parse_field(input: &str) -> Result<Field, ParseError> {
    let mut parser = Parser::new(input)?;
    let field = parser.field("a field such as span.http.url")?;
    parser.expect_end()?;
    Ok(field)
}

struct Parser<'a> {
    input: &'a str,
    tokens: Vec<Token>,
    lex_error: Option<Unreadable>,
    at: usize,
    depth: u32,
}

type Parsed<T> = Result<T, ParseError>;

/// Names that hints may have.
const HINTS: [&str; 16] = [
    "most_recent",
    "exemplars",
    "sample",
    "span_sample",
    "trace_sample",
    "extrapolate",
    "job_size",
    "time_overlap_cutoff",
    "concurrent_blocks",
    "debug",
    "info",
    "debug_return_in",
    "debug_std_dev",
    "debug_data_factor",
    "skip_ast_transformations",
    "spanonly_fetch",
];

impl<'a> Parser<'a> {
    fn new(input: &'a str) -> Parsed<Parser<'a>> {
        if input.len() > QUERY_BYTES_MAX {
            let message = format!("the query has {} bytes; at most {QUERY_BYTES_MAX} are read", input.len());
            return Err(ParseError::new(input, Place::default(), message));
        }
        let lexed = lexer::lex(input);
        Ok(Parser { input, tokens: lexed.tokens, lex_error: lexed.error, at: 0, depth: 0 })
    }

    fn token(&self) -> &Token {
        // The last token is never consumed, so there always is one.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Kind {
        &self.token().kind
    }

    fn place(&self) -> Place {
        self.token().place
    }

    fn next(&mut self) -> Token {
        let token = self.token().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn previous(&self) -> Place {
        self.tokens[self.at.saturating_sub(1)].place
    }

    fn text_of(&self, place: Place) -> &'a str {
        &self.input[place.start..place.end]
    }

    fn sign(&self) -> Option<&'static str> {
        match self.peek() {
            Kind::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    fn accept(&mut self, sign: &str) -> Option<Place> {
        (self.sign() == Some(sign)).then(|| self.next().place)
    }

    /// The word that stands here, if one does.
    fn word(&self) -> Option<&'a str> {
        (self.peek() == &Kind::Word).then(|| self.text_of(self.place()))
    }

    fn fail(&self, place: Place, message: impl Into<String>) -> ParseError {
        ParseError::new(self.input, place, message.into())
    }

    /// The error that the current token is out of place, or the lexer's own if it could not read on.
    fn unexpected(&self, expected: &str) -> ParseError {
        let token = self.token();
        if let (Kind::Error, Some(error)) = (&token.kind, &self.lex_error) {
            return self.fail(token.place, error.reason.clone()).with_help(error.help.clone());
        }
        let mut message = format!("unexpected {}", lexer::describe(token, self.input));
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        let error = self.fail(token.place, message);
        match token.kind {
            Kind::Sign("==") => error.with_help(Some("equality is written with one =".to_owned())),
            _ => error,
        }
    }

    fn expect(&mut self, sign: &str, expected: &str) -> Parsed<Place> {
        self.accept(sign).ok_or_else(|| self.unexpected(expected))
    }

    fn expect_end(&self) -> Parsed<()> {
        if self.peek() == &Kind::End { Ok(()) } else { Err(self.unexpected("\"|\", an operator or the end")) }
    }

    fn text(&mut self) -> Parsed<String> {
        let place = self.next().place;
        let bytes = promql::unquote(self.text_of(place))
            .map_err(|_| self.fail(place, "the string holds an escape that does not exist"))
            .map_err(|e| e.with_help(Some("double the backslash, or use backticks: `\\w+`".to_owned())))?;
        String::from_utf8(bytes).map_err(|_| self.fail(place, "the string is not valid UTF-8"))
    }

    fn field(&mut self, expected: &str) -> Parsed<Field> {
        match self.peek() {
            Kind::Field(field) => {
                let field = field.clone();
                self.next();
                Ok(field)
            }
            Kind::Word => Err(self.no_field()),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// The error that a word is no field.
    fn no_field(&self) -> ParseError {
        let word = self.text_of(self.place());
        let known =
            crate::field::Intrinsic::ALL.iter().map(|i| i.as_str()).chain(["true", "false", "error", "ok"]);
        let help = match nearest_name(word, known) {
            Some(name) => format!("did you mean {name}?"),
            None => {
                format!("an attribute is written .{word}, span.{word} or resource.{word}, a string in quotes")
            }
        };
        self.fail(self.place(), format!("there is no {word}")).with_help(Some(help))
    }

    fn fields(&mut self) -> Parsed<Vec<Field>> {
        self.expect("(", "\"(\"")?;
        let mut out = vec![self.field("a field such as span.http.url")?];
        while self.accept(",").is_some() {
            out.push(self.field("a field such as span.http.url")?);
        }
        self.expect(")", "\",\" or \")\"")?;
        Ok(out)
    }

    /// `with (a=1, b=true)`, any number of times.
    fn hints(&mut self) -> Parsed<Vec<Hint>> {
        let mut out = Vec::new();
        while self.word() == Some("with") {
            self.next();
            self.expect("(", "\"(\"")?;
            loop {
                let place = self.place();
                let name =
                    self.word().ok_or_else(|| self.unexpected("the name of a hint such as most_recent"))?;
                if !HINTS.contains(&name) {
                    let help = nearest_name(name, HINTS.into_iter()).map(|n| format!("did you mean {n}?"));
                    let help = help.unwrap_or_else(|| format!("there are {}", HINTS[..6].join(", ")));
                    return Err(self.fail(place, format!("there is no hint {name}")).with_help(Some(help)));
                }
                self.next();
                self.expect("=", "\"=\"")?;
                out.push(Hint { name: name.to_owned(), value: self.hint_value()? });
                if self.accept(",").is_none() {
                    break;
                }
            }
            self.expect(")", "\",\" or \")\"")?;
        }
        Ok(out)
    }

    fn hint_value(&mut self) -> Parsed<Literal> {
        match self.literal()? {
            Some(literal) => Ok(literal),
            None => Err(self.unexpected("a value such as true or 0.1")),
        }
    }

    /// Guards one level of recursion.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= NESTING_MAX {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn too_deep(&self) -> ParseError {
        self.fail(self.place(), format!("the query is nested deeper than {NESTING_MAX} levels"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_of_a_filter_is_read() {
        for (text, read) in [
            ("{ .a = 1 && .b = }", "{ .a = 1 }"),
            (r#"{ .a = "x && y" && (.b = 2 && .c = 3) && }"#, r#"{ .a = "x && y" && (.b = 2 && .c = 3) }"#),
            ("{ .a = 1 || .b = 2 }", "{ .a = 1 || .b = 2 }"),
            ("{ .a = ", "{ }"),
            ("{}", "{ }"),
            ("", "{ }"),
            ("&&&& } {", "{ }"),
        ] {
            let filter = Spanset::Filter(parse_unfinished_filter(text));
            assert_eq!(filter.to_string(), read, "{text}");
        }
    }
}
