//! Takes records out of the journal and sends them, in order.

use super::client::Client;
use super::options::SpoolOptions;
use super::position::Position;
use super::protocol::{Protocol, Reading, RemoteWriteMessage};
use super::record::Record;
use super::retry::{Backoff, Verdict};
use super::transcode::{Families, transcode};
use super::{Order, PARTITION, Shared};
use env::Random;
use journal::{Journal, Offset, Records};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The position is made durable this often while records flow.
const SAVE_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Delivery {
    shared: Arc<Shared>,
    client: Client,
    position: Position,
    random: Arc<dyn Random>,
    options: SpoolOptions,
    orders: watch::Receiver<Order>,
    next: watch::Receiver<u64>,
    /// Everything before this is done with.
    done: u64,
    /// The journal being read, while catching up.
    reading: Option<Records>,
    /// Records to be sent one by one, because together they were refused.
    single_until: u64,
    backoff: Backoff,
    protocol: Protocol,
    /// Metadata not yet sent for want of a series.
    owed: Families,
    saved_at: Instant,
    /// By when a flush must be over.
    deadline: Option<Instant>,
}

/// Records that go out together.
struct Request {
    /// Offset behind the last of them.
    end: u64,
    records: u64,
    samples: u64,
    raw: Vec<u8>,
}

/// A request as it is sent.
struct Body {
    /// The message that was asked for, and the one it is: 2.0 cannot say everything.
    asked: RemoteWriteMessage,
    message: RemoteWriteMessage,
    bytes: Vec<u8>,
    /// What is owed once it is delivered.
    owed: Families,
}

impl Delivery {
    pub(super) fn new(
        shared: Arc<Shared>,
        client: Client,
        position: Position,
        random: Arc<dyn Random>,
        options: SpoolOptions,
        orders: watch::Receiver<Order>,
    ) -> Delivery {
        let done = position.delivered();
        let next = shared.next.subscribe();
        shared.status.lock().delivered_offset = done;
        let backoff = Backoff::new(options.retry_min, options.retry_max);
        let protocol = Protocol::new(options.message);
        Delivery {
            shared,
            client,
            position,
            random,
            options,
            orders,
            next,
            done,
            reading: None,
            single_until: 0,
            backoff,
            protocol,
            owed: Families::new(),
            saved_at: Instant::now(),
            deadline: None,
        }
    }

    /// Runs on a thread of its own, so that reading the disk holds up nobody.
    pub(super) fn spawn(self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("spool".into()).spawn(move || runtime.block_on(self.run()))
    }

    async fn run(mut self) {
        while self.may_go_on() {
            self.stay_in_bounds();
            match self.gather() {
                Some(request) => self.deliver(request).await,
                None if self.deadline.is_some() => break,
                None => {
                    self.save();
                    tokio::select! {
                        _ = self.next.changed() => {}
                        _ = self.orders.changed() => {}
                    }
                }
            }
            if self.saved_at.elapsed() >= SAVE_EVERY {
                self.save();
            }
        }
        if *self.orders.borrow() != Order::Abort {
            self.save();
        }
    }

