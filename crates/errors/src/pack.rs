//! From events to records and back to what is counted of them.

use crate::bounds::Bounds;
use crate::event::{Event, EventId};
use crate::grouping::{GroupHash, Grouped, group};
use crate::message::{culprit, title};
use crate::note::{Note, Occurrence, SessionNote};
use model::Labels;
use model::record::error::{ErrorView, kind, name};
use model::record::{AttributesBuf, Record, RecordBatch, Severity, StreamRef, Tenant, Value};
use std::collections::HashMap;

/// Something that senders of errors send.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An error event.
    Event(Box<Event>),
    /// A session.
    Session {
        /// The session.
        note: SessionNote,
        /// When it was told of, Unix nanoseconds.
        time_ns: i64,
    },
    /// A file that came with an event.
    Attachment {
        /// The event.
        event: EventId,
        /// Its name.
        file: String,
        /// The type of its bytes.
        content_type: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// What a user says.
    Feedback {
        /// Of which event.
        event: EventId,
        /// When, Unix nanoseconds; 0 is now.
        time_ns: i64,
        /// As sent, JSON.
        text: String,
    },
    /// A sign of life of a periodic job.
    CheckIn {
        /// Its id.
        id: EventId,
        /// As sent, JSON.
        text: String,
    },
}

impl Item {
    /// When it happened, Unix nanoseconds; 0 is now.
    pub fn time_ns(&self) -> i64 {
        match self {
            Item::Event(event) => event.time_ns,
            Item::Session { time_ns, .. } | Item::Feedback { time_ns, .. } => *time_ns,
            Item::Attachment { .. } | Item::CheckIn { .. } => 0,
        }
    }
}

/// The attributes that [`note_of`] reads.
pub const NOTE_COLUMNS: [&str; 12] = [
    name::ID,
    name::BATCH,
    name::TYPE,
    name::CULPRIT,
    name::PLATFORM,
    name::RELEASE,
    name::ENVIRONMENT,
    name::USER,
    name::RULE,
    name::HANDLED,
    SESSION,
    name::ORIGIN,
];

/// The attribute with what is counted of a session, JSON.
const SESSION: &str = "session";

/// Items on their way to the store, and what is to be counted of them once they are there.
#[derive(Debug)]
pub struct Pack {
    /// The records.
    pub batch: RecordBatch,
    /// What is counted, by place of the record.
    pub notes: Vec<(usize, Note)>,
    number: u64,
    now_ns: i64,
    streams: HashMap<Labels, StreamRef>,
    attributes: AttributesBuf,
}

impl Pack {
    /// An empty one of a tenant, with the number that whoever counts its notes gave it.
    pub fn new(tenant: Tenant, number: u64, now_ns: i64) -> Pack {
        Pack {
            batch: RecordBatch::new(tenant),
            notes: Vec::new(),
            number,
            now_ns,
            streams: HashMap::new(),
            attributes: AttributesBuf::new(),
        }
    }

    /// Adds an item of a project.
    pub fn add(&mut self, project: &str, item: Item, bounds: &Bounds) {
        match item {
            Item::Event(mut event) => {
                bounds.apply(&mut event);
                self.event(project, &event);
            }
            Item::Session { note, time_ns } => self.session(project, note, time_ns),
            Item::Attachment { event, file, content_type, bytes } => {
                self.begin(event);
                self.text(name::FILE, &file);
                self.text(name::CONTENT_TYPE, &content_type);
                self.attributes.push(name::DATA, Value::Bytes(&bytes));
                let record = Record::line(self.now_ns, &file);
                self.push(project, kind::ATTACHMENT, None, "", record);
            }
            Item::Feedback { event, time_ns, text } => {
                self.json(project, kind::FEEDBACK, event, time_ns, &text)
            }
            Item::CheckIn { id, text } => self.json(project, kind::CHECK_IN, id, 0, &text),
        }
    }

