//! Postings: the ids of the series that have one label pair, or one label name.
//!
//! Encoded, a posting of two or more ids is one byte for the kind and then:
//!
//! - `DELTAS`: the first id, then differences between neighbours less one, all varints;
//! - `ROARING`: the portable Roaring format;
//! - `PACKED`: zstd of what `DELTAS` would hold. Series that arrive host by host repeat their differences, and
//!   such a posting shrinks to almost nothing.

use crate::codec::{Reader, put_varint};
use roaring::RoaringBitmap;
use std::cell::RefCell;

const DELTAS: u8 = 0;
const ROARING: u8 = 1;
const PACKED: u8 = 2;

/// Above this many ids only `ROARING` is used: it is read fastest.
const DELTA_IDS_MAX: usize = 1 << 16;
/// Below this many ids, packing cannot pay for its header.
const PACK_IDS_MIN: usize = 24;
const PACK_LEVEL: i32 = 3;

/// Bytes that are not a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A posting where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Posting<'a> {
    /// One series.
    One(u32),
    /// Ascending ids.
    Ids(&'a [u32]),
    /// A set.
    Set(&'a RoaringBitmap),
    /// Encoded, with the number of ids it holds.
    Encoded(u32, &'a [u8]),
}

impl Posting<'_> {
    /// The number of ids.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Posting::One(_) => 1,
            Posting::Ids(ids) => ids.len() as u64,
            Posting::Set(set) => set.len(),
            Posting::Encoded(n, _) => u64::from(*n),
        }
    }

    /// Adds the ids to a set.
    pub(crate) fn add_to(&self, set: &mut RoaringBitmap) -> Result<(), Malformed> {
        match self {
            Posting::One(id) => {
                set.insert(*id);
            }
            Posting::Ids(ids) => set.extend(ids.iter().copied()),
            Posting::Set(other) => *set |= *other,
            Posting::Encoded(n, bytes) => {
                let own = decode(*n, bytes)?;
                if set.is_empty() {
                    *set = own;
                } else {
                    *set |= own;
                }
            }
        }
        Ok(())
    }

    /// The ids as a set of their own.
    pub(crate) fn to_set(self) -> Result<RoaringBitmap, Malformed> {
        let mut set = RoaringBitmap::new();
        self.add_to(&mut set)?;
        Ok(set)
    }

    /// Keeps in `set` what is in the posting.
    pub(crate) fn restrict(&self, set: &mut RoaringBitmap) -> Result<(), Malformed> {
        match self {
            Posting::One(id) => {
                let hit = set.contains(*id);
                set.clear();
                if hit {
                    set.insert(*id);
                }
            }
            Posting::Ids(ids) => {
                *set = ids.iter().copied().filter(|id| set.contains(*id)).collect();
            }
            Posting::Set(other) => *set &= *other,
            Posting::Encoded(n, bytes) => *set &= decode(*n, bytes)?,
        }
        Ok(())
    }

    /// Takes the ids out of `set`.
    pub(crate) fn remove_from(&self, set: &mut RoaringBitmap) -> Result<(), Malformed> {
        match self {
            Posting::One(id) => {
                set.remove(*id);
            }
            Posting::Ids(ids) => {
                for id in *ids {
                    set.remove(*id);
                }
            }
            Posting::Set(other) => *set -= *other,
            Posting::Encoded(n, bytes) => *set -= decode(*n, bytes)?,
        }
        Ok(())
    }

    /// How many of the ids are in `set`.
    pub(crate) fn count_in(&self, set: &RoaringBitmap) -> Result<u64, Malformed> {
        Ok(match self {
            Posting::One(id) => u64::from(set.contains(*id)),
            Posting::Ids(ids) => ids.iter().filter(|id| set.contains(**id)).count() as u64,
            Posting::Set(other) => set.intersection_len(other),
            Posting::Encoded(n, bytes) => set.intersection_len(&decode(*n, bytes)?),
        })
    }
}

/// The union of many postings.
///
/// Ids of small postings are gathered and put in order once in a while, and no part of the set is kept as runs: a set of
/// runs takes further ids one by one, each at the cost of moving all runs behind it.
#[derive(Default)]
pub(crate) struct Union {
    set: RoaringBitmap,
    gathered: Vec<u32>,
}

impl Union {
    /// So many ids are gathered before they are sorted.
    const GATHERED_MAX: usize = 1 << 16;

    pub(crate) fn add(&mut self, posting: &Posting<'_>) -> Result<(), Malformed> {
        match posting {
            Posting::One(id) => self.gathered.push(*id),
            Posting::Ids(ids) => self.gathered.extend_from_slice(ids),
            Posting::Set(other) => self.set |= *other,
            Posting::Encoded(n, bytes) => self.add_encoded(*n, bytes)?,
        }
        if self.gathered.len() >= Self::GATHERED_MAX {
            self.settle();
        }
        Ok(())
    }

