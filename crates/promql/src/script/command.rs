//! Lines to commands.

use super::notation::{self, Item};
use crate::text::{parse_duration, unquote};
use model::Labels;
use regex::Regex;

/// A series of a `load` command.
pub(super) struct Line {
    pub labels: Labels,
    pub items: Vec<Item>,
    pub starts: Option<Vec<Option<i64>>>,
}

pub(super) enum Command {
    Clear,
    Load { step_ms: i64, lines: Vec<Line>, custom_buckets: bool },
    Eval(Box<Eval>),
    Wrong { text: String, reason: String },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Instant { time: i64 },
    Range { start: i64, end: i64, step: i64 },
}

/// What is expected of an annotation or error.
pub(super) enum Text {
    Any,
    Exactly(String),
    Matching(Regex),
}

impl Text {
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Text::Any => true,
            Text::Exactly(t) => t == text,
            Text::Matching(r) => r.is_match(text),
        }
    }

    pub fn shown(&self) -> String {
        match self {
            Text::Any => "any".to_owned(),
            Text::Exactly(t) => format!("{t:?}"),
            Text::Matching(r) => format!("matching {:?}", r.as_str()),
        }
    }
}

/// An `eval` command with all that is expected of it.
pub(super) struct Eval {
    pub query: String,
    pub kind: Kind,
    pub ordered: bool,
    pub fail: Option<Text>,
    pub warn: Vec<Text>,
    pub info: Vec<Text>,
    /// The older form: some annotation, whatever it says.
    pub some_warn: bool,
    pub some_info: bool,
    pub no_warn: bool,
    pub no_info: bool,
    pub scalar: Option<f64>,
    pub string: Option<String>,
    pub series: Vec<(Labels, Vec<Item>)>,
    /// The times of an expected range vector, and that the query cannot be asked over a range.
    pub times: Option<(i64, i64, i64)>,
    pub only_instant: bool,
}

/// Every command with its line, from 1.
pub(super) fn read(text: &str) -> Vec<(usize, Command)> {
    let lines: Vec<&str> = text
        .lines()
        .map(|l| {
            let l = l.trim();
            if l.starts_with('#') { "" } else { l }
        })
        .collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if lines[at].is_empty() {
            at += 1;
            continue;
        }
        let start = at;
        let word = lines[at].split_whitespace().next().unwrap_or("").to_ascii_lowercase();
        at += 1;
        if word == "clear" {
            out.push((start + 1, Command::Clear));
            continue;
        }
        let body_start = at;
        while at < lines.len() && !lines[at].is_empty() {
            at += 1;
        }
        let mut body = &lines[body_start..at];
        let result = if word.starts_with("load") {
            load(lines[start], body)
        } else if word.starts_with("eval") {
            let result = eval(lines[start], &mut body);
            // A scalar ends its command, whatever follows.
            at -= body.len();
            result
        } else {
            Err(format!("invalid command {:?}", lines[start]))
        };
        let wrong = |reason| Command::Wrong { text: lines[start].to_owned(), reason };
        out.push((start + 1, result.unwrap_or_else(wrong)));
    }
    out
}

fn load(head: &str, body: &[&str]) -> Result<Command, String> {
    let (word, step) = head.split_once(char::is_whitespace).ok_or("load needs a step")?;
    let custom_buckets = match word {
        "load" => false,
        "load_with_nhcb" => true,
        _ => return Err(format!("invalid load command {word:?}")),
    };
    let step_ms = parse_duration(step.trim())?;
    let mut lines = Vec::new();
    let mut starts: Option<(Labels, Vec<Option<i64>>)> = None;
    for line in body {
        let series_end = line.find([' ', '\t']).unwrap_or(line.len());
        if let Some(series) = line[..series_end].strip_suffix("@st") {
            if starts.is_some() {
                return Err("@st line has no following sample line".to_owned());
            }
            let (labels, _) = notation::series(series)?;
            starts = Some((labels, notation::starts(&line[series_end..])?));
            continue;
        }
        let (labels, items) = notation::series(line)?;
        let starts = match starts.take() {
            None => None,
            Some((of, _)) if of != labels => {
                return Err("@st metric does not match the following sample line metric".to_owned());
            }
            Some((_, s)) if s.len() != items.len() => {
                return Err(format!("@st line has {} values but sample line has {}", s.len(), items.len()));
            }
            Some((_, s)) => Some(s),
        };
        lines.push(Line { labels, items, starts });
    }
    if starts.is_some() {
        return Err("@st line has no following sample line".to_owned());
    }
    Ok(Command::Load { step_ms, lines, custom_buckets })
}

/// The next word and what follows it.
fn word<'a>(text: &mut &'a str) -> &'a str {
    let trimmed = text.trim_start();
    let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
    let (word, rest) = trimmed.split_at(end);
    *text = rest;
    word
}

