//! What a query costs per row once the source has read it. The source hands out the same prepared blocks again and
//! again, so that nothing but evaluation is measured.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logql::source::{Block, Scan, ScanStats, Source, Texts};
use logql::{Control, Direction, Engine, EvalError, LogRange, Value, parse, parse_log};
use model::Labels;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Duration;

const BLOCKS: usize = 16;
const BLOCK_ROWS: usize = 16_384;
const ROWS: u64 = (BLOCKS * BLOCK_ROWS) as u64;
const SECOND: i64 = 1_000_000_000;

/// Blocks of one stream each, over an hour.
struct Prepared {
    streams: Vec<Labels>,
    times: Vec<i64>,
    offsets: Vec<u32>,
    text: String,
}

fn prepared(line: impl Fn(usize) -> String) -> Prepared {
    let streams = (0..BLOCKS)
        .map(|i| {
            let (app, host) = (format!("app-{}", i % 4), format!("host-{i}"));
            Labels::from_pairs([("app", app.as_str()), ("env", "prod"), ("host", host.as_str())])
                .expect("good labels")
        })
        .collect();
    let times = (0..BLOCK_ROWS as i64).map(|i| i * 3600 * SECOND / BLOCK_ROWS as i64).collect();
    let (mut text, mut offsets) = (String::new(), vec![0]);
    for i in 0..BLOCK_ROWS {
        text.push_str(&line(i));
        offsets.push(text.len() as u32);
    }
    Prepared { streams, times, offsets, text }
}

impl Source for Prepared {
    fn scan(
        &self,
        _: &Scan<'_>,
        _: &Control,
        visit: &mut dyn FnMut(&Block<'_>) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        for stream in &self.streams {
            let block = Block {
                stream,
                times_ns: &self.times,
                bodies: Texts { offsets: &self.offsets, text: &self.text },
                severities: &[],
                traces: &[],
                spans: &[],
                named: &[],
                attributes: &[],
                settled_ns: i64::MIN,
            };
            if visit(&block).is_break() {
                break;
            }
        }
        Ok(ScanStats::default())
    }
}

fn series(value: &Value) -> usize {
    match value {
        Value::Matrix(series) => series.len(),
        other => panic!("{other:?}"),
    }
}

fn queries(c: &mut Criterion) {
    let nginx = prepared(|i| {
        format!(
            "10.{}.{}.{} - - [10/Jun/2021:09:14:29 +0000] \"GET /api/{i} HTTP/1.1\" 200 {} \"-\" \"Go-http-client/2.0\"",
            i % 7,
            i % 50,
            i % 11,
            i % 1000
        )
    });
    let logfmt = prepared(|i| {
        format!("level=info ts=2021-06-10T09:24:13Z caller=a.go:{} bytes={i} took={}ms", i % 90, i % 500)
    });
    let json = prepared(|i| {
        format!(
            r#"{{"level":"info","status":{},"request":{{"method":"GET","path":"/a/{i}"}},"bytes":{i}}}"#,
            200 + i % 5
        )
    });
    let mut group = c.benchmark_group("range");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10).measurement_time(Duration::from_secs(3));
    for (name, source, query, window, found) in [
        ("count by app", &nginx, r#"sum by (app) (count_over_time({env="prod"}[5m]))"#, 300, 4),
        (
            "count by app, windows overlap",
            &nginx,
            r#"sum by (app) (count_over_time({env="prod"}[1h]))"#,
            15,
            4,
        ),
        ("bytes by app", &nginx, r#"sum by (app) (bytes_rate({env="prod"}[5m]))"#, 300, 4),
        (
            "pattern, count by ip",
            &nginx,
            r#"sum by (ip) (count_over_time({env="prod"} | pattern "<ip> - - <_>" [5m]))"#,
            300,
            3850,
        ),
        (
            "logfmt, count by caller",
            &logfmt,
            r#"sum by (caller) (count_over_time({env="prod"} | logfmt [5m]))"#,
            300,
            90,
        ),
        (
            "logfmt, unwrap by app",
            &logfmt,
            r#"sum by (app) (sum_over_time({env="prod"} | logfmt | unwrap bytes [5m]))"#,
            300,
            4,
        ),
        (
            "json, count by status",
            &json,
            r#"sum by (status) (count_over_time({env="prod"} | json [5m]))"#,
            300,
            5,
        ),
    ] {
        let expr = parse(query).expect("a query that parses");
        group.bench_function(name, |b| {
            b.iter(|| {
                let step = window * SECOND;
                let output = Engine::default()
                    .range(source, &expr, 0, 3600 * SECOND, step, &Control::new())
                    .expect("a result");
                assert_eq!(series(&output.value), found);
                black_box(output)
            })
        });
    }
    group.finish();
    let mut group = c.benchmark_group("lines");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10).measurement_time(Duration::from_secs(3));
    let log = parse_log(r#"{env="prod"} | logfmt | bytes >= 16383"#).expect("a query that parses");
    group.bench_function("logfmt, a rare number", |b| {
        b.iter(|| {
            let range =
                LogRange { start_ns: 0, end_ns: 3600 * SECOND, direction: Direction::Backward, limit: 100 };
            let output = Engine::default().logs(&logfmt, &log, &range, &Control::new()).expect("lines");
            assert_eq!(output.stats.entries, BLOCKS as u64);
            black_box(output)
        })
    });
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
