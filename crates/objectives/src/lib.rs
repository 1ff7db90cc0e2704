//! Objectives of services, and the rules that watch over them; refuses to know HTTP, files and clocks.
//!
//! An [`Objective`] is made from a few lines, an [`ObjectiveConfig`]. [`Objective::group`] is the group of recording
//! and alerting rules that comes of it, [`Objective::standing`] says how it stands given the ratios of errors that were
//! recorded.
//!
//! The method is that of chapter 5 of Google's *Site Reliability Workbook*: an alert fires when the budget of errors burns
//! faster than it may over a long time and over a short one; the first makes it worth a message, the second ends it soon
//! after the fault has ended.

mod config;
mod generate;
mod indicator;
mod objective;
mod span;
mod standing;
mod target;
mod windows;

pub use config::{
    AlertsChoice, AlertsConfig, LatencyConfig, ObjectiveConfig, ObjectiveFile, PairConfig, RatioConfig,
    Severity, SpanIndicator, TargetText,
};
pub use generate::{
    BUDGET_REMAINING, BURN_RATE, ERROR_RATIO, ERRORS_RATE, GROUP_FILE, TARGET, TOTAL_RATE, file_text,
};
pub use indicator::{Indicator, IndicatorKind, WINDOW};
pub use objective::{Alerting, Objective, Wrong, resolve};
pub use span::format_span;
pub use standing::{Standing, State};
pub use target::Target;
pub use windows::{Pair, SHOWN_MS};
