//! What senders of errors send, stack traces in text, and the journal of issues.

use errors::{Bounds, Event, EventId, Item, Note, Pack, group, note_of, text};
use ingest::records::{RecordLimits, RecordWriter, Signal};
use ingest::sentry::{Beside, Contents, SentryLimits, envelope, store};
use issues::decode_any;
use model::record::Tenant;

const NOW_NS: i64 = 1_795_262_400_000_000_000;

fn limits() -> SentryLimits {
    SentryLimits {
        items_max: 100,
        item_bytes_max: 64 << 10,
        attachment_bytes_max: 1 << 10,
        attachments_bytes_max: 4 << 10,
    }
}

/// What was read becomes records, and from these what is counted can be read again.
fn packed(contents: Contents) {
    let mut pack = Pack::new(Tenant::unnamed(), 3, NOW_NS);
    for item in contents.items {
        if let Item::Event(event) = &item {
            let mut bounded = (**event).clone();
            Bounds::default().apply(&mut bounded);
            assert!(
                serde_json::to_string(&bounded).is_ok_and(|t| t.len() <= Bounds::default().event_bytes_max)
            );
            assert_eq!(group("p", &bounded), group("p", &bounded));
        }
        pack.add("p", item, &Bounds::default());
    }
    let told: Vec<(u64, Note)> = pack.notes.iter().map(|(_, n)| (3, n.clone())).collect();
    let read: Vec<(u64, Note)> = pack
        .batch
        .iter()
        .filter_map(|r| note_of("default", pack.batch.labels(r.stream), &r.record))
        .collect();
    assert_eq!(told.len(), read.len());
}

pub fn sentry_envelope(data: &[u8]) {
    let writer = |signal: Signal| {
        let limits = RecordLimits {
            signal,
            content_bytes_max: 1 << 20,
            records_per_body_max: 1000,
            ..RecordLimits::default()
        };
        RecordWriter::new(Tenant::unnamed(), limits, NOW_NS)
    };
    let mut beside =
        Beside { spans: writer(Signal::Traces), logs: writer(Signal::Logs), service: "s".to_owned() };
    if let Ok(contents) = envelope(data, EventId([1; 16]), NOW_NS, &limits(), &mut beside) {
        packed(contents);
    }
}

pub fn sentry_event(data: &[u8]) {
    if let Ok(contents) = store(data, EventId([1; 16]), NOW_NS, &limits()) {
        packed(contents);
    }
}

/// What is found is within bounds, and what the filter does not let through holds nothing.
pub fn stack_trace(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let passes = text::may_hold(&text);
    if let Some(trace) = text::find(&text) {
        let frames: usize = trace.exceptions.iter().map(|e| e.stack.frames.len()).sum();
        assert!(frames <= text.len() && trace.exceptions.len() <= text.len());
        let mut event = Event::default();
        trace.into_event(&mut event);
        group("p", &event);
        assert!(passes || text.len() > text::BYTES_MAX || !text.contains('\n'), "the filter stops a trace");
    }
}

/// A record of the journal of issues.
pub fn issues_record(data: &[u8]) {
    decode_any(data);
}

const EVENT: &str = r#"{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","timestamp":1795256430.5,"platform":"python","level":"error","logger":"a","release":"r@1.0","environment":"e","user":{"id":5,"email":"a@b.c"},"tags":[["a","b"],{"key":"c","value":"d"}],"fingerprint":["{{ default }}","x{{ transaction }}"],"logentry":{"message":"hi %s","params":["you"]},"contexts":{"trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}},"exception":{"values":[{"type":"E","value":"v","module":"m","mechanism":{"type":"g","handled":false},"stacktrace":{"frames":[{"function":"f","filename":"a.py","abs_path":"/a.py","lineno":3,"colno":4,"in_app":true,"context_line":"x","pre_context":["a"],"post_context":["b"],"vars":{"a":[1]}}]}}]},"threads":{"values":[{"id":1,"crashed":true,"stacktrace":{"frames":[]}}]},"breadcrumbs":{"values":[{"timestamp":1,"message":"m","data":{"a":1}}]},"request":{"url":"u","method":"GET","headers":[["a","b"]],"query_string":"a=b"},"modules":{"a":"1"},"extra":{"x":[{}]},"sdk":{"name":"s","version":"1"}}"#;

pub fn sentry_event_seeds() -> Vec<Vec<u8>> {
    vec![
        EVENT.as_bytes().to_vec(),
        br#"{"message":"m"}"#.to_vec(),
        br#"{"exception":[{"type":"E"}],"stacktrace":{"frames":[{}]}}"#.to_vec(),
    ]
}

