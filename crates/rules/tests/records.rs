//! Unit tests of rules over logs, events and spans.

use rules::unittest::{self, Failure, RunOptions, TestFile};
use rules::{FileOptions, Language, RuleFile};

const RULES: &str = r#"
groups:
- name: logs
  language: logql
  rules:
  - alert: Errors
    expr: sum by (app) (count_over_time({app="shop"} |= "error" [5m])) > 2
    for: 1m
    annotations: {summary: '{{ with query `sum(count_over_time({app="shop"}[5m]))` }}{{ . | first | value }} lines{{ end }}'}
  - record: app:users:count
    expr: count(sum by (user) (count_over_time({app="shop"} | user != "" [10m])))
- name: others
  language: logql
  tenant: other
  rules:
  - {alert: Deployed, expr: 'sum by (kind) (count_over_time({__signal__="events", kind="deploy"}[5m])) > 0'}
- name: spans
  language: traceql
  range: 10m
  rules:
  - {alert: Failing, expr: '{ status = error } | count_over_time() by (resource.service.name) > 0'}
- name: series
  rules:
  - {alert: Users, expr: 'app:users:count > 1'}
"#;

const TESTS: &str = r#"
tests:
- name: lines and spans
  start_timestamp: 2026-01-01T00:00:00Z
  input_lines: |
    # four errors, and other lines
    {app="shop"}
      1m..4m/1m  error again
      1m30s      [user="7"] hello
      2m30s      [user="8"] hello

    {__signal__="events", kind="deploy"}
      20m        shop 2
  input_spans: |
    trace 1
      a "GET /" 1m 100ms server error {service.name="shop"}
        b "SELECT" 1m 50ms client ok {service.name="db"}
  alert_rule_test:
  - {eval_time: 3m, alertname: Errors}
  - eval_time: 4m
    alertname: Errors
    exp_alerts: [{exp_labels: {app: shop}, exp_annotations: {summary: 6 lines}}]
  - {eval_time: 8m, alertname: Errors}
  - {eval_time: 3m, alertname: Users, exp_alerts: [{}]}
  - {eval_time: 19m, alertname: Deployed}
  - {eval_time: 20m, alertname: Deployed, exp_alerts: [{exp_labels: {kind: deploy}}]}
  - {eval_time: 10m, alertname: Failing, exp_alerts: [{exp_labels: {resource_service_name: shop}}]}
  - {eval_time: 11m, alertname: Failing}
  promql_expr_test:
  - {expr: 'app:users:count', eval_time: 3m, exp_samples: [{labels: 'app:users:count', value: 2}]}
  - {expr: 'sum(count_over_time({app="shop"}[5m]))', language: logql, eval_time: 2m, exp_samples: [{labels: '{}', value: 3}]}
  - {expr: '{ } | count_over_time()', language: traceql, eval_time: 2m, exp_samples: [{labels: '{}', value: 2}]}
"#;

fn run(tests: &str) -> unittest::FileReport {
    let rules = RuleFile::parse(RULES, FileOptions::default()).unwrap_or_else(|e| panic!("{e:?}"));
    let tests = TestFile::parse(tests, FileOptions::default()).unwrap_or_else(|e| panic!("{e:?}"));
    unittest::run(&tests, &[rules], &RunOptions::default())
}

#[test]
fn rules_over_records_are_tested() {
    let report = run(TESTS);
    let failures: Vec<(&str, &Failure)> =
        report.groups[0].cases.iter().filter_map(|c| Some((c.title.as_str(), c.failure.as_ref()?))).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!((report.passed(), report.groups[0].error.as_deref()), (11, None));
}

#[test]
fn records_that_cannot_be_read_are_told() {
    for (key, text, told) in [
        ("input_lines", "1m hello", "lines come behind the labels of their stream"),
        ("input_lines", "{a=\"b\"}\n      soon hello", "\"soon\" is not a time such as 1m30s"),
        ("input_lines", "{a=\"b\"}\n      0s..1m hello", "\"0s..1m\" has no step: write 0s..1m/10s"),
        (
            "input_lines",
            "{a=\"b\"}\n      0s..1000h/1ms hello",
            "over the limit of 1000000: choose a longer step",
        ),
        ("input_lines", "{a=\"b\"}\n      1m..0s/1s hello", "it goes forward"),
        ("input_spans", "trace 1\n      a x 0s 1s sometimes", "\"sometimes\" means nothing"),
    ] {
        let tests = format!(
            "tests:\n- {key}: |\n      {text}\n  alert_rule_test: [{{eval_time: 1m, alertname: Users}}]\n"
        );
        let error = run(&tests).groups[0].error.clone().unwrap();
        assert!(error.starts_with(&format!("3:7: {key}: ")) && error.contains(told), "{error}");
    }
}

#[test]
fn a_file_says_what_its_tests_are_written_in() {
    let file = TestFile::parse(
        "language: logql\ntests: [{promql_expr_test: [{expr: a}, {expr: b, language: promql}]}]",
        FileOptions::default(),
    )
    .unwrap();
    let languages: Vec<Language> = file.tests[0].promql_expr_tests.iter().map(|t| t.language).collect();
    assert_eq!((file.language, languages), (Language::LogQl, vec![Language::LogQl, Language::PromQl]));
    let problems = TestFile::parse("language: sql", FileOptions::default()).unwrap_err();
    assert!(problems[0].message.contains("promql, logql or traceql"), "{problems:?}");
}
