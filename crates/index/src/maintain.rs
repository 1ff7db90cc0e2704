//! Writing segments, merging them, and dropping series.

use crate::catalog::{BlockName, Kind, encode_dead};
use crate::index::{Index, Maintenance, failed, fresh_tail};
use crate::segment::{self, Segment, WriteError};
use crate::source::Source;
use crate::tail::Tail;
use crate::view::View;
use crate::{Damage, Flaw, IndexError};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// So many neighbours of like size make one.
const MERGE_SEGMENTS: usize = 4;
/// Segments whose series differ by less than this factor are of like size.
const TIER_FACTOR: u32 = 4;
/// Segments smaller than this are all of like size.
const TIER_SERIES_MIN: u32 = 1024;
/// A segment with this share of dead series is written anew.
const DEAD_SHARE: u64 = 4;

/// What was made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persisted {
    /// The new blocks; one, except after a loss of ids from the middle.
    pub segments: Vec<String>,
    /// Series in them.
    pub series: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The new block.
    pub segment: String,
    /// The blocks it replaces.
    pub replaced: Vec<String>,
    /// Series in the new block.
    pub series: u64,
    /// Dead series that it no longer holds.
    pub dropped: u64,
}

impl Index {
    /// Makes every series created or restored before this call durable in a segment; `None` if there were none.
    /// Lookups, creations and selections go on meanwhile. After an error nothing is lost: the next call writes
    /// those series too.
    pub fn persist(&self) -> Result<Option<Persisted>, IndexError> {
        let mut maintenance = self.maintenance.lock();
        self.freeze();
        let frozen = self.view().frozen.clone();
        if frozen.is_empty() {
            return Ok(None);
        }
        let mut done = Persisted { segments: Vec::new(), series: 0, bytes: 0 };
        let guards: Vec<_> = frozen.iter().map(|t| t.read()).collect();
        let ids = guards.iter().fold(RoaringBitmap::new(), |ids, t| ids | t.ids());
        let mut segments = Vec::new();
        for group in self.groups(&ids) {
            let (Some(first), Some(last)) = (group.min(), group.max()) else { continue };
            let sources: Vec<&dyn Source> = guards.iter().map(|t| &**t as &dyn Source).collect();
            let range = (first, u64::from(last) + 1);
            let segment = self.write_segment(&mut maintenance, range, &sources, &[], &(&ids - &group))?;
            segments.push(Arc::new(segment));
        }
        for segment in &segments {
            done.series += u64::from(segment.len());
            done.bytes += segment.size();
            done.segments.push(segment.name.clone());
        }
        let _creation = self.creation.lock();
        let mut view = View::clone(&self.view());
        view.frozen.clear();
        view.segments.extend(segments);
        view.segments.sort_by_key(|s| s.footer.from);
        view.epoch += 1;
        self.publish(view);
        Ok(Some(done))
    }

    /// Takes the mutable part out of use, unless it is empty.
    fn freeze(&self) {
        let _creation = self.creation.lock();
        let mut view = View::clone(&self.view());
        if view.tail.read().len() > 0 {
            view.frozen.push(std::mem::replace(&mut view.tail, fresh_tail()));
            self.publish(view);
        }
    }

    /// Splits ids so that no segment lies within the range of a group.
    fn groups(&self, ids: &RoaringBitmap) -> Vec<RoaringBitmap> {
        let view = self.view();
        let mut groups = Vec::new();
        let mut rest = ids.clone();
        for segment in &view.segments {
            let mut below = rest.clone();
            below.remove_range(segment.footer.from..);
            rest -= &below;
            groups.push(below);
        }
        groups.push(rest);
        groups.retain(|g| !g.is_empty());
        groups
    }

    /// Writes and opens a segment. Damage found in a source is noted if the sources are these `inputs`.
    fn write_segment(
        &self,
        maintenance: &mut Maintenance,
        (from, to): (u32, u64),
        sources: &[&dyn Source],
        inputs: &[Arc<Segment>],
        drop: &RoaringBitmap,
    ) -> Result<Segment, IndexError> {
        maintenance.generation += 1;
        let name =
            BlockName { kind: Kind::Segment, generation: maintenance.generation, from: u64::from(from), to };
        let name = format!("{}{}", self.options.prefix, name.piece());
        let written = segment::write(&*self.blocks, &name, (from, to), sources, drop);
        written.map_err(|e| match e {
            WriteError::Io(e) => failed("writing", &name, e),
            WriteError::Source(at, flaw) => {
                let block = inputs.get(at).map_or(&name, |input| &input.name).clone();
                if let Some(input) = inputs.get(at) {
                    self.note(input, flaw.clone());
                }
                IndexError::Damaged(Damage { block, flaw, moved_to: None })
            }
        })?;
        let bytes = self.blocks.open(&name).map_err(|e| failed("opening", &name, e))?;
        Segment::open(name.clone(), bytes, self.cache.clone())
            .map_err(|flaw| IndexError::Damaged(Damage { block: name, flaw, moved_to: None }))
    }

