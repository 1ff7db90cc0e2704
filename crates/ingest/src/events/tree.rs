//! JSON trees: reading them one by one, and what is in them.

use crate::error::{DecodeError, quote};
use crate::logs::time;
use crate::records::{RecordLimits, Refused, check_name};
use model::record::{AttributesBuf, Value};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};
use std::fmt;

/// A look into an object.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'j>(pub &'j Map<String, Json>);

impl<'j> Tree<'j> {
    /// The member at the end of a path of names.
    pub fn at(self, path: &[&str]) -> Option<&'j Json> {
        let (last, parents) = path.split_last()?;
        let mut map = self.0;
        for name in parents {
            map = map.get(*name)?.as_object()?;
        }
        map.get(*last).filter(|v| !v.is_null())
    }

    /// Its text; empty if it is none.
    pub fn text(self, path: &[&str]) -> &'j str {
        self.at(path).and_then(Json::as_str).unwrap_or("")
    }

    /// Its text, or its number as text.
    pub fn shown(self, path: &[&str]) -> String {
        self.at(path).map(scalar).unwrap_or_default()
    }

    /// The object there.
    pub fn object(self, path: &[&str]) -> Option<Tree<'j>> {
        self.at(path)?.as_object().map(Tree)
    }

    /// The items of the list there.
    pub fn items(self, path: &[&str]) -> &'j [Json] {
        self.at(path).and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    /// The time there; `None` where there is none that could be meant.
    pub fn time(self, path: &[&str]) -> Option<i64> {
        self.at(path).and_then(time_ns).filter(|t| *t > 0)
    }
}

/// A time as a number or text.
pub(crate) fn time_ns(value: &Json) -> Option<i64> {
    match value {
        Json::Number(n) => n.as_i64().map_or_else(|| time::from_float(n.as_f64()?), time::from_int),
        Json::String(s) => match s.trim().strip_suffix(" UTC") {
            Some(utc) => time::parse(&format!("{utc}Z")),
            None => time::parse(s),
        },
        _ => None,
    }
}

/// A length of time: a number of seconds, or text as `1m30s`, `250ms`, `2.5`.
pub(crate) fn duration_ns(value: &Json) -> Option<i64> {
    let of_seconds = |s: f64| (0.0..9.2e9).contains(&s).then_some((s * 1e9).round() as i64);
    let text = match value {
        Json::Number(n) => return of_seconds(n.as_f64()?),
        Json::String(s) => s.trim(),
        _ => return None,
    };
    if let Ok(seconds) = text.parse::<f64>() {
        return of_seconds(seconds);
    }
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        total += number.parse::<f64>().ok()?
            * match unit.trim() {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = tail;
    }
    (!text.is_empty()).then(|| of_seconds(total)).flatten()
}

/// A text, number or truth value as text; empty for all else.
pub(crate) fn scalar(value: &Json) -> String {
    match value {
        Json::String(s) => s.clone(),
        Json::Number(n) => n.to_string(),
        Json::Bool(b) => b.to_string(),
        _ => String::new(),
    }
}

/// Adds a member as attributes: objects become dotted names, lists of plain values are lists, other lists JSON text.
/// `named` gives the names their last form.
pub(crate) fn flatten(
    name: &str,
    value: &Json,
    limits: &RecordLimits,
    count: &mut u64,
    out: &mut AttributesBuf,
    named: &dyn Fn(&str) -> Option<&'static str>,
) -> Result<(), Refused> {
    if let Json::Object(members) = value {
        // Before it is copied for each member. The parser bounds how deep they nest.
        check_name(name, limits)?;
        for (member, value) in members {
            let dotted = format!("{name}.{member}");
            let name = if name.is_empty() { member } else { &dotted };
            flatten(name, value, limits, count, out, named)?;
        }
        return Ok(());
    }
    *count += 1;
    if *count > limits.attributes_per_record_max {
        return Err(Refused::Record(format!(
            "the event has more than {} attributes: raise {} to allow it",
            limits.attributes_per_record_max,
            setting!(limits, "attributes_per_record_max")
        )));
    }
    if out.encoded_len() as u64 > limits.attributes_bytes_max {
        return Err(Refused::Record(format!(
            "the attributes of the event have more than {} bytes: raise {} to allow it",
            limits.attributes_bytes_max,
            setting!(limits, "attributes_bytes_max")
        )));
    }
    check_name(name, limits)?;
    let name = named(name).unwrap_or(name);
    match value {
        Json::Null | Json::Object(_) => {}
        Json::Bool(b) => out.push(name, Value::Bool(*b)),
        Json::Number(n) => match n.as_i64() {
            Some(i) => out.push(name, Value::Int(i)),
            None => out.push(name, Value::Float(n.as_f64().unwrap_or(f64::NAN))),
        },
        Json::String(s) => out.push(name, Value::String(s)),
        Json::Array(items) if items.iter().all(|i| !i.is_array() && !i.is_object()) => {
            let mut list = AttributesBuf::new();
            for item in items {
                match item {
                    Json::String(s) => list.push_item(Value::String(s)),
                    Json::Bool(b) => list.push_item(Value::Bool(*b)),
                    Json::Number(n) => match n.as_i64() {
                        Some(i) => list.push_item(Value::Int(i)),
                        None => list.push_item(Value::Float(n.as_f64().unwrap_or(f64::NAN))),
                    },
                    _ => list.push_item(Value::Null),
                }
            }
            out.push(name, Value::List(list.as_items()));
        }
        Json::Array(_) => out.push(name, Value::String(&value.to_string())),
    }
    Ok(())
}

