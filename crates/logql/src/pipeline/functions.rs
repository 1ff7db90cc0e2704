//! The functions of templates: those that LogQL adds to the language.

use super::dates;
use crate::units;
use regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use template::{Functions, Kind, Signature, Time, Value};

/// What templates can call while they are written out for one row.
pub(super) struct RowFunctions<'r> {
    pub line: &'r str,
    pub time_ns: i64,
    pub now_ns: i64,
    pub regexes: &'r RefCell<HashMap<String, Regex>>,
}

/// Text that a function makes may be this long.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// A template may use this many different regular expressions.
const REGEXES_MAX: usize = 64;

const ONE: &[Kind] = &[Kind::Any];
const TWO: &[Kind] = &[Kind::Any, Kind::Any];
const THREE: &[Kind] = &[Kind::Any, Kind::Any, Kind::Any];

impl Functions for RowFunctions<'_> {
    fn signature(&self, name: &str) -> Option<Signature> {
        Some(match name {
            "__line__" | "__timestamp__" | "now" => Signature::fixed(&[]),
            "b64dec" | "b64enc" | "bytes" | "ceil" | "duration" | "duration_seconds" | "float64"
            | "floor" | "fromJson" | "int" | "lower" | "title" | "trim" | "unixEpoch" | "unixEpochMillis"
            | "unixEpochNanos" | "unixToTime" | "upper" | "urldecode" | "urlencode" | "ToLower"
            | "ToUpper" => Signature::fixed(ONE),
            "alignLeft" | "alignRight" | "contains" | "count" | "date" | "default" | "div" | "hasPrefix"
            | "hasSuffix" | "indent" | "mod" | "nindent" | "repeat" | "sub" | "toDate" | "trimAll"
            | "trimPrefix" | "trimSuffix" | "trunc" => Signature::fixed(TWO),
            "regexReplaceAll" | "regexReplaceAllLiteral" | "replace" | "substr" | "toDateInZone" => {
                Signature::fixed(THREE)
            }
            "add" | "addf" | "max" | "maxf" | "min" | "minf" | "mul" | "mulf" | "divf" | "subf" => {
                Signature::variadic(TWO)
            }
            "round" => Signature::variadic(THREE),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        match name {
            "__line__" => Ok(Value::from(self.line)),
            "__timestamp__" => Ok(time(i128::from(self.time_ns))),
            "now" => Ok(time(i128::from(self.now_ns))),
            "add" | "max" | "min" | "mul" | "div" | "mod" | "sub" => integers(name, args),
            "addf" | "maxf" | "minf" | "mulf" | "divf" | "subf" => floats(name, args),
            "ceil" => Ok(Value::Float(float(&args[0]).ceil())),
            "floor" => Ok(Value::Float(float(&args[0]).floor())),
            "round" => round(args),
            "int" => Ok(Value::Int(integer(&args[0]))),
            "float64" => Ok(Value::Float(float(&args[0]))),
            "date" | "toDate" | "toDateInZone" | "unixEpoch" | "unixEpochMillis" | "unixEpochNanos"
            | "unixToTime" => date(name, args),
            "count" | "regexReplaceAll" | "regexReplaceAllLiteral" => self.with_regex(name, args),
            "fromJson" => Ok(super::json_value::decode(&text(&args[0])).unwrap_or_else(|| Value::from(""))),
            "duration" | "duration_seconds" => {
                let written = text(&args[0]);
                match units::parse_value_duration(&written) {
                    Some(nanos) => Ok(Value::Float(nanos as f64 / 1e9)),
                    None => Err(format!("{written:?} is not a duration")),
                }
            }
            "bytes" => {
                let written = text(&args[0]);
                match units::parse_bytes(&written) {
                    Some(bytes) => Ok(Value::Float(bytes as f64)),
                    None => Err(format!("{written:?} is not a size")),
                }
            }
            _ => strings(name, args),
        }
    }
}

impl RowFunctions<'_> {
    fn with_regex(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let (pattern, source) = (text(&args[0]), text(&args[1]));
        let mut known = self.regexes.borrow_mut();
        if !known.contains_key(pattern.as_ref()) {
            if known.len() >= REGEXES_MAX {
                known.clear();
            }
            known.insert(pattern.to_string(), super::regex(&pattern)?);
        }
        let regex = &known[pattern.as_ref()];
        Ok(match name {
            "count" => Value::Int(regex.find_iter(&source).count() as i64),
            "regexReplaceAll" => {
                let replacement = text(&args[2]);
                bounded(regex.replace_all(&source, replacement.as_ref()).into_owned())?
            }
            _ => {
                let replacement = text(&args[2]);
                bounded(regex.replace_all(&source, regex::NoExpand(&replacement)).into_owned())?
            }
        })
    }
}

