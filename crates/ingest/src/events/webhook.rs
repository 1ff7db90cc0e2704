//! Watchfire's own form: an object, a list of them, or one to a line. `{"title": "…"}` is enough.

use super::tree::{object, scalar, time_ns};
use super::writer::{severity, trace_parent};
use super::{EventWriter, Tree, duration_ns, each_value};
use crate::error::{DecodeError, quote};
use crate::records::{RecordWriter, Refused};
use model::record::event::{EventDraft, kind};
use model::record::{SpanId, TraceId};
use serde_json::Value as Json;

/// Appends the events of a body. Of an event that names no source, `source` is it.
pub fn decode(body: &[u8], source: &str, w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    each_value(body, "events", &mut |number, value| {
        let done = object(value, "it").and_then(|tree| one(tree, source, &mut events));
        events.settle(number, done)
    })
}

/// What a member means.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Time,
    End,
    Duration,
    Kind,
    Title,
    Text,
    Severity,
    Source,
    Subject,
    Link,
    Id,
    Result,
    Trace,
    Span,
    TraceParent,
    Attributes,
}

fn part(name: &str) -> Option<Part> {
    Some(match name {
        "time" | "timestamp" | "@timestamp" | "date" | "start" | "startTime" | "start_time" => Part::Time,
        "end" | "endTime" | "end_time" | "timeEnd" => Part::End,
        "duration" => Part::Duration,
        "kind" | "type" => Part::Kind,
        "title" | "summary" => Part::Title,
        "text" | "description" | "message" | "body" => Part::Text,
        "severity" | "level" => Part::Severity,
        "source" => Part::Source,
        "subject" => Part::Subject,
        "link" | "url" | "href" => Part::Link,
        "id" => Part::Id,
        "result" | "status" | "outcome" => Part::Result,
        "trace_id" | "traceId" | "traceID" => Part::Trace,
        "span_id" | "spanId" | "spanID" => Part::Span,
        "traceparent" => Part::TraceParent,
        "attributes" | "labels" | "fields" => Part::Attributes,
        _ => return None,
    })
}

fn one(tree: Tree<'_>, source: &str, events: &mut EventWriter<'_>) -> Result<(), Refused> {
    let mut draft = EventDraft { source: source.to_owned(), ..EventDraft::default() };
    let mut end_ns = None;
    for (name, value) in tree.0.iter().filter(|(_, v)| !v.is_null()) {
        match part(name) {
            Some(Part::Attributes) if value.is_object() => events.attributes(value, &mut draft)?,
            Some(Part::Time) => draft.time_ns = instant(name, value)?,
            Some(Part::End) => end_ns = Some(instant(name, value)?),
            Some(Part::Duration) => {
                let wrong = || unfit(name, value, "a number of seconds or text as 1m30s");
                draft.duration_ns = Some(duration_ns(value).ok_or_else(wrong)?);
            }
            Some(Part::Severity) => draft.severity = severity(value),
            Some(Part::Trace) => {
                let wrong = || unfit(name, value, "32 hexadecimal digits");
                draft.trace_id = TraceId::from_hex(&scalar(value)).ok_or_else(wrong)?;
            }
            Some(Part::Span) => {
                let wrong = || unfit(name, value, "16 hexadecimal digits");
                draft.span_id = SpanId::from_hex(&scalar(value)).ok_or_else(wrong)?;
            }
            Some(Part::TraceParent) => {
                (draft.trace_id, draft.span_id) = trace_parent(&scalar(value)).unwrap_or_default();
            }
            Some(part) if !value.is_object() && !value.is_array() => {
                *text_of(part, &mut draft) = scalar(value);
            }
            _ => events.attribute(name, value, &mut draft)?,
        }
    }
    if draft.title.is_empty() {
        // A message alone is what there is to say.
        draft.title = std::mem::take(&mut draft.text);
    }
    if draft.kind.is_empty() {
        draft.kind = kind::OTHER.to_owned();
    }
    match end_ns {
        Some(end) if draft.time_ns == 0 => draft.time_ns = end.saturating_sub(draft.duration_ns.unwrap_or(0)),
        Some(end) if end >= draft.time_ns => draft.duration_ns = Some(end.saturating_sub(draft.time_ns)),
        Some(_) => return Err(Refused::Record("its end is before its time".to_owned())),
        None => {}
    }
    events.write(draft)
}

fn text_of(part: Part, draft: &mut EventDraft) -> &mut String {
    match part {
        Part::Kind => &mut draft.kind,
        Part::Title => &mut draft.title,
        Part::Source => &mut draft.source,
        Part::Subject => &mut draft.subject,
        Part::Link => &mut draft.link,
        Part::Id => &mut draft.id,
        Part::Result => &mut draft.result,
        _ => &mut draft.text,
    }
}

fn unfit(name: &str, value: &Json, wanted: &str) -> Refused {
    Refused::Record(format!("{name} is {}, where {wanted} is wanted", quote(value.to_string().as_bytes())))
}

fn instant(name: &str, value: &Json) -> Result<i64, Refused> {
    time_ns(value).ok_or_else(|| unfit(name, value, "a time (RFC 3339, or Unix seconds or finer)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::shown;

    #[test]
    fn objects_lists_and_lines() {
        let bodies = [
            r#"{"title":"hello"}"#,
            r#"[{"title":"cart 1.4.2","kind":"deploy","service":"cart","version":"1.4.2","environment":"prod","time":1795262000,"duration":"1m30s","status":"success","link":"https://ci/7","id":"7","source":"ci"},{"message":"only that","level":"warning","n":3,"tags":["a","b"],"nested":{"x":{"y":true}},"list":[{"a":1}]}]"#,
            "{\"title\":\"a\"}\n{\"text\":\"no title\",\"attributes\":{\"kind\":\"mine\",\"event:id\":\"x\"}}\n",
            r#"{"title":"backup","kind":"cron","time":"2026-11-21T11:00:00Z","end":"2026-11-21T11:00:05Z","result":"FAILURE","host":"db1","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#,
        ];
        let all: Vec<String> = bodies.iter().map(|b| shown(|w| decode(b.as_bytes(), "webhook", w))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let bodies = [
            "",
            "{",
            "7",
            "[{},{\"title\":\"fine\"},[]]",
            r#"{"title":"x","time":"yesterday"}"#,
            r#"{"title":"x","duration":"long"}"#,
            r#"{"title":"x","time":20,"end":10}"#,
            r#"{"title":"x","trace_id":"12"}"#,
        ];
        let all: Vec<String> = bodies
            .iter()
            .map(|b| format!("{b}\n  {}", shown(|w| decode(b.as_bytes(), "webhook", w))))
            .collect();
        insta::assert_snapshot!(all.join("\n"));
        let kind = format!(r#"{{"title":"x","kind":"{}"}}"#, "k".repeat(300));
        assert!(shown(|w| decode(kind.as_bytes(), "", w)).contains("kind has 300 bytes"));
        let long = vec![b' '; super::super::BODY_BYTES_MAX + 1];
        assert!(shown(|w| decode(&long, "", w)).contains("no setting: send fewer"), "too long");
    }
}
