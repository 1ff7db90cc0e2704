//! From a scraped body to samples with final labels.

use super::batch::{Batch, Float, Native};
use super::cache::{SeriesCache, SeriesId};
use super::classic::{Classic, part_of};
use super::histogram;
use super::metadata::{FamilyReader, MetadataSeen, Sink};
use crate::config::{Job, NameScheme};
use ingest::Limits;
use ingest::exposition::{Entry, Format, HistogramSample, Parser, Sample, Series, SeriesError};
use model::{
    AppendError, Exemplar, Histogram, Labels, LabelsBuilder, METRIC_NAME, MetricKind, is_legacy_label_name,
    is_legacy_metric_name,
};
use std::borrow::Cow;
use xxhash_rust::xxh3::Xxh3;

/// What turns an exposed series into a stored one.
pub(super) struct Rules<'a> {
    pub job: &'a Job,
    /// The labels every series of the target gets.
    pub target: &'a Labels,
    pub limits: &'a Limits,
}

/// What was found in a body.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Samples exposed.
    pub scraped: u64,
    /// Samples left by metric relabelling.
    pub kept: u64,
    /// Series not known from the scrape before.
    pub added: u64,
    /// Samples of a series that had one already.
    pub duplicates: u64,
    /// Series and samples that cannot be kept.
    pub refused: u64,
    /// The first of them.
    pub first_refusal: Option<AppendError>,
}

/// Reads a body to its end into `batch`. An error concerns the scrape as a whole: nothing of it is to be kept,
/// and the caller empties the batch.
pub(super) fn digest(
    body: &[u8],
    format: Format,
    time_ms: i64,
    rules: &Rules<'_>,
    cache: &mut SeriesCache,
    seen: &mut MetadataSeen,
    batch: &mut Batch,
) -> (Counts, Result<(), String>) {
    let mut digest = Digest { rules, cache, batch, time_ms, counts: Counts::default(), classic: None };
    let done = digest.read(body, format, seen);
    (digest.counts, done)
}

struct Digest<'a> {
    rules: &'a Rules<'a>,
    cache: &'a mut SeriesCache,
    batch: &'a mut Batch,
    time_ms: i64,
    counts: Counts,
    /// The classic histogram being gathered, where they are converted.
    classic: Option<Classic>,
}

/// Stands before the key of a series that no line names: a converted histogram. No text begins with it.
const MADE_UP: u8 = 0xff;

