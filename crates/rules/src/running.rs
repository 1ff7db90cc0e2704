//! Groups of rules at work.

use crate::alert::{self, AlertPolicy, Alerts, Observation, OverLimit, RESOLVED_RETENTION_MS, Transition};
use crate::expand::{Expander, Surroundings, Text};
use crate::file::{Group, Rule, RuleKind};
use crate::language::{self, Expression, Language};
use model::{Labels, METRIC_NAME, stale_nan};
use promql::{Control, Engine, EvalError, Point, Source, VectorSample};
use std::collections::{BTreeMap, BTreeSet};

/// Answers queries at an instant.
pub trait Queries {
    /// The vector that an expression is at `time_ms`; a scalar is a vector of one series without labels.
    fn query(&self, expr: &Expression, time_ms: i64) -> Result<Vec<VectorSample>, EvalError>;
}

/// Queries over series, answered by an engine over a source. Others are refused.
#[derive(Clone, Copy)]
pub struct EngineQueries<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The source.
    pub source: &'a dyn Source,
    /// The reins of all its queries.
    pub control: &'a Control,
}

impl Queries for EngineQueries<'_> {
    fn query(&self, expr: &Expression, time_ms: i64) -> Result<Vec<VectorSample>, EvalError> {
        let Expression::PromQl(expr) = expr else {
            let title = expr.language().title();
            return Err(EvalError::query(format!("there are only series here, and this is {title}")));
        };
        language::vector(self.engine.instant(self.source, expr, time_ms, self.control)?.value)
    }
}

/// A sample that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Takes what rules give. Samples appended are visible to queries once committed.
pub trait Sink {
    /// Takes one sample.
    fn append(&mut self, labels: &Labels, time_ms: i64, value: &Point) -> Result<(), Refused>;

    /// Keeps what was appended since the last commit.
    fn commit(&mut self) -> Result<(), Refused>;
}

/// Why a rule gave nothing, or not all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// Its expression could not be evaluated.
    #[error("{0}")]
    Query(#[from] EvalError),
    /// Two series of its result are the same once its labels are on.
    #[error("vector contains metrics with the same labelset after applying {what} labels")]
    SameLabels {
        /// "alert" or "rule".
        what: &'static str,
    },
    /// It gives more than its group allows.
    #[error("exceeded limit of {limit} with {observed} {what}")]
    OverLimit {
        /// What is allowed.
        limit: u64,
        /// What there was.
        observed: u64,
        /// "series" or "alerts".
        what: &'static str,
    },
    /// Its result was not kept.
    #[error("{0}")]
    Refused(#[from] Refused),
}

impl From<OverLimit> for RuleError {
    fn from(e: OverLimit) -> RuleError {
        RuleError::OverLimit { limit: e.limit, observed: e.observed, what: "alerts" }
    }
}

/// What one evaluation of a rule came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuleOutcome {
    /// What went wrong.
    pub error: Option<RuleError>,
    /// Samples it gave.
    pub samples: usize,
    /// Alerts that changed.
    pub transitions: Vec<Transition>,
}

/// What one evaluation of a group came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupOutcome {
    /// Of each rule, in order.
    pub rules: Vec<RuleOutcome>,
}

/// A rule and what it remembers.
#[derive(Debug, Clone)]
pub struct RunningRule {
    /// The rule.
    pub rule: Rule,
    /// The alerts of an alerting rule.
    pub alerts: Alerts,
    labels: Vec<(String, Text)>,
    annotations: Vec<(String, Text)>,
    /// The series it gave at the last evaluation.
    given: BTreeSet<Labels>,
    /// The alerts whose conditions are true, by the labels that their series have without a metric name.
    pub(crate) of: BTreeMap<Labels, Labels>,
    /// When its alerts were moved on last.
    last_ms: i64,
    /// Whether all it reads was looked at since it began.
    looked: bool,
}

/// A group and what its rules remember.
#[derive(Debug, Clone)]
pub struct RunningGroup {
    /// Its name.
    pub name: String,
    /// What its expressions are written in.
    pub language: Language,
    /// Whose records it reads, in LogQL and TraceQL.
    pub tenant: Option<String>,
    /// How far in the past it is evaluated, milliseconds.
    pub query_offset_ms: i64,
    /// Most series or alerts of a rule.
    pub limit: Option<u64>,
    rules: Vec<RunningRule>,
}

impl RunningGroup {
    /// A group that remembers nothing yet. `query_offset_ms` counts where the group has none of its own.
    pub fn new(group: Group, query_offset_ms: i64) -> RunningGroup {
        RunningGroup {
            name: group.name,
            language: group.language,
            tenant: group.tenant,
            query_offset_ms: group.query_offset_ms.unwrap_or(query_offset_ms),
            limit: group.limit,
            rules: group.rules.into_iter().map(RunningRule::new).collect(),
        }
    }

