//! An `ExportLogsServiceRequest` in JSON.

use super::protobuf;
use crate::error::DecodeError;
use crate::otlp::json::{ANY_VALUE, KEY_VALUE, Kind, RESOURCE, SCOPE, Table, to_protobuf};
use crate::records::RecordWriter;

/// Appends a request in JSON.
pub fn json(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    protobuf(&to_protobuf(body, &REQUEST, "OTLP logs body")?, w)
}

static REQUEST: Table = Table(&[("resourceLogs", "resource_logs", 1, Kind::Messages(&RESOURCE_LOGS))]);
static RESOURCE_LOGS: Table = Table(&[
    ("resource", "resource", 1, Kind::Message(&RESOURCE)),
    ("scopeLogs", "scope_logs", 2, Kind::Messages(&SCOPE_LOGS)),
]);
static SCOPE_LOGS: Table = Table(&[
    ("scope", "scope", 1, Kind::Message(&SCOPE)),
    ("logRecords", "log_records", 2, Kind::Messages(&LOG_RECORD)),
]);
static LOG_RECORD: Table = Table(&[
    ("timeUnixNano", "time_unix_nano", 1, Kind::Fixed64),
    ("observedTimeUnixNano", "observed_time_unix_nano", 11, Kind::Fixed64),
    ("severityNumber", "severity_number", 2, Kind::Varint),
    ("severityText", "severity_text", 3, Kind::Text),
    ("body", "body", 5, Kind::Message(&ANY_VALUE)),
    ("attributes", "attributes", 6, Kind::Messages(&KEY_VALUE)),
    ("droppedAttributesCount", "dropped_attributes_count", 7, Kind::Varint),
    ("flags", "flags", 8, Kind::Fixed32),
    ("traceId", "trace_id", 9, Kind::TraceId),
    ("spanId", "span_id", 10, Kind::SpanId),
    ("eventName", "event_name", 12, Kind::Text),
]);
#[cfg(test)]
mod tests {
    use super::super::super::testing::{records, writer};
    use super::*;
    use crate::otlp::Partial;
    use crate::records::Signal;

    const BODY: &str = r#"{"resourceLogs":[{
        "resource":{"attributes":[
            {"key":"service.name","value":{"stringValue":"shop"}},
            {"key":"k8s.pod.name","value":{"stringValue":"shop-1"}},
            {"key":"service.version","value":{"stringValue":"1.2"}}]},
        "scopeLogs":[{
            "scope":{"name":"lib","version":"2","attributes":[{"key":"s","value":{"boolValue":false}}]},
            "logRecords":[
                {"timeUnixNano":"1795256430000000005","observedTimeUnixNano":1795256431000000000,"severityNumber":17,
                 "severityText":"Error","body":{"stringValue":"hello"},"flags":1,"eventName":"e","droppedAttributesCount":2,
                 "traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"0102030405060708","unknown":{"a":[1]},
                 "attributes":[
                    {"key":"i","value":{"intValue":"-5"}},{"key":"z","value":{"intValue":0}},
                    {"key":"d","value":{"doubleValue":1.5}},{"key":"n","value":{}},
                    {"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x"},{"intValue":1}]}}},
                    {"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AQI="}}]}}}]},
                {"observed_time_unix_nano":"1795256432000000000","severity_text":"warn",
                 "body":{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":"structured"}}]}}},
                {"body":{"stringValue":"bare"}},
                {"time_unix_nano":"18446744073709551615"}]}]},
        {"scopeLogs":[{"logRecords":[{"body":{"stringValue":"nobody's"}}]}]}]}"#;

    #[test]
    fn json_and_what_becomes_of_it() {
        let mut w = writer();
        json(BODY.as_bytes(), &mut w).unwrap();
        let outcome = w.outcome().clone();
        let answer = Partial::of_records(Signal::Logs, &outcome, 4);
        insta::assert_snapshot!(format!("{}{}", records(w), answer.json()));
        assert_eq!(Partial::of_records(Signal::Logs, &Default::default(), 3).protobuf(), b"");
        let bytes = answer.protobuf();
        assert_eq!(bytes[..4], [0x0a, bytes.len() as u8 - 2, 8, 1]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut out = String::new();
        for body in [
            "",
            "[]",
            r#"{"resourceLogs":{}}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"noon"}]}]}]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":-1}]}]}]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"text"}]}]}]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"bytesValue":"?"}}]}]}]}"#,
        ] {
            out += &format!("{body}: {}\n", json(body.as_bytes(), &mut writer()).unwrap_err());
        }
        let deep = |n: usize| {
            let value = format!("{}{{}}{}", r#"{"arrayValue":{"values":["#.repeat(n), "]}}".repeat(n));
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}"#)
        };
        for depth in [32, 33, 60] {
            let mut w = writer();
            match json(deep(depth).as_bytes(), &mut w) {
                Ok(()) => out += &format!("{depth} lists: {} kept, {:?}\n", w.len(), w.outcome().refusal(0)),
                Err(e) => out += &format!("{depth} lists: {e}\n"),
            }
        }
        insta::assert_snapshot!(out);
    }
}
