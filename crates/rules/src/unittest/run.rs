//! Runs tests.

use super::expected;
use super::file::{TestFile, TestGroup};
use super::records::{Everything, Records};
use super::report::{Case, Failure, FileReport, GroupReport};
use super::store::{Inputs, Store};
use crate::alert::Alert;
use crate::expand::Surroundings;
use crate::file::{RuleFile, RuleKind};
use crate::language::{Expression, TRACE_RANGE_MS};
use crate::running::{EngineQueries, Queries, RunningGroup};
use promql::{Control, Engine, EngineOptions, format_duration};
use regex::Regex;

/// Evaluations that one test may need.
const STEPS_MAX: i64 = 1_000_000;

/// How tests are run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Only tests whose name matches.
    pub only: Option<Regex>,
    /// Whether to report all series at the end of each test.
    pub dump: bool,
}

/// Runs the tests of a file over its rule files, which the caller has read in the order of `rule_files`.
pub fn run(file: &TestFile, rule_files: &[RuleFile], options: &RunOptions) -> FileReport {
    let mut report = FileReport::default();
    for (i, test) in file.tests.iter().enumerate() {
        if options.only.as_ref().is_some_and(|only| !only.is_match(&test.name)) {
            continue;
        }
        let name = if test.name.is_empty() { format!("unnamed#{i}") } else { test.name.clone() };
        let mut run = Run::new(file, test, rule_files);
        let error = run.evaluate().err();
        if error.is_none() {
            run.check_exprs();
        }
        let dump = if options.dump { run.store.dump() } else { Vec::new() };
        let not_run = test.alert_rule_tests.len() + test.promql_expr_tests.len() - run.cases.len();
        let error = error.map(|e| match not_run {
            0 => e,
            1 => format!("{e}\n1 case of this test was not run"),
            n => format!("{e}\n{n} cases of this test were not run"),
        });
        run.cases.sort_by_key(|(order, _)| *order);
        let cases = run.cases.into_iter().map(|(_, case)| case).collect();
        report.groups.push(GroupReport { name, at: test.at, cases, error, dump });
    }
    report
}

struct Run<'a> {
    file: &'a TestFile,
    test: &'a TestGroup,
    store: Store,
    records: Records,
    engine: Engine,
    control: Control,
    surroundings: Surroundings,
    groups: Vec<RunningGroup>,
    /// Each with its place in the file: alerts first.
    cases: Vec<((bool, usize), Case)>,
}

impl<'a> Run<'a> {
    fn new(file: &'a TestFile, test: &'a TestGroup, rule_files: &[RuleFile]) -> Run<'a> {
        let groups = rule_files.iter().flat_map(|f| f.groups.iter().cloned());
        let mut groups: Vec<RunningGroup> = groups.map(|g| RunningGroup::new(g, 0)).collect();
        // Groups that are not mentioned count as the first.
        groups.sort_by_key(|g| file.group_eval_order.iter().position(|name| *name == g.name).unwrap_or(0));
        let options =
            EngineOptions { subquery_step_ms: file.evaluation_interval_ms, ..EngineOptions::default() };
        Run {
            file,
            test,
            store: Store::default(),
            records: Records::default(),
            engine: Engine::new(options),
            control: Control::new(),
            surroundings: Surroundings {
                external_labels: test.external_labels.clone(),
                external_url: test.external_url.clone(),
            },
            groups,
            cases: Vec::new(),
        }
    }

    /// Moves time on from evaluation to evaluation, and looks at alerts on the way.
    fn evaluate(&mut self) -> Result<(), String> {
        let (start, step) = (self.test.start_ms, self.file.evaluation_interval_ms);
        let mut inputs = Inputs::new(&self.test.input_series, start, self.test.interval_ms)?;
        self.records = Records::of(self.test)?;
        let alert_times = self.test.alert_rule_tests.iter().map(|t| t.eval_time_ms);
        let expr_times = self.test.promql_expr_tests.iter().map(|t| t.eval_time_ms);
        let length = alert_times.chain(expr_times).max().unwrap_or(0);
        if length / step >= STEPS_MAX {
            return Err(format!(
                "the test takes {} evaluations, over the limit of {STEPS_MAX}: \
                 choose a longer evaluation_interval or earlier eval_time",
                length / step
            ));
        }
        let mut elapsed = 0;
        while elapsed <= length {
            let now = start.saturating_add(elapsed);
            inputs.load(now, &self.store).map_err(|e| e.to_string())?;
            self.evaluate_groups(now, elapsed)?;
            self.check_alerts(elapsed, elapsed.saturating_add(step));
            elapsed = elapsed.saturating_add(step);
        }
        Ok(())
    }

    fn evaluate_groups(&mut self, now_ms: i64, elapsed_ms: i64) -> Result<(), String> {
        let series = EngineQueries { engine: &self.engine, source: &self.store, control: &self.control };
        let queries = Everything { series, records: &self.records };
        let mut sink = &self.store;
        let mut errors = Vec::new();
        for group in &mut self.groups {
            let outcome = group.evaluate(now_ms, &self.surroundings, &queries, &mut sink);
            for (rule, outcome) in group.rules().iter().zip(outcome.rules) {
                if let Some(error) = outcome.error {
                    let (name, at) = (&rule.rule.name, format_duration(elapsed_ms));
                    errors.push(format!("rule: {name}, time: {at}, err: {error}"));
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
    }

    /// Looks at the alerts whose time has come: those before the next evaluation.
    fn check_alerts(&mut self, from_ms: i64, to_ms: i64) {
        for (i, test) in self.test.alert_rule_tests.iter().enumerate() {
            if !(from_ms..to_ms).contains(&test.eval_time_ms) {
                continue;
            }
            let rules = self.groups.iter().flat_map(|g| g.rules());
            let named = rules.filter(|r| r.rule.kind == RuleKind::Alert && r.rule.name == test.alertname);
            let firing: Vec<&Alert> =
                named.flat_map(|r| r.alerts.iter()).filter(|a| a.phase.is_firing()).collect();
            let title = format!("alert {} at {}", test.alertname, format_duration(test.eval_time_ms));
            let failure = expected::alerts(test, &firing);
            self.cases.push(((false, i), Case { title, at: test.at, failure }));
        }
    }

    fn check_exprs(&mut self) {
        let series = EngineQueries { engine: &self.engine, source: &self.store, control: &self.control };
        let queries = Everything { series, records: &self.records };
        for (i, test) in self.test.promql_expr_tests.iter().enumerate() {
            let at_ms = self.test.start_ms.saturating_add(test.eval_time_ms);
            let result = Expression::parse(test.language, &test.expr, TRACE_RANGE_MS)
                .map_err(|e| format!("{e}\n{}", e.caret(&test.expr)))
                .and_then(|expr| queries.query(&expr, at_ms).map_err(|e| e.to_string()));
            let failure = match result {
                Ok(vector) => expected::samples(test, &vector, self.file.fuzzy_compare),
                Err(reason) => Some(Failure::Error(reason)),
            };
            let title = format!("expr {} at {}", test.expr.trim(), format_duration(test.eval_time_ms));
            self.cases.push(((true, i), Case { title, at: test.at, failure }));
        }
    }
}
