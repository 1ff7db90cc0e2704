//! What the mutable part and a segment have in common for those who read them: series by id, and terms by label
//! name and value.

use crate::Flaw;
use crate::posting::Posting;
use crate::segment::{SegmentKeys, SegmentValues};
use crate::tail::{TailKeys, TailValues};
use roaring::RoaringBitmap;

/// Totals of one label name within a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NameStats {
    /// Distinct values.
    pub values: u32,
    /// Bytes of the distinct values.
    pub value_bytes: u64,
    /// Series with the label.
    pub series: u32,
}

/// The order in which values are wanted. Where they lie in none, `Any` spares sorting them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Any,
}

/// A set of series with their terms. What is damaged is reported as a [`Flaw`]; keys are the truth from which all
/// else can be made again.
pub(crate) trait Source {
    /// Every id.
    fn all(&self) -> Result<RoaringBitmap, Flaw>;
    /// The label names in ascending order.
    fn names(&self) -> Result<Vec<(String, NameStats)>, Flaw>;
    /// Totals of one label name.
    fn name(&self, name: &str) -> Result<Option<NameStats>, Flaw>;
    /// The series with a label name.
    fn presence(&self, name: &str) -> Result<Option<Posting<'_>>, Flaw>;
    /// The series with a label pair.
    fn term(&self, name: &str, value: &str) -> Result<Option<Posting<'_>>, Flaw>;
    /// The values of a label that start with `prefix`.
    fn values(&self, name: &str, prefix: &str, order: Order) -> Result<Values<'_>, Flaw>;
    /// Series and keys in order of id, from the first id not below `from`.
    fn keys(&self, from: u32) -> Keys<'_>;
}

/// Walks the values of a label; call `advance` before each look.
pub(crate) enum Values<'a> {
    Segment(SegmentValues<'a>),
    Tail(TailValues<'a>),
    None,
}

impl<'a> Values<'a> {
    pub(crate) fn advance(&mut self) -> Result<bool, Flaw> {
        match self {
            Values::Segment(v) => v.advance(),
            Values::Tail(v) => Ok(v.advance()),
            Values::None => Ok(false),
        }
    }

    pub(crate) fn value(&self) -> &str {
        match self {
            Values::Segment(v) => v.value(),
            Values::Tail(v) => v.value(),
            Values::None => "",
        }
    }

    pub(crate) fn posting(&self) -> Result<Posting<'a>, Flaw> {
        match self {
            Values::Segment(v) => v.posting(),
            Values::Tail(v) => Ok(v.posting()),
            Values::None => Ok(Posting::Ids(&[])),
        }
    }
}

/// Walks series in order of id; call `advance` before each look. A damaged key is an `Err`, after which the walk
/// can go on.
pub(crate) enum Keys<'a> {
    Segment(SegmentKeys<'a>),
    Tail(TailKeys<'a>),
}

impl Keys<'_> {
    pub(crate) fn advance(&mut self) -> Result<bool, Flaw> {
        match self {
            Keys::Segment(k) => k.advance(),
            Keys::Tail(k) => Ok(k.advance()),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        match self {
            Keys::Segment(k) => k.id(),
            Keys::Tail(k) => k.id(),
        }
    }

    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Keys::Segment(k) => k.key(),
            Keys::Tail(k) => k.key(),
        }
    }
}

/// Several sources' values of one label as one ascending walk.
pub(crate) struct MergedValues<'a> {
    walks: Vec<Values<'a>>,
    /// Which walks stand on the current value.
    here: Vec<usize>,
    /// Which walks are not at their end.
    live: Vec<bool>,
    value: String,
}

impl<'a> MergedValues<'a> {
    /// An error comes with the position of its source.
    pub(crate) fn new(mut walks: Vec<Values<'a>>) -> Result<Self, (usize, Flaw)> {
        let first = |(i, walk): (usize, &mut Values<'a>)| walk.advance().map_err(|flaw| (i, flaw));
        let live = walks.iter_mut().enumerate().map(first).collect::<Result<_, _>>()?;
        Ok(MergedValues { walks, here: Vec::new(), live, value: String::new() })
    }

    pub(crate) fn advance(&mut self) -> Result<bool, (usize, Flaw)> {
        for i in self.here.drain(..) {
            self.live[i] = self.walks[i].advance().map_err(|flaw| (i, flaw))?;
        }
        // A handful of sources: looking at each is quicker than keeping a heap.
        let ahead = |i: &usize| self.live[*i];
        let Some(least) = (0..self.walks.len()).filter(ahead).min_by_key(|i| self.walks[*i].value()) else {
            return Ok(false);
        };
        self.value.clear();
        self.value.push_str(self.walks[least].value());
        let value = &self.value;
        self.here.extend((0..self.walks.len()).filter(ahead).filter(|i| self.walks[*i].value() == value));
        Ok(true)
    }

    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// The current value's posting in each source that has it, with the source's position.
    pub(crate) fn postings(&self) -> impl Iterator<Item = (usize, Result<Posting<'a>, Flaw>)> {
        self.here.iter().map(|i| (*i, self.walks[*i].posting()))
    }
}
