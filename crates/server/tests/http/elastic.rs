//! Searches over Elasticsearch's API: what came by any protocol is found, and what is not supported is named.

use crate::site::{Answer, Site, recent};
use serde_json::{Value as Json, json};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// A server with documents of two indices and lines of Loki; and when they begin.
async fn filled() -> (Site, i64) {
    let site = Site::start().await;
    let t = recent();
    let mut bulk = String::new();
    for i in 0..20i64 {
        let index = if i < 15 { "app" } else { "db" };
        let head = json!({ "index": { "_index": index, "_id": i.to_string() } });
        let document = json!({
            "@timestamp": (t + i) * 1000, "message": format!("request {i} took {} ms", i % 7), "host": "web-1",
            "level": if i % 5 == 0 { "error" } else { "info" }, "http": { "status": 200 + i % 3 },
        });
        bulk += &format!("{head}\n{document}\n");
    }
    let answer = site.post("/_bulk", &JSON, bulk).await;
    assert_eq!(answer.json()["errors"], false, "{}", answer.body);
    let lines: Vec<Json> =
        (0..5).map(|i| json!([format!("{}000000000", t + i), format!("upstream {i} timed out")])).collect();
    let push = json!({ "streams": [{ "stream": { "app": "nginx" }, "values": lines }] });
    assert_eq!(site.post("/loki/api/v1/push", &JSON, push.to_string()).await.status, 204);
    (site, t)
}