    fn json(&mut self, project: &str, kind: &str, id: EventId, time_ns: i64, text: &str) {
        self.begin(id);
        let time_ns = if time_ns == 0 { self.now_ns } else { time_ns };
        self.push(project, kind, None, "", Record::line(time_ns, text));
    }

    fn begin(&mut self, id: EventId) {
        self.attributes.clear();
        self.attributes.push(name::ID, Value::Bytes(&id.0));
        self.attributes.push(name::BATCH, Value::Int(i64::try_from(self.number).unwrap_or(i64::MAX)));
    }

    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.attributes.push(name, Value::String(text));
        }
    }

    fn event(&mut self, project: &str, event: &Event) {
        let tenant = self.batch.tenant().as_str().to_owned();
        // Groups of different tenants are never the same.
        let scope = match tenant == Tenant::unnamed().as_str() {
            true => project.to_owned(),
            false => format!("{tenant}\0{project}"),
        };
        let Grouped { hash, rule, .. } = group(&scope, event);
        let time_ns = if event.time_ns == 0 { self.now_ns } else { event.time_ns };
        let occurrence = Occurrence {
            tenant,
            project: project.to_owned(),
            group: hash,
            id: event.id,
            time_ms: time_ns.div_euclid(1_000_000),
            accepted_ms: self.now_ns.div_euclid(1_000_000),
            level: event.level,
            title: title(event),
            culprit: culprit(event),
            exception: event.exception().map(|e| e.kind.clone()).unwrap_or_default(),
            platform: event.platform.clone(),
            service: event.service.clone(),
            release: event.release.clone(),
            environment: event.environment.clone(),
            user: event.user.key().to_owned(),
            rule: rule.text().to_owned(),
            handled: event.handled(),
        };
        self.begin(event.id);
        let o = &occurrence;
        for (name, text) in [
            (name::TYPE, o.exception.as_str()),
            (name::MESSAGE, event.exception().map_or(&event.message, |e| &e.value).as_str()),
            (name::CULPRIT, &o.culprit),
            (name::PLATFORM, &o.platform),
            (name::RELEASE, &o.release),
            (name::ENVIRONMENT, &o.environment),
            (name::USER, &o.user),
            (name::RULE, &o.rule),
            (name::TRANSACTION, &event.transaction),
            (name::HOST, &event.server_name),
            (name::ORIGIN, event.origin.text()),
        ] {
            self.text(name, text);
        }
        if let Some(handled) = o.handled {
            self.attributes.push(name::HANDLED, Value::Bool(handled));
        }
        for (tag, value) in &event.tags {
            self.text(&format!("{}{tag}", name::TAG_PREFIX), value);
        }
        // Nothing in an event is a map with keys that are no texts.
        let whole = serde_json::to_string(event).unwrap_or_default();
        self.text(name::EVENT, &whole);
        let record = Record {
            severity: event.level,
            trace_id: event.trace_id,
            span_id: event.span_id,
            body: Value::String(&occurrence.title),
            ..Record::line(time_ns, "")
        };
        let row = self.push(project, kind::EVENT, Some(hash), &event.service, record);
        self.notes.push((row, Note::Event(occurrence)));
    }

    fn session(&mut self, project: &str, mut note: SessionNote, time_ns: i64) {
        note.tenant = self.batch.tenant().as_str().to_owned();
        note.project = project.to_owned();
        self.begin(note.id.unwrap_or_default());
        self.text(name::RELEASE, &note.release);
        self.text(name::ENVIRONMENT, &note.environment);
        self.text(SESSION, &serde_json::to_string(&note).unwrap_or_default());
        let time_ns = if time_ns == 0 { self.now_ns } else { time_ns };
        let row = self.push(project, kind::SESSION, None, "", Record::line(time_ns, ""));
        self.notes.push((row, Note::Session(note)));
    }

    fn push(
        &mut self,
        project: &str,
        kind: &str,
        group: Option<GroupHash>,
        service: &str,
        record: Record<'_>,
    ) -> usize {
        let group = group.map(|g| g.to_string()).unwrap_or_default();
        let pairs = [
            (name::PROJECT, project),
            (name::KIND, kind),
            (name::GROUP, group.as_str()),
            (name::SERVICE, service),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        // The names are ours and the values bounded texts, so they make labels.
        let labels = Labels::from_pairs(pairs).unwrap_or_default();
        let batch = &mut self.batch;
        let stream = *self.streams.entry(labels).or_insert_with_key(|labels| batch.stream(labels.clone()));
        let row = batch.len();
        let record =
            Record { observed_ns: self.now_ns, attributes: self.attributes.as_attributes(), ..record };
        batch.push(stream, &record);
        row
    }
}

