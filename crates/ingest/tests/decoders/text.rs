//! The text formats: what is read, and what a sender of bad text is told.

use crate::reference::recorder::Recorder;
use ingest::exposition::{Entry, Format, PushOptions, TextParser, push};
use ingest::{DecodeError, Limits, Outcome};
use proptest::prelude::*;

fn run(text: &str, format: Format) -> Result<(Recorder, Outcome), DecodeError> {
    let mut r = Recorder::new();
    let options = PushOptions { default_time_ms: 1000, labels: vec![] };
    let o = push(text.as_bytes(), format, &options, &Limits::default(), &mut r)?;
    Ok((r, o))
}

#[test]
fn text_is_read() {
    let text = r#"# HELP http_requests_total Requests,\nby code. A \\ too.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400",}    3
	# a comment
#another
  indented 1.5

quoted{path="C:\\DIR\\FILE.TXT",error="Cannot find:\n\"FILE\"",utf8="ü"} 1.458255915e9
spaces { a = "1" , b="x y" } +Inf -3982045
minimal{}3
{"utf8.name", "label.name"="v", plain="w"} 4
{a="b","name.last"} NaN
# TYPE req_seconds histogram
req_seconds_bucket{le="1"} 7
req_seconds_bucket{le="+Inf"} 8
req_seconds_sum 9.25
# TYPE other gauge
other{le="1"} 0x
"#;
    let (r, o) = run(text.trim_end_matches("other{le=\"1\"} 0x\n"), Format::Text).unwrap();
    let want = r#"http_requests_total{code="200", method="post"} 1027@1395066363000
http_requests_total{code="400", method="post"} 3@1000
indented 1.5@1000
quoted{error="Cannot find:\n\"FILE\"", path="C:\\DIR\\FILE.TXT", utf8="ü"} 1458255915@1000
spaces{a="1", b="x y"} inf@-3982045
minimal 3@1000
{"utf8.name", "label.name"="v", plain="w"} 4@1000
{"name.last", a="b"} NaN@1000
req_seconds_bucket{le="1.0"} 7@1000
req_seconds_bucket{le="+Inf"} 8@1000
req_seconds_sum 9.25@1000
# http_requests_total counter "Requests,\nby code. A \\ too." ""
# other gauge "" ""
# req_seconds histogram "" """#;
    // Label sets print in order of name; the metric name comes first where it needs quotes.
    let sorted = |s: &str| s.replace("{\"name.last\", a=\"b\"}", "{a}");
    assert_eq!(sorted(&r.text()), sorted(want),);
    assert_eq!((o.samples, o.rejected), (11, 0));
    let e = run(text, Format::Text).err().unwrap();
    assert_eq!(
        e.to_string(),
        "line 19, column 15: expected a value (a decimal number, NaN, +Inf or -Inf), found \"0x\""
    );
}

#[test]
fn openmetrics_is_read() {
    let text = r#"# TYPE req_seconds histogram
# UNIT req_seconds seconds
# HELP req_seconds How \"long\".
req_seconds_bucket{le="0.1",path="/"} 8 # {trace_id="a b"} 0.067 1520879607.789
req_seconds_bucket{le="+Inf",path="/"} 9 1520879608.5 # {} 3
req_seconds_count{path="/"} 9
req_seconds_sum{path="/"} 4.5
req_seconds_created{path="/"} 1520430000.123
req_seconds_count{path="/other"} 0
# TYPE jobs counter
jobs_total{q="a"} 3
jobs_created{q="a"} 1520430001
# TYPE temp gauge
temp_created 5
# EOF
"#;
    let (r, o) = run(text, Format::OpenMetrics).unwrap();
    assert_eq!(
        r.text(),
        r#"req_seconds_bucket{le="0.1", path="/"} 8@1000 since 1520430000123
req_seconds_bucket{le="0.1", path="/"} exemplar {trace_id="a b"} 0.067@1520879607789
req_seconds_bucket{le="+Inf", path="/"} 9@1520879608500 since 1520430000123
req_seconds_bucket{le="+Inf", path="/"} exemplar {} 3@1520879608500
req_seconds_count{path="/"} 9@1000 since 1520430000123
req_seconds_sum{path="/"} 4.5@1000 since 1520430000123
req_seconds_count{path="/other"} 0@1000
jobs_total{q="a"} 3@1000 since 1520430001000
temp_created 5@1000
# jobs counter "" ""
# req_seconds histogram "How \"long\"." "seconds"
# temp gauge "" """#
    );
    assert_eq!((o.samples, o.exemplars, o.metadata), (7, 2, 3));
}

