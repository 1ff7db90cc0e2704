//! `opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest`.

use crate::error::DecodeError;
use crate::logs::document::show_scalar;
use crate::logs::roles::IDENTIFYING;
use crate::otlp::{Any, any_value, key_value, too_deep};
use crate::records::{RecordWriter, Refused, check_name};
use crate::wire::{FIXED32, FIXED64, LEN, Reader, VARINT, Wire, WireError};
use model::record::{AttributesBuf, Record, Severity, SpanId, StreamRef, TraceId, Value};

const WHAT: &str = "OTLP logs body";

/// Appends a decompressed request.
pub fn protobuf(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut export = Export { w, attributes: AttributesBuf::new(), count: 0 };
    let mut r = Reader::new(body, 0);
    while let Some((field, wire)) = r.tag().map_err(wrong)? {
        match (field, wire) {
            (1, LEN) => export.resource_logs(&r.message().map_err(wrong)?)?,
            (1, w) => return Err(wrong(r.error(format!("field 1 of a request has wire type {w}")))),
            _ => r.skip(wire).map_err(wrong)?,
        }
    }
    Ok(())
}

fn wrong(e: WireError) -> DecodeError {
    e.within(WHAT)
}

struct Export<'w> {
    w: &'w mut RecordWriter,
    /// Attributes of the resource, then of the scope, then of a record; each level takes its own away again.
    attributes: AttributesBuf,
    count: usize,
}

/// A stream, or why there is none.
type Stream = Result<StreamRef, String>;

