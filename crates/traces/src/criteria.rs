//! Which spans are looked for.

use model::record::Value;
use model::record::span::{Span, SpanKind, SpanStatus};
use std::borrow::Cow;

/// Conditions on one span, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Criteria {
    /// Its name.
    pub name: Option<String>,
    /// What it is to others.
    pub kind: Option<SpanKind>,
    /// Shortest and longest duration, nanoseconds.
    pub duration_ns: (Option<i64>, Option<i64>),
    /// Attributes of span, resource, scope or of an event, by name and the text of the value; also `error`, which is true
    /// of spans that ended with one, and the names Jaeger has for what OpenTelemetry keeps elsewhere.
    pub tags: Vec<(String, String)>,
}

impl Criteria {
    /// Whether a span meets them.
    pub fn matches(&self, span: &Span<'_>) -> bool {
        self.name.as_deref().is_none_or(|n| n == span.name)
            && self.kind.is_none_or(|k| k == span.kind)
            && self.duration_ns.0.is_none_or(|min| span.duration_ns >= min)
            && self.duration_ns.1.is_none_or(|max| span.duration_ns <= max)
            && self.tags.iter().all(|(key, value)| has_tag(span, key, value))
    }
}

fn has_tag(span: &Span<'_>, key: &str, wanted: &str) -> bool {
    let is = |value: Value<'_>| value_text(value) == wanted;
    if said_elsewhere(span, key).is_some_and(|text| text == wanted) {
        return true;
    }
    span.attributes().any(|(n, v)| n == key && is(v))
        || span.resource().any(|(n, v)| n == key && is(v))
        || span.scope().any(|(n, v)| n == key && is(v))
        || span.events().any(|e| {
            (key == "event" && e.name == wanted) || e.attributes.iter().any(|(n, v)| n == key && is(v))
        })
}

/// What Jaeger and Zipkin call tags and OpenTelemetry does not.
fn said_elsewhere<'a>(span: &Span<'a>, key: &str) -> Option<&'a str> {
    match key {
        "error" => Some(if span.status == SpanStatus::Error { "true" } else { "false" }),
        "span.kind" => Some(span.kind.text()),
        "otel.status_code" => Some(match span.status {
            SpanStatus::Unset => "UNSET",
            SpanStatus::Ok => "OK",
            SpanStatus::Error => "ERROR",
        }),
        "otel.status_description" => Some(span.status_message),
        "otel.scope.name" | "otel.library.name" => Some(span.scope_name),
        "otel.scope.version" | "otel.library.version" => Some(span.scope_version),
        "w3c.tracestate" => Some(span.trace_state),
        _ => None,
    }
}

/// A value as people type it. Lists and maps are as they are shown.
pub fn value_text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::String(s) => Cow::Borrowed(s),
        Value::Bool(b) => Cow::Borrowed(if b { "true" } else { "false" }),
        Value::Int(i) => Cow::Owned(i.to_string()),
        Value::Float(x) => Cow::Owned(x.to_string()),
        Value::Bytes(b) => Cow::Owned(b.iter().map(|b| format!("{b:02x}")).collect()),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;
    use model::record::span::name;
    use model::record::{AttributesBuf, Record};

    #[test]
    fn conditions() {
        let labels = Labels::from_pairs([(name::SERVICE, "cart"), ("host.name", "a")]).unwrap();
        let mut own = AttributesBuf::new();
        own.push("http.status_code", Value::Int(500));
        own.push(name::DURATION, Value::Int(20));
        own.push(name::STATUS, Value::Int(2));
        let record = Record { attributes: own.as_attributes(), ..Record::line(100, "GET /") };
        let span = Span::of(&labels, &record);
        let tags = |pairs: &[(&str, &str)]| Criteria {
            tags: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..Criteria::default()
        };
        for (criteria, holds) in [
            (Criteria::default(), true),
            (tags(&[("http.status_code", "500"), ("error", "true"), ("host.name", "a")]), true),
            (tags(&[("http.status_code", "50")]), false),
            (tags(&[("span:duration", "20")]), false),
            (Criteria { name: Some("GET".to_owned()), ..Criteria::default() }, false),
            (Criteria { duration_ns: (Some(20), Some(20)), ..Criteria::default() }, true),
            (Criteria { duration_ns: (Some(21), None), ..Criteria::default() }, false),
            (Criteria { kind: Some(SpanKind::Server), ..Criteria::default() }, false),
        ] {
            assert_eq!(criteria.matches(&span), holds, "{criteria:?}");
        }
    }
}
