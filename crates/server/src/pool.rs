//! Runs blocking work, queries above all, on so many threads and no more.

use crate::http::error::{ApiError, ErrorKind};
use crate::telemetry::Family;
use model::MetricKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Threads for work that blocks or computes, with a queue before them.
#[derive(Debug)]
pub struct Pool {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    running: Arc<AtomicUsize>,
    threads_max: usize,
    threads: Threads,
    /// What moves the number of threads.
    setting: &'static str,
}

/// Where work runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threads {
    /// On the runtime's threads for blocking work.
    Shared,
    /// Each piece on a thread of its own that gives way to every other: a thread cannot raise its priority again.
    Yielding,
}

/// How far threads for heavy work stand back: a third of the processor of one that does not. More would leave them
/// nothing where other programs keep the machine busy.
const YIELDING_NICE: i32 = 5;

/// However many wait, light work has this part of its time.
const CROWDED: u32 = 4;

struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// A pool of `threads` with at most `waiting_max` pieces of work before it.
    pub fn new(threads: usize, waiting_max: usize) -> Pool {
        Pool {
            permits: Arc::new(Semaphore::new(threads)),
            waiting: AtomicUsize::new(0),
            waiting_max,
            running: Arc::default(),
            threads_max: threads,
            threads: Threads::Shared,
            setting: "query.concurrency",
        }
    }

    /// The same, on threads that give way to all others.
    fn yielding(threads: usize, waiting_max: usize) -> Pool {
        let shared = Pool::new(threads, waiting_max);
        Pool { threads: Threads::Yielding, setting: "query.concurrency_heavy", ..shared }
    }

    /// Pieces of work that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Pieces of work under way.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Runs `work` on a thread where it may block, after waiting for a thread for at most `timeout`.
    pub async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.run_until(Instant::now(), timeout, work).await
    }

    /// The same for work that came at `asked`.
    async fn run_until<T: Send + 'static>(
        &self,
        asked: Instant,
        timeout: Duration,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.permit(asked, timeout).await?;
        let running = Arc::clone(&self.running);
        let (done, answer) = oneshot::channel();
        let task = move || {
            let _permit = permit;
            let _running = Counted::new(&running);
            // Nobody may be waiting any more.
            let _ = done.send(work());
        };
        match self.threads {
            Threads::Shared => drop(tokio::task::spawn_blocking(task)),
            Threads::Yielding => {
                let yielding = move || {
                    give_way();
                    task();
                };
                let thread = std::thread::Builder::new().name("query-heavy".to_owned()).spawn(yielding);
                thread.map_err(|e| unavailable(format!("cannot start a thread for the query: {e}")))?;
            }
        }
        // A task that ends without an answer has panicked, and the panic was reported.
        answer.await.unwrap_or_else(|_| {
            tracing::error!("a request failed in a way it must not");
            Err(ApiError::internal("the request met a fault in the server; its log says more"))
        })
    }

    async fn permit(&self, asked: Instant, timeout: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = Counted::new(&self.waiting);
        if waiting.0.load(Ordering::Relaxed) > self.waiting_max {
            return Err(unavailable(format!(
                "{} queries wait already, the most allowed: raise query.queue",
                self.waiting_max
            )));
        }
        let left = timeout.saturating_sub(asked.elapsed());
        match tokio::time::timeout(left, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(ApiError::new(ErrorKind::Unavailable, "the server is shutting down")),
            Err(_) => Err(ApiError::new(
                ErrorKind::Timeout,
                format!(
                    "query timed out after {} s in the queue: raise {} or query.timeout",
                    timeout.as_secs_f64(),
                    self.setting
                ),
            )),
        }
    }
}

fn unavailable(message: String) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, message).retry_after(Duration::from_secs(1))
}

fn give_way() {
    if let Err(e) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), YIELDING_NICE) {
        tracing::debug!(error = %e, "a thread's priority cannot be lowered");
    }
}

/// Where a piece of work is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Among work that is done within a moment: it must give up if it is not.
    Light {
        /// When to give up.
        until: Instant,
    },
    /// Among work that takes what it takes.
    Heavy,
}

/// Two pools, so that light work never waits for heavy work. All work is tried as light first. What looks
/// heavy, or turns out to be, gives up and starts again as heavy; so a wrong guess costs one slice of time, and nobody
/// else's. Heavy work has fewer threads than there are processors, and these give way to everything else.
#[derive(Debug)]
pub struct Lanes {
    light: Pool,
    heavy: Pool,
    slice: Duration,
    known: Known,
}

