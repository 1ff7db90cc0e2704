//! Jobs that must report, and when they are late; refuses to know clocks, files and sockets.
//!
//! A [`Plan`] says when a job is expected. [`Beat`] is what is known of it: `report` takes what the job says,
//! `deadline_ms` says when it is late. [`state`] holds the bytes in which beats are kept.

mod beat;
mod plan;
pub mod state;

pub use beat::{Beat, Finish, Report};
pub use plan::{Plan, PlanError, Schedule, is_name};
