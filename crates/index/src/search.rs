//! Finding values of a label by a part of them, for those who type.

use crate::Flaw;
use crate::index::Index;
use crate::labels::{POSTINGS_PER_KEY, Wanted};
use crate::segment::Segment;
use crate::select::for_each_key;
use crate::source::{Order, Source};
use crate::tail::Tail;
use model::{Matcher, Pairs};
use roaring::RoaringBitmap;
use std::collections::BTreeSet;

/// Beyond this many values of a label within one part of the index, only those that start with what is sought are
/// found: looking through more takes longer than people wait between two keys.
const LOOKED_THROUGH_MAX: usize = 200_000;
/// How many values of a segment, which lie one after another, are looked at in the time of one of a mutable part.
const TAIL_COST: usize = 4;

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
            if let Err(flaw) = found.add_segment(segment, name, &wanted) {
                self.note(segment, flaw);
            }
        }
        for tail in view.tails() {
            let tail = tail.read();
            let wanted = Wanted::of_tail(&tail, matchers, &none);
            // The mutable part is in memory and cannot be damaged.
            found.add_tail(&tail, name, &wanted).unwrap_or_default();
        }
        let Found { first, rest, .. } = found;
        first.into_iter().chain(rest).take(limit).collect()
    }
}

impl Found<'_> {
    /// Adds what a segment has: its values lie in ascending order.
    fn add_segment(&mut self, segment: &Segment, name: &str, wanted: &Wanted) -> Result<(), Flaw> {
        if self.add_few(segment, name, wanted)? {
            return Ok(());
        }
        let mut walk = segment.values(name, self.text, Order::Ascending)?;
        let mut taken = 0;
        while taken < self.limit && walk.advance()? {
            if wanted.has(|| walk.posting())? {
                taken += 1;
                self.first.insert(walk.value().to_owned());
            }
        }
        self.add_inside(segment, name, wanted, LOOKED_THROUGH_MAX)
    }

    /// Adds what a mutable part has: its values lie in no order.
    fn add_tail(&mut self, tail: &Tail, name: &str, wanted: &Wanted) -> Result<(), Flaw> {
        if self.add_few(tail, name, wanted)? {
            return Ok(());
        }
        let first = tail.first_values(name, self.text, self.limit, |posting| wanted.has(|| Ok(posting)))?;
        self.first.extend(first.into_iter().map(str::to_owned));
        self.add_inside(tail, name, wanted, LOOKED_THROUGH_MAX / TAIL_COST)
    }

    /// Looks into the keys of the wanted series if they are few against the values of the label, and says whether that
    /// was done.
    fn add_few<S: Source>(&mut self, source: &S, name: &str, wanted: &Wanted) -> Result<bool, Flaw> {
        let Wanted::Of(ids) = wanted else { return Ok(false) };
        let values = source.name(name)?.map_or(0, |stats| stats.values);
        if ids.len() * POSTINGS_PER_KEY >= u64::from(values) {
            return Ok(ids.is_empty());
        }
        for_each_key(source, ids, |_, key| {
            let value = Pairs::of_key(key).find(|(n, _)| *n == name).map(|(_, value)| value);
            if let Some(value) = value {
                if value.starts_with(self.text) {
                    self.first.insert(value.to_owned());
                } else if self.is_inside(value) {
                    self.rest.insert(value.to_owned());
                }
            }
        })?;
        Ok(true)
    }

    /// Adds values that contain the text elsewhere than at their beginning, looking at so many.
    fn add_inside<S: Source>(
        &mut self,
        source: &S,
        name: &str,
        wanted: &Wanted,
        looks: usize,
    ) -> Result<(), Flaw> {
        if self.first.len() >= self.limit || self.text.is_empty() {
            return Ok(());
        }
        let mut walk = source.values(name, "", Order::Any)?;
        for _ in 0..looks {
            if self.rest.len() >= self.limit || !walk.advance()? {
                break;
            }
            if self.is_inside(walk.value()) && wanted.has(|| walk.posting())? {
                self.rest.insert(walk.value().to_owned());
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
