//! The life of samples: journal, head, parts, merged parts, gone.

use crate::appender::BYTES_PER_SERIES_MIN;
use crate::batch::Batch;
use crate::checkpoint::{self, Checkpoint};
use crate::error::{Damage, TsdbError};
use crate::head::Head;
use crate::merge::Joiner;
use crate::options::{DAY_MS, Options, day_of};
use crate::part::{PageCache, Part, PartWriter, Scratch, Wanted};
use crate::partset::{LivePart, PartId, PartSet};
use crate::store::{Counters, Exemplars, Heads, Store, Undurable, Wake};
use crate::tombstones::{Tombstone, Tombstones};
use crate::writes::Writes;
use blocks::{Blocks, LocalBlocks};
use env::{Clock, Disk, DiskLock};
use index::{Index, IndexOptions, SeriesId};
use journal::{Journal, JournalError, JournalOptions, LocalJournal, Offset, Partition};
use model::{Matcher, Samples, TimeRange};
use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// All records are in one partition of the journal.
pub(crate) const PARTITION: Partition = Partition(0);
/// Compression of parts as they are flushed, and when they are merged: the first are short-lived.
const FLUSH_ZSTD_LEVEL: i32 = 1;
const MERGE_ZSTD_LEVEL: i32 = 3;
/// A head that is small is flushed all the same once the journal behind it has grown to this.
const JOURNAL_BYTES_MAX: u64 = 256 << 20;
/// Series not written to for one to two of these leave the index' table of active series.
const INDEX_ROTATION: Duration = Duration::from_secs(3600);

pub(crate) struct Engine {
    pub store: Arc<Store>,
    pub journal: LocalJournal,
    pub disk: Arc<dyn Disk>,
    /// Names of parts that could not be finished, or not be removed. The disk may have one all the same, and the
    /// next start would take it for a live part, so they are removed before anything else is done to parts.
    doubtful: Mutex<Vec<String>>,
    /// Held while heads become parts.
    flushing: Mutex<()>,
    /// Held while parts are merged or dropped.
    merging: Mutex<()>,
    /// The data directory is ours for as long as this is held.
    _lock: Box<dyn DiskLock>,
}

