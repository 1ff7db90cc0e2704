//! The journal with its threads on a simulated disk whose power fails: what was answered with an offset is there.

use env::{SimDisk, SimRandom};
use journal::{Journal, JournalOptions, LocalJournal, Offset, Partition};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const WRITERS: u64 = 3;
const RECORDS: u64 = 20;
const PARTITIONS: u32 = 2;

/// Who wrote a record, and which of theirs it is.
type Record = (u64, u64);

#[derive(Default)]
struct Answers {
    /// Acknowledged records by partition and offset.
    acknowledged: Mutex<BTreeMap<(u32, u64), Record>>,
    answered: AtomicU64,
}

fn open(disk: &SimDisk, segment_bytes: u64) -> LocalJournal {
    let options = JournalOptions { segment_bytes, ..JournalOptions::default() };
    LocalJournal::open(Arc::new(disk.process()), PathBuf::from("/j"), options).unwrap().0
}

fn write(journal: &LocalJournal, writer: u64, answers: &Arc<Answers>) {
    for n in 0..RECORDS {
        let partition = ((writer + n) % u64::from(PARTITIONS)) as u32;
        let mut record = journal.buffer();
        assert!(record.is_empty());
        record.extend_from_slice(&writer.to_le_bytes());
        record.extend_from_slice(&n.to_le_bytes());
        let answers = answers.clone();
        let then = Box::new(move |result: Result<Offset, _>| {
            answers.answered.fetch_add(1, Ordering::Relaxed);
            if let Ok(Offset(offset)) = result {
                let mut acknowledged = answers.acknowledged.lock().unwrap();
                let behind = acknowledged.range((partition, offset)..(partition + 1, 0)).next();
                assert_eq!(behind, None, "answers come in order of offset, each offset once");
                acknowledged.insert((partition, offset), (writer, n));
            }
        });
        journal.append(Partition(partition), record, then);
    }
}

fn records(journal: &LocalJournal, partition: u32) -> BTreeMap<(u32, u64), Record> {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    // Torn records of a group that nobody heard of are damage and no loss.
    let read = journal.read(Partition(partition), Offset(0)).unwrap().flatten();
    read.map(|(o, r)| ((partition, o.0), (number(&r[..8]), number(&r[8..])))).collect()
}

#[test]
fn answers_hold_after_power_fails() {
    let mut interrupted = 0;
    for seed in 0..100 {
        let (random, disk) = (SimRandom::new(seed), SimDisk::new(seed));
        let journal = open(&disk, 500);
        disk.crash_after(random.below(100));
        let answers = Arc::new(Answers::default());
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (journal, answers) = (&journal, &answers);
                scope.spawn(move || write(journal, writer, answers));
            }
        });
        drop(journal);
        assert_eq!(
            answers.answered.load(Ordering::Relaxed),
            WRITERS * RECORDS,
            "everyone is answered, seed {seed}"
        );
        interrupted += u64::from(disk.is_down());
        disk.crash();
        let journal = open(&disk, 500);
        let mut found: BTreeMap<_, _> = (0..PARTITIONS).flat_map(|p| records(&journal, p)).collect();
        let mut seen = found.values().collect::<Vec<_>>();
        seen.sort_unstable();
        assert!(seen.windows(2).all(|two| two[0] != two[1]), "no record is there twice, seed {seed}");
        for (at, record) in answers.acknowledged.lock().unwrap().iter() {
            assert_eq!(found.remove(at), Some(*record), "acknowledged at {at:?}, seed {seed}");
        }
    }
    assert!(interrupted > 10, "{interrupted}");
}
