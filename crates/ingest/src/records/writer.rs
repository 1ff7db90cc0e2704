//! What all decoders of records write into.

use super::RecordLimits;
use crate::error::DecodeError;
use crate::limits::within;
use crate::outcome::REASONS_MAX;
use hashbrown::HashMap;
use model::record::{Record, RecordBatch, StreamRef, Tenant, Value};
use model::{Labels, Limit};
use std::fmt::Display;

/// What was refused of a body; the rest is in the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordOutcome {
    /// Records refused.
    pub rejected: u64,
    /// Why, for the first few.
    pub reasons: Vec<String>,
}

impl RecordOutcome {
    /// The refusals as one message for the sender, `None` if there are none. `accepted` records were kept.
    pub fn refusal(&self, accepted: u64) -> Option<String> {
        if self.rejected == 0 {
            return None;
        }
        let mut message = format!(
            "{} of {} records refused: {}",
            self.rejected,
            self.rejected + accepted,
            self.reasons.join("; ")
        );
        let more = self.rejected.saturating_sub(self.reasons.len() as u64);
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        Some(message)
    }

    /// Counts a refused record.
    pub fn reject(&mut self, why: impl Display) {
        self.reject_many(1, why);
    }

    /// Counts refused records that have one reason.
    pub fn reject_many(&mut self, records: u64, why: impl Display) {
        self.rejected += records;
        if records > 0 && self.reasons.len() < REASONS_MAX {
            self.reasons.push(why.to_string());
        }
    }
}

/// What a body held.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The records to keep.
    pub batch: RecordBatch,
    /// What was refused.
    pub outcome: RecordOutcome,
}

/// Something that is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// One record, for this reason; the next one may be fine.
    Record(String),
    /// All of the body.
    Body(DecodeError),
}

impl From<DecodeError> for Refused {
    fn from(e: DecodeError) -> Self {
        Refused::Body(e)
    }
}

/// A record that is over a limit is refused alone.
impl From<Limit> for Refused {
    fn from(limit: Limit) -> Self {
        Refused::Record(limit.to_string())
    }
}

/// Collects records, within limits.
#[derive(Debug)]
pub struct RecordWriter {
    batch: RecordBatch,
    limits: RecordLimits,
    outcome: RecordOutcome,
    now_ns: i64,
    /// Streams by what the decoder calls them: whatever bytes stand for the labels on the wire.
    known: HashMap<Box<[u8]>, StreamRef>,
    /// The stream asked for last: most records follow one of their own stream.
    last_key: Vec<u8>,
    last: Option<StreamRef>,
}

impl RecordWriter {
    /// A writer of a tenant's records. `now_ns` is the time of records that state none.
    pub fn new(tenant: Tenant, limits: RecordLimits, now_ns: i64) -> RecordWriter {
        RecordWriter {
            batch: RecordBatch::new(tenant),
            limits,
            outcome: RecordOutcome::default(),
            now_ns,
            known: HashMap::new(),
            last_key: Vec::new(),
            last: None,
        }
    }

    /// What was written.
    pub fn finish(self) -> Decoded {
        Decoded { batch: self.batch, outcome: self.outcome }
    }

    /// What was written, leaving an empty writer for what comes later.
    pub fn take(&mut self, now_ns: i64) -> Decoded {
        let tenant = self.batch.tenant().clone();
        std::mem::replace(self, RecordWriter::new(tenant, self.limits, now_ns)).finish()
    }

    /// Records so far.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there are no records yet.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Bytes of records so far.
    pub fn content_bytes(&self) -> usize {
        self.batch.content_bytes()
    }

    /// What was refused so far.
    pub fn outcome(&self) -> &RecordOutcome {
        &self.outcome
    }

    /// The time of records that state none, Unix nanoseconds.
    pub fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Moves the time of records that state none.
    pub fn set_now_ns(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
    }

    /// The limits in force.
    pub fn limits(&self) -> &RecordLimits {
        &self.limits
    }

    /// Counts a refused record, or gives the error that ends the body.
    pub(crate) fn settle(&mut self, done: Result<(), Refused>) -> Result<(), DecodeError> {
        match done {
            Ok(()) => Ok(()),
            Err(Refused::Record(why)) => {
                self.reject(1, why);
                Ok(())
            }
            Err(Refused::Body(e)) => Err(e),
        }
    }

    /// Counts records that are refused for one reason.
    pub(crate) fn reject(&mut self, records: u64, why: impl Display) {
        self.outcome.reject_many(records, why);
    }

    /// The stream that was registered under this key.
    #[inline]
    pub(crate) fn known(&mut self, key: &[u8]) -> Option<StreamRef> {
        if self.last.is_some() && self.last_key == key {
            return self.last;
        }
        let stream = *self.known.get(key)?;
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.last = Some(stream);
        Some(stream)
    }

