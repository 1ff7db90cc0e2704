//! Takes in a file of Loki push bodies, then asks what people ask of logs; prints CPU time, bytes and memory.
//!
//!     cargo run --release -p records --example corpus -- BODIES [DATA_DIR] [asks only: -q]
//!
//! BODIES is a magic of 8 bytes, a header (u32 length, bytes), then frames of five u32 (the last one the length of what
//! follows) and a snappy-compressed Loki push request. All numbers are little endian.

use model::Labels;
use model::Matcher;
use model::record::{
    AttributesBuf, FilterOp, Record, RecordBatch, RecordSink, Severity, StreamRef, Tenant, TextFilter, Value,
};
use records::{Attributes, Block, Direction, Options, Scan, Store, Unlimited, Wanted};
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Requests under way at once.
const IN_FLIGHT: usize = 4;

fn main() {
    let mut args = std::env::args().skip(1);
    let bodies = args.next().expect("a file of bodies");
    let dir =
        args.next().map_or_else(|| std::env::temp_dir().join("records-corpus"), std::path::PathBuf::from);
    let only_ask = args.next().is_some();
    let mut options = Options::new(&dir);
    options.retention_ms = 3650 * 86_400_000;
    options.future_ms_max = 3650 * 86_400_000;
    let clock = env::RealClock::new();
    let store =
        Store::open(options, Arc::new(env::RealDisk), Arc::new(clock)).expect("the data directory opens");
    if !only_ask {
        take_in(&store, &bodies);
    }
    ask(&store);
}

fn take_in(store: &Store, bodies: &str) {
    let file = std::fs::read(bodies).expect("bodies can be read");
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut raw_bytes, mut under_way) = (12 + word(8), 0, VecDeque::new());
    let (mut decoding, before) = (0, process_ns());
    let reading = file.len() as f64 / 1048576.0;
    while at + 20 <= file.len() {
        let n = word(at + 16);
        let started = thread_ns();
        let batch = decode(&file[at + 20..at + 20 + n], &mut raw_bytes);
        decoding += thread_ns() - started;
        let mut batch = Some(batch);
        while let Some(b) = batch.take() {
            let kept = b.clone();
            under_way.push_back((kept, store.append(b)));
            if under_way.len() >= IN_FLIGHT {
                let (again, done) = under_way.pop_front().unwrap();
                if let Err(busy) = futures::executor::block_on(done) {
                    eprintln!("{busy}");
                    std::thread::sleep(std::time::Duration::from_millis(200));
                    batch = Some(again);
                }
            }
        }
        at += 20 + n;
    }
    for (_, done) in under_way {
        futures::executor::block_on(done).expect("the last bodies are taken");
    }
    let written = process_ns() - before;
    store.flush().expect("flushes");
    while store.merge_once().expect("merges") {}
    let all = process_ns() - before;
    let s = store.status();
    let gb = raw_bytes as f64 / 1e9;
    println!(
        "{} records, {raw_bytes} bytes of text ({reading:.0} MiB of bodies in memory)",
        s.records_appended
    );
    println!(
        "CPU-s per GB: {:.2} in all; {:.2} until the last answer, of which decoding {:.2}; {} flushes, {} merges of {} records",
        all as f64 / 1e9 / gb,
        written as f64 / 1e9 / gb,
        decoding as f64 / 1e9 / gb,
        s.flushes,
        s.merges,
        s.records_merged,
    );
    println!("bytes per raw byte: {:.4} in {} parts", s.part_bytes as f64 / raw_bytes as f64, s.parts);
    println!("peak memory: {} (bodies included)", peak());
    store.compact().expect("compacts");
    let s = store.status();
    let cpu = (process_ns() - before - all) as f64 / 1e9 / gb;
    println!(
        "compacted ({cpu:.2} CPU-s per GB more): {:.4} in {} parts",
        s.part_bytes as f64 / raw_bytes as f64,
        s.parts
    );
    println!("directories in memory: {} bytes", s.part_memory_bytes);
}

fn ask(store: &Store) {
    let tenant = Tenant::unnamed();
    let contains = |text: &str| [TextFilter::new(FilterOp::Contains, text).unwrap()];
    let prod = [Matcher::equal("env", "prod")];
    let nginx = [Matcher::equal("app", "nginx")];
    let one = [Matcher::equal("app", "openstack"), Matcher::equal("host", "host-03")];
    let all = Scan::all(&tenant);
    let by_level = Wanted { attributes: Attributes::Named(&["level"]), ..Wanted::default() };
    let body = Wanted { body: true, ..Wanted::default() };
    let tail = Scan {
        matchers: &one,
        direction: Direction::Backward,
        limit: Some(100),
        wanted: body,
        ..all.clone()
    };
    run(
        "needle phrase",
        store,
        &Scan { filters: &contains("checksum mismatch in chunk"), ..all.clone() },
        count,
    );
    run("absent token", store, &Scan { filters: &contains("nosuchtokenzz9"), ..all.clone() }, count);
    let received = contains("Received");
    run(
        "common word by level",
        store,
        &Scan { filters: &received, matchers: &prod, wanted: by_level, ..all.clone() },
        |g, b| {
            for (row, t) in b.times_ns.iter().enumerate() {
                let level = b.attribute(0, row).and_then(Value::as_str).unwrap_or("");
                add(g, level, t / 300_000_000_000);
            }
        },
    );
    run("all lines by app", store, &all, |g, b| {
        let app = b.labels.get("app").unwrap_or("");
        b.times_ns.iter().for_each(|t| add(g, app, t / 300_000_000_000));
    });
    run("substring", store, &Scan { filters: &contains("blk_12"), ..all.clone() }, count);
    run("tail of one stream", store, &tail, count);
    run("top addresses", store, &Scan { matchers: &nginx, wanted: body, ..all.clone() }, |g, b| {
        for row in 0..b.len() {
            let ip = b.body(row).split_once(" - - ").map_or("", |(ip, _)| ip);
            add(g, ip, 0);
        }
    });
    run("newest 1000 of all", store, &Scan { matchers: &[], limit: Some(1000), ..tail.clone() }, count);
    run(
        "one id",
        store,
        &Scan { filters: &contains("4bf92f3577b34da6a3ce929d0e0e4736"), ..all.clone() },
        count,
    );
    run("all bodies", store, &Scan { wanted: body, ..all.clone() }, |g, b| {
        let bytes: usize = (0..b.len()).map(|row| b.body(row).len()).sum();
        *g.entry("bytes".to_owned()).or_default().entry(0).or_default() += bytes as u64;
    });
    println!("peak memory: {}", peak());
}

