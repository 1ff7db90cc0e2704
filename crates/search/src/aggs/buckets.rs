//! Buckets by owner and key, and how rows fall into them.

use super::{Choice, DateHistogram, Fallen, Filters, Histogram, Names, Ranges, Terms, number};
use crate::dates::{MILLI_NS, default_formats};
use crate::fields::{Found, Kind, Rows, Scalar};
use hashbrown::HashTable;
use jiff::tz::TimeZone;
use std::cmp::Ordering;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a bucket stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Text(Box<str>),
    /// A whole number, an instant, or the place among filters or ranges.
    Whole(i64),
    Float(f64),
    Bool(bool),
}

/// A key that is looked up.
#[derive(Debug, Clone, Copy)]
enum KeyRef<'a> {
    Text(&'a str),
    Whole(i64),
    Float(f64),
    Bool(bool),
}

impl Key {
    fn borrowed(&self) -> KeyRef<'_> {
        match self {
            Key::Text(text) => KeyRef::Text(text),
            Key::Whole(i) => KeyRef::Whole(*i),
            Key::Float(x) => KeyRef::Float(*x),
            Key::Bool(b) => KeyRef::Bool(*b),
        }
    }

    /// In order of kind, then of value.
    pub fn order(&self, other: &Key) -> Ordering {
        let rank = |k: &Key| match k {
            Key::Bool(_) => 0,
            Key::Whole(_) | Key::Float(_) => 1,
            Key::Text(_) => 2,
        };
        match (self, other) {
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            (Key::Whole(a), Key::Whole(b)) => a.cmp(b),
            (Key::Bool(a), Key::Bool(b)) => a.cmp(b),
            (Key::Float(a), Key::Float(b)) => a.total_cmp(b),
            (Key::Whole(a), Key::Float(b)) => (*a as f64).total_cmp(b),
            (Key::Float(a), Key::Whole(b)) => a.total_cmp(&(*b as f64)),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

impl KeyRef<'_> {
    fn hash(self, owner: u32) -> u64 {
        let seed = u64::from(owner);
        match self {
            KeyRef::Text(text) => xxh3_64_with_seed(text.as_bytes(), seed),
            KeyRef::Whole(i) => xxh3_64_with_seed(&i.to_le_bytes(), seed ^ 1 << 40),
            KeyRef::Float(x) => xxh3_64_with_seed(&x.to_bits().to_le_bytes(), seed ^ 2 << 40),
            KeyRef::Bool(b) => xxh3_64_with_seed(&[u8::from(b)], seed ^ 3 << 40),
        }
    }

    fn is(self, key: &Key) -> bool {
        match (self, key) {
            (KeyRef::Text(a), Key::Text(b)) => *a == **b,
            (KeyRef::Whole(a), Key::Whole(b)) => a == *b,
            (KeyRef::Float(a), Key::Float(b)) => a.to_bits() == b.to_bits(),
            (KeyRef::Bool(a), Key::Bool(b)) => a == *b,
            _ => false,
        }
    }

    fn owned(self) -> Key {
        match self {
            KeyRef::Text(text) => Key::Text(Box::from(text)),
            KeyRef::Whole(i) => Key::Whole(i),
            KeyRef::Float(x) => Key::Float(x),
            KeyRef::Bool(b) => Key::Bool(b),
        }
    }
}

/// Buckets of one aggregation, whatever their owners.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    index: HashTable<u32>,
    pub owners: Vec<u32>,
    pub keys: Vec<Key>,
    pub counts: Vec<u64>,
    /// The bucket used last.
    last: Option<u32>,
    /// Numbers in order of owners, once all rows are in.
    by_owner: Vec<u32>,
}

/// What a bucket takes beside its key.
const BUCKET_BYTES: u64 = 96;

impl Buckets {
    /// Counts a row in a bucket and gives the number of that.
    pub fn add(&mut self, owner: u32, key: Key, taken: &mut u64) -> u32 {
        self.add_ref(owner, key.borrowed(), taken)
    }

