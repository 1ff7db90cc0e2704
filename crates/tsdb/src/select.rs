//! Reading: a consistent view of the series that match, and their samples.

use crate::engine::Engine;
use crate::error::TsdbError;
use crate::head::Head;
use crate::merge::Joiner;
use crate::part::{PageCache, Scratch, Wanted};
use crate::partset::LivePart;
use crate::store::Store;
use crate::tombstones::Tombstones;
use index::SeriesId;
use model::{Exemplar, Labels, Matcher, Samples, TimeRange};
use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The series that match a selection, as they stood when it was made, plus what their active head receives
/// meanwhile. Holds the parts it reads: merging and retention do not disturb it.
pub struct Selection {
    store: Arc<Store>,
    range: TimeRange,
    wanted: Wanted,
    series: Vec<(SeriesId, Labels)>,
    sources: Sources,
    /// Each with the position it read last: a thread that goes on from there finds its pages at hand.
    readers: Mutex<Vec<(usize, Reader)>>,
    bytes_read: AtomicU64,
}

/// What holds samples of a range, oldest first.
struct Sources {
    parts: Vec<Arc<LivePart>>,
    heads: Vec<Arc<RwLock<Head>>>,
    tombstones: Arc<Tombstones>,
}

/// What one thread needs to read: pages it decompressed last.
struct Reader {
    scratch: Vec<Scratch>,
    joiner: Joiner,
}

impl Selection {
    /// The number of series.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether no series matches.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The labels of one series.
    pub fn labels(&self, at: usize) -> &Labels {
        &self.series[at].1
    }

    /// From now on `read` may leave out all samples but the newest of each kind.
    #[must_use]
    pub fn newest_only(mut self) -> Selection {
        self.wanted = Wanted::Newest;
        self
    }

    /// Replaces `out` by the samples of one series within the selection's range. Neighbouring series share
    /// pages, so reading in ascending order is cheapest. Damaged pages are left out and reported in the status.
    pub fn read(&self, at: usize, out: &mut Samples) -> Result<(), TsdbError> {
        out.clear();
        let mut reader = self.reader_at(at);
        let asked = Asked { id: self.series[at].0, range: self.range, wanted: self.wanted };
        let done = self.sources.read(&self.store, asked, &mut reader, out);
        let bytes = reader.scratch.iter_mut().map(Scratch::take_bytes).sum();
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        self.readers.lock().push((at, reader));
        done
    }

    /// Stored bytes of the pages of parts that `read` has gone through so far, whether they were on disk or at hand.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    fn reader_at(&self, at: usize) -> Reader {
        let mut readers = self.readers.lock();
        let next = readers.iter().position(|(last, _)| last + 1 == at);
        match next.or(readers.len().checked_sub(1)) {
            Some(found) => readers.swap_remove(found).1,
            None => self.sources.reader(&self.store.pages),
        }
    }
}

/// What is asked of all sources.
#[derive(Clone, Copy)]
struct Asked {
    id: SeriesId,
    range: TimeRange,
    wanted: Wanted,
}

impl Sources {
    /// Heads first, then parts; see [`crate::store::Heads`].
    fn of(store: &Store, range: TimeRange) -> Sources {
        let heads = {
            let h = store.heads.read();
            let all = h.frozen.iter().chain([&h.active]);
            all.filter(|h| h.read().range().overlaps(&range)).cloned().collect()
        };
        let parts = store.parts.read().clone();
        let parts = parts.iter().filter(|p| p.part.range().overlaps(&range)).cloned().collect();
        Sources { parts, heads, tombstones: store.tombstones.read().clone() }
    }

    fn reader(&self, pages: &Arc<PageCache>) -> Reader {
        let scratch = self.parts.iter().map(|_| Scratch::new(Some(pages.clone()))).collect();
        Reader { scratch, joiner: Joiner::new() }
    }

    /// Those of `matching` that may have samples in these sources.
    fn present(&self, mut matching: RoaringBitmap) -> RoaringBitmap {
        let mut there = RoaringBitmap::new();
        for p in &self.parts {
            let found = p.part.series() & &matching;
            there |= self.tombstones.less_deleted(&found, p.id.last, p.part.range());
        }
        matching -= &there;
        for h in &self.heads {
            let h = h.read();
            let here: Vec<u32> = matching.iter().filter(|id| h.contains(SeriesId(*id))).collect();
            // They ascend, so each goes to the end; were one not to, it would only take longer.
            let here = RoaringBitmap::from_sorted_iter(here.iter().copied())
                .unwrap_or_else(|_| here.into_iter().collect());
            there |= here;
        }
        there
    }

