//! Writes JSON straight into a byte buffer. Answers are large and regular, so nothing is built up first.

use super::number;
use model::Labels;

/// A JSON text under construction. The caller writes brackets and commas where it needs them; [`Json::list`]
/// and [`Json::key`] keep count of commas for it.
#[derive(Default)]
pub struct Json {
    buf: Vec<u8>,
}

impl Json {
    /// An empty text.
    pub fn new() -> Json {
        Json { buf: Vec::with_capacity(1024) }
    }

    /// Makes room, so that a large text does not have to move as it grows.
    pub fn reserve(&mut self, bytes: usize) -> &mut Self {
        self.buf.reserve(bytes);
        self
    }

    /// The text so far.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buf
    }

    /// The length so far.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Bytes that are JSON already.
    pub fn raw(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// The same.
    pub fn bytes(&mut self, text: &[u8]) -> &mut Self {
        self.buf.extend_from_slice(text);
        self
    }

    /// A key of an object and its colon, with a comma before it unless it is the first.
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.string(name);
        self.buf.push(b':');
        self
    }

    /// A comma, unless an object or list has just begun.
    pub fn comma(&mut self) -> &mut Self {
        if !matches!(self.buf.last(), None | Some(b'{' | b'[' | b':' | b',')) {
            self.buf.push(b',');
        }
        self
    }

    /// A string.
    pub fn string(&mut self, s: &str) -> &mut Self {
        self.buf.push(b'"');
        let bytes = s.as_bytes();
        let mut from = 0;
        for (i, &b) in bytes.iter().enumerate() {
            if b >= 0x20 && b != b'"' && b != b'\\' {
                continue;
            }
            self.buf.extend_from_slice(&bytes[from..i]);
            from = i + 1;
            self.escape(b);
        }
        self.buf.extend_from_slice(&bytes[from..]);
        self.buf.push(b'"');
        self
    }

    fn escape(&mut self, b: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match b {
            b'"' => self.buf.extend_from_slice(b"\\\""),
            b'\\' => self.buf.extend_from_slice(b"\\\\"),
            b'\n' => self.buf.extend_from_slice(b"\\n"),
            b'\r' => self.buf.extend_from_slice(b"\\r"),
            b'\t' => self.buf.extend_from_slice(b"\\t"),
            _ => self.buf.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(b >> 4)],
                HEX[usize::from(b & 15)],
            ]),
        }
    }

    /// A float in quotes, as samples are written.
    pub fn float(&mut self, v: f64) -> &mut Self {
        self.buf.push(b'"');
        number::push_float(&mut self.buf, v);
        self.buf.push(b'"');
        self
    }

    /// An integer.
    pub fn int(&mut self, v: i64) -> &mut Self {
        number::push_int(&mut self.buf, v);
        self
    }

    /// A time in milliseconds, as seconds.
    pub fn time(&mut self, ms: i64) -> &mut Self {
        number::push_time(&mut self.buf, ms);
        self
    }

    /// `true` or `false`.
    pub fn bool(&mut self, v: bool) -> &mut Self {
        self.raw(if v { "true" } else { "false" })
    }

    /// An object of label names and values.
    pub fn labels(&mut self, labels: &Labels) -> &mut Self {
        self.buf.push(b'{');
        for (n, v) in labels {
            self.key(n).string(v);
        }
        self.buf.push(b'}');
        self
    }

    /// A list, one call of `item` for each element.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Json, T),
    ) -> &mut Self {
        self.buf.push(b'[');
        for (i, x) in items.into_iter().enumerate() {
            if i > 0 {
                self.buf.push(b',');
            }
            item(self, x);
        }
        self.buf.push(b']');
        self
    }

    /// A list of strings.
    pub fn strings<S: AsRef<str>>(&mut self, items: impl IntoIterator<Item = S>) -> &mut Self {
        self.list(items, |j, s| {
            j.string(s.as_ref());
        })
    }

    /// Anything serde can write.
    pub fn value(&mut self, value: &impl serde::Serialize) -> &mut Self {
        // Writing to memory cannot fail; a type that refuses to be serialised (a map with keys that are not
        // strings) is a mistake of ours and shows as null.
        let at = self.buf.len();
        if serde_json::to_writer(&mut self.buf, value).is_err() {
            self.buf.truncate(at);
            self.raw("null");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_and_lists_get_their_commas() {
        let mut j = Json::new();
        j.raw("{").key("a").int(1).key("b").list([1, 2], |j, v| {
            j.time(v * 1500);
        });
        j.key("c").raw("{}").key("d").bool(true).raw("}");
        assert_eq!(String::from_utf8(j.into_bytes()).unwrap(), r#"{"a":1,"b":[1.500,3],"c":{},"d":true}"#);
    }

    proptest! {
        #[test]
        fn every_string_comes_back(s in any::<String>()) {
            let mut j = Json::new();
            j.string(&s);
            prop_assert_eq!(serde_json::from_slice::<String>(&j.into_bytes()).unwrap(), s);
        }
    }
}
