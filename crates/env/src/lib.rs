//! Disk, clock and randomness as ports, real and simulated; refuses to know what is stored.
//!
//! Everything in the house that touches files, time or chance does so through [`Disk`], [`Clock`] and
//! [`Random`], so that a test can put [`SimDisk`], [`SimClock`] and [`SimRandom`] in their place, cut the
//! power at any operation, and replay what happened from one seed.

mod clock;
mod disk;
mod random;
mod real;
mod sim;

pub use clock::{Clock, RealClock, SimClock};
pub use disk::{Disk, DiskFile, DiskLock};
pub use random::{Random, RealRandom, SimRandom};
pub use real::RealDisk;
pub use sim::SimDisk;
