//! The spool for logs: batches wait on disk until the server has them, and the server keeps each once.
//!
//! A batch becomes one record of the journal, together with the state of whoever read it. It is sent as a Loki push with
//! the header `X-Watchfire-Delivery`, which names this run of the agent and the record's offset: a Watchfire server
//! remembers the last one of each sender and acknowledges what it has without keeping it again. The name is drawn anew at
//! every start and lies in each record, so that an agent set back to an older copy of its disk is not taken for
//! repeating itself.

use super::client::Client;
use super::log_record::LogRecord;
use super::options::{SpoolError, SpoolOptions, SpoolStatus};
use super::outbox::{Outbox, aborted};
use super::retry::Verdict;
use super::{Order, PARTITION, Shared, io_error, open, unavailable};
use crate::logs::READER;
use crate::watch::WATCHER;
use env::{Clock, Disk, DiskLock, Random};
use ingest::logs::loki;
use journal::{Journal, JournalError, Offset};
use model::Unavailable;
use model::record::{Accepted, Delivery, RecordBatch, RecordSink, RecordsDone, SenderId};
use parking_lot::Mutex;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

const DELIVERY: HeaderName = HeaderName::from_static("x-watchfire-delivery");
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Journals batches of log records and delivers them in order. Dropping it ends delivery at once; what is not delivered
/// stays in the journal for the next start.
pub struct LogSpool {
    shared: Arc<Shared>,
    sender: SenderId,
    /// Who writes here.
    writer: SenderId,
    /// The state of the last record.
    state: Arc<Mutex<Option<Vec<u8>>>>,
    orders: watch::Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
    _lock: Box<dyn DiskLock>,
}