/// Reads the values of a body one by one: those of a list, or several that follow each other, as in JSON lines. Numbers
/// them from 1.
pub(crate) fn each_value(
    body: &[u8],
    what: &str,
    each: &mut dyn FnMut(usize, &Json) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let unreadable = |e: serde_json::Error| DecodeError::Unreadable(format!("{what}: {e}"));
    let body = body.trim_ascii();
    if body.is_empty() {
        return Err(DecodeError::Unreadable(format!("{what}: the body is empty: send a JSON object")));
    }
    if body.first() == Some(&b'[') {
        let mut fault = None;
        let mut json = serde_json::Deserializer::from_slice(body);
        let done = json.deserialize_seq(List { each, fault: &mut fault }).and_then(|()| json.end());
        return match fault {
            Some(fault) => Err(fault),
            None => done.map_err(unreadable),
        };
    }
    for (i, value) in serde_json::Deserializer::from_slice(body).into_iter::<Json>().enumerate() {
        each(i + 1, &value.map_err(unreadable)?)?;
    }
    Ok(())
}

struct List<'e> {
    each: &'e mut dyn FnMut(usize, &Json) -> Result<(), DecodeError>,
    fault: &'e mut Option<DecodeError>,
}

impl<'a> Visitor<'a> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        let mut number = 0;
        while let Some(value) = seq.next_element::<Json>()? {
            number += 1;
            if let Err(e) = (self.each)(number, &value) {
                *self.fault = Some(e);
                return Err(serde::de::Error::custom("the body is refused"));
            }
        }
        Ok(())
    }
}

/// The object that a value is.
pub(crate) fn object<'j>(value: &'j Json, what: &str) -> Result<Tree<'j>, Refused> {
    match value {
        Json::Object(map) => Ok(Tree(map)),
        other => Err(Refused::Record(format!(
            "{what} is {}, where an object is wanted",
            quote(other.to_string().as_bytes())
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, ns) in [
            ("1.5", Some(1_500_000_000)),
            ("\"1m30s\"", Some(90_000_000_000)),
            ("\"250ms\"", Some(250_000_000)),
            ("\"2.5h\"", Some(9_000_000_000_000)),
            ("\"soon\"", None),
            ("\"\"", None),
            ("-1", None),
            ("\"5\"", Some(5_000_000_000)),
            ("1e300", None),
        ] {
            assert_eq!(duration_ns(&serde_json::from_str(text).unwrap()), ns, "{text}");
        }
    }

    #[test]
    fn bodies_hold_one_or_many() {
        for (body, count) in [("{}", 1), ("[{},{}]", 2), ("{}\n{}\n\n{}", 3), ("[]", 0)] {
            let mut seen = 0;
            each_value(body.as_bytes(), "events", &mut |n, _| {
                seen = n;
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, count, "{body}");
        }
        let wrong = each_value(b"[{}", "events", &mut |_, _| Ok(())).unwrap_err();
        assert_eq!(wrong.to_string(), "events: EOF while parsing a list at line 1 column 3");
        assert!(each_value(b" ", "events", &mut |_, _| Ok(())).unwrap_err().to_string().contains("empty"));
    }
}
