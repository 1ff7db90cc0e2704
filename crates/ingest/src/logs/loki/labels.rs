//! The labels of a stream as text: `{app="shop", host="h1"}`.

use std::borrow::Cow;

/// Pairs as they stand in the text.
pub(super) type Pairs<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// Reads the text. Values are Go strings, with double quotes and escapes or with backquotes and none.
pub(super) fn parse(text: &str) -> Result<Pairs<'_>, String> {
    let mut p = Parser { text, at: 0 };
    let mut pairs = Vec::new();
    p.blanks();
    p.expect('{')?;
    p.blanks();
    while !p.take('}') {
        let name = p.name()?;
        p.blanks();
        p.expect('=')?;
        p.blanks();
        let value = p.value()?;
        if pairs.iter().any(|(n, _)| *n == name) {
            return Err(format!("column {}: label {name} occurs more than once", p.at + 1));
        }
        pairs.push((name, value));
        p.blanks();
        if !p.take(',') {
            p.expect('}')?;
            break;
        }
        p.blanks();
    }
    p.blanks();
    if p.at < text.len() {
        return Err(p.expected("the end"));
    }
    Ok(pairs)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.take(c) { Ok(()) } else { Err(self.expected(&format!("{c:?}"))) }
    }

    fn expected(&self, what: &str) -> String {
        let found = match self.rest().chars().next() {
            Some(c) => format!("{c:?}"),
            None => "the end".to_owned(),
        };
        format!("column {}: expected {what}, found {found}", self.at + 1)
    }

    /// A label name. Dots are let through: senders of OpenTelemetry data write them.
    fn name(&mut self) -> Result<&'a str, String> {
        let length = self
            .rest()
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-' | b'/'))
            .count();
        let name = &self.rest()[..length];
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
            return Err(self.expected("a label name"));
        }
        self.at += length;
        Ok(name)
    }

    fn value(&mut self) -> Result<Cow<'a, str>, String> {
        if self.take('`') {
            let end = self.rest().find('`').ok_or("a value begins with ` and does not end")?;
            let value = &self.rest()[..end];
            self.at += end + 1;
            return Ok(Cow::Borrowed(value));
        }
        if !self.take('"') {
            return Err(self.expected("a quoted value"));
        }
        let plain = memchr::memchr2(b'"', b'\\', self.rest().as_bytes());
        let plain = plain.ok_or("a value begins with \" and does not end")?;
        if self.rest().as_bytes()[plain] == b'"' {
            let value = &self.rest()[..plain];
            self.at += plain + 1;
            return Ok(Cow::Borrowed(value));
        }
        self.escaped().map(Cow::Owned)
    }

    /// The rest of a value with escapes, and its end.
    fn escaped(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        loop {
            let rest = self.rest().as_bytes();
            let next = memchr::memchr2(b'"', b'\\', rest).ok_or("a value begins with \" and does not end")?;
            bytes.extend_from_slice(&rest[..next]);
            self.at += next + 1;
            if rest[next] == b'"' {
                break;
            }
            self.escape(&mut bytes)?;
        }
        String::from_utf8(bytes).map_err(|_| "a value is not valid UTF-8 once unescaped".to_owned())
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let wrong =
            |p: &Self| Err(p.expected("an escape of Go: one of a b f n r t v \\ \" x u U or octal digits"));
        let Some(&c) = self.rest().as_bytes().first() else { return wrong(self) };
        let single = match c {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' | b'"' | b'\'' => c,
            _ => 0,
        };
        if single != 0 {
            out.push(single);
            self.at += 1;
            return Ok(());
        }
        let (radix, skip, digits) = match c {
            b'x' => (16, 1, 2),
            b'u' => (16, 1, 4),
            b'U' => (16, 1, 8),
            b'0'..=b'7' => (8, 0, 3),
            _ => return wrong(self),
        };
        let code = self.rest().get(skip..skip + digits).filter(|d| !d.starts_with('+'));
        let Some(code) = code.and_then(|d| u32::from_str_radix(d, radix).ok()) else { return wrong(self) };
        match (digits, u8::try_from(code), char::from_u32(code)) {
            (2 | 3, Ok(byte), _) => out.push(byte),
            (4 | 8, _, Some(c)) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            _ => return wrong(self),
        }
        self.at += skip + digits;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts() {
        for (text, want) in [
            ("{}", Ok(vec![])),
            (r#"{app="shop"}"#, Ok(vec![("app", "shop")])),
            (r#" { app = "shop" , host="h1" , } "#, Ok(vec![("app", "shop"), ("host", "h1")])),
            (r#"{service.name="a",x=`raw \n`}"#, Ok(vec![("service.name", "a"), ("x", r"raw \n")])),
            (r#"{a="q\"b\\c\nd\x41\101é\U0001F525"}"#, Ok(vec![("a", "q\"b\\c\ndAAé🔥")])),
            (r#"{a="x\u00e9y"}"#, Ok(vec![("a", "xéy")])),
            ("", Err("column 1: expected '{', found the end")),
            ("app", Err("column 1: expected '{', found 'a'")),
            ("{app}", Err("column 5: expected '=', found '}'")),
            ("{app=shop}", Err("column 6: expected a quoted value, found 's'")),
            (r#"{app="shop"#, Err("a value begins with \" and does not end")),
            (r#"{app="shop""#, Err("column 12: expected '}', found the end")),
            (r#"{1="a"}"#, Err("column 2: expected a label name, found '1'")),
            (r#"{a="1" b="2"}"#, Err("column 8: expected '}', found 'b'")),
            (r#"{a="1",a="2"}"#, Err("column 13: label a occurs more than once")),
            (r#"{a="1"} x"#, Err("column 9: expected the end, found 'x'")),
            (r#"{a="\xff"}"#, Err("a value is not valid UTF-8 once unescaped")),
            (
                r#"{a="\q"}"#,
                Err(
                    "column 6: expected an escape of Go: one of a b f n r t v \\ \" x u U or octal digits, found 'q'",
                ),
            ),
        ] {
            let got = parse(text);
            let got = got.as_ref().map(|p| p.iter().map(|(n, v)| (*n, v.as_ref())).collect::<Vec<_>>());
            assert_eq!(got.map_err(String::as_str), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(pairs in prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,8}", "[^\\x00-\\x1f\\x7f]{0,12}", 0..5)) {
            let text: Vec<String> = pairs
                .iter()
                .map(|(n, v)| format!("{n}=\"{}\"", v.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            let text = format!("{{{}}}", text.join(", "));
            let read = parse(&text).unwrap();
            prop_assert!(read.iter().map(|(n, v)| (*n, v.as_ref())).eq(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
        }

        #[test]
        fn anything_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
