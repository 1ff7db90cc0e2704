//! What senders and readers of the remote protocols send.

use crate::recorder::{Call, Recorder};
use ingest::compress::{Decompressor, Encoding};
use ingest::remote_write::encode::Writer;
use ingest::remote_write::{v1, v2};
use ingest::{DecodeError, Limits, Outcome, remote_read};
use model::{Counts, Exemplar, Histogram, Labels, METRIC_NAME, Metadata, MetricKind, ResetHint, Span};
use std::io::Write;

type Decode = fn(&[u8], &Limits, &mut Recorder) -> Result<Outcome, DecodeError>;

/// Decodes twice: the second time all series are known, which is another path and must say the same.
fn decode_twice(data: &[u8], decode: Decode) -> Option<Recorder> {
    let limits = Limits::default();
    let mut first = Recorder::default();
    let outcome = decode(data, &limits, &mut first).ok()?;
    let (calls, series) = (first.calls.clone(), first.series.len());
    first.calls.clear();
    first.histograms.clear();
    first.exemplars.clear();
    let again = decode(data, &limits, &mut first).expect("what decodes once decodes twice");
    assert_eq!(first.calls, calls, "known series are decoded as new ones");
    assert_eq!((again, first.series.len()), (outcome, series));
    Some(first)
}

pub fn remote_write_v1(data: &[u8]) {
    let Some(first) = decode_twice(data, v1::decode) else { return };
    let mut w = Writer::new();
    let (mut histograms, mut exemplars) = (first.histograms.iter(), first.exemplars.iter());
    for call in &first.calls {
        match call {
            Call::Sample(s, t, bits, _) => {
                w.series(&first.series[s.0 as usize]);
                w.sample(*t, f64::from_bits(*bits));
            }
            Call::Histogram(s, t, ..) => {
                w.series(&first.series[s.0 as usize]);
                w.histogram(*t, histograms.next().expect("as many as calls"));
            }
            Call::Exemplar(s, ..) => {
                w.series(&first.series[s.0 as usize]);
                w.exemplar(exemplars.next().expect("as many as calls"));
            }
            Call::Metadata(family, m) => w.metadata(family, m),
        }
    }
    let mut again = Recorder::default();
    let outcome =
        v1::decode(&w.finish_raw(), &Limits::default(), &mut again).expect("what is encoded decodes");
    assert!(outcome.is_complete(), "{:?}", outcome.reasons);
    // Series are numbered as they are met; a series that got nothing is not written again.
    let named = |r: &Recorder| -> Vec<String> {
        r.calls
            .iter()
            .map(|c| match c {
                Call::Sample(s, t, v, _) => format!("{} {t} {v:x}", r.series[s.0 as usize]),
                Call::Histogram(s, t, h, v, _) => format!("{} {t} {h} {v:x}", r.series[s.0 as usize]),
                Call::Exemplar(s, l, v, t) => format!("{} {l} {v:x} {t}", r.series[s.0 as usize]),
                Call::Metadata(f, m) => format!("{f} {m:?}"),
            })
            .collect()
    };
    assert_eq!(named(&again), named(&first), "what is decoded is encoded and decoded to the same");
}

pub fn remote_write_v2(data: &[u8]) {
    decode_twice(data, v2::decode);
}

pub fn remote_read_request(data: &[u8]) {
    if let Ok(request) = remote_read::decode(data) {
        for m in request.queries.iter().flat_map(|q| &q.matchers) {
            m.matches("value");
        }
    }
}

/// The first byte chooses the encoding.
pub fn decompress(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let encoding =
        [Encoding::Snappy, Encoding::Zstd, Encoding::Gzip, Encoding::Identity][*choice as usize % 4];
    let limits = Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() };
    let mut d = Decompressor::new();
    let Ok(plain) = d.decompress(encoding, body, &limits).map(<[u8]>::to_vec) else { return };
    assert!(plain.len() <= 1 << 20, "{} bytes are over the limit", plain.len());
    if encoding == Encoding::Snappy {
        let packed = snap::raw::Encoder::new().compress_vec(&plain).expect("it is small");
        assert_eq!(d.decompress(encoding, &packed, &limits).expect("it was just compressed"), plain);
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).expect("seeds are valid")
}

