//! What it costs each log line to be asked whether it holds a stack trace, and what taking one apart costs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use errors::{Event, group, text};
use std::hint::black_box;

fn lines() -> Vec<String> {
    let line = |n: u32| match n % 5 {
        0 => format!(
            "10.0.{}.7 - - [22/Nov/2026:10:20:30 +0000] \"GET /cart/{n} HTTP/1.1\" 200 5123 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"",
            n % 256
        ),
        1 => format!(
            "2026-11-22T10:20:30.{n:06}Z INFO shop::orders: order placed id={n} total=12.50 customer=ann items=3"
        ),
        2 => format!(
            "{{\"level\":\"info\",\"ts\":1795342830.{n},\"msg\":\"request done\",\"path\":\"/cart\",\"status\":200,\"took_ms\":12}}"
        ),
        3 => format!(
            "Nov 22 10:20:30 web-1 sshd[{n}]: Accepted publickey for deploy from 10.0.0.9 port 51234 ssh2"
        ),
        _ => format!(
            "level=warn ts=2026-11-22T10:20:30Z caller=compact.go:519 msg=\"slow block\" block=01HZY{n} took=1.5s"
        ),
    };
    (0..10_000).map(line).collect()
}

const TRACE: &str = "ERROR request 7 failed\njava.lang.IllegalStateException: no stock of 7\n\tat com.acme.Stock.take(Stock.java:31)\n\tat com.acme.Shop.place(Shop.java:18)\n\tat com.acme.Shop$$Lambda$14/0x0000000800c8.run(Unknown Source)\n\tat java.base/java.lang.Thread.run(Thread.java:833)\nCaused by: java.sql.SQLException: connection refused\n\tat com.acme.Db.open(Db.java:44)\n\tat com.acme.Stock.take(Stock.java:29)\n\t... 3 more\n";

fn benches(c: &mut Criterion) {
    let lines = lines();
    let mut g = c.benchmark_group("stack_traces");
    g.throughput(Throughput::Elements(lines.len() as u64));
    g.bench_function("may_hold/lines_without", |b| {
        b.iter(|| {
            let found = lines.iter().filter(|l| text::may_hold(black_box(l))).count();
            assert_eq!(found, 0);
        });
    });
    g.throughput(Throughput::Elements(1));
    g.bench_function("find_and_group/java", |b| {
        b.iter(|| {
            let mut event = Event::default();
            text::find(black_box(TRACE)).expect("a trace").into_event(&mut event);
            group("shop", &event).hash
        });
    });
    g.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
