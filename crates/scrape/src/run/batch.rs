//! What one scrape hands to the store.

use model::{
    AppendDone, AppendError, Appendable, Appender, Exemplar, Histogram, Labels, Metadata, SeriesRef,
};

/// Samples with their labels: everything needed to append them, more than once if the store is busy.
#[derive(Default)]
pub(super) struct Batch {
    pub floats: Vec<Float>,
    pub histograms: Vec<Native>,
    pub exemplars: Vec<(Labels, Exemplar)>,
    pub metadata: Vec<(String, Metadata)>,
}

pub(super) struct Float {
    pub labels: Labels,
    pub time_ms: i64,
    pub value: f64,
    pub start_ms: i64,
}

pub(super) struct Native {
    pub labels: Labels,
    pub time_ms: i64,
    pub histogram: Histogram,
    pub start_ms: i64,
}

/// Samples the store refused one by one.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub count: u64,
    pub first: Option<AppendError>,
}

impl Refused {
    fn note(&mut self, error: AppendError) {
        self.count += 1;
        self.first.get_or_insert(error);
    }
}

impl Batch {
    /// Samples of both kinds.
    pub(super) fn len(&self) -> usize {
        self.floats.len() + self.histograms.len()
    }

    /// Appends everything and begins the commit.
    pub(super) fn append(&self, store: &dyn Appendable) -> (AppendDone, Refused) {
        let mut appender = store.appender();
        let mut refused = Refused::default();
        for s in &self.floats {
            let done = series(&mut *appender, &s.labels)
                .and_then(|at| appender.sample(at, s.time_ms, s.value, s.start_ms));
            if let Err(e) = done {
                refused.note(e);
            }
        }
        for s in &self.histograms {
            let done = series(&mut *appender, &s.labels)
                .and_then(|at| appender.histogram(at, s.time_ms, s.histogram.clone(), s.start_ms));
            if let Err(e) = done {
                refused.note(e);
            }
        }
        for (labels, exemplar) in &self.exemplars {
            // An exemplar is a courtesy: one that is refused is no fault of the scrape.
            if let Err(error) =
                series(&mut *appender, labels).and_then(|at| appender.exemplar(at, exemplar.clone()))
            {
                tracing::debug!(%error, "exemplar refused");
            }
        }
        for (family, metadata) in &self.metadata {
            if let Err(error) = appender.metadata(family, metadata.clone()) {
                tracing::debug!(family, %error, "metadata refused");
            }
        }
        (appender.commit(), refused)
    }
}

fn series(appender: &mut dyn Appender, labels: &Labels) -> Result<SeriesRef, AppendError> {
    match appender.lookup(labels.key()) {
        Some(known) => Ok(known),
        None => appender.series(labels),
    }
}
