//! The index as a list: what every answer is compared with.

use index::{Index, SeriesId};
use model::{Labels, METRIC_NAME, MatchOp, Matcher};
use proptest::prelude::*;
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};

/// Every series by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Naive(pub BTreeMap<u32, Labels>);

impl Naive {
    pub fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let matching = |l: &Labels| matchers.iter().all(|m| m.matches(l.get(m.name()).unwrap_or("")));
        self.0.iter().filter(|(_, l)| matching(l)).map(|(id, _)| *id).collect()
    }

    fn chosen(&self, matchers: &[Matcher], less: &RoaringBitmap) -> impl Iterator<Item = &Labels> {
        (self.select(matchers) - less).into_iter().map(|id| &self.0[&id])
    }

    pub fn label_names(&self, matchers: &[Matcher], less: &RoaringBitmap) -> Vec<String> {
        let all: BTreeSet<&str> =
            self.chosen(matchers, less).flat_map(|l| l.iter().map(|(n, _)| n)).collect();
        all.into_iter().map(str::to_owned).collect()
    }

    pub fn label_values(&self, name: &str, matchers: &[Matcher], less: &RoaringBitmap) -> Vec<String> {
        let all: BTreeSet<&str> = self.chosen(matchers, less).filter_map(|l| l.get(name)).collect();
        all.into_iter().map(str::to_owned).collect()
    }

    pub fn find(&self, key: &[u8]) -> Option<SeriesId> {
        self.0.iter().find(|(_, l)| l.key() == key).map(|(id, _)| SeriesId(*id))
    }

    /// Compares every answer of the index with the list.
    pub fn check(&self, index: &Index, queries: &[Vec<Matcher>]) {
        for matchers in queries.iter().chain([&Vec::new()]) {
            assert_eq!(index.select(matchers), self.select(matchers), "{matchers:?}");
            assert!(index.select_at_most(matchers) >= self.select(matchers).len(), "{matchers:?}");
            let thirds = self.0.keys().copied().filter(|id| id % 3 > 0).collect();
            for less in [RoaringBitmap::new(), self.0.keys().copied().take(2).collect(), thirds] {
                let want = self.label_names(matchers, &less);
                assert_eq!(index.label_names(matchers, &less), want, "{matchers:?} less {less:?}");
                for name in ["__name__", "id", "none"] {
                    let want = self.label_values(name, matchers, &less);
                    let found = index.label_values(name, matchers, &less);
                    assert_eq!(found, want, "{name} {matchers:?} less {less:?}");
                }
            }
            self.check_search(index, matchers);
            self.check_labels_many(index, &index.select(matchers));
        }
        for (id, labels) in &self.0 {
            assert_eq!(index.labels(SeriesId(*id)).as_ref(), Some(labels));
            assert_eq!(index.lookup(labels.key()), Some(SeriesId(*id)), "{labels}");
            let alias = [labels.key(), b"written otherwise"].concat();
            index.alias(&alias, SeriesId(*id));
            assert_eq!(index.lookup_after(SeriesId(id.wrapping_sub(1)), &alias), Some(SeriesId(*id)));
            assert_eq!(index.lookup(labels.key()), Some(SeriesId(*id)), "{labels}");
            for before in [id.wrapping_sub(1), *id] {
                assert_eq!(
                    index.lookup_after(SeriesId(before), labels.key()),
                    Some(SeriesId(*id)),
                    "{labels}"
                );
            }
        }
        assert_eq!(index.lookup(b"no key"), None);
        self.check_cardinality(index);
        assert_eq!(index.status().series, self.0.len() as u64);
    }

    /// Those that start with the text are the first of their order; others only fill up to the limit.
    fn check_search(&self, index: &Index, matchers: &[Matcher]) {
        for (name, text, limit) in [
            ("id", "", 3),
            ("id", "1", 2),
            ("id", "1", 100),
            ("__name__", "M", 100),
            ("__name__", "_", 1),
            ("none", "x", 5),
        ] {
            let holds = |v: &&String| v.to_lowercase().contains(&text.to_lowercase());
            let values = self.label_values(name, matchers, &RoaringBitmap::new());
            let (first, rest): (Vec<&String>, Vec<&String>) =
                values.iter().filter(holds).partition(|v| v.starts_with(text));
            let found = index.search_values(name, matchers, text, limit);
            let about = format!("{name} {text:?} {limit} {matchers:?}");
            assert_eq!(found.len(), limit.min(first.len() + rest.len()), "{about}");
            let (begin, others) = found.split_at(first.len().min(limit));
            assert!(begin.iter().eq(first.iter().take(limit).copied()), "{about}");
            assert!(others.iter().all(|v| rest.contains(&v)), "{about}");
            assert!(others.is_sorted_by(|a, b| a < b), "{about}");
        }
    }

    fn check_labels_many(&self, index: &Index, ids: &RoaringBitmap) {
        let mut seen = BTreeMap::new();
        index.labels_many(ids, |id, labels| assert_eq!(seen.insert(id.0, labels), None));
        let want: BTreeMap<u32, Labels> = ids.iter().map(|id| (id, self.0[&id].clone())).collect();
        assert_eq!(seen, want);
    }

    fn check_cardinality(&self, index: &Index) {
        let mut pairs: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for pair in self.0.values().flat_map(Labels::iter) {
            *pairs.entry(pair).or_default() += 1;
        }
        let mut names: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
        for ((name, value), series) in &pairs {
            let n = names.entry(name).or_default();
            *n = (n.0 + 1, n.1 + series, n.2 + value.len() as u64);
        }
        let c = index.cardinality(100_000);
        assert_eq!(
            (c.series, c.label_names, c.label_pairs),
            (self.0.len() as u64, names.len() as u64, pairs.len() as u64)
        );
        let got: BTreeMap<(&str, &str), u64> =
            c.by_pair.iter().map(|((n, v), s)| ((n.as_str(), v.as_str()), *s)).collect();
        assert_eq!(got, pairs);
        assert!(c.by_pair.is_sorted_by(|a, b| a.1 >= b.1));
        let metrics = pairs.iter().filter(|((n, _), _)| *n == METRIC_NAME).count();
        assert_eq!(c.by_metric.len(), metrics);
        for list in [&c.by_values, &c.by_series, &c.by_bytes] {
            let got: BTreeMap<&str, _> =
                list.iter().map(|l| (l.name.as_str(), (l.values, l.series, l.value_bytes))).collect();
            assert_eq!(got, names);
        }
        let top = index.cardinality(1);
        assert_eq!(top.by_pair.first(), c.by_pair.first());
        assert!(top.by_pair.len() <= 1 && top.by_values.first() == c.by_values.first());
    }
}

