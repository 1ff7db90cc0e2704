//! A list of spans in JSON (<https://zipkin.io/zipkin-api/>).

use super::super::tags;
use super::super::writer::{Fields, SpanWriter};
use super::{Endpoint, end_span};
use crate::error::{DecodeError, quote};
use crate::records::RecordWriter;
use model::record::span::SpanKind;
use model::record::{SpanId, TraceId, Value};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Appends a list of spans.
pub fn json(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut sw = SpanWriter::new(w);
    let mut fault = None;
    let mut json = serde_json::Deserializer::from_slice(body);
    let done = json.deserialize_seq(Spans { sw: &mut sw, fault: &mut fault }).and_then(|()| json.end());
    match (fault, done) {
        (Some(fault), _) => Err(fault),
        (None, Err(e)) => Err(DecodeError::Unreadable(format!("Zipkin spans: {e}"))),
        (None, Ok(())) => Ok(()),
    }
}

/// Takes spans one by one, so that a body never stands in memory twice.
struct Spans<'s, 'w> {
    sw: &'s mut SpanWriter<'w>,
    fault: &'s mut Option<DecodeError>,
}

impl<'a> Visitor<'a> for Spans<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        while let Some(span) = seq.next_element::<JsonSpan<'a>>()? {
            if let Err(e) = write(self.sw, &span) {
                *self.fault = Some(e);
                return Err(serde::de::Error::custom("the body is refused"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a span, an object")]
struct JsonSpan<'a> {
    #[serde(borrow, default)]
    trace_id: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    parent_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    timestamp: Option<f64>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    shared: Option<bool>,
    #[serde(borrow, default)]
    local_endpoint: Option<JsonEndpoint<'a>>,
    #[serde(borrow, default)]
    remote_endpoint: Option<JsonEndpoint<'a>>,
    #[serde(borrow, default)]
    annotations: Option<Vec<Annotation<'a>>>,
    #[serde(borrow, default)]
    tags: Option<Tags<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonEndpoint<'a> {
    #[serde(borrow, default)]
    service_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ipv4: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ipv6: Option<Cow<'a, str>>,
    #[serde(default)]
    port: Option<i64>,
}

#[derive(Deserialize)]
struct Annotation<'a> {
    timestamp: f64,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

/// Tags in the order sent.
struct Tags<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Tags<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Tags<'a>, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Tags<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Tags<'de>, M::Error> {
                let mut pairs = Vec::new();
                while let Some(name) = map.next_key_seed(Text)? {
                    pairs.push((name, map.next_value_seed(Text)?));
                }
                Ok(Tags(pairs))
            }
        }
        d.deserialize_map(Pairs)
    }
}

/// A text, borrowed where it can be.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Cow<'de, str>, D::Error> {
        d.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(v.to_owned()))
    }
}

fn endpoint<'a>(of: Option<&'a JsonEndpoint<'_>>) -> Endpoint<'a> {
    let Some(of) = of else { return Endpoint::default() };
    let ip = of.ipv4.as_deref().filter(|ip| !ip.is_empty()).or(of.ipv6.as_deref()).unwrap_or("");
    Endpoint { service: of.service_name.as_deref().unwrap_or(""), ip, port: of.port.unwrap_or(0) }
}

/// Nanoseconds of microseconds. Numbers of JSON are exact up to 2^53, in microseconds the year 2255.
fn ns_of_us(us: f64) -> u64 {
    (us as u64).saturating_mul(1000)
}

fn write(sw: &mut SpanWriter<'_>, span: &JsonSpan<'_>) -> Result<(), DecodeError> {
    endpoint(span.local_endpoint.as_ref()).begin(sw)?;
    if sw.refuses(1) {
        return Ok(());
    }
    sw.begin_span();
    let mut fields = Fields { name: span.name.as_deref().unwrap_or(""), ..Fields::default() };
    match (trace_id(&span.trace_id), span_id(&span.id)) {
        (Some(trace), Some(own)) => (fields.trace_id, fields.span_id) = (trace, own),
        (None, _) => sw.refuse_span(format!(
            "traceId {} must have 1 to 32 hexadecimal digits",
            quote(span.trace_id.as_bytes())
        )),
        (_, None) => {
            sw.refuse_span(format!("id {} must have 1 to 16 hexadecimal digits", quote(span.id.as_bytes())));
        }
    }
    if let Some(parent) = span.parent_id.as_deref().filter(|p| !p.is_empty()) {
        match span_id(parent) {
            Some(parent) => fields.parent_id = parent,
            None => sw.refuse_span(format!(
                "parentId {} must have 1 to 16 hexadecimal digits",
                quote(parent.as_bytes())
            )),
        }
    }
    fields.duration_ns = span.duration.map_or(0, ns_of_us);
    fields.start_ns = sw.start_ns(span.timestamp.map_or(0, ns_of_us), fields.duration_ns);
    fields.kind = span.kind.as_deref().and_then(SpanKind::from_text).unwrap_or_default();
    for (key, value) in span.tags.iter().flat_map(|t| &t.0) {
        tags::tag(sw, key, Value::String(value));
    }
    for a in span.annotations.iter().flatten() {
        sw.own.clear();
        sw.event(ns_of_us(a.timestamp).wrapping_sub(fields.start_ns) as i64, &a.value, 0);
    }
    end_span(sw, fields, &endpoint(span.remote_endpoint.as_ref()), span.shared == Some(true))
}

/// Digits that may be fewer than the id has.
fn padded<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let fits = (1..=2 * N).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let number = fits.then(|| u128::from_str_radix(digits, 16).ok())??;
    let mut id = [0; N];
    id.copy_from_slice(&number.to_be_bytes()[16 - N..]);
    Some(id)
}

fn trace_id(digits: &str) -> Option<TraceId> {
    padded(digits).map(TraceId)
}

fn span_id(digits: &str) -> Option<SpanId> {
    padded(digits).map(SpanId)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{spans, writer};
    use super::*;

    const BODY: &str = r#"[
        {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","id":"1","kind":"CLIENT","name":"get","timestamp":1700000000000000,
         "duration":1500,"localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1","port":80},
         "remoteEndpoint":{"serviceName":"db","ipv6":"::1"},"debug":true,"unknown":[1],
         "tags":{"http.path":"/a\"b","error":"gone","otel.scope.name":"lib"},
         "annotations":[{"timestamp":1700000000000100,"value":"ws"}]},
        {"traceId":"a3ce929d0e0e4736","parentId":"1","id":"00f067aa0ba902b7","kind":"SERVER","shared":true,
         "localEndpoint":{"serviceName":"db"},"timestamp":1700000000000100},
        {"traceId":"1","id":"2","duration":2000000},
        {"traceId":"xyz","id":"2"},{"traceId":"1","id":"12345678901234567"},{"traceId":"1","id":"2","parentId":"-1"},
        {"traceId":"0","id":"2"}]"#;

    #[test]
    fn lists_and_what_becomes_of_them() {
        let mut w = writer();
        json(BODY.as_bytes(), &mut w).unwrap();
        insta::assert_snapshot!(spans(w));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut out = String::new();
        for body in
            ["", "{}", "[1]", r#"[{"traceId":5}]"#, r#"[{"tags":{"a":1}}]"#, r#"[{"timestamp":"now"}]"#]
        {
            out += &format!("{body}: {}\n", json(body.as_bytes(), &mut writer()).unwrap_err());
        }
        insta::assert_snapshot!(out);
    }
}
