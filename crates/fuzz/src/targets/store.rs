//! Our own files, as they may be found after damage.

use env::{Disk, SimClock, SimDisk};
use index::{Index, IndexOptions};
use journal::{JournalOptions, Log, Offset, decode_frame, decode_header};
use model::{Appendable, Labels, METRIC_NAME, Matcher, Samples, TimeRange};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use tsdb::{Db, Options};

const NOW_MS: i64 = 1_700_000_000_000;

fn write(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    if let Some(dir) = path.parent() {
        disk.create_dir_all(dir).expect("a simulated disk works");
    }
    let mut file = disk.create(path).expect("a simulated disk works");
    file.append(bytes).and_then(|()| file.sync()).expect("a simulated disk works");
}

fn read(disk: &SimDisk, path: &Path) -> Vec<u8> {
    disk.map(path).expect("the file was just listed").to_vec()
}

/// A file's place and bytes.
type Stored = (PathBuf, Vec<u8>);

/// The files of a disk under a directory, but for locks.
fn files(disk: &SimDisk, dir: &str) -> Vec<Stored> {
    let under = |p: &PathBuf| p.starts_with(dir) && p.file_name().is_some_and(|n| n != "lock");
    disk.files().into_iter().filter(under).map(|p| (p.clone(), read(disk, &p))).collect()
}

pub fn frame(data: &[u8]) {
    let _ = decode_header(data);
    if let Ok(frame) = decode_frame(7, data, 1 << 20) {
        assert!(frame.encoded_len() <= data.len(), "a frame lies within its bytes");
    }
}

pub fn frame_seeds() -> Vec<Vec<u8>> {
    // A segment is a header and frames: both are in it.
    let whole = segment_seeds().remove(0);
    let body = whole[journal::HEADER_BYTES.min(whole.len())..].to_vec();
    vec![whole, body]
}

fn options() -> JournalOptions {
    JournalOptions { record_bytes_max: 1 << 20, ..JournalOptions::default() }
}

fn log_dir() -> PathBuf {
    PathBuf::from("/journal")
}

/// A log whose only segment is these bytes: it opens, names what is damaged, and goes on durably.
pub fn segment(data: &[u8]) {
    let disk = SimDisk::new(1);
    let name = first_segment();
    write(&disk, &name, data);
    disk.sync_dir(&log_dir()).expect("a simulated disk works");
    let Ok((mut log, _)) = Log::open(Arc::new(disk.clone()), log_dir(), options()) else { return };
    let kept: Vec<_> = log.read(Offset(0)).filter_map(Result::ok).collect();
    assert!(kept.is_sorted_by(|a, b| a.0 < b.0), "offsets ascend");
    let Ok(at) = log.append(&[b"after"]) else { return };
    drop(log);
    let (log, _) = Log::open(Arc::new(disk), log_dir(), options()).expect("what was written opens");
    let again: Vec<_> = log.read(Offset(0)).filter_map(Result::ok).collect();
    assert_eq!(again.last(), Some(&(at, b"after".to_vec())), "what was acknowledged is there");
    // More may have turned up: where bytes were copied about, a record can be found in a second place.
    assert!(again.is_sorted_by(|a, b| a.0 < b.0), "offsets ascend");
    assert!(kept.iter().all(|r| again.contains(r)), "so is what was there before");
}

fn one_log() -> SimDisk {
    let disk = SimDisk::new(1);
    let (mut log, _) = Log::open(Arc::new(disk.clone()), log_dir(), options()).expect("an empty disk opens");
    log.append(&[&b"first"[..], b"", &[7; 300]]).expect("a simulated disk works");
    log.append(&[b"second group"]).expect("a simulated disk works");
    disk
}

fn first_segment() -> PathBuf {
    static NAME: OnceLock<PathBuf> = OnceLock::new();
    NAME.get_or_init(|| files(&one_log(), "/journal").remove(0).0).clone()
}

pub fn segment_seeds() -> Vec<Vec<u8>> {
    files(&one_log(), "/journal").into_iter().map(|f| f.1).collect()
}

fn index_blocks(disk: &SimDisk) -> Arc<dyn blocks::Blocks> {
    Arc::new(blocks::LocalBlocks::open(Arc::new(disk.clone()), PathBuf::from("/blocks")).expect("it opens"))
}

/// The files of an index of some series: one segment.
fn index_files() -> &'static [Stored] {
    static FILES: OnceLock<Vec<Stored>> = OnceLock::new();
    FILES.get_or_init(|| files(&one_index(), "/blocks"))
}

