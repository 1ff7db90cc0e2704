//! Delimited `io.prometheus.client.MetricFamily` messages: the only exposition that carries native histograms.

use super::number;
use super::series::{Form, Pairs, Series, SeriesError};
use super::{Entry, HistogramSample, Sample};
use crate::histogram::{Parts, keep};
use crate::limits::{Limits, within};
use crate::resolve::{exemplar_labels, show};
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, put_label, zigzag};
use model::{AppendError, Exemplar, METRIC_NAME, MetricKind, ResetHint};
use std::borrow::Cow;
use std::collections::VecDeque;

const WHAT: &str = "protobuf exposition";

/// Yields the entries of a protobuf exposition.
pub struct ProtobufParser<'a> {
    body: Reader<'a>,
    classic: bool,
    limits: &'a Limits,
    family: Family<'a>,
    /// Metrics of the family not yet read.
    metrics: Reader<'a>,
    /// Entries read but not yet yielded; those of one metric at most.
    ready: VecDeque<Entry<'a>>,
}

#[derive(Clone, Copy, Default)]
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    unit: &'a str,
    kind: u64,
}

/// The `MetricType` enumeration.
mod kind {
    pub const COUNTER: u64 = 0;
    pub const GAUGE: u64 = 1;
    pub const SUMMARY: u64 = 2;
    pub const HISTOGRAM: u64 = 4;
    pub const GAUGE_HISTOGRAM: u64 = 5;
}

type Label<'a> = (&'a str, &'a str);

/// One metric: its labels and its times.
struct Metric<'a> {
    labels: Vec<Label<'a>>,
    time_ms: Option<i64>,
    value: Option<Reader<'a>>,
    value_field: u32,
}

impl<'a> ProtobufParser<'a> {
    /// A parser of `body`; `classic` also yields the classic series of histograms that have native buckets.
    pub fn new(body: &'a [u8], classic: bool, limits: &'a Limits) -> Self {
        let body = Reader::new(body, 0);
        let metrics = Reader::new(&[], 0);
        ProtobufParser { body, classic, limits, family: Family::default(), metrics, ready: VecDeque::new() }
    }

