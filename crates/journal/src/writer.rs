//! The threads of one partition: one writes and syncs, one answers.
//!
//! While callers are told about a group, the next one is already being written, so that what they do with the answer
//! and what the disk does overlap.

use crate::log::{Log, Shared};
use crate::{JournalError, JournalOptions, JournalStats, Offset, Then};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

/// So many groups may be written and wait for those before them to be answered. One more is in the writer's hands.
const GROUPS_WAITING_MAX: usize = 1;

/// A partition's queue and the threads that empty it.
pub(crate) struct Writer {
    inner: Arc<Inner>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Inner {
    queue: Mutex<Queue>,
    /// Signalled when the queue stops being empty or is closed.
    filled: Condvar,
    log: Mutex<Log>,
    shared: Arc<Shared>,
    buffers: Arc<Buffers>,
    options: JournalOptions,
    counters: Mutex<JournalStats>,
}

#[derive(Default)]
struct Queue {
    pending: VecDeque<Pending>,
    /// Records not yet written, those being written included.
    records: u64,
    bytes: u64,
    closed: bool,
}

struct Pending {
    /// A record that was refused keeps its place, so that answers come in order.
    record: Result<Vec<u8>, JournalError>,
    then: Then,
}

/// Buffers of records that are written, for records to come.
pub(crate) struct Buffers {
    free: Mutex<Vec<Vec<u8>>>,
    count_max: usize,
    bytes_max: usize,
}

impl Buffers {
    pub(crate) fn new(options: &JournalOptions) -> Buffers {
        Buffers {
            free: Mutex::default(),
            count_max: options.buffers_kept,
            bytes_max: options.buffer_bytes_kept,
        }
    }

    pub(crate) fn take(&self) -> Vec<u8> {
        self.free.lock().pop().unwrap_or_default()
    }

    fn give_back(&self, records: &mut Vec<Vec<u8>>) {
        let mut free = self.free.lock();
        for mut record in records.drain(..) {
            if free.len() < self.count_max && (1..=self.bytes_max).contains(&record.capacity()) {
                record.clear();
                free.push(record);
            }
        }
    }
}

impl Writer {
    pub(crate) fn start(
        name: String,
        log: Log,
        options: JournalOptions,
        buffers: Arc<Buffers>,
    ) -> std::io::Result<Writer> {
        let inner = Arc::new(Inner {
            queue: Mutex::default(),
            filled: Condvar::new(),
            shared: log.shared(),
            log: Mutex::new(log),
            buffers,
            options,
            counters: Mutex::default(),
        });
        let (tell, told) = sync_channel(GROUPS_WAITING_MAX);
        let answerer =
            std::thread::Builder::new().name(format!("{name}-answer")).spawn(move || answer_all(told))?;
        let writer = {
            let inner = inner.clone();
            std::thread::Builder::new().name(name).spawn(move || inner.run(tell))?
        };
        Ok(Writer { inner, threads: Mutex::new(vec![writer, answerer]) })
    }

    pub(crate) fn append(&self, record: Vec<u8>, then: Then) {
        let mut queue = self.inner.queue.lock();
        if queue.closed {
            drop(queue);
            return then(Err(JournalError::Closed));
        }
        let record = self.inner.admit(&queue, record);
        queue.records += 1;
        queue.bytes += record.as_ref().map_or(0, |r| r.len() as u64);
        let was_empty = queue.pending.is_empty();
        queue.pending.push_back(Pending { record, then });
        drop(queue);
        if was_empty {
            self.inner.filled.notify_one();
        }
    }