    /// Its rules in order.
    pub fn rules(&self) -> &[RunningRule] {
        &self.rules
    }

    /// Takes over what the rules of a group before a change of configuration remember: a rule is the same if its name
    /// and labels are. Gives the series of rules that are gone, for which nobody is left to mark their end.
    pub fn take_over(&mut self, before: RunningGroup) -> Vec<Labels> {
        let mut old: Vec<Option<RunningRule>> = before.rules.into_iter().map(Some).collect();
        for rule in &mut self.rules {
            let same = |o: &RunningRule| o.rule.name == rule.rule.name && o.rule.labels == rule.rule.labels;
            let found = old.iter_mut().find(|o| o.as_ref().is_some_and(same)).and_then(Option::take);
            if let Some(found) = found {
                rule.given = found.given;
                if rule.rule.kind == RuleKind::Alert && found.rule.kind == RuleKind::Alert {
                    rule.alerts = found.alerts;
                    rule.last_ms = found.last_ms;
                }
            }
        }
        old.into_iter().flatten().flat_map(|o| o.given).collect()
    }

    pub(crate) fn rule_mut(&mut self, i: usize) -> &mut RunningRule {
        &mut self.rules[i]
    }

    /// Gives one of its rules the alerts that were kept of it. There must be one of this number.
    pub fn restore(&mut self, i: usize, alerts: Alerts) {
        self.rules[i].alerts = alerts;
    }

    /// The series that its rules gave at the last evaluation.
    pub fn given(&self) -> impl Iterator<Item = &Labels> {
        self.rules.iter().flat_map(|r| &r.given)
    }

    /// Evaluates its rules in order at `now_ms`; each sees what those before it gave.
    pub fn evaluate(
        &mut self,
        now_ms: i64,
        surroundings: &Surroundings,
        queries: &dyn Queries,
        sink: &mut dyn Sink,
    ) -> GroupOutcome {
        let rules = 0..self.rules.len();
        GroupOutcome {
            rules: rules.map(|i| self.evaluate_rule(i, now_ms, surroundings, queries, sink)).collect(),
        }
    }

    /// Evaluates one of its rules alone. There must be one of this number.
    pub fn evaluate_rule(
        &mut self,
        i: usize,
        now_ms: i64,
        surroundings: &Surroundings,
        queries: &dyn Queries,
        sink: &mut dyn Sink,
    ) -> RuleOutcome {
        let at_ms = now_ms.saturating_sub(self.query_offset_ms);
        self.rules[i].evaluate(now_ms, at_ms, self.limit, surroundings, queries, sink)
    }
}

impl RunningRule {
    fn new(rule: Rule) -> RunningRule {
        // A text that cannot be read was refused with its file; written as it is, it is at least seen.
        let texts = |texts: &std::collections::BTreeMap<String, String>| {
            let ready =
                |text: &str| Text::new(&rule.name, text).unwrap_or_else(|_| Text::Plain(text.to_owned()));
            texts.iter().map(|(name, text)| (name.clone(), ready(text))).collect::<Vec<_>>()
        };
        let (labels, annotations) = match rule.kind {
            RuleKind::Alert => (texts(&rule.labels), texts(&rule.annotations)),
            RuleKind::Record => (Vec::new(), Vec::new()),
        };
        RunningRule {
            rule,
            alerts: Alerts::default(),
            labels,
            annotations,
            given: BTreeSet::new(),
            of: BTreeMap::new(),
            last_ms: i64::MIN,
            looked: false,
        }
    }

    fn evaluate(
        &mut self,
        now_ms: i64,
        at_ms: i64,
        limit: Option<u64>,
        surroundings: &Surroundings,
        queries: &dyn Queries,
        sink: &mut dyn Sink,
    ) -> RuleOutcome {
        let mut transitions = Vec::new();
        let result = match self.rule.kind {
            RuleKind::Record => self.record(at_ms, limit, queries),
            RuleKind::Alert => {
                // Meanwhile it may have been evaluated for what was written.
                let now_ms = now_ms.max(self.last_ms);
                let observed = self.observe(now_ms, at_ms, surroundings, queries);
                observed.and_then(|o| {
                    transitions = self.step(now_ms, limit, o)?;
                    Ok(self.series())
                })
            }
        };
        match result {
            Ok(series) => {
                let error = self.give(&series, at_ms, sink).err().map(RuleError::Refused);
                RuleOutcome { error, samples: series.len(), transitions }
            }
            Err(error) => RuleOutcome { error: Some(error), samples: 0, transitions },
        }
    }

