//! JSON in lines, read without building a tree.

use crate::names::push_sanitized;
use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;

/// Objects nest this deep at most.
const DEPTH_MAX: usize = 64;

/// A value in a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Json<'l> {
    /// What is between the quotes, escapes as they are.
    Text {
        raw: &'l str,
        escaped: bool,
    },
    /// A number, `true` or `false` as written.
    Plain(&'l str),
    Null,
    /// From `{` to `}`.
    Object(&'l str),
    /// From `[` to `]`.
    Array(&'l str),
}

impl<'b> Json<'b> {
    /// The value of a label: text unescaped, everything else as written.
    pub fn text(self, arena: &'b Bump) -> &'b str {
        match self {
            Json::Text { raw, escaped: false } => raw,
            Json::Text { raw, escaped: true } => unescape(raw, arena),
            Json::Plain(text) | Json::Object(text) | Json::Array(text) => text,
            Json::Null => "",
        }
    }
}

/// Why a line is not JSON, and where.
pub(super) struct Wrong {
    pub what: &'static str,
    pub at: usize,
}

pub(super) struct Scanner<'l> {
    text: &'l str,
    at: usize,
}

type Scanned<T> = Result<T, Wrong>;

impl<'l> Scanner<'l> {
    pub fn new(text: &'l str) -> Scanner<'l> {
        Scanner { text, at: 0 }
    }

    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && matches!(bytes[self.at], b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn wrong<T>(&self, what: &'static str) -> Scanned<T> {
        Err(Wrong { what, at: self.at })
    }

    /// Calls `member` with the key and value of each member of the object that begins here; `member` stops it by
    /// giving false.
    pub fn object(&mut self, mut member: impl FnMut(Json<'l>, Json<'l>) -> bool) -> Scanned<()> {
        if self.peek() != Some(b'{') {
            return self.wrong("an object should begin");
        }
        self.at += 1;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.wrong("a key in quotes should begin");
            }
            let key = self.string()?;
            if self.peek() != Some(b':') {
                return self.wrong("\":\" should stand");
            }
            self.at += 1;
            let value = self.value()?;
            if !member(key, value) {
                return Ok(());
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.wrong("\",\" or \"}\" should stand"),
            }
        }
    }

    /// Calls `item` with each item of the array that begins here, until it gives false.
    pub fn array(&mut self, mut item: impl FnMut(Json<'l>) -> bool) -> Scanned<()> {
        if self.peek() != Some(b'[') {
            return self.wrong("an array should begin");
        }
        self.at += 1;
        while self.peek() != Some(b']') {
            let value = self.value()?;
            if !item(value) {
                return Ok(());
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {}
                _ => return self.wrong("\",\" or \"]\" should stand"),
            }
        }
        Ok(())
    }

    /// Whether nothing is left.
    pub fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    pub fn value(&mut self) -> Scanned<Json<'l>> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.skip_nested().map(Json::Object),
            Some(b'[') => self.skip_nested().map(Json::Array),
            Some(b'-' | b'0'..=b'9') => {
                let rest = &self.text[self.at..];
                let number = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
                let length = rest.bytes().take_while(|b| number(*b)).count();
                self.at += length;
                Ok(Json::Plain(&rest[..length]))
            }
            _ => {
                let rest = &self.text[self.at..];
                for (word, value) in
                    [("true", Json::Plain("true")), ("false", Json::Plain("false")), ("null", Json::Null)]
                {
                    if rest.starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.wrong("a value should begin")
            }
        }
    }

    fn string(&mut self) -> Scanned<Json<'l>> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = start;
        let mut escaped = false;
        while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
            at += found;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(Json::Text { raw: &self.text[start..at], escaped });
            }
            escaped = true;
            at += 2;
        }
        self.wrong("a string is not closed which begins")
    }

    /// Moves over an object or array, whatever is inside.
    fn skip_nested(&mut self) -> Scanned<&'l str> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut open = 0usize;
        while let Some(&b) = bytes.get(self.at) {
            match b {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Ok(&self.text[start..self.at]);
            }
        }
        self.at = start;
        self.wrong("an object or array is not closed which begins")
    }
}

/// Calls `label` with the name and value of every plain member of an object and of the objects inside it. Names of
/// what is inside begin with those of what is around it. Arrays are left out. False stops it.
pub(super) fn flatten<'b>(
    line: &'b str,
    arena: &'b Bump,
    label: &mut dyn FnMut(&str, Json<'b>) -> bool,
) -> Result<(), Wrong> {
    let mut name = String::new();
    flatten_object(line, 0, &mut name, arena, label).map(|_| ())
}

