//! What pipelines cost: bytes of lines per second through the usual stages.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use model::Labels;
use model::record::{Record, RecordBatch, Tenant};
use pipeline::{PipelineConfig, Pipelines};
use std::hint::black_box;

/// Lines as programs write them, by kind.
fn lines(kind: &str) -> Vec<String> {
    (0..2000u32)
        .map(|n| match kind {
            "json" => format!(
                r#"{{"time":"2026-11-21T10:20:{:02}.{:03}Z","level":"info","logger":"shop.Cart","msg":"request done","user":{{"id":{n}}},"status":200,"took_ms":{}.5,"path":"/api/cart/{n}"}}"#,
                n % 60,
                n % 1000,
                n % 90
            ),
            "access" => format!(
                r#"10.0.{}.{} - - [21/Nov/2026:10:20:{:02} +0000] "GET /api/items/{n}?page={} HTTP/1.1" 200 {} "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64)""#,
                n % 9,
                n % 250,
                n % 60,
                n % 7,
                n * 13 % 9000
            ),
            _ => format!(
                "2026-11-21 10:20:{:02},{:03} INFO [worker-{}] shop.Cart - order {n} of customer {} done in {} ms",
                n % 60,
                n % 1000,
                n % 8,
                n % 400,
                n % 90
            ),
        })
        .collect()
}

fn batch(lines: &[String]) -> RecordBatch {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let stream = batch.stream(Labels::from_pairs([("service.name", "shop")]).expect("they are labels"));
    lines.iter().for_each(|line| batch.push(stream, &Record::line(0, line)));
    batch
}

fn pipelines(c: &mut Criterion) {
    let mut group = c.benchmark_group("pipeline");
    for (name, kind, stages) in [
        ("other streams", "plain", "match: {service.name: other}, stages: [{redact: {}}]"),
        ("detect", "plain", "stages: [{detect: {}}]"),
        (
            "json",
            "json",
            "stages: [{json: {}}, {timestamp: {field: time}}, {level: {field: level}}, {body: msg}]",
        ),
        (
            "grok",
            "access",
            "stages: [{grok: {pattern: '^%{COMBINEDAPACHELOG}$'}}, {timestamp: {field: timestamp}}]",
        ),
        ("redact", "plain", "stages: [{redact: {}}]"),
        (
            "metric",
            "plain",
            r"stages: [{regex: {pattern: 'in (?P<took>\d+) ms'}}, {metric: {name: took, type: histogram, value: took}}]",
        ),
    ] {
        let config: PipelineConfig =
            serde_saphyr::from_str(&format!("{{name: a, {stages}}}")).expect("it is a pipeline");
        let pipelines = Pipelines::new(&[config]).expect("it compiles");
        let batch = batch(&lines(kind));
        let out = pipelines.apply(batch.clone(), 0);
        assert_eq!(out.batch.len(), batch.len(), "nothing is lost on the way");
        group.throughput(Throughput::Bytes(batch.content_bytes() as u64));
        group.bench_function(name, |b| {
            b.iter_batched(
                || batch.clone(),
                |batch| black_box(pipelines.apply(batch, 1_795_262_400_000_000_000)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, pipelines);
criterion_main!(benches);
