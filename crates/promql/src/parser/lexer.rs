//! Text to tokens.
//!
//! The meaning of a character depends on what is open around it: inside braces words are label names, inside
//! brackets a colon separates range and step and words are duration functions. That is all the lexer knows of
//! the grammar, so the whole text is cut into tokens before parsing starts.

use crate::ast::{AggregateOp, BinaryOp, Span};
use crate::text::quote;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    End,
    /// The text could not be read further; the reason is in [`Lexed::error`].
    Error,
    Number,
    Duration,
    Text,
    /// A word without a colon.
    Word,
    /// A word with a colon: only a metric can be named so.
    MetricWord,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    /// `=`
    Equals,
    /// `=~`, only inside braces.
    EqualsRegex,
    /// `!~`, only inside braces.
    NotRegex,
    At,
    Binary(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
}

/// Words with a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub kind: Kind,
    pub span: Span,
}

pub(crate) struct Lexed {
    /// The last token is `End` or `Error`.
    pub tokens: Vec<Token>,
    pub error: Option<String>,
}

fn keyword(word: &str) -> Option<Kind> {
    use Keyword::*;
    let lower = word.to_ascii_lowercase();
    if let Some(op) = AggregateOp::ALL.into_iter().find(|op| op.as_str() == lower) {
        return Some(Kind::Aggregate(op));
    }
    Some(match lower.as_str() {
        "and" => Kind::Binary(BinaryOp::And),
        "or" => Kind::Binary(BinaryOp::Or),
        "unless" => Kind::Binary(BinaryOp::Unless),
        "atan2" => Kind::Binary(BinaryOp::Atan2),
        "offset" => Kind::Keyword(Offset),
        "smoothed" => Kind::Keyword(Smoothed),
        "anchored" => Kind::Keyword(Anchored),
        "by" => Kind::Keyword(By),
        "without" => Kind::Keyword(Without),
        "on" => Kind::Keyword(On),
        "ignoring" => Kind::Keyword(Ignoring),
        "group_left" => Kind::Keyword(GroupLeft),
        "group_right" => Kind::Keyword(GroupRight),
        "fill" => Kind::Keyword(Fill),
        "fill_left" => Kind::Keyword(FillLeft),
        "fill_right" => Kind::Keyword(FillRight),
        "bool" => Kind::Keyword(Bool),
        "start" => Kind::Keyword(Start),
        "end" => Kind::Keyword(End),
        "step" => Kind::Keyword(Step),
        "range" => Kind::Keyword(Range),
        "max_of" => Kind::Keyword(MaxOf),
        "min_of" => Kind::Keyword(MinOf),
        "inf" | "nan" => Kind::Number,
        _ => return None,
    })
}

/// How a token is called in an error text.
pub(crate) fn describe(token: Token, input: &str) -> String {
    let text = &input[token.span.start..token.span.end];
    let quoted = || {
        if text.len() > 10 {
            format!("{}...", quote(&text.chars().take(10).collect::<String>()))
        } else {
            quote(text)
        }
    };
    match token.kind {
        Kind::End => "end of input".to_owned(),
        Kind::Error => "error".to_owned(),
        Kind::Word => format!("identifier {}", quote(text)),
        Kind::MetricWord => format!("metric identifier {}", quote(text)),
        Kind::Number => format!("number {}", quoted()),
        Kind::Duration => format!("duration {}", quoted()),
        Kind::Text => format!("string {}", quoted()),
        Kind::Binary(_) | Kind::At | Kind::EqualsRegex | Kind::NotRegex => format!("<op:{text}>"),
        Kind::Aggregate(_) => format!("<aggr:{text}>"),
        Kind::Keyword(
            Keyword::Start | Keyword::End | Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf,
        ) => quoted(),
        Kind::Keyword(_) => format!("<{text}>"),
        _ => quoted(),
    }
}

