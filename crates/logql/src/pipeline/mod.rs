//! What a line goes through.
//!
//! A [`Pipeline`] is made once per query. The rows of a block are run through it one by one; everything that is cut
//! out of a line is borrowed from it, and what has to be made (unescaped text, formatted lines) lives in an arena
//! that is emptied every few rows.

mod dates;
mod decolorize;
mod encoding;
mod format;
mod functions;
mod ip;
mod json;
mod json_value;
mod labels;
mod line;
mod logfmt;
mod parse;
mod pattern;
mod predicate;
mod value;

pub(crate) use format::check_template;
pub(crate) use ip::IpSet;
pub(crate) use json::check_path as check_json_path;
pub(crate) use labels::{Kind, Pair, RowLabels};
pub use line::line_filters;
pub(crate) use line::{check_regex, pushed};
pub(crate) use parse::Wanted;
pub(crate) use pattern::check as check_pattern;
pub(crate) use predicate::{Predicate, parse_number};
pub(crate) use value::{attribute_text, push_json};

use crate::ast::{FormatValue, LabelPick, LogExpr, StageKind};
use bumpalo::Bump;
use format::{Format, Template};
use parse::Parser;
use promql::EvalError;

/// The label that says that a stage failed, and how.
pub const ERROR: &str = "__error__";
/// The label that says why.
pub const ERROR_DETAILS: &str = "__error_details__";

/// A row on its way.
pub(crate) struct Row<'b> {
    pub time_ns: i64,
    pub line: &'b str,
    pub labels: RowLabels<'b>,
}

/// A step of a pipeline, ready to run.
#[derive(Debug)]
pub(crate) enum Step {
    Line(line::LineTest),
    Parse(Parser),
    Label(Predicate),
    LineFormat(Template),
    LabelFormat(Vec<(String, Format)>),
    Decolorize,
    Drop(Vec<LabelPick>),
    Keep(Vec<LabelPick>),
}

/// The steps of a query that are not left to the source.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub steps: Vec<Step>,
    /// Which stage of the query each step is.
    pub stages: Vec<usize>,
    /// The labels that anybody looks at before and after each step, one more than there are steps.
    pub wanted: Vec<Wanted>,
}

/// A regular expression that line filters and parsers can use; a dot matches a newline too.
fn regex(pattern: &str) -> Result<regex::Regex, String> {
    const REGEX_BYTES_MAX: usize = 4 << 20;
    regex::RegexBuilder::new(pattern).dot_matches_new_line(true).size_limit(REGEX_BYTES_MAX).build().map_err(
        |e| {
            let text = e.to_string();
            let reason = text.lines().last().unwrap_or_default();
            format!("regular expression {}: {}", promql::quote(pattern), reason.trim_start_matches("error: "))
        },
    )
}

/// Whether `| regexp` can use an expression.
pub(crate) fn check_capturing_regex(pattern: &str) -> Result<(), String> {
    parse::capturing(pattern).map(|_| ())
}

impl Pipeline {
    /// The steps from `stages` that the source does not do, when `after` is what is looked at in the end.
    pub fn new(log: &LogExpr, after: Wanted, now_ns: i64) -> Result<Pipeline, EvalError> {
        let (mut steps, mut stages) = (Vec::new(), Vec::new());
        let mut changed = false;
        for (at, stage) in log.stages.iter().enumerate() {
            if let Some(step) = step(&stage.kind, changed, now_ns).map_err(EvalError::query)? {
                changed |= step.changes_line();
                steps.push(step);
                stages.push(at);
            }
        }
        let mut wanted = vec![after];
        for step in steps.iter().rev() {
            let before = step.wanted(&wanted[wanted.len() - 1]);
            wanted.push(before);
        }
        wanted.reverse();
        let mut pipeline = Pipeline { steps, stages, wanted };
        for (step, wanted) in pipeline.steps.iter_mut().zip(&pipeline.wanted[1..]) {
            if let Step::Parse(parser) = step {
                parser.wanted = wanted.clone();
            }
        }
        Ok(pipeline)
    }

    /// Whether any step looks at the line; `after` steps that are already done.
    pub fn needs_line(&self) -> bool {
        self.steps.iter().any(Step::needs_line)
    }

    /// Runs a row through the steps from `from` on. False if it is filtered out.
    pub fn run<'b>(&self, from: usize, row: &mut Row<'b>, arena: &'b Bump) -> bool {
        self.steps[from..].iter().all(|step| step.run(row, arena))
    }
}

