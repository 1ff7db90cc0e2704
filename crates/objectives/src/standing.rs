//! How an objective stands.

use crate::objective::Objective;
use crate::windows::{Pair, SHOWN_MS};
use std::collections::BTreeMap;

/// Whether an objective holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does, and its budget lasts.
    Ok,
    /// Its budget burns so fast that somebody is to know.
    Burning,
    /// Its budget is gone.
    Exhausted,
    /// There is nothing to say it by.
    NoData,
}

impl State {
    /// As the API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Burning => "burning",
            State::Exhausted => "exhausted",
            State::NoData => "noData",
        }
    }
}

/// How an objective stands at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The share of requests that were good over its window.
    pub current: Option<f64>,
    /// The share of its budget that remains; below 0 once more than all of it is gone.
    pub budget_remaining: Option<f64>,
    /// By window in milliseconds, how many times as fast as it lasts the budget burns.
    pub burn_rates: BTreeMap<i64, Option<f64>>,
    /// Whether it holds.
    pub state: State,
    /// When the budget is gone if it goes on as over the last hour, Unix milliseconds.
    pub exhausted_at_ms: Option<i64>,
}

/// The window that says how it is at present.
const PRESENT_MS: i64 = SHOWN_MS[2];

impl Objective {
    /// How it stands, given the shares of requests that failed by window.
    pub fn standing(&self, error_ratios: &BTreeMap<i64, f64>, now_ms: i64) -> Standing {
        let budget = self.target.budget();
        let known = |ms: &i64| error_ratios.get(ms).copied().filter(|r| r.is_finite());
        let failed = known(&self.window_ms);
        let budget_remaining = failed.map(|ratio| 1.0 - ratio / budget);
        let shown = SHOWN_MS.into_iter().chain(self.windows().into_iter().filter(|ms| *ms != self.window_ms));
        let burn_rates: BTreeMap<i64, Option<f64>> =
            shown.map(|ms| (ms, known(&ms).map(|ratio| ratio / budget))).collect();
        let state = match budget_remaining {
            None => State::NoData,
            Some(left) if left <= 0.0 => State::Exhausted,
            Some(_) if self.pairs.iter().any(|p| p.burns(&burn_rates)) => State::Burning,
            Some(_) => State::Ok,
        };
        let exhausted_at_ms =
            budget_remaining.zip(burn_rates.get(&PRESENT_MS).copied().flatten()).and_then(|(left, burn)| {
                // What burns no faster than it lasts is not gone before old errors leave the window.
                (left > 0.0 && burn > 1.0)
                    .then(|| now_ms.saturating_add((left * self.window_ms as f64 / burn) as i64))
            });
        Standing {
            current: failed.map(|ratio| 1.0 - ratio),
            budget_remaining,
            burn_rates,
            state,
            exhausted_at_ms,
        }
    }
}

impl Pair {
    /// Whether the budget burns faster than that over both windows.
    pub fn burns(&self, burn_rates: &BTreeMap<i64, Option<f64>>) -> bool {
        let over = |ms: &i64| burn_rates.get(ms).copied().flatten().is_some_and(|rate| rate > self.factor);
        over(&self.long_ms) && over(&self.short_ms)
    }
}
