//! Secrets in text.

use crate::condition::regex;
use crate::config::{Builtin, PipelineError, Redact};
use crate::draft::copied;
use bumpalo::Bump;
use memchr::memchr;
use model::record::{AttributesBuf, Value};
use regex::Regex;

/// What stands in place of a secret, if nothing else is said.
const REPLACEMENT: &str = "[redacted]";

/// What is looked for, compiled.
#[derive(Debug)]
pub(crate) struct Redactor {
    emails: bool,
    cards: bool,
    patterns: Vec<Regex>,
    /// Of attributes with such names all is secret.
    names: Option<Regex>,
    replacement: String,
    pub fields: Option<Vec<String>>,
}

/// Passwords and keys after the names people give them, bare, quoted, or quoted within a quoted text. Of a bare one its
/// scheme is no part. A quote that is not closed goes on to the end: the line was cut.
const NAMED: &str = r#"(?i)(?:passw(?:or)?d|passphrase|(?:(?-u:\b)|_)pass|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|authorization|credentials?|session[_-]?id|(?:(?-u:\b)|_)sid|cookie)\\*["']?\s*[:=]\s*(?:\\+"(.*?)(?:\\+"|$)|"((?:[^"\\]|\\.)*)|'([^']*)|(?:(?:bearer|basic|digest|token)\s+)?((?:[^\s"',;&|}\])\\]|\\[^"'\s])+))"#;
/// Names whose values are secret.
const NAMES: &str = r"(?i)(?:passw(?:or)?d|passphrase|(?:^|[._-])pass|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|authorization|credentials?|session[_-]?id|cookie)$";
/// A token after the name of its scheme.
const SCHEME: &str = r"(?i)(?-u:\b)(?:bearer|basic)\s+([a-z0-9._~+/-]{8,}=*)";
/// The password of a URL.
const URL: &str = r"://[^/\s:@]*:([^/\s@]+)@";
/// Tokens that can be told by their form: of AWS, GitHub, GitLab, Slack, Stripe, Google; JSON Web Tokens (RFC 7519); and
/// private keys in PEM (RFC 7468).
const FORMS: &str = r"(?-u:\b)((?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{40,}|glpat-[0-9A-Za-z_-]{20,}|xox[abeoprs]-[0-9A-Za-z-]{10,}|[rs]k_(?:live|test)_[0-9A-Za-z]{16,}|AIza[0-9A-Za-z_-]{35}|eyJ[0-9A-Za-z_-]+\.eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*)";
const PEM: &str = r"-----BEGIN [A-Z ]*PRIVATE KEY-----([A-Za-z0-9+/=\s\\]+)";

impl Redactor {
    pub fn new(config: &Redact) -> Result<Redactor, PipelineError> {
        let all = [Builtin::Credentials, Builtin::Cards, Builtin::Emails];
        let builtin = match &config.builtin {
            Some(some) => some.clone(),
            None if config.patterns.is_empty() => all.to_vec(),
            None => Vec::new(),
        };
        let (mut patterns, mut names) = (Vec::new(), None);
        if builtin.contains(&Builtin::Credentials) {
            names = Some(regex("builtin", NAMES)?);
            for pattern in [NAMED, SCHEME, URL, FORMS, PEM] {
                patterns.push(regex("builtin", pattern)?);
            }
        }
        for (i, pattern) in config.patterns.iter().enumerate() {
            let compiled = regex("patterns", pattern)
                .map_err(|e| PipelineError::new(format!("patterns[{i}]"), e.reason))?;
            if compiled.is_match("") {
                let reason = format!("{pattern:?} matches nothing at all: every place would be replaced");
                return Err(PipelineError::new(format!("patterns[{i}]"), reason));
            }
            patterns.push(compiled);
        }
        Ok(Redactor {
            emails: builtin.contains(&Builtin::Emails),
            cards: builtin.contains(&Builtin::Cards),
            patterns,
            names,
            replacement: config.replacement.clone().unwrap_or_else(|| REPLACEMENT.to_owned()),
            fields: config.fields.clone(),
        })
    }

