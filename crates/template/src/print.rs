//! Values as text, as Go's `fmt.Print` writes them.

use crate::number::float_shortest;
use crate::output::{Full, Output};
use crate::value::Value;

/// Deeper inside, a value is shown as `...`.
const DEPTH_MAX: u32 = 50;

/// One value inside a longer text.
pub(crate) fn value(out: &mut Output, v: &Value) -> Result<(), Full> {
    nested(out, v, 0)
}

fn nested(out: &mut Output, v: &Value, depth: u32) -> Result<(), Full> {
    if depth > DEPTH_MAX {
        return out.push("...");
    }
    match v {
        Value::Nil => out.push("<nil>"),
        Value::Bool(b) => out.push(if *b { "true" } else { "false" }),
        Value::Int(v) => out.push(&v.to_string()),
        Value::Float(v) => out.push(&float_shortest(*v)),
        Value::String(s) => out.push(s),
        Value::List(list) => {
            out.push("[")?;
            for (i, item) in list.iter().enumerate() {
                out.push(if i > 0 { " " } else { "" })?;
                nested(out, item, depth + 1)?;
            }
            out.push("]")
        }
        Value::Map(map) => {
            out.push("map[")?;
            for (i, (name, item)) in map.entries.iter().enumerate() {
                out.push(if i > 0 { " " } else { "" })?;
                out.push(name)?;
                out.push(":")?;
                nested(out, item, depth + 1)?;
            }
            out.push("]")
        }
        Value::Object(o) => out.push(&o.print()),
    }
}

/// A value on its own, as an action writes it.
pub(crate) fn top(out: &mut Output, v: &Value) -> Result<(), Full> {
    match v {
        Value::Nil => out.push("<no value>"),
        v => value(out, v),
    }
}

/// `print`: a space between two values of which neither is a text.
pub(crate) fn print(out: &mut Output, args: &[Value]) -> Result<(), Full> {
    for (i, arg) in args.iter().enumerate() {
        let text = |v: &Value| matches!(v, Value::String(_));
        if i > 0 && !text(arg) && !text(&args[i - 1]) {
            out.push(" ")?;
        }
        value(out, arg)?;
    }
    Ok(())
}

/// `println`: a space between all values and the end of the line.
pub(crate) fn println(out: &mut Output, args: &[Value]) -> Result<(), Full> {
    for (i, arg) in args.iter().enumerate() {
        out.push(if i > 0 { " " } else { "" })?;
        value(out, arg)?;
    }
    out.push("\n")
}