    /// The next entry, `None` at the end; errors as [`super::Parser::next`].
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, SeriesError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            match self.advance() {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return Ok(None),
                Ok(Err(refused)) => return Err(refused.into()),
                Err(e) => {
                    self.body = Reader::new(&[], 0);
                    self.metrics = Reader::new(&[], 0);
                    return Err(e.within(WHAT).into());
                }
            }
        }
    }

    /// Reads the next metric or family; false at the end.
    fn advance(&mut self) -> Wire<Result<bool, AppendError>> {
        while let Some((field, wire)) = self.metrics.tag()? {
            if field != 4 {
                self.metrics.skip(wire)?;
                continue;
            }
            self.metrics.expect(field, wire, LEN)?;
            let metric = self.metrics.message()?;
            return Ok(self.metric(metric)?.map(|()| true));
        }
        if self.body.is_empty() {
            return Ok(Ok(false));
        }
        let message = self.body.message()?;
        self.begin_family(message)?;
        Ok(Ok(true))
    }

    fn begin_family(&mut self, message: Reader<'a>) -> Wire<()> {
        let mut family = Family::default();
        let mut r = message.clone();
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, LEN) => family.name = r.str()?,
                (2, LEN) => family.help = r.str()?,
                (3, VARINT) => family.kind = r.varint()?,
                (5, LEN) => family.unit = r.str()?,
                _ => r.skip(wire)?,
            }
        }
        if family.name.is_empty() {
            return Err(message.error("a metric family has no name"));
        }
        let name = Cow::Borrowed(family.name);
        let kind = match family.kind {
            kind::COUNTER => MetricKind::Counter,
            kind::GAUGE => MetricKind::Gauge,
            kind::SUMMARY => MetricKind::Summary,
            kind::HISTOGRAM => MetricKind::Histogram,
            kind::GAUGE_HISTOGRAM => MetricKind::GaugeHistogram,
            _ => MetricKind::Unknown,
        };
        self.ready.push_back(Entry::Kind { family: name.clone(), kind });
        if !family.help.is_empty() {
            self.ready.push_back(Entry::Help { family: name.clone(), text: Cow::Borrowed(family.help) });
        }
        if !family.unit.is_empty() {
            self.ready.push_back(Entry::Unit { family: name, unit: Cow::Borrowed(family.unit) });
        }
        self.family = family;
        self.metrics = message;
        Ok(())
    }

    fn metric(&mut self, mut r: Reader<'a>) -> Wire<Result<(), AppendError>> {
        let mut m = Metric { labels: Vec::new(), time_ms: None, value: None, value_field: 0 };
        let mut count = 0;
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, LEN) => {
                    count += 1;
                    let label = read_label(r.message()?)?;
                    if count <= self.limits.labels_per_series_max {
                        m.labels.push(label);
                    }
                }
                (2..=5 | 7, LEN) => {
                    m.value_field = field;
                    m.value = Some(r.message()?);
                }
                (6, VARINT) => m.time_ms = Some(r.varint()? as i64).filter(|t| *t != 0),
                (1..=7, w) => return Err(r.error(format!("field {field} of a metric has wire type {w}"))),
                _ => r.skip(wire)?,
            }
        }
        let over =
            within(count, self.limits.labels_per_series_max, "ingest.limits.labels_per_series_max", || {
                format!("the number of labels of series {}{}", self.family.name, show(&m.labels))
            });
        if let Err(limit) = over {
            return Ok(Err(AppendError::Limit(limit)));
        }
        let value = m.value.take().unwrap_or_else(|| Reader::new(&[], r.position()));
        // Quantiles and classic buckets are both field 3. Each becomes an entry, and an entry is much larger.
        let bounds = if matches!(m.value_field, 4 | 7) { count_field(value.clone(), 3)? } else { 0 };
        let over =
            within(bounds, self.limits.histogram_buckets_max, "ingest.limits.histogram_buckets_max", || {
                format!("the number of buckets or quantiles of {}{}", self.family.name, show(&m.labels))
            });
        if let Err(limit) = over {
            return Ok(Err(AppendError::Limit(limit)));
        }
        match m.value_field {
            3 => self.counter(&m, value)?,
            4 => self.summary(&m, value)?,
            7 => self.histogram(&m, value)?,
            _ => self.gauge(&m, value)?,
        }
        Ok(Ok(()))
    }

    fn gauge(&mut self, m: &Metric<'a>, mut r: Reader<'a>) -> Wire<()> {
        let mut value = 0.0;
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, FIXED64) => value = r.double()?,
                _ => r.skip(wire)?,
            }
        }
        self.sample(m, "", None, value, 0, None);
        Ok(())
    }

    fn counter(&mut self, m: &Metric<'a>, mut r: Reader<'a>) -> Wire<()> {
        let (mut value, mut start_ms, mut exemplar) = (0.0, 0, None);
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, FIXED64) => value = r.double()?,
                (2, LEN) => exemplar = Some(read_exemplar(r.message()?, self.limits)?),
                (3, LEN) => start_ms = read_timestamp(r.message()?)?,
                _ => r.skip(wire)?,
            }
        }
        self.sample(m, "", None, value, start_ms, exemplar);
        Ok(())
    }

    fn summary(&mut self, m: &Metric<'a>, r: Reader<'a>) -> Wire<()> {
        let (mut count, mut sum, mut start_ms) = (0, 0.0, 0);
        let mut fields = r.clone();
        while let Some((field, wire)) = fields.tag()? {
            match (field, wire) {
                (1, VARINT) => count = fields.varint()?,
                (2, FIXED64) => sum = fields.double()?,
                (4, LEN) => start_ms = read_timestamp(fields.message()?)?,
                _ => fields.skip(wire)?,
            }
        }
        self.sample(m, "_count", None, count as f64, start_ms, None);
        self.sample(m, "_sum", None, sum, start_ms, None);
        let mut fields = r;
        while let Some((field, wire)) = fields.tag()? {
            if (field, wire) != (3, LEN) {
                fields.skip(wire)?;
                continue;
            }
            let (mut quantile, mut value) = (0.0, 0.0);
            let mut q = fields.message()?;
            while let Some((field, wire)) = q.tag()? {
                match (field, wire) {
                    (1, FIXED64) => quantile = q.double()?,
                    (2, FIXED64) => value = q.double()?,
                    _ => q.skip(wire)?,
                }
            }
            self.sample(m, "", Some(("quantile", quantile)), value, start_ms, None);
        }
        Ok(())
    }

    fn histogram(&mut self, m: &Metric<'a>, r: Reader<'a>) -> Wire<()> {
        let h = Sent::read(r.clone(), self.limits)?;
        let native = h.is_native();
        if !native || self.classic {
            self.classic_series(m, &h, r.clone())?;
        }
        if !native {
            return Ok(());
        }
        let mut exemplars = h.exemplars;
        if exemplars.is_empty() {
            exemplars = self.bucket_exemplars(r)?;
        }
        let mut parts = h.parts;
        parts.reset_hint =
            if self.family.kind == kind::GAUGE_HISTOGRAM { ResetHint::Gauge } else { ResetHint::Unknown };
        let series = self.series(m, "", None);
        let name = || format!("{}{}", self.family.name, show(&m.labels));
        let histogram = parts.finish(self.limits, name);
        let (time_ms, start_ms) = (m.time_ms, h.start_ms);
        self.ready.push_back(Entry::Histogram(HistogramSample {
            series,
            histogram,
            time_ms,
            start_ms,
            exemplars,
        }));
        Ok(())
    }

    fn classic_series(&mut self, m: &Metric<'a>, h: &Sent, mut r: Reader<'a>) -> Wire<()> {
        self.sample(m, "_count", None, h.count(), h.start_ms, None);
        self.sample(m, "_sum", None, h.parts.sum, h.start_ms, None);
        let mut infinite = false;
        while let Some((field, wire)) = r.tag()? {
            if (field, wire) != (3, LEN) {
                r.skip(wire)?;
                continue;
            }
            let b = Bucket::read(r.message()?, self.limits)?;
            infinite |= b.bound == f64::INFINITY;
            self.sample(m, "_bucket", Some(("le", b.bound)), b.count(), h.start_ms, b.exemplar);
        }
        if !infinite {
            self.sample(m, "_bucket", Some(("le", f64::INFINITY)), h.count(), h.start_ms, None);
        }
        Ok(())
    }

    fn bucket_exemplars(&self, mut r: Reader<'a>) -> Wire<Vec<Result<Exemplar, AppendError>>> {
        let mut out = Vec::new();
        while let Some((field, wire)) = r.tag()? {
            if (field, wire) == (3, LEN) {
                let bucket = Bucket::read(r.message()?, self.limits)?;
                if let Some(e) = bucket.exemplar {
                    keep(&mut out, e);
                }
            } else {
                r.skip(wire)?;
            }
        }
        Ok(out)
    }

    fn sample(
        &mut self,
        m: &Metric<'a>,
        suffix: &str,
        bound: Option<(&'static str, f64)>,
        value: f64,
        start_ms: i64,
        exemplar: Option<Result<Exemplar, AppendError>>,
    ) {
        let series = self.series(m, suffix, bound);
        let time_ms = m.time_ms;
        self.ready.push_back(Entry::Sample(Sample { series, value, time_ms, start_ms, exemplar }));
    }

    fn series(&self, m: &Metric<'a>, suffix: &str, bound: Option<(&'static str, f64)>) -> Series<'a> {
        let name = if suffix.is_empty() {
            Cow::Borrowed(self.family.name)
        } else {
            Cow::Owned(format!("{}{suffix}", self.family.name))
        };
        let mut pairs: Pairs<'a> = Vec::with_capacity(m.labels.len() + 2);
        pairs.push((Cow::Borrowed(METRIC_NAME), name));
        pairs.extend(m.labels.iter().map(|(n, v)| (Cow::Borrowed(*n), Cow::Borrowed(*v))));
        if let Some((name, bound)) = bound {
            pairs.push((Cow::Borrowed(name), Cow::Owned(number::canonical(bound))));
        }
        let mut raw = Vec::new();
        for (n, v) in &pairs {
            put_label(&mut raw, n.as_bytes(), v.as_bytes());
        }
        Series { raw: Cow::Owned(raw), form: Form::Pairs(pairs) }
    }
}

