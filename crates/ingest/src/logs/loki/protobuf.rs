//! `logproto.PushRequest`.

use super::{Metadata, labels};
use crate::error::{DecodeError, quote};
use crate::records::{RecordWriter, Refused, check_name};
use crate::wire::{LEN, Reader, VARINT, Wire, WireError};
use model::record::{StreamRef, Value};
use std::borrow::Cow;

const WHAT: &str = "Loki push body";

/// Appends a decompressed `logproto.PushRequest`.
pub fn protobuf(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut push = Push { w, metadata: Metadata::default() };
    push.request(body)
}

struct Push<'w> {
    w: &'w mut RecordWriter,
    metadata: Metadata,
}

fn wrong(e: WireError) -> DecodeError {
    e.within(WHAT)
}

impl Push<'_> {
    fn request(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        let mut r = Reader::new(body, 0);
        while let Some((field, wire)) = r.tag().map_err(wrong)? {
            match (field, wire) {
                (1, LEN) => self.stream(&r.message().map_err(wrong)?)?,
                (1, w) => return Err(wrong(r.error(format!("field 1 of a push has wire type {w}")))),
                _ => r.skip(wire).map_err(wrong)?,
            }
        }
        Ok(())
    }

    /// The labels may stand after the entries, so they are looked for first.
    fn stream(&mut self, whole: &Reader<'_>) -> Result<(), DecodeError> {
        let (labels, entries) = labels_and_count(whole.clone()).map_err(wrong)?;
        let stream = match self.w.known(labels) {
            Some(stream) => Ok(stream),
            None => self.new_stream(labels),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(Refused::Record(why)) => {
                self.w.reject(entries, why);
                return Ok(());
            }
            Err(Refused::Body(e)) => return Err(e),
        };
        let mut r = whole.clone();
        while let Some((field, wire)) = r.tag().map_err(wrong)? {
            match (field, wire) {
                (2, LEN) => {
                    let entry = r.message().map_err(wrong)?;
                    let done = self.entry(stream, entry).map_err(wrong)?;
                    self.w.settle(done)?;
                }
                _ => r.skip(wire).map_err(wrong)?,
            }
        }
        Ok(())
    }

    #[cold]
    fn new_stream(&mut self, text: &[u8]) -> Result<StreamRef, Refused> {
        let refuse = |why: &str| Refused::Record(format!("labels {}: {why}", quote(text)));
        let pairs = std::str::from_utf8(text).map_err(|_| refuse("they are not valid UTF-8"))?;
        let pairs = labels::parse(pairs).map_err(|why| refuse(&why))?;
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (*n, v.as_ref())).collect();
        self.w.stream(text, &pairs)
    }

    fn entry(&mut self, stream: StreamRef, mut r: Reader<'_>) -> Wire<Result<(), Refused>> {
        let (mut time, mut line, mut wrong_name) = (None, &[][..], None);
        self.metadata.clear();
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, LEN) => time = Some(timestamp(r.message()?)?),
                (2, LEN) => line = r.bytes()?,
                (3, LEN) => {
                    let (name, value) = pair(r.message()?)?;
                    if let Err(limit) = check_name(&name, self.w.limits()) {
                        wrong_name = Some(limit);
                    }
                    if self.metadata.count as u64 <= self.w.limits().attributes_per_record_max {
                        self.metadata.push(&name, Value::String(&value));
                    }
                }
                (1..=3, w) => return Err(r.error(format!("field {field} of an entry has wire type {w}"))),
                _ => r.skip(wire)?,
            }
        }
        if let Some(limit) = wrong_name {
            return Ok(Err(limit.into()));
        }
        let time_ns = match time {
            Some(Some(ns)) => ns,
            Some(None) => {
                return Ok(Err(Refused::Record("a timestamp is outside the years 1677 to 2262".into())));
            }
            None => self.w.now_ns(),
        };
        // Senders do not check what they tail; what is not UTF-8 is replaced and not lost with the line.
        let line = text(line);
        Ok(self.w.push(stream, &self.metadata.record(time_ns, &line), self.metadata.count))
    }
}

fn labels_and_count<'a>(mut r: Reader<'a>) -> Wire<(&'a [u8], u64)> {
    let (mut labels, mut entries) = (&[][..], 0);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => labels = r.bytes()?,
            (1 | 2, w) if w != LEN => {
                return Err(r.error(format!("field {field} of a stream has wire type {w}")));
            }
            (2, _) => {
                entries += 1;
                r.skip(wire)?;
            }
            _ => r.skip(wire)?,
        }
    }
    Ok((labels, entries))
}

