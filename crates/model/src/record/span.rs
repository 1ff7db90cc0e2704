//! How a span is a record, and a view of such a record as a span. `docs/format/spans.md` says it in full.
//!
//! | span | record |
//! | --- | --- |
//! | start, name, ids | time, body, ids |
//! | resource attributes that are text | labels of the stream, under their own names |
//! | other resource attributes | attributes `resource.NAME` |
//! | attributes | attributes, under their own names |
//! | attributes of the scope | attributes `instrumentation.NAME` |
//! | all else | attributes of [`name`], each left out where it says nothing |

use super::{Attributes, Items, Record, SpanId, TraceId, Value};
use crate::Labels;
use std::borrow::Cow;

/// Names of attributes that are not the span's own.
pub mod name {
    /// Whole nanoseconds from start to end. The only one that is always there.
    pub const DURATION: &str = "span:duration";
    /// A number, see [`SpanKind`](super::SpanKind).
    pub const KIND: &str = "span:kind";
    /// A number, see [`SpanStatus`](super::SpanStatus).
    pub const STATUS: &str = "span:status";
    /// Text.
    pub const STATUS_MESSAGE: &str = "span:statusMessage";
    /// Eight bytes.
    pub const PARENT_ID: &str = "span:parentID";
    /// Text, as W3C Trace Context has it.
    pub const TRACE_STATE: &str = "span:traceState";
    /// A number, as OTLP has it.
    pub const FLAGS: &str = "span:flags";
    /// A list of maps, see [`Event`](super::Event).
    pub const EVENTS: &str = "span:events";
    /// A list of maps, see [`Link`](super::Link).
    pub const LINKS: &str = "span:links";
    /// How many attributes the sender left out.
    pub const DROPPED_ATTRIBUTES: &str = "span:droppedAttributes";
    /// How many events the sender left out.
    pub const DROPPED_EVENTS: &str = "span:droppedEvents";
    /// How many links the sender left out.
    pub const DROPPED_LINKS: &str = "span:droppedLinks";
    /// Name of the scope, text.
    pub const SCOPE_NAME: &str = "instrumentation:name";
    /// Version of the scope, text.
    pub const SCOPE_VERSION: &str = "instrumentation:version";
    /// Before the name of an attribute of the scope.
    pub const SCOPE_PREFIX: &str = "instrumentation.";
    /// Before the name of an attribute of the resource that is no label.
    pub const RESOURCE_PREFIX: &str = "resource.";

    /// The label that names the service.
    pub const SERVICE: &str = "service.name";
    /// Its value where a sender says nothing.
    pub const SERVICE_UNKNOWN: &str = "unknown_service";

    /// In an event: whole nanoseconds after the start of the span.
    pub const EVENT_TIME: &str = "time";
    /// In an event: text.
    pub const EVENT_NAME: &str = "name";
    /// In an event or link: a map.
    pub const ATTRIBUTES: &str = "attributes";
    /// In an event or link: how many attributes the sender left out.
    pub const DROPPED: &str = "dropped";
    /// In a link: 16 bytes.
    pub const LINK_TRACE_ID: &str = "traceID";
    /// In a link: 8 bytes.
    pub const LINK_SPAN_ID: &str = "spanID";
    /// In a link: text.
    pub const LINK_TRACE_STATE: &str = "traceState";
    /// In a link: a number.
    pub const LINK_FLAGS: &str = "flags";
}

/// Prefixes of names that are not the span's own attributes.
const RESERVED: [&str; 4] = ["span:", "instrumentation:", name::SCOPE_PREFIX, name::RESOURCE_PREFIX];

