//! Reading and printing of queries.

use promql::{NESTING_MAX, parse, parse_labels, parse_selector, pretty};
use proptest::prelude::*;

/// The tree as text, without the places where its parts stood.
fn shape(query: &str) -> String {
    let tree = format!("{:?}", parse(query).unwrap_or_else(|e| panic!("{query}: {e}")));
    let places = regex::Regex::new(r"Span \{[^}]*\}|\b(start|end): \d+").expect("a pattern");
    places.replace_all(&tree, "").into_owned()
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let text = include_str!("parser/errors.txt");
    let (_, cases) = text.split_once("\n\n").expect("a heading and cases");
    let mut told = String::new();
    for case in cases.split("\n\n") {
        let written = case.lines().next().and_then(|l| l.strip_prefix("query:")).expect("a query").trim();
        let query = written.replace("\\n", "\n");
        let error = parse(&query).expect_err(&query);
        assert!(error.start <= error.end && error.end <= query.len(), "{query}");
        assert!(error.caret(&query).contains('^'), "{query}");
        told += format!("query: {written}").trim_end();
        told += &format!("\nerror: {error}\n");
        told += &error.help.map(|help| format!("help: {help}\n")).unwrap_or_default();
        told += "\n";
    }
    assert!(told.trim_end() == cases.trim_end(), "the errors are:\n{told}");
}

/// Mistakes people make: the query with a caret under the place, what is wrong, and what might be right instead.
#[test]
fn mistakes_are_answered_with_what_might_be_right() {
    let text = include_str!("parser/mistakes.txt");
    let (_, cases) = text.split_once("\n\n").expect("a heading and cases");
    let mut told = String::new();
    for case in cases.split("\n\n") {
        let query = case.lines().next().expect("a query");
        told += &parse(query).map_or_else(|e| e.caret(query), |_| format!("{query}\nis no mistake"));
        told += "\n\n";
    }
    assert!(told.trim_end() == cases.trim_end(), "the mistakes are told so:\n{told}");
}

#[test]
fn queries_have_one_canonical_form() {
    let text = include_str!("parser/canonical.txt");
    let text = text.split_once("\n\n").expect("a heading").1;
    let mut query = String::new();
    for line in text.lines() {
        let Some((end, canonical)) = line.split_once("=>") else {
            query = format!("{line}\n");
            continue;
        };
        query.push_str(end);
        let canonical = canonical.trim();
        let printed = parse(&query).unwrap_or_else(|e| panic!("{query}: {e}")).to_string();
        assert_eq!(printed, canonical);
        assert_eq!(parse(&printed).expect("printed").to_string(), printed);
        query.clear();
    }
}

#[test]
fn a_caret_stands_under_the_place() {
    let query = "sum(\n  rat(x[5m])\n)";
    let error = parse(query).expect_err("an error");
    assert_eq!(
        error.caret(query),
        "  rat(x[5m])\n  ^^^ unknown function with name \"rat\"\n  did you mean \"rate\"?"
    );
}

#[test]
fn long_queries_are_broken_over_lines() {
    let query = "sum by (job, instance) (rate(http_requests_total{code=~\"5..\", handler=\"/api/v1/query\"}[5m])) / \
                 on (job) group_left () topk(5, sum by (job) (rate(http_requests_total[5m])))";
    let tree = parse(query).expect("a query");
    assert_eq!(
        pretty(&tree),
        "  sum by (job, instance) (rate(http_requests_total{code=~\"5..\",handler=\"/api/v1/query\"}[5m]))\n\
         / on (job) group_left ()\n  topk(5, sum by (job) (rate(http_requests_total[5m])))"
    );
    let long = format!("sum by (a) ({} + {})", "x".repeat(60), "y".repeat(60));
    assert_eq!(
        pretty(&parse(&long).expect("a query")),
        format!("sum by (a) (\n    {}\n  +\n    {}\n)", "x".repeat(60), "y".repeat(60))
    );
    assert_eq!(shape(&pretty(&tree)), shape(query));
}