/// A `Histogram` message, its classic buckets left aside.
#[derive(Default)]
struct Sent {
    parts: Parts,
    start_ms: i64,
    exemplars: Vec<Result<Exemplar, AppendError>>,
}

impl Sent {
    fn read(mut r: Reader<'_>, limits: &Limits) -> Wire<Sent> {
        let mut s = Sent::default();
        let p = &mut s.parts;
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, VARINT) => p.count_int = r.varint()?,
                (2, FIXED64) => p.sum = r.double()?,
                (4, FIXED64) => p.count_float = Some(r.double()?).filter(|c| *c > 0.0),
                (5, VARINT) => p.schema = zigzag(r.varint()?) as i32,
                (6, FIXED64) => p.zero_threshold = r.double()?,
                (7, VARINT) => p.zero_int = r.varint()?,
                (8, FIXED64) => p.zero_float = r.double()?,
                (9, _) => p.negative.span(&mut r, field, wire)?,
                (10, _) => p.negative.delta(&mut r, field, wire)?,
                (11, _) => p.negative.count(&mut r, field, wire)?,
                (12, _) => p.positive.span(&mut r, field, wire)?,
                (13, _) => p.positive.delta(&mut r, field, wire)?,
                (14, _) => p.positive.count(&mut r, field, wire)?,
                (15, LEN) => s.start_ms = read_timestamp(r.message()?)?,
                (16, LEN) => keep(&mut s.exemplars, read_exemplar(r.message()?, limits)?),
                (1 | 2 | 4..=8 | 15 | 16, w) => {
                    return Err(r.error(format!("field {field} of a histogram has wire type {w}")));
                }
                _ => r.skip(wire)?,
            }
        }
        if p.zero_float > 0.0 && p.count_float.is_none() {
            p.count_float = Some(0.0);
        }
        Ok(s)
    }

    /// A native histogram without observations still says so by a zero threshold or an empty span.
    fn is_native(&self) -> bool {
        let p = &self.parts;
        !p.positive.spans.is_empty()
            || !p.negative.spans.is_empty()
            || p.zero_threshold > 0.0
            || p.zero_int > 0
            || p.zero_float > 0.0
    }

    fn count(&self) -> f64 {
        self.parts.count_float.unwrap_or(self.parts.count_int as f64)
    }
}

