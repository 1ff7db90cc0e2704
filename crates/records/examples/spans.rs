//! Takes in spans of a made shop (eleven services, HTTP and database attributes, ids at random), then asks for traces by
//! id; prints CPU time and bytes for each span, and how long an answer takes.
//!
//!     cargo run --release -p records --example spans -- [TRACES] [DATA_DIR] [order: trace or stream]

use model::Labels;
use model::record::span::name;
use model::record::{
    AttributesBuf, Record, RecordBatch, Severity, SpanId, StreamRef, Tenant, TraceId, Value,
};
use records::{Attributes, Options, RowOrder, Scan, Store, Unlimited, Wanted};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// Requests under way at once, and traces in each.
const IN_FLIGHT: usize = 4;
const TRACES: usize = 100;
/// Traces a second, which say how far apart their times are.
const RATE: i64 = 700;

const SERVICES: [&str; 11] = [
    "frontend",
    "cart",
    "checkout",
    "currency",
    "email",
    "payment",
    "product-catalog",
    "quote",
    "recommendation",
    "shipping",
    "ad",
];

fn main() {
    let mut args = std::env::args().skip(1);
    let traces: usize = args.next().map_or(70_000, |n| n.parse().expect("a number of traces"));
    let dir =
        args.next().map_or_else(|| std::env::temp_dir().join("records-spans"), std::path::PathBuf::from);
    let order = if args.next().as_deref() == Some("stream") { RowOrder::Stream } else { RowOrder::Trace };
    let _ = std::fs::remove_dir_all(&dir);
    let mut options = Options::new(&dir);
    options.retention_ms = 3650 * 86_400_000;
    options.order = order;
    let store = Store::open(options, Arc::new(env::RealDisk), Arc::new(env::RealClock::new()));
    let store = store.expect("the data directory opens");
    let ids = take_in(&store, traces);
    ask(&store, &ids);
}

/// xorshift*, so that each run makes the same spans.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (u128::from(self.next()) * u128::from(n) >> 64) as u64
    }

    /// Durations are spread like this: many short ones, few that are a hundred times as long.
    fn duration(&mut self, median_ns: u64) -> i64 {
        let exponent = (0..4).map(|_| self.below(1000) as f64 / 1000.0).sum::<f64>() - 2.0;
        (median_ns as f64 * exponent.exp2().powi(2)) as i64
    }
}

/// Writes the spans of one trace.
struct Maker<'b> {
    batch: &'b mut RecordBatch,
    streams: &'b [StreamRef],
    dice: &'b mut Dice,
    trace: TraceId,
    attributes: AttributesBuf,
    count: usize,
}

impl Maker<'_> {
    fn span(
        &mut self,
        service: usize,
        span_name: &str,
        kind: i64,
        parent: SpanId,
        (start, length): (i64, i64),
        own: &[(&str, Value<'_>)],
    ) -> SpanId {
        let id = SpanId(self.dice.next().to_le_bytes());
        let a = &mut self.attributes;
        a.clear();
        a.push("resource.process.pid", Value::Int(100 + service as i64));
        a.push(name::SCOPE_NAME, Value::String("io.opentelemetry.http"));
        a.push(name::SCOPE_VERSION, Value::String("1.32.0"));
        own.iter().for_each(|(n, v)| a.push(n, *v));
        a.push(name::DURATION, Value::Int(length));
        a.push(name::KIND, Value::Int(kind));
        if !parent.is_none() {
            a.push(name::PARENT_ID, Value::Bytes(&parent.0));
        }
        a.push(name::FLAGS, Value::Int(257));
        if self.dice.below(200) == 0 {
            a.push(name::STATUS, Value::Int(2));
        }
        self.count += 1;
        self.batch.push(
            self.streams[service],
            &Record {
                time_ns: start,
                observed_ns: 0,
                severity: Severity::UNKNOWN,
                trace_id: self.trace,
                span_id: id,
                body: Value::String(span_name),
                attributes: self.attributes.as_attributes(),
            },
        );
        id
    }

    /// A call of another service over HTTP and what it does there.
    fn call(&mut self, from: usize, to: usize, parent: SpanId, at: i64, route: &str) {
        let length = self.dice.duration(4_000_000);
        let status = Value::Int(if self.dice.below(100) == 0 { 500 } else { 200 });
        let url = format!(
            "http://{}:8080{}",
            SERVICES[to],
            route.replace("{id}", &self.dice.below(100_000).to_string())
        );
        let client = self.span(
            from,
            "GET",
            3,
            parent,
            (at, length),
            &[
                ("http.request.method", Value::String("GET")),
                ("url.full", Value::String(&url)),
                ("server.address", Value::String(SERVICES[to])),
                ("server.port", Value::Int(8080)),
                ("http.response.status_code", status),
                ("network.protocol.version", Value::String("1.1")),
            ],
        );
        let path = &url[url[7..].find('/').map_or(0, |p| p + 7)..];
        let inner = (at + length / 10, length * 8 / 10);
        let server = self.span(
            to,
            &format!("GET {route}"),
            2,
            client,
            inner,
            &[
                ("http.request.method", Value::String("GET")),
                ("http.route", Value::String(route)),
                ("url.path", Value::String(path)),
                ("url.scheme", Value::String("http")),
                ("server.address", Value::String(SERVICES[to])),
                ("client.address", Value::String("10.0.3.17")),
                ("http.response.status_code", status),
                ("user_agent.original", Value::String("python-requests/2.32.3")),
            ],
        );
        let queries = 1 + self.dice.below(2);
        for n in 0..queries {
            let length = self.dice.duration(800_000);
            let at = inner.0 + inner.1 / 10 * (n as i64 + 1);
            self.span(
                to,
                "SELECT shop.items",
                3,
                server,
                (at, length),
                &[
                    ("db.system", Value::String("postgresql")),
                    ("db.namespace", Value::String("shop")),
                    ("db.operation.name", Value::String("SELECT")),
                    (
                        "db.query.text",
                        Value::String("SELECT id, name, price, stock FROM items WHERE id = $1 AND shop = $2"),
                    ),
                    ("server.address", Value::String("postgres")),
                    ("server.port", Value::Int(5432)),
                ],
            );
        }
    }
}

fn make(batch: &mut RecordBatch, streams: &[StreamRef], dice: &mut Dice, at: i64) -> (TraceId, usize) {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&dice.next().to_le_bytes());
    id[8..].copy_from_slice(&dice.next().to_le_bytes());
    let calls = 3 + dice.below(3);
    let length = dice.duration(40_000_000);
    let attributes = AttributesBuf::new();
    let mut maker = Maker { batch, streams, dice, trace: TraceId(id), attributes, count: 0 };
    let user = format!("u{}", maker.dice.below(50_000));
    let root = maker.span(
        0,
        "GET /cart",
        2,
        SpanId::NONE,
        (at, length),
        &[
            ("http.request.method", Value::String("GET")),
            ("http.route", Value::String("/cart")),
            ("url.path", Value::String("/cart")),
            ("url.scheme", Value::String("https")),
            ("http.response.status_code", Value::Int(200)),
            ("enduser.id", Value::String(&user)),
            ("user_agent.original", Value::String("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")),
        ],
    );
    const ROUTES: [&str; 4] = ["/cart/{id}", "/products/{id}", "/quote", "/orders/{id}/items"];
    for n in 0..calls {
        let to = 1 + maker.dice.below(10) as usize;
        let route = ROUTES[maker.dice.below(4) as usize];
        let at = at + length / (calls as i64 + 1) * n as i64;
        maker.call(0, to, root, at, route);
    }
    (TraceId(id), maker.count)
}