    fn read(
        &self,
        store: &Store,
        asked: Asked,
        reader: &mut Reader,
        out: &mut Samples,
    ) -> Result<(), TsdbError> {
        let Asked { id, range, mut wanted } = asked;
        if !self.tombstones.0.is_empty() {
            // The newest may be deleted, and then the one before it counts.
            wanted = Wanted::All;
        }
        for (i, p) in self.parts.iter().enumerate().filter(|(_, p)| p.part.series().contains(id.0)) {
            let done = reader.joiner.add(out, |out| {
                let done = p.part.read(id, range, wanted, &mut reader.scratch[i], out);
                self.tombstones.apply(id, p.id.last, out);
                done
            });
            match done {
                Err(TsdbError::Corrupt(d)) => store.report(d),
                done => done?,
            }
        }
        for h in &self.heads {
            reader.joiner.add(out, |out| {
                match wanted {
                    Wanted::All => h.read().read(id, range, out),
                    Wanted::Newest => h.read().read_newest(id, range, out),
                }
                Ok::<(), TsdbError>(())
            })?;
        }
        Ok(())
    }

    /// How many of `matching` have a sample in `range` of which the newest is not a staleness marker.
    fn count_present(
        &self,
        store: &Store,
        matching: &RoaringBitmap,
        range: TimeRange,
    ) -> Result<u64, TsdbError> {
        // In order of id, as the parts are.
        let mut newest = vec![Newest { time_ms: i64::MIN, stale: true }; matching.len() as usize];
        for p in &self.parts {
            let ends = match p.part.ends(&store.pages) {
                Err(TsdbError::Corrupt(d)) => {
                    store.report(d);
                    None
                }
                ends => ends?,
            };
            let deleted = self.tombstones.concern(matching, p.id.last, p.part.range());
            let ends = ends.filter(|_| !deleted);
            let mut scratch = Scratch::new(Some(store.pages.clone()));
            let mut samples = Samples::default();
            let mut see = |at: usize, id: u32, rank: usize| -> Result<(), TsdbError> {
                let end = ends.as_ref().map(|ends| ends[rank]);
                let end = end.map(|e| (p.part.range().end_ms - e.before_ms(), e.is_stale()));
                if let Some((last_ms, _)) = end
                    && last_ms <= range.end_ms
                {
                    newest[at].see(end, range);
                    return Ok(());
                }
                samples.clear();
                let wanted = if deleted { Wanted::All } else { Wanted::Newest };
                match p.part.read(SeriesId(id), range, wanted, &mut scratch, &mut samples) {
                    Err(TsdbError::Corrupt(d)) => store.report(d),
                    done => done?,
                }
                self.tombstones.apply(SeriesId(id), p.id.last, &mut samples);
                newest[at].see(samples.newest(), range);
                Ok(())
            };
            each_ranked(p.part.series(), matching, &mut see)?;
        }
        let mut samples = Samples::default();
        for h in &self.heads {
            let h = h.read();
            for (id, newest) in matching.iter().zip(&mut newest) {
                let end = h.newest(SeriesId(id), range, &mut samples);
                newest.see(end, range);
            }
        }
        Ok(newest.iter().filter(|n| !n.stale).count() as u64)
    }
}

/// Calls `each` with every series that is in both sets: its position in `matching`, its id, its position in `series`.
fn each_ranked<E>(
    series: &RoaringBitmap,
    matching: &RoaringBitmap,
    each: &mut dyn FnMut(usize, u32, usize) -> Result<(), E>,
) -> Result<(), E> {
    // Finding one position costs about as much as walking over this many series.
    const WALK: u64 = 64;
    if matching.len().saturating_mul(WALK) < series.len() {
        for (at, id) in matching.iter().enumerate().filter(|(_, id)| series.contains(*id)) {
            each(at, id, series.rank(id) as usize - 1)?;
        }
        return Ok(());
    }
    let mut ids = matching.iter().enumerate().peekable();
    for (rank, id) in series.iter().enumerate() {
        while ids.next_if(|(_, wanted)| *wanted < id).is_some() {}
        match ids.next_if(|(_, wanted)| *wanted == id) {
            Some((at, _)) => each(at, id, rank)?,
            None if ids.peek().is_none() => break,
            None => {}
        }
    }
    Ok(())
}

/// The newest sample of a series found so far.
#[derive(Clone, Copy)]
struct Newest {
    time_ms: i64,
    stale: bool,
}

impl Newest {
    /// Takes in what the next source has, which of two samples of one time is the later one.
    fn see(&mut self, found: Option<(i64, bool)>, range: TimeRange) {
        if let Some((time_ms, stale)) = found
            && time_ms >= range.start_ms
            && time_ms >= self.time_ms
        {
            *self = Newest { time_ms, stale };
        }
    }
}

impl Engine {
    /// The series that match and may have samples within `range`, clipped to retention.
    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Selection {
        let matching = self.store.index.select(matchers);
        self.selection(matching, range, |_| true)
    }