    fn add_encoded(&mut self, n: u32, bytes: &[u8]) -> Result<(), Malformed> {
        let before = self.gathered.len();
        match bytes.split_first() {
            Some((&DELTAS, body)) => each_delta(body, |id| self.gathered.push(id))?,
            Some((&PACKED, body)) => {
                with_unpacked(n, body, |deltas| each_delta(deltas, |id| self.gathered.push(id)))?
            }
            _ => {
                let mut own = decode(n, bytes)?;
                own.remove_run_compression();
                self.set |= own;
                return Ok(());
            }
        }
        if self.gathered.len() - before == n as usize { Ok(()) } else { Err(Malformed) }
    }

    fn settle(&mut self) {
        if let Some(bits) = as_bits(&self.gathered) {
            self.set |= bits;
            self.gathered.clear();
            return;
        }
        self.gathered.sort_unstable();
        self.set |= RoaringBitmap::from_iter(self.gathered.drain(..));
    }

    pub(crate) fn into_set(mut self) -> RoaringBitmap {
        self.settle();
        self.set
    }
}

/// The set of ids in any order, if they lie so close that a bit for each between the least and the greatest takes no more
/// memory than they do: that spares sorting them.
fn as_bits(ids: &[u32]) -> Option<RoaringBitmap> {
    let (least, greatest) = (ids.iter().min()? & !63, *ids.iter().max()?);
    let bytes = (greatest - least) as usize / 8 + 1;
    if bytes > size_of_val(ids) {
        return None;
    }
    let mut bits = vec![0u8; bytes];
    for id in ids {
        let at = id - least;
        bits[at as usize / 8] |= 1 << (at % 8);
    }
    Some(RoaringBitmap::from_lsb0_bytes(least, &bits))
}

/// Encodes two or more ids and returns how many there were.
pub(crate) fn encode(set: &RoaringBitmap, out: &mut Vec<u8>) -> u32 {
    let n = set.len() as usize;
    let start = out.len();
    if n <= DELTA_IDS_MAX {
        out.push(DELTAS);
        let mut next = 0u64;
        for id in set {
            put_varint(out, u64::from(id) - next);
            next = u64::from(id) + 1;
        }
    }
    let deltas = out.len() - start;
    let packed = (PACK_IDS_MIN..=DELTA_IDS_MAX)
        .contains(&n)
        .then(|| zstd::bulk::compress(&out[start + 1..], PACK_LEVEL).ok())
        .flatten();
    let roaring = set.serialized_size() + 1;
    let packed_len = packed.as_ref().map_or(usize::MAX, |p| p.len() + 1);
    let small = if deltas == 0 { usize::MAX } else { deltas };
    // Packing costs a few microseconds to read, so it has to save a third.
    if packed_len < small.min(roaring) / 3 * 2 {
        out.truncate(start);
        out.push(PACKED);
        out.extend_from_slice(&packed.unwrap_or_default());
    } else if roaring <= small || n > 64 && roaring < small * 2 {
        out.truncate(start);
        out.push(ROARING);
        set.serialize_into(&mut *out).expect("a Vec takes all bytes");
    }
    n as u32
}

/// The set of exactly `n` ids.
pub(crate) fn decode(n: u32, bytes: &[u8]) -> Result<RoaringBitmap, Malformed> {
    let (&kind, body) = bytes.split_first().ok_or(Malformed)?;
    let set = match kind {
        DELTAS => decode_deltas(body)?,
        ROARING => {
            let mut rest = body;
            let set = RoaringBitmap::deserialize_from(&mut rest).map_err(|_| Malformed)?;
            if !rest.is_empty() {
                return Err(Malformed);
            }
            set
        }
        PACKED => unpack(n, body)?,
        _ => return Err(Malformed),
    };
    if set.len() == u64::from(n) { Ok(set) } else { Err(Malformed) }
}

fn decode_deltas(body: &[u8]) -> Result<RoaringBitmap, Malformed> {
    let mut set = RoaringBitmap::new();
    // Each id is greater than the one before.
    each_delta(body, |id| _ = set.try_push(id))?;
    Ok(set)
}

/// Calls `each` with the ids, which ascend.
fn each_delta(body: &[u8], mut each: impl FnMut(u32)) -> Result<(), Malformed> {
    let mut r = Reader(body);
    let mut next = 0u64;
    while !r.is_empty() {
        let id = r.varint().and_then(|d| next.checked_add(d)).ok_or(Malformed)?;
        each(u32::try_from(id).map_err(|_| Malformed)?);
        next = id + 1;
    }
    Ok(())
}

