//! Rule files: what is read, and what is said of those that are wrong.

use rules::{Expression, FileOptions, Language, RuleFile, RuleKind};
use std::collections::BTreeMap;

fn parse(text: &str) -> Result<RuleFile, String> {
    RuleFile::parse(text, FileOptions::default())
        .map_err(|problems| problems.iter().map(|p| format!("{p}\n")).collect())
}

#[test]
fn all_keys_are_read() {
    let text = r#"
x: &defaults
  severity: page
groups:
  - name: g
    interval: 1m30s
    query_offset: 30s
    limit: 10
    labels: {team: infra, tier: "1"}
    rules:
      - record: a:b
        expr: sum(a)
        labels: {tier: 2}
      - alert: Down
        expr: |
          up == 0
        for: 5m
        keep_firing_for: 1h
        labels:
          <<: *defaults
          n: 1.50
        annotations:
          summary: '{{ $labels.instance }}'
          empty:
"#;
    let options = FileOptions { ignore_unknown_fields: true, ..FileOptions::default() };
    let file = RuleFile::parse(text, options).unwrap();
    let g = &file.groups[0];
    assert_eq!(
        (g.name.as_str(), g.interval_ms, g.query_offset_ms, g.limit),
        ("g", Some(90_000), Some(30_000), Some(10))
    );
    let [record, alert] = g.rules.as_slice() else { panic!("{file:?}") };
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    };
    assert_eq!(
        (record.kind, record.name.as_str(), record.expr.to_string()),
        (RuleKind::Record, "a:b", "sum(a)".into())
    );
    assert_eq!(record.labels, texts(&[("team", "infra"), ("tier", "2")]));
    assert_eq!(
        (alert.kind, alert.for_ms, alert.keep_firing_for_ms, alert.at.line),
        (RuleKind::Alert, 300_000, 3_600_000, 14)
    );
    assert_eq!(alert.labels, texts(&[("team", "infra"), ("tier", "1"), ("severity", "page"), ("n", "1.50")]));
    assert_eq!(alert.annotations, texts(&[("summary", "{{ $labels.instance }}"), ("empty", "")]));
    assert!(parse(text).unwrap_err().contains("2:1: unknown key \"x\": known here are groups"));
}

