//! What one failure left behind.

use model::record::{Severity, SpanId, TraceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The id of an event. A sender that tells of an event twice gives the same one.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// From 32 hexadecimal digits, with or without dashes.
    pub fn from_text(text: &str) -> Option<EventId> {
        if text.len() > 40 {
            return None;
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        TraceId::from_hex(&digits).map(|id| EventId(id.0))
    }

    /// One that follows from what it is made of: the same parts give the same id.
    pub fn of_parts(parts: &[&[u8]]) -> EventId {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        EventId(hash.digest128().to_be_bytes())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who told of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A Sentry SDK.
    #[default]
    Sentry,
    /// The event `exception` of a span.
    Span,
    /// Attributes `exception.*` of a log record.
    Log,
    /// A stack trace in the text of a log record.
    Text,
}

impl Origin {
    /// Its word: `sentry`, `span`, `log`, `text`.
    pub fn text(self) -> &'static str {
        match self {
            Origin::Sentry => "sentry",
            Origin::Span => "span",
            Origin::Log => "log",
            Origin::Text => "text",
        }
    }

    /// By its word.
    pub fn from_text(word: &str) -> Option<Origin> {
        [Origin::Sentry, Origin::Span, Origin::Log, Origin::Text].into_iter().find(|o| o.text() == word)
    }
}

/// A failure, in the same shape whoever told of it. Empty texts and lists say nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Its id.
    #[serde(with = "hex")]
    pub id: EventId,
    /// When it happened, Unix nanoseconds.
    pub time_ns: i64,
    /// How grave it is.
    #[serde(with = "severity")]
    pub level: Severity,
    /// Who told of it.
    pub origin: Origin,
    /// The language or runtime, in Sentry's words: `python`, `javascript`, `node`, `java`, `csharp`, `go`, `rust`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// The logger.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub logger: String,
    /// What was going on: a route, a job.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub transaction: String,
    /// The host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    /// The service, in OpenTelemetry's sense.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// The release.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release: String,
    /// The build of the release.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dist: String,
    /// `production`, `staging`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// What was said, parameters filled in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The same before parameters were filled in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// What was thrown: the first cause first, what was caught last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// Where the message was written, for events without an exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
    /// Threads of the process.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<Thread>,
    /// What happened before, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breadcrumbs: Vec<Breadcrumb>,
    /// For whom.
    #[serde(skip_serializing_if = "User::is_empty")]
    pub user: User,
    /// Names and values to search by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// What is known of runtime, device, operating system and so on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<Context>,
    /// What else the application attached, as sent.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub extra: Value,
    /// The request that was being answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// What sent it.
    #[serde(skip_serializing_if = "Sdk::is_empty")]
    pub sdk: Sdk,
    /// Loaded packages and their versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<(String, String)>,
    /// What the application says makes events the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fingerprint: Vec<String>,
    /// The trace it belongs to.
    #[serde(with = "hex")]
    pub trace_id: TraceId,
    /// The span it belongs to.
    #[serde(with = "hex")]
    pub span_id: SpanId,
    /// How much was left out because of limits: texts cut, items dropped.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Something thrown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exception {
    /// Its type, as the language names it.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// What it says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Where the type is from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub module: String,
    /// How it was caught.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// Where.
    #[serde(skip_serializing_if = "Stack::is_empty")]
    pub stack: Stack,
}

/// How an exception was caught.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mechanism {
    /// By what.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Whether the application caught it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled: Option<bool>,
}

/// Calls, the outermost first and the one that failed last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stack {
    /// The calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
}

impl Stack {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

/// A call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// The function.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub function: String,
    /// Its module, class or package.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub module: String,
    /// The file, as it is known to the application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Where the file lies.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The line, from 1; 0 is unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: u32,
    /// The column, from 1; 0 is unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub column: u32,
    /// Whether it is the application's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_app: Option<bool>,
    /// Its platform, where it differs from the event's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// Lines of source before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// The line of source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Lines of source after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Variables, as sent.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub vars: Value,
}

