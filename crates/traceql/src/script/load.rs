//! Spans as scripts write them.

use super::text::{attributes, parts, piece, unquoted};
use crate::memory::MemorySource;
use crate::units::parse_duration;
use model::Labels;
use model::record::span::{SpanKind, SpanStatus, name};
use model::record::{AttributesBuf, Record, Severity, SpanId, TraceId, Value};

/// A span while its lines are read.
struct Draft {
    indent: usize,
    trace_id: TraceId,
    span_id: SpanId,
    name: String,
    start_ns: i64,
    resource: Labels,
    attributes: AttributesBuf,
    events: AttributesBuf,
    links: AttributesBuf,
}

/// Adds the spans of a `load`, their times counted from `from_ns`.
pub(super) fn load(memory: &mut MemorySource, lines: &[&str], from_ns: i64) -> Result<(), String> {
    let mut trace_id = TraceId::NONE;
    let mut open: Vec<Draft> = Vec::new();
    for line in lines {
        let indent = line.len() - line.trim_start().len();
        let mut rest = line.trim();
        let first = piece(&mut rest);
        let fail = |reason: String| format!("{}: {reason}", line.trim());
        match first {
            "trace" => {
                finish(memory, &mut open, 0);
                trace_id = trace(piece(&mut rest)).map_err(fail)?;
            }
            "event" | "link" => {
                let span =
                    open.iter_mut().rev().find(|s| s.indent < indent).ok_or("there is no span before")?;
                detail(span, first, rest).map_err(fail)?;
            }
            id => {
                finish(memory, &mut open, indent);
                let mut draft = span(id, rest, indent, trace_id, open.last()).map_err(fail)?;
                draft.start_ns = draft.start_ns.saturating_add(from_ns);
                open.push(draft);
            }
        }
    }
    finish(memory, &mut open, 0);
    Ok(())
}

fn trace(id: &str) -> Result<TraceId, String> {
    TraceId::from_hex(&format!("{id:0>32}")).ok_or_else(|| format!("{id:?} is no trace id"))
}

fn span_id(id: &str) -> Result<SpanId, String> {
    SpanId::from_hex(&format!("{id:0>16}")).ok_or_else(|| format!("{id:?} is no span id"))
}

fn duration(text: &str) -> Result<i64, String> {
    parse_duration(text).ok_or_else(|| format!("{text:?} is no time such as 10ms"))
}

fn span(
    id: &str,
    mut rest: &str,
    indent: usize,
    trace_id: TraceId,
    above: Option<&Draft>,
) -> Result<Draft, String> {
    let mut draft = Draft {
        indent,
        trace_id,
        span_id: span_id(id)?,
        name: unquoted(piece(&mut rest))?,
        start_ns: duration(piece(&mut rest))?,
        resource: above.map_or_else(Labels::empty, |a| a.resource.clone()),
        attributes: AttributesBuf::new(),
        events: AttributesBuf::new(),
        links: AttributesBuf::new(),
    };
    let took = duration(piece(&mut rest))?;
    draft.attributes.push(name::DURATION, Value::Int(took));
    let mut parent = above.map(|a| a.span_id);
    loop {
        let word = piece(&mut rest);
        if word.is_empty() {
            break;
        }
        let a = &mut draft.attributes;
        match word.split_once('=') {
            _ if word.starts_with('[') => attributes(word, a)?,
            _ if word.starts_with('{') => {
                let inside = word.trim_start_matches('{').trim_end_matches('}');
                let pairs: Result<Vec<(String, String)>, String> = parts(inside)
                    .into_iter()
                    .map(|p| {
                        let (n, v) = p.split_once('=').ok_or_else(|| format!("{p:?} is no label"))?;
                        Ok((n.trim().to_owned(), unquoted(v.trim())?))
                    })
                    .collect();
                draft.resource = Labels::from_pairs(pairs?).map_err(|e| e.to_string())?;
            }
            Some(("message", text)) => a.push(name::STATUS_MESSAGE, Value::String(&unquoted(text)?)),
            Some(("state", text)) => a.push(name::TRACE_STATE, Value::String(&unquoted(text)?)),
            Some(("scope", text)) => a.push(name::SCOPE_NAME, Value::String(&unquoted(text)?)),
            Some(("version", text)) => a.push(name::SCOPE_VERSION, Value::String(&unquoted(text)?)),
            Some(("parent", id)) => parent = Some(span_id(id)?),
            _ => match (SpanKind::from_text(word), word) {
                (Some(kind), _) => a.push(name::KIND, Value::Int(kind.number())),
                (_, "ok") => a.push(name::STATUS, Value::Int(SpanStatus::Ok.number())),
                (_, "error") => a.push(name::STATUS, Value::Int(SpanStatus::Error.number())),
                _ => return Err(format!("{word:?} means nothing")),
            },
        }
    }
    if let Some(parent) = parent {
        draft.attributes.push(name::PARENT_ID, Value::Bytes(&parent.0));
    }
    Ok(draft)
}

/// `event "name" 5ms [a="b"]`, `link 2 c [a="b"]`
fn detail(span: &mut Draft, what: &str, mut rest: &str) -> Result<(), String> {
    let mut map = AttributesBuf::new();
    let (first, second) = (piece(&mut rest), piece(&mut rest));
    if what == "event" {
        map.push(name::EVENT_TIME, Value::Int(duration(second)?));
        map.push(name::EVENT_NAME, Value::String(&unquoted(first)?));
    } else {
        map.push(name::LINK_TRACE_ID, Value::Bytes(&trace(first)?.0));
        map.push(name::LINK_SPAN_ID, Value::Bytes(&span_id(second)?.0));
    }
    let rest = rest.trim();
    if !rest.is_empty() {
        let mut inner = AttributesBuf::new();
        attributes(rest, &mut inner)?;
        map.push(name::ATTRIBUTES, Value::Map(inner.as_attributes()));
    }
    let list = if what == "event" { &mut span.events } else { &mut span.links };
    list.push_item(Value::Map(map.as_attributes()));
    Ok(())
}

/// Adds the spans that a line at this indentation ends.
fn finish(memory: &mut MemorySource, open: &mut Vec<Draft>, indent: usize) {
    while open.last().is_some_and(|s| s.indent >= indent) {
        let Some(mut draft) = open.pop() else { return };
        if !draft.events.is_empty() {
            draft.attributes.push(name::EVENTS, Value::List(draft.events.as_items()));
        }
        if !draft.links.is_empty() {
            draft.attributes.push(name::LINKS, Value::List(draft.links.as_items()));
        }
        let batch = memory.batch_mut();
        let known = batch.streams().iter().position(|l| *l == draft.resource);
        let stream = match known {
            Some(at) => model::record::StreamRef(at as u32),
            None => batch.stream(draft.resource.clone()),
        };
        batch.push(
            stream,
            &Record {
                time_ns: draft.start_ns,
                observed_ns: 0,
                severity: Severity::UNKNOWN,
                trace_id: draft.trace_id,
                span_id: draft.span_id,
                body: Value::String(&draft.name),
                attributes: draft.attributes.as_attributes(),
            },
        );
    }
}
