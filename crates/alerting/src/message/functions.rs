//! The functions of Alertmanager's templates.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use template::{Functions, Kind, Map, Object, Signature, Time, Value};

/// The functions, at a time.
pub(super) struct MessageFunctions {
    pub now_ms: i64,
    pub route_labels: crate::LabelSet,
    /// Whether texts from outside are escaped for HTML.
    pub html: bool,
}

/// Longest text a function makes.
const TEXT_BYTES_MAX: usize = 1 << 20;

fn list(v: &Value) -> Vec<Value> {
    match v {
        Value::List(items) => items.to_vec(),
        Value::Object(o) => match o.content() {
            Some(Value::List(items)) => items.to_vec(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|e| format!("error parsing regexp: {}", e.to_string().replace('\n', " ")))
}

impl Functions for MessageFunctions {
    fn signature(&self, name: &str) -> Option<Signature> {
        const TEXT: &[Kind] = &[Kind::String];
        const TWO: &[Kind] = &[Kind::String, Kind::String];
        const ANY: &[Kind] = &[Kind::Any];
        Some(match name {
            "toUpper" | "toLower" | "title" | "trimSpace" | "safeHtml" | "safeUrl" | "urlUnescape"
            | "base64encode" | "base64decode" | "routeLabels" => Signature::fixed(TEXT),
            "match" | "toDate" | "mustToDate" => Signature::fixed(TWO),
            "join" | "date" | "tz" => Signature::fixed(&[Kind::String, Kind::Any]),
            "reReplaceAll" => Signature::fixed(&[Kind::String, Kind::String, Kind::String]),
            "stringSlice" => Signature::variadic(TEXT),
            "list" | "dict" => Signature::variadic(ANY),
            "append" => Signature::variadic(&[Kind::Any, Kind::Any]),
            "since" | "humanizeDuration" | "toJson" => Signature::fixed(ANY),
            "now" => Signature::fixed(&[]),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let text = |i: usize| match args.get(i) {
            Some(Value::String(s)) => s.as_ref(),
            _ => "",
        };
        let any = |i: usize| args.get(i).unwrap_or(&Value::Nil);
        Ok(match name {
            "toUpper" => Value::from(text(0).to_uppercase()),
            "toLower" => Value::from(text(0).to_lowercase()),
            "title" => Value::from(title(text(0))),
            "trimSpace" => Value::from(text(0).trim()),
            "safeHtml" | "safeUrl" if self.html => Value::from(super::data::unescaped(text(0))),
            "safeHtml" | "safeUrl" => any(0).clone(),
            "urlUnescape" => Value::from(unescape(text(0))?),
            "base64encode" => Value::from(URL_SAFE.encode(text(0))),
            "base64decode" => {
                let bytes = URL_SAFE.decode(text(0)).map_err(|e| e.to_string())?;
                Value::from(String::from_utf8_lossy(&bytes).into_owned())
            }
            "routeLabels" => Value::from(self.route_labels.get(text(0)).map_or("", String::as_str)),
            "match" => Value::Bool(regex(text(0))?.is_match(text(1))),
            "reReplaceAll" => {
                let (re, replacement, t) = (regex(text(0))?, text(1), text(2));
                if t.len().saturating_add(1).saturating_mul(replacement.len().max(1)) > 64 * TEXT_BYTES_MAX {
                    return Err(format!("the replaced text may be longer than {TEXT_BYTES_MAX} bytes"));
                }
                Value::from(re.replace_all(t, replacement).into_owned())
            }
            "join" => {
                let parts: Vec<String> = list(any(1)).iter().map(plain).collect();
                let length = parts.iter().map(|p| p.len() + text(0).len()).sum::<usize>();
                if length > TEXT_BYTES_MAX {
                    return Err(format!("the joined text is longer than {TEXT_BYTES_MAX} bytes"));
                }
                Value::from(parts.join(text(0)))
            }
            "stringSlice" | "list" => Value::from(args.to_vec()),
            "append" => {
                let mut items = list(any(0));
                items.extend(args.iter().skip(1).cloned());
                Value::from(items)
            }
            "dict" => dict(args)?,
            "toJson" => Value::from(json(any(0), 0)?.to_string()),
            "now" => Value::object(Time::from_unix_ms(self.now_ms)),
            "since" => {
                let nanos = i128::from(self.now_ms) * 1_000_000 - nanos(any(0))?;
                Value::object(template::Duration {
                    nanos: nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
                })
            }
            "humanizeDuration" => Value::from(duration(seconds(any(0))?)),
            "date" => match any(1) {
                Value::Object(o) => o.call("Format", &[Value::from(text(0))])?,
                _ => return Err("date takes a layout and a time".to_owned()),
            },
            "tz" => {
                let zone = TimeZone::get(text(0)).map_err(|_| format!("unknown time zone {}", text(0)))?;
                let nanos = nanos(any(1))?;
                let ms = i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(0);
                let at = Timestamp::from_millisecond(ms).map_err(|e| e.to_string())?;
                let offset = i128::from(zone.to_offset(at).seconds());
                Value::object(Local { time: Time { nanos: nanos + offset * 1_000_000_000 } })
            }
            "toDate" | "mustToDate" => match Time::parse_rfc3339(text(1)) {
                Some(t) => Value::object(t),
                None if name == "toDate" => Value::object(super::webhook::zero_time()),
                None => return Err(format!("cannot parse {:?} as a time in RFC 3339", text(1))),
            },
            _ => return Err(format!("{name} is not a function")),
        })
    }
}

/// A time as clocks of some place show it.
#[derive(Debug)]
struct Local {
    time: Time,
}

impl Object for Local {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn method(&self, name: &str) -> Option<Signature> {
        self.time.method(name)
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        self.time.call(name, args)
    }

    fn print(&self) -> String {
        self.time.print()
    }
}

fn plain(v: &Value) -> String {
    match v {
        Value::String(s) => s.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(f) => template::float_shortest(*f),
        Value::Bool(b) => b.to_string(),
        Value::Object(o) => o.print(),
        _ => String::new(),
    }
}

fn nanos(v: &Value) -> Result<i128, String> {
    let Value::Object(o) = v else { return Err("a time is expected".to_owned()) };
    // RFC 3339 with all its digits says everything about a time.
    match o.call("Format", &[Value::from("2006-01-02T15:04:05.999999999Z07:00")]) {
        Ok(Value::String(s)) => {
            Time::parse_rfc3339(&s).map(|t| t.nanos).ok_or_else(|| "a time is expected".to_owned())
        }
        _ => Err("a time is expected".to_owned()),
    }
}

fn seconds(v: &Value) -> Result<f64, String> {
    match v {
        Value::Int(i) => Ok(*i as f64),
        Value::Float(f) => Ok(*f),
        Value::String(s) => s.parse().map_err(|_| format!("{s:?} is not a number")),
        Value::Object(o) => match o.call("Seconds", &[]) {
            Ok(Value::Float(f)) => Ok(f),
            _ => Err("a duration is expected".to_owned()),
        },
        _ => Err("a duration is expected".to_owned()),
    }
}

/// Days, hours, minutes and seconds; or a number with a prefix below one second.
fn duration(v: f64) -> String {
    if !v.is_finite() {
        return template::float_significant(v, 4);
    }
    if v == 0.0 {
        return "0s".to_owned();
    }
    if v.abs() >= 1.0 {
        let sign = if v < 0.0 { "-" } else { "" };
        let whole = v.abs() as i64;
        let (d, h, m, s) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
        return match (d, h, m) {
            (1.., _, _) => format!("{sign}{d}d {h}h {m}m {s}s"),
            (_, 1.., _) => format!("{sign}{h}h {m}m {s}s"),
            (_, _, 1..) => format!("{sign}{m}m {s}s"),
            _ => format!("{}s", template::float_significant(v, 4)),
        };
    }
    let (mut v, mut prefix) = (v, "");
    for p in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if v.abs() >= 1.0 {
            break;
        }
        (v, prefix) = (v * 1000.0, p);
    }
    format!("{}{prefix}s", template::float_significant(v, 4))
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = false;
    for c in text.chars() {
        match within {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        within = c.is_alphanumeric() || c == '\'' || c == '_';
    }
    out
}

fn unescape(text: &str) -> Result<String, String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(|s| s.into_owned())
        .map_err(|e| e.to_string())
}

fn dict(args: &[Value]) -> Result<Value, String> {
    if !args.len().is_multiple_of(2) {
        return Err("dict requires an even number of arguments".to_owned());
    }
    let pairs: Result<Vec<(String, Value)>, String> = args
        .chunks_exact(2)
        .map(|pair| match &pair[0] {
            Value::String(name) => Ok((name.to_string(), pair[1].clone())),
            _ => Err("dict keys must be strings".to_owned()),
        })
        .collect();
    Ok(Value::from(Map::of_values(pairs?)))
}

fn json(v: &Value, depth: usize) -> Result<serde_json::Value, String> {
    if depth > 32 {
        return Err("the value is nested deeper than 32 levels".to_owned());
    }
    Ok(match v {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::Float(f) => (*f).into(),
        Value::String(s) => s.as_ref().into(),
        Value::List(items) => {
            serde_json::Value::Array(items.iter().map(|i| json(i, depth + 1)).collect::<Result<_, _>>()?)
        }
        Value::Map(map) => {
            let pairs = map.entries.iter().map(|(n, v)| Ok((n.clone(), json(v, depth + 1)?)));
            serde_json::Value::Object(pairs.collect::<Result<_, String>>()?)
        }
        Value::Object(o) => match o.content() {
            Some(content) => json(&content, depth + 1)?,
            None => o.print().into(),
        },
    })
}
