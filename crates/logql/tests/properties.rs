//! Evaluation against what is obviously right.

use logql::source::Source;
use logql::{Control, Direction, Engine, Expr, LogRange, MemorySource, Point, Value, parse, parse_log};
use model::Labels;
use model::record::{AttributesBuf, Record, RecordBatch, Severity, Tenant};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;

/// A line of the model: stream, second, level, a number, whether an attribute says who.
#[derive(Debug, Clone)]
struct Line {
    stream: usize,
    second: i64,
    level: &'static str,
    number: u32,
    user: Option<&'static str>,
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (0..3usize, 0..120i64, 0..3usize, 0..50u32, 0..3usize).prop_map(
        |(stream, second, level, number, user)| Line {
            stream,
            second,
            level: ["info", "warn", "error"][level],
            number,
            user: [None, Some("u1"), Some("u2")][user],
        },
    );
    proptest::collection::vec(line, 0..60)
}

fn source(lines: &[Line], block_rows: usize) -> MemorySource {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let streams =
        [[("app", "a"), ("host", "1")], [("app", "a"), ("host", "2")], [("app", "b"), ("host", "1")]]
            .map(|pairs| batch.stream(Labels::from_pairs(pairs).unwrap()));
    for line in lines {
        let mut attributes = AttributesBuf::new();
        if let Some(user) = line.user {
            attributes.push("user.name", model::record::Value::String(user));
        }
        let text = format!("level={} number={}", line.level, line.number);
        let record = Record {
            severity: Severity::from_text(line.level),
            attributes: attributes.as_attributes(),
            ..Record::line(line.second * SECOND, &text)
        };
        batch.push(streams[line.stream], &record);
    }
    MemorySource::new(batch).with_block_rows(block_rows)
}

