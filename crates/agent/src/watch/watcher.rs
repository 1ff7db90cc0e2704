//! Watches on a thread of its own, into whatever keeps records.

use super::WatchConfig;
use super::classify::{self, Finding};
use super::kmsg::Kmsg;
use super::state::{Throttle, WatchState};
use crate::local::block_on;
use crate::logs::LogsConfig;
use crate::logs::journald::{self, Journal};
use env::Clock;
use model::Unavailable;
use model::record::event::EventDraft;
use model::record::{AttributesBuf, Delivery, RecordBatch, RecordSink, SenderId, Severity, Tenant, Value};
use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Who the watcher is to a sink of its own machine: there is only one.
pub const WATCHER: SenderId = SenderId(*b"watchfire-events");

/// Time between looks.
const POLL: Duration = Duration::from_secs(1);
/// A pause before a batch is offered again, where the sink does not say.
const RETRY: Duration = Duration::from_secs(1);
/// Entries of the journal at a time.
const ENTRIES_MAX: usize = 10_000;
/// A clock that moves by more than this between two looks was set.
const JUMP_MS: i64 = 2_000;
/// Who says so.
const SOURCE: &str = "agent";

/// How watching goes. Counters count since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WatchStatus {
    /// Events handed over.
    pub events: u64,
    /// Events held back because the same was told within the minute.
    pub held_back: u64,
    /// Events refused for good.
    pub refused: u64,
    /// What is read: `journald`, `kmsg` or nothing.
    pub reads: &'static str,
    /// Why it is not read at the moment; empty if it is.
    pub problem: String,
    /// Why the present batch is not taken; empty if it is.
    pub last_error: String,
}

/// Watches this machine. Dropping it ends the thread; what was seen and not handed over is seen again at the next start.
pub struct EventWatcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<WatchStatus>,
    stop: Mutex<bool>,
    stopped: Condvar,
}

