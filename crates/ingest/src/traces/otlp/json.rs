//! An `ExportTraceServiceRequest` in JSON.

use super::protobuf;
use crate::error::DecodeError;
use crate::otlp::json::{KEY_VALUE, Kind, RESOURCE, SCOPE, Table, to_protobuf};
use crate::records::RecordWriter;

/// Appends a request in JSON.
pub fn json(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    protobuf(&to_protobuf(body, &REQUEST, "OTLP traces body")?, w)
}

static REQUEST: Table = Table(&[("resourceSpans", "resource_spans", 1, Kind::Messages(&RESOURCE_SPANS))]);
static RESOURCE_SPANS: Table = Table(&[
    ("resource", "resource", 1, Kind::Message(&RESOURCE)),
    ("scopeSpans", "scope_spans", 2, Kind::Messages(&SCOPE_SPANS)),
]);
static SCOPE_SPANS: Table =
    Table(&[("scope", "scope", 1, Kind::Message(&SCOPE)), ("spans", "spans", 2, Kind::Messages(&SPAN))]);
static SPAN: Table = Table(&[
    ("traceId", "trace_id", 1, Kind::TraceId),
    ("spanId", "span_id", 2, Kind::SpanId),
    ("traceState", "trace_state", 3, Kind::Text),
    ("parentSpanId", "parent_span_id", 4, Kind::SpanId),
    ("flags", "flags", 16, Kind::Fixed32),
    ("name", "name", 5, Kind::Text),
    ("kind", "kind", 6, Kind::Enum(&KINDS)),
    ("startTimeUnixNano", "start_time_unix_nano", 7, Kind::Fixed64),
    ("endTimeUnixNano", "end_time_unix_nano", 8, Kind::Fixed64),
    ("attributes", "attributes", 9, Kind::Messages(&KEY_VALUE)),
    ("droppedAttributesCount", "dropped_attributes_count", 10, Kind::Varint),
    ("events", "events", 11, Kind::Messages(&EVENT)),
    ("droppedEventsCount", "dropped_events_count", 12, Kind::Varint),
    ("links", "links", 13, Kind::Messages(&LINK)),
    ("droppedLinksCount", "dropped_links_count", 14, Kind::Varint),
    ("status", "status", 15, Kind::Message(&STATUS)),
]);
static EVENT: Table = Table(&[
    ("timeUnixNano", "time_unix_nano", 1, Kind::Fixed64),
    ("name", "name", 2, Kind::Text),
    ("attributes", "attributes", 3, Kind::Messages(&KEY_VALUE)),
    ("droppedAttributesCount", "dropped_attributes_count", 4, Kind::Varint),
]);
static LINK: Table = Table(&[
    ("traceId", "trace_id", 1, Kind::TraceId),
    ("spanId", "span_id", 2, Kind::SpanId),
    ("traceState", "trace_state", 3, Kind::Text),
    ("attributes", "attributes", 4, Kind::Messages(&KEY_VALUE)),
    ("droppedAttributesCount", "dropped_attributes_count", 5, Kind::Varint),
    ("flags", "flags", 6, Kind::Fixed32),
]);
static STATUS: Table =
    Table(&[("message", "message", 2, Kind::Text), ("code", "code", 3, Kind::Enum(&STATUS_CODES))]);
static KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
static STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

#[cfg(test)]
mod tests {
    use super::super::super::testing::{spans, writer};
    use super::*;

    const BODY: &str = r#"{"resourceSpans":[{
        "resource":{"attributes":[
            {"key":"service.name","value":{"stringValue":"shop"}},
            {"key":"host.name","value":{"stringValue":"h1"}},
            {"key":"empty","value":{"stringValue":""}},
            {"key":"process.command_line","value":{"stringValue":"a text that is longer than forty bytes, as some are"}},
            {"key":"process.pid","value":{"intValue":"42"}}]},
        "scopeSpans":[{
            "scope":{"name":"lib","version":"2","attributes":[{"key":"s","value":{"boolValue":false}}]},
            "spans":[
                {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00F067AA0BA902B7","parentSpanId":"00f067aa0ba902b6",
                 "traceState":"a=b","flags":257,"name":"GET /cart","kind":2,
                 "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":1700000000000001500,
                 "attributes":[
                    {"key":"http.status_code","value":{"intValue":500}},
                    {"key":"span:kind","value":{"stringValue":"mine"}},
                    {"key":"resource.x","value":{"doubleValue":0.5}},
                    {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"x"},{"intValue":1}]}}}],
                 "droppedAttributesCount":1,
                 "events":[{"timeUnixNano":"1700000000000000100","name":"exception","droppedAttributesCount":2,
                    "attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]},{"timeUnixNano":"1699999999999999999"}],
                 "droppedEventsCount":3,
                 "links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4737","spanId":"00f067aa0ba902b5","traceState":"c=d","flags":1,
                    "attributes":[{"key":"k","value":{"boolValue":true}}]}],
                 "droppedLinksCount":4,"status":{"code":"STATUS_CODE_ERROR","message":"bad"}},
                {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b8","name":"ends before it begins",
                 "kind":"SPAN_KIND_INTERNAL","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1600000000000000000"},
                {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","name":"has no id"},
                {"spanId":"00f067aa0ba902b8","name":"has no trace"},
                {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b9","name":"years away",
                 "startTimeUnixNano":"18446744073709551615"}]}]},
        {"scopeSpans":[{"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902c0","name":"nobody's"}]}]},
        {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":""}}]},
         "scopeSpans":[{"scope":{"attributes":[{"key":"a name of more than fifty bytes, which is the limit here","value":{}}]},
            "spans":[{"name":"refused with its scope"},{"name":"so is this"}]}]}]}"#;

    #[test]
    fn json_and_what_becomes_of_it() {
        let mut w = writer();
        json(BODY.as_bytes(), &mut w).unwrap();
        insta::assert_snapshot!(spans(w));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut out = String::new();
        let span =
            |fields: &str| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#);
        for body in [
            "[]".to_owned(),
            span(r#""traceId":"xyz""#),
            span(r#""kind":"SPAN_KIND_ODD""#),
            span(r#""startTimeUnixNano":"noon""#),
            span(r#""status":"bad""#),
        ] {
            out += &format!("{body}: {}\n", json(body.as_bytes(), &mut writer()).unwrap_err());
        }
        let nested =
            |n: usize| format!("{}{{}}{}", r#"{"arrayValue":{"values":["#.repeat(n), "]}}".repeat(n));
        for (what, depth) in [("attributes", 32), ("attributes", 33), ("events", 29), ("events", 30)] {
            let ids = r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b8""#;
            let list = format!(r#""attributes":[{{"key":"k","value":{}}}]"#, nested(depth));
            let body = match what {
                "events" => span(&format!(r#"{ids},"events":[{{{list}}}]"#)),
                _ => span(&format!("{ids},{list}")),
            };
            let mut w = writer();
            json(body.as_bytes(), &mut w).unwrap();
            out += &format!("{depth} lists in {what}: {} kept, {:?}\n", w.len(), w.outcome().refusal(0));
        }
        insta::assert_snapshot!(out);
    }
}
