//! What the server tells about itself.

use super::{Answer, Shared};
use crate::http::error::{ApiError, ErrorKind};
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, json, respond, success};
use crate::http::time::format_rfc3339;
use crate::process;
use crate::telemetry::Family;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::MetricKind::{Counter, Gauge};
use std::sync::Arc;
use tsdb::Db;

/// The Prometheus whose API this server speaks. Clients choose features by it.
const PROMETHEUS_VERSION: &str = "3.5.0";

/// `/api/v1/status/config`: the configuration with every value in force.
pub async fn config(State(app): Shared) -> Answer {
    let yaml = app.config().effective_yaml();
    Ok(json(|j| {
        j.raw("{").key("yaml").string(&yaml).raw("}");
    }))
}

/// `/api/v1/status/flags`: what was given on the command line or by default.
pub async fn flags(State(app): Shared) -> Answer {
    Ok(json(|j| {
        j.raw("{");
        for (name, value) in &app.origin.flags {
            j.key(name).string(value);
        }
        j.raw("}");
    }))
}

/// `/api/v1/status/runtimeinfo`
pub async fn runtime(State(app): Shared) -> Answer {
    let (reloaded_ms, reload_ok) = *app.reloaded.lock();
    let damages = app.running().map_or(0, |r| {
        let records = r.stores().map(|(_, s)| s.status().damages.len());
        r.db.status().damages.len() + records.iter().sum::<usize>()
    });
    let config = app.config();
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    let directory = std::env::current_dir().map(|d| d.display().to_string()).unwrap_or_default();
    let mut retention = config.storage.retention.to_string();
    if config.storage.retention_size.bytes() > 0 {
        retention.push_str(&format!(" or {}", config.storage.retention_size));
    }
    Ok(json(|j| {
        j.raw("{").key("startTime").string(&format_rfc3339(app.started_ms));
        j.key("CWD").string(&directory);
        j.key("hostname").string(&process::hostname());
        j.key("serverTime").string(&format_rfc3339(app.now_ms()));
        j.key("reloadConfigSuccess").bool(reload_ok);
        j.key("lastConfigTime").string(&format_rfc3339(reloaded_ms));
        j.key("corruptionCount").int(damages as i64);
        // There are no goroutines; threads are what takes their place for those who chart them.
        j.key("goroutineCount").int(process::threads() as i64);
        j.key("GOMAXPROCS").int(processors as i64);
        j.key("GOMEMLIMIT").int(crate::config::machine_memory_bytes() as i64);
        j.key("GOGC").string("").key("GODEBUG").string("");
        j.key("storageRetention").string(&retention);
        j.key("dataDirectory").string(&app.origin.data_dir.display().to_string());
        j.key("listen").string(&config.http.listen);
        j.raw("}");
    }))
}

/// `/api/v1/status/buildinfo`
pub async fn build() -> Answer {
    Ok(json(|j| {
        j.raw("{").key("version").string(PROMETHEUS_VERSION);
        for name in ["revision", "branch", "buildUser", "buildDate", "goVersion"] {
            j.key(name).string("");
        }
        j.key("application").string("watchfire");
        j.key("applicationVersion").string(env!("CARGO_PKG_VERSION")).raw("}");
    }))
}

/// `/api/v1/status/walreplay`. Progress is not known in parts: either all is replayed or nothing is yet.
pub async fn wal_replay(State(app): Shared) -> Answer {
    let done = i64::from(app.running().is_some());
    Ok(json(|j| {
        j.raw("{").key("min").int(0).key("max").int(1).key("current").int(done).raw("}");
    }))
}

