//! The values of a query at consecutive steps, in columns.

use model::{Labels, STALE_NAN_BITS, is_stale};
use promql::{FloatHistogram, MatrixSeries};
use std::ops::Range;
use std::sync::Arc;

/// Stands for "no value at this step": no result of a query has the bits of a staleness marker.
const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// Steps at equal distances: `first_ms`, `first_ms + step_ms`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The first step, Unix milliseconds.
    pub first_ms: i64,
    /// The distance, positive.
    pub step_ms: i64,
    /// How many there are.
    pub count: usize,
}

impl Steps {
    /// The time of a step.
    pub fn time(&self, at: usize) -> i64 {
        self.first_ms + self.step_ms * at as i64
    }

    /// The first step at or after an instant; `count` if there is none.
    pub fn at_or_after(&self, time_ms: i64) -> usize {
        let distance = i128::from(time_ms) - i128::from(self.first_ms);
        let at = (distance + i128::from(self.step_ms) - 1).div_euclid(i128::from(self.step_ms));
        at.clamp(0, self.count as i128) as usize
    }

    /// One past the last step at or before an instant.
    pub fn end_at(&self, time_ms: i64) -> usize {
        self.at_or_after(time_ms.saturating_add(1))
    }
}

/// One series over all steps of an extent.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    labels: Labels,
    /// A value per step, or [`ABSENT`].
    floats: Vec<f64>,
    /// A histogram per step, or empty if there is none at all.
    histograms: Vec<Option<Arc<FloatHistogram>>>,
}

/// The values of a query at some steps.
#[derive(Debug, Clone)]
pub struct Extent {
    /// Which steps.
    pub steps: Steps,
    /// In order of labels, which differ.
    columns: Vec<Column>,
}

impl Extent {
    /// No values at these steps.
    pub fn empty(steps: Steps) -> Extent {
        Extent { steps, columns: Vec::new() }
    }

    /// Memory held, about.
    pub fn bytes(&self) -> usize {
        let column = |c: &Column| {
            let histograms: u64 = c.histograms.iter().flatten().map(|h| h.size()).sum();
            size_of::<Column>()
                + c.labels.key().len()
                + 8 * (c.floats.len() + c.histograms.len())
                + histograms as usize
        };
        size_of::<Extent>() + self.columns.iter().map(column).sum::<usize>()
    }

    /// Takes over from another extent what it has at `range` of this one's steps. Both have the same distance and
    /// the steps of `range` are steps of both.
    pub fn copy(&mut self, from: &Extent, range: Range<usize>) {
        let at = from.steps.at_or_after(self.steps.time(range.start));
        let theirs = at..at + range.len();
        let present = from.columns.iter().filter(|c| c.is_present(&theirs));
        let count = self.steps.count;
        merge(
            &mut self.columns,
            present,
            count,
            |c| &c.labels,
            |into, c| {
                into.floats[range.clone()].copy_from_slice(&c.floats[theirs.clone()]);
                if !c.histograms.is_empty() {
                    let into = into.histograms_mut();
                    into[range.clone()].clone_from_slice(&c.histograms[theirs.clone()]);
                }
            },
        );
    }

    /// Takes over what an evaluation gave for some of the steps. Its series are in order of labels.
    pub fn fill(&mut self, series: &[MatrixSeries]) {
        let steps = self.steps;
        merge(
            &mut self.columns,
            series.iter(),
            steps.count,
            |s| &s.labels,
            |into, s| {
                for (t, v) in &s.floats {
                    into.floats[steps.at_or_after(*t)] = *v;
                }
                for (t, h) in &s.histograms {
                    into.histograms_mut()[steps.at_or_after(*t)] = Some(Arc::clone(h));
                }
            },
        );
    }

    /// As an evaluation gives it.
    pub fn matrix(&self) -> Vec<MatrixSeries> {
        self.columns.iter().map(|c| c.series(&self.steps)).collect()
    }
}

impl Column {
    fn absent(labels: Labels, steps: usize) -> Column {
        Column { labels, floats: vec![ABSENT; steps], histograms: Vec::new() }
    }

