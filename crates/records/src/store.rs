//! The store as others see it.

use crate::engine::Engine;
use crate::error::RecordsError;
use crate::metadata::{AttributeInfo, StreamStats};
use crate::options::Options;
use crate::scan::{Block, Budget, Scan, Scanned};
use crate::status::Status;
use env::{Clock, Disk};
use model::Matcher;
use model::record::{Delivery, RecordBatch, RecordSink, RecordsDone, SenderId, Tenant, TextFilter};
use parking_lot::Mutex;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// A handle to the store; clones share it. The last one dropped closes it.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    engine: Arc<Engine>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens a data directory, made if need be, and takes in what the journal holds. Damaged files are set aside and
    /// named in [`Store::status`]; all else is served.
    pub fn open(options: Options, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<Store, RecordsError> {
        let background = options.background;
        let engine = Arc::new(Engine::open(options, disk, clock)?);
        let mut threads = Vec::new();
        if background {
            threads.push(spawn("records-flush", engine.clone(), Engine::flush_loop)?);
            threads.push(spawn("records-merge", engine.clone(), Engine::merge_loop)?);
        }
        Ok(Store(Arc::new(Shared { engine, threads: Mutex::new(threads) })))
    }

    /// As [`RecordSink::append`], for a batch that others look at, too.
    pub fn append_shared(&self, batch: Arc<RecordBatch>) -> RecordsDone {
        self.0.engine.append(batch)
    }

    /// Gives the records asked for to `sink`, block by block, until it breaks off. Damaged row groups are left out and
    /// named in [`Store::status`].
    pub fn scan(
        &self,
        scan: &Scan<'_>,
        budget: &dyn Budget,
        sink: &mut dyn FnMut(&Block<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned, RecordsError> {
        self.0.engine.scan(scan, budget, sink)
    }

    /// Streams with records in a range and how much they hold, in order of labels. Of the scan its tenant, matchers and
    /// times count. Figures are exact where parts lie wholly in the range, and in proportion where not.
    pub fn streams(&self, scan: &Scan<'_>) -> Vec<StreamStats> {
        self.0.engine.streams(scan)
    }

    /// Names of labels of matching streams, in order.
    pub fn label_names(&self, scan: &Scan<'_>) -> Vec<String> {
        self.0.engine.label_names(scan)
    }

    /// Values of a label among matching streams, in order.
    pub fn label_values(&self, name: &str, scan: &Scan<'_>) -> Vec<String> {
        self.0.engine.label_values(name, scan)
    }

    /// Attributes of the newest `sample` records that a scan asks for, in order of name.
    pub fn attributes(
        &self,
        scan: &Scan<'_>,
        sample: usize,
        budget: &dyn Budget,
    ) -> Result<Vec<AttributeInfo>, RecordsError> {
        self.0.engine.attributes(scan, sample, budget)
    }

    /// All tenants with records.
    pub fn tenants(&self) -> Vec<Tenant> {
        self.0.engine.tenants()
    }

    /// Deletes the records of matching streams from `start_ns` to before `end_ns`, whose text passes all filters and
    /// that were accepted before. They are gone from answers at once and from disk after the next merges;
    /// [`Status::deletions`] says which are not.
    pub fn delete(
        &self,
        tenant: &Tenant,
        matchers: &[Matcher],
        filters: &[TextFilter],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<(), RecordsError> {
        self.0.engine.delete(tenant, matchers, filters, start_ns, end_ns)
    }

    /// Writes everything in memory as parts.
    pub fn flush(&self) -> Result<(), RecordsError> {
        self.0.engine.flush()
    }

    /// Flushes, merges each day into one part, and carries out deletions.
    pub fn compact(&self) -> Result<(), RecordsError> {
        self.0.engine.compact()
    }

    /// Does one piece of background work, if there is any, and says whether there was. For stores that run without
    /// threads of their own.
    pub fn merge_once(&self) -> Result<bool, RecordsError> {
        self.0.engine.merge_once()
    }

    /// Puts a consistent copy of everything acknowledged so far under `dir`: a data directory that can be opened. Shares
    /// bytes with this one where the filesystem allows.
    pub fn snapshot(&self, dir: &Path) -> Result<(), RecordsError> {
        self.0.engine.snapshot(dir)
    }

    /// Whether a batch that comes now is taken, rather than put off.
    pub fn has_room(&self) -> bool {
        self.0.engine.full().is_none()
    }

    /// Figures of this moment.
    pub fn status(&self) -> Status {
        self.0.engine.status()
    }

    /// Stops background work, refuses further writes and flushes. What was acknowledged is safe without it, too.
    pub fn close(&self) -> Result<(), RecordsError> {
        self.0.stop();
        self.0.engine.flush()
    }
}

impl RecordSink for Store {
    fn append(&self, batch: RecordBatch) -> RecordsDone {
        self.0.engine.append(Arc::new(batch))
    }

    fn last_delivery(&self, sender: &SenderId) -> Option<Delivery> {
        self.0.engine.last_delivery(sender)
    }
}

impl Shared {
    fn stop(&self) {
        let wake = &self.engine.wake;
        wake.closed.store(true, Ordering::Release);
        wake.flush.raise();
        wake.merge.raise();
        for t in self.threads.lock().drain(..) {
            // A panic there was reported when it happened.
            let _ = t.join();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(name: &str, engine: Arc<Engine>, run: fn(&Engine)) -> Result<JoinHandle<()>, RecordsError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&engine));
    thread.map_err(|e| RecordsError::io("start thread", name, e))
}
