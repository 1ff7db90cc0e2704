//! What decoding logs costs per byte of line: bodies of 5,000 lines of several lengths in four streams, as senders
//! write them. Each run checks that all lines came out.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingest::DecodeError;
use ingest::compress::{Decompressor, Encoding};
use ingest::logs::{Roles, elastic, lines, loki, otlp, syslog};
use ingest::records::{RecordLimits, RecordWriter};
use model::record::Tenant;
use std::hint::black_box;

const LINES: usize = 5000;
const START_NS: i64 = 1_795_256_430_000_000_000;

struct Line {
    ns: i64,
    app: usize,
    level: &'static str,
    text: String,
}

/// Lines that look like those of web servers, file systems and applications.
fn corpus() -> Vec<Line> {
    let mut x = 1u64;
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        x >> 33
    };
    (0..LINES)
        .map(|i| {
            let (a, b, c) = (next(), next(), next());
            let text = match a % 4 {
                0 => format!("10.{}.{}.7 - - \"GET /api/v1/items/{b} HTTP/1.1\" 200 {c} \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"", b % 256, c % 256),
                1 => format!("INFO dfs.DataNode$PacketResponder: Received block blk_{b} of size 67108864 from /10.251.42.{}", c % 256),
                2 => format!("[instance: {b:08x}-{c:04x}-4f07] Took {}.{} seconds to deallocate network for instance.", a % 9, b % 99),
                _ => format!("session opened for user u{} by (uid={})", b % 100, c % 1000),
            };
            let level = ["info", "warn", "error"][(b % 3) as usize];
            Line { ns: START_NS + i as i64 * 1_000_000, app: (a % 4) as usize, level, text }
        })
        .collect()
}

fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
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

fn loki_protobuf(all: &[Line]) -> Vec<u8> {
    let mut body = Vec::new();
    for app in 0..4 {
        let mut stream = Vec::new();
        field(&mut stream, 1, format!("{{app=\"app-{app}\", env=\"prod\", host=\"host-01\"}}").as_bytes());
        for line in all.iter().filter(|l| l.app == app) {
            let (mut time, mut metadata, mut entry) = (vec![8], Vec::new(), Vec::new());
            varint(&mut time, (line.ns / 1_000_000_000) as u64);
            time.push(16);
            varint(&mut time, (line.ns % 1_000_000_000) as u64);
            field(&mut metadata, 1, b"level");
            field(&mut metadata, 2, line.level.as_bytes());
            field(&mut entry, 1, &time);
            field(&mut entry, 2, line.text.as_bytes());
            field(&mut entry, 3, &metadata);
            field(&mut stream, 2, &entry);
        }
        field(&mut body, 1, &stream);
    }
    snap::raw::Encoder::new().compress_vec(&body).expect("it is small")
}

fn otlp_protobuf(all: &[Line]) -> Vec<u8> {
    let mut body = Vec::new();
    for app in 0..4 {
        let (mut name, mut attribute, mut resource, mut scope) = (vec![], vec![], vec![], vec![]);
        field(&mut name, 1, format!("app-{app}").as_bytes());
        field(&mut attribute, 1, b"service.name");
        field(&mut attribute, 2, &name);
        field(&mut resource, 1, &attribute);
        for line in all.iter().filter(|l| l.app == app) {
            let (mut record, mut text) = (vec![9], Vec::new());
            record.extend_from_slice(&line.ns.to_le_bytes());
            record.extend_from_slice(&[0x10, 9]);
            field(&mut record, 3, line.level.as_bytes());
            field(&mut text, 1, line.text.as_bytes());
            field(&mut record, 5, &text);
            field(&mut scope, 2, &record);
        }
        let mut logs = Vec::new();
        field(&mut logs, 1, &resource);
        field(&mut logs, 2, &scope);
        field(&mut body, 1, &logs);
    }
    body
}

fn loki_json(all: &[Line]) -> Vec<u8> {
    let streams: Vec<_> = (0..4)
        .map(|app| {
            let values: Vec<_> = all
                .iter()
                .filter(|l| l.app == app)
                .map(|l| serde_json::json!([l.ns.to_string(), l.text, { "level": l.level }]))
                .collect();
            serde_json::json!({"stream": {"app": format!("app-{app}"), "env": "prod", "host": "host-01"}, "values": values})
        })
        .collect();
    serde_json::json!({ "streams": streams }).to_string().into_bytes()
}

fn documents(all: &[Line], time: &str, message: &str, action: &str) -> Vec<u8> {
    let mut out = String::new();
    for l in all {
        let seconds = l.ns / 1_000_000_000 % 60;
        let text = serde_json::Value::from(l.text.as_str());
        out += &format!(
            "{action}{{\"{time}\":\"2026-11-21T10:20:{seconds:02}.{:09}Z\",\"{message}\":{text},\"app\":\"app-{}\",\"host\":\"host-01\",\"env\":\"prod\",\"level\":\"{}\"}}\n",
            l.ns % 1_000_000_000,
            l.app,
            l.level
        );
    }
    out.into_bytes()
}

fn syslog_messages(all: &[Line]) -> Vec<u8> {
    let line = |l: &Line| format!("<30>1 2026-11-21T10:20:30.5Z host-01 app-{} 42 - - {}\n", l.app, l.text);
    all.iter().map(line).collect::<String>().into_bytes()
}

type Decode = fn(&[u8], &mut Decompressor, &mut RecordWriter) -> Result<(), DecodeError>;

fn decode(c: &mut Criterion) {
    let all = corpus();
    let bytes: usize = all.iter().map(|l| l.text.len()).sum();
    let action = "{\"create\":{\"_index\":\"logs\"}}\n";
    let cases: [(&str, Vec<u8>, Decode); 6] = [
        ("loki protobuf, snappy", loki_protobuf(&all), |body, d, w| {
            loki::protobuf(d.decompress(Encoding::Snappy, body, &Default::default())?, w)
        }),
        ("loki json", loki_json(&all), |body, _, w| loki::json(body, w)),
        ("otlp protobuf", otlp_protobuf(&all), |body, _, w| otlp::protobuf(body, w)),
        ("elastic bulk", documents(&all, "@timestamp", "message", action), |body, _, w| {
            elastic::bulk(body, None, &Roles::default(), w).map(drop)
        }),
        ("json lines", documents(&all, "_time", "_msg", ""), |body, _, w| {
            lines::decode(body, &Roles::default(), w)
        }),
        ("syslog", syslog_messages(&all), |body, _, w| {
            body.split(|b| *b == b'\n').try_for_each(|m| syslog::message(m, syslog::Sender::default(), w))
        }),
    ];
    let mut group = c.benchmark_group("logs");
    group.throughput(Throughput::Bytes(bytes as u64));
    for (name, body, decode) in &cases {
        let mut decompressor = Decompressor::new();
        group.bench_function(*name, |b| {
            b.iter(|| {
                let mut w = RecordWriter::new(Tenant::unnamed(), RecordLimits::default(), START_NS);
                decode(black_box(body), &mut decompressor, &mut w).expect("it is well formed");
                assert_eq!(w.len(), LINES);
                w.finish()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
