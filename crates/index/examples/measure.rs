//! Measures the index on a fleet of hosts: memory, disk, lookups, opening, queries. Prints one figure a line.
//!
//! `cargo run --release -p index --example measure [HOSTS [SERIES_PER_HOST]]`. The series of a host are those of a
//! recording of real exporters, `../shared/bench/data/exporters.rec.gz`, if that is there and `gzip` is installed,
//! else made-up ones of the same shape. `1330` hosts are a million series.

use blocks::{Blocks, LocalBlocks};
use env::RealDisk;
use index::{Index, IndexOptions, SeriesId};
use model::{Labels, MatchOp, Matcher};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Counts what is allocated.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a number"));
    let hosts = args.next().unwrap_or(50);
    let recording = recording().unwrap_or_else(|| {
        eprintln!("the recording ../shared/bench/data/exporters.rec.gz is not there: made-up series instead");
        (0..752).map(made_up).collect()
    });
    let recording = &recording[..args.next().unwrap_or(usize::MAX).min(recording.len())];
    let dir = std::env::temp_dir().join(format!("index-measure-{}", std::process::id()));
    measure(&dir, hosts, recording);
    std::fs::remove_dir_all(&dir).expect("the directory was ours");
}

type Pairs = Vec<(String, String)>;

/// The series of the recording: `c NAME{LABELS}` or `g NAME{LABELS}` before each line of values.
fn recording() -> Option<Vec<Pairs>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bench/data/exporters.rec.gz");
    let out = std::process::Command::new("gzip").arg("-dc").arg(file).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let ids = text.lines().filter_map(|l| l.strip_prefix("c ").or(l.strip_prefix("g ")));
    let series: Vec<Pairs> = ids.map(parse).collect();
    (!series.is_empty()).then_some(series)
}

fn parse(id: &str) -> Pairs {
    let (name, labels) = id.split_once('{').unwrap_or((id, ""));
    let mut pairs = vec![("__name__".to_owned(), name.to_owned())];
    let mut rest = labels.trim_end_matches('}');
    while let Some((label, after)) = rest.split_once("=\"") {
        let (mut value, mut end) = (String::new(), after.len());
        let mut chars = after.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => value.extend(chars.next().map(|(_, c)| if c == 'n' { '\n' } else { c })),
                c => value.push(c),
            }
        }
        pairs.push((label.trim_start_matches([',', ' ']).to_owned(), value));
        rest = &after[end..];
    }
    pairs
}

fn made_up(i: usize) -> Pairs {
    let pair = |n: &str, v: String| (n.to_owned(), v);
    vec![
        pair("__name__", format!("node_subsystem_{:02}_measured_things_total", i / 8)),
        pair("device", format!("nvme{}n1", i % 4)),
        pair("mode", ["read", "write"][i / 4 % 2].to_owned()),
    ]
}

/// A host's series as a scraper would label them.
fn of_host(host: usize, recording: &[Pairs]) -> Vec<Labels> {
    let name = format!("host-{host:04}");
    let dc = ["ams1", "fra2", "sin1"][host % 3];
    let series = |pairs: &Pairs| {
        let own = pairs.iter().map(|(n, v)| match n.as_str() {
            "nodename" => (n.clone(), name.clone()),
            "job" | "instance" => (format!("exported_{n}"), v.clone()),
            _ => (n.clone(), v.clone()),
        });
        let job = if pairs[0].1.starts_with("node_") { "node" } else { "app" };
        let added = [("instance", format!("{name}:9100")), ("dc", dc.to_owned()), ("job", job.to_owned())];
        let added = added.into_iter().map(|(n, v)| (n.to_owned(), v));
        Labels::from_pairs(own.chain(added)).expect("no label twice")
    };
    recording.iter().map(series).collect()
}

fn open(dir: &Path) -> Index {
    let blocks = LocalBlocks::open(Arc::new(RealDisk), dir.to_owned()).expect("a directory of ours");
    let blocks: Arc<dyn Blocks> = Arc::new(blocks);
    Index::open(blocks, IndexOptions::default()).expect("a sound index").0
}

fn report(what: &str, value: f64, unit: &str) {
    println!("{what:<58} {value:>12.2} {unit}");
}

fn timed<T>(what: &str, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = f();
    report(what, start.elapsed().as_secs_f64() * 1e3, "ms");
    out
}

/// Time this thread spent on a processor, in seconds: other work on the machine does not count. Good to some
/// milliseconds only. Where the system does not tell, time passed.
fn on_cpu() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = told.and_then(|s| s.split(' ').next()?.parse::<f64>().ok());
    ns.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns / 1e9)
}

/// Nanoseconds for each of `n` things that `f` does, on the processor.
fn each<T>(what: &str, n: usize, f: impl FnOnce() -> T) -> T {
    let start = on_cpu();
    let out = f();
    report(what, (on_cpu() - start) * 1e9 / n as f64, "ns CPU");
    out
}

