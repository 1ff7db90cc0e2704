//! The functions that the language has.

use crate::compare;
use crate::escape::{html_into, js_into, query_into};
use crate::output::{Full, Output};
use crate::print;
use crate::printf::printf;
use crate::value::{Kind, Signature, Value};

/// What a function takes. `and` and `or` are not called: they evaluate only the arguments they need.
pub(crate) fn signature(name: &str) -> Option<Signature> {
    const ANY: &[Kind] = &[Kind::Any];
    const TWO: &[Kind] = &[Kind::Any, Kind::Any];
    Some(match name {
        "and" | "or" | "call" | "eq" | "index" | "slice" => Signature::variadic(TWO),
        "html" | "js" | "print" | "println" | "urlquery" => Signature::variadic(ANY),
        "len" | "not" => Signature::fixed(ANY),
        "printf" => Signature::variadic(&[Kind::String, Kind::Any]),
        "ge" | "gt" | "le" | "lt" | "ne" => Signature::fixed(TWO),
        _ => return None,
    })
}

/// Whether the language has this function.
pub(crate) fn is_builtin(name: &str) -> bool {
    signature(name).is_some()
}

/// Calls a function with arguments of the right number. No text it makes is longer than `limit`.
pub(crate) fn call(name: &str, args: &[Value], limit: usize) -> Result<Value, String> {
    let text = |write: &dyn Fn(&mut Output) -> Result<(), Full>| {
        let mut out = Output::new(limit);
        match write(&mut out) {
            Ok(()) => Ok(Value::from(out.text)),
            Err(Full) => Err(format!("the text is longer than {limit} bytes")),
        }
    };
    match name {
        "call" => Err(format!("non-function of type {}", args[0].type_name())),
        "eq" => compare::eq_any(args).map(Value::Bool),
        "ne" => compare::eq_any(args).map(|b| Value::Bool(!b)),
        "lt" => compare::lt(&args[0], &args[1]).map(Value::Bool),
        "le" => compare::le(&args[0], &args[1]).map(Value::Bool),
        "gt" => compare::le(&args[0], &args[1]).map(|b| Value::Bool(!b)),
        "ge" => compare::lt(&args[0], &args[1]).map(|b| Value::Bool(!b)),
        "not" => Ok(Value::Bool(!args[0].is_true())),
        "len" => len(&args[0]),
        "index" => args[1..].iter().try_fold(args[0].clone(), |item, i| index(&item, i)),
        "slice" => slice(&args[0], &args[1..]),
        "print" => text(&|out| print::print(out, args)),
        "println" => text(&|out| print::println(out, args)),
        "printf" => match &args[0] {
            Value::String(format) => text(&|out| printf(out, format, &args[1..])),
            _ => Err("the format is not a string".to_owned()),
        },
        "html" => text(&|out| html_into(out, &joined(args, limit)?)),
        "js" => text(&|out| js_into(out, &joined(args, limit)?)),
        "urlquery" => text(&|out| query_into(out, &joined(args, limit)?)),
        _ => Err(format!("{name} is not a function")),
    }
}

/// The arguments of an escaping function as one text.
fn joined(args: &[Value], limit: usize) -> Result<String, Full> {
    let mut out = Output::new(limit);
    match args {
        [one] => print::top(&mut out, one)?,
        many => {
            let shown =
                |v: &Value| if matches!(v, Value::Nil) { Value::from("<no value>") } else { v.clone() };
            print::print(&mut out, &many.iter().map(shown).collect::<Vec<_>>())?;
        }
    }
    Ok(out.text)
}

fn len(v: &Value) -> Result<Value, String> {
    let len = match v.plain() {
        Value::String(s) => s.len(),
        Value::List(l) => l.len(),
        Value::Map(m) => m.entries.len(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(len as i64))
}

fn position(i: &Value, len: usize) -> Result<usize, String> {
    match i.plain() {
        Value::Int(x) => match usize::try_from(x).ok().filter(|x| *x < len) {
            Some(x) => Ok(x),
            None => Err(format!("index out of range: {x}")),
        },
        Value::Nil => Err("cannot index slice/array with nil".to_owned()),
        other => Err(format!("cannot index slice/array with type {}", other.type_name())),
    }
}

fn index(item: &Value, i: &Value) -> Result<Value, String> {
    match item.plain() {
        Value::String(s) => Ok(Value::Int(i64::from(s.as_bytes()[position(i, s.len())?]))),
        Value::List(list) => Ok(list[position(i, list.len())?].clone()),
        Value::Map(map) => match i.plain() {
            Value::String(name) => Ok(map.get(&name)),
            Value::Nil => Err("value is nil; should be of type string".to_owned()),
            other => Err(format!("value has type {}; should be string", other.type_name())),
        },
        Value::Nil => Err("index of untyped nil".to_owned()),
        other => Err(format!("can't index item of type {}", other.type_name())),
    }
}

fn slice(item: &Value, bounds: &[Value]) -> Result<Value, String> {
    let item = item.plain();
    let len = match &item {
        Value::String(s) => s.len(),
        Value::List(l) => l.len(),
        Value::Nil => return Err("slice of untyped nil".to_owned()),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    if bounds.len() == 3 && matches!(item, Value::String(_)) {
        return Err("cannot 3-index slice a string".to_owned());
    }
    let mut at = [0, len, len];
    for (place, bound) in at.iter_mut().zip(bounds) {
        // A bound may be one past the last.
        *place = position(bound, len + 1)?;
    }
    if at[0] > at[1] {
        return Err(format!("invalid slice index: {} > {}", at[0], at[1]));
    }
    if bounds.len() == 3 && at[1] > at[2] {
        return Err(format!("invalid slice index: {} > {}", at[1], at[2]));
    }
    Ok(match item {
        Value::String(s) => Value::from(String::from_utf8_lossy(&s.as_bytes()[at[0]..at[1]]).into_owned()),
        Value::List(list) => Value::from(list[at[0]..at[1]].to_vec()),
        other => other,
    })
}
