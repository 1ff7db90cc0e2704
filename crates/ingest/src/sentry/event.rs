//! An event of Sentry as an error event (<https://develop.sentry.dev/sdk/data-model/event-payloads/>).

use super::parts::{first, line, list, number, pairs, shown, take, text, time_ns};
use errors::{
    Breadcrumb, Context, Event, EventId, Exception, Frame, Mechanism, Origin, Request, Sdk, Stack, Thread,
    User,
};
use model::record::{SpanId, TraceId};
use serde_json::Value;

/// The event of a payload. `unnamed` is the id of one that has none.
pub(super) fn event(mut v: Value, unnamed: EventId) -> Event {
    let (message, template) = message(&v);
    let trace = v.get("contexts").and_then(|c| c.get("trace")).cloned().unwrap_or_default();
    let mut event = Event {
        id: EventId::from_text(&text(&v, "event_id")).unwrap_or(unnamed),
        time_ns: time_ns(&v, "timestamp"),
        level: errors::level(&text(&v, "level")),
        origin: Origin::Sentry,
        platform: text(&v, "platform"),
        logger: text(&v, "logger"),
        transaction: first(&v, &["transaction", "culprit"]),
        server_name: text(&v, "server_name"),
        service: service(&v),
        release: text(&v, "release"),
        dist: text(&v, "dist"),
        environment: text(&v, "environment"),
        message,
        template,
        trace_id: TraceId::from_hex(&text(&trace, "trace_id")).unwrap_or_default(),
        span_id: SpanId::from_hex(&text(&trace, "span_id")).unwrap_or_default(),
        tags: pairs(&v, "tags"),
        modules: pairs(&v, "modules"),
        fingerprint: list(&v, "fingerprint").iter().map(shown).collect(),
        user: user(&v),
        sdk: v
            .get("sdk")
            .map(|s| Sdk { name: text(s, "name"), version: text(s, "version") })
            .unwrap_or_default(),
        ..Event::default()
    };
    event.tags.retain(|(name, value)| !name.is_empty() && !value.is_empty());
    event.exceptions = exceptions(&mut v);
    event.stack = stack(&mut take(&mut v, "stacktrace")).filter(|s| !s.is_empty());
    event.threads = threads(&mut v);
    // A thread may be all that says where.
    if event.exceptions.is_empty() && event.stack.is_none() {
        let at = event.threads.iter().find(|t| t.crashed || t.current).map(|t| t.stack.clone());
        event.stack = at.filter(|s| !s.is_empty());
    }
    event.breadcrumbs = breadcrumbs(&mut v);
    event.contexts = contexts(&mut v);
    event.request = request(&mut v);
    event.extra = take(&mut v, "extra");
    if event.extra.as_object().is_some_and(serde_json::Map::is_empty) {
        event.extra = Value::Null;
    }
    event
}

/// The message with parameters and without.
fn message(v: &Value) -> (String, String) {
    let entry = v.get("logentry").or_else(|| v.get("sentry.interfaces.Message")).or_else(|| v.get("message"));
    match entry {
        Some(Value::Object(_)) => {
            let entry = entry.unwrap_or(&Value::Null);
            let template = text(entry, "message");
            let formatted = text(entry, "formatted");
            let formatted =
                if formatted.is_empty() { filled(&template, list(entry, "params")) } else { formatted };
            let is_same = template == formatted;
            (formatted, if is_same { String::new() } else { template })
        }
        Some(other) => (shown(other), String::new()),
        None => (String::new(), String::new()),
    }
}

