//! What senders of logs send.

use super::receive::field;
use ingest::compress::Decompressor;
use ingest::logs::{
    Roles, elastic, fluent, frames, gelf as gelf_messages, lines, loki, otlp, syslog as syslog_messages, time,
};
use ingest::records::{RecordLimits, RecordWriter};
use ingest::{DecodeError, Limits};
use model::record::{Attributes, Tenant, Value};

const NOW_NS: i64 = 1_795_262_400_000_000_000;

fn limits() -> RecordLimits {
    RecordLimits {
        content_bytes_max: 1 << 20,
        records_per_body_max: 10_000,
        streams_per_body_max: 1000,
        ..RecordLimits::default()
    }
}

fn writer() -> RecordWriter {
    RecordWriter::new(Tenant::unnamed(), limits(), NOW_NS)
}

/// Reads all that was written: every record must be whole and within the limits.
fn check(w: RecordWriter) {
    let limits = limits();
    let decoded = w.finish();
    assert!(decoded.batch.content_bytes() as u64 <= limits.content_bytes_max);
    assert!(decoded.batch.streams().len() as u64 <= limits.streams_per_body_max);
    for row in decoded.batch.iter() {
        let record = row.record;
        Attributes::from_encoded(record.attributes.encoded()).expect("what was written is well encoded");
        assert!(record.attributes.iter().count() as u64 <= limits.attributes_per_record_max);
        if let Value::String(line) = record.body {
            assert!(line.len() as u64 <= limits.line_bytes_max);
        }
        let mut body = Vec::new();
        record.body.encode(&mut body);
        Value::from_encoded(&body).expect("what was written is well encoded");
    }
    assert_eq!(decoded.outcome.rejected == 0, decoded.outcome.reasons.is_empty());
}

fn run(data: &[u8], decode: impl Fn(&[u8], &mut RecordWriter) -> Result<(), DecodeError>) {
    let mut w = writer();
    if decode(data, &mut w).is_ok() {
        check(w);
    }
}

pub fn loki_protobuf(data: &[u8]) {
    run(data, loki::protobuf);
}

pub fn loki_json(data: &[u8]) {
    run(data, loki::json);
}

pub fn otlp_protobuf(data: &[u8]) {
    run(data, otlp::protobuf);
}

pub fn otlp_json(data: &[u8]) {
    run(data, otlp::json);
}

pub fn json_lines(data: &[u8]) {
    run(data, |data, w| lines::decode(data, &Roles::default(), w));
}

/// The answer must be JSON with one item for each.
pub fn elastic_bulk(data: &[u8]) {
    let mut w = writer();
    let Ok(items) = elastic::bulk(data, None, &Roles::default(), &mut w) else { return };
    assert_eq!(items.len() as u64, w.len() as u64 + w.outcome().rejected);
    let mut out = Vec::new();
    elastic::answer(&items, &[], 1, 2, &elastic::Filter::ALL, &mut out);
    let answer: serde_json::Value = serde_json::from_slice(&out).expect("the answer is JSON");
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(items.len()));
    check(w);
}

pub fn syslog(data: &[u8]) {
    run(data, |data, w| syslog_messages::message(data, syslog_messages::Sender::default(), w));
}

/// The first byte says how the rest is cut into pieces, which must make no difference.
pub fn syslog_frames(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else { return };
    let framing = if piece % 2 == 0 { frames::Framing::Syslog } else { frames::Framing::Null };
    let frames_of = |piece: usize| {
        let mut framer = frames::Framer::new(framing, 100);
        let mut out = Vec::new();
        let mut each = |f: frames::Frame<'_>| {
            assert!(f.bytes.len() <= 100);
            out.push((f.bytes.to_vec(), f.cut));
        };
        bytes.chunks(piece.max(1)).for_each(|piece| framer.push(piece, &mut each));
        framer.finish(&mut each);
        out
    };
    assert_eq!(frames_of(usize::from(*piece)), frames_of(bytes.len()));
}