    /// Takes note of orders.
    fn may_go_on(&mut self) -> bool {
        match *self.orders.borrow_and_update() {
            Order::Run => true,
            Order::Abort => false,
            Order::Flush(wait) => {
                let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + wait);
                Instant::now() < deadline
            }
        }
    }

    /// The next request, or `None` if everything is delivered.
    fn gather(&mut self) -> Option<Request> {
        let mut request = Request { end: self.done, records: 0, samples: 0, raw: Vec::new() };
        let end = *self.next.borrow_and_update();
        while request.end < end {
            let Some((offset, bytes)) = self.record_at(request.end, end) else { break };
            match Record::decode(&bytes) {
                Ok(record) => {
                    request.raw.extend_from_slice(&record.request);
                    request.samples += u64::from(record.samples);
                    request.records += 1;
                }
                Err(error) => {
                    tracing::error!(offset, %error, "a record of the spool is not understood and skipped");
                    self.shared.status.lock().damaged_records += 1;
                }
            }
            request.end = offset + 1;
            let alone = request.end <= self.single_until && request.records > 0;
            if alone || request.raw.len() >= self.options.request_bytes_max {
                break;
            }
        }
        if request.records == 0 {
            // Nothing but damage was found, if anything.
            self.finish(request.end);
            return None;
        }
        Some(request)
    }

    /// The first record from `offset` on, from memory or else from disk; `None` if there is none before `end`.
    fn record_at(&mut self, offset: u64, end: u64) -> Option<(u64, Vec<u8>)> {
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

    /// Sends until it is delivered, refused, overtaken by the bound of the spool, or ordered to end.
    async fn deliver(&mut self, request: Request) {
        let mut body: Option<Body> = None;
        loop {
            let message = self.protocol.message(Instant::now());
            let made = match body.take_if(|b| b.asked == message) {
                Some(made) => made,
                None => match self.body(&request, message) {
                    Some(made) => made,
                    None => return self.reject(&request, None, "too large for snappy compression"),
                },
            };
            let answer = tokio::select! {
                answer = self.client.send(made.message, made.bytes.clone(), self.shared.clock.now_ms()) => answer,
                () = aborted(&mut self.orders, self.deadline) => return,
            };
            let (status, verdict, counted) = (answer.status, answer.verdict, answer.written.is_some());
            if self.protocol.answered(made.message, status, verdict, counted, Instant::now())
                == Reading::Other
            {
                tracing::debug!(status, "remote write 2.0 is not understood as such; trying 1.0");
                continue;
            }
            self.shared.status.lock().message = self.protocol.known();
            match verdict {
                Verdict::Delivered => {
                    self.owed = made.owed;
                    return self.delivered(&request);
                }
                Verdict::Rejected | Verdict::TooLarge if request.records > 1 => {
                    // One of them is bad, or all together are too much: find out which.
                    self.single_until = request.end;
                    self.reading = None;
                    return;
                }
                Verdict::Rejected | Verdict::TooLarge => {
                    return self.reject(&request, answer.written, &answer.message);
                }
                Verdict::Again(asked) => {
                    let pause = self.backoff.pause(asked, &*self.random);
                    self.failed(&answer.message, pause);
                    if !self.pause(pause).await || self.done >= request.end {
                        return;
                    }
                }
            }
            body = Some(made);
        }
    }

    /// The bytes to send; `None` if they are too many for the format.
    fn body(&self, request: &Request, asked: RemoteWriteMessage) -> Option<Body> {
        let two = (asked == RemoteWriteMessage::V2).then(|| transcode(&request.raw, &self.owed)).flatten();
        let compress = |raw: &[u8]| snap::raw::Encoder::new().compress_vec(raw).ok();
        Some(match two {
            Some((raw, owed)) => {
                Body { asked, message: RemoteWriteMessage::V2, bytes: compress(&raw)?, owed }
            }
            None => {
                let bytes = compress(&request.raw)?;
                Body { asked, message: RemoteWriteMessage::V1, bytes, owed: self.owed.clone() }
            }
        })
    }

    /// Waits, keeping the spool within its bound meanwhile. Returns whether to try again.
    async fn pause(&mut self, pause: Duration) -> bool {
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

    fn failed(&mut self, message: &str, pause: Duration) {
        let mut status = self.shared.status.lock();
        if status.last_error.is_empty() {
            tracing::warn!(url = status.url, error = message, "cannot deliver; will try again");
        } else {
            tracing::debug!(error = message, pause_ms = pause.as_millis() as u64, "cannot deliver yet");
        }
        status.retries += 1;
        status.last_error = message.to_owned();
    }

    fn delivered(&mut self, request: &Request) {
        self.backoff.succeeded();
        let mut status = self.shared.status.lock();
        if !status.last_error.is_empty() {
            tracing::info!(url = status.url, "delivers again");
            status.last_error.clear();
        }
        status.requests += 1;
        status.delivered_records += request.records;
        status.delivered_samples += request.samples;
        status.last_delivery_ms = self.shared.clock.now_ms();
        drop(status);
        self.finish(request.end);
    }

    /// Gives a request up. A server of 2.0 tells how much of it was `written` all the same.
    fn reject(&mut self, request: &Request, written: Option<u64>, message: &str) {
        self.backoff.succeeded();
        let written = written.unwrap_or(0).min(request.samples);
        let rejected = request.samples - written;
        let mut status = self.shared.status.lock();
        if status.last_rejection != message {
            tracing::error!(
                url = status.url,
                reason = message,
                samples = rejected,
                "the server refuses samples for good; they are given up (told once per reason)"
            );
        }
        status.last_rejection = message.to_owned();
        status.last_error.clear();
        status.rejected_records += request.records;
        status.rejected_samples += rejected;
        status.delivered_samples += written;
        drop(status);
        self.finish(request.end);
    }

    fn finish(&mut self, done: u64) {
        if done > self.done {
            self.done = done;
            self.shared.tail.lock().forget(done);
            self.shared.status.lock().delivered_offset = done;
        }
    }

    /// Makes the position durable and gives up what lies before it.
    fn save(&mut self) {
        self.saved_at = Instant::now();
        if self.done == self.position.delivered() {
            return;
        }
        let saved = self.position.save(self.done).map_err(|e| e.to_string());
        let truncate = |()| self.shared.journal.truncate_before(PARTITION, Offset(self.done));
        if let Err(error) = saved.and_then(|s| truncate(s).map_err(|e| e.to_string())) {
            // Harmless but for space and repetition: what was delivered may be delivered again.
            tracing::warn!(error, "cannot write down how far the spool is delivered");
        }
    }

    /// Drops the oldest segments of a spool that has grown too large.
    fn stay_in_bounds(&mut self) {
        let stats = self.shared.journal.stats(PARTITION);
        if stats.bytes <= self.options.bytes_max || stats.segments < 2 {
            return;
        }
        if self.done > self.position.delivered() {
            self.save();
        }
        let stats = self.shared.journal.stats(PARTITION);
        if stats.bytes <= self.options.bytes_max || stats.segments < 2 {
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
                let limit = self.options.bytes_max;
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
async fn aborted(orders: &mut watch::Receiver<Order>, deadline: Option<Instant>) {
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
