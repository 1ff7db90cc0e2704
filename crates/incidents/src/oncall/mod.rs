//! Who is on call, and who is told when.
//!
//! A schedule has layers, of which the last one that has somebody counts, and overrides above them. Everything follows
//! from the configuration and a moment; there is no state but overrides that people made.

mod config;
mod layer;
mod plan;
mod schedule;

pub use config::{
    HoursConfig, LayerConfig, OnCallConfig, OverrideConfig, PersonConfig, PolicyConfig, ScheduleConfig,
    StepConfig,
};
pub use layer::{Hours, Layer, Turns};
pub use plan::{OnCall, Policy, Step};
pub use schedule::{Override, Schedule, Shift, Turn};

/// The longest time that is looked ahead, milliseconds.
pub const AHEAD_MS_MAX: i64 = 400 * 86_400_000;
