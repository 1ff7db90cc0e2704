//! Errors in spans and log records.

use super::tracker::Addressed;
use errors::{Event, EventId, Exception, Item, Origin, text};
use memchr::memmem::Finder;
use model::Labels;
use model::record::span::Span;
use model::record::{Record, RecordBatch, Severity, Value};
use std::sync::LazyLock;

/// Errors found in one batch.
const FOUND_MAX: usize = 2000;

/// Labels that name the service, the best first.
const SERVICES: [&str; 9] = [
    "service.name",
    "service_name",
    "app",
    "app.kubernetes.io/name",
    "application",
    "service",
    "job",
    "container_name",
    "container.name",
];
const RELEASES: [&str; 3] = ["service.version", "release", "version"];
const ENVIRONMENTS: [&str; 4] =
    ["deployment.environment.name", "deployment.environment", "environment", "env"];
const HOSTS: [&str; 5] = ["host.name", "hostname", "host", "k8s.pod.name", "instance"];
/// The project of what says no service.
const PROJECT_UNKNOWN: &str = "unknown_service";

/// Exceptions of the spans of a batch.
pub fn in_spans(batch: &RecordBatch) -> Vec<Addressed> {
    let mut found = Vec::new();
    for r in batch.iter() {
        let labels = batch.labels(r.stream);
        let span = Span::of(labels, &r.record);
        for event in span.events().filter(|e| e.name == "exception") {
            if found.len() >= FOUND_MAX {
                return found;
            }
            let get = |name: &str| event.attributes.get(name);
            let mut e = described(&get);
            e.origin = Origin::Span;
            e.time_ns = event.time_ns;
            e.level = Severity::ERROR;
            e.trace_id = span.trace_id;
            e.span_id = span.span_id;
            e.transaction = span.name.to_owned();
            if let Some(escaped) = get("exception.escaped").and_then(truth) {
                handled(&mut e, !escaped);
            }
            from_resource(&mut e, &|name| span.resource().find(|(n, _)| *n == name).map(|(_, v)| v));
            e.id = EventId::of_parts(&[
                &span.trace_id.0,
                &span.span_id.0,
                &event.time_ns.to_be_bytes(),
                event.attributes.encoded(),
            ]);
            if e.exceptions.is_empty() && e.message.is_empty() {
                continue;
            }
            found.push(addressed(e));
        }
    }
    found
}

/// Exceptions in attributes, and stack traces in text, of the log records of a batch.
pub fn in_logs(batch: &RecordBatch) -> Vec<Addressed> {
    let mut found = Vec::new();
    for r in batch.iter() {
        if found.len() >= FOUND_MAX {
            break;
        }
        let record = &r.record;
        let body = record.body.as_str().unwrap_or("");
        let in_text = text::may_hold(body);
        let attributes = has_exception(record);
        if !in_text && !attributes {
            continue;
        }
        let labels = batch.labels(r.stream);
        if let Some(event) = in_record(labels, record, body, attributes) {
            found.push(addressed(event));
        }
    }
    found
}

/// Names that say that there is an exception, or where its stack is: OpenTelemetry's, Elastic's, and those of loggers.
const STACKS: [&str; 9] = [
    "exception.stacktrace",
    "error.stack_trace",
    "stack_trace",
    "stacktrace",
    "stack",
    "error.stack",
    "err.stack",
    "exc_info",
    "exception",
];
const TYPES: [&str; 4] = ["exception.type", "error.type", "err.type", "exception.class"];
const MESSAGES: [&str; 4] = ["exception.message", "error.message", "err.message", "error"];

/// A part of each of these names: most records have none of them anywhere.
static SIGNS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| ["stack", "exc"].map(Finder::new));

/// Whether attributes may tell of an exception: a look at their bytes, and at each name only if that finds something.
fn has_exception(record: &Record<'_>) -> bool {
    let bytes = record.attributes.encoded();
    if SIGNS.iter().all(|s| s.find(bytes).is_none()) {
        return false;
    }
    record.attributes.iter().any(|(name, value)| match name.as_bytes() {
        [b'e', b'x' | b'r', ..] | [b's', b't', ..] => {
            (STACKS.contains(&name) && value.as_str().is_some_and(text::may_hold))
                || name == "exception.type"
                || name == "exception.message"
        }
        _ => false,
    })
}

