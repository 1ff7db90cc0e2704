//! A series' identity: a sorted set of name and value pairs, held as one byte string.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The reserved label that holds a series' metric name.
pub const METRIC_NAME: &str = "__name__";

/// An immutable label set: names strictly ascending by bytes, no empty name, no empty value, all UTF-8.
///
/// The pairs are held in *key encoding*: for each pair `0x0a len(pair) 0x0a len(name) name 0x12 len(value)
/// value`, with lengths as minimal LEB128. Equal label sets have equal keys, so equality and hashing are those
/// of bytes. The encoding is also that of a remote write 1.0 `TimeSeries.labels` field, which lets a receiver
/// look up a series by a slice of the request body without decoding it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[u8]>);

/// Why bytes or pairs are not a label set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// A label name occurs twice.
    #[error("label name {0:?} occurs more than once")]
    Duplicate(String),
    /// A label name is empty.
    #[error("a label name is empty (its value is {0:?})")]
    EmptyName(String),
    /// A name or value is not UTF-8.
    #[error("label {0} is not valid UTF-8")]
    NotUtf8(String),
    /// The bytes are not in key encoding.
    #[error("label set is not in key encoding at byte {0}")]
    NotKey(usize),
}

impl Labels {
    /// The empty label set.
    pub fn empty() -> Labels {
        Labels(Arc::from(&[][..]))
    }

    /// A label set from pairs in any order. Pairs with an empty value are left out: an empty value and an
    /// absent label mean the same.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Labels, LabelError> {
        let mut all: Vec<(N, V)> = pairs.into_iter().filter(|(_, v)| !v.as_ref().is_empty()).collect();
        all.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        let mut key = Vec::with_capacity(all.len() * 32);
        let mut last: Option<&str> = None;
        for (name, value) in &all {
            let (name, value) = (name.as_ref(), value.as_ref());
            if name.is_empty() {
                return Err(LabelError::EmptyName(value.to_owned()));
            }
            if last == Some(name) {
                return Err(LabelError::Duplicate(name.to_owned()));
            }
            push_pair(&mut key, name, value);
            last = Some(name);
        }
        Ok(Labels(Arc::from(key)))
    }

    /// A label set from its key, checked in full: use it on bytes from outside.
    pub fn from_key(key: &[u8]) -> Result<Labels, LabelError> {
        check_key(key)?;
        Ok(Labels(Arc::from(key)))
    }

    /// The key encoding, unique to this label set.
    pub fn key(&self) -> &[u8] {
        &self.0
    }

    /// The pairs in ascending order of name.
    pub fn iter(&self) -> Pairs<'_> {
        Pairs { key: &self.0 }
    }

    /// The value of a label, if the label is present.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut rest = &self.0[..];
        while let Some((own, value, next)) = split_pair(rest) {
            if own == name.as_bytes() {
                return std::str::from_utf8(value).ok();
            }
            rest = next;
        }
        None
    }

    /// The metric name, or the empty string.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A builder that starts with these pairs.
    pub fn to_builder(&self) -> LabelsBuilder<'_> {
        LabelsBuilder { pairs: self.iter().map(|(n, v)| (Cow::Borrowed(n), Cow::Borrowed(v))).collect() }
    }

    /// These labels less those for which `keep` is false.
    pub fn filtered(&self, keep: impl FnMut(&str) -> bool) -> Labels {
        let mut key = Vec::with_capacity(self.0.len());
        self.push_key(&mut key, keep);
        if key.len() == self.0.len() { self.clone() } else { Labels(Arc::from(key)) }
    }

    /// Appends the key of these labels less those for which `keep` is false.
    pub fn push_key(&self, key: &mut Vec<u8>, mut keep: impl FnMut(&str) -> bool) {
        let mut rest = &self.0[..];
        while let Some((name, _, next)) = split_pair(rest) {
            if std::str::from_utf8(name).is_ok_and(&mut keep) {
                key.extend_from_slice(&rest[..rest.len() - next.len()]);
            }
            rest = next;
        }
    }

    /// These labels without the metric name.
    pub fn without_name(&self) -> Labels {
        self.filtered(|n| n != METRIC_NAME)
    }
}