type Groups = BTreeMap<String, BTreeMap<i64, u64>>;

fn add(groups: &mut Groups, key: &str, at: i64) {
    match groups.get_mut(key) {
        Some(g) => *g.entry(at).or_default() += 1,
        None => drop(groups.entry(key.to_owned()).or_default().insert(at, 1)),
    }
}

fn count(groups: &mut Groups, block: &Block<'_>) {
    *groups.entry(String::new()).or_default().entry(0).or_default() += block.len() as u64;
}

/// Runs a question three times; prints the least CPU time and what came out.
fn run(name: &str, store: &Store, scan: &Scan<'_>, mut group: impl FnMut(&mut Groups, &Block<'_>)) {
    let mut least = u64::MAX;
    let mut shown = String::new();
    for _ in 0..3 {
        let mut groups = Groups::new();
        let before = thread_ns();
        let scanned = store
            .scan(scan, &Unlimited, &mut |b| {
                group(&mut groups, b);
                ControlFlow::Continue(())
            })
            .expect("scans");
        least = least.min(thread_ns() - before);
        let sum: u64 = groups.values().flat_map(BTreeMap::values).sum();
        shown = format!("{sum} in {} groups, {scanned:?}", groups.len());
    }
    println!("{name:24} {:8.1} ms  {shown}", least as f64 / 1e6);
}

fn decode(body: &[u8], raw_bytes: &mut u64) -> RecordBatch {
    let raw = snap::raw::Decoder::new().decompress_vec(body).expect("snappy");
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let mut attributes = AttributesBuf::new();
    fields(&raw, |n, stream, _| {
        if n != 1 {
            return;
        }
        let mut of: Option<StreamRef> = None;
        fields(stream, |n, piece, _| match n {
            1 => of = Some(batch.stream(labels(std::str::from_utf8(piece).expect("labels")))),
            2 => {
                let (mut time_ns, mut line, mut level) = (0, "", "");
                fields(piece, |n, v, _| match n {
                    1 => fields(v, |n, _, v| {
                        time_ns += if n == 1 { v as i64 * 1_000_000_000 } else { v as i64 }
                    }),
                    2 => line = std::str::from_utf8(v).expect("line"),
                    3 => fields(v, |n, v, _| {
                        if n == 2 {
                            level = std::str::from_utf8(v).expect("level");
                        }
                    }),
                    _ => {}
                });
                attributes.clear();
                attributes.push("level", Value::String(level));
                *raw_bytes += line.len() as u64;
                let record = Record {
                    severity: Severity::from_text(level),
                    attributes: attributes.as_attributes(),
                    ..Record::line(time_ns, line)
                };
                batch.push(of.expect("labels come first"), &record);
            }
            _ => {}
        });
    });
    batch
}

/// `{a="x", b="y"}`, without escapes.
fn labels(text: &str) -> Labels {
    let pairs = text.trim_matches(['{', '}']).split(", ").filter_map(|p| p.split_once('='));
    Labels::from_pairs(pairs.map(|(n, v)| (n, v.trim_matches('"')))).expect("labels")
}

/// Fields of a protobuf message: number, bytes, varint.
fn fields<'a>(message: &'a [u8], mut f: impl FnMut(u64, &'a [u8], u64)) {
    let mut rest = message;
    let varint = |rest: &mut &'a [u8]| {
        let (mut v, mut shift) = (0u64, 0);
        while let Some((b, tail)) = rest.split_first() {
            *rest = tail;
            v |= u64::from(b & 0x7f) << shift;
            shift += 7;
            if *b < 0x80 {
                break;
            }
        }
        v
    };
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let v = varint(&mut rest);
        if key & 7 == 2 {
            let (bytes, tail) = rest.split_at(v as usize);
            rest = tail;
            f(key >> 3, bytes, 0);
        } else {
            f(key >> 3, &[], v);
        }
    }
}

/// CPU time of this thread in nanoseconds.
fn thread_ns() -> u64 {
    schedstat("/proc/thread-self/schedstat")
}

/// CPU time of all threads that are alive.
fn process_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("tasks");
    tasks.flatten().map(|t| schedstat(&t.path().join("schedstat").to_string_lossy())).sum()
}

fn schedstat(path: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned()
}
