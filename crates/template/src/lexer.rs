//! A text to tokens.

use crate::quote::quote;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The text of the token says what is wrong.
    Error,
    Text,
    LeftDelim,
    RightDelim,
    LeftParen,
    RightParen,
    Space,
    Pipe,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    Char,
    CharConstant,
    Number,
    String,
    RawString,
    Field,
    Variable,
    Identifier,
    Bool,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
    Eof,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub kind: Kind,
    pub pos: usize,
    pub line: usize,
    pub text: String,
}

impl Token {
    /// As error messages show it.
    pub fn shown(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.text.clone(),
            Kind::Block
            | Kind::Break
            | Kind::Continue
            | Kind::Define
            | Kind::Else
            | Kind::End
            | Kind::If
            | Kind::Range
            | Kind::Nil
            | Kind::Template
            | Kind::With
            | Kind::Dot => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                let short: String = self.text.chars().take(10).collect();
                format!("{}...", quote(&short))
            }
            _ => quote(&self.text),
        }
    }
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";

/// Every token; the last one is `Eof` or `Error`.
pub(crate) fn lex(input: &str) -> Vec<Token> {
    let mut lexer = Lexer { input, pos: 0, line: 1, tokens: Vec::new(), parens: 0 };
    if let Err((pos, message)) = lexer.run() {
        let line = lexer.line;
        lexer.tokens.push(Token { kind: Kind::Error, pos, line, text: message });
    }
    lexer.tokens
}

struct Lexer<'a> {
    input: &'a str,
    pos: usize,
    line: usize,
    tokens: Vec<Token>,
    parens: u32,
}

/// Where and what is wrong.
type Wrong = (usize, String);

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}