fn unpack(n: u32, body: &[u8]) -> Result<RoaringBitmap, Malformed> {
    with_unpacked(n, body, decode_deltas)
}

/// What `read` makes of the deltas of a packed posting of `n` ids.
fn with_unpacked<T>(
    n: u32,
    body: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    thread_local! {
        static UNPACK: RefCell<(zstd::zstd_safe::DCtx<'static>, Vec<u8>)> =
            RefCell::new((zstd::zstd_safe::DCtx::create(), Vec::new()));
    }
    if n as usize > DELTA_IDS_MAX {
        return Err(Malformed);
    }
    UNPACK.with_borrow_mut(|(context, deltas)| {
        deltas.clear();
        deltas.reserve(n as usize * 5);
        context.decompress(deltas, body).map_err(|_| Malformed)?;
        read(deltas)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sets() -> impl Strategy<Value = Vec<u32>> {
        let scattered = proptest::collection::btree_set(any::<u32>(), 2..200);
        let dense = (0u32..1 << 20, 2u32..70_000).prop_map(|(a, n)| (a..a + n).collect());
        let periodic = (0u32..1000, 1u32..2000, 2u32..500)
            .prop_map(|(a, step, n)| (0..n).map(|i| a + i * step).collect());
        prop_oneof![scattered.prop_map(|s| s.into_iter().collect()), dense, periodic]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn encodings_round_trip(ids in sets()) {
            let mut set: RoaringBitmap = ids.iter().copied().collect();
            set.optimize();
            let mut out = vec![9, 9];
            let n = encode(&set, &mut out);
            prop_assert_eq!(u64::from(n), set.len());
            prop_assert_eq!(decode(n, &out[2..]).unwrap(), set);
            prop_assert_eq!(decode(n + 1, &out[2..]), Err(Malformed));
        }

        #[test]
        fn a_union_is_the_union_of_the_sets(all in proptest::collection::vec((sets(), any::<bool>()), 0..6)) {
            let mut union = Union::default();
            let mut expected = RoaringBitmap::new();
            for (ids, encoded) in &all {
                let mut set: RoaringBitmap = ids.iter().copied().collect();
                set.optimize();
                let mut out = Vec::new();
                let n = encode(&set, &mut out);
                match encoded {
                    true => union.add(&Posting::Encoded(n, &out)).unwrap(),
                    false => union.add(&Posting::Ids(ids)).unwrap(),
                }
                expected |= set;
                if *encoded {
                    prop_assert_eq!(Union::default().add(&Posting::Encoded(n + 1, &out)), Err(Malformed));
                }
            }
            prop_assert_eq!(union.into_set(), expected);
        }

        #[test]
        fn foreign_bytes_never_panic(n in 0u32..100_000, b in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(set) = decode(n, &b) {
                prop_assert_eq!(set.len(), u64::from(n));
            }
        }

        #[test]
        fn every_form_does_set_arithmetic(
            a in proptest::collection::btree_set(0u32..3000, 2..100),
            b in proptest::collection::btree_set(0u32..3000, 0..100),
        ) {
            let ids: Vec<u32> = a.iter().copied().collect();
            let set: RoaringBitmap = ids.iter().copied().collect();
            let other: RoaringBitmap = b.iter().copied().collect();
            let mut bytes = Vec::new();
            let n = encode(&set, &mut bytes);
            let one = RoaringBitmap::from_iter([ids[0]]);
            for (p, set) in [
                (Posting::Ids(&ids), &set),
                (Posting::Set(&set), &set),
                (Posting::Encoded(n, &bytes), &set),
                (Posting::One(ids[0]), &one),
            ] {
                prop_assert_eq!(p.len(), set.len());
                prop_assert_eq!(&p.to_set().unwrap(), set);
                let (mut or, mut and, mut not) = (other.clone(), other.clone(), other.clone());
                p.add_to(&mut or).unwrap();
                p.restrict(&mut and).unwrap();
                p.remove_from(&mut not).unwrap();
                prop_assert_eq!(p.count_in(&other).unwrap(), and.len());
                prop_assert_eq!((or, and, not), (&other | set, &other & set, &other - set));
            }
        }
    }

    #[test]
    fn a_repeating_posting_packs_well() {
        // 50 hosts of 752 series each, three of which have the pair.
        let set: RoaringBitmap = (0..50).flat_map(|h| [h * 752 + 10, h * 752 + 11, h * 752 + 300]).collect();
        let mut out = Vec::new();
        encode(&set, &mut out);
        assert!(out.len() < 40, "{} bytes", out.len());
    }
}
