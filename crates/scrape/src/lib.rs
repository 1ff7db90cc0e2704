//! Finds and scrapes Prometheus targets; refuses to know where samples are kept.
//!
//! A [`config::ScrapeSections`] is read from a `prometheus.yml`, resolved into [`config::Jobs`], and run by a
//! [`Scraper`] into any [`model::Appendable`].

pub mod config;
mod discovery;
mod http;
pub mod relabel;
mod run;

pub use http::RequestHeaders;
pub use run::{DroppedTarget, Health, Scraper, ScraperOptions, ScraperStats, TargetStatus, Targets};