fn take_in(store: &Store, traces: usize) -> Vec<TraceId> {
    let labels = |service: &str| {
        let pairs = [
            ("service.name", service),
            ("service.version", "1.14.2"),
            ("host.name", "node-7"),
            ("telemetry.sdk.language", "python"),
            ("deployment.environment.name", "production"),
        ];
        Labels::from_pairs(pairs).expect("names are in order")
    };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let now = env::Clock::now_ms(&env::RealClock::new()) * 1_000_000;
    let first = now - traces as i64 * 1_000_000_000 / RATE;
    let (mut ids, mut spans, mut making, mut raw) = (Vec::new(), 0, 0, 0);
    let mut under_way = VecDeque::new();
    let before = cpu_ns();
    for begin in (0..traces).step_by(TRACES) {
        let started = cpu_ns();
        let mut batch = RecordBatch::new(Tenant::unnamed());
        let streams: Vec<StreamRef> = SERVICES.iter().map(|s| batch.stream(labels(s))).collect();
        for n in begin..traces.min(begin + TRACES) {
            let jitter = dice.below(1_000_000_000 / RATE as u64) as i64;
            let at = first + n as i64 * 1_000_000_000 / RATE + jitter;
            let (id, count) = make(&mut batch, &streams, &mut dice, at);
            ids.push(id);
            spans += count;
        }
        raw += batch.content_bytes();
        making += cpu_ns() - started;
        let batch = Arc::new(batch);
        loop {
            under_way.push_back((batch.clone(), store.append_shared(batch.clone())));
            if under_way.len() < IN_FLIGHT {
                break;
            }
            let Some((_, done)) = under_way.pop_front() else { break };
            match futures::executor::block_on(done) {
                Ok(_) => break,
                Err(_) => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    under_way.pop_back();
                }
            }
        }
    }
    for (_, done) in under_way {
        futures::executor::block_on(done).expect("the last batches are taken");
    }
    let taken = cpu_ns() - before - making;
    store.flush().expect("flushes");
    while store.merge_once().expect("merges") {}
    let flushed = cpu_ns() - before - making;
    store.compact().expect("compacts");
    let all = cpu_ns() - before - making;
    let s = store.status();
    let each = |ns: i64| ns as f64 / spans as f64 / 1000.0;
    println!("{spans} spans of {traces} traces, {} bytes each as they came", raw / spans);
    println!(
        "CPU µs a span: {:.2} until acknowledged, {:.2} with flushes and merges, {:.2} with compaction; {} flushes, {} merges",
        each(taken),
        each(flushed),
        each(all),
        s.flushes,
        s.merges
    );
    println!("{:.1} bytes a span on disk in {} parts", s.part_bytes as f64 / spans as f64, s.parts);
    ids
}

fn ask(store: &Store, ids: &[TraceId]) {
    let tenant = Tenant::unnamed();
    let wanted = Wanted { body: true, severity: false, ids: true, attributes: Attributes::All };
    let mut took: Vec<f64> = Vec::new();
    for id in ids.iter().step_by(ids.len() / 200 + 1) {
        let started = Instant::now();
        let mut found = 0;
        let scan = Scan { trace_id: Some(*id), wanted, ..Scan::all(&tenant) };
        let scanned = store.scan(&scan, &Unlimited, &mut |block| {
            found += block.len();
            ControlFlow::Continue(())
        });
        scanned.expect("reads");
        assert!(found > 3, "a trace is found whole");
        took.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    println!(
        "a trace by its id: {:.2} ms in the middle, {:.2} ms at the 95th percentile",
        took[took.len() / 2],
        took[took.len() * 95 / 100]
    );
}

/// CPU time of this process.
fn cpu_ns() -> i64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<i64>().ok()).unwrap_or(0);
    // Ticks of a hundredth of a second.
    (ticks(11) + ticks(12)) * 10_000_000
}
