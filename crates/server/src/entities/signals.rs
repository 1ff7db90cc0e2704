//! The signals of an entity: how to ask for them, how much there is, and the newest of it.

use crate::collect::Running;
use crate::events::list::{Sought, event_json};
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::loki::Bounded;
use crate::state::App;
use ::entities::{EntityId, EntityType, Entry, Signal};
use logql::names::sanitize;
use model::record::Tenant;
use model::{Labels, Matcher, TimeRange};
use promql::Control;
use records::{Direction, Scan, Store, Wanted};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Records of a preview.
const PREVIEW: usize = 5;
/// Bytes of a line of a preview.
const LINE_BYTES: usize = 300;

/// Labels that name an entity, with their values.
type Pairs = BTreeMap<String, String>;

/// How an entity is asked for in a signal.
struct Selector {
    text: String,
    count: u64,
    matchers: Vec<Matcher>,
}

/// What an entity would be called where it was not seen.
fn usual(id: &EntityId) -> Option<Pairs> {
    let name = match id.kind {
        EntityType::Service => "service.name",
        EntityType::Host => "host.name",
        EntityType::Pod => "k8s.pod.name",
        EntityType::Node => "k8s.node.name",
        _ => return None,
    };
    let mut pairs = Pairs::from([(name.to_owned(), id.name().to_owned())]);
    if let (EntityType::Service, Some((namespace, _))) = (id.kind, id.id.rsplit_once('/')) {
        pairs.insert("service.namespace".to_owned(), namespace.to_owned());
    }
    Some(pairs)
}

/// The labels by which an entity is known in a signal; the usual ones if it was not seen there.
fn handles(id: &EntityId, entry: Option<&Entry>, signal: Signal) -> Vec<Pairs> {
    let seen = entry.into_iter().flat_map(|e| &e.handles).filter(|(s, _)| *s == signal);
    let seen: Vec<Pairs> = seen.map(|(_, pairs)| pairs.clone()).collect();
    match seen.is_empty() {
        true => usual(id).into_iter().collect(),
        false => seen,
    }
}

fn matchers(pairs: &Pairs) -> Vec<Matcher> {
    pairs.iter().map(|(name, value)| Matcher::equal(name, value)).collect()
}

fn written(pairs: &Pairs, first: &str, name: impl Fn(&str) -> String, joint: &str, equals: &str) -> String {
    let all = pairs.iter().map(|(n, v)| format!("{}{equals}{v:?}", name(n)));
    let parts: Vec<String> = (!first.is_empty()).then(|| first.to_owned()).into_iter().chain(all).collect();
    parts.join(joint)
}

/// A name as PromQL takes it.
fn quoted(name: &str) -> String {
    match model::is_legacy_label_name(name) {
        true => name.to_owned(),
        false => format!("{name:?}"),
    }
}

/// Records of a store in a range, as far as the index tells.
fn records_of(store: &Store, tenant: &Tenant, matchers: &[Matcher], (start_ns, end_ns): (i64, i64)) -> u64 {
    let scan = Scan { matchers, start_ns, end_ns, ..Scan::all(tenant) };
    store.streams(&scan).iter().map(|s| s.records).sum()
}

/// A range of time, Unix nanoseconds.
pub type Range = (i64, i64);

