//! From points to samples.

use super::Taken;
use super::delta::Totals;
use super::labels::{Base, Names, Pair, Rank, Text, attribute};
use super::options::Options;
use super::point::{Point, to_ms};
use super::sparse::Sparse;
use crate::limits::{Limits, cut, within};
use crate::resolve::exemplar_labels;
use crate::wire::{FIXED64, LEN, Reader, Wire};
use model::record::{SpanId, TraceId};
use model::{
    AppendError, Appender, Counts, Exemplar, Histogram, Metadata, MetricKind, ResetHint, SeriesRef, stale_nan,
};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Labels of an exemplar.
type Pairs = Vec<(String, String)>;

/// Families whose metadata is remembered within a request, forgetting some.
const DESCRIBED: usize = 256;
/// Buckets of a sum of deltas, which may spread further than each of them.
const TOTAL_BUCKETS_MAX: usize = 1024;

/// A metric as its series are called.
pub(super) struct Family {
    pub name: String,
    pub kind: MetricKind,
    pub help: String,
    pub unit: String,
    /// Whether its points are changes since the point before.
    pub is_delta: bool,
    /// Whether it only grows.
    pub grows: bool,
}

impl Family {
    fn part(&self, suffix: &str) -> String {
        [&self.name, suffix].concat()
    }

    fn invalid(&self, reason: impl Into<String>) -> AppendError {
        AppendError::Invalid { series: self.name.clone(), reason: reason.into() }
    }
}

/// Where the points of one metric go, and what is kept from point to point.
pub(super) struct Writer<'a, 'b, A: ?Sized> {
    pub limits: &'b Limits,
    pub options: &'b Options,
    out: &'b mut A,
    pub totals: Option<&'b mut dyn Totals>,
    pub taken: Taken,
    pub names: Names<'a, 'b>,
    pub point: Point<'a>,
    /// Labels that all points have, of the resource and the scope.
    pub given: Vec<Pair<'a>>,
    base: Base,
    refs: Vec<SeriesRef>,
    /// Bounds of the histogram before, and how they are written.
    written: (Vec<f64>, Vec<String>),
    described: Vec<u64>,
    /// Times of the first and the last point of the resource, and how many there were.
    pub span: Option<(i64, i64, i64)>,
}

impl<'a, 'b, A: Appender + ?Sized> Writer<'a, 'b, A> {
    pub fn new(
        options: &'b Options,
        limits: &'b Limits,
        totals: Option<&'b mut dyn Totals>,
        out: &'b mut A,
    ) -> Self {
        Writer {
            limits,
            options,
            out,
            totals,
            taken: Taken::default(),
            names: Names::new(options),
            point: Point::default(),
            given: Vec::new(),
            base: Base::default(),
            refs: Vec::new(),
            written: Default::default(),
            described: vec![0; DESCRIBED],
            span: None,
        }
    }

    /// Counts what became of the point that was read last.
    pub fn done(&mut self, family: &Family, done: Result<(), AppendError>) -> bool {
        let time_ms = self.point.time_ms().unwrap_or(0);
        if let Err(e) = done {
            self.taken.outcome.reject(1, e);
            return false;
        }
        self.taken.points += 1;
        let (first, last, points) = self.span.unwrap_or((time_ms, time_ms, 0));
        self.span = Some((first.min(time_ms), last.max(time_ms), points + 1));
        self.describe(&family.name, family.kind, &family.help, &family.unit);
        true
    }

    /// Hands on metadata. Most senders repeat it with every point of every resource.
    pub fn describe(&mut self, name: &str, kind: MetricKind, help: &str, unit: &str) {
        let mut hasher = DefaultHasher::new();
        (name, kind, help, unit).hash(&mut hasher);
        // The last bit is set so that no slot is empty.
        let hash = hasher.finish() | 1;
        let slot = &mut self.described[(hash >> 1) as usize % DESCRIBED];
        if std::mem::replace(slot, hash) == hash {
            return;
        }
        let text = |t: &str| cut(t, self.limits.metadata_bytes_max).to_owned();
        let metadata = Metadata { kind, help: text(help), unit: text(unit) };
        if self.out.metadata(name, metadata).is_ok() {
            self.taken.outcome.metadata += 1;
        }
    }

    /// The time of the point that was read last, with its labels made ready.
    fn begin(&mut self, family: &Family) -> Result<i64, AppendError> {
        self.point.attributes.check(self.limits, &family.name)?;
        let time_ms = self.point.time_ms();
        let time_ms = time_ms.ok_or_else(|| family.invalid("a point has no time (timeUnixNano)"))?;
        let pairs = &mut self.point.attributes.pairs;
        pairs.extend(self.given.iter().cloned());
        self.base.set(pairs);
        self.refs.clear();
        Ok(time_ms)
    }

