//! Lines to commands.

use super::text::parts;
use crate::units::parse_duration;
use crate::value::MetricsRange;
use regex::Regex;

pub(super) enum Command<'a> {
    Clear,
    Load(Vec<&'a str>),
    Valid(String),
    Print(String, String),
    Eval(Box<Eval>),
    Wrong { text: String, reason: String },
}

#[derive(Debug)]
pub(super) enum Kind {
    Search { start_ns: i64, end_ns: i64, limit: usize },
    Metrics(MetricsRange),
}

/// What an error must say.
#[derive(Debug)]
pub(super) enum Message {
    Any,
    Exactly(String),
    Matching(Regex),
}

pub(super) enum Expected {
    Sets(Vec<SetLine>),
    Series(Vec<SeriesLine>),
    Failure(Message),
}

/// `1: a b (count()=2)`
pub(super) struct SetLine {
    pub trace: String,
    pub spans: Vec<String>,
    pub attributes: Vec<String>,
}

/// `{name="x"} 1 _ ~5`
pub(super) struct SeriesLine {
    pub labels: String,
    pub values: Vec<Number>,
}

pub(super) enum Number {
    None,
    Exactly(f64),
    Near(f64),
}

impl Number {
    pub fn is(&self, got: Option<f64>) -> bool {
        match (self, got) {
            (Number::None, None) => true,
            (Number::Exactly(w), Some(g)) => (w - g).abs() <= 1e-9 * w.abs(),
            (Number::Near(w), Some(g)) => (w - g).abs() <= 1e-2 * w.abs(),
            _ => false,
        }
    }
}

pub(super) struct Eval {
    pub query: String,
    pub kind: Kind,
    pub expected: Expected,
    pub body: Vec<String>,
}

/// The instants of a range, in milliseconds.
pub(super) fn instants(range: &MetricsRange) -> Vec<i64> {
    match *range {
        MetricsRange::Instant { end_ns, .. } => vec![end_ns / 1_000_000],
        MetricsRange::Steps { start_ns, end_ns, step_ns } => {
            let (first, last) = (start_ns.div_euclid(step_ns), -(-end_ns).div_euclid(step_ns));
            (first..=last).map(|s| s * step_ns / 1_000_000).collect()
        }
    }
}

/// Every command with its line, from 1.
pub(super) fn read(text: &str) -> Vec<(usize, Command<'_>)> {
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
        let body = || (start + 1..at).map(|i| (i, lines[i]));
        let body: Vec<(usize, &str)> =
            body().filter(|(_, l)| !l.trim().is_empty() && !l.trim().starts_with('#')).collect();
        let plain: Vec<&str> = body.iter().map(|(_, l)| *l).collect();
        let trimmed: Vec<&str> = plain.iter().map(|l| l.trim()).collect();
        let (word, rest) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
        let command = match word {
            "clear" => Ok(Command::Clear),
            "load" => Ok(Command::Load(plain)),
            "print" => Ok(Command::Print(rest.trim().to_owned(), trimmed.join("\n"))),
            "valid" => {
                out.extend(body.iter().map(|(i, l)| (i + 1, Command::Valid(l.trim().to_owned()))));
                continue;
            }
            "invalid" => {
                // Each line: the query, and what the error must hold behind `#`.
                for (i, line) in body {
                    let (query, wanted) = line.rsplit_once(" # ").unwrap_or((line, ""));
                    let kind = Kind::Search { start_ns: 0, end_ns: 1, limit: 1 };
                    let expected = Regex::new(wanted.trim())
                        .map(|r| Expected::Failure(Message::Matching(r)))
                        .map_err(|e| e.to_string());
                    out.push((
                        i + 1,
                        match expected {
                            Ok(expected) => Command::Eval(Box::new(Eval {
                                query: query.trim().to_owned(),
                                kind,
                                expected,
                                body: Vec::new(),
                            })),
                            Err(reason) => Command::Wrong { text: line.to_owned(), reason },
                        },
                    ));
                }
                continue;
            }
            "eval" => eval(rest, &trimmed).map(|e| Command::Eval(Box::new(e))),
            other => {
                Err(format!("there is no command {other:?}: use load, eval, print, valid, invalid or clear"))
            }
        };
        let wrong = |reason| Command::Wrong { text: head.to_owned(), reason };
        out.push((start + 1, command.unwrap_or_else(wrong)));
    }
    out
}