    #[inline]
    fn add_ref(&mut self, owner: u32, key: KeyRef<'_>, taken: &mut u64) -> u32 {
        if let Some(last) = self.last
            && self.owners[last as usize] == owner
            && key.is(&self.keys[last as usize])
        {
            self.counts[last as usize] += 1;
            return last;
        }
        let hash = key.hash(owner);
        let (owners, keys) = (&self.owners, &self.keys);
        let same = |n: &u32| owners[*n as usize] == owner && key.is(&keys[*n as usize]);
        let number = match self.index.find(hash, same) {
            Some(n) => *n,
            None => {
                let n = self.keys.len() as u32;
                self.owners.push(owner);
                self.keys.push(key.owned());
                self.counts.push(0);
                *taken += BUCKET_BYTES + if let KeyRef::Text(text) = key { text.len() as u64 } else { 0 };
                let (owners, keys) = (&self.owners, &self.keys);
                self.index.insert_unique(hash, n, |n| keys[*n as usize].borrowed().hash(owners[*n as usize]));
                n
            }
        };
        self.counts[number as usize] += 1;
        self.last = Some(number);
        number
    }

    /// The number of a bucket that is there.
    pub fn find(&self, owner: u32, key: &Key) -> Option<u32> {
        let key = key.borrowed();
        self.index
            .find(key.hash(owner), |n| self.owners[*n as usize] == owner && key.is(&self.keys[*n as usize]))
            .copied()
    }

    /// Puts the buckets in order of their owners, once all rows are in.
    pub fn seal(&mut self) {
        self.by_owner = (0..self.keys.len() as u32).collect();
        self.by_owner.sort_by_key(|n| self.owners[*n as usize]);
    }

    /// Buckets of an owner, by number, after [`Buckets::seal`].
    pub fn of(&self, owner: u32) -> &[u32] {
        let owner_of = |n: &u32| self.owners[*n as usize];
        let start = self.by_owner.partition_point(|n| owner_of(n) < owner);
        let end = start + self.by_owner[start..].partition_point(|n| owner_of(n) == owner);
        &self.by_owner[start..end]
    }
}

impl Names {
    pub fn has(&self, text: &str) -> bool {
        match self {
            Names::Pattern(pattern) => pattern.is_value(text),
            Names::Exactly(all) => all.iter().any(|t| t == text),
        }
    }
}

fn key_of(value: Scalar<'_>) -> Option<KeyRef<'_>> {
    match value {
        Scalar::Text(text, _) => Some(KeyRef::Text(text)),
        Scalar::Int(i) => Some(KeyRef::Whole(i)),
        Scalar::Float(x) if x.is_nan() => None,
        Scalar::Float(x) => Some(KeyRef::Float(x)),
        Scalar::Bool(b) => Some(KeyRef::Bool(b)),
        Scalar::Time(ns) => Some(KeyRef::Whole(ns.div_euclid(MILLI_NS))),
    }
}

impl Choice {
    fn takes(&self, key: KeyRef<'_>) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let text = match key {
            KeyRef::Text(text) => text.to_owned(),
            KeyRef::Whole(i) => i.to_string(),
            KeyRef::Float(x) => x.to_string(),
            KeyRef::Bool(b) => b.to_string(),
        };
        self.include.as_ref().is_none_or(|n| n.has(&text))
            && !self.exclude.as_ref().is_some_and(|n| n.has(&text))
    }
}

impl Terms {
    pub(super) fn collect(
        &mut self,
        rows: &Rows<'_>,
        matched: &[u32],
        owners: &[u32],
        fallen: &mut Fallen,
    ) -> u64 {
        let mut taken = 0;
        let mut of_row: Vec<u32> = Vec::new();
        for (row, owner) in matched.iter().zip(owners) {
            let found = rows.get(self.field, *row as usize);
            if let Found::One(value) = found {
                if let Some(key) = key_of(value).filter(|k| self.choice.takes(*k)) {
                    fallen.push(*row, self.buckets.add_ref(*owner, key, &mut taken));
                }
                continue;
            }
            of_row.clear();
            let mut any = false;
            found.any(&mut |value| {
                any = true;
                if let Some(key) = key_of(value).filter(|k| self.choice.takes(*k)) {
                    let bucket = self.buckets.add_ref(*owner, key, &mut taken);
                    match of_row.contains(&bucket) {
                        // A record counts once in each bucket.
                        true => self.buckets.counts[bucket as usize] -= 1,
                        false => of_row.push(bucket),
                    }
                }
                false
            });
            if let (false, Some(key)) = (any, &self.missing) {
                of_row.push(self.buckets.add(*owner, key.clone(), &mut taken));
            }
            of_row.iter().for_each(|bucket| fallen.push(*row, *bucket));
        }
        taken
    }
}

