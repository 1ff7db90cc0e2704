//! Results of range queries, kept by step: what was not written to since need not be evaluated again.
//!
//! An entry holds the values of one query at the steps it was last asked for, and the version of the store they were
//! read at. When the query comes again, the store says which instants were written to after that version. A step
//! none of whose samples lie there is taken over; all others, and those that are new, are evaluated, and the entry is
//! replaced by what the answer was made of. So late data, backfill and deletions are seen at once, and an answer
//! is always the one an evaluation would give.
//!
//! Kept are only results whose steps do not depend on each other ([`promql::dependence`]) and that came without
//! remarks, which cannot be told apart by step.

mod extent;
mod reuse;
#[cfg(test)]
mod tests;

pub use reuse::range;

use crate::telemetry::Family;
use extent::{Extent, Steps};
use model::MetricKind;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tsdb::Version;

/// What makes two queries share an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The query as the printer writes it.
    query: String,
    step_ms: i64,
    /// Where the steps lie between multiples of the step.
    phase_ms: i64,
    lookback_ms: i64,
    experimental: bool,
    /// The number of steps as a power of two: a dashboard over an hour and one over a day each have their own.
    class: u32,
}

/// Queries longer than this are not kept.
const QUERY_BYTES_MAX: usize = 16 << 10;
/// An entry may take this part of the budget.
const ENTRY_PART: usize = 8;
/// Queries asked for once are remembered by this many hashes before the oldest are forgotten.
const SEEN_MAX: usize = 4096;
/// Memory of an entry besides its values: key, tables, hashes.
const ENTRY_BYTES: usize = 512;

/// A query's values as of one version of the store.
#[derive(Debug)]
struct Entry {
    extent: Extent,
    version: Version,
    /// What lay before was past retention when the values were read.
    oldest_ms: i64,
}

/// Results of range queries within a budget of memory; the least recently used go first.
#[derive(Debug)]
pub struct ResultCache {
    bytes_max: usize,
    state: Mutex<State>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Kept>,
    /// Keys in the order of their last use.
    uses: BTreeMap<u64, Key>,
    next_use: u64,
    bytes: usize,
    /// Hashes of keys that were asked for: those of now, and those before. What is asked for once is not kept, so
    /// that queries that never come again (their steps lie elsewhere each time) push nothing out.
    seen: [HashSet<u64>; 2],
}

#[derive(Debug)]
struct Kept {
    entry: Arc<Entry>,
    bytes: usize,
    used: u64,
}

/// What the cache did since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Steps of range queries that were evaluated.
    pub steps_evaluated: AtomicU64,
    /// Steps taken over.
    pub steps_reused: AtomicU64,
    /// Entries that went because others needed their memory.
    pub evicted: AtomicU64,
}

impl ResultCache {
    /// A cache that holds at most so many bytes; 0 keeps nothing.
    pub fn new(bytes_max: u64) -> ResultCache {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        ResultCache { bytes_max, state: Mutex::default(), counts: Counts::default() }
    }

    /// Memory held.
    pub fn bytes(&self) -> u64 {
        self.state.lock().bytes as u64
    }

    /// Memory there is.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max as u64
    }

    /// Queries held.
    pub fn entries(&self) -> u64 {
        self.state.lock().entries.len() as u64
    }

    /// What was done since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Its metrics.
    pub fn families(&self) -> Vec<Family> {
        let count = |c: &AtomicU64| c.load(Ordering::Relaxed);
        let c = &self.counts;
        let all = [
            ("watchfire_result_cache_bytes", "Memory of kept results.", MetricKind::Gauge, self.bytes()),
            (
                "watchfire_result_cache_entries",
                "Queries whose results are kept.",
                MetricKind::Gauge,
                self.entries(),
            ),
            (
                "watchfire_result_cache_evicted_total",
                "Kept results that went for others.",
                MetricKind::Counter,
                count(&c.evicted),
            ),
            (
                "watchfire_query_steps_evaluated_total",
                "Steps of range queries that were evaluated.",
                MetricKind::Counter,
                count(&c.steps_evaluated),
            ),
            (
                "watchfire_query_steps_reused_total",
                "Steps of range queries that were taken from kept results.",
                MetricKind::Counter,
                count(&c.steps_reused),
            ),
        ];
        all.into_iter().map(|(name, help, kind, v)| Family::single(name, help, kind, v as f64)).collect()
    }

    fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        let mut state = self.state.lock();
        let use_now = state.next_use;
        state.next_use += 1;
        let kept = state.entries.get_mut(key)?;
        let before = std::mem::replace(&mut kept.used, use_now);
        let entry = Arc::clone(&kept.entry);
        if let Some(key) = state.uses.remove(&before) {
            state.uses.insert(use_now, key);
        }
        Some(entry)
    }

    /// Whether a result for this key is worth keeping: it was asked for before.
    fn wants(&self, key: &Key) -> bool {
        if self.bytes_max == 0 {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let hash = hasher.finish();
        let mut state = self.state.lock();
        let [now, before] = &mut state.seen;
        let known = now.contains(&hash) || before.contains(&hash);
        if now.len() >= SEEN_MAX {
            *before = std::mem::take(now);
        }
        now.insert(hash);
        known
    }

    fn put(&self, key: &Key, entry: Entry) {
        let bytes = entry.extent.bytes() + 2 * key.query.len() + ENTRY_BYTES;
        let mut state = self.state.lock();
        state.remove(key);
        if bytes > self.bytes_max / ENTRY_PART {
            return;
        }
        while state.bytes + bytes > self.bytes_max {
            let Some((_, oldest)) = state.uses.pop_first() else { break };
            state.remove(&oldest);
            self.counts.evicted.fetch_add(1, Ordering::Relaxed);
        }
        let used = state.next_use;
        state.next_use += 1;
        state.bytes += bytes;
        state.uses.insert(used, key.clone());
        state.entries.insert(key.clone(), Kept { entry: Arc::new(entry), bytes, used });
    }

    fn remove(&self, key: &Key) {
        self.state.lock().remove(key);
    }
}

impl State {
    fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.entries.remove(key) {
            self.bytes -= gone.bytes;
            self.uses.remove(&gone.used);
        }
    }
}
