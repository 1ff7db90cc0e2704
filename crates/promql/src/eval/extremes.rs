//! The least or greatest sample of a window that slides over a series.

use std::collections::VecDeque;
use std::ops::Range;

/// Positions of the samples that may yet come to be the best of a window, the best of the window at hand first: each
/// is better than, or as good as, those behind it. Every sample enters once and leaves once, however long the window.
#[derive(Debug, Default)]
pub(super) struct Extremes {
    at: VecDeque<usize>,
    /// Past the last sample that was looked at.
    next: usize,
}

impl Extremes {
    /// Begins with another series.
    pub fn reset(&mut self) {
        self.at.clear();
        self.next = 0;
    }

    /// The best value in a window, of which neither end is before that of the window asked for last. NaN loses to
    /// every number; of equal values the first is taken.
    pub fn best(
        &mut self,
        values: &[f64],
        window: Range<usize>,
        better: impl Fn(f64, f64) -> bool,
    ) -> Option<f64> {
        while self.at.front().is_some_and(|at| *at < window.start) {
            self.at.pop_front();
        }
        for at in self.next.max(window.start)..window.end {
            let v = values[at];
            while self.at.back().is_some_and(|b| better(v, values[*b]) || values[*b].is_nan()) {
                self.at.pop_back();
            }
            self.at.push_back(at);
        }
        self.next = self.next.max(window.end);
        self.at.front().map(|at| values[*at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As a plain search finds it.
    fn naive(values: &[f64], better: impl Fn(f64, f64) -> bool) -> Option<f64> {
        let mut best = *values.first()?;
        for v in values {
            if better(*v, best) || best.is_nan() {
                best = *v;
            }
        }
        Some(best)
    }

    proptest! {
        #[test]
        fn a_sliding_window_gives_what_a_search_gives(
            values in proptest::collection::vec(prop_oneof![
                (-3i32..4).prop_map(f64::from), Just(f64::NAN), Just(-0.0), Just(-f64::NAN), Just(f64::INFINITY),
            ], 0..40),
            moves in proptest::collection::vec((0usize..4, 0usize..4), 0..40),
        ) {
            let (mut least, mut most) = (Extremes::default(), Extremes::default());
            let (mut start, mut end) = (0, 0);
            for (a, b) in moves {
                end = (end + b).min(values.len());
                start = (start + a).min(end);
                let bits = |v: Option<f64>| v.map(f64::to_bits);
                let found = least.best(&values, start..end, |v, best| v < best);
                prop_assert_eq!(bits(found), bits(naive(&values[start..end], |v, best| v < best)));
                let found = most.best(&values, start..end, |v, best| v > best);
                prop_assert_eq!(bits(found), bits(naive(&values[start..end], |v, best| v > best)));
            }
        }
    }
}
