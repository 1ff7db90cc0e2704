//! OpenMetrics `_created` series as start times.

use super::series::{Family, Pairs, Series, SeriesError};
use super::{Entry, Format, TextParser};
use crate::limits::Limits;
use crate::wire::put_label;
use model::{METRIC_NAME, MetricKind};
use std::collections::HashMap;

const CREATED: &str = "_created";

/// The start times that an exposition states. `_created` lines come behind the samples they speak of, so they
/// are collected before the samples are read.
pub(super) struct StartTimes {
    by_point: HashMap<Vec<u8>, i64>,
}

impl StartTimes {
    /// Those in the body, `None` if there are none.
    pub fn collect(body: &[u8], limits: &Limits) -> Option<StartTimes> {
        memchr::memmem::find(body, CREATED.as_bytes())?;
        let mut by_point = HashMap::new();
        let mut parser = TextParser::without_starts(body, Format::OpenMetrics, limits);
        let mut family = String::new();
        let mut kind = MetricKind::Unknown;
        loop {
            match parser.next() {
                Ok(Some(Entry::Kind { family: f, kind: k })) => {
                    family = f.into_owned();
                    kind = k;
                }
                Ok(Some(Entry::Sample(s))) => {
                    let mut pairs = Vec::new();
                    if has_start(kind)
                        && memchr::memmem::find(s.series.raw(), CREATED.as_bytes()).is_some()
                        && s.series.pairs(&mut pairs, limits).is_ok()
                        && name_of(&pairs).strip_suffix(CREATED) == Some(&family)
                    {
                        by_point.insert(point(&family, kind, &mut pairs), (s.value * 1000.0) as i64);
                    }
                }
                Ok(Some(_)) | Err(SeriesError::Refused(_)) => {}
                // The parser that yields the entries meets the same error and reports it.
                Ok(None) | Err(SeriesError::Malformed(_)) => break,
            }
        }
        if by_point.is_empty() { None } else { Some(StartTimes { by_point }) }
    }

    /// The start time of a sample, 0 if unknown; `None` if the sample is itself a `_created` one.
    pub fn of(
        &self,
        series: &Series<'_>,
        family: Family<'_>,
        limits: &Limits,
    ) -> Result<Option<i64>, SeriesError> {
        if !has_start(family.kind) {
            return Ok(Some(0));
        }
        let mut pairs = Vec::new();
        series.pairs(&mut pairs, limits)?;
        let Some(suffix) = name_of(&pairs).strip_prefix(family.name) else { return Ok(Some(0)) };
        match suffix {
            CREATED => Ok(None),
            "" | "_total" | "_count" | "_sum" | "_bucket" => {
                let point = point(family.name, family.kind, &mut pairs);
                Ok(Some(self.by_point.get(&point).copied().unwrap_or(0)))
            }
            _ => Ok(Some(0)),
        }
    }
}

fn has_start(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Counter | MetricKind::Histogram | MetricKind::Summary)
}

fn name_of<'p>(pairs: &'p Pairs<'_>) -> &'p str {
    pairs.iter().find(|(n, _)| n == METRIC_NAME).map_or("", |(_, v)| v.as_ref())
}

/// What all series of one histogram, summary or counter share: the family and the labels less the bound.
fn point(family: &str, kind: MetricKind, pairs: &mut Pairs<'_>) -> Vec<u8> {
    let bound = match kind {
        MetricKind::Histogram => "le",
        MetricKind::Summary => "quantile",
        _ => "",
    };
    pairs.retain(|(n, _)| n != METRIC_NAME && n != bound);
    pairs.sort();
    let mut key = Vec::new();
    put_label(&mut key, METRIC_NAME.as_bytes(), family.as_bytes());
    for (n, v) in pairs {
        put_label(&mut key, n.as_bytes(), v.as_bytes());
    }
    key
}
