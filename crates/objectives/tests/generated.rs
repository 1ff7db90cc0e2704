//! What comes of objectives, and what is said of those that are wrong: files in, snapshots out.

use objectives::{Objective, ObjectiveConfig, ObjectiveFile, file_text, resolve};
use rules::{FileOptions, RuleFile, RuleKind};

fn all(text: &str) -> Vec<Objective> {
    let file: ObjectiveFile = serde_saphyr::from_str(text).unwrap();
    resolve(&file.objectives).unwrap()
}

#[test]
fn rules_come_of_objectives() {
    let all = all(include_str!("data/objectives.yml"));
    let text = file_text(&all);
    insta::assert_snapshot!("rules", text);
    let file = RuleFile::parse(&text, FileOptions::default()).unwrap();
    assert!(file.duplicates().is_empty() && file.warnings.is_empty());
    for (objective, group) in all.iter().zip(&file.groups) {
        let own = objective.group().unwrap();
        let shown = |g: &rules::Group| {
            let rule = |r: &rules::Rule| format!("{} {} {:?}", r.name, r.expr_text, r.labels);
            (g.name.clone(), g.interval_ms, g.rules.iter().map(rule).collect::<Vec<_>>())
        };
        assert_eq!(shown(group), shown(&own));
        // The alerts of all pairs are found again by their labels.
        for pair in objective.pairs.iter().filter(|_| objective.alerting.is_some()) {
            let labels = objective.alert_labels(pair);
            let of_pair = |r: &&rules::Rule| {
                r.kind == RuleKind::Alert && labels.iter().all(|(n, v)| r.labels.get(*n) == Some(v))
            };
            assert_eq!(own.rules.iter().filter(of_pair).count(), 1, "{labels:?}");
        }
    }
}

/// Debian's promtool takes the rules as they are. Without promtool this test says so and passes.
#[test]
fn prometheus_takes_the_rules() {
    let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    std::fs::write(file.path(), file_text(&all(include_str!("data/objectives.yml")))).unwrap();
    match std::process::Command::new("promtool").args(["check", "rules"]).arg(file.path()).output() {
        Ok(output) => {
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success() && told.contains("SUCCESS"), "{told}");
        }
        Err(e) => eprintln!("promtool cannot be started ({e}): it is not asked"),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let file: ObjectiveFile = serde_saphyr::from_str(include_str!("data/objectives.yml")).unwrap();
    let written = serde_saphyr::to_string(&file).unwrap();
    let back: ObjectiveFile = serde_saphyr::from_str(&written).unwrap();
    assert_eq!(resolve(&back.objectives).unwrap(), resolve(&file.objectives).unwrap(), "{written}");
}

#[test]
fn mistakes_are_told() {
    let mut told = String::new();
    for case in include_str!("data/bad.yml").split("\n---\n") {
        let message = match serde_saphyr::from_str::<ObjectiveConfig>(case) {
            Ok(config) => Objective::new(&config).expect_err(case).to_string(),
            Err(e) => e.without_snippet().to_string(),
        };
        told += &format!("{}\n", case.trim());
        message.lines().for_each(|line| told += &format!("    {line}\n"));
    }
    insta::assert_snapshot!("mistakes", told);
}

#[test]
fn names_tell_objectives_apart() {
    let of = |name: &str, target: &str| -> ObjectiveConfig {
        serde_saphyr::from_str(&format!("{{name: {name}, target: {target}, ratio: {{errors: e, total: t}}}}"))
            .unwrap()
    };
    let problems = resolve(&[of("a", "99"), of("b", "100"), of("a", "98")]).unwrap_err();
    assert_eq!(
        problems,
        [
            "objective \"b\": target: 100 leaves no budget for errors: it must be below 100%, for example 99.9",
            "objective \"a\": name: there is another of this name: names tell objectives apart",
        ]
    );
}