fn instant(source: &dyn Source, expr: &Expr, time_ns: i64) -> BTreeMap<String, f64> {
    let output = Engine::default().instant(source, expr, time_ns, &Control::new()).unwrap();
    match output.value {
        Value::Vector(samples) => samples
            .into_iter()
            .map(|s| match s.value {
                Point::Float(v) => (s.labels.to_string(), v),
                Point::Histogram(h) => panic!("logs make no histograms: {h:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

const QUERIES: &[&str] = &[
    "count_over_time({app=~\".+\"}[RANGE])",
    "sum by (app) (count_over_time({app=~\".+\"}[RANGE]))",
    "sum by (level) (rate({app=~\".+\"} | logfmt [RANGE]))",
    "sum by (detected_level) (count_over_time({app=\"a\"} |= \"number=1\" [RANGE] offset 7s))",
    "bytes_over_time({host=\"1\"} | user_name=\"u1\" [RANGE])",
    "sum_over_time({app=~\".+\"} | logfmt | unwrap number [RANGE])",
    "avg_over_time({app=~\".+\"} | logfmt | unwrap number [RANGE]) by (app)",
    "min(min_over_time({app=~\".+\"} | logfmt | unwrap number [RANGE]))",
    "max_over_time({app=~\".+\"} | pattern \"level=<level> number=<number>\" | unwrap number [RANGE]) by (level)",
    "stdvar_over_time({app=~\".+\"} | logfmt | unwrap number [RANGE]) by (host)",
    "quantile_over_time(0.7, {app=~\".+\"} | logfmt | unwrap number [RANGE]) by (app)",
    "first_over_time({app=~\".+\"} | logfmt | drop level, user_name, detected_level | unwrap number [RANGE])",
    "last_over_time({app=\"b\"} | logfmt | unwrap number [RANGE]) by (host)",
    "rate_counter({app=~\".+\"} | logfmt | keep app, number | unwrap number [RANGE])",
    "absent_over_time({app=\"b\"} | logfmt | level=\"error\" [RANGE])",
    "topk(2, sum by (level, host) (count_over_time({app=~\".+\"} | logfmt [RANGE])))",
    "sum by (app, level) (count_over_time({app=~\".+\"} | logfmt [RANGE])) / on (app) group_left sum by (app) (count_over_time({app=~\".+\"}[RANGE]))",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A range query is its instant queries, whatever blocks the lines come in and however windows overlap.
    #[test]
    fn a_range_is_its_instants(
        lines in lines(),
        query in 0..QUERIES.len(),
        range in 1i64..90,
        start in -20i64..60,
        step in 1i64..50,
        count in 1i64..12,
        block_rows in 1usize..40,
    ) {
        let text = QUERIES[query].replace("RANGE", &format!("{range}s"));
        let expr = parse(&text).unwrap();
        let source = source(&lines, block_rows);
        let (start, step) = (start * SECOND, step * SECOND);
        let end = start + (count - 1) * step;
        let output = Engine::default().range(&source, &expr, start, end, step, &Control::new()).unwrap();
        let Value::Matrix(series) = output.value else { panic!("a matrix") };
        for i in 0..count {
            let at = start + i * step;
            let mut found: BTreeMap<String, f64> = BTreeMap::new();
            for s in &series {
                if let Some((_, v)) = s.floats.iter().find(|(t, _)| *t == at / 1_000_000) {
                    found.insert(s.labels.to_string(), *v);
                }
            }
            let wanted = instant(&source, &expr, at);
            // Which of equals `topk` takes is open.
            let (mut values, mut wanted_values): (Vec<f64>, Vec<f64>) =
                (found.values().copied().collect(), wanted.values().copied().collect());
            values.sort_by(f64::total_cmp);
            wanted_values.sort_by(f64::total_cmp);
            let same = found.len() == wanted.len()
                && (text.starts_with("topk") || found.keys().eq(wanted.keys()))
                && values.iter().zip(&wanted_values).all(|(f, w)| near(*f, *w));
            let same = same && found.iter().all(|(k, v)| wanted.get(k).is_none_or(|w| near(*v, *w)));
            prop_assert!(same, "{text} at {at}: {found:?} is not {wanted:?}");
        }
    }

    /// Counting by an extracted label is counting the lines one by one.
    #[test]
    fn counts_are_right(lines in lines(), range in 1i64..90, at in 0i64..130, block_rows in 1usize..40) {
        let expr = parse(&format!("sum by (host, level) (count_over_time({{app=\"a\"}} | logfmt | number >= 10 [{range}s]))")).unwrap();
        let found = instant(&source(&lines, block_rows), &expr, at * SECOND);
        let mut wanted: BTreeMap<String, f64> = BTreeMap::new();
        for l in &lines {
            if l.stream < 2 && l.number >= 10 && at - range < l.second && l.second <= at {
                let labels = format!("{{host=\"{}\", level=\"{}\"}}", l.stream + 1, l.level);
                *wanted.entry(labels).or_default() += 1.0;
            }
        }
        prop_assert_eq!(found, wanted);
    }

    /// The first lines in a direction are the first of all lines.
    #[test]
    fn limits_keep_the_first_lines(
        lines in lines(),
        limit in 1usize..40,
        backward in any::<bool>(),
        from in 0i64..60,
        to in 40i64..130,
        block_rows in 1usize..40,
    ) {
        let log = parse_log("{app=~\".+\"} | logfmt | level!=\"warn\" | line_format \"{{.number}}\"").unwrap();
        let direction = if backward { Direction::Backward } else { Direction::Forward };
        let range = LogRange { start_ns: from * SECOND, end_ns: to * SECOND, direction, limit };
        let output = Engine::default().logs(&source(&lines, block_rows), &log, &range, &Control::new()).unwrap();
        let mut found: Vec<i64> =
            output.streams.iter().flat_map(|s| &s.entries).map(|e| e.time_ns / SECOND).collect();
        for stream in &output.streams {
            let times: Vec<i64> = stream.entries.iter().map(|e| e.time_ns).collect();
            prop_assert!(times.is_sorted_by(|a, b| if backward { a >= b } else { a <= b }), "{times:?}");
        }
        let mut wanted: Vec<i64> = lines
            .iter()
            .filter(|l| l.level != "warn" && from <= l.second && l.second < to)
            .map(|l| l.second)
            .collect();
        wanted.sort_unstable();
        if backward {
            wanted.reverse();
        }
        wanted.truncate(limit);
        found.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(found, wanted);
    }

    /// Any sequence of pieces of queries is read or refused, and what is read prints as it reads.
    #[test]
    fn pieces_of_queries_never_panic(pieces in proptest::collection::vec(0..PIECES.len(), 0..24)) {
        let text: String = pieces.iter().map(|i| PIECES[*i]).collect::<Vec<_>>().join(" ");
        if let Ok(expr) = parse(&text) {
            let printed = expr.to_string();
            prop_assert_eq!(parse(&printed).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,60}", tail in "[{}()|=!~<>\"`a-z0-9.#\\[\\]\\-]{0,40}") {
        for query in [format!("{text}{tail}"), format!("{{a=\"b\"}}{tail}"), format!("sum(rate({{a=\"b\"}}{tail}[5m]))")] {
            if let Err(e) = parse(&query) {
                prop_assert!(e.start <= e.end && e.end <= query.len());
                e.caret(&query);
            }
        }
    }
}

const PIECES: &[&str] = &[
    "{a=\"b\"}",
    "{a=~\"b.+\",c!=\"d\"}",
    "|= \"x\"",
    "!= \"y\" or \"z\"",
    "|~ `\\d`",
    "|> \"<_> q\"",
    "| json",
    "| json a=\"b.c\", d",
    "| logfmt --strict",
    "| pattern \"<x> y\"",
    "| regexp \"(?P<x>.)\"",
    "| unpack",
    "| decolorize",
    "| line_format \"{{.x}}\"",
    "| label_format a=b, c=\"{{.d}}\"",
    "| drop a, b=\"c\"",
    "| keep a",
    "| x > 5",
    "| x = 5m or y < 2MB",
    "| (x=\"a\" and y!~\"b\") z=ip(\"::1\")",
    "| unwrap x",
    "| unwrap bytes(x)",
    "| __error__=\"\"",
    "[5m]",
    "offset 1h",
    "count_over_time(",
    "rate(",
    "sum by (a) (",
    "topk(3,",
    "quantile_over_time(0.5,",
    "max_over_time(",
    ")",
    ")",
    ")",
    "by (a)",
    "without (b)",
    "+",
    "/ on (a) group_left",
    "and",
    "or",
    "> bool",
    "1",
    "-2.5",
    "vector(1)",
    "label_replace(",
    ", \"a\", \"b\", \"c\", \"d\")",
    "^",
    "(",
];

#[test]
fn deep_queries_are_refused_not_overflowed() {
    for (open, close) in [("(", ")"), ("sum(", ")"), ("1+(", ")")] {
        let text = format!("{}vector(1){}", open.repeat(5000), close.repeat(5000));
        assert!(parse(&text).unwrap_err().message.contains("nested deeper"), "{open}");
    }
    let chain = format!("1{}", "+1".repeat(5000));
    assert!(parse(&chain).unwrap_err().message.contains("nested deeper"));
    let filter = format!("{{a=\"b\"}} | {}x=\"y\"{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse(&filter).unwrap_err().message.contains("nested deeper"));
    let wide = format!("{{a=\"b\"}} | x=\"y\"{}", " or x=\"y\"".repeat(5000));
    assert!(parse(&wide).is_ok(), "wide is not deep");
}

#[test]
fn limits_name_what_they_limit() {
    let lines: Vec<Line> =
        (0..50).map(|i| Line { stream: 0, second: i, level: "info", number: i as u32, user: None }).collect();
    let source = source(&lines, 10);
    let mut engine = Engine::default();
    engine.options.series_max = 10;
    let by_number = parse("count_over_time({app=\"a\"} | logfmt [2m])").unwrap();
    let error = engine.instant(&source, &by_number, 60 * SECOND, &Control::new()).unwrap_err();
    assert!(error.to_string().contains("50 series in its result, over the limit of 10"), "{error}");
    let all = parse("sum(count_over_time({app=\"a\"} | logfmt [2m]))").unwrap();
    let output = engine.instant(&source, &all, 60 * SECOND, &Control::new()).unwrap();
    assert_eq!((output.stats.lines, output.stats.streams), (50, 1));
    engine.options.memory_max = 1000;
    let error = engine.instant(&source, &by_number, 60 * SECOND, &Control::new()).unwrap_err();
    assert!(error.to_string().contains("query.memory"), "{error}");
    let control = Control::new();
    control.cancel();
    let error = engine.instant(&source, &all, 60 * SECOND, &control).unwrap_err();
    assert_eq!(error.to_string(), "the query was cancelled");
    let log = parse_log("{app=\"a\"}").unwrap();
    engine.options.entries_max = 5;
    let range = LogRange { start_ns: 0, end_ns: 60 * SECOND, direction: Direction::Forward, limit: 6 };
    let error = engine.logs(&source, &log, &range, &Control::new()).unwrap_err();
    assert!(error.to_string().contains("query.log_lines_max"), "{error}");
    engine.options.steps_max = 10;
    let error = engine.range(&source, &all, 0, 100 * SECOND, SECOND, &Control::new()).unwrap_err();
    assert!(error.to_string().contains("101 steps"), "{error}");
}
