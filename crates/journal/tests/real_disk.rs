//! The journal with its threads on the host's file system.

use env::RealDisk;
use journal::{Journal, JournalError, JournalOptions, LocalJournal, Offset, Partition};
use std::path::Path;
use std::sync::{Arc, mpsc};

const P: Partition = Partition(0);

fn open(dir: &Path, options: JournalOptions) -> LocalJournal {
    let (journal, damages) = LocalJournal::open(Arc::new(RealDisk), dir.to_owned(), options).unwrap();
    assert_eq!(damages, []);
    journal
}

fn small() -> JournalOptions {
    JournalOptions { segment_bytes: 400, ..JournalOptions::default() }
}

fn append(journal: &LocalJournal, partition: Partition, record: &[u8]) -> Result<Offset, JournalError> {
    let (tell, told) = mpsc::channel();
    journal.append(partition, record.to_vec(), Box::new(move |result| tell.send(result).unwrap()));
    told.recv().unwrap()
}

fn records(journal: &LocalJournal, from: u64) -> Vec<(u64, Vec<u8>)> {
    journal.read(P, Offset(from)).unwrap().map(|r| r.map(|(o, v)| (o.0, v)).unwrap()).collect()
}

#[test]
fn records_come_back_in_order_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let expected: Vec<_> = (0..40u64).map(|n| (n, vec![n as u8; n as usize])).collect();
    for half in expected.chunks(20) {
        let journal = open(dir.path(), small());
        for (n, record) in half {
            assert_eq!(append(&journal, P, record).unwrap(), Offset(*n));
        }
    }
    let journal = open(dir.path(), small());
    assert_eq!(records(&journal, 0), expected);
    assert_eq!(records(&journal, 33), expected[33..]);
    assert_eq!(records(&journal, 40), []);
    assert_eq!(journal.next_offset(P), Offset(40));
    assert!(journal.stats(P).segments > 3);
}

#[test]
fn truncation_drops_whole_segments_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), small());
    for n in 0..40u8 {
        append(&journal, P, &[n; 50]).unwrap();
    }
    let before = journal.stats(P);
    journal.truncate_before(P, Offset(20)).unwrap();
    let after = journal.stats(P);
    assert!(
        after.segments < before.segments
            && after.first_offset > Offset(0)
            && after.first_offset <= Offset(20)
    );
    assert_eq!(records(&journal, 20).len(), 20);
    journal.truncate_before(P, Offset(40)).unwrap();
    assert_eq!(journal.stats(P).segments, 1);
    assert_eq!(records(&journal, 0), []);
    drop(journal);
    let journal = open(dir.path(), small());
    assert_eq!(append(&journal, P, b"more").unwrap(), Offset(40));
}

#[test]
fn many_writers_share_syncs_and_hear_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Arc::new(open(dir.path(), JournalOptions::default()));
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for writer in 0..8u8 {
            let (journal, tell) = (journal.clone(), tell.clone());
            scope.spawn(move || {
                for n in 0..50u8 {
                    let tell = tell.clone();
                    let then = move |result: Result<Offset, JournalError>| {
                        tell.send((result.unwrap(), vec![writer, n])).unwrap();
                    };
                    let mut record = journal.buffer();
                    record.extend_from_slice(&[writer, n]);
                    journal.append(P, record, Box::new(then));
                }
            });
        }
    });
    drop(tell);
    let heard: Vec<(u64, Vec<u8>)> = told.iter().take(400).map(|(o, v)| (o.0, v)).collect();
    assert!(heard.iter().map(|h| h.0).eq(0..400));
    assert_eq!(records(&journal, 0), heard);
    let stats = journal.stats(P);
    assert_eq!((stats.records_appended, stats.bytes_appended, stats.queued_bytes), (400, 800, 0));
    assert!(stats.syncs <= 400);
}

#[test]
fn partitions_are_independent() {
    let dir = tempfile::tempdir().unwrap();
    {
        let journal = open(dir.path(), small());
        assert_eq!(append(&journal, Partition(7), b"seven").unwrap(), Offset(0));
        assert_eq!(append(&journal, Partition(1), b"one").unwrap(), Offset(0));
    }
    let journal = open(dir.path(), small());
    assert_eq!(journal.partitions(), [Partition(1), Partition(7)]);
    assert_eq!(journal.next_offset(Partition(7)), Offset(1));
    assert_eq!(journal.next_offset(Partition(2)), Offset(0));
}

