//! Loki's JSON: `{"streams":[{"stream":{"app":"a"},"values":[["<ns>","<line>",{"k":"v"}]]}]}`, and the older form
//! `{"streams":[{"labels":"{app=\"a\"}","entries":[{"ts":"<RFC 3339>","line":"<line>"}]}]}`.

use super::{Metadata, labels};
use crate::error::DecodeError;
use crate::logs::{json::reason, time};
use crate::records::{RecordWriter, Refused, check_name};
use model::record::{StreamRef, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Appends a push in JSON.
pub fn json(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let malformed = |at, reason| DecodeError::Malformed { what: "Loki push body", at, reason };
    let text = std::str::from_utf8(body)
        .map_err(|e| malformed(e.valid_up_to(), "JSON must be valid UTF-8".to_owned()))?;
    let mut ended = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let push = Push { w, ended: &mut ended, metadata: Metadata::default() };
    let done = json.deserialize_map(push).and_then(|()| json.end());
    match (ended, done) {
        (Some(e), _) => Err(e),
        (None, Err(e)) => Err(malformed(offset(text, &e), reason(&e))),
        (None, Ok(())) => Ok(()),
    }
}

/// Where in the text an error is.
fn offset(text: &str, e: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(e.line().saturating_sub(1)).map(str::len).sum();
    (before + e.column()).min(text.len())
}

/// The whole body.
struct Push<'w> {
    w: &'w mut RecordWriter,
    /// Why the body is refused, which the reader of JSON cannot carry.
    ended: &'w mut Option<DecodeError>,
    metadata: Metadata,
}

impl<'a> Visitor<'a> for Push<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"streams\"")
    }

    fn visit_map<M: MapAccess<'a>>(mut self, mut map: M) -> Result<(), M::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match key.as_ref() {
                "streams" => {
                    found = true;
                    map.next_value_seed(Streams(&mut self))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if found { Ok(()) } else { Err(M::Error::missing_field("streams")) }
    }
}

struct Streams<'p, 'w>(&'p mut Push<'w>);

impl<'a> DeserializeSeed<'a> for Streams<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Streams<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of streams")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        while seq.next_element_seed(Stream(self.0))?.is_some() {}
        Ok(())
    }
}

/// What is known of the labels of the stream being read.
enum Known {
    /// Not read yet.
    Nothing,
    Stream(StreamRef),
    /// They are wrong.
    Wrong(String),
}

struct Stream<'p, 'w>(&'p mut Push<'w>);

impl<'a> DeserializeSeed<'a> for Stream<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Stream<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"stream\" and \"values\"")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let push = self.0;
        let mut known = Known::Nothing;
        // Entries that came before the labels.
        let mut early = Vec::new();
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match key.as_ref() {
                "stream" => {
                    let pairs = map.next_value_seed(LabelPairs(push.w.limits().labels_per_stream_max))?;
                    let pairs: Vec<(&str, &str)> =
                        pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
                    known = push.stream(&pairs).map_err(|()| M::Error::custom(""))?;
                }
                "labels" => {
                    let text = map.next_value::<Cow<'_, str>>()?;
                    known = match labels::parse(&text) {
                        Ok(pairs) => {
                            let pairs: Vec<(&str, &str)> =
                                pairs.iter().map(|(n, v)| (*n, v.as_ref())).collect();
                            push.stream(&pairs).map_err(|()| M::Error::custom(""))?
                        }
                        Err(why) => Known::Wrong(format!("labels {text:?}: {why}")),
                    };
                }
                "values" | "entries" => {
                    map.next_value_seed(Entries { push, known: &known, early: &mut early })?
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if matches!(known, Known::Nothing) {
            return Err(M::Error::missing_field("stream"));
        }
        for entry in early {
            push.entry(&known, entry).map_err(|()| M::Error::custom(""))?;
        }
        Ok(())
    }
}

