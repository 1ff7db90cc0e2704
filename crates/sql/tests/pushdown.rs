//! What is handed down to a source changes what it reads, never what a query gives: each condition is asked of the
//! tables as they are, and of the same rows where nothing can be handed down, and both beside a model that knows no SQL.

use model::Labels;
use model::record::{AttributesBuf, Record, Value};
use proptest::prelude::*;
use sql::{Control, MemorySource, Options, Session};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A record: stream, second, words, attribute.
#[derive(Debug, Clone)]
struct Row {
    app: u8,
    env: Option<u8>,
    second: i64,
    words: Vec<u8>,
    n: Option<i64>,
}

const WORDS: [&str; 6] = ["GET", "timeout", "a%b", "x_y", "Timeout", "é"];

impl Row {
    fn body(&self) -> String {
        self.words.iter().map(|w| WORDS[usize::from(*w)]).collect::<Vec<_>>().join(" ")
    }

    fn labels(&self) -> Labels {
        let mut pairs = vec![("app".to_owned(), format!("a{}", self.app))];
        pairs.extend(self.env.map(|e| ("env".to_owned(), format!("e{e}"))));
        Labels::from_pairs(pairs).unwrap()
    }
}

fn row() -> impl Strategy<Value = Row> {
    let words = prop::collection::vec(0..WORDS.len() as u8, 0..4);
    (0..3u8, prop::option::of(0..2u8), 0..20i64, words, prop::option::of(0..5i64))
        .prop_map(|(app, env, second, words, n)| Row { app, env, second, words, n })
}

/// A condition in SQL and what it means; `None` is unknown.
type Meaning = fn(&Row, i64) -> Option<bool>;

/// Conditions with a number in them.
const CONDITIONS: &[(&str, Meaning)] = &[
    ("timestamp >= to_timestamp({n})", |r, n| Some(r.second >= n)),
    ("timestamp < to_timestamp({n})", |r, n| Some(r.second < n)),
    ("to_timestamp({n}) >= timestamp", |r, n| Some(r.second <= n)),
    ("timestamp = to_timestamp({n})", |r, n| Some(r.second == n)),
    ("timestamp BETWEEN to_timestamp({n}) AND to_timestamp({n} + 5)", |r, n| {
        Some((n..=n + 5).contains(&r.second))
    }),
    ("app = 'a' || ({n} % 3)::text", |r, n| Some(i64::from(r.app) == n % 3)),
    ("app <> 'a1'", |r, _| Some(r.app != 1)),
    ("env = 'e0'", |r, _| r.env.map(|e| e == 0)),
    ("env <> 'e0'", |r, _| r.env.map(|e| e != 0)),
    ("env IS NULL", |r, _| Some(r.env.is_none())),
    ("env IS NOT NULL", |r, _| Some(r.env.is_some())),
    ("env IN ('e1', 'e7')", |r, _| r.env.map(|e| e == 1)),
    ("coalesce(env, 'e0') = 'e0'", |r, _| Some(r.env.unwrap_or(0) == 0)),
    ("labels['env'] = 'e1'", |r, _| r.env.map(|e| e == 1)),
    ("app LIKE 'a_' AND app NOT LIKE '%2'", |r, _| Some(r.app != 2)),
    ("body LIKE '%timeout%'", |r, _| Some(r.body().contains("timeout"))),
    ("body NOT LIKE '%timeout%'", |r, _| Some(!r.body().contains("timeout"))),
    ("body ILIKE '%TIMEOUT%'", |r, _| Some(r.body().to_lowercase().contains("timeout"))),
    ("body LIKE '%a\\%b%'", |r, _| Some(r.body().contains("a%b"))),
    ("body LIKE '%x_y%'", |r, _| {
        let chars: Vec<char> = r.body().chars().collect();
        Some(chars.windows(3).any(|w| w[0] == 'x' && w[2] == 'y'))
    }),
    ("body LIKE 'GET%'", |r, _| Some(r.body().starts_with("GET"))),
    ("body LIKE '%GET%timeout%'", |r, _| {
        Some(r.body().split_once("GET").is_some_and(|(_, rest)| rest.contains("timeout")))
    }),
    ("body = 'GET timeout'", |r, _| Some(r.body() == "GET timeout")),
    ("body = ''", |r, _| Some(r.body().is_empty())),
    ("body ~ '^(GET|a%b)'", |r, _| Some(r.body().starts_with("GET") || r.body().starts_with("a%b"))),
    ("body ~* 'TIME'", |r, _| Some(r.body().to_lowercase().contains("time"))),
    ("strpos(body, 'é') > 0", |r, _| Some(r.body().contains('é'))),
    ("contains(body, 'x_')", |r, _| Some(r.body().contains("x_"))),
    ("starts_with(body, 'Time')", |r, _| Some(r.body().starts_with("Time"))),
    ("body LIKE '%GET%' OR app = 'a0'", |r, _| Some(r.body().contains("GET") || r.app == 0)),
    ("NOT (body LIKE '%GET%' AND app = 'a0')", |r, _| Some(!(r.body().contains("GET") && r.app == 0))),
    ("n >= {n} % 5", |r, n| r.n.map(|v| v >= n % 5)),
    ("attributes['n'] = '3'", |r, _| r.n.map(|v| v == 3)),
    ("length(body) > {n}", |r, n| Some(r.body().chars().count() as i64 > n)),
];

