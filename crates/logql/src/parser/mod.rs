//! Tokens to a checked syntax tree.
//!
//! A recursive descent whose depth, and with it the height of the tree, is bounded by [`NESTING_MAX`].

mod filter;
mod lexer;
mod metric;
mod stage;

use crate::ast::{Expr, LogExpr, Span};
use lexer::{Kind, Token};
pub(crate) use metric::strength;
use model::{MatchOp, Matcher};
use promql::ParseError;

/// How deep operators, calls and parentheses may be nested.
pub const NESTING_MAX: u32 = 200;

/// Bytes a query may have.
pub const QUERY_BYTES_MAX: usize = 1 << 20;

/// Reads a query and checks it.
pub fn parse(input: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(input)?;
    let expr = parser.whole()?;
    expr.logs().into_iter().try_for_each(|log| parser.check_selective(log))?;
    Ok(expr)
}

/// Reads a query that gives lines.
pub fn parse_log(input: &str) -> Result<LogExpr, ParseError> {
    match parse(input)? {
        Expr::Log(log) => Ok(log),
        Expr::Metric(metric) => Err(ParseError::new(
            input,
            metric.span(),
            "this is a metric query, and lines are asked for".to_owned(),
        )
        .with_help(Some("use a stream selector and a pipeline: {app=\"x\"} |= \"text\"".to_owned()))),
    }
}

/// Reads a stream selector alone, as in the `match[]` parameter of the HTTP API. It may select everything.
pub fn parse_selector(input: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(input)?;
    let matchers = parser.selector()?;
    parser.expect_end()?;
    Ok(matchers)
}

struct Parser<'a> {
    input: &'a str,
    tokens: Vec<Token>,
    lex_error: Option<String>,
    at: usize,
    depth: u32,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    fn new(input: &'a str) -> Parsed<Parser<'a>> {
        if input.len() > QUERY_BYTES_MAX {
            let message = format!("the query has {} bytes; at most {QUERY_BYTES_MAX} are read", input.len());
            return Err(ParseError::new(input, Span::default(), message));
        }
        let lexed = lexer::lex(input);
        Ok(Parser { input, tokens: lexed.tokens, lex_error: lexed.error, at: 0, depth: 0 })
    }

    fn whole(&mut self) -> Parsed<Expr> {
        if self.peek() == Kind::End {
            let error = self.fail(self.token().span, "the query is empty");
            return Err(error.with_help(Some("begin with a stream selector: {app=\"x\"}".to_owned())));
        }
        let expr = self.expression()?;
        self.expect_end()?;
        Ok(expr)
    }

    fn token(&self) -> Token {
        // The last token is never consumed, so there always is one.
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> Kind {
        self.token().kind
    }

    fn second(&self) -> Token {
        self.tokens[(self.at + 1).min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.token();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn previous_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn text_of(&self, token: Token) -> &'a str {
        &self.input[token.span.start..token.span.end]
    }

    fn at_sign(&self, sign: &str) -> bool {
        self.peek() == Kind::Sign(sign_name(sign))
    }

    fn accept(&mut self, sign: &str) -> Option<Token> {
        self.at_sign(sign).then(|| self.next())
    }

    /// The word that stands here, if one does.
    fn word(&self) -> Option<&'a str> {
        (self.peek() == Kind::Word).then(|| self.text_of(self.token()))
    }

    /// A keyword, in any case.
    fn accept_word(&mut self, word: &str) -> Option<Token> {
        self.word().is_some_and(|w| w.eq_ignore_ascii_case(word)).then(|| self.next())
    }

    fn fail(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.input, span, message.into())
    }

    /// The error that the current token is out of place, or the lexer's own if it could not read on.
    fn unexpected(&self, expected: &str) -> ParseError {
        let token = self.token();
        if let (Kind::Error, Some(reason)) = (token.kind, &self.lex_error) {
            return self.fail(token.span, reason.clone());
        }
        let mut message = format!("unexpected {}", lexer::describe(token, self.input));
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.fail(token.span, message)
    }

    fn expect(&mut self, sign: &str, expected: &str) -> Parsed<Token> {
        self.accept(sign).ok_or_else(|| self.unexpected(expected))
    }

    fn expect_end(&self) -> Parsed<()> {
        if self.peek() == Kind::End { Ok(()) } else { Err(self.unexpected("")) }
    }

    fn identifier(&mut self, expected: &str) -> Parsed<String> {
        match self.word() {
            Some(word) => {
                self.next();
                Ok(word.to_owned())
            }
            None => Err(self.unexpected(expected)),
        }
    }

    fn text(&mut self, expected: &str) -> Parsed<String> {
        if self.peek() != Kind::Text {
            return Err(self.unexpected(expected));
        }
        let token = self.next();
        let quoted = self.text_of(token);
        let bytes = promql::unquote(quoted)
            .map_err(|_| self.fail(token.span, "the string holds an escape that does not exist"))
            .map_err(|e| e.with_help(Some("double the backslash, or use backticks: `\\w+`".to_owned())))?;
        String::from_utf8(bytes).map_err(|_| self.fail(token.span, "the string is not valid UTF-8"))
    }

    /// Items of a list, after the first of which a comma means that another follows.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut out = vec![item(self)?];
        while self.accept(",").is_some() {
            out.push(item(self)?);
        }
        Ok(out)
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

    /// `{app="x", host=~"a.*"}`
    fn selector(&mut self) -> Parsed<Vec<Matcher>> {
        self.expect("{", "a stream selector such as {app=\"x\"}")?;
        let mut out = Vec::new();
        while self.accept("}").is_none() {
            let start = self.token().span;
            let name = self.identifier("a label or \"}\"")?;
            let op = self.match_op().ok_or_else(|| self.unexpected("=, !=, =~ or !~"))?;
            let value = self.text("a string")?;
            let span = start.to(self.previous_span());
            out.push(Matcher::new(op, name, value).map_err(|e| self.fail(span, e.to_string()))?);
            if self.accept(",").is_none() && !self.at_sign("}") {
                return Err(self.unexpected("\",\" or \"}\""));
            }
        }
        Ok(out)
    }

    /// One of the operators between a label and a string.
    fn match_op(&mut self) -> Option<MatchOp> {
        let op = match self.peek() {
            Kind::Sign("=") => MatchOp::Equal,
            Kind::Sign("!=") => MatchOp::NotEqual,
            Kind::Sign("=~") => MatchOp::Regex,
            Kind::Sign("!~") => MatchOp::NotRegex,
            _ => return None,
        };
        self.next();
        Some(op)
    }

    /// A selector that everything satisfies would read the whole store.
    fn check_selective(&self, log: &LogExpr) -> Parsed<()> {
        if log.matchers.iter().any(|m| !m.matches_empty()) {
            return Ok(());
        }
        let error = self.fail(
            log.span,
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value",
        );
        Err(error.with_help(Some(
            "for instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will".to_owned(),
        )))
    }
}

/// The sign in the table of the lexer.
fn sign_name(sign: &str) -> &'static str {
    lexer::SIGNS.iter().find(|s| **s == sign).expect("a sign of the table")
}
