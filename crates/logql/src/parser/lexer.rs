//! Text to tokens.
//!
//! Words are not told apart here: LogQL's keywords are names of labels in other places, so the parser asks for the
//! word it expects.

use promql::ast::Span;
use promql::quote;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    /// The text could not be read further; the reason is in [`Lexed::error`].
    Error,
    Word,
    Text,
    Number,
    /// `5m`, `1h30m`
    Duration,
    /// `5MB`
    Bytes,
    /// `--strict`
    Flag,
    /// A sign, by its text.
    Sign(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Span,
}

pub(super) struct Lexed {
    /// The last token is `End` or `Error`.
    pub tokens: Vec<Token>,
    pub error: Option<String>,
}

/// Longer ones before those they begin with.
pub(super) const SIGNS: [&str; 30] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "==", "=~", ">=", "<=", "|", "=", ">", "<", "(", ")", "{", "}", "[",
    "]", ",", "+", "-", "*", "/", "%", "^", ".", ":", "@",
];

/// How a token is called in an error text.
pub(super) fn describe(token: Token, input: &str) -> String {
    let text = &input[token.span.start..token.span.end];
    let shown = match text.chars().count() {
        0..=20 => quote(text),
        _ => format!("{}…", quote(&text.chars().take(20).collect::<String>())),
    };
    match token.kind {
        Kind::End => "end of query".to_owned(),
        Kind::Error => "error".to_owned(),
        Kind::Word => format!("identifier {shown}"),
        Kind::Text => format!("string {}", if text.len() > 20 { shown } else { text.to_owned() }),
        Kind::Number => format!("number {shown}"),
        Kind::Duration => format!("duration {shown}"),
        Kind::Bytes => format!("size {shown}"),
        Kind::Flag | Kind::Sign(_) => shown,
    }
}

pub(super) fn lex(input: &str) -> Lexed {
    let mut lexer = Lexer { input, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let start = lexer.at;
        match lexer.token() {
            Ok(kind) => {
                tokens.push(Token { kind, span: Span::new(start, lexer.at) });
                if kind == Kind::End {
                    return Lexed { tokens, error: None };
                }
            }
            Err(reason) => {
                tokens.push(Token { kind: Kind::Error, span: Span::new(start, input.len()) });
                return Lexed { tokens, error: Some(reason) };
            }
        }
    }
}

struct Lexer<'a> {
    input: &'a str,
    at: usize,
}

fn begins_word(b: u8) -> bool {
    b == b'_' || b.is_ascii_alphabetic()
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    /// White space and comments, which go to the end of their line.
    fn skip_space(&mut self) {
        loop {
            let trimmed = self.rest().trim_start();
            self.at = self.input.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn token(&mut self) -> Result<Kind, String> {
        let rest = self.rest();
        let Some(&first) = rest.as_bytes().first() else { return Ok(Kind::End) };
        if begins_word(first) {
            self.at += rest.bytes().take_while(|b| begins_word(*b) || b.is_ascii_digit()).count();
            return Ok(Kind::Word);
        }
        let second = rest.as_bytes().get(1).copied().unwrap_or(0);
        if first.is_ascii_digit() || (first == b'.' && second.is_ascii_digit()) {
            return self.number();
        }
        if matches!(first, b'"' | b'`' | b'\'') {
            return self.text(first);
        }
        if let Some(flag) = rest.strip_prefix("--")
            && flag.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        {
            self.at += 2 + flag.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
            return Ok(Kind::Flag);
        }
        match SIGNS.iter().find(|s| rest.starts_with(**s)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Kind::Sign(sign))
            }
            None => {
                let c = rest.chars().next().unwrap_or_default();
                Err(format!("unexpected character {}", quote(c.encode_utf8(&mut [0; 4]))))
            }
        }
    }

    fn text(&mut self, quote: u8) -> Result<Kind, String> {
        if quote == b'\'' {
            return Err("strings are written in double quotes or backticks".to_owned());
        }
        let mut escaped = false;
        for (i, b) in self.rest().bytes().enumerate().skip(1) {
            match b {
                _ if escaped => escaped = false,
                b'\\' if quote == b'"' => escaped = true,
                b'\n' if quote == b'"' => break,
                b if b == quote => {
                    self.at += i + 1;
                    return Ok(Kind::Text);
                }
                _ => {}
            }
        }
        Err("the string is not closed".to_owned())
    }

    /// Numbers, durations and sizes begin alike.
    fn number(&mut self) -> Result<Kind, String> {
        let rest = self.rest();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            self.at += 2 + rest[2..].bytes().take_while(u8::is_ascii_hexdigit).count();
            return Ok(Kind::Number);
        }
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        if let Some(exponent) = exponent(&rest[digits..]) {
            self.at += digits + exponent;
            return Ok(Kind::Number);
        }
        let whole = rest
            .char_indices()
            .find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '.' | 'µ' | 'μ')))
            .map_or(rest.len(), |(i, _)| i);
        let text = &rest[..whole];
        self.at += whole;
        if text.len() == digits {
            Ok(Kind::Number)
        } else if crate::units::parse_query_duration(text).is_some() {
            Ok(Kind::Duration)
        } else if crate::units::parse_bytes(text).is_some() {
            Ok(Kind::Bytes)
        } else {
            Err(format!("{} is neither a number nor a duration (5m) nor a size (5MB)", quote(text)))
        }
    }
}

/// The length of an exponent: `e5`, `E-7`.
fn exponent(text: &str) -> Option<usize> {
    let after = text.strip_prefix(['e', 'E'])?;
    let signed = after.strip_prefix(['+', '-']).unwrap_or(after);
    let digits = signed.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(text.len() - signed.len() + digits)
}
