//! Figures of the records in a bucket.

use super::number;
use super::sketch::{Digest, Distinct};
use crate::dates::write_iso;
use crate::fields::{FieldId, Kind, Rows, Scalar, Table};
use crate::hits::{Collector, SortKey};
use crate::json::of_float;
use crate::request::HitShape;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A figure.
#[derive(Debug)]
pub(super) struct Metric {
    pub figure: Figure,
    pub field: Option<FieldId>,
    pub missing: Option<f64>,
    /// Whether its values are instants in milliseconds, to be shown as dates, too.
    pub dates: bool,
}

#[derive(Debug)]
pub(super) enum Figure {
    Min(Vec<Sums>),
    Max(Vec<Sums>),
    Sum(Vec<Sums>),
    Avg(Vec<Sums>),
    Count(Vec<u64>),
    Stats(Vec<Sums>),
    /// With the number of deviations that bounds are away.
    Extended(f64, Vec<Sums>),
    Cardinality(Vec<Distinct>),
    Percentiles {
        percents: Vec<f64>,
        keyed: bool,
        digests: Vec<Digest>,
    },
    Ranks {
        values: Vec<f64>,
        keyed: bool,
        digests: Vec<Digest>,
    },
    TopHits(Box<TopHits>),
}

#[derive(Debug)]
pub(super) struct TopHits {
    pub keys: Vec<SortKey>,
    pub from: usize,
    pub size: usize,
    pub shape: HitShape,
    pub scored: bool,
    pub collectors: Vec<Collector>,
    pub counts: Vec<u64>,
}

/// What is known of some numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    count: u64,
    sum: f64,
    /// What adding lost so far (Kahan).
    lost: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Sums {
    fn add(&mut self, x: f64) {
        if self.count == 0 {
            (self.min, self.max) = (x, x);
        }
        (self.min, self.max) = (self.min.min(x), self.max.max(x));
        self.count += 1;
        let x_less = x - self.lost;
        let next = self.sum + x_less;
        self.lost = if next.is_finite() { (next - self.sum) - x_less } else { 0.0 };
        self.sum = next;
        self.squares += x * x;
    }

    fn known(&self, x: f64) -> Option<f64> {
        (self.count > 0).then_some(x)
    }

    fn avg(&self) -> Option<f64> {
        self.known(self.sum / self.count as f64)
    }

    /// Variance of all, or of a sample.
    fn variance(&self, sampled: bool) -> Option<f64> {
        let n = self.count as f64;
        let spread = (self.squares - self.sum * self.sum / n).max(0.0);
        let by = if sampled { n - 1.0 } else { n };
        (by > 0.0).then(|| spread / by)
    }
}

/// The state of a bucket, made if need be.
fn state<'s, T: Default>(states: &'s mut Vec<T>, owner: u32, taken: &mut u64) -> &'s mut T {
    let place = owner as usize;
    if states.len() <= place {
        *taken += ((place + 1 - states.len()) * std::mem::size_of::<T>()) as u64;
        states.resize_with(place + 1, T::default);
    }
    &mut states[place]
}

fn hash(value: Scalar<'_>) -> u64 {
    let of = |bytes: &[u8], seed| xxh3_64_with_seed(bytes, seed);
    match value {
        Scalar::Text(text, _) => of(text.as_bytes(), 0),
        Scalar::Int(i) => of(&(i as f64).to_bits().to_le_bytes(), 1),
        Scalar::Float(x) => of(&x.to_bits().to_le_bytes(), 1),
        Scalar::Bool(b) => of(&[u8::from(b)], 2),
        Scalar::Time(ns) => of(&ns.to_le_bytes(), 3),
    }
}

impl Metric {
    pub fn fields(&self, out: &mut Vec<FieldId>) {
        out.extend(self.field);
        if let Figure::TopHits(top) = &self.figure {
            out.extend(top.shape.fields());
        }
    }

    pub fn needs_all(&self) -> bool {
        matches!(self.figure, Figure::TopHits(_))
    }