impl Default for Labels {
    fn default() -> Self {
        Labels::empty()
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Pairs<'a>;
    fn into_iter(self) -> Pairs<'a> {
        self.iter()
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Pair by pair, names before values, a prefix before what extends it.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (&self.0[..], &other.0[..]);
        loop {
            match (split_pair(a), split_pair(b)) {
                (Some((an, av, a_rest)), Some((bn, bv, b_rest))) => {
                    // As bytes: UTF-8 keeps the order of characters.
                    match an.cmp(bn).then_with(|| av.cmp(bv)) {
                        Ordering::Equal => (a, b) = (a_rest, b_rest),
                        unequal => return unequal,
                    }
                }
                (a, b) => return a.is_some().cmp(&b.is_some()),
            }
        }
    }
}

/// As PromQL writes a series: `name{a="b", c="d"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let plain_name = is_legacy_metric_name(name);
        if plain_name {
            f.write_str(name)?;
        }
        let mut first = true;
        let rest = self.iter().filter(|(n, _)| !(*n == METRIC_NAME && plain_name));
        for (n, v) in rest {
            f.write_str(if first { "{" } else { ", " })?;
            first = false;
            if n == METRIC_NAME {
                write!(f, "{}", Quoted(v))?;
            } else if is_legacy_label_name(n) {
                write!(f, "{n}={}", Quoted(v))?;
            } else {
                write!(f, "{}={}", Quoted(n), Quoted(v))?;
            }
        }
        if !first {
            f.write_str("}")
        } else if plain_name {
            Ok(())
        } else {
            f.write_str("{}")
        }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// The pairs of a label set in ascending order of name.
#[derive(Clone)]
pub struct Pairs<'a> {
    key: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// Over a key that is known to be valid because it came out of [`Labels::key`]. A key that is not valid
    /// ends the iteration early; it never panics.
    pub fn of_key(key: &'a [u8]) -> Pairs<'a> {
        Pairs { key }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value, rest) = split_pair(self.key)?;
        self.key = rest;
        // Both were checked when the key was made; a foreign key ends the iteration instead of panicking.
        Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
    }
}

/// Collects changes to a label set; setting a label to the empty value removes it.
#[derive(Clone, Default, Debug)]
pub struct LabelsBuilder<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> LabelsBuilder<'a> {
    /// A builder without pairs.
    pub fn new() -> Self {
        Self::default()
    }

    /// The current value of a label, empty if absent.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// Sets a label, or removes it when the value is empty.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self.pairs.iter_mut().find(|(n, _)| *n == name) {
            Some(pair) => pair.1 = value,
            None => self.pairs.push((name, value)),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| n != name);
        self
    }

    /// Keeps only the labels for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> &mut Self {
        self.pairs.retain(|(n, _)| keep(n));
        self
    }

    /// The pairs as set so far, in no particular order, empty values included.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))
    }

    /// The label set.
    pub fn build(&self) -> Labels {
        let mut pairs: Vec<(&str, &str)> =
            self.pairs().filter(|(n, v)| !n.is_empty() && !v.is_empty()).collect();
        pairs.sort_unstable();
        let mut key = Vec::with_capacity(pairs.iter().map(|(n, v)| n.len() + v.len() + 6).sum());
        for (n, v) in pairs {
            push_pair(&mut key, n, v);
        }
        Labels(Arc::from(key))
    }
}

/// Whether `name` can stand unquoted as a metric name in PromQL: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_legacy_metric_name(name: &str) -> bool {
    !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Whether `name` can stand unquoted as a label name in PromQL: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    is_legacy_metric_name(name) && !name.contains(':')
}

const PAIR_TAG: u8 = 0x0a;
const NAME_TAG: u8 = 0x0a;
const VALUE_TAG: u8 = 0x12;

fn varint_len(v: usize) -> usize {
    (usize::BITS - (v | 1).leading_zeros()).div_ceil(7) as usize
}

fn push_varint(out: &mut Vec<u8>, mut v: usize) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn push_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    let len = 2 + varint_len(name.len()) + name.len() + varint_len(value.len()) + value.len();
    out.push(PAIR_TAG);
    push_varint(out, len);
    out.push(NAME_TAG);
    push_varint(out, name.len());
    out.extend_from_slice(name.as_bytes());
    out.push(VALUE_TAG);
    push_varint(out, value.len());
    out.extend_from_slice(value.as_bytes());
}

