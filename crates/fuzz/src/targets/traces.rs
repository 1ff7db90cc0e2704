//! What senders of spans send.

use super::receive::field;
use ingest::DecodeError;
use ingest::records::{RecordLimits, RecordWriter, Signal};
use ingest::traces::{jaeger, otlp, zipkin};
use model::record::span::Span;
use model::record::{Attributes, Tenant};

const NOW_NS: i64 = 1_795_262_400_000_000_000;

fn limits() -> RecordLimits {
    RecordLimits {
        signal: Signal::Traces,
        content_bytes_max: 1 << 20,
        records_per_body_max: 10_000,
        streams_per_body_max: 1000,
        ..RecordLimits::default()
    }
}

/// Every span must be whole, within the limits, and readable as what it is.
fn run(data: &[u8], decode: impl Fn(&[u8], &mut RecordWriter) -> Result<(), DecodeError>) {
    let limits = limits();
    let mut w = RecordWriter::new(Tenant::unnamed(), limits, NOW_NS);
    if decode(data, &mut w).is_err() {
        return;
    }
    let decoded = w.finish();
    assert!(decoded.batch.content_bytes() as u64 <= limits.content_bytes_max);
    for row in decoded.batch.iter() {
        let record = row.record;
        Attributes::from_encoded(record.attributes.encoded()).expect("what was written is well encoded");
        let labels = decoded.batch.labels(row.stream);
        let span = Span::of(labels, &record);
        assert!(!span.trace_id.is_none() && !span.span_id.is_none() && span.duration_ns >= 0);
        assert!(labels.get("service.name").is_some_and(|s| !s.is_empty()));
        let counted = span.attributes().count() + span.scope().count() + span.events().count();
        assert!(counted as u64 + span.links().count() as u64 <= limits.content_bytes_max);
    }
    assert_eq!(decoded.outcome.rejected == 0, decoded.outcome.reasons.is_empty());
}

pub fn otlp_protobuf(data: &[u8]) {
    run(data, otlp::protobuf);
}

pub fn otlp_json(data: &[u8]) {
    run(data, otlp::json);
}

/// All ways in which Thrift comes.
pub fn jaeger_thrift(data: &[u8]) {
    run(data, jaeger::datagram_compact);
    run(data, jaeger::datagram_binary);
    run(data, jaeger::batch);
}

pub fn jaeger_protobuf(data: &[u8]) {
    run(data, jaeger::protobuf);
}

pub fn zipkin_json(data: &[u8]) {
    run(data, zipkin::json);
}

pub fn zipkin_protobuf(data: &[u8]) {
    run(data, zipkin::protobuf);
}

fn made(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    fields.iter().for_each(|(n, bytes)| field(&mut out, *n, bytes));
    out
}

pub fn otlp_protobuf_seeds() -> Vec<Vec<u8>> {
    let text = made(&[(1, b"shop")]);
    let attribute = made(&[(1, b"service.name"), (2, &text)]);
    let resource = made(&[(1, &attribute)]);
    let mut event = vec![0x09];
    event.extend_from_slice(&NOW_NS.to_le_bytes());
    event.extend(made(&[(2, b"retry"), (3, &attribute)]));
    let link = made(&[(1, &[1; 16]), (2, &[2; 8]), (3, b"a=b"), (4, &attribute)]);
    let mut status = made(&[(2, b"bad")]);
    status.extend_from_slice(&[0x18, 2]);
    let mut span = made(&[
        (1, &[7; 16]),
        (2, &[8; 8]),
        (3, b"a=b"),
        (4, &[9; 8]),
        (5, b"GET /"),
        (9, &attribute),
        (11, &event),
        (13, &link),
        (15, &status),
    ]);
    span.extend_from_slice(&[0x30, 2, 0x39]);
    span.extend_from_slice(&NOW_NS.to_le_bytes());
    span.push(0x41);
    span.extend_from_slice(&(NOW_NS + 1500).to_le_bytes());
    let scope = made(&[(1, b"lib"), (2, b"1"), (3, &attribute)]);
    let scope_spans = made(&[(1, &scope), (2, &span), (2, &span)]);
    let resource_spans = made(&[(1, &resource), (2, &scope_spans)]);
    vec![made(&[(1, &resource_spans), (1, &resource_spans)])]
}

