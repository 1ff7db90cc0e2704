//! Metrics that are counted from records.

use crate::config::{Metric, MetricType, PipelineError};
use crate::draft::{Draft, number, shown};
use crate::why::Why;
use bumpalo::Bump;
use hashbrown::HashMap;
use model::{Labels, METRIC_NAME};
use parking_lot::Mutex;

/// Series of one metric; records that would bring more are counted as left out.
pub const SERIES_MAX: usize = 1000;
/// Bytes of a label's value; longer ones are cut.
const LABEL_BYTES_MAX: usize = 256;
/// Bounds of a histogram that states none, as for durations in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const BUCKETS_MAX: usize = 100;

/// A series and its present value.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The name of the metric.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// Labels, without the name.
    pub labels: Labels,
    /// The value.
    pub value: DerivedValue,
}

/// The value of a derived series.
#[derive(Debug, Clone, PartialEq)]
pub enum DerivedValue {
    /// A sum or number of records.
    Counter(f64),
    /// Observations.
    Histogram {
        /// Upper bounds and how many observations are at most that, in order; the last bound is infinite.
        buckets: Vec<(f64, u64)>,
        /// Their sum.
        sum: f64,
    },
}

/// A metric and all its series.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Its place among the meters of all pipelines.
    number: usize,
    config: Metric,
    bounds: Vec<f64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    series: HashMap<Vec<String>, Cell>,
    left_out: u64,
}

/// What records of a batch count for. It is counted once the batch is kept: one that is refused for now comes again.
#[derive(Debug, Default)]
pub struct Tally(Vec<(usize, Vec<String>, f64)>);

impl Tally {
    /// Counts it with the meters, by their numbers.
    pub(crate) fn count(&self, meters: &[(&str, &Meter)]) {
        for (number, key, value) in &self.0 {
            if let Some((_, meter)) = meters.iter().find(|(_, m)| m.number == *number) {
                meter.count(key, *value);
            }
        }
    }

    /// Whether there is nothing to count.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Debug, Default, Clone)]
struct Cell {
    /// Observations in each bucket; none of a counter.
    buckets: Vec<u64>,
    sum: f64,
}

impl Meter {
    pub fn new(config: &Metric, number: usize) -> Result<Meter, PipelineError> {
        let wrong = |field: &str, reason: String| Err(PipelineError::new(field, reason));
        if !model::is_legacy_metric_name(&config.name) {
            return wrong(
                "name",
                format!("{:?} is no name of a metric: use letters, digits, _ and :", config.name),
            );
        }
        if config.kind == MetricType::Histogram && config.value.is_none() {
            return wrong(
                "value",
                "is not set: a histogram needs an attribute whose numbers it counts".into(),
            );
        }
        if config.kind == MetricType::Counter && !config.buckets.is_empty() {
            return wrong("buckets", "a counter has none: use type: histogram".into());
        }
        for name in config.labels.keys() {
            if !model::is_legacy_label_name(name) || name == METRIC_NAME {
                return wrong("labels", format!("{name:?} is no name of a label: use letters, digits and _"));
            }
        }
        let bounds = if config.buckets.is_empty() { BUCKETS.to_vec() } else { config.buckets.clone() };
        let rising = bounds.windows(2).all(|w| w[0] < w[1]) && bounds.iter().all(|b| b.is_finite());
        if !rising || bounds.len() > BUCKETS_MAX {
            return wrong(
                "buckets",
                format!("must be up to {BUCKETS_MAX} finite numbers, each above the one before"),
            );
        }
        let bounds = if config.kind == MetricType::Histogram { bounds } else { Vec::new() };
        Ok(Meter { number, config: config.clone(), bounds, state: Mutex::new(State::default()) })
    }

    /// Notes what a record counts for; says why it does not count.
    pub fn note<'a>(
        &'a self,
        draft: &Draft<'a>,
        stream: &Labels,
        arena: &'a Bump,
        tally: &mut Tally,
    ) -> Result<(), Why<'a>> {
        let value = match &self.config.value {
            None => 1.0,
            Some(field) => {
                let value = draft.get(field).ok_or(Why::Absent(field))?;
                number(value).ok_or(Why::NotNumber(field))?
            }
        };
        if self.config.kind == MetricType::Counter && value < 0.0 {
            return Err("a counter does not fall: the value is below 0".into());
        }
        let label = |from: &String| {
            let changed = || draft.labels.iter().find(|(n, _)| n == from).map(|(_, v)| *v);
            let text = match draft.get(from) {
                Some(value) => shown(value, arena),
                None => changed()
                    .or_else(|| stream.get(from))
                    .or_else(|| (from == "level").then(|| draft.severity.text()))
                    .unwrap_or_default(),
            };
            text[..text.floor_char_boundary(LABEL_BYTES_MAX)].to_owned()
        };
        let key: Vec<String> = self.config.labels.values().map(label).collect();
        tally.0.push((self.number, key, value));
        Ok(())
    }

    /// Counts what was noted.
    fn count(&self, key: &[String], value: f64) {
        let state = &mut *self.state.lock();
        if state.series.len() >= SERIES_MAX && !state.series.contains_key(key) {
            state.left_out += 1;
            return;
        }
        let cell = state.series.entry_ref(key).or_default();
        cell.sum += value;
        if self.config.kind == MetricType::Histogram {
            cell.buckets.resize(self.bounds.len() + 1, 0);
            cell.buckets[self.bounds.partition_point(|b| *b < value)] += 1;
        }
    }

    /// All series.
    pub fn derived(&self, out: &mut Vec<Derived>) {
        let state = self.state.lock();
        for (key, cell) in &state.series {
            let pairs = self.config.labels.keys().zip(key).filter(|(_, v)| !v.is_empty());
            let Ok(labels) = Labels::from_pairs(pairs) else { continue };
            let value = match self.config.kind {
                MetricType::Counter => DerivedValue::Counter(cell.sum),
                MetricType::Histogram => {
                    let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
                    let mut count = 0;
                    let buckets = bounds.zip(&cell.buckets).map(|(bound, n)| {
                        count += n;
                        (bound, count)
                    });
                    DerivedValue::Histogram { buckets: buckets.collect(), sum: cell.sum }
                }
            };
            out.push(Derived {
                name: self.config.name.clone(),
                help: self.config.help.clone(),
                labels,
                value,
            });
        }
    }

    /// Records that are not counted because there are too many series.
    pub fn left_out(&self) -> u64 {
        self.state.lock().left_out
    }

    /// What was counted by a meter of the same configuration before it was read again.
    pub fn go_on_from(&self, before: &Meter) {
        if before.config == self.config {
            std::mem::swap(&mut *self.state.lock(), &mut *before.state.lock());
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }
}
