//! Metrics that pipelines derive from logs and events are stored beside all others.

use crate::http::listen::ended;
use crate::http::number::format_float;
use crate::state::App;
use model::{Appendable, Appender, Labels, METRIC_NAME, Metadata, MetricKind};
use pipeline::{Derived, DerivedValue};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Stores derived metrics at every interval of the own metrics until `stop` turns true, and once more then.
pub async fn record(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(app.config().own.interval.into());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut before_ms) = (false, app.now_ms());
    let mut known = HashSet::new();
    while !last {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ended(&mut stop) => last = true,
        }
        let mut derived = app.preparation.pipelines().derived();
        derived.extend(app.event_counting.pipelines().derived());
        derived.extend(app.event_preparation.pipelines().derived());
        // At the end the store is still open, although nothing new is let in.
        let Some(running) = app.running().filter(|_| !derived.is_empty()) else { continue };
        let mut appender = running.db.appender();
        let now_ms = app.now_ms();
        for d in &derived {
            // One that is new begins at zero, so that what it counted first is an increase too.
            if known.insert((d.name.clone(), d.labels.clone())) && before_ms < now_ms {
                append(&zero(d), before_ms, &mut *appender);
            }
            append(d, now_ms, &mut *appender);
        }
        before_ms = now_ms;
        if let Err(e) = appender.commit().await {
            tracing::warn!(error = %e, "metrics derived from logs were not stored; the next ones will hold them");
        }
    }
}

/// The same series before anything was counted.
fn zero(derived: &Derived) -> Derived {
    let value = match &derived.value {
        DerivedValue::Counter(_) => DerivedValue::Counter(0.0),
        DerivedValue::Histogram { buckets, .. } => {
            DerivedValue::Histogram { buckets: buckets.iter().map(|(le, _)| (*le, 0)).collect(), sum: 0.0 }
        }
    };
    Derived { value, ..derived.clone() }
}

/// What cannot be appended is left out; the rest is worth having.
fn append(derived: &Derived, now_ms: i64, out: &mut dyn Appender) {
    let kind = match derived.value {
        DerivedValue::Counter(_) => MetricKind::Counter,
        DerivedValue::Histogram { .. } => MetricKind::Histogram,
    };
    let _ = out.metadata(&derived.name, Metadata { kind, help: derived.help.clone(), unit: String::new() });
    let mut sample = |suffix: &str, le: Option<f64>, value: f64| {
        let name = format!("{}{suffix}", derived.name);
        let mut builder = derived.labels.to_builder();
        builder.set(METRIC_NAME, name);
        if let Some(le) = le {
            builder.set("le", format_float(le));
        }
        let labels: Labels = builder.build();
        if let Ok(series) = out.series(&labels) {
            let _ = out.sample(series, now_ms, value, 0);
        }
    };
    match &derived.value {
        DerivedValue::Counter(value) => sample("", None, *value),
        DerivedValue::Histogram { buckets, sum } => {
            buckets.iter().for_each(|(bound, count)| sample("_bucket", Some(*bound), *count as f64));
            let count = buckets.last().map_or(0, |(_, count)| *count);
            sample("_sum", None, *sum);
            sample("_count", None, count as f64);
        }
    }
}
