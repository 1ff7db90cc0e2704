//! What deliveries have in common: records are taken out of the journal in order, and given up once they are done with.

use super::options::SpoolOptions;
use super::position::Position;
use super::retry::Backoff;
use super::{Order, PARTITION, Shared};
use env::Random;
use journal::{Journal, Offset, Records};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The position is made durable this often while records flow.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// The journal as a queue, and the patience to deliver it.
pub(super) struct Outbox {
    pub shared: Arc<Shared>,
    position: Position,
    random: Arc<dyn Random>,
    bytes_max: u64,
    /// Whether the last record stays in the journal although it is delivered: its state is looked for at the start.
    keeps_last: bool,
    pub orders: watch::Receiver<Order>,
    pub next: watch::Receiver<u64>,
    /// Everything before this is done with.
    pub done: u64,
    /// The journal being read, while catching up.
    pub reading: Option<Records>,
    pub backoff: Backoff,
    saved_at: Instant,
    /// By when a flush must be over.
    pub deadline: Option<Instant>,
}

impl Outbox {
    pub fn new(
        shared: Arc<Shared>,
        position: Position,
        random: Arc<dyn Random>,
        options: &SpoolOptions,
        keeps_last: bool,
        orders: watch::Receiver<Order>,
    ) -> Outbox {
        let done = position.delivered();
        let next = shared.next.subscribe();
        shared.status.lock().delivered_offset = done;
        Outbox {
            shared,
            position,
            random,
            bytes_max: options.bytes_max,
            keeps_last,
            orders,
            next,
            done,
            reading: None,
            backoff: Backoff::new(options.retry_min, options.retry_max),
            saved_at: Instant::now(),
            deadline: None,
        }
    }

