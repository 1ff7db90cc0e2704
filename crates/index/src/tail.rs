//! The mutable part: the series created since the last segment was written.
//!
//! Keys lie one after another in chunks that never move. Values of labels are not copied: a term points into the
//! key of the first series that had it.

use crate::Flaw;
use crate::digest::random_u64;
use crate::posting::Posting;
use crate::source::{Keys, NameStats, Order, Source, Values};
use hashbrown::{HashMap, HashTable, hash_table};
use model::Pairs;
use roaring::RoaringBitmap;
use std::collections::BinaryHeap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Keys are held in chunks of this size; a longer key has a chunk of its own.
const CHUNK_BYTES: usize = 256 << 10;
/// A posting longer than this becomes a set.
const IDS_MAX: usize = 24;

pub(crate) struct Tail {
    arena: Arena,
    /// In ascending order of id.
    series: Vec<Series>,
    /// Theirs.
    ids: RoaringBitmap,
    names: HashMap<Box<str>, Name>,
    /// Against senders who choose values that collide.
    seed: u64,
}

struct Series {
    id: u32,
    key: Place,
}

/// Bytes in the arena.
#[derive(Clone, Copy)]
struct Place {
    chunk: u32,
    start: u32,
    len: u32,
}

#[derive(Default)]
struct Arena {
    chunks: Vec<Vec<u8>>,
}

impl Arena {
    fn push(&mut self, bytes: &[u8]) -> Place {
        let fits = self.chunks.last().is_some_and(|c| c.capacity() - c.len() >= bytes.len());
        if !fits {
            // Small at first: a part with a few series should not hold a whole chunk.
            let size = if self.chunks.is_empty() { 4 << 10 } else { CHUNK_BYTES };
            self.chunks.push(Vec::with_capacity(size.max(bytes.len())));
        }
        let chunk = self.chunks.len() - 1;
        let start = self.chunks[chunk].len();
        self.chunks[chunk].extend_from_slice(bytes);
        Place { chunk: chunk as u32, start: start as u32, len: bytes.len() as u32 }
    }

    fn get(&self, p: Place) -> &[u8] {
        &self.chunks[p.chunk as usize][p.start as usize..][..p.len as usize]
    }

    /// Only for places that hold a label's value.
    fn text(&self, p: Place) -> &str {
        std::str::from_utf8(self.get(p)).expect("label values are UTF-8")
    }

    fn memory_bytes(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum()
    }
}

#[derive(Default)]
struct Name {
    values: HashTable<Term>,
    value_bytes: u64,
    presence: Ids,
}

struct Term {
    /// The beginning of the value, for looks at very many values: reading each where it lies costs a miss of every cache.
    head: Head,
    value: Place,
    ids: Ids,
}

/// The first eight bytes of a text, such that a greater head belongs to a greater text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head(u64);

impl Head {
    fn of(text: &[u8]) -> Head {
        let mut bytes = [0; 8];
        let n = text.len().min(8);
        bytes[..n].copy_from_slice(&text[..n]);
        Head(u64::from_be_bytes(bytes))
    }

    /// Whether a text of this head may start with `prefix`.
    fn may_start_with(self, prefix: &[u8]) -> bool {
        let unknown = 64 - 8 * prefix.len().min(8) as u32;
        let mask = u64::MAX.checked_shl(unknown).unwrap_or(0);
        self.0 & mask == Head::of(prefix).0
    }
}

/// A posting that grows. Most have one id; few have many.
enum Ids {
    One(u32),
    /// Ascending; empty only before the first id.
    Few(Vec<u32>),
    Many(Box<RoaringBitmap>),
}

impl Default for Ids {
    fn default() -> Self {
        Ids::Few(Vec::new())
    }
}

impl Ids {
    fn add(&mut self, id: u32) {
        match self {
            Ids::One(first) => *self = Ids::Few(vec![id.min(*first), id.max(*first)]),
            Ids::Few(ids) if ids.is_empty() => *self = Ids::One(id),
            Ids::Few(ids) if ids.len() < IDS_MAX => {
                let at = ids.partition_point(|x| *x < id);
                ids.insert(at, id);
            }
            Ids::Few(ids) => {
                let mut set: RoaringBitmap = ids.iter().copied().collect();
                set.insert(id);
                *self = Ids::Many(Box::new(set));
            }
            Ids::Many(set) => {
                set.insert(id);
            }
        }
    }