/// What is to be counted of a record, with the number of its batch. Nothing of records that are not counted.
pub fn note_of(tenant: &str, labels: &Labels, record: &Record<'_>) -> Option<(u64, Note)> {
    let view = ErrorView::of(labels, record);
    match view.kind {
        kind::EVENT => {
            let occurrence = Occurrence {
                tenant: tenant.to_owned(),
                project: view.project.to_owned(),
                group: GroupHash::from_text(view.group)?,
                id: EventId(view.id),
                time_ms: view.time_ns.div_euclid(1_000_000),
                accepted_ms: view.observed_ns.div_euclid(1_000_000),
                level: view.level,
                title: view.title.to_owned(),
                culprit: view.culprit.to_owned(),
                exception: view.exception.to_owned(),
                platform: view.platform.to_owned(),
                service: view.service.to_owned(),
                release: view.release.to_owned(),
                environment: view.environment.to_owned(),
                user: view.user.to_owned(),
                rule: view.rule.to_owned(),
                handled: view.handled,
            };
            Some((view.batch, Note::Event(occurrence)))
        }
        kind::SESSION => {
            let text = record.attributes.get(SESSION)?.as_str()?;
            let mut note: SessionNote = serde_json::from_str(text).ok()?;
            note.tenant = tenant.to_owned();
            note.project = view.project.to_owned();
            note.id = Some(EventId(view.id)).filter(|id| *id != EventId::default());
            Some((view.batch, Note::Session(note)))
        }
        _ => None,
    }
}

/// The level of an event in the words of Sentry.
pub fn level(word: &str) -> Severity {
    match word {
        "" | "log" => Severity::ERROR,
        "sample" => Severity::DEBUG,
        word => match Severity::from_text(word) {
            Severity::UNKNOWN => Severity::ERROR,
            known => known,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_can_be_read_from_the_records() {
        let mut pack = Pack::new(Tenant::unnamed(), 7, 5_000_000_000);
        let event = Event {
            id: EventId([3; 16]),
            message: "failed".into(),
            service: "shop".into(),
            release: "1.0".into(),
            level: level("warning"),
            user: crate::event::User { id: "u".into(), ..Default::default() },
            tags: vec![("a".into(), "b".into())],
            ..Event::default()
        };
        pack.add("p", Item::Event(Box::new(event)), &Bounds::default());
        let session = SessionNote {
            id: Some(EventId([4; 16])),
            release: "1.0".into(),
            init: true,
            ..SessionNote::default()
        };
        pack.add("p", Item::Session { note: session, time_ns: 0 }, &Bounds::default());
        let attachment = Item::Attachment {
            event: EventId([3; 16]),
            file: "a.txt".into(),
            content_type: String::new(),
            bytes: vec![0, 255],
        };
        pack.add("p", attachment, &Bounds::default());
        let read: Vec<_> =
            pack.batch.iter().map(|r| note_of("default", pack.batch.labels(r.stream), &r.record)).collect();
        assert_eq!(read[2], None);
        let read: Vec<_> = read.into_iter().flatten().collect();
        let told: Vec<_> = pack.notes.iter().map(|(_, n)| (7, n.clone())).collect();
        assert_eq!(read, told);
        assert_eq!(pack.batch.labels(pack.batch.get(0).stream).get("service.name"), Some("shop"));
    }
}
