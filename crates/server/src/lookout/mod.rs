//! Looks out for what does not report by itself: probes, plugins of Nagios, and jobs that must report.

mod beats;
mod beats_http;
mod built_in;
mod checks;
mod plugin;
mod probes;
mod probes_http;
mod rounds;
mod series;
mod vigil;

pub use beats_http::{forget, list as list_heartbeats, report, report_kind};
pub use built_in::rules as built_in_rules;
pub use probes_http::{list as list_probes, probe};
pub use vigil::{list as status, stalled};

use crate::api::{Answer, Shared};
use crate::config::Config;
use crate::events::Outlet;
use crate::http::respond::json;
use crate::telemetry::Family;
use axum::extract::State;
use beats::Beats;
use checks::Checks;
use env::{Clock, Disk};
use model::Appendable;
use probes::{ProbeSet, Probes};
use std::path::Path;
use std::sync::Arc;

/// All of it at work.
pub struct Lookout {
    probes: Probes,
    checks: Checks,
    beats: Arc<Beats>,
}

/// What it is put together from.
pub struct Parts {
    /// Where series go.
    pub store: Arc<dyn Appendable>,
    /// Where events go.
    pub outlet: Outlet,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
}

fn said((field, reason): (String, String)) -> String {
    format!("{field}: {reason}")
}

/// What cannot be meant: the field and why.
pub fn check(config: &Config, dir: &Path) -> Result<(), (String, String)> {
    ProbeSet::load(&config.probes, dir)?;
    config.heartbeats.plans()?;
    config.checks.check()
}

impl Lookout {
    /// Begins to look out. Paths in the configuration are relative to `dir`; what must be kept is kept below `data`.
    pub async fn start(config: &Config, dir: &Path, data: &Path, parts: Parts) -> Result<Lookout, String> {
        let plans = config.heartbeats.plans().map_err(said)?;
        let beats = Beats::start(&config.heartbeats, plans, data, &parts)?;
        let lookout = Lookout { probes: Probes::new(&parts), checks: Checks::new(&parts), beats };
        lookout.reload(config, dir).await?;
        Ok(lookout)
    }

    /// Puts another configuration in force. What stays the same goes on as it is.
    pub async fn reload(&self, config: &Config, dir: &Path) -> Result<(), String> {
        let set = ProbeSet::load(&config.probes, dir).map_err(said)?;
        let plans = config.heartbeats.plans().map_err(said)?;
        self.beats.configure(config.heartbeats.clone(), plans);
        self.probes.apply(set).await;
        self.checks.apply(&config.checks).await;
        Ok(())
    }

    /// Ends. Series do not end with it.
    pub async fn stop(&self) {
        self.probes.stop().await;
        self.checks.stop().await;
        self.beats.stop().await;
    }

    /// Its metrics.
    pub fn families(&self) -> Vec<Family> {
        let mut out = self.probes.families();
        out.extend(self.checks.families());
        out.extend(self.beats.families());
        out
    }
}

/// `GET /api/v1/checks`
pub async fn list_checks(State(app): Shared) -> Answer {
    let all = app.ready()?.lookout.checks.shown();
    Ok(json(|j| {
        j.value(&all);
    }))
}
