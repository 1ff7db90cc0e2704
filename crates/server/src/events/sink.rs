//! Where events go in: what repeats an event that is kept already is acknowledged and not kept again.

use crate::errors::Noticing;
use crate::logs::{Preparation, Prepared};
use crate::telemetry::{Counter, Family};
use env::Clock;
use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};
use model::record::event::name;
use model::record::{Delivery, RecordBatch, RecordSink, RecordsDone, SenderId, Tenant, Value};
use model::{MetricKind, Unavailable};
use parking_lot::Mutex;
use records::{Attributes, Direction, Scan, Store, Unlimited, Wanted};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3Default;

/// Events whose ids are remembered: a sender that repeats itself does so soon.
const KNOWN_MAX: usize = 100_000;
/// How long a sender waits while the same event is on its way in.
const RETRY: Duration = Duration::from_millis(100);

/// The store of events, behind pipelines and the memory of what was kept.
#[derive(Clone)]
pub struct EventSink {
    counting: Arc<Preparation>,
    prepared: Prepared,
    known: Arc<Known>,
    runtime: tokio::runtime::Handle,
}

#[derive(Default)]
struct Known {
    ids: Mutex<Ids>,
    repeated: Counter,
}

#[derive(Default)]
struct Ids {
    /// Whether each is kept; others are on their way.
    kept: HashMap<u128, bool>,
    order: VecDeque<u128>,
}

impl Ids {
    /// Remembers an event that is kept; forgets the oldest.
    fn keep(&mut self, id: u128) {
        if self.kept.insert(id, true) != Some(true) {
            self.order.push_back(id);
        }
        while self.order.len() > KNOWN_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.kept.remove(&oldest);
            }
        }
    }
}

/// Whose event, by which source and id; `None` of one without an id.
fn identity(tenant: &Tenant, source: &str, id: &str) -> Option<u128> {
    if id.is_empty() {
        return None;
    }
    let mut hash = Xxh3Default::new();
    for text in [tenant.as_str(), source, id] {
        hash.update(text.as_bytes());
        hash.update(&[0xff]);
    }
    Some(hash.digest128())
}

/// Events on their way: forgotten, unless they were kept.
struct UnderWay {
    known: Arc<Known>,
    ids: Vec<u128>,
}

impl UnderWay {
    fn kept(mut self, refused: &[bool]) {
        let mut ids = self.known.ids.lock();
        for (id, refused) in std::mem::take(&mut self.ids).into_iter().zip(refused) {
            if *refused {
                ids.kept.remove(&id);
            } else {
                ids.keep(id);
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut ids = self.known.ids.lock();
        for id in &self.ids {
            ids.kept.remove(id);
        }
    }
}

impl EventSink {
    /// A sink into a store, behind what counts events and what prepares them; reads the ids of the newest events that are
    /// in it. What is appended is finished on the runtime that this is called in, whoever appends and waits or does not.
    pub fn new(
        store: Store,
        (counting, preparation): (Arc<Preparation>, Arc<Preparation>),
        clock: Arc<dyn Clock>,
    ) -> EventSink {
        let known = Known::default();
        // Of all tenants together, by time: one that sends little is remembered as long as one that sends much.
        let mut newest: Vec<(i64, u128)> = Vec::new();
        for tenant in &store.tenants() {
            let scan = Scan {
                direction: Direction::Backward,
                limit: Some(KNOWN_MAX),
                wanted: Wanted {
                    attributes: Attributes::Named(&[name::SOURCE, name::ID]),
                    ..Wanted::default()
                },
                ..Scan::all(tenant)
            };
            let read = store.scan(&scan, &Unlimited, &mut |block| {
                for row in 0..block.len() {
                    let text = |place| block.attribute(place, row).and_then(Value::as_str).unwrap_or("");
                    newest.extend(identity(tenant, text(0), text(1)).map(|id| (block.times_ns[row], id)));
                }
                ControlFlow::Continue(())
            });
            if let Err(error) = read {
                tracing::warn!(%error, "the ids of events cannot be read; what is sent again may be kept again");
            }
            newest.sort_unstable_by_key(|(time_ns, _)| *time_ns);
            newest.drain(..newest.len().saturating_sub(KNOWN_MAX));
        }
        let mut ids = known.ids.lock();
        newest.into_iter().for_each(|(_, id)| ids.keep(id));
        drop(ids);
        let store = Noticing { store, tracker: None };
        let prepared = Prepared { store, preparation, clock, deploys: None };
        let runtime = tokio::runtime::Handle::current();
        EventSink { counting, prepared, known: Arc::new(known), runtime }
    }

    /// Counts as metrics.
    pub fn families(&self) -> Vec<Family> {
        vec![Family::single(
            "watchfire_events_repeated_total",
            "Events that were kept already when they came.",
            MetricKind::Counter,
            self.known.repeated.get() as f64,
        )]
    }
}

/// The rows of a batch that are no repetition, and the ids among them with their rows.
struct Fresh {
    rows: Vec<usize>,
    ids: Vec<(usize, u128)>,
}

/// Sorts out a batch; `None` if one of its events is on its way in with another.
fn fresh(known: &Known, batch: &RecordBatch) -> Option<Fresh> {
    let mut found = Fresh { rows: Vec::with_capacity(batch.len()), ids: Vec::new() };
    let mut mine = HashSet::new();
    let mut ids = known.ids.lock();
    for (row, r) in batch.iter().enumerate() {
        let attributes = r.record.attributes;
        let text = |name| attributes.get(name).and_then(Value::as_str).unwrap_or("");
        let Some(id) = identity(batch.tenant(), text(name::SOURCE), text(name::ID)) else {
            found.rows.push(row);
            continue;
        };
        match ids.kept.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(false);
                mine.insert(id);
                found.ids.push((row, id));
                found.rows.push(row);
            }
            Entry::Occupied(entry) if *entry.get() => {}
            // Twice in this batch, or in another one under way.
            Entry::Occupied(_) if mine.contains(&id) => {}
            Entry::Occupied(_) => {
                for (_, id) in &found.ids {
                    ids.kept.remove(id);
                }
                return None;
            }
        }
    }
    Some(found)
}

