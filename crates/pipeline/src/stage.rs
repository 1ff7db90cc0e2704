//! Stages, compiled.

use crate::clock::Format;
use crate::condition::{Test, level};
use crate::config::{PipelineError, StageConfig};
use crate::detect;
use crate::draft::{Draft, shown};
use crate::grok;
use crate::metric::{Meter, Tally};
use crate::parse::{self, Groups};
use crate::redact::Redactor;
use crate::why::Why;
use bumpalo::Bump;
use model::Labels;
use model::record::{Severity, SpanId, TraceId, Value};
use xxhash_rust::xxh3::xxh3_64;

/// Conditions within conditions.
const DEPTH_MAX: usize = 8;
/// Stages of a pipeline, with those within conditions.
const STAGES_MAX: usize = 100;

/// What a stage made of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome<'a> {
    /// What it is for.
    Done,
    /// Nothing, for this reason.
    Missed(Why<'a>),
    /// It is not kept.
    Dropped,
}

/// What every stage can see.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The labels of the stream.
    pub labels: &'a Labels,
    pub arena: &'a Bump,
    pub now_ns: i64,
}

#[derive(Debug)]
pub(crate) enum Stage {
    Json { field: Option<String>, prefix: String },
    Logfmt { field: Option<String>, prefix: String },
    Groups { field: Option<String>, groups: Groups },
    Timestamp { field: String, format: Format, offset_s: i64 },
    Level { field: String, values: Vec<(String, Severity)> },
    Trace { trace_id: String, span_id: String },
    Detect { time: bool, level: bool, offset_s: i64 },
    Body(String),
    Rename(Vec<(String, String)>),
    Remove(Vec<String>),
    Keep(Vec<String>),
    Set(Vec<(String, String)>),
    Labels(Vec<String>),
    Drop(Test),
    Sample { below: u64, by: Option<String> },
    Redact(Redactor),
    Metric(Meter),
    If { test: Test, then: Vec<Stage>, otherwise: Vec<Stage> },
}

/// What was counted while compiling.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Stages of this pipeline.
    pub stages: usize,
    /// Meters of all pipelines.
    pub meters: usize,
}

/// Compiles stages.
pub(crate) fn compile(
    configs: &[StageConfig],
    depth: usize,
    counts: &mut Counts,
) -> Result<Vec<Stage>, PipelineError> {
    if depth > DEPTH_MAX {
        return Err(PipelineError::new("", format!("conditions nest deeper than {DEPTH_MAX}")));
    }
    let mut stages = Vec::new();
    for (i, config) in configs.iter().enumerate() {
        counts.stages += 1;
        if counts.stages > STAGES_MAX {
            return Err(PipelineError::new(
                format!("[{i}]"),
                format!("a pipeline has at most {STAGES_MAX} stages"),
            ));
        }
        let (name, stage) = (name_of(config), of(config, depth, counts));
        stages.push(stage.map_err(|e| e.under(name).under(&format!("[{i}]")))?);
    }
    Ok(stages)
}

/// The key of a stage.
pub(crate) fn name_of(config: &StageConfig) -> &'static str {
    match config {
        StageConfig::Json(_) => "json",
        StageConfig::Logfmt(_) => "logfmt",
        StageConfig::Regex(_) => "regex",
        StageConfig::Grok(_) => "grok",
        StageConfig::Timestamp(_) => "timestamp",
        StageConfig::Level(_) => "level",
        StageConfig::Trace(_) => "trace",
        StageConfig::Detect(_) => "detect",
        StageConfig::Body(_) => "body",
        StageConfig::Rename(_) => "rename",
        StageConfig::Remove(_) => "remove",
        StageConfig::Keep(_) => "keep",
        StageConfig::Set(_) => "set",
        StageConfig::Labels(_) => "labels",
        StageConfig::Drop(_) => "drop",
        StageConfig::Sample(_) => "sample",
        StageConfig::Redact(_) => "redact",
        StageConfig::Metric(_) => "metric",
        StageConfig::If(_) => "if",
    }
}

