//! `watchfire check`: says whether files are right, and what is in them.

use crate::exit::{Exit, no};
use server::config::load;
use server::{Routing, RuleSet};
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
    let dir = file.parent().unwrap_or(Path::new(""));
    let set = RuleSet::load(&config, dir).map_err(no)?;
    if !set.groups.is_empty() {
        let rules: usize = set.groups.iter().map(|g| g.group.rules.len()).sum();
        println!("  {} of rules: {}", counted(set.groups.len(), "group"), counted(rules, "rule"));
    }
    let routing = Routing::load(&config, dir, "http://localhost").map_err(no)?;
    if config.alerting.config_file.is_some() {
        println!("  alerting: {}", counted(routing.config.receivers.len(), "receiver"));
    }
    let on_call = &config.on_call;
    if !on_call.people.is_empty() {
        println!(
            "  on call: {}, {}, {}",
            if on_call.people.len() == 1 {
                "1 person".to_owned()
            } else {
                format!("{} people", on_call.people.len())
            },
            counted(on_call.schedules.len(), "schedule"),
            match on_call.policies.len() {
                1 => "1 policy".to_owned(),
                n => format!("{n} policies"),
            }
        );
    }
    for key in config.global.unused() {
        println!("  {key} is known to Prometheus and has no effect here");
    }
    Ok(())
}

/// Checks a configuration file of Alertmanager.
pub fn alertmanager(file: &Path, exec: bool) -> Result<(), Exit> {
    let routing = Routing::read(file, "http://localhost", exec).map_err(no)?;
    let config = &routing.config;
    println!("{}: right", file.display());
    for (count, what) in [
        (config.receivers.len(), "receiver"),
        (config.inhibit_rules.len(), "inhibit rule"),
        (config.time_intervals.len() + config.mute_time_intervals.len(), "time interval"),
        (config.templates.len(), "pattern of template files"),
    ] {
        if count > 0 {
            println!("  {}", counted(count, what));
        }
    }
    Ok(())
}

fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}