    /// Waits for records or orders.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.next.changed() => {}
            _ = self.orders.changed() => {}
        }
    }

    /// How long to wait after a failure, at least as long as the server asks for.
    pub fn pause_after_failure(&mut self, asked: Option<Duration>) -> Duration {
        self.backoff.pause(asked, &*self.random)
    }

    /// Makes the position durable if it is time.
    pub fn save_now_and_then(&mut self) {
        if self.saved_at.elapsed() >= SAVE_EVERY {
            self.save();
        }
    }

    /// Takes note of orders.
    pub fn may_go_on(&mut self) -> bool {
        match *self.orders.borrow_and_update() {
            Order::Run => true,
            Order::Abort => false,
            Order::Flush(wait) => {
                let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + wait);
                Instant::now() < deadline
            }
        }
    }

    /// The first record from `offset` on, from memory or else from disk; `None` if there is none before `end`.
    pub fn record_at(&mut self, offset: u64, end: u64) -> Option<(u64, Vec<u8>)> {
        if let Some(bytes) = self.shared.tail.lock().get(offset) {
            self.reading = None;
            return Some((offset, bytes.to_vec()));
        }
        // A reader goes to where the journal ended when it began, so a second one may be needed.
        for _ in 0..2 {
            if self.reading.is_none() {
                match self.shared.journal.read(PARTITION, Offset(offset)) {
                    Ok(records) => self.reading = Some(records),
                    Err(error) => {
                        self.note_damage(&error.to_string());
                        return None;
                    }
                }
            }
            while let Some(item) = self.reading.as_mut().and_then(Iterator::next) {
                match item {
                    Ok((Offset(at), _)) if at < offset => {}
                    Ok((Offset(at), bytes)) => {
                        let missing = at - offset;
                        if missing > 0 {
                            self.shared.status.lock().damaged_records += missing;
                        }
                        return Some((at, bytes));
                    }
                    Err(error) => self.note_damage(&error.to_string()),
                }
            }
            self.reading = None;
        }
        // Acknowledged records that cannot be read by any means.
        let missing = end - offset;
        self.shared.status.lock().damaged_records += missing;
        tracing::error!(missing, "records of the spool are missing and skipped");
        self.finish(end);
        None
    }

    fn note_damage(&self, error: &str) {
        tracing::error!(error, "the spool is damaged; what can be read is delivered");
        self.shared.status.lock().last_error = error.to_owned();
    }

    /// Waits, keeping the spool within its bound meanwhile. Returns whether to try again.
    pub async fn pause(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            if !self.may_go_on() {
                return false;
            }
            self.stay_in_bounds();
            let until = self.deadline.map_or(until, |deadline| deadline.min(until));
            tokio::select! {
                () = tokio::time::sleep_until(until) => return self.may_go_on(),
                _ = self.next.changed() => {}
                _ = self.orders.changed() => {}
            }
        }
    }

    pub fn failed(&mut self, message: &str, pause: Duration) {
        let mut status = self.shared.status.lock();
        if status.last_error.is_empty() {
            tracing::warn!(url = status.url, error = message, "cannot deliver; will try again");
        } else {
            tracing::debug!(error = message, pause_ms = pause.as_millis() as u64, "cannot deliver yet");
        }
        status.retries += 1;
        status.last_error = message.to_owned();
    }

    pub fn finish(&mut self, done: u64) {
        if done > self.done {
            self.done = done;
            self.shared.tail.lock().forget(done);
            self.shared.status.lock().delivered_offset = done;
        }
    }

    /// Makes the position durable and gives up what lies before it.
    pub fn save(&mut self) {
        self.saved_at = Instant::now();
        if self.done == self.position.delivered() {
            return;
        }
        let saved = self.position.save(self.done).map_err(|e| e.to_string());
        let from = match self.keeps_last {
            true => self.done.min(self.shared.journal.next_offset(PARTITION).0.saturating_sub(1)),
            false => self.done,
        };
        let truncate = |()| self.shared.journal.truncate_before(PARTITION, Offset(from));
        if let Err(error) = saved.and_then(|s| truncate(s).map_err(|e| e.to_string())) {
            // Harmless but for space and repetition: what was delivered may be delivered again.
            tracing::warn!(error, "cannot write down how far the spool is delivered");
        }
    }

    /// Drops the oldest segments of a spool that has grown too large.
    pub fn stay_in_bounds(&mut self) {
        let stats = self.shared.journal.stats(PARTITION);
        if stats.bytes <= self.bytes_max || stats.segments < 2 {
            return;
        }
        if self.done > self.position.delivered() {
            self.save();
        }
        let stats = self.shared.journal.stats(PARTITION);
        if stats.bytes <= self.bytes_max || stats.segments < 2 {
            return;
        }
        // Where segments end is not told, and only whole ones go: step on until one has gone.
        let first = stats.first_offset.0;
        let records = stats.next_offset.0.saturating_sub(first);
        let step = (records / stats.segments / 8).max(1);
        let mut offset = first;
        while offset < stats.next_offset.0 && self.shared.journal.stats(PARTITION).first_offset.0 == first {
            offset += step;
            if let Err(error) = self.shared.journal.truncate_before(PARTITION, Offset(offset)) {
                tracing::error!(%error, "cannot make room in the spool");
                return;
            }
        }
        let dropped = self.shared.journal.stats(PARTITION).first_offset.0.saturating_sub(self.done);
        if dropped > 0 {
            let status = &mut *self.shared.status.lock();
            if status.dropped_records == 0 {
                let limit = self.bytes_max;
                tracing::error!(
                    dropped,
                    limit,
                    "the spool is full: the oldest batches are dropped undelivered (raise spool_bytes_max)"
                );
            }
            status.dropped_records += dropped;
        }
        let kept_from = self.done + dropped;
        self.reading = None;
        self.finish(kept_from);
    }
}

/// Resolves when a request under way must be left.
pub(super) async fn aborted(orders: &mut watch::Receiver<Order>, deadline: Option<Instant>) {
    let mut deadline = deadline;
    loop {
        match *orders.borrow_and_update() {
            Order::Abort => return,
            Order::Flush(wait) => {
                deadline.get_or_insert_with(|| Instant::now() + wait);
            }
            Order::Run => {}
        }
        match deadline {
            Some(at) => tokio::select! {
                () = tokio::time::sleep_until(at) => return,
                changed = orders.changed() => if changed.is_err() { return },
            },
            None => {
                if orders.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}
