//! Selectors and label sets.

use super::lexer::{Keyword, Kind, Token};
use super::{Parsed, Parser};
use crate::ast::{BinaryOp, Edges, VectorSelector};
use model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};

/// Whether a token can be the name of a metric in a place where an expression is expected.
pub(super) fn names_metric(kind: Kind) -> bool {
    use Keyword::*;
    match kind {
        Kind::Word | Kind::MetricWord | Kind::Aggregate(_) => true,
        Kind::Binary(op) => op.is_set(),
        Kind::Keyword(k) => !matches!(k, On | Ignoring | GroupLeft | GroupRight | Bool),
        _ => false,
    }
}

impl Parser<'_> {
    /// A selector and nothing else.
    pub(super) fn whole_selector(&mut self) -> Parsed<VectorSelector> {
        let selector = self.selector()?;
        self.expect_end()?;
        Ok(selector)
    }

    /// `name`, `name{…}` or `{…}`, without modifiers.
    pub(super) fn selector(&mut self) -> Parsed<VectorSelector> {
        let first = self.token();
        let mut span = first.span;
        let name = names_metric(first.kind).then(|| {
            self.next();
            self.text_of(first).to_owned()
        });
        let mut matchers = Vec::new();
        if self.peek() == Kind::LeftBrace {
            matchers = self.matchers()?;
            span = span.to(self.previous_span());
        } else if name.is_none() {
            return Err(self.unexpected("", ""));
        }
        if let Some(name) = &name {
            matchers.push(Matcher::equal(METRIC_NAME, name));
        }
        Ok(VectorSelector { name, matchers, offset: None, at: None, edges: Edges::Plain, span })
    }

    pub(super) fn previous_span(&self) -> crate::ast::Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn matchers(&mut self) -> Parsed<Vec<Matcher>> {
        const CONTEXT: &str = "label matching";
        self.next();
        let mut out = Vec::new();
        if self.accept(Kind::RightBrace).is_some() {
            return Ok(out);
        }
        loop {
            out.push(self.matcher(CONTEXT)?);
            if self.accept(Kind::Comma).is_none() {
                self.expect(Kind::RightBrace, CONTEXT, "\",\" or \"}\"")?;
                return Ok(out);
            }
            if self.accept(Kind::RightBrace).is_some() {
                return Ok(out);
            }
        }
    }

    fn matcher(&mut self, context: &str) -> Parsed<Matcher> {
        let label = self.token();
        let name = match label.kind {
            Kind::Word => {
                self.next();
                self.text_of(label).to_owned()
            }
            Kind::Text => {
                self.next();
                self.unquoted_utf8(label)?
            }
            _ => return Err(self.unexpected(context, "identifier or \"}\"")),
        };
        let op = match self.peek() {
            Kind::Equals => MatchOp::Equal,
            Kind::Binary(BinaryOp::Ne) => MatchOp::NotEqual,
            Kind::EqualsRegex => MatchOp::Regex,
            Kind::NotRegex => MatchOp::NotRegex,
            Kind::Comma | Kind::RightBrace if label.kind == Kind::Text => {
                return Ok(Matcher::equal(METRIC_NAME, name));
            }
            _ if label.kind == Kind::Text => return Err(self.unexpected(context, "\",\" or \"}\"")),
            _ => return Err(self.unexpected(context, "label matching operator")),
        };
        self.next();
        let value = self.expect(Kind::Text, context, "string")?;
        let text = self.unquoted_utf8(value)?;
        Matcher::new(op, name, text).map_err(|e| self.fail(label.span.to(value.span), e.to_string()))
    }

    /// `(a, b)` of `by`, `on`, `group_left` and the like.
    pub(super) fn grouping_labels(&mut self) -> Parsed<Vec<String>> {
        const CONTEXT: &str = "grouping opts";
        self.expect(Kind::LeftParen, CONTEXT, "\"(\"")?;
        let mut out = Vec::new();
        if self.accept(Kind::RightParen).is_some() {
            return Ok(out);
        }
        loop {
            let token = self.token();
            let label = self.grouping_label(token)?;
            if label.is_empty() {
                return Err(self.fail(token.span, "invalid label name for grouping: \"\""));
            }
            out.push(label);
            if self.accept(Kind::Comma).is_none() {
                self.expect(Kind::RightParen, CONTEXT, "\",\" or \")\"")?;
                return Ok(out);
            }
            if self.accept(Kind::RightParen).is_some() {
                return Ok(out);
            }
        }
    }

    fn grouping_label(&mut self, token: Token) -> Parsed<String> {
        match token.kind {
            Kind::Text => {
                self.next();
                self.unquoted_utf8(token)
            }
            Kind::Keyword(_) | Kind::Aggregate(_) | Kind::Word | Kind::MetricWord => {
                self.next();
                Ok(self.text_of(token).to_owned())
            }
            Kind::Binary(op) if op.is_set() || op == BinaryOp::Atan2 => {
                self.next();
                Ok(self.text_of(token).to_owned())
            }
            _ => Err(self.unexpected("grouping opts", "label")),
        }
    }

    /// `name{label="value"}`; what names the series last wins.
    pub(super) fn label_set(&mut self) -> Parsed<Labels> {
        const CONTEXT: &str = "label set";
        let mut labels = LabelsBuilder::new();
        let first = self.token();
        let name = names_metric(first.kind).then(|| {
            self.next();
            self.text_of(first).to_owned()
        });
        if self.accept(Kind::LeftBrace).is_some() && self.accept(Kind::RightBrace).is_none() {
            loop {
                let (label, value) = self.label_pair(CONTEXT)?;
                labels.set(label, value);
                if self.accept(Kind::Comma).is_none() {
                    self.expect(Kind::RightBrace, CONTEXT, "\",\" or \"}\"")?;
                    break;
                }
                if self.accept(Kind::RightBrace).is_some() {
                    break;
                }
            }
        }
        if let Some(name) = name {
            labels.set(METRIC_NAME, name);
        }
        Ok(labels.build())
    }

    fn label_pair(&mut self, context: &str) -> Parsed<(String, String)> {
        let label = self.token();
        let name = match label.kind {
            Kind::Word => {
                self.next();
                self.text_of(label).to_owned()
            }
            Kind::Text => {
                self.next();
                let name = self.unquoted_utf8(label)?;
                if self.peek() != Kind::Equals {
                    return Ok((METRIC_NAME.to_owned(), name));
                }
                name
            }
            _ => return Err(self.unexpected(context, "identifier or \"}\"")),
        };
        self.expect(Kind::Equals, context, "\"=\"")?;
        let value = self.expect(Kind::Text, context, "string")?;
        Ok((name, self.unquoted_utf8(value)?))
    }
}
