//! Tokens to a checked syntax tree.
//!
//! A recursive descent over the expression grammar with precedence climbing for binary operators. The height of
//! the tree is bounded by [`NESTING_MAX`], so that neither parsing nor anything that walks the tree afterwards
//! can exhaust the stack.

mod check;
mod duration;
mod error;
mod expr;
mod lexer;
mod remedy;
mod selector;

pub use error::ParseError;
pub(crate) use error::position;
pub use remedy::nearest_name;

use crate::ast::{Expr, Span};
use lexer::{Keyword, Kind, Token};
use model::{Labels, Matcher};

/// How deep operators, calls and parentheses may be nested.
pub const NESTING_MAX: u32 = 250;

/// Reads a query and checks its types. Experimental syntax is accepted; see [`crate::EngineOptions`].
pub fn parse(input: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(input);
    if parser.peek() == Kind::End {
        return Err(parser.with_remedy(parser.fail(Span::default(), "no expression found in input")));
    }
    let mut expr = parser.whole_expression().map_err(|e| parser.with_remedy(e))?;
    check::check(&mut expr, input)?;
    Ok(expr)
}

/// Reads a selector without modifiers, as in the `match[]` parameter of the HTTP API.
pub fn parse_selector(input: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(input);
    let selector = parser.whole_selector().map_err(|e| parser.with_remedy(e))?;
    check::check_selector(&selector, input)?;
    Ok(selector.matchers)
}

/// Reads a series as PromQL writes it: `name{label="value"}`.
pub fn parse_labels(input: &str) -> Result<Labels, ParseError> {
    let mut parser = Parser::new(input);
    let labels = parser.label_set()?;
    parser.expect_end()?;
    Ok(labels)
}

/// As [`parse_labels`], for a series at the start of a longer line: gives the labels and how many bytes they take.
pub(crate) fn parse_labels_prefix(input: &str) -> Result<(Labels, usize), ParseError> {
    let end = labels_end(input);
    parse_labels(&input[..end]).map(|labels| (labels, end))
}

/// Where the series at the start of a line ends: after its name, and after the braces that follow it at once.
fn labels_end(input: &str) -> usize {
    let name_end =
        input.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(input.len());
    if !input[name_end..].starts_with('{') {
        return name_end;
    }
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in input[name_end..].char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '}') => return name_end + i + 1,
            _ => {}
        }
    }
    input.len()
}

/// Where the eye should go in what could not be read: to a text without an end all of it, else the word or character
/// with which it begins.
fn unreadable(input: &str, span: Span) -> Span {
    let rest = &input[span.start..span.end];
    let Some(first) = rest.chars().next() else { return span };
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let len = match first {
        '"' | '\'' | '`' => rest.find('\n').unwrap_or(rest.len()),
        c if in_word(c) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
        c => c.len_utf8(),
    };
    Span::new(span.start, span.start + len)
}

pub(crate) struct Parser<'a> {
    input: &'a str,
    tokens: Vec<Token>,
    lex_error: Option<String>,
    at: usize,
    depth: u32,
    /// Operators in the duration expression being read; bounds the height of its tree.
    duration_operators: u32,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    fn new(input: &'a str) -> Parser<'a> {
        let lexed = lexer::lex(input);
        Parser { input, tokens: lexed.tokens, lex_error: lexed.error, at: 0, depth: 0, duration_operators: 0 }
    }

    fn token(&self) -> Token {
        // The last token is never consumed, so there always is one.
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> Kind {
        self.token().kind
    }

    fn peek_second(&self) -> Kind {
        self.tokens[(self.at + 1).min(self.tokens.len() - 1)].kind
    }

    fn next(&mut self) -> Token {
        let token = self.token();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn accept(&mut self, kind: Kind) -> Option<Token> {
        (self.peek() == kind).then(|| self.next())
    }

    fn accept_keyword(&mut self, keyword: Keyword) -> Option<Token> {
        self.accept(Kind::Keyword(keyword))
    }

    fn text_of(&self, token: Token) -> &'a str {
        &self.input[token.span.start..token.span.end]
    }

    fn fail(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.input, span, message.into())
    }

    /// The error that the current token is out of place, or the lexer's own if it could not read on.
    fn unexpected(&self, context: &str, expected: &str) -> ParseError {
        let token = self.token();
        if let (Kind::Error, Some(reason)) = (token.kind, &self.lex_error) {
            return self.fail(unreadable(self.input, token.span), reason.clone());
        }
        let mut message = format!("unexpected {}", lexer::describe(token, self.input));
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.fail(token.span, message)
    }

    fn expect(&mut self, kind: Kind, context: &str, expected: &str) -> Parsed<Token> {
        self.accept(kind).ok_or_else(|| self.unexpected(context, expected))
    }

    fn expect_end(&self) -> Parsed<()> {
        if self.peek() == Kind::End { Ok(()) } else { Err(self.unexpected("", "")) }
    }

    /// The error with what might be right instead.
    fn with_remedy(&self, error: ParseError) -> ParseError {
        match error.help {
            Some(_) => error,
            None => {
                let help = remedy::for_syntax(self.input, &self.tokens, &error);
                error.with_help(help)
            }
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
        self.fail(self.token().span, format!("the query is nested deeper than {NESTING_MAX} levels"))
    }

    /// The bytes a text token stands for.
    fn unquoted(&self, token: Token) -> Parsed<Vec<u8>> {
        let quoted = self.text_of(token);
        crate::text::unquote(quoted).map_err(|reason| {
            self.fail(token.span, format!("error unquoting string {}: {reason}", crate::text::quote(quoted)))
        })
    }

    fn unquoted_utf8(&self, token: Token) -> Parsed<String> {
        String::from_utf8(self.unquoted(token)?)
            .map_err(|_| self.fail(token.span, "label names and values must be valid UTF-8"))
    }
}
