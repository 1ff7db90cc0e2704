//! Feeds the catalogue: by streams with new records and by series that tell of entities, never by record or sample.

use super::Known;
use crate::collect::Running;
use crate::http::listen::ended;
use crate::state::App;
use ::entities::{
    Catalogue, EntityId, EntityType, Found, Limits, Noted, Relation, Rules, Saved, Signal, recognise,
};
use model::record::Tenant;
use model::{Labels, METRIC_NAME, MatchOp, Matcher, TimeRange};
use records::{Scan, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// The catalogue is written down so often.
const SAVE_EVERY: Duration = Duration::from_secs(300);
/// Records may come a little after their time.
const LATE_MS: i64 = 60_000;
/// What was kept before the first start is read in steps of this.
const STEP_MS: i64 = 6 * 3_600_000;
/// Series that are read at a time.
const SERIES_MAX: usize = 200_000;
/// A catalogue on disk is at most so long.
const SAVED_BYTES_MAX: u64 = 512 << 20;

/// Series that tell of entities, one or few for each.
const TELLING: &str = "up|target_info|node_uname_info|kube_pod_info|kube_node_info|traces_spanmetrics_calls_total|traces_service_graph_request_total";

fn file(app: &App) -> PathBuf {
    app.origin.data_dir.join("entities.json")
}

/// Looks at what is new at every interval of the own metrics until `stop` turns true.
pub async fn feed(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let restored = {
        let app = Arc::clone(&app);
        tokio::task::spawn_blocking(move || restore(&app)).await.unwrap_or(None)
    };
    let mut until_ms = restored.unwrap_or(i64::MIN);
    let mut ticks = interval(app.config().own.interval.into());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut saved) = (false, Instant::now());
    while !last {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ended(&mut stop) => last = true,
        }
        let saves = last || saved.elapsed() >= SAVE_EVERY;
        let shared = Arc::clone(&app);
        let work = move || {
            let Some(running) = shared.running() else { return until_ms };
            let until_ms = look(&shared, running, until_ms);
            if saves {
                save(&shared, until_ms);
            }
            until_ms
        };
        // A panic was reported by the thread itself; the next look begins where this one did.
        until_ms = tokio::task::spawn_blocking(work).await.unwrap_or(until_ms);
        if saves {
            saved = Instant::now();
        }
    }
}

/// Reads what was written down; gives up to when it was read.
fn restore(app: &App) -> Option<i64> {
    let path = file(app);
    let length = std::fs::metadata(&path).ok()?.len();
    let read = |path: &Path| -> Result<Saved, String> {
        if length > SAVED_BYTES_MAX {
            return Err(format!("{length} bytes are more than the limit of {SAVED_BYTES_MAX}"));
        }
        let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
        serde_json::from_slice(&bytes).map_err(|e| e.to_string())
    };
    match read(&path) {
        Ok(saved) => {
            let until_ms = saved.until_ms;
            *app.entities.catalogue.write() = Catalogue::restore(Limits::default(), saved);
            Some(until_ms)
        }
        Err(error) => {
            tracing::warn!(error, file = %path.display(), "the catalogue of entities cannot be read and is made anew");
            None
        }
    }
}

/// Writes the catalogue down: beside its place first, so that a crash leaves the one before.
fn save(app: &App, until_ms: i64) {
    let (path, beside) = (file(app), file(app).with_extension("json.new"));
    let saved = app.entities.catalogue.read().save(until_ms);
    let write = || -> std::io::Result<()> {
        std::fs::write(&beside, serde_json::to_vec(&saved)?)?;
        std::fs::File::open(&beside)?.sync_all()?;
        std::fs::rename(&beside, &path)
    };
    if let Err(error) = write() {
        tracing::warn!(%error, file = %path.display(), "the catalogue of entities was not written down");
    }
}

/// The first look goes back so far.
const PAST_MAX_MS: i64 = 90 * 86_400_000;

