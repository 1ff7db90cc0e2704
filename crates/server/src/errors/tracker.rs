//! The store of error events together with the issues they make.

use super::metrics::EventCounts;
use crate::config::IssuesConfig;
use crate::server::StartError;
use env::{Clock, Disk};
use errors::{Bounds, Item, NOTE_COLUMNS, Note, Pack, note_of};
use issues::{Book, BookLimits, Desk, JournalError};
use model::Unavailable;
use model::record::{Accepted, AttributesBuf, Record, Tenant, Value};
use parking_lot::Mutex;
use records::{Attributes, Scan, Store, Unlimited, Wanted};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Keeps error events and counts them.
pub struct Tracker {
    /// The store.
    pub store: Store,
    desk: Mutex<Desk>,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
    /// What is counted for metrics.
    pub events: EventCounts,
    /// Events found in spans and logs that wait to be stored, and those lost.
    waiting: AtomicU64,
    lost: AtomicU64,
    runtime: tokio::runtime::Handle,
}

/// Events found in spans and logs that may wait at a time.
const WAITING_MAX: u64 = 10_000;
/// How long before what could not be stored is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What became of items.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Records kept.
    pub records: u64,
    /// Events that were here already.
    pub repeated: u64,
    /// Why records were refused by the store.
    pub refused: Vec<String>,
}

/// An item and the project it is for.
pub type Addressed = (String, Item);