    fn histograms_mut(&mut self) -> &mut [Option<Arc<FloatHistogram>>] {
        self.histograms.resize(self.floats.len(), None);
        &mut self.histograms
    }

    fn is_present(&self, range: &Range<usize>) -> bool {
        self.floats[range.clone()].iter().any(|v| !is_stale(*v))
            || self.histograms.get(range.clone()).is_some_and(|h| h.iter().any(Option::is_some))
    }

    fn series(&self, steps: &Steps) -> MatrixSeries {
        let floats = self.floats.iter().enumerate().filter(|(_, v)| !is_stale(**v));
        let histograms = self.histograms.iter().enumerate();
        MatrixSeries {
            labels: self.labels.clone(),
            floats: floats.map(|(i, v)| (steps.time(i), *v)).collect(),
            histograms: histograms.filter_map(|(i, h)| Some((steps.time(i), h.clone()?))).collect(),
        }
    }
}

/// Brings `items`, in order of labels, together with `columns`, likewise; makes the columns that are missing.
fn merge<'a, T: 'a>(
    columns: &mut Vec<Column>,
    items: impl Iterator<Item = &'a T>,
    steps: usize,
    labels: impl Fn(&T) -> &Labels,
    mut take: impl FnMut(&mut Column, &T),
) {
    let mut old = std::mem::take(columns).into_iter().peekable();
    for item in items {
        let wanted = labels(item);
        while let Some(before) = old.next_if(|c| c.labels < *wanted) {
            columns.push(before);
        }
        let mut column = match old.next_if(|c| c.labels == *wanted) {
            Some(same) => same,
            None => Column::absent(wanted.clone(), steps),
        };
        take(&mut column, item);
        columns.push(column);
    }
    columns.extend(old);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)]).unwrap()
    }

    fn series(name: &str, floats: &[(i64, f64)]) -> MatrixSeries {
        MatrixSeries { labels: labels(name), floats: floats.to_vec(), histograms: Vec::new() }
    }

    #[test]
    fn steps_are_found_by_time() {
        let s = Steps { first_ms: -20, step_ms: 10, count: 4 };
        assert_eq!(
            [s.at_or_after(i64::MIN), s.at_or_after(-19), s.at_or_after(10), s.at_or_after(11)],
            [0, 1, 3, 4]
        );
        assert_eq!([s.end_at(-21), s.end_at(-20), s.end_at(9), s.end_at(i64::MAX)], [0, 1, 3, 4]);
    }

    #[test]
    fn an_extent_is_joined_from_pieces() {
        let mut old = Extent::empty(Steps { first_ms: 0, step_ms: 10, count: 4 });
        old.fill(&[
            series("a", &[(0, 1.0), (30, 2.0)]),
            series("c", &[(0, 3.0)]),
            series("d", &[(20, f64::NAN)]),
        ]);
        let mut new = Extent::empty(Steps { first_ms: 10, step_ms: 10, count: 4 });
        new.copy(&old, 0..3);
        new.fill(&[series("b", &[(40, 5.0)]), series("d", &[(40, 6.0)])]);
        let got = new.matrix();
        assert_eq!(got.len(), 3, "{got:?}");
        assert_eq!(got[0], series("a", &[(30, 2.0)]));
        assert_eq!(got[1], series("b", &[(40, 5.0)]));
        assert!(got[2].floats[0].1.is_nan() && got[2].floats[1] == (40, 6.0), "{got:?}");
        assert!(new.bytes() > 3 * 4 * 8);
    }

    #[test]
    fn histograms_keep_their_steps() {
        let h = Arc::new(FloatHistogram::empty(3));
        let mut s = series("a", &[(10, 1.0)]);
        s.histograms.push((0, Arc::clone(&h)));
        let steps = Steps { first_ms: 0, step_ms: 10, count: 2 };
        let mut one = Extent::empty(steps);
        one.fill(std::slice::from_ref(&s));
        let mut two = Extent::empty(steps);
        two.copy(&one, 0..2);
        assert_eq!(two.matrix(), [s]);
    }
}
