//! Values of attributes as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::record::Value;
use std::borrow::Cow;
use std::fmt::Write;

/// The text of an attribute: text as it is, numbers in decimal, bytes in base64, lists and maps as JSON. `None` for a
/// value that is null.
pub(crate) fn attribute_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(v) => Cow::Borrowed(if v { "true" } else { "false" }),
        Value::Int(v) => Cow::Owned(v.to_string()),
        Value::Float(v) => Cow::Owned(promql::format_float(v)),
        Value::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        Value::List(_) | Value::Map(_) => {
            let mut out = String::new();
            push_json(value, &mut out);
            Cow::Owned(out)
        }
    })
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
        Value::Bytes(bytes) => push_quoted(&STANDARD.encode(bytes), out),
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

/// A text in quotes, as JSON has it.
pub(crate) fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        from = at + 1;
        match escape {
            "" => {
                let _ = write!(out, "\\u{byte:04x}");
            }
            known => out.push_str(known),
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}
