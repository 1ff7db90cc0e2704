//! A durable queue towards a server.
//!
//! Every batch becomes one record of a journal; a commit is answered when the record is on stable storage. A
//! thread of its own delivers records in order by remote write and remembers how far it came. What was
//! delivered just before a crash is delivered again (the position is written less often than requests are
//! sent): a receiver that keeps one value for a series and timestamp does not notice.

mod batch;
mod client;
mod delivery;
mod log_record;
mod logs;
mod options;
mod outbox;
mod position;
mod protocol;
mod record;
mod retry;
mod tail;
mod transcode;

pub use log_record::{LogRecord, LogRecordError};
pub use logs::LogSpool;
pub use options::{Credentials, SpoolError, SpoolOptions, SpoolStatus};
pub use protocol::RemoteWriteMessage;
pub use record::{Record, RecordError};

use batch::Batch;
use client::Client;
use delivery::Delivery;
use env::{Clock, Disk, DiskLock, Random};
use journal::{Journal, JournalError, JournalOptions, LocalJournal, Partition};
use model::{Appendable, Appender, Unavailable};
use outbox::Outbox;
use parking_lot::Mutex;
use position::Position;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tail::Tail;
use tokio::sync::{oneshot, watch};

/// Tells what became of a record.
type Journaled = oneshot::Receiver<Result<journal::Offset, JournalError>>;

/// The spool has one partition: everything is delivered in one order.
const PARTITION: Partition = Partition(0);

/// What the batches, the delivery and the owner share.
struct Shared {
    journal: LocalJournal,
    tail: Mutex<Tail>,
    status: Mutex<SpoolStatus>,
    /// The offset behind the last record; the delivery waits on it.
    next: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
}

impl Shared {
    fn status(&self) -> SpoolStatus {
        let stats = self.journal.stats(PARTITION);
        let mut status = self.status.lock().clone();
        status.disk_bytes = stats.bytes;
        status.waiting_records = stats.next_offset.0.saturating_sub(status.delivered_offset);
        status
    }

    /// Journals a record; tells when it is on stable storage.
    fn journal(self: &Arc<Self>, bytes: Vec<u8>) -> Journaled {
        let (done, told) = oneshot::channel();
        let (shared, kept) = (self.clone(), bytes.clone());
        let then = move |result: Result<journal::Offset, JournalError>| {
            if let Ok(offset) = &result {
                shared.tail.lock().push(offset.0, kept);
                shared.next.send_replace(offset.0 + 1);
            }
            // Whoever committed may have stopped waiting.
            let _ = done.send(result);
        };
        self.journal.append(PARTITION, bytes, Box::new(then));
        told
    }
}

/// Whether the delivery goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Run,
    /// Deliver what there is, within this time.
    Flush(Duration),
    Abort,
}

/// Journals batches and delivers them. Dropping it ends delivery at once; what is not delivered stays in the
/// journal for the next start.
pub struct Spool {
    shared: Arc<Shared>,
    orders: watch::Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
    _lock: Box<dyn DiskLock>,
}

impl Spool {
    /// Opens the spool and begins to deliver what is in it.
    pub fn start(
        options: SpoolOptions,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Spool, SpoolError> {
        let client = Client::new(&options, "/api/v1/write")?;
        let (shared, position, lock) = open(&options, disk, clock, client.url())?;
        let (orders, ordered) = watch::channel(Order::Run);
        let out = Outbox::new(shared.clone(), position, random, &options, false, ordered);
        let thread = Delivery::new(out, client, &options).spawn();
        let thread = thread.map_err(|error| io_error(&options, "start the delivery thread for", error))?;
        Ok(Spool { shared, orders, thread: Mutex::new(Some(thread)), _lock: lock })
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
        // Batches committed from now on are still journaled, for the next start.
        self.orders.send_replace(order);
        if let Some(thread) = self.thread.lock().take() {
            // A panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.end(Order::Abort);
        self.shared.journal.close();
    }
}

impl Appendable for Spool {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch::new(self.shared.clone()))
    }
}

/// A spool that was opened; it is ours as long as the lock is held.
type Opened = (Arc<Shared>, Position, Box<dyn DiskLock>);

/// Opens the journal and the position of a spool.
fn open(
    options: &SpoolOptions,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    url: String,
) -> Result<Opened, SpoolError> {
    disk.create_dir_all(&options.dir).map_err(|e| io_error(options, "create", e))?;
    let lock = disk.lock(&options.dir.join("lock")).map_err(|e| io_error(options, "lock", e))?;
    let journal_options = JournalOptions {
        segment_bytes: (options.bytes_max / 16).clamp(64 << 10, 16 << 20),
        queue_bytes_max: 32 << 20,
        ..JournalOptions::default()
    };
    let (journal, damages) = LocalJournal::open(disk.clone(), options.dir.join("journal"), journal_options)?;
    for damage in damages.iter().filter(|d| !d.is_torn_tail()) {
        tracing::error!(%damage, "the spool is damaged; what can be read is delivered");
    }
    let position = Position::load(disk, options.dir.join("delivered"));
    // The journal may be newer than the position, never older: else new records would count as delivered.
    journal.advance(PARTITION, journal::Offset(position.delivered()))?;
    let next = journal.next_offset(PARTITION).0;
    let status = SpoolStatus {
        url,
        damages: damages.iter().map(ToString::to_string).collect(),
        ..SpoolStatus::default()
    };
    let shared = Shared {
        journal,
        tail: Mutex::new(Tail::starting_at(next)),
        status: Mutex::new(status),
        next: watch::channel(next).0,
        clock,
    };
    Ok((Arc::new(shared), position, lock))
}

fn io_error(options: &SpoolOptions, what: &'static str, error: std::io::Error) -> SpoolError {
    SpoolError::Io { what, dir: options.dir.clone(), error }
}

fn unavailable(error: JournalError) -> Unavailable {
    match error {
        JournalError::Busy { .. } => {
            Unavailable::Busy { reason: error.to_string(), retry_after: Duration::from_secs(1) }
        }
        JournalError::Closed => Unavailable::Closed,
        error => Unavailable::ReadOnly(error.to_string()),
    }
}
