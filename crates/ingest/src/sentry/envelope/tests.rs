use super::*;
use crate::records::{RecordLimits, RecordWriter, Signal};
use model::record::Tenant;

const NOW_NS: i64 = 1_795_262_400_000_000_000;

fn beside() -> Beside {
    let writer = |signal| {
        RecordWriter::new(Tenant::unnamed(), RecordLimits { signal, ..RecordLimits::default() }, NOW_NS)
    };
    Beside { spans: writer(Signal::Traces), logs: writer(Signal::Logs), service: "shop".to_owned() }
}

fn read(body: &str) -> Result<(Contents, Beside), DecodeError> {
    let mut beside = beside();
    let limits = SentryLimits {
        items_max: 10,
        item_bytes_max: 5000,
        attachment_bytes_max: 5,
        attachments_bytes_max: 8,
    };
    let contents = envelope(body.as_bytes(), EventId([7; 16]), NOW_NS, &limits, &mut beside)?;
    Ok((contents, beside))
}

fn item(kind: &str, payload: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"length\":{}}}\n{payload}\n", payload.len())
}

#[test]
fn items_of_every_type() {
    let mut body =
        "{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"dsn\":\"https://k@h/1\"}\r\n".to_owned();
    body += &item(
        "event",
        r#"{"timestamp":1795262399.5,"message":{"message":"hi %s, {} %d","params":["you",3,4]},"tags":[["a","b"],["empty",""]],"level":"fatal","user":{"id":5,"ip_address":"{{auto}}"},"threads":{"values":[{"id":1,"current":true,"stacktrace":{"frames":[{"function":"f","lineno":"7"}]}}]}}"#,
    );
    body += &item("attachment", "12345");
    body += &item("attachment", "too long");
    body += &item("attachment", "1234");
    body += "{\"type\":\"session\"}\n{\"sid\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"init\":true,\"errors\":2,\"did\":\"u\",\"attrs\":{\"release\":\"r\"}}\n";
    body += &item("session", "{}");
    body += &item("replay_video", "\u{0}\u{1}\n\n");
    body += &item(
        "client_report",
        r#"{"discarded_events":[{"reason":"a","category":"error","quantity":2},{"reason":"b","category":"session"}]}"#,
    );
    body += &item("event", "[1]");
    let (contents, _) = read(&body).unwrap();
    assert_eq!(contents.key.as_deref(), Some("k"));
    let [Item::Event(event), Item::Attachment { event: of, bytes, .. }, Item::Session { note, .. }] =
        contents.items.as_slice()
    else {
        panic!("{:?}", contents.items)
    };
    assert_eq!(event.id.to_string(), "9ec79c33ec9942ab8353589fcb2e04dc");
    assert_eq!((*of, bytes.as_slice(), contents.event_id), (event.id, &b"12345"[..], Some(event.id)));
    assert_eq!((event.message.as_str(), event.template.as_str()), ("hi you, 3 4", "hi %s, {} %d"));
    assert_eq!((event.time_ns, event.level.text()), (1_795_262_399_500_000_000, "fatal"));
    assert_eq!((event.user.key(), event.tags.len()), ("5", 1));
    assert_eq!(event.stack.as_ref().unwrap().frames[0].line, 7);
    assert_eq!((note.init, note.errors, note.environment.as_str()), (true, 2, "production"));
    assert_eq!(contents.unknown.into_iter().collect::<Vec<_>>(), [("replay_video".to_owned(), 1)]);
    assert_eq!(contents.discarded.iter().map(|d| d.quantity).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(
        contents.outcome.reasons,
        [
            "attachment: the length in bytes of the attachment is 8, over the limit of 5: raise issues.envelope.attachment_bytes_max to allow it",
            "attachment: the length in bytes of all attachments is 9, over the limit of 8: raise issues.envelope.attachments_bytes_max to allow it",
            "session: a session without a sid of 32 hexadecimal digits",
            "event: it must be an object",
        ]
    );
}

#[test]
fn clocks_that_go_wrong_are_set_right() {
    let at = |sent: &str, stamp: &str| {
        let body = format!(
            "{{\"sent_at\":\"{sent}\"}}\n{{\"type\":\"event\"}}\n{{\"timestamp\":\"{stamp}\",\"message\":\"m\"}}\n"
        );
        match &read(&body).unwrap().0.items[0] {
            Item::Event(e) => (e.time_ns - NOW_NS) / 1_000_000_000,
            other => panic!("{other:?}"),
        }
    };
    // Now is 2026-11-21T12:00:00Z.
    assert_eq!(at("2026-11-21T11:59:30Z", "2026-11-21T11:59:20Z"), -40, "half a minute is the way");
    assert_eq!(at("2026-11-21T09:00:00Z", "2026-11-21T08:59:50Z"), -10, "three hours are the clock");
    assert_eq!(at("2026-11-21T15:00:00Z", "2026-11-21T14:59:50Z"), -10);
    assert_eq!(at("2026-11-21T12:00:10Z", "2026-11-21T12:00:20Z"), 0, "never later than now");
}

#[test]
fn transactions_and_logs_go_beside() {
    let span = r#"{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","op":"http.server","status":"not_found"}"#;
    let transaction = format!(
        r#"{{"transaction":"/x","start_timestamp":1795262390,"timestamp":1795262391.5,"release":"r","contexts":{{"trace":{span}}},"spans":[{{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b8","op":"db.query","data":{{"n":1}}}},{{"span_id":"1"}}]}}"#
    );
    let log = r#"{"items":[{"timestamp":1795262390.25,"level":"warn","body":"b","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","attributes":{"sentry.release":{"value":"r","type":"string"},"n":{"value":1.5,"type":"double"}}}]}"#;
    let body = format!(
        "{{\"dsn\":\"https://k@h/12\"}}\n{}{}{}",
        item("transaction", &transaction),
        item("log", log),
        item("transaction", "{}")
    );
    let (contents, beside) = read(&body).unwrap();
    let spans = beside.spans.finish();
    assert_eq!((spans.batch.len(), spans.outcome.rejected), (2, 1), "{:?}", spans.outcome);
    let first = spans.batch.get(0);
    assert_eq!(spans.batch.labels(first.stream).get("service.name"), Some("shop"));
    let span = model::record::span::Span::of(spans.batch.labels(first.stream), &first.record);
    assert_eq!(
        (span.name, span.duration_ns, span.kind.text(), span.status.text()),
        ("/x", 1_500_000_000, "server", "error")
    );
    let item = format!(
        "{{}}\n{}",
        item(
            "span",
            r#"{"items":[{"name":"GET","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b9","start_timestamp":1795262390.5,"end_timestamp":1795262391,"status":"error","attributes":{"sentry.op":{"value":"http.client","type":"string"},"sentry.release":{"value":"r2","type":"string"},"n":{"value":3,"type":"integer"}}}]}"#
        )
    );
    let one = read(&item).unwrap().1.spans.finish().batch;
    let labels = one.labels(one.get(0).stream);
    let span = model::record::span::Span::of(labels, &one.get(0).record);
    assert_eq!((span.kind.text(), span.status.text(), span.duration_ns), ("client", "error", 500_000_000));
    assert_eq!((labels.get("service.version"), span.service()), (Some("r2"), "shop"));
    let logs = beside.logs.finish().batch;
    assert_eq!(logs.get(0).record.time_ns, 1_795_262_390_250_000_000);
    assert_eq!(logs.labels(logs.get(0).stream).get("service.version"), Some("r"));
    assert_eq!(contents.outcome.reasons, ["transaction: a transaction without contexts.trace"]);
}

#[test]
fn what_is_no_envelope_is_refused_whole() {
    for (body, why) in [
        (
            "",
            "envelope: byte 0: \"\" is not the head of an item: EOF while parsing a value at line 1 column 0",
        ),
        ("[]\n", "envelope: byte 0: \"[]\" is no object"),
        (
            "{}\n{\"type\":\"event\",\"length\":9}\n{}\n",
            "envelope: byte 31: an item of length 9, of which 3 bytes are there",
        ),
        (
            "{}\n{\"type\":\"event\",\"length\":1}\n{}\n",
            "envelope: byte 32: an item of length 1 does not end with a line break",
        ),
        (
            "{}\n{\"type\":\"event\",\"length\":-1}\n{}\n",
            "envelope: byte 32: an item of length -1, of which 3 bytes are there",
        ),
    ] {
        assert_eq!(read(body).unwrap_err().to_string(), why, "{body:?}");
    }
    let many = format!("{{}}\n{}", "{\"type\":\"x\"}\n\n".repeat(11));
    assert!(read(&many).unwrap_err().to_string().contains("issues.envelope.items_max"));
    assert!(matches!(
        store(b"[]", EventId([1; 16]), NOW_NS, &SentryLimits::default()),
        Err(DecodeError::Unreadable(_))
    ));
}
