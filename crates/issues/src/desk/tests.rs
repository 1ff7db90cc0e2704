//! The process dies at random; every event that the store has is counted once, and every decision stays.

use super::*;
use crate::life::Status;
use env::SimDisk;
use errors::EventId;
use errors::GroupHash;
use errors::Occurrence;
use std::path::Path;

fn occurrence(id: u32, group: u64, time_ms: i64) -> Occurrence {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&id.to_be_bytes());
    Occurrence {
        tenant: "t".into(),
        project: "p".into(),
        group: GroupHash(group),
        id: EventId(bytes),
        time_ms,
        accepted_ms: time_ms,
        release: format!("1.{}", group % 3),
        user: format!("u{}", id % 7),
        ..Occurrence::default()
    }
}

/// A number that looks random, from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// What the store of records would hold: batches that are durable.
type Store = Vec<(u64, Occurrence)>;

fn open(disk: &SimDisk, store: &Store) -> Result<Desk, JournalError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.process());
    let (mut desk, opened) = Desk::open(disk, Path::new("/issues").to_owned(), BookLimits::default())?;
    let within = store.iter().filter(|(_, o)| o.time_ms >= opened.floor_ms);
    within.for_each(|(b, o)| desk.found(*b, Note::Event(o.clone())));
    desk.recovered();
    Ok(desk)
}

fn check(desk: &Desk, store: &Store) {
    for group in 0..5u64 {
        let want: Vec<&Occurrence> = store.iter().map(|(_, o)| o).filter(|o| o.group.0 == group).collect();
        let tally = desk.book().issue_of(GroupHash(group)).map(|i| desk.book().tally(i)).unwrap_or_default();
        let mut of_group: Vec<&Occurrence> = want.clone();
        // Merged issues count the events of all their groups.
        if let Some(issue) = desk.book().issue_of(GroupHash(group)) {
            of_group = store.iter().map(|(_, o)| o).filter(|o| issue.groups.contains(&o.group)).collect();
        }
        assert_eq!(tally.count, of_group.len() as u64, "group {group}");
        assert_eq!(tally.first_ms, of_group.iter().map(|o| o.time_ms).min().unwrap_or(0));
        assert_eq!(tally.last_ms, of_group.iter().map(|o| o.time_ms).max().unwrap_or(0));
    }
}

#[test]
fn counts_are_exact_whenever_the_power_fails() {
    for seed in 1..20u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let disk = SimDisk::new(seed);
        let mut store: Store = Vec::new();
        let mut decided: Vec<(GroupHash, Status)> = Vec::new();
        let (mut id, mut now_ms) = (0, 10_000_000_000);
        for _ in 0..6 {
            let mut desk = open(&disk, &store).unwrap();
            check(&desk, &store);
            for (group, status) in &decided {
                let issue = desk.book().issue_of(*group).expect("the issue is there");
                assert_eq!(issue.life.status, *status, "seed {seed}");
            }
            if random.below(2) == 0 {
                disk.crash_after(random.below(40));
            }
            let mut under_way: Vec<(u64, Vec<Occurrence>)> = Vec::new();
            for _ in 0..60 {
                now_ms += 60_000;
                match random.below(8) {
                    0..=3 => {
                        let late = if random.below(10) == 0 { 40_000_000 } else { 0 };
                        let events: Vec<_> = (0..=random.below(3))
                            .map(|_| {
                                id += 1;
                                occurrence(id, random.below(5), now_ms - late)
                            })
                            .collect();
                        let oldest = events.iter().map(|o| o.time_ms).min().unwrap();
                        let Ok(batch) = desk.begin(oldest) else { break };
                        under_way.push((batch, events));
                    }
                    4..=5 if !under_way.is_empty() => {
                        let at = random.below(under_way.len() as u64) as usize;
                        let (batch, events) = under_way.swap_remove(at);
                        if random.below(6) == 0 {
                            desk.abandon(batch);
                            continue;
                        }
                        // It is in the store from here on, counted or not.
                        store.extend(events.iter().map(|o| (batch, o.clone())));
                        if random.below(8) == 0 {
                            break;
                        }
                        decided.retain(|(g, s)| {
                            *s == Status::Unresolved || !events.iter().any(|o| o.group == *g)
                        });
                        desk.apply(batch, &events.into_iter().map(Note::Event).collect::<Vec<_>>());
                    }
                    6 => {
                        let group = GroupHash(random.below(5));
                        let Some(issue) = desk.book().issue_of(group).map(|i| (i.id, i.groups.clone()))
                        else {
                            continue;
                        };
                        if issue.1.len() > 1 || random.below(4) == 0 {
                            continue;
                        }
                        let (action, status) = match random.below(2) {
                            0 => (Action::Ignore(None), Status::Ignored),
                            _ => (Action::Unresolve, Status::Unresolved),
                        };
                        let acted = desk.act("t", issue.0, action, "me", now_ms).unwrap();
                        decided.retain(|(g, _)| *g != group);
                        if acted.1.is_ok() {
                            decided.push((group, status));
                        } else {
                            break;
                        }
                    }
                    _ => {
                        if desk.checkpoint(now_ms).is_err() {
                            break;
                        }
                    }
                }
            }
            if random.below(2) == 0 {
                // What is ignored for good stays so.
                decided.retain(|(_, s)| *s != Status::Resolved);
            }
            drop(desk);
            disk.crash();
            // A decision whose write failed may have been kept or not.
            if disk.is_down() {
                decided.clear();
            }
            disk.heal();
        }
    }
}

