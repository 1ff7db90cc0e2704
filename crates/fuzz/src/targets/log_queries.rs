//! Queries over logs, and lines that queries take apart.

use logql::{Control, Direction, Engine, EngineOptions, Expr, LogExpr, LogRange, MemorySource};
use model::Labels;
use model::record::{AttributesBuf, Record, RecordBatch, Tenant, Value};
use std::sync::LazyLock;

/// What parses must print, and parse again to what prints the same.
pub fn logql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(expr) = logql::parse(text) {
        let printed = expr.to_string();
        let laid_out = logql::pretty(&expr);
        for form in [&printed, &laid_out] {
            let again = logql::parse(form).unwrap_or_else(|e| panic!("{text:?} prints as {form:?}: {e}"));
            assert_eq!(again.to_string(), printed, "of {text:?}");
        }
    }
    let _ = logql::parse_selector(text);
    let _ = logql::parse_bytes(text);
    let _ = logql::parse_value_duration(text);
}

pub fn logql_seeds() -> Vec<Vec<u8>> {
    [
        r#"{app="x", host=~"a.*"} |= "a" or "b" !~ `\d+` |> "<_> x <_>" != ip("10.0.0.0/8") # end"#,
        r#"{a="b"} | json c="d[0].e[\"f\"]", g | logfmt --strict --keep-empty h="i" | pattern "<j> - <_>""#,
        r#"{a="b"} | regexp "(?P<x>.*)" | unpack | decolorize | drop a, b="c" | keep d, e=~"f""#,
        r#"{a="b"} | c > 5 and d <= 1.5KiB or (e == 1h30m, f = ip("::1-::8")) g!="h" | line_format "{{.x | lower}}""#,
        r#"{a="b"} | label_format c=d, e="{{ if .f }}{{ trunc 5 .g }}{{ end }}""#,
        r#"sum by (a) (rate({b="c"} |= "d" [5m] offset -1h)) / on (a) group_left (e) avg without (f) (count_over_time({g="h"}[1d]))"#,
        r#"quantile_over_time(0.99, {a="b"} | json | unwrap duration(c) | __error__="" [1m]) by (d) > bool 2 ^ -3"#,
        r#"label_replace(topk(5, bytes_rate({a="b"}[1w])), "x", "$1", "y", "(.*)") unless vector(1)"#,
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}

/// Queries that take a line apart in every way there is.
static QUERIES: LazyLock<Vec<LogExpr>> = LazyLock::new(|| {
    [
        r#"{a="b"} | json | logfmt | label_format c="{{ .d }}" | line_format "{{ .e }} {{ __line__ }}""#,
        r#"{a="b"} | logfmt --strict --keep-empty | d > 5 or e > 1s or f > 1MB or g = ip("10.0.0.0/8")"#,
        r#"{a="b"} | json x="d.e[0]", y="[1]" | unpack | decolorize | drop x | keep y, d, e"#,
        r#"{a="b"} |= ip("::/0") or "x" | pattern "<d> <_>=<e>" | regexp "(?P<f>[a-z]+)(?P<g>\\d*)""#,
        r#"{a="b"} |> "<_>=<_>" | line_format "{{ fromJson __line__ }}{{ b64dec .d }}{{ urldecode .e }}{{ duration .f }}""#,
    ]
    .map(|q| logql::parse_log(q).expect("a query that parses"))
    .to_vec()
});

/// A line goes through parsers, filters and formats; what comes out is at most one line.
pub fn line(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let stream = batch.stream(Labels::from_pairs([("a", "b")]).expect("good labels"));
    let mut attributes = AttributesBuf::new();
    attributes.push("d.e", Value::String(text));
    batch.push(stream, &Record { attributes: attributes.as_attributes(), ..Record::line(1, text) });
    let source = MemorySource::new(batch);
    let engine = Engine::new(EngineOptions { memory_max: 16 << 20, ..EngineOptions::default() });
    let range = LogRange { start_ns: 0, end_ns: 2, direction: Direction::Backward, limit: 10 };
    for log in QUERIES.iter() {
        let output = engine.logs(&source, log, &range, &Control::new()).expect("lines never fail a query");
        assert!(output.stats.entries <= 1);
        output.merged();
    }
    let counted = Expr::Metric(count());
    let _ = engine.instant(&source, &counted, 1_000_000_000, &Control::new());
}

fn count() -> logql::Metric {
    let query = r#"sum by (d, e) (sum_over_time({a="b"} | json | logfmt | unwrap bytes(d) [1m]))"#;
    match logql::parse(query) {
        Ok(Expr::Metric(metric)) => metric,
        other => panic!("a metric query, not {other:?}"),
    }
}

pub fn line_seeds() -> Vec<Vec<u8>> {
    [
        r#"{"d":{"e":["x\u00e9\n",{"f":1e5}],"g":true},"_entry":"a=b","h":null}"#,
        r#"d=10.0.0.1 e="q \"x\" \u00e9" f=1.5s g alone =x k=a=b"#,
        "\u{1b}[31mred\u{1b}[0m abc123 ::1 [2001:db8::7]:80 Zm9v a%20b",
        r#"{"a":{"a":{"a":{"a":{}}}}} trailing"#,
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}