pub(crate) fn lex(input: &str) -> Lexed {
    let mut lexer = Lexer { input, at: 0, tokens: Vec::new(), parens: 0, in_braces: false, brackets: None };
    let error = loop {
        let start = lexer.at;
        match lexer.token() {
            Ok(Some(Kind::End)) => {
                lexer.tokens.push(Token { kind: Kind::End, span: Span::new(start, start) });
                break None;
            }
            Ok(Some(kind)) => lexer.tokens.push(Token { kind, span: Span::new(start, lexer.at) }),
            Ok(None) => {}
            Err(reason) => {
                lexer.tokens.push(Token { kind: Kind::Error, span: Span::new(start, input.len()) });
                break Some(reason);
            }
        }
    };
    Lexed { tokens: lexer.tokens, error }
}

struct Lexer<'a> {
    input: &'a str,
    at: usize,
    tokens: Vec<Token>,
    parens: u32,
    in_braces: bool,
    brackets: Option<Brackets>,
}

/// What has been seen since `[`.
#[derive(Clone, Copy, Default)]
struct Brackets {
    colon: bool,
    duration: bool,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

fn char_literal(c: Option<char>) -> String {
    match c {
        None => "end of input".to_owned(),
        Some('\'') => "'\\''".to_owned(),
        Some(c) => {
            let q = quote(c.encode_utf8(&mut [0; 4]));
            let inner = q[1..q.len() - 1].replace("\\\"", "\"");
            format!("'{inner}'")
        }
    }
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, set: &str) -> bool {
        let found = self.peek().is_some_and(|c| set.contains(c));
        if found {
            self.at += 1;
        }
        found
    }

