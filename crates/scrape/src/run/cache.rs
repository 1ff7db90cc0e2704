//! What is remembered of a target's series between scrapes.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use model::Labels;
use std::hash::{BuildHasher, RandomState};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The lines a target exposes, the series they become, and which series are alive.
///
/// A *line* is the part of an exposition that names a series, byte for byte; it leads to a *series* (labels
/// after relabelling) or to nothing if relabelling drops it. In a steady state every line is known, so a scrape
/// neither parses nor relabels labels.
///
/// Several lines may lead to one series. Life is kept with the series, never with the line: a series is *alive*
/// from the first successful scrape that holds it (and is not exempt from staleness) until one that does not,
/// which is when it gets its staleness marker.
pub(super) struct SeriesCache {
    seed: u64,
    /// The current scrape.
    scrape: u32,
    lines: HashTable<Line>,
    lines_seen: usize,
    /// Lines at the end of the last successful scrape.
    lines_settled: usize,
    by_labels: HashTable<u32>,
    series: Vec<Series>,
    free: Vec<u32>,
}

struct Line {
    raw: Box<[u8]>,
    hash: u64,
    series: Option<SeriesId>,
    seen: u32,
}

struct Series {
    labels: Labels,
    /// Lines that lead here.
    lines: u32,
    /// The scrape that held it last.
    seen: u32,
    /// Whether that scrape subjected it to staleness.
    tracked: bool,
    alive: bool,
    histogram: bool,
    /// A hash of the exemplar forwarded last.
    exemplar: u64,
}

/// A series of this cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeriesId(u32);

/// Room for lines that came with failed scrapes before they are thrown away.
const LINES_SLACK: usize = 1000;