impl Digest<'_> {
    fn read(&mut self, body: &[u8], format: Format, seen: &mut MetadataSeen) -> Result<(), String> {
        let job = self.rules.job;
        let classic = job.classic_histograms || !job.native_histograms;
        let mut parser = Parser::new(body, format, classic, self.rules.limits);
        let mut family = FamilyReader::default();
        let mut metadata = std::mem::take(&mut self.batch.metadata);
        let text_bytes_max = usize::try_from(self.rules.limits.metadata_bytes_max).unwrap_or(usize::MAX);
        let mut sink = Sink { seen, new: &mut metadata, text_bytes_max };
        // The family whose classic series are converted, if the current one is such.
        let mut convert: Option<Cow<'_, str>> = None;
        loop {
            let entry = match parser.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(e) => {
                    self.refuse(e)?;
                    continue;
                }
            };
            let done = match entry {
                Entry::Sample(s) => match &convert {
                    Some(family) => self.convert(s, family),
                    None => self.sample(s),
                },
                Entry::Histogram(h) => self.histogram(h),
                Entry::Kind { family: name, kind } => {
                    let histogram = kind == MetricKind::Histogram && job.convert_to_custom_buckets;
                    convert = histogram.then(|| name.clone());
                    family.kind(name, kind, &mut sink);
                    self.finish_classic()
                }
                Entry::Help { family: name, text } => {
                    family.help(name, text, &mut sink);
                    Ok(())
                }
                Entry::Unit { family: name, unit } => {
                    family.unit(name, unit, &mut sink);
                    Ok(())
                }
            };
            done.or_else(|e| self.stop(e))?;
        }
        self.finish_classic().or_else(|e| self.stop(e))?;
        family.finish(&mut sink);
        self.batch.metadata = metadata;
        let limit = job.sample_limit;
        if limit > 0 && self.counts.kept > limit {
            return Err(format!(
                "sample_limit exceeded: {} samples are left after metric relabelling, the limit is {limit}",
                self.counts.kept
            ));
        }
        Ok(())
    }

    /// What ends the whole scrape goes out; what concerns one series is counted.
    fn stop(&mut self, e: Stop) -> Result<(), String> {
        match e {
            Stop::Scrape(message) => Err(message),
            Stop::Series(e) => self.refuse(e),
        }
    }

    fn refuse(&mut self, e: SeriesError) -> Result<(), String> {
        match e {
            SeriesError::Refused(e) => {
                self.counts.refused += 1;
                self.counts.first_refusal.get_or_insert(e);
                Ok(())
            }
            other => Err(other.to_string()),
        }
    }

    fn sample(&mut self, s: Sample<'_>) -> Result<(), Stop> {
        let Some((id, time_ms)) = self.place(&s.series, s.time_ms, false)? else { return Ok(()) };
        if self.over_sample_limit() {
            return Ok(());
        }
        let labels = self.cache.labels(id).clone();
        self.batch.floats.push(Float { labels, time_ms, value: s.value, start_ms: s.start_ms });
        if let Some(Ok(exemplar)) = s.exemplar {
            let at = if exemplar.time_ms == 0 { time_ms } else { exemplar.time_ms };
            self.exemplar(id, Exemplar { time_ms: at, ..exemplar });
        }
        Ok(())
    }

    fn histogram(&mut self, h: HistogramSample<'_>) -> Result<(), Stop> {
        if !self.rules.job.native_histograms {
            return Ok(());
        }
        if let Some(classic) = &self.classic {
            // The same histogram again, and better: its classic series are not converted.
            if h.series.labels(self.rules.limits)? == classic.labels {
                self.classic = None;
            }
        }
        let Some((id, time_ms)) = self.place(&h.series, h.time_ms, true)? else { return Ok(()) };
        let histogram = h.histogram.map_err(SeriesError::Refused)?;
        self.push_histogram(id, time_ms, histogram, h.start_ms, h.exemplars.into_iter().flatten())
    }

    fn push_histogram(
        &mut self,
        id: SeriesId,
        time_ms: i64,
        histogram: Histogram,
        start_ms: i64,
        exemplars: impl Iterator<Item = Exemplar>,
    ) -> Result<(), Stop> {
        if self.over_sample_limit() {
            return Ok(());
        }
        let job = self.rules.job;
        let histogram =
            histogram::limit(histogram, job.schema_max, job.bucket_limit).map_err(Stop::Scrape)?;
        let labels = self.cache.labels(id).clone();
        self.batch.histograms.push(Native { labels: labels.clone(), time_ms, histogram, start_ms });
        // Without times of their own, repeated exemplars cannot be told from new ones.
        let timed = exemplars.filter(|e| e.time_ms != 0);
        self.batch.exemplars.extend(timed.map(|e| (labels.clone(), e)));
        Ok(())
    }

    /// Takes a sample as part of a classic histogram of `family`, if it is one.
    fn convert(&mut self, s: Sample<'_>, family: &str) -> Result<(), Stop> {
        let Some((labels, part)) = part_of(family, &s.series.labels(self.rules.limits)?) else {
            return self.sample(s);
        };
        if self.classic.as_ref().is_none_or(|c| c.labels != labels || c.time_ms != s.time_ms) {
            self.finish_classic()?;
        }
        let classic = self.classic.get_or_insert_with(|| Classic::new(labels));
        classic.add(part, s.value);
        classic.time_ms = s.time_ms;
        classic.start_ms = classic.start_ms.max(s.start_ms);
        if let Some(Ok(exemplar)) = &s.exemplar {
            classic.exemplars.push(exemplar.clone());
        }
        if self.rules.job.classic_histograms { self.sample(s) } else { Ok(()) }
    }

    /// Ends the classic histogram being gathered.
    fn finish_classic(&mut self) -> Result<(), Stop> {
        let Some(mut classic) = self.classic.take() else { return Ok(()) };
        let raw = [&[MADE_UP], classic.labels.key()].concat();
        let labels = classic.labels.clone();
        let exposed = || Ok((labels.clone(), Vec::new()));
        let Some((id, time_ms)) = self.place_raw(&raw, exposed, classic.time_ms, true)? else {
            return Ok(());
        };
        let (start_ms, exemplars) = (classic.start_ms, std::mem::take(&mut classic.exemplars));
        let refused =
            |reason| SeriesError::Refused(AppendError::Invalid { series: labels.to_string(), reason });
        let histogram = classic.finish().map_err(refused)?;
        self.push_histogram(id, time_ms, histogram, start_ms, exemplars.into_iter())
    }

    /// Samples over the limit are counted, for the message, but take no memory.
    fn over_sample_limit(&self) -> bool {
        let limit = self.rules.job.sample_limit;
        limit > 0 && self.counts.kept > limit
    }

    fn exemplar(&mut self, id: SeriesId, exemplar: Exemplar) {
        let mut hash = Xxh3::new();
        hash.update(exemplar.labels.key());
        hash.update(&exemplar.value.to_bits().to_le_bytes());
        if self.cache.is_new_exemplar(id, hash.digest()) {
            self.batch.exemplars.push((self.cache.labels(id).clone(), exemplar));
        }
    }

    /// The series of a sample and the sample's time, unless it is dropped or a duplicate.
    fn place(
        &mut self,
        series: &Series<'_>,
        stated_ms: Option<i64>,
        histogram: bool,
    ) -> Result<Option<(SeriesId, i64)>, Stop> {
        let (limits, honor) = (self.rules.limits, self.rules.job.honor_labels);
        let exposed = || {
            let emptied = if honor { series.emptied(limits)? } else { Vec::new() };
            Ok((series.labels(limits)?, emptied))
        };
        self.place_raw(series.raw(), exposed, stated_ms, histogram)
    }

    /// The same for a series known by `raw`. `exposed` gives its labels, and the names of its empty ones, when it
    /// is not known.
    fn place_raw(
        &mut self,
        raw: &[u8],
        exposed: impl FnOnce() -> Result<(Labels, Vec<String>), SeriesError>,
        stated_ms: Option<i64>,
        histogram: bool,
    ) -> Result<Option<(SeriesId, i64)>, Stop> {
        self.counts.scraped += 1;
        let id = match self.cache.line(raw) {
            Some(known) => known,
            None => {
                let (labels, emptied) = exposed()?;
                let labels = self.rules.apply(&labels, &emptied);
                if let Some(labels) = &labels {
                    self.rules.check(labels).map_err(Stop::Scrape)?;
                    self.counts.added += 1;
                }
                self.cache.add_line(raw, labels)
            }
        };
        let Some(id) = id else { return Ok(None) };
        let job = self.rules.job;
        let stated_ms = stated_ms.filter(|_| job.honor_timestamps);
        let tracked = stated_ms.is_none() || job.track_timestamps_staleness;
        self.counts.kept += 1;
        if !self.cache.touch(id, tracked, histogram) && stated_ms.is_none() {
            self.counts.duplicates += 1;
            return Ok(None);
        }
        Ok(Some((id, stated_ms.unwrap_or(self.time_ms))))
    }
}