impl Lanes {
    /// `light` and `heavy` threads, with at most `waiting_max` pieces of work before each. Light work gives up
    /// after `slice`.
    pub fn new(light: usize, heavy: usize, waiting_max: usize, slice: Duration) -> Lanes {
        Lanes {
            light: Pool::new(light, waiting_max),
            heavy: Pool::yielding(heavy, waiting_max),
            slice,
            known: Known::default(),
        }
    }

    /// Pieces of work that wait: light, heavy.
    pub fn waiting(&self) -> [usize; 2] {
        [self.light.waiting(), self.heavy.waiting()]
    }

    /// Pieces of work under way: light, heavy.
    pub fn running(&self) -> [usize; 2] {
        [self.light.running(), self.heavy.running()]
    }

    /// Its metrics.
    pub fn families(&self) -> Vec<Family> {
        let ([light_running, heavy_running], [light_waiting, heavy_waiting]) =
            (self.running(), self.waiting());
        let all = [
            ("watchfire_queries_running", "Queries under way.", light_running + heavy_running),
            ("watchfire_queries_waiting", "Queries that wait.", light_waiting + heavy_waiting),
            ("watchfire_queries_heavy_running", "Heavy queries under way.", heavy_running),
            ("watchfire_queries_heavy_waiting", "Heavy queries that wait.", heavy_waiting),
        ];
        let gauge = |(name, help, n)| Family::single(name, help, MetricKind::Gauge, n as f64);
        all.into_iter().map(gauge).collect()
    }

    /// How long work may take as light: less where others wait for their turn.
    fn slice(&self) -> Duration {
        let before_each = self.light.waiting() / self.light.threads_max.max(1);
        (self.slice / u32::try_from(before_each + 1).unwrap_or(u32::MAX)).max(self.slice / CROWDED)
    }

    /// Runs work that is light for sure.
    pub async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.light.run(timeout, work).await
    }

    /// Runs work that is heavy for sure.
    pub async fn run_heavy<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.heavy.run(timeout, work).await
    }

    /// Runs work that may be heavy. `work` gives `None` on the light lane if it belongs on the other, where it is
    /// called again. What gave up again and again under one name is not tried as light for a while.
    pub async fn run_fairly<T: Send + 'static>(
        self: &Arc<Self>,
        timeout: Duration,
        name: Option<u64>,
        work: impl Fn(Lane) -> Result<Option<T>, ApiError> + Send + Sync + 'static,
    ) -> Result<T, ApiError> {
        let asked = Instant::now();
        let work = Arc::new(work);
        if !name.is_some_and(|name| self.known.is_heavy(name, asked)) {
            let (lanes, first) = (Arc::clone(self), Arc::clone(&work));
            let tried = move || first(Lane::Light { until: Instant::now() + lanes.slice() });
            let done = self.light.run_until(asked, timeout, tried).await?;
            if let Some(name) = name {
                self.known.note(name, done.is_none(), asked);
            }
            if let Some(done) = done {
                return Ok(done);
            }
        }
        match self.heavy.run_until(asked, timeout, move || work(Lane::Heavy)).await? {
            Some(done) => Ok(done),
            None => Err(ApiError::internal("a query gave up where it need not")),
        }
    }
}

/// Which work gave up as light lately, by name: a table in which a later name takes the place of an earlier one.
#[derive(Debug)]
struct Known {
    /// A name without its lowest bits; in these how often it gave up, and in which period last.
    slots: Box<[AtomicU64]>,
    begun: Instant,
}

/// So often it must give up to count as heavy: what is known of results may have made it light since the first time.
const STRIKES: u64 = 2;
/// For so long it counts as heavy, or up to twice as long.
const PERIOD: Duration = Duration::from_secs(20);
const SLOTS: u64 = 4096;
const PERIOD_BITS: u32 = 16;
const STRIKE_BITS: u32 = 2;
const NAME_MASK: u64 = u64::MAX << (PERIOD_BITS + STRIKE_BITS);

impl Default for Known {
    fn default() -> Known {
        Known { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), begun: Instant::now() }
    }
}

impl Known {
    fn slot(&self, name: u64) -> &AtomicU64 {
        &self.slots[(name % SLOTS) as usize]
    }

    fn period(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs() / PERIOD.as_secs() % (1 << PERIOD_BITS)
    }

