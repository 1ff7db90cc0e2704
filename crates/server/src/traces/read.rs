//! Reading spans: by the id of their trace, and by what they are like.

use crate::api::query::failed;
use crate::http::error::{ApiError, ErrorKind};
use crate::loki::Bounded;
use hashbrown::HashMap;
use model::record::span::{Span, SpanKind, SpanStatus, name, stored_name};
use model::record::{AttributesBuf, FilterOp, Record, Severity, SpanId, Tenant, TextFilter, TraceId, Value};
use model::{METRIC_NAME, MatchOp, Matcher, TimeRange};
use promql::Control;
use records::{Attributes, Direction, Scan, Store, Wanted};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use traces::{Criteria, OwnedSpan, Trace, occasions};
use tsdb::Db;

/// Two uses of one id lie this far apart.
const OCCASIONS_NS: i64 = 3_600_000_000_000;

/// Reads for one request.
pub struct Reader<'a> {
    /// The store of spans.
    pub store: &'a Store,
    /// Where they are counted, if the asker's are.
    pub counted: Option<&'a Db>,
    /// Whose spans.
    pub tenant: &'a Tenant,
    /// Ends the request.
    pub control: &'a Control,
    /// Memory it may hold.
    pub memory_max: u64,
    /// Spans of one trace.
    pub spans_max: usize,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Conditions on labels, the service foremost.
    pub matchers: Vec<Matcher>,
    /// Conditions on one span.
    pub criteria: Criteria,
    /// Earliest start.
    pub start_ns: i64,
    /// The time before which spans start.
    pub end_ns: i64,
    /// Traces, the newest first.
    pub limit: usize,
}

/// A span that was found.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its start.
    pub start_ns: i64,
    /// Its duration.
    pub duration_ns: i64,
    /// Whether it failed.
    pub failed: bool,
}

