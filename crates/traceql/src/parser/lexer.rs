//! Text to tokens.
//!
//! An attribute with its scope is one token, and so is an intrinsic: what may stand in their names depends on what
//! stands before.

use crate::ast::Place;
use crate::field::{Field, Intrinsic, Scope, is_bare};
use crate::units::parse_duration;
use promql::{nearest_name, quote};

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    End,
    /// The text could not be read further; the reason is in [`Lexed::error`].
    Error,
    Word,
    Text,
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Field(Field),
    /// A sign, by its text.
    Sign(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub place: Place,
}

/// Why the text could not be read further.
pub(super) struct Unreadable {
    pub reason: String,
    pub help: Option<String>,
}

pub(super) struct Lexed {
    /// The last token is `End` or `Error`.
    pub tokens: Vec<Token>,
    pub error: Option<Unreadable>,
}

/// Longer ones before those they begin with.
const SIGNS: [&str; 38] = [
    "!>>", "!<<", "&>>", "&<<", "&&", "||", "!>", "!<", "!~", "!=", "&>", "&<", "&~", ">>", "<<", ">=", "<=",
    "=~", "==", "{", "}", "(", ")", ",", "|", "=", ">", "<", "~", "!", "+", "-", "*", "/", "%", "^", "&",
    ".",
];

/// How a token is called in an error text.
pub(super) fn describe(token: &Token, input: &str) -> String {
    let text = &input[token.place.start..token.place.end];
    let shown = match text.chars().count() {
        0..=30 => quote(text),
        _ => quote(&format!("{}…", text.chars().take(30).collect::<String>())),
    };
    match token.kind {
        Kind::End => "end of query".to_owned(),
        Kind::Error => "error".to_owned(),
        Kind::Word => format!("identifier {shown}"),
        Kind::Text => format!("string {}", if text.len() > 30 { shown } else { text.to_owned() }),
        Kind::Int(_) | Kind::Float(_) => format!("number {shown}"),
        Kind::Duration(_) => format!("duration {shown}"),
        Kind::Field(_) => format!("field {shown}"),
        Kind::Sign(_) => shown,
    }
}

pub(super) fn lex(input: &str) -> Lexed {
    let mut lexer = Lexer { input, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let kind = lexer.skip_space().and_then(|()| {
            let start = lexer.at;
            lexer.token().map(|kind| (start, kind))
        });
        match kind {
            Ok((start, kind)) => {
                let done = kind == Kind::End;
                tokens.push(Token { kind, place: Place::new(start, lexer.at) });
                if done {
                    return Lexed { tokens, error: None };
                }
            }
            Err(error) => {
                let rest = lexer.rest();
                let word = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len()).max(1);
                let end = (lexer.at + word).min(input.len());
                let end = (end..=input.len()).find(|e| input.is_char_boundary(*e)).unwrap_or(input.len());
                tokens.push(Token { kind: Kind::Error, place: Place::new(lexer.at, end) });
                return Lexed { tokens, error: Some(error) };
            }
        }
    }
}

struct Lexer<'a> {
    input: &'a str,
    at: usize,
}

fn fail<T>(reason: impl Into<String>) -> Result<T, Unreadable> {
    Err(Unreadable { reason: reason.into(), help: None })
}

