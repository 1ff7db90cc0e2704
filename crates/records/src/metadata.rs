//! What there is: streams, labels, attributes.

use crate::engine::Engine;
use crate::error::RecordsError;
use crate::scan::{Attributes, Budget, Direction, Scan, Wanted};
use hashbrown::HashSet;
use model::Labels;
use model::record::{Tenant, Value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use xxhash_rust::xxh3::xxh3_64;

/// How much a stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStats {
    /// The stream.
    pub labels: Labels,
    /// Records.
    pub records: u64,
    /// Bytes of bodies, in proportion where a part lies only partly in the range.
    pub bytes: u64,
}

/// An attribute of the newest records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeInfo {
    /// Its name.
    pub name: String,
    /// Records of the sample that have it.
    pub records: u64,
    /// Different values in the sample.
    pub values: u64,
    /// What its values are: `string`, `int`, `float`, `boolean`, `bytes`, `list` or `map`; `string` where they differ.
    pub kind: &'static str,
}

fn kind(value: Value<'_>) -> &'static str {
    match value {
        Value::Null | Value::String(_) => "string",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Bool(_) => "boolean",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Map(_) => "map",
    }
}

/// What a sample says of an attribute.
struct Seen {
    records: u64,
    values: HashSet<u64>,
    kind: &'static str,
}

impl Engine {
    /// Streams with records in the range of a scan and how much they hold, in order of labels. Only the scan's tenant,
    /// matchers and times count. Counts are exact where parts lie within the range and proportional where not.
    pub fn streams(&self, scan: &Scan<'_>) -> Vec<StreamStats> {
        let view = self.view();
        let now_ms = self.clock.now_ms();
        let mut all: BTreeMap<Labels, (u64, u64)> = BTreeMap::new();
        let matches = |labels: &Labels| scan.has_stream(labels);
        let begin = |labels: &Labels| scan.start_ns.max(self.options.oldest_ns(scan.tenant, labels, now_ms));
        for head in &view.heads {
            let begins: Vec<Option<i64>> = head
                .streams
                .iter()
                .map(|(t, labels)| (t == scan.tenant && matches(labels)).then(|| begin(labels)))
                .collect();
            let mut counts = vec![(0, 0); head.streams.len()];
            for chunk in &head.chunks {
                for row in &chunk.rows {
                    if begins[row.stream as usize].is_some_and(|b| b <= row.time_ns)
                        && row.time_ns < scan.end_ns
                    {
                        counts[row.stream as usize].0 += 1;
                        counts[row.stream as usize].1 += u64::from(row.body_bytes());
                    }
                }
            }
            for ((_, labels), (n, bytes)) in head.streams.iter().zip(counts).filter(|(_, c)| c.0 > 0) {
                let sum = all.entry(labels.clone()).or_default();
                *sum = (sum.0 + n, sum.1 + bytes);
            }
        }
        for p in view.parts.of(scan.tenant) {
            let d = &p.part.directory;
            let whole = |t: &&crate::tombstones::Tombstone| t.filters.is_empty();
            for s in d.streams.iter().filter(|s| s.rows > 0 && matches(&s.labels)) {
                let from = begin(&s.labels);
                let deleted = view
                    .tombstones
                    .of_part(&p.id, d)
                    .filter(whole)
                    .any(|t| t.start_ns <= s.min_ns && s.max_ns < t.end_ns && t.concerns(&s.labels));
                if deleted || s.max_ns < from || scan.end_ns <= s.min_ns {
                    continue;
                }
                let share = share(s.min_ns, s.max_ns, from, scan.end_ns);
                let part = |n: u64| ((n as f64 * share).round() as u64).max(1);
                let sum = all.entry(s.labels.clone()).or_default();
                *sum = (sum.0 + part(s.rows), sum.1 + part(s.bytes));
            }
        }
        all.into_iter().map(|(labels, (records, bytes))| StreamStats { labels, records, bytes }).collect()
    }

    /// Names of labels of matching streams, in order.
    pub fn label_names(&self, scan: &Scan<'_>) -> Vec<String> {
        let names = self.streams(scan);
        let set: BTreeSet<&str> = names.iter().flat_map(|s| s.labels.iter().map(|(n, _)| n)).collect();
        set.into_iter().map(str::to_owned).collect()
    }

    /// Values of a label among matching streams, in order.
    pub fn label_values(&self, name: &str, scan: &Scan<'_>) -> Vec<String> {
        let streams = self.streams(scan);
        let set: BTreeSet<&str> = streams.iter().filter_map(|s| s.labels.get(name)).collect();
        set.into_iter().map(str::to_owned).collect()
    }

    /// Attributes of the newest `sample` records that a scan asks for, by name.
    pub fn attributes(
        &self,
        scan: &Scan<'_>,
        sample: usize,
        budget: &dyn Budget,
    ) -> Result<Vec<AttributeInfo>, RecordsError> {
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
        let newest = Scan {
            direction: Direction::Backward,
            limit: Some(sample),
            wanted: Wanted { attributes: Attributes::All, ..Wanted::default() },
            ..scan.clone()
        };
        let mut bytes = Vec::new();
        self.scan(&newest, budget, &mut |block| {
            for row in 0..block.len() {
                for (name, value) in block.attributes(row).iter() {
                    bytes.clear();
                    value.encode(&mut bytes);
                    let kind = kind(value);
                    let of = match seen.get_mut(name) {
                        Some(found) => found,
                        None => seen.entry(name.to_owned()).or_insert(Seen {
                            records: 0,
                            values: HashSet::new(),
                            kind,
                        }),
                    };
                    of.records += 1;
                    of.values.insert(xxh3_64(&bytes));
                    if of.kind != kind {
                        of.kind = "string";
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        let info = |(name, of): (String, Seen)| AttributeInfo {
            name,
            records: of.records,
            values: of.values.len() as u64,
            kind: of.kind,
        };
        Ok(seen.into_iter().map(info).collect())
    }

    /// All tenants with records.
    pub fn tenants(&self) -> Vec<Tenant> {
        let view = self.view();
        let heads = view.heads.iter().flat_map(|h| h.streams.iter().map(|(t, _)| t.clone()));
        let all: BTreeSet<Tenant> = view.parts.iter().map(|p| p.id.tenant.clone()).chain(heads).collect();
        all.into_iter().collect()
    }
}

/// How much of `[min, max]` lies in `[from, end)`.
fn share(min: i64, max: i64, from: i64, end: i64) -> f64 {
    let length = (max as f64 - min as f64) + 1.0;
    let inside = (end.saturating_sub(1).min(max) as f64 - from.max(min) as f64) + 1.0;
    (inside / length).clamp(0.0, 1.0)
}
