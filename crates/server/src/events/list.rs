//! Which events there are: lists, page by page, and how many there are over time.

use crate::api::query::failed;
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, respond, success};
use crate::loki::{Bounded, span_ns};
use crate::state::App;
use crate::traces::own::pairs_json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use model::Labels;
use model::record::event::{Event, LABELS, name};
use model::record::{Record, Severity, Tenant, Value};
use promql::Control;
use records::{Attributes, Direction, Scan, StreamTest, Wanted};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use traces::value_text;

/// Events that a list gives without `limit`, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 5000;
/// Buckets of a timeline.
const BUCKETS_MAX: usize = 1000;
/// Kinds of a timeline, and values of a facet; those that come later are counted together.
const VALUES_MAX: usize = 50;
/// What stands for kinds and values that are counted together.
const OTHERS: &str = "(other)";

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Any of these kinds; all without one.
    pub kinds: Vec<String>,
    /// None of these kinds.
    pub without_kinds: Vec<String>,
    /// Attributes with their values; of one name any of its values.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Values that lists must hold, all of them, by attribute.
    pub all_of: BTreeMap<String, Vec<String>>,
    /// Any of these sources.
    pub sources: Vec<String>,
    /// Any of these results.
    pub results: Vec<String>,
    /// In small letters, part of title, text or subject.
    pub text: Option<String>,
    /// This grave, or graver.
    pub severity: Severity,
    /// Earliest time.
    pub start_ns: i64,
    /// The time before which events lie.
    pub end_ns: i64,
    /// Go on behind this one: its time, and how many of that time were given.
    pub after: Option<(i64, usize)>,
    /// The newest, so many.
    pub limit: usize,
    /// Buckets of the timeline; none without.
    pub buckets: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Events with their times, the newest first, as JSON.
    pub events: Vec<(i64, Vec<u8>)>,
    /// Where the next page begins, if there is one.
    pub next: Option<(i64, usize)>,
    /// Events by bucket, for each kind.
    timeline: BTreeMap<String, Vec<u64>>,
    /// Events by value, for some attributes.
    facets: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// All events, where they were counted.
    total: u64,
}

/// Adds one to the count of a value.
fn count(counts: &mut BTreeMap<String, u64>, value: &str) {
    let key = if counts.len() >= VALUES_MAX && !counts.contains_key(value) { OTHERS } else { value };
    match counts.get_mut(key) {
        Some(n) => *n += 1,
        None => drop(counts.insert(key.to_owned(), 1)),
    }
}