fn expect_word(text: &mut &str, wanted: &str) -> Result<(), String> {
    match word(text) {
        w if w == wanted => Ok(()),
        w => Err(format!("expected {wanted:?}, got {w:?}")),
    }
}

fn eval(head: &str, body: &mut &[&str]) -> Result<Command, String> {
    let mut rest = head;
    let modifier = word(&mut rest).strip_prefix("eval").unwrap_or("");
    let kind = match word(&mut rest) {
        "instant" => {
            let mut after = rest;
            let time = if word(&mut after) == "at" {
                rest = after;
                parse_duration(word(&mut rest))?
            } else {
                0
            };
            Kind::Instant { time }
        }
        "range" => {
            expect_word(&mut rest, "from")?;
            let start = parse_duration(word(&mut rest))?;
            expect_word(&mut rest, "to")?;
            let end = parse_duration(word(&mut rest))?;
            expect_word(&mut rest, "step")?;
            let step = parse_duration(word(&mut rest))?;
            if end < start {
                return Err("the end is before the start".to_owned());
            }
            Kind::Range { start, end, step }
        }
        other => return Err(format!("expected \"instant\" or \"range\", got {other:?}")),
    };
    let mut eval = Eval {
        query: rest.trim().to_owned(),
        kind,
        ordered: false,
        fail: None,
        warn: Vec::new(),
        info: Vec::new(),
        some_warn: false,
        some_info: false,
        no_warn: false,
        no_info: false,
        scalar: None,
        string: None,
        series: Vec::new(),
        times: None,
        only_instant: false,
    };
    match modifier {
        "" => {}
        "_fail" => eval.fail = Some(Text::Any),
        "_warn" => eval.some_warn = true,
        "_info" => eval.some_info = true,
        "_ordered" => eval.ordered = true,
        other => return Err(format!("invalid command eval{other}")),
    }
    while let Some((line, rest)) = body.split_first() {
        *body = rest;
        if !eval.line(line)? {
            break;
        }
    }
    Ok(Command::Eval(Box::new(eval)))
}

impl Eval {
    /// Reads a line below the command. False if it is the last.
    fn line(&mut self, line: &str) -> Result<bool, String> {
        if let Some(message) = line.strip_prefix("expected_fail_message") {
            self.fail = Some(Text::Exactly(message.trim().to_owned()));
            return Ok(false);
        }
        if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
            self.fail = Some(Text::Matching(Regex::new(pattern.trim()).map_err(|e| e.to_string())?));
            return Ok(false);
        }
        if let Some(mut range) = line.strip_prefix("expect range vector") {
            expect_word(&mut range, "from")?;
            let from = parse_duration(word(&mut range))?;
            expect_word(&mut range, "to")?;
            let to = parse_duration(word(&mut range))?;
            expect_word(&mut range, "step")?;
            self.times = Some((from, to, parse_duration(word(&mut range))?));
            self.only_instant = true;
            return Ok(true);
        }
        if let Some(text) = line.strip_prefix("expect string") {
            let text = unquote(text.trim())?;
            self.string = Some(String::from_utf8_lossy(&text).into_owned());
            self.only_instant = true;
            return Ok(true);
        }
        if line == "expect" || line.starts_with("expect ") {
            return self.expectation(line["expect".len()..].trim()).map(|()| true);
        }
        if let Ok((_, items)) = notation::series(&format!("x {line}"))
            && let [Item::Float(v)] = items.as_slice()
            && !line.contains(char::is_whitespace)
        {
            self.scalar = Some(*v);
            return Ok(false);
        }
        let (labels, items) = notation::series(line)?;
        self.series.retain(|(known, _)| *known != labels);
        self.series.push((labels, items));
        Ok(true)
    }

    fn expectation(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text;
        let kind = word(&mut rest);
        let rest = rest.trim();
        let expected = if rest.is_empty() {
            Text::Any
        } else if let Some(message) = rest.strip_prefix("msg:") {
            Text::Exactly(message.trim().to_owned())
        } else if let Some(pattern) = rest.strip_prefix("regex:") {
            Text::Matching(Regex::new(pattern.trim()).map_err(|e| e.to_string())?)
        } else {
            return Err(format!("invalid expect statement {text:?}"));
        };
        match kind {
            "ordered" => self.ordered = true,
            "fail" => self.fail = Some(expected),
            "warn" => self.warn.push(expected),
            "info" => self.info.push(expected),
            "no_warn" => self.no_warn = true,
            "no_info" => self.no_info = true,
            _ => return Err(format!("invalid expect statement {text:?}")),
        }
        Ok(())
    }

    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    pub fn expects_scalar(&self) -> bool {
        self.scalar.is_some()
    }
}
