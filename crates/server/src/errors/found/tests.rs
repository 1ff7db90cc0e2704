use super::*;
use model::record::{AttributesBuf, SpanId, Tenant, TraceId};

fn batch(labels: &[(&str, &str)], body: &str, attributes: &[(&str, &str)]) -> RecordBatch {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let stream = batch.stream(Labels::from_pairs(labels.iter().copied()).unwrap());
    let mut pairs = AttributesBuf::new();
    attributes.iter().for_each(|(n, v)| pairs.push(n, Value::String(v)));
    let record = Record {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        attributes: pairs.as_attributes(),
        ..Record::line(5, body)
    };
    batch.push(stream, &record);
    batch
}

fn only(found: Vec<Addressed>) -> (String, Event) {
    let Ok([(project, Item::Event(event))]) = <[Addressed; 1]>::try_from(found) else { panic!("one event") };
    (project, *event)
}

#[test]
fn traces_in_lines() {
    let body =
        "request failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'";
    let labels = [("service.name", "shop"), ("host.name", "h1"), ("deployment.environment.name", "prod")];
    let found = batch(&labels, body, &[("service.version", "1.2.0"), ("logger", "app.db")]);
    let (project, event) = only(in_logs(&found));
    assert_eq!(project, "shop");
    assert_eq!(
        (event.origin, event.platform.as_str(), event.message.as_str()),
        (Origin::Text, "python", "request failed")
    );
    assert_eq!(
        (event.release.as_str(), event.environment.as_str(), event.server_name.as_str()),
        ("1.2.0", "prod", "h1")
    );
    assert_eq!((event.logger.as_str(), event.trace_id), ("app.db", TraceId([1; 16])));
    assert_eq!(event.exceptions[0].kind, "KeyError");
    let again = only(in_logs(&found)).1;
    assert_eq!(again.id, event.id, "what is sent twice has one id");
}

#[test]
fn exceptions_in_attributes() {
    let attributes = [
        ("exception.type", "com.acme.OutOfStock"),
        ("exception.message", "no 7 left"),
        ("exception.stacktrace", "com.acme.OutOfStock: no 7 left\n\tat com.acme.Shop.place(Shop.java:3)\n"),
    ];
    let (project, event) = only(in_logs(&batch(&[("app", "cart")], "order failed", &attributes)));
    assert_eq!(
        (project.as_str(), event.origin, event.message.as_str()),
        ("cart", Origin::Log, "order failed")
    );
    let e = &event.exceptions[0];
    assert_eq!(
        (e.module.as_str(), e.kind.as_str(), e.value.as_str()),
        ("com.acme", "OutOfStock", "no 7 left")
    );
    assert_eq!(e.stack.frames[0].function, "place");
}

#[test]
fn lines_without_errors() {
    for (body, attributes) in [
        ("all is well", &[][..]),
        ("two\nlines", &[]),
        ("error", &[("error", "timeout"), ("stack", "edge")]),
        ("x", &[("exception", "none")]),
    ] {
        assert!(in_logs(&batch(&[("app", "a")], body, attributes)).is_empty(), "{body}");
    }
}