impl Reader<'_> {
    /// The spans of some traces, as they lie.
    fn spans(
        &self,
        ids: &[TraceId],
        range_ns: (i64, i64),
    ) -> Result<(HashMap<TraceId, Vec<OwnedSpan>>, bool), ApiError> {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        let scan = Scan {
            traces: Some(&sorted),
            start_ns: range_ns.0,
            end_ns: range_ns.1,
            wanted: Wanted { body: true, severity: false, ids: true, attributes: Attributes::All },
            ..Scan::all(self.tenant)
        };
        let budget = Bounded::new(self.control, self.memory_max);
        let mut all: HashMap<TraceId, Vec<OwnedSpan>> = HashMap::new();
        let (mut count, mut held, mut stopped) = (0, 0, None);
        let done = self.store.scan(&scan, &budget, &mut |block| {
            for row in 0..block.len() {
                if count >= self.spans_max {
                    return ControlFlow::Break(());
                }
                count += 1;
                let record = Record {
                    time_ns: block.times_ns[row],
                    observed_ns: 0,
                    severity: Severity::UNKNOWN,
                    trace_id: block.trace_id(row),
                    span_id: block.span_id(row),
                    body: Value::String(block.body(row)),
                    attributes: block.attributes(row),
                };
                let span = OwnedSpan::new(block.labels, &record);
                held += span.memory_bytes() as u64;
                all.entry(record.trace_id).or_default().push(span);
            }
            if let Err(e) = records::Budget::take(&budget, std::mem::take(&mut held)) {
                stopped = Some(e);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        if let Some(e) = stopped {
            return Err(failed(budget.error(records::RecordsError::Stopped(e))));
        }
        done.map_err(|e| failed(budget.error(e)))?;
        Ok((all, count >= self.spans_max))
    }

    /// A trace by its id, and how many older occasions on which the id was used there are. Of an id that was used more
    /// than once the newest occasion counts.
    pub fn trace(&self, id: TraceId, range_ns: (i64, i64)) -> Result<Option<(Trace, usize)>, ApiError> {
        let (mut all, truncated) = self.spans(&[id], range_ns)?;
        let Some(spans) = all.remove(&id) else { return Ok(None) };
        let mut all = occasions(spans, OCCASIONS_NS);
        let Some(newest) = all.pop() else { return Ok(None) };
        let mut trace = Trace::assemble(id, newest);
        trace.truncated = truncated;
        Ok(Some((trace, all.len())))
    }

    /// The traces of hits, in their order. Spans are looked for a day around them.
    pub fn traces(&self, hits: &[Hit]) -> Result<Vec<Trace>, ApiError> {
        const AROUND_NS: i64 = 86_400_000_000_000;
        let (Some(first), Some(last)) =
            (hits.iter().map(|h| h.start_ns).min(), hits.iter().map(|h| h.start_ns).max())
        else {
            return Ok(Vec::new());
        };
        let ids: Vec<TraceId> = hits.iter().map(|h| h.trace_id).collect();
        let range = (first.saturating_sub(AROUND_NS), last.saturating_add(AROUND_NS));
        let (mut all, truncated) = self.spans(&ids, range)?;
        let mut traces = Vec::with_capacity(hits.len());
        for hit in hits {
            let Some(spans) = all.remove(&hit.trace_id) else { continue };
            // The occasion that the hit is of.
            let mut of_id = occasions(spans, OCCASIONS_NS);
            let at = of_id.iter().rposition(|o| o.iter().any(|s| s.start_ns <= hit.start_ns)).unwrap_or(0);
            let mut trace = Trace::assemble(hit.trace_id, of_id.swap_remove(at));
            trace.truncated = truncated;
            traces.push(trace);
        }
        Ok(traces)
    }

    /// One span of each trace that has one that is sought, the newest first; `each` sees all that are found on the way.
    pub fn find(&self, sought: &Sought, each: &mut dyn FnMut(&Hit)) -> Result<Vec<Hit>, ApiError> {
        let names = columns(&sought.criteria);
        let named: Vec<&str> = names.iter().map(String::as_str).collect();
        let filters: Vec<TextFilter> =
            sought.criteria.name.iter().filter_map(|n| TextFilter::new(FilterOp::Contains, n).ok()).collect();
        let scan = Scan {
            matchers: &sought.matchers,
            start_ns: sought.start_ns,
            end_ns: sought.end_ns,
            direction: Direction::Backward,
            filters: &filters,
            wanted: Wanted { body: true, severity: false, ids: true, attributes: Attributes::Named(&named) },
            ..Scan::all(self.tenant)
        };
        let budget = Bounded::new(self.control, self.memory_max);
        let mut found: HashMap<TraceId, Hit> = HashMap::new();
        let mut row_attributes = AttributesBuf::new();
        let done = self.store.scan(&scan, &budget, &mut |block| {
            for row in 0..block.len() {
                row_attributes.clear();
                for (place, name) in named.iter().enumerate() {
                    if let Some(value) = block.attribute(place, row) {
                        row_attributes.push(name, value);
                    }
                }
                let record = Record {
                    time_ns: block.times_ns[row],
                    observed_ns: 0,
                    severity: Severity::UNKNOWN,
                    trace_id: block.trace_id(row),
                    span_id: SpanId::NONE,
                    body: Value::String(block.body(row)),
                    attributes: row_attributes.as_attributes(),
                };
                let span = Span::of(block.labels, &record);
                if !sought.criteria.matches(&span) {
                    continue;
                }
                let hit = Hit {
                    trace_id: span.trace_id,
                    start_ns: span.start_ns,
                    duration_ns: span.duration_ns,
                    failed: span.status == SpanStatus::Error,
                };
                each(&hit);
                let newest = found.entry(span.trace_id).or_insert(hit);
                if newest.start_ns < hit.start_ns {
                    *newest = hit;
                }
            }
            // What comes later is older than this, so it can displace nothing.
            let newer = found.values().filter(|h| h.start_ns >= block.settled_ns).count();
            match newer >= sought.limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        done.map_err(|e| failed(budget.error(e)))?;
        let mut hits: Vec<Hit> = found.into_values().collect();
        hits.sort_unstable_by_key(|h| (std::cmp::Reverse(h.start_ns), h.trace_id));
        hits.truncate(sought.limit);
        Ok(hits)
    }

    /// Services with spans in a range.
    pub fn services(&self, range_ns: (i64, i64)) -> Vec<String> {
        let scan = Scan { start_ns: range_ns.0, end_ns: range_ns.1, ..Scan::all(self.tenant) };
        self.store.label_values(name::SERVICE, &scan)
    }

    /// Names and kinds of spans of a service (of all without one) in a range: those that were counted, and those of the
    /// newest spans, which may not have been counted yet. Of spans that are not counted only the newest are looked at.
    pub fn operations(
        &self,
        service: Option<&str>,
        range_ns: (i64, i64),
    ) -> Result<BTreeSet<(String, SpanKind)>, ApiError> {
        let mut all = BTreeSet::new();
        if let Some(db) = self.counted {
            let equal = |name: &str, value: &str| {
                Matcher::new(MatchOp::Equal, name, value).map_err(|e| ApiError::parameter(name, e))
            };
            let mut matchers = vec![equal(METRIC_NAME, CALLS)?];
            if let Some(service) = service {
                matchers.push(equal("service", service)?);
            }
            let range = TimeRange::new(range_ns.0 / 1_000_000, range_ns.1 / 1_000_000);
            let found = db.select(&matchers, range).map_err(|e| ApiError::internal(e.to_string()))?;
            for labels in (0..found.len()).map(|i| found.labels(i)) {
                let kind = labels.get("span_kind").and_then(|k| k.strip_prefix("SPAN_KIND_"));
                let kind = kind.and_then(SpanKind::from_text).unwrap_or_default();
                all.insert((labels.get("span_name").unwrap_or("").to_owned(), kind));
            }
        }
        self.newest_operations(service, range_ns, &mut all)?;
        Ok(all)
    }

    fn newest_operations(
        &self,
        service: Option<&str>,
        range_ns: (i64, i64),
        all: &mut BTreeSet<(String, SpanKind)>,
    ) -> Result<(), ApiError> {
        let matchers = service.map(service_matcher).transpose()?;
        let scan = Scan {
            matchers: matchers.as_slice(),
            start_ns: range_ns.0,
            end_ns: range_ns.1,
            direction: Direction::Backward,
            wanted: Wanted {
                body: true,
                severity: false,
                ids: false,
                attributes: Attributes::Named(&[name::KIND]),
            },
            limit: Some(NEWEST),
            ..Scan::all(self.tenant)
        };
        let budget = Bounded::new(self.control, self.memory_max);
        let mut last: Option<(String, SpanKind)> = None;
        let done = self.store.scan(&scan, &budget, &mut |block| {
            for row in 0..block.len() {
                let kind = match block.attribute(0, row) {
                    Some(Value::Int(n)) => SpanKind::from_number(n),
                    _ => SpanKind::default(),
                };
                if last.as_ref().is_none_or(|l| l.0 != block.body(row) || l.1 != kind) {
                    let found = (block.body(row).to_owned(), kind);
                    all.insert(found.clone());
                    last = Some(found);
                }
            }
            ControlFlow::Continue(())
        });
        done.map(drop).map_err(|e| failed(budget.error(e)))
    }
}

/// Spans whose names are looked at, whether they are counted or not.
const NEWEST: usize = 50_000;
/// The metric that has all names.
const CALLS: &str = "traces_spanmetrics_calls_total";

/// The condition that a span is of a service.
pub fn service_matcher(service: &str) -> Result<Matcher, ApiError> {
    Matcher::new(MatchOp::Equal, name::SERVICE, service).map_err(|e| ApiError::parameter("service", e))
}

/// The attributes that a condition may ask for.
fn columns(criteria: &Criteria) -> Vec<String> {
    let mut names: Vec<String> =
        [name::DURATION, name::KIND, name::STATUS].into_iter().map(str::to_owned).collect();
    if !criteria.tags.is_empty() {
        let more =
            [name::STATUS_MESSAGE, name::SCOPE_NAME, name::SCOPE_VERSION, name::TRACE_STATE, name::EVENTS];
        names.extend(more.into_iter().map(str::to_owned));
    }
    for (key, _) in &criteria.tags {
        names.push(stored_name(key).into_owned());
        names.push(format!("{}{key}", name::RESOURCE_PREFIX));
        names.push(format!("{}{key}", name::SCOPE_PREFIX));
    }
    names.sort();
    names.dedup();
    names
}

/// The id of a trace as people and programs write it: 1 to 32 hexadecimal digits.
pub fn trace_id(text: &str) -> Result<TraceId, ApiError> {
    let digits = text.trim();
    let fits = (1..=32).contains(&digits.len());
    let id = if fits { TraceId::from_hex(&format!("{digits:0>32}")) } else { None };
    id.ok_or_else(|| {
        ApiError::bad_data(format!("{text:?} is not the id of a trace: it has 1 to 32 hexadecimal digits"))
    })
}

/// The answer where a trace is not there.
pub fn no_such_trace(id: TraceId) -> ApiError {
    ApiError::new(ErrorKind::NotFound, format!("there is no trace {id} within retention"))
}