/// Whose attribute it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// The span's own, by its own name.
    Span(&'a str),
    /// The resource's, by its own name.
    Resource(&'a str),
    /// The scope's, by its own name.
    Scope(&'a str),
    /// One of [`name`].
    Intrinsic(&'a str),
}

/// Whether a name begins with any number of `_` and then a reserved prefix.
#[inline]
fn looks_reserved(name: &str) -> bool {
    matches!(name.as_bytes().first(), Some(b's' | b'i' | b'r' | b'_')) && {
        let bare = name.trim_start_matches('_');
        RESERVED.iter().any(|p| bare.starts_with(p))
    }
}

/// The name under which an attribute of a span is kept: its own, with a `_` before it where it could be taken for one
/// that is not the span's.
#[inline]
pub fn stored_name(own: &str) -> Cow<'_, str> {
    if looks_reserved(own) { Cow::Owned(format!("_{own}")) } else { Cow::Borrowed(own) }
}

/// Whose attribute is kept under a name.
#[inline]
pub fn place(stored: &str) -> Place<'_> {
    if !looks_reserved(stored) {
        Place::Span(stored)
    } else if let Some(own) = stored.strip_prefix('_') {
        Place::Span(own)
    } else if let Some(own) = stored.strip_prefix(name::RESOURCE_PREFIX) {
        Place::Resource(own)
    } else if let Some(own) = stored.strip_prefix(name::SCOPE_PREFIX) {
        Place::Scope(own)
    } else {
        Place::Intrinsic(stored)
    }
}

/// What a span is to those it speaks with. OTLP's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SpanKind {
    /// Not stated.
    #[default]
    Unspecified = 0,
    /// Work within a service.
    Internal = 1,
    /// Answers a request.
    Server = 2,
    /// Sends a request and awaits the answer.
    Client = 3,
    /// Hands something to a queue.
    Producer = 4,
    /// Takes something from a queue.
    Consumer = 5,
}

impl SpanKind {
    /// All of them, by number.
    pub const ALL: [SpanKind; 6] = [
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];

    /// By OTLP's number; what is unknown is unspecified.
    pub fn from_number(number: i64) -> SpanKind {
        usize::try_from(number).ok().and_then(|n| SpanKind::ALL.get(n)).copied().unwrap_or_default()
    }

    /// By its word, in any case.
    pub fn from_text(word: &str) -> Option<SpanKind> {
        SpanKind::ALL.into_iter().find(|k| k.text().eq_ignore_ascii_case(word))
    }

    /// OTLP's number.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// Its word: `unspecified`, `internal`, `server`, `client`, `producer`, `consumer`.
    pub fn text(self) -> &'static str {
        match self {
            SpanKind::Unspecified => "unspecified",
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }
}

/// How a span ended. OTLP's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SpanStatus {
    /// Not stated.
    #[default]
    Unset = 0,
    /// Well, says the application.
    Ok = 1,
    /// With an error.
    Error = 2,
}

impl SpanStatus {
    /// By OTLP's number; what is unknown is unset.
    pub fn from_number(number: i64) -> SpanStatus {
        match number {
            1 => SpanStatus::Ok,
            2 => SpanStatus::Error,
            _ => SpanStatus::Unset,
        }
    }

    /// OTLP's number.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// Its word: `unset`, `ok`, `error`.
    pub fn text(self) -> &'static str {
        match self {
            SpanStatus::Unset => "unset",
            SpanStatus::Ok => "ok",
            SpanStatus::Error => "error",
        }
    }
}

/// A record seen as a span.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// Labels of its stream: attributes of its resource that are text.
    pub labels: &'a Labels,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id within the trace.
    pub span_id: SpanId,
    /// The span that caused it; none of a root.
    pub parent_id: SpanId,
    /// What it does.
    pub name: &'a str,
    /// When it began, Unix nanoseconds.
    pub start_ns: i64,
    /// How long it took.
    pub duration_ns: i64,
    /// What it is to others.
    pub kind: SpanKind,
    /// How it ended.
    pub status: SpanStatus,
    /// What the application says of that.
    pub status_message: &'a str,
    /// W3C's.
    pub trace_state: &'a str,
    /// OTLP's flags.
    pub flags: u32,
    /// Who instrumented it.
    pub scope_name: &'a str,
    /// In which version.
    pub scope_version: &'a str,
    /// How many attributes, events and links the sender left out.
    pub dropped: [u32; 3],
    events: Items<'a>,
    links: Items<'a>,
    stored: Attributes<'a>,
}