    /// How often work of this name gave up of late.
    fn strikes(&self, name: u64, now: Instant) -> u64 {
        let held = self.slot(name).load(Ordering::Relaxed);
        let age = self.period(now).wrapping_sub(held) % (1 << PERIOD_BITS);
        if (held ^ name) & NAME_MASK != 0 || age > 1 {
            return 0;
        }
        held >> PERIOD_BITS & ((1 << STRIKE_BITS) - 1)
    }

    fn is_heavy(&self, name: u64, now: Instant) -> bool {
        self.strikes(name, now) >= STRIKES
    }

    fn note(&self, name: u64, gave_up: bool, now: Instant) {
        let strikes = if gave_up { (self.strikes(name, now) + 1).min(STRIKES) } else { 0 };
        let held = (name & NAME_MASK) | strikes << PERIOD_BITS | self.period(now);
        self.slot(name).store(held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_slow_one_times_out() {
        let pool = Arc::new(Pool::new(1, 1));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, is_running) = tokio::sync::oneshot::channel();
        let busy = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                pool.run(Duration::from_secs(60), move || {
                    started.send(()).unwrap();
                    wait.recv().unwrap();
                    Ok(())
                })
                .await
            }
        });
        is_running.await.unwrap();
        assert_eq!(pool.running(), 1);
        let slow = pool.run(Duration::from_millis(10), || Ok(())).await.unwrap_err();
        assert_eq!(slow.kind, ErrorKind::Timeout);
        let queued = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(Duration::from_secs(60), || Ok(7)).await }
        });
        while pool.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let refused = pool.run(Duration::from_secs(60), || Ok(())).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("query.queue"), "{}", refused.message);
        assert!(refused.retry_after.is_some());
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        assert_eq!(queued.await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let pool = Pool::new(1, 1);
        let e = pool.run::<()>(Duration::from_secs(1), || panic!("boom")).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::Internal);
        let pool = Pool::yielding(1, 1);
        let e = pool.run::<()>(Duration::from_secs(1), || panic!("boom")).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::Internal);
    }

    #[test]
    fn what_gave_up_twice_is_heavy_for_a_while() {
        let (known, name) = (Known::default(), 0xdead_beef_dead_beef);
        let begun = known.begun;
        known.note(name, true, begun);
        assert!(!known.is_heavy(name, begun));
        known.note(name, true, begun);
        assert!(known.is_heavy(name, begun));
        assert!(known.is_heavy(name, begun + PERIOD));
        assert!(!known.is_heavy(name, begun + PERIOD * 2), "it is tried again");
        let other = name ^ 1 << 63;
        assert!(!known.is_heavy(other, begun), "another name in the same place");
        known.note(name, false, begun);
        assert!(!known.is_heavy(name, begun));
        // The number of the period has come round.
        let late = begun + PERIOD * (1 << PERIOD_BITS);
        known.note(name, true, late - PERIOD);
        known.note(name, true, late);
        assert!(known.is_heavy(name, late));
    }

    /// Heavy work that never ends takes every heavy thread and the whole queue; light work is done all the same.
    #[tokio::test]
    async fn light_work_does_not_wait_for_heavy_work() {
        let lanes = Arc::new(Lanes::new(1, 1, 2, Duration::from_millis(5)));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let heavy = |lanes: &Arc<Lanes>| {
            let (lanes, wait) = (Arc::clone(lanes), Arc::clone(&wait));
            tokio::spawn(async move {
                let work = move |lane| match lane {
                    Lane::Light { .. } => Ok(None),
                    Lane::Heavy => {
                        wait.lock().recv().unwrap();
                        Ok(Some(
                            rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap(),
                        ))
                    }
                };
                lanes.run_fairly(Duration::from_secs(60), None, work).await
            })
        };
        let all: Vec<_> = (0..3).map(|_| heavy(&lanes)).collect();
        while lanes.running()[1] + lanes.waiting()[1] < 3 {
            tokio::task::yield_now().await;
        }
        let refused = heavy(&lanes).await.unwrap().unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        for _ in 0..3 {
            let light = lanes.run_fairly(Duration::from_secs(60), None, |_| Ok(Some(5))).await;
            assert_eq!(light.unwrap(), 5);
        }
        for _ in 0..3 {
            release.send(()).unwrap();
        }
        for done in all {
            assert!(done.await.unwrap().unwrap() >= YIELDING_NICE);
        }
    }
}