fn of(config: &StageConfig, depth: usize, counts: &mut Counts) -> Result<Stage, PipelineError> {
    let pairs = |map: &std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        map.iter().map(|(a, b)| (a.clone(), b.clone())).collect()
    };
    let offset = |minutes: i32| match minutes.unsigned_abs() <= 24 * 60 {
        true => Ok(i64::from(minutes) * 60),
        false => Err(PipelineError::new("utc_offset_minutes", "no place is a day away from UTC")),
    };
    Ok(match config {
        StageConfig::Json(c) => Stage::Json { field: c.field.clone(), prefix: c.prefix.clone() },
        StageConfig::Logfmt(c) => Stage::Logfmt { field: c.field.clone(), prefix: c.prefix.clone() },
        StageConfig::Regex(c) => {
            Stage::Groups { field: c.field.clone(), groups: grok::named_groups(&c.pattern)? }
        }
        StageConfig::Grok(c) => Stage::Groups { field: c.field.clone(), groups: grok::compile(c)? },
        StageConfig::Timestamp(c) => Stage::Timestamp {
            field: c.field.clone(),
            format: Format::new(c)?,
            offset_s: offset(c.utc_offset_minutes)?,
        },
        StageConfig::Level(c) => {
            let of_word = |(word, to): (&String, &String)| Ok((word.clone(), level("values", to)?));
            let values = c.values.iter().map(of_word).collect::<Result<_, PipelineError>>()?;
            Stage::Level { field: c.field.clone(), values }
        }
        StageConfig::Trace(c) => Stage::Trace { trace_id: c.trace_id.clone(), span_id: c.span_id.clone() },
        StageConfig::Detect(c) => {
            Stage::Detect { time: c.time, level: c.level, offset_s: offset(c.utc_offset_minutes)? }
        }
        StageConfig::Body(field) => Stage::Body(field.clone()),
        StageConfig::Rename(map) => Stage::Rename(pairs(map)),
        StageConfig::Remove(names) => Stage::Remove(names.clone()),
        StageConfig::Keep(names) => Stage::Keep(names.clone()),
        StageConfig::Set(map) => Stage::Set(pairs(map)),
        StageConfig::Labels(names) => Stage::Labels(names.clone()),
        StageConfig::Drop(condition) => Stage::Drop(Test::new(condition)?),
        StageConfig::Sample(c) => {
            if !(c.keep > 0.0 && c.keep < 1.0) {
                let reason = format!("is {}: a share is more than 0 and less than 1", c.keep);
                return Err(PipelineError::new("keep", reason));
            }
            Stage::Sample { below: (c.keep * u64::MAX as f64) as u64, by: c.by.clone() }
        }
        StageConfig::Redact(c) => Stage::Redact(Redactor::new(c)?),
        StageConfig::Metric(c) => {
            counts.meters += 1;
            Stage::Metric(Meter::new(c, counts.meters)?)
        }
        StageConfig::If(c) => Stage::If {
            test: Test::new(&c.when).map_err(|e| e.under("when"))?,
            then: compile(&c.then, depth + 1, counts).map_err(|e| e.under("then"))?,
            otherwise: compile(&c.otherwise, depth + 1, counts).map_err(|e| e.under("else"))?,
        },
    })
}

/// Runs stages over a record; `false` if it is dropped.
pub(crate) fn run<'a>(
    stages: &'a [Stage],
    draft: &mut Draft<'a>,
    cx: Context<'a>,
    tally: &mut Tally,
) -> bool {
    stages.iter().all(|stage| stage.apply(draft, cx, tally) != Outcome::Dropped)
}

impl Stage {
    /// Does what the stage is for.
    pub fn apply<'a>(&'a self, draft: &mut Draft<'a>, cx: Context<'a>, tally: &mut Tally) -> Outcome<'a> {
        let done = match self {
            Stage::Json { field, prefix } => {
                text(draft, field).and_then(|text| parse::json(text, prefix, draft, cx.arena))
            }
            Stage::Logfmt { field, prefix } => {
                text(draft, field).and_then(|text| parse::logfmt(text, prefix, draft, cx.arena))
            }
            Stage::Groups { field, groups } => text(draft, field).and_then(|text| groups.take(text, draft)),
            Stage::Timestamp { field, format, offset_s } => timestamp(draft, field, format, *offset_s, cx),
            Stage::Level { field, values } => severity(draft, field, values, cx),
            Stage::Trace { trace_id, span_id } => trace(draft, trace_id, span_id),
            Stage::Detect { time, level, offset_s } => detected(draft, *time, *level, *offset_s, cx),
            Stage::Body(field) => match draft.take(field) {
                Some(value) => {
                    draft.body = value;
                    Ok(())
                }
                None => Err(Why::Absent(field)),
            },
            Stage::Drop(test) => {
                return match test.holds(draft, cx.labels, cx.arena) {
                    true => Outcome::Dropped,
                    false => Outcome::Done,
                };
            }
            Stage::Sample { below, by } => {
                return if is_sampled(draft, *below, by.as_deref(), cx) {
                    Outcome::Done
                } else {
                    Outcome::Dropped
                };
            }
            Stage::Metric(meter) => meter.note(draft, cx.labels, cx.arena, tally),
            Stage::If { test, then, otherwise } => {
                let stages = if test.holds(draft, cx.labels, cx.arena) { then } else { otherwise };
                return if run(stages, draft, cx, tally) { Outcome::Done } else { Outcome::Dropped };
            }
            Stage::Redact(redactor) => {
                redact(redactor, draft, cx.arena);
                Ok(())
            }
            Stage::Rename(_) | Stage::Remove(_) | Stage::Keep(_) | Stage::Set(_) | Stage::Labels(_) => {
                self.shape(draft, cx);
                Ok(())
            }
        };
        done.map_or_else(Outcome::Missed, |()| Outcome::Done)
    }

    /// Changes which attributes there are.
    fn shape<'a>(&'a self, draft: &mut Draft<'a>, cx: Context<'a>) {
        match self {
            Stage::Rename(names) => {
                // All are taken before any is set, so that names can be exchanged.
                let taken: Vec<_> =
                    names.iter().filter_map(|(old, new)| Some((new, draft.take(old)?))).collect();
                taken.into_iter().for_each(|(new, value)| draft.set(new, value));
            }
            Stage::Remove(names) => draft.fields.retain(|(n, _)| !names.iter().any(|name| name == n)),
            Stage::Keep(names) => draft.fields.retain(|(n, _)| names.iter().any(|name| name == n)),
            Stage::Set(pairs) => pairs.iter().for_each(|(name, value)| draft.set(name, Value::String(value))),
            Stage::Labels(names) => {
                for name in names {
                    if let Some(value) = draft.take(name) {
                        draft.labels.retain(|(n, _)| n != name);
                        draft.labels.push((name.as_str(), shown(value, cx.arena)));
                    }
                }
            }
            _ => {}
        }
    }
}

