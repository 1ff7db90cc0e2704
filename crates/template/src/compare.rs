//! Equality and order of values.

use crate::value::Value;

const BAD: &str = "incompatible types for comparison";
const BAD_TYPE: &str = "invalid type for comparison";

/// Whether the first value equals one of the others.
pub(crate) fn eq_any(args: &[Value]) -> Result<bool, String> {
    let Some((first, others)) = args.split_first() else {
        return Err("missing argument for comparison".into());
    };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    let first = first.plain();
    for other in others {
        if eq(&first, &other.plain())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn eq(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::String(a), Value::String(b)) => Ok(a == b),
        (a, b) if is_basic(a) && is_basic(b) => Err(BAD.to_owned()),
        (a, b) => {
            let odd = if is_basic(a) { b } else { a };
            Err(format!("non-comparable type {}: {}", shown(odd), odd.type_name()))
        }
    }
}

fn shown(v: &Value) -> String {
    let mut out = crate::output::Output::new(200);
    let _ = crate::print::value(&mut out, v);
    out.text
}

fn is_basic(v: &Value) -> bool {
    matches!(v, Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_))
}

/// Whether the first value is less than the second.
pub(crate) fn lt(a: &Value, b: &Value) -> Result<bool, String> {
    let (a, b) = (a.plain(), b.plain());
    if !is_basic(&a) || !is_basic(&b) {
        return Err(BAD_TYPE.to_owned());
    }
    match (&a, &b) {
        (Value::Int(a), Value::Int(b)) => Ok(a < b),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::String(a), Value::String(b)) => Ok(a < b),
        (Value::Bool(_), Value::Bool(_)) => Err(BAD_TYPE.to_owned()),
        _ => Err(BAD.to_owned()),
    }
}

/// Whether the first value is at most the second.
pub(crate) fn le(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(lt(a, b)? || eq(&a.plain(), &b.plain())?)
}
