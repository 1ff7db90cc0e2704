//! Totals of series that are sent as deltas.
//!
//! The table is a cache of the store: a series that is not in it goes on from its newest sample there, so that totals
//! survive a restart, and entries may be dropped once their samples are stored.

use crate::telemetry::Family;
use ingest::metrics::{Sparse, Total, Totals};
use model::{Limit, MetricKind, Samples, SeriesRef, TimeRange, is_stale};
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use tsdb::{Db, SeriesId};

/// How far back the store is asked, in steps, because most have a sample of just before.
const PAST_MS: [i64; 2] = [600_000, 86_400_000];
/// What had no sample for so long was stored long ago, and may be dropped.
const IDLE_MS: i64 = 600_000;
/// Looking for what may be dropped takes a walk over all.
const SWEEP_EVERY_MS: i64 = 10_000;
/// A histogram counts as so many numbers.
const HISTOGRAM_WEIGHT: u64 = 10;

/// Totals of all series that are sent as deltas.
#[derive(Debug, Default)]
pub struct Deltas {
    table: Mutex<Table>,
    series: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<u32, Kept<f64>>,
    histograms: HashMap<u32, Kept<Option<Sparse>>>,
    swept_ms: i64,
}

#[derive(Debug)]
struct Kept<V> {
    total: Total<V>,
    used_ms: i64,
}

impl Table {
    fn weight(&self) -> u64 {
        self.numbers.len() as u64 + self.histograms.len() as u64 * HISTOGRAM_WEIGHT
    }

    /// Makes room for one more.
    fn make_room(&mut self, weight: u64, max: u64, now_ms: i64) -> Result<(), Limit> {
        if self.weight() + weight <= max {
            return Ok(());
        }
        if now_ms >= self.swept_ms.saturating_add(SWEEP_EVERY_MS) {
            self.swept_ms = now_ms;
            let oldest_ms = now_ms.saturating_sub(IDLE_MS);
            self.numbers.retain(|_, k| k.used_ms >= oldest_ms);
            self.histograms.retain(|_, k| k.used_ms >= oldest_ms);
        }
        let observed = self.weight() + weight;
        if observed <= max {
            return Ok(());
        }
        let what = format!(
            "the number of series sent as deltas within 10 min, a native histogram counting as {HISTOGRAM_WEIGHT},"
        );
        Err(Limit { what, observed, limit: max, setting: "otlp.delta_series_max" })
    }
}

impl Deltas {
    /// The totals, for one request; others with deltas wait from the first one on.
    pub fn totals<'a>(&'a self, db: &'a Db, now_ms: i64, max: u64) -> Held<'a> {
        Held { of: self, table: None, db, now_ms, max, samples: Samples::default() }
    }

    /// Own metrics.
    pub fn families(&self) -> Vec<Family> {
        vec![Family::single(
            "watchfire_otlp_delta_series",
            "Series sent as deltas whose totals are in memory.",
            MetricKind::Gauge,
            self.series.load(Ordering::Relaxed) as f64,
        )]
    }
}

/// The totals in the hands of one request.
pub struct Held<'a> {
    of: &'a Deltas,
    table: Option<MutexGuard<'a, Table>>,
    db: &'a Db,
    now_ms: i64,
    max: u64,
    samples: Samples,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(table) = &self.table {
            let series = table.numbers.len() + table.histograms.len();
            self.of.series.store(series as u64, Ordering::Relaxed);
        }
    }
}

/// Fills `samples` with what the store has of a series, if that is recent.
fn read(db: &Db, series: SeriesRef, now_ms: i64, samples: &mut Samples) {
    samples.clear();
    for past_ms in PAST_MS {
        let range = TimeRange::new(now_ms.saturating_sub(past_ms), i64::MAX);
        // References that the store's appender gave are the numbers of its series.
        let found = db.select_among(&[SeriesId(series.0)], &[], range);
        let done = found.and_then(|found| if found.is_empty() { Ok(()) } else { found.read(0, samples) });
        if let Err(error) = done {
            tracing::warn!(%error, "a total of deltas begins anew, because the samples before cannot be read");
            return;
        }
        if !samples.is_empty() {
            return;
        }
    }
}

fn start_of(starts: &[i64], at: usize) -> i64 {
    starts.get(at).copied().unwrap_or(0)
}

fn number_of(samples: &Samples) -> Total<f64> {
    let newest = samples.values.iter().rposition(|v| !is_stale(*v));
    newest.map_or_else(Total::default, |at| {
        Total::stored(samples.values[at], start_of(&samples.starts, at), samples.times[at])
    })
}

fn histogram_of(samples: &Samples) -> Total<Option<Sparse>> {
    let newest = samples.histograms.iter().rposition(|h| !h.is_stale());
    newest.map_or_else(Total::default, |at| {
        let start_ms = start_of(&samples.histogram_starts, at);
        Total::stored(Sparse::of_model(&samples.histograms[at]), start_ms, samples.histogram_times[at])
    })
}

impl Totals for Held<'_> {
    fn number(&mut self, series: SeriesRef) -> Result<&mut Total<f64>, Limit> {
        let table = &mut **self.table.get_or_insert_with(|| self.of.table.lock());
        if !table.numbers.contains_key(&series.0) {
            table.make_room(1, self.max, self.now_ms)?;
            read(self.db, series, self.now_ms, &mut self.samples);
        }
        let make = || Kept { total: number_of(&self.samples), used_ms: self.now_ms };
        let kept = table.numbers.entry(series.0).or_insert_with(make);
        kept.used_ms = self.now_ms;
        Ok(&mut kept.total)
    }

    fn histogram(&mut self, series: SeriesRef) -> Result<&mut Total<Option<Sparse>>, Limit> {
        let table = &mut **self.table.get_or_insert_with(|| self.of.table.lock());
        if !table.histograms.contains_key(&series.0) {
            table.make_room(HISTOGRAM_WEIGHT, self.max, self.now_ms)?;
            read(self.db, series, self.now_ms, &mut self.samples);
        }
        let make = || Kept { total: histogram_of(&self.samples), used_ms: self.now_ms };
        let kept = table.histograms.entry(series.0).or_insert_with(make);
        kept.used_ms = self.now_ms;
        Ok(&mut kept.total)
    }
}
