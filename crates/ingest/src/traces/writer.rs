//! What all decoders of spans write into.

use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused, check_name};
use model::record::span::{SpanKind, SpanStatus, name, stored_name};
use model::record::{AttributesBuf, Record, Severity, SpanId, StreamRef, TraceId, Value};

/// What every span has besides attributes, events and links.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_id: SpanId,
    pub name: &'a str,
    /// Unix nanoseconds.
    pub start_ns: u64,
    pub duration_ns: u64,
    pub kind: SpanKind,
    pub status: SpanStatus,
    pub status_message: &'a str,
    pub trace_state: &'a str,
    pub flags: u32,
    /// Attributes, events and links that the sender left out.
    pub dropped: [u64; 3],
}

/// How much is in the list of attributes.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    bytes: usize,
    count: usize,
}

/// Spans of one resource after the other. Attributes of the resource that are no labels, then those of the scope, then
/// those of a span stand in one list; each level takes its own away again.
pub(crate) struct SpanWriter<'w> {
    pub w: &'w mut RecordWriter,
    /// The labels of the resource: lengths and texts.
    key: Vec<u8>,
    labels: usize,
    has_service: bool,
    stream: Option<StreamRef>,
    attributes: AttributesBuf,
    count: usize,
    resource: Level,
    scope: Level,
    /// Why no span of this resource, of this scope, or this one is kept.
    refused: [Option<String>; 3],
    events: AttributesBuf,
    links: AttributesBuf,
    /// One event or link.
    item: AttributesBuf,
    /// Its attributes.
    pub own: AttributesBuf,
    /// What was set besides [`Fields`].
    pub said: Said,
    /// Whether tags have named the scope, and its version.
    pub scoped: (bool, bool),
}

/// What tags say that is no attribute.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub kind: Option<SpanKind>,
    pub status: Option<SpanStatus>,
    /// Whether the status was stated in OpenTelemetry's words.
    pub exact: bool,
    pub message: String,
    pub trace_state: String,
}

const RESOURCE: usize = 0;
const SCOPE: usize = 1;
const SPAN: usize = 2;

