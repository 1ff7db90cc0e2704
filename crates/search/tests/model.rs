//! Searches compared with a naive model: random documents, random conditions, answered row by row on plain structures.

use model::Labels;
use model::record::{AttributesBuf, Record, RecordBatch, Tenant, Value};
use proptest::prelude::*;
use search::{AnswerOptions, Control, Engine, MemorySource, SearchRequest};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

const WORDS: [&str; 6] = ["disk", "full", "Timeout", "error", "10.0.0.1", "slow"];
const APPS: [&str; 3] = ["web", "db", "cache"];
const LEVELS: [&str; 3] = ["info", "warn", "error"];

#[derive(Debug, Clone)]
struct Doc {
    id: String,
    time_ms: i64,
    words: Vec<&'static str>,
    /// A label.
    app: &'static str,
    level: Option<&'static str>,
    n: Option<i64>,
    tags: Vec<&'static str>,
}

impl Doc {
    fn message(&self) -> String {
        self.words.join(" ")
    }

    /// The message as words of letters and digits.
    fn folded(&self) -> Vec<String> {
        let text = self.message().to_lowercase();
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    }

    fn says(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let wanted: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
        self.folded().windows(wanted.len()).any(|w| w == wanted)
    }
}

#[derive(Debug, Clone)]
enum Query {
    All,
    Match(Vec<&'static str>, bool),
    Phrase(Vec<&'static str>),
    App(&'static str),
    AppPrefix(String),
    Level(&'static str),
    Number(i64, i64),
    Numbers(Vec<i64>),
    Tag(&'static str),
    HasLevel,
    HasNumber,
    Time(i64, i64),
    Any(&'static str),
    Bool { must: Vec<Query>, should: Vec<Query>, must_not: Vec<Query>, need: Option<usize> },
}

impl Query {
    fn json(&self) -> Json {
        let all = |queries: &[Query]| queries.iter().map(Query::json).collect::<Vec<_>>();
        match self {
            Query::All => json!({ "match_all": {} }),
            Query::Match(words, and) => {
                let operator = if *and { "and" } else { "or" };
                json!({ "match": { "message": { "query": words.join(" "), "operator": operator } } })
            }
            Query::Phrase(words) => json!({ "match_phrase": { "message": words.join(" ") } }),
            Query::App(app) => json!({ "term": { "app": app } }),
            Query::AppPrefix(text) => json!({ "prefix": { "app": text } }),
            Query::Level(level) => json!({ "term": { "level.keyword": level } }),
            Query::Number(from, to) => json!({ "range": { "n": { "gte": from, "lt": to } } }),
            Query::Numbers(all) => json!({ "terms": { "n": all } }),
            Query::Tag(tag) => json!({ "match": { "tags": tag } }),
            Query::HasLevel => json!({ "exists": { "field": "level" } }),
            Query::HasNumber => json!({ "exists": { "field": "n" } }),
            Query::Time(from, to) => json!({ "range": { "@timestamp": { "gte": from, "lt": to } } }),
            Query::Any(word) => json!({ "query_string": { "query": format!("\"{word}\"") } }),
            Query::Bool { must, should, must_not, need } => {
                let mut body = json!({ "must": all(must), "should": all(should), "must_not": all(must_not) });
                if let Some(need) = need {
                    body["minimum_should_match"] = json!(need);
                }
                json!({ "bool": body })
            }
        }
    }

    fn passes(&self, d: &Doc) -> bool {
        match self {
            Query::All => true,
            Query::Match(words, true) => words.iter().all(|w| d.says(w)),
            Query::Match(words, false) => words.iter().any(|w| d.says(w)),
            Query::Phrase(words) => d.says(&words.join(" ")),
            Query::App(app) => d.app == *app,
            Query::AppPrefix(text) => d.app.starts_with(text.as_str()),
            Query::Level(level) => d.level == Some(level),
            Query::Number(from, to) => d.n.is_some_and(|n| *from <= n && n < *to),
            Query::Numbers(all) => d.n.is_some_and(|n| all.contains(&n)),
            Query::Tag(tag) => d.tags.contains(tag),
            Query::HasLevel => d.level.is_some(),
            Query::HasNumber => d.n.is_some(),
            Query::Time(from, to) => *from <= d.time_ms && d.time_ms < *to,
            Query::Any(word) => {
                d.says(word) || d.app == *word || d.level == Some(word) || d.tags.contains(word)
            }
            Query::Bool { must, should, must_not, need } => {
                let need = need.unwrap_or(usize::from(must.is_empty() && !should.is_empty()));
                must.iter().all(|q| q.passes(d))
                    && !must_not.iter().any(|q| q.passes(d))
                    && should.iter().filter(|q| q.passes(d)).count() >= need
            }
        }
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&WORDS[..])
}

fn docs() -> impl Strategy<Value = Vec<Doc>> {
    let one = (
        0i64..20_000,
        prop::collection::vec(word(), 0..5),
        prop::sample::select(&APPS[..]),
        prop::option::of(prop::sample::select(&LEVELS[..])),
        prop::option::of(-3i64..12),
        prop::collection::vec(prop::sample::select(&["x", "y", "error"][..]), 0..3),
    );
    prop::collection::vec(one, 0..40).prop_map(|all| {
        let number = |(i, (time_ms, words, app, level, n, tags))| Doc {
            id: format!("d{i}"),
            time_ms,
            words,
            app,
            level,
            n,
            tags,
        };
        all.into_iter().enumerate().map(number).collect()
    })
}

fn query() -> impl Strategy<Value = Query> {
    let leaf = prop_oneof![
        Just(Query::All),
        (prop::collection::vec(word(), 1..3), any::<bool>()).prop_map(|(w, and)| Query::Match(w, and)),
        prop::collection::vec(word(), 1..3).prop_map(Query::Phrase),
        prop::sample::select(&APPS[..]).prop_map(Query::App),
        "[wdc]?".prop_map(Query::AppPrefix),
        prop::sample::select(&LEVELS[..]).prop_map(Query::Level),
        (-3i64..6, 0i64..12).prop_map(|(a, b)| Query::Number(a, b)),
        prop::collection::vec(-3i64..12, 1..4).prop_map(Query::Numbers),
        prop::sample::select(&["x", "y", "error"][..]).prop_map(Query::Tag),
        Just(Query::HasLevel),
        Just(Query::HasNumber),
        (0i64..20_000, 0i64..20_000).prop_map(|(a, b)| Query::Time(a.min(b) + 10_000, a.max(b) + 10_000)),
        word().prop_map(Query::Any),
    ];
    leaf.prop_recursive(3, 20, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..3);
        (some(), some(), some(), prop::option::of(0usize..3))
            .prop_map(|(must, should, must_not, need)| Query::Bool { must, should, must_not, need })
    })
}

fn source(docs: &[Doc], block_rows: usize) -> MemorySource {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let streams: BTreeMap<&str, _> = APPS
        .iter()
        .map(|app| (*app, batch.stream(Labels::from_pairs([("app", *app), ("_index", "i")]).unwrap())))
        .collect();
    for d in docs {
        let (mut list, mut attributes) = (AttributesBuf::new(), AttributesBuf::new());
        attributes.push("_id", Value::String(&d.id));
        d.level.iter().for_each(|l| attributes.push("level", Value::String(l)));
        d.n.iter().for_each(|n| attributes.push("n", Value::Int(*n)));
        d.tags.iter().for_each(|t| list.push_item(Value::String(t)));
        attributes.push("tags", Value::List(list.as_items()));
        let message = d.message();
        let record = Record {
            attributes: attributes.as_attributes(),
            ..Record::line(d.time_ms * 1_000_000, &message)
        };
        batch.push(streams[d.app], &record);
    }
    MemorySource::new(batch).with_block_rows(block_rows)
}

fn search(source: &MemorySource, body: &Json) -> Json {
    let request = SearchRequest::parse(body, "", 0).unwrap();
    let found = Engine::default().search(source, request, &Control::new()).unwrap();
    found.answer(0, &AnswerOptions::default()).unwrap()
}

fn ids(answer: &Json) -> Vec<String> {
    answer["hits"]["hits"].as_array().unwrap().iter().map(|h| h["_id"].as_str().unwrap().to_owned()).collect()
}

fn shifted(docs: Vec<Doc>) -> Vec<Doc> {
    docs.into_iter().map(|d| Doc { time_ms: d.time_ms + 10_000, ..d }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn hits_are_those_of_the_model(docs in docs(), query in query(), block_rows in 1usize..10) {
        let docs = shifted(docs);
        let source = source(&docs, block_rows);
        let wanted: BTreeSet<String> =
            docs.iter().filter(|d| query.passes(d)).map(|d| d.id.clone()).collect();
        let answer = search(&source, &json!({ "query": query.json(), "size": 100, "sort": "@timestamp" }));
        let found = ids(&answer);
        prop_assert_eq!(&found.iter().cloned().collect::<BTreeSet<_>>(), &wanted, "{}", query.json());
        prop_assert_eq!(answer["hits"]["total"]["value"].as_u64(), Some(wanted.len() as u64));
        let time = |id: &String| docs.iter().find(|d| d.id == *id).map(|d| d.time_ms);
        prop_assert!(found.windows(2).all(|w| time(&w[0]) <= time(&w[1])), "in order of time");
        // Counting alone takes another way.
        let counted = search(&source, &json!({ "query": query.json(), "size": 0 }));
        prop_assert_eq!(counted["hits"]["total"]["value"].as_u64(), Some(wanted.len() as u64));
    }

    #[test]
    fn aggregations_are_those_of_the_model(docs in docs(), query in query(), block_rows in 1usize..10) {
        let docs = shifted(docs);
        let source = source(&docs, block_rows);
        let body = json!({ "query": query.json(), "size": 0, "aggs": {
            "level": { "terms": { "field": "level" }, "aggs": { "n": { "sum": { "field": "n" } } } },
            "time": {
                "date_histogram": { "field": "@timestamp", "fixed_interval": "2s", "min_doc_count": 1 },
                "aggs": { "apps": { "cardinality": { "field": "app" } } },
            },
        } });
        let answer = search(&source, &body);
        let mut levels: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
        let mut times: BTreeMap<i64, (u64, BTreeSet<&str>)> = BTreeMap::new();
        for d in docs.iter().filter(|d| query.passes(d)) {
            if let Some(level) = d.level {
                let sum = levels.entry(level).or_default();
                *sum = (sum.0 + 1, sum.1 + d.n.unwrap_or(0) as f64);
            }
            let bucket = times.entry(d.time_ms / 2000 * 2000).or_default();
            bucket.0 += 1;
            bucket.1.insert(d.app);
        }
        let buckets = |name: &str| answer["aggregations"][name]["buckets"].as_array().unwrap().clone();
        let found: BTreeMap<String, (u64, f64)> = buckets("level")
            .iter()
            .map(|b| (b["key"].as_str().unwrap().to_owned(), (b["doc_count"].as_u64().unwrap(), b["n"]["value"].as_f64().unwrap())))
            .collect();
        prop_assert_eq!(found, levels.into_iter().map(|(k, v)| (k.to_owned(), v)).collect());
        let found: Vec<(i64, u64, u64)> = buckets("time")
            .iter()
            .map(|b| (b["key"].as_i64().unwrap(), b["doc_count"].as_u64().unwrap(), b["apps"]["value"].as_u64().unwrap()))
            .collect();
        let wanted: Vec<(i64, u64, u64)> = times.into_iter().map(|(k, (n, apps))| (k, n, apps.len() as u64)).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn pages_are_the_whole(docs in docs(), query in query(), block_rows in 1usize..10, size in 1usize..7, up in any::<bool>()) {
        let docs = shifted(docs);
        let source = source(&docs, block_rows);
        let order = if up { "asc" } else { "desc" };
        for sort in [json!([{ "@timestamp": order }, { "_doc": order }]), json!([{ "n": order }, { "_doc": "asc" }])] {
            let body = json!({ "query": query.json(), "size": 100, "sort": sort });
            let whole = ids(&search(&source, &body));
            let mut paged = Vec::new();
            let mut page = json!({ "query": query.json(), "size": size, "sort": sort });
            loop {
                let answer = search(&source, &page);
                let Some(last) = answer["hits"]["hits"].as_array().unwrap().last() else { break };
                page["search_after"] = last["sort"].clone();
                paged.extend(ids(&answer));
                prop_assert!(paged.len() <= whole.len(), "{:?} {:?}", paged, whole);
            }
            prop_assert_eq!(paged, whole, "{}", sort);
        }
    }
}