    fn record(
        &self,
        at_ms: i64,
        limit: Option<u64>,
        queries: &dyn Queries,
    ) -> Result<Vec<(Labels, Point)>, RuleError> {
        let vector = queries.query(&self.rule.expr, at_ms)?;
        let mut seen = BTreeSet::new();
        let mut series = Vec::with_capacity(vector.len());
        for sample in vector {
            let mut builder = sample.labels.to_builder();
            builder.set(METRIC_NAME, self.rule.name.as_str());
            for (name, value) in &self.rule.labels {
                builder.set(name.as_str(), value.as_str());
            }
            let labels = builder.build();
            if !seen.insert(labels.clone()) {
                return Err(RuleError::SameLabels { what: "rule" });
            }
            series.push((labels, sample.value));
        }
        let observed = series.len() as u64;
        match limit.filter(|l| observed > *l) {
            Some(limit) => Err(RuleError::OverLimit { limit, observed, what: "series" }),
            None => Ok(series),
        }
    }

    /// The conditions that are true, each with the labels of its series without a metric name.
    pub(crate) fn observe(
        &self,
        now_ms: i64,
        at_ms: i64,
        surroundings: &Surroundings,
        queries: &dyn Queries,
    ) -> Result<Vec<(Labels, Observation)>, RuleError> {
        let mut seen = BTreeSet::new();
        let mut observed = Vec::new();
        for sample in queries.query(&self.rule.expr, at_ms)? {
            let expander = Expander::new(&self.rule, &sample, surroundings, queries, now_ms);
            let mut builder = sample.labels.to_builder();
            builder.remove(METRIC_NAME);
            let source = builder.build();
            for (name, text) in &self.labels {
                builder.set(name.as_str(), expander.expand(text));
            }
            builder.set("alertname", self.rule.name.as_str());
            let labels = builder.build();
            if !seen.insert(labels.clone()) {
                return Err(RuleError::SameLabels { what: "alert" });
            }
            let annotations =
                self.annotations.iter().map(|(name, text)| (name.clone(), expander.expand(text)));
            let value = match &sample.value {
                Point::Float(v) => *v,
                Point::Histogram(h) => h.sum,
            };
            observed.push((source, Observation { labels, annotations: annotations.collect(), value }));
        }
        Ok(observed)
    }

    pub(crate) fn last_ms(&self) -> i64 {
        self.last_ms
    }

    pub(crate) fn moved_on(&mut self, now_ms: i64) {
        self.last_ms = now_ms;
    }

    pub(crate) fn has_looked(&self) -> bool {
        self.looked
    }

    pub(crate) fn policy(&self, limit: Option<u64>) -> AlertPolicy {
        AlertPolicy {
            for_ms: self.rule.for_ms,
            keep_firing_for_ms: self.rule.keep_firing_for_ms,
            limit,
            resolved_retention_ms: RESOLVED_RETENTION_MS,
        }
    }

    /// Moves all its alerts on.
    pub(crate) fn step(
        &mut self,
        now_ms: i64,
        limit: Option<u64>,
        observed: Vec<(Labels, Observation)>,
    ) -> Result<Vec<Transition>, RuleError> {
        self.moved_on(now_ms);
        self.looked = true;
        self.of = observed.iter().map(|(source, o)| (source.clone(), o.labels.clone())).collect();
        let observations = observed.into_iter().map(|(_, o)| o).collect();
        Ok(self.alerts.step(now_ms, &self.policy(limit), observations)?)
    }

    /// The series of its alerts.
    pub(crate) fn series(&self) -> Vec<(Labels, Point)> {
        let series = self.alerts.active().flat_map(|a| alert::series(a, &self.rule.name, &self.rule.labels));
        series.map(|(labels, value)| (labels, Point::Float(value))).collect()
    }

    /// Hands over the series of this evaluation, and marks the end of those of the last one that are not among them.
    pub(crate) fn give(
        &mut self,
        series: &[(Labels, Point)],
        at_ms: i64,
        sink: &mut dyn Sink,
    ) -> Result<(), Refused> {
        let mut refused = None;
        let mut given = BTreeSet::new();
        for (labels, value) in series {
            match sink.append(labels, at_ms, value) {
                Ok(()) => {
                    given.insert(labels.clone());
                }
                Err(e) => refused = Some(e),
            }
        }
        for labels in self.given.difference(&given) {
            // Another rule may give the same series; then this one does not end.
            let _ = sink.append(labels, at_ms, &Point::Float(stale_nan()));
        }
        sink.commit()?;
        self.given = given;
        refused.map_or(Ok(()), Err)
    }
}