pub(super) fn histogram(float: bool) -> Histogram {
    let counts = match float {
        true => Counts::Float { count: 7.5, zero: 1.5, positive: vec![1.0, 2.0, 3.0], negative: vec![] },
        false => Counts::Integer { count: 9, zero: 1, positive: vec![1, 2, 3], negative: vec![2] },
    };
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 3,
        zero_threshold: 0.001,
        sum: 12.5,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 4, length: 1 }],
        negative_spans: if float { vec![] } else { vec![Span { offset: 0, length: 1 }] },
        custom_bounds: vec![],
        counts,
    }
}

pub fn v1_seeds() -> Vec<Vec<u8>> {
    let a = labels(&[(METRIC_NAME, "up"), ("instance", "host-1:9100"), ("job", "node")]);
    let b = labels(&[(METRIC_NAME, "requests_total"), ("code", "200"), ("path", "/é\n\"")]);
    let mut w = Writer::new();
    let mut plain = Writer::new();
    for s in [&a, &b] {
        plain.series(s);
        plain.sample(1_700_000_000_000, 1.5);
        w.series(s);
        w.sample(1_700_000_000_000, 0.0);
        w.sample(-1, f64::NAN);
        w.histogram(5, &histogram(false));
        w.histogram(6, &histogram(true));
        w.exemplar(&Exemplar { labels: labels(&[("trace_id", "ff")]), value: 1.0, time_ms: 7 });
    }
    w.metadata("up", &Metadata { kind: MetricKind::Gauge, help: "Up.".into(), unit: "seconds".into() });
    vec![w.finish_raw(), plain.finish_raw()]
}

/// A length-delimited field.
pub(super) fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(bytes);
}

pub fn v2_seeds() -> Vec<Vec<u8>> {
    let mut body = Vec::new();
    for s in ["", METRIC_NAME, "latency_bucket", "le", "1.0", "How long.", "seconds", "trace_id", "ff"] {
        field(&mut body, 4, s.as_bytes());
    }
    let mut series = Vec::new();
    field(&mut series, 1, &[1, 2, 3, 4]);
    let mut sample = vec![0x09];
    sample.extend_from_slice(&2.5f64.to_le_bytes());
    sample.extend_from_slice(&[0x10, 0xe8, 7, 0x18, 5]);
    field(&mut series, 2, &sample);
    let mut exemplar = Vec::new();
    field(&mut exemplar, 1, &[7, 8]);
    field(&mut series, 4, &exemplar);
    field(&mut series, 5, &[8, 3, 0x18, 5, 0x20, 6]);
    field(&mut body, 5, &series);
    // The histogram message is that of 1.0: take it out of a request with one.
    let mut w = Writer::new();
    w.series(&Labels::empty());
    w.histogram(1000, &histogram(false));
    let raw = w.finish_raw();
    let mut series = vec![0x0a, 2, 1, 2];
    field(&mut series, 3, &raw[5..]);
    let mut other = body.clone();
    field(&mut other, 5, &series);
    vec![body, other]
}

pub fn read_seeds() -> Vec<Vec<u8>> {
    let mut matcher = vec![8, 2];
    field(&mut matcher, 2, b"job");
    field(&mut matcher, 3, b"a.*|b");
    let mut hints = vec![8, 15, 0x18, 1, 0x20, 2, 0x30, 1, 0x38, 9];
    field(&mut hints, 2, b"rate");
    field(&mut hints, 5, b"job");
    let mut query = vec![8, 1, 16, 100];
    field(&mut query, 3, &matcher);
    field(&mut query, 4, &hints);
    let mut body = Vec::new();
    field(&mut body, 1, &query);
    field(&mut body, 2, &[1, 0]);
    vec![body]
}

pub fn compressed_seeds() -> Vec<Vec<u8>> {
    let plain = b"the quick brown fox, the quick brown fox, and the lazy dog ".repeat(20);
    let chosen = |choice: u8, body: Vec<u8>| [vec![choice], body].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).expect("memory does not fail");
    vec![
        chosen(0, snap::raw::Encoder::new().compress_vec(&plain).expect("it is small")),
        chosen(1, zstd::bulk::compress(&plain, 1).expect("it is small")),
        chosen(2, gzip.finish().expect("memory does not fail")),
        chosen(3, plain),
    ]
}
