//! Labels and values as JSON text, for those who read a part with other tools and for bodies that are no text.

use model::Labels;
use model::record::Value;
use std::fmt::Write;

/// Labels as an object.
pub(crate) fn of_labels(labels: &Labels) -> String {
    let mut out = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        put_text(&mut out, name);
        out.push(':');
        put_text(&mut out, value);
    }
    out.push('}');
    out
}

/// Appends a value. Bytes become hexadecimal digits, floats that JSON cannot say become text. Values nest no deeper
/// than [`model::record::ENCODED_DEPTH_MAX`], which bounds the recursion.
pub(crate) fn put_value(out: &mut String, value: Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        // Writing to a string cannot fail.
        Value::Int(i) => {
            let _ = write!(out, "{i}");
        }
        Value::Float(f) if f.is_finite() => {
            let _ = write!(out, "{f:?}");
        }
        Value::Float(f) => {
            let _ = write!(out, "\"{f}\"");
        }
        Value::String(s) => put_text(out, s),
        Value::Bytes(bytes) => {
            out.push('"');
            for b in bytes {
                let _ = write!(out, "{b:02x}");
            }
            out.push('"');
        }
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                put_value(out, item);
            }
            out.push(']');
        }
        Value::Map(pairs) => {
            out.push('{');
            for (i, (name, value)) in pairs.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                put_text(out, name);
                out.push(':');
                put_value(out, value);
            }
            out.push('}');
        }
    }
}

fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::record::AttributesBuf;

    #[test]
    fn values_as_json() {
        let (mut list, mut map) = (AttributesBuf::new(), AttributesBuf::new());
        for v in [Value::Null, Value::Bool(true), Value::Int(-3), Value::Float(1.0), Value::Bytes(&[1, 255])]
        {
            list.push_item(v);
        }
        map.push("a\"\n", Value::List(list.as_items()));
        map.push("b", Value::Float(f64::NAN));
        let mut out = String::new();
        put_value(&mut out, Value::Map(map.as_attributes()));
        assert_eq!(out, r#"{"a\"\n":[null,true,-3,1.0,"01ff"],"b":"NaN"}"#);
        let labels = Labels::from_pairs([("app", "x\ty")]).unwrap();
        assert_eq!(of_labels(&labels), r#"{"app":"x\ty"}"#);
    }
}