fn text<'a>(draft: &Draft<'a>, field: &'a Option<String>) -> Result<&'a str, Why<'a>> {
    draft.text(field.as_deref()).ok_or_else(|| match field {
        None => Why::NoText,
        Some(name) if draft.get(name).is_some() => Why::NotText(name),
        Some(name) => Why::Absent(name),
    })
}

fn timestamp<'a>(
    draft: &mut Draft<'a>,
    field: &'a str,
    format: &Format,
    offset_s: i64,
    cx: Context<'a>,
) -> Result<(), Why<'a>> {
    let value = draft.get(field).ok_or(Why::Absent(field))?;
    let time_ns = format.read(value, cx.now_ns, offset_s);
    draft.time_ns = time_ns.ok_or(Why::NotTime(value))?;
    draft.take(field);
    Ok(())
}

fn severity<'a>(
    draft: &mut Draft<'a>,
    field: &'a str,
    values: &[(String, Severity)],
    cx: Context<'a>,
) -> Result<(), Why<'a>> {
    let value = draft.get(field).ok_or(Why::Absent(field))?;
    let word = shown(value, cx.arena);
    let own = values.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, s)| *s);
    match own.unwrap_or_else(|| ingest::logs::severity_of(value)) {
        Severity::UNKNOWN => Err(Why::NotLevel(word)),
        severity => {
            draft.severity = severity;
            Ok(())
        }
    }
}

fn trace<'a>(draft: &mut Draft<'a>, trace_id: &'a str, span_id: &'a str) -> Result<(), Why<'a>> {
    let id = draft.text(Some(trace_id)).and_then(TraceId::from_hex);
    let span = draft.text(Some(span_id)).and_then(SpanId::from_hex);
    if let Some(id) = id {
        draft.trace_id = id;
        draft.take(trace_id);
    }
    if let Some(span) = span {
        draft.span_id = span;
        draft.take(span_id);
    }
    match id.is_some() || span.is_some() {
        true => Ok(()),
        false => Err(Why::NoIds(trace_id, span_id)),
    }
}

fn detected<'a>(
    draft: &mut Draft<'a>,
    time: bool,
    level: bool,
    offset_s: i64,
    cx: Context<'a>,
) -> Result<(), Why<'a>> {
    let Some(line) = draft.body.as_str() else { return Err(Why::NoText) };
    let mut found = false;
    if time && let Some(time_ns) = detect::line_time(line, cx.now_ns, offset_s) {
        draft.time_ns = time_ns;
        found = true;
    }
    if level && draft.severity == Severity::UNKNOWN {
        draft.severity = detect::line_level(line);
        found |= draft.severity != Severity::UNKNOWN;
    }
    if found { Ok(()) } else { Err("the line has no time or level of a known format".into()) }
}

/// Whether a record is among those kept. It follows from the record alone, so that one that is sent again meets the same
/// fate.
fn is_sampled<'a>(draft: &Draft<'a>, below: u64, by: Option<&str>, cx: Context<'a>) -> bool {
    let hash = match by.and_then(|name| draft.get(name)) {
        Some(value) => xxh3_64(shown(value, cx.arena).as_bytes()),
        None => {
            let text = xxh3_64(shown(draft.body, cx.arena).as_bytes());
            text ^ (draft.time_ns as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        }
    };
    // The time alone moves the hash in steps; once more mixes it.
    xxh3_64(&hash.to_le_bytes()) <= below
}

fn redact<'a>(redactor: &Redactor, draft: &mut Draft<'a>, arena: &'a Bump) {
    if redactor.fields.is_none()
        && let Some(body) = redactor.value("", draft.body, arena)
    {
        draft.body = body;
    }
    for (name, value) in &mut draft.fields {
        let chosen = redactor.fields.as_ref().is_none_or(|all| all.iter().any(|n| n.as_str() == *name));
        if chosen && let Some(clean) = redactor.value(name, *value, arena) {
            *value = clean;
        }
    }
}
