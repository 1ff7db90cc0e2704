//! Targets listed in files.

use super::{Report, merged};
use crate::config::{FileSdConfig, TargetGroup};
use model::Labels;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The most files one section reads.
const FILES_MAX: usize = 10_000;

/// A file as it was when it was read last.
struct Known {
    stamp: (SystemTime, u64),
    targets: Vec<Labels>,
}

/// Reads the files whenever one has changed, come or gone, and all of them every refresh interval.
pub(super) async fn watch(config: FileSdConfig, poll: Duration, report: Report) {
    let refresh = Duration::from(config.refresh());
    let mut known: BTreeMap<PathBuf, Known> = BTreeMap::new();
    let mut all_due = Instant::now();
    let mut first = true;
    loop {
        let all = Instant::now() >= all_due;
        if all {
            all_due = Instant::now() + refresh;
        }
        let patterns = config.files.clone();
        let read = tokio::task::spawn_blocking(move || {
            let (changed, problems) = look(&patterns, &mut known, all);
            (known, changed, problems)
        });
        let Ok((back, changed, problems)) = read.await else { return };
        known = back;
        for (path, problem) in problems {
            report.failed("file", &path.display().to_string(), &problem);
        }
        if changed || first {
            first = false;
            report.send(known.values().flat_map(|k| k.targets.iter().cloned()).collect()).await;
        }
        tokio::time::sleep(poll.min(refresh)).await;
    }
}

type Problems = Vec<(PathBuf, String)>;

/// Brings `known` up to date. A file that cannot be read keeps the targets it had.
fn look(patterns: &[String], known: &mut BTreeMap<PathBuf, Known>, all: bool) -> (bool, Problems) {
    let mut problems = Vec::new();
    let mut changed = false;
    let paths: Vec<PathBuf> = patterns.iter().flat_map(|p| matching(p)).take(FILES_MAX).collect();
    let before = known.len();
    known.retain(|path, _| paths.contains(path));
    changed |= known.len() != before;
    for path in paths {
        let stamp = match std::fs::metadata(&path).and_then(|m| Ok((m.modified()?, m.len()))) {
            Ok(stamp) => stamp,
            Err(e) => {
                problems.push((path, e.to_string()));
                continue;
            }
        };
        let same = known.get(&path).is_some_and(|k| k.stamp == stamp);
        if same && !all {
            continue;
        }
        match read(&path) {
            Ok(targets) => {
                changed |= known.get(&path).is_none_or(|k| k.targets != targets);
                known.insert(path, Known { stamp, targets });
            }
            Err(problem) => {
                // Told once for each state of the file, not at every look.
                if let Some(k) = known.get_mut(&path) {
                    k.stamp = stamp;
                } else {
                    known.insert(path.clone(), Known { stamp, targets: Vec::new() });
                }
                problems.push((path, problem));
            }
        }
    }
    (changed, problems)
}

fn read(path: &Path) -> Result<Vec<Labels>, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let bytes = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if bytes as u64 > FILE_BYTES_MAX {
        return Err(format!("holds more than {FILE_BYTES_MAX} bytes"));
    }
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Labels>, String> {
    let json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let groups = TargetGroup::list(text, json)?;
    let path = path.display().to_string();
    Ok(groups.iter().flat_map(|g| merged(g, &[("__meta_filepath", &path)])).collect())
}

/// The files a path with `*` and `?` in its last component stands for, in order of name.
fn matching(pattern: &str) -> Vec<PathBuf> {
    if !pattern.contains(['*', '?']) {
        return vec![PathBuf::from(pattern)];
    }
    let (dir, name) =
        pattern.rsplit_once('/').map_or((".", pattern), |(d, n)| (if d.is_empty() { "/" } else { d }, n));
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|e| e.file_name().to_str().is_some_and(|n| wildcard(name.as_bytes(), n.as_bytes())))
        .map(|e| Path::new(dir).join(e.file_name()))
        .collect();
    found.sort();
    found
}

/// Whether `text` matches a pattern of `*` and `?`.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last star stands and how much it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b) if *b == b'?' || *b == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of a wildcard, by trying everything.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), None) => naive(rest, text),
            (Some((b'*', rest)), Some((_, tail))) => naive(rest, text) || naive(pattern, tail),
            (Some((p, rest)), Some((t, tail))) => (*p == b'?' || p == t) && naive(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn wildcards_match_as_defined(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(wildcard(pattern.as_bytes(), text.as_bytes()), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }

    #[test]
    fn both_syntaxes_list_the_same() {
        let yaml =
            "# ours\n- targets: [a:1, b:2]\n  labels: {x: y, __meta_filepath: mine}\n- targets: [c:3]\n";
        let json = r#"[{"targets": ["a:1", "b:2"], "labels": {"x": "y", "__meta_filepath": "mine"}},
                       {"targets": ["c:3"], "labels": null}]"#;
        let of = |path: &str, text| -> Vec<String> {
            parse(Path::new(path), text)
                .unwrap()
                .iter()
                .map(|l| l.filtered(|n| n != "__meta_filepath").to_string())
                .collect()
        };
        let want =
            [r#"{__address__="a:1", x="y"}"#, r#"{__address__="b:2", x="y"}"#, r#"{__address__="c:3"}"#];
        assert_eq!(of("t.yml", yaml), want);
        assert_eq!(of("t.json", json), want);
        assert!(parse(Path::new("t.yaml"), "# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn long_lists_are_read_and_bombs_are_not() {
        let long: String = (0..50_000).map(|n| format!("- targets: ['host-{n}:9100']\n")).collect();
        assert_eq!(parse(Path::new("t.yml"), &long).unwrap().len(), 50_000);
        let mut bomb = "- labels: {a: &a0 x}\n- targets: &b0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let before = format!("*b{}", n - 1);
            bomb.push_str(&format!("- targets: &b{n} [{}]\n", [before.as_str(); 9].join(", ")));
        }
        assert!(parse(Path::new("t.yml"), &bomb).is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (path, text, error) in [
            (
                "t.yml",
                "- targets: [a:1]\n  label: {}\n",
                "line 2, column 3: unknown key \"label\": did you mean \"labels\"?",
            ),
            (
                "t.json",
                "[{\"targets\": [\"http://a\"]}]",
                "[0].targets[0]: \"http://a\" is not a host and port: leave out the scheme and the path (they are set by the keys scheme and metrics_path)",
            ),
            ("t.json", "[", "EOF while parsing a list at line 1 column 1"),
        ] {
            assert_eq!(parse(Path::new(path), text).unwrap_err(), error);
        }
    }
}
