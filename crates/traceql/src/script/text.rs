//! Small pieces of text.

use model::record::AttributesBuf;
use model::record::Value;

/// An id without its leading zeros.
pub(super) fn short(hex: &str) -> String {
    let short = hex.trim_start_matches('0');
    if short.is_empty() { "0".to_owned() } else { short.to_owned() }
}

/// The next word, quoted text or bracketed part, cut off from the front.
pub(super) fn piece<'a>(text: &mut &'a str) -> &'a str {
    let trimmed = text.trim_start();
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let end = trimmed.char_indices().find(|(_, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            c if depth == 0 && c.is_whitespace() => return true,
            _ => {}
        }
        false
    });
    let (piece, rest) = trimmed.split_at(end.map_or(trimmed.len(), |(i, _)| i));
    *text = rest;
    piece
}

/// What stands between commas that are not within quotes or brackets.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped, mut start) = (0, false, false, 0);
    let mut out = Vec::new();
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                out.push(text[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(text[start..].trim());
    out.retain(|p| !p.is_empty());
    out
}

pub(super) fn unquoted(text: &str) -> Result<String, String> {
    if !text.starts_with('"') {
        return Ok(text.to_owned());
    }
    let bytes = promql::unquote(text).map_err(|e| format!("{text}: {e}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{text} is not UTF-8"))
}

/// `"text"`, `5`, `0.5`, `true`, `["a", "b"]`
fn push_value(buffer: &mut AttributesBuf, name: &str, text: &str) -> Result<(), String> {
    if let Some(inside) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let mut items = AttributesBuf::new();
        for item in parts(inside) {
            with_value(item, &mut |v| items.push_item(v))?;
        }
        buffer.push(name, Value::List(items.as_items()));
        return Ok(());
    }
    with_value(text, &mut |v| buffer.push(name, v))
}

fn with_value(text: &str, take: &mut dyn FnMut(Value<'_>)) -> Result<(), String> {
    if text.starts_with('"') {
        take(Value::String(&unquoted(text)?));
    } else if let Ok(i) = text.parse() {
        take(Value::Int(i));
    } else if let Ok(f) = text.parse() {
        take(Value::Float(f));
    } else if let Ok(b) = text.parse() {
        take(Value::Bool(b));
    } else {
        return Err(format!("{text:?} is no value"));
    }
    Ok(())
}

/// `[a="b", c=5]`
pub(super) fn attributes(text: &str, buffer: &mut AttributesBuf) -> Result<(), String> {
    let inside =
        text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).ok_or("attributes stand in brackets")?;
    for pair in parts(inside) {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is no attribute"))?;
        push_value(buffer, name.trim(), value.trim())?;
    }
    Ok(())
}
