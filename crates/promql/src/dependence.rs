//! Which instants the value of a query at one step depends on.

use crate::ast::{At, Duration, Edges, Expr, VectorSelector};
use crate::catalog::Id;
use crate::engine::EngineOptions;
use model::TimeRange;

/// The instants that the value at a step depends on. Where in doubt, more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependence {
    /// First and last instant relative to the step, milliseconds; `None` if nothing moves with the step.
    pub moving: Option<(i64, i64)>,
    /// Instants that every step depends on, because of `@`.
    pub fixed: Vec<TimeRange>,
}

impl Dependence {
    fn at(first: i64, last: i64) -> Dependence {
        Dependence { moving: Some((first, last)), fixed: Vec::new() }
    }

    fn join(&mut self, other: Dependence) {
        self.moving = match (self.moving, other.moving) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.fixed.extend(other.fixed);
    }

    /// What moves reaches further: by `first` to the past, by `last` to the future.
    fn widened(mut self, first: i64, last: i64) -> Dependence {
        self.moving = self.moving.map(|(a, b)| (a.saturating_add(first), b.saturating_add(last)));
        self
    }

    /// What moved with the step stands still.
    fn fixed_at(mut self, time_ms: i64) -> Dependence {
        if let Some((a, b)) = self.moving.take() {
            self.fixed.push(TimeRange::new(time_ms.saturating_add(a), time_ms.saturating_add(b)));
        }
        self
    }

    /// The instants that the steps from `first_ms` to `last_ms` depend on together.
    pub fn of_steps(&self, first_ms: i64, last_ms: i64) -> impl Iterator<Item = TimeRange> + '_ {
        let moving =
            self.moving.map(|(a, b)| TimeRange::new(first_ms.saturating_add(a), last_ms.saturating_add(b)));
        moving.into_iter().chain(self.fixed.iter().copied())
    }
}

/// What the value of `expr` at one step of a range query depends on. `None` if it depends on more than the step and
/// the samples: on where the query starts or ends.
pub fn dependence(expr: &Expr, options: &EngineOptions) -> Option<Dependence> {
    match expr {
        Expr::Number(_) | Expr::String(_) => Some(Dependence::default()),
        Expr::Paren(p) => dependence(&p.expr, options),
        Expr::Unary(u) => dependence(&u.expr, options),
        Expr::Vector(v) => selector(v, 0, options.lookback_ms, options),
        // Only the modifiers of its edges look further than its range.
        Expr::Matrix(m) => selector(&m.selector, fixed_ms(&m.range)?, 0, options),
        Expr::Subquery(s) => {
            let (range, offset) = (fixed_ms(&s.range)?, offset_ms(s.offset.as_ref())?);
            if let Some(step) = &s.step {
                fixed_ms(step)?;
            }
            let inner = dependence(&s.expr, options)?;
            let shifted =
                inner.widened(offset.saturating_add(range).saturating_neg(), offset.saturating_neg());
            placed(shifted, s.at)
        }
        Expr::Call(c) => {
            // `info` chooses the series it reads by what it finds on the way.
            if matches!(c.function.id, Id::Start | Id::End | Id::Range | Id::Step | Id::Info) {
                return None;
            }
            joined(&c.args, options)
        }
        Expr::Aggregate(_) | Expr::Binary(_) => joined(expr.children(), options),
    }
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a Expr>, options: &EngineOptions) -> Option<Dependence> {
    let mut all = Dependence::default();
    for e in parts {
        all.join(dependence(e, options)?);
    }
    Some(all)
}

/// A selector that looks back by `range`, or by `lookback` if it selects instants.
fn selector(v: &VectorSelector, range: i64, lookback: i64, options: &EngineOptions) -> Option<Dependence> {
    let (before, after) = match v.edges {
        Edges::Plain => (lookback, 0),
        Edges::Anchored => (options.lookback_ms, 0),
        Edges::Smoothed => (options.lookback_ms, options.lookback_ms),
    };
    let offset = offset_ms(v.offset.as_ref())?;
    let first = offset.saturating_add(range).saturating_add(before).saturating_neg();
    placed(Dependence::at(first, after.saturating_sub(offset)), v.at)
}

fn placed(d: Dependence, at: Option<At>) -> Option<Dependence> {
    match at {
        None => Some(d),
        Some(At::Time(ms)) => Some(d.fixed_at(ms)),
        Some(At::Start | At::End) => None,
    }
}

fn offset_ms(d: Option<&Duration>) -> Option<i64> {
    d.map_or(Some(0), fixed_ms)
}

/// Computed lengths may speak of the query's range.
fn fixed_ms(d: &Duration) -> Option<i64> {
    match d {
        Duration::Fixed(ms) => Some(*ms),
        Duration::Computed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn of(query: &str) -> Option<Dependence> {
        dependence(&parse(query).expect(query), &EngineOptions::default())
    }

    #[test]
    fn windows_are_found() {
        let cases: &[(&str, i64, i64)] = &[
            ("x", -300, 0),
            ("x offset 1m", -360, -60),
            ("x offset -1m", -240, 60),
            ("rate(x[10m])", -600, 0),
            ("rate(x[10m] anchored)", -900, 0),
            ("rate(x[10m] smoothed)", -900, 300),
            ("x smoothed", -300, 300),
            ("max_over_time(rate(x[1m])[10m:30s])", -660, 0),
            ("max_over_time(x[10m:30s] offset 1h)", -4500, -3600),
            ("sum(x) + y offset -1m", -300, 60),
            ("topk(scalar(x offset 1h), y)", -3900, 0),
        ];
        for (query, first, last) in cases {
            let found = of(query).expect(query);
            assert_eq!(found, Dependence::at(first * 1000, last * 1000), "{query}");
        }
        assert_eq!(of("time() - 3"), Some(Dependence::default()));
    }

    #[test]
    fn fixed_times_stand_still() {
        let found = of("x @ 1000 + rate(y[1m])").unwrap();
        assert_eq!(found.moving, Some((-60_000, 0)));
        assert_eq!(found.fixed, [TimeRange::new(700_000, 1_000_000)]);
        let found = of("max_over_time(x[10m:1m] @ 1000)").unwrap();
        assert_eq!(found, Dependence { moving: None, fixed: vec![TimeRange::new(100_000, 1_000_000)] });
        let found = of("max_over_time((x @ 1000)[10m:1m])").unwrap();
        assert_eq!(found.fixed, [TimeRange::new(700_000, 1_000_000)]);
    }

    #[test]
    fn what_depends_on_the_whole_query_is_refused() {
        for query in ["x @ start()", "x @ end()", "x * range()", "vector(end())", "x * step()", "info(x)"] {
            assert_eq!(of(query), None, "{query}");
            let inside = format!("sum_over_time(({query})[1m:])");
            assert_eq!(of(&inside), None, "{inside}");
        }
        assert_eq!(of("sum_over_time(x[1m:] @ end())"), None);
        assert_eq!(of("rate(x[step() + 1m])"), None);
    }

    #[test]
    fn steps_together_depend_on_all_between() {
        let d = of("x + x @ 5").unwrap();
        let all: Vec<TimeRange> = d.of_steps(1_000_000, 2_000_000).collect();
        assert_eq!(all, [TimeRange::new(700_000, 2_000_000), TimeRange::new(-295_000, 5_000)]);
    }
}
