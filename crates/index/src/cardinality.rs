//! Where the series come from: the label names, values and metric names that have most of them.

use crate::Flaw;
use crate::index::Index;
use crate::posting::Malformed;
use crate::source::{MergedValues, NameStats, Order, Source};
use model::METRIC_NAME;
use roaring::RoaringBitmap;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Totals, and for each question the answers with the highest counts, highest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Cardinality {
    /// Series in all.
    pub series: u64,
    /// Distinct label names.
    pub label_names: u64,
    /// Distinct pairs of label name and value.
    pub label_pairs: u64,
    /// Metric names by series.
    pub by_metric: Vec<(String, u64)>,
    /// Label names by distinct values.
    pub by_values: Vec<LabelUse>,
    /// Label names by series.
    pub by_series: Vec<LabelUse>,
    /// Label names by the bytes of their distinct values.
    pub by_bytes: Vec<LabelUse>,
    /// Pairs of label name and value by series.
    pub by_pair: Vec<((String, String), u64)>,
}

/// What a label name is used for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize)]
pub struct LabelUse {
    /// The label name.
    pub name: String,
    /// Its distinct values.
    pub values: u64,
    /// Series that have it.
    pub series: u64,
    /// Bytes of its distinct values.
    pub value_bytes: u64,
}

/// The `n` entries with the highest counts.
struct Top<T> {
    n: usize,
    heap: BinaryHeap<Reverse<(u64, Reverse<T>)>>,
}

impl<T: Ord> Top<T> {
    fn new(n: usize) -> Top<T> {
        Top { n, heap: BinaryHeap::new() }
    }

    /// Whether a count would be among them; spares making the entry.
    fn takes(&self, count: u64) -> bool {
        self.n > 0 && (self.heap.len() < self.n || self.heap.peek().is_some_and(|Reverse((c, _))| count > *c))
    }

    fn push(&mut self, count: u64, entry: impl FnOnce() -> T) {
        if count > 0 && self.takes(count) {
            self.heap.push(Reverse((count, Reverse(entry()))));
            if self.heap.len() > self.n {
                self.heap.pop();
            }
        }
    }

    fn into_vec(self) -> Vec<(T, u64)> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse((count, Reverse(t)))| (t, count)).collect()
    }
}

struct Counting {
    out: Cardinality,
    by_metric: Top<String>,
    by_values: Top<LabelUse>,
    by_series: Top<LabelUse>,
    by_bytes: Top<LabelUse>,
    by_pair: Top<(String, String)>,
}

impl Index {
    /// Counts series by their labels and returns the `top` highest of each count. Walks every label value once. A
    /// damaged segment is left out until the next merge has made it anew.
    pub fn cardinality(&self, top: usize) -> Cardinality {
        let view = self.view();
        let tails: Vec<_> = view.tails().map(|t| t.read()).collect();
        let mut segments: Vec<_> = view.segments.iter().map(|s| (s, view.dead_in(s))).collect();
        loop {
            let none = RoaringBitmap::new();
            let of_segments = segments.iter().map(|(s, dead)| (&***s as &dyn Source, dead));
            let of_tails = tails.iter().map(|t| (&**t as &dyn Source, &none));
            let sources: Vec<(&dyn Source, &RoaringBitmap)> = of_segments.chain(of_tails).collect();
            match count(&sources, top) {
                Ok(mut out) => {
                    let persisted = segments.iter().map(|(s, dead)| u64::from(s.len()) - dead.len());
                    out.series = persisted.sum::<u64>() + tails.iter().map(|t| t.len() as u64).sum::<u64>();
                    return out;
                }
                // Mutable parts have no flaws; the check keeps the loop bounded all the same.
                Err((at, flaw)) if at < segments.len() => {
                    self.note(segments[at].0, flaw);
                    segments.remove(at);
                }
                Err(_) => return Cardinality::default(),
            }
        }
    }
}

fn count(sources: &[(&dyn Source, &RoaringBitmap)], top: usize) -> Result<Cardinality, (usize, Flaw)> {
    let mut names = BTreeSet::new();
    for (i, (source, _)) in sources.iter().enumerate() {
        let own: Vec<(String, NameStats)> = source.names().map_err(|f| (i, f))?;
        names.extend(own.into_iter().map(|(n, _)| n));
    }
    let mut counting = Counting {
        out: Cardinality::default(),
        by_metric: Top::new(top),
        by_values: Top::new(top),
        by_series: Top::new(top),
        by_bytes: Top::new(top),
        by_pair: Top::new(top),
    };
    for name in names {
        counting.name(sources, name)?;
    }
    let labels = |top: Top<LabelUse>| top.into_vec().into_iter().map(|(l, _)| l).collect();
    Ok(Cardinality {
        by_metric: counting.by_metric.into_vec(),
        by_values: labels(counting.by_values),
        by_series: labels(counting.by_series),
        by_bytes: labels(counting.by_bytes),
        by_pair: counting.by_pair.into_vec(),
        ..counting.out
    })
}

impl Counting {
    fn name(&mut self, sources: &[(&dyn Source, &RoaringBitmap)], name: String) -> Result<(), (usize, Flaw)> {
        let mut walks = Vec::with_capacity(sources.len());
        for (i, (source, _)) in sources.iter().enumerate() {
            walks.push(source.values(&name, "", Order::Ascending).map_err(|f| (i, f))?);
        }
        let mut values = MergedValues::new(walks)?;
        let mut usage = LabelUse { name, ..LabelUse::default() };
        while values.advance()? {
            let mut series = 0;
            for (i, posting) in values.postings() {
                let posting = posting.map_err(|f| (i, f))?;
                let dead = sources[i].1;
                let gone = if dead.is_empty() { Ok(0) } else { posting.count_in(dead) };
                let what = "not a posting".to_owned();
                series += posting.len()
                    - gone.map_err(|Malformed| (i, Flaw { section: "postings", offset: 0, what }))?;
            }
            if series == 0 {
                continue;
            }
            let value = values.value();
            usage.values += 1;
            usage.series += series;
            usage.value_bytes += value.len() as u64;
            if usage.name == METRIC_NAME {
                self.by_metric.push(series, || value.to_owned());
            }
            self.by_pair.push(series, || (usage.name.clone(), value.to_owned()));
        }
        if usage.values > 0 {
            self.out.label_names += 1;
            self.out.label_pairs += usage.values;
            self.by_values.push(usage.values, || usage.clone());
            self.by_series.push(usage.series, || usage.clone());
            self.by_bytes.push(usage.value_bytes, || usage.clone());
        }
        Ok(())
    }
}
