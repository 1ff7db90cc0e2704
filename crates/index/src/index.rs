//! The index: opening it, and the way from a key to an id.

use crate::active::Active;
use crate::catalog::{BlockName, Kind, decode_dead};
use crate::digest::Fingerprint;
use crate::posting::Posting;
use crate::segment::{self, BlockCache, KEY_BYTES_MAX, Segment};
use crate::select;
use crate::source::Source;
use crate::tail::Tail;
use crate::view::View;
use crate::{Damage, Flaw, IndexError, IndexOptions, SeriesId};
use blocks::Blocks;
use model::{Labels, Limit, METRIC_NAME, Matcher, Pairs};
use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// All series of a store. Every method may be called from any thread.
///
/// Locks, in the order in which they are taken: `maintenance` (one persist, merge or retain at a time),
/// `creation` (one new series at a time; held for a moment when the view changes), then one of `view`, a mutable
/// part, or a shard of `active`.
pub struct Index {
    pub(crate) blocks: Arc<dyn Blocks>,
    pub(crate) options: IndexOptions,
    pub(crate) active: Active,
    pub(crate) cache: Arc<BlockCache>,
    view: RwLock<Arc<View>>,
    pub(crate) creation: Mutex<Creation>,
    pub(crate) maintenance: Mutex<Maintenance>,
    /// Damage met since it was last asked for.
    damages: Mutex<Vec<Damage>>,
}

/// What is needed to make a series.
pub(crate) struct Creation {
    /// Past every id that was ever given; 2^32 when there are none left.
    pub(crate) next_id: u64,
    /// Series of the metric names that had a new series lately.
    pub(crate) per_metric: HashMap<Box<str>, u64>,
}

/// What is needed to write blocks.
pub(crate) struct Maintenance {
    pub(crate) generation: u64,
}

/// More metric names than this are not remembered; their series are counted again.
const METRICS_MAX: usize = 100_000;
/// At most so much damage waits to be asked for.
const DAMAGES_MAX: usize = 1000;

/// Sizes of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct IndexStatus {
    /// Series in all.
    pub series: u64,
    /// Of these, not yet in a segment.
    pub series_mutable: u64,
    /// Series in the table of those looked up lately.
    pub series_active: u64,
    /// Series that were dropped and still take room in a segment.
    pub series_dead: u64,
    /// Segments.
    pub segments: u64,
    /// Segments with damage; the next merge makes them anew.
    pub segments_damaged: u64,
    /// Bytes of all segments.
    pub segment_bytes: u64,
    /// Bytes held in memory.
    pub memory_bytes: u64,
    /// The next id.
    pub next_id: u64,
}

impl Index {
    /// Opens the index that lies in `blocks`, an empty one if there is none. Blocks that cannot be opened are moved
    /// aside and named in the result. Reads the ends of segments only.
    pub fn open(blocks: Arc<dyn Blocks>, options: IndexOptions) -> Result<(Index, Vec<Damage>), IndexError> {
        let cache = Arc::new(BlockCache::new());
        let mut opening =
            Opening { blocks: &*blocks, prefix: &options.prefix, generation: 0, damages: Vec::new() };
        let (segments, next_id) = opening.segments(&cache)?;
        let dead = opening.dead()?;
        let (generation, damages) = (opening.generation, opening.damages);
        let mut view =
            View { segments, frozen: Vec::new(), tail: fresh_tail(), dead: Arc::default(), epoch: 0 };
        if !dead.is_empty() {
            view.dead = Arc::new(dead & view.segment_ids());
        }
        let index = Index {
            blocks,
            options,
            active: Active::new(),
            cache,
            view: RwLock::new(Arc::new(view)),
            creation: Mutex::new(Creation { next_id, per_metric: HashMap::new() }),
            maintenance: Mutex::new(Maintenance { generation }),
            damages: Mutex::new(Vec::new()),
        };
        Ok((index, damages))
    }

    /// The series with this key (see [`Labels::key`]). Any bytes may be asked for.
    ///
    /// The id stays valid for at least one whole time between two calls of [`Index::rotate`], whatever is dropped
    /// by [`Index::retain`].
    pub fn lookup(&self, key: &[u8]) -> Option<SeriesId> {
        let fingerprint = self.active.fingerprint(key);
        self.active.get(fingerprint).or_else(|| self.find_persisted(key, fingerprint))
    }

    /// As [`Index::lookup`], faster when the series came after `before` the last time too, as it mostly did when
    /// a sender repeats its series in one order.
    pub fn lookup_after(&self, before: SeriesId, key: &[u8]) -> Option<SeriesId> {
        let fingerprint = self.active.fingerprint(key);
        self.active.get_after(before, fingerprint).or_else(|| self.find_persisted(key, fingerprint))
    }

