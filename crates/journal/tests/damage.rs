//! What is told about damaged, full and read-only journals, and what can still be read.

use env::{Disk, SimDisk};
use journal::{
    Damage, Flaw, Journal, JournalError, JournalOptions, LocalJournal, Log, Offset, Partition, decode_header,
    verify,
};
use proptest::prelude::*;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

const DIR: &str = "/j/00000";
const FIRST: &str = "/j/00000/00000000000000000000.seg";

fn open(disk: &SimDisk) -> Result<(Log, Vec<Damage>), JournalError> {
    Log::open(Arc::new(disk.clone()), PathBuf::from(DIR), JournalOptions::default())
}

/// Ten records of 80 bytes, each its own group, so that record n lies at 32 + 100 n.
fn ten_records() -> SimDisk {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk).unwrap();
    for n in 0..10u8 {
        log.append(&[[n; 80]]).unwrap();
    }
    disk.crash();
    disk
}

/// The first bytes of records, and damages, in the order they are read.
fn read(log: &Log) -> Vec<Result<u8, String>> {
    log.read(Offset(0)).map(|item| item.map(|(_, r)| r[0]).map_err(|e| e.to_string())).collect()
}

fn rewrite(disk: &SimDisk, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = Path::new(path);
    let mut bytes = disk.map(path).map(|b| b.to_vec()).unwrap_or_default();
    change(&mut bytes);
    if disk.exists(path) {
        disk.remove(path).unwrap();
    }
    let mut file = disk.create(path).unwrap();
    file.append(&bytes).unwrap();
    file.sync().unwrap();
    disk.sync_dir(path.parent().unwrap()).unwrap();
}

#[test]
fn a_torn_tail_is_told_and_left_behind() {
    let disk = ten_records();
    rewrite(&disk, FIRST, |bytes| bytes.truncate(1_000));
    let (mut log, damages) = open(&disk).unwrap();
    let told = "/j/00000/00000000000000000000.seg at byte 932: the last write is incomplete, 68 bytes from record 9 \
                on are cut";
    assert_eq!(damages.iter().map(|d| d.to_string()).collect::<Vec<_>>(), [told]);
    assert!(damages[0].is_torn_tail());
    assert_eq!(log.append(&[[9; 80]]).unwrap(), Offset(9));
    assert!(read(&log).into_iter().eq((0..10).map(Ok)));
    drop(log);
    let (log, damages) = open(&disk).unwrap();
    assert_eq!(damages, []);
    assert!(read(&log).into_iter().eq((0..10).map(Ok)));
}

#[test]
fn damage_in_the_last_segment_is_told_at_open_and_kept() {
    let disk = ten_records();
    disk.flip_bit(Path::new(FIRST), (32 + 300 + 50) * 8).unwrap();
    let before = disk.map(Path::new(FIRST)).unwrap();
    let (mut log, damages) = open(&disk).unwrap();
    let kept = PathBuf::from("/j/00000/damaged/00000000000000000000.seg.0");
    let expected = Damage {
        file: PathBuf::from(FIRST),
        position: 332,
        bytes: 100,
        offset: Offset(3),
        what: Flaw::Corrupt,
        kept: Some(kept.clone()),
    };
    assert_eq!(damages, [expected]);
    let told = "journal is damaged: /j/00000/00000000000000000000.seg at byte 332: 100 bytes from record 3 on fail \
                their checksum; the file is kept as /j/00000/damaged/00000000000000000000.seg.0";
    let items: Vec<_> = (0..3).map(Ok).chain([Err(told.to_owned())]).chain((4..10).map(Ok)).collect();
    assert_eq!(read(&log), items);
    assert_eq!(log.append(&[[10; 80]]).unwrap(), Offset(10));
    // Truncation does not take the evidence.
    log.truncate_before(Offset(11)).unwrap();
    assert!(!disk.exists(Path::new(FIRST)));
    assert_eq!(disk.map(&kept).unwrap(), before);
}

