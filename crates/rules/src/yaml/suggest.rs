//! What was meant by a word that is not known.

/// The candidate fewest edits away, if so few that a slip of the hand explains them.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let budget = (word.chars().count() / 3).clamp(1, 4);
    let by_distance = candidates.iter().map(|c| (edits(word, c), *c)).filter(|(edits, _)| *edits <= budget);
    by_distance.min_by_key(|(edits, _)| *edits).map(|(_, c)| c)
}

/// Insertions, deletions and replacements between two words, case and `-` for `_` aside.
fn edits(a: &str, b: &str) -> usize {
    let fold = |s: &str| s.to_lowercase().replace('-', "_").chars().take(64).collect::<Vec<_>>();
    let (a, b) = (fold(a), fold(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"];
        assert_eq!(nearest("anotations", &known), Some("annotations"));
        assert_eq!(nearest("keepFiringFor", &known), Some("keep_firing_for"));
        assert_eq!(nearest("label", &known), Some("labels"));
        assert_eq!(nearest("exp", &known), Some("expr"));
        assert_eq!(nearest("severity", &known), None);
    }
}
