//! Which files there are to read.

use super::config::FileLogs;
use super::family::is_compressed;
use glob::{MatchOptions, Pattern};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Patterns of one source, compiled.
#[derive(Debug)]
pub(super) struct Globs {
    include: Vec<String>,
    exclude: Vec<Pattern>,
}

/// `*` ends at `/`, and hidden files must be meant.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files and the number of the first source that names each.
    pub files: BTreeMap<PathBuf, usize>,
    /// Files beyond the bound.
    pub left_out: usize,
}

impl Globs {
    pub fn new(source: &FileLogs) -> Globs {
        // The patterns were checked with the configuration.
        let exclude = source.exclude.iter().filter_map(|p| Pattern::new(p).ok()).collect();
        Globs { include: source.include.clone(), exclude }
    }
}

/// Searches for all sources.
pub(super) fn find(sources: &[Globs], files_max: usize) -> Found {
    let mut found = Found::default();
    for (number, source) in sources.iter().enumerate() {
        for pattern in &source.include {
            let Ok(paths) = glob::glob_with(pattern, MATCHING) else { continue };
            // A directory that may not be listed is none of ours.
            for path in paths.flatten() {
                let excluded = source.exclude.iter().any(|p| p.matches_path_with(&path, MATCHING));
                if excluded || is_compressed(&path) || path.to_str().is_none() || !path.is_file() {
                    continue;
                }
                match found.files.len() < files_max || found.files.contains_key(&path) {
                    true => {
                        found.files.entry(path).or_insert(number);
                    }
                    false => found.left_out += 1,
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["a.log", "a.log.1.gz", "b.txt", ".hidden.log", "x/c.log", "x/y/d.log", "x/y/skip.log"] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let at = |p: &str| dir.path().join(p).to_str().unwrap().to_owned();
        let names = |include: &[&str], exclude: &[&str], max: usize| {
            let strings = |all: &[&str]| all.iter().map(|p| at(p)).collect::<Vec<_>>();
            let source =
                FileLogs { include: strings(include), exclude: strings(exclude), ..FileLogs::default() };
            let found = find(&[Globs::new(&source)], max);
            let names = found.files.keys().map(|p| p.strip_prefix(dir.path()).unwrap().display().to_string());
            (names.collect::<Vec<_>>().join(" "), found.left_out)
        };
        assert_eq!(names(&["*"], &[], 9), ("a.log b.txt".into(), 0));
        assert_eq!(names(&["**/*.log"], &["**/skip*"], 9), ("a.log x/c.log x/y/d.log".into(), 0));
        assert_eq!(names(&["**/*.log"], &["x/**"], 9), ("a.log".into(), 0));
        assert_eq!(names(&["**/*.log", "a.log"], &[], 2), ("a.log x/c.log".into(), 2));
        assert_eq!(names(&["nothing/*"], &[], 2), (String::new(), 0));
    }
}
