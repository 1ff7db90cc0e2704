//! The index under random operations and crashes agrees with a list.

use crate::naive::Naive;
use blocks::{Blocks, LocalBlocks};
use env::{Disk, SimDisk};
use index::{Index, IndexOptions, SeriesId};
use model::{Labels, Matcher};
use proptest::prelude::*;
use roaring::RoaringBitmap;
use std::sync::Arc;

#[derive(Debug, Clone)]
enum Op {
    Create(Vec<Labels>),
    Persist,
    Merge(bool),
    /// Keeps the series whose id hashes so.
    Retain(u32),
    Rotate,
    Reopen,
    /// Whatever comes next is cut short after so many disk operations.
    CrashIn(u64),
    Query(Vec<Vec<Matcher>>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => proptest::collection::vec(crate::naive::labels(), 1..60).prop_map(Op::Create),
        3 => Just(Op::Persist),
        2 => any::<bool>().prop_map(Op::Merge),
        2 => (1u32..9).prop_map(Op::Retain),
        2 => Just(Op::Rotate),
        1 => Just(Op::Reopen),
        2 => (0u64..12).prop_map(Op::CrashIn),
        3 => proptest::collection::vec(crate::naive::matchers(), 1..6).prop_map(Op::Query),
    ]
}

struct World {
    disk: SimDisk,
    index: Index,
    series: Naive,
    /// Every definition since the last persist that went well, as a store's journal would hold them.
    journal: Vec<(u32, Labels)>,
    /// Past every id ever seen.
    next_id: u32,
    /// A retain that was cut short may have taken place or not.
    maybe: Option<Naive>,
}

fn open(disk: &SimDisk) -> Index {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let blocks: Arc<dyn Blocks> = Arc::new(LocalBlocks::open(shared, "data".into()).unwrap());
    let (index, damages) = Index::open(blocks, IndexOptions::default()).unwrap();
    assert_eq!(damages, [], "a crash damages nothing");
    index
}

impl World {
    fn new(seed: u64) -> World {
        let disk = SimDisk::new(seed);
        let index = open(&disk);
        let (series, journal) = (Naive::default(), Vec::new());
        World { disk, index, series, journal, next_id: 0, maybe: None }
    }

    fn create(&mut self, labels: &Labels) {
        let known = self.series.find(labels.key());
        let mut made = None;
        let id = self.index.get_or_create(labels, &mut |id| made = Some(id)).unwrap();
        assert_eq!(made.is_none(), known.is_some(), "{labels}");
        match known {
            Some(known) => assert_eq!(id, known),
            None => {
                assert_eq!(made, Some(id));
                assert_eq!(id.0, self.next_id, "ids ascend and are not given again");
                self.next_id += 1;
                self.series.0.insert(id.0, labels.clone());
                self.journal.push((id.0, labels.clone()));
            }
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Create(all) => all.iter().for_each(|l| self.create(l)),
            Op::Persist => {
                if self.index.persist().is_ok() {
                    self.journal.clear();
                }
            }
            Op::Merge(all) => drop(self.index.merge(all)),
            Op::Retain(by) => self.retain(by),
            Op::Rotate => self.index.rotate(),
            Op::Reopen => self.reopen(),
            Op::CrashIn(n) => self.disk.crash_after(n),
            Op::Query(queries) => self.series.check(&self.index, &queries),
        }
        if self.disk.is_down() {
            self.reopen();
        }
    }

    fn retain(&mut self, by: u32) {
        // Only what is persisted and not active can be dropped.
        if self.index.persist().is_err() {
            return;
        }
        self.journal.clear();
        self.index.rotate();
        self.index.rotate();
        let live: RoaringBitmap = self.series.0.keys().copied().filter(|id| id % by != 0).collect();
        let mut after = self.series.clone();
        after.0.retain(|id, _| live.contains(*id));
        let before = self.series.0.len();
        match self.index.retain(&live) {
            Ok(n) => {
                assert_eq!(n, (before - after.0.len()) as u64);
                self.series = after;
            }
            Err(_) => self.maybe = Some(after),
        }
    }

    fn reopen(&mut self) {
        self.disk.crash();
        self.index = open(&self.disk);
        for (id, labels) in &self.journal {
            self.index.restore(SeriesId(*id), labels);
            self.index.restore(SeriesId(*id), labels);
        }
        if let Some(after) = self.maybe.take()
            && self.index.select(&[]) == after.select(&[])
        {
            self.series = after;
        }
        self.series.check(&self.index, &[]);
        assert!(self.index.status().next_id <= u64::from(self.next_id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_index_agrees_with_a_list(
        seed in any::<u64>(),
        ops in proptest::collection::vec(op(), 1..25),
        queries in proptest::collection::vec(crate::naive::matchers(), 4),
    ) {
        let mut world = World::new(seed);
        for op in ops {
            world.step(op);
        }
        world.series.check(&world.index, &queries);
        world.reopen();
        world.disk.heal();
        world.index.persist().unwrap();
        world.journal.clear();
        while world.index.merge(true).unwrap().is_some_and(|m| m.replaced.len() > 1 || m.dropped > 0) {}
        world.series.check(&world.index, &queries);
        world.reopen();
        world.series.check(&world.index, &queries);
    }
}
