//! Damaged blocks are named, set aside or made anew, and what is sound goes on being served.

use crate::naive::Naive;
use blocks::{BlockInfo, BlockWriter, Blocks};
use bytes::Bytes;
use index::{Flaw, Index, IndexOptions, SeriesId};
use model::{Labels, MatchOp, Matcher};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Blocks in memory, whose bytes a test can change.
#[derive(Clone, Default)]
struct InMemory(Arc<Mutex<BTreeMap<String, Bytes>>>);

struct InMemoryWriter(InMemory, String, Vec<u8>);

impl Blocks for InMemory {
    fn create(&self, name: &str) -> io::Result<Box<dyn BlockWriter>> {
        assert!(!self.0.lock().unwrap().contains_key(name), "{name} is taken");
        Ok(Box::new(InMemoryWriter(self.clone(), name.to_owned(), Vec::new())))
    }

    fn open(&self, name: &str) -> io::Result<Bytes> {
        self.0.lock().unwrap().get(name).cloned().ok_or(io::ErrorKind::NotFound.into())
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<BlockInfo>> {
        let info = |(name, b): (&String, &Bytes)| BlockInfo { name: name.clone(), size: b.len() as u64 };
        Ok(self.0.lock().unwrap().iter().filter(|(n, _)| n.starts_with(prefix)).map(info).collect())
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn quarantine(&self, name: &str) -> io::Result<String> {
        let mut all = self.0.lock().unwrap();
        let bytes = all.remove(name).ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        let to = format!("quarantine/{name}");
        all.insert(to.clone(), bytes);
        Ok(to)
    }

    fn copy_to(&self, _: &str, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl BlockWriter for InMemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.2.extend_from_slice(bytes);
        Ok(())
    }

    fn position(&self) -> u64 {
        self.2.len() as u64
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.0.lock().unwrap().insert(self.1, self.2.into());
        Ok(())
    }
}

impl InMemory {
    fn segments(&self) -> Vec<String> {
        self.list("index/seg-").unwrap().into_iter().map(|i| i.name).collect()
    }

    /// The same blocks, independent of these.
    fn copy(&self) -> InMemory {
        InMemory(Arc::new(Mutex::new(self.0.lock().unwrap().clone())))
    }

    fn flip(&self, name: &str, at: usize) {
        let mut all = self.0.lock().unwrap();
        let mut bytes = all[name].to_vec();
        bytes[at] ^= 1 << (at % 8);
        all.insert(name.to_owned(), bytes.into());
    }
}

fn open(blocks: &InMemory) -> (Index, Vec<index::Damage>) {
    Index::open(Arc::new(blocks.clone()), IndexOptions::default()).unwrap()
}

fn series(i: u32) -> Labels {
    let (host, id) =
        (format!("host-{:02}", i / 30), format!("{:032x}", u128::from(i).wrapping_mul(1 << 77 | 12345)));
    let name = ["up", "requests_total", "node_cpu_seconds_total"][i as usize % 3];
    let pairs = [("__name__", name), ("instance", &host), ("id", &id)];
    let job = (!i.is_multiple_of(4)).then_some(("job", "node"));
    Labels::from_pairs(pairs.into_iter().chain(job)).unwrap()
}

fn create(index: &Index, list: &mut Naive, range: std::ops::Range<u32>) {
    for i in range {
        let id = index.get_or_create(&series(i), &mut |_| {}).unwrap();
        list.0.insert(id.0, series(i));
    }
    index.persist().unwrap();
}

/// Two segments, the first with `n` series of which some were dropped, the second small.
fn two_segments(n: u32) -> (InMemory, Naive) {
    let blocks = InMemory::default();
    let (index, _) = open(&blocks);
    let mut list = Naive::default();
    create(&index, &mut list, 0..n);
    index.rotate();
    index.rotate();
    list.0.retain(|id, _| id % 10 != 3);
    index.retain(&list.0.keys().copied().collect()).unwrap();
    index.merge(true).unwrap().expect("dropped series are worth a merge");
    create(&index, &mut list, n..n + 9);
    list.check(&index, &[]);
    (blocks, list)
}

fn queries() -> Vec<Vec<Matcher>> {
    let m = |op, n: &str, v: &str| Matcher::new(op, n, v).unwrap();
    vec![
        vec![m(MatchOp::Equal, "__name__", "up")],
        vec![m(MatchOp::Regex, "__name__", "node.*"), m(MatchOp::NotEqual, "instance", "host-00")],
        vec![m(MatchOp::Equal, "job", "")],
        vec![m(MatchOp::Regex, "id", ".*[0-7]"), m(MatchOp::NotRegex, "instance", ".*1")],
        vec![m(MatchOp::Regex, "id", ".+")],
    ]
}

/// Compares all but the counts, which leave damaged segments out.
fn check_answers(index: &Index, list: &Naive) {
    let less: RoaringBitmap = list.0.keys().copied().step_by(7).collect();
    for matchers in queries() {
        assert_eq!(index.select(&matchers), list.select(&matchers), "{matchers:?}");
        for less in [&RoaringBitmap::new(), &less] {
            let want = list.label_names(&matchers, less);
            assert_eq!(index.label_names(&matchers, less), want, "{matchers:?}");
            let want = list.label_values("id", &matchers, less);
            assert_eq!(index.label_values("id", &matchers, less), want, "{matchers:?}");
        }
    }
    for (id, labels) in &list.0 {
        assert_eq!(index.lookup(labels.key()), Some(SeriesId(*id)));
        assert_eq!(index.labels(SeriesId(*id)).as_ref(), Some(labels));
    }
}

/// What can be read is right, whatever is missing.
fn check_no_lies(index: &Index, list: &Naive) {
    for matchers in queries() {
        let found = index.select(&matchers);
        assert!(found.is_subset(&list.select(&matchers)), "{matchers:?}");
        index.labels_many(&found, |id, labels| assert_eq!(list.0.get(&id.0), Some(&labels)));
        index.label_names(&matchers, &RoaringBitmap::new());
        index.label_values("id", &matchers, &RoaringBitmap::new());
    }
    index.cardinality(3);
    for (id, labels) in &list.0 {
        assert!(index.lookup(labels.key()).is_none_or(|found| found.0 == *id));
        assert!(index.labels(SeriesId(*id)).is_none_or(|found| found == *labels));
    }
}

/// Merges until all damage is gone; returns the series that are left.
fn mend(index: &Index, list: &Naive) -> Naive {
    for _ in 0..4 {
        // A merge that meets damage fails, and the next one makes the damaged segment anew.
        while let Ok(Some(_)) = index.merge(true) {}
    }
    let mut left = list.clone();
    left.0.retain(|id, _| index.labels(SeriesId(*id)).is_some());
    left
}

fn flip_and_check(blocks: &InMemory, list: &Naive, name: &str, at: usize) {
    let blocks = blocks.copy();
    blocks.flip(name, at);
    let flaws: Vec<Flaw> = index::verify(blocks.open(name).unwrap());
    assert!(!flaws.is_empty(), "byte {at} was changed unseen");
    let (index, damages) = open(&blocks);
    let second_only = |id: &u32| *id >= list.0.keys().last().unwrap() - 8;
    match flaws[0].section {
        "header" | "footer" => {
            assert_eq!(damages.len(), 1, "byte {at}");
            assert!(damages[0].moved_to.is_some() && damages[0].block == name, "{}", damages[0]);
            let mut left = list.clone();
            left.0.retain(|id, _| second_only(id));
            left.check(&index, &queries());
        }
        // All of these can be made from the keys.
        "postings" | "terms" | "hashes" | "term directory" | "hash directory" | "names" | "ids" => {
            check_answers(&index, list);
            check_no_lies(&index, list);
            assert_eq!(mend(&index, list), *list, "byte {at}");
            list.check(&index, &queries());
        }
        section => {
            assert!(matches!(section, "keys" | "key directory" | "dictionary"), "{section}");
            check_no_lies(&index, list);
            let left = mend(&index, list);
            assert!(left.0.len() < list.0.len() && left.0.keys().filter(|id| second_only(id)).count() == 9);
            left.check(&index, &queries());
        }
    }
    let damages = [damages, index.take_damages()].concat();
    assert!(damages.iter().any(|d| d.block == name), "byte {at}: {damages:?}");
    // Once mended, nothing of the damage is left.
    drop(index);
    for name in blocks.segments() {
        assert_eq!(index::verify(blocks.open(&name).unwrap()), []);
    }
}

#[test]
fn every_changed_byte_is_found_and_survived() {
    let (blocks, list) = two_segments(48);
    let name = blocks.segments().into_iter().max_by_key(|n| blocks.open(n).unwrap().len()).unwrap();
    let bytes = blocks.open(&name).unwrap();
    for at in 0..bytes.len() {
        let changed = blocks.copy();
        changed.flip(&name, at);
        assert!(!index::verify(changed.open(&name).unwrap()).is_empty(), "byte {at}");
        // Opening and asking at every byte would take a minute and find the same.
        if at % 5 == 0 || at < 8 || at + 128 > bytes.len() {
            flip_and_check(&blocks, &list, &name, at);
        }
    }
}

#[test]
fn a_segment_with_a_dictionary_is_no_less_safe() {
    let (blocks, list) = two_segments(1200);
    let name = blocks.segments().into_iter().max_by_key(|n| blocks.open(n).unwrap().len()).unwrap();
    let bytes = blocks.open(&name).unwrap();
    let dictionary_bytes = &bytes[bytes.len() - 16..][..8];
    assert_ne!(dictionary_bytes, [0; 8], "there is no dictionary to damage");
    for at in (0..bytes.len()).rev().step_by(bytes.len() / 40) {
        flip_and_check(&blocks, &list, &name, at);
    }
}

#[test]
fn every_truncation_is_found() {
    let (blocks, _) = two_segments(30);
    for name in blocks.segments() {
        let bytes = blocks.open(&name).unwrap();
        assert_eq!(index::verify(bytes.clone()), []);
        for length in 0..bytes.len() {
            assert!(!index::verify(bytes.slice(..length)).is_empty(), "{length}");
        }
        let longer = Bytes::from([&bytes[..], &[0]].concat());
        assert!(!index::verify(longer).is_empty());
    }
}

#[test]
fn ids_of_a_lost_segment_are_not_given_again_but_can_be_restored() {
    let (blocks, mut list) = two_segments(60);
    // The last segment is lost: its ids are the highest.
    let last = blocks.segments().into_iter().find(|n| n.ends_with("-000000045")).unwrap();
    blocks.flip(&last, 0);
    let (index, damages) = open(&blocks);
    assert_eq!(damages.len(), 1);
    assert_eq!(
        damages[0].to_string(),
        format!(
            "index block {last}: header at byte 0: this is not an index segment; it was moved to quarantine/{last}"
        )
    );
    list.0.retain(|id, _| *id < 60);
    list.check(&index, &queries());
    drop(index);

    let (index, damages) = open(&blocks);
    assert_eq!(damages, [], "it is named once");
    assert_eq!(index.get_or_create(&series(1000), &mut |_| {}), Ok(SeriesId(69)));
    list.0.insert(69, series(1000));
    // The journal still had two of them.
    for i in [62, 65] {
        index.restore(SeriesId(i), &series(i));
        list.0.insert(i, series(i));
    }
    // One that is in a segment, or was dropped from one, is left alone.
    index.restore(SeriesId(5), &series(1));
    index.restore(SeriesId(13), &series(13));
    list.check(&index, &queries());
    index.persist().unwrap();
    list.check(&index, &queries());
    index.merge(true).unwrap().unwrap();
    list.check(&index, &queries());
    let (index, _) = open(&blocks);
    list.check(&index, &queries());
    assert_eq!(index.status().next_id, 70);
}

#[test]
fn a_damaged_list_of_dead_ids_is_named() {
    let blocks = InMemory::default();
    let (index, _) = open(&blocks);
    let mut list = Naive::default();
    create(&index, &mut list, 0..50);
    index.rotate();
    index.rotate();
    assert_eq!(index.retain(&(1..50).collect()).unwrap(), 1);
    let name = blocks.list("index/dead-").unwrap()[0].name.clone();
    assert_eq!(index::verify_block(&name, blocks.open(&name).unwrap()), []);
    blocks.flip(&name, 20);
    assert_eq!(index::verify_block(&name, blocks.open(&name).unwrap()).len(), 1);
    let (index, damages) = open(&blocks);
    assert_eq!(damages.len(), 1);
    assert_eq!(damages[0].block, name);
    // Too many series are better than too few.
    list.check(&index, &queries());
}
