//! Measures this machine at an interval, into any store.

use env::Clock;
use host::{Collector, CollectorStatus, Process};
use model::{
    AppendDone, AppendError, Appendable, Appender, Committed, Exemplar, Histogram, Labels, Metadata,
    SeriesRef,
};
use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

/// How this machine is measured.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// Time between collections.
    pub interval: Duration,
    /// What is collected.
    pub host: host::Options,
    /// Collections that are kept while the store takes none; then the oldest goes.
    pub pending_max: usize,
}

impl Default for LocalOptions {
    fn default() -> Self {
        LocalOptions { interval: Duration::from_secs(1), host: host::Options::default(), pending_max: 300 }
    }
}

/// How the measuring goes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LocalStatus {
    /// Collections so far.
    pub collections: u64,
    /// When the last was, Unix milliseconds; 0 before the first.
    pub last_ms: i64,
    /// Samples of the last collection.
    pub samples: u64,
    /// How long the last collection took, without the time to store it.
    pub duration_seconds: f64,
    /// Samples the store refused, in all.
    pub rejected: u64,
    /// Why it refused the last.
    pub last_rejection: String,
    /// Collections not yet stored.
    pub pending: usize,
    /// Collections given up because too many were pending.
    pub lost: u64,
    /// Why the last attempt to store failed; empty if it did not.
    pub last_error: String,
    /// Collectors that failed, each with the reason. What this machine does not have is not among them.
    pub problems: Vec<(String, String)>,
}

/// Measures this machine on a thread of its own. Dropping it ends the thread.
pub struct Local {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<LocalStatus>,
    processes: Mutex<Arc<Vec<Process>>>,
    collectors: Mutex<Vec<CollectorStatus>>,
    stop: Mutex<bool>,
    stopped: Condvar,
}