    /// Says that these bytes mean the labels of a series that was just looked up or made, as a key does that is not
    /// sorted or holds empty values. A lookup of the same bytes then finds it, for as long as that happens often.
    pub fn alias(&self, key: &[u8], id: SeriesId) {
        self.active.insert_alias(self.active.fingerprint(key), id);
    }

    /// The series with these labels, made if need be. `created` runs for a new series, before any other call can
    /// return its id, and for one series after the other in order of id: the place to journal its definition.
    pub fn get_or_create(
        &self,
        labels: &Labels,
        created: &mut dyn FnMut(SeriesId),
    ) -> Result<SeriesId, Limit> {
        let key = labels.key();
        let fingerprint = self.active.fingerprint(key);
        if let Some(id) = self.active.get(fingerprint) {
            return Ok(id);
        }
        let epoch = self.view().epoch;
        if let Some(id) = self.find_persisted(key, fingerprint) {
            return Ok(id);
        }
        let mut creation = self.creation.lock();
        if let Some(id) = self.active.get(fingerprint) {
            return Ok(id);
        }
        // Series may have moved from the mutable part to a segment since that was searched.
        if self.view().epoch != epoch
            && let Some(id) = self.find_persisted(key, fingerprint)
        {
            return Ok(id);
        }
        self.check_limits(&mut creation, labels)?;
        let id = SeriesId(creation.next_id as u32);
        creation.next_id += 1;
        created(id);
        self.add(&mut creation, id, labels, fingerprint);
        Ok(id)
    }

    /// Puts back a series that was created and not yet persisted before a crash. A series that a segment has, or
    /// that was dropped from one, is left as it is; so is one that was restored before.
    pub fn restore(&self, id: SeriesId, labels: &Labels) {
        let mut creation = self.creation.lock();
        creation.next_id = creation.next_id.max(u64::from(id.0) + 1);
        let view = self.view();
        if view.segment_of(id.0).is_some() || view.tails().any(|t| t.read().contains(id.0)) {
            return;
        }
        let fingerprint = self.active.fingerprint(labels.key());
        self.add(&mut creation, id, labels, fingerprint);
    }

    fn add(&self, creation: &mut Creation, id: SeriesId, labels: &Labels, fingerprint: Fingerprint) {
        if let Some(n) = creation.per_metric.get_mut(labels.metric_name()) {
            *n += 1;
        }
        self.view().tail.write().insert(id.0, labels.key());
        self.active.insert(fingerprint, id);
    }

    fn check_limits(&self, creation: &mut Creation, labels: &Labels) -> Result<(), Limit> {
        let view = self.view();
        let series = view.persisted_len() + view.mutable_len() + 1;
        let setting = "storage.limits.series";
        let max = if self.options.series_max == 0 { u64::MAX } else { self.options.series_max };
        if series > max {
            return Err(Limit { what: "number of series".to_owned(), observed: series, limit: max, setting });
        }
        if creation.next_id > u64::from(u32::MAX) {
            let what = "number of series ever created".to_owned();
            return Err(Limit { what, observed: creation.next_id + 1, limit: 1 << 32, setting });
        }
        let (bytes, bytes_max) = (labels.key().len(), self.options.key_bytes_max.min(KEY_BYTES_MAX));
        if bytes > bytes_max {
            return Err(Limit {
                what: format!("size in bytes of the labels of a series of {:?}", short(labels.metric_name())),
                observed: bytes as u64,
                limit: bytes_max as u64,
                setting: "storage.limits.series_key_bytes",
            });
        }
        self.check_metric_limit(creation, &view, labels.metric_name())
    }

    fn check_metric_limit(&self, creation: &mut Creation, view: &View, name: &str) -> Result<(), Limit> {
        let limit = self.options.series_per_metric_max;
        if limit == 0 || name.is_empty() {
            return Ok(());
        }
        let known = creation.per_metric.get(name).copied();
        let count = known.unwrap_or_else(|| {
            let count = self.count_metric(view, name);
            if creation.per_metric.len() >= METRICS_MAX {
                creation.per_metric.clear();
            }
            creation.per_metric.insert(Box::from(name), count);
            count
        });
        if count < limit {
            return Ok(());
        }
        Err(Limit {
            what: format!("number of series of metric {:?}", short(name)),
            observed: count + 1,
            limit,
            setting: "storage.limits.series_per_metric",
        })
    }

    fn count_metric(&self, view: &View, name: &str) -> u64 {
        let mut count = 0;
        for segment in &view.segments {
            let counted = segment.term(METRIC_NAME, name).and_then(|posting| {
                let Some(posting) = posting else { return Ok(0) };
                let dead = view.dead_in(segment);
                let gone = if dead.is_empty() { 0 } else { count_in(&posting, &dead)? };
                Ok(posting.len() - gone)
            });
            count += counted.unwrap_or_else(|flaw| {
                self.note(segment, flaw);
                (select::scan(&**segment, &[Matcher::equal(METRIC_NAME, name)]) - view.dead_in(segment)).len()
            });
        }
        for tail in view.tails() {
            count += tail.read().term(METRIC_NAME, name).ok().flatten().map_or(0, |p| p.len());
        }
        count
    }

