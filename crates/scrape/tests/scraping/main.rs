//! Scrapes real servers over loopback into a store that keeps everything in memory.

mod basics;
mod credentials;
mod discovery;
mod failures;
mod histograms;
mod real;
mod reload;
mod server;
mod store;

use scrape::config::{Jobs, ScrapeSections};
use scrape::{Scraper, ScraperOptions, TargetStatus};
use std::sync::Arc;
use std::time::Duration;
use store::Store;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

fn jobs(yaml: &str) -> Jobs {
    let sections = ScrapeSections::from_yaml(yaml).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    let dir = std::env::temp_dir();
    Jobs::resolve(&sections.global, &sections.scrape_configs, &dir).unwrap_or_else(|e| panic!("{e}\n{yaml}"))
}

fn options() -> ScraperOptions {
    ScraperOptions { file_poll: Duration::from_millis(50), ..ScraperOptions::default() }
}

fn start(yaml: &str) -> (Scraper, Arc<Store>) {
    let store = Arc::new(Store::default());
    (Scraper::start(jobs(yaml), store.clone(), options()), store)
}

/// Waits until `ready` gives something.
async fn eventually<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(t) = ready() {
            return t;
        }
        assert!(tokio::time::Instant::now() < deadline, "gave up waiting for: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The status of the only target, once it has been scraped.
async fn scraped(scraper: &Scraper) -> TargetStatus {
    eventually("a scrape", || {
        let mut active = scraper.targets().active_targets;
        assert!(active.len() <= 1, "{active:?}");
        active.pop().filter(|t| t.last_scrape != "0001-01-01T00:00:00Z")
    })
    .await
}
