//! A batch that remembers what was written to it, for tests.

use model::*;
use std::collections::{BTreeMap, HashMap};

/// Keeps samples and metadata in the order in which they came.
#[derive(Default)]
pub(crate) struct Recorder {
    series: Vec<Labels>,
    by_key: HashMap<Vec<u8>, u32>,
    samples: Vec<(u32, i64, f64)>,
    pub(crate) metadata: BTreeMap<String, Metadata>,
}

impl Recorder {
    pub(crate) fn samples(&self) -> impl Iterator<Item = (&Labels, i64, f64)> {
        self.samples.iter().map(|(s, t, v)| (&self.series[*s as usize], *t, *v))
    }

    /// The last value of the series written like this, `instance` and `job` left out where they are not given.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.samples().filter(|(l, _, _)| l.to_string() == series).map(|(_, _, v)| v).last()
    }

    /// All series as `name{labels} value` lines, `instance` and `job` left out.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .samples()
            .map(|(l, _, v)| format!("{} {v}", l.filtered(|n| n != "instance" && n != "job")))
            .collect();
        lines.sort();
        lines
    }
}

impl Appender for Recorder {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        self.by_key.get(key).map(|s| SeriesRef(*s))
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        let next = self.series.len() as u32;
        let id = *self.by_key.entry(labels.key().to_vec()).or_insert(next);
        if id == next {
            self.series.push(labels.clone());
        }
        Ok(SeriesRef(id))
    }

    fn sample(&mut self, series: SeriesRef, time_ms: i64, value: f64, _: i64) -> Result<(), AppendError> {
        self.samples.push((series.0, time_ms, value));
        Ok(())
    }

    fn histogram(&mut self, _: SeriesRef, _: i64, _: Histogram, _: i64) -> Result<(), AppendError> {
        unreachable!("the host has no native histograms")
    }

    fn exemplar(&mut self, _: SeriesRef, _: Exemplar) -> Result<(), AppendError> {
        unreachable!("the host has no exemplars")
    }

    fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError> {
        self.metadata.insert(family.to_owned(), metadata);
        Ok(())
    }

    fn commit(self: Box<Self>) -> AppendDone {
        let samples = self.samples.len() as u64;
        Box::pin(async move { Ok(Committed { samples, histograms: 0, exemplars: 0 }) })
    }
}