impl Export<'_> {
    fn resource_logs(&mut self, whole: &Reader<'_>) -> Result<(), DecodeError> {
        self.attributes.clear();
        self.count = 0;
        let stream = self.resource(whole)?;
        let mut r = whole.clone();
        while let Some((field, wire)) = r.tag().map_err(wrong)? {
            match (field, wire) {
                (2, LEN) => self.scope_logs(&stream, &r.message().map_err(wrong)?)?,
                (1 | 2, w) if w != LEN => {
                    return Err(wrong(r.error(format!("field {field} of resource logs has wire type {w}"))));
                }
                _ => r.skip(wire).map_err(wrong)?,
            }
        }
        Ok(())
    }

    /// The stream of a resource; what does not identify it becomes attributes.
    fn resource(&mut self, whole: &Reader<'_>) -> Result<Stream, DecodeError> {
        let mut labels: Vec<(&str, String)> = Vec::new();
        let mut r = whole.clone();
        let mut refused = None;
        while let Some((field, wire)) = r.tag().map_err(wrong)? {
            if (field, wire) != (1, LEN) {
                r.skip(wire).map_err(wrong)?;
                continue;
            }
            let mut resource = r.message().map_err(wrong)?;
            while let Some((field, wire)) = resource.tag().map_err(wrong)? {
                match (field, wire) {
                    (1, LEN) => {
                        let (name, value) = key_value(resource.message().map_err(wrong)?).map_err(wrong)?;
                        let label = IDENTIFYING.iter().find(|n| **n == name);
                        match (label, label.and_then(|_| label_text(&value))) {
                            (Some(label), Some(text)) => labels.push((label, text)),
                            _ => refused = refused.or(self.attribute(&name, value).map_err(wrong)?.err()),
                        }
                    }
                    _ => resource.skip(wire).map_err(wrong)?,
                }
            }
        }
        if let Some(why) = refused.or(self.too_large()) {
            return Ok(Err(why));
        }
        let mut key = Vec::new();
        for part in labels.iter().flat_map(|(n, v)| [*n, v.as_str()]) {
            key.extend_from_slice(&(part.len() as u32).to_le_bytes());
            key.extend_from_slice(part.as_bytes());
        }
        if let Some(stream) = self.w.known(&key) {
            return Ok(Ok(stream));
        }
        let pairs: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        match self.w.stream(&key, &pairs) {
            Ok(stream) => Ok(Ok(stream)),
            Err(Refused::Record(why)) => Ok(Err(why)),
            Err(Refused::Body(e)) => Err(e),
        }
    }

    /// Attributes that each record would carry are refused before they are copied many times.
    fn too_large(&self) -> Option<String> {
        let (bytes, max) = (self.attributes.encoded_len() as u64, self.w.limits().attributes_bytes_max);
        (bytes > max).then(|| {
            format!(
                "the length in bytes of the attributes of resource and scope is {bytes}, over the limit of {max}: \
                 raise {} to allow it",
                setting!(self.w.limits(), "attributes_bytes_max")
            )
        })
    }

    fn scope_logs(&mut self, stream: &Stream, whole: &Reader<'_>) -> Result<(), DecodeError> {
        let (bytes, count) = (self.attributes.encoded_len(), self.count);
        let mut r = whole.clone();
        let mut refused = None;
        while let Some((field, wire)) = r.tag().map_err(wrong)? {
            match (field, wire) {
                (1, LEN) => refused = self.scope(r.message().map_err(wrong)?).map_err(wrong)?.err(),
                (1 | 2, w) if w != LEN => {
                    return Err(wrong(r.error(format!("field {field} of scope logs has wire type {w}"))));
                }
                _ => r.skip(wire).map_err(wrong)?,
            }
        }
        let refused = stream.as_ref().err().cloned().or(refused).or(self.too_large());
        let mut r = whole.clone();
        while let Some((field, wire)) = r.tag().map_err(wrong)? {
            match (field, wire, stream, &refused) {
                (2, LEN, Ok(stream), None) => {
                    let record = r.message().map_err(wrong)?;
                    let done = self.record(*stream, record).map_err(wrong)?;
                    self.w.settle(done)?;
                }
                (2, LEN, _, why) => {
                    r.skip(wire).map_err(wrong)?;
                    self.w.reject(1, why.as_deref().unwrap_or("the resource is refused"));
                }
                _ => r.skip(wire).map_err(wrong)?,
            }
        }
        self.attributes.truncate(bytes);
        self.count = count;
        Ok(())
    }

    fn scope(&mut self, mut r: Reader<'_>) -> Wire<Result<(), String>> {
        let mut done = Ok(());
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1 | 2, LEN) => {
                    let text = r.bytes()?;
                    if !text.is_empty() {
                        let name = if field == 1 { "scope.name" } else { "scope.version" };
                        self.attributes.push(name, Value::String(&String::from_utf8_lossy(text)));
                        self.count += 1;
                    }
                }
                (3, LEN) => {
                    let (name, value) = key_value(r.message()?)?;
                    done = done.and(self.attribute(&name, value)?);
                }
                _ => r.skip(wire)?,
            }
        }
        Ok(done)
    }

    /// Adds an attribute; `Ok(Err(why))` if it is over a limit.
    fn attribute(&mut self, name: &str, value: Reader<'_>) -> Wire<Result<(), String>> {
        if let Err(limit) = check_name(name, self.w.limits()) {
            return Ok(Err(limit.to_string()));
        }
        self.count += 1;
        if self.count as u64 > self.w.limits().attributes_per_record_max {
            // Counted and refused where the record is pushed.
            return Ok(Ok(()));
        }
        match any_value(value, self.w.limits().depth())? {
            Some(value) => self.attributes.push(name, value.as_value()),
            None => return Ok(Err(too_deep(self.w))),
        }
        Ok(Ok(()))
    }

    fn record(&mut self, stream: StreamRef, r: Reader<'_>) -> Wire<Result<(), Refused>> {
        let (bytes, count) = (self.attributes.encoded_len(), self.count);
        let done = self.record_within(stream, r);
        self.attributes.truncate(bytes);
        self.count = count;
        done
    }

    fn record_within(&mut self, stream: StreamRef, mut r: Reader<'_>) -> Wire<Result<(), Refused>> {
        let (mut time, mut observed, mut severity) = (0, 0, Severity::UNKNOWN);
        let (mut trace_id, mut span_id) = (TraceId::NONE, SpanId::NONE);
        let (mut body, mut refused, mut text) = (Any::Null, None, None);
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, FIXED64) => time = r.fixed64()?,
                (11, FIXED64) => observed = r.fixed64()?,
                (2, VARINT) => {
                    severity = Severity::from_number(u8::try_from(r.varint()?).unwrap_or(0));
                }
                (3, LEN) => text = Some(String::from_utf8_lossy(r.bytes()?)),
                (5, LEN) => match any_value(r.message()?, self.w.limits().depth())? {
                    Some(value) => body = value,
                    None => refused = Some(too_deep(self.w)),
                },
                (6, LEN) => {
                    let (name, value) = key_value(r.message()?)?;
                    refused = refused.or(self.attribute(&name, value)?.err());
                }
                (7, VARINT) => {
                    let dropped = r.varint()?;
                    self.number("dropped_attributes_count", dropped);
                }
                (8, FIXED32) => {
                    let flags = r.fixed32()?;
                    self.number("flags", u64::from(flags));
                }
                (9, LEN) => trace_id = r.bytes()?.try_into().map(TraceId).unwrap_or_default(),
                (10, LEN) => span_id = r.bytes()?.try_into().map(SpanId).unwrap_or_default(),
                (12, LEN) => {
                    let name = String::from_utf8_lossy(r.bytes()?);
                    self.text("event_name", &name);
                }
                (1..=3 | 5..=12, w) => {
                    return Err(r.error(format!("field {field} of a log record has wire type {w}")));
                }
                _ => r.skip(wire)?,
            }
        }
        if let Some(text) = &text {
            self.text("severity_text", text);
            if severity == Severity::UNKNOWN {
                severity = Severity::from_text(text);
            }
        }
        if let Some(why) = refused {
            return Ok(Err(Refused::Record(why)));
        }
        let time_ns = match (time, observed) {
            (0, 0) => self.w.now_ns(),
            (0, ns) | (ns, _) => match i64::try_from(ns) {
                Ok(ns) => ns,
                Err(_) => {
                    let why = format!("time_unix_nano {ns} is after the year 2262");
                    return Ok(Err(Refused::Record(why)));
                }
            },
        };
        let record = Record {
            time_ns,
            observed_ns: i64::try_from(observed).unwrap_or(0),
            severity,
            trace_id,
            span_id,
            body: body.as_value(),
            attributes: self.attributes.as_attributes(),
        };
        Ok(self.w.push(stream, &record, self.count))
    }

    fn number(&mut self, name: &str, value: u64) {
        if value > 0 {
            self.attributes.push(name, Value::Int(i64::try_from(value).unwrap_or(i64::MAX)));
            self.count += 1;
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.attributes.push(name, Value::String(value));
            self.count += 1;
        }
    }
}

/// A value as the text of a label; `None` for lists, maps and bytes.
fn label_text(value: &Reader<'_>) -> Option<String> {
    match any_value(value.clone(), 0).ok()?? {
        Any::Text(s) => Some(s.into_owned()),
        other => {
            let mut text = String::new();
            show_scalar(other.as_value(), &mut text).then_some(text)
        }
    }
}