    /// Makes one segment of several, or writes one anew that is damaged or full of dead series; `None` if nothing
    /// is worth it. Call again until then. With `all`, makes one segment of all.
    pub fn merge(&self, all: bool) -> Result<Option<Merged>, IndexError> {
        let mut maintenance = self.maintenance.lock();
        let view = self.view();
        if let Some(damaged) = view.segments.iter().find(|s| s.is_damaged()) {
            return self.salvage(&mut maintenance, &view, damaged).map(Some);
        }
        let Some(run) = pick(&view, all) else { return Ok(None) };
        let inputs = view.segments[run].to_vec();
        let sources: Vec<&dyn Source> = inputs.iter().map(|s| &**s as &dyn Source).collect();
        let range = (inputs[0].footer.from, inputs[inputs.len() - 1].footer.to);
        let segment = self.write_segment(&mut maintenance, range, &sources, &inputs, &view.dead)?;
        self.replace(&inputs, segment, false).map(Some)
    }

    /// Makes a damaged segment anew from the keys that can be read, and moves it aside.
    fn salvage(
        &self,
        maintenance: &mut Maintenance,
        view: &View,
        damaged: &Arc<Segment>,
    ) -> Result<Merged, IndexError> {
        let mut tail = Tail::new();
        let mut keys = damaged.keys(0);
        loop {
            match keys.advance() {
                // A key that was damaged before it was checksummed is lost, too.
                Ok(true) if model::Labels::from_key(keys.key()).is_err() => {}
                Ok(true) => tail.insert(keys.id(), keys.key()),
                Ok(false) => break,
                Err(flaw) => self.note_damage(Damage { block: damaged.name.clone(), flaw, moved_to: None }),
            }
        }
        let range = (damaged.footer.from, damaged.footer.to);
        let segment = self.write_segment(maintenance, range, &[&tail], &[], &view.dead)?;
        self.replace(std::slice::from_ref(damaged), segment, true)
    }

    /// Puts a segment in the place of others, and removes those.
    fn replace(
        &self,
        inputs: &[Arc<Segment>],
        segment: Segment,
        damaged: bool,
    ) -> Result<Merged, IndexError> {
        let before: u64 = inputs.iter().map(|s| u64::from(s.len())).sum();
        let merged = Merged {
            segment: segment.name.clone(),
            replaced: inputs.iter().map(|s| s.name.clone()).collect(),
            series: u64::from(segment.len()),
            dropped: before - u64::from(segment.len()),
        };
        let none_dead = {
            let _creation = self.creation.lock();
            let mut view = View::clone(&self.view());
            let dropped = inputs.iter().fold(RoaringBitmap::new(), |ids, s| ids | view.dead_in(s));
            view.dead = Arc::new(&*view.dead - dropped);
            view.segments.retain(|s| !inputs.iter().any(|i| i.name == s.name));
            view.segments.push(Arc::new(segment));
            view.segments.sort_by_key(|s| s.footer.from);
            view.epoch += 1;
            let none_dead = view.dead.is_empty();
            self.publish(view);
            none_dead
        };
        for input in inputs {
            // Both are superseded by name; what cannot be removed now is removed at the next opening.
            if damaged {
                let moved_to = self
                    .blocks
                    .quarantine(&input.name)
                    .map_err(|e| failed("setting aside", &input.name, e))?;
                let what = "it was made anew from its readable keys".to_owned();
                let flaw = Flaw { section: "segment", offset: 0, what };
                self.note_damage(Damage { block: input.name.clone(), flaw, moved_to: Some(moved_to) });
            } else {
                self.blocks.delete(&input.name).map_err(|e| failed("deleting", &input.name, e))?;
            }
        }
        if none_dead {
            self.remove_dead_before(u64::MAX)?;
        }
        Ok(merged)
    }

