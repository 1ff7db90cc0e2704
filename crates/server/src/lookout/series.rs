//! Series of something that is looked at again and again: those that a look no longer gives end with it.

use model::{Appendable, Labels, METRIC_NAME, Metadata, MetricKind, Unavailable, stale_nan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How often a batch is offered while the store is busy.
const OFFERS_MAX: u32 = 4;
/// The longest pause between two offers.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A value of a look.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub name: &'static str,
    /// Labels besides those that all of it have in common.
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

impl Point {
    pub fn new(name: &'static str, value: f64) -> Point {
        Point { name, labels: Vec::new(), value }
    }

    pub fn with(name: &'static str, labels: &[(&str, &str)], value: f64) -> Point {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Point { name, labels, value }
    }
}

/// Writes what looks give.
pub(super) struct Series {
    store: Arc<dyn Appendable>,
    /// What all of its series have in common.
    base: Labels,
    alive: BTreeSet<Labels>,
    told: BTreeSet<&'static str>,
}

impl Series {
    pub fn new(store: Arc<dyn Appendable>, base: Labels) -> Series {
        Series { store, base, alive: BTreeSet::new(), told: BTreeSet::new() }
    }

    /// Writes one look; false if the store did not take it.
    pub async fn write(
        &mut self,
        at_ms: i64,
        points: &[Point],
        help: impl Fn(&str) -> (&'static str, MetricKind),
    ) -> bool {
        let mut now = BTreeMap::new();
        for point in points {
            let mut labels = self.base.to_builder();
            for (name, value) in &point.labels {
                labels.set(name.as_str(), value.as_str());
            }
            labels.set(METRIC_NAME, point.name);
            now.insert(labels.build(), point.value);
        }
        for gone in self.alive.iter().filter(|l| !now.contains_key(*l)).cloned().collect::<Vec<_>>() {
            now.insert(gone, stale_nan());
        }
        let families: Vec<(&str, Metadata)> = points
            .iter()
            .filter(|p| self.told.insert(p.name))
            .map(|p| {
                let (help, kind) = help(p.name);
                (p.name, Metadata { kind, help: help.to_owned(), unit: String::new() })
            })
            .collect();
        self.alive = now.iter().filter(|(_, v)| !model::is_stale(**v)).map(|(l, _)| l.clone()).collect();
        append(&*self.store, at_ms, &now, &families).await
    }

    /// Ends all of its series.
    pub async fn end(&mut self, at_ms: i64) {
        let now: BTreeMap<Labels, f64> =
            std::mem::take(&mut self.alive).into_iter().map(|l| (l, stale_nan())).collect();
        if !now.is_empty() {
            append(&*self.store, at_ms, &now, &[]).await;
        }
    }
}

async fn append(
    store: &dyn Appendable,
    at_ms: i64,
    samples: &BTreeMap<Labels, f64>,
    families: &[(&str, Metadata)],
) -> bool {
    for _ in 0..OFFERS_MAX {
        let done = {
            let mut appender = store.appender();
            for (family, metadata) in families {
                // It is a courtesy: a limit of the store for it is no fault of the look.
                let _ = appender.metadata(family, metadata.clone());
            }
            for (labels, value) in samples {
                // What the store refuses is one series; the others are worth having.
                if let Err(error) = appender.series(labels).and_then(|s| appender.sample(s, at_ms, *value, 0))
                {
                    tracing::debug!(%error, "a sample was refused");
                }
            }
            appender.commit()
        };
        match done.await {
            Ok(_) => return true,
            Err(Unavailable::Busy { retry_after, .. }) => {
                tokio::time::sleep(retry_after.min(PAUSE_MAX)).await
            }
            Err(error) => {
                tracing::warn!(%error, "what was looked at was not stored");
                return false;
            }
        }
    }
    tracing::warn!("what was looked at was not stored: the store is busy");
    false
}
