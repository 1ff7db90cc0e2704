//! Values of records as JSON, and what requests in JSON have in common.

use crate::error::SearchError;
use model::record::Value;
use serde_json::{Map, Value as Json};

/// A value as JSON. Bytes are text with what is not UTF-8 replaced; floats that JSON has no way to write are text.
pub(crate) fn of_value(value: Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(b),
        Value::Int(i) => Json::from(i),
        Value::Float(x) => {
            serde_json::Number::from_f64(x).map_or_else(|| Json::String(x.to_string()), Json::Number)
        }
        Value::String(s) => Json::String(s.to_owned()),
        Value::Bytes(b) => Json::String(String::from_utf8_lossy(b).into_owned()),
        // Values nest a bounded number of times, see `model`.
        Value::List(items) => Json::Array(items.iter().map(of_value).collect()),
        Value::Map(pairs) => {
            Json::Object(pairs.iter().map(|(name, value)| (name.to_owned(), of_value(value))).collect())
        }
    }
}

/// A float as JSON; null where JSON has no way to write it.
pub(crate) fn of_float(x: f64) -> Json {
    serde_json::Number::from_f64(x).map_or(Json::Null, Json::Number)
}

/// The kind of a value, for messages.
pub(crate) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// An object, or the error that names `what`.
pub(crate) fn object<'j>(value: &'j Json, what: &str) -> Result<&'j Map<String, Json>, SearchError> {
    value
        .as_object()
        .ok_or_else(|| SearchError::parsing(format!("[{what}] is {}, an object is expected", kind(value))))
}

/// A scalar as text: what query parameters are when they stand in JSON.
pub(crate) fn scalar_text(value: &Json, what: &str) -> Result<String, SearchError> {
    match value {
        Json::String(s) => Ok(s.clone()),
        Json::Bool(_) | Json::Number(_) => Ok(value.to_string()),
        other => {
            Err(SearchError::parsing(format!("[{what}] is {}, a single value is expected", kind(other))))
        }
    }
}

/// A truth value, also as text.
pub(crate) fn boolean(value: &Json, what: &str) -> Result<bool, SearchError> {
    match value {
        Json::Bool(b) => Ok(*b),
        Json::String(s) if s == "true" || s.is_empty() => Ok(true),
        Json::String(s) if s == "false" => Ok(false),
        other => {
            Err(SearchError::illegal(format!("[{what}] is {other}; only [true] and [false] are allowed")))
        }
    }
}

/// A whole number, also as text.
pub(crate) fn whole(value: &Json, what: &str) -> Result<i64, SearchError> {
    let found = match value {
        Json::Number(n) => n.as_i64().or_else(|| n.as_f64().filter(|x| x.fract() == 0.0).map(|x| x as i64)),
        Json::String(s) => s.trim().parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| SearchError::illegal(format!("[{what}] is {value}, a whole number is expected")))
}

/// A number, also as text.
pub(crate) fn number(value: &Json, what: &str) -> Result<f64, SearchError> {
    let found = match value {
        Json::Number(n) => n.as_f64(),
        Json::String(s) => s.trim().parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| SearchError::illegal(format!("[{what}] is {value}, a number is expected")))
}

/// One text or a list of them.
pub(crate) fn texts(value: &Json, what: &str) -> Result<Vec<String>, SearchError> {
    match value {
        Json::Array(all) => all.iter().map(|v| scalar_text(v, what)).collect(),
        one => Ok(vec![scalar_text(one, what)?]),
    }
}

/// The only entry of an object.
pub(crate) fn single<'j>(
    map: &'j Map<String, Json>,
    what: &str,
) -> Result<(&'j String, &'j Json), SearchError> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some(entry), None) => Ok(entry),
        (None, _) => Err(SearchError::illegal(format!("[{what}] is empty, one name is expected in it"))),
        (Some((a, _)), Some((b, _))) => Err(SearchError::parsing(format!(
            "[{what}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]: it holds [{a}] and [{b}], only one is possible"
        ))),
    }
}

/// The error for a key that is not known.
pub(crate) fn unknown(key: &str, what: &str) -> SearchError {
    SearchError::parsing(format!("[{what}] unknown field [{key}]: it is not supported"))
}
