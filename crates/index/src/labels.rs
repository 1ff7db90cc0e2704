//! Questions about labels: which series match, what their labels are, which names and values there are.

use crate::index::Index;
use crate::posting::Malformed;
use crate::segment::Segment;
use crate::select::{self, for_each_key};
use crate::source::{Order, Source};
use crate::tail::Tail;
use crate::view::View;
use crate::{Flaw, SeriesId};
use model::{Labels, Matcher, Pairs};
use roaring::RoaringBitmap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reading a series' key costs about as much as looking at this many postings.
pub(crate) const POSTINGS_PER_KEY: u64 = 8;

/// More series of a segment than this are read without a look at the cache, which they would only turn over.
const CACHED_MAX: u64 = 50_000;

impl Index {
    /// The ids of the series that satisfy every matcher; without matchers, of all series.
    pub fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let view = self.view();
        let mut found = RoaringBitmap::new();
        for segment in &view.segments {
            found |= self.select_in(segment, matchers);
        }
        if !view.dead.is_empty() {
            found -= &*view.dead;
        }
        for tail in view.tails() {
            // The mutable part is in memory and cannot be damaged.
            found |= select::select(&*tail.read(), matchers).unwrap_or_default();
        }
        found
    }

    /// No fewer than [`Index::select`] finds, for a fraction of its work.
    pub fn select_at_most(&self, matchers: &[Matcher]) -> u64 {
        let view = self.view();
        let of_segments = view.segments.iter().map(|s| {
            // What is damaged is noted by whoever needs it; here the segment may hold as many as it can.
            select::at_most(&**s, matchers).unwrap_or_else(|_| s.range().len())
        });
        let of_tails = view.tails().map(|t| select::at_most(&*t.read(), matchers).unwrap_or_default());
        of_segments.sum::<u64>() + of_tails.sum::<u64>()
    }

    /// The labels of a series, if it exists and its key can be read.
    pub fn labels(&self, id: SeriesId) -> Option<Labels> {
        let view = self.view();
        let of_key = |key: &[u8]| Labels::from_key(key).ok();
        match view.segment_of(id.0) {
            Some(segment) => segment.with_key(id.0, of_key).unwrap_or_else(|flaw| {
                self.note(segment, flaw);
                None
            })?,
            None => view.tails().find_map(|t| t.read().key(id.0).and_then(of_key)),
        }
    }

    /// Calls `each` with the labels of every series of `ids` that exists and can be read, in order of id within
    /// each part of the index. Much cheaper for each series than [`Index::labels`].
    pub fn labels_many(&self, ids: &RoaringBitmap, mut each: impl FnMut(SeriesId, Labels)) {
        let view = self.view();
        let hand_out = |each: &mut dyn FnMut(SeriesId, Labels), id: u32, key: &[u8]| {
            if let Ok(labels) = Labels::from_key(key) {
                each(SeriesId(id), labels);
            }
        };
        for segment in &view.segments {
            let ids = ids & segment.range();
            if ids.len() > CACHED_MAX {
                self.keys_in(segment, &ids, &mut |id, key| hand_out(&mut each, id, key));
                continue;
            }
            for id in &ids {
                match segment.labels_of(id) {
                    Ok(Some(labels)) => each(SeriesId(id), labels),
                    Ok(None) => {}
                    Err(flaw) => self.note(segment, flaw),
                }
            }
        }
        let mut hand_out = |id: u32, key: &[u8]| hand_out(&mut each, id, key);
        for tail in view.tails() {
            let tail = tail.read();
            let own = tail.ids().min().zip(tail.ids().max()).map(|(first, last)| ids.range(first..=last));
            for id in own.into_iter().flatten() {
                if let Some(key) = tail.key(id) {
                    hand_out(id, key);
                }
            }
        }
    }

    /// The keys of some series of a segment, past whatever is damaged.
    fn keys_in(&self, segment: &Arc<Segment>, ids: &RoaringBitmap, each: &mut dyn FnMut(u32, &[u8])) {
        let mut last = None;
        let read = for_each_key(&**segment, ids, |id, key| {
            last = Some(id);
            each(id, key);
        });
        if let Err(flaw) = read {
            self.note(segment, flaw);
            let mut rest = ids.clone();
            if let Some(last) = last {
                rest.remove_range(..=last);
            }
            for id in rest {
                // What cannot be read is passed over; that it is damaged is noted already.
                drop(segment.with_key(id, |key| each(id, key)));
            }
        }
    }

    /// The label names of the series that satisfy every matcher and are not in `less`, in ascending order.
    pub fn label_names(&self, matchers: &[Matcher], less: &RoaringBitmap) -> Vec<String> {
        let view = self.view();
        let mut all = BTreeSet::new();
        for segment in &view.segments {
            let wanted = self.wanted(&view, segment, matchers, less);
            match names_in(&**segment, &wanted) {
                Ok(names) => all.extend(names),
                Err(flaw) => {
                    self.note(segment, flaw);
                    let ids = select::scan(&**segment, matchers) - view.dead_in(segment) - less;
                    self.keys_in(segment, &ids, &mut |_, key| {
                        let new = |n: &&str| !all.contains(*n);
                        let names: Vec<String> =
                            Pairs::of_key(key).map(|(n, _)| n).filter(new).map(str::to_owned).collect();
                        all.extend(names);
                    });
                }
            }
        }
        for tail in view.tails() {
            let tail = tail.read();
            let wanted = Wanted::of_tail(&tail, matchers, less);
            all.extend(names_in(&*tail, &wanted).unwrap_or_default());
        }
        all.into_iter().collect()
    }

    /// The values that a label has in the series that satisfy every matcher and are not in `less`, in ascending
    /// order.
    pub fn label_values(&self, name: &str, matchers: &[Matcher], less: &RoaringBitmap) -> Vec<String> {
        let view = self.view();
        let mut all = Vec::new();
        for segment in &view.segments {
            let wanted = self.wanted(&view, segment, matchers, less);
            match values_in(&**segment, name, &wanted) {
                Ok(values) => all.extend(values),
                Err(flaw) => {
                    self.note(segment, flaw);
                    let ids = select::scan(&**segment, matchers) - view.dead_in(segment) - less;
                    let mut values = BTreeSet::new();
                    self.keys_in(segment, &ids, &mut |_, key| add_value(key, name, &mut values));
                    all.extend(values);
                }
            }
        }
        for tail in view.tails() {
            let tail = tail.read();
            let wanted = Wanted::of_tail(&tail, matchers, less);
            all.extend(values_in(&*tail, name, &wanted).unwrap_or_default());
        }
        // Each part's values are sorted; the sort finds these runs and merges them.
        all.sort();
        all.dedup();
        all
    }

    pub(crate) fn wanted(
        &self,
        view: &View,
        segment: &Arc<Segment>,
        matchers: &[Matcher],
        less: &RoaringBitmap,
    ) -> Wanted {
        let mut out = view.dead_in(segment);
        if !less.is_empty() {
            out |= less & segment.range();
        }
        match matchers.is_empty() {
            true => Wanted::not(out),
            false => Wanted::Of(self.select_in(segment, matchers) - out),
        }
    }
}

