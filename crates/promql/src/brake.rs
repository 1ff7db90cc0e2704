//! Pauses of queries, in favour of what must not wait for them.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Held while something is under way that queries must not slow down, a write say.
///
/// The scheduler alone cannot give way like that: it hands out processors by the slice of some milliseconds, and a
/// write is done in less.
#[derive(Default)]
pub struct Brake {
    holders: AtomicUsize,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    released: Condvar,
}

/// A hold of the brake, ended when dropped.
#[derive(Debug)]
pub struct Hold(Arc<Brake>);

impl Brake {
    /// Holds it.
    pub fn hold(self: &Arc<Self>) -> Hold {
        self.holders.fetch_add(1, Ordering::SeqCst);
        Hold(Arc::clone(self))
    }

    /// Whether anybody holds it.
    pub fn is_held(&self) -> bool {
        self.holders.load(Ordering::SeqCst) > 0
    }

    /// Waits until nobody holds it, at most so long.
    fn wait(&self, at_most: Duration) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.released.wait_timeout_while(guard, at_most, |()| self.is_held()));
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let brake = &self.0;
        if brake.holders.fetch_sub(1, Ordering::SeqCst) == 1 && brake.waiting.load(Ordering::SeqCst) > 0 {
            // Whoever is about to wait holds the lock from before it looks until it waits.
            drop(brake.lock.lock());
            brake.released.notify_all();
        }
    }
}

impl fmt::Debug for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holders = self.holders.load(Ordering::Relaxed);
        f.debug_struct("Brake").field("holders", &holders).finish_non_exhaustive()
    }
}

/// A query that is done within this does not pause.
const QUICK: Duration = Duration::from_millis(10);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(10);

/// The pauses of one query.
#[derive(Debug)]
pub(crate) struct Pauses {
    brake: Arc<Brake>,
    begun: OnceLock<Instant>,
    paused_ns: AtomicU64,
}

impl Pauses {
    pub fn new(brake: Arc<Brake>) -> Pauses {
        Pauses { brake, begun: OnceLock::new(), paused_ns: AtomicU64::new(0) }
    }

    /// Waits a little while the brake is held: of all its time a query spends at most half in pauses.
    pub fn pause(&self) {
        let begun = *self.begun.get_or_init(Instant::now);
        if !self.brake.is_held() {
            return;
        }
        let age = begun.elapsed();
        let paused = Duration::from_nanos(self.paused_ns.load(Ordering::Relaxed));
        let allowed = (age / 2).saturating_sub(paused).min(PAUSE_MAX);
        if age < QUICK || allowed.is_zero() {
            return;
        }
        self.brake.wait(allowed);
        let took = begun.elapsed().saturating_sub(age).as_nanos();
        self.paused_ns.fetch_add(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_with_the_hold() {
        let brake = Arc::new(Brake::default());
        let hold = brake.hold();
        let also = brake.hold();
        let waiter = std::thread::spawn({
            let brake = Arc::clone(&brake);
            move || brake.wait(Duration::from_secs(600))
        });
        while brake.waiting.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        drop(also);
        assert!(brake.is_held());
        drop(hold);
        waiter.join().unwrap();
        assert!(!brake.is_held());
    }

    #[test]
    fn no_query_stands_still() {
        let brake = Arc::new(Brake::default());
        let _hold = brake.hold();
        let pauses = Pauses::new(brake);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(60) {
            pauses.pause();
        }
        let paused = Duration::from_nanos(pauses.paused_ns.load(Ordering::Relaxed));
        assert!(paused > Duration::ZERO, "it pauses");
        assert!(paused <= begun.elapsed(), "and goes on while the brake is held");
    }
}
