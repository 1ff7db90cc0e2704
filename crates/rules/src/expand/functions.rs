//! The functions of Prometheus' templates.

use super::sample::{RESULT, SAMPLE, of_list, result};
use super::{TEMPLATE_LIMITS, hosts, humanize};
use crate::language::Expression;
use crate::running::Queries;
use regex::Regex;
use template::{Duration, Functions, Kind, Map, Signature, Value, query_escape};

/// The functions by name, for reading templates.
pub(super) struct Known;

impl Functions for Known {
    fn signature(&self, name: &str) -> Option<Signature> {
        signature(name)
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        Err(format!("{name} cannot be called while templates are read"))
    }
}

/// The functions for one evaluation.
pub(super) struct RuleFunctions<'a> {
    pub queries: &'a dyn Queries,
    /// What the rule evaluates; `query` asks in the same language.
    pub expr: &'a Expression,
    pub now_ms: i64,
    pub external_url: &'a str,
}

fn signature(name: &str) -> Option<Signature> {
    const TEXT: &[Kind] = &[Kind::String];
    const ANY: &[Kind] = &[Kind::Any];
    Some(match name {
        "query" | "safeHtml" | "title" | "toUpper" | "toLower" | "graphLink" | "tableLink" | "stripPort"
        | "stripDomain" | "parseDuration" | "urlQueryEscape" => Signature::fixed(TEXT),
        "humanize" | "humanize1024" | "humanizeDuration" | "humanizePercentage" | "humanizeTimestamp"
        | "toTime" | "toDuration" => Signature::fixed(ANY),
        "match" => Signature::fixed(&[Kind::String, Kind::String]),
        "reReplaceAll" => Signature::fixed(&[Kind::String, Kind::String, Kind::String]),
        "args" => Signature::variadic(ANY),
        "first" => Signature::fixed(&[Kind::Object(RESULT)]),
        "value" | "strvalue" => Signature::fixed(&[Kind::Object(SAMPLE)]),
        "label" => Signature::fixed(&[Kind::String, Kind::Object(SAMPLE)]),
        "sortByLabel" => Signature::fixed(&[Kind::String, Kind::Object(RESULT)]),
        "now" | "pathPrefix" | "externalURL" => Signature::fixed(&[]),
        _ => return None,
    })
}

impl Functions for RuleFunctions<'_> {
    fn signature(&self, name: &str) -> Option<Signature> {
        signature(name)
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let text = |i: usize| match args.get(i) {
            Some(Value::String(s)) => s.as_ref(),
            _ => "",
        };
        let number = || humanize::number(args.first().unwrap_or(&Value::Nil));
        Ok(match name {
            "query" => self.query(text(0))?,
            "first" => match samples(&args[0]).first() {
                Some(sample) => sample.clone(),
                None => return Err("first() called on vector with no elements".to_owned()),
            },
            "value" => field(&args[0], "Value")?,
            "label" => label(&args[1], text(0))?,
            "strvalue" => label(&args[0], "__value__")?,
            "sortByLabel" => sort_by_label(text(0), &args[1])?,
            "args" => {
                let named = args.iter().enumerate().map(|(i, a)| (format!("arg{i}"), a.clone()));
                Value::from(Map::of_values(named))
            }
            "safeHtml" => args[0].clone(),
            "match" => Value::Bool(regex(text(0))?.is_match(text(1))),
            "reReplaceAll" => Value::from(replace_all(text(0), text(1), text(2))?),
            "title" => Value::from(hosts::title(text(0))),
            "toUpper" => Value::from(text(0).to_uppercase()),
            "toLower" => Value::from(text(0).to_lowercase()),
            "graphLink" => Value::from(format!("/graph?g0.expr={}&g0.tab=0", query_escape(text(0)))),
            "tableLink" => Value::from(format!("/graph?g0.expr={}&g0.tab=1", query_escape(text(0)))),
            "urlQueryEscape" => Value::from(query_escape(text(0))),
            "stripPort" => Value::from(hosts::strip_port(text(0))),
            "stripDomain" => Value::from(hosts::strip_domain(text(0))),
            "humanize" => Value::from(humanize::humanize(number()?)),
            "humanize1024" => Value::from(humanize::humanize1024(number()?)),
            "humanizeDuration" => Value::from(humanize::duration(number()?)),
            "humanizePercentage" => Value::from(humanize::percentage(number()?)),
            "humanizeTimestamp" => Value::from(humanize::timestamp(number()?)?),
            "toTime" => match humanize::time(number()?)? {
                Some(time) => Value::object(time),
                None => return Err("value is NaN or Inf".to_owned()),
            },
            "toDuration" => Value::object(Duration { nanos: (number()? * 1e9) as i64 }),
            "now" => Value::Float(self.now_ms as f64 / 1000.0),
            "pathPrefix" => Value::from(hosts::path(self.external_url)),
            "externalURL" => Value::from(self.external_url),
            "parseDuration" => Value::Float(parse_duration(text(0))?),
            _ => return Err(format!("{name} is not a function")),
        })
    }
}

impl RuleFunctions<'_> {
    fn query(&self, text: &str) -> Result<Value, String> {
        let expr = self.expr.sibling(text).map_err(|e| e.to_string())?;
        let vector = self.queries.query(&expr, self.now_ms).map_err(|e| e.to_string())?;
        Ok(result(&vector))
    }
}

fn samples(v: &Value) -> Vec<Value> {
    match v {
        Value::Object(o) => match o.content() {
            Some(Value::List(list)) => list.to_vec(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn field(sample: &Value, name: &str) -> Result<Value, String> {
    match sample {
        Value::Object(o) => o.field(name).ok_or_else(|| format!("a sample has no field {name}")),
        _ => Err("there is no sample".to_owned()),
    }
}

fn label(sample: &Value, name: &str) -> Result<Value, String> {
    match field(sample, "Labels")? {
        Value::Map(labels) => Ok(labels.get(name)),
        _ => Err("a sample has no labels".to_owned()),
    }
}

fn sort_by_label(name: &str, result: &Value) -> Result<Value, String> {
    let mut keyed = Vec::new();
    for sample in samples(result) {
        let key = match label(&sample, name)? {
            Value::String(s) => s.to_string(),
            _ => String::new(),
        };
        keyed.push((key, sample));
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(of_list(keyed.into_iter().map(|(_, sample)| sample).collect()))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|e| format!("error parsing regexp: {}", e.to_string().replace('\n', " ")))
}

fn replace_all(pattern: &str, replacement: &str, text: &str) -> Result<String, String> {
    let limit = TEMPLATE_LIMITS.bytes_max;
    let mut out = String::new();
    let mut after = 0;
    for found in regex(pattern)?.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[after..whole.start()]);
        after = whole.end();
        // One expansion can be as long as the replacement has references times the text.
        if replacement.len().saturating_mul(whole.len().max(1)) > limit {
            return Err(format!("the replaced text may be longer than {limit} bytes"));
        }
        found.expand(replacement, &mut out);
        if out.len() > limit {
            return Err(format!("the replaced text is longer than {limit} bytes"));
        }
    }
    out.push_str(&text[after..]);
    Ok(out)
}

/// Seconds of a duration such as `1h2m` or `-5m`.
fn parse_duration(text: &str) -> Result<f64, String> {
    let (sign, length) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    Ok(sign * promql::parse_duration(length)? as f64 / 1000.0)
}
