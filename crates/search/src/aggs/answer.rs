//! What aggregations answer.

use super::buckets::Key;
use super::metrics::{Figure, Metric};
use super::{By, DateHistogram, Filters, Histogram, Kind, NOWHERE, Node, Ranges, Terms};
use crate::dates::{MILLI_NS, write_iso};
use crate::error::SearchError;
use crate::fields::Table;
use crate::json::of_float;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};
use std::cmp::Ordering;

/// Buckets an answer may have, as at Elasticsearch.
pub(crate) const BUCKETS_MAX: usize = 65_536;

/// What answers of one search share.
pub(crate) struct Writer<'t> {
    pub table: &'t Table,
    /// Whether names tell of what kind the aggregation is.
    pub typed: bool,
    buckets: usize,
}

impl<'t> Writer<'t> {
    pub fn new(table: &'t Table, typed: bool) -> Writer<'t> {
        Writer { table, typed, buckets: 0 }
    }

    /// Answers of some nodes for a bucket.
    pub fn all(&mut self, nodes: &mut [Node], owner: u32) -> Result<Map<String, Json>, SearchError> {
        let mut out = Map::new();
        for node in nodes {
            let name = match self.typed {
                true => format!("{}#{}", node.kind.type_name(owner), node.name),
                false => node.name.clone(),
            };
            let mut answer = self.one(node, owner)?;
            if let Some(meta) = &node.meta {
                answer.insert("meta".to_owned(), meta.clone());
            }
            out.insert(name, Json::Object(answer));
        }
        Ok(out)
    }

    fn one(&mut self, node: &mut Node, owner: u32) -> Result<Map<String, Json>, SearchError> {
        let children = &mut node.children;
        match &mut node.kind {
            Kind::Metric(metric) => Ok(metric.answer(owner, self.table)),
            Kind::Terms(t) => self.terms(t, children, owner),
            Kind::DateHistogram(h) => self.date_histogram(h, children, owner),
            Kind::Histogram(h) => self.histogram(h, children, owner),
            Kind::Ranges(r) => self.ranges(r, children, owner),
            Kind::Filters(f) => self.filters(f, children, owner),
            Kind::Missing(_, buckets) => {
                let found = buckets.find(owner, &Key::Whole(0));
                self.bucket(Map::new(), found, |n| buckets.counts[n as usize], children)
            }
        }
    }

    /// A bucket with its count and its children.
    fn bucket(
        &mut self,
        mut head: Map<String, Json>,
        number: Option<u32>,
        count: impl Fn(u32) -> u64,
        children: &mut [Node],
    ) -> Result<Map<String, Json>, SearchError> {
        self.buckets += 1;
        if self.buckets > BUCKETS_MAX {
            return Err(SearchError::Refused {
                kind: "too_many_buckets_exception",
                reason: format!(
                    "Trying to create too many buckets. Must be less than or equal to: [{BUCKETS_MAX}] but was [{}]: \
                     ask for a longer interval, a smaller size or a larger min_doc_count",
                    self.buckets
                ),
            });
        }
        head.insert("doc_count".to_owned(), Json::from(number.map_or(0, count)));
        let inner = self.all(children, number.unwrap_or(NOWHERE))?;
        head.extend(inner);
        Ok(head)
    }

    fn terms(
        &mut self,
        t: &mut Terms,
        children: &mut [Node],
        owner: u32,
    ) -> Result<Map<String, Json>, SearchError> {
        let numbers: Vec<u32> = t
            .buckets
            .of(owner)
            .iter()
            .copied()
            .filter(|n| t.buckets.counts[*n as usize] >= t.min_count)
            .collect();
        let table = self.table;
        // Figures of children by order and bucket, so that each is made once.
        let mut ranked: Vec<(Vec<f64>, u32)> = Vec::with_capacity(numbers.len());
        for n in numbers {
            let figure = |order: &super::Order, children: &mut [Node]| match &order.by {
                By::Count => t.buckets.counts[n as usize] as f64,
                By::Key => 0.0,
                By::Child(place, name) => {
                    children[*place].figure(n, name, table).unwrap_or(f64::NEG_INFINITY)
                }
            };
            ranked.push((t.order.iter().map(|o| figure(o, children)).collect(), n));
        }
        let keys = &t.buckets.keys;
        let compare = |a: &(Vec<f64>, u32), b: &(Vec<f64>, u32)| {
            for (i, order) in t.order.iter().enumerate() {
                let o = match order.by {
                    By::Key => keys[a.1 as usize].order(&keys[b.1 as usize]),
                    _ => a.0[i].total_cmp(&b.0[i]),
                };
                let o = if order.descending { o.reverse() } else { o };
                if o != Ordering::Equal {
                    return o;
                }
            }
            keys[a.1 as usize].order(&keys[b.1 as usize])
        };
        if ranked.len() > t.size && t.size > 0 {
            ranked.select_nth_unstable_by(t.size - 1, compare);
        }
        let others: u64 = ranked.iter().skip(t.size).map(|(_, n)| t.buckets.counts[*n as usize]).sum();
        ranked.truncate(t.size);
        ranked.sort_by(compare);
        let mut buckets = Vec::with_capacity(ranked.len());
        for (_, n) in ranked {
            let mut head = Map::new();
            put_key(&mut head, &t.buckets.keys[n as usize], super::metrics::is_dated(table, Some(t.field)));
            let counts = &t.buckets.counts;
            buckets.push(Json::Object(self.bucket(head, Some(n), |n| counts[n as usize], children)?));
        }
        Ok(object(json!({
            "doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets,
        })))
    }

    fn date_histogram(
        &mut self,
        h: &mut DateHistogram,
        children: &mut [Node],
        owner: u32,
    ) -> Result<Map<String, Json>, SearchError> {
        let mut starts: Vec<i64> = h
            .buckets
            .of(owner)
            .iter()
            .filter_map(|n| match h.buckets.keys[*n as usize] {
                Key::Whole(start) => Some(start),
                _ => None,
            })
            .collect();
        starts.sort_unstable();
        if h.min_count == 0 {
            starts = filled(h, &starts)?;
        }
        if h.descending {
            starts.reverse();
        }
        let mut buckets = Vec::new();
        for start in starts {
            let number = h.buckets.find(owner, &Key::Whole(start));
            if number.map_or(0, |n| h.buckets.counts[n as usize]) < h.min_count {
                continue;
            }
            let text = match &h.format {
                Some(format) => format.write(start, &h.tz),
                None => write_iso(start, &h.tz),
            };
            let mut head = Map::new();
            head.insert("key_as_string".to_owned(), Json::String(text.clone()));
            head.insert("key".to_owned(), Json::from(start.div_euclid(MILLI_NS)));
            let counts = &h.buckets.counts;
            buckets.push((text, self.bucket(head, number, |n| counts[n as usize], children)?));
        }
        Ok(listed(buckets, h.keyed))
    }

    fn histogram(
        &mut self,
        h: &mut Histogram,
        children: &mut [Node],
        owner: u32,
    ) -> Result<Map<String, Json>, SearchError> {
        let place = |x: f64| ((x - h.offset) / h.interval).round();
        let mut places: Vec<f64> = h
            .buckets
            .of(owner)
            .iter()
            .filter_map(|n| match h.buckets.keys[*n as usize] {
                Key::Float(x) => Some(place(x)),
                _ => None,
            })
            .collect();
        places.sort_by(f64::total_cmp);
        if h.min_count == 0 {
            let floor = |x: f64| ((x - h.offset) / h.interval).floor();
            let extended = h.extended.map(|(min, max)| (floor(min), floor(max)));
            let low = places.first().copied().into_iter().chain(extended.map(|e| e.0)).reduce(f64::min);
            let high = places.last().copied().into_iter().chain(extended.map(|e| e.1)).reduce(f64::max);
            if let (Some(low), Some(high)) = (low, high) {
                if high - low >= BUCKETS_MAX as f64 {
                    return Err(too_many(high - low + 1.0));
                }
                places = (0..=(high - low).max(0.0) as u64).map(|i| low + i as f64).collect();
            }
        }
        if h.descending {
            places.reverse();
        }
        let mut buckets = Vec::new();
        for at in places {
            let key = at * h.interval + h.offset + 0.0;
            let number = h.buckets.find(owner, &Key::Float(key));
            if number.map_or(0, |n| h.buckets.counts[n as usize]) < h.min_count {
                continue;
            }
            let mut head = Map::new();
            head.insert("key".to_owned(), of_float(key));
            let counts = &h.buckets.counts;
            buckets.push((format!("{key:?}"), self.bucket(head, number, |n| counts[n as usize], children)?));
        }
        Ok(listed(buckets, h.keyed))
    }

    fn ranges(
        &mut self,
        r: &mut Ranges,
        children: &mut [Node],
        owner: u32,
    ) -> Result<Map<String, Json>, SearchError> {
        let mut buckets = Vec::new();
        for (place, range) in r.ranges.iter().enumerate() {
            let text = |x: f64| match &r.dates {
                Some((format, tz)) => format.write((x * 1e6) as i64, tz),
                None => format!("{x:?}"),
            };
            let shown = |x: Option<f64>| x.map_or("*".to_owned(), text);
            let key = match &range.key {
                Some(key) => key.clone(),
                None => format!("{}-{}", shown(range.from), shown(range.to)),
            };
            let mut head = Map::new();
            if !r.keyed {
                head.insert("key".to_owned(), Json::String(key.clone()));
            }
            for (name, x) in [("from", range.from), ("to", range.to)] {
                if let Some(x) = x {
                    head.insert(name.to_owned(), of_float(x));
                    if r.dates.is_some() {
                        head.insert(format!("{name}_as_string"), Json::String(text(x)));
                    }
                }
            }
            let number = r.buckets.find(owner, &Key::Whole(place as i64));
            let counts = &r.buckets.counts;
            buckets.push((key, self.bucket(head, number, |n| counts[n as usize], children)?));
        }
        Ok(listed(buckets, r.keyed))
    }

    fn filters(
        &mut self,
        f: &mut Filters,
        children: &mut [Node],
        owner: u32,
    ) -> Result<Map<String, Json>, SearchError> {
        let places = f.filters.len() + usize::from(f.other.is_some());
        let mut buckets = Vec::new();
        for place in 0..places {
            let number = f.buckets.find(owner, &Key::Whole(place as i64));
            let counts = &f.buckets.counts;
            let bucket = self.bucket(Map::new(), number, |n| counts[n as usize], children)?;
            if f.single {
                return Ok(bucket);
            }
            let name = match &f.names {
                Some(names) if place < names.len() => names[place].clone(),
                _ => f.other.clone().unwrap_or_default(),
            };
            buckets.push((name, bucket));
        }
        Ok(listed(buckets, f.names.is_some()))
    }
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// Buckets by name or as a list.
fn listed(buckets: Vec<(String, Map<String, Json>)>, keyed: bool) -> Map<String, Json> {
    let buckets = match keyed {
        true => Json::Object(buckets.into_iter().map(|(key, b)| (key, Json::Object(b))).collect()),
        false => Json::Array(buckets.into_iter().map(|(_, b)| Json::Object(b)).collect()),
    };
    object(json!({ "buckets": buckets }))
}

fn put_key(head: &mut Map<String, Json>, key: &Key, dated: bool) {
    let (key, text) = match key {
        Key::Text(text) => (Json::String(text.to_string()), None),
        Key::Whole(ms) if dated => {
            (Json::from(*ms), Some(write_iso(ms.saturating_mul(MILLI_NS), &TimeZone::UTC)))
        }
        Key::Whole(i) => (Json::from(*i), None),
        Key::Float(x) => (of_float(*x), None),
        Key::Bool(b) => (Json::from(i64::from(*b)), Some(b.to_string())),
    };
    head.insert("key".to_owned(), key);
    if let Some(text) = text {
        head.insert("key_as_string".to_owned(), Json::String(text));
    }
}

fn too_many(count: f64) -> SearchError {
    SearchError::Refused {
        kind: "too_many_buckets_exception",
        reason: format!(
            "Trying to create too many buckets. Must be less than or equal to: [{BUCKETS_MAX}] but was [{count}]: ask for a longer interval or a larger min_doc_count"
        ),
    }
}

/// Beginnings of all buckets from the first to the last, empty ones included.
fn filled(h: &mut DateHistogram, starts: &[i64]) -> Result<Vec<i64>, SearchError> {
    let first = starts.first().copied();
    let last = starts.last().copied();
    let extended = h.extended.map(|(min, max)| (h.rounding.start(min), h.rounding.start(max)));
    let low = first.into_iter().chain(extended.map(|e| e.0)).min();
    let high = last.into_iter().chain(extended.map(|e| e.1)).max();
    let (Some(low), Some(high)) = (low, high) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let mut at = low;
    while at <= high {
        all.push(at);
        if all.len() > BUCKETS_MAX {
            return Err(too_many(all.len() as f64));
        }
        at = h.rounding.next(at);
    }
    Ok(all)
}

impl Node {
    /// Makes it ready to answer, once all rows are in.
    pub fn seal(&mut self) {
        match &mut self.kind {
            Kind::Terms(t) => t.buckets.seal(),
            Kind::DateHistogram(h) => h.buckets.seal(),
            Kind::Histogram(h) => h.buckets.seal(),
            Kind::Ranges(_) | Kind::Filters(_) | Kind::Missing(..) | Kind::Metric(_) => {}
        }
        self.children.iter_mut().for_each(Node::seal);
    }

    /// A figure of a bucket: of a metric, or how many records a single bucket holds.
    fn figure(&mut self, owner: u32, name: &str, table: &Table) -> Option<f64> {
        match &mut self.kind {
            Kind::Metric(metric) => metric.figure(owner, name, table),
            Kind::Filters(f) if f.single => {
                let number = f.buckets.find(owner, &Key::Whole(0));
                Some(number.map_or(0.0, |n| f.buckets.counts[n as usize] as f64))
            }
            _ => None,
        }
    }

    /// Whether buckets can be ordered by it.
    pub(super) fn has_figure(&self) -> bool {
        match &self.kind {
            Kind::Metric(Metric { figure: Figure::TopHits(_), .. }) => false,
            Kind::Metric(_) => true,
            Kind::Filters(f) => f.single,
            _ => false,
        }
    }
}

impl Kind {
    /// As Elasticsearch calls the answer, for `typed_keys`.
    fn type_name(&self, owner: u32) -> &'static str {
        match self {
            Kind::Terms(t) => match t.buckets.of(owner).first().map(|n| &t.buckets.keys[*n as usize]) {
                Some(Key::Whole(_) | Key::Bool(_)) => "lterms",
                Some(Key::Float(_)) => "dterms",
                _ => "sterms",
            },
            Kind::DateHistogram(_) => "date_histogram",
            Kind::Histogram(_) => "histogram",
            Kind::Ranges(r) if r.dates.is_some() => "date_range",
            Kind::Ranges(_) => "range",
            Kind::Filters(f) if f.single => "filter",
            Kind::Filters(_) => "filters",
            Kind::Missing(..) => "missing",
            Kind::Metric(m) => match m.figure {
                Figure::Min(_) => "min",
                Figure::Max(_) => "max",
                Figure::Sum(_) => "sum",
                Figure::Avg(_) => "avg",
                Figure::Count(_) => "value_count",
                Figure::Stats(_) => "stats",
                Figure::Extended(..) => "extended_stats",
                Figure::Cardinality(_) => "cardinality",
                Figure::Percentiles { .. } => "tdigest_percentiles",
                Figure::Ranks { .. } => "tdigest_percentile_ranks",
                Figure::TopHits(_) => "top_hits",
            },
        }
    }
}
