//! The state that all operations share, and how a record becomes visible.

use crate::batch::Batch;
use crate::error::Damage;
use crate::head::Head;
use crate::options::Options;
use crate::part::PageCache;
use crate::partset::PartSet;
use crate::tombstones::Tombstones;
use crate::watch::Watched;
use crate::writes::Writes;
use blocks::Blocks;
use env::Clock;
use index::{Index, SeriesId};
use journal::Offset;
use model::{Exemplar, Labels, Metadata};
use parking_lot::{Condvar, Mutex, RwLock};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

/// Heads from old to new. A reader takes the heads first and the parts second; a flush publishes the parts first
/// and drops the head second: no sample is ever missed, and one that is met twice is the same sample.
pub(crate) struct Heads {
    pub active: Arc<RwLock<Head>>,
    pub frozen: Vec<Arc<RwLock<Head>>>,
}

/// Series that exist but that no durable record or index segment names yet. Every batch carries the definitions
/// of those it uses; they leave when such a batch is durable.
#[derive(Default)]
pub(crate) struct Undurable {
    pub labels: Mutex<HashMap<SeriesId, Labels>>,
    pub count: AtomicUsize,
}

/// Counts since the start, for the status.
#[derive(Default)]
pub(crate) struct Counters {
    pub samples: AtomicU64,
    pub batches: AtomicU64,
    pub refused_busy: AtomicU64,
    pub flushes: AtomicU64,
    pub merges: AtomicU64,
    pub merged_samples: AtomicU64,
    pub replayed_samples: AtomicU64,
}

/// What is visible: series, heads, parts. Knows nothing of the journal, whose thread calls [`Store::apply`].
pub(crate) struct Store {
    pub options: Options,
    pub clock: Arc<dyn Clock>,
    pub blocks: Arc<dyn Blocks>,
    pub index: Index,
    pub heads: RwLock<Heads>,
    pub parts: RwLock<Arc<PartSet>>,
    pub pages: Arc<PageCache>,
    pub tombstones: RwLock<Arc<Tombstones>>,
    pub writes: Writes,
    pub watched: Arc<Watched>,
    pub undurable: Undurable,
    pub exemplars: Mutex<Exemplars>,
    pub metadata: RwLock<BTreeMap<String, Metadata>>,
    pub last_flush: AtomicU64,
    pub queued_bytes: AtomicU64,
    pub counters: Counters,
    pub damages: Mutex<Vec<Damage>>,
    pub wake: Wake,
}

/// The newest exemplars, oldest first.
#[derive(Default)]
pub(crate) struct Exemplars {
    pub ring: VecDeque<(SeriesId, Exemplar)>,
    pub changed: bool,
}

/// How the store's own threads are woken and stopped.
#[derive(Default)]
pub(crate) struct Wake {
    pub flush: Signal,
    pub merge: Signal,
    pub closed: AtomicBool,
}

/// A flag that one thread waits for.
#[derive(Default)]
pub(crate) struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    pub fn raise(&self) {
        *self.raised.lock() = true;
        self.changed.notify_all();
    }

    /// Waits until raised or `for_ms` have passed, and lowers it.
    pub fn wait(&self, for_ms: u64) {
        let mut raised = self.raised.lock();
        if !*raised {
            self.changed.wait_for(&mut raised, std::time::Duration::from_millis(for_ms));
        }
        *raised = false;
    }
}

impl Store {
    /// Makes a durable record visible. Called in order of offset.
    pub fn apply(&self, batch: &Batch, offset: Offset) {
        if !batch.exemplars.is_empty() {
            self.keep_exemplars(&batch.exemplars);
        }
        if !batch.metadata.is_empty() {
            let mut all = self.metadata.write();
            for (family, m) in &batch.metadata {
                if all.len() < self.options.metadata_max || all.contains_key(family) {
                    all.insert(family.clone(), m.clone());
                }
            }
        }
        self.heads.read().active.write().apply(batch, offset);
        let floats = batch.samples.iter().map(|s| s.time_ms);
        self.writes.touch(floats.chain(batch.histograms.iter().map(|h| h.time_ms)));
        let written = batch.samples.iter().map(|s| s.id);
        self.watched.note(written.chain(batch.histograms.iter().map(|h| h.id)));
    }

    fn keep_exemplars(&self, new: &[(SeriesId, Exemplar)]) {
        let mut e = self.exemplars.lock();
        for x in new {
            if e.ring.len() >= self.options.exemplars_max {
                e.ring.pop_front();
            }
            e.ring.push_back(x.clone());
        }
        e.changed = true;
    }

    /// Memory of samples that are in no part yet.
    pub fn head_bytes(&self) -> usize {
        let heads = self.heads.read();
        let frozen: usize = heads.frozen.iter().map(|h| h.read().bytes()).sum();
        frozen + heads.active.read().bytes()
    }

    /// Remembers damage, once.
    pub fn report(&self, d: Damage) {
        let mut all = self.damages.lock();
        if !all.contains(&d) {
            tracing::error!(file = d.file, offset = d.offset, what = d.what, "damaged data is left out");
            all.push(d);
        }
    }
}