impl<'a> Span<'a> {
    /// The span of a record. What a span must have and the record has not reads as nothing.
    pub fn of(labels: &'a Labels, record: &Record<'a>) -> Span<'a> {
        let mut span = Span {
            labels,
            trace_id: record.trace_id,
            span_id: record.span_id,
            parent_id: SpanId::NONE,
            name: record.body.as_str().unwrap_or_default(),
            start_ns: record.time_ns,
            duration_ns: 0,
            kind: SpanKind::default(),
            status: SpanStatus::default(),
            status_message: "",
            trace_state: "",
            flags: 0,
            scope_name: "",
            scope_version: "",
            dropped: [0; 3],
            events: Items::EMPTY,
            links: Items::EMPTY,
            stored: record.attributes,
        };
        for (name, value) in record.attributes.iter() {
            if let Place::Intrinsic(name) = place(name) {
                span.set(name, value);
            }
        }
        span
    }

    fn set(&mut self, name: &str, value: Value<'a>) {
        let count = |n: i64| u32::try_from(n).unwrap_or(0);
        match (name, value) {
            (name::DURATION, Value::Int(n)) => self.duration_ns = n,
            (name::KIND, Value::Int(n)) => self.kind = SpanKind::from_number(n),
            (name::STATUS, Value::Int(n)) => self.status = SpanStatus::from_number(n),
            (name::STATUS_MESSAGE, Value::String(s)) => self.status_message = s,
            (name::PARENT_ID, Value::Bytes(b)) => {
                self.parent_id = b.try_into().map(SpanId).unwrap_or_default();
            }
            (name::TRACE_STATE, Value::String(s)) => self.trace_state = s,
            (name::FLAGS, Value::Int(n)) => self.flags = count(n),
            (name::SCOPE_NAME, Value::String(s)) => self.scope_name = s,
            (name::SCOPE_VERSION, Value::String(s)) => self.scope_version = s,
            (name::EVENTS, Value::List(items)) => self.events = items,
            (name::LINKS, Value::List(items)) => self.links = items,
            (name::DROPPED_ATTRIBUTES, Value::Int(n)) => self.dropped[0] = count(n),
            (name::DROPPED_EVENTS, Value::Int(n)) => self.dropped[1] = count(n),
            (name::DROPPED_LINKS, Value::Int(n)) => self.dropped[2] = count(n),
            _ => {}
        }
    }

    /// When it ended, Unix nanoseconds.
    pub fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.duration_ns)
    }

    /// Who did it.
    pub fn service(&self) -> &'a str {
        self.labels.get(name::SERVICE).unwrap_or(name::SERVICE_UNKNOWN)
    }

    /// Its own attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        self.stored.iter().filter_map(|(name, value)| match place(name) {
            Place::Span(own) => Some((own, value)),
            _ => None,
        })
    }

    /// One of its own attributes.
    pub fn attribute(&self, own: &str) -> Option<Value<'a>> {
        self.stored.get(&stored_name(own))
    }

    /// Attributes of its resource, labels first.
    pub fn resource(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let labels = self.labels.iter().map(|(name, value)| (name, Value::String(value)));
        labels.chain(self.stored.iter().filter_map(|(name, value)| match place(name) {
            Place::Resource(own) => Some((own, value)),
            _ => None,
        }))
    }

    /// Attributes of its scope.
    pub fn scope(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        self.stored.iter().filter_map(|(name, value)| match place(name) {
            Place::Scope(own) => Some((own, value)),
            _ => None,
        })
    }

    /// What happened meanwhile, in the order sent.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        let start_ns = self.start_ns;
        self.events.iter().filter_map(move |item| match item {
            Value::Map(pairs) => Some(Event::of(pairs, start_ns)),
            _ => None,
        })
    }

    /// Spans of this and other traces that it names.
    pub fn links(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        self.links.iter().filter_map(|item| match item {
            Value::Map(pairs) => Some(Link::of(pairs)),
            _ => None,
        })
    }
}

/// Something that happened within a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event<'a> {
    /// When, Unix nanoseconds.
    pub time_ns: i64,
    /// What.
    pub name: &'a str,
    /// What is known of it.
    pub attributes: Attributes<'a>,
    /// How many attributes the sender left out.
    pub dropped: u32,
}

impl<'a> Event<'a> {
    fn of(pairs: Attributes<'a>, start_ns: i64) -> Event<'a> {
        let mut event = Event { time_ns: start_ns, name: "", attributes: Attributes::NONE, dropped: 0 };
        for (name, value) in pairs.iter() {
            match (name, value) {
                (name::EVENT_TIME, Value::Int(n)) => event.time_ns = start_ns.saturating_add(n),
                (name::EVENT_NAME, Value::String(s)) => event.name = s,
                (name::ATTRIBUTES, Value::Map(pairs)) => event.attributes = pairs,
                (name::DROPPED, Value::Int(n)) => event.dropped = u32::try_from(n).unwrap_or(0),
                _ => {}
            }
        }
        event
    }
}

/// Another span that a span names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link<'a> {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// W3C's.
    pub trace_state: &'a str,
    /// What is known of the relation.
    pub attributes: Attributes<'a>,
    /// OTLP's flags.
    pub flags: u32,
    /// How many attributes the sender left out.
    pub dropped: u32,
}