    fn resolve(&mut self, name: &str, more: Option<(&str, &str)>) -> Result<(), AppendError> {
        let series = self.base.resolve(name, more, self.limits, self.out)?;
        self.refs.push(series);
        Ok(())
    }

    /// A gauge or a sum.
    pub fn number(&mut self, family: &Family) -> Result<(), AppendError> {
        let time_ms = self.begin(family)?;
        self.resolve(&family.name, None)?;
        let value = match (self.point.value, self.point.is_stale()) {
            (_, true) => stale_nan(),
            (Some(value), false) => value,
            (None, false) => return Err(family.invalid("a point has neither asDouble nor asInt")),
        };
        let start_ms = if family.grows { self.point.start_ms() } else { 0 };
        self.put(family, self.refs[0], time_ms, value, start_ms)
    }

    /// A histogram with bounds, as classic series or as one with custom buckets.
    pub fn histogram(&mut self, family: &Family) -> Result<(), AppendError> {
        let time_ms = self.begin(family)?;
        self.check_bounds(family)?;
        if self.options.custom_buckets {
            self.resolve(&family.name, None)?;
            let p = &self.point;
            let h = Sparse::of_bounds(&p.bounds, &p.counts, p.count, p.sum.unwrap_or(0.0));
            return self.put_histogram(family, time_ms, h);
        }
        self.write_bounds();
        self.resolve(&family.part("_count"), None)?;
        if self.point.sum.is_some() {
            self.resolve(&family.part("_sum"), None)?;
        }
        let bucket = family.part("_bucket");
        let written = std::mem::take(&mut self.written);
        let all = written.1.iter().map(String::as_str).chain(["+Inf"]);
        let resolved = all.into_iter().try_for_each(|le| self.resolve(&bucket, Some(("le", le))));
        self.written = written;
        resolved?;
        let p = &self.point;
        let (stale, start_ms, count) = (p.is_stale(), p.start_ms(), p.count as f64);
        let head = [Some(count), p.sum];
        let mut cumulative = 0u64;
        let buckets: Vec<f64> = (0..p.bounds.len())
            .map(|i| {
                cumulative = cumulative.saturating_add(p.counts.get(i).copied().unwrap_or(0));
                cumulative as f64
            })
            .collect();
        let values = head.into_iter().flatten().chain(buckets).chain([count]);
        for (at, value) in values.enumerate() {
            let value = if stale { stale_nan() } else { value };
            self.put(family, self.refs[at], time_ms, value, start_ms)?;
        }
        Ok(())
    }

    fn check_bounds(&self, family: &Family) -> Result<(), AppendError> {
        let p = &self.point;
        let (bounds, counts) = (p.bounds.len(), p.counts.len());
        within(
            bounds.max(counts) as u64,
            self.limits.histogram_buckets_max,
            "ingest.limits.histogram_buckets_max",
            || format!("the number of buckets of a histogram of {}", family.name),
        )
        .map_err(AppendError::Limit)?;
        if p.bounds.iter().any(|b| !b.is_finite()) || p.bounds.windows(2).any(|w| w[0] >= w[1]) {
            return Err(family.invalid("the bounds of a histogram must be finite and ascend"));
        }
        // A point without a value has no counts, and one may have only a count and a sum.
        let is_bare = counts == 0 && (bounds == 0 || p.is_stale());
        if counts != bounds + 1 && !is_bare {
            return Err(family.invalid(format!(
                "a histogram has {counts} counts for {bounds} bounds; there must be one count more than bounds"
            )));
        }
        Ok(())
    }

    /// Writes the bounds as text, unless they are those of the point before.
    fn write_bounds(&mut self) {
        if self.written.0 != self.point.bounds {
            self.written.0.clone_from(&self.point.bounds);
            self.written.1 = self.point.bounds.iter().map(f64::to_string).collect();
        }
    }

    /// An exponential histogram, as a native one.
    pub fn exponential(&mut self, family: &Family) -> Wire<Result<(), AppendError>> {
        let time_ms = match self.begin(family) {
            Ok(time_ms) => time_ms,
            Err(e) => return Ok(Err(e)),
        };
        let made = Sparse::of_exponential(&self.point.exponential)?;
        Ok(made
            .map_err(|reason| family.invalid(reason))
            .and_then(|h| self.resolve(&family.name, None).map(|()| h))
            .and_then(|h| self.put_histogram(family, time_ms, h)))
    }