fn in_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    /// White space and comments, `// …` and `/* … */`.
    fn skip_space(&mut self) -> Result<(), Unreadable> {
        loop {
            let trimmed = self.rest().trim_start();
            self.at = self.input.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return fail("the comment is not closed"),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Kind, Unreadable> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Kind::End) };
        let second = rest[first.len_utf8()..].chars().next().unwrap_or(' ');
        match first {
            c if c.is_ascii_digit() || (c == '.' && second.is_ascii_digit()) => self.number(),
            '"' | '`' => self.text(first),
            '\'' => Err(Unreadable {
                reason: "strings are written in double quotes or backticks".to_owned(),
                help: None,
            }),
            '.' if is_bare(second) || second == '"' => {
                self.at += 1;
                self.attribute(Scope::Any, false)
            }
            c if in_word(c) => self.word(),
            _ => match SIGNS.iter().find(|s| rest.starts_with(**s)) {
                Some(sign) => {
                    self.at += sign.len();
                    Ok(Kind::Sign(sign))
                }
                None => fail(format!("unexpected character {}", quote(first.encode_utf8(&mut [0; 4])))),
            },
        }
    }

    /// A word, or the field that begins with it.
    fn word(&mut self) -> Result<Kind, Unreadable> {
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !in_word(c)).unwrap_or(rest.len())];
        let after = &rest[word.len()..];
        if after.starts_with('.') {
            if let Some(scope) = Scope::named(word) {
                self.at += word.len() + 1;
                return self.attribute(scope, false);
            }
            if word == "parent" {
                self.at += word.len() + 1;
                let own = [Scope::Span, Scope::Resource]
                    .into_iter()
                    .find(|s| self.rest().strip_prefix(s.as_str()).is_some_and(|r| r.starts_with('.')));
                if let Some(scope) = own {
                    self.at += scope.as_str().len() + 1;
                }
                return self.attribute(own.unwrap_or(Scope::Any), true);
            }
        }
        if let Some(inner) = after.strip_prefix(':') {
            let name = &inner[..inner.find(|c| !in_word(c)).unwrap_or(inner.len())];
            let whole = &rest[..word.len() + 1 + name.len()];
            // Where only the spelling with a scope may be meant, it must be a scope.
            return match Intrinsic::named(whole) {
                Some(intrinsic) => {
                    self.at += whole.len();
                    Ok(Kind::Field(Field::Intrinsic(intrinsic)))
                }
                None => Err(Unreadable {
                    reason: format!("there is no {whole}"),
                    help: Some(similar_intrinsic(word, name)),
                }),
            };
        }
        self.at += word.len();
        Ok(match Intrinsic::named(word) {
            Some(intrinsic) => Kind::Field(Field::Intrinsic(intrinsic)),
            None => Kind::Word,
        })
    }

    /// The name of an attribute, parts of which may be quoted.
    fn attribute(&mut self, scope: Scope, parent: bool) -> Result<Kind, Unreadable> {
        let start = self.at;
        let mut name = String::new();
        while let Some(c) = self.rest().chars().next() {
            if c == '"' {
                self.quoted_name(&mut name)?;
            } else if is_bare(c) {
                self.at += c.len_utf8();
                name.push(c);
            } else {
                break;
            }
        }
        if self.at == start {
            return fail("the name of an attribute is missing");
        }
        Ok(Kind::Field(Field::Attribute { scope, parent, name }))
    }

    fn quoted_name(&mut self, name: &mut String) -> Result<(), Unreadable> {
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += i + 1;
                    return Ok(());
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => name.push(escaped),
                    _ => return fail("in the name of an attribute only \\\" and \\\\ are escapes"),
                },
                c => name.push(c),
            }
        }
        fail("the quoted name is not closed")
    }

    fn text(&mut self, quote: char) -> Result<Kind, Unreadable> {
        let mut escaped = false;
        for (i, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' if quote == '"' => escaped = true,
                '\n' if quote == '"' => break,
                c if c == quote => {
                    self.at += i + 1;
                    return Ok(Kind::Text);
                }
                _ => {}
            }
        }
        fail("the string is not closed")
    }

    /// Numbers and durations begin alike.
    fn number(&mut self) -> Result<Kind, Unreadable> {
        let rest = self.rest();
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number = digits + exponent(&rest[digits..]);
        let whole = rest.find(|c: char| !(c.is_alphanumeric() || c == '.')).unwrap_or(rest.len());
        if whole > number || rest[..whole].contains(['s', 'h', 'm']) {
            let text = &rest[..whole];
            return match parse_duration(text) {
                Some(nanos) => {
                    self.at += whole;
                    Ok(Kind::Duration(nanos))
                }
                None => fail(format!("{} is neither a number nor a duration such as 5m", quote(text))),
            };
        }
        let text = &rest[..number];
        let kind = if text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().ok().map(Kind::Int)
        } else {
            text.parse().ok().filter(|f: &f64| f.is_finite()).map(Kind::Float)
        };
        match kind {
            Some(kind) => {
                self.at += number;
                Ok(kind)
            }
            None => fail(format!("the number {} is malformed or out of range", quote(text))),
        }
    }
}

/// The length of an exponent: `e5`, `E-7`.
fn exponent(text: &str) -> usize {
    let Some(after) = text.strip_prefix(['e', 'E']) else { return 0 };
    let signed = after.strip_prefix(['+', '-']).unwrap_or(after);
    let digits = signed.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 { text.len() - signed.len() + digits } else { 0 }
}

/// What might be meant by `scope:name`.
fn similar_intrinsic(scope: &str, name: &str) -> String {
    let names: Vec<(&str, &str)> =
        Intrinsic::ALL.iter().flat_map(|i| i.spellings()).filter_map(|s| s.split_once(':')).collect();
    let same: Vec<&str> = names.iter().filter(|(s, _)| *s == scope).map(|(_, n)| *n).collect();
    if same.is_empty() {
        let scopes = "span:, trace:, event:, link: and instrumentation:";
        return format!("intrinsics have the scopes {scopes}; attributes are written with a point");
    }
    let near = |n: &&(&str, &str)| {
        nearest_name(&name.to_ascii_lowercase(), std::iter::once(n.1.to_ascii_lowercase().as_str())).is_some()
    };
    match names.iter().filter(|(s, n)| *s == scope || *n == name).find(near) {
        Some((s, n)) => format!("did you mean {s}:{n}?"),
        None => format!(
            "there are {}",
            same.iter().map(|n| format!("{scope}:{n}")).collect::<Vec<_>>().join(", ")
        ),
    }
}