/// Writes how to ask for all signals of an entity; with a `preview`, the newest records of each.
pub fn write(
    j: &mut Json,
    app: &App,
    running: &Running,
    control: &Control,
    (id, entry): (&EntityId, Option<&Entry>),
    range: Range,
    preview: bool,
) -> Result<(), ApiError> {
    let tenant = Tenant::unnamed();
    let of = |signal: Signal| handles(id, entry, signal);
    let range_ms = TimeRange::new(range.0 / 1_000_000, range.1 / 1_000_000);
    j.raw("{").key("metrics").list(of(Signal::Metrics), |j, pairs| {
        let series = running.db.count_present(&matchers(&pairs), range_ms).unwrap_or(0);
        j.raw("{").key("selector").string(&format!("{{{}}}", written(&pairs, "", quoted, ", ", "=")));
        j.key("series").int(series as i64).raw("}");
    });
    let selectors = |signal: Signal, store: &Store, text: &dyn Fn(&Pairs) -> String| -> Vec<Selector> {
        let one = |pairs: Pairs| {
            let matchers = matchers(&pairs);
            Selector { text: text(&pairs), count: records_of(store, &tenant, &matchers, range), matchers }
        };
        of(signal).into_iter().map(one).collect()
    };
    let logs = selectors(Signal::Logs, &running.logs, &|pairs| {
        format!("{{{}}}", written(pairs, "", |n| sanitize(n).into_owned(), ", ", "="))
    });
    let resource = |name: &str| format!("resource.{name}");
    let traces = selectors(Signal::Traces, &running.traces, &|pairs| {
        format!("{{ {} }}", written(pairs, "", resource, " && ", " = "))
    });
    let events = selectors(Signal::Events, &running.events, &|pairs| {
        format!("{{{}}}", written(pairs, "__signal__=\"events\"", |n| sanitize(n).into_owned(), ", ", "="))
    });
    let services = super::issues::services(
        &app.entities.catalogue.read(),
        id,
        entry,
        (range_ms.start_ms, range_ms.end_ms),
    );
    let plain = |j: &mut Json, all: &[Selector], what: &str| {
        j.list(all, |j, s| {
            j.raw("{").key("selector").string(&s.text).key(what).int(s.count as i64).raw("}");
        });
    };
    plain(j.key("logs"), &logs, "records");
    plain(j.key("traces"), &traces, "spans");
    super::issues::write(j.key("errors"), running, &services, range);
    plain(j.key("events"), &events, "records");
    if preview {
        j.key("preview").raw("{").key("logs");
        newest(j, app, &running.logs, control, &tenant, &logs, range)?;
        newest(j.key("traces"), app, &running.traces, control, &tenant, &traces, range)?;
        super::issues::write_newest(j.key("errors"), running, &services, range, PREVIEW);
        j.key("events");
        happened(j, app, control, &tenant, of(Signal::Events), range)?;
        j.raw("}");
    }
    j.raw("}");
    Ok(())
}

/// The newest records of the first selector that has any.
fn newest(
    j: &mut Json,
    app: &App,
    store: &Store,
    control: &Control,
    tenant: &Tenant,
    selectors: &[Selector],
    (start_ns, end_ns): Range,
) -> Result<(), ApiError> {
    let mut rows: Vec<(i64, String, String)> = Vec::new();
    if let Some(selector) = selectors.iter().find(|s| s.count > 0) {
        let scan = Scan {
            matchers: &selector.matchers,
            start_ns,
            end_ns,
            direction: Direction::Backward,
            limit: Some(PREVIEW),
            wanted: Wanted { body: true, ids: true, ..Wanted::default() },
            ..Scan::all(tenant)
        };
        let budget = Bounded::new(control, app.budgets.query_bytes);
        let done = store.scan(&scan, &budget, &mut |block| {
            for row in 0..block.len() {
                let body = block.body(row);
                let trace = block.trace_id(row);
                let trace = if trace.is_none() { String::new() } else { trace.to_string() };
                let text = body[..body.floor_char_boundary(LINE_BYTES)].to_owned();
                rows.push((block.times_ns[row], text, trace));
            }
            ControlFlow::Continue(())
        });
        done.map_err(|e| crate::api::query::failed(budget.error(e)))?;
        rows.sort_by(|a, b| b.cmp(a));
        rows.truncate(PREVIEW);
    }
    j.list(&rows, |j, (time_ns, text, trace)| {
        j.raw("{").key("time").string(&time_ns.to_string()).key("text").string(text);
        if !trace.is_empty() {
            j.key("traceID").string(trace);
        }
        j.raw("}");
    });
    Ok(())
}

/// The newest events.
fn happened(
    j: &mut Json,
    app: &App,
    control: &Control,
    tenant: &Tenant,
    handles: Vec<Pairs>,
    (start_ns, end_ns): Range,
) -> Result<(), ApiError> {
    let mut all = Vec::new();
    for pairs in handles {
        let attributes = pairs.into_iter().map(|(name, value)| (name, vec![value])).collect();
        let sought = Sought { attributes, start_ns, end_ns, limit: PREVIEW, ..Sought::default() };
        all.extend(sought.find(app, tenant, control, &event_json)?.events);
    }
    all.sort_by(|a, b| b.cmp(a));
    all.truncate(PREVIEW);
    j.list(&all, |j, (_, event)| {
        j.bytes(event);
    });
    Ok(())
}

/// The labels that a request gives, as a set.
pub fn given(pairs: &[(String, String)]) -> Result<Labels, ApiError> {
    let pairs = pairs.iter().map(|(name, value)| (name, value));
    Labels::from_pairs(pairs).map_err(|e| ApiError::parameter("label", e))
}
