//! The shapes of answers, golden.

use crate::site::{Site, WRITE_1, labels, recent, write_body};

/// A site with two counters, a gauge with odd values, an exemplar and metadata, all around `recent()`.
async fn filled() -> (Site, i64) {
    let site = Site::start().await;
    let t = recent();
    let mut text = String::from("# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n");
    for i in 0..5i64 {
        let ms = (t + i * 15) * 1000;
        text += &format!("http_requests_total{{code=\"200\",job=\"api\"}} {} {ms}\n", i * 30);
        text += &format!("http_requests_total{{code=\"500\",job=\"api\"}} {} {ms}\n", i);
    }
    let ms = t * 1000;
    text += &format!("# TYPE odd gauge\nodd{{k=\"nan\"}} NaN {ms}\nodd{{k=\"inf\"}} +Inf {ms}\n");
    text +=
        &format!("odd{{k=\"small\"}} 1.5e-9 {ms}\nodd{{k=\"large\"}} 1e21 {ms}\nodd{{k=\"zero\"}} -0 {ms}\n");
    site.push(&text).await;
    (site, t)
}

/// The body with the moment of the test taken out.
fn timeless(body: &str, t: i64) -> String {
    let mut out = body.to_owned();
    for i in 0..=60 {
        out = out.replace(&(t + i).to_string(), &format!("T+{i}"));
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn queries() {
    let (site, t) = filled().await;
    let end = (t + 60).to_string();
    let start = t.to_string();
    let mut out = String::new();
    for (name, path, form) in [
        ("vector", "query", vec![("query", "http_requests_total"), ("time", &end)]),
        ("scalar", "query", vec![("query", "1/3"), ("time", &start)]),
        ("string", "query", vec![("query", "'a\"b'"), ("time", &start)]),
        ("odd values", "query", vec![("query", "sort(odd)"), ("time", &start)]),
        ("matrix", "query", vec![("query", "http_requests_total{code='500'}[30s]"), ("time", &end)]),
        (
            "range",
            "query_range",
            vec![("query", "sum(http_requests_total)"), ("start", &start), ("end", &end), ("step", "30")],
        ),
        ("empty", "query", vec![("query", "nothing"), ("time", &start)]),
        ("limited", "query", vec![("query", "odd"), ("time", &start), ("limit", "1")]),
        ("a gauge as a counter", "query", vec![("query", "rate(odd[1m])"), ("time", &end)]),
    ] {
        let answer = site.form(&format!("/api/v1/{path}"), &form).await;
        out += &format!("{name}: {} {}\n", answer.status, timeless(&answer.body, t));
        // A form and a query string are the same question.
        let url = format!(
            "/api/v1/{path}?{}",
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish()
        );
        assert_eq!(site.get(&url).await.body, answer.body);
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

/// A plan without what differs from run to run: times and memory.
fn settled(plan: &mut serde_json::Value) {
    match plan {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                if name.ends_with("_ms") || name == "memory_bytes" {
                    assert!(value.is_number(), "{name}: {value}");
                    *value = "…".into();
                }
                settled(value);
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(settled),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations() {
    let (site, t) = filled().await;
    let (start, end) = (t.to_string(), (t + 60).to_string());
    let mut out = String::new();
    for form in [
        vec![
            ("query", "sum by(job)(rate(http_requests_total[30s]))"),
            ("start", &start),
            ("end", &end),
            ("step", "30"),
        ],
        vec![("query", "odd > 1 or http_requests_total{code=\"5..\"}"), ("time", &start)],
        vec![("query", "rate(odd[1m])"), ("time", &end)],
        vec![("query", "odd[1m]"), ("start", &start), ("end", &end), ("step", "30")],
        vec![("query", "rate(odd)"), ("time", &start)],
    ] {
        let answer = site.form("/api/v1/explain", &form).await;
        let mut body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        settled(&mut body);
        let body = serde_json::to_string_pretty(&body).unwrap();
        out += &format!("{}: {} {}\n", form[0].1, answer.status, timeless(&body, t));
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is() {
    let (site, t) = filled().await;
    let mut out = String::new();
    for path in [
        "series?match[]=http_requests_total".to_owned(),
        "series?match[]=odd&match[]=http_requests_total&limit=2".to_owned(),
        "labels".to_owned(),
        "labels?match[]=odd".to_owned(),
        "label/code/values".to_owned(),
        "label/__name__/values".to_owned(),
        "label/U__co_64_e/values".to_owned(),
        "label/nothing/values".to_owned(),
        "label/__name__/values?search=ttp".to_owned(),
        "label/__name__/values?search=O&limit=1".to_owned(),
        "label/code/values?search=&match[]=odd".to_owned(),
        "metadata".to_owned(),
        "metadata?metric=odd".to_owned(),
        "metadata?metric=odd&metric=http_requests_total&metric=none".to_owned(),
        "query_exemplars?query=odd".to_owned(),
        "targets".to_owned(),
        "targets/metadata".to_owned(),
        "scrape_pools".to_owned(),
        "rules".to_owned(),
        "alerts".to_owned(),
        "alertmanagers".to_owned(),
        "status/buildinfo".to_owned(),
        "status/flags".to_owned(),
        "status/walreplay".to_owned(),
        "format_query?query=sum(rate(a{b='c'}[5m]))by(x)".to_owned(),
        "parse_query?query=a%2Bon(x)group_left(y)b".to_owned(),
    ] {
        let answer = site.get(&format!("/api/v1/{path}")).await;
        out += &format!("{path}: {} {}\n", answer.status, timeless(&answer.body, t));
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_what_is_wrong() {
    let site = Site::start().await;
    let mut out = String::new();
    for (method, path) in [
        ("GET", "query"),
        ("GET", "query?query=sum("),
        ("GET", "query?query=up&time=soon"),
        ("GET", "query?query=up&timeout=x"),
        ("GET", "query?query=up&limit=-1"),
        ("GET", "query?query=up&lookback_delta=x"),
        ("GET", "query_range?query=up&end=1&step=1"),
        ("GET", "query_range?query=up&start=2&end=1&step=1"),
        ("GET", "query_range?query=up&start=1&end=2&step=0"),
        ("GET", "query_range?query=up&start=1&end=2&step=-1s"),
        ("GET", "query_range?query=up&start=0&end=100000&step=1"),
        ("GET", "query_range?query=up[5m]&start=0&end=10&step=1"),
        ("GET", "series"),
        ("GET", "series?match[]={}"),
        ("GET", "series?match[]=up{"),
        ("GET", "labels?match[]={a=\"\"}"),
        ("GET", "label//values"),
        ("GET", "metadata?limit=x"),
        ("GET", "status/tsdb?limit=0"),
        ("GET", "query_exemplars?query="),
        ("GET", "nothing"),
        ("DELETE", "query"),
        ("GET", "admin/tsdb/delete_series"),
        ("POST", "admin/tsdb/delete_series"),
        ("GET", "write"),
        ("GET", "processes"),
    ] {
        let answer = site.request(method, &format!("/api/v1/{path}"), &[], "").await;
        out += &format!("{method} {path}\n    {} {}\n", answer.status, answer.body);
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_gone_and_snapshots_hold_it_all() {
    let (site, t) = filled().await;
    let answer = site.form("/api/v1/admin/tsdb/snapshot", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let name = answer.json()["data"]["name"].as_str().unwrap().to_owned();
    assert!(site.dir.path().join("data/snapshots").join(name).join("blocks").is_dir());

    let answer = site.form("/api/v1/admin/tsdb/delete_series", &[("match[]", "odd")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(site.query("odd", t).await, serde_json::json!([]));
    assert_eq!(site.query("count(http_requests_total)", t).await[0]["value"][1], "2");
    for path in ["/api/v1/admin/tsdb/clean_tombstones", "/-/flush", "/-/compact"] {
        let answer = site.form(path, &[]).await;
        assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.body);
    }
    assert_eq!(site.query("count(http_requests_total)", t).await[0]["value"][1], "2");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_what_was_acknowledged() {
    let site = Site::start().await;
    let t = recent();
    let body = write_body(&[(&[("__name__", "kept"), ("a", "1")], t * 1000, 42.5)]);
    assert_eq!(site.post("/api/v1/write", &WRITE_1, body).await.status, 204);
    let dir = site.stop().await;
    let site = Site::at(crate::site::quiet(), dir, None).await;
    assert_eq!(site.query("kept", t).await[0]["value"][1], "42.5");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_are_compressed_for_those_who_can() {
    let site = Site::start().await;
    let t = recent();
    let text: String =
        (0..500).map(|i| format!("wide{{series=\"number {i}\"}} {i} {}\n", t * 1000)).collect();
    site.push(&text).await;
    let path = format!("/api/v1/query?query=wide&time={t}");
    for encoding in ["gzip", "zstd", "identity"] {
        let answer = site.request("GET", &path, &[("accept-encoding", encoding)], "").await;
        let sent = answer.header("content-encoding");
        assert_eq!(sent, if encoding == "identity" { "" } else { encoding });
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_may_read_but_not_change() {
    let site = Site::start().await;
    let foreign = [("origin", "https://evil.example")];
    let answer = site.request("GET", "/api/v1/labels", &foreign, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"));
    let answer = site.request("OPTIONS", "/api/v1/query", &foreign, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, "GET, POST, OPTIONS"));
    for path in ["/api/v1/admin/tsdb/delete_series", "/-/flush", "/-/reload", "/api/v1/push/text"] {
        let answer = site.request("POST", path, &foreign, "").await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_pushed_by_path() {
    let site = Site::start().await;
    let answer = site.request("PUT", "/metrics/job/backup/instance/db%2F1", &[], "last_success 5\n").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let found = site.get("/api/v1/series?match[]=last_success").await.json();
    let want = labels(&[("__name__", "last_success"), ("instance", "db/1"), ("job", "backup")]);
    let want: serde_json::Map<String, serde_json::Value> =
        want.iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
    assert_eq!(found["data"], serde_json::json!([want]));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn federation_gives_the_newest_samples() {
    let site = Site::start().await;
    site.push("# TYPE a_total counter\na_total{x=\"1\"} 5\nb 7\n").await;
    let answer = site.get("/federate?match[]={__name__=~\"a_total|b\"}").await;
    let lines: Vec<&str> = answer.body.lines().map(|l| l.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(
        lines,
        ["# TYPE a_total", "a_total{x=\"1\",instance=\"\"} 5", "# TYPE b", "b{instance=\"\"} 7"]
    );
    site.stop().await;
}
