//! Quoted text as Go writes and reads it.

use std::fmt::Write;

/// Text in double quotes with escapes.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// A character in single quotes.
pub(crate) fn quote_char(c: char) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c, '\'');
    out.push('\'');
    out
}

fn push_escaped(out: &mut String, c: char, around: char) {
    match c {
        c if c == around || c == '\\' => out.extend(['\\', c]),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if (c as u32) < 0x20 || c as u32 == 0x7f => {
            let _ = write!(out, "\\x{:02x}", c as u32);
        }
        c if !is_print(c) && (c as u32) < 0x1_0000 => {
            let _ = write!(out, "\\u{:04x}", c as u32);
        }
        c if !is_print(c) => {
            let _ = write!(out, "\\U{:08x}", c as u32);
        }
        c => out.push(c),
    }
}

/// Whether a character is shown as itself.
pub(crate) fn is_print(c: char) -> bool {
    !(c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c as u32, 0xad | 0xfeff | 0x200b..=0x200f | 0xe000..=0xf8ff))
}

/// The text that a quoted one stands for. `quoted` includes its quotes. Bytes that are not UTF-8 are replaced.
pub(crate) fn unquote(quoted: &str) -> Result<String, String> {
    let invalid = || "invalid syntax".to_owned();
    let mut chars = quoted.chars();
    let open = chars.next().ok_or_else(invalid)?;
    if chars.next_back() != Some(open) {
        return Err(invalid());
    }
    let body = chars.as_str();
    if open == '`' {
        return Ok(body.replace('\r', ""));
    }
    let mut out = Vec::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => unescape(&mut chars, open, &mut out)?,
            c if c == open || c == '\n' => return Err(invalid()),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(match String::from_utf8(out) {
        Ok(text) => text,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    })
}

fn unescape(chars: &mut std::str::Chars<'_>, open: char, out: &mut Vec<u8>) -> Result<(), String> {
    let invalid = || "invalid syntax".to_owned();
    let c = chars.next().ok_or_else(invalid)?;
    let mut digits = |first: Option<char>, count: usize, radix: u32| -> Result<u32, String> {
        let mut v = 0u32;
        for i in 0..count {
            let d = if i == 0 && first.is_some() { first } else { chars.next() };
            v = v.wrapping_mul(radix) + d.and_then(|d| d.to_digit(radix)).ok_or_else(invalid)?;
        }
        Ok(v)
    };
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == open => c as u8,
        'x' => digits(None, 2, 16)? as u8,
        '0'..='7' => u8::try_from(digits(Some(c), 3, 8)?).map_err(|_| invalid())?,
        'u' | 'U' => {
            let code = digits(None, if c == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code).ok_or_else(invalid)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        _ => return Err(invalid()),
    };
    out.push(byte);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_comes_back() {
        for t in ["", "a\"b\\c", "\n\t\u{7}", "烽火", "\u{200b}x\u{85}\u{1f600}"] {
            assert_eq!(unquote(&quote(t)).as_deref(), Ok(t));
        }
        assert_eq!(unquote("`a\\n`").as_deref(), Ok("a\\n"));
        assert_eq!(unquote(r#""\101\x42é""#).as_deref(), Ok("ABé"));
        for bad in ["\"", "\"a", r#""\q""#, r#""\x4""#, r#""\ud800""#, "\"a\"b\""] {
            assert!(unquote(bad).is_err(), "{bad}");
        }
        assert_eq!(quote_char('\''), r"'\''");
    }
}
