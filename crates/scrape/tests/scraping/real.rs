//! The programs people run: scraped by this crate, and beside it by Prometheus itself.

use crate::{eventually, start};
use scrape::Health;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn installed(program: &str) -> bool {
    let there = Path::new(program).exists();
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

fn run(program: &str, arguments: &[String]) -> Running {
    let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Running(child.unwrap_or_else(|e| panic!("{program}: {e}")))
}

const EXPORTER: &str = "/usr/bin/prometheus-node-exporter";
const PROMETHEUS: &str = "/usr/bin/prometheus";

fn exporter(port: u16) -> Running {
    run(EXPORTER, &[format!("--web.listen-address=127.0.0.1:{port}")])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_exporter_is_scraped() {
    if !installed(EXPORTER) {
        return;
    }
    let port = free_port();
    let _exporter = exporter(port);
    let (scraper, store) = start(&format!(
        "scrape_configs: [{{job_name: node, scrape_interval: 1s, static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]}}]"
    ));
    eventually("a good scrape", || {
        scraper.targets().active_targets.into_iter().find(|t| t.health == Health::Up)
    })
    .await;
    let exposed = store.exposed();
    assert!(exposed.iter().any(|s| s.starts_with("node_cpu_seconds_total{")), "{} series", exposed.len());
    assert!(store.kept().metadata.iter().any(|(f, _)| f == "node_cpu_seconds_total"));
    assert_eq!(scraper.stats().refused, 0);
    scraper.stop().await;
}

/// Whatever format is agreed on, the same series come out.
#[tokio::test(flavor = "multi_thread")]
async fn the_formats_of_a_real_exporter_agree() {
    if !installed(EXPORTER) {
        return;
    }
    let port = free_port();
    let _exporter = exporter(port);
    let formats = ["PrometheusProto", "OpenMetricsText1.0.0", "PrometheusText1.0.0", "PrometheusText0.0.4"];
    let job = |format: &&str| {
        format!(
            "- {{job_name: {format}, scrape_interval: 1s, scrape_protocols: [{format}], static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]}}\n"
        )
    };
    let (scraper, store) =
        start(&format!("scrape_configs:\n{}", formats.iter().map(job).collect::<String>()));
    eventually("two good scrapes of each", || {
        let values = |f: &&str| store.values(&format!("up{{instance=\"127.0.0.1:{port}\", job=\"{f}\"}}"));
        formats.iter().all(|f| values(f).iter().filter(|v| **v == Some(1.0)).count() >= 2).then_some(())
    })
    .await;
    scraper.stop().await;
    let kept = store.kept();
    let of = |format: &str| -> BTreeSet<String> {
        let own = kept.floats.keys().filter(|l| l.get("job") == Some(format));
        own.map(|l| l.filtered(|n| n != "job").to_string()).collect()
    };
    let proto = of(formats[0]);
    assert!(proto.len() > 300, "only {} series", proto.len());
    for format in &formats[1..] {
        let text = of(format);
        let differ: Vec<_> = proto.symmetric_difference(&text).collect();
        assert!(differ.is_empty(), "{format}: {differ:#?}");
    }
}

/// Series of a Prometheus server, all of its jobs, as this crate writes them.
async fn series_of(client: &reqwest::Client, port: u16) -> BTreeSet<String> {
    let url = format!("http://127.0.0.1:{port}/api/v1/series?match[]={{job=~\".%2B\"}}");
    let Ok(answer) = client.get(url).send().await else { return BTreeSet::new() };
    let Ok(json) = answer.json::<serde_json::Value>().await else { return BTreeSet::new() };
    let Some(all) = json["data"].as_array() else { return BTreeSet::new() };
    all.iter()
        .map(|s| {
            let pairs =
                s.as_object().unwrap().iter().map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned()));
            model::Labels::from_pairs(pairs).unwrap().to_string()
        })
        .collect()
}

/// Prometheus before 3.0 keeps `quantile="1"` as exposed; since then it is `quantile="1.0"`, as here.
fn respelled(series: &str) -> String {
    let mut out = series.to_owned();
    for whole in ["0", "1"] {
        for label in ["le", "quantile"] {
            out = out.replace(&format!("{label}=\"{whole}\""), &format!("{label}=\"{whole}.0\""));
        }
    }
    out
}

/// The same configuration file for both, the same target: the same series must come out.
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_makes_the_same_series_of_the_same_target() {
    if !installed(EXPORTER) || !installed(PROMETHEUS) {
        return;
    }
    let (port, web) = (free_port(), free_port());
    let _exporter = exporter(port);
    let dir = tempfile::tempdir().unwrap();
    let yaml = format!(
        r#"
global: {{scrape_interval: 1s, external_labels: {{never: stored}}}}
scrape_configs:
- job_name: plain
  static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{zone: a, device: mine}}}}]
- job_name: honoring
  honor_labels: true
  static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{device: fallback}}}}]
- job_name: relabelled
  params: {{"collect[]": [cpu, filesystem, uname]}}
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  relabel_configs:
  - {{source_labels: [__address__], regex: "(.*):.*", target_label: host}}
  - {{source_labels: [__address__, job], target_label: both, separator: "/"}}
  - {{source_labels: [both], modulus: 17, target_label: shard, action: hashmod}}
  - {{source_labels: [job], target_label: shouted, action: uppercase}}
  metric_relabel_configs:
  - {{source_labels: [__name__], regex: "go_.*|process_.*|promhttp_.*", action: drop}}
  - {{source_labels: [cpu, mode], regex: "(\\d+);(i.*)", target_label: "core_$1", replacement: "<${{2}}>"}}
  - {{regex: "mode", action: labeldrop}}
  - {{source_labels: [__name__, fstype], regex: "node_filesystem_.*;(.+)", action: drop}}
  - {{regex: "(.*)name", replacement: "${{1}}_nom", action: labelmap}}
"#
    );
    let file = dir.path().join("prometheus.yml");
    std::fs::write(&file, &yaml).unwrap();
    let _prometheus = run(
        PROMETHEUS,
        &[
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", dir.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{web}"),
        ],
    );
    let (scraper, store) = start(&yaml);
    eventually("three good scrapes", || {
        let up = scraper.targets().active_targets.iter().filter(|t| t.health == Health::Up).count();
        (up == 3).then_some(())
    })
    .await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let jobs = ["plain", "honoring", "relabelled"];
    let mut theirs = BTreeSet::new();
    for _ in 0..100 {
        theirs = series_of(&client, web).await;
        let complete =
            |job: &str| theirs.iter().any(|s| s.starts_with("up{") && s.contains(&format!("job=\"{job}\"")));
        if jobs.iter().all(|j| complete(j)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    scraper.stop().await;
    let ours: BTreeSet<String> = store.kept().floats.keys().map(ToString::to_string).collect();
    assert!(theirs.len() > 500, "only {} series came from Prometheus", theirs.len());
    // The exporter counts its own requests and grows buckets and sockets meanwhile; those families differ in time.
    let steady = |s: &&String| !s.starts_with("promhttp_") && !s.contains("_by_scrape");
    let theirs: BTreeSet<String> = theirs.into_iter().map(|s| respelled(&s)).collect();
    let missing: Vec<_> = theirs.difference(&ours).filter(steady).collect();
    let extra: Vec<_> = ours.difference(&theirs).filter(steady).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:#?}\nextra: {extra:#?}");
}
