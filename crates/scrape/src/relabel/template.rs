//! Replacement texts with `$1`, `${1}`, `$name` and `${name}`.

use super::Pattern;
use regex::Captures;

/// A replacement text taken apart once. A group that does not exist stands for nothing; `$$` is a dollar sign;
/// a dollar sign that introduces nothing stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
    /// A group the pattern does not have.
    Nothing,
}

impl Template {
    pub(crate) fn new(text: &str, pattern: &Pattern) -> Template {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            plain.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(next) = after.strip_prefix('$') {
                plain.push('$');
                rest = next;
            } else if let Some((name, next)) = group_name(after) {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(pattern.group(name).map_or(Part::Nothing, Part::Group));
                rest = next;
            } else {
                plain.push('$');
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Template { text: text.to_owned(), parts }
    }

    pub(crate) fn expand(&self, captures: &Captures<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(t) => out.push_str(t),
                Part::Group(g) => out.push_str(captures.get(*g).map_or("", |m| m.as_str())),
                Part::Nothing => {}
            }
        }
        out
    }

    /// The text, if it holds no dollar sign at all.
    pub(crate) fn as_plain(&self) -> Option<String> {
        (!self.text.contains('$')).then(|| self.text.clone())
    }

    /// Whether this can become a valid name: its fixed parts are tried with a letter in place of each group.
    pub(crate) fn may_be_name(&self, valid: impl Fn(&str) -> bool) -> bool {
        let sample: String = self
            .parts
            .iter()
            .map(|p| match p {
                Part::Text(t) => t.as_str(),
                Part::Group(_) | Part::Nothing => "x",
            })
            .collect();
        valid(&sample)
    }
}

/// The name after a dollar sign and what follows it.
fn group_name(after: &str) -> Option<(&str, &str)> {
    let (body, braced) = match after.strip_prefix('{') {
        Some(body) => (body, true),
        None => (after, false),
    };
    let end = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
    let (name, rest) = body.split_at(end);
    if name.is_empty() {
        return None;
    }
    if braced { rest.strip_prefix('}').map(|rest| (name, rest)) } else { Some((name, rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_inserted() {
        let p = Pattern::new("(a+)(?P<tail>b*)(c)?").unwrap();
        for (template, want) in [
            ("x$1y", "x"),
            ("x${1}y", "xaay"),
            ("$1-$2", "aa-b"),
            ("${tail}!$tail", "b!b"),
            ("$9|${nobody}|", "||"),
            ("$$1", "$1"),
            ("$", "$"),
            ("cost: $-", "cost: $-"),
            ("${1", "${1"),
            ("${a-b}", "${a-b}"),
            ("$3.", "."),
            ("$01", ""),
            ("", ""),
        ] {
            let c = p.captures("aab").unwrap();
            assert_eq!(Template::new(template, &p).expand(&c), want, "{template}");
        }
    }
}
