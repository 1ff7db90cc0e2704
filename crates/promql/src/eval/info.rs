//! `info`: adds the labels of info metrics to the series they belong to.

use super::labels::shown;
use super::select::{Lookback, Newest};
use super::series::drop_empty;
use super::spans::Reference;
use super::{Evaluator, Grid, Series};
use crate::ast::{At, Call, Duration, Expr};
use crate::error::EvalError;
use crate::source::{Hints, Selection};
use model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher, Samples, TimeRange};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The labels by which an info metric and a series belong together.
const IDENTIFYING: [&str; 2] = ["instance", "job"];
const DEFAULT_INFO: &str = "target_info";

/// An info series: for each step, the time of the sample that counts.
struct InfoSeries {
    labels: Labels,
    sampled_at: Vec<Option<i64>>,
}

impl Evaluator<'_> {
    pub(super) fn info(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let (at, offset) = self.governing_time(&call.args[0])?.unwrap_or((None, 0));
        let reference = Reference { grid: *grid, at, offset };
        let base = self.vector(&call.args[0], grid)?;
        let matchers: &[Matcher] = match call.args.get(1).map(Expr::unparen) {
            Some(Expr::Vector(v)) => &v.matchers,
            _ => &[],
        };
        let (names, data): (Vec<&Matcher>, Vec<&Matcher>) =
            matchers.iter().partition(|m| m.name() == METRIC_NAME);
        let names = info_names(&names)?;
        // Info series themselves are not enriched.
        let ignored: Vec<bool> =
            base.iter().map(|s| names.iter().all(|m| m.matches(s.labels.metric_name()))).collect();
        let infos = self.info_series(&base, &ignored, &names, &data, reference)?;
        let join = Join { infos: by_identity(&infos), data: &data, named: call.args.len() > 1 };
        let mut out: Vec<Series> = Vec::new();
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        for (s, ignored) in base.iter().zip(ignored) {
            self.control.check()?;
            let mut last: Option<(Vec<usize>, Option<Labels>)> = None;
            for step in 0..grid.count {
                let Some(cell) = s.get(step) else { continue };
                let labels = if ignored {
                    Some(s.labels.clone())
                } else {
                    let found = join.matching(&infos, &s.labels, step)?;
                    match &last {
                        Some((known, labels)) if *known == found => labels.clone(),
                        _ => {
                            let labels = join.enriched(&infos, &s.labels, &found)?;
                            last = Some((found, labels.clone()));
                            labels
                        }
                    }
                };
                let Some(labels) = labels else { continue };
                let next = out.len();
                let at = *by_labels.entry(labels).or_insert_with_key(|labels| {
                    out.push(Series::absent(labels.clone(), s.drop_name, grid.count));
                    next
                });
                if out[at].is_present(step) {
                    return Err(EvalError::same_labels());
                }
                out[at].set(step, cell);
            }
        }
        join.check_conflicts(&infos, grid)?;
        drop_empty(&mut out);
        Ok(out)
    }

    /// The `@` and the offset that govern the first selector of an expression: info series are taken as of then.
    fn governing_time(&self, expr: &Expr) -> Result<Option<(Option<i64>, i64)>, EvalError> {
        let own = |at: Option<At>, offset: Option<&Duration>| Ok((self.at_ms(at), self.offset_ms(offset)?));
        match expr {
            Expr::Vector(v) => own(v.at, v.offset.as_ref()).map(Some),
            Expr::Matrix(m) => own(m.selector.at, m.selector.offset.as_ref()).map(Some),
            Expr::Subquery(s) => match self.governing_time(&s.expr)? {
                Some((None, offset)) => {
                    let (at, outer) = own(s.at, s.offset.as_ref())?;
                    Ok(Some((at, offset.saturating_add(outer))))
                }
                fixed => Ok(fixed),
            },
            Expr::Aggregate(a) => match self.governing_time(&a.expr)? {
                None => a.param.as_ref().map_or(Ok(None), |p| self.governing_time(p)),
                found => Ok(found),
            },
            other => {
                for child in other.children() {
                    if let Some(found) = self.governing_time(child)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
        }
    }

    fn info_series(
        &mut self,
        base: &[Series],
        ignored: &[bool],
        names: &[Matcher],
        data: &[&Matcher],
        reference: Reference,
    ) -> Result<Vec<InfoSeries>, EvalError> {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (s, _) in base.iter().zip(ignored).filter(|(_, ignored)| !**ignored) {
            for name in IDENTIFYING {
                if let Some(v) = s.labels.get(name) {
                    values.entry(name).or_default().insert(v);
                }
            }
        }
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let mut matchers: Vec<Matcher> = names.to_vec();
        matchers.extend(data.iter().map(|m| (*m).clone()));
        for (name, values) in &values {
            // So many values are told apart one by one below.
            if values.len() > IDENTITIES_IN_PATTERN_MAX {
                continue;
            }
            let pattern: Vec<String> = values.iter().map(|v| regex::escape(v)).collect();
            let matcher = Matcher::new(MatchOp::Regex, *name, pattern.join("|"))
                .map_err(|e| EvalError::query(e.to_string()))?;
            matchers.push(matcher);
        }
        let lookback = self.options.lookback_ms;
        let from = reference.first().saturating_sub(lookback).saturating_add(1);
        let selection = Selection {
            matchers: &matchers,
            range: TimeRange::new(from, reference.last()),
            hints: Hints { step_ms: reference.grid.step, function: Some("info"), ..Hints::default() },
        };
        let set = self.source.select(&selection)?;
        let mut samples = Samples::default();
        let mut out = Vec::new();
        for i in 0..set.len() {
            let labels = set.labels(i);
            let known =
                |name: &str, values: &BTreeSet<&str>| labels.get(name).is_some_and(|v| values.contains(v));
            if !values.iter().all(|(name, values)| known(name, values)) {
                continue;
            }
            self.read(&*set, i, &mut samples)?;
            let mut newest = Lookback::new(&samples, lookback);
            self.grow_columns(2, &reference.grid)?;
            let mut sampled_at = vec![None; reference.grid.count];
            for (step, at) in sampled_at.iter_mut().enumerate() {
                *at = match newest.at(reference.time(step)) {
                    None => None,
                    Some(Newest::Float(i)) => Some(samples.times[i]),
                    Some(Newest::Histogram(_)) => {
                        return Err(EvalError::query(format!(
                            "this should be an info metric, with float samples: {}",
                            shown(labels)
                        )));
                    }
                };
            }
            if sampled_at.iter().any(Option::is_some) {
                out.push(InfoSeries { labels: labels.clone(), sampled_at });
            }
        }
        Ok(out)
    }
}

const IDENTITIES_IN_PATTERN_MAX: usize = 256;

/// The matchers of info metrics' names: as given; any metric that ends in `_info` when only excluded names are
/// given; or the default.
fn info_names(given: &[&Matcher]) -> Result<Vec<Matcher>, EvalError> {
    let positive = |m: &&Matcher| matches!(m.op(), MatchOp::Equal | MatchOp::Regex);
    if given.is_empty() {
        return Ok(vec![Matcher::equal(METRIC_NAME, DEFAULT_INFO)]);
    }
    let mut names: Vec<Matcher> = given.iter().map(|m| (*m).clone()).collect();
    if !given.iter().any(positive) {
        let any = Matcher::new(MatchOp::Regex, METRIC_NAME, ".+_info");
        names.insert(0, any.map_err(|e| EvalError::query(e.to_string()))?);
    }
    Ok(names)
}

/// Name of the info metric and the identifying labels.
type Identity = (String, Labels);

fn identity(labels: &Labels) -> Labels {
    labels.filtered(|n| IDENTIFYING.contains(&n))
}

fn by_identity(infos: &[InfoSeries]) -> BTreeMap<Identity, Vec<usize>> {
    let mut out: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
    for (i, s) in infos.iter().enumerate() {
        let key = (s.labels.metric_name().to_owned(), identity(&s.labels));
        out.entry(key).or_default().push(i);
    }
    out
}

struct Join<'a> {
    infos: BTreeMap<Identity, Vec<usize>>,
    data: &'a [&'a Matcher],
    /// Whether a selector says which labels are wanted.
    named: bool,
}