    /// Searches the segments, and keeps what it finds in the active table.
    fn find_persisted(&self, key: &[u8], fingerprint: Fingerprint) -> Option<SeriesId> {
        let view = self.view();
        // The newest first: what is written now was likely created late.
        let id = view.segments.iter().rev().find_map(|s| {
            let found = s.find(key).unwrap_or_else(|flaw| {
                self.note(s, flaw);
                self.find_without_hashes(s, key)
            });
            found.filter(|id| !view.dead.contains(*id))
        })?;
        // `retain` publishes what it drops before it collects what is active. This either sees that, or is collected.
        let alive = || !self.view().dead.contains(id);
        if !self.active.insert_if(fingerprint, SeriesId(id), alive) {
            return None;
        }
        Some(SeriesId(id))
    }

    /// The way round a damaged hash section: the series that has every pair of the key, and no more.
    fn find_without_hashes(&self, segment: &Arc<Segment>, key: &[u8]) -> Option<u32> {
        let matchers: Vec<Matcher> = Pairs::of_key(key).map(|(n, v)| Matcher::equal(n, v)).collect();
        let candidates = self.select_in(segment, &matchers);
        candidates.iter().find(|id| {
            let same = segment.with_key(*id, |own| own == key);
            matches!(same, Ok(Some(true)))
        })
    }

    /// What is in a segment for these matchers, the dead included; falls back on reading keys where it is damaged.
    pub(crate) fn select_in(&self, segment: &Arc<Segment>, matchers: &[Matcher]) -> RoaringBitmap {
        select::select(&**segment, matchers).unwrap_or_else(|flaw| {
            self.note(segment, flaw);
            select::scan(&**segment, matchers)
        })
    }

    /// Forgets, from the table of active series, those that were not looked up since the last call but one. They
    /// are still found, more slowly. Meant to be called at about the pace at which series come and go, an hour or
    /// so.
    pub fn rotate(&self) {
        // No series moves between the parts meanwhile.
        let _creation = self.creation.lock();
        let pinned = self.view().mutable_ids();
        self.active.rotate(&pinned);
    }

    /// The damage met since the last call.
    pub fn take_damages(&self) -> Vec<Damage> {
        std::mem::take(&mut *self.damages.lock())
    }

    /// Sizes. Costs little, but more than a glance: not for a hot path.
    pub fn status(&self) -> IndexStatus {
        let view = self.view();
        let tails: usize = view.tails().map(|t| t.read().memory_bytes()).sum();
        let segments: usize = view.segments.iter().map(|s| s.memory_bytes()).sum();
        let memory = tails
            + segments
            + self.active.memory_bytes()
            + self.cache.memory_bytes()
            + view.dead.serialized_size();
        IndexStatus {
            series: view.persisted_len() + view.mutable_len(),
            series_mutable: view.mutable_len(),
            series_active: self.active.len() as u64,
            series_dead: view.dead.len(),
            segments: view.segments.len() as u64,
            segments_damaged: view.segments.iter().filter(|s| s.is_damaged()).count() as u64,
            segment_bytes: view.segments.iter().map(|s| s.size()).sum(),
            memory_bytes: memory as u64,
            next_id: self.creation.lock().next_id,
        }
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.view.read().clone()
    }

    /// Puts a changed view in place; the caller holds `creation`.
    pub(crate) fn publish(&self, view: View) {
        *self.view.write() = Arc::new(view);
    }

    /// Remembers a flaw of a segment that is in use.
    pub(crate) fn note(&self, segment: &Segment, flaw: Flaw) {
        // One flaw for each segment: the next merge finds all there are.
        if segment.mark_damaged() {
            self.note_damage(Damage { block: segment.name.clone(), flaw, moved_to: None });
        }
    }

    pub(crate) fn note_damage(&self, damage: Damage) {
        let mut damages = self.damages.lock();
        if damages.len() < DAMAGES_MAX {
            damages.push(damage);
        }
    }
}

fn count_in(posting: &Posting<'_>, set: &RoaringBitmap) -> Result<u64, Flaw> {
    let what = "not a posting".to_owned();
    posting.count_in(set).map_err(|_| Flaw { section: "postings", offset: 0, what })
}

/// A name for a message, cut to a length that can be read.
fn short(name: &str) -> String {
    const CHARS_MAX: usize = 100;
    match name.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

pub(crate) fn fresh_tail() -> crate::view::SharedTail {
    Arc::new(RwLock::new(Tail::new()))
}

/// The state of opening.
struct Opening<'a> {
    blocks: &'a dyn Blocks,
    prefix: &'a str,
    generation: u64,
    damages: Vec<Damage>,
}