impl Sought {
    /// What the parameters of a request ask for.
    pub fn of(app: &App, params: &Params) -> Result<Sought, ApiError> {
        let (start_ns, mut end_ns) = span_ns(params, app.now_ms())?;
        if params.get("end").is_none() {
            // What happens in this very millisecond counts.
            end_ns = end_ns.saturating_add(1_000_000);
        }
        let all = |name: &str| -> Vec<String> {
            params
                .all(name)
                .flat_map(|v| v.split(','))
                .map(str::trim)
                .filter(|v| !v.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in params.all("attribute") {
            let (name, value) = text
                .split_once(':')
                .ok_or_else(|| ApiError::parameter("attribute", format!("{text:?} is not name:value")))?;
            attributes.entry(name.trim().to_owned()).or_default().push(value.trim().to_owned());
        }
        for (parameter, name) in [
            ("service", "service.name"),
            ("host", "host.name"),
            ("environment", "deployment.environment.name"),
            ("namespace", "k8s.namespace.name"),
        ] {
            attributes.entry(name.to_owned()).or_default().extend(all(parameter));
        }
        attributes.retain(|_, values| !values.is_empty());
        let severity = match params.get("severity") {
            None | Some("") => Severity::UNKNOWN,
            Some(word) => match Severity::from_text(word) {
                Severity::UNKNOWN => {
                    let reason = format!("{word:?} is no severity: use debug, info, warn, error or fatal");
                    return Err(ApiError::parameter("severity", reason));
                }
                severity => severity,
            },
        };
        let after = params.get("after").filter(|a| !a.is_empty()).map(|text| {
            let parts = text.split_once('.').and_then(|(t, n)| Some((t.parse().ok()?, n.parse().ok()?)));
            parts.ok_or_else(|| {
                ApiError::parameter("after", format!("{text:?} is not the `next` of an answer"))
            })
        });
        let buckets = match params.get("buckets") {
            None | Some("") => 0,
            Some(text) => text.parse().ok().filter(|n| *n <= BUCKETS_MAX).ok_or_else(|| {
                ApiError::parameter("buckets", format!("{text:?} is not a number up to {BUCKETS_MAX}"))
            })?,
        };
        Ok(Sought {
            kinds: all("kind"),
            without_kinds: Vec::new(),
            attributes,
            all_of: BTreeMap::new(),
            sources: all("source"),
            results: all("result"),
            text: params.get("text").map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty()),
            severity,
            start_ns,
            end_ns,
            after: after.transpose()?,
            limit: params.limit()?.unwrap_or(LIMIT).min(LIMIT_MAX),
            buckets,
        })
    }

    /// Whether events of a stream can be among them.
    fn takes_stream(&self, labels: &Labels) -> bool {
        let kind = labels.get(name::KIND).unwrap_or("");
        (self.kinds.is_empty() || self.kinds.iter().any(|k| k == kind))
            && !self.without_kinds.iter().any(|k| k == kind)
            && self.attributes.iter().all(|(name, values)| match labels.get(name) {
                Some(value) => values.iter().any(|v| v == value),
                // A long value is no label.
                None => LABELS.binary_search(&name.as_str()).is_err() || values.iter().any(|v| v.len() > 256),
            })
    }

    fn takes(&self, event: &Event<'_>) -> bool {
        let any = |values: &[String], value: &str| values.is_empty() || values.iter().any(|v| v == value);
        event.severity >= self.severity
            && any(&self.sources, event.source)
            && any(&self.results, event.result)
            && self
                .attributes
                .iter()
                .all(|(name, values)| event.attribute(name).is_some_and(|value| holds(value, values)))
            && self.all_of.iter().all(|(name, values)| {
                let held = event.attribute(name);
                values.iter().all(|v| held.as_ref().is_some_and(|h| holds(*h, std::slice::from_ref(v))))
            })
            && self.text.as_deref().is_none_or(|t| {
                [event.title, event.text, event.subject].iter().any(|s| s.to_lowercase().contains(t))
            })
    }

    /// The bucket of a time.
    fn bucket(&self, time_ns: i64) -> usize {
        let span = i128::from(self.end_ns) - i128::from(self.start_ns);
        let at = (i128::from(time_ns) - i128::from(self.start_ns)) * self.buckets as i128 / span.max(1);
        (at as usize).min(self.buckets.saturating_sub(1))
    }

    /// Reads them; `show` writes an event.
    pub fn find(
        &self,
        app: &App,
        tenant: &Tenant,
        control: &Control,
        show: &dyn Fn(&Event<'_>, &mut Json),
    ) -> Result<Found, ApiError> {
        let streams = |labels: &Labels| self.takes_stream(labels);
        let end_ns = match self.after {
            // Of the time that was given last some may be left.
            Some((time_ns, _)) if self.buckets == 0 => self.end_ns.min(time_ns.saturating_add(1)),
            _ => self.end_ns,
        };
        let scan = Scan {
            streams: Some(StreamTest(&streams)),
            start_ns: self.start_ns,
            end_ns,
            direction: Direction::Backward,
            wanted: Wanted { body: true, severity: true, ids: true, attributes: Attributes::All },
            ..Scan::all(tenant)
        };
        let memory_max = app.config().query.memory_per_query.bytes().min(app.budgets.query_bytes);
        let budget = Bounded::new(control, memory_max);
        let skip = self.after.map_or(0, |(_, given)| given);
        // One more tells whether there is another page.
        let wanted = self.limit.saturating_add(skip).saturating_add(1);
        let mut found = Found::default();
        let (mut held, mut charged, mut stopped) = (0u64, 0u64, None);
        let done = app.ready()?.events.scan(&scan, &budget, &mut |block| {
            for row in 0..block.len() {
                let record = Record {
                    time_ns: block.times_ns[row],
                    observed_ns: 0,
                    severity: block.severity(row),
                    trace_id: block.trace_id(row),
                    span_id: block.span_id(row),
                    body: Value::String(block.body(row)),
                    attributes: block.attributes(row),
                };
                let event = Event::of(block.labels, &record);
                if !self.takes(&event) {
                    continue;
                }
                if self.buckets > 0 {
                    found.note(self, &event);
                }
                if self.after.is_some_and(|(time_ns, _)| event.time_ns > time_ns) {
                    continue;
                }
                let mut j = Json::new();
                show(&event, &mut j);
                let shown = j.into_bytes();
                held += shown.len() as u64 + 32;
                found.events.push((event.time_ns, shown));
            }
            let most = held;
            if found.events.len() >= wanted.saturating_mul(2) {
                found.newest(wanted);
                held = found.events.iter().map(|(_, shown)| shown.len() as u64 + 32).sum();
            }
            // What is dropped makes room for what comes.
            let more = most.saturating_sub(charged);
            charged = charged.max(most);
            if let Err(e) = records::Budget::take(&budget, more) {
                stopped = Some(e);
                return ControlFlow::Break(());
            }
            // What comes later is older than this.
            let settled = found.events.iter().filter(|(t, _)| *t > block.settled_ns).count();
            match self.buckets == 0 && settled >= wanted {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if let Some(e) = stopped {
            return Err(failed(budget.error(records::RecordsError::Stopped(e))));
        }
        done.map_err(|e| failed(budget.error(e)))?;
        found.newest(wanted);
        found.page(self.after, self.limit);
        Ok(found)
    }
}

/// Whether a value, or one of a list, is one of these.
fn holds(value: Value<'_>, values: &[String]) -> bool {
    match value {
        Value::List(items) => items.iter().any(|item| values.iter().any(|v| *v == value_text(item))),
        other => values.iter().any(|v| *v == value_text(other)),
    }
}

impl Found {
    /// Counts an event.
    fn note(&mut self, sought: &Sought, event: &Event<'_>) {
        self.total += 1;
        let full = self.timeline.len() >= VALUES_MAX && !self.timeline.contains_key(event.kind);
        let kind = if full { OTHERS } else { event.kind };
        if !self.timeline.contains_key(kind) {
            self.timeline.insert(kind.to_owned(), vec![0; sought.buckets]);
        }
        if let Some(counts) = self.timeline.get_mut(kind) {
            counts[sought.bucket(event.time_ns)] += 1;
        }
        let of = |name: &str| event.labels.get(name).unwrap_or("");
        for (facet, value) in [
            ("kind", event.kind),
            ("severity", event.severity.text()),
            ("source", event.source),
            ("result", event.result),
            ("service", of("service.name")),
            ("host", of("host.name")),
            ("environment", of("deployment.environment.name")),
        ] {
            if !value.is_empty() {
                count(self.facets.entry(facet).or_default(), value);
            }
        }
    }

    /// Keeps the newest.
    fn newest(&mut self, wanted: usize) {
        self.events.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        self.events.truncate(wanted);
    }

    /// Leaves the events of one page, and says where the next one begins.
    fn page(&mut self, after: Option<(i64, usize)>, limit: usize) {
        let given = after.map_or(0, |(time_ns, given)| {
            self.events.iter().take_while(|(t, _)| *t == time_ns).count().min(given)
        });
        self.events.drain(..given);
        if self.events.len() > limit {
            self.events.truncate(limit);
            self.next = self.events.last().map(|(last, _)| {
                let of_page = self.events.iter().rev().take_while(|(t, _)| t == last).count();
                let before = after.filter(|(t, _)| t == last).map_or(0, |_| given);
                (*last, of_page + before)
            });
        }
    }
}

/// An event as JSON; what says nothing is left out.
pub fn event_json(event: &Event<'_>, j: &mut Json) {
    j.raw("{").key("time").string(&event.time_ns.to_string());
    if let (Some(end), Some(duration)) = (event.end_ns(), event.duration_ns) {
        j.key("end").string(&end.to_string()).key("duration").int(duration);
    }
    j.key("kind").string(event.kind).key("title").string(event.title);
    j.key("severity").string(event.severity.text());
    j.key("severityNumber").int(i64::from(event.severity.number()));
    for (name, text) in [
        ("text", event.text),
        ("source", event.source),
        ("subject", event.subject),
        ("result", event.result),
        ("link", event.link),
        ("id", event.id),
    ] {
        if !text.is_empty() {
            j.key(name).string(text);
        }
    }
    if !event.trace_id.is_none() {
        j.key("traceID").string(&event.trace_id.to_string());
    }
    if !event.span_id.is_none() {
        j.key("spanID").string(&event.span_id.to_string());
    }
    // Memory gives them as they came, parts in the order of their columns.
    let mut attributes: Vec<_> = event.attributes().collect();
    attributes.sort_by_key(|(name, _)| *name);
    pairs_json(j.key("attributes"), attributes.into_iter());
    j.raw("}");
}

/// `GET /api/v1/events`
pub async fn list(State(app): Shared, request: Request<Body>) -> Answer {
    let headers = request.headers().clone();
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    answer(&app, &headers, &params).await
}

async fn answer(app: &Arc<App>, headers: &HeaderMap, params: &Params) -> Answer {
    let encoding = Encoding::accepted(headers);
    let tenant = crate::intake::tenant(headers)?;
    let sought = Sought::of(app, params)?;
    ask::ask(app, app.query_timeout(), None, move |app, reins| {
        let found = sought.find(app, &tenant, &reins.control, &event_json)?;
        let body = success(&Notes::default(), |j| {
            j.raw("{").key("events").list(&found.events, |j, (_, event)| {
                j.bytes(event);
            });
            if let Some((time_ns, given)) = found.next {
                j.key("next").string(&format!("{time_ns}.{given}"));
            }
            if sought.buckets > 0 {
                timeline_json(j, &sought, &found);
            }
            j.raw("}");
        });
        Ok(respond(body, "application/json", encoding))
    })
    .await
}

fn timeline_json(j: &mut Json, sought: &Sought, found: &Found) {
    let span = i128::from(sought.end_ns) - i128::from(sought.start_ns);
    let step = i64::try_from(span / sought.buckets as i128).unwrap_or(i64::MAX);
    j.key("total").int(found.total as i64);
    j.key("timeline").raw("{").key("start").string(&sought.start_ns.to_string());
    j.key("step").string(&step.to_string()).key("kinds").raw("{");
    for (kind, counts) in &found.timeline {
        j.key(kind).list(counts, |j, n| {
            j.int(*n as i64);
        });
    }
    j.raw("}}").key("facets").raw("{");
    for (facet, counts) in &found.facets {
        j.key(facet).raw("{");
        for (value, n) in counts {
            j.key(value).int(*n as i64);
        }
        j.raw("}");
    }
    j.raw("}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paged(times: &[i64], limit: usize) -> Vec<Vec<(i64, Vec<u8>)>> {
        let mut all: Vec<(i64, Vec<u8>)> =
            times.iter().enumerate().map(|(i, t)| (*t, i.to_string().into_bytes())).collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let from: Vec<_> = all
                .iter()
                .filter(|(t, _)| after.is_none_or(|(a, _): (i64, usize)| *t <= a))
                .cloned()
                .collect();
            let mut found = Found { events: from, ..Found::default() };
            found.newest(limit + after.map_or(0, |a| a.1) + 1);
            found.page(after, limit);
            pages.push(found.events);
            match found.next {
                Some(next) => after = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_give_each_event_once() {
        for (times, limit) in [
            (vec![], 2),
            (vec![1, 2, 3], 2),
            (vec![5; 7], 2),
            (vec![1, 5, 5, 5, 5, 9], 1),
            (vec![3, 3, 2, 2, 2, 1], 3),
        ] {
            let pages = paged(&times, limit);
            let mut given: Vec<_> = pages.concat();
            assert!(pages.iter().all(|p| p.len() <= limit));
            assert_eq!(given.len(), times.len(), "{times:?}");
            given.dedup();
            assert_eq!(given.len(), times.len(), "{times:?}");
        }
    }

    #[test]
    fn buckets_cover_the_range() {
        let sought = Sought { start_ns: 0, end_ns: 100, buckets: 4, ..Sought::default() };
        assert_eq!([0, 24, 25, 99].map(|t| sought.bucket(t)), [0, 0, 1, 3]);
        let wide = Sought { start_ns: i64::MIN, end_ns: i64::MAX, buckets: 2, ..Sought::default() };
        assert_eq!([i64::MIN, 1, i64::MAX - 1].map(|t| wide.bucket(t)), [0, 1, 1]);
    }
}
