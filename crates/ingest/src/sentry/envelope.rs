//! Envelopes: a line that says from whom, and items of a line that says what and a payload.

use super::event::{drift, event, quantity};
use super::parts::{list, text, time_ns};
use super::{Beside, Contents, Discarded, SentryLimits, key_of_dsn, logs, session, transaction};
use crate::error::{DecodeError, quote};
use crate::limits::cut;
use errors::{EventId, Item};
use model::Limit;
use serde_json::Value;

const WHAT: &str = "envelope";
/// Types of items that are told apart in counts.
const TYPES_MAX: usize = 20;
/// Bytes of a line that says what follows.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Reads an envelope. `unnamed` is the id of an event that has none.
pub fn envelope(
    body: &[u8],
    unnamed: EventId,
    now_ns: i64,
    limits: &SentryLimits,
    beside: &mut Beside,
) -> Result<Contents, DecodeError> {
    let (head, mut at) = line(body, 0);
    let head = head_of(head, 0)?;
    let mut read = Reading {
        contents: Contents { key: key_of_dsn(&text(&head, "dsn")), ..Contents::default() },
        drift_ns: drift(time_ns(&head, "sent_at"), now_ns),
        unnamed: EventId::from_text(&text(&head, "event_id")).unwrap_or(unnamed),
        now_ns,
        limits,
        attachments: 0,
        beside,
    };
    let mut items = 0;
    while at < body.len() {
        let (head, after) = line(body, at);
        if head.is_empty() {
            at = after;
            continue;
        }
        items += 1;
        if items > limits.items_max {
            return Err(too_many(items, limits));
        }
        let item = head_of(head, at)?;
        let (payload, next) = payload(body, after, &item)?;
        read.item(&item, payload);
        at = next;
    }
    Ok(read.finish())
}

/// Reads a single event, as SDKs sent it before there were envelopes.
pub fn store(
    body: &[u8],
    unnamed: EventId,
    now_ns: i64,
    limits: &SentryLimits,
) -> Result<Contents, DecodeError> {
    if body.len() > limits.item_bytes_max {
        return Err(DecodeError::TooLarge(over(
            body.len(),
            limits.item_bytes_max,
            "item_bytes_max",
            "the event",
        )));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|e| DecodeError::Unreadable(format!("event: {e}")))?;
    if !value.is_object() {
        return Err(DecodeError::Unreadable("event: it must be an object".to_owned()));
    }
    let mut found = event(value, unnamed);
    if found.time_ns == 0 || found.time_ns > now_ns {
        found.time_ns = now_ns;
    }
    let event_id = Some(found.id);
    Ok(Contents { event_id, items: vec![Item::Event(Box::new(found))], ..Contents::default() })
}

/// The line at a place and where the next one begins.
fn line(body: &[u8], at: usize) -> (&[u8], usize) {
    let rest = &body[at.min(body.len())..];
    match memchr::memchr(b'\n', rest) {
        Some(end) => (rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]), at + end + 1),
        None => (rest, body.len()),
    }
}

fn head_of(line: &[u8], at: usize) -> Result<Value, DecodeError> {
    let wrong = |reason: String| DecodeError::Malformed { what: WHAT, at, reason };
    if line.len() > HEAD_BYTES_MAX {
        return Err(wrong(format!("a head of {} bytes; at most {HEAD_BYTES_MAX}", line.len())));
    }
    match serde_json::from_slice(line) {
        Ok(head @ Value::Object(_)) => Ok(head),
        Ok(_) => Err(wrong(format!("{} is no object", quote(line)))),
        Err(e) => Err(wrong(format!("{} is not the head of an item: {e}", quote(line)))),
    }
}

/// The payload of an item and where the next one begins: as long as stated, else up to the end of the line.
fn payload<'a>(body: &'a [u8], at: usize, head: &Value) -> Result<(&'a [u8], usize), DecodeError> {
    let Some(stated) = head.get("length") else { return Ok(line(body, at)) };
    let rest = &body[at.min(body.len())..];
    let length = stated.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= rest.len());
    let Some(length) = length else {
        let reason = format!("an item of length {stated}, of which {} bytes are there", rest.len());
        return Err(DecodeError::Malformed { what: WHAT, at, reason });
    };
    let next = at + length;
    match rest.get(length) {
        None => Ok((&rest[..length], next)),
        Some(b'\n') => Ok((&rest[..length], next + 1)),
        Some(_) => {
            let reason = format!("an item of length {length} does not end with a line break");
            Err(DecodeError::Malformed { what: WHAT, at: next, reason })
        }
    }
}

fn over(observed: usize, limit: usize, field: &str, what: &str) -> Limit {
    let setting = match field {
        "items_max" => "issues.envelope.items_max",
        "item_bytes_max" => "issues.envelope.item_bytes_max",
        "attachment_bytes_max" => "issues.envelope.attachment_bytes_max",
        _ => "issues.envelope.attachments_bytes_max",
    };
    let what = format!("the length in bytes of {what}");
    Limit { what, observed: observed as u64, limit: limit as u64, setting }
}

fn too_many(items: usize, limits: &SentryLimits) -> DecodeError {
    DecodeError::TooLarge(Limit {
        what: "the number of items of the envelope".to_owned(),
        observed: items as u64,
        limit: limits.items_max as u64,
        setting: "issues.envelope.items_max",
    })
}