impl Opening<'_> {
    /// The names of all blocks of ours.
    fn names(&mut self) -> Result<Vec<(String, BlockName)>, IndexError> {
        let list = self.blocks.list(self.prefix);
        let list = list.map_err(|e| failed("listing", self.prefix, e))?;
        let known = |info: blocks::BlockInfo| Some((BlockName::parse(&info.name)?, info.name));
        let names: Vec<_> = list.into_iter().filter_map(known).map(|(n, name)| (name, n)).collect();
        let newest = names.iter().map(|(_, n)| n.generation).max().unwrap_or(0);
        self.generation = self.generation.max(newest);
        Ok(names)
    }

    /// The segments in order of id, and the next id.
    fn segments(&mut self, cache: &Arc<BlockCache>) -> Result<(Vec<Arc<Segment>>, u64), IndexError> {
        let mut names = self.names()?;
        names.retain(|(_, n)| n.kind != Kind::Dead);
        let next_id = names.iter().map(|(_, n)| n.to).max().unwrap_or(0);
        let mut segments: Vec<Arc<Segment>> = Vec::new();
        for (name, n) in &names {
            match names.iter().find(|(_, other)| n.superseded_by(other)) {
                // A gap takes the place of a segment only because that is damaged.
                Some((_, other)) if other.kind == Kind::Gap && n.kind == Kind::Segment => {
                    let what = "a record of its loss was found beside it".to_owned();
                    self.set_aside(name, Flaw { section: "name", offset: 0, what })?;
                }
                // Not worth failing for: it is found again at the next opening.
                Some(_) => drop(self.blocks.delete(name)),
                None if n.kind == Kind::Gap => {}
                None => segments.extend(self.open_segment(name, n, cache)?),
            }
        }
        segments.sort_by_key(|s| s.footer.from);
        Ok((segments, next_id))
    }

    fn open_segment(
        &mut self,
        name: &str,
        n: &BlockName,
        cache: &Arc<BlockCache>,
    ) -> Result<Option<Arc<Segment>>, IndexError> {
        let bytes = self.blocks.open(name).map_err(|e| failed("opening", name, e))?;
        let opened = Segment::open(name.to_owned(), bytes, cache.clone()).and_then(|segment| {
            let same = (u64::from(segment.footer.from), segment.footer.to) == (n.from, n.to);
            let what = "its range of ids is not that of its name".to_owned();
            if same { Ok(segment) } else { Err(Flaw { section: "footer", offset: 0, what }) }
        });
        match opened {
            Ok(segment) => Ok(Some(Arc::new(segment))),
            Err(flaw) => {
                // First the record of the loss: the ids of the range must not be given again, whatever happens.
                self.generation += 1;
                let gap = BlockName { kind: Kind::Gap, generation: self.generation, ..*n };
                let gap_name = format!("{}{}", self.prefix, gap.piece());
                write_gap(self.blocks, &gap_name, n)?;
                self.set_aside(name, flaw)?;
                Ok(None)
            }
        }
    }

    fn set_aside(&mut self, name: &str, flaw: Flaw) -> Result<(), IndexError> {
        let moved_to = self.blocks.quarantine(name).map_err(|e| failed("setting aside", name, e))?;
        self.damages.push(Damage { block: name.to_owned(), flaw, moved_to: Some(moved_to) });
        Ok(())
    }

    /// All ids that were ever noted as dead. Ids are not given again, so an old note is never wrong.
    fn dead(&mut self) -> Result<RoaringBitmap, IndexError> {
        let mut dead = RoaringBitmap::new();
        for (name, _) in self.names()?.into_iter().filter(|(_, n)| n.kind == Kind::Dead) {
            let bytes = self.blocks.open(&name).map_err(|e| failed("opening", &name, e))?;
            match decode_dead(&bytes) {
                Ok(ids) => dead |= ids,
                Err(flaw) => self.set_aside(&name, flaw)?,
            }
        }
        Ok(dead)
    }
}

/// A segment without series that stands for a range of ids.
fn write_gap(blocks: &dyn Blocks, name: &str, range: &BlockName) -> Result<(), IndexError> {
    let written = segment::write(blocks, name, (range.from as u32, range.to), &[], &RoaringBitmap::new());
    match written {
        Ok(()) => Ok(()),
        Err(segment::WriteError::Io(e)) => Err(failed("writing", name, e)),
        Err(segment::WriteError::Source(_, flaw)) => {
            Err(IndexError::Damaged(Damage { block: name.to_owned(), flaw, moved_to: None }))
        }
    }
}

pub(crate) fn failed(action: &'static str, block: &str, source: io::Error) -> IndexError {
    IndexError::Io { action, block: block.to_owned(), source }
}