/// A minimal LEB128 length and what follows it.
#[inline]
fn take_len(b: &[u8]) -> Option<(usize, &[u8])> {
    if let [len @ 0..0x80, rest @ ..] = b {
        return Some((usize::from(*len), rest));
    }
    let mut v = 0usize;
    for (i, &byte) in b.iter().take(5).enumerate() {
        v |= ((byte & 0x7f) as usize) << (7 * i);
        if byte < 0x80 {
            if byte == 0 && i > 0 {
                return None;
            }
            return Some((v, &b[i + 1..]));
        }
    }
    None
}

#[inline]
fn take_field(b: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = b.split_first()?;
    if first != tag {
        return None;
    }
    let (len, rest) = take_len(rest)?;
    (len <= rest.len()).then(|| rest.split_at(len))
}

#[inline]
fn split_pair(key: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (pair, rest) = take_field(key, PAIR_TAG)?;
    let (name, pair) = take_field(pair, NAME_TAG)?;
    let (value, pair) = take_field(pair, VALUE_TAG)?;
    pair.is_empty().then_some((name, value, rest))
}

fn check_key(key: &[u8]) -> Result<(), LabelError> {
    let mut rest = key;
    let mut last: Option<&[u8]> = None;
    while !rest.is_empty() {
        let at = key.len() - rest.len();
        let (name, value, next) = split_pair(rest).ok_or(LabelError::NotKey(at))?;
        let lossy = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        if std::str::from_utf8(name).is_err() || std::str::from_utf8(value).is_err() {
            return Err(LabelError::NotUtf8(format!("{:?}", lossy(name))));
        }
        if name.is_empty() {
            return Err(LabelError::EmptyName(lossy(value)));
        }
        if last == Some(name) {
            return Err(LabelError::Duplicate(lossy(name)));
        }
        if value.is_empty() || last.is_some_and(|l| l > name) {
            return Err(LabelError::NotKey(at));
        }
        last = Some(name);
        rest = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_are_sorted_and_empty_values_dropped() {
        let l = Labels::from_pairs([("b", "2"), ("__name__", "up"), ("a", "1"), ("c", "")]).unwrap();
        assert_eq!(l.to_string(), r#"up{a="1", b="2"}"#);
        assert_eq!(l.get("c"), None);
        assert_eq!(l.without_name().to_string(), r#"{a="1", b="2"}"#);
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    #[test]
    fn duplicates_are_refused() {
        let e = Labels::from_pairs([("a", "1"), ("a", "2")]).unwrap_err();
        assert_eq!(e.to_string(), r#"label name "a" occurs more than once"#);
    }

    #[test]
    fn label_sets_are_ordered_pair_by_pair() {
        let of = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
        let ascending = [
            of(&[]),
            of(&[("a", "1")]),
            of(&[("a", "1"), ("b", "1")]),
            of(&[("a", "10")]),
            of(&[("a", "2")]),
            of(&[("a", "é"), ("b", "1")]),
            of(&[("ab", "1")]),
            of(&[("b", "0")]),
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(a.cmp(b), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn names_that_need_quotes_get_them() {
        let l = Labels::from_pairs([("__name__", "a.b"), ("x y", "q\"\n")]).unwrap();
        assert_eq!(l.to_string(), "{\"a.b\", \"x y\"=\"q\\\"\\n\"}");
    }

    #[test]
    fn a_builder_overwrites_and_removes() {
        let base = Labels::from_pairs([("a", "1"), ("b", "2")]).unwrap();
        let mut b = base.to_builder();
        b.set("a", "9").set("b", "").set("c", "3");
        assert_eq!(b.build().to_string(), r#"{a="9", c="3"}"#);
    }

    proptest! {
        #[test]
        fn a_key_round_trips(pairs in proptest::collection::btree_map("[a-z]{1,200}", "\\PC{1,300}", 0..8)) {
            let l = Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))).unwrap();
            prop_assert_eq!(&Labels::from_key(l.key()).unwrap(), &l);
            let back: Vec<_> = l.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(back, pairs.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(l) = Labels::from_key(&b) {
                prop_assert_eq!(l.key(), &b[..]);
                let again = Labels::from_pairs(l.iter()).unwrap();
                prop_assert_eq!(again, l);
            }
            Pairs::of_key(&b).count();
        }
    }
}
