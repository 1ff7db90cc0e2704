//! Regular expressions as Prometheus' configuration has them: RE2 syntax, matching the whole value.

use regex::{Captures, Regex, RegexBuilder};
use std::iter::Peekable;
use std::str::Chars;

/// A compiled expression that matches whole values; `.` matches a newline too.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// An expression without operators.
    Literal,
    Regex(Regex),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

/// A compiled pattern may take this much memory.
const PATTERN_BYTES_MAX: usize = 4 << 20;
/// A pattern may be this long.
const PATTERN_LENGTH_MAX: usize = 256 << 10;

impl Pattern {
    /// Compiles an expression. The error says what is wrong with it.
    pub fn new(text: &str) -> Result<Pattern, String> {
        if text.len() > PATTERN_LENGTH_MAX {
            return Err(format!("is {} bytes long, at most {PATTERN_LENGTH_MAX} are possible", text.len()));
        }
        let native = from_re2(text);
        // On its own first, so that an unbalanced expression cannot lean on the anchors.
        regex_syntax::ParserBuilder::new().build().parse(&native).map_err(|e| last_line(&e.to_string()))?;
        let regex = RegexBuilder::new(&format!("^(?:{native})$"))
            .dot_matches_new_line(true)
            .size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|e| last_line(&e.to_string()))?;
        let literal = !text.contains(|c: char| r"\.+*?()|[]{}^$".contains(c));
        Ok(Pattern { text: text.to_owned(), kind: if literal { Kind::Literal } else { Kind::Regex(regex) } })
    }

    /// Whether the whole value matches.
    pub fn is_match(&self, value: &str) -> bool {
        match &self.kind {
            Kind::Literal => value == self.text,
            Kind::Regex(r) => r.is_match(value),
        }
    }

    /// The groups, if the whole value matches.
    pub(crate) fn captures<'v>(&self, value: &'v str) -> Option<Captures<'v>> {
        match &self.kind {
            Kind::Literal if value != self.text => None,
            Kind::Literal => anything().captures(value),
            Kind::Regex(r) => r.captures(value),
        }
    }

    /// The number of a group given by number or name.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        let numeric = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
        match &self.kind {
            Kind::Literal => (name == "0").then_some(0),
            Kind::Regex(r) if numeric => name.parse().ok().filter(|n| *n < r.captures_len()),
            Kind::Regex(r) => r.capture_names().position(|n| n == Some(name)),
        }
    }
}

/// Matches every value; a literal that matched borrows its captures from it.
fn anything() -> &'static Regex {
    static ANYTHING: std::sync::LazyLock<Regex> =
        std::sync::LazyLock::new(|| Regex::new("(?s)^.*$").expect("a constant expression"));
    &ANYTHING
}

fn last_line(s: &str) -> String {
    s.lines().last().unwrap_or(s).trim().trim_start_matches("error: ").to_owned()
}

/// Rewrites RE2 syntax where the `regex` crate reads it differently: `\d`, `\s`, `\w` and `\b` mean ASCII,
/// a backslash before any sign makes it literal, `\Q…\E` quotes, and within brackets `[`, `&&`, `--` and `~~`
/// are ordinary.
fn from_re2(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    let mut class = Class::Outside;
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, class != Class::Outside, &mut out),
            '[' if class == Class::Outside => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                class = Class::First;
                continue;
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                // A named class such as `[:alpha:]` runs to its own bracket.
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str(r"\["),
            ']' if class == Class::First => out.push_str(r"\]"),
            ']' => {
                class = Class::Outside;
                out.push(']');
                continue;
            }
            '&' | '~' if class != Class::Outside => {
                out.push('\\');
                out.push(c);
            }
            '-' if class != Class::Outside && chars.peek() == Some(&'-') => out.push_str(r"\-"),
            c => out.push(c),
        }
        if class == Class::First {
            class = Class::Inside;
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// Right after the opening bracket, where `]` is ordinary.
    First,
    Inside,
}

fn escape(chars: &mut Peekable<Chars<'_>>, in_class: bool, out: &mut String) {
    let Some(c) = chars.next() else {
        out.push('\\');
        return;
    };
    let bracketed = |inner: &str| if in_class { inner.to_owned() } else { format!("[{inner}]") };
    match c {
        'd' => out.push_str(&bracketed("0-9")),
        's' => out.push_str(&bracketed(r"\t\n\x0C\r ")),
        'w' => out.push_str(&bracketed("0-9A-Za-z_")),
        'D' => out.push_str("[^0-9]"),
        'S' => out.push_str(r"[^\t\n\x0C\r ]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'b' if !in_class => out.push_str(r"(?-u:\b)"),
        'Q' => quoted(chars, out),
        c if c.is_ascii_punctuation() => {
            out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
        }
        c => {
            out.push('\\');
            out.push(c);
        }
    }
}

fn quoted(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next_if_eq(&'E').is_some() {
            return;
        }
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn re2_means_what_it_means_in_prometheus() {
        for (pattern, yes, no) in [
            (r"a.*c", "a\nc", "xabc"),
            (r"\d+", "123", "\u{0663}"),
            (r"\w", "_", "\u{e9}"),
            (r"\W", "\u{e9}", "a"),
            (r"[\d.]+", "1.2", "a"),
            (r"[^\s]", "a", " "),
            (r"\<a\>", "<a>", "a"),
            (r"a\-b\/c\_d", "a-b/c_d", "ab"),
            (r"\Qa.b\E+", "a.bb", "axb"),
            (r"[[]x[]]", "[x]", "x"),
            (r"[a&&b]+", "a&b", "c"),
            (r"[[:alpha:]_]+", "ab_", "1"),
            (r"[a--]", "-", "b"),
            ("plain", "plain", "plains"),
            ("a|b", "b", "ab"),
            ("", "", "x"),
            (r"(?i)host", "HOST", "hos"),
            (r"^anchored$", "anchored", "x"),
        ] {
            let p = Pattern::new(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert!(p.is_match(yes), "{pattern} should match {yes:?}");
            assert!(!p.is_match(no), "{pattern} should not match {no:?}");
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_explained() {
        for (pattern, reason) in [
            ("a(", "unclosed group"),
            ("a)|(b", "unopened group"),
            ("(?<x", "unclosed capture group name"),
            ("*", "repetition operator missing expression"),
            ("[z-a]", "invalid character class range, the start must be <= the end"),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap_err(), reason, "{pattern}");
        }
        assert!(Pattern::new("(a{1000}){1000}").unwrap_err().contains("size limit"));
    }
}