    fn posting(&self) -> Posting<'_> {
        match self {
            Ids::One(id) => Posting::One(*id),
            Ids::Few(ids) => Posting::Ids(ids),
            Ids::Many(set) => Posting::Set(set),
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Ids::One(_) => 0,
            Ids::Few(ids) => ids.capacity() * 4,
            Ids::Many(set) => size_of::<RoaringBitmap>() + set.serialized_size() * 5 / 4,
        }
    }
}

impl Tail {
    pub(crate) fn new() -> Tail {
        Tail {
            arena: Arena::default(),
            series: Vec::new(),
            ids: RoaringBitmap::new(),
            names: HashMap::new(),
            seed: random_u64(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.ids.contains(id)
    }

    /// Adds a series; its key must be a valid one, and its id new.
    pub(crate) fn insert(&mut self, id: u32, key: &[u8]) {
        let key_place = self.arena.push(key);
        let base = key.as_ptr() as usize;
        for (name, value) in Pairs::of_key(key) {
            // Where the value lies in the key is where it lies in the arena.
            let start = key_place.start + (value.as_ptr() as usize - base) as u32;
            let place = Place { chunk: key_place.chunk, start, len: value.len() as u32 };
            let entry = match self.names.get_mut(name) {
                Some(entry) => entry,
                None => self.names.entry(Box::from(name)).or_default(),
            };
            entry.presence.add(id);
            let (arena, seed) = (&self.arena, self.seed);
            let hash = xxh3_64_with_seed(value.as_bytes(), seed);
            match entry.values.find_mut(hash, |t| arena.get(t.value) == value.as_bytes()) {
                Some(term) => term.ids.add(id),
                None => {
                    entry.value_bytes += value.len() as u64;
                    let rehash = |t: &Term| xxh3_64_with_seed(arena.get(t.value), seed);
                    let term = Term { head: Head::of(value.as_bytes()), value: place, ids: Ids::One(id) };
                    entry.values.insert_unique(hash, term, rehash);
                }
            }
        }
        self.ids.insert(id);
        let series = Series { id, key: key_place };
        match self.series.last() {
            Some(last) if last.id > id => {
                let at = self.series.partition_point(|s| s.id < id);
                self.series.insert(at, series);
            }
            _ => self.series.push(series),
        }
    }

    fn find(&self, id: u32) -> Result<usize, usize> {
        self.series.binary_search_by_key(&id, |s| s.id)
    }

    pub(crate) fn key(&self, id: u32) -> Option<&[u8]> {
        self.find(id).ok().map(|at| self.arena.get(self.series[at].key))
    }

    pub(crate) fn ids(&self) -> &RoaringBitmap {
        &self.ids
    }

    /// The least values of a label, at most `limit`, that start with `prefix` and whose posting is wanted.
    pub(crate) fn first_values(
        &self,
        name: &str,
        prefix: &str,
        limit: usize,
        mut wanted: impl FnMut(Posting<'_>) -> Result<bool, Flaw>,
    ) -> Result<Vec<&str>, Flaw> {
        let Some(entry) = self.names.get(name).filter(|_| limit > 0) else { return Ok(Vec::new()) };
        // The greatest on top.
        let mut least: BinaryHeap<(Head, &str)> = BinaryHeap::new();
        for term in entry.values.iter().filter(|t| t.head.may_start_with(prefix.as_bytes())) {
            let full = least.len() == limit;
            let greatest = least.peek().filter(|_| full);
            if greatest.is_some_and(|(head, _)| term.head > *head) {
                continue;
            }
            let value = self.arena.text(term.value);
            if !value.starts_with(prefix)
                || greatest.is_some_and(|(_, greatest)| value > *greatest)
                || !wanted(term.ids.posting())?
            {
                continue;
            }
            if full {
                least.pop();
            }
            least.push((term.head, value));
        }
        Ok(least.into_sorted_vec().into_iter().map(|(_, value)| value).collect())
    }

    /// Bytes held, close to what the allocator gave.
    pub(crate) fn memory_bytes(&self) -> usize {
        let names: usize = self
            .names
            .iter()
            .map(|(n, e)| {
                let ids: usize = e.values.iter().map(|t| t.ids.memory_bytes()).sum();
                n.len() + size_of::<Name>() + e.values.allocation_size() + e.presence.memory_bytes() + ids
            })
            .sum();
        self.arena.memory_bytes()
            + self.ids.serialized_size()
            + self.series.capacity() * size_of::<Series>()
            + names
    }
}

impl Source for Tail {
    fn all(&self) -> Result<RoaringBitmap, Flaw> {
        Ok(self.ids.clone())
    }

    fn names(&self) -> Result<Vec<(String, NameStats)>, Flaw> {
        let mut all: Vec<_> = self.names.iter().map(|(n, e)| (n.to_string(), e.stats())).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    fn name(&self, name: &str) -> Result<Option<NameStats>, Flaw> {
        Ok(self.names.get(name).map(Name::stats))
    }

    fn presence(&self, name: &str) -> Result<Option<Posting<'_>>, Flaw> {
        Ok(self.names.get(name).map(|e| e.presence.posting()))
    }

    fn term(&self, name: &str, value: &str) -> Result<Option<Posting<'_>>, Flaw> {
        let Some(entry) = self.names.get(name) else { return Ok(None) };
        let hash = xxh3_64_with_seed(value.as_bytes(), self.seed);
        let term = entry.values.find(hash, |t| self.arena.get(t.value) == value.as_bytes());
        Ok(term.map(|t| t.ids.posting()))
    }

    fn values(&self, name: &str, prefix: &str, order: Order) -> Result<Values<'_>, Flaw> {
        let Some(entry) = self.names.get(name) else { return Ok(Values::None) };
        let any = entry.values.iter();
        let terms = match order {
            Order::Any => Terms::Any(any, prefix.to_owned()),
            Order::Ascending => {
                let mut sorted: Vec<(&str, &Ids)> = any
                    .map(|t| (self.arena.text(t.value), &t.ids))
                    .filter(|(value, _)| value.starts_with(prefix))
                    .collect();
                sorted.sort_unstable_by_key(|t| t.0);
                Terms::Sorted(sorted.into_iter())
            }
        };
        Ok(Values::Tail(TailValues { arena: &self.arena, terms, current: None }))
    }

    fn keys(&self, from: u32) -> Keys<'_> {
        Keys::Tail(TailKeys { tail: self, next: self.series.partition_point(|s| s.id < from) })
    }
}

