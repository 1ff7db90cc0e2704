//! Deltas added up.
//!
//! The store keeps totals, and what is sent as the change since the last time is added to the total before. A total
//! remembers the intervals it was made of last, so a point that is sent again, because its answer was lost or was to
//! come back later, is counted once; and a point that comes late, within them, is added to the newest sample, which is
//! written again: of two samples with one time the later is kept.

use super::sparse::Sparse;
use model::{Limit, SeriesRef};

/// Intervals of each series that are remembered.
pub const INTERVALS_KEPT: usize = 4;

const NS_PER_MS: u64 = 1_000_000;

/// Totals of series, by the references that an appender gave. Where a series is not known it is to begin with what
/// the store has of it, if that is recent.
pub trait Totals {
    /// The total of a series of numbers.
    fn number(&mut self, series: SeriesRef) -> Result<&mut Total<f64>, Limit>;

    /// The total of a series of native histograms, `None` before the first.
    fn histogram(&mut self, series: SeriesRef) -> Result<&mut Total<Option<Sparse>>, Limit>;
}

/// What a delta is about: from when, exclusive, until when, Unix nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Interval {
    pub start_ns: u64,
    pub time_ns: u64,
}

/// What was counted of one series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Total<V> {
    value: V,
    /// When it began, Unix milliseconds, 0 if unknown.
    start_ms: i64,
    /// Until when it counts, Unix milliseconds.
    time_ms: i64,
    /// What was added last, in no order.
    intervals: [Interval; INTERVALS_KEPT],
    /// Of what ended until here it cannot be told whether it was counted.
    floor_ns: u64,
    /// Whether the sample at the floor was read from the store.
    is_stored: bool,
}

impl<V> Total<V> {
    /// A total as the store has it, with its newest sample at `time_ms`.
    pub fn stored(value: V, start_ms: i64, time_ms: i64) -> Total<V> {
        let floor_ns = time_ms.max(0).unsigned_abs().saturating_mul(NS_PER_MS) + (NS_PER_MS - 1);
        let intervals = [Interval::default(); INTERVALS_KEPT];
        Total { value, start_ms, time_ms, intervals, floor_ns, is_stored: true }
    }

    /// Adds what happened in an interval, unless it was added before; `Err` if that cannot be told.
    pub(super) fn take(&mut self, of: Interval, add: impl FnOnce(&mut V)) -> Result<(), String> {
        if self.intervals.contains(&of) {
            return Ok(());
        }
        if of.time_ns <= self.floor_ns {
            // The sample of this very time, sent again to a server that was started anew.
            if self.is_stored && of.time_ns / NS_PER_MS == self.floor_ns / NS_PER_MS {
                return Ok(());
            }
            return Err(format!(
                "the delta until {} ns comes too late to tell whether it was counted; the series is at {} ms",
                of.time_ns, self.time_ms
            ));
        }
        if self.time_ms == 0 {
            self.start_ms = i64::try_from(of.start_ns / NS_PER_MS).unwrap_or(0);
        }
        add(&mut self.value);
        self.time_ms = self.time_ms.max(i64::try_from(of.time_ns / NS_PER_MS).unwrap_or(i64::MAX));
        if let Some(oldest) = self.intervals.iter_mut().min_by_key(|i| i.time_ns) {
            self.floor_ns = self.floor_ns.max(oldest.time_ns);
            *oldest = of;
        }
        Ok(())
    }

    /// The newest sample: its time, its value, and when it began to count.
    pub(super) fn newest(&self) -> (i64, &V, i64) {
        (self.time_ms, &self.value, self.start_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn between(start_s: u64, time_s: u64) -> Interval {
        Interval { start_ns: start_s * 1_000_000_000, time_ns: time_s * 1_000_000_000 }
    }

    #[test]
    fn what_is_sent_again_is_counted_once() {
        let mut total = Total::default();
        let mut at = |start, time, by: f64| {
            total.take(between(start, time), |v| *v += by).map(|()| total.newest().1 * 1.0)
        };
        assert_eq!(at(10, 20, 5.0), Ok(5.0));
        assert_eq!(at(10, 20, 5.0), Ok(5.0));
        assert_eq!(at(20, 40, 1.0), Ok(6.0));
        // Late, and new.
        assert_eq!(at(20, 30, 2.0), Ok(8.0));
        assert_eq!(at(20, 30, 2.0), Ok(8.0));
        for t in 4..8 {
            assert!(at(t * 10, t * 10 + 10, 1.0).is_ok());
        }
        let late = at(10, 20, 5.0).unwrap_err();
        assert_eq!(
            late,
            "the delta until 20000000000 ns comes too late to tell whether it was counted; the series is at 80000 ms"
        );
        assert_eq!(total.newest(), (80_000, &12.0, 10_000));
    }

    #[test]
    fn it_goes_on_where_the_store_ends() {
        let mut total = Total::stored(7.0, 10_000, 20_500);
        // The same sample again, by its millisecond.
        let again = Interval { start_ns: 1, time_ns: 20_500_000_900 };
        assert_eq!(total.take(again, |v| *v += 1.0), Ok(()));
        assert!(total.take(between(10, 20), |v| *v += 1.0).is_err());
        assert_eq!(total.take(between(20, 30), |v| *v += 3.0), Ok(()));
        assert_eq!(total.newest(), (30_000, &10.0, 10_000));
    }

    proptest! {
        /// Whatever is lost, sent again or late within what is remembered: each interval counts once.
        #[test]
        fn each_interval_counts_once(sent in proptest::collection::vec((1u64..40, 1u32..9), 1..60)) {
            let mut total = Total::<f64>::default();
            let mut counted = std::collections::BTreeMap::new();
            for (t, _) in sent {
                let by = f64::from(t as u32);
                if total.take(between(t * 10, t * 10 + 10), |v| *v += by).is_ok() {
                    counted.insert(t, by);
                } else {
                    // Only what is older than all that is remembered.
                    let newer = counted.range(t + 1..).count();
                    prop_assert!(newer >= INTERVALS_KEPT || counted.contains_key(&t), "{t} {counted:?}");
                }
            }
            prop_assert_eq!(*total.newest().1, counted.values().sum::<f64>());
        }
    }
}
