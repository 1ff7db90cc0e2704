//! The notation of series values: `1 2+3x4 _ stale {{schema:0 sum:1 count:1}}`.

use crate::histogram::FloatHistogram;
use crate::parser::parse_labels_prefix;
use crate::text::{parse_duration, parse_number};
use model::{Labels, ResetHint, stale_nan};
use std::sync::Arc;

/// The largest number of values one item may stand for.
const REPEAT_MAX: u64 = 1_000_000;

/// One value of a series as written.
#[derive(Debug, Clone)]
pub enum Item {
    /// `_`
    Omitted,
    /// A number, or the staleness marker.
    Float(f64),
    /// With whether a reset hint was written.
    Histogram(Arc<FloatHistogram>, bool),
}

/// Labels and values of a line such as `up{job="x"} 1 2 3`.
pub fn series(line: &str) -> Result<(Labels, Vec<Item>), String> {
    let (labels, len) = parse_labels_prefix(line).map_err(|e| e.to_string())?;
    let rest = &line[len..];
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return Err(format!("unexpected text after the series: {rest:?}"));
    }
    Ok((labels, items(rest)?))
}

fn items(text: &str) -> Result<Vec<Item>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        rest = if rest.starts_with("{{") {
            histogram_item(rest, &mut out)?
        } else {
            plain_item(rest, &mut out)?
        }
        .trim_start();
    }
    Ok(out)
}

fn repeat(text: &str) -> Result<u64, String> {
    let n: u64 = text.parse().map_err(|_| format!("invalid repetition in series values: {text:?}"))?;
    if n > REPEAT_MAX {
        return Err(format!("a value is repeated {n} times, over the limit of {REPEAT_MAX}"));
    }
    Ok(n)
}

fn plain_item<'a>(text: &'a str, out: &mut Vec<Item>) -> Result<&'a str, String> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let (body, times) = match split_times(word) {
        Some((body, times)) => (body, Some(repeat(times)?)),
        None => (word, None),
    };
    if body == "_" {
        out.extend((0..times.unwrap_or(1)).map(|_| Item::Omitted));
        return Ok(rest);
    }
    let (first, step) = first_and_step(body)?;
    match (step, times) {
        (None, times) => out.extend((0..=times.unwrap_or(0)).map(|_| Item::Float(first))),
        (Some(step), Some(times)) => {
            let mut v = first;
            for _ in 0..=times {
                out.push(Item::Float(v));
                v += step;
            }
        }
        (Some(_), None) => return Err(format!("{word:?} has a step but no repetition")),
    }
    Ok(rest)
}

/// `2+3x4` into `2+3` and `4`.
fn split_times(word: &str) -> Option<(&str, &str)> {
    let (body, times) = word.rsplit_once('x')?;
    (!body.is_empty() && times.bytes().all(|b| b.is_ascii_digit()) && !times.is_empty())
        .then_some((body, times))
}

/// `2+3` into 2 and 3. The sign of an exponent or of the first number is not a step.
fn first_and_step(body: &str) -> Result<(f64, Option<f64>), String> {
    if let Some(v) = number(body) {
        return Ok((v, None));
    }
    let signs = body.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
    for (i, sign) in signs {
        let (first, step) = (&body[..i], &body[i + 1..]);
        if let (Some(first), Some(step)) = (number(first), number(step)) {
            return Ok((first, Some(if sign == '-' { -step } else { step })));
        }
    }
    Err(format!("unexpected {body:?} in series values, expected number or \"stale\""))
}

fn number(text: &str) -> Option<f64> {
    if text == "stale" {
        return Some(stale_nan());
    }
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    // Only the first character may be a sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let v = parse_number(digits).or_else(|| Some(parse_duration(digits).ok()? as f64 / 1000.0))?;
    Some(if negative { -v } else { v })
}

fn histogram_item<'a>(text: &'a str, out: &mut Vec<Item>) -> Result<&'a str, String> {
    let (first, hinted, rest) = histogram(text)?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (suffix, after) = rest.split_at(end);
    if suffix.is_empty() {
        out.push(Item::Histogram(Arc::new(first), hinted));
        return Ok(rest);
    }
    if let Some(times) = suffix.strip_prefix('x') {
        let item = Item::Histogram(Arc::new(first), hinted);
        out.extend((0..=repeat(times)?).map(|_| item.clone()));
        return Ok(after);
    }
    let negative = rest.starts_with('-');
    if !negative && !rest.starts_with('+') {
        return Err(format!("unexpected text after a histogram: {suffix:?}"));
    }
    let (step, hinted, rest) = histogram(&rest[1..])?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (suffix, after) = rest.split_at(end);
    let times = suffix.strip_prefix('x').ok_or("a histogram with a step needs a repetition")?;
    let mut current = first;
    for i in 0..=repeat(times)? {
        if i > 0 {
            if current.schema > step.schema {
                return Err(format!(
                    "error combining histograms: cannot merge from schema {} to {}",
                    step.schema, current.schema
                ));
            }
            let combined = if negative { current.subtract(&step) } else { current.add(&step) };
            combined.map_err(|_| "histograms with exponential and custom buckets cannot be combined")?;
        }
        out.push(Item::Histogram(Arc::new(current.clone()), hinted));
    }
    Ok(after)
}

