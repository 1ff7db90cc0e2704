//! What stops a query, its deadline, its asker, its share of memory; and what makes it pause.

use crate::brake::{Brake, Pauses};
use crate::error::EvalError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Memory that all queries share.
#[derive(Debug)]
pub struct MemoryPool {
    limit: u64,
    used: AtomicU64,
}

impl MemoryPool {
    /// A pool of so many bytes.
    pub fn new(limit: u64) -> Arc<MemoryPool> {
        Arc::new(MemoryPool { limit, used: AtomicU64::new(0) })
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes there are.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes memory for something that is not part of an evaluation, such as the text of an answer.
    pub fn share(self: &Arc<Self>, bytes: u64) -> Result<Share, EvalError> {
        self.take(bytes)?;
        Ok(Share { pool: Arc::clone(self), bytes })
    }

    fn take(&self, bytes: u64) -> Result<(), EvalError> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used > self.limit {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(EvalError::Busy { wanted: bytes, used: used - bytes, limit: self.limit });
        }
        Ok(())
    }

    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Memory of a pool, which goes back when this is dropped.
#[derive(Debug)]
pub struct Share {
    pool: Arc<MemoryPool>,
    bytes: u64,
}

impl Share {
    /// Gives back what is more than `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        self.pool.give(self.bytes.saturating_sub(bytes));
        self.bytes = self.bytes.min(bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.give(self.bytes);
    }
}

/// The reins of one query. Shared between the evaluation and whoever may stop it.
#[derive(Debug, Clone, Default)]
pub struct Control {
    deadline: Option<(Instant, Duration)>,
    cancelled: Arc<AtomicBool>,
    pool: Option<Arc<MemoryPool>>,
    pauses: Option<Arc<Pauses>>,
}

impl Control {
    /// No deadline, no shared memory limit.
    pub fn new() -> Control {
        Control::default()
    }

    /// Stops the query at `start + timeout`.
    #[must_use]
    pub fn with_timeout(mut self, start: Instant, timeout: Duration) -> Control {
        self.deadline = start.checked_add(timeout).map(|at| (at, timeout));
        self
    }

    /// Takes the query's memory from a pool.
    #[must_use]
    pub fn with_pool(mut self, pool: Arc<MemoryPool>) -> Control {
        self.pool = Some(pool);
        self
    }

    /// Lets the query pause while the brake is held.
    #[must_use]
    pub fn with_brake(mut self, brake: Arc<Brake>) -> Control {
        self.pauses = Some(Arc::new(Pauses::new(brake)));
        self
    }

    /// Stops the query soon.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// A flag that stops the query when set.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        self.cancelled.clone()
    }

    /// Whether the query may go on; it is asked between any two pieces of work that take long.
    pub fn check(&self) -> Result<(), EvalError> {
        if let Some(pauses) = &self.pauses {
            pauses.pause();
        }
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(EvalError::Cancelled);
        }
        match self.deadline {
            Some((at, timeout)) if Instant::now() >= at => Err(EvalError::Timeout(timeout)),
            _ => Ok(()),
        }
    }
}

/// Memory that one query holds; goes back to the pool when dropped.
#[derive(Debug)]
pub struct Held {
    pool: Option<Arc<MemoryPool>>,
    limit: u64,
    bytes: u64,
    /// Taken from the pool ahead, so that the pool is not asked for every small thing.
    taken: u64,
    /// Most bytes held at once.
    pub peak: u64,
}

/// The pool is asked for this much at a time.
const TAKE_BYTES: u64 = 1 << 20;

impl Held {
    /// Nothing yet; at most so many bytes.
    pub fn new(control: &Control, limit: u64) -> Held {
        Held { pool: control.pool.clone(), limit, bytes: 0, taken: 0, peak: 0 }
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Holds more, or says why that cannot be.
    pub fn grow(&mut self, bytes: u64) -> Result<(), EvalError> {
        let wanted = self.bytes.saturating_add(bytes);
        if wanted > self.limit {
            return Err(EvalError::Limit {
                what: "bytes of memory",
                observed: wanted,
                limit: self.limit,
                setting: "query.memory_per_query",
            });
        }
        if let Some(pool) = &self.pool
            && wanted > self.taken
        {
            let more = (wanted - self.taken).next_multiple_of(TAKE_BYTES);
            pool.take(more)?;
            self.taken += more;
        }
        self.bytes = wanted;
        self.peak = self.peak.max(wanted);
        Ok(())
    }

    /// Goes back to an earlier amount.
    pub fn shrink_to(&mut self, bytes: u64) {
        self.bytes = self.bytes.min(bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give(self.taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_go_back() {
        let pool = MemoryPool::new(100);
        let mut share = pool.share(80).unwrap();
        assert!(matches!(pool.share(30), Err(EvalError::Busy { wanted: 30, used: 80, limit: 100 })));
        share.shrink_to(50);
        share.shrink_to(70);
        assert_eq!(pool.used(), 50);
        drop(share);
        assert_eq!(pool.used(), 0);
    }
}
