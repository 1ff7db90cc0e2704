//! Aggregations, operators and functions over series, evaluated by PromQL's engine.
//!
//! LogQL shares them with PromQL. Every function over a range of lines is evaluated here at all steps; what is
//! around it becomes a PromQL expression in which a selector stands for its result. The PromQL engine runs on a
//! time of its own in which the steps are 0, 1, 2, … ms, with a lookback of 1 ms, so that each step sees exactly its
//! value.

use super::range::{self, Around, Most, StepSeries};
use super::{Context, Steps};
use crate::ast::{self, Grouping, Metric, RangeAggregate, RangeOp, Span, VectorOp};
use crate::value::{MatrixSeries, Value, VectorSample};
use model::{Labels, Matcher, Samples};
use promql::ast as prom;
use promql::{Engine, EngineOptions, EvalError, Selection, SeriesSet, SourceError, Times};

/// The label by which a selector names the function whose result it stands for.
const LEAF: &str = "__leaf__";

/// Evaluates a metric query: at one instant, or at every step.
pub(crate) fn metric(context: &mut Context<'_>, metric: &Metric, steps: &Steps) -> Result<Value, EvalError> {
    let mut leaves = Leaves { context, steps, known: Vec::new(), results: Vec::new() };
    let expr = leaves.lower(metric, None, None)?;
    let results = leaves.results;
    let series: u64 = results.iter().map(|r: &Vec<StepSeries>| r.len() as u64).sum();
    let engine = Engine::new(EngineOptions {
        lookback_ms: 1,
        samples_max: context.options.samples_max,
        steps_max: u64::MAX,
        memory_max: context.options.memory_max.saturating_sub(context.held.bytes()),
        ..EngineOptions::default()
    });
    let source = Results(results);
    let end_ms = steps.count as i64 - 1;
    let output = match &mut context.trace {
        Some(trace) => {
            let times = match steps.instant {
                true => Times::Instant(0),
                false => Times::Range { start_ms: 0, end_ms, step_ms: 1 },
            };
            let explained = engine.explain(&source, &expr, times, context.control)?;
            trace.above = Some(explained.plan);
            explained.output
        }
        None if steps.instant => engine.instant(&source, &expr, 0, context.control)?,
        None => engine.range(&source, &expr, 0, end_ms, 1, context.control)?,
    };
    context.stats.series_read += series;
    context.stats.memory_peak = context.held.peak + output.stats.memory_peak;
    Ok(dated(output.value, steps))
}

/// The result with the real times of its steps.
fn dated(value: Value, steps: &Steps) -> Value {
    let real = |step: i64| steps.time(step as usize).div_euclid(1_000_000);
    match value {
        Value::Scalar { time_ms, value } => Value::Scalar { time_ms: real(time_ms), value },
        Value::String { time_ms, value } => Value::String { time_ms: real(time_ms), value },
        Value::Vector(samples) => Value::Vector(
            samples.into_iter().map(|s| VectorSample { time_ms: real(s.time_ms), ..s }).collect(),
        ),
        Value::Matrix(series) => Value::Matrix(
            series
                .into_iter()
                .map(|s| MatrixSeries {
                    floats: s.floats.into_iter().map(|(step, v)| (real(step), v)).collect(),
                    ..s
                })
                .collect(),
        ),
    }
}

struct Leaves<'a, 'q> {
    context: &'a mut Context<'q>,
    steps: &'a Steps,
    /// What was evaluated already, as text: the same function twice in a query is evaluated once.
    known: Vec<String>,
    results: Vec<Vec<StepSeries>>,
}

impl Leaves<'_, '_> {
    /// `around` is the aggregation directly around a metric, `most` what is chosen of the metric's series.
    fn lower(
        &mut self,
        metric: &Metric,
        around: Option<&ast::VectorAggregate>,
        most: Option<Most>,
    ) -> Result<prom::Expr, EvalError> {
        let span = metric.span();
        Ok(match metric {
            Metric::Range(range) => self.leaf(range, around, most)?,
            // The function gives the series of the aggregation itself.
            Metric::Vector(v) if done_by_leaf(v) => self.lower(&v.inner, Some(v), most)?,
            Metric::Vector(v) => {
                let inner = self.lower(&v.inner, Some(v), self.chosen(v))?;
                match v.op {
                    VectorOp::Sort => call("sort", vec![inner], span)?,
                    VectorOp::SortDesc => call("sort_desc", vec![inner], span)?,
                    op => {
                        let Grouping { labels, without } = v.grouping.clone().unwrap_or_default();
                        prom::Expr::Aggregate(Box::new(prom::Aggregate {
                            op: aggregate(op),
                            expr: inner,
                            param: v.param.map(|p| number(f64::from(p))),
                            grouping: labels,
                            without,
                            span,
                        }))
                    }
                }
            }
            Metric::Binary(b) => {
                let vectors = !b.lhs.is_scalar() && !b.rhs.is_scalar();
                prom::Expr::Binary(Box::new(prom::Binary {
                    op: b.op,
                    lhs: self.lower(&b.lhs, None, None)?,
                    rhs: self.lower(&b.rhs, None, None)?,
                    matching: vectors.then(|| b.matching.clone()),
                    return_bool: b.return_bool,
                }))
            }
            Metric::LabelReplace(l) => {
                let inner = self.lower(&l.inner, None, None)?;
                let texts = [&l.destination, &l.replacement, &l.source, &l.pattern];
                let text = |t: &String| {
                    prom::Expr::String(prom::StringLiteral { bytes: t.clone().into_bytes(), span })
                };
                call("label_replace", std::iter::once(inner).chain(texts.map(text)).collect(), span)?
            }
            Metric::Constant { value, .. } => call("vector", vec![number(*value)], span)?,
            Metric::Number { value, .. } => {
                prom::Expr::Number(prom::NumberLiteral { value: *value, duration: false, span })
            }
        })
    }

