//! Lines to commands.

use crate::units::parse_query_duration;
use crate::value::Direction;
use model::Labels;
use regex::Regex;

pub(super) enum Command {
    Clear,
    Load(Vec<Stream>),
    Eval(Box<Eval>),
    Wrong { text: String, reason: String },
}

/// A stream with its lines, loaded or expected.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stream {
    pub labels: Labels,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub time_ns: i64,
    pub attributes: Vec<(String, Attribute)>,
    pub text: String,
}

/// An attribute as a script writes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl Attribute {
    pub fn text(&self) -> &str {
        match self {
            Attribute::Text(text) => text,
            _ => "",
        }
    }

    pub fn value(&self) -> model::record::Value<'_> {
        match self {
            Attribute::Text(text) => model::record::Value::String(text),
            Attribute::Int(v) => model::record::Value::Int(*v),
            Attribute::Float(v) => model::record::Value::Float(*v),
            Attribute::Bool(b) => model::record::Value::Bool(*b),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Logs { direction: Direction, start_ns: i64, end_ns: i64, limit: usize },
    Instant { time_ns: i64 },
    Range { start_ns: i64, end_ns: i64, step_ns: i64 },
}

/// What an error must say.
#[derive(Debug)]
pub(super) enum Message {
    Any,
    Exactly(String),
    Matching(Regex),
}

pub(super) enum Expected {
    Streams(Vec<Stream>),
    Scalar(f64),
    /// A value per step, one for an instant query.
    Series(Vec<(Labels, Vec<Option<f64>>)>),
    Failure(Message),
}

pub(super) struct Eval {
    pub query: String,
    pub kind: Kind,
    pub ordered: bool,
    pub expected: Expected,
}

/// Every command with its line, from 1.
pub(super) fn read(text: &str) -> Vec<(usize, Command)> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let head = lines[at];
        let start = at;
        at += 1;
        if head.trim().is_empty() || head.starts_with('#') {
            continue;
        }
        // What belongs to a command is indented.
        while at < lines.len() && (lines[at].starts_with([' ', '\t']) || lines[at].is_empty()) {
            at += 1;
        }
        let body = plain(lines[start + 1..at].iter().copied());
        let command = match head.split_whitespace().next().unwrap_or("") {
            "clear" => Ok(Command::Clear),
            "load" => streams(&body).map(Command::Load),
            "eval" => eval(&head["eval".len()..], &body).map(|e| Command::Eval(Box::new(e))),
            other => Err(format!("there is no command {other:?}: use load, eval or clear")),
        };
        let wrong = |reason| Command::Wrong { text: head.to_owned(), reason };
        out.push((start + 1, command.unwrap_or_else(wrong)));
    }
    out
}

/// Lines without what is around them, without comments and those that are empty.
pub(super) fn plain<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    lines.map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect()
}

/// Lines that one `load` may add.
const LINES_MAX: usize = 1_000_000;

/// Lines of a `load`: the labels of each stream, and its lines behind them.
pub(super) fn streams(body: &[&str]) -> Result<Vec<Stream>, String> {
    let mut out: Vec<Stream> = Vec::new();
    let mut count = 0;
    for text in body {
        if text.starts_with('{') {
            out.push(Stream { labels: labels(text)?, lines: Vec::new() });
            continue;
        }
        let stream = out.last_mut().ok_or("lines come behind the labels of their stream")?;
        let (time, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let times = times(time)?;
        count += times.len();
        if count > LINES_MAX {
            return Err(format!("more than {LINES_MAX} lines: repeat fewer"));
        }
        let line = line(rest)?;
        stream.lines.extend(times.into_iter().map(|time_ns| Line { time_ns, ..line.clone() }));
    }
    Ok(out)
}

/// When a line is there: at `10s`, or at `0s..5m/10s`, both ends included.
fn times(text: &str) -> Result<Vec<i64>, String> {
    let Some((from, rest)) = text.split_once("..") else { return Ok(vec![duration(text)?]) };
    let (to, step) = rest.split_once('/').ok_or_else(|| format!("{text:?} has no step: write {text}/10s"))?;
    let (from, to, step) = (duration(from)?, duration(to)?, duration(step)?);
    if step <= 0 || to < from {
        return Err(format!("{text:?}: it goes forward, in steps of more than nothing"));
    }
    let count = (to - from) / step + 1;
    if count > LINES_MAX as i64 {
        return Err(format!("{text:?}: {count} lines, over the limit of {LINES_MAX}: choose a longer step"));
    }
    Ok((0..count).map(|i| from + i * step).collect())
}

fn labels(text: &str) -> Result<Labels, String> {
    promql::parse_labels(text).map_err(|e| e.to_string())
}

/// What stands behind the time of a line.
fn line(text: &str) -> Result<Line, String> {
    let mut rest = text.trim_start();
    let mut attributes = Vec::new();
    if let Some(inside) = rest.strip_prefix('[') {
        let close = inside.find(']').ok_or("attributes end with ]")?;
        for pair in inside[..close].split(',').filter(|p| !p.trim().is_empty()) {
            attributes.push(attribute(pair.trim())?);
        }
        rest = inside[close + 1..].trim_start();
    }
    let text = match rest.starts_with(['"', '`']) {
        true => {
            let bytes = promql::unquote(rest).map_err(|e| format!("{rest}: {e}"))?;
            String::from_utf8(bytes).map_err(|_| format!("{rest} is not UTF-8"))?
        }
        false => rest.to_owned(),
    };
    Ok(Line { time_ns: 0, attributes, text })
}

/// `name="text"`, `name:int=5`, `name:float=0.5`, `name:bool=true`
fn attribute(text: &str) -> Result<(String, Attribute), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no attribute"))?;
    let (name, kind) = name.split_once(':').unwrap_or((name, "text"));
    let wrong = || format!("{value:?} is no {kind}");
    let value = match kind {
        "int" => Attribute::Int(value.parse().map_err(|_| wrong())?),
        "float" => Attribute::Float(value.parse().map_err(|_| wrong())?),
        "bool" => Attribute::Bool(value.parse().map_err(|_| wrong())?),
        _ => Attribute::Text(value.trim_matches('"').to_owned()),
    };
    Ok((name.to_owned(), value))
}

