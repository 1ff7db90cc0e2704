//! Queries over spans in memory.

use criterion::{Criterion, criterion_group, criterion_main};
use model::Labels;
use model::record::span::name;
use model::record::{AttributesBuf, Record, RecordBatch, SpanId, Tenant, TraceId, Value};
use std::hint::black_box;
use traceql::{Control, Engine, MemorySource, MetricsRange, SearchRange, parse};

const SECOND: i64 = 1_000_000_000;

/// Traces of so many spans each: a tree in which each span has four children.
fn source(traces: u64, spans: u64) -> MemorySource {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let services = ["shop", "cart", "db", "mail"];
    let streams = services.map(|s| batch.stream(Labels::from_pairs([(name::SERVICE, s)]).unwrap()));
    let mut attributes = AttributesBuf::new();
    for trace in 0..traces {
        for i in 0..spans {
            attributes.clear();
            attributes.push(name::DURATION, Value::Int((i as i64 * 7919) % SECOND));
            attributes.push(name::KIND, Value::Int(2 + i as i64 % 2));
            attributes.push(name::STATUS, Value::Int(if i % 50 == 49 { 2 } else { 0 }));
            if i > 0 {
                attributes.push(name::PARENT_ID, Value::Bytes(&((i - 1) / 4 + 1).to_be_bytes()));
            }
            attributes.push("http.status_code", Value::Int(200 + (i as i64 % 4) * 100));
            let record = Record {
                trace_id: TraceId(u128::from(trace + 1).to_be_bytes()),
                span_id: SpanId((i + 1).to_be_bytes()),
                attributes: attributes.as_attributes(),
                ..Record::line(trace as i64 * SECOND + i as i64, "GET /")
            };
            batch.push(streams[i as usize % 4], &record);
        }
    }
    MemorySource::new(batch)
}

fn queries(c: &mut Criterion) {
    let text = r#"{ resource.service.name = "shop" && span.http.status_code >= 500 } >> { status = error } | count() > 2"#;
    c.bench_function("parse", |b| b.iter(|| parse(black_box(text)).unwrap()));

    let engine = Engine::default();
    let control = Control::new();
    let range = SearchRange { start_ns: 0, end_ns: i64::MAX, limit: 20, spans_per_set: 3 };
    let large = source(1, 100_000);
    for text in ["{ kind = server } >> { status = error }", "{ } | by(resource.service.name) | count() > 5"] {
        let query = parse(text).unwrap();
        c.bench_function(&format!("100000 spans of one trace: {text}"), |b| {
            b.iter(|| assert_eq!(engine.search(&large, &query, &range, &control).unwrap().traces.len(), 1))
        });
    }
    let many = source(10_000, 10);
    let steps = MetricsRange::Steps { start_ns: 0, end_ns: 10_000 * SECOND, step_ns: 60 * SECOND };
    for text in [
        "{ } | rate() by (resource.service.name)",
        "{ kind = server } | quantile_over_time(duration, 0.99) by (resource.service.name)",
        "{ kind = server } > { } | rate()",
    ] {
        let query = parse(text).unwrap();
        c.bench_function(&format!("100000 spans of 10000 traces: {text}"), |b| {
            b.iter(|| assert!(!engine.metrics(&many, &query, &steps, 0, &control).unwrap().series.is_empty()))
        });
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = queries }
criterion_main!(benches);
