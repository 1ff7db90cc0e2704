//! Text is taken apart into attributes.

use crate::draft::{Draft, copied};
use crate::why::Why;
use bumpalo::Bump;
use ingest::logs::json_members;
use ingest::records::RecordLimits;
use model::record::Value;
use regex::Regex;

/// Attributes of a record; what is found beyond is left out.
pub(crate) const FIELDS_MAX: usize = 500;

/// What a value that was found becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Text,
    Int,
    Float,
}

impl Kind {
    pub fn value<'a>(self, text: &'a str) -> Value<'a> {
        let number = match self {
            Kind::Text => None,
            Kind::Int => text.parse().ok().map(Value::Int),
            Kind::Float => text.parse().ok().map(Value::Float),
        };
        number.unwrap_or(Value::String(text))
    }
}

fn named<'a>(prefix: &str, name: &'a str, arena: &'a Bump) -> &'a str {
    match prefix {
        "" => name,
        prefix => bumpalo::format!(in arena, "{}{}", prefix, name).into_bump_str(),
    }
}

/// Members of a JSON object; says why there are none.
pub(crate) fn json<'a>(
    text: &str,
    prefix: &str,
    draft: &mut Draft<'a>,
    arena: &'a Bump,
) -> Result<(), Why<'a>> {
    if !text.trim_start().starts_with('{') {
        return Err("it is no JSON object".into());
    }
    let limits = RecordLimits { attributes_per_record_max: FIELDS_MAX as u64, ..RecordLimits::default() };
    // Nothing is taken over of an object that is broken further on.
    let mut found = Vec::new();
    json_members(text, &limits, &mut |name, value| {
        found.push((named(prefix, arena.alloc_str(name), arena), copied(value, arena)));
    })
    .map_err(Why::Other)?;
    found.into_iter().for_each(|(name, value)| draft.set(name, value));
    Ok(())
}

/// Pairs `name=value`, `name="a value"`; a name alone is true.
pub(crate) fn logfmt<'a>(
    text: &'a str,
    prefix: &str,
    draft: &mut Draft<'a>,
    arena: &'a Bump,
) -> Result<(), Why<'a>> {
    let (mut rest, mut found) = (text.trim(), Vec::new());
    let mut pairs = 0;
    while !rest.is_empty() && found.len() < FIELDS_MAX {
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '"')).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let Some(value) = rest.strip_prefix('=') else {
            if rest.starts_with('"') || name.is_empty() {
                return Err("it is not logfmt: a quote stands where a name should".into());
            }
            found.push((named(prefix, name, arena), Value::Bool(true)));
            rest = rest.trim_start();
            continue;
        };
        if name.is_empty() {
            return Err("it is not logfmt: a value has no name".into());
        }
        pairs += 1;
        let value = match value.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) =
                    unquoted(quoted, arena).ok_or("it is not logfmt: a quote does not end")?;
                rest = after;
                value
            }
            None => {
                let end = value.find(char::is_whitespace).unwrap_or(value.len());
                rest = &value[end..];
                &value[..end]
            }
        };
        found.push((named(prefix, name, arena), Value::String(value)));
        rest = rest.trim_start();
    }
    if pairs == 0 {
        return Err("it holds no pair name=value".into());
    }
    found.into_iter().for_each(|(name, value)| draft.set(name, value));
    Ok(())
}

/// The text up to the closing quote, and what follows it.
fn unquoted<'a>(text: &'a str, arena: &'a Bump) -> Option<(&'a str, &'a str)> {
    let end = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
    if text.as_bytes()[end] == b'"' {
        return Some((&text[..end], &text[end + 1..]));
    }
    let mut out = bumpalo::collections::String::new_in(arena);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out.into_bump_str(), &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                other => out.push(other),
            },
            c => out.push(c),
        }
    }
    None
}

/// A regular expression whose groups have the names and kinds of attributes.
#[derive(Debug)]
pub(crate) struct Groups {
    pub regex: Regex,
    /// Number of the group, name of the attribute, kind.
    pub groups: Vec<(usize, String, Kind)>,
}

impl Groups {
    /// Takes what the groups found.
    pub fn take<'a>(&'a self, text: &'a str, draft: &mut Draft<'a>) -> Result<(), Why<'a>> {
        let found = self.regex.captures(text).ok_or("the pattern does not match")?;
        for (group, name, kind) in &self.groups {
            if let Some(m) = found.get(*group)
                && draft.fields.len() < FIELDS_MAX
            {
                draft.set(name, kind.value(m.as_str()));
            }
        }
        Ok(())
    }
}
