//! Wildcards, prefixes and Lucene's regular expressions.

use crate::error::SearchError;
use regex::Regex;
use std::ops::Range;

/// A pattern that terms may match.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// For whole values, and words as they are found.
    whole: Regex,
    /// For words, whatever their case.
    word: Regex,
}

/// Patterns are no longer than this, as at Elasticsearch (`index.max_regex_length`).
const LENGTH_MAX: usize = 1000;
/// Compiled patterns may take this much memory each.
const COMPILED_BYTES_MAX: usize = 1 << 20;

impl Pattern {
    /// `*` stands for any text, `?` for one character; a backslash makes either plain.
    pub fn wildcard(text: &str, ignore_case: bool) -> Result<Pattern, SearchError> {
        Pattern::compile(&wildcard_regex(text), ignore_case, text)
    }

    /// Whatever begins like this.
    pub fn prefix(text: &str, ignore_case: bool) -> Result<Pattern, SearchError> {
        Pattern::compile(&format!("{}.*", regex::escape(text)), ignore_case, text)
    }

    /// A regular expression of Lucene, which matches whole terms.
    pub fn regexp(text: &str, ignore_case: bool) -> Result<Pattern, SearchError> {
        Pattern::compile(&lucene_regex(text)?, ignore_case, text)
    }

    fn compile(regex: &str, ignore_case: bool, text: &str) -> Result<Pattern, SearchError> {
        if text.len() > LENGTH_MAX {
            return Err(SearchError::illegal(format!(
                "The length of regex [{}] used in the query has exceeded the allowed maximum of [{LENGTH_MAX}]",
                text.len()
            )));
        }
        let build = |ignore_case: bool| {
            regex::RegexBuilder::new(&format!("^(?:{regex})$"))
                .dot_matches_new_line(true)
                .case_insensitive(ignore_case)
                .size_limit(COMPILED_BYTES_MAX)
                .build()
                .map_err(|e| SearchError::query(format!("the pattern [{text}] cannot be used: {e}")))
        };
        Ok(Pattern { whole: build(ignore_case)?, word: build(true)? })
    }

    /// Whether a whole value matches.
    pub fn is_value(&self, value: &str) -> bool {
        self.whole.is_match(value)
    }

    /// The first word at or after a place that matches.
    pub fn find_word(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let behind = &text[from..];
        crate::text::words(behind)
            .find(|w| self.word.is_match(&behind[w.clone()]))
            .map(|w| w.start + from..w.end + from)
    }
}

fn wildcard_regex(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '\\' => push_plain(&mut out, letters.next().unwrap_or('\\')),
            c => push_plain(&mut out, c),
        }
    }
    out
}

fn push_plain(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// Lucene's syntax in that of the `regex` crate. What Lucene has beyond it is refused by name.
fn lucene_regex(text: &str) -> Result<String, SearchError> {
    let refuse = |what: &str| {
        SearchError::query(format!(
            "the regular expression [{text}] uses {what}, which is not supported; escape it to mean the character"
        ))
    };
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    let mut in_class = false;
    while let Some(c) = letters.next() {
        match c {
            '\\' => match letters.next() {
                // Classes as of Lucene 9.
                Some(k @ ('d' | 'D' | 'w' | 'W' | 's' | 'S')) => {
                    out.push('\\');
                    out.push(k);
                }
                Some(k) => push_plain(&mut out, k),
                None => return Err(refuse("a backslash at its end")),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '[' | '&' | '~' | '^' if in_class => {
                out.push('\\');
                out.push(c);
            }
            c if in_class => out.push(c),
            '"' => loop {
                match letters.next() {
                    Some('"') => break,
                    Some(k) => push_plain(&mut out, k),
                    None => return Err(refuse("a quotation without an end")),
                }
            },
            '@' => out.push_str(".*"),
            '~' => return Err(refuse("the complement [~]")),
            '&' => return Err(refuse("the intersection [&]")),
            '<' => return Err(refuse("an interval [<]")),
            '#' => return Err(refuse("the empty language [#]")),
            '^' | '$' => push_plain(&mut out, c),
            '(' => {
                out.push('(');
                if letters.peek() == Some(&'?') {
                    return Err(refuse("a group with flags [(?]"));
                }
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Whether a name fits a pattern in which `*` stands for anything and `?` for one character.
pub(crate) fn glob(pattern: &str, name: &str) -> bool {
    let (p, n): (&[u8], &[u8]) = (pattern.as_bytes(), name.as_bytes());
    let (mut i, mut j, mut star) = (0, 0, None);
    while j < n.len() {
        if i < p.len() && p[i] == b'*' {
            star = Some((i, j));
            i += 1;
        } else if i < p.len() && (p[i] == n[j] || p[i] == b'?') {
            i += 1;
            j += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (i, j) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    p[i..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_terms() {
        let value = |p: Result<Pattern, SearchError>, v: &str| p.unwrap().is_value(v);
        assert!(
            value(Pattern::wildcard("a*c?", false), "abbcd") && !value(Pattern::wildcard("a*", false), "ba")
        );
        assert!(
            value(Pattern::wildcard(r"a\*.b", false), "a*.b")
                && !value(Pattern::wildcard(r"a\*", false), "ab")
        );
        assert!(
            value(Pattern::prefix("/api.", false), "/api.x")
                && !value(Pattern::prefix("/api.", false), "/apix")
        );
        assert!(value(Pattern::regexp("s.*y", false), "say") && !value(Pattern::regexp("a", false), "ab"));
        assert!(value(Pattern::regexp(r#"[a-c]+"x.y"@"#, false), "abx.yzz"));
        assert!(value(Pattern::regexp("^a$", false), "^a$") && value(Pattern::regexp("A", true), "a"));
        for wrong in ["~a", "a&b", "<1-5>", "#", "(", "\\", "\"x", "(?i)a", &"a".repeat(1001)] {
            assert!(Pattern::regexp(wrong, false).is_err(), "{wrong}");
        }
        let p = Pattern::wildcard("time*", false).unwrap();
        assert_eq!(p.find_word("a Timeout", 0), Some(2..9));
        assert_eq!(p.find_word("é Timeout time", 4), Some(11..15));
    }

    #[test]
    fn names_fit_globs() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("logs-*", "logs-a-b", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("a?c", "abc", true),
            ("abc", "abcd", false),
        ] {
            assert_eq!(glob(pattern, name), fits, "{pattern} {name}");
        }
    }
}
