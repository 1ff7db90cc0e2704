//! Writes events as records.

use super::tree::{flatten, scalar};
use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused};
use model::Limit;
use model::record::event::{EventDraft, LABEL_BYTES_MAX};
use model::record::{AttributesBuf, Severity, SpanId, TraceId};
use serde_json::Value as Json;
use std::borrow::Cow;

/// Bytes of a body of events: each event of it is read as a tree, which takes many times its size.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// Writes events into a [`RecordWriter`].
pub(crate) struct EventWriter<'w> {
    pub w: &'w mut RecordWriter,
    attributes: AttributesBuf,
    key: Vec<u8>,
}

impl<'w> EventWriter<'w> {
    /// A writer for a body, if that is not too long.
    pub fn new(body: &[u8], w: &'w mut RecordWriter) -> Result<EventWriter<'w>, DecodeError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(DecodeError::TooLarge(Limit {
                what: "the length in bytes of a body of events".to_owned(),
                observed: body.len() as u64,
                limit: BODY_BYTES_MAX as u64,
                setting: "no setting: send fewer events at a time",
            }));
        }
        Ok(EventWriter { w, attributes: AttributesBuf::new(), key: Vec::new() })
    }

    /// Counts what became of an event of a body, by its number from 1.
    pub fn settle(&mut self, number: usize, done: Result<(), Refused>) -> Result<(), DecodeError> {
        self.w.settle(done.map_err(|refused| match refused {
            Refused::Record(why) => Refused::Record(format!("event {number}: {why}")),
            body => body,
        }))
    }

    /// Writes an event. One without a time happened now; one without a severity has that of its result.
    pub fn write(&mut self, mut draft: EventDraft) -> Result<(), Refused> {
        draft.title = one_line(&draft.title);
        if draft.title.is_empty() {
            return Err(Refused::Record("it has no title: give at least {\"title\": \"…\"}".to_owned()));
        }
        draft.observed_ns = self.w.now_ns();
        if draft.time_ns == 0 {
            draft.time_ns = draft.observed_ns;
        }
        draft.kind = one_line(&draft.kind);
        if draft.kind.len() > LABEL_BYTES_MAX {
            return Err(Refused::Record(format!(
                "its kind has {} bytes, over the limit of {LABEL_BYTES_MAX}: kinds are few and short",
                draft.kind.len()
            )));
        }
        draft.result = result_word(&draft.result).into_owned();
        if draft.severity == Severity::UNKNOWN {
            draft.severity = match draft.result.as_str() {
                "failed" | "firing" => Severity::ERROR,
                _ => Severity::INFO,
            };
        }
        let pairs = draft.labels();
        self.key.clear();
        for (name, value) in &pairs {
            self.key.extend_from_slice(name.as_bytes());
            self.key.push(0);
            self.key.extend_from_slice(value.as_bytes());
            self.key.push(0);
        }
        let stream = match self.w.known(&self.key) {
            Some(stream) => stream,
            None => self.w.stream(&self.key, &pairs)?,
        };
        let count = draft.attributes(&mut self.attributes);
        self.w.push(stream, &draft.record(&self.attributes), count)
    }

    /// Adds a member of an object as attributes, by OpenTelemetry's names where it is known what is meant.
    pub fn attribute(&self, name: &str, value: &Json, draft: &mut EventDraft) -> Result<(), Refused> {
        let mut count = 0;
        flatten(name, value, self.w.limits(), &mut count, &mut draft.attributes, &entity_name)
    }

    /// Adds all members of an object.
    pub fn attributes(&self, value: &Json, draft: &mut EventDraft) -> Result<(), Refused> {
        self.attribute("", value, draft)
    }

    /// Adds members below a prefix, those that name an entity without it.
    pub fn attributes_below(
        &self,
        prefix: &str,
        value: &Json,
        draft: &mut EventDraft,
    ) -> Result<(), Refused> {
        let mut count = 0;
        let below = |name: &str| entity_name(name.strip_prefix(prefix)?.strip_prefix('.')?);
        flatten(prefix, value, self.w.limits(), &mut count, &mut draft.attributes, &below)
    }
}

/// OpenTelemetry's name of what people call an entity in short.
fn entity_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "service" | "service_name" | "serviceName" | "servicename" | "service.name" => "service.name",
        "version" | "service_version" | "serviceVersion" | "serviceversion" | "service.version" => {
            "service.version"
        }
        "host" | "hostname" | "host_name" | "host.name" => "host.name",
        "environment"
        | "env"
        | "deployment_environment"
        | "deployment.environment"
        | "deployment.environment.name" => "deployment.environment.name",
        "service.namespace" => "service.namespace",
        "cluster" | "k8s.cluster.name" => "k8s.cluster.name",
        "namespace" | "k8s.namespace.name" => "k8s.namespace.name",
        "node" | "k8s.node.name" => "k8s.node.name",
        "pod" | "k8s.pod.name" => "k8s.pod.name",
        "region" | "cloud.region" => "cloud.region",
        _ => return None,
    })
}

/// The first line of a text, trimmed.
pub(crate) fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or("").trim()
}

fn one_line(text: &str) -> String {
    let text = text.trim();
    match text.contains(['\n', '\r', '\t']) {
        true => text.split_whitespace().collect::<Vec<_>>().join(" "),
        false => text.to_owned(),
    }
}

/// How something went, in one word for what senders call it in many: `ok`, `failed`, `cancelled`, `running`; other words
/// stay as they are, in small letters.
pub fn result_word(text: &str) -> Cow<'_, str> {
    let word = text.trim();
    let is = |words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
    if is(&["ok", "success", "successful", "succeeded", "passed", "pass", "complete", "completed", "0"]) {
        Cow::Borrowed("ok")
    } else if is(&["failed", "failure", "fail", "error", "errored", "timed_out", "timeout", "broken"]) {
        Cow::Borrowed("failed")
    } else if is(&["cancelled", "canceled", "skipped", "aborted"]) {
        Cow::Borrowed("cancelled")
    } else if is(&["running", "pending", "queued", "in_progress", "created", "started", "waiting"]) {
        Cow::Borrowed("running")
    } else if word.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}

/// The severity that a value names, by word or by OpenTelemetry's number.
pub(crate) fn severity(value: &Json) -> Severity {
    match value.as_u64() {
        Some(number) => Severity::from_number(u8::try_from(number).unwrap_or(0)),
        None => Severity::from_text(&scalar(value)),
    }
}

/// Trace and span of a `traceparent` as W3C has it.
pub(crate) fn trace_parent(text: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = text.trim().split('-');
    let (_, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    Some((TraceId::from_hex(trace)?, SpanId::from_hex(span)?))
}
