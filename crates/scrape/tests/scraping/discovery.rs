//! Targets from files, servers and the DNS.

use crate::server::{Server, ok, text, with};
use crate::store::Store;
use crate::{eventually, jobs, options, start};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, MX, NS, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use scrape::{Scraper, ScraperOptions};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;

fn urls(scraper: &Scraper) -> Vec<String> {
    scraper.targets().active_targets.into_iter().map(|t| t.scrape_url).collect()
}

async fn until_urls(scraper: &Scraper, want: &[&str]) {
    eventually(&format!("{want:?}"), || (urls(scraper) == want).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_change_break_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        // As tools do it: a new file takes the place of the old one.
        let new = dir.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, dir.path().join(name)).unwrap();
    };
    write("a.json", r#"[{"targets": ["127.0.0.1:1"], "labels": {"zone": "x"}}]"#);
    let (scraper, _) = start(&format!(
        "scrape_configs: [{{job_name: j, file_sd_configs: [{{files: [\"{}/*.json\", \"{0}/b.yml\"]}}], \
         relabel_configs: [{{source_labels: [__meta_filepath], regex: \".*/(.*)\", target_label: file}}]}}]",
        dir.path().display()
    ));
    until_urls(&scraper, &["http://127.0.0.1:1/metrics"]).await;
    let target = scraper.targets().active_targets.remove(0);
    let label = |name: &str| target.labels.get(name).map(String::as_str);
    assert_eq!(
        (label("zone"), label("file"), label("instance")),
        (Some("x"), Some("a.json"), Some("127.0.0.1:1"))
    );
    let path = dir.path().join("a.json").display().to_string();
    assert_eq!(target.discovered_labels.get("__meta_filepath"), Some(&path));
    write("b.yml", "- targets: ['127.0.0.1:2']\n");
    until_urls(&scraper, &["http://127.0.0.1:1/metrics", "http://127.0.0.1:2/metrics"]).await;
    write("a.json", "not json at all");
    write("b.yml", "- targets: ['127.0.0.1:3', '127.0.0.1:4']\n");
    until_urls(
        &scraper,
        &["http://127.0.0.1:1/metrics", "http://127.0.0.1:3/metrics", "http://127.0.0.1:4/metrics"],
    )
    .await;
    std::fs::remove_file(dir.path().join("a.json")).unwrap();
    write("b.yml", "[]\n");
    until_urls(&scraper, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_lists_targets() {
    let list = Arc::new(Mutex::new(ok(
        "application/json",
        r#"[{"targets":["127.0.0.1:1"],"labels":{"__meta_x":"y"}}]"#,
    )));
    let answers = list.clone();
    let server = Server::start(move |_| answers.lock().unwrap().clone()).await;
    let (scraper, _) = start(&format!(
        "scrape_configs: [{{job_name: j, http_sd_configs: [{{url: \"http://{}/sd\", refresh_interval: 100ms, \
         basic_auth: {{username: u, password: p}}}}], \
         relabel_configs: [{{source_labels: [__meta_x], target_label: x}}]}}]",
        server.address
    ));
    until_urls(&scraper, &["http://127.0.0.1:1/metrics"]).await;
    let target = scraper.targets().active_targets.remove(0);
    assert_eq!(target.labels.get("x").map(String::as_str), Some("y"));
    assert_eq!(target.discovered_labels["__meta_url"], format!("http://{}/sd", server.address));
    let head = server.seen.lock().unwrap()[0].clone();
    assert!(
        head.contains("authorization: Basic dTpw") && head.contains("accept: application/json"),
        "{head}"
    );
    assert!(head.contains("x-prometheus-refresh-interval-seconds: 0.1"), "{head}");
    for broken in [with("500 Internal Server Error", b""), text("[]"), ok("application/json", "{}")] {
        let asked = server.seen.lock().unwrap().len();
        *list.lock().unwrap() = broken;
        eventually("two more requests", || (server.seen.lock().unwrap().len() > asked + 2).then_some(()))
            .await;
        assert_eq!(urls(&scraper).len(), 1, "what was found stays");
    }
    *list.lock().unwrap() = ok("application/json; charset=utf-8", "[]");
    until_urls(&scraper, &[]).await;
}

/// Answers DNS queries from a table, over UDP on loopback.
async fn dns(records: Vec<(&'static str, RData)>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut table: BTreeMap<(Name, RecordType), Vec<RData>> = BTreeMap::new();
    for (name, data) in records {
        table.entry((Name::from_ascii(name).unwrap(), data.record_type())).or_default().push(data);
    }
    tokio::spawn(async move {
        let mut buffer = [0u8; 1500];
        while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
            let Ok(query) = Message::from_vec(&buffer[..n]) else { continue };
            let mut answer = Message::new(query.id, MessageType::Response, OpCode::Query);
            let asked = query.queries[0].clone();
            let found = table.get(&(asked.name().clone(), asked.query_type()));
            answer.metadata.response_code =
                if found.is_some() { ResponseCode::NoError } else { ResponseCode::NXDomain };
            answer.answers = found
                .into_iter()
                .flatten()
                .map(|data| Record::from_rdata(asked.name().clone(), 60, data.clone()))
                .collect();
            answer.queries.push(asked);
            let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dns_lists_targets() {
    let name = |n: &str| Name::from_ascii(n).unwrap();
    let server = dns(vec![
        ("_metrics._tcp.example.", RData::SRV(SRV::new(0, 0, 9101, name("h1.example.")))),
        ("_metrics._tcp.example.", RData::SRV(SRV::new(0, 0, 9102, name("h2.example.")))),
        ("hosts.example.", RData::A(A::new(127, 0, 0, 1))),
        ("hosts.example.", RData::AAAA("::1".parse::<std::net::Ipv6Addr>().unwrap().into())),
        ("example.", RData::MX(MX::new(10, name("mail.example.")))),
        ("example.", RData::NS(NS(name("ns1.example.")))),
    ])
    .await;
    let yaml = "scrape_configs: [{job_name: j, relabel_configs: [{action: labelmap, regex: \"__(meta_.*)\"}], dns_sd_configs: [\
        {names: [_metrics._tcp.example.]}, {names: [hosts.example., nobody.example.], type: A, port: 1}, \
        {names: [hosts.example.], type: AAAA, port: 2}, \
        {names: [example.], type: MX, port: 3}, {names: [example.], type: NS, port: 4}]}]";
    let scraper = Scraper::start(
        jobs(yaml),
        Arc::new(Store::default()),
        ScraperOptions { dns_servers: vec![server], ..options() },
    );
    until_urls(
        &scraper,
        &[
            "http://127.0.0.1:1/metrics",
            "http://[::1]:2/metrics",
            "http://h1.example:9101/metrics",
            "http://h2.example:9102/metrics",
            "http://mail.example:3/metrics",
            "http://ns1.example:4/metrics",
        ],
    )
    .await;
    let targets = scraper.targets().active_targets;
    let label = |at: usize, name: &str| targets[at].labels.get(name).cloned().unwrap_or_default();
    assert_eq!(label(0, "meta_dns_name"), "hosts.example.");
    assert_eq!(label(2, "meta_dns_srv_record_target"), "h1.example.");
    assert_eq!(label(2, "meta_dns_srv_record_port"), "9101");
    assert_eq!(label(4, "meta_dns_mx_record_target"), "mail.example.");
    assert_eq!(label(5, "meta_dns_ns_record_target"), "ns1.example.");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_and_invalid_targets_are_shown_with_their_reason() {
    let yaml = "scrape_configs: [{job_name: j, keep_dropped_targets: 2, \
        static_configs: [{targets: [\"a:1\", \"b:1\", \"c:1\", \"d:1\"]}], relabel_configs: [\
        {source_labels: [__address__], regex: \"[ab].*\", action: drop}, \
        {source_labels: [__address__], regex: c.*, target_label: __scrape_interval__, replacement: soon}]}]";
    let (scraper, _) = start(yaml);
    until_urls(&scraper, &["http://d:1/metrics"]).await;
    let targets = scraper.targets();
    assert_eq!(targets.dropped_targets.len(), 2);
    assert_eq!(targets.dropped_target_counts["j"], 3);
    assert_eq!(targets.dropped_targets[0].reason, "dropped by relabel_configs");
    let (scraper, _) = start(&yaml.replace("keep_dropped_targets: 2", "keep_dropped_targets: 3"));
    until_urls(&scraper, &["http://d:1/metrics"]).await;
    assert_eq!(
        scraper.targets().dropped_targets[2].reason,
        "label __scrape_interval__: \"soon\" is not a duration: write for example \"15s\", \"1m30s\" or \"250ms\""
    );
}

#[test]
fn targets_have_the_shape_of_the_api() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (scraper, _) = start(
            "scrape_configs: [{job_name: j, scrape_interval: 1m30s, static_configs: [{targets: [\"localhost:1\"]}]}]",
        );
        let mut json = serde_json::to_value(scraper.targets()).unwrap();
        json["activeTargets"][0]["lastScrape"] = "then".into();
        assert_eq!(
            json,
            serde_json::json!({
                "activeTargets": [{
                    "discoveredLabels": {
                        "__address__": "localhost:1", "__metrics_path__": "/metrics", "__scheme__": "http",
                        "__scrape_interval__": "1m30s", "__scrape_timeout__": "10s", "job": "j",
                    },
                    "labels": {"instance": "localhost:1", "job": "j"},
                    "scrapePool": "j",
                    "scrapeUrl": "http://localhost:1/metrics",
                    "globalUrl": "http://localhost:1/metrics",
                    "lastError": "", "lastScrape": "then", "lastScrapeDuration": 0.0, "health": "unknown",
                    "scrapeInterval": "1m30s", "scrapeTimeout": "10s",
                }],
                "droppedTargets": [],
                "droppedTargetCounts": {"j": 0},
            })
        );
    });
}