fn ids(session: &Session, statement: &str) -> Vec<i64> {
    let parsed = sql::parse(statement).unwrap().remove(0);
    let mut out = Vec::new();
    let prepared = session.prepare(&parsed).unwrap_or_else(|e| panic!("{statement}: {e}"));
    let run = prepared.run(&mut |batch| {
        let column = batch.column(0);
        for row in 0..batch.num_rows() {
            let text = sql::ScalarValue::try_from_array(column, row).unwrap().to_string();
            out.push(text.parse().unwrap());
        }
        ControlFlow::Continue(())
    });
    run.unwrap_or_else(|e| panic!("{statement}: {e}"));
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn conditions_mean_the_same_wherever_they_are_tried(
        rows in prop::collection::vec(row(), 0..40),
        picks in prop::collection::vec((0..CONDITIONS.len(), 0..20i64), 1..4),
        block_rows in 1..7usize,
        limit in prop::option::of(0..10usize),
        descending in any::<bool>(),
    ) {
        let mut source = MemorySource::default().with_block_rows(block_rows);
        // A first record of a stream of its own makes all columns known.
        let mut all = vec![Row { app: 2, env: Some(1), second: 0, words: vec![], n: Some(0) }];
        all.extend(rows);
        for (i, row) in all.iter().enumerate() {
            let mut attributes = AttributesBuf::new();
            attributes.push("id", Value::Int(i as i64));
            if let Some(n) = row.n {
                attributes.push("n", Value::Int(n));
            }
            let (body, stream) = (row.body(), source.records_mut().stream(row.labels()));
            let record = Record { attributes: attributes.as_attributes(), ..Record::line(row.second * 1_000_000_000, &body) };
            source.records_mut().push(stream, &record);
        }
        let control = Control::new();
        let session = Session::new(Arc::new(source), &Options::default(), &control).unwrap();
        let conditions: Vec<String> =
            picks.iter().map(|(i, n)| format!("({})", CONDITIONS[*i].0.replace("{n}", &n.to_string()))).collect();
        let condition = conditions.join(" AND ");
        let mut wanted: Vec<i64> = (0..all.len())
            .filter(|id| picks.iter().all(|(i, n)| CONDITIONS[*i].1(&all[*id], *n) == Some(true)))
            .map(|id| id as i64)
            .collect();

        let mut found = ids(&session, &format!("SELECT id::bigint FROM logs WHERE {condition}"));
        found.sort_unstable();
        prop_assert_eq!(&found, &wanted, "{}", &condition);
        // Behind a limit nothing is handed down.
        let mut held = ids(&session, &format!("SELECT id::bigint FROM (SELECT * FROM logs LIMIT 1000) WHERE {condition}"));
        held.sort_unstable();
        prop_assert_eq!(&held, &wanted, "{}", &condition);
        let count = ids(&session, &format!("SELECT count(*) FROM logs WHERE {condition}"));
        prop_assert_eq!(count, vec![wanted.len() as i64]);

        // In order of time, cut.
        let order = if descending { "DESC" } else { "ASC" };
        let cut = limit.map_or(String::new(), |l| format!(" LIMIT {l}"));
        let statement = format!("SELECT id::bigint FROM logs WHERE {condition} ORDER BY timestamp {order}{cut}");
        let found: Vec<i64> = ids(&session, &statement).into_iter().map(|id| all[id as usize].second).collect();
        wanted.sort_by_key(|id| if descending { -all[*id as usize].second } else { all[*id as usize].second });
        wanted.truncate(limit.unwrap_or(usize::MAX));
        let wanted: Vec<i64> = wanted.into_iter().map(|id| all[id as usize].second).collect();
        prop_assert_eq!(found, wanted, "{}", statement);
    }
}