impl<'a> Link<'a> {
    fn of(pairs: Attributes<'a>) -> Link<'a> {
        let mut link = Link {
            trace_id: TraceId::NONE,
            span_id: SpanId::NONE,
            trace_state: "",
            attributes: Attributes::NONE,
            flags: 0,
            dropped: 0,
        };
        for (name, value) in pairs.iter() {
            match (name, value) {
                (name::LINK_TRACE_ID, Value::Bytes(b)) => {
                    link.trace_id = b.try_into().map(TraceId).unwrap_or_default();
                }
                (name::LINK_SPAN_ID, Value::Bytes(b)) => {
                    link.span_id = b.try_into().map(SpanId).unwrap_or_default();
                }
                (name::LINK_TRACE_STATE, Value::String(s)) => link.trace_state = s,
                (name::ATTRIBUTES, Value::Map(pairs)) => link.attributes = pairs,
                (name::LINK_FLAGS, Value::Int(n)) => link.flags = u32::try_from(n).unwrap_or(0),
                (name::DROPPED, Value::Int(n)) => link.dropped = u32::try_from(n).unwrap_or(0),
                _ => {}
            }
        }
        link
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::AttributesBuf;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_a_span() {
        let labels = Labels::from_pairs([("service.name", "cart"), ("host.name", "a")]).unwrap();
        let (mut own, mut event, mut events) =
            (AttributesBuf::new(), AttributesBuf::new(), AttributesBuf::new());
        event.push(name::EVENT_TIME, Value::Int(5));
        event.push(name::EVENT_NAME, Value::String("retry"));
        events.push_item(Value::Map(event.as_attributes()));
        own.push("http.method", Value::String("GET"));
        own.push(&stored_name("span:kind"), Value::String("mine"));
        own.push("resource.process.pid", Value::Int(7));
        own.push("instrumentation.x", Value::Bool(true));
        own.push(name::DURATION, Value::Int(20));
        own.push(name::KIND, Value::Int(2));
        own.push(name::STATUS, Value::Int(2));
        own.push(name::PARENT_ID, Value::Bytes(&[1; 8]));
        own.push(name::SCOPE_NAME, Value::String("lib"));
        own.push(name::EVENTS, Value::List(events.as_items()));
        let record = Record { attributes: own.as_attributes(), ..Record::line(100, "GET /") };
        let span = Span::of(&labels, &record);
        assert_eq!((span.name, span.service(), span.start_ns, span.end_ns()), ("GET /", "cart", 100, 120));
        assert_eq!((span.kind, span.status), (SpanKind::Server, SpanStatus::Error));
        assert_eq!((span.parent_id, span.scope_name), (SpanId([1; 8]), "lib"));
        let shown = format!("{:?}", span.attributes().collect::<Vec<_>>());
        assert_eq!(shown, r#"[("http.method", "GET"), ("span:kind", "mine")]"#);
        assert_eq!(span.attribute("span:kind"), Some(Value::String("mine")));
        let shown = format!("{:?}", span.resource().collect::<Vec<_>>());
        assert_eq!(shown, r#"[("host.name", "a"), ("service.name", "cart"), ("process.pid", 7)]"#);
        assert_eq!(span.scope().next(), Some(("x", Value::Bool(true))));
        assert_eq!(span.events().map(|e| (e.time_ns, e.name)).collect::<Vec<_>>(), [(105, "retry")]);
        assert_eq!(span.links().count(), 0);
    }

    #[test]
    fn words_and_numbers() {
        for kind in SpanKind::ALL {
            assert_eq!(SpanKind::from_number(kind.number()), kind);
            assert_eq!(SpanKind::from_text(&kind.text().to_uppercase()), Some(kind));
        }
        assert_eq!(SpanKind::from_number(-1), SpanKind::Unspecified);
        assert_eq!(SpanStatus::from_number(SpanStatus::Error.number()).text(), "error");
    }

    proptest! {
        #[test]
        fn names_come_back(own in "_{0,3}(span:|instrumentation[:.]|resource\\.|span\\.|)[a-z.:_]{0,8}") {
            let stored = stored_name(&own);
            prop_assert_eq!(place(&stored), Place::Span(own.as_str()));
        }
    }
}