impl Tracker {
    /// Opens the journal of issues and counts what the store has and the journal does not.
    pub async fn open(
        store: Store,
        dir: &Path,
        config: &IssuesConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Tracker, StartError> {
        let dir = dir.to_owned();
        let limits = BookLimits { groups_max: config.groups_max, ..BookLimits::default() };
        let of = store.clone();
        let opening = move || open_desk(&of, &dir, limits);
        let desk = tokio::task::spawn_blocking(opening)
            .await
            .map_err(|e| StartError::Store(format!("opening the issues met a fault: {e}")))?
            .map_err(StartError::Store)?;
        Ok(Tracker {
            store,
            desk: Mutex::new(desk),
            clock,
            bounds: Bounds::default(),
            events: EventCounts::default(),
            waiting: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// Where work goes on that nobody waits for.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// Looks into the book. What is done meanwhile must be short: events wait.
    pub fn book<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(self.desk.lock().book())
    }

    /// Does something to the desk.
    pub fn desk<T>(&self, act: impl FnOnce(&mut Desk) -> T) -> T {
        act(&mut self.desk.lock())
    }

    /// Events that wait to be stored, and events that were lost because too many waited.
    pub fn waiting(&self) -> (u64, u64) {
        (self.waiting.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed))
    }

    /// Stores items and counts them. The work starts with this call and goes on if nobody waits for it.
    pub fn keep(
        self: &Arc<Tracker>,
        tenant: &Tenant,
        items: Vec<Addressed>,
    ) -> impl Future<Output = Result<Kept, Unavailable>> + Send + use<> {
        let (this, tenant) = (Arc::clone(self), tenant.clone());
        let task = self.runtime.spawn(async move {
            // It groups, writes and may wait for the book: not on a thread that serves connections.
            let me = Arc::clone(&this);
            let begun = tokio::task::spawn_blocking(move || me.begin(&tenant, items)).await;
            this.finish(begun.map_err(|_| Unavailable::Closed)??).await
        });
        // A task that is gone is one of a server that ends; the next start counts what was stored.
        async move { task.await.unwrap_or(Err(Unavailable::Closed)) }
    }

    /// Waits until a batch is stored and counts it.
    async fn finish(self: Arc<Tracker>, begun: Begun) -> Result<Kept, Unavailable> {
        let Begun { number, notes, repeated, done } = begun;
        let Some(done) = done else { return Ok(Kept { repeated, ..Kept::default() }) };
        let accepted: Accepted = match done.await {
            Ok(accepted) => accepted,
            Err(e) => {
                // Otherwise a part of it may be stored: it stays under way, and the next start counts what is there.
                if matches!(e, Unavailable::Busy { .. }) {
                    self.desk.lock().abandon(number);
                }
                return Err(e);
            }
        };
        let mut refused = accepted.refused.iter().map(|r| r.row).peekable();
        let mut kept: Vec<Note> = Vec::with_capacity(notes.len());
        for (row, note) in notes {
            while refused.next_if(|r| *r < row).is_some() {}
            if refused.peek() != Some(&row) {
                kept.push(note);
            }
        }
        self.desk.lock().apply(number, &kept);
        self.events.count(&kept);
        let refused = accepted.refused.iter().take(5).map(|r| r.reason.to_string()).collect();
        Ok(Kept { records: accepted.records, repeated, refused })
    }

    fn begin(&self, tenant: &Tenant, items: Vec<Addressed>) -> Result<Begun, Unavailable> {
        let now_ns = self.clock.now_ms().saturating_mul(1_000_000);
        let mut repeated = 0;
        let mut desk = self.desk.lock();
        let mut fresh = Vec::with_capacity(items.len());
        for (project, item) in items {
            match &item {
                Item::Event(e) if desk.book().is_known(tenant.as_str(), &project, e.id) => repeated += 1,
                _ => fresh.push((project, item)),
            }
        }
        if fresh.is_empty() {
            return Ok(Begun { number: 0, notes: Vec::new(), repeated, done: None });
        }
        let oldest = fresh.iter().map(|(_, i)| i.time_ns()).map(|t| if t == 0 { now_ns } else { t }).min();
        let oldest_ms = oldest.unwrap_or(now_ns).div_euclid(1_000_000);
        let number = desk.begin(oldest_ms).map_err(|e| Unavailable::ReadOnly(e.to_string()))?;
        drop(desk);
        let mut pack = Pack::new(tenant.clone(), number, now_ns);
        for (project, item) in fresh {
            pack.add(&project, item, &self.bounds);
        }
        let Pack { batch, notes, .. } = pack;
        let done = self.store.append_shared(Arc::new(batch));
        Ok(Begun { number, notes, repeated, done: Some(done) })
    }

    /// Stores events that were found in spans or logs, whose sender is not told about them: what cannot be stored now is
    /// tried again. Ends once they are stored, or wait.
    pub fn keep_found(
        self: &Arc<Tracker>,
        tenant: &Tenant,
        items: Vec<Addressed>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let this = Arc::clone(self);
        let tenant = tenant.clone();
        let first = self.keep(&tenant, items.clone());
        async move {
            let Err(e) = first.await else { return };
            let count = items.len() as u64;
            if this.waiting.fetch_add(count, Ordering::Relaxed) + count > WAITING_MAX {
                this.waiting.fetch_sub(count, Ordering::Relaxed);
                this.lost.fetch_add(count, Ordering::Relaxed);
                tracing::warn!(error = %e, events = count, "errors found in spans or logs are lost");
                return;
            }
            let runtime = this.runtime.clone();
            runtime.spawn(async move {
                loop {
                    tokio::time::sleep(RETRY).await;
                    match this.keep(&tenant, items.clone()).await {
                        Ok(_) => break,
                        Err(Unavailable::Closed) => {
                            this.lost.fetch_add(count, Ordering::Relaxed);
                            break;
                        }
                        Err(_) => {}
                    }
                }
                this.waiting.fetch_sub(count, Ordering::Relaxed);
            });
        }
    }

    /// Copies the issues for a backup; the store is copied afterwards.
    pub fn copy(&self, dir: &Path) -> Result<(), JournalError> {
        self.desk.lock().copy(Arc::new(env::RealDisk), dir.to_owned(), self.clock.now_ms())
    }

    /// Writes what was counted.
    pub fn checkpoint(&self) -> Result<(), JournalError> {
        self.desk.lock().checkpoint(self.clock.now_ms())
    }
}

/// A batch that was handed to the store.
struct Begun {
    number: u64,
    notes: Vec<(usize, Note)>,
    repeated: u64,
    done: Option<model::record::RecordsDone>,
}

fn open_desk(store: &Store, dir: &Path, limits: BookLimits) -> Result<Desk, String> {
    let disk: Arc<dyn Disk> = Arc::new(env::RealDisk);
    let (mut desk, opened) =
        Desk::open(disk, dir.to_owned(), limits).map_err(|e| format!("cannot open the issues: {e}"))?;
    for damage in &opened.damages {
        tracing::error!(%damage, "damaged state of issues was set aside");
    }
    if opened.unreadable > 0 {
        tracing::error!(records = opened.unreadable, "state of issues cannot be read");
    }
    for tenant in store.tenants() {
        let scan = Scan {
            start_ns: opened.floor_ms.saturating_mul(1_000_000),
            wanted: Wanted {
                body: true,
                severity: true,
                ids: true,
                attributes: Attributes::Named(&NOTE_COLUMNS),
            },
            ..Scan::all(&tenant)
        };
        let mut row_attributes = AttributesBuf::new();
        let scanned = store.scan(&scan, &Unlimited, &mut |block| {
            for row in 0..block.len() {
                row_attributes.clear();
                for (place, name) in NOTE_COLUMNS.iter().enumerate() {
                    if let Some(value) = block.attribute(place, row) {
                        row_attributes.push(name, value);
                    }
                }
                let record = Record {
                    observed_ns: block.observed_ns(row),
                    severity: block.severity(row),
                    body: Value::String(block.body(row)),
                    attributes: row_attributes.as_attributes(),
                    ..Record::line(block.times_ns[row], "")
                };
                if let Some((batch, note)) = note_of(tenant.as_str(), block.labels, &record) {
                    desk.found(batch, note);
                }
            }
            ControlFlow::Continue(())
        });
        scanned.map_err(|e| format!("cannot count stored errors: {e}"))?;
    }
    desk.recovered();
    Ok(desk)
}