    /// Those of `ids` that match, likewise.
    pub fn select_among(&self, ids: &[SeriesId], matchers: &[Matcher], range: TimeRange) -> Selection {
        let matching =
            |labels: &Labels| matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or_default()));
        self.selection(ids.iter().map(|id| id.0).collect(), range, matching)
    }

    fn selection(&self, ids: RoaringBitmap, range: TimeRange, keep: impl Fn(&Labels) -> bool) -> Selection {
        let store = self.store.clone();
        let range = self.clip(range);
        let sources = Sources::of(&store, range);
        let ids = sources.present(ids);
        let mut series = Vec::with_capacity(ids.len() as usize);
        store.index.labels_many(&ids, |id, labels| {
            if keep(&labels) {
                series.push((id, labels));
            }
        });
        // Parts hold series in order of id.
        series.sort_unstable_by_key(|(id, _)| *id);
        Selection {
            store,
            range,
            wanted: Wanted::All,
            series,
            sources,
            readers: Mutex::new(Vec::new()),
            bytes_read: AtomicU64::new(0),
        }
    }

    /// How many matching series have a sample within `range`, clipped to retention, of which the newest is not a
    /// staleness marker. Reads no labels, and samples only where a part does not say when its series end.
    pub fn count_present(&self, matchers: &[Matcher], range: TimeRange) -> Result<u64, TsdbError> {
        let range = self.clip(range);
        let sources = Sources::of(&self.store, range);
        sources.count_present(&self.store, &self.store.index.select(matchers), range)
    }

    fn clip(&self, range: TimeRange) -> TimeRange {
        TimeRange::new(range.start_ms.max(self.oldest_ms()), range.end_ms)
    }

    /// Samples before this instant are past retention.
    pub fn oldest_ms(&self) -> i64 {
        self.store.clock.now_ms().saturating_sub(self.store.options.retention_ms)
    }

    /// The ids that match and may have samples within `range`.
    fn matching(&self, matchers: &[Matcher], range: TimeRange) -> RoaringBitmap {
        let ids = self.store.index.select(matchers);
        Sources::of(&self.store, self.clip(range)).present(ids)
    }

    /// Label sets of matching series, at most `limit`, in order.
    pub fn series(&self, matchers: &[Matcher], range: TimeRange, limit: usize) -> Vec<Labels> {
        let ids: RoaringBitmap = self.matching(matchers, range).into_iter().take(limit).collect();
        let mut out = Vec::with_capacity(ids.len() as usize);
        self.store.index.labels_many(&ids, |_, labels| out.push(labels));
        out.sort();
        out
    }

    /// Label names of matching series, in order.
    pub fn label_names(&self, matchers: &[Matcher], range: TimeRange, limit: usize) -> Vec<String> {
        let absent = self.absent(matchers, range);
        let mut names = self.store.index.label_names(matchers, &absent);
        names.truncate(limit);
        names
    }

    /// Values of a label among matching series, in order.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Vec<String> {
        let absent = self.absent(matchers, range);
        let mut values = self.store.index.label_values(name, matchers, &absent);
        values.truncate(limit);
        values
    }

    /// The matching series that have no samples within `range`.
    fn absent(&self, matchers: &[Matcher], range: TimeRange) -> RoaringBitmap {
        let ids = self.store.index.select(matchers);
        let present = Sources::of(&self.store, self.clip(range)).present(ids.clone());
        ids - present
    }

    /// Exemplars of matching series within `range`, each series' in order of time.
    pub fn exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Vec<Exemplar>)> {
        let ids = self.store.index.select(matchers);
        let mut found: BTreeMap<SeriesId, Vec<Exemplar>> = BTreeMap::new();
        for (id, e) in &self.store.exemplars.lock().ring {
            if range.contains(e.time_ms) && ids.contains(id.0) {
                found.entry(*id).or_default().push(e.clone());
            }
        }
        let mut out: Vec<(Labels, Vec<Exemplar>)> =
            found.into_iter().filter_map(|(id, es)| Some((self.store.index.labels(id)?, es))).collect();
        for (_, es) in &mut out {
            es.sort_by_key(|e| e.time_ms);
            es.dedup();
        }
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::each_ranked;
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    proptest! {
        #[test]
        fn few_and_many_are_found_alike(
            series in proptest::collection::btree_set(0u32..2000, 0..1500),
            matching in proptest::collection::btree_set(0u32..2000, 0..40),
            all in any::<bool>(),
        ) {
            let matching = if all { series.clone() } else { matching };
            let place = |set: &std::collections::BTreeSet<u32>, id: u32| set.iter().position(|x| *x == id);
            let want: Vec<(usize, u32, usize)> = matching
                .intersection(&series)
                .filter_map(|id| Some((place(&matching, *id)?, *id, place(&series, *id)?)))
                .collect();
            let (series, matching): (RoaringBitmap, RoaringBitmap) =
                (series.into_iter().collect(), matching.into_iter().collect());
            let mut found = Vec::new();
            each_ranked::<()>(&series, &matching, &mut |at, id, rank| {
                found.push((at, id, rank));
                Ok(())
            })
            .unwrap();
            prop_assert_eq!(found, want);
        }
    }
}
