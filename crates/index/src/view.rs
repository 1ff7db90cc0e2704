//! What an index consists of at one moment.

use crate::segment::Segment;
use crate::source::Source;
use crate::tail::Tail;
use parking_lot::RwLock;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// A mutable part, shared with those who still read it after it was frozen.
pub(crate) type SharedTail = Arc<RwLock<Tail>>;

/// Immutable; a change makes a new view. Every series lies in exactly one of the parts.
#[derive(Clone)]
pub(crate) struct View {
    /// In ascending order of their ranges of ids, which do not overlap.
    pub segments: Vec<Arc<Segment>>,
    /// Mutable parts that a persist under way, or one that failed, has taken out of use.
    pub frozen: Vec<SharedTail>,
    /// Takes new series.
    pub tail: SharedTail,
    /// Ids of dropped series that still lie in segments.
    pub dead: Arc<RoaringBitmap>,
    /// Grows with every change to the segments.
    pub epoch: u64,
}

impl View {
    /// The segment whose range has an id.
    pub(crate) fn segment_of(&self, id: u32) -> Option<&Arc<Segment>> {
        let after = self.segments.partition_point(|s| s.footer.from <= id);
        self.segments[..after].last().filter(|s| s.covers(id))
    }

    /// The mutable parts, frozen ones first.
    pub(crate) fn tails(&self) -> impl Iterator<Item = &SharedTail> {
        self.frozen.iter().chain([&self.tail])
    }

    pub(crate) fn mutable_len(&self) -> u64 {
        self.tails().map(|t| t.read().len() as u64).sum()
    }

    pub(crate) fn persisted_len(&self) -> u64 {
        let all: u64 = self.segments.iter().map(|s| u64::from(s.len())).sum();
        all - self.dead.len().min(all)
    }

    /// Ids in the mutable parts.
    pub(crate) fn mutable_ids(&self) -> RoaringBitmap {
        self.tails().fold(RoaringBitmap::new(), |ids, t| ids | t.read().ids())
    }

    /// Ids in segments, the dead included; where a segment cannot tell, its whole range.
    pub(crate) fn segment_ids(&self) -> RoaringBitmap {
        let mut ids = RoaringBitmap::new();
        for segment in &self.segments {
            match segment.all() {
                Ok(own) => ids |= own,
                Err(_) => ids |= segment.range(),
            }
        }
        ids
    }

    /// The dead ids of one segment.
    pub(crate) fn dead_in(&self, segment: &Segment) -> RoaringBitmap {
        if self.dead.is_empty() { RoaringBitmap::new() } else { segment.range() & &*self.dead }
    }
}