    /// A summary, as series by quantile.
    pub fn summary(&mut self, family: &Family) -> Result<(), AppendError> {
        let time_ms = self.begin(family)?;
        within(
            self.point.quantiles.len() as u64,
            self.limits.histogram_buckets_max,
            "ingest.limits.histogram_buckets_max",
            || format!("the number of quantiles of {}", family.name),
        )
        .map_err(AppendError::Limit)?;
        self.resolve(&family.part("_count"), None)?;
        self.resolve(&family.part("_sum"), None)?;
        for i in 0..self.point.quantiles.len() {
            let quantile = self.point.quantiles[i].0.to_string();
            self.resolve(&family.name, Some(("quantile", &quantile)))?;
        }
        let (stale, start_ms) = (self.point.is_stale(), self.point.start_ms());
        let head = [self.point.count as f64, self.point.sum.unwrap_or(0.0)];
        for at in 0..self.refs.len() {
            let value = head.get(at).copied().unwrap_or_else(|| self.point.quantiles[at - head.len()].1);
            let value = if stale { stale_nan() } else { value };
            // Quantiles are of a moment and do not count since a start.
            let start_ms = if at < head.len() { start_ms } else { 0 };
            self.put(family, self.refs[at], time_ms, value, start_ms)?;
        }
        Ok(())
    }

    /// One sample of a number; a delta is added to what there was.
    fn put(
        &mut self,
        family: &Family,
        series: SeriesRef,
        time_ms: i64,
        value: f64,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        match self.totals.as_deref_mut().filter(|_| family.is_delta && !self.point.is_stale()) {
            None => self.out.sample(series, time_ms, value, start_ms)?,
            Some(totals) => {
                let reason = match value {
                    v if !v.is_finite() => Some(format!("a delta of {v} cannot be added up")),
                    v if family.grows && v < 0.0 => Some(format!("it only grows, and changes by {v}")),
                    _ => None,
                };
                if let Some(reason) = reason {
                    return Err(AppendError::Invalid { series: self.base.show(), reason });
                }
                let total = totals.number(series).map_err(AppendError::Limit)?;
                let before = total.clone();
                total
                    .take(self.point.interval, |sum| *sum += value)
                    .map_err(|reason| AppendError::Invalid { series: self.base.show(), reason })?;
                let (time_ms, value, since_ms) = total.newest();
                let start_ms = if start_ms == 0 { 0 } else { since_ms };
                if let Err(e) = self.out.sample(series, time_ms, *value, start_ms) {
                    *total = before;
                    return Err(e);
                }
            }
        }
        self.taken.outcome.samples += 1;
        Ok(())
    }

    /// One sample of a native histogram, of the series that was resolved.
    fn put_histogram(&mut self, family: &Family, time_ms: i64, h: Sparse) -> Result<(), AppendError> {
        let series = self.refs[0];
        within(
            h.buckets() as u64,
            self.limits.histogram_buckets_max,
            "ingest.limits.histogram_buckets_max",
            || format!("the number of buckets of a histogram of series {}", self.base.show()),
        )
        .map_err(AppendError::Limit)?;
        let start_ms = self.point.start_ms();
        if self.point.is_stale() {
            self.out.histogram(series, time_ms, no_histogram(), start_ms)?;
            self.taken.outcome.histograms += 1;
            return Ok(());
        }
        let wrong = |reason: String| AppendError::Invalid { series: self.base.show(), reason };
        let made = h.to_model();
        made.check().map_err(|e| wrong(e.to_string()))?;
        match self.totals.as_deref_mut().filter(|_| family.is_delta) {
            None => self.out.histogram(series, time_ms, made, start_ms)?,
            Some(totals) => {
                if !made.sum.is_finite() {
                    return Err(wrong(format!("a delta with the sum {} cannot be added up", made.sum)));
                }
                let total = totals.histogram(series).map_err(AppendError::Limit)?;
                let before = total.clone();
                let add = |sum: &mut Option<Sparse>| match sum {
                    Some(sum) => {
                        sum.add(&h);
                        sum.fit(TOTAL_BUCKETS_MAX);
                    }
                    None => *sum = Some(h),
                };
                total.take(self.point.interval, add).map_err(wrong)?;
                let (time_ms, sum, since_ms) = total.newest();
                let sum = sum.as_ref().map_or(made, Sparse::to_model);
                if let Err(e) = self.out.histogram(series, time_ms, sum, since_ms) {
                    *total = before;
                    return Err(e);
                }
            }
        }
        self.taken.outcome.histograms += 1;
        Ok(())
    }