#[test]
fn deep_nesting_is_refused_and_never_overflows() {
    let deep = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let far = 100_000;
    for query in [
        deep("(", "a", ")", far),
        deep("-", "a", "", far),
        deep("abs(", "a", ")", far),
        deep("sum(", "a", ")", far),
        deep("a + ", "a", "", far),
        deep("a ^ ", "a", "", far),
        deep("", "a", "[5m:]", far),
        format!("a[{}]", deep("(", "5m", ")", far)),
        format!("a[{}]", deep("5m + ", "5m", "", far)),
        format!("a[{}]", deep("-", "5m", "", far)),
    ] {
        let error = parse(&query).expect_err("too deep");
        assert!(
            error.message.contains(&NESTING_MAX.to_string()) || query.ends_with("[5m:]"),
            "{}",
            error.message
        );
    }
    let fits = (NESTING_MAX - 1) as usize;
    let tree = parse(&deep("a + ", "a", "", fits)).expect("deep, but not too deep");
    assert_eq!(parse(&tree.to_string()).expect("the same").to_string(), tree.to_string());
}

#[test]
fn selectors_and_label_sets_read_alone() {
    assert_eq!(parse_selector(r#"up{job=~"a|b"}"#).expect("a selector").len(), 2);
    for bad in ["up[5m]", "up + 1", "{}", "", "sum(up)", "up offset 5m"] {
        assert!(parse_selector(bad).is_err(), "{bad}");
    }
    let labels = parse_labels(r#"{"foo.bar", a="1", b=""}"#).expect("labels");
    assert_eq!(labels.to_string(), r#"{"foo.bar", a="1"}"#);
    assert!(parse_labels(r#"a{b=~"c"}"#).is_err());
}

/// Queries built from the pieces of the grammar.
fn query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z]{1,3}".prop_filter("a metric", |w| parse(w).is_ok()),
        "[a-z]{1,3}\\{[a-z]=\"[a-z\\\\n\"]{0,3}\"\\}".prop_filter("a selector", |w| parse(w).is_ok()),
        (0..1000u32).prop_map(|n| format!("vector({n}.5)")),
        Just("rate(x[5m] @ 10 offset -1m)".to_owned()),
        Just("increase(x[step() + 5m] smoothed)".to_owned()),
        Just("max_over_time(sum(x)[1h:5m] offset 1d)".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 2, |inner| {
        let op = prop_oneof![
            Just("+"),
            Just("-"),
            Just("*"),
            Just("^"),
            Just("%"),
            Just("and"),
            Just("or"),
            Just("== bool"),
            Just(">"),
            Just("/ on (a) group_left (b)"),
            Just("- ignoring (a) fill (2)"),
        ];
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
            inner.clone().prop_map(|e| format!("({e})")),
            inner.clone().prop_map(|e| format!("-{e}")),
            inner.clone().prop_map(|e| format!("sum by (a) ({e})")),
            inner.clone().prop_map(|e| format!("topk without (b) (2, {e})")),
            inner.prop_map(|e| format!("clamp_max({e}, 3)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_printed_reads_back_the_same(query in query()) {
        let printed = parse(&query).expect("built by the grammar").to_string();
        prop_assert_eq!(shape(&query), shape(&printed));
        prop_assert_eq!(shape(&query), shape(&pretty(&parse(&query).expect("the same"))));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = parse(&text);
        let _ = parse_selector(&text);
        let _ = parse_labels(&text);
        let _ = promql::script::run_file(&text, "any");
    }

    #[test]
    fn text_of_the_grammars_pieces_is_read_or_refused(
        pieces in prop::collection::vec(prop_oneof![
            Just("("), Just(")"), Just("["), Just("]"), Just("{"), Just("}"), Just("5m"), Just(":"), Just(","),
            Just("a"), Just("sum"), Just("by"), Just("rate"), Just("offset"), Just("@"), Just("-"), Just("+"),
            Just("=~"), Just("\"x\""), Just("start"), Just("()"), Just("bool"), Just("on"), Just("1"), Just("{{"),
            Just("fill"), Just("anchored"), Just("\n"), Just("load 1m\n a 1 2 3"), Just("eval instant at 1m "),
            Just("x3"), Just("_"), Just("}}"), Just("buckets:["), Just(" "), Just("é"),
        ], 0..14)
    ) {
        let text = pieces.concat();
        if let Err(e) = parse(&text) {
            let _ = e.caret(&text);
        }
        let _ = promql::script::run_file(&text, "any");
        let _ = promql::script::run_file(&format!("load 1m\n a{text}\n"), "any");
    }
}
