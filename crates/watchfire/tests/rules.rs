//! Rule files are checked and tested: what is printed, and how the program ends.

use std::path::Path;
use std::process::Command;

const RULES: &str = r#"groups:
- name: api
  rules:
  - alert: ApiDown
    expr: up{job="api"} == 0
    for: 5m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.instance }} is down'}
  - record: job:up:sum
    expr: sum by (job) (up)
  - record: job:up:sum
    expr: sum by (job) (up) + 0
"#;

const TESTS: &str = r#"rule_files: ["*.rules.yml"]
tests:
- name: down
  input_series: [{series: 'up{job="api", instance="a:1"}', values: 1x3 0x20}]
  alert_rule_test:
  - eval_time: 9m
    alertname: ApiDown
    exp_alerts:
    - exp_labels: {severity: SEVERITY, job: api, instance: "a:1"}
      exp_annotations: {summary: "a:1 is down"}
  promql_expr_test:
  - {expr: job:up:sum, eval_time: 1m, exp_samples: [{labels: 'job:up:sum{job="api"}', value: 1}]}
"#;

/// What is printed to stdout, what to stderr, and the exit code. `DIR` stands for the directory.
fn run(dir: &Path, args: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
    let args = args.iter().map(|a| a.replace("DIR", &dir.display().to_string()));
    let output = command.args(args).env("NO_COLOR", "1").output().unwrap();
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&dir.display().to_string(), "DIR");
    (shown(&output.stdout), shown(&output.stderr), output.status.code().unwrap())
}

fn files(severity: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("api.rules.yml"), RULES).unwrap();
    std::fs::write(dir.path().join("test.yml"), TESTS.replace("SEVERITY", severity)).unwrap();
    dir
}

#[test]
fn tests_that_hold_are_counted() {
    let dir = files("page");
    let (out, err, code) = run(dir.path(), &["test", "rules", "DIR/test.yml", "DIR/test.yml"]);
    assert_eq!((out.as_str(), err.as_str(), code), ("4 passed, 0 failed\n", "", 0));
    let (out, _, code) =
        run(dir.path(), &["test", "rules", "--run", "^up$", "--run", "other", "DIR/test.yml"]);
    assert_eq!((out.as_str(), code), ("0 passed, 0 failed\n", 0));
}