/// A character as Go's `%#U` shows it.
fn code_point(c: Option<char>) -> String {
    match c {
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
        Some(c) if crate::quote::is_print(c) => format!("U+{:04X} '{c}'", c as u32),
        Some(c) => format!("U+{:04X}", c as u32),
    }
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) {
        let len = self.rest().find(|c| !keep(c)).unwrap_or(self.rest().len());
        self.pos += len;
    }

    fn emit(&mut self, kind: Kind, start: usize) {
        let text = &self.input[start..self.pos];
        self.tokens.push(Token { kind, pos: start, line: self.line, text: text.to_owned() });
        self.line += text.bytes().filter(|b| *b == b'\n').count();
    }

    /// Skips what stands before `pos` without a token.
    fn skip_to(&mut self, pos: usize) {
        self.line += self.input[self.pos..pos].bytes().filter(|b| *b == b'\n').count();
        self.pos = pos;
    }

    fn wrong<T>(&self, start: usize, message: impl Into<String>) -> Result<T, Wrong> {
        Err((start, message.into()))
    }

    fn run(&mut self) -> Result<(), Wrong> {
        while let Some(offset) = self.rest().find(LEFT) {
            let open = self.pos + offset;
            let trims = trims_left(&self.input[open + LEFT.len()..]);
            let text_end = match trims {
                true => self.pos + self.input[self.pos..open].trim_end_matches(is_space).len(),
                false => open,
            };
            let start = self.pos;
            self.pos = text_end;
            if text_end > start {
                self.emit(Kind::Text, start);
            }
            self.skip_to(open);
            self.action(if trims { 1 } else { 0 })?;
        }
        let start = self.pos;
        self.pos = self.input.len();
        if self.pos > start {
            self.emit(Kind::Text, start);
        }
        self.emit(Kind::Eof, self.pos);
        Ok(())
    }

    /// An action or a comment; `trim` is the length of the mark that trims the text before it.
    fn action(&mut self, trim: usize) -> Result<(), Wrong> {
        let start = self.pos;
        // The mark and the space after it belong to the delimiter, the space only where a comment follows.
        let after = start + LEFT.len() + if trim > 0 { 2 } else { 0 };
        if self.input[after.min(self.input.len())..].starts_with("/*") {
            return self.comment(after);
        }
        self.pos = start + LEFT.len();
        self.emit(Kind::LeftDelim, start);
        self.pos += trim;
        self.parens = 0;
        while !self.at_right_delim()? {
            self.inside()?;
        }
        Ok(())
    }

    fn comment(&mut self, start: usize) -> Result<(), Wrong> {
        let Some(len) = self.input[start..].find("*/") else { return self.wrong(start, "unclosed comment") };
        let end = start + len + 2;
        let (trim, close) = right_delim(&self.input[end..]);
        let Some(close) = close else { return self.wrong(start, "comment ends before closing delimiter") };
        self.skip_to(end + close);
        self.trim_after(trim);
        Ok(())
    }

    fn trim_after(&mut self, trim: bool) {
        if trim {
            let rest = self.rest();
            let skipped = rest.len() - rest.trim_start_matches(is_space).len();
            self.skip_to(self.pos + skipped);
        }
    }

    fn at_right_delim(&mut self) -> Result<bool, Wrong> {
        let (trim, Some(len)) = right_delim(self.rest()) else { return Ok(false) };
        if self.parens > 0 {
            return self.wrong(self.pos, "unclosed left paren");
        }
        // The spaces before a trimming mark are part of the delimiter.
        self.skip_to(self.pos + len - RIGHT.len());
        let start = self.pos;
        self.pos += RIGHT.len();
        self.emit(Kind::RightDelim, start);
        self.trim_after(trim);
        Ok(true)
    }

    fn inside(&mut self) -> Result<(), Wrong> {
        let start = self.pos;
        let Some(c) = self.peek() else { return self.wrong(start, "unclosed action") };
        let second = self.rest().chars().nth(1);
        let kind = match c {
            c if is_space(c) => {
                // A space that begins a trimming delimiter is not an argument separator.
                while self.peek().is_some_and(is_space) && right_delim(self.rest()).1.is_none() {
                    self.pos += 1;
                }
                if self.pos == start {
                    return Ok(());
                }
                Kind::Space
            }
            '=' => self.single(Kind::Assign),
            ':' if second == Some('=') => {
                self.pos += 2;
                Kind::Declare
            }
            ':' => return self.wrong(start, "expected :="),
            '|' => self.single(Kind::Pipe),
            '(' => {
                self.parens += 1;
                self.single(Kind::LeftParen)
            }
            ')' if self.parens == 0 => return self.wrong(start, "unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.single(Kind::RightParen)
            }
            '"' => self.quoted('"', "unterminated quoted string", Kind::String)?,
            '\'' => self.quoted('\'', "unterminated character constant", Kind::CharConstant)?,
            '`' => {
                let Some(len) = self.rest()[1..].find('`') else {
                    return self.wrong(start, "unterminated raw quoted string");
                };
                self.pos += len + 2;
                Kind::RawString
            }
            '$' => self.name(Kind::Variable, Kind::Variable)?,
            '.' if !second.is_some_and(|c| c.is_ascii_digit()) => self.name(Kind::Field, Kind::Dot)?,
            '.' | '+' | '-' | '0'..='9' => self.number()?,
            c if is_alphanumeric(c) => {
                self.take_while(is_alphanumeric);
                self.check_terminator(start)?;
                word(&self.input[start..self.pos])
            }
            c if c.is_ascii_graphic() => self.single(Kind::Char),
            c => {
                return self
                    .wrong(start, format!("unrecognized character in action: {}", code_point(Some(c))));
            }
        };
        self.emit(kind, start);
        Ok(())
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.pos += 1;
        kind
    }

    fn quoted(&mut self, close: char, unclosed: &str, kind: Kind) -> Result<Kind, Wrong> {
        let start = self.pos;
        let mut escaped = false;
        for (i, c) in self.input[start..].char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == close => {
                    self.pos = start + i + 1;
                    return Ok(kind);
                }
                _ => {}
            }
        }
        self.wrong(start, unclosed)
    }

    /// `.field` or `$variable`, or the dot or dollar alone.
    fn name(&mut self, kind: Kind, alone: Kind) -> Result<Kind, Wrong> {
        let start = self.pos;
        self.pos += 1;
        if self.at_terminator() {
            return Ok(alone);
        }
        self.take_while(is_alphanumeric);
        self.check_terminator(start)?;
        Ok(kind)
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) if is_space(c) => true,
            _ => self.rest().starts_with(RIGHT),
        }
    }

    fn check_terminator(&self, start: usize) -> Result<(), Wrong> {
        match self.at_terminator() {
            true => Ok(()),
            false => self.wrong(start, format!("bad character {}", code_point(self.peek()))),
        }
    }

    fn number(&mut self) -> Result<Kind, Wrong> {
        let start = self.pos;
        if self.peek().is_some_and(|c| matches!(c, '+' | '-')) {
            self.pos += 1;
        }
        let lower = self.rest().get(..2).map(str::to_ascii_lowercase);
        let (prefix, digits): (usize, fn(char) -> bool) = match lower.as_deref() {
            Some("0x") => (2, |c| c.is_ascii_hexdigit() || c == '_'),
            Some("0o") => (2, |c| matches!(c, '0'..='7' | '_')),
            Some("0b") => (2, |c| matches!(c, '0' | '1' | '_')),
            _ => (0, |c| c.is_ascii_digit() || c == '_'),
        };
        self.pos += prefix;
        self.take_while(digits);
        if self.peek() == Some('.') {
            self.pos += 1;
            self.take_while(digits);
        }
        let exponent = if lower.as_deref() == Some("0x") { ['p', 'P'] } else { ['e', 'E'] };
        if self.peek().is_some_and(|c| exponent.contains(&c)) {
            self.pos += 1;
            if self.peek().is_some_and(|c| matches!(c, '+' | '-')) {
                self.pos += 1;
            }
            self.take_while(|c| c.is_ascii_digit() || c == '_');
        }
        if let Some(c) = self.peek().filter(|c| is_alphanumeric(*c) || matches!(c, '+' | '-')) {
            self.pos += c.len_utf8();
            let text = quote(&self.input[start..self.pos]);
            return self.wrong(start, format!("bad number syntax: {text}"));
        }
        Ok(Kind::Number)
    }
}

/// Whether what follows `{{` trims the text before it: a minus and a space.
fn trims_left(after: &str) -> bool {
    after.starts_with('-') && after[1..].starts_with(is_space)
}

/// Whether a text starts with a closing delimiter: whether that trims what follows, and its length.
fn right_delim(text: &str) -> (bool, Option<usize>) {
    if text.starts_with(RIGHT) {
        return (false, Some(RIGHT.len()));
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), Some('-')) if is_space(c) && text[2..].starts_with(RIGHT) => (true, Some(2 + RIGHT.len())),
        _ => (false, None),
    }
}

fn word(text: &str) -> Kind {
    match text {
        "true" | "false" => Kind::Bool,
        "nil" => Kind::Nil,
        "block" => Kind::Block,
        "break" => Kind::Break,
        "continue" => Kind::Continue,
        "define" => Kind::Define,
        "else" => Kind::Else,
        "end" => Kind::End,
        "if" => Kind::If,
        "range" => Kind::Range,
        "template" => Kind::Template,
        "with" => Kind::With,
        _ => Kind::Identifier,
    }
}
