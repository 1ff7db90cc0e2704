//! The state that all operations share, and the order in which records pass through it.

use crate::checkpoint::Checkpoint;
use crate::error::{Damage, RecordsError};
use crate::head::{Head, HeadView};
use crate::options::{Options, day_of};
use crate::partset::{LivePart, PartSet};
use crate::tombstones::{Tombstone, Tombstones};
use blocks::{Blocks, LocalBlocks};
use env::{Clock, Disk, DiskLock};
use hashbrown::HashMap;
use journal::{Journal, JournalError, JournalOptions, LocalJournal, Offset, Partition};
use model::Matcher;
use model::record::{Delivery, RecordBatch, SenderId, Tenant, TextFilter};
use parking_lot::{Condvar, Mutex, RwLock};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// All records are in one partition of the journal.
pub(crate) const PARTITION: Partition = Partition(0);
/// A head that is small is flushed all the same once the journal behind it has grown to this.
const JOURNAL_BYTES_MAX: u64 = 256 << 20;

/// What queries see. A record is in exactly one of head and parts: a flush publishes its parts and drops its head in
/// one step, a merge its result and its sources.
pub(crate) struct State {
    pub active: RwLock<Head>,
    /// Full heads, oldest first, until they are parts.
    pub frozen: Vec<Arc<Head>>,
    pub parts: Arc<PartSet>,
    pub tombstones: Arc<Tombstones>,
}

/// One moment of the state.
pub(crate) struct View {
    pub heads: Vec<HeadView>,
    pub parts: Arc<PartSet>,
    pub tombstones: Arc<Tombstones>,
}

/// Counts since the start, for the status.
#[derive(Default)]
pub(crate) struct Counters {
    pub records: AtomicU64,
    pub refused: AtomicU64,
    pub batches: AtomicU64,
    pub refused_busy: AtomicU64,
    pub flushes: AtomicU64,
    pub merges: AtomicU64,
    pub merged_records: AtomicU64,
    pub replayed: AtomicU64,
    pub expired: AtomicU64,
}

