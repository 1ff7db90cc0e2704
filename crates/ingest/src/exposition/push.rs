//! An exposition that is pushed: appended as it is.

use super::series::{Pairs, Series, SeriesError};
use super::{Entry, Format, HistogramSample, Parser, Sample};
use crate::error::DecodeError;
use crate::limits::{Limits, cut};
use crate::outcome::Outcome;
use crate::resolve::Resolver;
use model::{AppendError, Appender, Exemplar, Metadata, SeriesRef};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a push adds to what it carries.
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// The timestamp of samples that state none.
    pub default_time_ms: i64,
    /// Labels every series gets; they win over labels of the same name in the body.
    pub labels: Vec<(String, String)>,
}

/// Appends an exposition. A malformed body is an error; a series that cannot be kept is counted in the
/// outcome, and the others are appended. Histograms with native buckets are kept as such only.
pub fn push<A: Appender + ?Sized>(
    body: &[u8],
    format: Format,
    options: &PushOptions,
    limits: &Limits,
    out: &mut A,
) -> Result<Outcome, DecodeError> {
    let resolver = Resolver::new();
    let mut push =
        Push { options, limits, out, outcome: Outcome::default(), resolver, families: BTreeMap::new() };
    let mut parser = Parser::new(body, format, false, limits);
    loop {
        let done = match parser.next() {
            Ok(Some(entry)) => push.entry(entry),
            Ok(None) => break,
            Err(e) => Err(e),
        };
        match done {
            Ok(()) => {}
            Err(SeriesError::Malformed(e)) => return Err(e),
            Err(SeriesError::Refused(e)) => push.outcome.reject(1, e),
        }
    }
    Ok(push.finish())
}

struct Push<'a, 'b, A: ?Sized> {
    options: &'a PushOptions,
    limits: &'b Limits,
    out: &'b mut A,
    outcome: Outcome,
    resolver: Resolver<Cow<'a, str>>,
    families: BTreeMap<String, Metadata>,
}

impl<'a, A: Appender + ?Sized> Push<'a, '_, A> {
    fn entry(&mut self, entry: Entry<'a>) -> Result<(), SeriesError> {
        match entry {
            Entry::Sample(s) => self.sample(s)?,
            Entry::Histogram(h) => self.histogram(h)?,
            Entry::Kind { family, kind } => self.family(family).kind = kind,
            Entry::Help { family, text } => {
                self.family(family).help = cut(&text, self.limits.metadata_bytes_max).to_owned();
            }
            Entry::Unit { family, unit } => {
                self.family(family).unit = cut(&unit, self.limits.metadata_bytes_max).to_owned();
            }
        }
        Ok(())
    }

    fn family(&mut self, name: Cow<'_, str>) -> &mut Metadata {
        self.families.entry(name.into_owned()).or_default()
    }

    fn series(&mut self, series: &Series<'a>) -> Result<SeriesRef, SeriesError> {
        series.pairs(&mut self.resolver.pairs, self.limits)?;
        add_labels(&mut self.resolver.pairs, &self.options.labels);
        Ok(self.resolver.resolve(self.limits, self.out)?)
    }

    fn sample(&mut self, s: Sample<'a>) -> Result<(), SeriesError> {
        let series = self.series(&s.series)?;
        let time_ms = s.time_ms.unwrap_or(self.options.default_time_ms);
        self.out.sample(series, time_ms, s.value, s.start_ms)?;
        self.outcome.samples += 1;
        self.exemplars(series, time_ms, s.exemplar);
        Ok(())
    }

    fn histogram(&mut self, h: HistogramSample<'a>) -> Result<(), SeriesError> {
        let series = self.series(&h.series)?;
        let time_ms = h.time_ms.unwrap_or(self.options.default_time_ms);
        self.out.histogram(series, time_ms, h.histogram?, h.start_ms)?;
        self.outcome.histograms += 1;
        self.exemplars(series, time_ms, h.exemplars);
        Ok(())
    }

    fn exemplars(
        &mut self,
        series: SeriesRef,
        sample_ms: i64,
        exemplars: impl IntoIterator<Item = Result<Exemplar, AppendError>>,
    ) {
        for exemplar in exemplars {
            let done = exemplar.and_then(|e| {
                let time_ms = if e.time_ms == 0 { sample_ms } else { e.time_ms };
                self.out.exemplar(series, Exemplar { time_ms, ..e })
            });
            match done {
                Ok(()) => self.outcome.exemplars += 1,
                Err(e) => self.outcome.reject_exemplar(e),
            }
        }
    }

    fn finish(mut self) -> Outcome {
        for (family, metadata) in self.families {
            let fits = family.len() as u64 <= self.limits.label_value_bytes_max;
            // Metadata only helps people; a store that has no room for it still takes the samples.
            if fits && self.out.metadata(&family, metadata).is_ok() {
                self.outcome.metadata += 1;
            }
        }
        self.outcome
    }
}

fn add_labels<'a>(pairs: &mut Pairs<'a>, labels: &'a [(String, String)]) {
    if labels.is_empty() {
        return;
    }
    pairs.retain(|(n, _)| !labels.iter().any(|(own, _)| own == n));
    pairs.extend(labels.iter().map(|(n, v)| (Cow::Borrowed(n.as_str()), Cow::Borrowed(v.as_str()))));
}
