//! What a plan says about how a query was evaluated.

use logql::{Control, Direction, Engine, Expr, LogRange, MemorySource, PlanNode, Value, When, parse};
use model::Labels;
use model::record::{Record, RecordBatch, Tenant};

const SECOND: i64 = 1_000_000_000;

/// Of each of two apps a line per second; every second one is in JSON, every fourth one an error.
fn source() -> MemorySource {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let streams = ["a", "b"].map(|app| batch.stream(Labels::from_pairs([("app", app)]).unwrap()));
    for second in 0..40 {
        for stream in streams {
            let line = match second % 4 {
                0 => format!("{{\"level\":\"error\",\"took\":{second}}}"),
                2 => format!("{{\"level\":\"info\",\"took\":{second}}}"),
                _ => format!("plain {second}"),
            };
            batch.push(stream, &Record::line(second * SECOND, &line));
        }
    }
    MemorySource::new(batch).with_block_rows(7)
}

fn when(expr: &Expr) -> When {
    match expr {
        Expr::Log(_) => When::Lines(LogRange {
            start_ns: 0,
            end_ns: 40 * SECOND,
            direction: Direction::Backward,
            limit: 5,
        }),
        Expr::Metric(_) => When::Steps { start_ns: 10 * SECOND, end_ns: 40 * SECOND, step_ns: 10 * SECOND },
    }
}

fn shown(node: &PlanNode, query: &str, depth: usize, out: &mut String) {
    let count = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
    out.push_str(&format!(
        "{:indent$}{}: {} | {} | series {}, lines {} of {} | {}\n",
        "",
        node.kind,
        node.head,
        node.text(query).trim(),
        count(node.series),
        count(node.lines),
        node.lines_read,
        node.notes.join("; "),
        indent = depth * 2,
    ));
    assert!(node.own <= node.total);
    let below: std::time::Duration = node.children.iter().map(|c| c.total).sum();
    assert!(below <= node.total);
    for child in &node.children {
        shown(child, query, depth + 1, out);
    }
}

#[test]
fn every_node_says_what_it_gave() {
    let source = source();
    let mut out = String::new();
    for query in [
        r#"{app="a"}"#,
        r#"{app=~".+"} |= "level" | json | level="error" | line_format "{{.took}}""#,
        r#"sum by (level) (count_over_time({app="a"} |= "level" | json [10s]))"#,
        r#"topk(1, sum by (app) (rate({app=~".+"}[20s]))) / 2"#,
        r#"avg(max_over_time({app="a"} |= "level" | json | unwrap took [10s]) by (level))"#,
        r#"rate({app="a"}[10s]) > bool rate({app="a"}[10s])"#,
        r#"label_replace(rate({app="b"} | app="a" [10s]), "x", "$1", "app", "(.*)")"#,
        r#"count_over_time({app="none"}[10s]) + vector(1)"#,
    ] {
        let expr = parse(query).unwrap();
        let explained = Engine::default().explain(&source, &expr, when(&expr), &Control::new()).unwrap();
        out.push_str(&format!("{query}\n"));
        shown(&explained.plan, query, 1, &mut out);
    }
    insta::assert_snapshot!(out);
}

#[test]
fn what_passes_the_last_stage_is_what_is_counted() {
    let source = source();
    let expr = parse(r#"count_over_time({app=~".+"} | json | __error__="" | took > 12 [40s])"#).unwrap();
    let (time, engine) = (40 * SECOND, Engine::default());
    let Value::Vector(series) = engine.instant(&source, &expr, time, &Control::new()).unwrap().value else {
        panic!("a vector");
    };
    let explained = engine.explain(&source, &expr, When::Instant(time), &Control::new()).unwrap();
    let counted: f64 = series
        .iter()
        .map(|s| match s.value {
            logql::Point::Float(v) => v,
            logql::Point::Histogram(_) => 0.0,
        })
        .sum();
    assert_eq!(explained.plan.series, Some(series.len() as u64));
    assert_eq!(explained.plan.children.last().unwrap().lines, Some(counted as u64));
}

#[test]
fn what_cannot_be_evaluated_is_not_explained() {
    let (source, engine) = (source(), Engine::default());
    for (query, when, reason) in [
        ("rate({a=\"b\"}[1m])", when(&parse("{a=\"b\"}").unwrap()), "ask for an instant"),
        ("{a=\"b\"}", When::Instant(0), "gives lines"),
    ] {
        let e = engine.explain(&source, &parse(query).unwrap(), when, &Control::new()).unwrap_err();
        assert!(e.to_string().contains(reason), "{e}");
    }
}
