//! How an error event is a record, and a view of such a record. `docs/format/errors.md` says it in full.
//!
//! | error event | record |
//! | --- | --- |
//! | time, title, ids of trace and span, level | time, body, ids, severity |
//! | project, kind, group, service | labels of the stream |
//! | what is searched by | attributes of [`name`] that are text |
//! | tags | attributes `tags.NAME` |
//! | everything | attribute [`name::EVENT`], as JSON |
//!
//! What comes with error events (sessions, attachments, feedback, check-ins) lies beside them in streams of another
//! kind.

use super::{Record, Severity, SpanId, TraceId, Value};
use crate::Labels;

/// Names of labels and attributes.
pub mod name {
    /// Label: the project.
    pub const PROJECT: &str = "project";
    /// Label: what it is, see [`super::kind`].
    pub const KIND: &str = "kind";
    /// Label of events: the group, 16 hexadecimal digits.
    pub const GROUP: &str = "group";
    /// Label: the service, where one is known.
    pub const SERVICE: &str = "service.name";

    /// The id of the event, 16 bytes; of a session, its id.
    pub const ID: &str = "error:id";
    /// The number of the batch in which it was accepted.
    pub const BATCH: &str = "error:batch";
    /// All of it, JSON.
    pub const EVENT: &str = "error:event";
    /// Text: the type of what was thrown.
    pub const TYPE: &str = "exception.type";
    /// Text: what it says.
    pub const MESSAGE: &str = "exception.message";
    /// Text: where it failed.
    pub const CULPRIT: &str = "culprit";
    /// Text: the language or runtime.
    pub const PLATFORM: &str = "platform";
    /// Text: the release.
    pub const RELEASE: &str = "release";
    /// Text: the environment.
    pub const ENVIRONMENT: &str = "environment";
    /// Text: what tells the user from others.
    pub const USER: &str = "user";
    /// Text: what was going on.
    pub const TRANSACTION: &str = "transaction";
    /// Text: the host.
    pub const HOST: &str = "host.name";
    /// Text: who told of it.
    pub const ORIGIN: &str = "origin";
    /// Text: the rule that grouped it.
    pub const RULE: &str = "rule";
    /// Whether the application caught it.
    pub const HANDLED: &str = "handled";
    /// Before the name of a tag.
    pub const TAG_PREFIX: &str = "tags.";
    /// Text: the name of an attachment's file.
    pub const FILE: &str = "file";
    /// The bytes of an attachment.
    pub const DATA: &str = "data";
    /// Text: the type of an attachment's bytes.
    pub const CONTENT_TYPE: &str = "content_type";
}

/// Values of the label [`name::KIND`].
pub mod kind {
    /// An error event.
    pub const EVENT: &str = "event";
    /// A session, or several alike.
    pub const SESSION: &str = "session";
    /// A file that came with an event.
    pub const ATTACHMENT: &str = "attachment";
    /// What a user says of an event.
    pub const FEEDBACK: &str = "feedback";
    /// A sign of life of a periodic job.
    pub const CHECK_IN: &str = "check_in";
}

/// A record seen as an error event.
#[derive(Debug, Clone, Copy)]
pub struct ErrorView<'a> {
    /// The project.
    pub project: &'a str,
    /// What it is.
    pub kind: &'a str,
    /// The group, as its label has it.
    pub group: &'a str,
    /// The service, empty if unknown.
    pub service: &'a str,
    /// When, Unix nanoseconds.
    pub time_ns: i64,
    /// When it was accepted, Unix nanoseconds.
    pub observed_ns: i64,
    /// How grave.
    pub level: Severity,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its span.
    pub span_id: SpanId,
    /// How it is called.
    pub title: &'a str,
    /// Its id.
    pub id: [u8; 16],
    /// The number of its batch.
    pub batch: u64,
    /// All of it, JSON.
    pub event: &'a str,
    /// The type of what was thrown.
    pub exception: &'a str,
    /// Where it failed.
    pub culprit: &'a str,
    /// The language or runtime.
    pub platform: &'a str,
    /// The release.
    pub release: &'a str,
    /// The environment.
    pub environment: &'a str,
    /// What tells the user from others.
    pub user: &'a str,
    /// The rule that grouped it.
    pub rule: &'a str,
    /// Who told of it.
    pub origin: &'a str,
    /// Whether the application caught it.
    pub handled: Option<bool>,
}

impl<'a> ErrorView<'a> {
    /// The error event of a record. What is not there reads as nothing.
    pub fn of(labels: &'a Labels, record: &Record<'a>) -> ErrorView<'a> {
        let label = |name: &str| labels.get(name).unwrap_or("");
        let mut view = ErrorView {
            project: label(name::PROJECT),
            kind: label(name::KIND),
            group: label(name::GROUP),
            service: label(name::SERVICE),
            time_ns: record.time_ns,
            observed_ns: record.observed_ns,
            level: record.severity,
            trace_id: record.trace_id,
            span_id: record.span_id,
            title: record.body.as_str().unwrap_or(""),
            id: [0; 16],
            batch: 0,
            event: "",
            exception: "",
            culprit: "",
            platform: "",
            release: "",
            environment: "",
            user: "",
            rule: "",
            origin: "",
            handled: None,
        };
        for (name, value) in record.attributes.iter() {
            view.set(name, value);
        }
        view
    }

    fn set(&mut self, name: &str, value: Value<'a>) {
        match (name, value) {
            (name::ID, Value::Bytes(b)) => self.id = b.try_into().unwrap_or_default(),
            (name::BATCH, Value::Int(n)) => self.batch = u64::try_from(n).unwrap_or(0),
            (name::EVENT, Value::String(s)) => self.event = s,
            (name::TYPE, Value::String(s)) => self.exception = s,
            (name::CULPRIT, Value::String(s)) => self.culprit = s,
            (name::PLATFORM, Value::String(s)) => self.platform = s,
            (name::RELEASE, Value::String(s)) => self.release = s,
            (name::ENVIRONMENT, Value::String(s)) => self.environment = s,
            (name::USER, Value::String(s)) => self.user = s,
            (name::RULE, Value::String(s)) => self.rule = s,
            (name::ORIGIN, Value::String(s)) => self.origin = s,
            (name::HANDLED, Value::Bool(b)) => self.handled = Some(b),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::AttributesBuf;

    #[test]
    fn a_record_reads_as_an_event() {
        let labels =
            Labels::from_pairs([("project", "shop"), ("kind", kind::EVENT), ("group", "00ff")]).unwrap();
        let mut attributes = AttributesBuf::new();
        attributes.push(name::ID, Value::Bytes(&[7; 16]));
        attributes.push(name::BATCH, Value::Int(3));
        attributes.push(name::RELEASE, Value::String("1.0"));
        attributes.push(name::HANDLED, Value::Bool(false));
        attributes.push("tags.a", Value::String("b"));
        let record = Record { attributes: attributes.as_attributes(), ..Record::line(5, "E: text") };
        let view = ErrorView::of(&labels, &record);
        assert_eq!((view.project, view.group, view.title, view.release), ("shop", "00ff", "E: text", "1.0"));
        assert_eq!((view.id, view.batch, view.handled, view.user), ([7; 16], 3, Some(false), ""));
    }
}