fn bounded(text: String) -> Result<Value, String> {
    match text.len() {
        0..=TEXT_BYTES_MAX => Ok(Value::from(text)),
        more => Err(format!("the text has {more} bytes, over the limit of {TEXT_BYTES_MAX}")),
    }
}

fn time(nanos: i128) -> Value {
    Value::object(Time { nanos })
}

/// A value as text, as it would be written out.
fn text(value: &Value) -> Arc<str> {
    match value {
        Value::String(s) => s.clone(),
        Value::Nil => Arc::from(""),
        Value::Bool(b) => Arc::from(if *b { "true" } else { "false" }),
        Value::Int(v) => Arc::from(v.to_string()),
        Value::Float(v) => Arc::from(template::float_shortest(*v)),
        Value::Object(o) => Arc::from(o.print()),
        Value::List(_) | Value::Map(_) => Arc::from(""),
    }
}

/// A value as a number; what is none is 0.
fn float(value: &Value) -> f64 {
    match value {
        Value::Int(v) => *v as f64,
        Value::Float(v) => *v,
        Value::Bool(b) => f64::from(u8::from(*b)),
        other => template::parse_float(text(other).trim()).unwrap_or(0.0),
    }
}

/// A value as a whole number; what is none is 0.
fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(v) => *v,
        Value::Float(v) => *v as i64,
        Value::Bool(b) => i64::from(*b),
        other => {
            let text = text(other);
            text.trim().parse().unwrap_or_else(|_| float(other) as i64)
        }
    }
}

fn integers(name: &str, args: &[Value]) -> Result<Value, String> {
    let mut all = args.iter().map(integer);
    let Some(first) = all.next() else { return Ok(Value::Int(0)) };
    all.try_fold(first, |a, b| match name {
        "add" => Ok(a.wrapping_add(b)),
        "sub" => Ok(a.wrapping_sub(b)),
        "mul" => Ok(a.wrapping_mul(b)),
        "max" => Ok(a.max(b)),
        "min" => Ok(a.min(b)),
        _ if b == 0 => Err("integer divide by zero".to_owned()),
        "div" => Ok(a.wrapping_div(b)),
        _ => Ok(a.wrapping_rem(b)),
    })
    .map(Value::Int)
}

fn floats(name: &str, args: &[Value]) -> Result<Value, String> {
    let mut all = args.iter().map(float);
    let Some(first) = all.next() else { return Ok(Value::Float(0.0)) };
    let folded = all.fold(first, |a, b| match name {
        "addf" => a + b,
        "subf" => a - b,
        "mulf" => a * b,
        "maxf" => a.max(b),
        "minf" => a.min(b),
        _ => a / b,
    });
    Ok(Value::Float(folded))
}

/// `round value digits [on]`: the last digit goes up where the rest is at least `on`.
fn round(args: &[Value]) -> Result<Value, String> {
    if args.len() < 2 || args.len() > 3 {
        return Err("round takes a number, digits, and where it rounds up".to_owned());
    }
    let on = args.get(2).map_or(0.5, float);
    let factor = 10f64.powi(integer(&args[1]).clamp(-300, 300) as i32);
    let scaled = float(&args[0]) * factor;
    let rounded = if scaled.fract().abs() >= on && scaled.fract() != 0.0 {
        if scaled > 0.0 { scaled.ceil() } else { scaled.floor() }
    } else {
        scaled.trunc()
    };
    Ok(Value::Float(rounded / factor))
}

fn date(name: &str, args: &[Value]) -> Result<Value, String> {
    let instant = |value: &Value| dates::instant(value, &text(value));
    match name {
        "date" => {
            let time = instant(&args[1])?;
            bounded(Time { nanos: time }.format(&text(&args[0])))
        }
        "toDate" => dates::parse(&text(&args[0]), &text(&args[1])).map(time),
        "toDateInZone" => {
            dates::check_zone(&text(&args[1]))?;
            dates::parse(&text(&args[0]), &text(&args[2])).map(time)
        }
        "unixToTime" => dates::of_epoch(&text(&args[0])).map(time),
        "unixEpoch" => Ok(Value::from(instant(&args[0])?.div_euclid(1_000_000_000).to_string())),
        "unixEpochMillis" => Ok(Value::from(instant(&args[0])?.div_euclid(1_000_000).to_string())),
        _ => Ok(Value::from(instant(&args[0])?.to_string())),
    }
}