impl<'w> SpanWriter<'w> {
    pub fn new(w: &'w mut RecordWriter) -> SpanWriter<'w> {
        SpanWriter {
            w,
            key: Vec::new(),
            labels: 0,
            has_service: false,
            stream: None,
            attributes: AttributesBuf::new(),
            count: 0,
            resource: Level::default(),
            scope: Level::default(),
            refused: [None, None, None],
            events: AttributesBuf::new(),
            links: AttributesBuf::new(),
            item: AttributesBuf::new(),
            own: AttributesBuf::new(),
            said: Said::default(),
            scoped: (false, false),
        }
    }

    /// Begins a resource. Its attributes follow, then [`SpanWriter::end_resource`].
    pub fn begin_resource(&mut self) {
        self.key.clear();
        self.labels = 0;
        self.has_service = false;
        self.stream = None;
        self.attributes.clear();
        self.count = 0;
        self.refused = [None, None, None];
    }

    /// An attribute of the resource: a label if it can be one.
    pub fn resource_attribute(&mut self, own: &str, value: Value<'_>) {
        let limits = *self.w.limits();
        if let Err(limit) = check_name(own, &limits) {
            self.refuse(RESOURCE, limit.to_string());
            return;
        }
        if let Value::String(text) = value
            && !own.is_empty()
            && !text.is_empty()
            && text.len() as u64 <= limits.label_value_bytes_max
            // One is kept for the service.
            && (self.labels as u64) < limits.labels_per_stream_max.saturating_sub(1)
        {
            self.has_service |= own == name::SERVICE;
            self.labels += 1;
            self.put_label(own, text);
            return;
        }
        // A service with an empty name is one without a name.
        if own != name::SERVICE {
            self.prefixed(name::RESOURCE_PREFIX, own, value);
        }
    }

    fn put_label(&mut self, label: &str, value: &str) {
        for text in [label, value] {
            self.key.extend_from_slice(&(text.len() as u32).to_le_bytes());
            self.key.extend_from_slice(text.as_bytes());
        }
    }

    /// Ends the attributes of the resource.
    pub fn end_resource(&mut self) -> Result<(), DecodeError> {
        if !self.has_service {
            self.put_label(name::SERVICE, name::SERVICE_UNKNOWN);
        }
        if let Some(why) = self.too_large() {
            self.refuse(RESOURCE, why);
        }
        self.resource = self.level();
        self.scope = self.resource;
        self.stream = self.w.known(&self.key);
        if self.stream.is_none() && self.refused[RESOURCE].is_none() {
            match self.new_stream() {
                Ok(stream) => self.stream = Some(stream),
                Err(Refused::Record(why)) => self.refuse(RESOURCE, why),
                Err(Refused::Body(e)) => return Err(e),
            }
        }
        Ok(())
    }

    fn new_stream(&mut self) -> Result<StreamRef, Refused> {
        let mut rest = self.key.as_slice();
        let mut next = || {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            let (text, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = tail;
            std::str::from_utf8(text).ok()
        };
        let mut pairs = Vec::with_capacity(self.labels + 1);
        while let (Some(label), Some(value)) = (next(), next()) {
            pairs.push((label, value));
        }
        self.w.stream(&self.key, &pairs)
    }

    /// Begins a scope. Its attributes follow, then [`SpanWriter::end_scope`].
    pub fn begin_scope(&mut self) {
        self.back_to(self.resource);
        self.refused[SCOPE] = None;
    }

    /// Name or version of the scope.
    pub fn scope_text(&mut self, stored: &str, text: &str) {
        if !text.is_empty() {
            self.push(stored, Value::String(text));
        }
    }

    /// An attribute of the scope.
    pub fn scope_attribute(&mut self, own: &str, value: Value<'_>) {
        match check_name(own, self.w.limits()) {
            Ok(()) => self.prefixed(name::SCOPE_PREFIX, own, value),
            Err(limit) => self.refuse(SCOPE, limit.to_string()),
        }
    }

    /// Why spans of the resource or scope cannot be kept, for one whose value could not be read.
    pub fn refuse_scope(&mut self, why: String) {
        self.refuse(SCOPE, why);
    }

    /// The same for the resource.
    pub fn refuse_resource(&mut self, why: String) {
        self.refuse(RESOURCE, why);
    }

    /// Ends the attributes of the scope.
    pub fn end_scope(&mut self) {
        if let Some(why) = self.too_large() {
            self.refuse(SCOPE, why);
        }
        self.scope = self.level();
    }

    /// Whether spans of this resource and scope are refused whatever they are; counts `spans` of them.
    pub fn refuses(&mut self, spans: u64) -> bool {
        let why = self.refused[RESOURCE].as_ref().or(self.refused[SCOPE].as_ref());
        match why {
            Some(why) => {
                self.w.reject(spans, why);
                true
            }
            None => false,
        }
    }

    /// Begins a span. Its attributes, events and links follow, then [`SpanWriter::end_span`].
    pub fn begin_span(&mut self) {
        self.back_to(self.scope);
        self.refused[SPAN] = None;
        self.events.clear();
        self.links.clear();
        let said = &mut self.said;
        (said.kind, said.status, said.exact) = (None, None, false);
        said.message.clear();
        said.trace_state.clear();
        self.scoped = (false, false);
    }

    /// When a span begins that says so, or says nothing: then it ends as it arrives.
    pub fn start_ns(&self, stated_ns: u64, duration_ns: u64) -> u64 {
        match stated_ns {
            0 => u64::try_from(self.w.now_ns()).unwrap_or(0).saturating_sub(duration_ns),
            stated => stated,
        }
    }

    /// An attribute of the span.
    #[inline]
    pub fn attribute(&mut self, own: &str, value: Value<'_>) {
        match check_name(own, self.w.limits()) {
            Ok(()) => self.push(&stored_name(own), value),
            Err(limit) => self.refuse_span(limit.to_string()),
        }
    }

    /// Why this span is not kept.
    #[cold]
    pub fn refuse_span(&mut self, why: String) {
        self.refuse(SPAN, why);
    }

    /// An attribute of the event or link that comes next; `own` must have been cleared before the first.
    pub fn own_attribute(&mut self, own: &str, value: Value<'_>) {
        match check_name(own, self.w.limits()) {
            Ok(()) if self.has_room(self.own.encoded_len()) => self.own.push(own, value),
            Ok(()) => {}
            Err(limit) => self.refuse_span(limit.to_string()),
        }
    }

    /// An event of the span, with the attributes in `own`.
    pub fn event(&mut self, after_start_ns: i64, event: &str, dropped: u64) {
        self.item.clear();
        self.item.push(name::EVENT_TIME, Value::Int(after_start_ns));
        if !event.is_empty() {
            self.item.push(name::EVENT_NAME, Value::String(event));
        }
        self.own_and_dropped(dropped);
        if self.has_room(self.events.encoded_len()) {
            self.events.push_item(Value::Map(self.item.as_attributes()));
        }
    }

    /// A link of the span, with the attributes in `own`.
    pub fn link(&mut self, to: (TraceId, SpanId), trace_state: &str, flags: u32, dropped: u64) {
        self.item.clear();
        self.item.push(name::LINK_TRACE_ID, Value::Bytes(&to.0.0));
        self.item.push(name::LINK_SPAN_ID, Value::Bytes(&to.1.0));
        if !trace_state.is_empty() {
            self.item.push(name::LINK_TRACE_STATE, Value::String(trace_state));
        }
        if flags != 0 {
            self.item.push(name::LINK_FLAGS, Value::Int(i64::from(flags)));
        }
        self.own_and_dropped(dropped);
        if self.has_room(self.links.encoded_len()) {
            self.links.push_item(Value::Map(self.item.as_attributes()));
        }
    }

    fn own_and_dropped(&mut self, dropped: u64) {
        if !self.own.is_empty() {
            self.item.push(name::ATTRIBUTES, Value::Map(self.own.as_attributes()));
        }
        if dropped > 0 {
            self.item.push(name::DROPPED, Value::Int(i64::try_from(dropped).unwrap_or(i64::MAX)));
        }
    }

    /// Lists are not grown far beyond what is refused in the end.
    fn has_room(&self, bytes: usize) -> bool {
        bytes as u64 <= self.w.limits().attributes_bytes_max
    }

    /// Writes the span, or counts why not.
    pub fn end_span(&mut self, f: &Fields<'_>) -> Result<(), DecodeError> {
        let done = self.write(f);
        self.w.settle(done)
    }

    fn write(&mut self, f: &Fields<'_>) -> Result<(), Refused> {
        if let Some(why) = self.refused.iter().flatten().next() {
            return Err(Refused::Record(why.clone()));
        }
        if f.trace_id.is_none() || f.span_id.is_none() {
            return Err(Refused::Record(format!(
                "span {} has {} id: it must have 16 bytes of trace id and 8 of span id, not all zero",
                crate::error::quote(f.name.as_bytes()),
                if f.trace_id.is_none() { "no valid trace" } else { "no valid span" },
            )));
        }
        let Some(stream) = self.stream else {
            return Err(Refused::Record("the span has no resource".to_owned()));
        };
        let time_ns = i64::try_from(f.start_ns).map_err(|_| {
            Refused::Record(format!("a span that begins at {} ns begins after the year 2262", f.start_ns))
        })?;
        self.intrinsics(f);
        let record = Record {
            time_ns,
            observed_ns: 0,
            severity: Severity::UNKNOWN,
            trace_id: f.trace_id,
            span_id: f.span_id,
            body: Value::String(f.name),
            attributes: self.attributes.as_attributes(),
        };
        self.w.push(stream, &record, self.count)
    }

    fn intrinsics(&mut self, f: &Fields<'_>) {
        let int = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let a = &mut self.attributes;
        a.push(name::DURATION, int(f.duration_ns));
        if f.kind != SpanKind::Unspecified {
            a.push(name::KIND, Value::Int(f.kind.number()));
        }
        if f.status != SpanStatus::Unset {
            a.push(name::STATUS, Value::Int(f.status.number()));
        }
        if !f.status_message.is_empty() {
            a.push(name::STATUS_MESSAGE, Value::String(f.status_message));
        }
        if !f.parent_id.is_none() {
            a.push(name::PARENT_ID, Value::Bytes(&f.parent_id.0));
        }
        if !f.trace_state.is_empty() {
            a.push(name::TRACE_STATE, Value::String(f.trace_state));
        }
        if f.flags != 0 {
            a.push(name::FLAGS, Value::Int(i64::from(f.flags)));
        }
        if !self.events.is_empty() {
            a.push(name::EVENTS, Value::List(self.events.as_items()));
        }
        if !self.links.is_empty() {
            a.push(name::LINKS, Value::List(self.links.as_items()));
        }
        let names = [name::DROPPED_ATTRIBUTES, name::DROPPED_EVENTS, name::DROPPED_LINKS];
        for (stored, dropped) in names.into_iter().zip(f.dropped) {
            if dropped > 0 {
                a.push(stored, int(dropped));
            }
        }
    }

    fn push(&mut self, stored: &str, value: Value<'_>) {
        self.count += 1;
        let limits = self.w.limits();
        // What is over a limit is refused where the span is pushed; until then it must not grow.
        if self.count as u64 <= limits.attributes_per_record_max
            && self.attributes.encoded_len() as u64 <= limits.attributes_bytes_max
        {
            self.attributes.push(stored, value);
        }
    }

    fn prefixed(&mut self, prefix: &str, own: &str, value: Value<'_>) {
        self.push(&format!("{prefix}{own}"), value);
    }

    #[cold]
    fn refuse(&mut self, level: usize, why: String) {
        self.refused[level].get_or_insert(why);
    }

    /// Attributes that each span would carry are refused before they are copied many times.
    fn too_large(&self) -> Option<String> {
        let limits = self.w.limits();
        let (bytes, max) = (self.attributes.encoded_len() as u64, limits.attributes_bytes_max);
        (bytes > max).then(|| {
            format!(
                "the length in bytes of the attributes of resource and scope is {bytes}, over the limit of {max}: \
                 raise {} to allow it",
                setting!(limits, "attributes_bytes_max")
            )
        })
    }

    fn level(&self) -> Level {
        Level { bytes: self.attributes.encoded_len(), count: self.count }
    }

    fn back_to(&mut self, level: Level) {
        self.attributes.truncate(level.bytes);
        self.count = level.count;
    }
}
