//! Running jobs: from targets found to samples kept.

mod batch;
mod body;
mod cache;
mod classic;
mod digest;
mod failures;
mod histogram;
mod metadata;
mod pool;
mod report;
mod round;
mod scraper;
mod status;
mod target;
mod time;

pub use scraper::{Scraper, ScraperOptions, ScraperStats};
pub use status::{DroppedTarget, Health, TargetStatus, Targets};