struct Reading<'r> {
    contents: Contents,
    drift_ns: i64,
    unnamed: EventId,
    now_ns: i64,
    limits: &'r SentryLimits,
    /// Bytes of attachments so far.
    attachments: usize,
    beside: &'r mut Beside,
}

impl Reading<'_> {
    fn item(&mut self, head: &Value, payload: &[u8]) {
        let kind = text(head, "type");
        let done = match kind.as_str() {
            "attachment" => self.attachment(head, payload),
            "event" | "transaction" | "session" | "sessions" | "client_report" | "user_report"
            | "feedback" | "check_in" | "log" | "span" => self.json(&kind, payload),
            _ => {
                self.unknown(&kind);
                Ok(())
            }
        };
        if let Err(why) = done {
            self.contents.outcome.reject(format_args!("{}: {why}", cut(&kind, 40)));
        }
    }

    fn unknown(&mut self, kind: &str) {
        let counts = &mut self.contents.unknown;
        let known = counts.contains_key(kind) || (counts.len() < TYPES_MAX && kind.len() <= 40);
        *counts.entry(if known { kind.to_owned() } else { "other".to_owned() }).or_default() += 1;
    }

    fn json(&mut self, kind: &str, payload: &[u8]) -> Result<(), String> {
        if payload.len() > self.limits.item_bytes_max {
            return Err(
                over(payload.len(), self.limits.item_bytes_max, "item_bytes_max", "the item").to_string()
            );
        }
        let value: Value = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
        if !value.is_object() {
            return Err("it must be an object".to_owned());
        }
        match kind {
            "event" => self.event(value),
            "transaction" => {
                self.contents.event_id.get_or_insert(self.unnamed);
                transaction::spans(&value, &self.beside.service, self.drift_ns, &mut self.beside.spans)?;
            }
            "session" => self.contents.items.push(session::session(&value, self.drift_ns, self.now_ns)?),
            "sessions" => self.contents.items.extend(session::sessions(&value, self.drift_ns, self.now_ns)),
            "client_report" => self.report(&value),
            "log" => logs::records(&value, &self.beside.service, self.drift_ns, &mut self.beside.logs)?,
            "span" => {
                transaction::items(&value, &self.beside.service, self.drift_ns, &mut self.beside.spans)?;
            }
            "check_in" => {
                let id = EventId::from_text(&text(&value, "check_in_id")).unwrap_or(self.unnamed);
                self.contents.event_id.get_or_insert(id);
                self.contents.items.push(Item::CheckIn { id, text: value.to_string() });
            }
            _ => self.feedback(&value),
        }
        Ok(())
    }

    fn event(&mut self, value: Value) {
        let mut found = event(value, self.unnamed);
        found.time_ns = match found.time_ns {
            0 => self.now_ns,
            // What is ahead of our clock has not happened later than now.
            at => at.saturating_add(self.drift_ns).min(self.now_ns),
        };
        self.contents.event_id = Some(found.id);
        self.contents.items.push(Item::Event(Box::new(found)));
    }

    fn feedback(&mut self, value: &Value) {
        let contexts = value.get("contexts").and_then(|c| c.get("feedback"));
        let of = contexts.map(|f| text(f, "associated_event_id")).unwrap_or_default();
        let event = EventId::from_text(&text(value, "event_id")).unwrap_or(self.unnamed);
        let said = contexts.unwrap_or(value);
        // Only what people said, not what surrounds it.
        let said = serde_json::json!({
            "name": text(said, "name"),
            "email": super::parts::first(said, &["contact_email", "email"]),
            "text": cut(&super::parts::first(said, &["message", "comments"]), 8192),
            "url": text(said, "url"),
        });
        self.contents.event_id.get_or_insert(event);
        let event = EventId::from_text(&of).unwrap_or(event);
        self.contents.items.push(Item::Feedback { event, time_ns: self.now_ns, text: said.to_string() });
    }

    fn report(&mut self, value: &Value) {
        for d in list(value, "discarded_events").iter().take(200) {
            self.contents.discarded.push(Discarded {
                reason: cut(&text(d, "reason"), 40).to_owned(),
                category: cut(&text(d, "category"), 40).to_owned(),
                quantity: quantity(d),
            });
        }
    }

    fn attachment(&mut self, head: &Value, payload: &[u8]) -> Result<(), String> {
        let l = self.limits;
        if payload.len() > l.attachment_bytes_max {
            let max = l.attachment_bytes_max;
            return Err(over(payload.len(), max, "attachment_bytes_max", "the attachment").to_string());
        }
        let all = self.attachments + payload.len();
        if all > l.attachments_bytes_max {
            let max = l.attachments_bytes_max;
            return Err(over(all, max, "attachments_bytes_max", "all attachments").to_string());
        }
        self.attachments = all;
        self.contents.items.push(Item::Attachment {
            event: self.unnamed,
            file: cut(&text(head, "filename"), 512).to_owned(),
            content_type: cut(&text(head, "content_type"), 200).to_owned(),
            bytes: payload.to_vec(),
        });
        Ok(())
    }

    fn finish(mut self) -> Contents {
        // Attachments belong to the event of the envelope, which may say its id itself.
        if let Some(id) = self.contents.event_id {
            for item in &mut self.contents.items {
                if let Item::Attachment { event, .. } = item {
                    *event = id;
                }
            }
        }
        self.contents
    }
}

#[cfg(test)]
mod tests;