fn flatten_object<'b>(
    object: &'b str,
    depth: usize,
    name: &mut String,
    arena: &'b Bump,
    label: &mut dyn FnMut(&str, Json<'b>) -> bool,
) -> Scanned<bool> {
    if depth >= DEPTH_MAX {
        return Err(Wrong { what: "objects nest too deep", at: 0 });
    }
    let outer = name.len();
    let mut inner_wrong = None;
    let mut going = true;
    Scanner::new(object).object(|key, value| {
        if matches!(value, Json::Null | Json::Array(_)) {
            return true;
        }
        let key = key.text(arena).trim();
        if !key.is_empty() {
            match outer {
                0 if key.as_bytes()[0].is_ascii_digit() => name.push('_'),
                0 => {}
                _ => name.push('_'),
            }
            push_sanitized(name, key);
        }
        match value {
            Json::Object(inner) => match flatten_object(inner, depth + 1, name, arena, label) {
                Ok(on) => going = on,
                Err(wrong) => {
                    inner_wrong = Some(wrong);
                    going = false;
                }
            },
            value if !name.is_empty() => going = label(name, value),
            _ => {}
        }
        name.truncate(outer);
        going
    })?;
    inner_wrong.map_or(Ok(going), Err)
}

/// A way into a JSON document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hop {
    Key(String),
    Index(usize),
}

/// Whether an expression of `| json label="expression"` is well formed.
pub(crate) fn check_path(text: &str) -> Result<(), String> {
    path(text).map(|_| ())
}

/// `a.b[0]["c d"]`
pub(super) fn path(text: &str) -> Result<Vec<Hop>, String> {
    let wrong = || {
        format!(
            "{} is not a way into JSON: write fields and places as in request.headers[\"User-Agent\"] or servers[0]",
            promql::quote(text)
        )
    };
    let mut hops = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            if inside.starts_with('"') {
                let close = closing_quote(inside).ok_or_else(wrong)?;
                let key = promql::unquote(&inside[..=close]).map_err(|_| wrong())?;
                hops.push(Hop::Key(String::from_utf8(key).map_err(|_| wrong())?));
                rest = inside[close + 1..].strip_prefix(']').ok_or_else(wrong)?;
            } else {
                let (index, after) = inside.split_once(']').ok_or_else(wrong)?;
                hops.push(Hop::Index(index.trim().parse().map_err(|_| wrong())?));
                rest = after;
            }
        } else {
            if !hops.is_empty() {
                rest = rest.strip_prefix('.').ok_or_else(wrong)?;
            }
            let length = rest.find(['.', '[', '"', ' ']).unwrap_or(rest.len());
            if length == 0 {
                return Err(wrong());
            }
            hops.push(Hop::Key(rest[..length].to_owned()));
            rest = &rest[length..];
        }
    }
    if hops.is_empty() { Err(wrong()) } else { Ok(hops) }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().enumerate().skip(1).find_map(|(i, b)| match b {
        _ if escaped => {
            escaped = false;
            None
        }
        b'\\' => {
            escaped = true;
            None
        }
        b'"' => Some(i),
        _ => None,
    })
}

/// What a path leads to.
pub(super) fn find<'b>(line: &'b str, path: &[Hop], arena: &'b Bump) -> Result<Option<Json<'b>>, Wrong> {
    let mut here = Scanner::new(line).value()?;
    for hop in path {
        let mut found = None;
        match (hop, here) {
            (Hop::Key(wanted), Json::Object(text)) => Scanner::new(text).object(|key, value| {
                if key.text(arena) == wanted {
                    found = Some(value);
                }
                found.is_none()
            })?,
            (Hop::Index(wanted), Json::Array(text)) => {
                let mut at = 0;
                Scanner::new(text).array(|value| {
                    if at == *wanted {
                        found = Some(value);
                    }
                    at += 1;
                    found.is_none()
                })?;
            }
            _ => {}
        }
        match found {
            Some(value) => here = value,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// A string's text. What is no character becomes a space.
fn unescape<'b>(raw: &str, arena: &'b Bump) -> &'b str {
    let mut out = ArenaString::with_capacity_in(raw.len(), arena);
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let mut chars = rest[at + 1..].chars();
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let (c, after) = code_point(chars.as_str());
                out.push(c);
                rest = after;
                continue;
            }
            Some(c) => out.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.into_bump_str()
}

/// The character behind `\u`, which may take a second escape, and what follows it.
fn code_point(text: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(first) = unit(text) else { return (' ', text) };
    let after = &text[4..];
    if let 0xd800..=0xdbff = first
        && let Some(second) = after.strip_prefix("\\u").and_then(unit)
        && let 0xdc00..=0xdfff = second
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(' '), &after[6..]);
    }
    (char::from_u32(first).unwrap_or(' '), after)
}
