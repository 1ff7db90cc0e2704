//! What earlier releases wrote is read, and written on. `released/` is the data directory of one that was killed: a part,
//! a deletion in the state that only one part has carried out, and lines in the journal that no sender has numbered.

use env::{RealDisk, SimClock};
use model::record::{Delivery, Record, RecordBatch, RecordSink, SenderId, Tenant};
use model::{Labels, Matcher};
use records::{Direction, Options, Scan, Store, Unlimited, Wanted};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

const START_NS: i64 = 1_795_219_200_000_000_000;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

fn open(dir: &Path) -> Store {
    let options = Options { background: false, ..Options::new(dir) };
    let clock = SimClock::at(START_NS / 1_000_000 + 60_000);
    Store::open(options, Arc::new(RealDisk), Arc::new(clock)).unwrap()
}

fn bodies(store: &Store) -> Vec<String> {
    let (tenant, mut found) = (Tenant::unnamed(), Vec::new());
    let matchers = [Matcher::equal("app", "shop")];
    let wanted = Wanted { body: true, ..Wanted::default() };
    let scan = Scan { matchers: &matchers, direction: Direction::Forward, wanted, ..Scan::all(&tenant) };
    let each = &mut |block: &records::Block<'_>| {
        found.extend((0..block.len()).map(|row| block.body(row).to_owned()));
        ControlFlow::Continue(())
    };
    store.scan(&scan, &Unlimited, each).unwrap();
    found.sort();
    found
}

#[test]
fn a_directory_of_before_senders_were_known() {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released"), dir.path());
    let line = |tag: &str, i: u64| format!("{tag} line {i} took {} ms", i * 7);
    let mut expected: Vec<String> =
        ["first", "second"].iter().flat_map(|tag| [0, 1, 2, 4].map(|i| line(tag, i))).collect();
    expected.extend((0..5).map(|i| line("third", i)));
    let store = open(dir.path());
    assert_eq!(bodies(&store), expected);
    assert!(store.status().damages.is_empty(), "{:?}", store.status().damages);

    // From now on there are senders, in the journal and then in the state.
    let delivery = Delivery { sender: SenderId([7; 16]), sequence: 3, state: b"here".to_vec() };
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let stream = batch.stream(Labels::from_pairs([("app", "shop")]).unwrap());
    batch.push(stream, &Record::line(START_NS + 3000, "numbered"));
    batch.set_delivery(delivery.clone());
    expected.push("numbered".into());
    expected.sort();
    drop(store);
    // Kept the first time, a repetition later: found in the journal, and then in the state.
    for round in 0..4 {
        let store = open(dir.path());
        futures::executor::block_on(store.append(batch.clone())).unwrap();
        assert_eq!(bodies(&store), expected, "round {round}");
        assert_eq!(store.last_delivery(&delivery.sender), Some(delivery.clone()), "round {round}");
        if round == 2 {
            store.flush().unwrap();
        }
    }
}