fn one_index() -> SimDisk {
    let disk = SimDisk::new(1);
    let (index, _) = Index::open(index_blocks(&disk), IndexOptions::default()).expect("an empty disk opens");
    for i in 0..200 {
        let labels = [(METRIC_NAME, format!("m{}", i % 9)), ("i", i.to_string()), ("job", "x".into())];
        let labels = Labels::from_pairs(labels).expect("seeds are valid");
        index.get_or_create(&labels, &mut |_| {}).expect("there is room");
    }
    index.persist().expect("a simulated disk works");
    disk
}

/// An index whose only segment is these bytes: it opens and names the damage, or answers.
pub fn index_segment(data: &[u8]) {
    let disk = SimDisk::new(1);
    for (path, _) in index_files() {
        write(&disk, path, data);
    }
    let Ok((index, _)) = Index::open(index_blocks(&disk), IndexOptions::default()) else { return };
    let found = index.select(&[Matcher::equal("job", "x")]);
    for id in found.iter().take(300) {
        let _ = index.labels(index::SeriesId(id));
    }
    let labels = Labels::from_pairs([(METRIC_NAME, "new")]).expect("valid");
    if let Ok(id) = index.get_or_create(&labels, &mut |_| {}) {
        assert_eq!(index.lookup(labels.key()), Some(id));
    }
}

pub fn index_seeds() -> Vec<Vec<u8>> {
    index_files().iter().map(|f| f.1.clone()).collect()
}

fn db_options() -> Options {
    Options { background: false, head_bytes_max: 1 << 20, ..Options::new("/data") }
}

fn open(disk: &SimDisk) -> Option<Db> {
    Db::open(db_options(), Arc::new(disk.clone()), Arc::new(SimClock::at(NOW_MS))).ok()
}