/// Looks at what came since the last time; gives up to when it looked.
fn look(app: &App, running: &Running, until_ms: i64) -> i64 {
    let now_ms = app.now_ms();
    let oldest =
        now_ms.saturating_sub(i64::try_from(app.config().logs.retention.as_millis()).unwrap_or(i64::MAX));
    let oldest = oldest.max(now_ms.saturating_sub(PAST_MAX_MS));
    let mut from_ms = until_ms.saturating_sub(LATE_MS).max(oldest);
    while from_ms < now_ms {
        let to_ms = from_ms.saturating_add(STEP_MS).min(now_ms);
        window(&app.entities, running, from_ms, to_ms);
        from_ms = to_ms;
    }
    now_ms
}

fn window(known: &Known, running: &Running, from_ms: i64, to_ms: i64) {
    let rules = known.rules.read().clone();
    let stores =
        [(Signal::Logs, &running.logs), (Signal::Traces, &running.traces), (Signal::Events, &running.events)];
    for (signal, store) in stores {
        let found = streams(store, from_ms, to_ms);
        let mut catalogue = known.catalogue.write();
        for labels in &found {
            note(&mut catalogue, &rules, labels, Noted { signal, from_ms, to_ms });
        }
    }
    let Ok(telling) = Matcher::new(MatchOp::Regex, METRIC_NAME, TELLING) else { return };
    let found = running.db.series(&[telling], TimeRange::new(from_ms, to_ms), SERIES_MAX).unwrap_or_default();
    let mut catalogue = known.catalogue.write();
    let noted = Noted { signal: Signal::Metrics, from_ms, to_ms };
    for labels in &found {
        match labels.metric_name() {
            "traces_service_graph_request_total" => call(&mut catalogue, &rules, labels, noted),
            "traces_spanmetrics_calls_total" if labels.get("span_kind") != Some("SPAN_KIND_SERVER") => {}
            _ => note(&mut catalogue, &rules, labels, noted),
        }
    }
}

fn streams(store: &Store, from_ms: i64, to_ms: i64) -> Vec<Labels> {
    let tenant = Tenant::unnamed();
    let scan = Scan {
        start_ns: from_ms.saturating_mul(1_000_000),
        end_ns: to_ms.saturating_mul(1_000_000),
        ..Scan::all(&tenant)
    };
    store.streams(&scan).into_iter().map(|s| s.labels).collect()
}

fn note(catalogue: &mut Catalogue, rules: &Rules, labels: &Labels, noted: Noted) {
    let found: Found = recognise(labels.iter());
    if !found.entities.is_empty() {
        catalogue.note(&found, rules, &|name| labels.get(name).map(str::to_owned), noted);
    }
}

/// An edge of the service graph. At the end of a message stands the service that took it, or, if none was seen, its queue.
fn call(catalogue: &mut Catalogue, rules: &Rules, labels: &Labels, noted: Noted) {
    let of = |name: &str| labels.get(name).unwrap_or("");
    let taken = || {
        let service = EntityId::new(EntityType::Service, &[of("server")]).map(|id| rules.named(id));
        service.is_some_and(|id| catalogue.get(&id).is_some())
    };
    let kind = match of("connection_type") {
        "" => EntityType::Service,
        "database" => EntityType::Database,
        "messaging_system" if taken() => EntityType::Service,
        "messaging_system" => EntityType::Queue,
        _ => return,
    };
    let client = EntityId::new(EntityType::Service, &[of("client")]).filter(|_| of("client") != "user");
    let (Some(client), Some(server)) = (client, EntityId::new(kind, &[of("server")])) else { return };
    let found = Found {
        entities: vec![
            (client, Vec::new(), Default::default()),
            (server, vec!["server".to_owned()], Default::default()),
        ],
        relations: vec![(0, Relation::Calls, 1)],
    };
    catalogue.note(&found, rules, &|name| labels.get(name).map(str::to_owned), noted);
}
