//! Unit tests of rules, as far as Debian's promtool does not know what they use, or says nothing of it.

use rules::unittest::{self, Failure, FileReport, RunOptions, TestFile};
use rules::{FileOptions, RuleFile};

fn run_with(rules: &str, tests: &str, options: &RunOptions) -> FileReport {
    let rules = RuleFile::parse(rules, FileOptions::default()).unwrap();
    let tests = TestFile::parse(tests, FileOptions::default()).unwrap();
    unittest::run(&tests, &[rules], options)
}

fn run(rules: &str, tests: &str) -> FileReport {
    run_with(rules, tests, &RunOptions::default())
}

fn failures(report: &FileReport) -> Vec<String> {
    let cases = report.groups.iter().flat_map(|g| &g.cases).filter(|c| c.failure.is_some());
    cases.map(|c| c.title.clone()).collect()
}

#[test]
fn time_begins_where_the_test_says() {
    let report = run(
        "groups: [{name: g, rules: [{record: t, expr: time()}, {alert: A, expr: m > 2, annotations: {n: '{{ now }}'}}]}]",
        r#"
tests:
  - start_timestamp: 2021-01-01T00:00:00Z
    input_series: [{series: m, values: 1+1x10}]
    alert_rule_test:
      - {eval_time: 2m, alertname: A, exp_alerts: [{exp_annotations: {n: "1.60945932e+09"}}]}
    promql_expr_test:
      - {expr: t, eval_time: 5m, exp_samples: [{labels: t, value: 1609459500}]}
      - {expr: timestamp(m), eval_time: 5m, exp_samples: [{value: 1609459500}]}
  - start_timestamp: 60
    promql_expr_test:
      - {expr: time(), eval_time: 1m, exp_samples: [{value: 120}]}
"#,
    );
    assert_eq!((failures(&report), report.passed()), (vec![], 4), "{report:#?}");
}