#[test]
fn a_case_that_fails_shows_the_difference() {
    let dir = files("warn");
    let (out, _, code) = run(dir.path(), &["test", "rules", "--junit", "DIR/out.xml", "DIR/test.yml"]);
    let expected = r#"DIR/test.yml:6:5: test "down": alert ApiDown at 9m
    - {alertname="ApiDown", instance="a:1", job="api", severity="warn"}
    + {alertname="ApiDown", instance="a:1", job="api", severity="page"}
          summary: "a:1 is down"
1 passed, 1 failed
"#;
    assert_eq!((out.as_str(), code), (expected, 1));
    let (out, _, _) = run(dir.path(), &["test", "rules", "--diff", "DIR/test.yml"]);
    assert_eq!(out, expected.replace("          summary: \"a:1 is down\"\n", ""));
    let junit = std::fs::read_to_string(dir.path().join("out.xml")).unwrap();
    assert!(junit.contains(r#"<testsuite name=""#) && junit.contains(r#"failures="1""#), "{junit}");
    let (_, err, _) = run(dir.path(), &["test", "rules", "--debug", "DIR/test.yml"]);
    assert!(err.contains(r#"down: ALERTS{alertname="ApiDown", alertstate="pending", instance="a:1", job="api", severity="page"} => 1@4m"#), "{err}");
}

#[test]
fn what_cannot_be_run_fails() {
    let dir = files("page");
    std::fs::write(dir.path().join("bad.rules.yml"), "groups: [{name: a, rulez: []}]").unwrap();
    std::fs::write(dir.path().join("none.yml"), "rule_files: [nothing*.yml]\ntests: []\n").unwrap();
    let (out, _, code) = run(dir.path(), &["test", "rules", "DIR/test.yml"]);
    let told = "DIR/bad.rules.yml:1:20: group \"a\": unknown key \"rulez\": did you mean \"rules\"?\n0 passed, 1 failed\n";
    assert_eq!((out.as_str(), code), (told, 1));
    let (out, err, code) = run(dir.path(), &["test", "rules", "DIR/none.yml"]);
    let warned = "DIR/none.yml: no file matches \"nothing*.yml\" of rule_files\n";
    assert_eq!((out.as_str(), err.as_str(), code), ("0 passed, 0 failed\n", warned, 0));
    assert_eq!(run(dir.path(), &["test", "rules", "DIR/absent.yml"]).2, 3);
    assert_eq!(run(dir.path(), &["test", "rules", "--run", "(", "DIR/test.yml"]).2, 1);
}

#[test]
fn rule_files_are_checked() {
    let dir = files("page");
    let right = "DIR/api.rules.yml: right\n  3 rules in 1 group\n  lines 9, 11: the rules have name and labels in common: job:up:sum{}\n";
    let (out, _, code) = run(dir.path(), &["check", "rules", "DIR/api.rules.yml"]);
    assert_eq!((out.as_str(), code), (right, 0));
    assert_eq!(run(dir.path(), &["check", "rules", "--lint-fatal", "DIR/api.rules.yml"]).2, 1);
    std::fs::write(
        dir.path().join("extra.yml"),
        "groups: [{name: a, owner: me, rules: [{record: x, expr: up}]}]",
    )
    .unwrap();
    let (out, _, code) = run(dir.path(), &["check", "rules", "DIR/extra.yml"]);
    let told = "DIR/extra.yml:1:20: group \"a\": unknown key \"owner\": known here are name, interval, query_offset, limit, rules, labels, language, tenant, range\n";
    assert_eq!((out.as_str(), code), (told, 1));
    assert_eq!(run(dir.path(), &["check", "rules", "--ignore-unknown-fields", "DIR/extra.yml"]).2, 0);
}

#[test]
fn rules_in_other_languages_are_checked_and_tested() {
    let dir = files("page");
    let logs = "namespace: n\ngroups:\n- name: l\n  rules:\n  - {alert: A, expr: 'rate({app=\"x\"} |= \"e\" [5m]) > 1'}\n";
    std::fs::write(dir.path().join("logs.yml"), logs).unwrap();
    let (out, _, code) = run(dir.path(), &["check", "rules", "--language", "logql", "DIR/logs.yml"]);
    assert_eq!((out.as_str(), code), ("DIR/logs.yml: right\n  1 rule in 1 group, LogQL\n", 0));
    let (out, _, code) = run(dir.path(), &["check", "rules", "DIR/logs.yml"]);
    assert!(code == 1 && out.contains("DIR/logs.yml:5:"), "{out}");
    let (_, err, code) = run(dir.path(), &["check", "rules", "--language", "sql", "DIR/logs.yml"]);
    assert!(code == 2 && err.contains("promql, logql or traceql"), "{err}");
    std::fs::write(dir.path().join("logs.rules.yml"), logs).unwrap();
    let test = "language: logql
rule_files: [logs.rules.yml]
tests:
- name: errors
  input_lines: |
    {app=\"x\"}
      0s..10m/500ms an e
  alert_rule_test:
  - {eval_time: 5m, alertname: A, exp_alerts: [{exp_labels: {app: x}}]}
  - {eval_time: 15m, alertname: A, exp_alerts: [{exp_labels: {app: y}}]}
";
    std::fs::write(dir.path().join("logs.test.yml"), test).unwrap();
    let (out, _, code) = run(dir.path(), &["test", "rules", "DIR/logs.test.yml"]);
    let told = "DIR/logs.test.yml:10:5: test \"errors\": alert A at 15m\n    + nothing there\n    - {alertname=\"A\", app=\"y\"}\n1 passed, 1 failed\n";
    assert_eq!((out.as_str(), code), (told, 1));
}