/// A thread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    /// Its number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it failed.
    pub crashed: bool,
    /// Whether it was the one running.
    pub current: bool,
    /// What it was doing.
    #[serde(skip_serializing_if = "Stack::is_empty")]
    pub stack: Stack,
}

/// Something that happened before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breadcrumb {
    /// When, Unix nanoseconds; 0 is unknown.
    pub time_ns: i64,
    /// `http`, `navigation`, `default`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Of what sort.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// How grave.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub level: String,
    /// What.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What else is known, as sent.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// Who was served.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// As the application knows them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// A name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// An address of mail.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// An address of the network.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
}

impl User {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.key().is_empty()
    }

    /// What tells this user from others: the first of id, mail, name and address that is known.
    pub fn key(&self) -> &str {
        [&self.id, &self.email, &self.username, &self.ip]
            .into_iter()
            .find(|t| !t.is_empty())
            .map_or("", |t| t)
    }
}

/// One thing known about the surroundings, as sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// `runtime`, `os`, `device`, `trace`.
    pub name: String,
    /// What is known.
    pub value: Value,
}

/// A request that was being answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Its method.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Its address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The part behind the question mark.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// Its headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Its body, as sent.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// What sent an event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sdk {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
}

impl Sdk {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.version.is_empty()
    }
}

impl Event {
    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// What was caught.
    pub fn exception(&self) -> Option<&Exception> {
        self.exceptions.last()
    }

    /// Whether the application caught it; nothing where nobody says.
    pub fn handled(&self) -> Option<bool> {
        self.exceptions.iter().rev().find_map(|e| e.mechanism.as_ref()?.handled)
    }

    /// All stacks, to look at or change.
    pub(crate) fn stacks_mut(&mut self) -> impl Iterator<Item = &mut Stack> {
        self.exceptions
            .iter_mut()
            .map(|e| &mut e.stack)
            .chain(self.stack.as_mut())
            .chain(self.threads.iter_mut().map(|t| &mut t.stack))
    }
}

/// Ids as hexadecimal digits.
mod hex {
    use super::EventId;
    use model::record::{SpanId, TraceId};
    use serde::{Deserialize, Deserializer, Serializer};
    use std::fmt::Display;

    pub trait Hex: Sized {
        fn read(text: &str) -> Option<Self>;
    }

    impl Hex for EventId {
        fn read(text: &str) -> Option<Self> {
            EventId::from_text(text)
        }
    }

    impl Hex for TraceId {
        fn read(text: &str) -> Option<Self> {
            TraceId::from_hex(text)
        }
    }

    impl Hex for SpanId {
        fn read(text: &str) -> Option<Self> {
            SpanId::from_hex(text)
        }
    }

    pub fn serialize<T: Display, S: Serializer>(id: &T, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(id)
    }

    pub fn deserialize<'de, T: Hex, D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
        let text = String::deserialize(d)?;
        T::read(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not an id")))
    }
}

mod severity {
    use model::record::Severity;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(level: &Severity, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(level.number())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Severity, D::Error> {
        Ok(Severity::from_number(u8::deserialize(d)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_both_spellings() {
        let plain = EventId::from_text("9ec79c33ec9942ab8353589fcb2e04dc").unwrap();
        assert_eq!(EventId::from_text("9ec79c33-ec99-42ab-8353-589fcb2e04dc"), Some(plain));
        assert_eq!(plain.to_string(), "9ec79c33ec9942ab8353589fcb2e04dc");
        assert_eq!(EventId::from_text("9ec7"), None);
        assert_eq!(EventId::of_parts(&[b"a", b"b"]), EventId::of_parts(&[b"a", b"b"]));
        assert_ne!(EventId::of_parts(&[b"a", b"b"]), EventId::of_parts(&[b"ab", b""]));
    }

    #[test]
    fn events_come_back_from_json() {
        let mut event = Event { message: "m".into(), ..Event::default() };
        event.exceptions.push(Exception { kind: "E".into(), ..Exception::default() });
        event.tags.push(("a".into(), "b".into()));
        let text = serde_json::to_string(&event).unwrap();
        assert!(!text.contains("breadcrumbs"), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}
