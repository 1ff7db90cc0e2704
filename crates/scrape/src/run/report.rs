//! The series a scraper writes about its own scrapes.

use super::batch::{Batch, Float};
use model::{Labels, LabelsBuilder, METRIC_NAME, stale_nan};

/// The figures of one scrape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    pub up: bool,
    pub duration_s: f64,
    pub scraped: u64,
    pub kept: u64,
    pub added: u64,
    pub timeout_s: f64,
    pub sample_limit: u64,
    /// -1 when the limit of the body's size was exceeded.
    pub body_bytes: i64,
}

/// Labels of the report's series of one target.
pub(super) struct Report {
    basic: [Labels; 5],
    extra: [Labels; 3],
}

impl Report {
    pub(super) fn new(public: &Labels) -> Report {
        let named = |name: &str| labels(public, name);
        Report {
            basic: [
                named("up"),
                named("scrape_duration_seconds"),
                named("scrape_samples_scraped"),
                named("scrape_samples_post_metric_relabeling"),
                named("scrape_series_added"),
            ],
            extra: [
                named("scrape_timeout_seconds"),
                named("scrape_sample_limit"),
                named("scrape_body_size_bytes"),
            ],
        }
    }

    pub(super) fn write(&self, f: &Figures, extra: bool, time_ms: i64, out: &mut Batch) {
        let basic =
            [f64::from(u8::from(f.up)), f.duration_s, f.scraped as f64, f.kept as f64, f.added as f64];
        push(&self.basic, &basic, time_ms, out);
        if extra {
            push(&self.extra, &[f.timeout_s, f.sample_limit as f64, f.body_bytes as f64], time_ms, out);
        }
    }

    /// Ends the report's series, with the target.
    pub(super) fn end(&self, extra: bool, time_ms: i64, out: &mut Batch) {
        push(&self.basic, &[stale_nan(); 5], time_ms, out);
        if extra {
            push(&self.extra, &[stale_nan(); 3], time_ms, out);
        }
    }
}

fn push(series: &[Labels], values: &[f64], time_ms: i64, out: &mut Batch) {
    let samples = series.iter().zip(values);
    out.floats.extend(samples.map(|(labels, value)| Float {
        labels: labels.clone(),
        time_ms,
        value: *value,
        start_ms: 0,
    }));
}

/// The target's labels under a metric name. A target's own label `__name__` cannot be: such names are reserved.
fn labels(public: &Labels, name: &str) -> Labels {
    let mut labels: LabelsBuilder<'_> = public.to_builder();
    labels.set(METRIC_NAME, name);
    labels.build()
}
