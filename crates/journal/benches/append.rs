//! How long a durable append takes, from the call to the answer, for one writer and for sixteen that share syncs.
//!
//! Beside criterion's figures it prints the median and the 99th percentile of single appends, the records per sync,
//! and, as a check, how many records could be read back.

use criterion::{Criterion, Throughput};
use env::RealDisk;
use journal::{Journal, JournalOptions, LocalJournal, Offset, Partition};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

const P: Partition = Partition(0);
const RECORD_BYTES: usize = 40_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for writers in [1, 16] {
        bench(&mut criterion, writers);
    }
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, writers: usize) {
    let dir = tempfile::tempdir().expect("a directory to write to");
    let (journal, _) =
        LocalJournal::open(Arc::new(RealDisk), dir.path().to_owned(), JournalOptions::default())
            .expect("a fresh journal opens");
    let record: Vec<u8> = (0..RECORD_BYTES).map(|n| (n * n % 251) as u8).collect();
    let latencies = Mutex::new(Vec::new());
    let mut group = criterion.benchmark_group("append and sync 40 kB");
    group.throughput(Throughput::Bytes((RECORD_BYTES * writers) as u64));
    group.bench_function(format!("{writers} writers"), |b| {
        b.iter_custom(|iterations| {
            let started = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..writers {
                    scope.spawn(|| {
                        let took: Vec<_> = (0..iterations).map(|_| append(&journal, &record)).collect();
                        latencies.lock().expect("no writer panicked").extend(took);
                    });
                }
            });
            started.elapsed()
        });
    });
    group.finish();
    let mut latencies = latencies.into_inner().expect("no writer panicked");
    if latencies.is_empty() {
        return;
    }
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let stats = journal.stats(P);
    let read = journal.read(P, Offset(0)).expect("the journal can be read").filter(|r| r.is_ok()).count();
    println!(
        "{writers} writers: p50 {:?}, p99 {:?}, {:.1} records per sync; {read} of {} records read back",
        at(0.5),
        at(0.99),
        stats.records_appended as f64 / stats.syncs as f64,
        latencies.len(),
    );
    assert_eq!(read, latencies.len());
}

fn append(journal: &LocalJournal, record: &[u8]) -> Duration {
    let mut buffer = journal.buffer();
    buffer.extend_from_slice(record);
    let (tell, told) = mpsc::sync_channel(1);
    let started = Instant::now();
    journal.append(P, buffer, Box::new(move |result| drop(tell.send(result))));
    told.recv().expect("every append is answered").expect("the disk takes it");
    started.elapsed()
}