    fn skip_while(&mut self, keep: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !keep(c)).unwrap_or(rest.len());
    }

    /// The next token; `None` for spaces and comments.
    fn token(&mut self) -> Result<Option<Kind>, String> {
        let Some(c) = self.peek() else { return self.end().map(Some) };
        if is_space(c) {
            self.skip_while(is_space);
            return Ok(None);
        }
        if c == '#' {
            self.skip_while(|c| c != '\n' && c != '\r');
            return Ok(None);
        }
        match c {
            '"' | '\'' | '`' if self.brackets.is_some_and(|b| !b.duration) => {
                return self.symbol(c).map(Some);
            }
            '"' | '\'' => return self.text(c).map(Some),
            '`' => return self.raw_text().map(Some),
            _ => {}
        }
        if self.in_braces {
            return self.inside_braces(c).map(Some);
        }
        if c.is_ascii_digit() || (c == '.' && self.rest()[1..].starts_with(|d: char| d.is_ascii_digit())) {
            return self.number_or_duration().map(Some);
        }
        if is_alpha(c) || c == ':' {
            return if self.brackets.is_some() { self.inside_brackets(c) } else { Ok(self.word()) }.map(Some);
        }
        self.symbol(c).map(Some)
    }

    fn end(&self) -> Result<Kind, String> {
        if self.in_braces {
            Err("unexpected end of input inside braces".to_owned())
        } else if self.brackets.is_some_and(|b| !b.duration) {
            Err("unexpected end of input in duration expression".to_owned())
        } else if self.parens > 0 {
            Err("unclosed left parenthesis".to_owned())
        } else if self.brackets.is_some() {
            Err("unclosed left bracket".to_owned())
        } else {
            Ok(Kind::End)
        }
    }

    fn symbol(&mut self, c: char) -> Result<Kind, String> {
        self.bump();
        Ok(match c {
            ',' => Kind::Comma,
            '*' => Kind::Binary(BinaryOp::Mul),
            '/' => Kind::Binary(BinaryOp::Div),
            '%' => Kind::Binary(BinaryOp::Mod),
            '+' => Kind::Binary(BinaryOp::Add),
            '-' => Kind::Binary(BinaryOp::Sub),
            '^' => Kind::Binary(BinaryOp::Pow),
            '@' => Kind::At,
            '=' if self.accept("=") => Kind::Binary(BinaryOp::Eq),
            '=' if self.peek() == Some('~') => {
                return Err(format!("unexpected character after '=': {}", char_literal(self.peek())));
            }
            '=' => Kind::Equals,
            '!' if self.accept("=") => Kind::Binary(BinaryOp::Ne),
            '!' => return Err(format!("unexpected character after '!': {}", char_literal(self.peek()))),
            '<' if self.accept("=") => Kind::Binary(BinaryOp::Le),
            '<' if self.accept("/") => Kind::Binary(BinaryOp::TrimUpper),
            '<' => Kind::Binary(BinaryOp::Lt),
            '>' if self.accept("=") => Kind::Binary(BinaryOp::Ge),
            '>' if self.accept("/") => Kind::Binary(BinaryOp::TrimLower),
            '>' => Kind::Binary(BinaryOp::Gt),
            '(' => {
                self.parens += 1;
                Kind::LeftParen
            }
            ')' if self.parens == 0 => return Err("unexpected right parenthesis ')'".to_owned()),
            ')' => {
                self.parens -= 1;
                Kind::RightParen
            }
            '{' => {
                self.in_braces = true;
                Kind::LeftBrace
            }
            '[' if self.brackets.is_some() => return Err("unexpected left bracket '['".to_owned()),
            '[' => {
                self.brackets = Some(Brackets::default());
                Kind::LeftBracket
            }
            ']' if self.brackets.is_none() => return Err("unexpected right bracket ']'".to_owned()),
            ']' => {
                self.brackets = None;
                Kind::RightBracket
            }
            c if self.brackets.is_some_and(|b| !b.duration) => {
                return Err(format!(
                    "unexpected character in duration expression: {}",
                    char_literal(Some(c))
                ));
            }
            c => return Err(format!("unexpected character: {}", char_literal(Some(c)))),
        })
    }

    fn inside_brackets(&mut self, c: char) -> Result<Kind, String> {
        let Some(mut brackets) = self.brackets else { return Ok(Kind::Colon) };
        if c == ':' {
            self.bump();
            if !brackets.duration {
                return Err("unexpected colon before duration in duration expression".to_owned());
            }
            if brackets.colon {
                return Err("unexpected colon ':'".to_owned());
            }
            brackets.colon = true;
            self.brackets = Some(brackets);
            return Ok(Kind::Colon);
        }
        let rest = self.rest();
        let len = rest.find(|c| !is_alpha(c)).unwrap_or(rest.len());
        match keyword(&rest[..len]) {
            Some(k @ Kind::Keyword(Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)) => {
                self.at += len;
                brackets.duration = true;
                self.brackets = Some(brackets);
                Ok(k)
            }
            _ if brackets.duration => {
                Err(format!("unexpected character: {}, expected ':'", char_literal(Some(c))))
            }
            _ => Err(format!("unexpected character in duration expression: {}", char_literal(Some(c)))),
        }
    }

    fn inside_braces(&mut self, c: char) -> Result<Kind, String> {
        if is_alpha(c) {
            self.skip_while(is_alphanumeric);
            return Ok(Kind::Word);
        }
        self.bump();
        Ok(match c {
            ',' => Kind::Comma,
            '=' if self.accept("~") => Kind::EqualsRegex,
            '=' => Kind::Equals,
            '!' if self.accept("~") => Kind::NotRegex,
            '!' if self.accept("=") => Kind::Binary(BinaryOp::Ne),
            '!' => {
                let next = char_literal(self.peek());
                return Err(format!("unexpected character after '!' inside braces: {next}"));
            }
            '{' => return Err("unexpected left brace '{'".to_owned()),
            '}' => {
                self.in_braces = false;
                Kind::RightBrace
            }
            c => return Err(format!("unexpected character inside braces: {}", char_literal(Some(c)))),
        })
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        self.skip_while(|c| is_alphanumeric(c) || c == ':');
        let word = &self.input[start..self.at];
        match keyword(word) {
            // So that metrics of these names keep working.
            Some(Kind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !self.rest().trim_start_matches(is_space).starts_with('(') =>
            {
                Kind::Word
            }
            Some(kind) => kind,
            None if word.contains(':') => Kind::MetricWord,
            None => Kind::Word,
        }
    }

    fn text(&mut self, open: char) -> Result<Kind, String> {
        self.bump();
        loop {
            match self.bump() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some('\\') => self.escape(open)?,
                Some(c) if c == open => return Ok(Kind::Text),
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, open: char) -> Result<(), String> {
        let unfinished = || "escape sequence not terminated".to_owned();
        let unicode = |c: char| format!("U+{:04X} '{c}'", c as u32);
        let c = self.bump().ok_or_else(unfinished)?;
        let (mut value, digits, radix, max) = match c {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            c if c == open => return Ok(()),
            '0'..='7' => (c as u32 - '0' as u32, 2, 8, 255),
            'x' => (0, 2, 16, 255),
            'u' => (0, 4, 16, 0x10ffff),
            'U' => (0, 8, 16, 0x10ffff),
            c => return Err(format!("unknown escape sequence {}", unicode(c))),
        };
        for _ in 0..digits {
            let c = self.bump().ok_or_else(unfinished)?;
            let d = c
                .to_digit(radix)
                .ok_or_else(|| format!("illegal character {} in escape sequence", unicode(c)))?;
            value = value.saturating_mul(radix).saturating_add(d);
        }
        if value > max || (0xd800..0xe000).contains(&value) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }

    fn raw_text(&mut self) -> Result<Kind, String> {
        self.bump();
        loop {
            match self.bump() {
                None => return Err("unterminated raw string".to_owned()),
                Some('`') => return Ok(Kind::Text),
                Some(_) => {}
            }
        }
    }

    fn number_or_duration(&mut self) -> Result<Kind, String> {
        let start = self.at;
        if let Some(b) = &mut self.brackets {
            b.duration = true;
        }
        if self.scan_number() {
            return Ok(Kind::Number);
        }
        if self.scan_duration() {
            return Ok(Kind::Duration);
        }
        let seen = &self.input[start..self.at.max(start + 1)];
        Err(format!("bad number or duration syntax: {}", quote(seen)))
    }

    /// Moves over a number. What it accepts need not be one; the parser finds out.
    fn scan_number(&mut self) -> bool {
        let mut digits = "0123456789";
        let mut hex = false;
        if self.accept("0") && self.accept("xX") {
            self.accept("_");
            digits = "0123456789abcdefABCDEF";
            hex = true;
        }
        self.accept(".");
        self.accept(digits);
        let (mut dot, mut exponent) = (false, false);
        while let Some(c) = self.peek() {
            if digits.contains(c) {
                self.bump();
            } else if c == '.' {
                self.bump();
                if dot || hex || self.accept("_.") {
                    return false;
                }
                dot = true;
            } else if c == 'e' || c == 'E' {
                self.bump();
                if exponent {
                    return false;
                }
                exponent = true;
                self.accept("+-");
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if c == '_' {
                self.bump();
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else {
                break;
            }
        }
        !self.peek().is_some_and(is_alphanumeric)
    }

    /// Moves over the units of a duration whose first digits are already read.
    fn scan_duration(&mut self) -> bool {
        if !self.accept("smhdwy") {
            return false;
        }
        self.accept("s");
        while self.accept("0123456789") {
            while self.accept("0123456789") {}
            if !self.accept("smhdw") {
                return false;
            }
            self.accept("s");
        }
        match self.peek() {
            Some(c) if is_alphanumeric(c) => {
                self.bump();
                false
            }
            _ => true,
        }
    }
}
