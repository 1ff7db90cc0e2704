//! Batches go through pipelines.

use crate::config::{PipelineConfig, PipelineError};
use crate::draft::Draft;
use crate::metric::{Derived, Meter, Tally};
use crate::stage::{Context, Counts, Stage, compile, run};
use bumpalo::Bump;
use hashbrown::HashMap;
use model::record::{AttributesBuf, Record, RecordBatch, StreamRef};
use model::{Labels, MatchOp, Matcher};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pipelines in one configuration.
const PIPELINES_MAX: usize = 1000;
/// Label sets that labels from attributes may make in one batch: beyond, records stay in their stream.
const STREAMS_MAX: usize = 10_000;

/// All pipelines of a configuration, compiled. They are shared by all who receive.
#[derive(Debug, Default)]
pub struct Pipelines {
    all: Vec<Pipeline>,
}

#[derive(Debug)]
pub(crate) struct Pipeline {
    pub name: String,
    matchers: Vec<Matcher>,
    pub stages: Vec<Stage>,
    records: AtomicU64,
    dropped: AtomicU64,
}

/// What went through a pipeline since it was compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineCounts {
    /// Its name.
    pub name: String,
    /// Records that came in.
    pub records: u64,
    /// Records that were dropped or not sampled.
    pub dropped: u64,
    /// Records not counted in a metric that has too many series.
    pub metric_left_out: u64,
}

/// A batch that has gone through its pipelines.
#[derive(Debug)]
pub struct Applied {
    /// What is left to keep.
    pub batch: RecordBatch,
    /// For each row of it, its place in the batch that came; `None` if all are where they were.
    pub rows: Option<Vec<usize>>,
    /// What it counts for, once it is kept: see [`Pipelines::count`].
    pub tally: Tally,
}