/// Label sets from few names and values, so that many share some, and from one label with many values.
pub fn labels() -> impl Strategy<Value = Labels> {
    let value = || proptest::option::of(prop_oneof!["[ab]{0,3}", Just("é\0ü".to_owned()), "[a-c]"]);
    (value(), value(), value(), proptest::option::of(0u32..2000), proptest::option::of(0u32..4)).prop_map(
        |(name, job, odd, id, zone)| {
            let id = id.map(|i| format!("id-{i:04}"));
            let zone = zone.map(|z| format!("zone-{z}"));
            let pairs = [("__name__", name), ("job", job), ("a\0b", odd), ("id", id), ("zone", zone)];
            Labels::from_pairs(pairs.into_iter().map(|(n, v)| (n, v.unwrap_or_default()))).unwrap()
        },
    )
}

pub fn matchers() -> impl Strategy<Value = Vec<Matcher>> {
    let name =
        prop_oneof![Just("__name__"), Just("job"), Just("a\0b"), Just("id"), Just("zone"), Just("none"),];
    let value = prop_oneof![
        Just("".to_owned()),
        "[ab]{0,2}",
        Just("é\0ü".to_owned()),
        (0u32..4).prop_map(|z| format!("zone-{z}")),
        (0u32..2000).prop_map(|i| format!("id-{i:04}")),
    ];
    let pattern = prop_oneof![
        Just(".*"),
        Just(".+"),
        Just("a|b"),
        Just("a|"),
        Just(""),
        Just("a.*"),
        Just("[ab]+"),
        Just("(a|ab).?"),
        Just("id-0.*"),
        Just("id-01[0-5].|.*7"),
        Just("id-.*"),
        Just("zone-[13]"),
        Just(".*b"),
        Just("x?"),
        Just("()"),
        Just("(?i)A.*"),
        Just("[^a]*"),
        Just("a{0,2}"),
    ];
    let equal = (name.clone(), value, any::<bool>()).prop_map(|(n, v, not)| {
        Matcher::new(if not { MatchOp::NotEqual } else { MatchOp::Equal }, n, v).unwrap()
    });
    let regex = (name, pattern, any::<bool>()).prop_map(|(n, p, not)| {
        Matcher::new(if not { MatchOp::NotRegex } else { MatchOp::Regex }, n, p).unwrap()
    });
    proptest::collection::vec(prop_oneof![equal, regex], 0..4)
}
