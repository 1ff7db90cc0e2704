//! How an event is a record, and a view of such a record as an event. `docs/format/events.md` says it in full.
//!
//! | event | record |
//! | --- | --- |
//! | when it began, title, severity, ids | time, body, severity, ids |
//! | kind | label [`name::KIND`] |
//! | attributes of [`LABELS`] that are short text | labels of the stream, under their own names |
//! | other attributes | attributes, under their own names |
//! | all else | attributes of [`name`], each left out where it says nothing |

use super::{Attributes, AttributesBuf, Record, Severity, SpanId, TraceId, Value};
use crate::{LabelError, Labels};
use std::borrow::Cow;

/// Names that are not the event's own attributes.
pub mod name {
    /// The label with the kind.
    pub const KIND: &str = "kind";
    /// Who says so, text.
    pub const SOURCE: &str = "event:source";
    /// What it happened to, text.
    pub const SUBJECT: &str = "event:subject";
    /// More than the title, text.
    pub const TEXT: &str = "event:text";
    /// Whole nanoseconds from begin to end.
    pub const DURATION: &str = "event:duration";
    /// How it went, text.
    pub const RESULT: &str = "event:result";
    /// Where to read more, text.
    pub const LINK: &str = "event:link";
    /// What the sender calls it, text.
    pub const ID: &str = "event:id";
}

/// Kinds that are known by name; there may be any other.
pub mod kind {
    /// A version of a service was put into place.
    pub const DEPLOY: &str = "deploy";
    /// A version was published.
    pub const RELEASE: &str = "release";
    /// Source code was pushed.
    pub const PUSH: &str = "push";
    /// A pipeline or workflow ran.
    pub const BUILD: &str = "build";
    /// An alert fires or is resolved.
    pub const ALERT: &str = "alert";
    /// A note by a person or script.
    pub const ANNOTATION: &str = "annotation";
    /// A job that runs at its times.
    pub const CRON: &str = "cron";
    /// An event of Kubernetes.
    pub const KUBERNETES: &str = "kubernetes";
    /// A configuration was changed.
    pub const CONFIG: &str = "config";
    /// A program began.
    pub const START: &str = "start";
    /// A program ended.
    pub const STOP: &str = "stop";
    /// An event that names no kind.
    pub const OTHER: &str = "event";
}

/// Attributes that are labels of the stream: who it happened to, in OpenTelemetry's words. They hold few values each.
pub const LABELS: [&str; 8] = [
    "cloud.region",
    "deployment.environment.name",
    "host.name",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.node.name",
    "service.name",
    "service.namespace",
];

/// A value of a label has at most so many bytes; longer ones stay attributes.
pub const LABEL_BYTES_MAX: usize = 256;

const PREFIX: &str = "event:";

fn is_reserved(bare: &str) -> bool {
    bare.starts_with(PREFIX) || bare == name::KIND
}

/// The name under which an attribute of an event is kept: its own, with a `_` before it where it could be taken for one
/// that is not the event's.
pub fn stored_name(own: &str) -> Cow<'_, str> {
    match is_reserved(own.trim_start_matches('_')) {
        true => Cow::Owned(format!("_{own}")),
        false => Cow::Borrowed(own),
    }
}

/// The event's own name of an attribute that is kept under `stored`; `None` if it is one of [`name`].
pub fn own_name(stored: &str) -> Option<&str> {
    match is_reserved(stored.trim_start_matches('_')) {
        false => Some(stored),
        true => stored.strip_prefix('_'),
    }
}

