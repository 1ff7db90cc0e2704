//! Which of two releases is the newer one.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Releases of one project that are remembered: the newest ones.
pub(crate) const RELEASES_MAX: usize = 1000;

/// A release as its project knows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// When it was first heard of, Unix milliseconds.
    pub first_ms: i64,
    /// When it was last heard of, Unix milliseconds.
    pub last_ms: i64,
    /// Its events.
    pub events: u64,
    /// Groups that came up in it.
    pub new_groups: u64,
}

/// The numbers of a version: `shop@1.2.3-rc.1+7` has 1, 2, 3 and the rest `rc.1`.
fn version(name: &str) -> Option<(&str, Vec<u64>, &str)> {
    let (package, version) = name.rsplit_once('@').unwrap_or(("", name));
    let version = version.strip_prefix('v').unwrap_or(version);
    let (version, _) = version.split_once('+').unwrap_or((version, ""));
    let (numbers, before) = version.split_once('-').unwrap_or((version, ""));
    let numbers: Option<Vec<u64>> = numbers.split('.').take(8).map(|n| n.parse().ok()).collect();
    numbers.filter(|n| n.len() >= 2).map(|n| (package, n, before))
}

/// The order of two releases by their names, where both are versions of one package.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    if a == b {
        return Some(Ordering::Equal);
    }
    let (a, b) = (version(a)?, version(b)?);
    if a.0 != b.0 {
        return None;
    }
    let places = a.1.len().max(b.1.len());
    let at = |v: &[u64], i: usize| v.get(i).copied().unwrap_or(0);
    for i in 0..places {
        match at(&a.1, i).cmp(&at(&b.1, i)) {
            Ordering::Equal => {}
            other => return Some(other),
        }
    }
    Some(match (a.2, b.2) {
        ("", "") => Ordering::Equal,
        // A release comes after what led to it.
        ("", _) => Ordering::Greater,
        (_, "") => Ordering::Less,
        (x, y) => parts(x, y),
    })
}

/// Parts between dots, numbers as numbers and before words.
fn parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) => match (x.parse::<u64>(), y.parse::<u64>()) {
                (Ok(x), Ok(y)) => x.cmp(&y),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => x.cmp(y),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Releases of a project in the order they were first heard of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Releases(Vec<Release>);

impl Releases {
    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Release> {
        self.0.iter()
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&Release> {
        self.0.iter().find(|r| r.name == name)
    }

    /// Hears of a release; the count of its events is the caller's to raise.
    pub fn hear(&mut self, name: &str, now_ms: i64) -> &mut Release {
        let at = match self.0.iter().rposition(|r| r.name == name) {
            Some(at) => at,
            None => {
                if self.0.len() >= RELEASES_MAX {
                    self.0.remove(0);
                }
                self.0.push(Release { name: name.to_owned(), first_ms: now_ms, ..Release::default() });
                self.0.len() - 1
            }
        };
        let release = &mut self.0[at];
        release.first_ms = release.first_ms.min(now_ms);
        release.last_ms = release.last_ms.max(now_ms);
        release
    }

    /// Whether `a` is a newer release than `b`: by version, else by when it was first heard of.
    pub fn is_newer(&self, a: &str, b: &str) -> bool {
        match compare(a, b) {
            Some(order) => order == Ordering::Greater,
            None => {
                let at = |name: &str| self.get(name).map(|r| r.first_ms);
                match (at(a), at(b)) {
                    (Some(a), Some(b)) => a > b,
                    (None, _) => true,
                    (Some(_), None) => false,
                }
            }
        }
    }

    /// The newest release.
    pub fn newest(&self) -> Option<&Release> {
        self.0.iter().reduce(|best, r| if self.is_newer(&r.name, &best.name) { r } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_order() {
        let order = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-rc.2",
            "1.0.0-rc.11",
            "1.0.0",
            "1.0.1",
            "v1.2",
            "1.10.0",
        ];
        for (i, a) in order.iter().enumerate() {
            for (j, b) in order.iter().enumerate() {
                assert_eq!(compare(a, b), Some(i.cmp(&j)), "{a} {b}");
            }
        }
        assert_eq!(compare("shop@1.2.3+7", "shop@1.2.3+8"), Some(Ordering::Equal));
        assert_eq!(compare("shop@1.0.0", "cart@1.0.0"), None);
        assert_eq!(compare("deadbeef", "1.0.0"), None);
    }

    #[test]
    fn names_that_are_no_versions_go_by_time() {
        let mut all = Releases::default();
        all.hear("cafe", 10).events += 1;
        all.hear("beef", 20);
        all.hear("cafe", 30);
        assert!(
            all.is_newer("beef", "cafe") && !all.is_newer("cafe", "beef") && !all.is_newer("cafe", "cafe")
        );
        assert_eq!(all.newest().unwrap().name, "beef");
        assert_eq!(all.get("cafe").map(|r| (r.first_ms, r.last_ms, r.events)), Some((10, 30, 1)));
    }
}
