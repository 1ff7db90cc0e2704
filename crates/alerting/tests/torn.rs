//! The power fails in the middle of a commit: what was acknowledged stays, whatever sectors are left.

use alerting::{Alert, Config, Desk, Paging, Posted};
use env::{Disk, SimDisk};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than the operations of a commit that change the disk.
const OPERATIONS: u64 = 12;
/// After this time a commit that failed is tried again.
const RETRY_MS: i64 = 1_000;
/// Ways in which each of them is torn.
const SEEDS: u64 = 100;

const CONFIG: &str = "
route: {receiver: a, group_wait: 1h}
receivers: [{name: a, webhook_configs: [{url: 'http://x'}]}]
";

fn open(disk: &SimDisk) -> Desk {
    let config = Arc::new(Config::parse(CONFIG, Path::new("/")).unwrap());
    let process: Arc<dyn Disk> = Arc::new(disk.process());
    Desk::open(process, PathBuf::from("/data"), config, 0).unwrap().0
}

fn fire(desk: &mut Desk, name: &str) {
    let text = |n: &str, v: String| (n.to_owned(), v);
    let posted = Posted {
        labels: [text("alertname", name.to_owned())].into(),
        annotations: [text("summary", name.repeat(600))].into(),
        starts_ms: Some(1),
        ends_ms: Some(i64::MAX / 2),
        ..Posted::default()
    };
    assert!(desk.act(|core, out| core.post(0, vec![posted], out)).is_empty());
}

fn names(desk: &Desk) -> BTreeSet<String> {
    desk.core().alerts().map(|(_, a)| a.labels["alertname"].clone()).collect()
}

fn commit(desk: &mut Desk) -> bool {
    desk.commit(0).failure.is_none()
}

/// A disk with acknowledged alerts.
fn prepared(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_dir_all(Path::new("/data")).unwrap();
    let mut desk = open(&disk);
    ["a", "b", "c", "d"].iter().for_each(|name| fire(&mut desk, name));
    assert!(commit(&mut desk));
    disk
}

fn ways() -> impl Iterator<Item = (u64, u64)> {
    (0..OPERATIONS).flat_map(|n| (0..SEEDS).map(move |seed| (n, seed)))
}

/// Tears the snapshot that comes after `prepare`.
fn tear(prepare: fn(&SimDisk, &mut Desk)) {
    let (mut holes, mut lost) = (0, 0);
    for (operation, seed) in ways() {
        let disk = prepared(seed);
        let mut desk = open(&disk);
        let mut wanted = names(&desk);
        assert_eq!(wanted.len(), 4);
        fire(&mut desk, "e");
        prepare(&disk, &mut desk);
        disk.crash_after(operation);
        let acknowledged = desk.commit(RETRY_MS).failure.is_none();
        disk.crash();

        // What was acknowledged is there at once.
        let mut desk = open(&disk);
        holes += desk.unreadable();
        let kept = names(&desk);
        assert!(wanted.is_subset(&kept), "operation {operation}, seed {seed}: {kept:?}");
        assert!(!acknowledged || kept.contains("e"), "operation {operation}, seed {seed}: {kept:?}");
        lost += u64::from(!kept.contains("e"));

        // What is acknowledged now is there after one more start.
        wanted = kept;
        fire(&mut desk, "f");
        assert!(commit(&mut desk));
        wanted.insert("f".to_owned());
        fire(&mut desk, "g");
        assert!(commit(&mut desk));
        wanted.insert("g".to_owned());
        disk.crash();
        assert_eq!(names(&open(&disk)), wanted, "operation {operation}, seed {seed}");
    }
    println!("{holes} holes, {lost} commits lost");
    assert!(holes > 0 && lost > 0, "nothing was torn");
}

#[test]
fn a_snapshot_at_a_start_with_a_hole_counts_for_nothing() {
    tear(|_, _| {});
}

#[test]
fn a_snapshot_after_a_failure_with_a_hole_counts_for_nothing() {
    tear(|disk, desk| {
        disk.fail_after(0, 1, ErrorKind::StorageFull);
        assert!(!commit(desk));
    });
}

fn page(desk: &mut Desk) {
    let alerts: Vec<Alert> = desk.core().alerts().map(|(_, a)| a.clone()).collect();
    let paging = Paging {
        key: "incident/1/0".to_owned(),
        group_key: "incident/1".to_owned(),
        group_labels: [("incident".to_owned(), "1".to_owned())].into(),
        receiver: "a".to_owned(),
        alerts,
    };
    assert_eq!(desk.act(|core, out| core.page(0, &paging, out)).len(), 1);
}

#[test]
fn a_page_that_counts_as_decided_is_sent() {
    let mut lost = 0;
    for (operation, seed) in ways() {
        let disk = prepared(seed);
        let mut desk = open(&disk);
        // The first commit after a start is a snapshot, the next one is not.
        assert!(commit(&mut desk));
        page(&mut desk);
        disk.crash_after(operation);
        let acknowledged = commit(&mut desk);
        disk.crash();

        let mut desk = open(&disk);
        let open = desk.core().open().count();
        assert!(!acknowledged || open == 1, "operation {operation}, seed {seed}");
        lost += u64::from(open == 0);
        // Whoever does not know whether it was decided decides it again.
        page(&mut desk);
        let sends = desk.commit(0).sends.len();
        assert!(sends > 0, "operation {operation}, seed {seed}: nobody is told");
        assert!(!acknowledged || sends == 1, "operation {operation}, seed {seed}: told again");
    }
    println!("{lost} commits lost");
    assert!(lost > 0, "nothing was torn");
}