pub fn otlp_json_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}},{"key":"n","value":{"intValue":"1"}}]},"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1795256430000000005","endTimeUnixNano":"1795256430000000505","attributes":[{"key":"k","value":{"arrayValue":{"values":[{"doubleValue":1.5}]}}}],"events":[{"name":"e","attributes":[{"key":"k","value":{"boolValue":true}}]}],"links":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"}],"status":{"code":2,"message":"m"}}]}]}]}"#.to_vec(),
    ]
}

/// A datagram of Jaeger's own library: two spans with tags and a log.
const COMPACT: &str = "82810109656d697442617463681c1c180473686f70193c180e6a61656765722e76657273696f6e1500180c507974686f6e2d342e382e300018026970150018093139322e302e322e32001808686f73746e616d6515001802766d0000192c16bfa7ced9afb1f3bfcc0116001688d8e1bcc398f0926d16c79ca299afe684b8b10118026462250216debad986e3b4b0061610191c180172150227000000000000e03f00190c0016bfa7ced9afb1f3bfcc01160016c79ca299afe684b8b10116001805474554202f250216f8b9d986e3b4b00616d601195c180c73616d706c65722e7479706515001805636f6e737400180d73616d706c65722e706172616d1504310018097370616e2e6b696e6415001806736572766572001810687474702e7374617475735f636f6465150646e8070018056572726f7215043100191c16bcbad986e3b4b006192c18056576656e741500180572657472790018016e150646020000000000";

pub fn jaeger_thrift_seeds() -> Vec<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
    let compact = COMPACT.as_bytes().chunks_exact(2).map(|d| digit(d[0]) << 4 | digit(d[1])).collect();
    // A batch in the binary protocol: a process and one span.
    let mut batch = b"\x0c\0\x01\x0b\0\x01\0\0\0\x04shop\0\x0f\0\x02\x0c\0\0\0\x01".to_vec();
    for (id, value) in [(1u8, 1i64), (2, 2), (3, 3), (4, 0), (8, 1_795_256_430_000_000), (9, 1500)] {
        batch.extend_from_slice(&[10, 0, id]);
        batch.extend_from_slice(&value.to_be_bytes());
    }
    batch.extend_from_slice(b"\x0b\0\x05\0\0\0\x02db\0\0");
    let mut call = b"\x80\x01\0\x04\0\0\0\x09emitBatch\0\0\0\0\x0c\0\x01".to_vec();
    call.extend_from_slice(&batch);
    call.push(0);
    vec![compact, batch, call]
}

pub fn jaeger_protobuf_seeds() -> Vec<Vec<u8>> {
    let mut tag = made(&[(1, b"k")]);
    tag.extend_from_slice(&[0x10, 2, 0x28, 5]);
    let kind = made(&[(1, b"span.kind"), (3, b"client")]);
    let time = [0x08, 0xae, 0xb2, 0x86, 0xd8, 6, 16, 5];
    let log = made(&[(1, &time), (2, &tag)]);
    let reference = made(&[(1, &[7; 16]), (2, &[6; 8])]);
    let process = made(&[(1, b"shop"), (2, &kind)]);
    let span = made(&[
        (1, &[7; 16]),
        (2, &[8; 8]),
        (3, b"GET /"),
        (4, &reference),
        (6, &time),
        (7, &time),
        (8, &tag),
        (8, &kind),
        (9, &log),
        (10, &process),
    ]);
    vec![made(&[(1, &made(&[(1, &span), (1, &span), (2, &process)]))])]
}

pub fn zipkin_json_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"[{"traceId":"a1","id":"b2","parentId":"c3","kind":"SERVER","name":"get","timestamp":1795256430000000,"duration":15,"shared":true,"localEndpoint":{"serviceName":"a","ipv4":"10.0.0.1","port":80},"remoteEndpoint":{"serviceName":"b"},"annotations":[{"timestamp":1795256430000005,"value":"ws"}],"tags":{"error":"","k":"v"}}]"#.to_vec(),
    ]
}

pub fn zipkin_protobuf_seeds() -> Vec<Vec<u8>> {
    let endpoint = made(&[(1, b"shop"), (2, &[10, 0, 0, 1])]);
    let pair = made(&[(1, b"error"), (2, b"gone")]);
    let note = made(&[(2, b"retry")]);
    let mut span =
        made(&[(1, &[7; 16]), (2, &[9; 8]), (3, &[8; 8]), (5, b"get"), (8, &endpoint), (9, &endpoint)]);
    span.extend(made(&[(10, &note), (11, &pair)]));
    span.extend_from_slice(&[0x20, 1, 0x38, 10, 0x68, 1]);
    vec![made(&[(1, &span), (1, &span)])]
}
