//! The first records of an order.

use crate::dates::{Format, MILLI_NS, default_formats, parse};
use crate::document::Document;
use crate::error::SearchError;
use crate::fields::{FieldId, Found, Rows, Scalar, id_of};
use crate::filter::Number;
use crate::json::of_float;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use std::cmp::Ordering;
use xxhash_rust::xxh3::xxh3_64;

/// One criterion of an order.
#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    pub by: SortBy,
    pub descending: bool,
    /// Whether records without a value come first.
    pub missing_first: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum SortBy {
    /// The time, as it is shown.
    Time(TimeValue),
    /// A number that tells records of one millisecond apart.
    Doc,
    /// The same for all.
    Score,
    Field(FieldId),
}

/// How times are given as values to sort by, and taken back.
#[derive(Debug, Clone)]
pub(crate) enum TimeValue {
    Millis,
    Nanos,
    Text(Format),
}

impl TimeValue {
    /// How much of a time counts.
    fn unit_ns(&self) -> i64 {
        match self {
            TimeValue::Nanos | TimeValue::Text(Format::Iso) => 1,
            TimeValue::Millis | TimeValue::Text(Format::EpochMillis | Format::Letters(_)) => MILLI_NS,
            TimeValue::Text(Format::EpochSecond) => 1000 * MILLI_NS,
        }
    }
}

/// What a record has for a criterion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortValue {
    /// Nothing.
    Missing,
    /// An instant in Unix nanoseconds, as far as it counts.
    Time(i64),
    Number(Number),
    Text(String),
}

impl SortValue {
    fn order(&self, other: &SortValue) -> Ordering {
        match (self, other) {
            (SortValue::Time(a), SortValue::Time(b)) => a.cmp(b),
            (SortValue::Number(a), SortValue::Number(b)) => a.order(*b).unwrap_or(Ordering::Equal),
            (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            SortValue::Missing => 0,
            SortValue::Time(_) | SortValue::Number(_) => 1,
            SortValue::Text(_) => 2,
        }
    }
}

impl SortKey {
    fn order(&self, a: &SortValue, b: &SortValue) -> Ordering {
        match (a, b) {
            (SortValue::Missing, SortValue::Missing) => Ordering::Equal,
            (SortValue::Missing, _) if self.missing_first => Ordering::Less,
            (SortValue::Missing, _) => Ordering::Greater,
            (_, SortValue::Missing) => self.order(b, a).reverse(),
            _ if self.descending => b.order(a),
            _ => a.order(b),
        }
    }

    fn value(&self, rows: &Rows<'_>, row: usize) -> SortValue {
        let ns = rows.block.times_ns()[row];
        match &self.by {
            SortBy::Time(shown) => {
                SortValue::Time(ns.div_euclid(shown.unit_ns()).saturating_mul(shown.unit_ns()))
            }
            SortBy::Doc => SortValue::Number(Number::Int(doc_number(rows, row, ns))),
            SortBy::Score => SortValue::Number(Number::Int(1)),
            SortBy::Field(id) => self.of_field(&rows.get(*id, row)),
        }
    }

    /// Of several values the one that comes first counts.
    fn of_field(&self, found: &Found<'_>) -> SortValue {
        let mut best = SortValue::Missing;
        found.any(&mut |value| {
            let value = match value {
                Scalar::Text(text, _) => SortValue::Text(text.to_owned()),
                Scalar::Int(i) => SortValue::Number(Number::Int(i)),
                Scalar::Float(x) => SortValue::Number(Number::Float(x)),
                Scalar::Bool(b) => SortValue::Number(Number::Int(i64::from(b))),
                Scalar::Time(ns) => SortValue::Time(ns),
            };
            if best == SortValue::Missing || self.order(&value, &best) == Ordering::Less {
                best = value;
            }
            false
        });
        best
    }

    /// A value as an answer shows it.
    fn shown(&self, value: &SortValue) -> Json {
        match (value, &self.by) {
            (SortValue::Missing, _) => Json::Null,
            (SortValue::Time(ns), SortBy::Time(TimeValue::Text(format))) => {
                Json::String(format.write(*ns, &TimeZone::UTC))
            }
            (SortValue::Time(ns), SortBy::Time(TimeValue::Nanos)) => Json::from(*ns),
            (SortValue::Time(ns), _) => Json::from(ns.div_euclid(MILLI_NS)),
            (SortValue::Number(_), SortBy::Score) => Json::from(1.0),
            (SortValue::Number(Number::Int(i)), _) => Json::from(*i),
            (SortValue::Number(Number::Float(x)), _) => of_float(*x),
            (SortValue::Text(text), _) => Json::String(text.clone()),
        }
    }

