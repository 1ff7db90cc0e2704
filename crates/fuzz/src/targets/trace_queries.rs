//! Queries over traces.

use model::Labels;
use model::record::span::{name, stored_name};
use model::record::{AttributesBuf, Record, RecordBatch, SpanId, Tenant, TraceId, Value};
use std::sync::LazyLock;
use traceql::{Body, Control, Engine, EngineOptions, MemorySource, MetricsRange, SearchRange};

/// What parses must print, and parse again to the same; and then it is evaluated over a few small traces.
pub fn traceql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = traceql::parse_field(text);
    let _ = traceql::parse_unfinished_filter(text);
    let _ = traceql::parse_duration(text);
    let query = match traceql::parse(text) {
        Ok(query) => query,
        Err(e) => {
            assert!(!e.caret(text).is_empty());
            return;
        }
    };
    for form in [query.to_string(), traceql::pretty(&query)] {
        let again = traceql::parse(&form).unwrap_or_else(|e| panic!("{text:?} prints as {form:?}: {e}"));
        // Floats that are no numbers cannot be written, so trees can be compared.
        assert_eq!(again, query, "{text:?} prints as {form:?}");
    }
    let engine = Engine::new(EngineOptions { memory_max: 16 << 20, ..EngineOptions::default() });
    let control = Control::new();
    match query.body {
        Body::Spans(_) => {
            let range = SearchRange { start_ns: 0, end_ns: 1000, limit: 10, spans_per_set: 3 };
            let output =
                engine.search(&*SPANS, &query, &range, &control).expect("small traces fail no query");
            for trace in output.traces {
                assert!(trace.sets.iter().all(|s| s.matched > 0 && s.spans.len() <= 3));
            }
        }
        Body::Metrics(_) => {
            let steps = MetricsRange::Steps { start_ns: 1, end_ns: 99, step_ns: 10 };
            for range in [MetricsRange::Instant { start_ns: 0, end_ns: 100 }, steps] {
                let _ = engine.metrics(&*SPANS, &query, &range, 5, &control);
            }
        }
    }
}

static SPANS: LazyLock<MemorySource> = LazyLock::new(|| {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let streams = ["a", "b"]
        .map(|s| batch.stream(Labels::from_pairs([(name::SERVICE, s), ("a", "b")]).expect("good labels")));
    let mut inner = AttributesBuf::new();
    inner.push("a", Value::Int(1));
    let mut event = AttributesBuf::new();
    event.push(name::EVENT_NAME, Value::String("e"));
    event.push(name::EVENT_TIME, Value::Int(3));
    event.push(name::ATTRIBUTES, Value::Map(inner.as_attributes()));
    let mut link = AttributesBuf::new();
    link.push(name::LINK_TRACE_ID, Value::Bytes(&[1; 16]));
    link.push(name::LINK_SPAN_ID, Value::Bytes(&[2; 8]));
    let (mut events, mut links) = (AttributesBuf::new(), AttributesBuf::new());
    events.push_item(Value::Map(event.as_attributes()));
    events.push_item(Value::Int(5));
    links.push_item(Value::Map(link.as_attributes()));
    // Circles, spans of one id and spans without parents are among them.
    for i in 0..24u8 {
        let mut attributes = AttributesBuf::new();
        attributes.push(name::DURATION, Value::Int(i64::from(i) * 7));
        attributes.push(name::KIND, Value::Int(i64::from(i % 6)));
        attributes.push(name::STATUS, Value::Int(i64::from(i % 3)));
        attributes.push("a", if i % 2 == 0 { Value::Int(i64::from(i)) } else { Value::String("x") });
        attributes.push(&stored_name("span:odd"), Value::Float(f64::from(i) / 3.0));
        attributes.push("b", Value::List(events.as_items()));
        attributes.push("c", Value::Bool(i % 2 == 0));
        if i % 5 > 0 {
            attributes.push(name::PARENT_ID, Value::Bytes(&[i * 5 % 11; 8]));
        }
        if i % 3 == 0 {
            attributes.push(name::EVENTS, Value::List(events.as_items()));
            attributes.push(name::LINKS, Value::List(links.as_items()));
        }
        let record = Record {
            trace_id: TraceId([1 + i % 2; 16]),
            span_id: SpanId([i % 11; 8]),
            attributes: attributes.as_attributes(),
            ..Record::line(i64::from(i) * 4, "name")
        };
        batch.push(streams[usize::from(i % 2)], &record);
    }
    MemorySource::new(batch).with_block_rows(5)
});

pub fn traceql_seeds() -> Vec<Vec<u8>> {
    [
        r#"{ .a = 1 && span."b c" != "x" || resource.a =~ `b.*` && !(.c) } >> { status = error } // end"#,
        r#"({ name = "x" } &> { kind = server }) !~ { duration > 1ms } | count() > 2 | by(.a) | coalesce()"#,
        r#"{ event:name = "e" && event.a = 1 && link:spanID != nil && parent.a = nil && nestedSetParent < 0 }"#,
        r#"{ -.a ^ 2 * 3 % (4 - .b) / 1.5 > minInt } | select(trace:id, span:childCount) with (most_recent=true)"#,
        r#"({ } | avg(.a) - max(duration)) > 1 | { traceDuration > 5ns && rootName !~ "y" }"#,
        r#"({ } | max(.a)) = ({ .b } | count())"#,
        r#"100 * ({ } | rate() by (name, .a)) / ({ } | count_over_time() > 1 | topk(2)) - 1 | bottomk(1) != -5"#,
        r#"{ } < { } | quantile_over_time(duration, 0.5, .99) by (event:name) with (exemplars=5, extrapolate=true)"#,
        r#"{ } | histogram_over_time(.a) by (status)"#,
        r#"{ a.b } | compare({ status = error && trace:duration > 1ns }, 3, 1, 50)"#,
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}