impl Name {
    fn stats(&self) -> NameStats {
        NameStats {
            values: self.values.len() as u32,
            value_bytes: self.value_bytes,
            series: self.presence.posting().len() as u32,
        }
    }
}

pub(crate) struct TailValues<'a> {
    arena: &'a Arena,
    terms: Terms<'a>,
    current: Option<(&'a str, &'a Ids)>,
}

enum Terms<'a> {
    Sorted(std::vec::IntoIter<(&'a str, &'a Ids)>),
    /// As they lie in the table; those that start with the prefix are handed out.
    Any(hash_table::Iter<'a, Term>, String),
}

impl<'a> TailValues<'a> {
    pub(crate) fn advance(&mut self) -> bool {
        self.current = match &mut self.terms {
            Terms::Sorted(terms) => terms.next(),
            Terms::Any(terms, prefix) => terms
                .find(|t| {
                    let prefix = prefix.as_bytes();
                    t.head.may_start_with(prefix) && self.arena.get(t.value).starts_with(prefix)
                })
                .map(|t| (self.arena.text(t.value), &t.ids)),
        };
        self.current.is_some()
    }

    pub(crate) fn value(&self) -> &'a str {
        self.current.map_or("", |(value, _)| value)
    }

    pub(crate) fn posting(&self) -> Posting<'a> {
        self.current.map_or(Posting::Ids(&[]), |(_, ids)| ids.posting())
    }
}

pub(crate) struct TailKeys<'a> {
    tail: &'a Tail,
    next: usize,
}

