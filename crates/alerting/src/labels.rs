//! Label sets of alerts and how they are written.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Names and values in order of name. Annotations may have empty values, labels do not.
pub type LabelSet = BTreeMap<String, String>;

/// What tells one alert from another: FNV-1a over its labels, the same number that Alertmanager computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Of these labels.
    pub fn of(labels: &LabelSet) -> Fingerprint {
        const PRIME: u64 = 0x0100_0000_01b3;
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut add = |b: u8| hash = (hash ^ u64::from(b)).wrapping_mul(PRIME);
        for (name, value) in labels {
            name.bytes().for_each(&mut add);
            add(0xff);
            value.bytes().for_each(&mut add);
            add(0xff);
        }
        Fingerprint(hash)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// `{a="x", b="y"}`, as group keys hold it.
pub fn shown(labels: &LabelSet) -> String {
    let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={}", go_quoted(v))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// A text in quotes, as Go's `%q` writes it.
pub(crate) fn go_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What all of these sets have in common.
pub(crate) fn common<'a>(mut sets: impl Iterator<Item = &'a LabelSet>) -> LabelSet {
    let Some(first) = sets.next() else { return LabelSet::new() };
    let mut common = first.clone();
    for set in sets {
        common.retain(|name, value| set.get(name) == Some(value));
    }
    common
}

/// Labels shared between alerts, groups and deliveries.
pub type SharedLabels = Arc<LabelSet>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_the_field() {
        let labels = |pairs: &[(&str, &str)]| -> LabelSet {
            pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
        };
        // The empty set is the offset basis of the hash.
        assert_eq!(Fingerprint::of(&labels(&[])).to_string(), "cbf29ce484222325");
        assert_ne!(Fingerprint::of(&labels(&[("a", "bc")])), Fingerprint::of(&labels(&[("ab", "c")])));
        assert_eq!(shown(&labels(&[("b", "2"), ("a", "x\"y")])), r#"{a="x\"y", b="2"}"#);
    }
}
