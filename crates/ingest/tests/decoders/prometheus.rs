//! A real Prometheus takes what the remote write encoder writes and makes blocks of it, which the block reader
//! reads: native histograms of both kinds included.

use ingest::remote_write::encode::{HEADERS, Writer};
use model::{Counts, Histogram, Labels, METRIC_NAME, ResetHint, STALE_NAN_BITS, Samples, Span};
use promblocks::Block;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const PROMETHEUS: &str = "/usr/bin/prometheus";

/// A server that ends with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(dir: &Path) -> Server {
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, "global: {scrape_interval: 1h}\n").unwrap();
        // Prometheus cannot say which port it was given, so a free one is chosen for it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(PROMETHEUS)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"])
            .args(["--enable-feature=native-histograms", "--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Server { child, port };
        let began = Instant::now();
        while !server.request("GET", "/-/ready", &[], &[]).is_ok_and(|(code, _)| code == 200) {
            assert!(server.child.try_wait().unwrap().is_none(), "Prometheus ended early");
            assert!(began.elapsed() < Duration::from_secs(60), "Prometheus is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<(u16, String)> {
        let mut s = TcpStream::connect(("127.0.0.1", self.port))?;
        s.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut head =
            format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
        for (k, v) in headers {
            head.push_str(&format!("{k}: {v}\r\n"));
        }
        s.write_all(format!("{head}\r\n").as_bytes())?;
        s.write_all(body)?;
        let mut answer = String::new();
        s.read_to_string(&mut answer)?;
        let code = answer.split(' ').nth(1).and_then(|c| c.parse().ok()).unwrap_or(0);
        Ok((code, answer))
    }
}

fn histogram(i: u64, float: bool, hint: ResetHint) -> Histogram {
    // A new bucket appears. No count falls: Prometheus 2.42 fails to snapshot that, and
    // it does not keep that a histogram is a gauge. Nor does a
    // count start at zero: there it tells the float histograms by their count.
    let n = 1 + i;
    let positive = if n < 20 { vec![n, 2 * n] } else { vec![n, 2 * n, n] };
    let negative = vec![n / 3];
    let zero = n / 2;
    let count = zero + positive.iter().chain(&negative).sum::<u64>();
    let length = positive.len() as u32;
    let floats = |v: &[u64]| v.iter().map(|c| *c as f64 * 0.75).collect::<Vec<_>>();
    Histogram {
        reset_hint: hint,
        schema: 2,
        zero_threshold: 2f64.powi(-128),
        sum: i as f64 * 1.5,
        positive_spans: vec![Span { offset: -2, length: 1 }, Span { offset: 3, length: length - 1 }],
        negative_spans: vec![Span { offset: 0, length: 1 }],
        custom_bounds: vec![],
        counts: match float {
            true => Counts::Float {
                count: count as f64 * 0.75,
                zero: zero as f64 * 0.75,
                positive: floats(&positive),
                negative: floats(&negative),
            },
            false => Counts::Integer { count, zero, positive, negative },
        },
    }
}

fn contents(now_ms: i64) -> BTreeMap<String, (Labels, Samples)> {
    let mut all = BTreeMap::new();
    for series in 0..12u64 {
        let kind = ["float", "int_histogram", "float_histogram", "gauge_histogram"][series as usize % 4];
        let labels =
            Labels::from_pairs([(METRIC_NAME, kind.to_owned()), ("series", series.to_string())]).unwrap();
        let mut s = Samples::default();
        for i in 0..250u64 {
            let t = now_ms - 3_600_000 + i as i64 * 10_000 + (i * i % 7) as i64;
            let stale = i % 90 == 89;
            if kind == "float" {
                s.times.push(t);
                s.values.push(if stale { f64::from_bits(STALE_NAN_BITS) } else { (i as f64).sqrt() });
                continue;
            }
            let hint = if kind == "gauge_histogram" { ResetHint::Gauge } else { ResetHint::Unknown };
            s.histogram_times.push(t);
            s.histograms.push(Arc::new(histogram(i, kind == "float_histogram", hint)));
        }
        all.insert(labels.to_string(), (labels, s));
    }
    all
}

/// The counts without empty buckets at the end: Prometheus gives every histogram of a chunk the buckets of the
/// last.
fn counts(h: &Histogram) -> Vec<f64> {
    let (count, zero, positive, negative) = match &h.counts {
        Counts::Float { count, zero, positive, negative } => {
            (*count, *zero, positive.clone(), negative.clone())
        }
        Counts::Integer { count, zero, positive, negative } => {
            let floats = |v: &[u64]| v.iter().map(|c| *c as f64).collect::<Vec<_>>();
            (*count as f64, *zero as f64, floats(positive), floats(negative))
        }
    };
    let mut all: Vec<f64> = [count, zero].into_iter().chain(negative).chain(positive).collect();
    while all.last() == Some(&0.0) {
        all.pop();
    }
    all
}

#[test]
fn prometheus_stores_what_is_written_and_its_blocks_give_it_back() {
    if !Path::new(PROMETHEUS).exists() {
        eprintln!("skipped: {PROMETHEUS} is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64;
    let want = contents(now_ms);
    let mut w = Writer::new();
    for (labels, s) in want.values() {
        w.series(labels);
        for (t, v) in s.times.iter().zip(&s.values) {
            w.sample(*t, *v);
        }
        for (t, h) in s.histogram_times.iter().zip(&s.histograms) {
            w.histogram(*t, h);
        }
    }
    let (code, answer) = server.request("POST", "/api/v1/write", &HEADERS, w.finish()).unwrap();
    assert_eq!(code, 204, "{answer}");
    let (code, answer) = server.request("POST", "/api/v1/admin/tsdb/snapshot", &[], &[]).unwrap();
    assert_eq!(code, 200, "{answer}");
    drop(server);

    let mut got: BTreeMap<String, Samples> = BTreeMap::new();
    let snapshots = dir.path().join("data/snapshots");
    for snapshot in std::fs::read_dir(snapshots).unwrap() {
        for block in std::fs::read_dir(snapshot.unwrap().path()).unwrap() {
            let path = block.unwrap().path();
            if !path.join("meta.json").exists() {
                continue;
            }
            for batch in Block::open(&path).unwrap().batches() {
                let (labels, s) = batch.unwrap();
                let all = got.entry(labels.to_string()).or_default();
                all.times.extend(s.times);
                all.values.extend(s.values);
                all.histogram_times.extend(s.histogram_times);
                all.histograms.extend(s.histograms);
            }
        }
    }
    assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>());
    for (name, (_, want)) in &want {
        let got = &got[name];
        let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!((&got.times, bits(&got.values)), (&want.times, bits(&want.values)), "{name}");
        assert_eq!(got.histogram_times, want.histogram_times, "{name}");
        for (a, b) in got.histograms.iter().zip(&want.histograms) {
            assert_eq!((a.sum, counts(a), a.schema), (b.sum, counts(b), b.schema), "{name}");
        }
    }
}