    /// Exemplars of the point that was read last: with the bucket they fall in, else with the series.
    pub fn exemplars(&mut self, field: u32, whole: &Reader<'a>) -> Wire<()> {
        let mut r = whole.clone();
        while let Some((found, wire)) = r.tag()? {
            if (found, wire) != (field, LEN) {
                r.skip(wire)?;
                continue;
            }
            let (value, time_ms, pairs) = self.exemplar(r.message()?)?;
            let Some(value) = value else {
                self.taken.outcome.reject_exemplar("an exemplar has neither asDouble nor asInt");
                continue;
            };
            let time_ms = if time_ms == 0 { self.point.time_ms().unwrap_or(0) } else { time_ms };
            // Buckets are the last of what was resolved, +Inf the very last.
            let buckets = self.point.bounds.len() + 1;
            let at = match self.refs.len() {
                one @ ..=1 => one.saturating_sub(1),
                all => all - buckets + self.point.bounds.partition_point(|b| *b < value),
            };
            let Some(series) = self.refs.get(at).copied() else { continue };
            let done = exemplar_labels(&pairs, self.limits).and_then(|labels| {
                self.out.exemplar(series, Exemplar { labels, value, time_ms }).map_err(|e| e.to_string())
            });
            match done {
                Ok(()) => self.taken.outcome.exemplars += 1,
                Err(e) => self.taken.outcome.reject_exemplar(e),
            }
        }
        Ok(())
    }

    /// An exemplar's value, time and labels. Attributes are left out where there is no room for them.
    fn exemplar(&mut self, mut r: Reader<'a>) -> Wire<(Option<f64>, i64, Pairs)> {
        let (mut value, mut time_ms) = (None, 0);
        let (mut ids, mut others) = (Pairs::new(), Pairs::new());
        let mut bytes = 0u64;
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (2, FIXED64) => time_ms = to_ms(r.fixed64()?),
                (3, FIXED64) => value = Some(r.double()?),
                (6, FIXED64) => value = Some(r.fixed64()? as i64 as f64),
                (4, LEN) => {
                    if let Some(id) = r.bytes()?.try_into().ok().map(SpanId).filter(|id| !id.is_none()) {
                        ids.push(("span_id".to_owned(), id.to_string()));
                    }
                }
                (5, LEN) => {
                    if let Some(id) = r.bytes()?.try_into().ok().map(TraceId).filter(|id| !id.is_none()) {
                        ids.push(("trace_id".to_owned(), id.to_string()));
                    }
                }
                (7, LEN) => {
                    let (sent, text) = attribute(r.message()?)?;
                    let text = text.unwrap_or(Text::Sent(""));
                    bytes += (sent.len() + text.len()) as u64;
                    if bytes <= self.limits.exemplar_labels_bytes_max
                        && let Ok(name) = self.names.of(sent)
                    {
                        others.push((name.to_string(), text.to_string()));
                    }
                }
                (2..=7, w) => return Err(r.error(format!("field {field} of an exemplar has wire type {w}"))),
                _ => r.skip(wire)?,
            }
        }
        let of_ids: usize = ids.iter().map(|(n, v)| n.len() + v.len()).sum();
        if bytes + of_ids as u64 <= self.limits.exemplar_labels_bytes_max {
            others.retain(|(n, _)| ids.iter().all(|(id, _)| id != n));
            ids.append(&mut others);
        }
        Ok((value, time_ms, ids))
    }

    /// `target_info` of a resource, from its first point to its last.
    pub fn target_info(&mut self, pairs: &mut [Pair<'a>]) -> Result<(), AppendError> {
        let Some((first_ms, last_ms, points)) = self.span else { return Ok(()) };
        self.base.set(pairs);
        let series = self.base.resolve("target_info", None, self.limits, self.out)?;
        // No more samples than there are points, however far apart they are.
        let every_ms = self.options.target_info_every_ms.max((last_ms - first_ms) / points).max(1);
        let mut time_ms = first_ms;
        loop {
            self.out.sample(series, time_ms, 1.0, 0)?;
            self.taken.outcome.samples += 1;
            if time_ms >= last_ms {
                break;
            }
            time_ms = time_ms.saturating_add(every_ms).min(last_ms);
        }
        self.describe("target_info", MetricKind::Gauge, "Target metadata", "");
        Ok(())
    }

    /// A label that all points of a resource or scope have.
    pub fn give(&mut self, name: &str, value: Text<'a>) {
        if !value.is_empty() {
            self.given.push(Pair { name: name.into(), rank: Rank::Given, sent: b"", value });
        }
    }
}

/// The mark that a histogram has no value any more.
fn no_histogram() -> Histogram {
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 0,
        zero_threshold: 0.0,
        sum: stale_nan(),
        positive_spans: Vec::new(),
        negative_spans: Vec::new(),
        custom_bounds: Vec::new(),
        counts: Counts::Integer { count: 0, zero: 0, positive: Vec::new(), negative: Vec::new() },
    }
}
