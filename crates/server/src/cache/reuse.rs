//! Answers a range query from what is kept and what must be evaluated.

use super::{Entry, Extent, Key, QUERY_BYTES_MAX, ResultCache, Steps};
use crate::evaluate::{Asked, Evaluation};
use promql::{Annotations, Dependence, Engine, EvalError, MatrixSeries, Output, Stats, Value, dependence};
use std::ops::Range;
use std::sync::atomic::Ordering;
use tsdb::Db;

/// An answer and what it took.
#[derive(Debug)]
pub struct Evaluated {
    /// The answer; its statistics are of what was evaluated.
    pub output: Output,
    /// Steps that were not evaluated.
    pub steps_reused: usize,
}

/// Each evaluation has a price of its own (looking series up), so that runs of steps apart by less than this are
/// evaluated as one, as are those that are more than these in number.
const GAP_STEPS: usize = 8;
const RUNS_MAX: usize = 4;

/// Evaluates a range query, as far as `cache` does not know the values.
pub fn range(
    cache: &ResultCache,
    evaluation: &Evaluation<'_>,
    asked: Asked<'_>,
) -> Result<Evaluated, EvalError> {
    let (db, engine) = (evaluation.db, evaluation.engine);
    let known = asked.steps(engine).and_then(|s| Some((Plan::of(engine, asked, s)?, s)));
    let Some((plan, steps)) = known else {
        return asked.evaluate(cache, evaluation);
    };
    // Read before anything else: what is written meanwhile counts as later.
    let (version, oldest_ms) = (db.version(), db.oldest_ms());
    let kept = cache.get(&plan.key);
    let (extent, output, reused) = match kept.as_deref().map(|e| (e, plan.missing(db, e, steps))) {
        Some((entry, runs)) if runs.iter().map(Range::len).sum::<usize>() < steps.count => {
            let mut joined = Extent::empty(steps);
            for range in without(&runs, steps.count) {
                joined.copy(&entry.extent, range);
            }
            let mut stats = Stats::default();
            for run in &runs {
                let part =
                    Asked { start_ms: steps.time(run.start), end_ms: steps.time(run.end - 1), ..asked };
                let output = part.evaluate(cache, evaluation)?.output;
                if !output.annotations.is_empty() {
                    // Remarks are of an evaluation as a whole.
                    cache.remove(&plan.key);
                    return asked.evaluate(cache, evaluation);
                }
                joined.fill(matrix(&output.value));
                add(&mut stats, output.stats);
            }
            let reused = steps.count - runs.iter().map(Range::len).sum::<usize>();
            cache.counts.steps_reused.fetch_add(reused as u64, Ordering::Relaxed);
            stats.steps = steps.count as u64;
            let value = Value::Matrix(joined.matrix());
            if reused == steps.count && entry.extent.steps == steps {
                // Nothing new: the entry stays as it is.
                return Ok(Evaluated { output: unremarked(value, stats), steps_reused: reused });
            }
            (joined, unremarked(value, stats), reused)
        }
        _ => {
            let wanted = cache.wants(&plan.key);
            let output = asked.evaluate(cache, evaluation)?.output;
            if !wanted || !output.annotations.is_empty() {
                cache.remove(&plan.key);
                return Ok(Evaluated { output, steps_reused: 0 });
            }
            let mut extent = Extent::empty(steps);
            extent.fill(matrix(&output.value));
            (extent, output, 0)
        }
    };
    cache.put(&plan.key, Entry { extent, version, oldest_ms });
    Ok(Evaluated { output, steps_reused: reused })
}

fn unremarked(value: Value, stats: Stats) -> Output {
    Output { value, annotations: Annotations::default(), stats }
}

fn matrix(value: &Value) -> &[MatrixSeries] {
    match value {
        Value::Matrix(series) => series,
        Value::Scalar { .. } | Value::String { .. } | Value::Vector(_) => &[],
    }
}

fn add(sum: &mut Stats, part: Stats) {
    sum.series_read += part.series_read;
    sum.samples_read += part.samples_read;
    sum.samples_peak = sum.samples_peak.max(part.samples_peak);
    sum.memory_peak = sum.memory_peak.max(part.memory_peak);
}

impl Asked<'_> {
    /// The steps, if they are as many as an engine takes.
    fn steps(&self, engine: &Engine) -> Option<Steps> {
        let span = self.end_ms.checked_sub(self.start_ms).filter(|s| *s >= 0)?;
        let count = usize::try_from(span / self.step_ms).ok()? + 1;
        let fits = count as u64 <= engine.options.steps_max;
        fits.then_some(Steps { first_ms: self.start_ms, step_ms: self.step_ms, count })
    }

    fn evaluate(&self, cache: &ResultCache, evaluation: &Evaluation<'_>) -> Result<Evaluated, EvalError> {
        let output = evaluation.range(*self)?;
        cache.counts.steps_evaluated.fetch_add(output.stats.steps, Ordering::Relaxed);
        Ok(Evaluated { output, steps_reused: 0 })
    }
}

/// How a query is kept.
struct Plan {
    key: Key,
    dependence: Dependence,
}

