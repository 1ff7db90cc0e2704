//! Takes records out of the journal and sends them, in order.

use super::Order;
use super::client::Client;
use super::options::SpoolOptions;
use super::outbox::{Outbox, aborted};
use super::protocol::{Protocol, Reading, RemoteWriteMessage};
use super::record::Record;
use super::retry::Verdict;
use super::transcode::{Families, transcode};
use ingest::remote_write::{encode, encode_v2};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::thread::JoinHandle;
use tokio::time::Instant;

pub(super) struct Delivery {
    out: Outbox,
    client: Client,
    request_bytes_max: usize,
    /// Records to be sent one by one, because together they were refused.
    single_until: u64,
    protocol: Protocol,
    /// Metadata not yet sent for want of a series.
    owed: Families,
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
    pub(super) fn new(out: Outbox, client: Client, options: &SpoolOptions) -> Delivery {
        Delivery {
            out,
            client,
            request_bytes_max: options.request_bytes_max,
            single_until: 0,
            protocol: Protocol::new(options.message),
            owed: Families::new(),
        }
    }

    /// Runs on a thread of its own, so that reading the disk holds up nobody.
    pub(super) fn spawn(self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("spool".into()).spawn(move || runtime.block_on(self.run()))
    }

    async fn run(mut self) {
        while self.out.may_go_on() {
            self.out.stay_in_bounds();
            match self.gather() {
                Some(request) => self.deliver(request).await,
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

    /// The next request, or `None` if everything is delivered.
    fn gather(&mut self) -> Option<Request> {
        let mut request = Request { end: self.out.done, records: 0, samples: 0, raw: Vec::new() };
        let end = *self.out.next.borrow_and_update();
        while request.end < end {
            let Some((offset, bytes)) = self.out.record_at(request.end, end) else { break };
            match Record::decode(&bytes) {
                Ok(record) => {
                    request.raw.extend_from_slice(&record.request);
                    request.samples += u64::from(record.samples);
                    request.records += 1;
                }
                Err(error) => {
                    tracing::error!(offset, %error, "a record of the spool is not understood and skipped");
                    self.out.shared.status.lock().damaged_records += 1;
                }
            }
            request.end = offset + 1;
            let alone = request.end <= self.single_until && request.records > 0;
            if alone || request.raw.len() >= self.request_bytes_max {
                break;
            }
        }
        if request.records == 0 {
            // Nothing but damage was found, if anything.
            self.out.finish(request.end);
            return None;
        }
        Some(request)
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
            let now_ms = self.out.shared.clock.now_ms();
            let answer = tokio::select! {
                answer = self.client.send(headers(made.message), made.bytes.clone(), now_ms) => answer,
                () = aborted(&mut self.out.orders, self.out.deadline) => return,
            };
            let (status, verdict, counted) = (answer.status, answer.verdict, answer.written.is_some());
            if self.protocol.answered(made.message, status, verdict, counted, Instant::now())
                == Reading::Other
            {
                tracing::debug!(status, "remote write 2.0 is not understood as such; trying 1.0");
                continue;
            }
            self.out.shared.status.lock().message = self.protocol.known();
            match verdict {
                Verdict::Delivered => {
                    self.owed = made.owed;
                    return self.delivered(&request);
                }
                Verdict::Rejected | Verdict::TooLarge if request.records > 1 => {
                    // One of them is bad, or all together are too much: find out which.
                    self.single_until = request.end;
                    self.out.reading = None;
                    return;
                }
                Verdict::Rejected | Verdict::TooLarge => {
                    return self.reject(&request, answer.written, &answer.message);
                }
                Verdict::Again(asked) => {
                    let pause = self.out.pause_after_failure(asked);
                    self.out.failed(&answer.message, pause);
                    if !self.out.pause(pause).await || self.out.done >= request.end {
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

    fn delivered(&mut self, request: &Request) {
        self.out.backoff.succeeded();
        let mut status = self.out.shared.status.lock();
        if !status.last_error.is_empty() {
            tracing::info!(url = status.url, "delivers again");
            status.last_error.clear();
        }
        status.requests += 1;
        status.delivered_records += request.records;
        status.delivered_samples += request.samples;
        status.last_delivery_ms = self.out.shared.clock.now_ms();
        drop(status);
        self.out.finish(request.end);
    }

    /// Gives a request up. A server of 2.0 tells how much of it was `written` all the same.
    fn reject(&mut self, request: &Request, written: Option<u64>, message: &str) {
        self.out.backoff.succeeded();
        let written = written.unwrap_or(0).min(request.samples);
        let rejected = request.samples - written;
        let mut status = self.out.shared.status.lock();
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
        self.out.finish(request.end);
    }
}

/// The headers of a message.
fn headers(message: RemoteWriteMessage) -> HeaderMap {
    let own = match message {
        RemoteWriteMessage::V1 => encode::HEADERS,
        RemoteWriteMessage::V2 => encode_v2::HEADERS,
    };
    let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    own.into_iter().map(header).collect()
}
