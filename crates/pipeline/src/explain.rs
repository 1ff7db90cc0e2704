//! What each stage makes of a line, for people.

use crate::config::{PipelineConfig, PipelineError};
use crate::draft::{Draft, shown};
use crate::metric::Tally;
use crate::pipeline::Pipelines;
use crate::stage::{Context, Outcome, name_of};
use bumpalo::Bump;
use model::Labels;
use model::record::Record;
use serde::Serialize;

/// A line on its way through a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// As it came.
    pub line: String,
    /// What each stage did, up to the one that dropped it.
    pub steps: Vec<Step>,
    /// What is kept of it; nothing if it was dropped.
    pub result: Option<Shown>,
}

/// What one stage did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The stage's key: `json`.
    pub stage: &'static str,
    /// Its place among the stages, from 0 on.
    pub place: usize,
    /// Why it did nothing, or that the record is dropped; empty if it did what it is for.
    pub note: String,
    /// The record after it, if that changed.
    pub record: Option<Shown>,
}

/// A record, readable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Unix nanoseconds.
    pub time_ns: i64,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `unknown`.
    pub level: &'static str,
    /// The line.
    pub body: String,
    /// Attributes in order, with their values as text.
    pub attributes: Vec<(String, String)>,
    /// Labels that the stream gets.
    pub labels: Vec<(String, String)>,
    /// The trace, if there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trace_id: String,
    /// The span, if there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub span_id: String,
}

impl Shown {
    fn of(draft: &Draft<'_>) -> Shown {
        let arena = Bump::new();
        let text = |value| shown(value, &arena).to_owned();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let id = |none: bool, id: String| if none { String::new() } else { id };
        Shown {
            time_ns: draft.time_ns,
            level: draft.severity.text(),
            body: text(draft.body),
            attributes: draft.fields.iter().map(|(n, v)| ((*n).to_owned(), text(*v))).collect(),
            labels: draft.labels.iter().map(owned).collect(),
            trace_id: id(draft.trace_id.is_none(), draft.trace_id.to_string()),
            span_id: id(draft.span_id.is_none(), draft.span_id.to_string()),
        }
    }
}

impl Pipelines {
    /// Takes lines of a stream through one pipeline, and tells what each stage did. Metrics are not counted.
    pub fn explain(
        config: &PipelineConfig,
        labels: &Labels,
        lines: &[&str],
        now_ns: i64,
    ) -> Result<Vec<Explained>, PipelineError> {
        let compiled = Pipelines::new(std::slice::from_ref(config))?;
        let Some(pipeline) = compiled.named(&config.name) else { return Ok(Vec::new()) };
        let explained = lines.iter().map(|line| {
            let arena = Bump::new();
            let cx = Context { labels, arena: &arena, now_ns };
            let mut draft = Draft::of(&Record { observed_ns: now_ns, ..Record::line(now_ns, line) });
            let mut tally = Tally::default();
            let (mut steps, mut before, mut kept) = (Vec::new(), Shown::of(&draft), true);
            for (place, (stage, config)) in pipeline.stages.iter().zip(&config.stages).enumerate() {
                let note = match stage.apply(&mut draft, cx, &mut tally) {
                    Outcome::Done => String::new(),
                    Outcome::Missed(why) => why.to_string(),
                    Outcome::Dropped => {
                        kept = false;
                        "the record is dropped".into()
                    }
                };
                let after = Shown::of(&draft);
                let record = (kept && after != before).then(|| after.clone());
                before = after;
                steps.push(Step { stage: name_of(config), place, note, record });
                if !kept {
                    break;
                }
            }
            Explained { line: (*line).to_owned(), steps, result: kept.then_some(before) }
        });
        Ok(explained.collect())
    }
}
