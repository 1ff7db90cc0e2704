//! Reads every byte of a segment and says what is wrong with it.

use super::{BlockCache, Footer, Section, Segment};
use crate::Flaw;
use bytes::Bytes;
use std::sync::Arc;

/// Every flaw of a segment's bytes. Every byte belongs to the header, the footer, or a frame with a checksum, and
/// the frames are checked to follow each other without a gap.
pub(crate) fn verify(bytes: Bytes) -> Vec<Flaw> {
    if let Err(flaw) = Footer::read(&bytes) {
        return vec![flaw];
    }
    let segment = match Segment::open(String::new(), bytes, Arc::new(BlockCache::new())) {
        Ok(segment) => segment,
        Err(flaw) => return vec![flaw],
    };
    let mut flaws = Vec::new();
    for section in Section::ALL {
        let optional = matches!(section, Section::Ids | Section::Dictionary);
        let framed = matches!(section, Section::Keys | Section::Postings | Section::Terms | Section::Hashes);
        if framed || optional && segment.section(section).is_empty() {
            continue;
        }
        if let Err(flaw) = segment.whole(section) {
            flaws.push(flaw);
        }
    }
    if segment.footer.is_dense() && !segment.section(Section::Ids).is_empty() {
        flaws.push(segment.flaw(Section::Ids, 0, "ids are listed although all of the range are there"));
    } else if !segment.footer.is_dense() {
        flaws.extend(segment.read_ids().err());
    }
    segment.verify_keys(&mut flaws);
    segment.verify_hashes(&mut flaws);
    segment.verify_terms(&mut flaws);
    flaws.sort_by_key(|f| f.offset);
    flaws.dedup();
    flaws
}