pub(crate) struct Engine {
    pub options: Options,
    pub clock: Arc<dyn Clock>,
    pub disk: Arc<dyn Disk>,
    pub blocks: Arc<dyn Blocks>,
    pub journal: LocalJournal,
    pub state: RwLock<State>,
    pub last_flush: AtomicU64,
    pub queued_bytes: AtomicU64,
    pub counters: Counters,
    pub damages: Mutex<Vec<Damage>>,
    pub wake: Wake,
    /// Names of parts that could not be finished, or not be removed. The disk may have one all the same, and the next
    /// start would take it for a live part, so they are removed before anything else is done to parts.
    pub doubtful: Mutex<Vec<String>>,
    /// Held while heads become parts.
    pub flushing: Mutex<()>,
    /// Held while parts are merged or dropped. Taken before `flushing`.
    pub merging: Mutex<()>,
    /// The data directory is ours for as long as this is held.
    _lock: Box<dyn DiskLock>,
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

impl Engine {
    pub fn open(
        options: Options,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<Engine, RecordsError> {
        let dir = options.data_dir.clone();
        let shown = dir.display().to_string();
        disk.create_dir_all(&dir).map_err(|e| RecordsError::io("create", &shown, e))?;
        let lock = disk.lock(&dir.join("lock")).map_err(|e| {
            RecordsError::DataDir(format!("{shown} cannot be locked ({e}): stop the process that uses it, or choose another directory with --data"))
        })?;
        let blocks = LocalBlocks::open(disk.clone(), dir.join("blocks"));
        let blocks: Arc<dyn Blocks> = Arc::new(blocks.map_err(|e| RecordsError::io("open", &shown, e))?);
        let (checkpoint, mut damages) = Checkpoint::load(&*blocks)?;
        let opened = PartSet::open(&*blocks)?;
        damages.extend(opened.damages);
        let (journal, damaged) =
            LocalJournal::open(disk.clone(), dir.join("journal"), JournalOptions::default())
                .map_err(from_journal)?;
        // A torn tail is what any crash leaves behind; nothing acknowledged was in it.
        damages.extend(damaged.iter().filter(|d| !d.is_torn_tail()).map(|d| from_journal_damage(&dir, d)));

        let checkpoint = checkpoint.unwrap_or_default();
        let from = checkpoint.replay_from;
        // If the journal was lost or left behind, new records must not count as being in parts already.
        let covered = opened.set.iter().map(|p| p.part.directory.end_offset).max().unwrap_or(0);
        journal.advance(PARTITION, from.max(Offset(covered))).map_err(from_journal)?;
        let last_flush = checkpoint.last_flush.max(opened.set.last_flush());
        let state = State {
            active: RwLock::new(Head::new(from, checkpoint.senders)),
            frozen: Vec::new(),
            parts: Arc::new(opened.set),
            tombstones: Arc::new(checkpoint.tombstones),
        };
        let engine = Engine {
            options,
            clock,
            disk,
            blocks,
            journal,
            state: RwLock::new(state),
            last_flush: AtomicU64::new(last_flush),
            queued_bytes: AtomicU64::new(0),
            counters: Counters::default(),
            damages: Mutex::new(Vec::new()),
            wake: Wake::default(),
            doubtful: Mutex::new(Vec::new()),
            flushing: Mutex::new(()),
            merging: Mutex::new(()),
            _lock: lock,
        };
        damages.into_iter().for_each(|d| engine.report(d));
        engine.replay(from)?;
        Ok(engine)
    }

    /// Takes in the records that are in no part yet. Flushes on the way if they are many, so that memory stays within
    /// the same bound as before the restart.
    fn replay(&self, from: Offset) -> Result<(), RecordsError> {
        // A crash may have come between the parts of one flush: those that are there say what they hold.
        let mut covered: HashMap<(Tenant, i64), u64> = HashMap::new();
        for p in self.state.read().parts.iter() {
            let end = covered.entry((p.id.tenant.clone(), p.id.day)).or_default();
            *end = (*end).max(p.part.directory.end_offset);
        }
        for item in self.journal.read(PARTITION, from).map_err(from_journal)? {
            let (offset, record) = match item {
                Ok(found) => found,
                Err(JournalError::Damaged(d)) => {
                    self.report(from_journal_damage(&self.options.data_dir, &d));
                    continue;
                }
                Err(e) => return Err(from_journal(e)),
            };
            match crate::batch::decode(&record) {
                Ok(batch) => {
                    self.counters.replayed.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    let keep = |row: usize| {
                        let key = (batch.tenant().clone(), day_of(batch.get(row).record.time_ns));
                        covered.is_empty() || covered.get(&key).is_none_or(|end| *end <= offset.0)
                    };
                    self.apply(&batch, keep, offset);
                }
                Err(m) => self.report(Damage {
                    file: "journal".into(),
                    offset: offset.0,
                    what: format!("{} of record {} does not decode", m.what, offset.0),
                }),
            }
            if self.flush_is_due() {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Makes a durable batch visible. Called in order of offset.
    pub fn apply(&self, batch: &RecordBatch, keep: impl Fn(usize) -> bool, offset: Offset) {
        let state = self.state.read();
        state.active.write().apply(batch, keep, offset);
    }

    /// What there is to see.
    pub fn view(&self) -> View {
        let state = self.state.read();
        let mut heads: Vec<HeadView> = state.frozen.iter().map(|h| h.view()).collect();
        heads.push(state.active.read().view());
        View { heads, parts: state.parts.clone(), tombstones: state.tombstones.clone() }
    }

    /// The last delivery of a sender.
    pub fn last_delivery(&self, sender: &SenderId) -> Option<Delivery> {
        self.state.read().active.read().senders().last(sender)
    }

    /// Whether a delivery, or a later one of its sender, is kept. One that is under way is not, and finds out when it is
    /// applied.
    pub fn has_delivery(&self, delivery: &Delivery) -> bool {
        self.state.read().active.read().senders().has(delivery)
    }

    /// Memory of records that are in no part yet.
    pub fn head_bytes(&self) -> usize {
        let state = self.state.read();
        state.frozen.iter().map(|h| h.bytes()).sum::<usize>() + state.active.read().bytes()
    }

    /// Whether the active head should become a part.
    pub fn flush_is_due(&self) -> bool {
        let state = self.state.read();
        let head = state.active.read();
        !state.frozen.is_empty()
            || head.bytes() > self.options.head_bytes_max
            || (head.end() > head.begin() && self.journal.stats(PARTITION).bytes > JOURNAL_BYTES_MAX)
    }

    /// Records what a restart need not replay.
    pub fn checkpoint(&self) -> Result<(), RecordsError> {
        self.remove_doubtful()?;
        let (replay_from, senders, tombstones) = {
            let state = self.state.read();
            let active = state.active.read();
            let (from, senders) = match state.frozen.first() {
                Some(oldest) => (oldest.begin(), oldest.senders_before()),
                None if active.rows() == 0 => (active.end(), active.senders()),
                None => (active.begin(), active.senders_before()),
            };
            (from, senders.clone(), Tombstones::clone(&state.tombstones))
        };
        let last_flush = self.last_flush.load(Ordering::Acquire);
        Checkpoint { replay_from, last_flush, tombstones, senders }.store(&*self.blocks)?;
        self.journal.truncate_before(PARTITION, replay_from).map_err(from_journal)
    }

    pub fn remove_doubtful(&self) -> Result<(), RecordsError> {
        let mut names = self.doubtful.lock();
        while let Some(name) = names.last() {
            match self.blocks.delete(name) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(RecordsError::io("delete", name, e)),
                _ => names.pop(),
            };
        }
        Ok(())
    }

    pub fn delete_part(&self, p: &LivePart) {
        if let Err(e) = self.blocks.delete(p.part.name()) {
            tracing::warn!(part = p.part.name(), error = %e, "a superseded part could not be removed yet");
            self.doubtful.lock().push(p.part.name().to_owned());
        }
    }

    /// Remembers damage, once.
    pub fn report(&self, d: Damage) {
        let mut all = self.damages.lock();
        if !all.contains(&d) {
            tracing::error!(file = d.file, offset = d.offset, what = d.what, "damaged data is left out");
            all.push(d);
        }
    }

    /// Deletes what was accepted before and matches.
    pub fn delete(
        &self,
        tenant: &Tenant,
        matchers: &[Matcher],
        filters: &[TextFilter],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<(), RecordsError> {
        self.flush()?;
        let _one = self.flushing.lock();
        {
            let mut state = self.state.write();
            let mut list = state.tombstones.0.clone();
            list.push(Tombstone {
                tenant: tenant.clone(),
                number: self.last_flush.fetch_add(1, Ordering::AcqRel) + 1,
                start_ns,
                end_ns,
                matchers: matchers.to_vec(),
                filters: filters.to_vec(),
                asked_ms: self.clock.now_ms(),
            });
            state.tombstones = Arc::new(Tombstones(list));
        }
        self.checkpoint()?;
        self.wake.merge.raise();
        Ok(())
    }

    /// Puts a consistent copy of everything acknowledged so far under `dir`, sharing bytes where it can.
    pub fn snapshot(&self, dir: &Path) -> Result<(), RecordsError> {
        let _no_merges = self.merging.lock();
        self.flush()?;
        let _no_flushes = self.flushing.lock();
        let to = dir.join("blocks");
        let shown = dir.display().to_string();
        self.disk.create_dir_all(&to).map_err(|e| RecordsError::io("create", &shown, e))?;
        for b in self.blocks.list("").map_err(|e| RecordsError::io("list", "blocks", e))? {
            self.blocks.copy_to(&b.name, &to).map_err(|e| RecordsError::io("copy", &b.name, e))?;
        }
        self.disk.sync_dir(dir).map_err(|e| RecordsError::io("sync", &shown, e))
    }

    /// Runs until the store is closed: makes parts of full heads.
    pub fn flush_loop(&self) {
        while !self.wake.closed.load(Ordering::Acquire) {
            self.wake.flush.wait(1_000);
            if self.flush_is_due()
                && let Err(e) = self.flush()
            {
                tracing::error!(error = %e, "recent records stay in memory and in the journal: they could not be written as a part");
            }
        }
    }

    /// Runs until the store is closed: merges, and drops what is past retention.
    pub fn merge_loop(&self) {
        while !self.wake.closed.load(Ordering::Acquire) {
            self.wake.merge.wait(10_000);
            loop {
                match self.merge_once() {
                    Ok(true) if !self.wake.closed.load(Ordering::Acquire) => {}
                    Ok(_) => break,
                    Err(e) => {
                        tracing::error!(error = %e, "parts could not be merged; they are served as they are");
                        break;
                    }
                }
            }
        }
    }
}

/// The journal's damage with the file relative to the data directory.
pub(crate) fn from_journal_damage(data_dir: &Path, d: &journal::Damage) -> Damage {
    let file = d.file.strip_prefix(data_dir).unwrap_or(&d.file).display().to_string();
    Damage { file, offset: d.position, what: d.to_string() }
}

pub(crate) fn from_journal(e: JournalError) -> RecordsError {
    RecordsError::Journal(e.to_string())
}
