//! What decoding OTLP metrics costs per point: a body of 3,000 counters with six attributes each, and one of 300
//! histograms of 15 buckets, all of their series known, into an appender that only looks series up.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashTable;
use ingest::Limits;
use ingest::metrics::{Options, Sparse, Total, Totals, protobuf};
use model::{
    AppendDone, AppendError, Appender, Committed, Exemplar, Histogram, Labels, Limit, Metadata, SeriesRef,
};
use std::collections::HashMap;
use std::hint::black_box;

const COUNTERS: usize = 3000;
const HISTOGRAMS: usize = 300;
const BUCKETS: usize = 15;
const TIME_NS: u64 = 1_795_262_400_000_000_000;

/// Looks series up in a hash table of keys and counts samples.
#[derive(Default)]
struct Counting {
    table: HashTable<(u64, u32)>,
    keys: Vec<Box<[u8]>>,
    samples: u64,
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

    fn sample(&mut self, _: SeriesRef, _: i64, _: f64, _: i64) -> Result<(), AppendError> {
        self.samples += 1;
        Ok(())
    }

    fn histogram(&mut self, _: SeriesRef, _: i64, _: Histogram, _: i64) -> Result<(), AppendError> {
        self.samples += 1;
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

#[derive(Default)]
struct Remembered(HashMap<SeriesRef, Total<f64>>, HashMap<SeriesRef, Total<Option<Sparse>>>);

impl Totals for Remembered {
    fn number(&mut self, series: SeriesRef) -> Result<&mut Total<f64>, Limit> {
        Ok(self.0.entry(series).or_default())
    }

    fn histogram(&mut self, series: SeriesRef) -> Result<&mut Total<Option<Sparse>>, Limit> {
        Ok(self.1.entry(series).or_default())
    }
}

fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 6);
    let mut put = |mut v: u64| {
        while v >= 0x80 {
            out.push(v as u8 | 0x80);
            v >>= 7;
        }
        out.push(v as u8);
    };
    put(u64::from(number << 3 | 2));
    put(bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

fn fixed(number: u8, v: u64) -> Vec<u8> {
    [&[number << 3 | 1], &v.to_le_bytes()[..]].concat()
}

fn attribute(number: u32, name: &str, value: &str) -> Vec<u8> {
    let value = field(2, &field(1, value.as_bytes()));
    field(number, &[field(1, name.as_bytes()), value].concat())
}

/// Attributes as semantic conventions have them for HTTP servers.
fn attributes(number: u32, i: usize) -> Vec<u8> {
    [
        attribute(number, "http.request.method", ["GET", "POST", "PUT"][i % 3]),
        attribute(number, "http.route", &format!("/api/v1/things/{}/{{id}}", i / 3)),
        attribute(number, "http.response.status_code", ["200", "404", "500"][i % 3]),
        attribute(number, "network.protocol.version", "1.1"),
        attribute(number, "server.address", "shop.example.com"),
        attribute(number, "url.scheme", "https"),
    ]
    .concat()
}

fn body(metrics: &[Vec<u8>]) -> Vec<u8> {
    let resource = [
        attribute(1, "service.name", "cart"),
        attribute(1, "service.namespace", "shop"),
        attribute(1, "service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
        attribute(1, "host.name", "host-0001"),
        attribute(1, "telemetry.sdk.language", "java"),
    ];
    let metrics: Vec<u8> = metrics.iter().flat_map(|m| field(2, m)).collect();
    field(1, &[field(1, &resource.concat()), field(2, &metrics)].concat())
}

fn counters(temporality: u8) -> Vec<u8> {
    let point = |i: usize| {
        let value = [4 << 3 | 1].into_iter().chain((i as f64 * 1.25).to_le_bytes()).collect();
        [fixed(2, TIME_NS - 60_000_000_000), fixed(3, TIME_NS), value, attributes(7, i)].concat()
    };
    let metrics: Vec<Vec<u8>> = (0..COUNTERS / 100)
        .map(|m| {
            let points: Vec<u8> = (0..100).flat_map(|i| field(1, &point(m * 100 + i))).collect();
            let sum = [points, vec![16, temporality, 24, 1]].concat();
            let name = format!("http.server.requests.kind_{m}");
            [field(1, name.as_bytes()), field(3, b"{request}"), field(7, &sum)].concat()
        })
        .collect();
    body(&metrics)
}

fn histograms() -> Vec<u8> {
    let bounds: Vec<u8> =
        (0..BUCKETS - 1).flat_map(|i| (0.005 * 2f64.powi(i as i32)).to_le_bytes()).collect();
    let counts: Vec<u8> = (0..BUCKETS as u64).flat_map(u64::to_le_bytes).collect();
    let total = (0..BUCKETS as u64).sum();
    let points: Vec<u8> = (0..HISTOGRAMS)
        .flat_map(|i| {
            let times = [fixed(2, TIME_NS - 60_000_000_000), fixed(3, TIME_NS)].concat();
            let values = [fixed(4, total), fixed(5, 1.5f64.to_bits())].concat();
            field(1, &[times, values, field(6, &counts), field(7, &bounds), attributes(9, i)].concat())
        })
        .collect();
    let histogram = [points, vec![16, 2]].concat();
    body(&[[field(1, b"http.server.request.duration"), field(3, b"s"), field(9, &histogram)].concat()])
}

fn benches(c: &mut Criterion) {
    let (limits, options) = (Limits::default(), Options::default());
    let mut g = c.benchmark_group("otlp metrics");
    for (what, body, points, samples) in [
        ("counters", counters(2), COUNTERS, COUNTERS),
        ("counters as deltas", counters(1), COUNTERS, COUNTERS),
        ("histograms of 15 buckets", histograms(), HISTOGRAMS, HISTOGRAMS * (BUCKETS + 2)),
    ] {
        let (mut known, mut totals) = (Counting::default(), Remembered::default());
        let mut decode = |body: &[u8]| {
            let totals = Some(&mut totals as &mut dyn Totals);
            protobuf(body, &options, &limits, totals, &mut known as &mut dyn Appender)
        };
        let taken = decode(&body).expect("a valid body");
        // target_info is one more.
        assert_eq!((taken.points, taken.outcome.samples), (points as u64, samples as u64 + 1));
        eprintln!("{what}: {} bytes per point", body.len() / points);
        g.throughput(Throughput::Elements(points as u64));
        g.bench_function(what, |b| b.iter(|| decode(black_box(&body))));
    }
    g.finish();
}

criterion_group!(metrics, benches);
criterion_main!(metrics);