/// The instant that a value is, in Unix nanoseconds: numbers are milliseconds.
fn instant(value: Scalar<'_>) -> Option<i64> {
    match value {
        Scalar::Time(ns) => Some(ns),
        Scalar::Int(ms) => ms.checked_mul(MILLI_NS),
        Scalar::Float(ms) => Some((ms * 1e6) as i64),
        Scalar::Text(text, _) => default_formats().iter().find_map(|f| f.read(text, &TimeZone::UTC, false)),
        Scalar::Bool(_) => None,
    }
}

impl DateHistogram {
    pub(super) fn collect(
        &mut self,
        rows: &Rows<'_>,
        matched: &[u32],
        owners: &[u32],
        fallen: &mut Fallen,
    ) -> u64 {
        let mut taken = 0;
        let is_time = rows.field(self.field).kind == Kind::Time;
        let times = rows.block.times_ns();
        for (row, owner) in matched.iter().zip(owners) {
            let at = if is_time {
                Some(times[*row as usize])
            } else {
                let mut at = None;
                rows.get(self.field, *row as usize).any(&mut |value| {
                    at = instant(value);
                    at.is_some()
                });
                at.or(self.missing)
            };
            let Some(at) = at.filter(|at| self.hard.is_none_or(|(min, max)| min <= *at && *at <= max)) else {
                continue;
            };
            let start = self.rounding.start(at);
            fallen.push(*row, self.buckets.add_ref(*owner, KeyRef::Whole(start), &mut taken));
        }
        taken
    }
}

impl Histogram {
    pub(super) fn collect(
        &mut self,
        rows: &Rows<'_>,
        matched: &[u32],
        owners: &[u32],
        fallen: &mut Fallen,
    ) -> u64 {
        let mut taken = 0;
        let mut of_row: Vec<u32> = Vec::new();
        for (row, owner) in matched.iter().zip(owners) {
            of_row.clear();
            let mut any = false;
            let mut put = |x: f64| {
                let place = ((x - self.offset) / self.interval).floor();
                let key = KeyRef::Float(place * self.interval + self.offset + 0.0);
                let bucket = self.buckets.add_ref(*owner, key, &mut taken);
                match of_row.contains(&bucket) {
                    true => self.buckets.counts[bucket as usize] -= 1,
                    false => of_row.push(bucket),
                }
            };
            rows.get(self.field, *row as usize).any(&mut |value| {
                if let Some(x) = number(value).filter(|x| x.is_finite()) {
                    any = true;
                    put(x);
                }
                false
            });
            if let (false, Some(x)) = (any, self.missing) {
                put(x);
            }
            of_row.iter().for_each(|bucket| fallen.push(*row, *bucket));
        }
        taken
    }
}

impl Ranges {
    pub(super) fn collect(
        &mut self,
        rows: &Rows<'_>,
        matched: &[u32],
        owners: &[u32],
        fallen: &mut Fallen,
    ) -> u64 {
        let mut taken = 0;
        for (row, owner) in matched.iter().zip(owners) {
            let found = rows.get(self.field, *row as usize);
            for (place, range) in self.ranges.iter().enumerate() {
                let inside = found.any(&mut |value| {
                    let x = match self.dates {
                        Some(_) => instant(value).map(|ns| ns as f64 / 1e6),
                        None => number(value),
                    };
                    x.is_some_and(|x| range.from.is_none_or(|f| f <= x) && range.to.is_none_or(|t| x < t))
                });
                if inside {
                    fallen.push(*row, self.buckets.add_ref(*owner, KeyRef::Whole(place as i64), &mut taken));
                }
            }
        }
        taken
    }
}

impl Filters {
    pub(super) fn collect(
        &mut self,
        rows: &Rows<'_>,
        matched: &[u32],
        owners: &[u32],
        fallen: &mut Fallen,
    ) -> u64 {
        let mut taken = 0;
        for (row, owner) in matched.iter().zip(owners) {
            let mut any = false;
            for (place, filter) in self.filters.iter().enumerate() {
                if filter.passes(rows, *row as usize) {
                    any = true;
                    fallen.push(*row, self.buckets.add_ref(*owner, KeyRef::Whole(place as i64), &mut taken));
                }
            }
            if !any && self.other.is_some() {
                let place = KeyRef::Whole(self.filters.len() as i64);
                fallen.push(*row, self.buckets.add_ref(*owner, place, &mut taken));
            }
        }
        taken
    }
}