fn strings(name: &str, args: &[Value]) -> Result<Value, String> {
    let at = |i: usize| args.get(i).map_or_else(|| Arc::from(""), text);
    let (first, second) = (at(0), at(1));
    let flag = |b: bool| Ok(Value::Bool(b));
    match name {
        "lower" | "ToLower" => bounded(first.to_lowercase()),
        "upper" | "ToUpper" => bounded(first.to_uppercase()),
        "title" => bounded(title(&first)),
        "trim" => bounded(first.trim().to_owned()),
        "trimAll" => bounded(second.trim_matches(|c| first.contains(c)).to_owned()),
        "trimPrefix" => bounded(second.strip_prefix(first.as_ref()).unwrap_or(&second).to_owned()),
        "trimSuffix" => bounded(second.strip_suffix(first.as_ref()).unwrap_or(&second).to_owned()),
        "contains" => flag(second.contains(first.as_ref())),
        "hasPrefix" => flag(second.starts_with(first.as_ref())),
        "hasSuffix" => flag(second.ends_with(first.as_ref())),
        "default" => Ok(if args[1].is_true() { args[1].clone() } else { args[0].clone() }),
        "replace" => {
            let source = at(2);
            let found = source.matches(first.as_ref()).count();
            check_length(source.len() + found * second.len())?;
            bounded(source.replace(first.as_ref(), &second))
        }
        "substr" => {
            let source = at(2);
            bounded(substring(&source, integer(&args[0]), integer(&args[1])))
        }
        "trunc" => bounded(truncated(&second, integer(&args[0]))),
        "alignLeft" | "alignRight" => aligned(&second, integer(&args[0]), name == "alignLeft"),
        "repeat" => {
            let times = usize::try_from(integer(&args[0])).unwrap_or(0);
            check_length(second.len().saturating_mul(times))?;
            bounded(second.repeat(times))
        }
        "indent" | "nindent" => {
            let width = usize::try_from(integer(&args[0])).unwrap_or(0);
            let lines = second.split('\n').count();
            check_length(second.len().saturating_add(width.saturating_mul(lines)))?;
            let pad = " ".repeat(width);
            let body = pad.clone() + &second.replace('\n', &format!("\n{pad}"));
            bounded(if name == "nindent" { format!("\n{body}") } else { body })
        }
        "urlencode" => bounded(template::query_escape(&first)),
        "urldecode" => super::encoding::url_decode(&first).map(Value::from),
        "b64enc" => bounded(super::encoding::base64_encode(first.as_bytes())),
        "b64dec" => super::encoding::base64_decode(&first).map(Value::from),
        _ => Err(format!("{name} is not a function")),
    }
}

fn check_length(bytes: usize) -> Result<(), String> {
    match bytes {
        0..=TEXT_BYTES_MAX => Ok(()),
        more => Err(format!("the text has {more} bytes, over the limit of {TEXT_BYTES_MAX}")),
    }
}

/// The first letter of each word in upper case.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        match begins {
            true => out.extend(c.to_uppercase()),
            false => out.push(c),
        }
        begins = !(c.is_alphanumeric() || matches!(c, '_' | '\''));
    }
    out
}

/// The part between two places, counted in characters.
fn substring(text: &str, start: i64, end: i64) -> String {
    let length = text.chars().count() as i64;
    let (start, end) = match (start, end) {
        (start, end) if start < 0 => (0, end),
        (start, end) if end < 0 || end > length => (start, length),
        both => both,
    };
    text.chars().skip(start.max(0) as usize).take((end - start.max(0)).max(0) as usize).collect()
}

/// The first characters, or the last ones if the count is negative.
fn truncated(text: &str, count: i64) -> String {
    let length = text.chars().count();
    match usize::try_from(count) {
        Ok(count) => text.chars().take(count).collect(),
        Err(_) => text.chars().skip(length.saturating_sub(count.unsigned_abs() as usize)).collect(),
    }
}

fn aligned(text: &str, width: i64, left: bool) -> Result<Value, String> {
    let Ok(width) = usize::try_from(width) else { return bounded(text.to_owned()) };
    check_length(width)?;
    let length = text.chars().count();
    let pad = " ".repeat(width.saturating_sub(length));
    bounded(match (left, length > width) {
        (true, true) => text.chars().take(width).collect(),
        (false, true) => text.chars().skip(length - width).collect(),
        (true, false) => text.to_owned() + &pad,
        (false, false) => pad + text,
    })
}