fn in_record(labels: &Labels, record: &Record<'_>, body: &str, attributes: bool) -> Option<Event> {
    let get = |name: &str| record.attributes.get(name);
    let mut event = if attributes { described(&get) } else { Event::default() };
    event.origin = Origin::Log;
    if event.exceptions.is_empty() {
        let trace = text::find(body)?;
        event.origin = Origin::Text;
        event.message.clone_from(&trace.before);
        trace.into_event(&mut event);
    } else {
        event.message = body.to_owned();
    }
    event.time_ns = record.time_ns;
    event.level = match record.severity {
        // What brings a stack trace along and says nothing of its weight is an error.
        Severity::UNKNOWN => Severity::ERROR,
        said => said,
    };
    event.trace_id = record.trace_id;
    event.span_id = record.span_id;
    for name in ["logger", "logger.name", "log.logger", "scope.name", "logger_name"] {
        if let Some(Value::String(logger)) = get(name)
            && event.logger.is_empty()
        {
            event.logger = logger.to_owned();
        }
    }
    from_resource(&mut event, &|name| labels.get(name).map(Value::String).or_else(|| get(name)));
    event.id = EventId::of_parts(&[
        labels.key(),
        &record.time_ns.to_be_bytes(),
        body.as_bytes(),
        record.attributes.encoded(),
    ]);
    Some(event)
}

/// What attributes say of an exception.
fn described<'a>(get: &dyn Fn(&str) -> Option<Value<'a>>) -> Event {
    let text_of =
        |names: &[&str]| names.iter().find_map(|n| get(n).and_then(|v| v.as_str())).unwrap_or("").to_owned();
    let mut event = Event::default();
    let stack = STACKS.iter().find_map(|n| get(n).and_then(|v| v.as_str()).filter(|s| text::may_hold(s)));
    if let Some(trace) = stack.and_then(text::find) {
        trace.into_event(&mut event);
    }
    let (kind, value) = (text_of(&TYPES), text_of(&MESSAGES));
    if !kind.is_empty() || (!value.is_empty() && event.exceptions.is_empty()) {
        let (module, bare) = match kind.rsplit_once('.') {
            Some((module, bare)) if !kind.contains(['/', ' ', '*']) => (module.to_owned(), bare.to_owned()),
            _ => (String::new(), kind),
        };
        match event.exceptions.last_mut() {
            // What is said in words of its own is exact; what was read from text need not be.
            Some(e) => {
                e.kind = bare;
                e.module = module;
                if !value.is_empty() {
                    e.value = value;
                }
            }
            None => event.exceptions.push(Exception { kind: bare, value, module, ..Exception::default() }),
        }
    }
    event
}

fn truth(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(b),
        Value::String("true" | "True") => Some(true),
        Value::String("false" | "False") => Some(false),
        _ => None,
    }
}

fn handled(event: &mut Event, handled: bool) {
    if let Some(e) = event.exceptions.last_mut() {
        let m = e.mechanism.get_or_insert_with(Default::default);
        m.handled = Some(handled);
    }
}

fn from_resource<'a>(event: &mut Event, get: &dyn Fn(&str) -> Option<Value<'a>>) {
    let first = |names: &[&str]| {
        let found = names.iter().find_map(|n| get(n).and_then(|v| v.as_str()).filter(|s| !s.is_empty()));
        found.unwrap_or("").to_owned()
    };
    event.service = first(&SERVICES);
    event.release = first(&RELEASES);
    event.environment = first(&ENVIRONMENTS);
    event.server_name = first(&HOSTS);
    event.user.id = first(&["enduser.id", "user.id", "user_id"]);
    event.sdk.name = first(&["telemetry.sdk.name"]);
    event.sdk.version = first(&["telemetry.sdk.version"]);
    if event.platform.is_empty() {
        event.platform = match first(&["telemetry.sdk.language"]).as_str() {
            "nodejs" => "node".to_owned(),
            "webjs" => "javascript".to_owned(),
            "dotnet" => "csharp".to_owned(),
            other => other.to_owned(),
        };
    }
}

/// Errors that come with spans and logs are of the project that is called as their service.
fn addressed(event: Event) -> Addressed {
    let project = match event.service.as_str() {
        "" => PROJECT_UNKNOWN.to_owned(),
        service => service.to_owned(),
    };
    (project, Item::Event(Box::new(event)))
}

#[cfg(test)]
mod tests;
