//! The live parts, and which of them to merge.

use crate::error::{Damage, TsdbError};
use crate::part::Part;
use blocks::Blocks;
use std::cmp::Reverse;
use std::sync::Arc;

/// Where parts lie among the blocks.
pub(crate) const PREFIX: &str = "parts/";

/// What a part's name says: its day and the flushes whose samples it holds.
///
/// Flushes are numbered. A merge takes neighbouring parts of a day and covers their numbers, so a part whose
/// numbers lie within those of another of the same day is superseded by it; nothing else needs to be recorded
/// for a crash to leave a consistent set. A part that is rewritten by itself, to carry out deletions, keeps its
/// numbers and gets the next generation. Of two sources that disagree on a sample, the one with higher numbers
/// was written later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartId {
    pub day: i64,
    pub first: u64,
    pub last: u64,
    pub generation: u32,
}

impl PartId {
    pub fn name(&self) -> String {
        format!("{PREFIX}{}/{:012}-{:012}-{}.part", self.day, self.first, self.last, self.generation)
    }

    pub fn parse(name: &str) -> Option<PartId> {
        let (day, rest) = name.strip_prefix(PREFIX)?.split_once('/')?;
        let mut numbers = rest.strip_suffix(".part")?.split('-');
        let first = numbers.next()?.parse().ok()?;
        let last = numbers.next()?.parse().ok()?;
        let generation = numbers.next()?.parse().ok()?;
        let id = PartId { day: day.parse().ok()?, first, last, generation };
        (first <= last && numbers.next().is_none()).then_some(id)
    }

    /// Whether `other` is superseded by this one.
    fn supersedes(&self, other: &PartId) -> bool {
        let wider = (self.first, self.last) != (other.first, other.last);
        self.day == other.day
            && self.first <= other.first
            && other.last <= self.last
            && (wider || self.generation > other.generation)
    }
}

/// A part that is being served.
pub(crate) struct LivePart {
    pub id: PartId,
    pub part: Part,
}

/// The live parts, oldest flush first within a day.
#[derive(Clone, Default)]
pub(crate) struct PartSet {
    parts: Vec<Arc<LivePart>>,
}

/// What opening the parts came to.
pub(crate) struct Opened {
    pub set: PartSet,
    pub damages: Vec<Damage>,
}

impl PartSet {
    /// Opens what is there: sets damaged parts aside, removes superseded ones.
    pub fn open(blocks: &dyn Blocks) -> Result<Opened, TsdbError> {
        let names = blocks.list(PREFIX).map_err(|e| TsdbError::io("list", PREFIX, e))?;
        let mut ids: Vec<PartId> = names.iter().filter_map(|b| PartId::parse(&b.name)).collect();
        // Widest first, so that what supersedes is known to be whole before what it supersedes is removed.
        ids.sort_by_key(|id| (id.day, Reverse(id.last - id.first), id.first, Reverse(id.generation)));
        let mut set = PartSet::default();
        let mut damages = Vec::new();
        for id in ids {
            let name = id.name();
            if set.parts.iter().any(|p| p.id.supersedes(&id)) {
                blocks.delete(&name).map_err(|e| TsdbError::io("delete", &name, e))?;
                continue;
            }
            let bytes = blocks.open(&name).map_err(|e| TsdbError::io("open", &name, e))?;
            match Part::open(&name, bytes) {
                Ok(part) => set.parts.push(Arc::new(LivePart { id, part })),
                Err(TsdbError::Corrupt(mut d)) => {
                    let aside =
                        blocks.quarantine(&name).map_err(|e| TsdbError::io("quarantine", &name, e))?;
                    d.what = format!("{}; the part is set aside as {aside}", d.what);
                    damages.push(d);
                }
                Err(e) => return Err(e),
            }
        }
        set.parts.sort_by_key(|p| p.id);
        Ok(Opened { set, damages })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<LivePart>> {
        self.parts.iter()
    }

    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// The highest flush number in use.
    pub fn last_flush(&self) -> u64 {
        self.parts.iter().map(|p| p.id.last).max().unwrap_or(0)
    }

    /// This set less `gone`, plus `added`.
    pub fn changed(&self, gone: &[PartId], added: impl IntoIterator<Item = Arc<LivePart>>) -> PartSet {
        let mut parts: Vec<_> = self.parts.iter().filter(|p| !gone.contains(&p.id)).cloned().collect();
        parts.extend(added);
        parts.sort_by_key(|p| p.id);
        PartSet { parts }
    }

    fn days(&self) -> impl Iterator<Item = &[Arc<LivePart>]> {
        self.parts.chunk_by(|a, b| a.id.day == b.id.day)
    }

    /// Neighbours worth merging, if any.
    pub fn next_merge(&self) -> Option<Vec<Arc<LivePart>>> {
        self.days().find_map(|day| {
            let sizes: Vec<u64> = day.iter().map(|p| p.part.size()).collect();
            plan(&sizes).map(|r| day[r].to_vec())
        })
    }

    /// The first day of more than one part, for a full compaction.
    pub fn next_full_merge(&self) -> Option<Vec<Arc<LivePart>>> {
        self.days().find(|d| d.len() > 1).map(<[_]>::to_vec)
    }
}

/// Parts of about one size are merged when there are this many of them.
const FAN_IN: usize = 6;
/// Parts below this size count as being of one size.
const SMALL_BYTES: u64 = 256 << 10;

/// A run of neighbours such that none is larger than all others together: every byte is then rewritten only a
/// logarithmic number of times.
fn plan(sizes: &[u64]) -> Option<std::ops::Range<usize>> {
    for start in 0..sizes.len().saturating_sub(FAN_IN - 1) {
        let rest = &sizes[start..];
        let total: u64 = rest.iter().sum();
        let largest = rest.iter().map(|s| *s.max(&SMALL_BYTES)).max().unwrap_or(0);
        // The bound on the largest is what keeps a day's big part from being rewritten for every small one.
        if total.max(SMALL_BYTES * rest.len() as u64) >= largest * (FAN_IN as u64) / 2 {
            return Some(start..sizes.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for id in [(-3, 0, 0, 0), (20_000, 7, 1 << 40, 3)] {
            let (day, first, last, generation) = id;
            let id = PartId { day, first, last, generation };
            assert_eq!(PartId::parse(&id.name()), Some(id));
        }
        for bad in [
            "parts/1/2-1-0.part",
            "parts/x/1-2-0.part",
            "index/1/1-2-0.part",
            "parts/1/1-2.part",
            "parts/1/1-2-0",
        ] {
            assert_eq!(PartId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn merging_rewrites_each_byte_few_times() {
        let (mut sizes, mut written) = (Vec::<u64>::new(), 0);
        for _ in 0..1000 {
            sizes.push(1 << 20);
            while let Some(r) = plan(&sizes) {
                let total = sizes[r.clone()].iter().sum();
                written += total;
                sizes.splice(r, [total]);
            }
            assert!(sizes.len() < 40, "{sizes:?}");
        }
        assert!(written < 5 * (1000 << 20), "{}", written >> 20);
    }
}