struct Bucket {
    count_int: u64,
    count_float: f64,
    bound: f64,
    exemplar: Option<Result<Exemplar, AppendError>>,
}

impl Bucket {
    fn read(mut r: Reader<'_>, limits: &Limits) -> Wire<Bucket> {
        let mut b = Bucket { count_int: 0, count_float: 0.0, bound: 0.0, exemplar: None };
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, VARINT) => b.count_int = r.varint()?,
                (2, FIXED64) => b.bound = r.double()?,
                (3, LEN) => b.exemplar = Some(read_exemplar(r.message()?, limits)?),
                (4, FIXED64) => b.count_float = r.double()?,
                _ => r.skip(wire)?,
            }
        }
        Ok(b)
    }

    fn count(&self) -> f64 {
        if self.count_float > 0.0 { self.count_float } else { self.count_int as f64 }
    }
}

fn count_field(mut r: Reader<'_>, wanted: u32) -> Wire<u64> {
    let mut count = 0;
    while let Some((field, wire)) = r.tag()? {
        count += u64::from(field == wanted);
        r.skip(wire)?;
    }
    Ok(count)
}

fn read_label<'a>(mut r: Reader<'a>) -> Wire<Label<'a>> {
    let (mut name, mut value) = ("", "");
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => name = r.str()?,
            (2, LEN) => value = r.str()?,
            _ => r.skip(wire)?,
        }
    }
    Ok((name, value))
}

/// An exemplar, or why it is refused; its time is 0 if none is stated.
fn read_exemplar(mut r: Reader<'_>, limits: &Limits) -> Wire<Result<Exemplar, AppendError>> {
    let (mut value, mut time_ms) = (0.0, 0);
    let mut pairs = Vec::new();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => {
                let label = read_label(r.message()?)?;
                // More labels than a series may have are over the limit on their bytes in any case.
                if (pairs.len() as u64) < limits.labels_per_series_max {
                    pairs.push(label);
                }
            }
            (2, FIXED64) => value = r.double()?,
            (3, LEN) => time_ms = read_timestamp(r.message()?)?,
            _ => r.skip(wire)?,
        }
    }
    Ok(exemplar_labels(&pairs, limits)
        .map(|labels| Exemplar { labels, value, time_ms })
        .map_err(|reason| AppendError::Invalid { series: String::new(), reason }))
}

/// A `google.protobuf.Timestamp` in milliseconds.
fn read_timestamp(mut r: Reader<'_>) -> Wire<i64> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => seconds = r.varint()? as i64,
            (2, VARINT) => nanos = r.varint()? as i64,
            _ => r.skip(wire)?,
        }
    }
    Ok(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}
