//! What time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall time and time that only goes forward.
pub trait Clock: Send + Sync + 'static {
    /// Unix time in milliseconds. May jump in either direction when the host's clock is set.
    fn now_ms(&self) -> i64;

    /// Time since an arbitrary fixed instant. Never goes back.
    fn monotonic(&self) -> Duration;
}

/// The host's clocks.
#[derive(Debug, Clone)]
pub struct RealClock {
    started: Instant,
}

impl RealClock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> RealClock {
        RealClock { started: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> RealClock {
        RealClock::new()
    }
}

impl Clock for RealClock {
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(d) => i64::try_from(d.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that moves only when told to. Clones show the same time.
#[derive(Debug, Clone)]
pub struct SimClock {
    now: Arc<SimNow>,
}

#[derive(Debug)]
struct SimNow {
    wall_ms: AtomicI64,
    monotonic_ns: AtomicU64,
}

impl SimClock {
    /// A clock that shows this Unix time in milliseconds until it is moved.
    pub fn at(now_ms: i64) -> SimClock {
        let now = SimNow { wall_ms: AtomicI64::new(now_ms), monotonic_ns: AtomicU64::new(0) };
        SimClock { now: Arc::new(now) }
    }

    /// Lets time pass: both clocks go forward.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.now.wall_ms.fetch_add(ms, Ordering::SeqCst);
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.now.monotonic_ns.fetch_add(ns, Ordering::SeqCst);
    }

    /// Sets wall time as an operator would, to either side. Monotonic time stays.
    pub fn set_wall(&self, now_ms: i64) {
        self.now.wall_ms.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        self.now.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.now.monotonic_ns.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_time_moves_only_when_told() {
        let clock = SimClock::at(1_000);
        let same = clock.clone();
        assert_eq!((clock.now_ms(), clock.monotonic()), (1_000, Duration::ZERO));
        clock.advance(Duration::from_millis(250));
        assert_eq!((same.now_ms(), same.monotonic()), (1_250, Duration::from_millis(250)));
        clock.set_wall(10);
        assert_eq!((same.now_ms(), same.monotonic()), (10, Duration::from_millis(250)));
    }

    #[test]
    fn real_time_is_after_2020_and_monotonic() {
        let clock = RealClock::new();
        assert!(clock.now_ms() > 1_577_836_800_000);
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }
}
