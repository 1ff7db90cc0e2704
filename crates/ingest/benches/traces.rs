//! What decoding costs per span: an OTLP body of 8192 spans of four services with ten attributes each, as a batch
//! exporter writes them, and the same spans as Zipkin's JSON. Each run checks that all spans came out.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingest::DecodeError;
use ingest::records::{RecordLimits, RecordWriter, Signal};
use ingest::traces::{otlp, zipkin};
use model::record::Tenant;
use std::hint::black_box;

const SPANS: usize = 8192;
const START_NS: u64 = 1_795_256_430_000_000_000;

fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    varint(out, u64::from(number) << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn attribute(out: &mut Vec<u8>, number: u8, name: &str, text: &str) {
    let (mut value, mut pair) = (Vec::new(), Vec::new());
    field(&mut value, 1, text.as_bytes());
    field(&mut pair, 1, name.as_bytes());
    field(&mut pair, 2, &value);
    field(out, number, &pair);
}

fn attribute_int(out: &mut Vec<u8>, number: u8, name: &str, n: u64) {
    let (mut value, mut pair) = (vec![0x18], Vec::new());
    varint(&mut value, n);
    field(&mut pair, 1, name.as_bytes());
    field(&mut pair, 2, &value);
    field(out, number, &pair);
}

fn id(n: usize, bytes: usize) -> Vec<u8> {
    let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    mixed.iter().copied().cycle().take(bytes).collect()
}

fn otlp_protobuf() -> Vec<u8> {
    let mut body = Vec::new();
    for service in 0..4 {
        let (mut resource, mut scope, mut scope_spans) = (Vec::new(), Vec::new(), Vec::new());
        attribute(&mut resource, 1, "service.name", &format!("service-{service}"));
        attribute(&mut resource, 1, "host.name", "node-7");
        attribute_int(&mut resource, 1, "process.pid", 4711);
        field(&mut scope, 1, b"io.opentelemetry.http");
        field(&mut scope_spans, 1, &scope);
        for n in (service..SPANS).step_by(4) {
            let mut span = Vec::new();
            field(&mut span, 1, &id(n / 16, 16));
            field(&mut span, 2, &id(n, 8));
            field(&mut span, 4, &id(n / 2, 8));
            field(&mut span, 5, b"GET /products/{id}");
            span.extend_from_slice(&[0x30, 2, 0x39]);
            span.extend_from_slice(&(START_NS + n as u64 * 1000).to_le_bytes());
            span.push(0x41);
            span.extend_from_slice(&(START_NS + n as u64 * 3000).to_le_bytes());
            attribute(&mut span, 9, "http.request.method", "GET");
            attribute(&mut span, 9, "http.route", "/products/{id}");
            attribute(&mut span, 9, "url.path", &format!("/products/{n}"));
            attribute(&mut span, 9, "url.scheme", "http");
            attribute(&mut span, 9, "server.address", "product-catalog");
            attribute(&mut span, 9, "client.address", "10.0.3.17");
            attribute(&mut span, 9, "user_agent.original", "python-requests/2.32.3");
            attribute(&mut span, 9, "network.protocol.version", "1.1");
            attribute_int(&mut span, 9, "http.response.status_code", 200);
            attribute_int(&mut span, 9, "server.port", 8080);
            field(&mut scope_spans, 2, &span);
        }
        let mut resource_spans = Vec::new();
        field(&mut resource_spans, 1, &resource);
        field(&mut resource_spans, 2, &scope_spans);
        field(&mut body, 1, &resource_spans);
    }
    body
}

fn zipkin_json() -> Vec<u8> {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let spans: Vec<_> = (0..SPANS)
        .map(|n| {
            serde_json::json!({
                "traceId": hex(id(n / 16, 16)), "id": hex(id(n, 8)), "parentId": hex(id(n / 2, 8)), "kind": "SERVER",
                "name": "get /products/{id}", "timestamp": START_NS / 1000 + n as u64, "duration": n,
                "localEndpoint": {"serviceName": format!("service-{}", n % 4), "ipv4": "10.0.3.17"},
                "tags": {"http.request.method": "GET", "http.route": "/products/{id}", "url.path": format!("/products/{n}"),
                    "server.address": "product-catalog", "http.response.status_code": "200", "server.port": "8080"}
            })
        })
        .collect();
    serde_json::Value::from(spans).to_string().into_bytes()
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode_spans");
    group.throughput(Throughput::Elements(SPANS as u64));
    let limits = RecordLimits { signal: Signal::Traces, ..RecordLimits::default() };
    type Decode = fn(&[u8], &mut RecordWriter) -> Result<(), DecodeError>;
    let all: [(&str, Vec<u8>, Decode); 2] =
        [("otlp", otlp_protobuf(), otlp::protobuf), ("zipkin_json", zipkin_json(), zipkin::json)];
    for (name, body, decode) in all {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut w = RecordWriter::new(Tenant::unnamed(), limits, START_NS as i64);
                decode(black_box(&body), &mut w).expect("the body is right");
                assert_eq!(w.len(), SPANS);
                w.finish().batch.content_bytes()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