pub fn sentry_envelope_seeds() -> Vec<Vec<u8>> {
    let items = [
        ("event", EVENT),
        ("attachment", "bytes"),
        (
            "transaction",
            r#"{"transaction":"t","start_timestamp":1795256430,"timestamp":1795256431,"contexts":{"trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","op":"http.server","status":"ok"}},"spans":[{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b8","data":{"a":1}}]}"#,
        ),
        (
            "session",
            r#"{"sid":"9ec79c33ec9942ab8353589fcb2e04dc","init":true,"status":"crashed","errors":1,"attrs":{"release":"r"}}"#,
        ),
        ("sessions", r#"{"aggregates":[{"started":1795256430,"exited":3}],"attrs":{"release":"r"}}"#),
        ("client_report", r#"{"discarded_events":[{"reason":"r","category":"c","quantity":2}]}"#),
        (
            "log",
            r#"{"items":[{"timestamp":1795256430,"body":"b","level":"info","attributes":{"a":{"value":1,"type":"integer"}}}]}"#,
        ),
        (
            "feedback",
            r#"{"contexts":{"feedback":{"message":"m","associated_event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}}}"#,
        ),
        ("check_in", r#"{"check_in_id":"9ec79c33ec9942ab8353589fcb2e04dc","status":"ok"}"#),
        (
            "span",
            r#"{"items":[{"name":"GET","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b9","start_timestamp":1795262390.5,"end_timestamp":1795262391,"status":"error","attributes":{"sentry.op":{"value":"http.client"},"n":{"value":[3]}}}]}"#,
        ),
        ("other", "x"),
    ];
    let mut out = br#"{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","dsn":"https://k@h/1","sent_at":"2026-11-21T10:20:30Z"}"#.to_vec();
    out.push(b'\n');
    for (kind, payload) in items {
        out.extend(format!("{{\"type\":\"{kind}\",\"length\":{}}}\n{payload}\n", payload.len()).into_bytes());
    }
    vec![out, b"{}\n{\"type\":\"event\"}\n{\"message\":\"m\"}".to_vec()]
}

pub fn stack_trace_seeds() -> Vec<Vec<u8>> {
    [
        "x\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 2, in h\nb.E: t\n",
        "Exception in thread \"main\" a.B: c\n\tat a.B.c(B.java:1)\n\tSuppressed: d.E: f\n\t\tat d.E.f(E.java:2)\nCaused by: g.H: i\n\tat g.H.i(H.java:3)\n\t... 1 more\n",
        "TypeError: a\n    at b (/c.js:1:2)\n    at async /d.js:3:4 {\n  [cause]: Error: e\n      at f (g.js:5:6)\n}\n",
        "System.A: b\n ---> System.C: d\n   at E.F(String g) in /h.cs:line 1\n   --- End of inner exception stack trace ---\n   at I.J()\n",
        "thread 'main' panicked at src/a.rs:1:2:\nb\nstack backtrace:\n   0: a::b\n             at src/a.rs:1:2\n",
        "Error: a\n\nCaused by:\n    0: b\n    1: c\n\nStack backtrace:\n   0: d\n",
        "panic: a\n\ngoroutine 1 [running]:\nmain.b(0x1)\n\t/c.go:1 +0x1\ncreated by d.e in goroutine 2\n\t/f.go:3\n",
        r#"{"stack":"E: x\n    at a (/b.js:1:2)"}"#,
    ]
    .map(|s| s.as_bytes().to_vec())
    .into()
}

pub fn issues_record_seeds() -> Vec<Vec<u8>> {
    [
        "\u{1}\"snapshot\"",
        "\u{1}{\"mark\":{\"watermark\":7,\"counted\":[8],\"floor_ms\":5}}",
        "\u{1}{\"issue\":{\"id\":\"00000000000000ff\",\"tenant\":\"t\",\"project\":\"p\",\"groups\":[\"00000000000000ff\"],\"life\":{\"status\":\"ignored\",\"until\":{\"events\":3}},\"activity\":[{\"at_ms\":1,\"what\":\"created\"},{\"at_ms\":2,\"by\":\"b\",\"what\":\"commented\",\"text\":\"x\"}]}}",
        "\u{1}{\"group\":{\"hash\":\"00000000000000ff\",\"level\":17,\"tally\":{\"count\":2,\"users\":[1,2],\"releases\":[{\"name\":\"r\",\"count\":2}],\"hours\":[[1,2]]}}}",
        "\u{1}{\"sessions\":{\"key\":{\"project\":\"p\"},\"at\":5,\"hour\":{\"started\":3,\"users\":[1]}}}",
        "\u{1}{\"acted\":{\"issues\":[],\"gone\":[\"00000000000000ff\"]}}",
    ]
    .map(|s| s.as_bytes().to_vec())
    .into()
}