/// As above; the second byte says whether a key is asked for.
pub fn fluent_forward(data: &[u8]) {
    let [piece, secret, bytes @ ..] = data else { return };
    let received = |piece: usize| {
        let secret = (secret % 4 == 3).then(|| fluent::Secret {
            hostname: "h".to_owned(),
            shared_key: "k".to_owned(),
            nonce: [7; 16],
        });
        let limits = Limits { body_bytes_max: 1 << 20, decompressed_bytes_max: 1 << 20, ..Limits::default() };
        let mut session = fluent::Session::new(limits, Roles::default(), secret);
        let (mut w, mut outputs) = (writer(), Vec::new());
        let done = bytes.chunks(piece.max(1)).try_for_each(|piece| session.step(piece, &mut w, &mut outputs));
        let seen = (w.len(), w.outcome().clone(), outputs, done.is_ok());
        check(w);
        seen
    };
    assert_eq!(received(usize::from(*piece)), received(bytes.len()));
}

/// Datagrams of at most 64 bytes.
pub fn gelf(data: &[u8]) {
    let mut chunks = gelf_messages::Chunks::new(gelf_messages::ChunkLimits::default());
    let (mut w, mut decompressor) = (writer(), Decompressor::new());
    let (roles, limits) =
        (gelf_messages::roles(), Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() });
    for (i, datagram) in data.chunks(64).enumerate() {
        let done = chunks.push(datagram, NOW_NS + i as i64 * 1_000_000_000, &mut |message| {
            let _ = gelf_messages::message(message, Some("peer"), &roles, &mut decompressor, &limits, &mut w);
        });
        drop(done);
    }
    check(w);
}

pub fn log_time(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    time::parse(text);
    if let Ok(x) = text.parse::<f64>() {
        time::from_float(x);
    }
}

pub fn loki_protobuf_seeds() -> Vec<Vec<u8>> {
    let mut pair = Vec::new();
    field(&mut pair, 1, b"level");
    field(&mut pair, 2, b"warn");
    let mut entry = Vec::new();
    field(&mut entry, 1, &[8, 0xae, 0xb2, 0x86, 0xd8, 6, 16, 5]);
    field(&mut entry, 2, b"a line");
    field(&mut entry, 3, &pair);
    let mut stream = Vec::new();
    field(&mut stream, 1, br#"{app="shop", host=`h1`, x="\u00e9\x41\n"}"#);
    field(&mut stream, 2, &entry);
    field(&mut stream, 2, &entry);
    let mut body = Vec::new();
    field(&mut body, 1, &stream);
    field(&mut body, 1, &stream);
    vec![body]
}

pub fn loki_json_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"{"streams":[{"stream":{"app":"shop"},"values":[["1795256430000000005","a \"line\"",{"level":"warn","n":1}],["1","b"]]}]}"#.to_vec(),
        br#"{"streams":[{"labels":"{app=\"x\"}","entries":[{"ts":"2026-11-21T10:20:30Z","line":"x"}]},{"values":[["1","y"]],"stream":{}}]}"#.to_vec(),
    ]
}

/// A nested value of OpenTelemetry.
fn any_value() -> Vec<u8> {
    let (mut text, mut items, mut list, mut pair, mut map) = (vec![], vec![], vec![], vec![], vec![]);
    field(&mut text, 1, b"text");
    field(&mut items, 1, &text);
    field(&mut items, 1, &[0x18, 5]);
    field(&mut list, 5, &items);
    field(&mut pair, 1, b"key");
    field(&mut pair, 2, &list);
    let mut pairs = Vec::new();
    field(&mut pairs, 1, &pair);
    field(&mut map, 6, &pairs);
    map
}

pub fn otlp_protobuf_seeds() -> Vec<Vec<u8>> {
    let (mut name, mut text, mut attribute) = (vec![], vec![], vec![]);
    field(&mut text, 1, b"shop");
    field(&mut name, 1, b"service.name");
    field(&mut name, 2, &text);
    field(&mut attribute, 1, b"any");
    field(&mut attribute, 2, &any_value());
    let mut resource = Vec::new();
    field(&mut resource, 1, &name);
    field(&mut resource, 1, &attribute);
    let mut record = vec![0x09];
    record.extend_from_slice(&NOW_NS.to_le_bytes());
    record.extend_from_slice(&[0x10, 17]);
    field(&mut record, 3, b"ERROR");
    field(&mut record, 5, &text);
    field(&mut record, 6, &attribute);
    record.extend_from_slice(&[0x38, 2, 0x45, 1, 0, 0, 0]);
    field(&mut record, 9, &[1; 16]);
    field(&mut record, 10, &[2; 8]);
    let mut scope = Vec::new();
    field(&mut scope, 1, b"lib");
    field(&mut scope, 3, &attribute);
    let mut logs = Vec::new();
    field(&mut logs, 1, &scope);
    field(&mut logs, 2, &record);
    field(&mut logs, 2, &record);
    let mut of_resource = Vec::new();
    field(&mut of_resource, 1, &resource);
    field(&mut of_resource, 2, &logs);
    let mut body = Vec::new();
    field(&mut body, 1, &of_resource);
    vec![body]
}