/// Which series of a source a question is about.
pub(crate) enum Wanted {
    All,
    Not(RoaringBitmap),
    Of(RoaringBitmap),
}

impl Wanted {
    pub(crate) fn of_tail(tail: &Tail, matchers: &[Matcher], less: &RoaringBitmap) -> Wanted {
        match matchers.is_empty() {
            true => Wanted::not(less & tail.ids()),
            false => Wanted::Of(select::select(tail, matchers).unwrap_or_default() - less),
        }
    }

    fn not(out: RoaringBitmap) -> Wanted {
        if out.is_empty() { Wanted::All } else { Wanted::Not(out) }
    }

    /// Whether a posting has a wanted series.
    fn any(&self, posting: &crate::posting::Posting<'_>) -> Result<bool, Flaw> {
        let found = match self {
            Wanted::All => Ok(true),
            // More than can be out: one is in.
            Wanted::Not(out) if posting.len() > out.len() => Ok(true),
            Wanted::Not(out) => posting.count_in(out).map(|n| n < posting.len()),
            Wanted::Of(ids) => posting.count_in(ids).map(|n| n > 0),
        };
        let what = "not a posting".to_owned();
        found.map_err(|Malformed| Flaw { section: "postings", offset: 0, what })
    }

    /// Whether a posting, which is read only if that is the question, has a wanted series.
    pub(crate) fn has<'p>(
        &self,
        posting: impl FnOnce() -> Result<crate::posting::Posting<'p>, Flaw>,
    ) -> Result<bool, Flaw> {
        if matches!(self, Wanted::All) { Ok(true) } else { self.any(&posting()?) }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Wanted::Of(ids) if ids.is_empty())
    }
}

fn names_in<S: Source>(source: &S, wanted: &Wanted) -> Result<Vec<String>, Flaw> {
    if wanted.is_nothing() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for (name, _) in source.names()? {
        let there = match wanted {
            Wanted::All => true,
            _ => source.presence(&name)?.map_or(Ok(false), |p| wanted.any(&p))?,
        };
        if there {
            names.push(name);
        }
    }
    Ok(names)
}

fn values_in<S: Source>(source: &S, name: &str, wanted: &Wanted) -> Result<Vec<String>, Flaw> {
    let Some(stats) = source.name(name)? else { return Ok(Vec::new()) };
    if wanted.is_nothing() {
        return Ok(Vec::new());
    }
    if let Wanted::Of(ids) = wanted
        && ids.len() * POSTINGS_PER_KEY < u64::from(stats.values)
    {
        let mut values = BTreeSet::new();
        for_each_key(source, ids, |_, key| add_value(key, name, &mut values))?;
        return Ok(values.into_iter().collect());
    }
    let mut values = Vec::new();
    let mut walk = source.values(name, "", Order::Ascending)?;
    while walk.advance()? {
        let there = matches!(wanted, Wanted::All) || wanted.any(&walk.posting()?)?;
        if there {
            values.push(walk.value().to_owned());
        }
    }
    Ok(values)
}

fn add_value(key: &[u8], name: &str, values: &mut BTreeSet<String>) {
    if let Some((_, value)) = Pairs::of_key(key).find(|(n, _)| *n == name)
        && !values.contains(value)
    {
        values.insert(value.to_owned());
    }
}
