//! Attributes as the values of labels.

use super::encoding::base64_encode;
use bumpalo::Bump;
use model::record::Value;
use std::fmt::Write;

/// The text of an attribute: text as it is, numbers in decimal, bytes in base64, lists and maps as JSON.
pub(crate) fn attribute_text<'b>(value: Value<'b>, arena: &'b Bump) -> &'b str {
    match value {
        Value::String(text) => text,
        Value::Null => "",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Int(v) => arena.alloc_str(&format!("{v}")),
        Value::Float(v) => arena.alloc_str(&promql::format_float(v)),
        Value::Bytes(bytes) => arena.alloc_str(&base64_encode(bytes)),
        Value::List(_) | Value::Map(_) => {
            let mut out = String::new();
            push_json(value, &mut out);
            arena.alloc_str(&out)
        }
    }
}

/// A value as JSON. Values nest a bounded number of times, see `model`.
pub(crate) fn push_json(value: Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        Value::Int(v) => {
            let _ = write!(out, "{v}");
        }
        Value::Float(v) if v.is_finite() => {
            let _ = write!(out, "{v}");
        }
        Value::Float(v) => push_quoted(&promql::format_float(v), out),
        Value::String(text) => push_quoted(text, out),
        Value::Bytes(bytes) => push_quoted(&base64_encode(bytes), out),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                push_json(item, out);
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (i, (name, member)) in members.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                push_quoted(name, out);
                out.push(':');
                push_json(member, out);
            }
            out.push('}');
        }
    }
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
