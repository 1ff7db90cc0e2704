//! `key=value key="quoted value" alone`

use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;

/// A pair, or what is wrong with it.
#[derive(Debug, PartialEq)]
pub(super) enum Item<'l> {
    /// A key, and the value as written.
    Pair(&'l str, Raw<'l>),
    /// What cannot be read; the rest of it is skipped.
    Wrong(&'static str, usize),
}

/// A value as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw<'l> {
    /// As it is.
    Plain(&'l str),
    /// What is between quotes and holds escapes.
    Escaped(&'l str),
}

impl<'b> Raw<'b> {
    pub fn is_empty(self) -> bool {
        matches!(self, Raw::Plain("") | Raw::Escaped(""))
    }

    /// The text it stands for.
    pub fn text(self, arena: &'b Bump) -> &'b str {
        match self {
            Raw::Plain(text) => text,
            Raw::Escaped(text) => unescape(text, arena),
        }
    }
}

/// The pairs of a line.
pub(super) struct Pairs<'l> {
    line: &'l str,
    at: usize,
}

impl<'l> Pairs<'l> {
    pub fn new(line: &'l str) -> Pairs<'l> {
        Pairs { line, at: 0 }
    }

    fn skip_to_space(&mut self) {
        let rest = &self.line.as_bytes()[self.at..];
        self.at += rest.iter().position(|b| *b <= b' ').unwrap_or(rest.len());
    }

    fn wrong(&mut self, what: &'static str, at: usize) -> Option<Item<'l>> {
        self.skip_to_space();
        Some(Item::Wrong(what, at))
    }

    fn quoted(&mut self, key: &'l str) -> Option<Item<'l>> {
        let bytes = self.line.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
            at += found;
            if bytes[at] == b'\\' {
                escaped = true;
                at += 2;
                continue;
            }
            let text = &self.line[start..at];
            self.at = at + 1;
            if bytes.get(self.at).is_some_and(|b| *b > b' ') {
                return self.wrong("text behind a closing quote", at + 1);
            }
            return Some(Item::Pair(key, if escaped { Raw::Escaped(text) } else { Raw::Plain(text) }));
        }
        self.at = bytes.len();
        Some(Item::Wrong("a quote that is not closed", start - 1))
    }
}

impl<'l> Iterator for Pairs<'l> {
    type Item = Item<'l>;

    fn next(&mut self) -> Option<Item<'l>> {
        let bytes = self.line.as_bytes();
        while bytes.get(self.at).is_some_and(|b| *b <= b' ') {
            self.at += 1;
        }
        let start = self.at;
        if start >= bytes.len() {
            return None;
        }
        let end_of_key = |b: &u8| *b <= b' ' || matches!(b, b'=' | b'"');
        self.at += bytes[start..].iter().position(end_of_key).unwrap_or(bytes.len() - start);
        let key = &self.line[start..self.at];
        match bytes.get(self.at) {
            Some(b'=') if key.is_empty() => return self.wrong("a value without a key", start),
            Some(b'"') => {
                let at = self.at;
                return self.wrong("a quote in a key", at);
            }
            Some(b'=') => self.at += 1,
            _ => return Some(Item::Pair(key, Raw::Plain(""))),
        }
        let value = self.at;
        match bytes.get(value) {
            Some(b'"') => self.quoted(key),
            _ => {
                let end_of_value = |b: &u8| *b <= b' ' || matches!(b, b'=' | b'"');
                let rest = &bytes[value..];
                self.at += rest.iter().position(end_of_value).unwrap_or(rest.len());
                match bytes.get(self.at) {
                    Some(b'=' | b'"') => {
                        let at = self.at;
                        self.wrong("an equals sign or quote in a bare value", at)
                    }
                    _ => Some(Item::Pair(key, Raw::Plain(&self.line[value..self.at]))),
                }
            }
        }
    }
}

fn unescape<'b>(raw: &str, arena: &'b Bump) -> &'b str {
    let mut out = ArenaString::with_capacity_in(raw.len(), arena);
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let hex = chars.as_str().get(..4).and_then(|h| u32::from_str_radix(h, 16).ok());
                if hex.is_some() {
                    chars.nth(3);
                }
                out.push(hex.and_then(char::from_u32).unwrap_or(' '));
            }
            Some(c) => out.push(c),
            None => {}
        }
    }
    out.into_bump_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_what_is_none() {
        let arena = Bump::new();
        let read = |line: &'static str| -> Vec<String> {
            Pairs::new(line)
                .map(|item| match item {
                    Item::Pair(key, value) => format!("{key}={}", value.text(&arena)),
                    Item::Wrong(what, at) => format!("!{at} {what}"),
                })
                .collect()
        };
        assert_eq!(
            read(r#"at=info fwd="1, 2" alone  x="a \"b\"\n" é=ü"#),
            ["at=info", "fwd=1, 2", "alone=", "x=a \"b\"\n", "é=ü"]
        );
        assert_eq!(read("foo=bar=buzz ok=1"), ["!7 an equals sign or quote in a bare value", "ok=1"]);
        assert_eq!(read("=v ok=1"), ["!0 a value without a key", "ok=1"]);
        assert_eq!(read("fo\"o=bar ok=1"), ["!2 a quote in a key", "ok=1"]);
        assert_eq!(read("a=\"open"), ["!2 a quote that is not closed"]);
        assert_eq!(read("a=\"b\"c d=1"), ["!5 text behind a closing quote", "d=1"]);
        assert_eq!(read("a=\"\\"), ["!2 a quote that is not closed"]);
    }
}
