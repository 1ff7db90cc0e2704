//! Reading JSON that SDKs of all ages write: what is of another type than expected reads as nothing.

use crate::logs::time;
use serde_json::Value;

/// A member as text; numbers and truth values as they are written.
pub(super) fn text(of: &Value, name: &str) -> String {
    of.get(name).map(shown).unwrap_or_default()
}

/// The first member that says something, as text.
pub(super) fn first(of: &Value, names: &[&str]) -> String {
    names.iter().map(|n| text(of, n)).find(|t| !t.is_empty()).unwrap_or_default()
}

/// A value as text; nothing of lists and objects.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Number(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        _ => String::new(),
    }
}

/// A member that is a list, or an object with a list `values`, as most are in both ways.
pub(super) fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    match of.get(name) {
        Some(Value::Array(items)) => items,
        Some(Value::Object(o)) => match o.get("values") {
            Some(Value::Array(items)) => items,
            _ => &[],
        },
        _ => &[],
    }
}

/// A member that is a whole number and not negative.
pub(super) fn number(of: &Value, name: &str) -> u64 {
    match of.get(name) {
        Some(Value::Number(n)) => n.as_u64().or_else(|| n.as_f64().map(|f| f as u64)).unwrap_or(0),
        Some(Value::String(s)) => s.parse().unwrap_or(0),
        _ => 0,
    }
}

/// A member that is a line or column.
pub(super) fn line(of: &Value, name: &str) -> u32 {
    u32::try_from(number(of, name)).unwrap_or(0)
}

/// A member that is a time: Unix seconds or a date. 0 without one.
pub(super) fn time_ns(of: &Value, name: &str) -> i64 {
    match of.get(name) {
        Some(Value::Number(n)) => n.as_f64().and_then(time::from_float).unwrap_or(0),
        Some(Value::String(s)) => time::parse(s).unwrap_or(0),
        _ => 0,
    }
}

/// Names and texts: an object, or a list of pairs.
pub(super) fn pairs(of: &Value, name: &str) -> Vec<(String, String)> {
    match of.get(name) {
        Some(Value::Object(o)) => o.iter().map(|(n, v)| (n.clone(), shown(v))).collect(),
        Some(Value::Array(items)) => {
            let pair = |v: &Value| match v {
                Value::Array(p) => Some((shown(p.first()?), shown(p.get(1)?))),
                Value::Object(_) => Some((text(v, "key"), text(v, "value"))),
                _ => None,
            };
            items.iter().filter_map(pair).collect()
        }
        _ => Vec::new(),
    }
}

/// A member taken out.
pub(super) fn take(of: &mut Value, name: &str) -> Value {
    of.get_mut(name).map(Value::take).unwrap_or_default()
}