    /// A value of this name without its secrets, in the arena; `None` if it has none. What is in lists and maps is looked
    /// through, too; values nest a bounded depth.
    pub fn value<'a>(&self, name: &str, value: Value<'_>, arena: &'a Bump) -> Option<Value<'a>> {
        let kept = |text: &str| Some(Value::String(arena.alloc_str(text)));
        let is_named = || self.names.as_ref().is_some_and(|names| names.is_match(name));
        match value {
            Value::Null | Value::Bool(_) => None,
            Value::String(text) if text == self.replacement => None,
            Value::String(_) | Value::Int(_) | Value::Float(_) | Value::Bytes(_) if is_named() => {
                kept(&self.replacement)
            }
            Value::String(text) => kept(&self.redact(text)?),
            Value::Int(number) => kept(&self.redact(&number.to_string())?),
            Value::Float(_) | Value::Bytes(_) => None,
            Value::List(items) => {
                let clean: Vec<_> = items.iter().map(|v| (v, self.value(name, v, arena))).collect();
                clean.iter().any(|(_, c)| c.is_some()).then(|| {
                    let mut buf = AttributesBuf::new();
                    clean.iter().for_each(|(was, is)| buf.push_item(is.unwrap_or(*was)));
                    copied(Value::List(buf.as_items()), arena)
                })
            }
            Value::Map(pairs) => {
                let clean: Vec<_> = pairs.iter().map(|(n, v)| (n, v, self.value(n, v, arena))).collect();
                clean.iter().any(|(.., c)| c.is_some()).then(|| {
                    let mut buf = AttributesBuf::new();
                    clean.iter().for_each(|(n, was, is)| buf.push(n, is.unwrap_or(*was)));
                    copied(Value::Map(buf.as_attributes()), arena)
                })
            }
        }
    }

    /// The text without its secrets; `None` if it has none.
    pub fn redact(&self, text: &str) -> Option<String> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for pattern in &self.patterns {
            // Most patterns are not in most lines, and captures are dear.
            if pattern.is_match(text) {
                // The first group that took part, or all of it.
                let secret = |g: regex::Captures<'_>| {
                    g.iter().skip(1).flatten().next().or(g.get(0)).map(|m| m.range())
                };
                found.extend(pattern.captures_iter(text).filter_map(secret).map(|r| (r.start, r.end)));
            }
        }
        if self.emails {
            emails(text, &mut found);
        }
        if self.cards {
            cards(text, &mut found);
        }
        // What was redacted before is left as it is.
        let is_replaced = |start: usize, end: usize| {
            text[start..].starts_with(&self.replacement) && end <= start + self.replacement.len()
        };
        found.retain(|(start, end)| start < end && !is_replaced(*start, *end));
        if found.is_empty() {
            return None;
        }
        found.sort_unstable();
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for (start, end) in found {
            if start >= at {
                out.push_str(&text[at..start]);
                out.push_str(&self.replacement);
            }
            at = at.max(end);
        }
        out.push_str(&text[at..]);
        Some(out)
    }
}

/// Addresses around each `@`: a local part, and a domain with a dot.
fn emails(text: &str, found: &mut Vec<(usize, usize)>) {
    let b = text.as_bytes();
    let local = |c: &u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(c);
    let domain = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-');
    let mut from = 0;
    while let Some(at) = memchr(b'@', &b[from..]).map(|i| from + i) {
        let before = b[..at].iter().rev().take(64).take_while(|c| local(c)).count();
        let mut after = b[at + 1..].iter().take(255).take_while(|c| domain(c)).count();
        // A sentence may end behind it.
        after -= b[at + 1..at + 1 + after].iter().rev().take_while(|c| matches!(c, b'.' | b'-')).count();
        let name = &b[at + 1..at + 1 + after];
        // What stands before the name in `user=a@b.example` is no part of it.
        let start =
            b[at - before..at].iter().rposition(|c| matches!(c, b'=' | b'\'' | b'`' | b'{' | b'|' | b'/'));
        let start = at - before + start.map_or(0, |i| i + 1);
        let whole = start < at && name.contains(&b'.') && name.last().is_some_and(u8::is_ascii_alphabetic);
        if whole {
            found.push((start, at + 1 + after));
        }
        from = at + 1 + after;
    }
}

