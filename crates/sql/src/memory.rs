//! The memory of a query, as DataFusion asks for it.

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool, MemoryReservation};
use parking_lot::Mutex;
use promql::{Control, EvalError, Held};
use std::fmt;

/// The memory one query may hold, taken from what all queries share.
#[derive(Debug)]
pub(crate) struct QueryMemory {
    held: Mutex<Held>,
    /// What was taken in spite of the limit, and is not held.
    beyond: Mutex<u64>,
    limit: u64,
}

impl QueryMemory {
    /// At most so many bytes.
    pub fn new(control: &Control, limit: u64) -> QueryMemory {
        QueryMemory { held: Mutex::new(Held::new(control, limit)), beyond: Mutex::default(), limit }
    }

    /// Holds more, or says why that cannot be.
    pub fn take(&self, bytes: u64) -> Result<(), EvalError> {
        self.held.lock().grow(bytes)
    }

    /// Gives back.
    pub fn give(&self, bytes: u64) {
        let mut held = self.held.lock();
        let left = held.bytes().saturating_sub(bytes);
        held.shrink_to(left);
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} bytes", self.limit)
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &str {
        "query"
    }

    /// Growth that was not asked for cannot be refused; the next that is asked for will be.
    fn grow(&self, _: &MemoryReservation, additional: usize) {
        if self.take(additional as u64).is_err() {
            *self.beyond.lock() += additional as u64;
        }
    }

    fn shrink(&self, _: &MemoryReservation, shrink: usize) {
        let mut beyond = self.beyond.lock();
        let first = (*beyond).min(shrink as u64);
        *beyond -= first;
        self.give(shrink as u64 - first);
    }

    fn try_grow(&self, _: &MemoryReservation, additional: usize) -> Result<()> {
        self.take(additional as u64).map_err(|e| DataFusionError::External(Box::new(e)))
    }

    fn reserved(&self) -> usize {
        self.held.lock().bytes() as usize
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit as usize)
    }
}

/// Memory of a query, given back when this is dropped.
pub(crate) struct Taken<'a> {
    memory: &'a QueryMemory,
    bytes: u64,
}

impl<'a> Taken<'a> {
    /// Nothing yet.
    pub fn none(memory: &'a QueryMemory) -> Taken<'a> {
        Taken { memory, bytes: 0 }
    }

    /// Makes it so many bytes.
    pub fn set(&mut self, bytes: u64) -> Result<(), EvalError> {
        if bytes > self.bytes {
            self.memory.take(bytes - self.bytes)?;
        } else {
            self.memory.give(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.memory.give(self.bytes);
    }
}