/// `google.protobuf.Timestamp` as nanoseconds, `None` if they do not hold it.
fn timestamp(mut r: Reader<'_>) -> Wire<Option<i64>> {
    let (mut seconds, mut nanos) = (0, 0);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => seconds = r.varint()? as i64,
            (2, VARINT) => nanos = r.varint()? as i64,
            (1 | 2, w) => return Err(r.error(format!("field {field} of a timestamp has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    Ok(seconds.checked_mul(1_000_000_000).and_then(|ns: i64| ns.checked_add(nanos)))
}

/// Text, with what is not UTF-8 replaced.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    // The check alone is several times as fast as what replaces.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn pair<'a>(mut r: Reader<'a>) -> Wire<(Cow<'a, str>, Cow<'a, str>)> {
    let (mut name, mut value) = (&[][..], &[][..]);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => name = r.bytes()?,
            (2, LEN) => value = r.bytes()?,
            (1 | 2, w) => return Err(r.error(format!("field {field} of metadata has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    Ok((text(name), text(value)))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{records, writer};
    use super::*;
    use crate::wire::{put_bytes, put_number};

    pub(crate) fn entry(seconds: u64, nanos: u64, line: &[u8], metadata: &[(&str, &str)]) -> Vec<u8> {
        let (mut time, mut out) = (Vec::new(), Vec::new());
        put_number(&mut time, 1, seconds);
        put_number(&mut time, 2, nanos);
        put_bytes(&mut out, 1, &time);
        put_bytes(&mut out, 2, line);
        for (name, value) in metadata {
            let mut pair = Vec::new();
            put_bytes(&mut pair, 1, name.as_bytes());
            put_bytes(&mut pair, 2, value.as_bytes());
            put_bytes(&mut out, 3, &pair);
        }
        out
    }

    pub(crate) fn stream(labels: &str, entries: &[Vec<u8>]) -> Vec<u8> {
        let (mut stream, mut out) = (Vec::new(), Vec::new());
        put_bytes(&mut stream, 1, labels.as_bytes());
        entries.iter().for_each(|e| put_bytes(&mut stream, 2, e));
        put_bytes(&mut out, 1, &stream);
        out
    }

    #[test]
    fn pushes() {
        let mut body = stream(
            r#"{app="shop", host="h1"}"#,
            &[
                entry(1_795_256_430, 5, b"hello", &[("level", "warn"), ("trace_id", &"ab".repeat(16))]),
                entry(1_795_256_431, 0, b"caf\xc3\xa9 \xff", &[]),
                entry(u64::MAX / 2, 0, b"too late", &[]),
                entry(1, 0, &[b'x'; 200], &[]),
            ],
        );
        body.extend(stream("{app=shop}", &[entry(1, 0, b"a", &[]), entry(2, 0, b"b", &[])]));
        body.extend(stream(r#"{app="shop", host="h1"}"#, &[entry(3, 0, b"same stream", &[("x", "")])]));
        let mut w = writer();
        protobuf(&body, &mut w).unwrap();
        assert_eq!(w.len(), 3);
        insta::assert_snapshot!(records(w));
    }

    #[test]
    fn broken_bodies_say_where() {
        for (body, message) in [
            (&b"\x08\x01"[..], "Loki push body: byte 1: field 1 of a push has wire type 0"),
            (b"\x0a\x05\x0a", "Loki push body: byte 2: a field of 5 bytes begins but only 1 bytes follow"),
            (b"\x0a\x02\x10\x01", "Loki push body: byte 3: field 2 of a stream has wire type 0"),
        ] {
            assert_eq!(protobuf(body, &mut writer()).unwrap_err().to_string(), message);
        }
        let mut w = writer();
        let many: Vec<u8> =
            (0..11).flat_map(|i| stream(&format!("{{i=\"{i}\"}}"), &[entry(1, 0, b"x", &[])])).collect();
        assert_eq!(
            protobuf(&many, &mut w).unwrap_err().to_string(),
            "the number of streams in the body is 11, over the limit of 10: raise logs.limits.streams_per_body_max to allow it"
        );
    }
}