#[test]
fn templates_know_their_alert() {
    let report = run(
        r#"
groups:
- name: g
  rules:
  - alert: A
    expr: h
    annotations:
      histogram: '{{ $value }} {{ $value.Count }} {{ $value.String }}'
      percent: '{{ humanizePercentage $value }}'
      nope: '{{ .Nope }}'
      newer: '{{ range 3 }}{{ . }}{{ end }}{{ with 0 }}{{ else with 2 }}{{ . }}{{ end }} {{ toDuration 90 }} {{ urlQueryEscape "a b" }}'
      url: '{{ externalURL }} {{ pathPrefix }} {{ $externalURL }}'
      regex: '{{ match "(" "x" }}'
"#,
        r#"
tests:
  - external_url: http://h:1/path
    input_series: [{series: h, values: '{{sum:3 count:2 buckets:[2]}}'}]
    alert_rule_test:
      - eval_time: 0
        alertname: A
"#,
    );
    let Some(Failure::Different { got, .. }) = &report.groups[0].cases[0].failure else {
        panic!("{report:#?}")
    };
    let at = |column: u32, node: &str, reason: &str| {
        format!(
            "<error expanding template: error executing template __alert_A: template: __alert_A:1:{column}: \
             executing \"__alert_A\" at <{node}>: {reason}"
        )
    };
    let text = |name: &str| -> String {
        let quoted = got.iter().find_map(|l| l.trim().strip_prefix(&format!("{name}: "))).unwrap();
        match promql::parse(quoted).unwrap() {
            promql::Expr::String(s) => s.text().into_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(text("histogram"), "{count:2, sum:3, (0.5,1]:2} 2 {count:2, sum:3, (0.5,1]:2}");
    assert_eq!(text("newer"), "0122 1m30s a+b");
    assert_eq!(text("url"), "http://h:1/path /path http://h:1/path");
    let failed = "can't convert *histogram.FloatHistogram to float>";
    let expected =
        at(115, "humanizePercentage $value", &format!("error calling humanizePercentage: {failed}"));
    assert_eq!(text("percent"), expected);
    assert!(
        text("nope").starts_with(&at(115, ".Nope", "can't evaluate field Nope in type struct {")),
        "{}",
        text("nope")
    );
    assert!(text("regex").contains("error calling match: error parsing regexp: "), "{}", text("regex"));
}

#[test]
fn numbers_may_be_compared_loosely() {
    let tests = |fuzzy: bool| {
        format!(
            "fuzzy_compare: {fuzzy}\ntests: [{{promql_expr_test: [{{expr: 0.1 + 0.2, eval_time: 0, exp_samples: [{{value: 0.3}}]}}, \
             {{expr: 1, eval_time: 0, exp_samples: [{{value: 1.1}}]}}, {{expr: NaN, eval_time: 0, exp_samples: [{{value: .nan}}]}}]}}]"
        )
    };
    assert_eq!(failures(&run("", &tests(true))), ["expr 1 at 0s"]);
    assert_eq!(failures(&run("", &tests(false))), ["expr 0.1 + 0.2 at 0s", "expr 1 at 0s"]);
}

#[test]
fn native_histograms_are_compared_in_their_notation() {
    let report = run(
        "groups: [{name: g, rules: [{record: r, expr: 'sum(h)'}]}]",
        r#"
tests:
  - input_series:
      - series: h
        values: '{{schema:1 sum:4 count:3 buckets:[1 2]}}+{{schema:1 sum:4 count:3 buckets:[1 2]}}x2'
      - series: g
        values: '{{sum:3 count:2 buckets:[2]}}x2'
    promql_expr_test:
      - expr: r
        eval_time: 1m
        exp_samples: [{labels: r, histogram: '{{schema:1 count:6 sum:8 counter_reset_hint:not_reset buckets:[2 4]}}'}]
      - expr: g
        eval_time: 2m
        exp_samples: [{labels: g, histogram: '{{count:2 sum:3 counter_reset_hint:not_reset buckets:[2]}}'}]
      - expr: g
        eval_time: 0m
        exp_samples: [{labels: g, histogram: '{{count:2 sum:3 buckets:[2]}}'}]
      - expr: r
        eval_time: 2m
        exp_samples: [{labels: r, value: 5}]
      - expr: r
        eval_time: 2m
        exp_samples: [{labels: r, histogram: '1'}]
"#,
    );
    assert_eq!(failures(&report), ["expr r at 2m", "expr r at 2m"], "{report:#?}");
    let Some(Failure::Different { got, .. }) = &report.groups[0].cases[3].failure else {
        panic!("{report:#?}")
    };
    assert!(got[0].starts_with("r {{schema:1 count:9 sum:12"), "{got:?}");
}

#[test]
fn tests_are_picked_by_name() {
    let tests =
        "tests: [{name: latency of api}, {name: errors}, {promql_expr_test: [{expr: up, eval_time: 1m}]}]";
    let options = |pattern: &str| RunOptions { only: Some(regex::Regex::new(pattern).unwrap()), dump: true };
    let names = |pattern: &str| -> Vec<String> {
        let report =
            run_with("groups: [{name: g, rules: [{record: one, expr: 1}]}]", tests, &options(pattern));
        assert!(
            report.groups.iter().all(|g| g.dump == ["one => 1@0s"] || g.dump == ["one => 1@0s 1@1m"]),
            "{report:?}"
        );
        report.groups.into_iter().map(|g| g.name).collect()
    };
    assert_eq!(names("lat.*|rors"), ["latency of api", "errors"]);
    assert_eq!(names("."), ["latency of api", "errors"]);
    assert_eq!(names("^$"), ["unnamed#2"]);
}

#[test]
fn what_cannot_be_run_is_told() {
    let error = |tests: &str| {
        let report = run("groups: [{name: g, rules: [{record: x, expr: 'a + on () b'}]}]", tests);
        assert_eq!((report.passed(), report.failed()), (0, 1));
        report.groups[0].error.clone().unwrap()
    };
    let e = error(
        "tests: [{input_series: [{series: 'a{', values: 1}], promql_expr_test: [{expr: a, eval_time: 1m}]}]",
    );
    assert!(
        e.starts_with("1:25: input series \"a{\": ") && e.ends_with("\n1 case of this test was not run"),
        "{e}"
    );
    let e = error("evaluation_interval: 1ms\ntests: [{promql_expr_test: [{expr: a, eval_time: 1y}]}]");
    assert!(e.starts_with("the test takes 31536000000 evaluations, over the limit of 1000000"), "{e}");
    let e = error(
        "tests: [{input_series: [{series: 'a{x=\"1\"}', values: 1}, {series: 'a{x=\"2\"}', values: 1}, {series: b, values: _ 1}], \
         promql_expr_test: [{expr: a, eval_time: 1m}, {expr: a, eval_time: 2m}]}]",
    );
    assert!(e.starts_with("rule: x, time: 1m, err: "), "{e}");
    assert!(e.ends_with("2 cases of this test were not run"), "{e}");
}

#[test]
fn files_that_are_wrong_are_told() {
    let problems = TestFile::parse(
        "evaluation_intervall: 1m\ngroup_eval_order: [a, a]\ntests:\n- name: x\n  start_timestamp: yesterday\n  alert_rule_test: [{eval_time: 1}]\n  \
         promql_expr_test: [{expr: up, exp_samples: [{value: one}]}]\n",
        FileOptions::default(),
    )
    .unwrap_err();
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for expected in [
        "1:1: unknown key \"evaluation_intervall\": did you mean \"evaluation_interval\"?",
        "2:1: group name repeated in evaluation order: a",
        "5:20: \"yesterday\" is no time: write Unix seconds or for example \"2021-01-01T00:00:00Z\"",
        "6:21: an item under alert_rule_test misses required attribute alertname",
        "7:55: \"one\" is not a number",
    ] {
        assert!(said.iter().any(|s| s == expected), "{expected}\n{said:#?}");
    }
}

#[test]
fn results_are_written_for_build_servers() {
    let report =
        run("", "tests: [{name: 'a<b', promql_expr_test: [{expr: '1', eval_time: 0}]}, {name: fine}]");
    let xml = unittest::junit(&[
        ("t.yml".to_owned(), Ok(report)),
        ("u.yml".to_owned(), Err("no \"file\"".to_owned())),
    ]);
    assert_eq!(
        xml,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="t.yml" tests="2" failures="1" errors="0">
    <testcase name="a&lt;b">
      <failure message="expr 1 at 0s">expected:&#xA;nothing&#xA;got:&#xA;{} 1</failure>
    </testcase>
    <testcase name="fine"></testcase>
  </testsuite>
  <testsuite name="u.yml" tests="0" failures="0" errors="1">
    <testcase name="u.yml">
      <error message="not run">no &quot;file&quot;</error>
    </testcase>
  </testsuite>
</testsuites>
"#
    );
}
