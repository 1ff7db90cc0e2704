//! Names as LogQL sees them.
//!
//! Stores keep the names of labels and attributes as they were sent (`service.name`). LogQL knows only letters,
//! digits and underscores, so it sees each name with everything else replaced (`service_name`).

use model::record::{Attributes, Value};
use model::{Labels, Matcher};
use std::borrow::Cow;

/// The name as LogQL sees it: what is not a letter, digit or underscore becomes an underscore, a leading digit gets
/// one in front. Empty if there is nothing but space.
pub fn sanitize(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    let clean = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let leading_digit = name.as_bytes().first().is_some_and(u8::is_ascii_digit);
    if !leading_digit && name.bytes().all(clean) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    if leading_digit {
        out.push('_');
    }
    push_sanitized(&mut out, name);
    Cow::Owned(out)
}

/// Appends a name or a part of one, every other character replaced.
pub(crate) fn push_sanitized(out: &mut String, name: &str) {
    out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
}

/// Whether a stored name is this one, seen by LogQL.
pub fn same_name(stored: &str, name: &str) -> bool {
    stored == name || (stored.len() + 1 >= name.len() && sanitize(stored) == name)
}

/// The value of a stream's label by the name LogQL has for it.
pub fn label<'a>(labels: &'a Labels, name: &str) -> Option<&'a str> {
    labels.iter().find(|(n, _)| same_name(n, name)).map(|(_, v)| v)
}

/// Whether the labels of a stream satisfy all matchers, by the names LogQL has for them.
pub fn matches(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches(label(labels, m.name()).unwrap_or("")))
}

/// The value of an attribute by the name LogQL has for it: `http_method` finds `http.method`, and also `method`
/// inside the map `http`.
pub fn attribute<'a>(attributes: Attributes<'a>, name: &str) -> Option<Value<'a>> {
    let mut found = None;
    for (stored, value) in attributes.iter() {
        if let Value::Map(inner) = value {
            let stored = sanitize(stored);
            let rest = name.strip_prefix(stored.as_ref()).and_then(|rest| rest.strip_prefix('_'));
            // Maps nest a bounded number of times, see `model`.
            if let Some(inner) = rest.and_then(|rest| attribute(inner, rest)) {
                found = Some(inner);
            }
        } else if same_name(stored, name) {
            found = Some(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::record::AttributesBuf;

    #[test]
    fn names_become_plain() {
        for (name, plain) in [
            ("service.name", "service_name"),
            ("5xx", "_5xx"),
            ("a-b c", "a_b_c"),
            (" x ", "x"),
            ("é", "_"),
            ("", ""),
            ("ok_1", "ok_1"),
        ] {
            assert_eq!(sanitize(name), plain);
            assert!(same_name(name, plain), "{name}");
        }
        assert!(!same_name("a.b", "a_c"));
    }

    #[test]
    fn attributes_are_found_inside_maps() {
        let mut inner = AttributesBuf::new();
        inner.push("method", Value::String("GET"));
        let mut outer = AttributesBuf::new();
        outer.push("http", Value::Map(inner.as_attributes()));
        outer.push("user.id", Value::Int(7));
        let attributes = outer.as_attributes();
        assert_eq!(attribute(attributes, "http_method"), Some(Value::String("GET")));
        assert_eq!(attribute(attributes, "user_id"), Some(Value::Int(7)));
        assert_eq!(attribute(attributes, "http"), None);
    }
}
