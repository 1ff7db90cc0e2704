//! The same files through Debian's promtool and through us: the same cases fail, the same rule files are refused, and
//! templates come out the same to the byte. Without promtool these tests say so and pass.
//!
//! promtool 2.42 is older than what we follow: it includes the first instant of a range, knows neither query_offset nor
//! labels of groups, and its Go knows neither `range 3` nor `{{else with}}`. The files here keep clear of that.

use rules::unittest::{self, Failure, RunOptions, TestFile};
use rules::{FileOptions, RuleFile};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn files(dir: &str) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> =
        std::fs::read_dir(data().join(dir)).unwrap().map(|f| f.unwrap().path()).collect();
    out.retain(|f| f.extension().is_some_and(|e| e == "yml"));
    out.sort();
    assert!(!out.is_empty());
    out
}

/// What promtool says, and whether it is content. Nothing where there is no promtool.
fn promtool(args: &[&str], file: &Path) -> Option<(String, bool)> {
    let output = match Command::new("promtool").args(args).arg(file).output() {
        Ok(output) => output,
        Err(e) => {
            eprintln!("promtool cannot be started ({e}): nothing is compared with it");
            return None;
        }
    };
    let text = [output.stdout, output.stderr].concat();
    Some((String::from_utf8_lossy(&text).into_owned(), output.status.success()))
}

/// The report of a test file with the rule files it names.
fn ours(file: &Path) -> Result<unittest::FileReport, String> {
    let told = |problems: Vec<rules::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let text = std::fs::read_to_string(file).unwrap();
    let tests = TestFile::parse(&text, FileOptions::default()).map_err(told)?;
    let mut rules = Vec::new();
    for pattern in &tests.rule_files {
        // The one pattern there is stands for basic.yml.
        let path = file.parent().unwrap().join(pattern.replace("b*.yml", "basic.yml"));
        let text = std::fs::read_to_string(path).unwrap();
        rules.push(RuleFile::parse(&text, FileOptions::default()).map_err(told)?);
    }
    Ok(unittest::run(&tests, &rules, &RunOptions::default()))
}

/// What each failing case is about, as `alert InstanceDown at 5m` or `expr up at 1m`.
fn promtool_failures(text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("alertname: ") {
            let (name, rest) = rest.split_once(", time: ").unwrap();
            out.insert(format!("alert {name} at {}", rest.split(',').next().unwrap()));
        } else if let Some(rest) = line.strip_prefix("expr: ") {
            let (expr, rest) = rest.rsplit_once(", time: ").unwrap();
            let expr = promql::parse(expr).map(|e| match e {
                promql::Expr::String(s) => s.text().into_owned(),
                _ => panic!("{expr}"),
            });
            out.insert(format!("expr {} at {}", expr.unwrap(), rest.split(',').next().unwrap()));
        } else if let Some(rest) = line.strip_prefix("rule: ") {
            out.insert(format!("rule {}", rest.split(',').next().unwrap()));
        }
    }
    out
}

fn our_failures(report: &unittest::FileReport) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for group in &report.groups {
        out.extend(group.cases.iter().filter(|c| c.failure.is_some()).map(|c| c.title.clone()));
        for line in group.error.iter().flat_map(|e| e.lines()) {
            if let Some(rest) = line.strip_prefix("rule: ") {
                out.insert(format!("rule {}", rest.split(',').next().unwrap()));
            }
        }
    }
    out
}

#[test]
fn the_same_cases_fail() {
    for file in files("unit") {
        let Some((said, content)) = promtool(&["test", "rules"], &file) else { return };
        let shown = file.display();
        match ours(&file) {
            Ok(report) => {
                let failed = report.groups.iter().map(|g| g.failed()).sum::<usize>();
                assert_eq!(failed == 0, content, "{shown}: {report:#?}\n{said}");
                assert_eq!(our_failures(&report), promtool_failures(&said), "{shown}\n{said}");
            }
            Err(problems) => assert!(!content, "{shown}: {problems}\n{said}"),
        }
    }
}

#[test]
fn the_same_rule_files_are_refused() {
    for (dir, right) in [("rules", true), ("bad", false)] {
        for file in files(dir) {
            let Some((said, content)) = promtool(&["check", "rules"], &file) else { return };
            let parsed = RuleFile::parse(&std::fs::read_to_string(&file).unwrap(), FileOptions::default());
            assert_eq!(parsed.is_ok(), right, "{}: {parsed:?}", file.display());
            assert_eq!(content, right, "{}: {said}", file.display());
        }
    }
}

/// Rules with one alert that has a template in each annotation, and a test that expects no alert.
fn template_files(templates: &[&str]) -> (String, String) {
    let annotations: String = templates
        .iter()
        .enumerate()
        .map(|(i, t)| format!("      t{i:03}: '{}'\n", t.replace('\'', "''")))
        .collect();
    let rules = format!(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: m > 0\n    annotations:\n{annotations}"
    );
    let test = r#"rule_files: [rules.yml]
tests:
  - interval: 1m
    external_labels: {dc: ams1}
    external_url: http://testhost:9090/path
    input_series:
      - series: 'm{instance="web-1.example.com:9100", job="node", path="/a b"}'
        values: 1234567.891
      - series: 'up{instance="b", job="x"}'
        values: 2
      - series: 'up{instance="a", job="y"}'
        values: 0.5
    alert_rule_test:
      - eval_time: 0
        alertname: A
"#;
    (rules, test.to_owned())
}

#[test]
fn templates_come_out_the_same() {
    let text = std::fs::read_to_string(data().join("templates.txt")).unwrap();
    let templates: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
    let (rules, test) = template_files(&templates);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.yml"), rules).unwrap();
    let file = dir.path().join("test.yml");
    std::fs::write(&file, test).unwrap();

    let report = ours(&file).unwrap();
    let Some(Failure::Different { got, .. }) = &report.groups[0].cases[0].failure else {
        panic!("{report:?}")
    };
    let Some((said, _)) = promtool(&["test", "rules"], &file) else { return };
    let line =
        said.lines().find_map(|l| l.trim().strip_prefix("Annotations:")).unwrap_or_else(|| panic!("{said}"));
    let theirs = promql::parse_labels(line).unwrap();
    let mut wrong = Vec::new();
    for (i, template) in templates.iter().enumerate() {
        let name = format!("t{i:03}");
        let quoted = got.iter().find_map(|l| l.trim().strip_prefix(&format!("{name}: "))).unwrap();
        let ours = match promql::parse(quoted).unwrap() {
            promql::Expr::String(s) => s.text().into_owned(),
            other => panic!("{other:?}"),
        };
        let theirs = theirs.get(&name).unwrap_or("");
        // Compared from where the template stands on: our message names what is wrong in its own words there.
        if ours != theirs {
            wrong.push(format!("{template}\n  promtool {theirs:?}\n  ours     {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), templates.len(), wrong.join("\n"));
}
