//! The power fails in the middle of a commit: all of it counts, or nothing, whatever sectors are left.

mod common;

use common::{World, firing, oncall};
use env::{Disk, SimDisk};
use incidents::{Action, Desk, Incident, IncidentId, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than the operations of a commit that change the disk.
const OPERATIONS: u64 = 12;
/// Ways in which each of them is torn.
const SEEDS: u64 = 100;

fn open(disk: &SimDisk) -> Desk {
    let plan = Arc::new(oncall("{people: [], schedules: [], policies: []}").unwrap());
    let process: Arc<dyn Disk> = Arc::new(disk.process());
    let (desk, _) = Desk::open(process, PathBuf::from("/data"), Settings::default(), plan, 0).unwrap();
    desk
}

fn incidents(desk: &Desk) -> Vec<Incident> {
    desk.core().incidents().cloned().collect()
}

fn fire(desk: &mut Desk, name: &str) {
    let alert = firing(name, &[("team", name)], 0);
    desk.act(|core, out| core.observe(0, &alert, &World::default(), out));
}

fn act(desk: &mut Desk, id: u64, action: Action) {
    desk.act(|core, out| core.act(0, IncidentId(id), action, "ann", out)).unwrap();
}

fn commit(desk: &mut Desk) -> bool {
    desk.commit(0).failure.is_none()
}

/// Tears the commit of several steps that comes after `prepare`, in every operation.
fn tear(prepare: fn(&mut Desk)) {
    let (mut holes, mut lost) = (0, 0);
    for (operation, seed) in (0..OPERATIONS).flat_map(|n| (0..SEEDS).map(move |seed| (n, seed))) {
        let disk = SimDisk::new(seed);
        disk.create_dir_all(Path::new("/data")).unwrap();
        let mut desk = open(&disk);
        fire(&mut desk, "a");
        fire(&mut desk, "b");
        (0..8).for_each(|n| act(&mut desk, 1 + n % 2, Action::Note(n.to_string().repeat(200))));
        assert!(commit(&mut desk));

        let mut desk = open(&disk);
        prepare(&mut desk);
        let before = incidents(&desk);
        assert_eq!(before.len(), 2);
        fire(&mut desk, "c");
        act(&mut desk, 3, Action::Note("c".repeat(600)));
        act(&mut desk, 1, Action::Merge(vec![IncidentId(2)]));
        let after = incidents(&desk);
        disk.crash_after(operation);
        let acknowledged = commit(&mut desk);
        disk.crash();

        let desk = open(&disk);
        let kept = incidents(&desk);
        assert!(kept == after || (kept == before && !acknowledged), "operation {operation}, seed {seed}");
        holes += desk.unreadable();
        lost += u64::from(kept == before);
    }
    println!("{holes} holes, {lost} commits lost");
    assert!(lost > 0, "nothing was torn");
}

#[test]
fn a_snapshot_with_a_hole_counts_for_nothing() {
    tear(|_| {});
}

#[test]
fn steps_that_happened_together_stay_together() {
    // The first commit after a start is a snapshot, the next one is not.
    tear(|desk| assert!(commit(desk)));
}