async fn search(site: &Site, path: &str, body: Json) -> Json {
    let answer = site.post(path, &JSON, body.to_string()).await;
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_every_protocol_are_found() {
    let (site, t) = filled().await;
    let total = |answer: &Json| answer["hits"]["total"]["value"].as_u64().unwrap();
    for (path, hits) in [
        ("/_search", 25),
        ("/*/_search", 25),
        ("/_all/_search", 25),
        ("/app/_search", 15),
        ("/app,db/_search", 20),
        ("/*,-app/_search", 10),
        ("/logs-*/_search", 5),
        ("/nothing-*/_search", 0),
        ("/nothing/_search?ignore_unavailable=true", 0),
    ] {
        assert_eq!(total(&search(&site, path, json!({})).await), hits, "{path}");
    }
    // In memory and on disk alike.
    for flushed in [false, true] {
        if flushed {
            assert_eq!(site.post("/-/flush", &[], "").await.status, 200);
        }
        let answer =
            site.get("/_search?q=level:error+AND+took&sort=@timestamp:asc&size=2&_source=http").await.json();
        assert_eq!(answer["hits"]["total"], json!({ "value": 4, "relation": "eq" }));
        assert_eq!(answer["hits"]["hits"][1]["_source"], json!({ "http": { "status": 202 } }));
        assert_eq!(answer["hits"]["hits"][1]["sort"], json!([(t + 5) * 1000]));
        let body = json!({
            "size": 0, "query": { "query_string": { "query": "took OR upstream" } },
            "aggs": { "index": { "terms": { "field": "_index" }, "aggs": { "max": { "max": { "field": "http.status" } } } } },
        });
        let answer = search(&site, "/_search", body).await;
        let buckets = &answer["aggregations"]["index"]["buckets"];
        assert_eq!(
            *buckets,
            json!([
                { "key": "app", "doc_count": 15, "max": { "value": 202.0 } },
                { "key": "db", "doc_count": 5, "max": { "value": 202.0 } },
                { "key": "logs-generic-default", "doc_count": 5, "max": { "value": null } },
            ])
        );
        let answer = search(
            &site,
            "/logs-*/_search",
            json!({ "query": { "match_phrase": { "message": "upstream 3" } } }),
        )
        .await;
        let hit = &answer["hits"]["hits"][0];
        assert_eq!((hit["_source"]["app"].as_str(), total(&answer)), (Some("nginx"), 1));
        // The id of a record that was sent without one finds it.
        let id = hit["_id"].as_str().unwrap();
        let found = site.get(&format!("/logs-generic-default/_doc/{id}")).await;
        assert_eq!((found.status, &found.json()["_source"]), (200, &hit["_source"]));
    }
    let missing = site.get("/app/_doc/99").await;
    assert_eq!((missing.status, missing.json()["found"].as_bool()), (404, Some(false)));
    // Tenants see nothing of each other.
    let other = site.post("/_search", &[("x-scope-orgid", "other")], "").await;
    assert_eq!(total(&other.json()), 0);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is() {
    let (site, _) = filled().await;
    let caps = site.get("/_field_caps?fields=*").await.json();
    assert_eq!(caps["indices"], json!(["app", "db", "logs-generic-default"]));
    insta::assert_snapshot!("field_caps", serde_json::to_string_pretty(&caps["fields"]).unwrap());
    let caps = search(&site, "/app/_field_caps", json!({ "fields": ["http.*"] })).await;
    assert_eq!(caps["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), ["http.status"]);
    let mapping = site.get("/app,logs-*/_mapping").await.json();
    insta::assert_snapshot!("mapping", serde_json::to_string_pretty(&mapping).unwrap());
    let answer = site.get("/_cat/indices?v&h=index,docs.count&s=index").await;
    assert_eq!(
        answer.body,
        "index                docs.count\napp                  15\ndb                   5\nlogs-generic-default 5\n"
    );
    assert!(answer.header("content-type").starts_with("text/plain"));
    assert_eq!(site.get("/_cat/indices/a*?format=json").await.json()[0]["docs.count"], "15");
    assert_eq!(site.get("/_alias").await.json()["db"], json!({ "aliases": {} }));
    assert_eq!(site.get("/_resolve/index/d*").await.json()["indices"][0]["name"], "db");
    assert_eq!(site.post("/app/_refresh", &[], "").await.status, 200);
    let client = [("accept", "application/vnd.elasticsearch+json; compatible-with=8")];
    for (method, path, status) in [
        ("HEAD", "/app", 200),
        ("HEAD", "/nothing", 404),
        ("GET", "/app", 200),
        ("PUT", "/new", 200),
        ("DELETE", "/app", 400),
    ] {
        assert_eq!(site.request(method, path, &client, "").await.status, status, "{method} {path}");
    }
    let page = site.request("GET", "/explore", &[("accept", "text/html")], "").await;
    assert!(page.header("content-type").starts_with("text/html"), "pages of the console stay");
    site.stop().await;
}

/// As Grafana asks: several searches in one body, a histogram over time of which each bucket falls into others.
#[tokio::test(flavor = "multi_thread")]
async fn several_searches_at_once() {
    let (site, t) = filled().await;
    let (from, to) = (t * 1000, (t + 20) * 1000);
    let query = json!({ "bool": { "filter": [
        { "range": { "@timestamp": { "gte": from, "lte": to, "format": "epoch_millis" } } },
        { "query_string": { "analyze_wildcard": true, "query": "*" } },
    ] } });
    let histogram = json!({ "size": 0, "query": query, "aggs": { "3": { "terms": { "field": "level.keyword", "size": 10, "order": { "_key": "desc" }, "min_doc_count": 1 },
        "aggs": { "2": { "date_histogram": { "field": "@timestamp", "min_doc_count": 0, "extended_bounds": { "min": from, "max": to }, "format": "epoch_millis", "fixed_interval": "10s" }, "aggs": {} } } } } });
    let logs = json!({ "size": 3, "query": query, "sort": [{ "@timestamp": { "order": "desc", "unmapped_type": "boolean" } }, { "_doc": { "order": "desc" } }],
        "script_fields": {}, "fields": ["*"], "highlight": { "fields": { "*": {} }, "pre_tags": ["@HIGHLIGHT@"], "post_tags": ["@/HIGHLIGHT@"], "fragment_size": 2147483647 } });
    let head =
        json!({ "ignore_unavailable": true, "index": ["app", "db"], "search_type": "query_then_fetch" });
    let body = format!(
        "{head}\n{histogram}\n{head}\n{logs}\n{{\"index\":\"nothing\"}}\n{{}}\n\n{{\"query\":{{\"bool\":1}}}}\n"
    );
    let answer = site
        .post("/_msearch?max_concurrent_shard_requests=5", &[("content-type", "application/x-ndjson")], body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let responses = answer.json()["responses"].as_array().unwrap().clone();
    assert_eq!(responses.len(), 4);
    let levels = responses[0]["aggregations"]["3"]["buckets"].as_array().unwrap();
    assert_eq!((levels[0]["key"].as_str(), levels[1]["key"].as_str()), (Some("info"), Some("error")));
    let counts: Vec<u64> = levels[1]["2"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["doc_count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [2, 2, 0]);
    assert_eq!(responses[1]["hits"]["hits"].as_array().unwrap().len(), 3);
    assert_eq!(responses[1]["hits"]["hits"][0]["fields"]["http.status"], json!([201]));
    assert_eq!(
        (&responses[2]["status"], &responses[2]["error"]["type"]),
        (&json!(404), &json!("index_not_found_exception"))
    );
    assert_eq!(
        (&responses[3]["status"], &responses[3]["error"]["type"]),
        (&json!(400), &json!("parsing_exception"))
    );
    for body in ["", "\n\n", "{}"] {
        assert_eq!(site.post("/_msearch", &JSON, body).await.status, 400, "{body:?}");
    }
    site.stop().await;
}

fn told(answer: &Answer) -> (u16, String, String) {
    let error = answer.json()["error"].clone();
    assert_eq!(error["root_cause"][0]["reason"], error["reason"]);
    assert_eq!(answer.json()["status"], answer.status);
    assert_eq!(answer.header("x-elastic-product"), "Elasticsearch");
    (answer.status, error["type"].as_str().unwrap().to_owned(), error["reason"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let (site, _) = filled().await;
    for (path, body, status, kind, part) in [
        ("/nothing/_search", "{}", 404, "index_not_found_exception", "no such index [nothing]"),
        ("/_search", "{", 400, "parsing_exception", "the body is not JSON"),
        ("/_search", "[]", 400, "parsing_exception", "an object is expected"),
        ("/_search", r#"{"query":{"geo_shape":{}}}"#, 400, "parsing_exception", "unknown query [geo_shape]"),
        ("/_search", r#"{"aggs":{"a":{"rate":{}}}}"#, 400, "parsing_exception", "aggregation type [rate]"),
        ("/_search?scroll=1m", "{}", 400, "illegal_argument_exception", "[scroll] is not supported"),
        ("/_search?q=a+AND", "", 400, "query_shard_exception", "Failed to parse query [a AND]"),
        ("/_search?size=20000", "", 400, "illegal_argument_exception", "Result window is too large"),
        ("/_count", r#"{"size":1}"#, 400, "parsing_exception", "does not support [size]"),
        ("/_field_caps", "", 400, "action_request_validation_exception", "no fields specified"),
        ("/app/_pit", "", 400, "illegal_argument_exception", "search_after"),
        ("/_search/scroll", "", 400, "illegal_argument_exception", "search_after"),
        ("/_search/template", "", 400, "illegal_argument_exception", "templates are not supported"),
    ] {
        let answer = site.post(path, &JSON, body).await;
        let (found, name, reason) = told(&answer);
        assert_eq!((found, name.as_str()), (status, kind), "{path} {body}: {reason}");
        assert!(reason.contains(part), "{path} {body}: {reason}");
    }
    let answer =
        site.get("/_search?filter_path=hits.total&rest_total_hits_as_int=true&typed_keys=true").await;
    assert_eq!(answer.json(), json!({ "hits": { "total": 25 } }));
    site.stop().await;
}
