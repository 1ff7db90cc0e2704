//! Between what keeps spans or logs and the store: errors in them are noticed.

use super::Tracker;
use model::Unavailable;
use model::record::{Delivery, RecordBatch, RecordSink, RecordsDone, SenderId};
use records::Store;
use std::sync::Arc;

/// Finds errors in a batch.
pub type Find = fn(&RecordBatch) -> Vec<super::tracker::Addressed>;

/// A store of spans or logs. Errors in what it keeps become error events.
#[derive(Clone)]
pub struct Noticing {
    /// The store.
    pub store: Store,
    /// What finds errors, and what keeps them; neither if nobody wants them.
    pub tracker: Option<(Find, Arc<Tracker>)>,
}

impl Noticing {
    /// As [`RecordSink::append`], for a batch that others look at, too.
    ///
    /// What is found is stored once the batch is, whether or not its sender still waits; events that are found again in
    /// what is sent again are known by their ids, which follow from the records.
    pub fn append_shared(&self, batch: Arc<RecordBatch>) -> RecordsDone {
        let found = match &self.tracker {
            Some((find, _)) => find(&batch),
            None => Vec::new(),
        };
        let kept = self.store.append_shared(Arc::clone(&batch));
        match &self.tracker {
            Some((_, tracker)) if !found.is_empty() => {
                let (of, tenant) = (Arc::clone(tracker), batch.tenant().clone());
                let task = tracker.runtime().spawn(async move {
                    let accepted = kept.await?;
                    of.keep_found(&tenant, found).await;
                    Ok(accepted)
                });
                Box::pin(async move { task.await.unwrap_or(Err(Unavailable::Closed)) })
            }
            _ => kept,
        }
    }
}

impl RecordSink for Noticing {
    fn append(&self, batch: RecordBatch) -> RecordsDone {
        self.append_shared(Arc::new(batch))
    }

    fn last_delivery(&self, sender: &SenderId) -> Option<Delivery> {
        self.store.last_delivery(sender)
    }
}