    pub(crate) fn queued_bytes(&self) -> u64 {
        self.inner.queue.lock().bytes
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// The log, between two groups.
    pub(crate) fn with_log<T>(&self, f: impl FnOnce(&mut Log) -> T) -> T {
        f(&mut self.inner.log.lock())
    }

    pub(crate) fn stats(&self) -> JournalStats {
        let (segments, bytes, first) = self.inner.shared.extent();
        let queue = self.inner.queue.lock();
        let (queued_records, queued_bytes) = (queue.records, queue.bytes);
        drop(queue);
        JournalStats {
            segments,
            bytes,
            first_offset: Offset(first),
            next_offset: Offset(self.inner.shared.next()),
            queued_records,
            queued_bytes,
            ..*self.inner.counters.lock()
        }
    }

    /// Takes no more records, writes what is queued, answers everyone and ends the threads.
    pub(crate) fn close(&self) {
        self.inner.queue.lock().closed = true;
        self.inner.filled.notify_one();
        let threads = std::mem::take(&mut *self.threads.lock());
        // The last owner may be a callback. Then this is one of the threads, and they end by themselves.
        let current = std::thread::current().id();
        if threads.iter().any(|t| t.thread().id() == current) {
            return;
        }
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a journal thread panicked");
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// What is written at once.
#[derive(Default)]
struct Group {
    /// Kept for its capacity.
    records: Vec<Vec<u8>>,
    /// A refusal each, or nothing for the next of `records`.
    answers: Vec<(Option<JournalError>, Then)>,
    bytes: u64,
}

/// A group of which it is known what became of it.
struct Outcome {
    answers: Vec<(Option<JournalError>, Then)>,
    /// The offset of its first record.
    written: Result<Offset, JournalError>,
}

impl Inner {
    fn admit(&self, queue: &Queue, record: Vec<u8>) -> Result<Vec<u8>, JournalError> {
        let limit = self.options.record_bytes_max;
        if record.len() > limit {
            return Err(JournalError::TooLarge { observed: record.len() as u64, limit: limit as u64 });
        }
        let limit = self.options.queue_bytes_max;
        if queue.bytes > 0 && queue.bytes + record.len() as u64 > limit {
            return Err(JournalError::Busy { queued_bytes: queue.bytes, limit });
        }
        Ok(record)
    }

    fn run(&self, tell: SyncSender<Outcome>) {
        let mut group = Group::default();
        while self.take(&mut group) {
            let started = Instant::now();
            let written = if group.records.is_empty() {
                Ok(Offset(self.shared.next()))
            } else {
                self.log.lock().append(&group.records)
            };
            self.count(&group, &written, started);
            self.buffers.give_back(&mut group.records);
            let outcome = Outcome { answers: std::mem::take(&mut group.answers), written };
            if let Err(SendError(outcome)) = tell.send(outcome) {
                outcome.answer();
            }
        }
    }

    /// Waits for records and takes as many as one group may have. False once closed and empty.
    fn take(&self, group: &mut Group) -> bool {
        let mut queue = self.queue.lock();
        while queue.pending.is_empty() {
            if queue.closed {
                return false;
            }
            self.filled.wait(&mut queue);
        }
        group.bytes = 0;
        while let Some(next) = queue.pending.front() {
            let len = next.record.as_ref().map_or(0, Vec::len) as u64;
            if !group.records.is_empty() && group.bytes + len > self.options.group_bytes_max as u64 {
                break;
            }
            let Some(Pending { record, then }) = queue.pending.pop_front() else { break };
            group.bytes += len;
            match record {
                Ok(record) => {
                    group.records.push(record);
                    group.answers.push((None, then));
                }
                Err(refusal) => group.answers.push((Some(refusal), then)),
            }
        }
        true
    }

    fn count(&self, group: &Group, written: &Result<Offset, JournalError>, started: Instant) {
        let mut queue = self.queue.lock();
        queue.records -= group.answers.len() as u64;
        queue.bytes -= group.bytes;
        drop(queue);
        let mut counters = self.counters.lock();
        let records = group.records.len() as u64;
        counters.records_failed += group.answers.len() as u64 - records;
        if written.is_err() {
            counters.records_failed += records;
        } else if records > 0 {
            let took = started.elapsed();
            counters.records_appended += records;
            counters.bytes_appended += group.bytes;
            counters.syncs += 1;
            counters.sync_time += took;
            counters.sync_time_max = counters.sync_time_max.max(took);
        }
    }
}

fn answer_all(told: Receiver<Outcome>) {
    told.into_iter().for_each(Outcome::answer);
}

impl Outcome {
    fn answer(self) {
        let mut taken = 0;
        for (refusal, then) in self.answers {
            let result = match (refusal, &self.written) {
                (Some(refusal), _) => Err(refusal),
                (None, Err(e)) => Err(e.clone()),
                (None, Ok(Offset(first))) => {
                    taken += 1;
                    Ok(Offset(first + taken - 1))
                }
            };
            // A caller's panic must not silence everyone behind it.
            if catch_unwind(AssertUnwindSafe(|| then(result))).is_err() {
                tracing::error!("the callback of a journal record panicked");
            }
        }
    }
}
