//! `watchfire check`: says whether files are right, and what is in them.

use crate::exit::{Exit, no};
use server::config::load;
use std::path::Path;

/// Checks a configuration file.
pub fn config(file: &Path) -> Result<(), Exit> {
    let config = load(file).map_err(|e| no(e.to_string()))?;
    println!("{}: right", file.display());
    let jobs = &config.scrape_configs;
    if !jobs.is_empty() {
        let names: Vec<&str> = jobs.iter().map(|j| j.job_name.as_str()).collect();
        println!(
            "  {} scrape {}: {}",
            jobs.len(),
            if jobs.len() == 1 { "job" } else { "jobs" },
            names.join(", ")
        );
    }
    for key in config.global.unused() {
        println!("  {key} is known to Prometheus and has no effect here");
    }
    Ok(())
}