#[test]
fn offsets_can_be_moved_forward_without_looking_like_a_loss() {
    let dir = tempfile::tempdir().unwrap();
    {
        let journal = open(dir.path(), small());
        append(&journal, P, b"a").unwrap();
        journal.advance(P, Offset(10)).unwrap();
        journal.advance(P, Offset(5)).unwrap();
        assert_eq!(append(&journal, P, b"b").unwrap(), Offset(10));
    }
    let journal = open(dir.path(), small());
    assert_eq!(records(&journal, 0), [(0, b"a".to_vec()), (10, b"b".to_vec())]);
}

#[test]
fn what_cannot_be_taken_is_refused_in_its_turn() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { record_bytes_max: 10, queue_bytes_max: 15, ..small() };
    let journal = open(dir.path(), options);
    let e = append(&journal, P, &[0; 11]).unwrap_err();
    assert_eq!(
        e.to_string(),
        "journal record of 11 bytes is over the limit of 10 (journal record_bytes_max)"
    );
    // A callback holds up the answers. Another group waits behind it, the writer holds a third, and the queue fills.
    let (release, held) = mpsc::channel::<()>();
    let mut hold = Some(held);
    for n in 0..3u8 {
        let held = hold.take();
        journal.append(P, vec![n], Box::new(move |_| held.iter().for_each(|held| held.recv().unwrap())));
        while journal.queued_bytes(P) > 0 {
            std::thread::yield_now();
        }
    }
    let (tell, told) = mpsc::channel();
    for n in 0..3u8 {
        let tell = tell.clone();
        journal.append(
            P,
            vec![n; 10],
            Box::new(move |r| tell.send((n, r.map_err(|e| e.to_string()))).unwrap()),
        );
    }
    assert_eq!(journal.queued_bytes(P), 10);
    release.send(()).unwrap();
    let busy = "journal queue holds 10 bytes of at most 15 (journal queue_bytes_max): try again later";
    let expected = [(0, Ok(Offset(3))), (1, Err(busy.to_owned())), (2, Err(busy.to_owned()))];
    assert_eq!(told.iter().take(3).collect::<Vec<_>>(), expected);
    assert_eq!(records(&journal, 2), [(2, vec![2]), (3, vec![0; 10])]);
}

#[test]
fn a_panicking_callback_harms_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), small());
    journal.append(P, vec![1], Box::new(|_| panic!("this panic is part of a test")));
    assert_eq!(append(&journal, P, &[2]).unwrap(), Offset(1));
}

#[test]
fn the_next_group_is_written_while_one_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), small());
    let (release, held) = mpsc::channel::<()>();
    journal.append(P, vec![1], Box::new(move |_| held.recv().unwrap()));
    while journal.next_offset(P) < Offset(1) {
        std::thread::yield_now();
    }
    let (tell, told) = mpsc::channel();
    journal.append(P, vec![2], Box::new(move |result| tell.send(result).unwrap()));
    while journal.next_offset(P) < Offset(2) {
        std::thread::yield_now();
    }
    assert!(told.try_recv().is_err(), "answers come in order");
    release.send(()).unwrap();
    assert_eq!(told.recv().unwrap().unwrap(), Offset(1));
}

#[test]
fn a_callback_may_be_the_last_owner() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Arc::new(open(dir.path(), small()));
    let (tell, told) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let owner = journal.clone();
    let then = move |_: Result<Offset, JournalError>| {
        held.recv().unwrap();
        drop(owner);
    };
    journal.append(P, vec![0], Box::new(then));
    for n in 1..6u8 {
        let tell = tell.clone();
        journal.append(P, vec![n], Box::new(move |result| tell.send(result.unwrap().0).unwrap()));
    }
    drop((journal, tell));
    release.send(()).unwrap();
    assert!(told.iter().eq(1..6));
}

#[test]
fn closing_answers_everyone() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), small());
    let (tell, told) = mpsc::channel();
    for n in 0..20u8 {
        let tell = tell.clone();
        journal.append(P, vec![n], Box::new(move |r| tell.send(r.unwrap().0).unwrap()));
    }
    journal.close();
    drop(tell);
    assert!(told.iter().eq(0..20));
    assert!(matches!(append(&journal, P, b"late"), Err(JournalError::Closed)));
    assert!(matches!(append(&journal, Partition(3), b"late"), Err(JournalError::Closed)));
}
