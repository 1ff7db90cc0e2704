//! Patterns: literal text with captures between, `<ip> - - <_> "<method> <path>`.

use memchr::memmem::Finder;

/// A pattern. Captures and literals alternate.
#[derive(Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(Box<Finder<'static>>, String),
    /// A capture; `None` for `<_>`.
    Capture(Option<String>),
}

/// Whether a stage can use a pattern. A parser needs named captures, a filter may have none.
pub(crate) fn check(text: &str, captures: bool) -> Result<(), String> {
    let pattern = Pattern::new(text)?;
    let named = pattern.names().next();
    match (captures, named) {
        (true, None) => Err(format!("pattern {} has no named capture such as <name>", promql::quote(text))),
        (false, Some(name)) => Err(format!("a line filter captures nothing: write <_> instead of <{name}>")),
        _ => Ok(()),
    }
}

impl Pattern {
    pub fn new(text: &str) -> Result<Pattern, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some((name, after)) = capture(rest) {
                let follows_capture = literal.is_empty() && matches!(parts.last(), Some(Part::Capture(_)));
                if follows_capture {
                    return Err(format!(
                        "pattern {} has two captures with nothing between them",
                        promql::quote(text)
                    ));
                }
                push_literal(&mut parts, &mut literal);
                let named = name != "_";
                let twice =
                    named && parts.iter().any(|p| matches!(p, Part::Capture(Some(known)) if known == name));
                if twice {
                    return Err(format!("pattern {} captures <{name}> twice", promql::quote(text)));
                }
                parts.push(Part::Capture(named.then(|| name.to_owned())));
                rest = after;
            } else {
                let c = rest.chars().next().unwrap_or_default();
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        push_literal(&mut parts, &mut literal);
        Ok(Pattern { parts })
    }

    /// Names of the captures.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|p| match p {
            Part::Capture(name) => name.as_deref(),
            Part::Literal(..) => None,
        })
    }

    /// The texts between the captures.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|p| match p {
            Part::Literal(_, text) => Some(text.as_str()),
            Part::Capture(_) => None,
        })
    }

    /// Gives each named capture of a line. A capture whose end is not found reaches to the end of the line and is
    /// the last.
    pub fn captures<'l>(&self, line: &'l str, mut found: impl FnMut(&str, &'l str)) {
        let mut rest = line;
        let mut parts = self.parts.as_slice();
        if line.is_empty() {
            return;
        }
        if let Some((Part::Literal(_, text), after)) = parts.split_first() {
            let Some(after_text) = rest.strip_prefix(text.as_str()) else { return };
            (rest, parts) = (after_text, after);
        }
        while let Some((Part::Capture(name), after)) = parts.split_first() {
            let (value, next) = match after.first() {
                Some(Part::Literal(finder, text)) => match finder.find(rest.as_bytes()) {
                    Some(at) => (&rest[..at], Some(&rest[at + text.len()..])),
                    None => (rest, None),
                },
                _ => (rest, None),
            };
            if let Some(name) = name {
                found(name, value);
            }
            let Some(next) = next else { return };
            rest = next;
            parts = &after[1..];
        }
    }

    /// Whether a line has the shape of the pattern: its literals in order, something for each capture, nothing
    /// behind a literal at its end.
    pub fn test(&self, line: &str) -> bool {
        if self.parts.is_empty() || line.is_empty() {
            return self.parts.is_empty() && line.is_empty();
        }
        let mut rest = line;
        for (i, part) in self.parts.iter().enumerate() {
            let Part::Literal(finder, text) = part else { continue };
            match finder.find(rest.as_bytes()) {
                // Between two literals is a capture, and it must not be empty.
                Some(0) if i > 0 => return false,
                Some(at) => rest = &rest[at + text.len()..],
                None => return false,
            }
        }
        matches!(self.parts.last(), Some(Part::Capture(_))) != rest.is_empty()
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        let finder = Box::new(Finder::new(literal.as_bytes()).into_owned());
        parts.push(Part::Literal(finder, std::mem::take(literal)));
    }
}

/// The name of a capture at the start of a text, and what follows it.
fn capture(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let (name, after) = inner.split_at(length);
    let starts_well = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    starts_well.then(|| after.strip_prefix('>').map(|after| (name, after)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, line: &str) -> Vec<(String, String)> {
        let mut out = Vec::new();
        Pattern::new(pattern).unwrap().captures(line, |n, v| out.push((n.to_owned(), v.to_owned())));
        out
    }

    #[test]
    fn what_is_captured() {
        let pairs = |p: &[(&str, &str)]| -> Vec<(String, String)> {
            p.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
        };
        let line = r#"1.2.3.4 - - [x] "GET /a HTTP/1.1" 200 2"#;
        assert_eq!(
            captured(r#"<ip> - - <_> "<method> <uri> <_>" <status> <size>"#, line),
            pairs(&[("ip", "1.2.3.4"), ("method", "GET"), ("uri", "/a"), ("status", "200"), ("size", "2")])
        );
        assert_eq!(captured("<ip> - + <b>", line), pairs(&[("ip", line)]), "to the end, and no further");
        assert_eq!(captured("GET <a>", line), [], "anchored");
        assert_eq!(captured("<_>GET <a> <_>", line), pairs(&[("a", "/a")]));
        assert_eq!(captured("<a>", ""), []);
        assert_eq!(captured("<1>=<a> ", "<1>=b c"), pairs(&[("a", "b")]), "not a name, so a literal");
    }

    #[test]
    fn what_passes_as_a_filter() {
        for (pattern, line, passes) in [
            ("<_> bar", "foo bar", true),
            ("<_> bar", "foo bar baz", false),
            ("foo <_>", "foo bar", true),
            ("<_> bar <_>", " bar ", false),
            ("<_>bar<_>", "xbary", true),
            ("foo", "foo", true),
            ("", "", true),
            ("", "x", false),
            ("<_>", "", false),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().test(line), passes, "{pattern:?} {line:?}");
        }
    }

    #[test]
    fn bad_patterns_are_named() {
        assert!(check("<a><b>", true).unwrap_err().contains("nothing between"));
        assert!(check("<_> x", true).unwrap_err().contains("no named capture"));
        assert!(check("<a> x <a>", true).unwrap_err().contains("twice"));
        assert!(check("<a> x", false).unwrap_err().contains("<_>"));
    }
}