    /// Takes rows in; gives the bytes that this took.
    pub fn collect(&mut self, rows: &Rows<'_>, matched: &[u32], owners: &[u32]) -> u64 {
        let mut taken = 0;
        let (field, missing) = (self.field, self.missing);
        let values = |row: u32, take: &mut dyn FnMut(Scalar<'_>)| {
            let Some(field) = field else { return };
            let mut any = false;
            rows.get(field, row as usize).any(&mut |value| {
                any = true;
                take(value);
                false
            });
            if let (false, Some(x)) = (any, missing) {
                take(Scalar::Float(x));
            }
        };
        let pairs = matched.iter().copied().zip(owners.iter().copied());
        match &mut self.figure {
            Figure::Min(s)
            | Figure::Max(s)
            | Figure::Sum(s)
            | Figure::Avg(s)
            | Figure::Stats(s)
            | Figure::Extended(_, s) => {
                for (row, owner) in pairs {
                    values(row, &mut |v| {
                        if let Some(x) = number(v) {
                            state(s, owner, &mut taken).add(x);
                        }
                    });
                }
            }
            Figure::Count(s) => {
                for (row, owner) in pairs {
                    values(row, &mut |_| *state(s, owner, &mut taken) += 1);
                }
            }
            Figure::Cardinality(s) => {
                for (row, owner) in pairs {
                    values(row, &mut |v| {
                        let more = state(s, owner, &mut taken).insert(hash(v));
                        taken += more;
                    });
                }
            }
            Figure::Percentiles { digests, .. } | Figure::Ranks { digests, .. } => {
                for (row, owner) in pairs {
                    values(row, &mut |v| {
                        if let Some(x) = number(v) {
                            let more = state(digests, owner, &mut taken).insert(x);
                            taken += more;
                        }
                    });
                }
            }
            Figure::TopHits(top) => {
                for (row, owner) in pairs {
                    *state(&mut top.counts, owner, &mut taken) += 1;
                    while top.collectors.len() <= owner as usize {
                        let collector = Collector::new(top.keys.clone(), top.from + top.size, None);
                        top.collectors.push(collector);
                        taken += 256;
                    }
                    let collector = &mut top.collectors[owner as usize];
                    let before = collector.bytes();
                    collector.offer(rows, row as usize);
                    taken += collector.bytes().saturating_sub(before);
                }
            }
        }
        taken
    }

    /// What an answer says of a bucket.
    pub fn answer(&mut self, owner: u32, table: &Table) -> Map<String, Json> {
        let (at, dates) = (owner as usize, self.dates);
        let sums = |s: &[Sums]| s.get(at).copied().unwrap_or_default();
        let mut out = Map::new();
        let mut value = |x: Option<f64>| {
            out.insert("value".to_owned(), x.map_or(Json::Null, of_float));
            x
        };
        let single = match &mut self.figure {
            Figure::Min(s) => value(sums(s).known(sums(s).min)),
            Figure::Max(s) => value(sums(s).known(sums(s).max)),
            Figure::Sum(s) => value(Some(sums(s).sum)),
            Figure::Avg(s) => value(sums(s).avg()),
            Figure::Count(s) => {
                out.insert("value".to_owned(), Json::from(s.get(at).copied().unwrap_or(0)));
                return out;
            }
            Figure::Cardinality(s) => {
                out.insert("value".to_owned(), Json::from(s.get(at).map_or(0, Distinct::count)));
                return out;
            }
            Figure::Percentiles { percents, keyed, digests } => {
                let of = |p: f64, digest: Option<&mut Digest>| digest.and_then(|d| d.quantile(p / 100.0));
                out.insert("values".to_owned(), points(percents, *keyed, digests.get_mut(at), of));
                return out;
            }
            Figure::Ranks { values, keyed, digests } => {
                let of =
                    |x: f64, digest: Option<&mut Digest>| digest.and_then(|d| d.rank(x)).map(|q| q * 100.0);
                out.insert("values".to_owned(), points(values, *keyed, digests.get_mut(at), of));
                return out;
            }
            Figure::TopHits(top) => return top.answer(at, table),
            Figure::Stats(s) => return stats(sums(s), dates),
            Figure::Extended(sigma, s) => {
                let (sigma, s) = (*sigma, sums(s));
                let mut out = stats(s, dates);
                extend(&mut out, s, sigma);
                return out;
            }
        };
        dated(&mut out, "value", single, dates);
        out
    }

