//! Conditions on the labels of alerts, in the older syntax and in the one that knows all of UTF-8.

use crate::labels::LabelSet;
use model::{MatchOp, Matcher};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// So many bytes may a text of matchers have.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Conditions that must all hold. None at all hold always.
#[derive(Debug, Clone, Default)]
pub struct Matchers(pub Vec<Matcher>);

impl PartialEq for Matchers {
    fn eq(&self, other: &Matchers) -> bool {
        let parts = |m: &Matchers| -> Vec<(String, MatchOp, String)> {
            m.0.iter().map(|m| (m.name().to_owned(), m.op(), m.value().to_owned())).collect()
        };
        parts(self) == parts(other)
    }
}

/// Text that is no matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad matcher format: {text}: {reason}")]
pub struct MatcherSyntax {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Matchers {
    /// Whether they all hold. An absent label has the empty value.
    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.0.iter().all(|m| m.matches(labels.get(m.name()).map_or("", String::as_str)))
    }

    /// Reads `a="b"`, `a=b,c=~"d"` or `{a="b", "c d"!="e"}`.
    pub fn parse(text: &str) -> Result<Matchers, MatcherSyntax> {
        let wrong = |reason: String| MatcherSyntax { text: text.chars().take(200).collect(), reason };
        if text.len() > TEXT_BYTES_MAX {
            return Err(wrong(format!("{} bytes, more than {TEXT_BYTES_MAX}", text.len())));
        }
        let mut reader = Reader { rest: text.trim() };
        let braces = reader.take("{");
        let mut out = Vec::new();
        loop {
            reader.space();
            if reader.rest.is_empty() || (braces && reader.rest.starts_with('}')) {
                break;
            }
            out.push(reader.matcher().map_err(&wrong)?);
            reader.space();
            if !reader.take(",") {
                break;
            }
        }
        reader.space();
        if braces && !reader.take("}") {
            return Err(wrong("a closing brace is missing".to_owned()));
        }
        reader.space();
        if !reader.rest.is_empty() {
            return Err(wrong(format!("{:?} is left over", reader.rest)));
        }
        Ok(Matchers(out))
    }

    /// The same conditions in order of name, comparison and value.
    pub fn sorted(mut self) -> Matchers {
        self.0.sort_by(|a, b| {
            (a.name(), a.value(), a.op().as_str()).cmp(&(b.name(), b.value(), b.op().as_str()))
        });
        self
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn matcher(&mut self) -> Result<Matcher, String> {
        let name = match self.rest.starts_with('"') {
            true => self.quoted()?,
            false => {
                self.plain(|c| !matches!(c, '=' | '!' | '~' | ',' | '{' | '}' | '"') && !c.is_whitespace())
            }
        };
        if name.is_empty() {
            return Err("a label name is missing".to_owned());
        }
        self.space();
        let op = if self.take("=~") {
            MatchOp::Regex
        } else if self.take("!~") {
            MatchOp::NotRegex
        } else if self.take("!=") {
            MatchOp::NotEqual
        } else if self.take("=") {
            MatchOp::Equal
        } else {
            return Err(format!("one of =, !=, =~, !~ is missing after {name:?}"));
        };
        self.space();
        let value = match self.rest.starts_with('"') {
            true => self.quoted()?,
            false => self.unquoted()?,
        };
        Matcher::new(op, name, value).map_err(|e| e.to_string())
    }

    fn plain(&mut self, part: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text.to_owned()
    }

    /// A value without quotes may hold spaces and more; a comma or the closing brace ends it.
    fn unquoted(&mut self) -> Result<String, String> {
        let text = self.plain(|c| !matches!(c, ',' | '}' | '"'));
        if self.rest.starts_with('"') {
            return Err("a quote stands within a value: put all of the value in quotes".to_owned());
        }
        unescaped(text.trim_end())
    }

    fn quoted(&mut self) -> Result<String, String> {
        let body = &self.rest[1..];
        let mut escaped = false;
        for (i, c) in body.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    self.rest = &body[i + 1..];
                    return unescaped(&body[..i]);
                }
                _ => {}
            }
        }
        Err("a closing quote is missing".to_owned())
    }
}

/// `\n`, `\"` and `\\` stand for what they stand for; another backslash is itself, as regular expressions need it.
fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('"') => out.push('"'),
            Some('\\') => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
            None => return Err("a backslash ends the value".to_owned()),
        }
    }
    Ok(out)
}

fn plain_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A matcher as it is written.
pub fn matcher_text(m: &Matcher) -> String {
    let name = if plain_name(m.name()) { m.name().to_owned() } else { quoted(m.name()) };
    format!("{name}{}{}", m.op().as_str(), quoted(m.value()))
}

/// Text in quotes, with the escapes that [`unescaped`] takes back.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\""))
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(matcher_text).collect();
        write!(f, "{{{}}}", parts.join(","))
    }
}

/// A list of texts, each with one or more matchers.
impl<'de> Deserialize<'de> for Matchers {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Matchers, D::Error> {
        let mut all = Vec::new();
        for text in Vec::<String>::deserialize(d)? {
            all.extend(Matchers::parse(&text).map_err(de::Error::custom)?.0);
        }
        Ok(Matchers(all))
    }
}

impl Serialize for Matchers {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(matcher_text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_syntaxes_are_read() {
        for (text, back) in [
            ("a=b", r#"{a="b"}"#),
            (r#"a="b""#, r#"{a="b"}"#),
            (r#" a = b c , d =~ "e.*" "#, r#"{a="b c",d=~"e.*"}"#),
            (r#"{a!="b",c!~"d\\.e",}"#, r#"{a!="b",c!~"d\\.e"}"#),
            (r#"{"grüße an"="wörld 🙂"}"#, r#"{"grüße an"="wörld 🙂"}"#),
            ("{}", "{}"),
            ("", "{}"),
            (r#"a=~\d+"#, r#"{a=~"\\d+"}"#),
            ("a=", r#"{a=""}"#),
        ] {
            assert_eq!(Matchers::parse(text).unwrap().to_string(), back, "{text}");
        }
        for (text, reason) in [
            ("a", "one of =, !=, =~, !~ is missing after \"a\""),
            ("=b", "a label name is missing"),
            (r#"a="b"#, "a closing quote is missing"),
            ("{a=b", "a closing brace is missing"),
            (r#"a="b"c"#, "\"c\" is left over"),
            (r#"a=b"c""#, "a quote stands within a value: put all of the value in quotes"),
            ("a=~(", "unclosed group"),
        ] {
            let e = Matchers::parse(text).unwrap_err().to_string();
            assert!(e.contains(reason), "{text}: {e}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[a-zà-ü_ ]{1,8}", value in any::<String>()) {
            let m = Matchers(vec![Matcher::equal(name, value)]);
            prop_assert_eq!(&Matchers::parse(&m.to_string()).unwrap(), &m);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Matchers::parse(&text);
        }
    }
}