impl EventWatcher {
    /// Starts watching into a sink that keeps deliveries; `logs` says whether and where there is a systemd journal. Fails
    /// only if there can be no thread.
    pub fn start(
        config: &WatchConfig,
        logs: &LogsConfig,
        host: String,
        sink: Arc<dyn RecordSink>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<EventWatcher> {
        let shared = Arc::new(Shared::default());
        let (of_thread, config, logs) = (shared.clone(), config.clone(), logs.clone());
        let thread = std::thread::Builder::new()
            .name("events".into())
            .spawn(move || Run::new(config, &logs, host, sink, clock, of_thread).run())?;
        Ok(EventWatcher { shared, thread: Some(thread) })
    }

    /// How it goes.
    pub fn status(&self) -> WatchStatus {
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

impl Drop for EventWatcher {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where messages are read.
enum Origin {
    Journal(Box<Journal>),
    Kmsg(Option<Kmsg>),
}

struct Run {
    config: WatchConfig,
    host: String,
    origin: Origin,
    sink: Arc<dyn RecordSink>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    sequence: u64,
    state: WatchState,
    /// The state that was handed over last.
    kept: WatchState,
    throttle: Throttle,
    events: Vec<EventDraft>,
    /// Whether something was read that must not be read again, although it is no event.
    moved: bool,
    /// How far the clock was ahead of the time since the start of the kernel.
    offset_ms: Option<i64>,
}

/// Milliseconds since the start of the kernel, with or without suspension.
fn uptime_ms(clock: libc::clockid_t) -> Option<i64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to nothing but the structure it is handed.
    let done = unsafe { libc::clock_gettime(clock, &mut time) };
    (done == 0).then(|| time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
}

fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// What is read of the systemd journal. Nothing may have been kept of the run of the system in which this machine was
/// watched last, because nothing happened until it ended: without a cursor that run is read, and the present one.
fn wanted(kept: &WatchState, now: &str) -> Vec<Vec<String>> {
    let mut runs = Vec::new();
    if kept.cursor.is_none() {
        runs.extend(
            [kept.boot.as_str(), now].iter().filter(|id| !id.is_empty()).map(|id| id.replace('-', "")),
        );
        runs.dedup();
    }
    let mut of_kernel = vec!["_TRANSPORT=kernel".to_owned()];
    let mut of_systemd: Vec<String> =
        classify::SYSTEMD_MESSAGES.iter().map(|id| format!("MESSAGE_ID={id}")).collect();
    for run in runs {
        of_kernel.push(format!("_BOOT_ID={run}"));
        of_systemd.push(format!("_BOOT_ID={run}"));
    }
    vec![of_kernel, of_systemd]
}

impl Run {
    fn new(
        config: WatchConfig,
        logs: &LogsConfig,
        host: String,
        sink: Arc<dyn RecordSink>,
        clock: Arc<dyn Clock>,
        shared: Arc<Shared>,
    ) -> Run {
        let last = sink.last_delivery(&WATCHER);
        let kept = last.as_ref().and_then(|d| WatchState::decode(&d.state)).unwrap_or_default();
        let journald = logs.journald.unwrap_or_else(|| journald::is_readable(logs.journald_dir.as_deref()));
        let origin = match journald {
            true => {
                let wanted = wanted(&kept, &boot_id());
                Origin::Journal(Box::new(Journal::matching(logs, kept.cursor.clone(), &host, wanted)))
            }
            false => Origin::Kmsg(None),
        };
        shared.status.lock().reads = if journald { "journald" } else { "kmsg" };
        Run {
            config,
            host,
            origin,
            sink,
            clock,
            shared,
            sequence: last.map_or(0, |d| d.sequence),
            state: kept.clone(),
            kept,
            throttle: Throttle::default(),
            events: Vec::new(),
            moved: false,
            offset_ms: None,
        }
    }

    fn run(mut self) {
        self.boot();
        loop {
            self.clock_jump();
            let more = self.messages();
            if self.hand_over().is_none() || self.wait(if more { Duration::ZERO } else { POLL }) {
                return;
            }
        }
    }

    fn event(&self, found: Finding, text: &str, time_ns: i64) -> EventDraft {
        let mut event = EventDraft::new(found.kind, found.title, time_ns);
        event.observed_ns = self.clock.now_ms().saturating_mul(1_000_000);
        event.source = SOURCE.to_owned();
        event.subject = found.subject;
        event.severity = found.severity;
        if text != event.title {
            text.clone_into(&mut event.text);
        }
        event.set("host.name", &self.host);
        found.attributes.iter().for_each(|(name, value)| event.set(name, value));
        event
    }

    /// Notes a message that means something, unless the same was told just now.
    fn found(&mut self, found: Finding, text: &str, time_ns: i64) {
        match self.throttle.passes(found.kind, &found.subject, time_ns / 1_000_000) {
            None => {
                self.moved = true;
                self.shared.status.lock().held_back += 1;
            }
            Some(held) => {
                let mut event = self.event(found, text, time_ns);
                if held > 0 {
                    let held = i64::try_from(held).unwrap_or(i64::MAX);
                    event.attributes.push("event.repeated_before", Value::Int(held));
                }
                self.events.push(event);
            }
        }
    }

    /// Notes a reboot since the last time; another run of the kernel numbers its messages anew.
    fn boot(&mut self) {
        let now = boot_id();
        if now == self.state.boot || now.is_empty() {
            return;
        }
        if !self.state.boot.is_empty()
            && let Some(up) = uptime_ms(libc::CLOCK_BOOTTIME)
        {
            let time_ns = self.clock.now_ms().saturating_sub(up).saturating_mul(1_000_000);
            let found = Finding {
                kind: "reboot",
                title: format!("{} was booted", self.host),
                subject: self.host.clone(),
                severity: Severity::WARN,
                attributes: vec![("host.boot.id", now.clone())],
            };
            let event = self.event(found, "", time_ns);
            self.events.push(event);
        }
        self.state.boot = now;
        self.state.kmsg = None;
    }

    /// Notes that the clock was set.
    fn clock_jump(&mut self) {
        let Some(up) = uptime_ms(libc::CLOCK_BOOTTIME) else { return };
        let now_ms = self.clock.now_ms();
        let offset = now_ms.saturating_sub(up);
        let before = self.offset_ms.replace(offset);
        let Some(jump) = before.map(|b| offset.saturating_sub(b)).filter(|j| j.abs() > JUMP_MS) else {
            return;
        };
        let way = if jump > 0 { "forward" } else { "back" };
        let seconds = jump.unsigned_abs() as f64 / 1000.0;
        let found = Finding {
            kind: "clock_jump",
            title: format!("The clock of {} was set {way} by {seconds} s", self.host),
            subject: self.host.clone(),
            severity: Severity::WARN,
            attributes: Vec::new(),
        };
        let mut event = self.event(found, "", now_ms.saturating_mul(1_000_000));
        event.attributes.push("clock.jump_seconds", Value::Float(jump as f64 / 1000.0));
        self.events.push(event);
    }

    /// Reads messages; says whether there may be more at once.
    fn messages(&mut self) -> bool {
        let now_ms = self.clock.now_ms();
        let mut found: Vec<(Finding, String, i64)> = Vec::new();
        let (more, problem) = match &mut self.origin {
            Origin::Journal(journal) => {
                let more = journal.each(ENTRIES_MAX, now_ms, &mut |fields| {
                    if let Some(f) = classify::journal(fields) {
                        let (text, time_ns) = journald::text_and_time(fields);
                        found.push((f, text, time_ns.unwrap_or(now_ms.saturating_mul(1_000_000))));
                    }
                });
                self.state.cursor = journal.cursor().map(str::to_owned);
                (more, journal.problem.clone())
            }
            Origin::Kmsg(kmsg) => {
                let mut messages = Vec::new();
                let mut read = || -> std::io::Result<bool> {
                    if kmsg.is_none() {
                        *kmsg = Some(Kmsg::open(&self.config.kmsg)?);
                    }
                    let Some(kmsg) = kmsg else { return Ok(false) };
                    kmsg.read(self.state.kmsg, &mut messages)
                };
                let done = read();
                let began_ms = now_ms.saturating_sub(uptime_ms(libc::CLOCK_MONOTONIC).unwrap_or(0));
                for message in messages {
                    self.state.kmsg = self.state.kmsg.max(Some(message.number));
                    if let Some(f) = classify::kernel(&message.text) {
                        let after_ns = i64::try_from(message.after_us).unwrap_or(0).saturating_mul(1000);
                        let time_ns = began_ms.saturating_mul(1_000_000).saturating_add(after_ns);
                        found.push((f, message.text, time_ns));
                    }
                }
                match done {
                    Ok(more) => (more, String::new()),
                    Err(e) => (false, format!("cannot read {}: {e}", self.config.kmsg.display())),
                }
            }
        };
        for (finding, text, time_ns) in found {
            self.found(finding, &text, time_ns);
        }
        let mut status = self.shared.status.lock();
        if status.problem != problem && !problem.is_empty() {
            tracing::warn!(problem, "events of the kernel are not seen");
        }
        status.problem = problem;
        more
    }

    /// Hands events over with the state after them, until they are taken. `None` if the watcher is to end.
    fn hand_over(&mut self) -> Option<()> {
        // How far was read is kept with the next event: what means nothing may be read again.
        if self.events.is_empty() && !self.moved && self.state.boot == self.kept.boot {
            return Some(());
        }
        self.moved = false;
        let mut batch = RecordBatch::new(Tenant::unnamed());
        let mut attributes = AttributesBuf::new();
        for event in self.events.drain(..) {
            let Ok(labels) = event.stream() else { continue };
            event.attributes(&mut attributes);
            let stream = batch.stream(labels);
            batch.push(stream, &event.record(&attributes));
        }
        self.sequence += 1;
        let state = self.state.encode();
        batch.set_delivery(Delivery { sender: WATCHER, sequence: self.sequence, state });
        loop {
            let wait = match block_on(self.sink.append(batch.clone())) {
                Ok(accepted) => {
                    let mut status = self.shared.status.lock();
                    status.events += accepted.records;
                    status.refused += accepted.refused.len() as u64;
                    status.last_error.clear();
                    self.kept = self.state.clone();
                    return Some(());
                }
                Err(Unavailable::Closed) => return None,
                Err(error) => {
                    let mut status = self.shared.status.lock();
                    if status.last_error.is_empty() {
                        tracing::warn!(%error, "events of this machine wait until they can be kept");
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

    /// Waits; returns whether to end.
    fn wait(&self, time: Duration) -> bool {
        let mut stop = self.shared.stop.lock();
        if !*stop && !time.is_zero() {
            self.shared.stopped.wait_for(&mut stop, time);
        }
        *stop
    }
}