impl Push<'_> {
    fn stream(&mut self, pairs: &[(&str, &str)]) -> Result<Known, ()> {
        let mut key = Vec::new();
        for part in pairs.iter().flat_map(|(n, v)| [n, v]) {
            key.extend_from_slice(&(part.len() as u32).to_le_bytes());
            key.extend_from_slice(part.as_bytes());
        }
        if let Some(stream) = self.w.known(&key) {
            return Ok(Known::Stream(stream));
        }
        match self.w.stream(&key, pairs) {
            Ok(stream) => Ok(Known::Stream(stream)),
            Err(Refused::Record(why)) => Ok(Known::Wrong(why)),
            Err(Refused::Body(e)) => {
                *self.ended = Some(e);
                Err(())
            }
        }
    }

    /// Appends an entry; `Err` if the body ends here.
    fn entry(&mut self, known: &Known, entry: Entry<'_>) -> Result<(), ()> {
        let done = match (known, entry.time_ns) {
            (Known::Wrong(why), _) => Err(Refused::Record(why.clone())),
            (_, Err(why)) => Err(Refused::Record(why)),
            (Known::Stream(stream), Ok(time_ns)) => {
                self.metadata.clear();
                let limits = self.w.limits();
                let mut named = Ok(());
                for (name, value) in &entry.metadata {
                    named = named.and_then(|()| check_name(name, limits));
                    self.metadata.push(name, value.as_value());
                }
                let time_ns = time_ns.unwrap_or(self.w.now_ns());
                let record = self.metadata.record(time_ns, &entry.line);
                named
                    .map_err(Refused::from)
                    .and_then(|()| self.w.push(*stream, &record, entry.metadata.len()))
            }
            (Known::Nothing, _) => Ok(()),
        };
        self.w.settle(done).map_err(|e| *self.ended = Some(e))
    }
}

/// Label pairs, no more of them than one beyond the limit.
struct LabelPairs(u64);

impl<'a> DeserializeSeed<'a> for LabelPairs {
    type Value = Vec<(Cow<'a, str>, Cow<'a, str>)>;

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for LabelPairs {
    type Value = Vec<(Cow<'a, str>, Cow<'a, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of labels")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut pairs = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            let Text(value) = map.next_value()?;
            if pairs.len() as u64 <= self.0 {
                pairs.push((name, value));
            }
        }
        Ok(pairs)
    }
}

/// Text, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'a> serde::Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(d: D) -> Result<Self, D::Error> {
        struct Of;
        impl<'a> Visitor<'a> for Of {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, v: &'a str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(v)))
            }

            fn visit_str<E: Error>(self, v: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(v.to_owned())))
            }
        }
        d.deserialize_str(Of)
    }
}

/// A value of structured metadata. Loki knows text only; numbers and truth values are kept as such.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
}

impl Scalar<'_> {
    fn as_value(&self) -> Value<'_> {
        match self {
            Scalar::Text(s) => Value::String(s),
            Scalar::Int(i) => Value::Int(*i),
            Scalar::Float(x) => Value::Float(*x),
            Scalar::Bool(b) => Value::Bool(*b),
            Scalar::Null => Value::Null,
        }
    }
}

impl<'a> serde::Deserialize<'a> for Scalar<'a> {
    fn deserialize<D: Deserializer<'a>>(d: D) -> Result<Self, D::Error> {
        struct Of;
        impl<'a> Visitor<'a> for Of {
            type Value = Scalar<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, number or truth value")
            }

            fn visit_borrowed_str<E: Error>(self, v: &'a str) -> Result<Scalar<'a>, E> {
                Ok(Scalar::Text(Cow::Borrowed(v)))
            }

            fn visit_str<E: Error>(self, v: &str) -> Result<Scalar<'a>, E> {
                Ok(Scalar::Text(Cow::Owned(v.to_owned())))
            }

            fn visit_i64<E: Error>(self, v: i64) -> Result<Scalar<'a>, E> {
                Ok(Scalar::Int(v))
            }

            fn visit_u64<E: Error>(self, v: u64) -> Result<Scalar<'a>, E> {
                Ok(i64::try_from(v).map_or_else(|_| Scalar::Text(Cow::Owned(v.to_string())), Scalar::Int))
            }

            fn visit_f64<E: Error>(self, v: f64) -> Result<Scalar<'a>, E> {
                Ok(Scalar::Float(v))
            }

            fn visit_bool<E: Error>(self, v: bool) -> Result<Scalar<'a>, E> {
                Ok(Scalar::Bool(v))
            }

            fn visit_unit<E: Error>(self) -> Result<Scalar<'a>, E> {
                Ok(Scalar::Null)
            }
        }
        d.deserialize_any(Of)
    }
}

/// One entry. `Ok(None)` is the time of arrival.
struct Entry<'a> {
    time_ns: Result<Option<i64>, String>,
    line: Cow<'a, str>,
    metadata: Vec<(Cow<'a, str>, Scalar<'a>)>,
}

struct Entries<'p, 'w, 'e, 'a> {
    push: &'p mut Push<'w>,
    known: &'e Known,
    early: &'e mut Vec<Entry<'a>>,
}

impl<'a> DeserializeSeed<'a> for Entries<'_, '_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Entries<'_, '_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        let limit = self.push.w.limits().attributes_per_record_max;
        while let Some(entry) = seq.next_element_seed(OneEntry(limit))? {
            if !matches!(self.known, Known::Nothing) {
                self.push.entry(self.known, entry).map_err(|()| S::Error::custom(""))?;
                continue;
            }
            if self.early.len() as u64 >= self.push.w.limits().records_per_body_max {
                return Err(S::Error::custom("too many values before the labels: write \"stream\" first"));
            }
            self.early.push(entry);
        }
        Ok(())
    }
}