#[test]
fn nothing_is_a_rule_file() {
    for text in ["", "# nothing\n", "---\n", "groups:\n", "groups: []\n", "groups: [{name: a}]"] {
        assert_eq!(parse(text).unwrap().rule_count(), 0, "{text}");
    }
    let two = parse("groups: []\n---\ngroups: [1]\n").unwrap();
    assert_eq!(two.warnings.len(), 1);
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bad");
    let cases: &[(&str, &str)] = &[
        (
            "expr.yml",
            "5:26: group \"a\", rule 1, \"x\": could not parse expression: 1:16: parse error: unclosed left parenthesis\n",
        ),
        (
            "many.yml",
            "9:5: group \"a\", rule 1, \"X\": unknown key \"anotations\": did you mean \"annotations\"?\n",
        ),
        ("many.yml", "8:15: group \"a\", rule 1, \"X\": could not parse expression: 3:9: parse error: "),
        ("many.yml", "12:5: group \"a\", rule 2, \"a:b\": invalid field 'for' in recording rule\n"),
        ("many.yml", "13:5: group \"a\", rule 2, \"a:b\": invalid field 'annotations' in recording rule\n"),
        ("many.yml", "14:5: group \"a\", rule 3, \"Y\": only one of 'record' and 'alert' must be set\n"),
        ("many.yml", "17:5: group \"a\", rule 4, \"\": one of 'record' or 'alert' must be set\n"),
        ("many.yml", "19:5: group \"a\", rule 5, \"Z\": field 'expr' must be set in rule\n"),
        ("names.yml", "4:3: group \"a\": the group name \"a\" is repeated in this file\n"),
        ("names.yml", "6:3: group \"\": the name of a group must not be empty\n"),
        (
            "templates.yml",
            "6:14: group \"a\", rule 1, \"X\": label \"s\": template: __alert_X:1: undefined variable \"$lables\"\n",
        ),
        (
            "templates.yml",
            "8:7: group \"a\", rule 1, \"X\": annotation \"one\": template: __alert_X:1: missing value for if\n",
        ),
        (
            "templates.yml",
            "9:7: group \"a\", rule 1, \"X\": annotation \"two\": template: __alert_X:1: function \"nope\" not defined\n",
        ),
        (
            "values.yml",
            "3:13: group \"a\": not a valid duration string: \"5 minutes\": write for example \"15s\", \"1m30s\" or \"250ms\"\n",
        ),
        ("values.yml", "7:10: group \"a\", rule 1, \"X\": unknown unit \"x\" in duration \"1x\""),
        ("values.yml", "8:14: group \"a\", rule 1, \"X\": invalid label name: __name__\n"),
        ("shapes.yml", "5:11: group \"a\", rule 1, \"X\": found a list where a text is expected\n"),
        (
            "shapes.yml",
            "6:13: group \"a\", rule 1, \"X\": found a single value where a section of names and texts is expected\n",
        ),
        ("yaml.yml", "not YAML: "),
        (
            "braces.yml",
            "4:5: group \"a\", rule 1, \"sum(x{})\": braces present in the recording rule name; should it be in expr?: sum(x{})\n",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, expected) in cases {
        let said = parse(&std::fs::read_to_string(dir.join(name)).unwrap()).unwrap_err();
        if !said.contains(expected) {
            wrong.push(format!("{name}\n  expected {expected}\n  got\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing is said twice: seven things are wrong with it.
    let many =
        RuleFile::parse(&std::fs::read_to_string(dir.join("many.yml")).unwrap(), FileOptions::default());
    assert_eq!(many.unwrap_err().len(), 7);
}

#[test]
fn an_expression_is_shown_with_a_caret() {
    let said =
        parse("groups:\n- name: a\n  rules:\n  - record: r\n    expr: 'sum(rat(x[5m]))'\n").unwrap_err();
    assert_eq!(
        said,
        "5:16: group \"a\", rule 1, \"r\": could not parse expression: 1:5: parse error: unknown function with name \"rat\"\n    \
         sum(rat(x[5m]))\n        ^^^ unknown function with name \"rat\"\n        did you mean \"rate\"?\n"
    );
}

#[test]
fn duplicates_are_found() {
    let file = parse(
        "groups:\n- name: a\n  labels: {x: '1'}\n  rules:\n  - {record: r, expr: a}\n  - {record: r, expr: b, labels: {x: '2'}}\n\
         - name: b\n  rules:\n  - {record: r, expr: c, labels: {x: '1'}}\n",
    )
    .unwrap();
    let found = file.duplicates();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].at.iter().map(|p| p.line).collect::<Vec<_>>(), [5, 9]);
}

#[test]
fn aliases_do_not_multiply_without_bound() {
    let mut text = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..10 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        text += &format!("b{i}: &a{i} [{items}]\n");
    }
    let said = parse(&text).unwrap_err();
    assert!(said.contains("the document has more than 1"), "{said}");
    let deep = "[".repeat(1000);
    assert!(parse(&deep).is_err());
}

#[test]
fn rule_files_of_the_documentation_are_right() {
    let text = include_str!("../../../docs/rules.md");
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    let files: Vec<&&str> = blocks.iter().filter(|b| b.starts_with("groups:")).collect();
    assert!(files.len() >= 2);
    for file in files {
        assert!(parse(file).is_ok(), "{:?}\n{file}", parse(file).err());
    }
}

#[test]
fn groups_name_their_language() {
    let parsed = parse(
        "namespace: n
language: logql
groups:
- name: logs
  tenant: team-a
  rules: [{record: r, expr: 'sum(rate({app=\"x\"}[1m]))'}]
- name: spans
  language: traceql
  range: 10m
  rules: [{record: r, expr: '{ } | rate()'}]
- {name: series, language: promql, rules: [{record: r, expr: up}]}
",
    );
    let groups = parsed.unwrap().groups;
    let facts: Vec<_> = groups.iter().map(|g| (g.language, g.tenant.as_deref())).collect();
    assert_eq!(
        facts,
        [(Language::LogQl, Some("team-a")), (Language::TraceQl, None), (Language::PromQl, None)]
    );
    assert!(matches!(groups[1].rules[0].expr, Expression::TraceQl { range_ms: 600_000, .. }));
    for (file, told) in [
        ("groups: [{name: g, language: sql}]", "group \"g\": \"sql\" is no language of rules"),
        ("groups: [{name: g, tenant: a}]", "only groups in LogQL or TraceQL have a tenant"),
        ("groups: [{name: g, language: logql, tenant: a/b}]", "tenant \"a/b\" is not a valid name"),
        ("groups: [{name: g, language: logql, range: 5m}]", "only groups in TraceQL have a range"),
        ("groups: [{name: g, language: traceql, range: 0s}]", "must be longer than nothing"),
        (
            "groups: [{name: g, language: logql, rules: [{record: r, expr: '{a=\"b\"}'}]}]",
            "a rule needs numbers, and this gives lines",
        ),
        (
            "groups: [{name: g, language: traceql, rules: [{record: r, expr: '{ }'}]}]",
            "a rule needs numbers, and this gives traces",
        ),
        (
            "groups: [{name: g, language: logql, rules: [{record: r, expr: up}]}]",
            "could not parse expression",
        ),
    ] {
        let problems = parse(file).unwrap_err();
        assert!(problems.contains(told), "{told}: {problems}");
    }
}