/// Runs of 13 to 19 digits, single blanks or dashes between them, that begin and are as long as those that are issued for
/// payment, and whose check digit is right (ISO/IEC 7812-1, annex B).
fn cards(text: &str, found: &mut Vec<(usize, usize)>) {
    let b = text.as_bytes();
    let mut at = 0;
    while at < b.len() {
        if !b[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let (start, mut end, mut digits) = (at, at, Vec::with_capacity(20));
        while at < b.len() && digits.len() <= 19 {
            match b[at] {
                d @ b'0'..=b'9' => {
                    digits.push(d - b'0');
                    end = at + 1;
                }
                b' ' | b'-' if at == end && b.get(at + 1).is_some_and(u8::is_ascii_digit) => {}
                _ => break,
            }
            at += 1;
        }
        let longer = b.get(end).is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_');
        let within = start > 0 && (b[start - 1].is_ascii_alphanumeric() || b"_.".contains(&b[start - 1]));
        if (13..=19).contains(&digits.len()) && !longer && !within && is_issued(&digits) && luhn(&digits) {
            found.push((start, end));
        }
        // The rest of a longer run is none either.
        while at < b.len() && b[at].is_ascii_digit() {
            at += 1;
        }
    }
}

/// Whether payment cards have numbers of this beginning and length: those of American Express, Diners Club, JCB, Visa,
/// Maestro, Mastercard, Discover and UnionPay. Most long numbers in logs that pass the check digit by chance do not.
fn is_issued(digits: &[u8]) -> bool {
    let first = digits[..4].iter().fold(0u32, |n, d| n * 10 + u32::from(*d));
    match (first, digits.len()) {
        (3400..=3499 | 3700..=3799, length) => length == 15,
        (3000..=3059 | 3095 | 3600..=3699 | 3800..=3999, length) => (14..=19).contains(&length),
        (3528..=3589, length) => length >= 16,
        (4000..=4999, length) => matches!(length, 13 | 16 | 19),
        (2221..=2720 | 5100..=5599, length) => length == 16,
        (5000..=5099 | 5600..=5899 | 6000..=6999, _) => true,
        _ => false,
    }
}

/// Whether the sum of digits, every second one from the end doubled, ends with 0.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, u32::from(*d) * 2) {
            (0, _) => u32::from(*d),
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> Redactor {
        Redactor::new(&Redact::default()).unwrap()
    }

    #[test]
    fn what_is_secret() {
        let key = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_";
        for (line, want) in [
            ("user=a password=hunter2 x", "user=a password=[redacted] x"),
            (r#"{"password": "hunter2", "n": 1}"#, r#"{"password": "[redacted]", "n": 1}"#),
            (r#"password="two words" x"#, r#"password="[redacted]" x"#),
            (r#"{"password":"a \" b","n":1}"#, r#"{"password":"[redacted]","n":1}"#),
            (
                r#"{"msg":"{\"password\":\"a b\",\"n\":1}"}"#,
                r#"{"msg":"{\"password\":\"[redacted]\",\"n\":1}"}"#,
            ),
            (r#"{"password": "cut off he"#, r#"{"password": "[redacted]"#),
            (r"pwd=a\bc end", "pwd=[redacted] end"),
            ("token='a b' x", "token='[redacted]' x"),
            ("PASSWD: x1, next", "PASSWD: [redacted], next"),
            ("GET /a?api_key=abc&b=c", "GET /a?api_key=[redacted]&b=c"),
            ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"),
            ("sent bearer abcdefghijk to x", "sent bearer [redacted] to x"),
            ("postgres://u:s3cret@db/x", "postgres://u:[redacted]@db/x"),
            ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"),
            (&format!("jwt {key} end"), "jwt [redacted] end"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nabc=\n-----END",
                "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END",
            ),
            ("mail to jo.do+x@mail.example.org.", "mail to [redacted]."),
            ("user=a@b.example, ok", "user=[redacted], ok"),
            ("card 4111 1111 1111 1111 declined", "card [redacted] declined"),
            ("card 5500-0000-0000-0004", "card [redacted]"),
            ("378282246310005", "[redacted]"),
            ("both a@b.example and 4111111111111111", "both [redacted] and [redacted]"),
        ] {
            assert_eq!(all().redact(line).as_deref(), Some(want), "{line}");
            assert_eq!(all().redact(want), None, "{want} is left as it is");
        }
    }

    #[test]
    fn what_is_not() {
        for line in [
            "passwords are not stored",
            "order 4111111111111112 shipped",
            "bypass=1 compass: north",
            "at 1795256430123456789 ns",
            "snowflake 2345678901234567890",
            "id 41111111111111111111111",
            "x4111111111111111",
            "me@localhost",
            "a @ b.example",
            "twitter @name",
            "https://host:8080/path",
            "",
        ] {
            assert_eq!(all().redact(line), None, "{line}");
        }
    }

    #[test]
    fn values_and_what_is_within_them() {
        let arena = Bump::new();
        let redacted =
            |name: &str, value: Value<'_>| all().value(name, value, &arena).map(|v| format!("{v:?}"));
        let hidden = Some("\"[redacted]\"".to_owned());
        for name in ["password", "db.password", "accessToken", "X-Api-Key", "db.pass"] {
            assert_eq!(redacted(name, Value::String("hunter2")), hidden, "{name}");
            assert_eq!(redacted(name, Value::Int(1234)), hidden, "{name}");
        }
        for name in ["passwords_changed", "bypass", "user"] {
            assert_eq!(redacted(name, Value::String("7")), None, "{name}");
        }
        assert_eq!(redacted("card", Value::Int(4_111_111_111_111_111)), hidden);
        assert_eq!(redacted("n", Value::Int(4_111_111_111_111_112)), None);
        let (mut inner, mut outer) = (AttributesBuf::new(), AttributesBuf::new());
        inner.push("token", Value::String("abc"));
        inner.push("n", Value::Int(1));
        outer.push_item(Value::Map(inner.as_attributes()));
        outer.push_item(Value::String("mail a@b.example"));
        outer.push_item(Value::Bool(true));
        let list = redacted("list", Value::List(outer.as_items())).unwrap();
        assert_eq!(list, r#"[{"token": "[redacted]", "n": 1}, "mail [redacted]", true]"#);
        inner.clear();
        inner.push("n", Value::Int(1));
        assert_eq!(redacted("map", Value::Map(inner.as_attributes())), None);
    }

    #[test]
    fn own_patterns() {
        let of = |patterns: &[&str]| {
            let patterns = patterns.iter().map(|p| (*p).to_owned()).collect();
            Redactor::new(&Redact { patterns, replacement: Some("#".into()), ..Redact::default() })
        };
        assert_eq!(
            of(&[r"id=(\d+)", "tom"]).unwrap().redact("id=55 for tom a@b.example").unwrap(),
            "id=# for # a@b.example"
        );
        assert!(of(&["("]).unwrap_err().to_string().starts_with("patterns[0]: "));
        assert!(of(&["a", "x*"]).unwrap_err().to_string().contains("patterns[1]"));
    }

    proptest! {
        #[test]
        fn nothing_is_left_and_nothing_else_lost(before in "[ a-z]{0,20}", after in "[ a-z]{0,20}", digits in prop::collection::vec(0u8..10, 12..18)) {
            let mut card = vec![6u8];
            card.extend(digits);
            let check = (0..10).find(|d| luhn(&[&card[..], &[*d]].concat())).unwrap();
            card.push(check);
            let number: String = card.iter().map(|d| char::from(b'0' + d)).collect();
            let line = format!("{before} {number} {after}");
            prop_assert_eq!(all().redact(&line), Some(format!("{before} [redacted] {after}")));
            let wrong = format!("{before} {}{} {after}", &number[..number.len() - 1], (check + 1) % 10);
            prop_assert_eq!(all().redact(&wrong), None);
        }

        #[test]
        fn any_text_is_looked_through(text in "\\PC{0,60}", tail in "[0-9@=:. -]{0,40}") {
            all().redact(&format!("{text}{tail}"));
        }
    }
}