    /// Makes a stream of pairs in any order and registers it under a key. Of equal names the last one counts.
    pub(crate) fn stream(&mut self, key: &[u8], pairs: &[(&str, &str)]) -> Result<StreamRef, Refused> {
        let limits = self.limits;
        within(
            pairs.len() as u64,
            limits.labels_per_stream_max,
            setting!(limits, "labels_per_stream_max"),
            || format!("the number of labels of stream {}", crate::resolve::show(pairs)),
        )?;
        for (name, value) in pairs {
            check_name(name, &limits)?;
            within(
                value.len() as u64,
                limits.label_value_bytes_max,
                setting!(limits, "label_value_bytes_max"),
                || format!("the length in bytes of label {name} of stream {}", crate::resolve::show(pairs)),
            )?;
        }
        let last_of = |i: usize| !pairs[i + 1..].iter().any(|(n, _)| *n == pairs[i].0);
        let pairs = (0..pairs.len()).filter(|i| last_of(*i)).map(|i| pairs[i]);
        let labels = Labels::from_pairs(pairs).map_err(|e| Refused::Record(format!("labels: {e}")))?;
        let streams = self.batch.streams().len() as u64 + 1;
        within(streams, limits.streams_per_body_max, setting!(limits, "streams_per_body_max"), || {
            "the number of streams in the body".to_owned()
        })
        .map_err(|l| Refused::Body(DecodeError::TooLarge(l)))?;
        let stream = self.batch.stream(labels);
        self.known.insert(Box::from(key), stream);
        Ok(stream)
    }

    /// Adds a record that has `attributes` attributes.
    #[inline]
    pub(crate) fn push(
        &mut self,
        stream: StreamRef,
        record: &Record<'_>,
        attributes: usize,
    ) -> Result<(), Refused> {
        let body = match record.body {
            Value::String(s) => s.len(),
            Value::Bytes(b) => b.len(),
            Value::List(items) => items.encoded().len(),
            Value::Map(pairs) => pairs.encoded().len(),
            _ => 0,
        };
        let bytes = record.attributes.encoded().len();
        let l = self.limits;
        if body as u64 > l.line_bytes_max
            || attributes as u64 > l.attributes_per_record_max
            || bytes as u64 > l.attributes_bytes_max
        {
            return Err(self.over(body, attributes, bytes));
        }
        if self.batch.len() as u64 >= l.records_per_body_max
            || (self.batch.content_bytes() + body + bytes) as u64 > l.content_bytes_max
        {
            return Err(self.full(body + bytes));
        }
        self.batch.push(stream, record);
        Ok(())
    }

    #[cold]
    fn over(&self, body: usize, attributes: usize, bytes: usize) -> Refused {
        let l = &self.limits;
        let place = self.batch.len() as u64 + self.outcome.rejected + 1;
        let (observed, limit, setting, what) = if body as u64 > l.line_bytes_max {
            (body, l.line_bytes_max, setting!(l, "line_bytes_max"), "length in bytes of the line")
        } else if attributes as u64 > l.attributes_per_record_max {
            let (max, setting) = (l.attributes_per_record_max, setting!(l, "attributes_per_record_max"));
            (attributes, max, setting, "number of attributes")
        } else {
            let (max, setting) = (l.attributes_bytes_max, setting!(l, "attributes_bytes_max"));
            (bytes, max, setting, "length in bytes of the attributes")
        };
        let what = format!("the {what} of record {place}");
        Limit { what, observed: observed as u64, limit, setting }.into()
    }

    #[cold]
    fn full(&self, more: usize) -> Refused {
        let l = &self.limits;
        let records = self.batch.len() as u64 + 1;
        let limit = match records > l.records_per_body_max {
            true => Limit {
                what: "the number of records in the body".to_owned(),
                observed: records,
                limit: l.records_per_body_max,
                setting: setting!(l, "records_per_body_max"),
            },
            false => Limit {
                what: format!("the length in bytes of the first {records} records of the body"),
                observed: (self.batch.content_bytes() + more) as u64,
                limit: l.content_bytes_max,
                setting: setting!(l, "content_bytes_max"),
            },
        };
        Refused::Body(DecodeError::TooLarge(limit))
    }
}

/// Refuses a name that is too long.
pub(crate) fn check_name(name: &str, limits: &RecordLimits) -> Result<(), Limit> {
    within(name.len() as u64, limits.name_bytes_max, setting!(limits, "name_bytes_max"), || {
        format!("the length in bytes of the name {}", crate::error::quote(name.as_bytes()))
    })
}
