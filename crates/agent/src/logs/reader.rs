//! Reads on a thread of its own, into whatever keeps records.

use super::config::LogsConfig;
use super::journald::{self, Journal};
use super::position::Positions;
use super::records::Builder;
use super::tailer::{Gathered, TailCounts, Tailer};
use crate::local::block_on;
use env::Clock;
use model::Unavailable;
use model::record::{Delivery, RecordBatch, RecordSink, SenderId};
use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Who the reader is to a sink of its own machine: there is only one.
pub const READER: SenderId = SenderId(*b"watchfire-reader");

/// Bytes of journal entries in one batch.
const JOURNAL_BATCH_BYTES: usize = 1 << 20;
/// A pause before a batch is offered again, where the sink does not say.
const RETRY: Duration = Duration::from_secs(1);

/// How reading logs goes. Counters count since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LogReaderStatus {
    /// Files.
    pub files: TailCounts,
    /// The systemd journal, if it is read.
    pub journal: Option<JournalStatus>,
    /// Patterns of files that are read.
    pub patterns: Vec<String>,
    /// Batches handed over.
    pub batches: u64,
    /// Records handed over.
    pub records: u64,
    /// Records that were refused for good.
    pub refused: u64,
    /// Why the last was.
    pub last_refusal: String,
    /// Why the present batch is not taken; empty if it is.
    pub last_error: String,
}

/// How reading the systemd journal goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct JournalStatus {
    /// Entries read.
    pub entries: u64,
    /// Bytes read, as JSON.
    pub bytes: u64,
    /// Entries too large to be read.
    pub left_out: u64,
    /// Why it is not read at the moment; empty if it is.
    pub problem: String,
}

/// Reads logs of this machine. Dropping it ends the thread; what was read and not handed over is read again at the next
/// start.
pub struct LogReader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<LogReaderStatus>,
    stop: Mutex<bool>,
    stopped: Condvar,
}

impl LogReader {
    /// Starts reading into a sink that keeps deliveries. The configuration was checked. Fails only if there can be no
    /// thread.
    pub fn start(
        config: LogsConfig,
        host: String,
        sink: Arc<dyn RecordSink>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<LogReader> {
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("logs".into())
            .spawn(move || Run::new(config, &host, sink, clock, of_thread).run())?;
        Ok(LogReader { shared, thread: Some(thread) })
    }

    /// How it goes.
    pub fn status(&self) -> LogReaderStatus {
        self.shared.status.lock().clone()
    }

    /// Ends after the batch under way.
    pub fn stop(&mut self) {
        *self.shared.stop.lock() = true;
        self.shared.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Run {
    config: LogsConfig,
    tailer: Tailer,
    journal: Option<Journal>,
    sink: Arc<dyn RecordSink>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    sequence: u64,
    /// The state that was handed over last.
    kept: Positions,
    /// The last entry of the journal that is in a batch.
    cursor: Option<String>,
    last_ns: i64,
}

impl Run {
    fn new(
        config: LogsConfig,
        host: &str,
        sink: Arc<dyn RecordSink>,
        clock: Arc<dyn Clock>,
        shared: Arc<Shared>,
    ) -> Run {
        let last = sink.last_delivery(&READER);
        let state = last.as_ref().and_then(|d| {
            let decoded = Positions::decode(&d.state);
            decoded
                .inspect_err(|error| {
                    tracing::error!(
                        error,
                        "how far logs were read is not understood; they are read as at a first start"
                    )
                })
                .ok()
        });
        let journald =
            config.journald.unwrap_or_else(|| journald::is_readable(config.journald_dir.as_deref()));
        let tailer = Tailer::new(&config, journald, host, state.as_ref(), clock.now_ms());
        let kept = state.unwrap_or_default();
        let journal = journald.then(|| Journal::new(&config, kept.cursor.clone(), host));
        let patterns: Vec<String> = config.sources(journald).into_iter().flat_map(|s| s.include).collect();
        tracing::info!(journald, files = patterns.join(" "), "reading logs of this machine");
        shared.status.lock().patterns = patterns;
        let sequence = last.map_or(0, |d| d.sequence);
        Run { config, tailer, journal, sink, clock, shared, sequence, kept, cursor: None, last_ns: 0 }
    }

    fn run(mut self) {
        let discover_ms = self.config.discover_interval.0.as_millis() as i64;
        let mut searched_ms = None;
        loop {
            let now_ms = self.clock.now_ms();
            if searched_ms.is_none_or(|at| !(0..discover_ms).contains(&(now_ms - at))) {
                self.tailer.discover(now_ms);
                searched_ms = Some(now_ms);
            }
            let Gathered { batch, more } = self.tailer.gather(now_ms);
            let Some(()) = self.hand_over(batch) else { return };
            let (entries, more_entries) = self.entries(now_ms);
            self.cursor = self.journal.as_ref().and_then(|j| j.cursor().map(str::to_owned));
            let Some(()) = self.hand_over(entries) else { return };
            self.tell();
            if self.wait(if more || more_entries { Duration::ZERO } else { self.config.poll_interval.0 }) {
                return;
            }
        }
    }

    /// Entries of the journal, in a batch of their own.
    fn entries(&mut self, now_ms: i64) -> (RecordBatch, bool) {
        let mut builder = Builder::new(self.last_ns, None);
        let journal = self.journal.as_mut();
        let more = journal.is_some_and(|j| j.gather(&mut builder, JOURNAL_BATCH_BYTES, now_ms));
        self.last_ns = builder.last_ns();
        (builder.batch, more)
    }

    /// Hands a batch over with the state after it, until it is taken. `None` if the reader is to end.
    fn hand_over(&mut self, mut batch: RecordBatch) -> Option<()> {
        let cursor = self.cursor.clone().or_else(|| self.kept.cursor.clone());
        let state = Positions { files: self.tailer.positions(), cursor };
        if batch.is_empty() && state == self.kept {
            return Some(());
        }
        self.sequence += 1;
        batch.set_delivery(Delivery { sender: READER, sequence: self.sequence, state: state.encode() });
        loop {
            let wait = match block_on(self.sink.append(batch.clone())) {
                Ok(accepted) => {
                    let mut status = self.shared.status.lock();
                    status.batches += 1;
                    status.records += accepted.records;
                    status.refused += accepted.refused.len() as u64;
                    if let Some(refused) = accepted.refused.last() {
                        status.last_refusal = refused.reason.to_string();
                    }
                    status.last_error.clear();
                    self.kept = state;
                    return Some(());
                }
                Err(Unavailable::Closed) => return None,
                Err(error) => {
                    let mut status = self.shared.status.lock();
                    if status.last_error.is_empty() {
                        tracing::warn!(%error, "logs of this machine wait until they can be kept");
                    }
                    status.last_error = error.to_string();
                    match error {
                        Unavailable::Busy { retry_after, .. } => retry_after,
                        _ => RETRY,
                    }
                }
            };
            if self.wait(wait) {
                return None;
            }
        }
    }

    fn tell(&self) {
        let mut status = self.shared.status.lock();
        status.files = self.tailer.counts();
        status.journal = self.journal.as_ref().map(|j| JournalStatus {
            entries: j.entries,
            bytes: j.bytes,
            left_out: j.left_out,
            problem: j.problem.clone(),
        });
    }

    /// Waits; returns whether to end.
    fn wait(&self, time: Duration) -> bool {
        let mut stop = self.shared.stop.lock();
        if !*stop && !time.is_zero() {
            self.shared.stopped.wait_for(&mut stop, time);
        }
        *stop
    }
}
