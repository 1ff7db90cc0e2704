//! Operands of commands.

use crate::ast::{Arg, ArgKind, Number};
use crate::lexer::{Kind, Token};
use crate::number::{parse_int, underscores_are_right};
use crate::parser::{Parsed, Parser};
use crate::quote::{quote, unquote};
use std::sync::Arc;

impl Arg {
    /// Whether it can neither be called nor take what comes through a pipe.
    pub fn is_constant(&self) -> bool {
        matches!(
            self.kind,
            ArgKind::Bool(_) | ArgKind::Dot | ArgKind::Nil | ArgKind::Number(_) | ArgKind::String { .. }
        )
    }
}

impl Parser<'_> {
    /// A term and the fields written directly after it.
    pub fn operand(&mut self) -> Parsed<Option<Arg>> {
        let Some(term) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let pos = self.peek().pos;
        let mut fields: Vec<Arc<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(Arc::from(&self.next().text[1..]));
        }
        let kind = match term.kind {
            ArgKind::Field(mut names) => {
                names.append(&mut fields);
                ArgKind::Field(names)
            }
            ArgKind::Variable(mut names) => {
                names.append(&mut fields);
                ArgKind::Variable(names)
            }
            ArgKind::Bool(_) | ArgKind::String { .. } | ArgKind::Number(_) | ArgKind::Nil | ArgKind::Dot => {
                return self.fail(format!("unexpected . after term {}", quote(&term.to_string())));
            }
            _ => ArgKind::Chain(Box::new(term), fields),
        };
        Ok(Some(Arg { pos, kind }))
    }

    fn term(&mut self) -> Parsed<Option<Arg>> {
        let before = self.mark();
        let token = self.next_non_space();
        let pos = token.pos;
        let kind = match token.kind {
            Kind::Identifier => {
                if !crate::builtin::is_builtin(&token.text) && !self.functions.contains(&token.text) {
                    return self.fail(format!("function {} not defined", quote(&token.text)));
                }
                ArgKind::Identifier(Arc::from(token.text))
            }
            Kind::Dot => ArgKind::Dot,
            Kind::Nil => ArgKind::Nil,
            Kind::Variable => {
                if !self.variables.iter().any(|v| **v == *token.text) {
                    return self.fail(format!("undefined variable {}", quote(&token.text)));
                }
                ArgKind::Variable(vec![Arc::from(token.text)])
            }
            Kind::Field => ArgKind::Field(vec![Arc::from(&token.text[1..])]),
            Kind::Bool => ArgKind::Bool(token.text == "true"),
            Kind::CharConstant | Kind::Number => match number(&token) {
                Ok(n) => ArgKind::Number(n),
                Err(reason) => return self.fail(reason),
            },
            Kind::LeftParen => {
                let pipe = self.nested(|p| p.pipeline("parenthesized pipeline", Kind::RightParen))?;
                ArgKind::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => match unquote(&token.text) {
                Ok(text) => ArgKind::String { quoted: token.text, text: Arc::from(text) },
                Err(reason) => return self.fail(reason),
            },
            _ => {
                self.back(before);
                return Ok(None);
            }
        };
        Ok(Some(Arg { pos, kind }))
    }
}

fn number(token: &Token) -> Result<Number, String> {
    let text = &token.text;
    if token.kind == Kind::CharConstant {
        let c = unquote(text).ok().filter(|t| t.chars().count() == 1).and_then(|t| t.chars().next());
        let code = i64::from(c.ok_or_else(|| format!("malformed character constant: {text}"))? as u32);
        return Ok(Number { text: text.clone(), int: Some(code), float: Some(code as f64), is_float: false });
    }
    let illegal = || format!("illegal number syntax: {}", quote(text));
    if let Some(int) = parse_int(text) {
        return Ok(Number { text: text.clone(), int: Some(int), float: Some(int as f64), is_float: false });
    }
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        let digits = text.trim_start_matches(['+', '-']);
        let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        return Err(if whole { format!("integer overflow: {}", quote(text)) } else { illegal() });
    }
    if !underscores_are_right(text) {
        return Err(illegal());
    }
    let float = crate::number::parse_float(&text.replace('_', "")).map_err(|_| illegal())?;
    // A whole number is one however it is written.
    let int = (float == float.trunc() && float.abs() < i64::MAX as f64).then_some(float as i64);
    Ok(Number { text: text.clone(), int, float: Some(float), is_float: true })
}