/// The step for a stage, unless the source does all of it. `changed` says whether the line may differ from the
/// stored one by now.
fn step(stage: &StageKind, changed: bool, now_ns: i64) -> Result<Option<Step>, String> {
    Ok(Some(match stage {
        StageKind::Line(filter) => {
            if !changed && pushed(filter).is_ok_and(|p| p.complete) {
                return Ok(None);
            }
            Step::Line(line::LineTest::new(filter)?)
        }
        StageKind::Json(fields) => Step::Parse(Parser::json(fields)?),
        StageKind::Logfmt { strict, keep_empty, fields } => {
            Step::Parse(Parser::logfmt(*strict, *keep_empty, fields))
        }
        StageKind::Pattern(text) => Step::Parse(Parser::pattern(text)?),
        StageKind::Regexp(text) => Step::Parse(Parser::regexp(text)?),
        StageKind::Unpack => Step::Parse(Parser::unpack()),
        StageKind::Label(filter) => Step::Label(Predicate::new(filter)?),
        StageKind::LineFormat(text) => Step::LineFormat(Template::new(text, now_ns)?),
        StageKind::LabelFormat(formats) => {
            let format = |value: &FormatValue| match value {
                FormatValue::Rename(source) => Ok(Format::Rename(source.clone())),
                FormatValue::Template(text) => Template::new(text, now_ns).map(Format::Template),
            };
            let all: Result<_, String> =
                formats.iter().map(|f| Ok((f.label.clone(), format(&f.value)?))).collect();
            Step::LabelFormat(all?)
        }
        StageKind::Decolorize => Step::Decolorize,
        StageKind::Drop(picks) => Step::Drop(picks.clone()),
        StageKind::Keep(picks) => Step::Keep(picks.clone()),
    }))
}

/// Whether the stages from here on see another line than the stored one.
pub(crate) fn changes_line(stage: &StageKind) -> bool {
    matches!(stage, StageKind::LineFormat(_) | StageKind::Decolorize | StageKind::Unpack)
}

impl Step {
    fn changes_line(&self) -> bool {
        match self {
            Step::LineFormat(_) | Step::Decolorize => true,
            Step::Parse(parser) => parser.is_unpack(),
            _ => false,
        }
    }

    fn needs_line(&self) -> bool {
        match self {
            Step::Line(_) | Step::Decolorize => true,
            // Nobody looks at what a parser that cannot fail would find.
            Step::Parse(parser) => !parser.is_idle(),
            Step::LineFormat(template) => template.uses_line(),
            Step::LabelFormat(formats) => {
                formats.iter().any(|(_, f)| matches!(f, Format::Template(t) if t.uses_line()))
            }
            Step::Label(_) | Step::Drop(_) | Step::Keep(_) => false,
        }
    }

    /// What is looked at before this step, given what is after it.
    fn wanted(&self, after: &Wanted) -> Wanted {
        let mut wanted = after.clone();
        match self {
            Step::Line(_) | Step::Decolorize => {}
            Step::Parse(_) => wanted.add_originals(),
            Step::Label(predicate) => predicate.names(&mut |name| wanted.add(name)),
            Step::LineFormat(template) => template.add_wanted(&mut wanted),
            Step::LabelFormat(formats) => {
                for (_, format) in formats {
                    match format {
                        Format::Rename(source) => wanted.add(source),
                        Format::Template(template) => template.add_wanted(&mut wanted),
                    }
                }
            }
            Step::Drop(picks) | Step::Keep(picks) => {
                for pick in picks {
                    if let LabelPick::Matcher(m) = pick {
                        wanted.add(m.name());
                    }
                }
            }
        }
        wanted
    }

    pub fn run<'b>(&self, row: &mut Row<'b>, arena: &'b Bump) -> bool {
        match self {
            Step::Line(test) => return test.passes(row.line),
            Step::Parse(parser) => parser.run(row, arena),
            Step::Label(predicate) => return predicate.holds(&mut row.labels, arena),
            Step::LineFormat(template) => {
                if let Some(line) = template.render(row, arena) {
                    row.line = line;
                }
            }
            Step::LabelFormat(formats) => {
                for (label, format) in formats {
                    format.apply(label, row, arena);
                }
            }
            Step::Decolorize => row.line = decolorize::decolorize(row.line, arena),
            Step::Drop(picks) => picks.iter().for_each(|pick| row.labels.drop_picked(pick)),
            Step::Keep(picks) => row.labels.keep_picked(picks),
        }
        true
    }
}