/// A template of C's or Python's with its parameters in place.
fn filled(template: &str, params: &[Value]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut params = params.iter();
    let mut rest = template;
    while let Some(at) = rest.find(['%', '{']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match rest.as_bytes() {
            [b'%', b's' | b'd' | b'r' | b'f' | b'i' | b'u' | b'v', ..] | [b'{', b'}', ..] => 2,
            _ => 0,
        };
        match (length, params.clone().next()) {
            (2, Some(value)) => {
                params.next();
                out.push_str(&shown(value));
                rest = &rest[2..];
            }
            _ => {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The service, if the SDK tells one as OpenTelemetry would.
fn service(v: &Value) -> String {
    let otel = v.get("contexts").and_then(|c| c.get("otel")).and_then(|o| o.get("resource"));
    let of_otel = otel.map(|r| text(r, "service.name")).unwrap_or_default();
    if !of_otel.is_empty() {
        return of_otel;
    }
    let tags = pairs(v, "tags");
    let named = |name: &str| tags.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    named("service.name").or_else(|| named("service")).unwrap_or_default()
}

fn user(v: &Value) -> User {
    let Some(u) = v.get("user").or_else(|| v.get("sentry.interfaces.User")) else { return User::default() };
    User {
        id: text(u, "id"),
        username: first(u, &["username", "name"]),
        email: text(u, "email"),
        // The SDK asks for the address of the connection, which is not looked at.
        ip: Some(text(u, "ip_address")).filter(|ip| ip != "{{auto}}").unwrap_or_default(),
    }
}

fn exceptions(v: &mut Value) -> Vec<Exception> {
    let name = if v.get("exception").is_some() { "exception" } else { "sentry.interfaces.Exception" };
    let values = match take(v, name) {
        Value::Array(items) => items,
        Value::Object(mut o) => match o.get_mut("values").map(Value::take) {
            Some(Value::Array(items)) => items,
            Some(_) => Vec::new(),
            None => vec![Value::Object(o)],
        },
        _ => Vec::new(),
    };
    values.into_iter().filter(Value::is_object).map(exception).collect()
}

fn exception(mut v: Value) -> Exception {
    let mechanism = v
        .get("mechanism")
        .filter(|m| m.is_object())
        .map(|m| Mechanism { kind: text(m, "type"), handled: m.get("handled").and_then(Value::as_bool) });
    let said = match v.get("value") {
        Some(value @ (Value::Object(_) | Value::Array(_))) => value.to_string(),
        _ => text(&v, "value"),
    };
    let raw = take(&mut v, "raw_stacktrace");
    let mut frames = take(&mut v, "stacktrace");
    if !frames.is_object() {
        frames = raw;
    }
    Exception {
        kind: text(&v, "type"),
        value: said,
        module: text(&v, "module"),
        mechanism,
        stack: stack(&mut frames).unwrap_or_default(),
    }
}

fn stack(v: &mut Value) -> Option<Stack> {
    let Value::Array(frames) = take(v, "frames") else { return None };
    Some(Stack { frames: frames.into_iter().filter(Value::is_object).map(frame).collect() })
}

fn frame(mut v: Value) -> Frame {
    let lines = |name: &str| list(&v, name).iter().map(shown).collect();
    let mut f = Frame {
        function: first(&v, &["function", "raw_function"]),
        module: first(&v, &["module", "package"]),
        file: text(&v, "filename"),
        path: text(&v, "abs_path"),
        line: line(&v, "lineno"),
        column: line(&v, "colno"),
        in_app: v.get("in_app").and_then(Value::as_bool),
        platform: text(&v, "platform"),
        before: lines("pre_context"),
        source: text(&v, "context_line"),
        after: lines("post_context"),
        vars: Value::Null,
    };
    f.vars = Some(take(&mut v, "vars")).filter(Value::is_object).unwrap_or_default();
    f
}

fn threads(v: &mut Value) -> Vec<Thread> {
    let mut all = take(v, "threads");
    let Value::Array(items) = (if all.is_array() { all } else { take(&mut all, "values") }) else {
        return Vec::new();
    };
    let thread = |mut t: Value| {
        let flag = |name: &str| t.get(name).and_then(Value::as_bool).unwrap_or(false);
        Thread {
            id: text(&t, "id"),
            name: text(&t, "name"),
            crashed: flag("crashed"),
            current: flag("current"),
            stack: stack(&mut take(&mut t, "stacktrace")).unwrap_or_default(),
        }
    };
    items.into_iter().filter(Value::is_object).map(thread).collect()
}

fn breadcrumbs(v: &mut Value) -> Vec<Breadcrumb> {
    let mut all = take(v, "breadcrumbs");
    let Value::Array(items) = (if all.is_array() { all } else { take(&mut all, "values") }) else {
        return Vec::new();
    };
    let crumb = |mut c: Value| Breadcrumb {
        time_ns: time_ns(&c, "timestamp"),
        kind: text(&c, "type"),
        category: text(&c, "category"),
        level: text(&c, "level"),
        message: text(&c, "message"),
        data: Some(take(&mut c, "data"))
            .filter(|d| d.as_object().is_some_and(|o| !o.is_empty()))
            .unwrap_or_default(),
    };
    items.into_iter().filter(Value::is_object).map(crumb).collect()
}

fn contexts(v: &mut Value) -> Vec<Context> {
    match take(v, "contexts") {
        Value::Object(o) => o.into_iter().map(|(name, value)| Context { name, value }).collect(),
        _ => Vec::new(),
    }
}

fn request(v: &mut Value) -> Option<Request> {
    let name = if v.get("request").is_some() { "request" } else { "sentry.interfaces.Http" };
    let mut r = take(v, name);
    r.is_object().then(|| Request {
        method: text(&r, "method"),
        url: text(&r, "url"),
        query: match r.get("query_string") {
            Some(Value::String(s)) => s.clone(),
            _ => pairs(&r, "query_string")
                .iter()
                .map(|(n, v)| format!("{n}={v}"))
                .collect::<Vec<_>>()
                .join("&"),
        },
        headers: pairs(&r, "headers"),
        data: take(&mut r, "data"),
    })
}

/// How long an event was on its way by the sender's clock, if that goes wrong: nanoseconds to add.
pub(super) fn drift(sent_ns: i64, now_ns: i64) -> i64 {
    /// Less than this is the way, not the clock.
    const TOLERATED_NS: i64 = 60_000_000_000;
    let drift = now_ns.saturating_sub(sent_ns);
    if sent_ns == 0 || drift.unsigned_abs() < TOLERATED_NS.unsigned_abs() { 0 } else { drift }
}

/// How many of something there are; one without a number.
pub(super) fn quantity(v: &Value) -> u64 {
    match v.get("quantity") {
        None => 1,
        Some(_) => number(v, "quantity"),
    }
}