fn append(db: &Db, samples: i64) {
    let mut appender = db.appender();
    for i in 0..20 {
        let labels = [(METRIC_NAME, "m".to_owned()), ("i", i.to_string())];
        let labels = Labels::from_pairs(labels).expect("seeds are valid");
        let series = appender.series(&labels).expect("there is room");
        for t in 0..samples {
            let time_ms = NOW_MS - 3_600_000 + t * 15_000;
            if i == 19 {
                let h = super::receive::histogram(false);
                appender.histogram(series, time_ms, h, 0).expect("it is in range");
            } else {
                appender.sample(series, time_ms, (t * i) as f64 / 4.0, 0).expect("it is in range");
            }
        }
    }
    let mut done = appender.commit();
    // The journal's thread finishes it; a waker that does nothing means asking again.
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match done.as_mut().poll(&mut context) {
            Poll::Ready(r) => {
                r.expect("a simulated disk works");
                return;
            }
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

fn read_all(db: &Db) {
    let Ok(selection) = db.select(&[Matcher::equal(METRIC_NAME, "m")], TimeRange::ALL) else { return };
    let mut out = Samples::default();
    for i in 0..selection.len() {
        out.clear();
        if selection.read(i, &mut out).is_ok() {
            assert!(out.times.is_sorted_by(|a, b| a < b), "times ascend");
            assert_eq!(out.times.len(), out.values.len());
        }
    }
}

/// The files of a store that holds some samples, as they are while it is open: in the journal, or flushed into a
/// part.
fn stored(flushed: bool) -> &'static [Stored] {
    static FILES: [OnceLock<Vec<Stored>>; 2] = [OnceLock::new(), OnceLock::new()];
    FILES[usize::from(flushed)].get_or_init(|| {
        let disk = SimDisk::new(1);
        let db = open(&disk).expect("an empty disk opens");
        append(&db, 100);
        if flushed {
            db.flush().expect("a simulated disk works");
        }
        files(&disk, "/data")
    })
}

fn is_part(path: &Path) -> bool {
    path.starts_with("/data/blocks") && path.to_string_lossy().contains("part")
}

fn is_journal(path: &Path) -> bool {
    path.starts_with("/data/journal")
}

/// A store whose only part is these bytes.
pub fn part(data: &[u8]) {
    let disk = SimDisk::new(1);
    for (path, bytes) in stored(true) {
        write(&disk, path, if is_part(path) { data } else { bytes });
    }
    let sound = stored(true).iter().any(|(p, b)| is_part(p) && b == data);
    let report = tsdb::verify(Arc::new(disk.clone()), Path::new("/data"), &mut |_| {});
    let report = report.expect("a data directory can be verified whatever is in it");
    assert_eq!(
        report.damages.is_empty(),
        sound,
        "a part is sound or found to be damaged: {:?}",
        report.damages
    );
    if let Some(db) = open(&disk) {
        read_all(&db);
        let _ = db.close();
    }
}

pub fn part_seeds() -> Vec<Vec<u8>> {
    stored(true).iter().filter(|f| is_part(&f.0)).map(|f| f.1.clone()).collect()
}

/// A store whose journal holds this record, under a sound checksum, before sound ones.
pub fn record(data: &[u8]) {
    let disk = SimDisk::new(1);
    for (path, bytes) in stored(false).iter().filter(|(p, _)| !is_journal(p)) {
        write(&disk, path, bytes);
    }
    for (dir, records) in journals() {
        let (mut log, _) = Log::open(Arc::new(disk.clone()), dir, JournalOptions::default())
            .expect("an empty directory opens");
        log.append(&[data]).expect("a simulated disk works");
        log.append(&records).expect("a simulated disk works");
    }
    if let Some(db) = open(&disk) {
        read_all(&db);
        let _ = db.close();
    }
}

fn is_state(path: &Path) -> bool {
    path.starts_with("/data/blocks") && path.to_string_lossy().contains("state")
}

/// A store whose checkpoint is these bytes, compressed and under a sound checksum; and these bytes alone.
pub fn state(data: &[u8]) {
    let packed = zstd::bulk::compress(data, 1).expect("there is memory");
    let crc = crc32c::crc32c(&packed).to_le_bytes();
    let sealed = [&STATE_MAGIC[..], &crc, &(data.len() as u32).to_le_bytes(), &packed].concat();
    for bytes in [&sealed[..], data] {
        let disk = SimDisk::new(1);
        for (path, whole) in stored(true) {
            write(&disk, path, if is_state(path) { bytes } else { whole });
        }
        if let Some(db) = open(&disk) {
            read_all(&db);
            let _ = db.close();
        }
    }
}

/// What a state block begins with: eight bytes, then a checksum and a length of four each.
const STATE_MAGIC: &[u8; 8] = b"WFSTATE\x01";

pub fn state_seeds() -> Vec<Vec<u8>> {
    let packed = stored(true).iter().filter(|f| is_state(&f.0));
    packed.map(|f| zstd::bulk::decompress(&f.1[16..], 1 << 20).expect("a seed is sound")).collect()
}

/// The journal's partitions and the records in them.
fn journals() -> Vec<(PathBuf, Vec<Vec<u8>>)> {
    let disk = SimDisk::new(1);
    let mut dirs = BTreeSet::new();
    for (path, bytes) in stored(false).iter().filter(|(p, _)| is_journal(p)) {
        write(&disk, path, bytes);
        dirs.extend(path.parent().map(Path::to_owned));
    }
    let records = |dir: PathBuf| {
        let (log, _) = Log::open(Arc::new(disk.clone()), dir.clone(), JournalOptions::default())
            .expect("a sound journal opens");
        (dir, log.read(Offset(0)).filter_map(Result::ok).map(|r| r.1).collect())
    };
    dirs.into_iter().map(records).collect()
}

pub fn record_seeds() -> Vec<Vec<u8>> {
    journals().into_iter().flat_map(|j| j.1).collect()
}

pub fn spool_record(data: &[u8]) {
    if let Ok(record) = agent::Record::decode(data) {
        let bytes = record.encode().expect("what was decoded is within the limit");
        assert_eq!(agent::Record::decode(&bytes), Ok(record));
    }
}

pub fn spool_seeds() -> Vec<Vec<u8>> {
    let request = super::receive::v1_seeds().remove(0);
    vec![agent::Record { samples: 4, request }.encode().expect("it is small")]
}

pub fn log_spool_record(data: &[u8]) {
    if let Ok(record) = agent::LogRecord::decode(data) {
        let bytes = record.encode().expect("what was decoded is within the limit");
        assert_eq!(agent::LogRecord::decode(&bytes), Ok(record));
    }
}

pub fn log_spool_seeds() -> Vec<Vec<u8>> {
    let sender = model::record::SenderId([7; 16]);
    let record = agent::LogRecord { sender, records: 2, state: b"{}".to_vec(), request: vec![1, 2, 3] };
    vec![record.encode().expect("it is small")]
}