#[test]
fn damage_in_the_length_is_bounded_by_the_next_sound_record() {
    for bit in 0..32 {
        let disk = ten_records();
        disk.flip_bit(Path::new(FIRST), (32 + 400 + 4) * 8 + bit).unwrap();
        let (log, damages) = open(&disk).unwrap();
        assert_eq!(
            damages.iter().map(|d| (d.position, d.bytes, d.offset)).collect::<Vec<_>>(),
            [(432, 100, Offset(4))]
        );
        assert_eq!(read(&log).iter().flatten().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
    }
}

#[test]
fn damage_in_an_earlier_segment_is_told_when_it_is_read() {
    let disk = ten_records();
    let (mut log, _) = open(&disk).unwrap();
    log.append(&[[10; 80]]).unwrap();
    drop(log);
    disk.flip_bit(Path::new(FIRST), 40 * 8).unwrap();
    let (log, damages) = open(&disk).unwrap();
    assert_eq!(damages, []);
    assert_eq!(read(&log).iter().filter(|item| item.is_err()).count(), 1);
    // Who reads behind it is not told.
    assert!(log.read(Offset(5)).all(|item| item.is_ok()));
    drop(log);
    let found = verify(&disk, Path::new("/j"), &JournalOptions::default(), &mut |_| ()).unwrap();
    assert_eq!(found.damages.iter().map(|d| (d.position, d.bytes)).collect::<Vec<_>>(), [(32, 100)]);
    assert_eq!(found.records, 10);
}

#[test]
fn lost_files_and_lost_ends_are_missing_records() {
    let disk = ten_records();
    drop(open(&disk).unwrap());
    rewrite(&disk, FIRST, |bytes| bytes.truncate(532));
    let (log, _) = open(&disk).unwrap();
    let told =
        "journal is damaged: /j/00000/00000000000000000000.seg at byte 532: 4 records from 5 on are missing";
    assert_eq!(read(&log), [Ok(0), Ok(1), Ok(2), Ok(3), Ok(4), Err(told.to_owned()), Ok(9)]);
    disk.remove(Path::new(FIRST)).unwrap();
    let told =
        "journal is damaged: /j/00000/00000000000000000000.seg at byte 0: 9 records from 0 on are missing";
    assert_eq!(read(&log), [Err(told.to_owned()), Ok(9)]);
}

#[test]
fn a_damaged_header_costs_no_record() {
    let disk = ten_records();
    disk.flip_bit(Path::new(FIRST), 3).unwrap();
    let (log, damages) = open(&disk).unwrap();
    assert_eq!(
        damages[0].to_string(),
        "/j/00000/00000000000000000000.seg at byte 0: the header fails its checksum"
    );
    assert!(read(&log).into_iter().eq((0..10).map(Ok)));
}

#[test]
fn a_newer_format_is_not_touched() {
    let disk = ten_records();
    rewrite(&disk, FIRST, |bytes| {
        bytes[8] = 9;
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    });
    let before = (disk.files(), disk.map(Path::new(FIRST)).unwrap());
    let told = "journal is damaged: /j/00000/00000000000000000000.seg at byte 0: format version 9 is not known to \
                this version of the program";
    assert_eq!(open(&disk).err().unwrap().to_string(), told);
    assert_eq!((disk.files(), disk.map(Path::new(FIRST)).unwrap()), before);
}

#[test]
fn a_read_only_disk_is_served_and_heals() {
    let disk = ten_records();
    disk.set_read_only(true);
    let (mut log, damages) = open(&disk).unwrap();
    assert_eq!(damages, []);
    assert!(read(&log).into_iter().eq((0..10).map(Ok)));
    match log.append(&[b"refused"]).unwrap_err() {
        JournalError::Failed { source, .. } => assert_eq!(source.kind(), ErrorKind::ReadOnlyFilesystem),
        e => panic!("{e}"),
    }
    disk.set_read_only(false);
    assert_eq!(log.append(&[[10; 80]]).unwrap(), Offset(10));
    disk.crash();
    assert!(read(&open(&disk).unwrap().0).into_iter().eq((0..11).map(Ok)));
}

#[test]
fn a_full_disk_refuses_and_heals_under_load() {
    let disk = SimDisk::new(5);
    let (journal, _) =
        LocalJournal::open(Arc::new(disk.clone()), PathBuf::from("/j"), JournalOptions::default()).unwrap();
    let append = |record: Vec<u8>| {
        let (tell, told) = mpsc::channel();
        journal.append(Partition(0), record, Box::new(move |result| tell.send(result).unwrap()));
        told.recv().unwrap()
    };
    assert_eq!(append(vec![0; 500]).unwrap(), Offset(0));
    disk.set_capacity(Some(1_000));
    for _ in 0..3 {
        let e = append(vec![1; 500]).unwrap_err();
        assert!(e.to_string().contains("no storage space"), "{e}");
        assert!(matches!(e, JournalError::Failed { source, .. } if source.kind() == ErrorKind::StorageFull));
    }
    assert_eq!(append(vec![2; 100]).unwrap(), Offset(1));
    disk.set_capacity(None);
    assert_eq!(append(vec![3; 500]).unwrap(), Offset(2));
    let stats = journal.stats(Partition(0));
    assert_eq!((stats.records_appended, stats.records_failed, stats.queued_records), (3, 3, 0));
    let first_bytes = |item: Result<(Offset, Vec<u8>), JournalError>| item.unwrap().1[0];
    assert!(journal.read(Partition(0), Offset(0)).unwrap().map(first_bytes).eq([0, 2, 3]));
}

#[test]
fn a_group_whose_sync_fails_is_gone_for_good() {
    let disk = ten_records();
    let (mut log, _) = open(&disk).unwrap();
    // The append is well, the sync is not.
    disk.fail_after(1, 1, ErrorKind::Other);
    let e = log.append(&[[66; 80], [67; 80]]).unwrap_err();
    assert!(matches!(e, JournalError::Failed { .. }), "{e}");
    assert_eq!(log.append(&[[10; 80]]).unwrap(), Offset(10));
    for _ in 0..2 {
        disk.crash();
        let (log, _) = open(&disk).unwrap();
        assert!(read(&log).into_iter().eq((0..11).map(Ok)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes in place of a segment, or spliced into one, are read without panic, and what is read is in order.
    #[test]
    fn any_bytes_are_survived(splice: Vec<u8>, at in 0usize..1_100, cut in 0usize..1_100, whole: bool) {
        let disk = ten_records();
        rewrite(&disk, FIRST, |bytes| {
            let at = if whole { 0 } else { at.min(bytes.len()) };
            let end = if whole { bytes.len() } else { (at + cut).min(bytes.len()) };
            bytes.splice(at..end, splice);
        });
        let sound_header = decode_header(&disk.map(Path::new(FIRST)).unwrap()).is_ok();
        let (log, damages) = open(&disk).unwrap();
        prop_assert!(sound_header || damages.iter().any(|d| d.what == Flaw::Header));
        let read: Vec<_> = log.read(Offset(0)).flatten().collect();
        prop_assert!(read.iter().all(|(offset, record)| record[..] == [offset.0 as u8; 80]));
        prop_assert!(read.is_sorted_by_key(|(offset, _)| offset.0));
    }
}