    /// Drops the persisted series that are not in `live`, except those that are active: an id that a lookup
    /// returned stays good while it is in the active table (see [`Index::rotate`]). Returns how many were dropped.
    ///
    /// They are gone for all readers and durably so when this returns; merges free their room. New series wait for
    /// one small durable write.
    pub fn retain(&self, live: &RoaringBitmap) -> Result<u64, IndexError> {
        let mut maintenance = self.maintenance.lock();
        let mut creation = self.creation.lock();
        let old = self.view();
        let mut doomed = old.segment_ids();
        doomed -= live;
        doomed -= &*old.dead;
        if doomed.is_empty() {
            return Ok(0);
        }
        // From here on no lookup can make one of them active; those that did so before are seen.
        let with_dead =
            |dead: RoaringBitmap| View { dead: Arc::new(dead), epoch: old.epoch + 1, ..View::clone(&old) };
        self.publish(with_dead(&*old.dead | &doomed));
        doomed -= self.active.ids();
        let dead = &*old.dead | &doomed;
        if !doomed.is_empty()
            && let Err(e) = self.write_dead(&mut maintenance, &dead)
        {
            self.publish(with_dead((*old.dead).clone()));
            return Err(e);
        }
        self.publish(with_dead(dead));
        creation.per_metric.clear();
        drop(creation);
        if !doomed.is_empty() {
            self.remove_dead_before(maintenance.generation)?;
        }
        Ok(doomed.len())
    }

    fn write_dead(&self, maintenance: &mut Maintenance, dead: &RoaringBitmap) -> Result<(), IndexError> {
        maintenance.generation += 1;
        let name = BlockName { kind: Kind::Dead, generation: maintenance.generation, from: 0, to: 0 };
        let name = format!("{}{}", self.options.prefix, name.piece());
        let write = || {
            let mut block = self.blocks.create(&name)?;
            block.write(&encode_dead(dead))?;
            block.finish()
        };
        write().map_err(|e| failed("writing", &name, e))
    }

    /// Removes lists of dead ids that a later one includes.
    fn remove_dead_before(&self, generation: u64) -> Result<(), IndexError> {
        let prefix = format!("{}dead-", self.options.prefix);
        let list = self.blocks.list(&prefix).map_err(|e| failed("listing", &prefix, e))?;
        for info in list {
            let old = BlockName::parse(&info.name).is_some_and(|n| n.generation < generation);
            if old {
                self.blocks.delete(&info.name).map_err(|e| failed("deleting", &info.name, e))?;
            }
        }
        Ok(())
    }

    /// The names of the blocks that make up the index on disk now. They stay readable until the next merge or
    /// retain; `hold` runs while neither can take place, so that blocks can be linked or copied.
    pub fn with_blocks<T>(&self, hold: impl FnOnce(&[String]) -> T) -> Result<T, IndexError> {
        let _maintenance = self.maintenance.lock();
        let prefix = &self.options.prefix;
        let list = self.blocks.list(prefix).map_err(|e| failed("listing", prefix, e))?;
        let names: Vec<String> =
            list.into_iter().map(|i| i.name).filter(|n| BlockName::parse(n).is_some()).collect();
        Ok(hold(&names))
    }
}

/// Which neighbours to merge.
fn pick(view: &View, all: bool) -> Option<std::ops::Range<usize>> {
    let segments = &view.segments;
    if all && (segments.len() > 1 || !view.dead.is_empty()) {
        return Some(0..segments.len());
    }
    let tier = |s: &Segment| (s.len().max(TIER_SERIES_MIN) / TIER_SERIES_MIN).ilog(TIER_FACTOR);
    // The youngest first: they are the smallest.
    let mut end = segments.len();
    while end > 0 {
        let own = tier(&segments[end - 1]);
        // Smaller ones between are taken along.
        let start = segments[..end].iter().rposition(|s| tier(s) > own).map_or(0, |p| p + 1);
        if end - start >= MERGE_SEGMENTS {
            return Some(start..end);
        }
        end = start.min(end - 1);
    }
    let mostly_dead = |s: &Arc<Segment>| {
        let dead = view.dead_in(s).len();
        dead > 0 && dead * DEAD_SHARE >= u64::from(s.len())
    };
    segments.iter().position(mostly_dead).map(|at| at..at + 1)
}
