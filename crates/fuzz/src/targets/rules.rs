//! Rule files, their unit tests, and the templates in them.

use rules::unittest::TestFile;
use rules::{FileOptions, Language, RuleFile};
use template::{Limits, Map, NoFunctions, Templates, Value};

/// What a template writes is bounded, whatever it does.
pub fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut templates = Templates::new();
    if templates.parse("t", text, &NoFunctions).is_err() {
        return;
    }
    let labels = Value::from(Map::of_texts([("instance", "a:1"), ("job", "b")]));
    let list = Value::from(vec![Value::Int(1), Value::Float(2.5), Value::from("x")]);
    let dot =
        Value::from(Map::of_values([("Labels", labels), ("Value", Value::Float(0.25)), ("List", list)]));
    let limits = Limits { bytes_max: 4096, work_max: 2000 };
    if let Ok(out) = templates.execute("t", &dot, &NoFunctions, limits) {
        assert!(out.len() <= limits.bytes_max, "{text:?} wrote {} bytes", out.len());
    }
}

pub fn template_seeds() -> Vec<Vec<u8>> {
    [
        "{{ if gt .Value 0.1 }}{{ .Labels.job | printf \"%-10s|%q|%x\" }}{{ else if .List }}b{{ else }}c{{ end }}",
        "{{ range $i, $v := .List }}{{ $i }}={{ $v }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ else }}none{{ end }}",
        "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ block \"y\" 1 }}{{ . }}{{ end }}{{- /* c */ -}} z",
        "{{ $x := (index .List 2) }}{{ with $x }}{{ len . }}{{ slice $x 0 1 }}{{ html . }}{{ js . }}{{ urlquery . }}{{ end }}",
        "{{ printf \"%[2]*[1]d %+08.3f %v %T %U %c %%\" 5 6 1.5 true nil 97 98 }}{{ and 1 0 | or 2 | not }}",
        "{{ $x = print .List .Labels 0x1F 1e3 'a' `raw` }}{{ println \"q\\n\" }}{{ range 3 }}{{ continue }}{{ end }}",
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}

pub fn rule_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match RuleFile::parse(text, FileOptions::default()) {
        Ok(file) => {
            file.duplicates();
        }
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
    for language in Language::ALL {
        let _ = RuleFile::parse(text, FileOptions { ignore_unknown_fields: true, language });
    }
}

pub fn rule_file_seeds() -> Vec<Vec<u8>> {
    let plain = r#"groups:
- name: g
  interval: 1m
  limit: 5
  labels: &l {team: "a"}
  rules:
  - record: a:b
    expr: sum by (job) (rate(x[5m]))
    labels: *l
  - alert: Down
    expr: |
      up == 0
        and on (job) y
    for: 5m
    labels: {<<: *l, severity: page}
    annotations:
      summary: '{{ $labels.instance }} {{ $value | humanize }}'
"#;
    let folded =
        "groups: [{name: a, rules: [{alert: B, expr: >\n up\n > 0\n, annotations: {x: !!str 5}}]}]\n---\nx\n";
    let records = r#"language: logql
namespace: n
groups:
- name: l
  tenant: team-a
  rules:
  - {alert: Errors, expr: 'sum by (app) (rate({app="x"} |= "error" | json [5m])) > 1'}
- name: t
  language: traceql
  range: 10m
  rules:
  - record: spans:rate
    expr: '{ status = error } | rate() by (resource.service.name)'
"#;
    [plain, folded, records].map(|s| s.as_bytes().to_vec()).to_vec()
}

pub fn rule_test(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = TestFile::parse(text, FileOptions::default());
    }
}

pub fn rule_test_seeds() -> Vec<Vec<u8>> {
    let text = r#"rule_files: [a.yml, "b/*.yml"]
evaluation_interval: 1m
group_eval_order: [x, y]
fuzzy_compare: true
tests:
- name: t
  interval: 30s
  start_timestamp: 2021-01-01T00:00:00.5+01:00
  external_labels: {dc: a}
  input_series:
  - series: up{job="x"}
    values: 1 2+3x4 _ stale {{schema:1 buckets:[1 2]}}
  alert_rule_test:
  - eval_time: 5m
    alertname: A
    exp_alerts: [{exp_labels: {a: b}, exp_annotations: {c: d}}]
  promql_expr_test:
  - {expr: up, eval_time: 1m, exp_samples: [{labels: up, value: -1.5e3}, {histogram: "{{sum:1}}"}]}
"#;
    vec![text.as_bytes().to_vec()]
}

pub fn objectives(data: &[u8]) {
    let Some(text) = std::str::from_utf8(data).ok() else { return };
    let found = ::server::parse_objectives(text).ok().and_then(|all| ::objectives::resolve(&all).ok());
    // What is taken has rules that can be read.
    for objective in found.unwrap_or_default() {
        objective.group().expect("rules of an objective");
    }
}

pub fn objectives_seeds() -> Vec<Vec<u8>> {
    let text = r#"objectives:
- name: a
  service: s
  target: 99.9%
  window: 7d
  labels: {team: t}
  ratio: {errors: 'e{code=~"5.."}', total: 'sum(rate(t[$window]))'}
  alerts:
    severities: {page: critical}
    annotations: {summary: '{{ $labels.objective }}'}
    windows: [{severity: page, long: 1h, short: 5m, factor: 14.4}]
- {name: b, target: 95, latency: {histogram: 'h{a="b"}', below: 300ms}, alerts: none}
- {name: c, service: s, operation: GET /, sli: latency, below: 1s, target: 90}
"#;
    vec![text.as_bytes().to_vec()]
}
