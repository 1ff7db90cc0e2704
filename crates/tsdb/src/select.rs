//! Reading: a consistent view of the series that match, and their samples.

use crate::engine::Engine;
use crate::error::TsdbError;
use crate::head::Head;
use crate::merge::Joiner;
use crate::part::Scratch;
use crate::partset::LivePart;
use crate::store::Store;
use crate::tombstones::Tombstones;
use index::SeriesId;
use model::{Exemplar, Labels, Matcher, Samples, TimeRange};
use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The series that match a selection, as they stood when it was made, plus what their active head receives
/// meanwhile. Holds the parts it reads: merging and retention do not disturb it.
pub struct Selection {
    store: Arc<Store>,
    range: TimeRange,
    series: Vec<(SeriesId, Labels)>,
    sources: Sources,
    readers: Mutex<Vec<Reader>>,
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

    /// Replaces `out` by the samples of one series within the selection's range. Neighbouring series share
    /// pages, so reading in ascending order is cheapest. Damaged pages are left out and reported in the status.
    pub fn read(&self, at: usize, out: &mut Samples) -> Result<(), TsdbError> {
        out.clear();
        let mut reader = self.readers.lock().pop().unwrap_or_else(|| self.sources.reader());
        let done = self.sources.read(&self.store, self.series[at].0, self.range, &mut reader, out);
        self.readers.lock().push(reader);
        done
    }
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

    fn reader(&self) -> Reader {
        Reader { scratch: self.parts.iter().map(|_| Scratch::new()).collect(), joiner: Joiner::new() }
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
            there.extend(matching.iter().filter(|id| h.contains(SeriesId(*id))));
        }
        there
    }

    fn read(
        &self,
        store: &Store,
        id: SeriesId,
        range: TimeRange,
        reader: &mut Reader,
        out: &mut Samples,
    ) -> Result<(), TsdbError> {
        for (i, p) in self.parts.iter().enumerate().filter(|(_, p)| p.part.series().contains(id.0)) {
            let done = reader.joiner.add(out, |out| {
                let done = p.part.read(id, range, &mut reader.scratch[i], out);
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
                h.read().read(id, range, out);
                Ok::<(), TsdbError>(())
            })?;
        }
        Ok(())
    }
}

impl Engine {
    /// The series that match and may have samples within `range`, clipped to retention.
    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Selection {
        let store = self.store.clone();
        let range = self.clip(range);
        let sources = Sources::of(&store, range);
        let ids = sources.present(store.index.select(matchers));
        let mut series = Vec::with_capacity(ids.len() as usize);
        store.index.labels_many(&ids, |id, labels| series.push((id, labels)));
        // Parts hold series in order of id.
        series.sort_unstable_by_key(|(id, _)| *id);
        Selection { store, range, series, sources, readers: Mutex::new(Vec::new()) }
    }

    fn clip(&self, range: TimeRange) -> TimeRange {
        let oldest = self.store.clock.now_ms().saturating_sub(self.store.options.retention_ms);
        TimeRange::new(range.start_ms.max(oldest), range.end_ms)
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
        let index = &self.store.index;
        let mut names = match self.some_absent(matchers, range) {
            None => index.label_names(matchers),
            Some(ids) => {
                let mut names = BTreeSet::new();
                index.labels_many(&ids, |_, labels| {
                    for (name, _) in &labels {
                        if !names.contains(name) {
                            names.insert(name.to_owned());
                        }
                    }
                });
                names.into_iter().collect()
            }
        };
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
        let index = &self.store.index;
        let mut values = match self.some_absent(matchers, range) {
            None => index.label_values(name, matchers),
            Some(ids) => {
                let mut values = BTreeSet::new();
                index.labels_many(&ids, |_, labels| {
                    if let Some(v) = labels.get(name)
                        && !values.contains(v)
                    {
                        values.insert(v.to_owned());
                    }
                });
                values.into_iter().collect()
            }
        };
        values.truncate(limit);
        values
    }

    /// `None` if every matching series may have samples within `range`: the index then answers by itself. Else
    /// those that may.
    fn some_absent(&self, matchers: &[Matcher], range: TimeRange) -> Option<RoaringBitmap> {
        let ids = self.store.index.select(matchers);
        let all = ids.len();
        let present = Sources::of(&self.store, self.clip(range)).present(ids);
        (present.len() < all).then_some(present)
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