enum Stop {
    Scrape(String),
    Series(SeriesError),
}

impl From<SeriesError> for Stop {
    fn from(e: SeriesError) -> Stop {
        Stop::Series(e)
    }
}

impl Rules<'_> {
    /// The labels a series is stored with, or `None` if metric relabelling drops it.
    pub(super) fn apply(&self, exposed: &Labels, emptied: &[String]) -> Option<Labels> {
        let mut labels = exposed.to_builder();
        if self.job.honor_labels {
            for (name, value) in self.target {
                if exposed.get(name).is_none() && !emptied.iter().any(|e| e == name) {
                    labels.set(name, value);
                }
            }
        } else {
            self.impose(exposed, &mut labels);
        }
        let kept = self.job.metric_relabel.apply(&mut labels);
        kept.then(|| labels.build()).filter(|l| !l.is_empty())
    }

    /// Sets the target's labels; exposed labels of the same names move aside to `exported_` names.
    fn impose<'l>(&'l self, exposed: &'l Labels, labels: &mut LabelsBuilder<'l>) {
        let mut moved: Vec<(&str, &str)> = Vec::new();
        for (name, value) in self.target {
            if let Some(theirs) = exposed.get(name) {
                moved.push((name, theirs));
            }
            labels.set(name, value);
        }
        // Shorter names first, so that `a` and `exported_a` cannot take each other's place.
        moved.sort_by_key(|(name, _)| name.len());
        for (name, value) in moved {
            let mut free = format!("exported_{name}");
            while !labels.get(&free).is_empty() {
                free.insert_str(0, "exported_");
            }
            labels.set(free, value);
        }
    }

    fn check(&self, labels: &Labels) -> Result<(), String> {
        let Some(metric) = labels.get(METRIC_NAME) else {
            return Err(format!("metric relabelling leaves a series without a metric name: {labels}"));
        };
        if self.job.names == NameScheme::Legacy {
            let bad = labels.iter().map(|(n, _)| n).find(|n| !is_legacy_label_name(n));
            if let Some(name) = bad.or((!is_legacy_metric_name(metric)).then_some(metric)) {
                return Err(format!(
                    "the name {name:?} is not valid under metric_name_validation_scheme: legacy (series {labels})"
                ));
            }
        }
        let limits = &self.job.label_limits;
        let over = |setting: &str, what: String, observed: usize, limit: u64| {
            Err(format!(
                "{setting} exceeded: {what} of metric {metric:?} is {observed}, the limit is {limit}"
            ))
        };
        let count = labels.len();
        if limits.count > 0 && count as u64 > limits.count {
            return over("label_limit", "the number of labels".to_owned(), count, limits.count);
        }
        for (name, value) in labels {
            if limits.name_bytes > 0 && name.len() as u64 > limits.name_bytes {
                let what = format!("the length of the label name {:?}", shortened(name));
                return over("label_name_length_limit", what, name.len(), limits.name_bytes);
            }
            if limits.value_bytes > 0 && value.len() as u64 > limits.value_bytes {
                let what = format!("the length of the value of the label {name:?}");
                return over("label_value_length_limit", what, value.len(), limits.value_bytes);
            }
        }
        Ok(())
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(50)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Jobs, ScrapeSections};
    use proptest::prelude::*;

    fn job(more: &str) -> std::sync::Arc<Job> {
        let sections =
            ScrapeSections::from_yaml(&format!("scrape_configs: [{{job_name: j{more}}}]")).unwrap();
        Jobs::resolve(&sections.global, &sections.scrape_configs, "/".as_ref()).unwrap().0[0].clone()
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            40 => ("[abh]", "(\\{(x=\"[12]\")?(,job=\"t\")?\\})?", "( 5)?").prop_map(|(n, l, t)| format!("{n}{l} 1{t}")),
            30 => ("[12]|\\+Inf", 0u8..4).prop_map(|(le, v)| format!("h_bucket{{le=\"{le}\"}} {v}")),
            10 => Just("h_sum 2".to_owned()),
            10 => Just("h_count 3".to_owned()),
            10 => Just("# TYPE h histogram".to_owned()),
            1 => "\\PC{0,12}",
        ]
    }

    proptest! {
        /// Whatever a target sends: labels are valid, no sample is written twice, counts add up, and reading the
        /// same again gives the same with nothing new.
        #[test]
        fn any_body_is_read_or_refused(
            lines in proptest::collection::vec(line(), 0..20),
            settings in proptest::sample::select(vec![
                "", ", honor_labels: true", ", convert_classic_histograms_to_nhcb: true",
                ", convert_classic_histograms_to_nhcb: true, always_scrape_classic_histograms: true",
                ", honor_timestamps: false, metric_relabel_configs: [{regex: x, action: labeldrop}]",
            ]),
        ) {
            let job = job(settings);
            let target = Labels::from_pairs([("instance", "i"), ("job", "j")]).unwrap();
            let limits = Limits::default();
            let rules = Rules { job: &job, target: &target, limits: &limits };
            let body = lines.join("\n") + "\n";
            let (mut cache, mut seen) = (SeriesCache::default(), MetadataSeen::default());
            let mut before: Option<Vec<(Labels, i64)>> = None;
            for _ in 0..2 {
                cache.begin();
                let mut batch = Batch::default();
                let (counts, done) =
                    digest(body.as_bytes(), Format::Text, 77, &rules, &mut cache, &mut seen, &mut batch);
                if done.is_err() {
                    cache.fail(|_, _| {});
                    break;
                }
                let mut written: Vec<(Labels, i64)> =
                    batch.floats.iter().map(|f| (f.labels.clone(), f.time_ms)).collect();
                written.extend(batch.histograms.iter().map(|h| (h.labels.clone(), h.time_ms)));
                for (labels, _) in &written {
                    prop_assert_eq!(&Labels::from_key(labels.key()).unwrap(), labels);
                    prop_assert_eq!(labels.get("instance"), Some("i"));
                }
                let unstated: Vec<_> = written.iter().filter(|(_, t)| *t == 77).collect();
                let distinct: std::collections::BTreeSet<_> = unstated.iter().collect();
                prop_assert_eq!(distinct.len(), unstated.len());
                prop_assert!(counts.kept <= counts.scraped);
                prop_assert!(written.len() as u64 + counts.duplicates <= counts.kept);
                if let Some(before) = before.replace(written.clone()) {
                    prop_assert_eq!(before, written);
                    prop_assert_eq!(counts.added, 0);
                }
                cache.succeed(|_, _| {});
            }
        }
    }
}
