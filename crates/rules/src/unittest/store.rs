//! The series of one test in memory: what was put in, as far as time has come, and what the rules gave.

use crate::running::{Refused, Sink};
use crate::unittest::file::InputSeries;
use model::{Labels, Samples, TimeRange};
use promql::script::{Item, known_hint, series};
use promql::{FloatHistogram, Point, Selection, SeriesSet, Source, SourceError, format_float};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// One series.
#[derive(Debug, Default)]
struct Held {
    samples: Samples,
    last: Option<(i64, Point)>,
}

/// A series of the test that is not all in the store yet.
#[derive(Debug)]
struct Waiting {
    items: Vec<Item>,
    next: usize,
}

/// Where input series come from, and where they are kept.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: RwLock<BTreeMap<Labels, Held>>,
}

/// The input series of a test.
#[derive(Debug)]
pub(super) struct Inputs {
    waiting: BTreeMap<Labels, Waiting>,
    start_ms: i64,
    interval_ms: i64,
}

impl Inputs {
    /// Reads the series; the message says which one cannot be read.
    pub fn new(inputs: &[InputSeries], start_ms: i64, interval_ms: i64) -> Result<Inputs, String> {
        let mut waiting = BTreeMap::new();
        for input in inputs {
            let line = format!("{} {}", input.series.trim(), input.values);
            let at = input.at;
            let (labels, items) = series(&line)
                .map_err(|e| format!("{}:{}: input series {:?}: {e}", at.line, at.column, input.series))?;
            waiting.insert(labels, Waiting { items, next: 0 });
        }
        Ok(Inputs { waiting, start_ms, interval_ms })
    }

    /// Puts the samples up to a time into the store.
    pub fn load(&mut self, until_ms: i64, store: &Store) -> Result<(), Refused> {
        for (labels, waiting) in &mut self.waiting {
            while let Some(item) = waiting.items.get(waiting.next) {
                let at_ms =
                    self.start_ms.saturating_add(self.interval_ms.saturating_mul(waiting.next as i64));
                if at_ms > until_ms {
                    break;
                }
                waiting.next += 1;
                match item {
                    Item::Omitted => {}
                    Item::Float(v) => store.append(labels, at_ms, &Point::Float(*v))?,
                    Item::Histogram(h, _) => store.append(labels, at_ms, &Point::Histogram(h.clone()))?,
                }
            }
        }
        Ok(())
    }
}

fn same(a: &Point, b: &Point) -> bool {
    match (a, b) {
        (Point::Float(a), Point::Float(b)) => a.to_bits() == b.to_bits(),
        (Point::Histogram(a), Point::Histogram(b)) => a == b,
        _ => false,
    }
}

impl Store {
    fn append(&self, labels: &Labels, at_ms: i64, value: &Point) -> Result<(), Refused> {
        let mut all = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let held = all.entry(labels.clone()).or_default();
        match &held.last {
            Some((last, _)) if *last > at_ms => {
                return Err(Refused(format!("out of order sample: {labels} at {at_ms} ms, after {last} ms")));
            }
            Some((last, before)) if *last == at_ms => {
                return match same(before, value) {
                    true => Ok(()),
                    false => Err(Refused(format!("duplicate sample for timestamp: {labels} at {at_ms} ms"))),
                };
            }
            _ => {}
        }
        match value {
            Point::Float(v) => {
                held.samples.times.push(at_ms);
                held.samples.values.push(*v);
            }
            Point::Histogram(h) => {
                let before = match &held.last {
                    Some((_, Point::Histogram(before))) => Some(before.as_ref()),
                    _ => None,
                };
                let mut known = FloatHistogram::clone(h);
                known.reset_hint = known_hint(h, before);
                held.samples.histogram_times.push(at_ms);
                held.samples.histograms.push(Arc::new(known.to_model()));
            }
        }
        held.last = Some((at_ms, value.clone()));
        Ok(())
    }

    /// Every series with all its samples, a line each.
    pub fn dump(&self) -> Vec<String> {
        let all = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let line = |(labels, held): (&Labels, &Held)| {
            let s = &held.samples;
            let floats = s.times.iter().zip(&s.values).map(|(t, v)| {
                let shown = if model::is_stale(*v) { "stale".to_owned() } else { format_float(*v) };
                (*t, shown)
            });
            let histograms = s.histogram_times.iter().zip(&s.histograms);
            let histograms = histograms.map(|(t, h)| (*t, FloatHistogram::from_model(h).notation()));
            let mut values: Vec<(i64, String)> = floats.chain(histograms).collect();
            values.sort_by_key(|(t, _)| *t);
            let values = values.into_iter().map(|(t, v)| format!(" {v}@{}", promql::format_duration(t)));
            format!("{labels} =>{}", values.collect::<String>())
        };
        all.iter().map(line).collect()
    }
}

impl Sink for &Store {
    fn append(&mut self, labels: &Labels, time_ms: i64, value: &Point) -> Result<(), Refused> {
        Store::append(self, labels, time_ms, value)
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

impl Source for Store {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let all = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let matching = all.iter().filter(|(labels, _)| {
            selection.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
        });
        let range = selection.range;
        Ok(Box::new(Selected(matching.map(|(l, held)| (l.clone(), within(&held.samples, range))).collect())))
    }
}

fn within(all: &Samples, range: TimeRange) -> Samples {
    let inside = |times: &[i64]| {
        let from = times.partition_point(|t| *t < range.start_ms);
        from..times.partition_point(|t| *t <= range.end_ms).max(from)
    };
    let (f, h) = (inside(&all.times), inside(&all.histogram_times));
    Samples {
        times: all.times[f.clone()].to_vec(),
        values: all.values[f].to_vec(),
        histogram_times: all.histogram_times[h.clone()].to_vec(),
        histograms: all.histograms[h].to_vec(),
        ..Samples::default()
    }
}

struct Selected(Vec<(Labels, Samples)>);

impl SeriesSet for Selected {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        &self.0[i].0
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        out.clone_from(&self.0[i].1);
        Ok(())
    }
}
