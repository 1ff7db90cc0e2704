//! Stores the server's own metrics in its own store.

use crate::http::listen::ended;
use crate::process;
use crate::state::App;
use crate::telemetry::Family;
use model::{Appendable, Appender, Labels, METRIC_NAME, Metadata};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Appends the own metrics at every interval until `stop` turns true.
pub async fn record(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let config = app.config().own.clone();
    if !config.enabled {
        return;
    }
    let base = [("job", "watchfire".to_owned()), ("instance", instance(&app.config().http.listen))];
    let mut ticks = interval(config.interval.into());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ended(&mut stop) => return,
        }
        let Ok(db) = app.db() else { continue };
        let families = app.families();
        let now = app.now_ms();
        let mut appender = db.appender();
        append(&families, &base, now, &mut *appender);
        if let Err(e) = appender.commit().await {
            app.metrics.own_failed.add(1);
            tracing::debug!(error = %e, "own metrics were not stored");
        }
    }
}

/// This host by name, with the port, as another server that scrapes this one would call it.
fn instance(listen: &str) -> String {
    let port = listen.rsplit_once(':').map_or("", |(_, p)| p);
    format!("{}:{port}", process::hostname())
}

/// What cannot be appended is left out; the rest is worth having.
fn append(families: &[Family], base: &[(&'static str, String)], now_ms: i64, out: &mut dyn Appender) {
    for family in families {
        let metadata = Metadata { kind: family.kind, help: family.help.to_owned(), unit: String::new() };
        let _ = out.metadata(family.name, metadata);
        for sample in &family.samples {
            let name = format!("{}{}", family.name, sample.suffix);
            let labels = base.iter().chain(&sample.labels).map(|(n, v)| (*n, v.as_str()));
            let Ok(labels) = Labels::from_pairs(labels.chain([(METRIC_NAME, name.as_str())])) else {
                continue;
            };
            if let Ok(series) = out.series(&labels) {
                let _ = out.sample(series, now_ms, sample.value, 0);
            }
        }
    }
    let up = Labels::from_pairs(base.iter().map(|(n, v)| (*n, v.as_str())).chain([(METRIC_NAME, "up")]));
    if let Ok(series) = up.as_ref().map_or_else(|_| Err(()), |l| out.series(l).map_err(|_| ())) {
        let _ = out.sample(series, now_ms, 1.0, 0);
    }
}
