//! A store that keeps every sample in memory, and refuses what it is told to refuse.

use model::{
    AppendDone, AppendError, Appendable, Appender, Committed, Exemplar, Histogram, Labels, Metadata,
    SeriesRef, Unavailable, is_stale,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub floats: BTreeMap<Labels, BTreeMap<i64, f64>>,
    pub histograms: BTreeMap<Labels, BTreeMap<i64, Histogram>>,
    pub starts: BTreeMap<Labels, i64>,
    pub exemplars: BTreeMap<Labels, Vec<Exemplar>>,
    pub metadata: Vec<(String, Metadata)>,
    pub commits: usize,
}

#[derive(Default)]
pub struct Store {
    kept: Arc<Mutex<Kept>>,
    /// Commits to refuse before one is taken.
    pub busy: Arc<Mutex<usize>>,
}

impl Store {
    pub fn kept(&self) -> Kept {
        self.kept.lock().unwrap().clone()
    }

    /// Values in order of time; a staleness marker is `None`.
    pub fn values(&self, series: &str) -> Vec<Option<f64>> {
        let kept = self.kept.lock().unwrap();
        let found = kept.floats.iter().find(|(l, _)| l.to_string() == series);
        found.map_or(Vec::new(), |(_, s)| s.values().map(|v| (!is_stale(*v)).then_some(*v)).collect())
    }

    /// The newest value of a series, if there is one.
    pub fn last(&self, series: &str) -> Option<Option<f64>> {
        self.values(series).pop()
    }

    /// The series that are not stale, in order.
    pub fn alive(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        let alive = |s: &BTreeMap<i64, f64>| s.values().next_back().is_some_and(|v| !is_stale(*v));
        kept.floats.iter().filter(|(_, s)| alive(s)).map(|(l, _)| l.to_string()).collect()
    }

    /// The series that are alive less those about the scrapes themselves.
    pub fn exposed(&self) -> Vec<String> {
        self.alive().into_iter().filter(|s| !s.starts_with("up{") && !s.starts_with("scrape_")).collect()
    }
}

impl Appendable for Store {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch { store: self, names: Vec::new(), kept: Kept::default() })
    }
}

struct Batch<'a> {
    store: &'a Store,
    names: Vec<Labels>,
    kept: Kept,
}

impl Batch<'_> {
    fn name(&self, series: SeriesRef) -> Labels {
        self.names[series.0 as usize].clone()
    }
}

impl Appender for Batch<'_> {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        let known = self.store.kept.lock().unwrap();
        let labels = Labels::from_key(key).ok()?;
        let known = known.floats.contains_key(&labels) || known.histograms.contains_key(&labels);
        known.then(|| self.series(&labels).unwrap())
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        self.names.push(labels.clone());
        Ok(SeriesRef((self.names.len() - 1) as u32))
    }

    fn sample(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        value: f64,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        let labels = self.name(series);
        if labels.metric_name() == "refuse_me" {
            return Err(AppendError::Invalid { series: labels.to_string(), reason: "not wanted".to_owned() });
        }
        if start_ms != 0 {
            self.kept.starts.insert(labels.clone(), start_ms);
        }
        self.kept.floats.entry(labels).or_default().insert(time_ms, value);
        Ok(())
    }

    fn histogram(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        histogram: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        let labels = self.name(series);
        if start_ms != 0 {
            self.kept.starts.insert(labels.clone(), start_ms);
        }
        self.kept.histograms.entry(labels).or_default().insert(time_ms, histogram);
        Ok(())
    }

    fn exemplar(&mut self, series: SeriesRef, exemplar: Exemplar) -> Result<(), AppendError> {
        let labels = self.name(series);
        self.kept.exemplars.entry(labels).or_default().push(exemplar);
        Ok(())
    }

    fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError> {
        self.kept.metadata.push((family.to_owned(), metadata));
        Ok(())
    }

    fn commit(self: Box<Self>) -> AppendDone {
        let mut busy = self.store.busy.lock().unwrap();
        if *busy > 0 {
            *busy -= 1;
            let refusal =
                Unavailable::Busy { reason: "told to be".to_owned(), retry_after: Duration::from_millis(20) };
            return Box::pin(async { Err(refusal) });
        }
        let mut kept = self.store.kept.lock().unwrap();
        for (labels, samples) in self.kept.floats {
            let series = kept.floats.entry(labels.clone()).or_default();
            for (time_ms, value) in samples {
                let before = series.insert(time_ms, value);
                assert_eq!(before.map(f64::to_bits), None, "{labels} at {time_ms} was written twice");
            }
        }
        for (labels, samples) in self.kept.histograms {
            kept.histograms.entry(labels).or_default().extend(samples);
        }
        kept.starts.extend(self.kept.starts);
        for (labels, exemplars) in self.kept.exemplars {
            kept.exemplars.entry(labels).or_default().extend(exemplars);
        }
        kept.metadata.extend(self.kept.metadata);
        kept.commits += 1;
        Box::pin(async { Ok(Committed::default()) })
    }
}
