//! How a batch enters: checked, journaled, then applied.

use crate::batch;
use crate::engine::{Engine, PARTITION};
use futures::channel::oneshot;
use futures::future::{join_all, ready};
use journal::{Journal, JournalError, Offset};
use model::record::{Accepted, RecordBatch, RecordError, RecordsDone, Refused};
use model::{Limit, Unavailable};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A batch is cut into records of the journal of about this much content.
const JOURNAL_RECORD_BYTES: usize = 16 << 20;
/// Bytes that encoding adds to a row's content at most, about.
const ROW_BYTES: usize = 64;

/// What one record of the journal came to.
type Written = oneshot::Receiver<Result<(), Unavailable>>;

impl Engine {
    pub fn append(self: &Arc<Engine>, batch: Arc<RecordBatch>) -> RecordsDone {
        if let Some(refused) = self.pressure() {
            return Box::pin(ready(Err(refused)));
        }
        let refused = self.refuse(&batch);
        let records = (batch.len() - refused.len()) as u64;
        let accepted = Accepted { records, refused };
        let delivery = batch.delivery();
        if records == 0 && delivery.is_none() || delivery.is_some_and(|d| self.has_delivery(d)) {
            return Box::pin(ready(Ok(accepted)));
        }
        let keep: Arc<Vec<bool>> = {
            let mut keep = vec![true; batch.len()];
            accepted.refused.iter().for_each(|r| keep[r.row] = false);
            Arc::new(keep)
        };
        let written: Vec<Written> =
            pieces(&batch).into_iter().map(|rows| self.write(&batch, rows, &keep)).collect();
        let engine = self.clone();
        Box::pin(async move {
            for done in join_all(written).await {
                // Only a journal that is gone forgets to answer.
                done.unwrap_or(Err(Unavailable::Closed))?;
            }
            let counters = &engine.counters;
            counters.records.fetch_add(accepted.records, Ordering::Relaxed);
            counters.refused.fetch_add(accepted.refused.len() as u64, Ordering::Relaxed);
            counters.batches.fetch_add(1, Ordering::Relaxed);
            Ok(accepted)
        })
    }

    /// Hands some rows to the journal.
    fn write(
        self: &Arc<Engine>,
        batch: &Arc<RecordBatch>,
        rows: Range<usize>,
        keep: &Arc<Vec<bool>>,
    ) -> Written {
        let mut record = self.journal.buffer();
        batch::encode(batch, rows.clone(), |row| keep[row], &mut record);
        let len = record.len() as u64;
        self.queued_bytes.fetch_add(len, Ordering::Relaxed);
        let (tell, told) = oneshot::channel();
        let (engine, batch, keep) = (self.clone(), batch.clone(), keep.clone());
        let then = Box::new(move |written: Result<Offset, JournalError>| {
            engine.queued_bytes.fetch_sub(len, Ordering::Relaxed);
            let answer = match written {
                Ok(offset) => {
                    engine.apply(&batch, |row| rows.contains(&row) && keep[row], offset);
                    Ok(())
                }
                Err(e) => Err(Unavailable::ReadOnly(e.to_string())),
            };
            // Whoever is told may close the store at once, and open it again: nothing here may hold it still.
            drop(engine);
            // Who asked may be gone.
            let _ = tell.send(answer);
        });
        self.journal.append(PARTITION, record, then);
        told
    }

    /// The rows that can never be accepted.
    fn refuse(&self, batch: &RecordBatch) -> Vec<Refused> {
        let now_ms = self.clock.now_ms();
        let to_ns = now_ms.saturating_add(self.options.future_ms_max).saturating_mul(1_000_000);
        let oldest: Vec<i64> =
            batch.streams().iter().map(|s| self.options.oldest_ns(batch.tenant(), s, now_ms)).collect();
        let limit = self.options.record_bytes_max;
        let mut refused = Vec::new();
        for row in 0..batch.len() {
            let (stream, time_ns, bytes) = batch.outline(row);
            let from_ns = oldest[stream.0 as usize];
            let reason = if time_ns < from_ns || to_ns < time_ns {
                let old = time_ns < from_ns;
                RecordError::OutOfBounds {
                    time_ns,
                    relation: if old { "older than retention" } else { "too far in the future" },
                    from_ns,
                    to_ns,
                    setting: if old { self.options.settings.retention } else { self.options.settings.future },
                }
            } else if bytes > limit {
                RecordError::Limit(Limit {
                    what: format!("bytes of a record of {}", batch.labels(stream)),
                    observed: bytes as u64,
                    limit: limit as u64,
                    setting: self.options.settings.record_bytes,
                })
            } else {
                continue;
            };
            refused.push(Refused { row, reason });
        }
        refused
    }

    /// Why nothing can be taken at the moment.
    fn pressure(&self) -> Option<Unavailable> {
        if self.wake.closed.load(Ordering::Acquire) {
            return Some(Unavailable::Closed);
        }
        if self.head_bytes() > self.options.head_bytes_max {
            self.wake.flush.raise();
        }
        let reason = self.full()?;
        self.counters.refused_busy.fetch_add(1, Ordering::Relaxed);
        Some(Unavailable::Busy { reason, retry_after: Duration::from_secs(1) })
    }

    /// What there is no room for, if so.
    pub fn full(&self) -> Option<String> {
        if self.queued_bytes.load(Ordering::Relaxed) > self.options.queued_bytes_max {
            return Some("writes wait for the disk".to_owned());
        }
        let used_up = self.options.background && self.head_bytes() > 2 * self.options.head_bytes_max;
        used_up.then(|| format!("memory for recent records, {}, is used up", self.options.settings.memory))
    }
}

/// Rows that go into one record of the journal each. A numbered batch is kept as a whole or not at all, so it is never
/// cut.
fn pieces(batch: &RecordBatch) -> Vec<Range<usize>> {
    if batch.delivery().is_some() {
        return std::iter::once(0..batch.len()).collect();
    }
    let (mut all, mut start, mut bytes) = (Vec::new(), 0, 0);
    for row in 0..batch.len() {
        let size = ROW_BYTES + batch.outline(row).2;
        if bytes + size > JOURNAL_RECORD_BYTES && row > start {
            all.push(start..row);
            (start, bytes) = (row, 0);
        }
        bytes += size;
    }
    all.push(start..batch.len());
    all
}
