//! JSON as a value of templates.

use super::json::{Json, Scanner};
use bumpalo::Bump;
use template::{Map, Value};

/// Lists and objects nest this deep at most.
const DEPTH_MAX: u32 = 32;

/// The value of a JSON document, if it is one.
pub(super) fn decode(text: &str) -> Option<Value> {
    let arena = Bump::new();
    let mut scanner = Scanner::new(text);
    let value = scanner.value().ok()?;
    scanner.at_end().then(|| convert(value, 0, &arena))?
}

fn convert<'l>(value: Json<'l>, depth: u32, arena: &'l Bump) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match value {
        Json::Null => Value::Nil,
        Json::Plain("true") => Value::Bool(true),
        Json::Plain("false") => Value::Bool(false),
        Json::Plain(number) => Value::Float(number.parse().ok()?),
        Json::Text { .. } => Value::from(value.text(arena)),
        Json::Array(text) => {
            let mut items = Some(Vec::new());
            Scanner::new(text).array(|item| push(&mut items, convert(item, depth + 1, arena))).ok()?;
            Value::from(items?)
        }
        Json::Object(text) => {
            let mut members = Some(Vec::new());
            Scanner::new(text)
                .object(|key, member| {
                    let pair = convert(member, depth + 1, arena).map(|v| (key.text(arena).to_owned(), v));
                    push(&mut members, pair)
                })
                .ok()?;
            Value::from(Map::of_values(members?))
        }
    })
}

/// Adds an item; nothing at all is left once one is missing.
fn push<T>(all: &mut Option<Vec<T>>, item: Option<T>) -> bool {
    match (all.as_mut(), item) {
        (Some(all), Some(item)) => all.push(item),
        _ => *all = None,
    }
    all.is_some()
}
