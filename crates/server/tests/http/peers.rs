//! Real Prometheus programs against this server: remote writing into it, asking it, reading from it.

use crate::site::{Site, recent, until};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn installed(path: &str) -> bool {
    let there = Path::new(path).is_file();
    if !there {
        eprintln!("{path} is absent: this is not tested");
    }
    there
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Prometheus on a free port with this configuration.
fn prometheus(dir: &Path, config: &str) -> (Running, String) {
    let file = dir.join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("/usr/bin/prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Running(child), format!("http://127.0.0.1:{port}"))
}

fn promtool(args: &[&str]) -> String {
    let output = Command::new("/usr/bin/promtool").args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "promtool {args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_writes_into_it_and_promtool_asks_it() {
    if !installed("/usr/bin/prometheus") || !installed("/usr/bin/promtool") {
        return;
    }
    let site = Site::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (_running, own_url) = prometheus(
        dir.path(),
        &format!(
            "global: {{scrape_interval: 1s}}\n\
             scrape_configs:\n- job_name: self\n  static_configs: [{{targets: ['PORT']}}]\n\
             remote_write:\n- url: {}\n  metadata_config: {{send: true, send_interval: 1s}}\n",
            site.url("/api/v1/write")
        )
        .replace("PORT", "127.0.0.1:1"),
    );
    // Its one target is not there, so `up` is 0; that it arrives is what counts.
    until("a sample of Prometheus", async || {
        let found = site.form("/api/v1/query", &[("query", "up{job=\"self\"}")]).await.json();
        (found["data"]["result"][0]["value"][1] == "0").then_some(())
    })
    .await;
    drop(own_url);

    let address = site.url("");
    let answer = {
        let address = address.clone();
        tokio::task::spawn_blocking(move || promtool(&["query", "instant", &address, "up{job=\"self\"}"]))
            .await
            .unwrap()
    };
    assert!(answer.starts_with("up{instance=\"127.0.0.1:1\", job=\"self\"} => 0 @["), "{answer}");
    let t = recent();
    let answers = tokio::task::spawn_blocking(move || {
        let (start, end) = (t.to_string(), (t + 1200).to_string());
        [
            promtool(&["query", "labels", &address, "job"]),
            promtool(&["query", "series", "--match=up", &address]),
            promtool(&[
                "query",
                "range",
                &format!("--start={start}"),
                &format!("--end={end}"),
                "--step=60s",
                &address,
                "count(up)",
            ]),
        ]
    })
    .await
    .unwrap();
    assert_eq!(answers[0], "self\n");
    assert!(answers[1].contains("up"), "{}", answers[1]);
    assert!(answers[2].contains("=>") && answers[2].contains("1 @["), "{}", answers[2]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_from_it() {
    if !installed("/usr/bin/prometheus") {
        return;
    }
    let site = Site::start().await;
    let t = recent();
    let text: String =
        (0..20).map(|i| format!("distant{{n=\"a\"}} {i} {}\n", (t - 300 + i * 15) * 1000)).collect();
    site.push(&text).await;
    let dir = tempfile::tempdir().unwrap();
    let (_running, url) = prometheus(
        dir.path(),
        &format!("remote_read:\n- url: {}\n  read_recent: true\n", site.url("/api/v1/read")),
    );
    let client = reqwest::Client::new();
    let found = until("an answer through remote read", async || {
        let query = format!("{url}/api/v1/query?query=count_over_time(distant[10m])&time={t}");
        let answer = client.get(query).send().await.ok()?.text().await.ok()?;
        let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(found, "20");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_scrapes_a_real_exporter() {
    const EXPORTER: &str = "/usr/bin/prometheus-node-exporter";
    if !installed(EXPORTER) {
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let exporter = Command::new(EXPORTER)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _exporter = Running(exporter);
    let text = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: node\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    );
    let mut config = server::config::parse(&text, "test", Path::new(".")).unwrap();
    let quiet = crate::site::quiet();
    (config.http, config.agent, config.own) = (quiet.http, quiet.agent, quiet.own);
    let site = Site::with(config).await;
    until("a scrape that works", async || {
        let found = site.form("/api/v1/query", &[("query", "up{job=\"node\"} == 1")]).await.json();
        found["data"]["result"][0].is_object().then_some(())
    })
    .await;
    let targets = site.get("/api/v1/targets?state=active").await.json();
    assert_eq!(targets["data"]["activeTargets"][0]["health"], "up");
    let metadata = site.get("/api/v1/targets/metadata?metric=node_cpu_seconds_total").await.json();
    assert_eq!(metadata["data"][0]["type"], "counter", "{metadata}");
    assert_eq!(metadata["data"][0]["target"]["job"], "node");
    site.stop().await;
}