impl Join<'_> {
    /// The newest of several info series that stand for the same.
    fn newest(&self, infos: &[InfoSeries], of: &[usize], step: usize) -> Result<Option<usize>, EvalError> {
        let mut best: Option<(i64, usize)> = None;
        for i in of {
            let Some(at) = infos[*i].sampled_at[step] else { continue };
            match best {
                Some((known, _)) if known > at => {}
                Some((known, other)) if known == at => {
                    return Err(EvalError::query(format!(
                        "found duplicate series for info metric: existing {} @ {known}, new {} @ {at}",
                        shown(&infos[other].labels),
                        shown(&infos[*i].labels)
                    )));
                }
                _ => best = Some((at, *i)),
            }
        }
        Ok(best.map(|(_, i)| i))
    }

    /// The info series that belong to a series at a step, one per info metric.
    fn matching(&self, infos: &[InfoSeries], base: &Labels, step: usize) -> Result<Vec<usize>, EvalError> {
        let identity = identity(base);
        let mut out = Vec::new();
        for ((_, id), members) in &self.infos {
            if *id == identity
                && let Some(i) = self.newest(infos, members, step)?
            {
                out.push(i);
            }
        }
        Ok(out)
    }

    /// Two info series of the same identity and time are an error even if no series asks for them.
    fn check_conflicts(&self, infos: &[InfoSeries], grid: &Grid) -> Result<(), EvalError> {
        for members in self.infos.values().filter(|m| m.len() > 1) {
            for step in 0..grid.count {
                self.newest(infos, members, step)?;
            }
        }
        Ok(())
    }

    /// The labels of a series with those of its info series; `None` if it is left out for want of one.
    fn enriched(
        &self,
        infos: &[InfoSeries],
        base: &Labels,
        found: &[usize],
    ) -> Result<Option<Labels>, EvalError> {
        if found.is_empty() {
            let all_empty = self.data.iter().all(|m| m.matches_empty());
            return Ok(all_empty.then(|| base.clone()));
        }
        let wanted = |name: &str| {
            name != METRIC_NAME
                && (!self.named || self.data.is_empty() || self.data.iter().any(|m| m.name() == name))
        };
        let mut added = LabelsBuilder::new();
        for i in found {
            for (name, value) in infos[*i].labels.iter().filter(|(n, _)| wanted(n)) {
                let known = added.get(name);
                if !known.is_empty() && known != value {
                    return Err(EvalError::query(format!("conflicting label: {name}")));
                }
                if base.get(name).is_none() {
                    added.set(name.to_owned(), value.to_owned());
                }
            }
        }
        let mut labels = base.to_builder();
        let added = added.build();
        for (name, value) in &added {
            labels.set(name, value);
        }
        Ok(Some(labels.build()))
    }
}