/// An event on its way into a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventDraft {
    /// When it happened, or began, Unix nanoseconds.
    pub time_ns: i64,
    /// When somebody first saw it, Unix nanoseconds; 0 where unknown.
    pub observed_ns: i64,
    /// What kind of event; empty is [`kind::OTHER`].
    pub kind: String,
    /// One line.
    pub title: String,
    /// More than that.
    pub text: String,
    /// Who says so.
    pub source: String,
    /// What it happened to.
    pub subject: String,
    /// How grave it is.
    pub severity: Severity,
    /// How long it took.
    pub duration_ns: Option<i64>,
    /// How it went.
    pub result: String,
    /// Where to read more.
    pub link: String,
    /// What its source calls it: of two events with one source and id the first is kept.
    pub id: String,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The span it belongs to.
    pub span_id: SpanId,
    /// Attributes by their own names, those of [`LABELS`] among them.
    pub attributes: AttributesBuf,
}

impl EventDraft {
    /// An event of a kind.
    pub fn new(kind: &str, title: impl Into<String>, time_ns: i64) -> EventDraft {
        EventDraft { kind: kind.to_owned(), title: title.into(), time_ns, ..EventDraft::default() }
    }

    /// Adds an attribute that is text, unless it says nothing.
    pub fn set(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.attributes.push(name, Value::String(value));
        }
    }

    /// The labels of its stream, in no order; of equal names the first counts.
    pub fn labels(&self) -> Vec<(&str, &str)> {
        let kind = if self.kind.is_empty() { kind::OTHER } else { &self.kind };
        let mut pairs = vec![(name::KIND, kind)];
        for (name, value) in self.attributes.as_attributes().iter() {
            if let Some(value) = label(name, value)
                && !pairs.iter().any(|(n, _)| *n == name)
            {
                pairs.push((name, value));
            }
        }
        pairs
    }

    /// Its stream.
    pub fn stream(&self) -> Result<Labels, LabelError> {
        Labels::from_pairs(self.labels())
    }

    /// Fills in what is kept besides time, body, severity and ids; gives the number of attributes.
    pub fn attributes(&self, out: &mut AttributesBuf) -> usize {
        out.clear();
        let mut count = 0;
        let texts = [
            (name::SOURCE, &self.source),
            (name::SUBJECT, &self.subject),
            (name::TEXT, &self.text),
            (name::RESULT, &self.result),
            (name::LINK, &self.link),
            (name::ID, &self.id),
        ];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            out.push(name, Value::String(text));
            count += 1;
        }
        if let Some(duration_ns) = self.duration_ns {
            out.push(name::DURATION, Value::Int(duration_ns));
            count += 1;
        }
        for (name, value) in self.attributes.as_attributes().iter() {
            if label(name, value).is_none() {
                out.push(&stored_name(name), value);
                count += 1;
            }
        }
        count
    }

    /// The record, with the attributes that [`EventDraft::attributes`] gave.
    pub fn record<'a>(&'a self, attributes: &'a AttributesBuf) -> Record<'a> {
        Record {
            time_ns: self.time_ns,
            observed_ns: self.observed_ns,
            severity: self.severity,
            trace_id: self.trace_id,
            span_id: self.span_id,
            body: Value::String(&self.title),
            attributes: attributes.as_attributes(),
        }
    }
}

fn label<'v>(name: &str, value: Value<'v>) -> Option<&'v str> {
    let text = value.as_str()?;
    let fits = !text.is_empty() && text.len() <= LABEL_BYTES_MAX && LABELS.binary_search(&name).is_ok();
    fits.then_some(text)
}

/// A record seen as an event.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Labels of its stream.
    pub labels: &'a Labels,
    /// When it happened, or began, Unix nanoseconds.
    pub time_ns: i64,
    /// What kind of event.
    pub kind: &'a str,
    /// One line.
    pub title: &'a str,
    /// More than that.
    pub text: &'a str,
    /// Who says so.
    pub source: &'a str,
    /// What it happened to.
    pub subject: &'a str,
    /// How grave it is.
    pub severity: Severity,
    /// How long it took.
    pub duration_ns: Option<i64>,
    /// How it went.
    pub result: &'a str,
    /// Where to read more.
    pub link: &'a str,
    /// What its source calls it.
    pub id: &'a str,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The span it belongs to.
    pub span_id: SpanId,
    stored: Attributes<'a>,
}