    /// A value of `search_after`, as an answer showed it.
    pub fn read(&self, value: &Json) -> Result<SortValue, SearchError> {
        let wrong = || {
            SearchError::illegal(format!(
                "[search_after] holds {value}, which is no value of the field it belongs to"
            ))
        };
        match (value, &self.by) {
            (Json::Null, _) => Ok(SortValue::Missing),
            (Json::Number(n), SortBy::Time(TimeValue::Nanos)) => {
                n.as_i64().map(SortValue::Time).ok_or_else(wrong)
            }
            (Json::Number(n), SortBy::Time(_)) => {
                let ms = n.as_i64().or_else(|| n.as_f64().map(|x| x as i64)).ok_or_else(wrong)?;
                ms.checked_mul(MILLI_NS).map(SortValue::Time).ok_or_else(wrong)
            }
            (Json::String(text), SortBy::Time(shown)) => {
                let mut formats = default_formats();
                if let TimeValue::Text(format) = shown {
                    formats.insert(0, format.clone());
                }
                parse(text, &formats, &TimeZone::UTC, false, 0).map(SortValue::Time)
            }
            (Json::Number(n), _) => match (n.as_i64(), n.as_f64()) {
                (Some(i), _) => Ok(SortValue::Number(Number::Int(i))),
                (None, Some(x)) => Ok(SortValue::Number(Number::Float(x))),
                _ => Err(wrong()),
            },
            (Json::Bool(b), _) => Ok(SortValue::Number(Number::Int(i64::from(*b)))),
            (Json::String(text), _) => Ok(SortValue::Text(text.clone())),
            _ => Err(wrong()),
        }
    }
}

/// The nanoseconds within the millisecond, and behind them a part of the hash of the record: below 2^53, which is as far
/// as clients count exactly.
fn doc_number(rows: &Rows<'_>, row: usize, ns: i64) -> i64 {
    let hash = xxh3_64(id_of(rows.block, row).as_bytes());
    (ns.rem_euclid(MILLI_NS) << 32) | (hash >> 32) as i64
}

/// A record that may be among the first.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub values: Vec<SortValue>,
    pub document: Document,
    /// Which hit of the search it was: the order of arrival of equal ones.
    number: u64,
}

/// Keeps the first records of an order.
#[derive(Debug)]
pub(crate) struct Collector {
    keys: Vec<SortKey>,
    count: usize,
    after: Option<Vec<SortValue>>,
    kept: Vec<Hit>,
    /// The last of `count` records, once there are so many.
    worst: Option<Vec<SortValue>>,
    offered: u64,
    bytes: u64,
}

impl Collector {
    pub fn new(keys: Vec<SortKey>, count: usize, after: Option<Vec<SortValue>>) -> Collector {
        Collector { keys, count, after, kept: Vec::new(), worst: None, offered: 0, bytes: 0 }
    }

    fn order(&self, a: &[SortValue], b: &[SortValue]) -> Ordering {
        order(&self.keys, a, b)
    }

    /// Memory that records take.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes a record in if it is among the first so far.
    pub fn offer(&mut self, rows: &Rows<'_>, row: usize) {
        if self.count == 0 {
            return;
        }
        let values: Vec<SortValue> = self.keys.iter().map(|k| k.value(rows, row)).collect();
        if self.after.as_ref().is_some_and(|after| self.order(&values, after) != Ordering::Greater) {
            return;
        }
        self.offered += 1;
        if self.worst.as_ref().is_some_and(|worst| self.order(&values, worst) != Ordering::Less) {
            return;
        }
        let block = rows.block;
        let document = Document {
            time_ns: block.times_ns()[row],
            labels: block.labels().clone(),
            body: block.body(row).to_owned(),
            severity: block.severity(row),
            trace: block.trace(row),
            span: block.span(row),
            attributes: block.attributes(row).encoded().to_vec(),
            id: id_of(block, row).into_owned(),
        };
        self.bytes += document.bytes();
        self.kept.push(Hit { values, document, number: self.offered });
        if self.kept.len() >= 2 * self.count + 64 {
            self.compact();
        }
    }

    /// Whether records of this time and all behind it, in the order of the first criterion, cannot be among the first.
    pub fn is_beyond(&mut self, settled_ns: i64) -> bool {
        let Some(SortKey { by: SortBy::Time(shown), descending, .. }) = self.keys.first() else {
            return false;
        };
        let (unit, descending) = (shown.unit_ns(), *descending);
        if self.kept.len() < self.count {
            return false;
        }
        if self.worst.is_none() {
            self.compact();
        }
        let settled = settled_ns.div_euclid(unit).saturating_mul(unit);
        match self.worst.as_ref().and_then(|w| w.first()) {
            Some(SortValue::Time(worst)) if descending => settled < *worst,
            Some(SortValue::Time(worst)) => settled > *worst,
            _ => false,
        }
    }

    fn compact(&mut self) {
        let keys = &self.keys;
        self.kept.sort_by(|a, b| order(keys, &a.values, &b.values).then(a.number.cmp(&b.number)));
        self.kept.truncate(self.count);
        self.bytes = self.kept.iter().map(|h| h.document.bytes()).sum();
        self.worst =
            (self.kept.len() == self.count).then(|| self.kept.last().map(|h| h.values.clone())).flatten();
    }

    /// The first records in their order, without the first `from` of them.
    pub fn finish(mut self, from: usize) -> Vec<Hit> {
        self.compact();
        self.kept.drain(..from.min(self.kept.len()));
        self.kept
    }
}

fn order(keys: &[SortKey], a: &[SortValue], b: &[SortValue]) -> Ordering {
    keys.iter()
        .zip(a.iter().zip(b))
        .map(|(k, (a, b))| k.order(a, b))
        .find(|o| o.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// The values a hit was sorted by.
pub(crate) fn shown(keys: &[SortKey], hit: &Hit) -> Json {
    Json::Array(keys.iter().zip(&hit.values).map(|(k, v)| k.shown(v)).collect())
}
