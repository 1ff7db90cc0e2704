//! A segment whose bytes make no sense although every checksum holds.

use super::*;
use crate::codec::tests::BLIND;
use crate::select;
use crate::tail::Tail;
use blocks::{Blocks, LocalBlocks};
use env::SimDisk;
use model::{Labels, MatchOp, Matcher};
use proptest::prelude::*;

/// A segment with many series, so that there are several frames of each kind, or with few.
fn segment_bytes(series: u32, holes: bool) -> Bytes {
    let mut tail = Tail::new();
    for i in 0..series {
        let (host, id) = (format!("host-{}", i / 50), format!("{:x}", u64::from(i) * 0x9e37_79b9_7f4a));
        let labels = Labels::from_pairs([("__name__", "up"), ("host", host.as_str()), ("id", id.as_str())]);
        tail.insert(10 + i, labels.unwrap().key());
    }
    let blocks = LocalBlocks::open(Arc::new(SimDisk::new(1)), "data".into()).unwrap();
    let drop = if holes { RoaringBitmap::from_iter([12, 15]) } else { RoaringBitmap::new() };
    write(&blocks, "s", (10, 10 + u64::from(series)), &[&tail], &drop).unwrap();
    blocks.open("s").unwrap()
}

fn exercise(bytes: Bytes) {
    let Ok(segment) = Segment::open("s".to_owned(), bytes.clone(), Arc::new(BlockCache::new())) else {
        return;
    };
    let matchers = [
        Matcher::equal("host", "host-0"),
        Matcher::new(MatchOp::Regex, "id", "1.*").unwrap(),
        Matcher::new(MatchOp::NotRegex, "host", ".*1").unwrap(),
        Matcher::new(MatchOp::Regex, "host", ".+").unwrap(),
    ];
    for m in &matchers {
        let found = select::select(&segment, std::slice::from_ref(m)).unwrap_or_default();
        select::for_each_key(&segment, &found, |_, _| {}).unwrap_or_default();
        select::scan(&segment, std::slice::from_ref(m));
    }
    select::select(&segment, &matchers).unwrap_or_default();
    let known = Labels::from_pairs([("__name__", "up"), ("host", "host-0"), ("id", "0")]).unwrap();
    segment.find(known.key()).unwrap_or_default();
    for id in [0, 10, 12, 40, u32::MAX] {
        segment.with_key(id, |_| ()).unwrap_or_default();
    }
    segment.names().unwrap_or_default();
    verify(bytes);
}

#[test]
fn a_segment_is_what_was_written() {
    for (series, holes) in [(0, false), (1, false), (300, false), (300, true), (3000, true)] {
        let bytes = segment_bytes(series, holes);
        assert_eq!(verify(bytes.clone()), []);
        let segment = Segment::open("s".to_owned(), bytes, Arc::new(BlockCache::new())).unwrap();
        let gone = if holes { 2 } else { 0 };
        assert_eq!(segment.all().unwrap().len(), u64::from(series) - gone);
        assert_eq!(segment.footer.is_dense(), !holes);
        assert_eq!(segment.section(Section::Dictionary).is_empty(), series < 3000);
    }
}

#[test]
fn every_term_is_found_in_its_frame() {
    let bytes = segment_bytes(3000, false);
    let segment = Segment::open("s".to_owned(), bytes, Arc::new(BlockCache::new())).unwrap();
    for i in 0..3000 {
        let id = format!("{:x}", u64::from(i) * 0x9e37_79b9_7f4a);
        let found = segment.term("id", &id).unwrap().expect("the term is there").to_set().unwrap();
        assert_eq!(found, RoaringBitmap::from_iter([10 + i]), "{id}");
        assert!(segment.term("id", &format!("{id}0z")).unwrap().is_none());
    }
    for prefix in ["", "1", "9e", "9e37", "fff", "zz"] {
        let mut walk = segment.values("id", prefix, crate::source::Order::Ascending).unwrap();
        let (mut count, mut last) = (0, String::new());
        while walk.advance().unwrap() {
            assert!(walk.value().starts_with(prefix) && (count == 0 || last.as_str() < walk.value()));
            (count, last) = (count + 1, walk.value().to_owned());
        }
        let want = (0..3000u64).filter(|i| format!("{:x}", i * 0x9e37_79b9_7f4a).starts_with(prefix)).count();
        assert_eq!(count, want, "{prefix}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn senseless_bytes_never_panic(
        large in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        late in any::<bool>(),
    ) {
        use std::sync::OnceLock;
        static SMALL: OnceLock<Bytes> = OnceLock::new();
        static LARGE: OnceLock<Bytes> = OnceLock::new();
        let sound = if large {
            LARGE.get_or_init(|| segment_bytes(400, false))
        } else {
            SMALL.get_or_init(|| segment_bytes(40, true))
        };
        let mut bytes = sound.to_vec();
        // Directories and footer lie at the end and steer all else.
        let from = if late { bytes.len() - bytes.len() / 4 } else { 0 };
        for (at, value) in changes {
            let at = from + at.index(bytes.len() - from);
            bytes[at] = value;
        }
        BLIND.set(true);
        exercise(bytes.into());
        BLIND.set(false);
    }
}
