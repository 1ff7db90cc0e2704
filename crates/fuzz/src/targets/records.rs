//! The records store's own files, as they may be found after damage.

use ::records::{Attributes, Direction, Options, Scan, Store, Unlimited, Wanted};
use env::{Disk, SimClock, SimDisk};
use journal::{JournalOptions, Log};
use model::Labels;
use model::record::{
    AttributesBuf, Delivery, Record, RecordBatch, RecordSink, SenderId, Tenant, TraceId, Value,
};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

const NOW_MS: i64 = 1_700_000_000_000;

type Stored = (PathBuf, Vec<u8>);

fn open(disk: &SimDisk) -> Option<Store> {
    let options = Options { background: false, ..Options::new("/data") };
    Store::open(options, Arc::new(disk.clone()), Arc::new(SimClock::at(NOW_MS))).ok()
}

fn append(store: &Store, lines: u64, sequence: Option<u64>) {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    if let Some(sequence) = sequence {
        batch.set_delivery(Delivery { sender: SenderId([7; 16]), sequence, state: b"state".to_vec() });
    }
    let mut attributes = AttributesBuf::new();
    for i in 0..lines {
        let labels = Labels::from_pairs([("app", (i % 3).to_string())]).expect("seeds are valid");
        let stream = batch.stream(labels);
        attributes.clear();
        attributes.push("level", Value::String("info"));
        attributes.push("n", Value::Int(i as i64));
        attributes.push("ok", Value::Bool(i.is_multiple_of(2)));
        attributes.push(&format!("rare{i}"), Value::Float(0.5));
        let line = format!("request {i} of user{} took {}ms", i % 7, i * 13 % 900);
        let mut record = Record::line(NOW_MS * 1_000_000 - i as i64 * 1_000_003, &line);
        record.attributes = attributes.as_attributes();
        record.trace_id = TraceId([i as u8; 16]);
        record.observed_ns = record.time_ns + 1;
        if i % 10 == 9 {
            record.body = Value::Map(attributes.as_attributes());
        }
        batch.push(stream, &record);
    }
    let mut done = store.append(batch);
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

fn read_all(store: &Store) {
    let tenant = Tenant::unnamed();
    let wanted = Wanted { body: true, severity: true, ids: true, attributes: Attributes::All };
    for direction in [Direction::Any, Direction::Forward] {
        let scan = Scan { wanted, direction, ..Scan::all(&tenant) };
        let _ = store.scan(&scan, &Unlimited, &mut |block| {
            for row in 0..block.len() {
                let _ = (block.body(row).len(), block.attributes(row).get("n"), block.trace_id(row));
            }
            ControlFlow::Continue(())
        });
    }
    let _ = store.compact();
}

/// The files of a store of some lines: as they are in the journal, or flushed into a part with a deletion in force.
fn stored(flushed: bool) -> &'static [Stored] {
    static FILES: [OnceLock<Vec<Stored>>; 2] = [OnceLock::new(), OnceLock::new()];
    FILES[usize::from(flushed)].get_or_init(|| {
        let disk = SimDisk::new(1);
        let store = open(&disk).expect("an empty disk opens");
        append(&store, 100, None);
        append(&store, 3, Some(1));
        if flushed {
            store.flush().expect("a simulated disk works");
            let matchers = [model::Matcher::equal("app", "1")];
            store.delete(&Tenant::unnamed(), &matchers, &[], 0, 5).expect("a simulated disk works");
        }
        let here = |p: &PathBuf| p.file_name().is_some_and(|n| n != "lock");
        let files = disk.files().into_iter().filter(here);
        files.map(|p| (p.clone(), disk.map(&p).expect("it was just listed").to_vec())).collect()
    })
}

fn write(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    if let Some(dir) = path.parent() {
        disk.create_dir_all(dir).expect("a simulated disk works");
    }
    let mut file = disk.create(path).expect("a simulated disk works");
    file.append(bytes).and_then(|()| file.sync()).expect("a simulated disk works");
}

fn under(path: &Path, dir: &str) -> bool {
    path.starts_with(dir)
}

/// A store of which the files under a directory are these bytes.
fn with(data: &[u8], dir: &str) {
    let disk = SimDisk::new(1);
    for (path, bytes) in stored(true) {
        write(&disk, path, if under(path, dir) { data } else { bytes });
    }
    let sound = stored(true).iter().any(|(p, b)| under(p, dir) && b == data);
    let report = ::records::verify(Arc::new(disk.clone()), Path::new("/data"), &mut |_| {});
    let report = report.expect("a data directory can be verified whatever is in it");
    if sound {
        assert_eq!(report.damages, []);
    }
    if let Some(store) = open(&disk) {
        read_all(&store);
    }
}

fn seeds(dir: &str) -> Vec<Vec<u8>> {
    stored(true).iter().filter(|f| under(&f.0, dir)).map(|f| f.1.clone()).collect()
}

const PARTS: &str = "/data/blocks/parts";
const STATE: &str = "/data/blocks/state";
const JOURNAL: &str = "/data/journal/00000";

pub fn part(data: &[u8]) {
    with(data, PARTS);
}

pub fn part_seeds() -> Vec<Vec<u8>> {
    seeds(PARTS)
}

pub fn state(data: &[u8]) {
    with(data, STATE);
}

pub fn state_seeds() -> Vec<Vec<u8>> {
    seeds(STATE)
}

/// A store whose journal holds this record, under a sound checksum, before sound ones.
pub fn record(data: &[u8]) {
    let disk = SimDisk::new(1);
    let (mut log, _) = Log::open(Arc::new(disk.clone()), JOURNAL.into(), JournalOptions::default())
        .expect("an empty directory opens");
    log.append(&[data]).expect("a simulated disk works");
    log.append(&record_seeds()).expect("a simulated disk works");
    drop(log);
    if let Some(store) = open(&disk) {
        read_all(&store);
    }
}

pub fn record_seeds() -> Vec<Vec<u8>> {
    let disk = SimDisk::new(1);
    for (path, bytes) in stored(false).iter().filter(|f| under(&f.0, JOURNAL)) {
        write(&disk, path, bytes);
    }
    let (log, _) =
        Log::open(Arc::new(disk), JOURNAL.into(), JournalOptions::default()).expect("a sound journal opens");
    log.read(journal::Offset(0)).filter_map(Result::ok).map(|r| r.1).collect()
}
