//! Measures steady scraping: many targets, nothing new, into a store that only counts. Prints one figure a line.
//!
//! `cargo run --release -p scrape --example steady [TARGETS [SERIES]]`. The targets are served by this same process
//! from one ready-made body, so the figures hold the serving of it, too.

use model::{
    AppendDone, AppendError, Appendable, Appender, Committed, Exemplar, Histogram, Labels, Metadata,
    SeriesRef,
};
use scrape::config::{Jobs, ScrapeSections};
use scrape::{Scraper, ScraperOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Knows every series and keeps nothing.
#[derive(Default)]
struct Counter(AtomicU64);

impl Appendable for Counter {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch(self, 0))
    }
}

struct Batch<'a>(&'a Counter, u64);

impl Appender for Batch<'_> {
    fn lookup(&mut self, _: &[u8]) -> Option<SeriesRef> {
        Some(SeriesRef(0))
    }
    fn series(&mut self, _: &Labels) -> Result<SeriesRef, AppendError> {
        Ok(SeriesRef(0))
    }
    fn sample(&mut self, _: SeriesRef, _: i64, _: f64, _: i64) -> Result<(), AppendError> {
        self.1 += 1;
        Ok(())
    }
    fn histogram(&mut self, _: SeriesRef, _: i64, _: Histogram, _: i64) -> Result<(), AppendError> {
        self.1 += 1;
        Ok(())
    }
    fn exemplar(&mut self, _: SeriesRef, _: Exemplar) -> Result<(), AppendError> {
        Ok(())
    }
    fn metadata(&mut self, _: &str, _: Metadata) -> Result<(), AppendError> {
        Ok(())
    }
    fn commit(self: Box<Self>) -> AppendDone {
        self.0.0.fetch_add(self.1, Relaxed);
        Box::pin(async { Ok(Committed::default()) })
    }
}

/// An exposition of that many series, in families of sixteen.
fn exposition(series: usize) -> Vec<u8> {
    let mut body = String::new();
    for n in 0..series {
        if n % 16 == 0 {
            body.push_str(&format!(
                "# HELP node_thing_{n}_total What is counted.\n# TYPE node_thing_{n}_total counter\n"
            ));
        }
        let family = n - n % 16;
        body.push_str(&format!(
            "node_thing_{family}_total{{cpu=\"{n}\",device=\"/dev/disk{n}\",mode=\"idle\"}} {n}.25\n"
        ));
    }
    body.into_bytes()
}

async fn serve(mut stream: TcpStream, answer: Arc<Vec<u8>>) {
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

/// Seconds of processor time of this process, and bytes of its memory.
fn usage() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .into_iter()
        .flat_map(str::split_whitespace)
        .map(|f| f.parse().unwrap_or(0))
        .collect();
    ((fields[11] + fields[12]) as f64 / 100.0, fields[21] * 4096)
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a number"));
    let (targets, series) = (args.next().unwrap_or(100), args.next().unwrap_or(1000));
    let body = exposition(series);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = Arc::new([head.as_bytes(), &body].concat());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer.clone()));
        }
    });
    let list: Vec<String> =
        (0..targets).map(|n| format!("{{targets: ['{address}'], labels: {{n: '{n}'}}}}")).collect();
    let yaml = format!(
        "scrape_configs: [{{job_name: j, scrape_interval: 1s, static_configs: [{}]}}]",
        list.join(", ")
    );
    let sections = ScrapeSections::from_yaml(&yaml).expect("our own configuration");
    let jobs = Jobs::resolve(&sections.global, &sections.scrape_configs, "".as_ref())
        .expect("our own configuration");
    let store = Arc::new(Counter::default());
    let scraper = Scraper::start(jobs, store.clone(), ScraperOptions::default());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (before, samples) = (usage().0, store.0.load(Relaxed));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (after, memory) = usage();
    let samples = store.0.load(Relaxed) - samples;
    let expected = (targets * (series + 5) * 10) as u64;
    println!("samples\t{samples} of {expected} due");
    println!("failed scrapes\t{}", scraper.stats().failed);
    println!("CPU-seconds per million samples\t{:.3}", (after - before) / samples as f64 * 1e6);
    println!("resident memory per series\t{:.0} B", memory as f64 / (targets * series) as f64);
    scraper.stop().await;
}