/// A histogram at the start of a text, whether its reset hint was written, and what follows.
fn histogram(text: &str) -> Result<(FloatHistogram, bool, &str), String> {
    let body = text.strip_prefix("{{").ok_or("expected a histogram")?;
    let end = body.find("}}").ok_or("histogram description is not closed")?;
    let (mut body, rest) = (body[..end].trim(), &body[end + 2..]);
    let mut h = FloatHistogram::empty(0);
    let (mut offset, mut negative_offset) = (0, 0);
    let (mut positive, mut negative): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut seen: Vec<&str> = Vec::new();
    while !body.is_empty() {
        let (key, after) = body.split_once(':').ok_or("histogram description incomplete")?;
        let (value, next) = match after.strip_prefix('[') {
            Some(list) => list.split_once(']').ok_or("bucket list is not closed")?,
            None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
        };
        if seen.contains(&key) {
            return Err(format!("duplicate key \"{key}\" in histogram"));
        }
        seen.push(key);
        let float = || number(value).ok_or_else(|| format!("error parsing {key} number: {value}"));
        let int = || value.parse::<i32>().map_err(|_| format!("error parsing {key} number: {value}"));
        let list = || -> Result<Vec<f64>, String> {
            value
                .split_whitespace()
                .map(|v| number(v).ok_or_else(|| format!("error parsing {key}: {v}")))
                .collect()
        };
        match key {
            "schema" => h.schema = int()?,
            "sum" => h.sum = float()?,
            "count" => h.count = float()?,
            "z_bucket" => h.zero_count = float()?,
            "z_bucket_w" => h.zero_threshold = float()?,
            "offset" => offset = int()?,
            "n_offset" => negative_offset = int()?,
            "buckets" => positive = list()?,
            "n_buckets" => negative = list()?,
            "custom_values" => h.custom_bounds = Arc::from(list()?),
            "counter_reset_hint" => {
                h.reset_hint = match value {
                    "unknown" => ResetHint::Unknown,
                    "reset" => ResetHint::Yes,
                    "not_reset" => ResetHint::No,
                    "gauge" => ResetHint::Gauge,
                    _ => return Err(format!("error parsing counter_reset_hint: unknown value {value}")),
                }
            }
            _ => return Err(format!("bad histogram descriptor found: {key:?}")),
        }
        body = next.trim_start();
    }
    let numbered = |counts: Vec<f64>, offset: i32| {
        counts.into_iter().enumerate().map(|(i, c)| (offset.wrapping_add(i as i32), c)).collect()
    };
    h.positive = numbered(positive, offset);
    h.negative = numbered(negative, negative_offset);
    Ok((h, seen.contains(&"counter_reset_hint"), rest))
}

/// Start timestamps, each relative to its sample in milliseconds: `-1m -30s+5sx3 _`.
pub(super) fn starts(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut out = Vec::new();
    for word in text.split_whitespace() {
        if word == "_" {
            out.push(None);
            continue;
        }
        if let Some(times) = word.strip_prefix("_x") {
            out.extend((0..repeat(times)?).map(|_| None));
            continue;
        }
        let (first, rest) = signed_duration(word)?;
        if rest.is_empty() {
            out.push(Some(first));
            continue;
        }
        if let Some(times) = rest.strip_prefix('x') {
            out.extend((0..=repeat(times)?).map(|_| Some(first)));
            continue;
        }
        let negative = rest.starts_with('-');
        let (step, rest) = signed_duration(&rest[1..])?;
        let times = rest.strip_prefix('x').ok_or("expected 'x<count>' after step duration")?;
        let step = if negative { -step } else { step };
        out.extend((0..=repeat(times)? as i64).map(|i| Some(first.saturating_add(step.saturating_mul(i)))));
    }
    Ok(out)
}

fn signed_duration(text: &str) -> Result<(i64, &str), String> {
    let (negative, text) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = text[digits..].bytes().take_while(|b| b.is_ascii_alphabetic() && *b != b'x').count();
    let (duration, rest) = text.split_at(digits + unit);
    let ms = parse_duration(duration)?;
    Ok((if negative { -ms } else { ms }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(text: &str) -> Vec<Option<f64>> {
        let float = |i: Item| match i {
            Item::Float(v) => Some(v),
            _ => None,
        };
        items(text).unwrap().into_iter().map(float).collect()
    }

    #[test]
    fn values_expand() {
        assert_eq!(floats("1 2+3x2 _ _x2"), [Some(1.0), Some(2.0), Some(5.0), Some(8.0), None, None, None]);
        assert_eq!(floats("-1-1x1 1e3 1e-3"), [Some(-1.0), Some(-2.0), Some(1000.0), Some(0.001)]);
        assert_eq!(floats("3x2"), [Some(3.0); 3]);
        assert_eq!(floats("1e+2-1e1x1"), [Some(100.0), Some(90.0)]);
        assert_eq!(floats("Inf -Inf"), [Some(f64::INFINITY), Some(f64::NEG_INFINITY)]);
        assert!(items("1+2").is_err() && items("x").is_err() && items("1x99999999999").is_err());
        assert_eq!(starts("-1m -30s+5sx1 _").unwrap(), [Some(-60_000), Some(-30_000), Some(-25_000), None]);
    }

    #[test]
    fn histograms_expand() {
        let all =
            items("{{schema:1 count:3 sum:4 buckets:[1 2]}}+{{count:1 buckets:[0 1] schema:1}}x1").unwrap();
        let [Item::Histogram(a, false), Item::Histogram(b, false)] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!((a.count, b.count), (3.0, 4.0));
        assert_eq!(b.positive, [(0, 1.0), (1, 3.0)]);
        assert!(items("{{count:1 count:2}}").is_err() && items("{{bad:1}}").is_err() && items("{{").is_err());
    }
}
