//! Prometheus' own files. Their checksums are put right here, so that what lies behind them is met.

use super::receive::histogram;
use model::{Labels, METRIC_NAME, Samples};
use promblocks::chunk::{Encoding, decode, encode_floats, encode_floats_xor2, encode_histograms};
use promblocks::file::{Index, parse_meta, parse_tombstones, read_chunk};
use std::sync::Arc;

/// The first byte chooses the encoding.
pub fn chunk(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let Some(encoding) = Encoding::from_number(choice % 6 + 1) else { return };
    let mut s = Samples::default();
    if decode(encoding, body, &mut s).is_err() {
        return;
    }
    let bits = |s: &Samples| s.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for (encoding, data, starts) in [
        (Encoding::Xor, encode_floats(&s.times, &s.values), &vec![]),
        (Encoding::Xor2, encode_floats_xor2(&s.times, &s.values, &s.starts), &s.starts),
    ] {
        let mut again = Samples::default();
        decode(encoding, &data, &mut again).expect("what is encoded decodes");
        assert_eq!((&again.times, bits(&again)), (&s.times, bits(&s)));
        assert_eq!(&again.starts, starts);
    }
    let mut again = Samples::default();
    let mut at = 0;
    while at < s.histograms.len() {
        let c = encode_histograms(&s.histogram_times[at..], &s.histograms[at..], 120);
        assert!(c.count > 0, "a chunk takes at least one histogram");
        decode(c.encoding, &c.data, &mut again).expect("what is encoded decodes");
        at += c.count;
    }
    assert_eq!(again.histogram_times, s.histogram_times);
    for (a, b) in again.histograms.iter().zip(&s.histograms) {
        assert_eq!(
            (a.sum.to_bits(), format!("{:?}", a.counts)),
            (b.sum.to_bits(), format!("{:?}", b.counts))
        );
    }
}

pub fn chunk_seeds() -> Vec<Vec<u8>> {
    let times: Vec<i64> = (0..30).map(|i| 1_700_000_000_000 + i * 15_000 + i % 3).collect();
    let values: Vec<f64> = (0..30).map(|i| f64::from(i % 7) * 1.25).collect();
    let starts: Vec<i64> = (0..30).map(|i| if i < 9 { 0 } else { 5 }).collect();
    let chosen = |e: Encoding, body: Vec<u8>| [vec![e.number() - 1], body].concat();
    let mut seeds = vec![
        chosen(Encoding::Xor, encode_floats(&times, &values)),
        chosen(Encoding::Xor2, encode_floats_xor2(&times, &values, &starts)),
    ];
    for float in [false, true] {
        let histograms: Vec<_> = (0..5).map(|_| Arc::new(histogram(float))).collect();
        let c = encode_histograms(&times, &histograms, 120);
        seeds.push(chosen(c.encoding, c.data.clone()));
        let with_starts = if float { Encoding::FloatHistogramStart } else { Encoding::HistogramStart };
        seeds.push(chosen(with_starts, c.data));
    }
    seeds
}

fn be32(v: usize) -> [u8; 4] {
    (v as u32).to_be_bytes()
}

fn checked(body: &[u8]) -> Vec<u8> {
    [body, &crc32c::crc32c(body).to_be_bytes()].concat()
}

/// An index file: the first byte is the version, the second says where the symbols end and the series begins.
pub fn index(data: &[u8]) {
    let [version, cut, body @ ..] = data else { return };
    let (symbols, series) = body.split_at(usize::from(*cut).min(body.len()));
    let mut file = vec![0xba, 0xaa, 0xd7, 0x00, version % 4];
    let symbols_at = file.len();
    file.extend_from_slice(&be32(symbols.len()));
    file.extend_from_slice(&checked(symbols));
    file.resize(file.len().next_multiple_of(16), 0);
    let series_at = file.len();
    for piece in series.chunks(100) {
        file.resize(file.len().next_multiple_of(16), 0);
        file.push(piece.len() as u8);
        file.extend_from_slice(&checked(piece));
    }
    let mut toc = Vec::new();
    for place in [symbols_at, series_at, 0, 0, 0, 0] {
        toc.extend_from_slice(&(place as u64).to_be_bytes());
    }
    file.extend_from_slice(&checked(&toc));
    read_index(&file);
    read_index(data);
}

fn read_index(file: &[u8]) {
    let Ok(index) = Index::open(file) else { return };
    let mut at = 0;
    while let Ok(Some((series, next))) = index.series_from(at) {
        assert!(next > at, "reading goes forward");
        assert_eq!(Labels::from_key(series.labels.key()).expect("labels have a valid key"), series.labels);
        at = next;
    }
}

pub fn index_seeds() -> Vec<Vec<u8>> {
    let mut symbols = be32(4).to_vec();
    for s in ["", METRIC_NAME, "job", "up"] {
        symbols.push(s.len() as u8);
        symbols.extend_from_slice(s.as_bytes());
    }
    let series = [2, 1, 3, 2, 3, 2, 10, 20, 8, 5, 7, 40];
    vec![
        [&[2, symbols.len() as u8], &symbols[..], &series].concat(),
        [&[1, symbols.len() as u8], &symbols[..], &series].concat(),
    ]
}

pub fn tombstones(data: &[u8]) {
    let mut file = vec![0x01, 0x30, 0xba, 0x30, 1];
    file.extend_from_slice(&checked(data));
    if let Ok(t) = parse_tombstones(&file) {
        t.of(u64::from(*data.first().unwrap_or(&0)));
    }
    let _ = parse_tombstones(data);
}

pub fn tombstone_seeds() -> Vec<Vec<u8>> {
    vec![vec![16, 2, 40, 17, 0x80, 0x80, 1, 0xff, 0xff, 2]]
}

/// A chunk file with one chunk in it.
pub fn chunk_file(data: &[u8]) {
    let mut file = vec![0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0];
    file.push((data.len().saturating_sub(1) & 0x7f) as u8);
    file.extend_from_slice(&checked(data));
    for (bytes, offset) in [(&file[..], 8), (data, 0), (data, 3)] {
        if let Ok((encoding, chunk)) = read_chunk(bytes, offset) {
            let _ = decode(encoding, chunk, &mut Samples::default());
        }
    }
}

pub fn chunk_file_seeds() -> Vec<Vec<u8>> {
    let data = encode_floats(&[1, 2, 3], &[1.0, 2.0, 3.0]);
    vec![[vec![1], data].concat()]
}

pub fn meta(data: &[u8]) {
    let _ = parse_meta(data);
}

pub fn meta_seeds() -> Vec<Vec<u8>> {
    let json = r#"{"ulid":"01HDN0000000000000000000AB","minTime":1,"maxTime":2,"stats":{"numSamples":1,"numSeries":1,"numChunks":1},"compaction":{"level":1,"sources":["01HDN0000000000000000000AB"]},"version":1}"#;
    vec![json.as_bytes().to_vec()]
}