fn measure(dir: &Path, hosts: usize, recording: &[Pairs]) {
    let fleet: Vec<Labels> = (0..hosts).flat_map(|h| of_host(h, recording)).collect();
    let n = fleet.len() as f64;
    let before = HELD.load(Ordering::Relaxed);
    let held = || (HELD.load(Ordering::Relaxed) - before) as f64;
    let index = open(dir);
    report("series", n, "");
    report("key bytes per series", fleet.iter().map(|l| l.key().len()).sum::<usize>() as f64 / n, "B");
    each("create", fleet.len(), || {
        for labels in &fleet {
            index.get_or_create(labels, &mut |_| {}).expect("no limit is set");
        }
    });
    report("memory per series, none persisted", held() / n, "B");
    report("  as the index says", index.status().memory_bytes as f64 / n, "B");
    PEAK.store(HELD.load(Ordering::Relaxed), Ordering::Relaxed);
    let settled = held();
    each("persist", fleet.len(), || index.persist().expect("room on disk"));
    let peak = (PEAK.load(Ordering::Relaxed) - before) as f64;
    report("  memory on top meanwhile", (peak - settled) / n, "B/series");
    report("memory per series, all persisted and active", held() / n, "B");
    report("disk per series", index.status().segment_bytes as f64 / n, "B");
    lookups(&index, &fleet, 20, "active, in order");
    drop(index);

    let index = timed("open", || open(dir));
    timed("first lookup", || assert!(index.lookup(fleet[fleet.len() / 2].key()).is_some()));
    lookups(&index, &fleet, 1, "from the segment, in order");
    lookups(&index, &fleet, 20, "active again, in order");
    let rounds = (4_000_000 / fleet.len()).clamp(1, 20);
    each("lookup, active, told the one before", fleet.len() * rounds, || {
        for _ in 0..rounds {
            let mut before = SeriesId(u32::MAX);
            for l in &fleet {
                before = index.lookup_after(before, l.key()).expect("every series is there");
            }
        }
    });
    shuffled(&index, &fleet);
    report("memory per series after reopening and looking up all", held() / n, "B");
    queries(&index);
    pieces(dir, &index, n);
}

/// Looks up every series so many times.
fn lookups(index: &Index, fleet: &[Labels], rounds: usize, what: &str) {
    let rounds = rounds.min(4_000_000 / fleet.len()).max(1);
    each(&format!("lookup, {what}"), fleet.len() * rounds, || {
        for _ in 0..rounds {
            for l in fleet {
                black_box(index.lookup(l.key()).expect("every series is there"));
            }
        }
    });
}

/// Looks up series far from each other, so that no cache line is warm.
fn shuffled(index: &Index, fleet: &[Labels]) {
    let rounds = fleet.len().max(1_000_000);
    let mut at = 1;
    each("lookup, active, at random, the key asked for cold, too", rounds, || {
        for _ in 0..rounds {
            at = (at + 7_368_787) % fleet.len();
            black_box(index.lookup(fleet[at].key()).expect("every series is there"));
        }
    });
}

fn queries(index: &Index) {
    let m = |op, n: &str, v: &str| Matcher::new(op, n, v).expect("a good pattern");
    let cases = [
        vec![],
        vec![m(MatchOp::Regex, "__name__", ".+")],
        vec![m(MatchOp::Equal, "__name__", "node_cpu_seconds_total")],
        vec![m(MatchOp::Equal, "instance", "host-0007:9100"), m(MatchOp::Regex, "__name__", "node_.*")],
        vec![m(MatchOp::Regex, "instance", "host-00.*"), m(MatchOp::NotEqual, "mode", "idle")],
        vec![
            m(MatchOp::Regex, "__name__", "node_(cpu|memory).*"),
            m(MatchOp::Regex, "instance", ".*[13]:9100"),
        ],
        vec![m(MatchOp::Equal, "device", "")],
    ];
    for matchers in cases {
        let text: Vec<String> = matchers.iter().map(|m| m.to_string()).collect();
        let found = timed(&format!("select {{{}}}", text.join(",")), || index.select(&matchers));
        println!("    {} series", found.len());
    }
    let all = index.select(&[]);
    let mut bytes = 0;
    timed("labels of every series", || index.labels_many(&all, |_, l| bytes += l.key().len()));
    let values =
        timed("values of instance", || index.label_values("instance", &[], &roaring::RoaringBitmap::new()));
    println!("    {} values", values.len());
    timed("label names", || index.label_names(&[], &roaring::RoaringBitmap::new()));
    timed("cardinality", || index.cardinality(10));
}

/// Sizes of the parts, and a second host fleet in small pieces that are merged.
fn pieces(dir: &Path, index: &Index, n: f64) {
    for file in std::fs::read_dir(dir.join("index")).expect("the index lies there") {
        let file = file.expect("it can be listed").path();
        let bytes = bytes::Bytes::from(std::fs::read(&file).expect("it can be read"));
        let start = Instant::now();
        assert_eq!(index::verify(bytes.clone()), []);
        report("verify", start.elapsed().as_secs_f64() * 1e3, "ms");
        // The lengths of the sections lie in the footer; see docs/format/index.md.
        let footer = &bytes[bytes.len() - 112..];
        let names = [
            "keys",
            "postings",
            "terms",
            "hashes",
            "key dir",
            "term dir",
            "hash dir",
            "names",
            "ids",
            "dictionary",
        ];
        for (name, at) in names.iter().zip((24..).step_by(8)) {
            let length = u64::from_le_bytes(footer[at..at + 8].try_into().expect("eight bytes"));
            report(&format!("  section {name}"), length as f64 / n, "B/series");
        }
    }
    assert!(index.merge(false).expect("a merge").is_none(), "one segment needs no merge");
}
