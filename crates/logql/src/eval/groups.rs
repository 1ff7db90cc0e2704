//! Which series a row belongs to.

use crate::pipeline::Pair;
use hashbrown::HashTable;
use model::Labels;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// The labels that tell series apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Group {
    /// Only these.
    By(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

impl Group {
    fn keeps(&self, name: &str) -> bool {
        match self {
            Group::By(names) => names.iter().any(|n| n == name),
            Group::Without(names) => !names.iter().any(|n| n == name),
        }
    }

    /// The labels of the series that a row belongs to.
    fn labels(&self, pairs: &[Pair<'_>]) -> Labels {
        let kept = pairs.iter().filter(|p| self.keeps(p.name)).map(|p| (p.name, p.value));
        // No name occurs twice in a row.
        Labels::from_pairs(kept).unwrap_or_default()
    }
}

/// Numbers series by their labels. A row whose labels were met before costs one look-up by borrowed bytes.
#[derive(Debug)]
pub(super) struct Groups {
    group: Group,
    /// Places in `keys`, by hash of the key.
    table: HashTable<u32>,
    keys: Vec<Key>,
    key_bytes: Vec<u8>,
    /// The labels of each series and its number; not needed where the key says all of them.
    by_labels: HashMap<Labels, u32>,
    labels: Vec<Labels>,
    scratch: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    start: usize,
    end: usize,
    hash: u64,
    series: u32,
}

/// Between the parts of a key; never part of UTF-8.
const SEPARATOR: u8 = 0xff;

impl Groups {
    pub fn new(group: Group) -> Groups {
        Groups {
            group,
            table: HashTable::new(),
            keys: Vec::new(),
            key_bytes: Vec::new(),
            by_labels: HashMap::new(),
            labels: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The series of a row.
    pub fn of(&mut self, pairs: &[Pair<'_>]) -> u32 {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let value = |name: &str| pairs.iter().find(|p| p.name == name).map_or("", |p| p.value);
        let key: &[u8] = match &self.group {
            Group::By(names) => match names.as_slice() {
                [name] => value(name).as_bytes(),
                names => {
                    for name in names {
                        scratch.extend_from_slice(value(name).as_bytes());
                        scratch.push(SEPARATOR);
                    }
                    &scratch
                }
            },
            without => {
                for pair in pairs.iter().filter(|p| without.keeps(p.name) && !p.value.is_empty()) {
                    scratch.extend_from_slice(pair.name.as_bytes());
                    scratch.push(SEPARATOR);
                    scratch.extend_from_slice(pair.value.as_bytes());
                    scratch.push(SEPARATOR);
                }
                &scratch
            }
        };
        let series = self.look_up(key, pairs);
        self.scratch = scratch;
        series
    }

    fn look_up(&mut self, key: &[u8], pairs: &[Pair<'_>]) -> u32 {
        let hash = xxh3_64(key);
        let Groups { table, keys, key_bytes, .. } = self;
        let found = table.find(hash, |at| {
            let k = &keys[*at as usize];
            &key_bytes[k.start..k.end] == key
        });
        if let Some(at) = found {
            return keys[*at as usize].series;
        }
        let series = match &self.group {
            Group::By(_) => self.keys.len() as u32,
            // Two keys with their labels in another order are one series.
            Group::Without(_) => {
                let labels = self.group.labels(pairs);
                let next = self.labels.len() as u32;
                let series = *self.by_labels.entry(labels.clone()).or_insert(next);
                if series == next {
                    self.labels.push(labels);
                }
                series
            }
        };
        let start = self.key_bytes.len();
        self.key_bytes.extend_from_slice(key);
        let at = self.keys.len() as u32;
        self.keys.push(Key { start, end: self.key_bytes.len(), hash, series });
        let keys = &self.keys;
        self.table.insert_unique(hash, at, |at| keys[*at as usize].hash);
        series
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        match &self.group {
            Group::By(_) => self.keys.len(),
            Group::Without(_) => self.labels.len(),
        }
    }

    /// The labels of a series.
    pub fn labels(&self, series: usize) -> Labels {
        let names = match &self.group {
            Group::Without(_) => return self.labels[series].clone(),
            Group::By(names) => names.as_slice(),
        };
        let key = &self.key_bytes[self.keys[series].start..self.keys[series].end];
        let values: Vec<&[u8]> = match names {
            [_] => vec![key],
            _ => key.split(|b| *b == SEPARATOR).collect(),
        };
        let named = names.iter().enumerate().filter(|(i, name)| !names[..*i].contains(name));
        let pairs = named.filter_map(|(i, name)| {
            let value = std::str::from_utf8(values.get(i)?).ok()?;
            (!value.is_empty()).then_some((name.as_str(), value))
        });
        Labels::from_pairs(pairs).unwrap_or_default()
    }

    /// Bytes held, roughly.
    pub fn bytes(&self) -> u64 {
        let labels = self.labels.len() * 200;
        (self.key_bytes.len() * 3 + self.keys.len() * size_of::<Key>() + labels) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Kind;

    #[test]
    fn rows_with_the_same_labels_are_one_series() {
        let pair = |name, value| Pair { name, value, kind: Kind::Stream };
        let mut all = Groups::new(Group::Without(vec!["x".to_owned()]));
        let a = all.of(&[pair("a", "1"), pair("b", "2"), pair("x", "3")]);
        let b = all.of(&[pair("b", "2"), pair("a", "1"), pair("c", "")]);
        let c = all.of(&[pair("a", "12"), pair("b", "")]);
        assert_eq!((a, b, c), (0, 0, 1));
        assert_eq!(all.labels(0).to_string(), r#"{a="1", b="2"}"#);
        let mut by = Groups::new(Group::By(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(by.of(&[pair("a", "1"), pair("b", "2")]), 0);
        assert_eq!(by.of(&[pair("a", "12")]), 1);
        assert_eq!(by.of(&[pair("b", "12")]), 2);
        let labels: Vec<String> = (0..by.len()).map(|s| by.labels(s).to_string()).collect();
        assert_eq!(labels, [r#"{a="1", b="2"}"#, r#"{a="12"}"#, r#"{b="12"}"#]);
        let mut one = Groups::new(Group::By(vec!["a".to_owned()]));
        assert_eq!((one.of(&[]), one.of(&[pair("a", "1")]), one.of(&[pair("b", "2")])), (0, 1, 0));
        assert_eq!(
            (one.labels(0).to_string(), one.labels(1).to_string()),
            ("{}".into(), r#"{a="1"}"#.into())
        );
    }
}
