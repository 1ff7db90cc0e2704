//! Text made safe for where it will stand.

use crate::output::{Full, Output};
use crate::quote::is_print;

/// For the query of a URL.
pub fn query_escape(text: &str) -> String {
    let mut out = Output::new(usize::MAX);
    let _ = query_into(&mut out, text);
    out.text
}

/// For HTML text and attributes.
pub(crate) fn html_into(out: &mut Output, text: &str) -> Result<(), Full> {
    for c in text.chars() {
        match c {
            '\0' => out.push("\u{fffd}")?,
            '"' => out.push("&#34;")?,
            '\'' => out.push("&#39;")?,
            '&' => out.push("&amp;")?,
            '<' => out.push("&lt;")?,
            '>' => out.push("&gt;")?,
            c => out.push_char(c)?,
        }
    }
    Ok(())
}

pub(crate) fn js_into(out: &mut Output, text: &str) -> Result<(), Full> {
    for c in text.chars() {
        match c {
            '\\' => out.push("\\\\")?,
            '\'' => out.push("\\'")?,
            '"' => out.push("\\\"")?,
            '<' => out.push("\\u003C")?,
            '>' => out.push("\\u003E")?,
            '&' => out.push("\\u0026")?,
            '=' => out.push("\\u003D")?,
            c if (c as u32) < 0x20 => out.push(&format!("\\u{:04X}", c as u32))?,
            c if (c as u32) < 0x80 || is_print(c) => out.push_char(c)?,
            c => out.push(&format!("\\u{:04X}", c as u32))?,
        }
    }
    Ok(())
}

pub(crate) fn query_into(out: &mut Output, text: &str) -> Result<(), Full> {
    for b in text.bytes() {
        match b {
            b' ' => out.push("+")?,
            b if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') => {
                out.push_char(b as char)?
            }
            b => out.push(&format!("%{b:02X}"))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_own_escapes() {
        let mut out = Output::new(100);
        html_into(&mut out, "<a href=\"x\">&'").unwrap();
        assert_eq!(out.text, "&lt;a href=&#34;x&#34;&gt;&amp;&#39;");
        assert_eq!(query_escape("a b/ü?&=~"), "a+b%2F%C3%BC%3F%26%3D~");
        let mut out = Output::new(100);
        js_into(&mut out, "it's <b>\n\\").unwrap();
        assert_eq!(out.text, "it\\'s \\u003Cb\\u003E\\u000A\\\\");
    }
}