/// The next word.
fn word<'a>(text: &mut &'a str) -> &'a str {
    let trimmed = text.trim_start();
    let (word, rest) = trimmed.split_at(trimmed.find(char::is_whitespace).unwrap_or(trimmed.len()));
    *text = rest;
    word
}

/// The duration behind a word, if that word comes next.
fn option(text: &mut &str, wanted: &str) -> Result<Option<i64>, String> {
    let mut after = *text;
    if word(&mut after) != wanted {
        return Ok(None);
    }
    let value = word(&mut after);
    *text = after;
    parse_duration(value).map(Some).ok_or_else(|| format!("{value:?} is no time such as 1m30s"))
}

fn eval(head: &str, body: &[&str]) -> Result<Eval, String> {
    let mut rest = head;
    let what = word(&mut rest);
    let start_ns = option(&mut rest, "from")?;
    let end_ns = option(&mut rest, "to")?;
    let needed = |time: Option<i64>, name: &str| time.ok_or_else(|| format!("{what} needs {name}"));
    let kind = match what {
        "search" => {
            let mut limit = 100;
            let mut after = rest;
            if word(&mut after) == "limit" {
                limit = word(&mut after).parse().map_err(|_| "the limit is no number")?;
                rest = after;
            }
            Kind::Search { start_ns: start_ns.unwrap_or(0), end_ns: end_ns.unwrap_or(i64::MAX), limit }
        }
        "instant" => Kind::Metrics(MetricsRange::Instant {
            start_ns: needed(start_ns, "from")?,
            end_ns: needed(end_ns, "to")?,
        }),
        "range" => Kind::Metrics(MetricsRange::Steps {
            start_ns: needed(start_ns, "from")?,
            end_ns: needed(end_ns, "to")?,
            step_ns: needed(option(&mut rest, "step")?, "step")?,
        }),
        other => return Err(format!("expected \"search\", \"instant\" or \"range\", got {other:?}")),
    };
    let query = rest.trim().to_owned();
    let expected = expected(&kind, body)?;
    Ok(Eval { query, kind, expected, body: body.iter().map(|l| (*l).to_owned()).collect() })
}

fn expected(kind: &Kind, body: &[&str]) -> Result<Expected, String> {
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
    match kind {
        Kind::Search { .. } => body.iter().map(|l| set(l)).collect::<Result<_, _>>().map(Expected::Sets),
        Kind::Metrics(_) => body.iter().map(|l| series(l)).collect::<Result<_, _>>().map(Expected::Series),
    }
}

fn set(text: &str) -> Result<SetLine, String> {
    let (trace, rest) =
        text.split_once(':').ok_or_else(|| format!("{text:?} does not begin with a trace"))?;
    let (spans, attributes) = match rest.split_once('(') {
        Some((spans, attributes)) => (spans, attributes.strip_suffix(')').unwrap_or(attributes)),
        None => (rest, ""),
    };
    Ok(SetLine {
        trace: trace.trim().to_owned(),
        spans: spans.split_whitespace().map(str::to_owned).collect(),
        attributes: parts(attributes).into_iter().map(str::to_owned).collect(),
    })
}

fn series(text: &str) -> Result<SeriesLine, String> {
    // Values have no braces.
    let close = text.rfind('}').ok_or_else(|| format!("{text:?} does not begin with labels"))?;
    let values: Result<_, String> = text[close + 1..].split_whitespace().map(number).collect();
    Ok(SeriesLine { labels: text[..=close].to_owned(), values: values? })
}

fn number(text: &str) -> Result<Number, String> {
    let wrong = |_| format!("{text:?} is not a number");
    match (text, text.strip_prefix('~')) {
        ("_", _) => Ok(Number::None),
        (_, Some(near)) => near.parse().map(Number::Near).map_err(wrong),
        _ => text.parse().map(Number::Exactly).map_err(wrong),
    }
}
