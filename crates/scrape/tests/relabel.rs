//! Applies the rules in `tests/relabel/*.yaml` to the labels beside them.

use model::{Labels, LabelsBuilder};
use scrape::config::{NameScheme, RelabelConfig};
use scrape::relabel::Rules;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    names: NameScheme,
    rules: Vec<RelabelConfig>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// What comes out; absent if the rules drop the set.
    gives: Option<BTreeMap<String, String>>,
    /// What compiling the rules says, if it fails.
    error: Option<String>,
}

fn outcome(case: &Case) -> Result<Option<Labels>, String> {
    let rules = Rules::compile(&case.rules, case.names, "rules").map_err(|e| e.to_string())?;
    let mut labels = LabelsBuilder::new();
    for (name, value) in &case.labels {
        labels.set(name.as_str(), value.as_str());
    }
    Ok(rules.apply(&mut labels).then(|| labels.build()))
}

#[test]
fn every_case_gives_what_its_file_says() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/relabel");
    let mut run = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        for case in cases {
            let want = match (&case.error, &case.gives) {
                (Some(e), _) => Err(e.clone()),
                (None, gives) => Ok(gives.as_ref().map(|g| Labels::from_pairs(g).unwrap())),
            };
            assert_eq!(outcome(&case), want, "{}: {}", path.display(), case.name);
            run += 1;
        }
    }
    assert!(run > 40, "only {run} cases were found in {dir:?}");
}

mod properties {
    use super::*;
    use proptest::prelude::*;
    use scrape::relabel::Pattern;

    fn rule() -> impl Strategy<Value = RelabelConfig> {
        let text = || proptest::option::of("[ab$1{}().*|]{0,6}");
        let action = proptest::sample::select(vec![
            "replace",
            "keep",
            "drop",
            "hashmod",
            "labelmap",
            "labeldrop",
            "labelkeep",
            "lowercase",
            "uppercase",
            "keepequal",
            "dropequal",
        ]);
        (
            (proptest::option::of(proptest::collection::vec("[ab]", 0..3)), text(), text()),
            (proptest::option::of(0u64..5), text(), text(), action),
        )
            .prop_map(
                |((source_labels, separator, regex), (modulus, target_label, replacement, action))| {
                    let action = serde_saphyr::from_str(action).unwrap();
                    RelabelConfig {
                        source_labels,
                        separator,
                        regex,
                        modulus,
                        target_label,
                        replacement,
                        action: Some(action),
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn rules_of_any_kind_never_panic_and_always_give_valid_labels(
            rules in proptest::collection::vec(rule(), 1..4),
            labels in proptest::collection::btree_map("[ab]{1,2}", "[ab1]{0,3}", 0..4),
        ) {
            let Ok(compiled) = Rules::compile(&rules, NameScheme::Utf8, "rules") else { return Ok(()) };
            let mut builder = LabelsBuilder::new();
            for (name, value) in &labels {
                builder.set(name.as_str(), value.as_str());
            }
            let kept = compiled.apply(&mut builder);
            let out = builder.build();
            prop_assert_eq!(&Labels::from_key(out.key()).unwrap(), &out);
            // Rules are a function: the same input, the same outcome.
            let mut again = LabelsBuilder::new();
            for (name, value) in &labels {
                again.set(name.as_str(), value.as_str());
            }
            prop_assert_eq!(compiled.apply(&mut again), kept);
            prop_assert_eq!(again.build(), out);
        }

        #[test]
        fn patterns_of_any_kind_never_panic(pattern in "\\PC{0,12}|[\\\\\\[\\]QEdwbs:&~a^()-]{0,10}", value in "\\PC{0,8}") {
            if let Ok(p) = Pattern::new(&pattern) {
                p.is_match(&value);
            }
        }

        #[test]
        fn a_quoted_value_matches_itself_only(value in "[^\\\\]{0,8}", other in "\\PC{0,8}") {
            let p = Pattern::new(&format!("\\Q{value}\\E")).unwrap();
            prop_assert!(p.is_match(&value));
            prop_assert_eq!(p.is_match(&other), other == value);
        }
    }
}