/// Text, and the error it must give.
const BAD_TEXT: &[(&str, &str)] = &[
    ("metric", "line 1, column 7: expected a value (a decimal number, NaN, +Inf or -Inf), found the end"),
    (
        "metric\n",
        "line 1, column 7: expected a value (a decimal number, NaN, +Inf or -Inf), found the end of the line",
    ),
    ("ok 1\n9 1\n", "line 2, column 1: expected a metric name, \"{\" or \"#\", found \"9\""),
    ("a{b='c'} 1", "line 1, column 5: expected a label value in double quotes, found \"'c'\""),
    ("a{b=\"c} 1", "line 1, column 5: expected a closing quote, found \"\\\"c\""),
    ("a{b=\"c\" 1\n", "line 1, column 10: expected \"}\", found the end of the line"),
    ("a{b=\"c\"d=\"e\"} 1", "line 1, column 8: expected \",\" or \"}\" after a label, found \"d=\\\"e\\\"\""),
    ("a{b=\"c\",,d=\"e\"} 1", "line 1, column 9: expected a label name or \"}\", found \",d=\\\"e\\\"\""),
    ("a{b} 1", "line 1, column 4: expected \"=\" after a label name, found \"}\""),
    (
        "{a=\"b\"} 1",
        "line 1, column 1: expected a metric name before or within the braces, found \"{a=\\\"b\\\"\"",
    ),
    ("a{\"b\"} 1", "line 1, column 3: expected only one metric name, found \"\\\"b\\\"\""),
    ("a{=\"\"} 1", "line 1, column 3: expected a label name or \"}\", found \"=\\\"\\\"\""),
    ("a 1 2 3", "line 1, column 7: expected the end of the line, found \"3\""),
    (
        "a 1 1.5",
        "line 1, column 5: expected a timestamp in milliseconds or the end of the line, found \"1.5\"",
    ),
    (
        "a 1 99999999999999999999",
        "line 1, column 5: expected a timestamp in milliseconds or the end of the line, \
      found \"99999999999999999999\"",
    ),
    ("a 1e999", "line 1, column 3: expected a value (a decimal number, NaN, +Inf or -Inf), found \"1e999\""),
    ("a{x=\"1\n2\",y=\"3\"z} 1", "line 2, column 9: expected \",\" or \"}\" after a label, found \"z\""),
    (
        "x{a=\"\n\"} 1\nb 2 x",
        "line 3, column 5: expected a timestamp in milliseconds or the end of the line, \
      found \"x\"",
    ),
    (
        "# TYPE a thing\n",
        "line 1, column 10: expected a type (counter, gauge, histogram, gaugehistogram, summary, \
      info, stateset or unknown), found \"thing\"",
    ),
    ("# TYPE \n", "line 1, column 8: expected a metric name after TYPE, found the end of the line"),
    ("# HELP 9 x\n", "line 1, column 8: expected a metric name after HELP, found \"9\""),
];

#[test]
fn bad_text_is_located() {
    for (text, want) in BAD_TEXT {
        let e = run(text, Format::Text).err().unwrap_or_else(|| panic!("{text:?} is accepted"));
        assert_eq!(e.to_string(), *want, "{text:?}");
    }
}

const BAD_OPENMETRICS: &[(&str, &str)] = &[
    ("", "line 1, column 1: expected \"# EOF\" as the last line, found the end"),
    ("a 1\n", "line 2, column 1: expected \"# EOF\" as the last line, found the end"),
    ("a 1", "line 1, column 4: expected the end of the line, then \"# EOF\" as the last line, found the end"),
    ("\n# EOF\n", "line 1, column 1: expected a metric name, \"{\" or \"#\", found the end of the line"),
    (" a 1\n# EOF\n", "line 1, column 1: expected a metric name, \"{\" or \"#\", found \" a\""),
    ("# EOF\na 1\n", "line 2, column 1: expected nothing after \"# EOF\", found \"a\""),
    ("a\t1\n# EOF\n", "line 1, column 2: expected one blank and a value, found \"\\t1\""),
    (
        "a 1 2 \n# EOF\n",
        "line 1, column 6: expected a timestamp, an exemplar (\" # {…}\") or the end of the line, \
      found \" \"",
    ),
    ("a 1 Inf\n# EOF\n", "line 1, column 5: expected a timestamp in seconds, found \"Inf\""),
    ("a 1 # {\"x\"} 1\n# EOF\n", "line 1, column 11: expected \"=\" after a label name, found \"}\""),
    ("a 1 # {x=\"y\"} z\n# EOF\n", "line 1, column 15: expected the value of the exemplar, found \"z\""),
    (
        "# TYPE a untyped\n# EOF\n",
        "line 1, column 10: expected a type (counter, gauge, histogram, gaugehistogram, \
      summary, info, stateset or unknown), found \"untyped\"",
    ),
    (
        "# UNIT a_metres seconds\n# EOF\n",
        "line 1, column 17: expected a unit that ends the metric name \"a_metres\", \
      found \"seconds\"",
    ),
    ("#comment\n# EOF\n", "line 1, column 2: expected a blank after \"#\", found \"comment\""),
    (
        "a{x=\"1\n2\"} 1\n# EOF\n",
        "line 1, column 5: expected a closing quote on the same line, found \"\\\"1\"",
    ),
];