impl Engine {
    pub fn open(options: Options, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<Engine, TsdbError> {
        let dir = options.data_dir.clone();
        let shown = dir.display().to_string();
        disk.create_dir_all(&dir).map_err(|e| TsdbError::io("create", &shown, e))?;
        let lock = disk.lock(&dir.join("lock")).map_err(|e| {
            TsdbError::DataDir(format!("{shown} cannot be locked ({e}): stop the process that uses it, or choose another directory with --data"))
        })?;
        let blocks = LocalBlocks::open(disk.clone(), dir.join("blocks"));
        let blocks: Arc<dyn Blocks> = Arc::new(blocks.map_err(|e| TsdbError::io("open", &shown, e))?);

        let mut damages = Vec::new();
        let (checkpoint, damaged) = Checkpoint::load(&*blocks)?;
        damages.extend(damaged);
        let (exemplars, damaged) = checkpoint::load_exemplars(&*blocks)?;
        damages.extend(damaged);
        let index_options = IndexOptions {
            series_max: options.series_max,
            series_per_metric_max: options.series_per_metric_max,
            key_bytes_max: options.series_key_bytes_max,
            ..IndexOptions::default()
        };
        let (index, damaged) = Index::open(blocks.clone(), index_options).map_err(from_index)?;
        damages.extend(damaged.into_iter().map(from_index_damage));
        let opened = PartSet::open(&*blocks)?;
        damages.extend(opened.damages);
        let journal_dir = dir.join("journal");
        let (journal, damaged) =
            LocalJournal::open(disk.clone(), journal_dir, JournalOptions::default()).map_err(from_journal)?;
        // A torn tail is what any crash leaves behind; nothing acknowledged was in it.
        damages.extend(damaged.iter().filter(|d| !d.is_torn_tail()).map(|d| from_journal_damage(&dir, d)));

        let mut checkpoint = checkpoint.unwrap_or_else(|| Checkpoint::first(&opened.set));
        checkpoint.last_flush = checkpoint.last_flush.max(opened.set.last_flush());
        // If the journal was lost or left behind, new records must not count as being in parts already.
        journal.advance(PARTITION, checkpoint.replay_from).map_err(from_journal)?;
        let active = Arc::new(RwLock::new(Head::new(checkpoint.replay_from)));
        let pages = Arc::new(PageCache::new(options.page_cache_bytes));
        let store = Store {
            options,
            clock,
            blocks,
            index,
            heads: RwLock::new(Heads { active, frozen: Vec::new() }),
            parts: RwLock::new(Arc::new(opened.set)),
            pages,
            tombstones: RwLock::new(Arc::new(checkpoint.tombstones)),
            writes: Writes::new(),
            watched: Arc::default(),
            undurable: Undurable::default(),
            exemplars: Mutex::new(Exemplars { ring: exemplars.into(), changed: false }),
            metadata: RwLock::new(checkpoint.metadata.into_iter().collect()),
            last_flush: AtomicU64::new(checkpoint.last_flush),
            queued_bytes: AtomicU64::new(0),
            counters: Counters::default(),
            damages: Mutex::new(Vec::new()),
            wake: Wake::default(),
        };
        let engine = Engine {
            store: Arc::new(store),
            journal,
            disk,
            doubtful: Mutex::new(Vec::new()),
            flushing: Mutex::new(()),
            merging: Mutex::new(()),
            _lock: lock,
        };
        for d in damages {
            engine.store.report(d);
        }
        engine.replay(checkpoint.replay_from)?;
        Ok(engine)
    }

    /// Takes in the records that are in no part yet. Flushes on the way if they are many, so that memory stays
    /// within the same bound as before the restart.
    fn replay(&self, from: Offset) -> Result<(), TsdbError> {
        let store = &self.store;
        for item in self.journal.read(PARTITION, from).map_err(from_journal)? {
            let (offset, record) = match item {
                Ok(found) => found,
                Err(JournalError::Damaged(d)) => {
                    store.report(from_journal_damage(&store.options.data_dir, &d));
                    continue;
                }
                Err(e) => return Err(from_journal(e)),
            };
            match Batch::decode(&record) {
                Ok(batch) => {
                    for (id, labels) in &batch.definitions {
                        store.index.restore(*id, labels);
                    }
                    let n = (batch.samples.len() + batch.histograms.len()) as u64;
                    store.counters.replayed_samples.fetch_add(n, Ordering::Relaxed);
                    store.apply(&batch, offset);
                }
                Err(m) => store.report(Damage {
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

    /// Whether the active head should become a part.
    pub fn flush_is_due(&self) -> bool {
        let heads = self.store.heads.read();
        let head = heads.active.read();
        let bound = self.store.options.head_bytes_max.max(head.series_count() * BYTES_PER_SERIES_MIN);
        !heads.frozen.is_empty()
            || head.bytes() > bound
            || (head.samples() > 0 && self.journal.stats(PARTITION).bytes > JOURNAL_BYTES_MAX)
    }

    /// Makes parts of all that is in memory, and shortens the journal.
    pub fn flush(&self) -> Result<(), TsdbError> {
        let _one = self.flushing.lock();
        let store = &self.store;
        {
            let mut heads = store.heads.write();
            let (samples, end) = {
                let active = heads.active.read();
                (active.samples(), active.end())
            };
            if samples > 0 {
                let fresh = Arc::new(RwLock::new(Head::new(end)));
                let full = std::mem::replace(&mut heads.active, fresh);
                heads.frozen.push(full);
            }
        }
        loop {
            let Some(oldest) = store.heads.read().frozen.first().cloned() else { break };
            self.flush_head(&oldest)?;
            store.heads.write().frozen.remove(0);
            store.counters.flushes.fetch_add(1, Ordering::Relaxed);
        }
        self.checkpoint()?;
        store.wake.merge.raise();
        Ok(())
    }

    /// Records what a restart need not replay.
    fn checkpoint(&self) -> Result<(), TsdbError> {
        self.remove_doubtful()?;
        let store = &self.store;
        let replay_from = {
            let heads = store.heads.read();
            let oldest = heads.frozen.first().unwrap_or(&heads.active).read();
            if oldest.samples() == 0 { oldest.end() } else { oldest.begin() }
        };
        // What replay would have restored must be durable elsewhere: series (also those with exemplars only),
        // exemplars and metadata.
        store.index.persist().map_err(from_index)?;
        {
            let mut e = store.exemplars.lock();
            if e.changed {
                checkpoint::store_exemplars(&*store.blocks, e.ring.iter())?;
                e.changed = false;
            }
        }
        let metadata = store.metadata.read().iter().map(|(f, m)| (f.clone(), m.clone())).collect();
        let tombstones = Tombstones::clone(&store.tombstones.read());
        let last_flush = store.last_flush.load(Ordering::Acquire);
        Checkpoint { replay_from, last_flush, tombstones, metadata }.store(&*store.blocks)?;
        self.journal.truncate_before(PARTITION, replay_from).map_err(from_journal)
    }

    /// Writes a frozen head as one part per day and publishes them.
    fn flush_head(&self, head: &RwLock<Head>) -> Result<(), TsdbError> {
        let store = &self.store;
        // Parts name series by id, so what the ids mean must be durable first.
        store.index.persist().map_err(from_index)?;
        let head = head.read();
        let number = store.last_flush.fetch_add(1, Ordering::AcqRel) + 1;
        let range = head.range();
        let mut added = Vec::new();
        let days = if head.samples() == 0 { BTreeSet::new() } else { head.days() };
        for day in days {
            let id = PartId { day, first: number, last: number, generation: 0 };
            let of_day = TimeRange::new(day * DAY_MS, day * DAY_MS + (DAY_MS - 1));
            match self.write_part(id, &head.series(), FLUSH_ZSTD_LEVEL, |series, out| {
                head.read(series, of_day, out);
                Ok(())
            }) {
                Ok(part) => added.extend(part),
                Err(e) => {
                    let names = added.iter().map(|p: &Arc<LivePart>| p.id.name());
                    self.doubtful.lock().extend(names);
                    return Err(e);
                }
            }
        }
        debug_assert!(!added.is_empty() || range.start_ms > range.end_ms);
        let mut parts = store.parts.write();
        *parts = Arc::new(parts.changed(&[], added));
        Ok(())
    }

    /// Writes the samples that `read` yields for each series as a part, and opens it.
    fn write_part(
        &self,
        id: PartId,
        series: &RoaringBitmap,
        zstd_level: i32,
        read: impl FnMut(SeriesId, &mut Samples) -> Result<(), TsdbError>,
    ) -> Result<Option<Arc<LivePart>>, TsdbError> {
        self.remove_doubtful()?;
        let written = self.try_write_part(id, series, zstd_level, read);
        if written.is_err() {
            self.doubtful.lock().push(id.name());
        }
        written
    }

    fn remove_doubtful(&self) -> Result<(), TsdbError> {
        let mut names = self.doubtful.lock();
        while let Some(name) = names.last() {
            match self.store.blocks.delete(name) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(TsdbError::io("delete", name, e)),
                _ => names.pop(),
            };
        }
        Ok(())
    }

    fn try_write_part(
        &self,
        id: PartId,
        series: &RoaringBitmap,
        zstd_level: i32,
        mut read: impl FnMut(SeriesId, &mut Samples) -> Result<(), TsdbError>,
    ) -> Result<Option<Arc<LivePart>>, TsdbError> {
        let name = id.name();
        let blocks = &self.store.blocks;
        let file = blocks.create(&name).map_err(|e| TsdbError::io("create", &name, e))?;
        let mut writer = PartWriter::new(&name, file, zstd_level)?;
        let mut samples = Samples::default();
        for s in series {
            samples.clear();
            read(SeriesId(s), &mut samples)?;
            writer.series(SeriesId(s), &samples)?;
        }
        if writer.finish()?.is_none() {
            return Ok(None);
        }
        let bytes = blocks.open(&name).map_err(|e| TsdbError::io("open", &name, e))?;
        Ok(Some(Arc::new(LivePart { id, part: Part::open(&name, bytes)? })))
    }

    fn delete_part(&self, p: &LivePart) {
        if let Err(e) = self.store.blocks.delete(p.part.name()) {
            tracing::warn!(part = p.part.name(), error = %e, "a superseded part could not be removed yet");
            self.doubtful.lock().push(p.part.name().to_owned());
        }
    }

    /// Does one piece of background work, if there is any: drops what is past retention, merges, carries out
    /// deletions. Says whether it did.
    pub fn merge_once(&self) -> Result<bool, TsdbError> {
        let _one = self.merging.lock();
        let store = &self.store;
        if self.drop_expired()? {
            return Ok(true);
        }
        let next = store.parts.read().next_merge();
        match next {
            Some(sources) => self.merge(&sources).map(|()| true),
            None => {
                Ok(self.carry_out_deletions()? || store.index.merge(false).map_err(from_index)?.is_some())
            }
        }
    }

    /// Merges each day into one part, and carries out deletions.
    pub fn compact(&self) -> Result<(), TsdbError> {
        self.flush()?;
        let _one = self.merging.lock();
        self.drop_expired()?;
        loop {
            let next = self.store.parts.read().next_full_merge();
            match next {
                Some(sources) => self.merge(&sources)?,
                None => break,
            }
        }
        self.carry_out_deletions()?;
        self.forget_series()?;
        self.store.index.merge(true).map_err(from_index)?;
        Ok(())
    }

    /// Rewrites the parts that hold deleted samples, and forgets the deletions. Says whether there were any.
    fn carry_out_deletions(&self) -> Result<bool, TsdbError> {
        let known = self.store.tombstones.read().clone();
        if known.0.is_empty() {
            return Ok(false);
        }
        let set = self.store.parts.read().clone();
        for p in set.iter().filter(|p| known.concern(p.part.series(), p.id.last, p.part.range())) {
            self.merge(std::slice::from_ref(p))?;
        }
        {
            let mut all = self.store.tombstones.write();
            let left = all.0.iter().filter(|t| !known.0.contains(t)).cloned().collect();
            *all = Arc::new(Tombstones(left));
        }
        let _one = self.flushing.lock();
        self.checkpoint()?;
        Ok(true)
    }

    /// Replaces neighbouring parts by one that holds the same samples less the deleted ones.
    fn merge(&self, sources: &[Arc<LivePart>]) -> Result<(), TsdbError> {
        let store = &self.store;
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else { return Ok(()) };
        let tombstones = store.tombstones.read().clone();
        let generation = if sources.len() == 1 { first.id.generation + 1 } else { 0 };
        let id = PartId { day: first.id.day, first: first.id.first, last: last.id.last, generation };
        let series = sources.iter().fold(RoaringBitmap::new(), |all, p| all | p.part.series());
        let mut scratch: Vec<Scratch> = sources.iter().map(|_| Scratch::new(None)).collect();
        let mut damaged = BTreeSet::new();
        let mut joiner = Joiner::new();
        let merged = self.write_part(id, &series, MERGE_ZSTD_LEVEL, |s, out| {
            for (i, p) in sources.iter().enumerate().filter(|(_, p)| p.part.series().contains(s.0)) {
                let done = joiner.add(out, |out| {
                    let done = p.part.read(s, TimeRange::ALL, Wanted::All, &mut scratch[i], out);
                    tombstones.apply(s, p.id.last, out);
                    done
                });
                match done {
                    Err(TsdbError::Corrupt(d)) => {
                        store.report(d);
                        damaged.insert(i);
                    }
                    done => done?,
                }
            }
            Ok(())
        })?;
        let samples = merged.as_ref().map_or(0, |p| p.part.summary().samples);
        let gone: Vec<PartId> = sources.iter().map(|p| p.id).collect();
        {
            let mut parts = store.parts.write();
            *parts = Arc::new(parts.changed(&gone, merged));
        }
        for (i, p) in sources.iter().enumerate() {
            if damaged.contains(&i) {
                // What could be read is in the merged part; the rest is evidence.
                let name = p.part.name();
                store.blocks.quarantine(name).map_err(|e| TsdbError::io("quarantine", name, e))?;
            } else {
                self.delete_part(p);
            }
        }
        store.counters.merges.fetch_add(1, Ordering::Relaxed);
        store.counters.merged_samples.fetch_add(samples, Ordering::Relaxed);
        Ok(())
    }

    /// Drops parts past retention by time or by size, oldest first. Says whether there were any.
    fn drop_expired(&self) -> Result<bool, TsdbError> {
        let store = &self.store;
        let oldest = store.clock.now_ms().saturating_sub(store.options.retention_ms);
        let set = store.parts.read().clone();
        let mut total: u64 = set.iter().map(|p| p.part.size()).sum();
        let newest_day = set.iter().map(|p| p.id.day).max();
        let mut gone = Vec::new();
        for p in set.iter() {
            let too_old = p.part.summary().max_ms < oldest;
            let limit = store.options.retention_bytes;
            let too_much = limit > 0 && total > limit && Some(p.id.day) < newest_day;
            if too_old || too_much {
                total -= p.part.size();
                gone.push(p.clone());
            }
        }
        if gone.is_empty() {
            return Ok(false);
        }
        let ids: Vec<PartId> = gone.iter().map(|p| p.id).collect();
        {
            let mut parts = store.parts.write();
            *parts = Arc::new(parts.changed(&ids, None));
        }
        store.writes.touch_everything();
        for p in &gone {
            self.delete_part(p);
        }
        self.forget_series()?;
        Ok(true)
    }

    /// Lets the index forget series without samples.
    fn forget_series(&self) -> Result<(), TsdbError> {
        self.store.index.retain(&self.store.live_series()).map_err(from_index)?;
        Ok(())
    }

    /// Deletes the samples of matching series within a range. Says how many series that touches.
    pub fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<u64, TsdbError> {
        self.flush()?;
        let store = &self.store;
        let series = store.index.select(matchers) & store.live_series();
        let count = series.len();
        if count == 0 {
            return Ok(0);
        }
        let _one = self.flushing.lock();
        {
            let mut all = store.tombstones.write();
            let mut list = all.0.clone();
            list.push(Tombstone { last: store.last_flush.load(Ordering::Acquire), range, series });
            *all = Arc::new(Tombstones(list));
        }
        store.writes.touch_everything();
        self.checkpoint()?;
        Ok(count)
    }

    /// Puts a consistent copy of everything acknowledged so far under `dir`, sharing bytes where it can.
    pub fn snapshot(&self, dir: &Path) -> Result<(), TsdbError> {
        self.flush()?;
        let _no_merges = self.merging.lock();
        let _no_flushes = self.flushing.lock();
        let to = dir.join("blocks");
        let shown = dir.display().to_string();
        self.disk.create_dir_all(&to).map_err(|e| TsdbError::io("create", &shown, e))?;
        let blocks = &self.store.blocks;
        for b in blocks.list("").map_err(|e| TsdbError::io("list", "blocks", e))? {
            blocks.copy_to(&b.name, &to).map_err(|e| TsdbError::io("copy", &b.name, e))?;
        }
        self.disk.sync_dir(dir).map_err(|e| TsdbError::io("sync", &shown, e))
    }

    /// Runs until the store is closed: makes parts of full heads.
    pub fn flush_loop(&self) {
        let wake = &self.store.wake;
        while !wake.closed.load(Ordering::Acquire) {
            wake.flush.wait(1_000);
            if self.flush_is_due()
                && let Err(e) = self.flush()
            {
                tracing::error!(error = %e, "recent samples stay in memory and in the journal: they could not be written as a part");
            }
        }
    }

    /// Runs until the store is closed: merges, and drops what is past retention.
    pub fn merge_loop(&self) {
        self.warm();
        let wake = &self.store.wake;
        let mut rotated = self.store.clock.monotonic();
        while !wake.closed.load(Ordering::Acquire) {
            wake.merge.wait(10_000);
            if self.store.clock.monotonic() - rotated > INDEX_ROTATION {
                rotated = self.store.clock.monotonic();
                self.store.index.rotate();
            }
            for d in self.store.index.take_damages() {
                self.store.report(from_index_damage(d));
            }
            loop {
                match self.merge_once() {
                    Ok(true) if !wake.closed.load(Ordering::Acquire) => {}
                    Ok(_) => break,
                    Err(e) => {
                        tracing::error!(error = %e, "parts could not be merged; they are served as they are");
                        break;
                    }
                }
            }
        }
    }

    /// Fills half of the page cache from the newest parts: what is asked first after a start is how things stand.
    fn warm(&self) {
        let pages = &self.store.pages;
        let full =
            || pages.bytes() >= pages.bytes_max() / 2 || self.store.wake.closed.load(Ordering::Acquire);
        let parts = self.store.parts.read().clone();
        let mut newest_first: Vec<_> = parts.iter().collect();
        newest_first.sort_by_key(|p| std::cmp::Reverse(p.part.range().end_ms));
        for p in newest_first {
            p.part.warm(pages, &full);
        }
    }
}

pub(crate) fn from_index(e: index::IndexError) -> TsdbError {
    TsdbError::Io {
        operation: "index",
        object: "series".into(),
        source: std::io::Error::other(e.to_string()),
    }
}

fn from_index_damage(d: index::Damage) -> Damage {
    Damage { file: d.block.clone(), offset: d.flaw.offset, what: d.to_string() }
}

/// The journal's damage with the file relative to the data directory.
pub(crate) fn from_journal_damage(data_dir: &Path, d: &journal::Damage) -> Damage {
    let file = d.file.strip_prefix(data_dir).unwrap_or(&d.file).display().to_string();
    Damage { file, offset: d.position, what: d.to_string() }
}

pub(crate) fn from_journal(e: JournalError) -> TsdbError {
    TsdbError::Journal(e.to_string())
}

impl Checkpoint {
    fn first(set: &PartSet) -> Checkpoint {
        Checkpoint {
            replay_from: Offset(0),
            last_flush: set.last_flush(),
            tombstones: Tombstones::default(),
            metadata: Vec::new(),
        }
    }
}

impl Store {
    /// Every series that has samples, or may be about to.
    pub fn live_series(&self) -> RoaringBitmap {
        let mut live = RoaringBitmap::new();
        {
            let heads = self.heads.read();
            for h in heads.frozen.iter().chain([&heads.active]) {
                live |= h.read().series();
            }
        }
        live.extend(self.undurable.labels.lock().keys().map(|id| id.0));
        let parts = self.parts.read().clone();
        let tombstones = self.tombstones.read().clone();
        for p in parts.iter() {
            live |= tombstones.less_deleted(p.part.series(), p.id.last, p.part.range());
        }
        live
    }
}

/// The days a head's samples fall on.
impl Head {
    fn days(&self) -> BTreeSet<i64> {
        let r = self.range();
        let (first, last) = (day_of(r.start_ms), day_of(r.end_ms));
        if last - first <= 1 {
            return (first..=last).collect();
        }
        self.times().map(day_of).collect()
    }
}
