//! Conditions on labels.

use super::lexer::Kind;
use super::{Parsed, Parser};
use crate::ast::{Comparison, LabelFilter};
use crate::pipeline::IpSet;
use crate::units;
use model::{MatchOp, Matcher};

impl Parser<'_> {
    /// `a="b" and c > 5 or d = ip("::1")`; `and`, a comma or nothing bind stronger than `or`.
    pub(super) fn label_filter(&mut self) -> Parsed<LabelFilter> {
        self.nested(|p| {
            let mut any = vec![p.all_of()?];
            while p.accept_word("or").is_some() {
                any.push(p.all_of()?);
            }
            Ok(joined(any, LabelFilter::Or))
        })
    }

    fn all_of(&mut self) -> Parsed<LabelFilter> {
        let mut all = vec![self.predicate()?];
        loop {
            let joined = self.accept_word("and").is_some() || self.accept(",").is_some();
            let begins = self.at_sign("(") || self.word().is_some_and(|w| !w.eq_ignore_ascii_case("or"));
            if !joined && !begins {
                break;
            }
            all.push(self.predicate()?);
        }
        Ok(self::joined(all, LabelFilter::And))
    }

    fn predicate(&mut self) -> Parsed<LabelFilter> {
        if self.accept("(").is_some() {
            let inner = self.label_filter()?;
            self.expect(")", "\")\"")?;
            return Ok(inner);
        }
        let start = self.token().span;
        let name = self.identifier("a label")?;
        let token = self.token();
        let Kind::Sign(sign) = token.kind else { return Err(self.unexpected(OPERATORS)) };
        let op = match sign {
            "=" | "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "=~" | "!~" => {
                self.next();
                let op = if sign == "=~" { MatchOp::Regex } else { MatchOp::NotRegex };
                return self.text_predicate(start, name, op);
            }
            _ => return Err(self.unexpected(OPERATORS)),
        };
        self.next();
        match (self.peek(), op) {
            (Kind::Text, Comparison::Equal) => self.text_predicate(start, name, MatchOp::Equal),
            (Kind::Text, Comparison::NotEqual) => self.text_predicate(start, name, MatchOp::NotEqual),
            (Kind::Text, _) => {
                let error = self.fail(
                    self.token().span,
                    format!("{sign} compares numbers, durations and sizes, not strings"),
                );
                Err(error
                    .with_help(Some("write the value without quotes, or use =, !=, =~ or !~".to_owned())))
            }
            (Kind::Word, Comparison::Equal | Comparison::NotEqual) if self.word() == Some("ip") => {
                let pattern = self.ip_pattern()?;
                Ok(LabelFilter::Ip { name, negated: op == Comparison::NotEqual, pattern })
            }
            _ => self.number_predicate(name, op),
        }
    }

    fn text_predicate(&mut self, start: crate::ast::Span, name: String, op: MatchOp) -> Parsed<LabelFilter> {
        let value = self.text("a string")?;
        let span = start.to(self.previous_span());
        Matcher::new(op, name, value).map(LabelFilter::Matcher).map_err(|e| self.fail(span, e.to_string()))
    }

    fn number_predicate(&mut self, name: String, op: Comparison) -> Parsed<LabelFilter> {
        let token = self.token();
        let text = self.text_of(token);
        match token.kind {
            Kind::Duration => {
                self.next();
                let nanos = units::parse_query_duration(text)
                    .ok_or_else(|| self.fail(token.span, "the duration is out of range"))?;
                Ok(LabelFilter::Duration { name, op, nanos, text: text.to_owned() })
            }
            Kind::Bytes => {
                self.next();
                let bytes = units::parse_bytes(text)
                    .ok_or_else(|| self.fail(token.span, "the size is out of range"))?;
                Ok(LabelFilter::Bytes { name, op, bytes, text: text.to_owned() })
            }
            _ => Ok(LabelFilter::Number { name, op, value: self.signed_number()? }),
        }
    }

    /// `ip("10.0.0.0/8")`, whose word stands here.
    pub(super) fn ip_pattern(&mut self) -> Parsed<String> {
        self.next();
        self.expect("(", "\"(\"")?;
        let token = self.token();
        let pattern = self.text("an address in quotes")?;
        self.expect(")", "\")\"")?;
        if IpSet::parse(&pattern).is_none() {
            let error =
                self.fail(token.span, format!("{} is not a set of addresses", promql::quote(&pattern)));
            let help = "write an address 10.0.0.1, a range 10.0.0.1-10.0.0.9 or a network 10.0.0.0/8";
            return Err(error.with_help(Some(help.to_owned())));
        }
        Ok(pattern)
    }
}

const OPERATORS: &str = "a comparison: =, !=, =~, !~, ==, <, <=, > or >=";

fn joined(mut parts: Vec<LabelFilter>, join: fn(Vec<LabelFilter>) -> LabelFilter) -> LabelFilter {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}