impl Pipelines {
    /// Compiles a configuration.
    pub fn new(configs: &[PipelineConfig]) -> Result<Pipelines, PipelineError> {
        if configs.len() > PIPELINES_MAX {
            let reason = format!("there are {}, over the limit of {PIPELINES_MAX}", configs.len());
            return Err(PipelineError::new("pipelines", reason));
        }
        let (mut all, mut counts): (Vec<Pipeline>, Counts) = Default::default();
        for (i, config) in configs.iter().enumerate() {
            let at = format!("pipelines[{i}]");
            if config.name.is_empty() || all.iter().any(|p| p.name == config.name) {
                let reason = format!("{:?}: each pipeline needs a name of its own", config.name);
                return Err(PipelineError::new(format!("{at}.name"), reason));
            }
            let matchers = matchers(&config.selector).map_err(|e| e.under("match").under(&at))?;
            let stages = compile(&config.stages, 0, &mut counts).map_err(|e| e.under("stages").under(&at))?;
            counts.stages = 0;
            let (records, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
            all.push(Pipeline { name: config.name.clone(), matchers, stages, records, dropped });
        }
        Ok(Pipelines { all })
    }

    /// Takes over what was counted under an earlier configuration, where it is counted the same way now.
    pub fn go_on_from(&self, before: &Pipelines) {
        let (now, then) = (self.meters(), before.meters());
        for (pipeline, meter) in &now {
            if let Some((_, old)) = then.iter().find(|(p, m)| p == pipeline && m.name() == meter.name()) {
                meter.go_on_from(old);
            }
        }
        for pipeline in &self.all {
            if let Some(old) = before.all.iter().find(|p| p.name == pipeline.name) {
                pipeline.records.fetch_add(old.records.load(Ordering::Relaxed), Ordering::Relaxed);
                pipeline.dropped.fetch_add(old.dropped.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }

    /// The first pipeline for a stream.
    pub(crate) fn of_stream(&self, labels: &Labels) -> Option<&Pipeline> {
        self.all.iter().find(|p| p.selects(labels))
    }

    /// The pipeline of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Pipeline> {
        self.all.iter().find(|p| p.name == name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes the records of a batch through their pipelines. A batch that concerns none comes back as it is.
    pub fn apply(&self, batch: RecordBatch, now_ns: i64) -> Applied {
        let chosen: Vec<Option<&Pipeline>> = batch.streams().iter().map(|s| self.of_stream(s)).collect();
        if chosen.iter().all(Option::is_none) {
            return Applied { batch, rows: None, tally: Tally::default() };
        }
        let mut tally = Tally::default();
        let mut out = Output::of(&batch);
        let mut arena = Bump::new();
        for (place, row) in batch.iter().enumerate() {
            let kept = match chosen[row.stream.0 as usize] {
                None => {
                    out.push(&batch, row.stream, &[], &row.record);
                    true
                }
                Some(pipeline) => {
                    let labels = batch.labels(row.stream);
                    pipeline.records.fetch_add(1, Ordering::Relaxed);
                    let mut draft = Draft::of(&row.record);
                    let cx = Context { labels, arena: &arena, now_ns };
                    let kept = run(&pipeline.stages, &mut draft, cx, &mut tally);
                    match kept {
                        true => out.push_draft(&batch, row.stream, &draft),
                        false => {
                            pipeline.dropped.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    kept
                }
            };
            if kept {
                out.rows.push(place);
            }
            arena.reset();
        }
        Applied { batch: out.batch, rows: Some(out.rows), tally }
    }

    /// Counts what the records of a batch that is kept now count for.
    pub fn count(&self, tally: &Tally) {
        if !tally.is_empty() {
            tally.count(&self.meters());
        }
    }

    /// Every series of every derived metric.
    pub fn derived(&self) -> Vec<Derived> {
        let mut out = Vec::new();
        self.meters().iter().for_each(|(_, meter)| meter.derived(&mut out));
        out
    }

    /// What went through each.
    pub fn counts(&self) -> Vec<PipelineCounts> {
        let of = |p: &Pipeline| {
            let mut meters = Vec::new();
            collect_meters(&p.stages, &mut meters);
            PipelineCounts {
                name: p.name.clone(),
                records: p.records.load(Ordering::Relaxed),
                dropped: p.dropped.load(Ordering::Relaxed),
                metric_left_out: meters.iter().map(|m| m.left_out()).sum(),
            }
        };
        self.all.iter().map(of).collect()
    }

    /// All meters, with the names of their pipelines.
    fn meters(&self) -> Vec<(&str, &Meter)> {
        let mut out = Vec::new();
        for pipeline in &self.all {
            let mut of_this = Vec::new();
            collect_meters(&pipeline.stages, &mut of_this);
            out.extend(of_this.into_iter().map(|m| (pipeline.name.as_str(), m)));
        }
        out
    }
}

/// Meters among stages and the stages within them; nesting is bounded when they are compiled.
fn collect_meters<'a>(stages: &'a [Stage], out: &mut Vec<&'a Meter>) {
    for stage in stages {
        match stage {
            Stage::Metric(meter) => out.push(meter),
            Stage::If { then, otherwise, .. } => {
                collect_meters(then, out);
                collect_meters(otherwise, out);
            }
            _ => {}
        }
    }
}

impl Pipeline {
    fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
    }
}

fn matchers(selector: &BTreeMap<String, String>) -> Result<Vec<Matcher>, PipelineError> {
    selector
        .iter()
        .map(|(name, text)| {
            let (op, value) = match (text.get(..2), text) {
                (Some("=~"), t) => (MatchOp::Regex, &t[2..]),
                (Some("!~"), t) => (MatchOp::NotRegex, &t[2..]),
                (Some("!="), t) => (MatchOp::NotEqual, &t[2..]),
                (_, t) => (MatchOp::Equal, t.as_str()),
            };
            Matcher::new(op, name.as_str(), value)
                .map_err(|e| PipelineError::new(name.as_str(), e.to_string()))
        })
        .collect()
}

/// The batch that comes out.
struct Output {
    batch: RecordBatch,
    /// The streams of the old batch, once they are in the new one.
    same: Vec<Option<StreamRef>>,
    /// Streams with labels of their own.
    changed: HashMap<Labels, StreamRef>,
    attributes: AttributesBuf,
    /// Where the rows come from.
    rows: Vec<usize>,
}

impl Output {
    fn of(batch: &RecordBatch) -> Output {
        let mut out = RecordBatch::new(batch.tenant().clone());
        if let Some(delivery) = batch.delivery() {
            out.set_delivery(delivery.clone());
        }
        Output {
            batch: out,
            same: vec![None; batch.streams().len()],
            changed: HashMap::new(),
            attributes: AttributesBuf::new(),
            rows: Vec::new(),
        }
    }

    fn push_draft(&mut self, from: &RecordBatch, stream: StreamRef, draft: &Draft<'_>) {
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.clear();
        draft.fields.iter().for_each(|(name, value)| attributes.push(name, *value));
        let record = Record {
            time_ns: draft.time_ns,
            observed_ns: draft.observed_ns,
            severity: draft.severity,
            trace_id: draft.trace_id,
            span_id: draft.span_id,
            body: draft.body,
            attributes: attributes.as_attributes(),
        };
        self.push(from, stream, &draft.labels, &record);
        self.attributes = attributes;
    }

    fn push(&mut self, from: &RecordBatch, stream: StreamRef, labels: &[(&str, &str)], record: &Record<'_>) {
        let stream = match labels {
            [] => self.same(from, stream),
            own => self.changed(from, stream, own),
        };
        self.batch.push(stream, record);
    }

    fn same(&mut self, from: &RecordBatch, stream: StreamRef) -> StreamRef {
        let place = stream.0 as usize;
        match self.same[place] {
            Some(known) => known,
            None => *self.same[place].insert(self.batch.stream(from.labels(stream).clone())),
        }
    }

    fn changed(&mut self, from: &RecordBatch, stream: StreamRef, own: &[(&str, &str)]) -> StreamRef {
        let mut builder = from.labels(stream).to_builder();
        for (name, value) in own {
            builder.set(*name, *value);
        }
        let labels = builder.build();
        if let Some(known) = self.changed.get(&labels) {
            return *known;
        }
        if self.changed.len() >= STREAMS_MAX {
            return self.same(from, stream);
        }
        let new = self.batch.stream(labels.clone());
        self.changed.insert(labels, new);
        new
    }
}