impl Plan {
    /// `None` if the query's values cannot be kept by step.
    fn of(engine: &Engine, asked: Asked<'_>, steps: Steps) -> Option<Plan> {
        let dependence = dependence(asked.expr, &engine.options)?;
        let query = asked.expr.to_string();
        let key = Key {
            query,
            step_ms: steps.step_ms,
            phase_ms: steps.first_ms.rem_euclid(steps.step_ms),
            lookback_ms: engine.options.lookback_ms,
            experimental: engine.options.experimental,
            class: steps.count.ilog2(),
        };
        (key.query.len() <= QUERY_BYTES_MAX).then_some(Plan { key, dependence })
    }

    /// The runs of `steps` that must be evaluated, in order and apart.
    fn missing(&self, db: &Db, entry: &Entry, steps: Steps) -> Vec<Range<usize>> {
        let kept = entry.extent.steps;
        let (last_ms, kept_last_ms) = (steps.time(steps.count - 1), kept.time(kept.count - 1));
        let mut stale = Stale { steps, runs: Vec::new() };
        stale.until(kept.first_ms);
        stale.from(kept_last_ms.saturating_add(1));
        let (first_ms, last_ms) = (steps.first_ms.max(kept.first_ms), last_ms.min(kept_last_ms));
        if first_ms > last_ms {
            return stale.runs();
        }
        // What passes retention goes without notice. The clock may have been set back since.
        let oldest_ms = db.oldest_ms().max(entry.oldest_ms);
        if let Some((back, ahead)) = self.dependence.moving {
            let looked_at =
                model::TimeRange::new(first_ms.saturating_add(back), last_ms.saturating_add(ahead));
            for changed in db.changed_since(entry.version, looked_at) {
                let from_ms = changed.start_ms.saturating_sub(ahead);
                stale.between(from_ms, changed.end_ms.saturating_sub(back));
            }
            stale.until(oldest_ms.saturating_sub(back));
        }
        let fixed = &self.dependence.fixed;
        if fixed.iter().any(|r| r.start_ms < oldest_ms || !db.changed_since(entry.version, *r).is_empty()) {
            stale.between(i64::MIN, i64::MAX);
        }
        stale.runs()
    }
}

/// Collects steps that must be evaluated.
struct Stale {
    steps: Steps,
    runs: Vec<Range<usize>>,
}

impl Stale {
    fn between(&mut self, first_ms: i64, last_ms: i64) {
        let range = self.steps.at_or_after(first_ms)..self.steps.end_at(last_ms);
        if !range.is_empty() {
            self.runs.push(range);
        }
    }

    /// Every step before an instant.
    fn until(&mut self, time_ms: i64) {
        self.between(i64::MIN, time_ms.saturating_sub(1));
    }

    /// Every step at or after an instant.
    fn from(&mut self, time_ms: i64) {
        self.between(time_ms, i64::MAX);
    }

    fn runs(mut self) -> Vec<Range<usize>> {
        self.runs.sort_by_key(|r| r.start);
        let mut out: Vec<Range<usize>> = Vec::new();
        for run in self.runs {
            match out.last_mut() {
                Some(last) if run.start <= last.end + GAP_STEPS => last.end = last.end.max(run.end),
                _ => out.push(run),
            }
        }
        if out.len() > RUNS_MAX {
            let end = out.last().map_or(0, |r| r.end);
            out.truncate(1);
            out[0].end = end;
        }
        for run in &mut out {
            // A range of one step is evaluated as an instant, of which order and names are another matter.
            if run.len() == 1 && self.steps.count > 1 {
                *run = if run.start > 0 { run.start - 1..run.end } else { run.start..run.end + 1 };
            }
        }
        out
    }
}

/// What lies between runs that are in order and apart.
fn without(runs: &[Range<usize>], count: usize) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut out = Vec::new();
    for run in runs {
        out.push(at..run.start);
        at = run.end;
    }
    out.push(at..count);
    out.retain(|r| !r.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_where_that_is_cheaper() {
        let steps = Steps { first_ms: 0, step_ms: 10, count: 100 };
        let ends = |runs: Vec<Range<usize>>| -> Vec<(usize, usize)> {
            runs.into_iter().map(|r| (r.start, r.end)).collect()
        };
        let runs = |pairs: &[(i64, i64)]| {
            let mut stale = Stale { steps, runs: Vec::new() };
            pairs.iter().for_each(|(a, b)| stale.between(*a, *b));
            stale.runs()
        };
        assert_eq!(ends(runs(&[(50, 55), (990, 1005)])), [(4, 6), (98, 100)]);
        assert_eq!(ends(runs(&[(0, 0), (1, 9), (-50, -1)])), [(0, 2)]);
        assert_eq!(ends(runs(&[(200, 300), (10, 110)])), [(1, 31)]);
        let many = runs(&[(0, 10), (200, 210), (400, 410), (600, 610), (800, 810)]);
        assert_eq!(ends(many), [(0, 82)]);
        assert_eq!(ends(without(&[4..6, 98..100], 100)), [(0, 4), (6, 98)]);
        assert_eq!(ends(without(&[], 3)), [(0, 3)]);
    }
}