/// Some rows of a batch, as the same delivery.
fn only(batch: &RecordBatch, rows: &[usize]) -> RecordBatch {
    let mut out = RecordBatch::new(batch.tenant().clone());
    let streams: Vec<_> = batch.streams().iter().map(|labels| out.stream(labels.clone())).collect();
    for row in rows {
        let r = batch.get(*row);
        out.push(streams[r.stream.0 as usize], &r.record);
    }
    if let Some(delivery) = batch.delivery() {
        out.set_delivery(delivery.clone());
    }
    out
}

impl RecordSink for EventSink {
    fn append(&self, batch: RecordBatch) -> RecordsDone {
        let Some(Fresh { rows, ids }) = fresh(&self.known, &batch) else {
            let reason = "the same event is on its way in".to_owned();
            let busy = Unavailable::Busy { reason, retry_after: RETRY };
            return Box::pin(std::future::ready(Err(busy)));
        };
        let under_way =
            UnderWay { known: Arc::clone(&self.known), ids: ids.iter().map(|(_, id)| *id).collect() };
        let came = batch.len();
        let batch = if rows.len() == came { batch } else { only(&batch, &rows) };
        let is_here = batch
            .delivery()
            .is_some_and(|d| self.last_delivery(&d.sender).is_some_and(|last| d.sequence <= last.sequence));
        let counting = self.counting.pipelines();
        let counted = counting.apply(batch, 0);
        let batch = counted.batch;
        let kept = (!batch.is_empty() || batch.delivery().is_some()).then(|| self.prepared.append(batch));
        let known = Arc::clone(&self.known);
        // A sender that hangs up and sends again must find what it sent remembered: this goes on if nobody waits for it.
        let task = self.runtime.spawn(async move {
            let mut accepted = match kept {
                Some(kept) => kept.await?,
                None => Default::default(),
            };
            // To the sender, what is here already was accepted; refusals are at the places it knows.
            accepted.refused.iter_mut().for_each(|r| r.row = rows[r.row]);
            let rows_refused: HashSet<usize> = accepted.refused.iter().map(|r| r.row).collect();
            let refused: Vec<bool> = ids.iter().map(|(row, _)| rows_refused.contains(row)).collect();
            under_way.kept(&refused);
            if !is_here {
                counting.count(&counted.tally);
            }
            known.repeated.add((came - rows.len()) as u64);
            accepted.records = (came - accepted.refused.len()) as u64;
            Ok(accepted)
        });
        Box::pin(async move { task.await.unwrap_or(Err(Unavailable::Closed)) })
    }

    fn last_delivery(&self, sender: &SenderId) -> Option<Delivery> {
        self.prepared.last_delivery(sender)
    }
}
