//! What decoding costs per sample: bodies of 3,000 series with one sample each, all of them known, into an
//! appender that only looks series up. The labels are those of recorded exporters where
//! `../shared/bench/data/exporters.rec.gz` exists, else synthetic ones of the same size.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashTable;
use ingest::Limits;
use ingest::compress::{Decompressor, Encoding};
use ingest::exposition::{Entry, Format, PushOptions, TextParser, push};
use ingest::remote_write::{encode::Writer, v1};
use model::{
    AppendDone, AppendError, Appender, Committed, Exemplar, Histogram, Labels, METRIC_NAME, Metadata,
    SeriesRef,
};
use std::hint::black_box;
use std::io::Read;
use std::path::Path;

const SERIES: usize = 3000;

/// Looks series up in a hash table of keys and counts samples.
#[derive(Default)]
struct Counting {
    table: HashTable<(u64, u32)>,
    keys: Vec<Box<[u8]>>,
    samples: u64,
    check: u64,
}

impl Appender for Counting {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        let hash = xxhash_rust::xxh3::xxh3_64(key);
        let keys = &self.keys;
        let same = |e: &(u64, u32)| e.0 == hash && *keys[e.1 as usize] == *key;
        self.table.find(hash, same).map(|e| SeriesRef(e.1))
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        let hash = xxhash_rust::xxh3::xxh3_64(labels.key());
        let id = self.keys.len() as u32;
        self.keys.push(labels.key().into());
        self.table.insert_unique(hash, (hash, id), |e| e.0);
        Ok(SeriesRef(id))
    }

    fn sample(&mut self, series: SeriesRef, time_ms: i64, value: f64, _: i64) -> Result<(), AppendError> {
        self.samples += 1;
        self.check = self.check.wrapping_add(value.to_bits() ^ time_ms as u64 ^ u64::from(series.0));
        Ok(())
    }

    fn histogram(&mut self, _: SeriesRef, _: i64, _: Histogram, _: i64) -> Result<(), AppendError> {
        Ok(())
    }

    fn exemplar(&mut self, _: SeriesRef, _: Exemplar) -> Result<(), AppendError> {
        Ok(())
    }

    fn metadata(&mut self, _: &str, _: Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(self: Box<Self>) -> AppendDone {
        Box::pin(std::future::ready(Ok(Committed::default())))
    }
}

/// Label sets of exporters on several hosts.
fn label_sets() -> Vec<Labels> {
    let names = recorded().unwrap_or_else(synthetic);
    let mut sets = Vec::new();
    for i in 0..SERIES {
        let (name, pairs) = &names[i % names.len()];
        let host = format!("host-{:04}", i / names.len());
        let mut all: Vec<(String, String)> =
            pairs.iter().filter(|(n, _)| n != "job" && n != "instance").cloned().collect();
        all.push((METRIC_NAME.into(), name.clone()));
        all.push(("job".into(), "node".into()));
        all.push(("instance".into(), format!("{host}:9100")));
        all.push(("dc".into(), "ams1".into()));
        sets.push(Labels::from_pairs(all).expect("recorded labels are valid"));
    }
    sets
}

type Named = (String, Vec<(String, String)>);

fn recorded() -> Option<Vec<Named>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bench/data/exporters.rec.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).ok()?).read_to_string(&mut text).ok()?;
    let limits = Limits::default();
    let heads = text.lines().filter_map(|l| l.strip_prefix("c ").or(l.strip_prefix("g ")));
    let exposition: String = heads.map(|h| format!("{h} 0\n")).collect();
    let mut parser = TextParser::new(exposition.as_bytes(), Format::Text, &limits);
    let mut out = Vec::new();
    while let Ok(Some(entry)) = parser.next() {
        if let Entry::Sample(s) = entry {
            let labels = s.series.labels(&limits).ok()?;
            let pairs = labels.without_name().iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            out.push((labels.metric_name().to_owned(), pairs));
        }
    }
    Some(out)
}

fn synthetic() -> Vec<Named> {
    let pair = |n: &str, v: String| (n.to_owned(), v);
    (0..750)
        .map(|i| {
            let pairs = vec![
                pair("device", format!("/dev/mapper/volume-{i}")),
                pair("fstype", "ext4".into()),
                pair("mountpoint", format!("/var/lib/containers/storage/overlay/{i:08x}/merged")),
                pair("handler", "/api/v1/query_range".into()),
                pair("le", format!("{}", i as f64 / 8.0)),
            ];
            (format!("node_filesystem_subsystem_metric_{}_bytes_total", i % 90), pairs)
        })
        .collect()
}

fn text_of(sets: &[Labels]) -> String {
    sets.iter()
        .enumerate()
        .map(|(i, l)| {
            let pairs: Vec<String> = l.without_name().iter().map(|(n, v)| format!("{n}={v:?}")).collect();
            format!("{}{{{}}} {}\n", l.metric_name(), pairs.join(","), i as f64 * 1.25)
        })
        .collect()
}

fn benches(c: &mut Criterion) {
    let sets = label_sets();
    let limits = Limits::default();
    let mut w = Writer::new();
    for (i, l) in sets.iter().enumerate() {
        w.series(l);
        w.sample(1_700_000_000_123, i as f64 * 1.25);
    }
    let raw = w.finish_raw();
    let compressed = snap::raw::Encoder::new().compress_vec(&raw).expect("small enough");
    let text = text_of(&sets);
    let mut known = Counting::default();
    let outcome = v1::decode(&raw, &limits, &mut known).expect("a valid body");
    assert_eq!((outcome.samples, known.samples), (SERIES as u64, SERIES as u64));
    eprintln!(
        "{} bytes, {} label bytes per series",
        raw.len(),
        sets.iter().map(|l| l.key().len()).sum::<usize>() / SERIES
    );

    let mut g = c.benchmark_group("decode");
    g.throughput(Throughput::Elements(SERIES as u64));
    let mut d = Decompressor::new();
    g.bench_function("snappy alone", |b| {
        b.iter(|| d.decompress(Encoding::Snappy, black_box(&compressed), &limits).map(<[u8]>::len))
    });
    g.bench_function("lookup alone", |b| {
        b.iter(|| sets.iter().filter(|l| known.lookup(black_box(l.key())).is_some()).count())
    });
    g.bench_function("remote write 1.0", |b| {
        b.iter(|| v1::decode(black_box(&raw), &limits, &mut known as &mut dyn Appender))
    });
    g.bench_function("text push", |b| {
        let options = PushOptions::default();
        b.iter(|| {
            push(black_box(text.as_bytes()), Format::Text, &options, &limits, &mut known as &mut dyn Appender)
        })
    });
    g.bench_function("text scan (known to a scraper)", |b| {
        b.iter(|| {
            let mut p = TextParser::new(black_box(text.as_bytes()), Format::Text, &limits);
            let mut n = 0;
            while let Ok(Some(e)) = p.next() {
                if let Entry::Sample(s) = e {
                    n += s.series.raw().len();
                }
            }
            n
        })
    });
    g.finish();
}

criterion_group!(decode, benches);
criterion_main!(decode);
