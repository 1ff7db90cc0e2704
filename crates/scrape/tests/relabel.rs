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
