//! Which blocks make up the index, told by their names alone.
//!
//! `seg-GENERATION-FROM-TO` holds the series with ids in `FROM..TO`; `gap-…` says that the series of that range
//! were lost with a damaged segment, so that their ids are not given again; `dead-GENERATION` lists ids whose
//! series were dropped but still lie in a segment. Numbers are hexadecimal, 16 digits for generations and 9 for
//! ids. Every block has a generation of its own, higher than all before. A segment whose range lies within that of
//! a segment or gap with a higher generation is superseded: a merge that was cut short after its last step leaves
//! such segments behind.
//!
//! A manifest would say the same in a place of its own, which then could disagree with what is there, or be the one
//! block whose loss loses all.

use crate::Flaw;
use crate::codec::{payload, put_crc};
use roaring::RoaringBitmap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Segment,
    Gap,
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockName {
    pub kind: Kind,
    pub generation: u64,
    pub from: u64,
    pub to: u64,
}

impl BlockName {
    /// Reads the last piece of a block's name.
    pub(crate) fn parse(name: &str) -> Option<BlockName> {
        let last = name.rsplit('/').next()?;
        let mut pieces = last.split('-');
        let kind = match pieces.next()? {
            "seg" => Kind::Segment,
            "gap" => Kind::Gap,
            "dead" => Kind::Dead,
            _ => return None,
        };
        let mut number = |digits: usize| {
            let piece = pieces.next().filter(|p| p.len() == digits)?;
            u64::from_str_radix(piece, 16).ok()
        };
        let generation = number(16)?;
        let (from, to) = if kind == Kind::Dead { (0, 0) } else { (number(9)?, number(9)?) };
        let name = BlockName { kind, generation, from, to };
        (pieces.next().is_none() && from <= to && to <= 1 << 32 && name.piece() == last).then_some(name)
    }

    /// The last piece of the block's name.
    pub(crate) fn piece(&self) -> String {
        let BlockName { generation, from, to, .. } = self;
        match self.kind {
            Kind::Segment => format!("seg-{generation:016x}-{from:09x}-{to:09x}"),
            Kind::Gap => format!("gap-{generation:016x}-{from:09x}-{to:09x}"),
            Kind::Dead => format!("dead-{generation:016x}"),
        }
    }

    /// Whether `other` takes this block's place.
    pub(crate) fn superseded_by(&self, other: &BlockName) -> bool {
        other.generation > self.generation && other.from <= self.from && self.to <= other.to
    }
}

const DEAD_MAGIC: &[u8; 8] = b"WFDEAD\x01\0";

/// The bytes of a `dead-` block.
pub(crate) fn encode_dead(ids: &RoaringBitmap) -> Vec<u8> {
    let mut out = DEAD_MAGIC.to_vec();
    ids.serialize_into(&mut out).expect("a Vec takes all bytes");
    let crc_of = out.clone();
    put_crc(&mut out, &crc_of);
    out
}

pub(crate) fn decode_dead(bytes: &[u8]) -> Result<RoaringBitmap, Flaw> {
    let flaw = |what: &str| Flaw { section: "dead ids", offset: 0, what: what.to_owned() };
    let body = payload(bytes).ok_or_else(|| flaw("the checksum does not match"))?;
    let mut body = body.strip_prefix(DEAD_MAGIC).ok_or_else(|| flaw("this is not a list of dead ids"))?;
    let ids = RoaringBitmap::deserialize_from(&mut body).map_err(|_| flaw("not a set of ids"))?;
    if body.is_empty() { Ok(ids) } else { Err(flaw("bytes follow the set")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        let all = [
            BlockName { kind: Kind::Segment, generation: 7, from: 0, to: 1 << 32 },
            BlockName { kind: Kind::Gap, generation: u64::MAX, from: 3, to: 3 },
            BlockName { kind: Kind::Dead, generation: 9, from: 0, to: 0 },
        ];
        for name in all {
            assert_eq!(BlockName::parse(&format!("index/{}", name.piece())), Some(name));
        }
        for bad in [
            "",
            "index/seg",
            "seg-0000000000000001-000000005-000000004",
            "seg-1-2-3",
            "seg-000000000000000G-000000000-000000001",
            "seg-+000000000000001-000000000-000000001",
            "seg-000000000000000A-000000000-000000001",
            "dead-0000000000000001-1",
            "seg-0000000000000001-000000000-100000001",
        ] {
            assert_eq!(BlockName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_list_of_dead_ids_with_any_byte_changed_is_refused() {
        let ids = RoaringBitmap::from_iter([1, 5, 1 << 20]);
        let mut bytes = encode_dead(&ids);
        assert_eq!(decode_dead(&bytes), Ok(ids));
        for i in 0..bytes.len() {
            bytes[i] ^= 0x10;
            assert!(decode_dead(&bytes).is_err(), "byte {i}");
            bytes[i] ^= 0x10;
        }
    }
}
