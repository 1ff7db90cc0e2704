//! What people search with: Lucene's syntax, Elasticsearch's query language.

use model::Labels;
use model::record::{AttributesBuf, Record, RecordBatch, Tenant, Value};
use search::lucene::{parse, parse_simple};
use search::{AnswerOptions, Control, Engine, MemorySource, SearchError, SearchRequest};
use serde_json::{Value as Json, json};

const NOW_NS: i64 = 1_795_262_400_000_000_000;

/// Some records of every kind of value.
fn source() -> MemorySource {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let stream =
        batch.stream(Labels::from_pairs([("_index", "app"), ("host", "web-1")]).expect("labels are valid"));
    for (i, message) in ["Disk full on /dev/sda1", "é 错误 timeout=30", "{\"n\":1}", ""].iter().enumerate()
    {
        let (mut list, mut inner, mut attributes) =
            (AttributesBuf::new(), AttributesBuf::new(), AttributesBuf::new());
        list.push_item(Value::String("a b"));
        list.push_item(Value::Float(f64::NAN));
        inner.push("k", Value::Int(i64::MIN + i as i64));
        attributes.push("n", Value::Int(i as i64));
        attributes.push("tags", Value::List(list.as_items()));
        attributes.push("deep", Value::Map(inner.as_attributes()));
        attributes.push("when", Value::String("2026-11-21T10:00:00Z"));
        let record = Record {
            attributes: attributes.as_attributes(),
            ..Record::line(NOW_NS - i as i64 * 61_000_000_001, message)
        };
        batch.push(stream, &record);
    }
    MemorySource::new(batch).with_block_rows(3)
}

fn run(body: &Json) -> Result<Json, SearchError> {
    let request = SearchRequest::parse(body, "", NOW_NS)?;
    let found = Engine::default().search(&source(), request, &Control::new())?;
    found.answer(0, &AnswerOptions { typed_keys: true, ..AnswerOptions::default() })
}

/// What can be read can be asked, or is refused with a reason; nothing is an error in the simple syntax.
pub fn lucene(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    parse_simple(text, false);
    let read = parse(text, true);
    if let Err(e) = &read {
        assert!(!e.reason.is_empty() && e.at <= text.chars().count() + 1, "{e}");
    }
    let answer = run(&json!({ "query": { "query_string": { "query": text, "default_operator": "and" } } }));
    assert!(read.is_ok() || answer.is_err());
    run(&json!({ "query": { "simple_query_string": { "query": text } } })).ok();
}

pub fn lucene_seeds() -> Vec<Vec<u8>> {
    [
        "level:error AND (timeout OR \"disk full\"~2) -host:web-1",
        "n:[1 TO 5} OR n:>=2^3 +@timestamp:[now-1d/d TO *]",
        "/dis[ck]/ tags:a* roam~1 _exists_:when",
        "\"a b\" + (c | -d*) \\( \\\\",
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}

/// A search is answered with no more hits than it asks for, or refused with a reason.
pub fn search_body(data: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Json>(data) else { return };
    match run(&body) {
        Ok(answer) => {
            let hits = answer["hits"]["hits"].as_array().expect("an answer has hits");
            let size = body.get("size").and_then(Json::as_u64).unwrap_or(10);
            assert!(hits.len() as u64 <= size.max(10));
        }
        Err(e) => assert!(!e.to_string().is_empty()),
    }
}

pub fn search_body_seeds() -> Vec<Vec<u8>> {
    let all = [
        json!({
            "query": { "bool": {
                "must": [{ "match": { "message": { "query": "disk full", "operator": "and" } } }],
                "filter": [
                    { "range": { "@timestamp": { "gte": "now-1d/d", "lte": 1_795_262_400_000i64, "format": "epoch_millis||strict_date_optional_time", "time_zone": "Europe/Berlin" } } },
                    { "terms": { "n": [0, 1] } },
                ],
                "should": [{ "wildcard": { "host": { "value": "w*" } } }, { "regexp": { "host": "web-[0-9]" } }],
                "minimum_should_match": "50%",
            } },
            "sort": [{ "@timestamp": { "order": "desc", "format": "strict_date_optional_time" } }, "_doc"],
            "size": 2, "_source": { "includes": ["n", "deep.*"] }, "fields": ["*"],
            "highlight": { "fields": { "*": { "fragment_size": 5 } } },
        }),
        json!({
            "size": 0,
            "aggs": {
                "t": { "date_histogram": { "field": "@timestamp", "calendar_interval": "1d", "time_zone": "Asia/Shanghai", "extended_bounds": { "min": "now-2d", "max": "now" } },
                    "aggs": { "h": { "terms": { "field": "host", "order": { "s.max": "asc" } }, "aggs": { "s": { "extended_stats": { "field": "n" } } } } } },
                "x": { "histogram": { "field": "n", "interval": 0.5, "offset": 0.1 } },
                "r": { "date_range": { "field": "@timestamp", "ranges": [{ "to": "now-1h" }, { "from": "now-1h" }] } },
                "p": { "percentiles": { "field": "deep.k", "percents": [1, 99.9] } },
                "f": { "filters": { "filters": { "a": { "exists": { "field": "n" } } }, "other_bucket": true }, "aggs": { "top": { "top_hits": { "size": 1 } }, "c": { "cardinality": { "field": "tags" } } } },
            },
        }),
        json!({ "query": { "multi_match": { "query": "timeout 错误", "fields": ["message^2", "t*"], "type": "cross_fields" } }, "sort": "n", "search_after": [1], "track_total_hits": 3 }),
        json!({ "query": { "ids": { "values": ["18ea0ac2f4a82000deadbeefdeadbeef"] } }, "post_filter": { "fuzzy": { "host": "web" } } }),
    ];
    all.iter().map(|body| body.to_string().into_bytes()).collect()
}