#[test]
fn bad_openmetrics_is_located() {
    for (text, want) in BAD_OPENMETRICS {
        let e = run(text, Format::OpenMetrics).err().unwrap_or_else(|| panic!("{text:?} is accepted"));
        assert_eq!(e.to_string(), *want, "{text:?}");
    }
}

#[test]
fn one_bad_series_does_not_refuse_the_others() {
    let long = "v".repeat(4097);
    let text = format!("a{{x=\"{long}\"}} 1\nb{{x=\"1\",x=\"2\"}} 1\nc 1\n");
    let (r, o) = run(&text, Format::Text).unwrap();
    assert_eq!(r.text(), "c 1@1000");
    assert_eq!(o.rejected, 2);
    assert_eq!(o.reasons[1], "series b{x=\"1\", x=\"2\"}: label name \"x\" occurs more than once");
    assert!(
        o.reasons[0].ends_with("raise ingest.limits.label_value_bytes_max to allow it"),
        "{:?}",
        o.reasons
    );
}

#[test]
fn a_label_that_is_not_utf8_is_refused_with_its_place() {
    let mut r = Recorder::new();
    let body = b"ok 1\na{x=\"\xff\"} 1\n";
    let o = push(body, Format::Text, &PushOptions::default(), &Limits::default(), &mut r).unwrap();
    assert_eq!(o.rejected, 1);
    assert!(o.reasons[0].contains("line 2, column 6"), "{:?}", o.reasons);
}

#[test]
fn a_monstrous_line_is_refused_without_being_kept() {
    let labels: Vec<String> = (0..100_000).map(|i| format!("l{i}=\"1\"")).collect();
    let (_, o) = run(&format!("a{{{}}} 1\n", labels.join(",")), Format::Text).unwrap();
    assert_eq!(o.rejected, 1);
    assert!(o.reasons[0].contains("is 65, over the limit of 64"), "{:?}", o.reasons);
}

#[test]
fn labels_of_the_push_win() {
    let mut r = Recorder::new();
    let options = PushOptions {
        default_time_ms: 7,
        labels: vec![("job".into(), "batch".into()), ("z".into(), "".into())],
    };
    push(b"a{job=\"x\",z=\"1\"} 1\n", Format::Text, &options, &Limits::default(), &mut r).unwrap();
    assert_eq!(r.text(), "a{job=\"batch\"} 1@7");
}

#[test]
fn windows_line_ends_are_accepted_in_text() {
    let (r, _) = run("# TYPE a gauge\r\na 1\r\n\r\nb 2 5\r\n", Format::Text).unwrap();
    assert_eq!(r.text(), "a 1@1000\nb 2@5\n# a gauge \"\" \"\"");
}

#[test]
fn the_raw_series_is_what_a_scraper_keeps() {
    let limits = Limits::default();
    let mut p = TextParser::new(b"a{x=\"}\\\"\"} 1\nb 2\n", Format::Text, &limits);
    let mut raw = Vec::new();
    while let Some(e) = p.next().unwrap() {
        if let Entry::Sample(s) = e {
            raw.push((
                String::from_utf8(s.series.raw().to_vec()).unwrap(),
                s.series.labels(&limits).unwrap().to_string(),
            ));
        }
    }
    assert_eq!(raw, [("a{x=\"}\\\"\"}".into(), "a{x=\"}\\\"\"}".into()), ("b".into(), "b".into())]);
}

proptest! {
    #[test]
    fn labels_of_any_content_round_trip(pairs in proptest::collection::btree_map("[a-z]{1,9}", "\\PC{1,60}|[\"\\\\\n a-c]{1,9}", 1..6)) {
        let escape = |v: &str| v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let shown: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}=\"{}\"", escape(v))).collect();
        let line = format!("m{{{}}} 4.25 77\n", shown.join(","));
        for (format, text) in [(Format::Text, line.clone()), (Format::OpenMetrics, format!("{line}# EOF\n"))] {
            let (r, o) = run(&text, format).unwrap();
            prop_assert_eq!(o.samples, 1);
            let got: Vec<_> = r.labels[0].iter().filter(|(n, _)| *n != "__name__").collect();
            let want: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn foreign_text_never_panics(text in "([ab{}\"=,#\\\\ \n\t0-9.eE+-]|# TYPE |# HELP |# EOF|\\PC){0,80}") {
        let _ = run(&text, Format::Text);
        let _ = run(&text, Format::OpenMetrics);
    }
}