impl Local {
    /// Starts measuring. Fails only if there can be no thread.
    pub fn start(
        options: LocalOptions,
        store: Arc<dyn Appendable>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Local> {
        let shared = Arc::new(Shared::default());
        let run = Run { options, store, clock, shared: shared.clone(), pending: VecDeque::new() };
        let thread = std::thread::Builder::new().name("host".into()).spawn(move || run.run())?;
        Ok(Local { shared, thread: Some(thread) })
    }

    /// How it goes.
    pub fn status(&self) -> LocalStatus {
        self.shared.status.lock().clone()
    }

    /// How each collector fares.
    pub fn collectors(&self) -> Vec<CollectorStatus> {
        self.shared.collectors.lock().clone()
    }

    /// The processes that matter most, busiest first, as of the last scan.
    pub fn processes(&self) -> Arc<Vec<Process>> {
        self.shared.processes.lock().clone()
    }

    /// Ends after the collection under way, if there is one, and waits for that.
    pub fn stop(&mut self) {
        *self.shared.stop.lock() = true;
        self.shared.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Run {
    options: LocalOptions,
    store: Arc<dyn Appendable>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    pending: VecDeque<Batch>,
}

impl Run {
    fn run(mut self) {
        let interval_ms = (self.options.interval.as_millis() as i64).max(10);
        let mut collector = Collector::new(self.options.host.clone());
        loop {
            // Timestamps are multiples of the interval: they compress better, and machines compare better.
            let now_ms = self.clock.now_ms();
            let at_ms = now_ms - now_ms.rem_euclid(interval_ms);
            self.collect(&mut collector, at_ms);
            self.store_pending();
            if !self.wait_past(at_ms, interval_ms) {
                break;
            }
        }
    }

    /// Waits for the interval after `at_ms` to begin; a clock that goes back ends the wait too. Returns false to
    /// end.
    fn wait_past(&self, at_ms: i64, interval_ms: i64) -> bool {
        let mut stop = self.shared.stop.lock();
        loop {
            let now_ms = self.clock.now_ms();
            if *stop {
                return false;
            }
            if now_ms < at_ms || now_ms >= at_ms + interval_ms {
                return true;
            }
            // The wait ends early now and then; the same timestamp must not come twice.
            let wait = Duration::from_millis((at_ms + interval_ms - now_ms) as u64);
            self.shared.stopped.wait_for(&mut stop, wait);
        }
    }

    fn collect(&mut self, collector: &mut Collector, at_ms: i64) {
        let mut batch = Batch { time_ms: at_ms, ..Batch::default() };
        let report = collector.collect(at_ms, &mut batch);
        self.pending.push_back(batch);
        let lost = self.pending.len().saturating_sub(self.options.pending_max.max(1));
        self.pending.drain(..lost);

        if report.processes_scanned {
            *self.shared.processes.lock() = collector.processes();
        }
        let collectors = collector.status();
        let problems = collectors
            .iter()
            .filter(|c| !c.problem.is_empty())
            .map(|c| (c.name.to_owned(), c.problem.clone()))
            .collect::<Vec<_>>();
        *self.shared.collectors.lock() = collectors;
        let mut status = self.shared.status.lock();
        for (name, problem) in problems.iter().filter(|p| !status.problems.contains(p)) {
            tracing::warn!(collector = name, problem, "a collector of this host fails");
        }
        status.collections += 1;
        status.last_ms = at_ms;
        status.samples = report.samples;
        status.duration_seconds = report.duration.as_secs_f64();
        status.lost += lost as u64;
        status.problems = problems;
    }

    /// Hands over what is pending, oldest first, until the store refuses.
    fn store_pending(&mut self) {
        while let Some(batch) = self.pending.front() {
            let mut appender = self.store.appender();
            let refused = batch.write(&mut *appender);
            match block_on(appender.commit()) {
                Ok(_) => {
                    self.pending.pop_front();
                    let mut status = self.shared.status.lock();
                    if !status.last_error.is_empty() {
                        tracing::info!(
                            pending = self.pending.len(),
                            "measurements of this host are stored again"
                        );
                        status.last_error.clear();
                    }
                    if let Some((count, last)) = refused {
                        if status.rejected == 0 {
                            tracing::warn!(
                                count,
                                reason = last,
                                "the store refuses measurements of this host"
                            );
                        }
                        status.rejected += count;
                        status.last_rejection = last;
                    }
                }
                Err(error) => {
                    let mut status = self.shared.status.lock();
                    if status.last_error.is_empty() {
                        tracing::warn!(%error, "measurements of this host are not stored; will try again");
                    }
                    status.last_error = error.to_string();
                    break;
                }
            }
        }
        self.shared.status.lock().pending = self.pending.len();
    }
}

/// One collection, in a form that can be handed over again.
#[derive(Default)]
struct Batch {
    time_ms: i64,
    labels: Vec<Labels>,
    samples: Vec<(SeriesRef, f64)>,
    metadata: Vec<(String, Metadata)>,
}

impl Batch {
    /// Writes everything; returns how much was refused and why the last was.
    fn write(&self, out: &mut dyn Appender) -> Option<(u64, String)> {
        let mut refused: Option<(u64, String)> = None;
        for (family, metadata) in &self.metadata {
            // A store that refuses metadata still takes the samples.
            let _ = out.metadata(family, metadata.clone());
        }
        for (series, value) in &self.samples {
            let labels = &self.labels[series.0 as usize];
            let series = match out.lookup(labels.key()) {
                Some(series) => Ok(series),
                None => out.series(labels),
            };
            if let Err(error) = series.and_then(|series| out.sample(series, self.time_ms, *value, 0)) {
                let count = refused.map_or(0, |(count, _)| count);
                refused = Some((count + 1, error.to_string()));
            }
        }
        refused
    }
}

/// The collector writes each series once a batch, so none is ever looked up.
impl Appender for Batch {
    fn lookup(&mut self, _: &[u8]) -> Option<SeriesRef> {
        None
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        self.labels.push(labels.clone());
        Ok(SeriesRef(self.labels.len() as u32 - 1))
    }

    fn sample(&mut self, series: SeriesRef, _: i64, value: f64, _: i64) -> Result<(), AppendError> {
        self.samples.push((series, value));
        Ok(())
    }

    fn histogram(&mut self, _: SeriesRef, _: i64, _: Histogram, _: i64) -> Result<(), AppendError> {
        Ok(())
    }

    fn exemplar(&mut self, _: SeriesRef, _: Exemplar) -> Result<(), AppendError> {
        Ok(())
    }

    fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError> {
        self.metadata.push((family.to_owned(), metadata));
        Ok(())
    }

    fn commit(self: Box<Self>) -> AppendDone {
        Box::pin(std::future::ready(Ok(Committed::default())))
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a commit on this thread, without a runtime.
pub(crate) fn block_on<T>(mut future: std::pin::Pin<Box<dyn Future<Output = T> + Send>>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