/// An entry: a list of time, line and metadata, or an object.
struct OneEntry(u64);

impl<'a> DeserializeSeed<'a> for OneEntry {
    type Value = Entry<'a>;

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<Entry<'a>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for OneEntry {
    type Value = Entry<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry [\"<time in ns>\", \"<line>\"]")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<Entry<'a>, S::Error> {
        let time: Scalar<'a> = seq.next_element()?.ok_or_else(|| S::Error::invalid_length(0, &self))?;
        let Text(line) = seq.next_element()?.ok_or_else(|| S::Error::invalid_length(1, &self))?;
        let metadata = seq.next_element_seed(MetadataPairs(self.0))?.unwrap_or_default();
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry { time_ns: nanoseconds(&time), line, metadata })
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Entry<'a>, M::Error> {
        let mut entry = Entry { time_ns: Ok(None), line: Cow::Borrowed(""), metadata: Vec::new() };
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "ts" | "timestamp" => entry.time_ns = any_time(&map.next_value()?),
                "line" => entry.line = map.next_value::<Text<'_>>()?.0,
                "structuredMetadata" => entry.metadata = map.next_value_seed(MetadataPairs(self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(entry)
    }
}

/// The time of an entry: nanoseconds and nothing else, so that no unit is guessed.
fn nanoseconds(time: &Scalar<'_>) -> Result<Option<i64>, String> {
    let wrong = |found: String| {
        format!("timestamp {found} is not Unix time in nanoseconds: write it as a string of digits")
    };
    match time {
        Scalar::Text(text) => text.parse().map(Some).map_err(|_| wrong(format!("{text:?}"))),
        Scalar::Int(ns) => Ok(Some(*ns)),
        other => Err(wrong(format!("{:?}", other.as_value()))),
    }
}

fn any_time(time: &Scalar<'_>) -> Result<Option<i64>, String> {
    match time {
        Scalar::Text(text) => time::parse(text)
            .map(Some)
            .ok_or_else(|| format!("timestamp {text:?} is not in RFC 3339: 2026-11-21T10:20:30.5Z")),
        other => nanoseconds(other),
    }
}

/// Structured metadata, no more pairs than one beyond the limit.
struct MetadataPairs(u64);

impl<'a> DeserializeSeed<'a> for MetadataPairs {
    type Value = Vec<(Cow<'a, str>, Scalar<'a>)>;

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for MetadataPairs {
    type Value = Vec<(Cow<'a, str>, Scalar<'a>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of structured metadata")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut pairs = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            let value = map.next_value()?;
            if pairs.len() as u64 <= self.0 {
                pairs.push((name, value));
            }
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{each_refusal, records, writer};
    use super::*;

    #[test]
    fn pushes() {
        let body = br#"{"streams":[
            {"stream":{"app":"shop","host":"h1"},"values":[
                ["1795256430000000005","hello \"you\"",{"level":"warn","n":3,"t":true}],
                ["1795256431000000000","second"]]},
            {"values":[["1","before its labels"]],"stream":{"app":"b"}},
            {"labels":"{app=\"old\"}","entries":[{"ts":"2026-11-21T10:20:30Z","line":"of old"}]}]}"#;
        let mut w = writer();
        json(body, &mut w).unwrap();
        insta::assert_snapshot!(records(w));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let body = br#"{"streams":[{"stream":{"a":"1"},"values":[["1795256430","seconds are not guessed"],["soon","x"],[1.5,"x"]]}]}
{"streams":[{"labels":"{a=1}","entries":[{"line":"x"}]}]}
{"streams":[{"stream":{"a":"01234567890123456789012345678901234567890123456789"},"values":[["1","x"],["2","y"]]}]}"#;
        insta::assert_snapshot!(each_refusal(body, |line, w| json(line, w).unwrap()));
        let mut out = String::new();
        for body in [
            "",
            "[]",
            "{}",
            "{\"streams\":1}",
            "{\"streams\":[{\"values\":[]}]}",
            "{\"streams\":[{\"stream\":{\"a\":1}}]}",
            "{\"streams\":[{\"stream\":{},\"values\":[[\"1\"]]}]}",
            "{\"streams\":[\n{\"stream\":{},\"values\":[[\"1\",2]]}]}",
            "{\"streams\":[]} x",
        ] {
            out += &format!("{body:?}: {}\n", json(body.as_bytes(), &mut writer()).unwrap_err());
        }
        insta::assert_snapshot!(out);
    }
}