    /// What `topk` and `bottomk` choose of all series at once, at one instant.
    fn chosen(&self, v: &ast::VectorAggregate) -> Option<Most> {
        let greatest = match v.op {
            VectorOp::Topk | VectorOp::ApproxTopk => true,
            VectorOp::Bottomk => false,
            _ => return None,
        };
        let one_group = v.grouping.as_ref().is_none_or(|g| g.labels.is_empty() && !g.without);
        let count = usize::try_from(v.param?).ok()?;
        (one_group && self.steps.count == 1).then_some(Most { greatest, count })
    }

    fn leaf(
        &mut self,
        range: &RangeAggregate,
        around: Option<&ast::VectorAggregate>,
        most: Option<Most>,
    ) -> Result<prom::Expr, EvalError> {
        let grouping = around.filter(|v| same_when_grouped(v.op, range.op));
        let nothing = Grouping::default();
        let grouping = grouping.map(|v| v.grouping.as_ref().unwrap_or(&nothing));
        let mut text = match grouping {
            Some(g) => format!("{g} {}", Metric::Range(Box::new(range.clone()))),
            None => Metric::Range(Box::new(range.clone())).to_string(),
        };
        if let Some(most) = most {
            text.push_str(&format!(" {most:?}"));
        }
        let at = match self.known.iter().position(|k| *k == text) {
            Some(at) => at,
            None => {
                let result = range::evaluate(self.context, range, Around { grouping, most }, self.steps)?;
                self.known.push(text);
                self.results.push(result);
                self.results.len() - 1
            }
        };
        if let Some(trace) = &mut self.context.trace {
            trace.places.push((range.span, at));
        }
        Ok(prom::Expr::Vector(Box::new(prom::VectorSelector {
            name: None,
            matchers: vec![Matcher::equal(LEAF, at.to_string())],
            offset: None,
            at: None,
            edges: prom::Edges::Plain,
            span: range.span,
        })))
    }
}

/// Whether a function groups its lines as the aggregation around it asks for, so that nothing is left to aggregate.
fn done_by_leaf(v: &ast::VectorAggregate) -> bool {
    matches!(&v.inner, Metric::Range(range) if range.grouping.is_none() && same_when_grouped(v.op, range.op))
}

/// Whether an aggregation gives the same when the lines of a group are taken together beforehand.
fn same_when_grouped(around: VectorOp, inner: RangeOp) -> bool {
    use RangeOp::*;
    match around {
        VectorOp::Sum => {
            matches!(inner, CountOverTime | Rate | BytesOverTime | BytesRate | SumOverTime)
        }
        VectorOp::Min => inner == MinOverTime,
        VectorOp::Max => inner == MaxOverTime,
        _ => false,
    }
}

fn aggregate(op: VectorOp) -> prom::AggregateOp {
    match op {
        VectorOp::Sum => prom::AggregateOp::Sum,
        VectorOp::Avg => prom::AggregateOp::Avg,
        VectorOp::Min => prom::AggregateOp::Min,
        VectorOp::Max => prom::AggregateOp::Max,
        VectorOp::Stddev => prom::AggregateOp::Stddev,
        VectorOp::Stdvar => prom::AggregateOp::Stdvar,
        VectorOp::Count => prom::AggregateOp::Count,
        VectorOp::Bottomk => prom::AggregateOp::Bottomk,
        // The others are sorting, and are calls.
        VectorOp::Topk | VectorOp::ApproxTopk | VectorOp::Sort | VectorOp::SortDesc => {
            prom::AggregateOp::Topk
        }
    }
}

fn number(value: f64) -> prom::Expr {
    prom::Expr::Number(prom::NumberLiteral { value, duration: false, span: Span::default() })
}

fn call(name: &str, args: Vec<prom::Expr>, span: Span) -> Result<prom::Expr, EvalError> {
    let function =
        promql::function(name).ok_or_else(|| EvalError::query(format!("there is no function {name}")))?;
    Ok(prom::Expr::Call(Box::new(prom::Call { function, args, span })))
}

/// Results of functions, as a source of series.
struct Results(Vec<Vec<StepSeries>>);

struct Selected<'a>(&'a [StepSeries]);

impl promql::Source for Results {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let named = selection.matchers.iter().find(|m| m.name() == LEAF);
        let leaf = named.and_then(|m| m.value().parse::<usize>().ok()).and_then(|i| self.0.get(i));
        match leaf {
            Some(series) => Ok(Box::new(Selected(series))),
            None => Err(SourceError("a selector stands for no result".to_owned())),
        }
    }
}

impl SeriesSet for Selected<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        &self.0[i].labels
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        out.clear();
        for (step, value) in &self.0[i].values {
            out.times.push(i64::from(*step));
            out.values.push(*value);
        }
        Ok(())
    }
}