pub fn otlp_json_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"timeUnixNano":"1795256430000000005","severityNumber":9,"body":{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":"-5"},{"doubleValue":1.5},{"boolValue":true},{"bytesValue":"AQI="}]}}}]}},"traceId":"0102030405060708090a0b0c0d0e0f10","flags":1}]}]}]}"#.to_vec(),
    ]
}

pub fn elastic_bulk_seeds() -> Vec<Vec<u8>> {
    vec![
        b"{\"create\":{\"_index\":\"logs\"}}\n{\"@timestamp\":\"2026-11-21T10:20:30.5Z\",\"message\":\"a\",\"host\":{\"name\":\"h\"},\"n\":[1,{\"a\":null}]}\n{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{\"_id\":\"2\"}}\n{\"log\":\"b\"}\n{\"update\":{}}\n{}\n".to_vec(),
    ]
}

pub fn json_lines_seeds() -> Vec<Vec<u8>> {
    vec![
        b"{\"_time\":\"2026-11-21T10:20:30Z\",\"_msg\":\"a \\u00e9\",\"app\":\"x\",\"level\":30,\"o\":{\"p\":{},\"q\":[[1.5,true]]}}\n{\"ts\":1795256430123,\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\"}\n".to_vec(),
    ]
}

pub fn syslog_seeds() -> Vec<Vec<u8>> {
    [
        "<34>1 2026-11-21T10:20:30.003Z h su 1 ID47 [ex@32473 iut=\"3\" q=\"a\\\"b\"][on@1] \u{feff}text",
        "<30>Nov  1 10:20:30 h sshd[123]: Accepted publickey",
        "<189>123: *Nov 21 2026 10:20:30.123 UTC: %SYS-5-CONFIG_I: Configured",
        "<30>2026-11-21T11:20:30.5+01:00 h app[7]: iso",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub fn syslog_frames_seeds() -> Vec<Vec<u8>> {
    vec![b"\x024 <1>a6 <2>b\nc\n<3>d\n12:30 x\n".to_vec(), b"\x01{}\0{\"a\":1}\0".to_vec()]
}

pub fn fluent_forward_seeds() -> Vec<Vec<u8>> {
    let record = b"\x82\xa7message\xa1x\xa1k\x92\x01\x81\xa1a\xc0";
    let time = b"\xd7\x00\x6b\x01\x99\x2e\x00\x00\x00\x05";
    let entry = [&b"\x92"[..], time, record].concat();
    let head = |secret: u8| vec![3, secret];
    let message = [head(0), b"\x93\xa1t".to_vec(), time.to_vec(), record.to_vec()].concat();
    let forward =
        [head(0), b"\x93\xa1t\x92".to_vec(), entry.clone(), entry.clone(), b"\x81\xa5chunk\xa1c".to_vec()]
            .concat();
    let packed =
        [head(0), b"\x92\xa1t\xc4".to_vec(), vec![2 * entry.len() as u8], entry.clone(), entry].concat();
    let ping = [head(3), b"\x96\xa4PING\xa1c\xa1s\xa1d\xa0\xa0".to_vec()].concat();
    vec![message, forward, packed, ping]
}

pub fn gelf_seeds() -> Vec<Vec<u8>> {
    let piece = |number: u8, bytes: &[u8]| {
        let mut piece = vec![0x1e, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, number, 2];
        piece.extend_from_slice(bytes);
        piece.resize(64, b' ');
        piece
    };
    vec![
        br#"{"host":"h","short_message":"m","timestamp":1795256430.25,"_a":1}"#[..64].to_vec(),
        br#"{"host":"h","short_message":"m","level":3,"_a":1}"#.to_vec(),
        [piece(0, br#"{"host":"h","#), piece(1, br#""short_message":"m","_a":1}"#)].concat(),
    ]
}

pub fn log_time_seeds() -> Vec<Vec<u8>> {
    [
        "2026-11-21T10:20:30.5+01:00",
        "21/Nov/2026:10:20:30 +0100",
        "Sat, 21 Nov 2026 10:20:30 GMT",
        "1795256430.5",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// A file of a container, read to its end and closed: no byte of it is waited for, and records are bounded.
pub fn tailed_file(data: &[u8]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("docker/containers/c/c-json.log");
    let parent = path.parent().expect("it has one");
    std::fs::create_dir_all(parent).expect("it can be made");
    std::fs::write(&path, data).expect("it can be written");
    let include = vec![format!("{}/*.log", parent.display())];
    let config = agent::LogsConfig {
        files: Some(vec![agent::FileLogs { include, ..agent::FileLogs::default() }]),
        containers: false,
        start: agent::Start::Beginning,
        line_bytes_max: scrape::config::ByteSize(300),
        ..agent::LogsConfig::default()
    };
    let mut tailer = agent::Tailer::new(&config, false, "h", None, 0);
    tailer.discover(0);
    std::fs::remove_file(&path).expect("it is there");
    tailer.discover(1);
    for round in 0..4 {
        let gathered = tailer.gather(1 + round * 20_000);
        for row in gathered.batch.iter() {
            let length = row.record.body.as_str().map_or(0, str::len);
            assert!(length < 2 << 20, "a record of {length} bytes");
        }
    }
    assert_eq!((tailer.counts().files, tailer.counts().bytes), (0, data.len() as u64));
}

pub fn tailed_file_seeds() -> Vec<Vec<u8>> {
    [
        "{\"log\":\"one \",\"stream\":\"stdout\",\"time\":\"2026-11-21T10:20:30Z\"}\n{\"log\":\"line\\n\",\"stream\":\"stdout\"}\n",
        "2026-11-21T10:20:30Z stdout P one \n2026-11-21T10:20:30Z stdout F line\n2026-11-21T10:20:30Z stderr F  at x\n",
        "Traceback (most recent call last):\n  File \"a\"\nValueError: x\n\npanic: y\n\ngoroutine 1 [running]:\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// A record through every stage that reads text; before a zero byte stands what a grok pattern and a format of times are.
pub fn pipeline(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (setting, line) = text.split_once('\0').unwrap_or(("", &text));
    pipeline::detect::line_time(line, 1_795_256_430_000_000_000, 0);
    pipeline::detect::line_level(line);
    let stages = serde_json::json!([
        {"json": {}}, {"logfmt": {"prefix": "l."}}, {"detect": {}}, {"redact": {}}, {"timestamp": {"field": "ts"}},
        {"level": {"field": "level"}}, {"trace": {}}, {"labels": ["app"]}, {"body": "msg"},
    ]);
    let own = serde_json::json!([
        {"grok": {"pattern": setting, "patterns": {"OWN": setting}}},
        {"timestamp": {"field": "ts", "format": setting}},
        {"redact": {"patterns": [setting]}},
    ]);
    let own = own.as_array().into_iter().flatten().map(|stage| serde_json::json!([stage]));
    let mut record = model::record::RecordBatch::new(model::record::Tenant::unnamed());
    let stream = record.stream(model::Labels::empty());
    record.push(stream, &model::record::Record::line(5, line));
    for stages in own.chain([stages]) {
        let config = serde_json::json!([{"name": "x", "stages": stages}]);
        let configs: Vec<pipeline::PipelineConfig> =
            serde_json::from_value(config).expect("it is a configuration");
        // What the input brings may be wrong, and must be told.
        if let Ok(pipelines) = pipeline::Pipelines::new(&configs) {
            let applied = pipelines.apply(record.clone(), 1_795_256_430_000_000_000);
            assert_eq!(applied.batch.len(), 1, "no stage here drops");
        }
    }
}

pub fn pipeline_seeds() -> Vec<Vec<u8>> {
    [
        "%{COMMONAPACHELOG}\0 10.0.0.1 - - [21/Nov/2026:10:20:30 +0100] \"GET / HTTP/1.1\" 200 5",
        "%d/%b/%Y:%T %z\0{\"ts\":\"21/Nov/2026:10:20:30 +0100\",\"level\":\"warn\",\"msg\":{\"a\":[1]},\"app\":\"x\"}",
        "(a+)b\0ts=1795256430.5 level=error msg=\"a \\\" b\" token=abc card=4111111111111111 a@b.example",
        "%{OWN:a}\0Nov 21 10:20:30 host app[7]: password: x",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
