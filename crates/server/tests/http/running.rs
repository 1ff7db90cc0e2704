//! What the server does by itself: watching this machine and itself, reloading, giving up, ending.

use crate::site::{Site, quiet, recent, until};
use server::config::{ByteSize, TimeSpan};
use std::time::Duration;

/// The value of a query without a time of its own.
async fn now(site: &Site, expr: &str) -> Option<String> {
    let answer = site.form("/api/v1/query", &[("query", expr)]).await.json();
    answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_watches_this_machine_and_itself() {
    let mut config = quiet();
    config.agent.enabled = true;
    config.agent.interval = Some(TimeSpan::from_millis(200));
    config.agent.labels.insert("instance".to_owned(), "here".to_owned());
    config.own.enabled = true;
    config.own.interval = TimeSpan::from_millis(200);
    let site = Site::with(config).await;
    let memory = r#"node_memory_MemTotal_bytes{job="node",instance="here"}"#;
    let bytes: f64 =
        until("memory of this machine", async || now(&site, memory).await).await.parse().unwrap();
    assert!(bytes > 1e6);
    until("own metrics", async || now(&site, r#"watchfire_store_series{job="watchfire"} > 0"#).await).await;
    assert_eq!(now(&site, r#"up{job="watchfire"}"#).await.as_deref(), Some("1"));
    let own = site.get("/api/v1/metadata?metric=watchfire_store_series").await.json();
    assert_eq!(own["data"]["watchfire_store_series"][0]["type"], "gauge");

    let rows = until("a scan of processes", async || {
        let found = site.get("/api/v1/processes?sort=memory&limit=3").await.json();
        found["data"]["processes"].as_array().filter(|rows| !rows.is_empty()).cloned()
    })
    .await;
    assert!(rows.len() <= 3);
    let memory: Vec<u64> = rows.iter().map(|r| r["rssBytes"].as_u64().unwrap()).collect();
    assert!(memory.is_sorted_by(|a, b| a >= b), "{memory:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_metrics_are_exposed_in_the_text_format() {
    let site = Site::start().await;
    site.push("x 1\n").await;
    let answer = site.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"watchfire_receive_samples_total{protocol="push"} 1"#,
        r#"watchfire_http_requests_total{handler="push",code="200"} 1"#,
        "watchfire_up 1",
    ] {
        assert!(answer.body.lines().any(|l| l == line), "{line}\n{}", answer.body);
    }
    // What it exposes, it can take in.
    site.push(&answer.body).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_jobs_and_limits_and_keeps_what_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("watchfire.yml");
    let job = |name: &str| {
        format!("scrape_configs:\n- job_name: {name}\n  static_configs: [{{targets: ['127.0.0.1:1']}}]\n")
    };
    std::fs::write(&file, job("first")).unwrap();
    let mut config = server::config::load(&file).unwrap();
    let still = quiet();
    (config.http, config.agent, config.own) = (still.http, still.agent, still.own);
    let site = Site::at(config, dir, Some(file.clone())).await;
    let jobs = async || {
        let found = site.get("/api/v1/targets").await.json();
        found["data"]["activeTargets"][0]["scrapePool"].as_str().map(str::to_owned)
    };
    assert_eq!(until("a target", jobs).await, "first");

    std::fs::write(&file, job("second") + "ingest: {limits: {label_value_bytes_max: 3}}\n").unwrap();
    let answer = site.form("/-/reload", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    until("the other target", async || jobs().await.filter(|j| j == "second")).await;
    let answer = site.post("/api/v1/push/text", &[], "x{a=\"long\"} 1\n").await;
    assert!(answer.body.contains("ingest.limits.label_value_bytes_max"), "{}", answer.body);

    std::fs::write(&file, "scrape_configs: 5\n").unwrap();
    let answer = site.form("/-/reload", &[]).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("watchfire.yml: line 1, column 17"), "{}", answer.body);
    assert_eq!(jobs().await.as_deref(), Some("second"), "a wrong file changes nothing");
    let info = site.get("/api/v1/status/runtimeinfo").await.json();
    assert_eq!(info["data"]["reloadConfigSuccess"], false);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_nobody_waits_for_ends() {
    let site = Site::start().await;
    let running = async || {
        let text = site.get("/metrics").await.body;
        let value = text.lines().find_map(|l| l.strip_prefix("watchfire_queries_running "));
        value.map(|v| v.to_owned()).unwrap()
    };
    let question = site.form("/api/v1/query_range", &HEAVY);
    tokio::select! {
        answer = question => panic!("that was quick: {}", answer.body),
        () = until("the query to run", async || (running().await == "1").then_some(())) => {}
    }
    // The request is dropped here, and its connection with it.
    until("the query to end", async || (running().await == "0").then_some(())).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_asks_to_come_back() {
    let mut config = quiet();
    config.ingest.limits.body_bytes_max = ByteSize(1 << 20);
    config.ingest.limits.decompressed_bytes_max = ByteSize(1 << 20);
    config.ingest.limits.in_flight_bytes_max = ByteSize(1 << 20);
    let site = Site::with(config).await;
    let body = vec![b'#'; 900_000];
    let answer = site.post("/api/v1/push/text", &[], body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.body);
    assert!(answer.body.contains("ingest.limits.in_flight_bytes_max"), "{}", answer.body);
    // Nothing of it is held on to.
    site.push("x 1\n").await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_finished_before_the_end() {
    let site = Site::start().await;
    let t = recent();
    let (address, ms) = (site.address, t * 1000);
    let slow = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let body = format!("late 7 {ms}\n");
        let head = format!(
            "POST /api/v1/push/text HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.flush().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let dir = site.stop().await;
    let answer = slow.await.unwrap();
    // Its head came before the end was asked for. Either way it is told the truth.
    let site = Site::at(quiet(), dir, None).await;
    let stored = site.query("late", t).await[0]["value"][1] == "7";
    assert_eq!(answer.starts_with("HTTP/1.1 200"), stored, "{answer}");
    assert!(stored || answer.starts_with("HTTP/1.1 503"), "{answer}");
    site.stop().await;
}

/// Minutes of work: the median of a day of seconds, thousands of times.
const HEAVY: [(&str, &str); 4] = [
    ("query", "quantile_over_time(0.5, vector(time())[1d:1s])"),
    ("start", "1000000"),
    ("end", "2000000"),
    ("step", "100"),
];

#[tokio::test(flavor = "multi_thread")]
async fn heavy_queries_fill_their_own_queue_and_light_ones_go_by() {
    let mut config = quiet();
    (config.query.concurrency, config.query.concurrency_heavy, config.query.queue) = (Some(2), Some(1), 2);
    let site = std::sync::Arc::new(Site::with(config).await);
    let heavy = || {
        let site = std::sync::Arc::clone(&site);
        tokio::spawn(async move { site.form("/api/v1/query_range", &HEAVY).await })
    };
    let figure = async |name: &str| -> usize {
        let text = site.get("/metrics").await.body;
        let value = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap().parse().unwrap()
    };
    let mut all = Vec::new();
    for n in 1..=3 {
        all.push(heavy());
        until("a heavy query in its lane", async || {
            let there = figure("watchfire_queries_heavy_running").await
                + figure("watchfire_queries_heavy_waiting").await;
            (there == n).then_some(())
        })
        .await;
    }
    let refused = site.form("/api/v1/query_range", &HEAVY).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.body);
    assert!(refused.body.contains("query.queue"), "{}", refused.body);
    assert_eq!(site.query("1 + 1", 1000).await[1], "2");
    // Those who leave give their places back, in the queue and on the thread.
    for one in all {
        one.abort();
    }
    until("the lanes to be empty", async || {
        let there = figure("watchfire_queries_running").await + figure("watchfire_queries_waiting").await;
        (there == 0).then_some(())
    })
    .await;
    std::sync::Arc::into_inner(site).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_kept_until_late_data_comes_and_unless_the_client_says_so() {
    let site = Site::start().await;
    let t = recent() / 60 * 60;
    let sample = |at: i64, v: i64| format!("kept {v} {}\n", at * 1000);
    site.push(&(0..60).map(|i| sample(t - i * 60, i)).collect::<String>()).await;
    let (start, end) = ((t - 3000).to_string(), t.to_string());
    let pairs = [
        ("query", "sum_over_time(kept[5m])"),
        ("start", &start),
        ("end", &end),
        ("step", "60"),
        ("stats", "all"),
    ];
    let ask = async |headers: &[(&str, &str)], more: &str| {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish() + more;
        let form = ("content-type", "application/x-www-form-urlencoded");
        let a = site.post("/api/v1/query_range", &[&[form], headers].concat(), body).await;
        let data = &a.json()["data"];
        (data["stats"]["stepsReused"].as_u64().unwrap(), data["result"].clone())
    };
    assert_eq!(ask(&[], "").await.0, 0);
    assert_eq!(ask(&[], "").await.0, 0, "kept from the second time");
    let (reused, result) = ask(&[], "").await;
    assert_eq!(reused, 51);
    assert_eq!(ask(&[("cache-control", "max-age=0, no-cache")], "").await, (0, result.clone()));
    assert_eq!(ask(&[], "&nocache=1").await, (0, result.clone()));
    let info = site.get("/api/v1/status/store").await.json();
    assert_eq!(info["data"]["use"]["resultCacheEntries"], 1);
    assert!(info["data"]["use"]["resultCacheBytes"].as_u64().unwrap() > 51 * 8);
    // A late sample is seen at once by the five steps that look at it.
    site.push(&sample(t - 1800 + 30, 1000)).await;
    let (reused, late) = ask(&[], "").await;
    assert!((40..51).contains(&reused), "{reused}");
    assert_ne!(late, result);
    assert_eq!(ask(&[], "&nocache=1").await, (0, late));
    site.stop().await;
}
