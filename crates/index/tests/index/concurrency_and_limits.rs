//! Many threads, limits, and disks that fail.

use crate::naive::Naive;
use blocks::{Blocks, LocalBlocks};
use env::{Disk, SimDisk};
use index::{Index, IndexOptions, SeriesId};
use model::{Labels, Limit, Matcher};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn open(disk: &SimDisk, options: IndexOptions) -> Index {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let blocks: Arc<dyn Blocks> = Arc::new(LocalBlocks::open(shared, "data".into()).unwrap());
    Index::open(blocks, options).unwrap().0
}

fn series(name: &str, i: u32) -> Labels {
    let i = i.to_string();
    Labels::from_pairs([("__name__", name), ("i", i.as_str()), ("job", "test")]).unwrap()
}

fn create(index: &Index, labels: &Labels) -> Result<SeriesId, Limit> {
    index.get_or_create(labels, &mut |_| {})
}

#[test]
fn each_key_gets_one_id_whoever_asks() {
    const SERIES: u32 = 4000;
    let index = open(&SimDisk::new(1), IndexOptions::default());
    let journal = Mutex::new(BTreeMap::new());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let creators: Vec<_> = (0..4)
            .map(|t| {
                let (index, journal) = (&index, &journal);
                scope.spawn(move || {
                    let mut own = Vec::new();
                    for i in 0..SERIES {
                        // Each in an order of its own.
                        let i = (i * [1, 7, 11, 13][t]) % SERIES;
                        let labels = series("m", i);
                        let mut made = |id: SeriesId| {
                            assert_eq!(index.select(&[Matcher::equal("i", i.to_string())]).len(), 0);
                            assert!(journal.lock().unwrap().insert(id, i).is_none());
                        };
                        own.push((i, index.get_or_create(&labels, &mut made).unwrap()));
                    }
                    own
                })
            })
            .collect();
        let maintenance = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                index.persist().unwrap();
                index.rotate();
                index.merge(false).unwrap();
                // Nothing that is active is dropped, so a store's view that lags behind does no harm.
                let live: RoaringBitmap = index.select(&[]);
                index.retain(&live).unwrap();
            }
        });
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let found = index.select(&[Matcher::equal("job", "test")]);
                let mut n = 0;
                index.labels_many(&found, |_, l| n += u64::from(l.get("job") == Some("test")));
                assert_eq!(n, found.len(), "what is selected has labels");
            }
        });
        let ids: Vec<_> = creators.into_iter().map(|c| c.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        maintenance.join().unwrap();
        reader.join().unwrap();
        let journal = journal.lock().unwrap();
        assert_eq!(journal.len(), SERIES as usize);
        for (i, id) in ids.into_iter().flatten() {
            assert_eq!(journal[&id], i);
        }
    });
    let list = Naive(journal.into_inner().unwrap().iter().map(|(id, i)| (id.0, series("m", *i))).collect());
    list.check(&index, &[]);
}

#[test]
fn limits_name_what_was_met_and_the_setting() {
    let options = IndexOptions {
        series_max: 5,
        series_per_metric_max: 2,
        key_bytes_max: 60,
        ..IndexOptions::default()
    };
    let disk = SimDisk::new(2);
    let index = open(&disk, options.clone());
    create(&index, &series("a", 1)).unwrap();
    index.persist().unwrap();
    create(&index, &series("a", 2)).unwrap();
    let per_metric = "number of series of metric \"a\" is 3, over the limit of 2: raise \
                      storage.limits.series_per_metric to allow it";
    assert_eq!(create(&index, &series("a", 3)).unwrap_err().to_string(), per_metric);
    assert!(create(&index, &series("a", 2)).is_ok(), "one that exists is no new one");
    let long = series(&"b".repeat(41), 1);
    let message = create(&index, &long).unwrap_err().to_string();
    assert!(message.contains("raise storage.limits.series_key_bytes"), "{message}");
    for i in 3..6 {
        create(&index, &series(&format!("m{i}"), i)).unwrap();
    }
    let all = "number of series is 6, over the limit of 5: raise storage.limits.series to allow it";
    assert_eq!(create(&index, &series("z", 1)).unwrap_err().to_string(), all);
    drop(index);

    // What was not persisted is gone; what was counts as before.
    let index = open(&disk, options);
    create(&index, &series("a", 2)).unwrap();
    assert_eq!(create(&index, &series("a", 3)).unwrap_err().to_string(), per_metric);
    // Dropped series count no more.
    index.persist().unwrap();
    index.rotate();
    index.rotate();
    assert_eq!(index.retain(&RoaringBitmap::new()).unwrap(), 2);
    create(&index, &series("a", 3)).unwrap();
    assert_eq!(index.status().series, 1);
}

#[test]
fn only_persisted_series_that_nobody_uses_are_dropped() {
    let index = open(&SimDisk::new(3), IndexOptions::default());
    let ids: Vec<SeriesId> = (0..6).map(|i| create(&index, &series("m", i)).unwrap()).collect();
    index.persist().unwrap();
    let mutable = create(&index, &series("m", 100)).unwrap();
    index.rotate();
    index.rotate();
    assert_eq!(index.lookup(series("m", 4).key()), Some(ids[4]));
    let live = RoaringBitmap::from_iter([ids[0].0]);
    assert_eq!(index.retain(&live).unwrap(), 4);
    let left = RoaringBitmap::from_iter([ids[0].0, ids[4].0, mutable.0]);
    assert_eq!(index.select(&[]), left);
    assert_eq!(index.retain(&live).unwrap(), 0);
    // A dropped series that comes back is a new one.
    assert_eq!(index.lookup(series("m", 1).key()), None);
    assert_eq!(create(&index, &series("m", 1)).unwrap().0, mutable.0 + 1);
}

#[test]
fn a_disk_that_fails_loses_nothing_and_refuses_nothing() {
    let disk = SimDisk::new(4);
    let index = open(&disk, IndexOptions::default());
    let mut list = Naive::default();
    let add = |list: &mut Naive, range: std::ops::Range<u32>| {
        for i in range {
            list.0.insert(create(&index, &series("m", i)).unwrap().0, series("m", i));
        }
    };
    add(&mut list, 0..10);
    disk.set_read_only(true);
    let message = index.persist().unwrap_err().to_string();
    assert!(message.starts_with("index block index/seg-"), "{message}");
    add(&mut list, 10..20);
    list.check(&index, &[]);
    assert!(index.persist().is_err());
    disk.set_read_only(false);
    let persisted = index.persist().unwrap().unwrap();
    assert_eq!((persisted.series, persisted.segments.len()), (20, 1));
    list.check(&index, &[]);
    index.rotate();
    index.rotate();
    disk.set_read_only(true);
    assert!(index.retain(&RoaringBitmap::new()).is_err());
    list.check(&index, &[]);
    assert!(index.merge(true).unwrap().is_none());
    drop(index);
    // What is there can be opened and read all the same.
    list.check(&open(&disk, IndexOptions::default()), &[]);
}

#[test]
fn many_small_segments_become_few() {
    let disk = SimDisk::new(5);
    let index = open(&disk, IndexOptions::default());
    let mut list = Naive::default();
    for i in 0..40 {
        list.0.insert(create(&index, &series("m", i)).unwrap().0, series("m", i));
        index.persist().unwrap();
        while index.merge(false).unwrap().is_some() {}
    }
    assert!(index.status().segments <= 4, "{:?}", index.status());
    list.check(&index, &[]);
    drop(index);
    list.check(&open(&disk, IndexOptions::default()), &[]);
}