#[test]
fn merged_issues_count_together_and_split_again() {
    let disk = SimDisk::new(1);
    let mut store: Store = Vec::new();
    let mut desk = open(&disk, &store).unwrap();
    for (n, group) in [1u64, 1, 2, 3].into_iter().enumerate() {
        let o = occurrence(n as u32, group, 1_000_000_000 + n as i64);
        let batch = desk.begin(o.time_ms).unwrap();
        store.push((batch, o.clone()));
        desk.apply(batch, &[Note::Event(o)]);
    }
    let id = |g: u64| IssueId(GroupHash(g));
    let act = |desk: &mut Desk, id: IssueId, action: Action| {
        desk.act("t", id, action, "me", 5).map(|(i, w)| (i, w.is_ok()))
    };
    assert!(act(&mut desk, id(1), Action::Merge(vec![id(2), id(3)])).unwrap().1);
    assert_eq!(desk.book().tally(desk.book().issue(id(1)).unwrap()).count, 4);
    assert!(desk.book().issue(id(2)).is_none());
    let mut desk = open(&disk, &store).unwrap();
    assert_eq!(desk.book().tally(desk.book().issue(id(1)).unwrap()).count, 4);
    // An event of a merged group counts for the issue.
    let o = occurrence(9, 2, 1_000_000_009);
    let batch = desk.begin(o.time_ms).unwrap();
    store.push((batch, o.clone()));
    desk.apply(batch, &[Note::Event(o.clone())]);
    assert_eq!(desk.apply(batch, &[Note::Event(o)]), [], "the same event again");
    assert_eq!(desk.book().tally(desk.book().issue(id(1)).unwrap()).count, 5);
    act(&mut desk, id(1), Action::Split(vec![GroupHash(2)])).unwrap();
    assert_eq!(desk.book().tally(desk.book().issue(id(2)).unwrap()).count, 2);
    assert!(matches!(
        act(&mut desk, id(1), Action::Split(vec![GroupHash(1), GroupHash(3)])),
        Err(ActionError::Senseless(_))
    ));
    act(&mut desk, id(1), Action::Split(vec![GroupHash(1)])).unwrap();
    desk.checkpoint(2_000_000_000).unwrap();
    let desk = open(&disk, &store).unwrap();
    assert_eq!(desk.book().issues().count(), 3);
    assert!(matches!(desk.book().issue(id(1)), Some(i) if i.groups == [GroupHash(3)]));
    check(&desk, &store);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let disk = SimDisk::new(1);
    let mut desk = open(&disk, &Vec::new()).unwrap();
    let id = IssueId(GroupHash(1));
    let e = desk.act("t", id, Action::Unresolve, "", 0).unwrap_err();
    assert_eq!(e.to_string(), "there is no issue 0000000000000001");
    let mut o = occurrence(1, 1, 5);
    o.release.clear();
    let batch = desk.begin(5).unwrap();
    desk.apply(batch, &[Note::Event(o)]);
    let e = desk.act("t", id, Action::Resolve { in_release: None, in_next: true }, "", 0).unwrap_err();
    assert_eq!(e.to_string(), "project \"p\" has told of no release: there is no next one");
    assert!(desk.act("other", id, Action::Unresolve, "", 0).is_err(), "of another tenant");
    assert!(desk.act("t", id, Action::Comment("  ".into()), "", 0).is_err());
}

/// Stores and counts a batch with one event of each group.
fn count(desk: &mut Desk, store: &mut Store, time_ms: i64) {
    let events: Vec<Occurrence> =
        (0..5u64).map(|g| occurrence(store.len() as u32 + g as u32, g, time_ms)).collect();
    let batch = desk.begin(time_ms).unwrap();
    store.extend(events.iter().map(|o| (batch, o.clone())));
    desk.apply(batch, &events.into_iter().map(Note::Event).collect::<Vec<_>>());
}

/// Tears the checkpoint that comes after `prepare`, in every operation.
fn tear(prepare: fn(&mut Desk, i64)) {
    let (hour, begin) = (3_600_000, 10_000_000_000);
    let (mut holes, mut lost) = (0, 0);
    for (operation, seed) in (0..12).flat_map(|n| (0..100).map(move |seed| (n, seed))) {
        let disk = SimDisk::new(seed);
        let mut store: Store = Vec::new();
        let mut desk = open(&disk, &store).unwrap();
        count(&mut desk, &mut store, begin);
        // What is older than an hour is not read from the store again.
        desk.checkpoint(begin + 2 * hour).unwrap();
        let mut desk = open(&disk, &store).unwrap();
        prepare(&mut desk, begin + 2 * hour);
        count(&mut desk, &mut store, begin + 3 * hour);
        disk.crash_after(operation);
        let failed = desk.checkpoint(begin + 5 * hour).is_err();
        disk.crash();

        let process: Arc<dyn Disk> = Arc::new(disk.process());
        let read = Desk::open(process, Path::new("/issues").to_owned(), BookLimits::default());
        holes += read.unwrap().1.unreadable;
        lost += u64::from(failed);
        let mut desk = open(&disk, &store).unwrap();
        check(&desk, &store);
        desk.checkpoint(begin + 5 * hour).unwrap();
        disk.crash();
        check(&open(&disk, &store).unwrap(), &store);
    }
    println!("{holes} holes, {lost} checkpoints lost");
    assert!(holes > 0 && lost > 0, "nothing was torn");
}

#[test]
fn a_snapshot_with_a_hole_counts_for_nothing() {
    tear(|_, _| {});
}

#[test]
fn a_checkpoint_with_a_hole_counts_for_nothing() {
    // The first checkpoint after a start is a snapshot, the next one is not.
    tear(|desk, now_ms| desk.checkpoint(now_ms).unwrap());
}