impl Default for SeriesCache {
    fn default() -> Self {
        SeriesCache {
            // Targets choose the bytes, so they must not know the hash.
            seed: RandomState::new().hash_one(0u8),
            scrape: 0,
            lines: HashTable::new(),
            lines_seen: 0,
            lines_settled: 0,
            by_labels: HashTable::new(),
            series: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl SeriesCache {
    /// Begins a scrape.
    pub(super) fn begin(&mut self) {
        self.scrape = self.scrape.wrapping_add(1);
        self.lines_seen = 0;
    }

    /// What a line leads to, if it is known: `Some(None)` is a dropped series.
    pub(super) fn line(&mut self, raw: &[u8]) -> Option<Option<SeriesId>> {
        let hash = xxh3_64_with_seed(raw, self.seed);
        let line = self.lines.find_mut(hash, |l| l.hash == hash && *l.raw == *raw)?;
        if line.seen != self.scrape {
            line.seen = self.scrape;
            self.lines_seen += 1;
        }
        Some(line.series)
    }

    /// Remembers what a line that is not known leads to.
    pub(super) fn add_line(&mut self, raw: &[u8], labels: Option<Labels>) -> Option<SeriesId> {
        let series = labels.map(|l| self.intern(l));
        if let Some(id) = series {
            self.series[id.0 as usize].lines += 1;
        }
        let hash = xxh3_64_with_seed(raw, self.seed);
        let line = Line { raw: raw.into(), hash, series, seen: self.scrape };
        self.lines.insert_unique(hash, line, |l| l.hash);
        self.lines_seen += 1;
        series
    }

    fn intern(&mut self, labels: Labels) -> SeriesId {
        let (seed, all) = (self.seed, &mut self.series);
        let hash_of = |labels: &Labels| xxh3_64_with_seed(labels.key(), seed);
        let hash = hash_of(&labels);
        let same = |at: &u32| all[*at as usize].labels == labels;
        match self.by_labels.entry(hash, same, |at| hash_of(&all[*at as usize].labels)) {
            Entry::Occupied(at) => SeriesId(*at.get()),
            Entry::Vacant(vacant) => {
                let series = Series {
                    labels,
                    lines: 0,
                    seen: self.scrape.wrapping_sub(1),
                    tracked: false,
                    alive: false,
                    histogram: false,
                    exemplar: 0,
                };
                let at = match self.free.pop() {
                    Some(at) => {
                        all[at as usize] = series;
                        at
                    }
                    None => {
                        all.push(series);
                        (all.len() - 1) as u32
                    }
                };
                vacant.insert(at);
                SeriesId(at)
            }
        }
    }

    pub(super) fn labels(&self, id: SeriesId) -> &Labels {
        &self.series[id.0 as usize].labels
    }

    /// Notes a sample of a series in this scrape; false if there was one before.
    pub(super) fn touch(&mut self, id: SeriesId, tracked: bool, histogram: bool) -> bool {
        let series = &mut self.series[id.0 as usize];
        let first = series.seen != self.scrape;
        series.tracked = tracked || (series.tracked && !first);
        series.seen = self.scrape;
        series.histogram = histogram;
        first
    }

    /// Notes an exemplar; false if it is the one noted last.
    pub(super) fn is_new_exemplar(&mut self, id: SeriesId, hash: u64) -> bool {
        std::mem::replace(&mut self.series[id.0 as usize].exemplar, hash) != hash
    }

    /// Ends a scrape that succeeded; `stale` is called for each series that is alive no more.
    pub(super) fn succeed(&mut self, mut stale: impl FnMut(&Labels, bool)) {
        for series in &mut self.series {
            if series.seen == self.scrape {
                series.alive = series.tracked;
            } else if series.alive {
                series.alive = false;
                stale(&series.labels, series.histogram);
            }
        }
        if self.lines_seen < self.lines.len() {
            self.forget(|line, scrape| line.seen == scrape);
        }
        self.lines_settled = self.lines.len();
    }

    /// Ends a scrape that failed, which is the end of every series that was alive.
    pub(super) fn fail(&mut self, mut stale: impl FnMut(&Labels, bool)) {
        for series in &mut self.series {
            if std::mem::take(&mut series.alive) {
                stale(&series.labels, series.histogram);
            }
        }
        // A target whose labels change with each scrape, all of which fail, must not fill the memory.
        if self.lines.len() > 2 * self.lines_settled + LINES_SLACK {
            self.forget(|_, _| false);
            self.lines_settled = 0;
        }
    }

    /// Forgets what lines lead to, because the rules that say so have changed. What is alive stays alive.
    pub(super) fn forget_lines(&mut self) {
        self.forget(|_, _| false);
    }

    fn forget(&mut self, keep: impl Fn(&Line, u32) -> bool) {
        let (scrape, series) = (self.scrape, &mut self.series);
        self.lines.retain(|line| {
            let keep = keep(line, scrape);
            if let Some(id) = line.series.filter(|_| !keep) {
                series[id.0 as usize].lines -= 1;
            }
            keep
        });
        let (seed, free) = (self.seed, &mut self.free);
        let series = &mut self.series;
        self.by_labels.retain(|at| {
            let s = &mut series[*at as usize];
            let keep = s.lines > 0 || s.alive;
            if !keep {
                s.labels = Labels::empty();
                free.push(*at);
            }
            keep
        });
        if self.by_labels.len() * 4 < self.by_labels.capacity() {
            self.by_labels.shrink_to_fit(|at| xxh3_64_with_seed(series[*at as usize].labels.key(), seed));
            self.lines.shrink_to_fit(|l| l.hash);
        }
    }

    #[cfg(test)]
    fn sizes(&self) -> (usize, usize) {
        (self.lines.len(), self.by_labels.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn labels(n: u8) -> Labels {
        Labels::from_pairs([("n", n.to_string())]).unwrap()
    }

    /// A scrape: pairs of a line and the series it leads to (or none), and whether the scrape succeeds.
    type Scrape = (BTreeMap<u8, Option<u8>>, bool);

    fn scrapes() -> impl Strategy<Value = Vec<Scrape>> {
        let line = (0u8..12, proptest::option::weighted(0.8, 0u8..6));
        proptest::collection::vec(
            (proptest::collection::btree_map(line.0, line.1, 0..10), proptest::bool::weighted(0.8)),
            0..20,
        )
    }

    proptest! {
        /// Staleness against its definition over sets.
        #[test]
        fn exactly_what_vanishes_becomes_stale(scrapes in scrapes()) {
            let mut cache = SeriesCache::default();
            // A line always leads to the same series, as long as nobody forgets it.
            let mut leads: BTreeMap<u8, Option<u8>> = BTreeMap::new();
            let mut alive: BTreeSet<Labels> = BTreeSet::new();
            for (lines, ok) in scrapes {
                cache.begin();
                let mut held = BTreeSet::new();
                for (line, fallback) in lines {
                    let to = *leads.entry(line).or_insert(fallback);
                    let id = match cache.line(&[line]) {
                        Some(known) => {
                            prop_assert_eq!(known.map(|id| cache.labels(id).clone()), to.map(labels));
                            known
                        }
                        None => cache.add_line(&[line], to.map(labels)),
                    };
                    if let Some(id) = id {
                        let first = cache.touch(id, true, false);
                        prop_assert_eq!(first, held.insert(cache.labels(id).clone()));
                    }
                }
                let mut stale = BTreeSet::new();
                let note = |l: &Labels, _| { stale.insert(l.clone()); };
                let want: BTreeSet<Labels> = if ok {
                    cache.succeed(note);
                    alive.difference(&held).cloned().collect()
                } else {
                    cache.fail(note);
                    held = BTreeSet::new();
                    alive.clone()
                };
                prop_assert_eq!(stale, want);
                alive = held;
            }
        }
    }

    #[test]
    fn what_is_not_seen_is_forgotten() {
        let mut cache = SeriesCache::default();
        for round in 0..100u32 {
            cache.begin();
            for line in round * 10..round * 10 + 10 {
                let raw = line.to_le_bytes();
                let labels = Labels::from_pairs([("n", line.to_string())]).unwrap();
                let id = cache.add_line(&raw, Some(labels)).unwrap();
                cache.touch(id, true, false);
            }
            let mut stale = 0;
            cache.succeed(|_, _| stale += 1);
            assert_eq!(stale, if round == 0 { 0 } else { 10 });
        }
        assert_eq!(cache.sizes(), (10, 10));
        assert!(cache.series.len() <= 20, "slots are used again");
    }

    #[test]
    fn new_rules_keep_the_living() {
        let mut cache = SeriesCache::default();
        cache.begin();
        let id = cache.add_line(b"a", Some(labels(1))).unwrap();
        cache.touch(id, true, false);
        cache.succeed(|_, _| panic!("nothing vanished"));
        cache.forget_lines();
        cache.begin();
        assert_eq!(cache.line(b"a"), None);
        let id = cache.add_line(b"a", Some(labels(2))).unwrap();
        cache.touch(id, true, true);
        let mut stale = Vec::new();
        cache.succeed(|l, _| stale.push(l.clone()));
        assert_eq!(stale, [labels(1)]);
    }

    #[test]
    fn series_exempt_from_staleness_get_no_marker() {
        let mut cache = SeriesCache::default();
        cache.begin();
        let id = cache.add_line(b"a", Some(labels(1))).unwrap();
        cache.touch(id, false, false);
        cache.succeed(|_, _| {});
        cache.begin();
        cache.succeed(|_, _| panic!("exempt"));
    }

    #[test]
    fn failing_scrapes_do_not_fill_the_memory() {
        let mut cache = SeriesCache::default();
        for round in 0..50u32 {
            cache.begin();
            for line in 0..100 {
                let raw = (round * 100 + line).to_le_bytes();
                cache.add_line(&raw, Some(Labels::from_pairs([("n", format!("{round}-{line}"))]).unwrap()));
            }
            cache.fail(|_, _| {});
        }
        assert!(cache.sizes().0 <= LINES_SLACK + 100, "{:?}", cache.sizes());
    }
}