impl LogSpool {
    /// Opens the spool of logs and begins to deliver what is in it.
    pub fn start(
        options: SpoolOptions,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<LogSpool, SpoolError> {
        LogSpool::start_at("/loki/api/v1/push", READER, options, disk, clock, random)
    }

    /// The same for events.
    pub fn start_events(
        options: SpoolOptions,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<LogSpool, SpoolError> {
        LogSpool::start_at("/api/v1/events/push", WATCHER, options, disk, clock, random)
    }

    fn start_at(
        path: &str,
        writer: SenderId,
        options: SpoolOptions,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<LogSpool, SpoolError> {
        let client = Client::new(&options, path)?;
        let (shared, position, lock) = open(&options, disk, clock, client.url())?;
        let state = last_state(&shared)?;
        let mut sender = [0; 16];
        sender[..8].copy_from_slice(&random.next_u64().to_le_bytes());
        sender[8..].copy_from_slice(&random.next_u64().to_le_bytes());
        let (orders, ordered) = watch::channel(Order::Run);
        let out = Outbox::new(shared.clone(), position, random, &options, true, ordered);
        let delivery = LogDelivery { out, client };
        let thread = delivery.spawn();
        let thread = thread.map_err(|error| io_error(&options, "start the delivery thread for", error))?;
        Ok(LogSpool {
            shared,
            sender: SenderId(sender),
            writer,
            state: Arc::new(Mutex::new(state)),
            orders,
            thread: Mutex::new(Some(thread)),
            _lock: lock,
        })
    }

    /// How it goes.
    pub fn status(&self) -> SpoolStatus {
        self.shared.status()
    }

    /// Delivers what is there for at most `wait`, then ends. Blocks; what is left stays for the next start.
    pub fn stop(&self, wait: Duration) {
        self.end(Order::Flush(wait));
    }

    fn end(&self, order: Order) {
        self.orders.send_replace(order);
        if let Some(thread) = self.thread.lock().take() {
            // A panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Drop for LogSpool {
    fn drop(&mut self) {
        self.end(Order::Abort);
        self.shared.journal.close();
    }
}

/// The state in the last record that can be read. One is always there, once there was one.
fn last_state(shared: &Shared) -> Result<Option<Vec<u8>>, SpoolError> {
    let mut last = None;
    for item in shared.journal.read(PARTITION, Offset(0))? {
        let bytes = match item {
            Ok((_, bytes)) => bytes,
            // It was told when the journal was opened.
            Err(JournalError::Damaged(_)) => continue,
            // What cannot be read now may be read later: without the state, everything would be read again.
            Err(error) => return Err(error.into()),
        };
        match LogRecord::decode(&bytes) {
            Ok(record) => last = Some(record.state),
            Err(error) => tracing::error!(%error, "a record of the spool for logs is not understood"),
        }
    }
    Ok(last)
}

impl RecordSink for LogSpool {
    fn append(&self, batch: RecordBatch) -> RecordsDone {
        let accepted = Accepted { records: batch.len() as u64, refused: Vec::new() };
        let state = batch.delivery().map(|d| d.state.clone()).unwrap_or_default();
        let record = LogRecord {
            sender: self.sender,
            records: u32::try_from(batch.len()).unwrap_or(u32::MAX),
            state: state.clone(),
            request: loki::encode(&batch),
        };
        let bytes = match record.encode() {
            Ok(bytes) => bytes,
            Err(e) => return Box::pin(std::future::ready(Err(Unavailable::ReadOnly(e.to_string())))),
        };
        let (told, kept) = (self.shared.journal(bytes), self.state.clone());
        Box::pin(async move {
            match told.await {
                Ok(Ok(_)) => {
                    *kept.lock() = Some(state);
                    Ok(accepted)
                }
                Ok(Err(error)) => Err(unavailable(error)),
                Err(_) => Err(Unavailable::Closed),
            }
        })
    }

    /// The one writer's: it is the only one who writes here, and numbers nothing that the journal does not number.
    fn last_delivery(&self, sender: &SenderId) -> Option<Delivery> {
        let state = self.state.lock().clone().filter(|_| *sender == self.writer)?;
        let next = self.shared.journal.next_offset(PARTITION).0;
        Some(Delivery { sender: self.writer, sequence: next, state })
    }
}

/// Takes records out of the journal and sends them, one by one and in order.
struct LogDelivery {
    out: Outbox,
    client: Client,
}

impl LogDelivery {
    /// Runs on a thread of its own, so that reading the disk holds up nobody.
    fn spawn(self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("log-spool".into()).spawn(move || runtime.block_on(self.run()))
    }

    async fn run(mut self) {
        while self.out.may_go_on() {
            self.out.stay_in_bounds();
            let end = *self.out.next.borrow_and_update();
            match if self.out.done < end { self.out.record_at(self.out.done, end) } else { None } {
                Some((offset, bytes)) => self.record(offset, &bytes).await,
                None if self.out.deadline.is_some() => break,
                None => {
                    self.out.save();
                    self.out.wait().await;
                }
            }
            self.out.save_now_and_then();
        }
        if *self.out.orders.borrow() != Order::Abort {
            self.out.save();
        }
    }

    async fn record(&mut self, offset: u64, bytes: &[u8]) {
        match LogRecord::decode(bytes) {
            Ok(record) if record.records == 0 => self.out.finish(offset + 1),
            Ok(record) => self.deliver(offset, &record).await,
            Err(error) => {
                tracing::error!(offset, %error, "a record of the spool for logs is not understood and skipped");
                self.out.shared.status.lock().damaged_records += 1;
                self.out.finish(offset + 1);
            }
        }
    }

    /// Sends until it is delivered, refused, overtaken by the bound of the spool, or ordered to end.
    async fn deliver(&mut self, offset: u64, record: &LogRecord) {
        let Ok(body) = snap::raw::Encoder::new().compress_vec(&record.request) else {
            return self.refused(offset, record, "too large for snappy compression");
        };
        let delivery = Delivery { sender: record.sender, sequence: offset + 1, state: Vec::new() };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, PROTOBUF);
        if let Ok(text) = HeaderValue::from_str(&delivery.text()) {
            headers.insert(DELIVERY, text);
        }
        loop {
            let now_ms = self.out.shared.clock.now_ms();
            let answer = tokio::select! {
                answer = self.client.send(headers.clone(), body.clone(), now_ms) => answer,
                () = aborted(&mut self.out.orders, self.out.deadline) => return,
            };
            match answer.verdict {
                Verdict::Delivered => return self.delivered(offset, record),
                Verdict::Rejected | Verdict::TooLarge => {
                    return self.refused(offset, record, &answer.message);
                }
                Verdict::Again(asked) => {
                    let pause = self.out.pause_after_failure(asked);
                    self.out.failed(&answer.message, pause);
                    if !self.out.pause(pause).await || self.out.done > offset {
                        return;
                    }
                }
            }
        }
    }

    fn delivered(&mut self, offset: u64, record: &LogRecord) {
        self.out.backoff.succeeded();
        let mut status = self.out.shared.status.lock();
        if !status.last_error.is_empty() {
            tracing::info!(url = status.url, "delivers logs again");
            status.last_error.clear();
        }
        status.requests += 1;
        status.delivered_records += 1;
        status.delivered_samples += u64::from(record.records);
        status.last_delivery_ms = self.out.shared.clock.now_ms();
        drop(status);
        self.out.finish(offset + 1);
    }

    /// Records were refused for good; a server that takes some of a batch has kept the others.
    fn refused(&mut self, offset: u64, record: &LogRecord, message: &str) {
        self.out.backoff.succeeded();
        let mut status = self.out.shared.status.lock();
        if status.last_rejection != message {
            tracing::error!(url = status.url, reason = message, "the server refuses log records for good");
        }
        status.last_rejection = message.to_owned();
        status.last_error.clear();
        status.rejected_records += 1;
        status.rejected_samples += u64::from(record.records);
        drop(status);
        self.out.finish(offset + 1);
    }
}