impl<'a> Event<'a> {
    /// The event of a record. What an event must have and the record has not reads as nothing.
    pub fn of(labels: &'a Labels, record: &Record<'a>) -> Event<'a> {
        let mut event = Event {
            labels,
            time_ns: record.time_ns,
            kind: labels.get(name::KIND).unwrap_or(kind::OTHER),
            title: record.body.as_str().unwrap_or_default(),
            text: "",
            source: "",
            subject: "",
            severity: record.severity,
            duration_ns: None,
            result: "",
            link: "",
            id: "",
            trace_id: record.trace_id,
            span_id: record.span_id,
            stored: record.attributes,
        };
        for (name, value) in record.attributes.iter() {
            match (name, value) {
                (name::TEXT, Value::String(s)) => event.text = s,
                (name::SOURCE, Value::String(s)) => event.source = s,
                (name::SUBJECT, Value::String(s)) => event.subject = s,
                (name::RESULT, Value::String(s)) => event.result = s,
                (name::LINK, Value::String(s)) => event.link = s,
                (name::ID, Value::String(s)) => event.id = s,
                (name::DURATION, Value::Int(n)) => event.duration_ns = Some(n),
                _ => {}
            }
        }
        event
    }

    /// When it ended: where its duration is known.
    pub fn end_ns(&self) -> Option<i64> {
        self.duration_ns.map(|d| self.time_ns.saturating_add(d))
    }

    /// Its attributes, those that are labels first.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let labels = self.labels.iter().filter(|(name, _)| *name != name::KIND);
        let labels = labels.map(|(name, value)| (name, Value::String(value)));
        labels.chain(self.stored.iter().filter_map(|(name, value)| Some((own_name(name)?, value))))
    }

    /// One of its attributes.
    pub fn attribute(&self, own: &str) -> Option<Value<'a>> {
        self.attributes().find(|(name, _)| *name == own).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_event_comes_back() {
        let mut draft = EventDraft::new(kind::DEPLOY, "cart 1.4.2", 100);
        draft.source = "ci".into();
        draft.id = "7".into();
        draft.duration_ns = Some(20);
        draft.result = "ok".into();
        draft.severity = Severity::INFO;
        draft.set("service.name", "cart");
        draft.set("service.version", "1.4.2");
        draft.set("kind", "mine");
        draft.attributes.push("items", Value::Int(3));
        draft.set("nothing", "");
        let labels = draft.stream().unwrap();
        assert_eq!(labels.to_string(), r#"{kind="deploy", "service.name"="cart"}"#);
        let mut attributes = AttributesBuf::new();
        assert_eq!(draft.attributes(&mut attributes), 7);
        let record = draft.record(&attributes);
        let event = Event::of(&labels, &record);
        assert_eq!((event.kind, event.title, event.source, event.id), ("deploy", "cart 1.4.2", "ci", "7"));
        assert_eq!((event.end_ns(), event.result), (Some(120), "ok"));
        let shown = format!("{:?}", event.attributes().collect::<Vec<_>>());
        assert_eq!(
            shown,
            r#"[("service.name", "cart"), ("service.version", "1.4.2"), ("kind", "mine"), ("items", 3)]"#
        );
        assert_eq!(event.attribute("kind"), Some(Value::String("mine")));
    }

    #[test]
    fn long_values_are_no_labels() {
        let mut draft = EventDraft::new("", "x", 1);
        draft.set("service.name", &"s".repeat(LABEL_BYTES_MAX + 1));
        assert_eq!(draft.stream().unwrap().to_string(), r#"{kind="event"}"#);
        assert!(LABELS.is_sorted());
    }

    proptest! {
        #[test]
        fn names_come_back(own in "_{0,3}(event:|kind|event\\.|)[a-z.:_]{0,6}") {
            let stored = stored_name(&own);
            prop_assert_eq!(own_name(&stored), Some(own.as_str()));
        }
    }
}