/// `/api/v1/status/tsdb`
pub async fn tsdb(State(app): Shared, request: Request<Body>) -> Answer {
    let limit = top(&request)?;
    let app2 = Arc::clone(&app);
    let work = move || {
        let db = app2.db()?;
        let (status, c) = (db.status(), db.cardinality(limit));
        Ok(json(|j| {
            j.raw("{").key("headStats").raw("{");
            j.key("numSeries").int(status.series as i64);
            j.key("numLabelPairs").int(c.label_pairs as i64);
            j.key("chunkCount").int(status.parts as i64);
            j.key("minTime").int(status.min_ms.unwrap_or(0));
            j.key("maxTime").int(status.max_ms.unwrap_or(0)).raw("}");
            let counts = |j: &mut Json, key: &str, list: &mut dyn Iterator<Item = (&str, u64)>| {
                j.key(key).list(list, |j, (name, value)| {
                    j.raw("{").key("name").string(name).key("value").int(value as i64).raw("}");
                });
            };
            let by_metric = &mut c.by_metric.iter().map(|(n, v)| (n.as_str(), *v));
            counts(j, "seriesCountByMetricName", by_metric);
            let by_values = &mut c.by_values.iter().map(|l| (l.name.as_str(), l.values));
            counts(j, "labelValueCountByLabelName", by_values);
            let by_bytes = &mut c.by_bytes.iter().map(|l| (l.name.as_str(), l.value_bytes));
            counts(j, "memoryInBytesByLabelName", by_bytes);
            let pairs: Vec<(String, u64)> =
                c.by_pair.iter().map(|((n, v), count)| (format!("{n}={v}"), *count)).collect();
            counts(j, "seriesCountByLabelValuePair", &mut pairs.iter().map(|(n, v)| (n.as_str(), *v)));
            j.raw("}");
        }))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// `/api/v1/cardinality`: who brings so many series; `limit` of each kind.
pub async fn cardinality(State(app): Shared, request: Request<Body>) -> Answer {
    let limit = top(&request)?;
    let encoding = Encoding::accepted(request.headers());
    let app2 = Arc::clone(&app);
    let work = move || {
        let c = app2.db()?.cardinality(limit);
        let body = success(&Notes::default(), |j| {
            j.raw("{").key("series").int(c.series as i64);
            j.key("labelNames").int(c.label_names as i64).key("labelPairs").int(c.label_pairs as i64);
            j.key("byMetric").list(&c.by_metric, |j, (name, series)| {
                j.raw("{").key("name").string(name).key("series").int(*series as i64).raw("}");
            });
            for (key, list) in
                [("byValues", &c.by_values), ("bySeries", &c.by_series), ("byBytes", &c.by_bytes)]
            {
                j.key(key).list(list, |j, l| {
                    j.raw("{").key("name").string(&l.name).key("values").int(l.values as i64);
                    j.key("series").int(l.series as i64).key("bytes").int(l.value_bytes as i64).raw("}");
                });
            }
            j.key("byPair").list(&c.by_pair, |j, ((name, value), series)| {
                j.raw("{").key("name").string(name).key("value").string(value);
                j.key("series").int(*series as i64).raw("}");
            });
            j.raw("}");
        });
        Ok(respond(body, "application/json", encoding))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// `/api/v1/status/store`: every figure of the stores of samples, logs, spans, events and errors, of memory budgets and of limits.
pub async fn store(State(app): Shared) -> Answer {
    let app2 = Arc::clone(&app);
    let work = move || {
        let running = app2.ready()?;
        let status = running.db.status();
        let [logs, traces, events, errors] = running.stores().map(|(_, store)| store.status());
        Ok(json(|j| {
            j.raw("{").key("store").value(&status).key("logs").value(&logs);
            j.key("traces").value(&traces).key("events").value(&events).key("errors").value(&errors);
            j.key("budgets").raw("{");
            j.key("storageBytes").int(app2.budgets.storage_bytes as i64);
            j.key("pageCacheBytes").int(app2.budgets.page_cache_bytes as i64);
            j.key("queryBytes").int(app2.budgets.query_bytes as i64);
            j.key("resultCacheBytes").int(app2.budgets.cache_bytes as i64);
            j.key("receiveBytes").int(app2.in_flight.bytes_max() as i64);
            j.key("machineBytes").int(crate::config::machine_memory_bytes() as i64);
            j.raw("}").key("use").raw("{");
            j.key("receiveBytes").int(app2.in_flight.bytes() as i64);
            j.key("queryBytes").int(app2.query_memory_used() as i64);
            j.key("resultCacheBytes").int(app2.results.bytes() as i64);
            j.key("resultCacheEntries").int(app2.results.entries() as i64);
            let ([light, heavy], [light_waiting, heavy_waiting]) =
                (app2.queries.running(), app2.queries.waiting());
            j.key("queriesRunning").int((light + heavy) as i64);
            j.key("queriesWaiting").int((light_waiting + heavy_waiting) as i64);
            j.key("queriesHeavyRunning").int(heavy as i64);
            j.key("queriesHeavyWaiting").int(heavy_waiting as i64);
            j.key("residentBytes").int(process::resident_bytes() as i64);
            j.raw("}").raw("}");
        }))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// `/api/v1/status/logs`: which logs of this machine are read, and how that goes.
pub async fn log_reader(State(app): Shared) -> Answer {
    let Some(reader) = &app.ready()?.log_reader else {
        return Err(ApiError::new(
            ErrorKind::NotFound,
            "logs of this machine are not read: the server was started with --no-agent, or agent.enabled or agent.logs.enabled is false",
        ));
    };
    let status = reader.lock().status();
    Ok(json(|j| {
        j.value(&status);
    }))
}

/// How many of each kind: `limit`, 10 if absent.
fn top(request: &Request<Body>) -> Result<usize, ApiError> {
    const MOST: usize = 10_000;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    match params.get("limit").map(str::parse::<usize>) {
        None => Ok(10),
        Some(Ok(n)) if n > MOST => Err(ApiError::bad_data(format!("limit must not exceed {MOST}"))),
        Some(Ok(n)) if n > 0 => Ok(n),
        Some(_) => Err(ApiError::bad_data("limit must be a positive number")),
    }
}

/// The figures of the store as metrics.
pub fn store_families(db: &Db) -> Vec<Family> {
    let s = db.status();
    let all = [
        ("watchfire_store_series", "Series known to the store.", Gauge, s.series),
        ("watchfire_store_series_active", "Series with samples in memory.", Gauge, s.series_active),
        ("watchfire_store_head_samples", "Samples in memory, in no part yet.", Gauge, s.head_samples),
        ("watchfire_store_head_bytes", "Memory of samples in no part yet.", Gauge, s.head_bytes),
        ("watchfire_store_parts", "Parts on disk.", Gauge, s.parts),
        ("watchfire_store_part_samples", "Samples in parts.", Gauge, s.part_samples),
        ("watchfire_store_part_bytes", "Bytes of parts on disk.", Gauge, s.part_bytes),
        ("watchfire_store_part_memory_bytes", "Memory for the tables of parts.", Gauge, s.part_memory_bytes),
        ("watchfire_store_index_bytes", "Bytes of the series index on disk.", Gauge, s.index_bytes),
        ("watchfire_store_index_memory_bytes", "Memory of the series index.", Gauge, s.index_memory_bytes),
        ("watchfire_store_journal_bytes", "Bytes of the journal on disk.", Gauge, s.journal_bytes),
        ("watchfire_store_journal_segments", "Segments of the journal.", Gauge, s.journal_segments),
        ("watchfire_store_journal_syncs_total", "Syncs of the journal.", Counter, s.journal_syncs),
        ("watchfire_store_queued_bytes", "Bytes of records waiting for the journal.", Gauge, s.queued_bytes),
        ("watchfire_store_samples_appended_total", "Samples accepted.", Counter, s.samples_appended),
        ("watchfire_store_batches_total", "Batches accepted.", Counter, s.batches),
        ("watchfire_store_batches_busy_total", "Batches put off as busy.", Counter, s.batches_refused_busy),
        (
            "watchfire_store_samples_replayed_total",
            "Samples read back at the start.",
            Counter,
            s.samples_replayed,
        ),
        ("watchfire_store_flushes_total", "Times memory became parts.", Counter, s.flushes),
        ("watchfire_store_merges_total", "Merges of parts.", Counter, s.merges),
        ("watchfire_store_samples_merged_total", "Samples written by merges.", Counter, s.samples_merged),
        ("watchfire_store_exemplars", "Exemplars kept.", Gauge, s.exemplars),
        ("watchfire_store_tombstones", "Deletions not carried out on disk yet.", Gauge, s.tombstones),
        ("watchfire_store_damages", "Damaged places met since the start.", Gauge, s.damages.len() as u64),
    ];
    all.into_iter().map(|(name, help, kind, v)| Family::single(name, help, kind, v as f64)).collect()
}