    /// A figure by its name, for an order of buckets; `None` without one.
    pub fn figure(&mut self, owner: u32, name: &str, table: &Table) -> Option<f64> {
        let answer = self.answer(owner, table);
        let name = if name.is_empty() { "value" } else { name };
        match answer.get("values") {
            Some(values) => {
                let wanted: f64 = name.parse().ok()?;
                let values = values.as_object()?;
                values.iter().find(|(k, _)| k.parse() == Ok(wanted)).and_then(|(_, v)| v.as_f64())
            }
            None => answer.get(name).and_then(Json::as_f64),
        }
    }
}

/// Shows an instant as a date, too.
fn dated(out: &mut Map<String, Json>, key: &str, x: Option<f64>, dates: bool) {
    if let (true, Some(x)) = (dates, x) {
        out.insert(format!("{key}_as_string"), Json::String(write_iso((x * 1e6) as i64, &TimeZone::UTC)));
    }
}

fn stats(s: Sums, dates: bool) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("count".to_owned(), Json::from(s.count));
    for (key, x) in [("min", s.known(s.min)), ("max", s.known(s.max)), ("avg", s.avg()), ("sum", Some(s.sum))]
    {
        out.insert(key.to_owned(), x.map_or(Json::Null, of_float));
        dated(&mut out, key, x, dates);
    }
    out
}

fn extend(out: &mut Map<String, Json>, s: Sums, sigma: f64) {
    let float = |x: Option<f64>| x.map_or(Json::Null, of_float);
    let (all, sampled) = (s.variance(false), s.variance(true));
    let deviation = all.map(f64::sqrt);
    let sampling = sampled.map(f64::sqrt);
    let bound = |d: Option<f64>, sign: f64| float(d.zip(s.avg()).map(|(d, avg)| avg + sign * sigma * d));
    let more = json!({
        "sum_of_squares": float(s.known(s.squares)),
        "variance": float(all),
        "variance_population": float(all),
        "variance_sampling": float(sampled),
        "std_deviation": float(deviation),
        "std_deviation_population": float(deviation),
        "std_deviation_sampling": float(sampling),
        "std_deviation_bounds": {
            "upper": bound(deviation, 1.0), "lower": bound(deviation, -1.0),
            "upper_population": bound(deviation, 1.0), "lower_population": bound(deviation, -1.0),
            "upper_sampling": bound(sampling, 1.0), "lower_sampling": bound(sampling, -1.0),
        },
    });
    if let Json::Object(more) = more {
        out.extend(more);
    }
}

/// Values at some points, by name or as a list.
fn points(
    points: &[f64],
    keyed: bool,
    mut digest: Option<&mut Digest>,
    of: impl Fn(f64, Option<&mut Digest>) -> Option<f64>,
) -> Json {
    let mut each = |p: f64| of(p, digest.as_deref_mut()).map_or(Json::Null, of_float);
    match keyed {
        true => Json::Object(points.iter().map(|p| (format!("{p:?}"), each(*p))).collect()),
        false => points.iter().map(|p| json!({ "key": of_float(*p), "value": each(*p) })).collect(),
    }
}

impl TopHits {
    fn answer(&mut self, at: usize, table: &Table) -> Map<String, Json> {
        let hits = match self.collectors.get_mut(at) {
            Some(c) => std::mem::replace(c, Collector::new(Vec::new(), 0, None)).finish(self.from),
            None => Vec::new(),
        };
        let keys = (!self.scored).then_some(self.keys.as_slice());
        let shown: Vec<Json> =
            hits.iter().take(self.size).map(|h| Json::Object(self.shape.shown(h, keys, table))).collect();
        let mut out = Map::new();
        let count = self.counts.get(at).copied().unwrap_or(0);
        let score = if self.scored && !shown.is_empty() { Json::from(1.0) } else { Json::Null };
        out.insert(
            "hits".to_owned(),
            json!({ "total": { "value": count, "relation": "eq" }, "max_score": score, "hits": shown }),
        );
        out
    }
}

/// Whether values of a field are instants.
pub(super) fn is_dated(table: &Table, field: Option<FieldId>) -> bool {
    field.is_some_and(|id| table.fields[id].kind == Kind::Time)
}
