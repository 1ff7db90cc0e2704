//! Aggregations: buckets and figures over the records of a search, nested as they are asked for.
//!
//! Every node is collected block by block. Its buckets are numbered; for each row it is told into which bucket of its
//! parent the row fell, the *owner*, and it tells its children the same.

mod answer;
mod buckets;
mod metrics;
mod read;
mod sketch;

pub(crate) use answer::{BUCKETS_MAX, Writer};
pub(crate) use read::read;

use crate::dates::Format;
use crate::error::SearchError;
use crate::fields::{FieldId, Rows, Scalar};
use crate::filter::Filter;
use crate::rounding::Rounding;
use buckets::{Buckets, Key};
use jiff::tz::TimeZone;
use metrics::Metric;
use promql::Held;
use serde_json::Value as Json;

/// No bucket: what an empty one has for its children.
const NOWHERE: u32 = u32::MAX;

/// An aggregation and those in its buckets.
#[derive(Debug)]
pub(crate) struct Node {
    pub name: String,
    kind: Kind,
    children: Vec<Node>,
    meta: Option<Json>,
}

#[derive(Debug)]
enum Kind {
    Terms(Terms),
    DateHistogram(DateHistogram),
    Histogram(Histogram),
    Ranges(Ranges),
    Filters(Filters),
    /// Records without a value.
    Missing(FieldId, Buckets),
    Metric(Metric),
}

#[derive(Debug)]
struct Terms {
    field: FieldId,
    size: usize,
    min_count: u64,
    order: Vec<Order>,
    missing: Option<Key>,
    choice: Choice,
    buckets: Buckets,
}

/// Which terms have buckets.
#[derive(Debug, Default)]
struct Choice {
    include: Option<Names>,
    exclude: Option<Names>,
}

/// Which terms are meant.
#[derive(Debug)]
enum Names {
    Pattern(crate::pattern::Pattern),
    Exactly(Vec<String>),
}

/// By what buckets are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    by: By,
    descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    Count,
    Key,
    /// A child and the figure of it.
    Child(usize, String),
}

#[derive(Debug)]
struct DateHistogram {
    field: FieldId,
    rounding: Rounding,
    tz: TimeZone,
    format: Option<Format>,
    min_count: u64,
    keyed: bool,
    descending: bool,
    /// Buckets that are there even if they are empty, in nanoseconds.
    extended: Option<(i64, i64)>,
    hard: Option<(i64, i64)>,
    missing: Option<i64>,
    buckets: Buckets,
}

#[derive(Debug)]
struct Histogram {
    field: FieldId,
    interval: f64,
    offset: f64,
    min_count: u64,
    keyed: bool,
    descending: bool,
    extended: Option<(f64, f64)>,
    missing: Option<f64>,
    buckets: Buckets,
}

/// Ranges of numbers, or of dates in milliseconds.
#[derive(Debug)]
struct Ranges {
    field: FieldId,
    dates: Option<(Format, TimeZone)>,
    keyed: bool,
    ranges: Vec<OneRange>,
    buckets: Buckets,
}

#[derive(Debug)]
struct OneRange {
    key: Option<String>,
    from: Option<f64>,
    to: Option<f64>,
}

#[derive(Debug)]
struct Filters {
    /// Names, none for a list of filters.
    names: Option<Vec<String>>,
    filters: Vec<Filter>,
    /// The bucket of what passes none of them, and its name.
    other: Option<String>,
    /// One filter that is a bucket by itself.
    single: bool,
    buckets: Buckets,
}

/// Rows that fell into buckets.
#[derive(Debug, Default)]
struct Fallen {
    rows: Vec<u32>,
    owners: Vec<u32>,
}

impl Fallen {
    fn push(&mut self, row: u32, bucket: u32) {
        self.rows.push(row);
        self.owners.push(bucket);
    }
}

/// A number of a value: times are milliseconds, text that is a number counts as one.
fn number(value: Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Int(i) => Some(i as f64),
        Scalar::Float(x) => Some(x),
        Scalar::Bool(b) => Some(f64::from(u8::from(b))),
        Scalar::Time(ns) => Some(ns as f64 / 1e6),
        Scalar::Text(text, _) => match crate::filter::Number::parse(text)? {
            crate::filter::Number::Int(i) => Some(i as f64),
            crate::filter::Number::Float(x) => Some(x),
        },
    }
    .filter(|x| !x.is_nan())
}

impl Node {
    /// The fields it and its children read.
    pub fn fields(&self, out: &mut Vec<FieldId>) {
        match &self.kind {
            Kind::Terms(t) => out.push(t.field),
            Kind::DateHistogram(h) => out.push(h.field),
            Kind::Histogram(h) => out.push(h.field),
            Kind::Ranges(r) => out.push(r.field),
            Kind::Missing(field, _) => out.push(*field),
            Kind::Metric(m) => m.fields(out),
            Kind::Filters(f) => f.filters.iter().for_each(|filter| filter.fields(out)),
        }
        self.children.iter().for_each(|c| c.fields(out));
    }

    /// Whether whole records are needed.
    pub fn needs_all(&self) -> bool {
        let own = match &self.kind {
            Kind::Filters(f) => f.filters.iter().any(Filter::needs_all),
            Kind::Metric(m) => m.needs_all(),
            _ => false,
        };
        own || self.children.iter().any(Node::needs_all)
    }

    /// Takes rows in, each with the bucket of the parent it fell into.
    pub fn collect(
        &mut self,
        rows: &Rows<'_>,
        matched: &[u32],
        owners: &[u32],
        held: &mut Held,
    ) -> Result<(), SearchError> {
        if matched.is_empty() {
            return Ok(());
        }
        let mut fallen = Fallen::default();
        let mut taken = 0;
        match &mut self.kind {
            Kind::Metric(m) => {
                let taken = m.collect(rows, matched, owners);
                held.grow(taken)?;
                return Ok(());
            }
            Kind::Terms(t) => taken += t.collect(rows, matched, owners, &mut fallen),
            Kind::DateHistogram(h) => taken += h.collect(rows, matched, owners, &mut fallen),
            Kind::Histogram(h) => taken += h.collect(rows, matched, owners, &mut fallen),
            Kind::Ranges(r) => taken += r.collect(rows, matched, owners, &mut fallen),
            Kind::Filters(f) => taken += f.collect(rows, matched, owners, &mut fallen),
            Kind::Missing(field, buckets) => {
                for (row, owner) in matched.iter().zip(owners) {
                    if !rows.get(*field, *row as usize).exists() {
                        fallen.push(*row, buckets.add(*owner, Key::Whole(0), &mut taken));
                    }
                }
            }
        }
        held.grow(taken)?;
        for child in &mut self.children {
            child.collect(rows, &fallen.rows, &fallen.owners, held)?;
        }
        Ok(())
    }
}