impl<'a> TailKeys<'a> {
    pub(crate) fn advance(&mut self) -> bool {
        self.next += 1;
        self.next <= self.tail.series.len()
    }

    pub(crate) fn id(&self) -> u32 {
        self.tail.series[self.next - 1].id
    }

    pub(crate) fn key(&self) -> &'a [u8] {
        self.tail.arena.get(self.tail.series[self.next - 1].key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;

    fn tail(series: &[(u32, &[(&str, &str)])]) -> Tail {
        let mut tail = Tail::new();
        for (id, pairs) in series {
            tail.insert(*id, Labels::from_pairs(pairs.iter().copied()).unwrap().key());
        }
        tail
    }

    #[test]
    fn terms_point_at_their_series() {
        let t = tail(&[
            (5, &[("__name__", "up"), ("job", "a")]),
            (9, &[("__name__", "up"), ("job", "b")]),
            (7, &[("__name__", "down"), ("job", "a")]),
        ]);
        let ids = |name: &str, value: &str| {
            t.term(name, value).unwrap().map(|p| p.to_set().unwrap().iter().collect::<Vec<_>>())
        };
        assert_eq!(ids("job", "a"), Some(vec![5, 7]));
        assert_eq!(ids("__name__", "up"), Some(vec![5, 9]));
        assert_eq!(ids("job", "c"), None);
        assert_eq!(ids("none", "c"), None);
        let mut values = t.values("job", "", Order::Ascending).unwrap();
        let mut seen = Vec::new();
        while values.advance().unwrap() {
            seen.push(values.value().to_owned());
        }
        assert_eq!(seen, ["a", "b"]);
        assert_eq!(t.name("job").unwrap(), Some(NameStats { values: 2, value_bytes: 2, series: 3 }));
    }

    #[test]
    fn the_first_values_are_the_least_with_the_prefix() {
        let all = ["", "a", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghij", "abd", "b", "é", "ab\0"];
        let series: Vec<Vec<(&str, &str)>> = all.iter().map(|v| vec![("k", "x"), ("v", *v)]).collect();
        let series: Vec<(u32, &[(&str, &str)])> =
            series.iter().enumerate().map(|(id, pairs)| (id as u32, &pairs[..])).collect();
        let t = tail(&series);
        for prefix in ["", "a", "ab", "abcdefgh", "abcdefghi", "ab\0", "c", "é"] {
            for limit in 0..all.len() + 1 {
                let mut want: Vec<&str> =
                    all.iter().copied().filter(|v| !v.is_empty() && v.starts_with(prefix)).collect();
                want.sort_unstable();
                want.truncate(limit);
                assert_eq!(
                    t.first_values("v", prefix, limit, |_| Ok(true)).unwrap(),
                    want,
                    "{prefix:?} {limit}"
                );
            }
        }
        assert_eq!(t.first_values("v", "a", 9, |p| Ok(p.to_set().unwrap().contains(2))).unwrap(), ["ab"]);
    }

    #[test]
    fn keys_come_in_order_of_id_however_they_arrived() {
        let t = tail(&[(5, &[("a", "1")]), (9, &[("a", "2")]), (7, &[("a", "3")])]);
        let mut keys = t.keys(6);
        let mut seen = Vec::new();
        while keys.advance().unwrap() {
            assert_eq!(Some(keys.key()), t.key(keys.id()));
            seen.push(keys.id());
        }
        assert_eq!(seen, [7, 9]);
        assert_eq!(t.key(6), None);
    }

    #[test]
    fn a_long_posting_and_a_long_key_are_kept_whole() {
        let mut t = Tail::new();
        let long = "v".repeat(CHUNK_BYTES + 10);
        for id in 0..200u32 {
            let n = id.to_string();
            let labels = Labels::from_pairs([("all", "x"), ("n", n.as_str()), ("big", long.as_str())]);
            t.insert(id, labels.unwrap().key());
        }
        assert_eq!(t.term("all", "x").unwrap().unwrap().len(), 200);
        assert_eq!(t.term("big", &long).unwrap().unwrap().to_set().unwrap(), *t.ids());
        assert!(t.memory_bytes() > 200 * CHUNK_BYTES);
    }
}
