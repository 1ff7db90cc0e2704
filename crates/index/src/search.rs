//! Finding values of a label by a part of them, for those who type.

use crate::Flaw;
use crate::index::Index;
use crate::labels::Wanted;
use crate::source::{Order, Source};
use model::Matcher;
use roaring::RoaringBitmap;
use std::collections::BTreeSet;

/// Beyond this many values of a label within one part of the index, only those that start with what is sought are
/// found: looking through more takes longer than people wait between two keys.
const LOOKED_THROUGH_MAX: usize = 200_000;

/// Values found, those that start with what is sought apart.
struct Found<'t> {
    text: &'t str,
    limit: usize,
    first: BTreeSet<String>,
    rest: BTreeSet<String>,
}

impl Index {
    /// Values of a label, among the series that satisfy every matcher, that contain `text` in any case: at most
    /// `limit`, first those that start with it, each kind in ascending order.
    pub fn search_values(&self, name: &str, matchers: &[Matcher], text: &str, limit: usize) -> Vec<String> {
        let view = self.view();
        let none = RoaringBitmap::new();
        let mut found = Found { text, limit, first: BTreeSet::new(), rest: BTreeSet::new() };
        for segment in &view.segments {
            let wanted = self.wanted(&view, segment, matchers, &none);
            if let Err(flaw) = found.add_sorted(&**segment, name, &wanted) {
                self.note(segment, flaw);
            }
        }
        for tail in view.tails() {
            let tail = tail.read();
            let wanted = Wanted::of_tail(&tail, matchers, &none);
            // The mutable part is in memory and cannot be damaged.
            found.add_unsorted(&*tail, name, &wanted).unwrap_or_default();
        }
        let Found { first, rest, .. } = found;
        first.into_iter().chain(rest).take(limit).collect()
    }
}

impl Found<'_> {
    /// Adds what a segment has: its values lie in ascending order.
    fn add_sorted<S: Source>(&mut self, source: &S, name: &str, wanted: &Wanted) -> Result<(), Flaw> {
        if wanted.is_nothing() {
            return Ok(());
        }
        let mut walk = source.values(name, self.text, Order::Ascending)?;
        let mut taken = 0;
        while taken < self.limit && walk.advance()? {
            if wanted.has(|| walk.posting())? {
                taken += 1;
                self.first.insert(walk.value().to_owned());
            }
        }
        if self.first.len() >= self.limit || self.text.is_empty() {
            return Ok(());
        }
        let mut walk = source.values(name, "", Order::Any)?;
        let mut looked = 0;
        while looked < LOOKED_THROUGH_MAX && self.rest.len() < self.limit && walk.advance()? {
            looked += 1;
            if self.is_inside(walk.value()) && wanted.has(|| walk.posting())? {
                self.rest.insert(walk.value().to_owned());
            }
        }
        Ok(())
    }

    /// Adds what a mutable part has: its values lie in no order, and sorting them all would take longer than
    /// looking at each.
    fn add_unsorted<S: Source>(&mut self, source: &S, name: &str, wanted: &Wanted) -> Result<(), Flaw> {
        if wanted.is_nothing() || self.limit == 0 {
            return Ok(());
        }
        let mut walk = source.values(name, "", Order::Any)?;
        let mut looked = 0;
        while walk.advance()? {
            let value = walk.value();
            if value.starts_with(self.text) {
                let late = self.first.len() >= self.limit && self.first.last().is_some_and(|l| **l <= *value);
                if !late && wanted.has(|| walk.posting())? {
                    self.first.insert(value.to_owned());
                    if self.first.len() > self.limit {
                        self.first.pop_last();
                    }
                }
            } else if looked < LOOKED_THROUGH_MAX && self.rest.len() < self.limit {
                looked += 1;
                if self.is_inside(value) && wanted.has(|| walk.posting())? {
                    self.rest.insert(value.to_owned());
                }
            }
        }
        Ok(())
    }

    fn is_inside(&self, value: &str) -> bool {
        !value.starts_with(self.text) && contains_in_any_case(value, self.text)
    }
}

/// Whether `text` occurs, ASCII letters of either case being the same.
fn contains_in_any_case(value: &str, text: &str) -> bool {
    let (value, text) = (value.as_bytes(), text.as_bytes());
    let Some((first, rest)) = text.split_first() else { return true };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let mut from = 0;
    while let Some(at) = memchr::memchr2(lower, upper, &value[from..]) {
        let after = from + at + 1;
        if value.len() - after < rest.len() {
            return false;
        }
        if value[after..after + rest.len()].eq_ignore_ascii_case(rest) {
            return true;
        }
        from = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::contains_in_any_case;

    #[test]
    fn parts_are_found_in_any_case() {
        for (value, text, found) in [
            ("node_memory_MemFree_bytes", "memfree", true),
            ("node_memory_MemFree_bytes", "MEMORY_", true),
            ("abab", "abb", false),
            ("aab", "ab", true),
            ("ab", "abc", false),
            ("", "a", false),
            ("a", "", true),
            ("温度", "度", true),
        ] {
            assert_eq!(contains_in_any_case(value, text), found, "{value} {text}");
        }
    }
}