fn duration(text: &str) -> Result<i64, String> {
    parse_query_duration(text).ok_or_else(|| format!("{text:?} is not a time such as 1m30s"))
}

/// The next word.
fn word<'a>(text: &mut &'a str) -> &'a str {
    let trimmed = text.trim_start();
    let (word, rest) = trimmed.split_at(trimmed.find(char::is_whitespace).unwrap_or(trimmed.len()));
    *text = rest;
    word
}

fn time_behind(text: &mut &str, wanted: &str) -> Result<i64, String> {
    match word(text) {
        w if w == wanted => duration(word(text)),
        w => Err(format!("expected {wanted:?}, got {w:?}")),
    }
}

fn eval(head: &str, body: &[&str]) -> Result<Eval, String> {
    let mut rest = head;
    let kind = match word(&mut rest) {
        "logs" => {
            let direction = match word(&mut rest) {
                "forward" => Direction::Forward,
                "backward" => Direction::Backward,
                other => return Err(format!("expected \"forward\" or \"backward\", got {other:?}")),
            };
            let start_ns = time_behind(&mut rest, "from")?;
            let end_ns = time_behind(&mut rest, "to")?;
            let mut after = rest;
            let mut limit = 1000;
            if word(&mut after) == "limit" {
                limit = word(&mut after).parse().map_err(|_| "the limit is no number")?;
                rest = after;
            }
            Kind::Logs { direction, start_ns, end_ns, limit }
        }
        "instant" => Kind::Instant { time_ns: time_behind(&mut rest, "at")? },
        "range" => Kind::Range {
            start_ns: time_behind(&mut rest, "from")?,
            end_ns: time_behind(&mut rest, "to")?,
            step_ns: time_behind(&mut rest, "step")?,
        },
        other => return Err(format!("expected \"logs\", \"instant\" or \"range\", got {other:?}")),
    };
    let query = rest.trim().to_owned();
    let ordered = body.contains(&"expect ordered");
    let body: Vec<&str> = body.iter().copied().filter(|l| *l != "expect ordered").collect();
    Ok(Eval { query, kind, ordered, expected: expected(kind, &body)? })
}

fn expected(kind: Kind, body: &[&str]) -> Result<Expected, String> {
    if let Some(failure) = body.first().and_then(|l| l.strip_prefix("expect fail")) {
        let failure = failure.trim();
        return Ok(Expected::Failure(if failure.is_empty() {
            Message::Any
        } else if let Some(message) = failure.strip_prefix("msg:") {
            Message::Exactly(message.trim().to_owned())
        } else if let Some(pattern) = failure.strip_prefix("regex:") {
            Message::Matching(Regex::new(pattern.trim()).map_err(|e| e.to_string())?)
        } else {
            return Err(format!("expected msg: or regex:, got {failure:?}"));
        }));
    }
    match (kind, body) {
        (Kind::Logs { .. }, body) => streams(body).map(Expected::Streams),
        (Kind::Instant { .. }, [one]) if !one.starts_with('{') => {
            number(one).map(|v| Expected::Scalar(v.unwrap_or(f64::NAN)))
        }
        (_, body) => body.iter().map(|l| series(l)).collect::<Result<_, _>>().map(Expected::Series),
    }
}

fn series(text: &str) -> Result<(Labels, Vec<Option<f64>>), String> {
    // Values have no braces.
    let close = text.rfind('}').ok_or_else(|| format!("{text:?} does not begin with labels"))?;
    let values: Result<_, String> = text[close + 1..].split_whitespace().map(number).collect();
    Ok((labels(&text[..=close])?, values?))
}

fn number(text: &str) -> Result<Option<f64>, String> {
    match text {
        "_" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| format!("{text:?} is not a number")),
    }
}
