//! Endpoints, one file per family.

pub mod admin;
mod exemplars;
mod explain;
mod federate;
mod language;
mod lifecycle;
mod objectives;
pub mod processes;
mod push;
pub mod query;
mod read;
pub mod record_status;
mod rule_asked;
mod rule_backfill;
mod rule_trial;
mod rules;
mod select;
mod series;
pub mod status;
mod targets;
mod tree;
pub mod value;
mod write;

use crate::alertmanager as am;
use crate::console;
use crate::errors;
use crate::events;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::Origins;
use crate::intake;
use crate::logs;
use crate::loki;
use crate::lookout;
use crate::state::App;
use crate::telemetry::HandlerMetrics;
use crate::tempo as tp;
use crate::traces;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, delete, get, post};
use std::sync::Arc;
use std::time::Instant;

/// What endpoints are handed.
pub type Shared = State<Arc<App>>;
/// What endpoints give.
pub type Answer = Result<Response, ApiError>;

/// Every endpoint.
pub fn router(app: Arc<App>, origins: Origins) -> Router {
    let gate = Gate::new(&app, origins);
    let mut routes = Routes { router: Router::new(), app: Arc::clone(&app) };
    prometheus(&mut routes);
    ours(&mut routes);
    alerting(&mut routes);
    incident_routes(&mut routes);
    watching(&mut routes);
    logs(&mut routes);
    loki(&mut routes);
    trace_routes(&mut routes);
    event_routes(&mut routes);
    entity_routes(&mut routes);
    tempo(&mut routes);
    error_routes(&mut routes);
    elastic(&mut routes);
    routes
        .router
        .fallback(console::serve)
        .layer(middleware::from_fn_with_state(gate, cross_origin))
        .with_state(app)
}

/// Which pages of other sites may do what.
struct Gate {
    /// Those that may read answers.
    all: Origins,
    /// Those that may send errors.
    errors: Option<Origins>,
}

impl Gate {
    fn new(app: &App, all: Origins) -> Arc<Gate> {
        // The pattern was checked with the configuration.
        Arc::new(Gate { all, errors: Origins::new(&app.config().issues.browser_origins).ok() })
    }
}

/// The Prometheus HTTP API.
fn prometheus(r: &mut Routes) {
    r.add("/api/v1/query", "query", get(query::instant).post(query::instant));
    r.add("/api/v1/query_range", "query_range", get(query::range).post(query::range));
    r.add("/api/v1/query_exemplars", "query_exemplars", get(exemplars::query).post(exemplars::query));
    r.add("/api/v1/format_query", "format_query", get(language::format).post(language::format));
    r.add("/api/v1/parse_query", "parse_query", get(language::parse).post(language::parse));
    r.add("/api/v1/series", "series", get(series::series).post(series::series));
    r.add("/api/v1/labels", "labels", get(series::label_names).post(series::label_names));
    r.add("/api/v1/label/{name}/values", "label_values", get(series::label_values));
    r.add("/api/v1/metadata", "metadata", get(series::metadata).post(series::metadata));
    r.add("/api/v1/targets", "targets", get(targets::targets));
    r.add("/api/v1/targets/metadata", "targets", get(targets::metadata));
    r.add("/api/v1/scrape_pools", "targets", get(targets::pools));
    r.add("/api/v1/rules", "rules", get(rules::rules));
    r.add("/api/v1/alerts", "rules", get(rules::alerts));
    r.add("/api/v1/alertmanagers", "rules", get(rules::alertmanagers));
    r.add("/api/v1/status/config", "status", get(status::config));
    r.add("/api/v1/status/flags", "status", get(status::flags));
    r.add("/api/v1/status/runtimeinfo", "status", get(status::runtime));
    r.add("/api/v1/status/buildinfo", "status", get(status::build));
    r.add("/api/v1/status/tsdb", "status", get(status::tsdb));
    r.add("/api/v1/status/walreplay", "status", get(status::wal_replay));
    r.add("/api/v1/read", "read", post(read::read));
    r.add("/api/v1/write", "write", post(write::write));
    r.add("/api/v1/admin/tsdb/delete_series", "admin", post(admin::delete).put(admin::delete));
    r.add("/api/v1/admin/tsdb/clean_tombstones", "admin", post(admin::clean).put(admin::clean));
    r.add("/api/v1/admin/tsdb/snapshot", "admin", post(admin::snapshot).put(admin::snapshot));
    r.add("/federate", "federate", get(federate::federate));
    r.add("/-/healthy", "lifecycle", get(lifecycle::healthy));
    r.add("/-/ready", "lifecycle", get(lifecycle::ready));
    r.add("/-/reload", "lifecycle", post(lifecycle::reload).put(lifecycle::reload));
    r.add("/metrics", "metrics", get(lifecycle::metrics));
}

/// What Prometheus does not have.
fn ours(r: &mut Routes) {
    r.add("/-/flush", "lifecycle", post(lifecycle::flush));
    r.add("/-/compact", "lifecycle", post(lifecycle::compact));
    r.add("/api/v1/push/text", "push", push::text_methods());
    r.add("/metrics/job/{job}", "push", push::group_methods());
    r.add("/metrics/job/{job}/{*grouping}", "push", push::group_methods());
    r.add("/metrics/job@base64/{job}", "push", push::group_methods());
    r.add("/metrics/job@base64/{job}/{*grouping}", "push", push::group_methods());
    r.add("/api/v1/cardinality", "status", get(status::cardinality));
    r.add("/api/v1/status/store", "status", get(status::store));
    r.add("/api/v1/status/logs", "status", get(status::log_reader));
    r.add("/api/v1/processes", "processes", get(processes::processes));
    r.add("/api/v1/explain", "explain", get(explain::explain).post(explain::explain));
    r.add("/api/v1/functions", "functions", get(language::functions));
    r.add("/api/v1/sql", "sql", get(crate::sql::query).post(crate::sql::query));
}

/// Probes, jobs that must report, plugins of Nagios.
fn watching(r: &mut Routes) {
    use lookout as l;
    r.add("/probe", "probe", get(l::probe));
    r.add("/api/v1/probes", "lookout", get(l::list_probes));
    r.add("/api/v1/checks", "lookout", get(l::list_checks));
    r.add("/api/v1/heartbeats", "lookout", get(l::list_heartbeats));
    r.add("/api/v1/heartbeats/{name}", "heartbeats", get(l::report).post(l::report).delete(l::forget));
    r.add("/api/v1/heartbeats/{name}/{kind}", "heartbeats", get(l::report_kind).post(l::report_kind));
    r.add("/api/v1/status/vigil", "status", get(l::status));
}

/// Alertmanager's API, version 2, and what it does not have.
fn alerting(r: &mut Routes) {
    r.add("/api/v2/alerts", "am_alerts", get(am::get_alerts).post(am::post_alerts));
    r.add("/api/v2/alerts/groups", "am_alerts", get(am::groups));
    r.add("/api/v2/silences", "am_silences", get(am::list).post(am::create));
    r.add("/api/v2/silence/{id}", "am_silences", get(am::get).delete(am::delete));
    r.add("/api/v2/receivers", "am_status", get(am::receivers));
    r.add("/api/v2/status", "am_status", get(am::status));
    r.add("/api/v1/silences/preview", "alerting", post(am::preview));
    r.add("/api/v1/alerting/route", "alerting", post(am::route));
    r.add("/api/v1/alerting/test", "alerting", post(am::trial));
    r.add("/api/v1/alerting/deliveries", "alerting", get(am::deliveries));
    r.add("/api/v1/alerting/deliveries/done", "alerting", get(am::deliveries_done));
    r.add("/api/v1/alerting/routes", "alerting", get(am::routes));
    r.add("/api/v1/rules/try", "rules", post(rule_trial::try_out));
    r.add("/api/v1/rules/backfill", "rules", post(rule_backfill::backfill));
    r.add("/api/v1/objectives", "objectives", get(objectives::list));
    r.add("/api/v1/objectives/try", "objectives", post(objectives::try_out));
    r.add("/api/v1/objectives/{name}", "objectives", get(objectives::one));
}

/// Incidents and who is on call.
fn incident_routes(r: &mut Routes) {
    use crate::incidents as i;
    r.add("/api/v1/incidents", "incidents", get(i::list).post(i::act_on_several));
    r.add("/api/v1/incidents/{id}", "incidents", get(i::one).post(i::act));
    r.add("/api/v1/incidents/{id}/timeline", "incidents", get(i::timeline));
    r.add("/api/v1/incidents/{id}/postmortem", "incidents", get(i::postmortem));
    r.add("/api/v1/oncall", "oncall", get(i::oncall));
    r.add("/api/v1/oncall/schedules/{*name}", "oncall", get(i::schedule));
    r.add("/api/v1/oncall/overrides", "oncall", get(i::overrides).post(i::add_override));
    r.add("/api/v1/oncall/overrides/{id}", "oncall", delete(i::end_override));
}

/// Ways in for logs.
fn logs(r: &mut Routes) {
    r.add("/loki/api/v1/push", "loki_push", post(logs::http::loki_push));
    r.add("/api/v1/logs/jsonline", "jsonline", post(logs::http::json_lines));
    r.add("/gelf", "gelf", post(logs::http::gelf));
    r.add("/api/v1/logs/pipelines", "pipelines", get(logs::pipelines::list));
    r.add("/api/v1/logs/pipelines/try", "pipelines", post(logs::pipelines::try_out));
    otlp(r);
}

/// Questions about logs, as Loki takes them.
fn loki(r: &mut Routes) {
    r.add("/loki/api/v1/query", "loki_query", get(loki::instant).post(loki::instant));
    r.add("/loki/api/v1/query_range", "loki_query_range", get(loki::range).post(loki::range));
    r.add("/api/v1/logs/explain", "explain", get(loki::explain).post(loki::explain));
    r.add("/loki/api/v1/format_query", "loki_format", get(loki::format).post(loki::format));
    r.add("/loki/api/v1/labels", "loki_labels", get(loki::label_names).post(loki::label_names));
    r.add("/loki/api/v1/label/{name}/values", "loki_labels", get(loki::label_values));
    r.add("/loki/api/v1/series", "loki_series", get(loki::series).post(loki::series));
    r.add("/loki/api/v1/index/stats", "loki_index", get(loki::stats).post(loki::stats));
    r.add("/loki/api/v1/index/volume", "loki_index", get(loki::volume).post(loki::volume));
    r.add("/loki/api/v1/index/volume_range", "loki_index", get(loki::volume_range).post(loki::volume_range));
    r.add(
        "/loki/api/v1/detected_labels",
        "loki_labels",
        get(loki::detected_labels).post(loki::detected_labels),
    );
    r.add(
        "/loki/api/v1/detected_fields",
        "loki_labels",
        get(loki::detected_fields).post(loki::detected_fields),
    );
    r.add("/loki/api/v1/detected_field/{name}/values", "loki_labels", get(loki::detected_values));
    r.add("/loki/api/v1/tail", "loki_tail", get(loki::tail));
    r.add(
        "/loki/api/v1/delete",
        "loki_delete",
        get(loki::deletions).post(loki::delete).put(loki::delete).delete(loki::cancel),
    );
    let refuse = || {
        axum::routing::on(MethodFilter::POST.or(MethodFilter::PUT).or(MethodFilter::DELETE), loki::read_only)
    };
    r.add("/loki/api/v1/rules", "loki_rules", refuse().get(loki::rules));
    r.add("/loki/api/v1/rules/{namespace}", "loki_rules", refuse().get(loki::rules_of));
    r.add("/loki/api/v1/rules/{namespace}/{group}", "loki_rules", refuse().get(loki::rule_group));
    r.add("/loki/api/v1/status/buildinfo", "loki_status", get(loki::build));
}

/// OTLP, at the paths of Loki, of Prometheus and of collectors.
fn otlp(r: &mut Routes) {
    for path in ["/otlp/v1/logs", "/v1/logs"] {
        r.add(path, "otlp_logs", post(intake::otlp::export_logs));
    }
    for path in ["/otlp/v1/traces", "/v1/traces"] {
        r.add(path, "otlp_traces", post(intake::otlp::export_traces));
    }
    for path in ["/otlp/v1/metrics", "/v1/metrics", "/api/v1/otlp/v1/metrics"] {
        r.add(path, "otlp_metrics", post(intake::otlp::export_metrics));
    }
}

/// Jaeger's collector and query service, below `prefix`.
fn jaeger(r: &mut Routes, prefix: &str) {
    use traces::jaeger as j;
    let mut add = |path: &str, methods| r.add(&format!("{prefix}{path}"), "jaeger", methods);
    add("/api/traces", get(j::search).post(traces::http::jaeger));
    add("/api/traces/{id}", get(j::trace));
    add("/api/services", get(j::services));
    add("/api/services/{service}/operations", get(j::operations_of));
    add("/api/operations", get(j::operations));
    add("/api/dependencies", get(j::dependencies));
}

/// Zipkin's collector and query service, below `prefix`.
fn zipkin(r: &mut Routes, prefix: &str) {
    use traces::zipkin as z;
    let mut add = |path: &str, methods| r.add(&format!("{prefix}{path}"), "zipkin", methods);
    add("/api/v2/spans", get(z::names).post(traces::http::zipkin));
    add("/api/v2/services", get(z::services));
    add("/api/v2/remoteServices", get(z::remote_services));
    add("/api/v2/traces", get(z::search));
    add("/api/v2/trace/{id}", get(z::trace));
    add("/api/v2/traceMany", get(z::many));
    add("/api/v2/dependencies", get(z::dependencies));
    add("/api/v2/autocompleteKeys", get(z::keys));
    add("/api/v2/autocompleteValues", get(z::values));
}

/// Ways in and questions for traces. Peers' paths that nothing else has are served as they are, and all of them below
/// a prefix.
fn trace_routes(r: &mut Routes) {
    for prefix in ["", "/jaeger"] {
        jaeger(r, prefix);
    }
    for prefix in ["", "/zipkin"] {
        zipkin(r, prefix);
    }
    r.add("/api/v1/traces", "traces", get(traces::own::search));
    r.add("/api/v1/traces/{id}", "traces", get(traces::own::trace));
    r.add("/api/v1/traces/services", "traces", get(traces::own::services));
    r.add("/api/v1/traces/graph", "traces", get(traces::own::graph));
}

/// Ways in and questions for events.
fn event_routes(r: &mut Routes) {
    use events::http as ways;
    r.add("/api/v1/events", "events", get(events::list::list).post(ways::post));
    r.add("/api/v1/events/alertmanager", "events", post(ways::from_alertmanager));
    r.add("/api/v1/events/github", "events", post(ways::from_github));
    r.add("/api/v1/events/gitlab", "events", post(ways::from_gitlab));
    r.add("/api/v1/events/kubernetes", "events", post(ways::from_kubernetes));
    r.add("/api/v1/events/push", "events", post(ways::push));
    r.add("/api/annotations", "annotations", get(events::annotations::list).post(ways::annotate));
    r.add("/api/annotations/graphite", "annotations", post(ways::annotate));
}

/// Ways in for Sentry's SDKs, and questions about errors.
fn error_routes(r: &mut Routes) {
    for slash in ["", "/"] {
        r.add(&format!("/api/{{project}}/envelope{slash}"), "sentry", post(errors::envelope));
        r.add(&format!("/api/{{project}}/store{slash}"), "sentry", post(errors::store));
    }
    let mut add = |path: &str, methods| r.add(&format!("/api/v1/errors{path}"), "errors", methods);
    add("/issues", get(errors::list).post(errors::act_on_many));
    add("/issues/{id}", get(errors::issue).post(errors::act));
    add("/issues/{id}/events", get(errors::events));
    add("/issues/{id}/tags", get(errors::tags));
    add("/issues/{id}/feedback", get(errors::said));
    add("/events/{id}", get(errors::event));
    add("/events/{id}/attachments", get(errors::attachments));
    add("/events/{id}/attachments/{number}", get(errors::attachment));
    add("/projects", get(errors::projects));
    add("/releases", get(errors::releases));
    add("/feedback", get(errors::feedback));
}

/// Questions about entities.
fn entity_routes(r: &mut Routes) {
    use crate::entities::api as e;
    r.add("/api/v1/entities", "entities", get(e::list));
    r.add("/api/v1/entities/{type}/{*id}", "entities", get(e::one));
    r.add("/api/v1/correlate", "correlate", get(e::correlate).post(e::correlate));
}

/// Questions about traces as Tempo takes them, all of them below a prefix: some of its paths are Jaeger's and others
/// Prometheus'.
fn tempo(r: &mut Routes) {
    r.add("/tempo/api/echo", "tempo_status", get(tp::echo));
    r.add("/tempo/api/status/buildinfo", "tempo_status", get(tp::build));
    r.add("/tempo/api/search", "tempo_search", get(tp::search).post(tp::search));
    r.add("/tempo/api/search/tags", "tempo_tags", get(tp::names));
    r.add("/tempo/api/v2/search/tags", "tempo_tags", get(tp::names_by_scope));
    r.add("/tempo/api/search/tag/{tag}/values", "tempo_tags", get(tp::values));
    r.add("/tempo/api/v2/search/tag/{tag}/values", "tempo_tags", get(tp::typed_values));
    r.add("/tempo/api/traces/{id}", "tempo_trace", get(tp::trace));
    r.add("/tempo/api/v2/traces/{id}", "tempo_trace", get(tp::trace_v2));
    r.add("/tempo/api/metrics/query_range", "tempo_metrics", get(tp::range).post(tp::range));
    r.add("/tempo/api/metrics/query", "tempo_metrics", get(tp::instant).post(tp::instant));
}

/// Makes the router of a listener of its own.
pub type OwnRouter = fn(Arc<App>, Origins) -> Router;

/// OTLP alone, for a listener of its own.
pub fn otlp_router(app: Arc<App>, origins: Origins) -> Router {
    own_router(app, origins, otlp)
}

/// Jaeger alone, likewise.
pub fn jaeger_router(app: Arc<App>, origins: Origins) -> Router {
    own_router(app, origins, |r| jaeger(r, ""))
}

/// Zipkin alone, likewise.
pub fn zipkin_router(app: Arc<App>, origins: Origins) -> Router {
    own_router(app, origins, |r| zipkin(r, ""))
}

fn own_router(app: Arc<App>, origins: Origins, add: impl FnOnce(&mut Routes)) -> Router {
    let mut routes = Routes { router: Router::new(), app: Arc::clone(&app) };
    add(&mut routes);
    let gate = Gate::new(&app, origins);
    routes.router.layer(middleware::from_fn_with_state(gate, cross_origin)).with_state(app)
}

/// What Elasticsearch's clients and shippers ask for.
fn elastic(r: &mut Routes) {
    use logs::elastic::{bulk, bulk_of_index, document, document_with_id};
    use logs::hello;
    r.add("/", "console", get(hello::root));
    r.add("/_bulk", "bulk", post(bulk).put(bulk));
    r.add("/{index}/_bulk", "bulk", post(bulk_of_index).put(bulk_of_index));
    r.add("/{index}/_doc", "document", post(document));
    let with_id = post(document_with_id).put(document_with_id);
    r.add("/{index}/_doc/{id}", "document", with_id.get(crate::elastic::get_document));
    r.add("/{index}/_create/{id}", "document", post(document_with_id).put(document_with_id));
    for path in ["/_cluster/health", "/_cluster/health/{index}"] {
        r.add(path, "elastic", get(hello::health));
    }
    r.add("/_license", "elastic", get(hello::license));
    r.add("/_xpack", "elastic", get(hello::xpack));
    for path in ["/_nodes", "/_nodes/{*rest}"] {
        r.add(path, "elastic", get(hello::nodes));
    }
    for path in [
        "/_index_template/{name}",
        "/_component_template/{name}",
        "/_template/{name}",
        "/_ilm/policy/{name}",
        "/_data_stream/{name}",
    ] {
        r.add(path, "elastic", get(hello::accepted).put(hello::accepted).post(hello::accepted));
    }
    r.add("/_ingest/pipeline/{name}", "elastic", get(hello::pipeline).put(hello::pipeline));
    elastic_search(r);
}

/// Questions about logs, as Elasticsearch takes them.
fn elastic_search(r: &mut Routes) {
    use crate::elastic as es;
    for path in ["/_search", "/{index}/_search"] {
        r.add(path, "elastic_search", get(es::search).post(es::search));
    }
    for path in ["/_msearch", "/{index}/_msearch"] {
        r.add(path, "elastic_search", get(es::multi_search).post(es::multi_search));
    }
    for path in ["/_count", "/{index}/_count"] {
        r.add(path, "elastic_search", get(es::count).post(es::count));
    }
    for path in ["/_field_caps", "/{index}/_field_caps"] {
        r.add(path, "elastic_catalog", get(es::field_caps).post(es::field_caps));
    }
    for path in ["/_mapping", "/{index}/_mapping", "/{index}/_mappings"] {
        r.add(path, "elastic_catalog", get(es::mapping).put(es::mapping).post(es::mapping));
    }
    for path in ["/_cat/indices", "/_cat/indices/{index}"] {
        r.add(path, "elastic_catalog", get(es::cat_indices));
    }
    for path in ["/_alias", "/_aliases", "/{index}/_alias"] {
        r.add(path, "elastic_catalog", get(es::aliases));
    }
    for path in ["/_settings", "/{index}/_settings"] {
        r.add(path, "elastic_catalog", get(es::settings));
    }
    for path in ["/_refresh", "/{index}/_refresh"] {
        r.add(path, "elastic_catalog", get(es::refresh).post(es::refresh));
    }
    r.add("/{index}", "elastic_catalog", get(es::index).put(es::index).delete(es::index));
    r.add("/_resolve/index/{name}", "elastic_catalog", get(es::resolve));
    for path in ["/_search/template", "/_msearch/template", "/{index}/_search/template"] {
        r.add(path, "elastic_search", get(es::search_template).post(es::search_template));
    }
    for path in ["/_search/scroll", "/{index}/_pit", "/_pit", "/_async_search", "/{index}/_async_search"] {
        r.add(path, "elastic_search", get(es::refused).post(es::refused).delete(es::refused));
    }
}

struct Routes {
    router: Router<Arc<App>>,
    app: Arc<App>,
}

impl Routes {
    /// Adds an endpoint whose answers are counted under `name`.
    fn add(&mut self, path: &str, name: &'static str, methods: MethodRouter<Arc<App>>) {
        let metrics = self.app.metrics.handler(name);
        let methods = methods.fallback(wrong_method).layer(middleware::from_fn_with_state(metrics, count));
        self.router = std::mem::take(&mut self.router).route(path, methods);
    }
}

async fn count(State(metrics): State<Arc<HandlerMetrics>>, request: Request<Body>, next: Next) -> Response {
    let start = Instant::now();
    let response = next.run(request).await;
    metrics.answered(response.status().as_u16(), start.elapsed());
    response
}

async fn cross_origin(State(gate): State<Arc<Gate>>, request: Request<Body>, next: Next) -> Response {
    if request.headers().get(axum::http::header::ORIGIN).is_none() {
        return next.run(request).await;
    }
    let headers = request.headers().clone();
    let is_sentry = errors::is_sentry(request.uri().path());
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    match (&gate.errors, is_sentry) {
        (Some(origins), true) => errors::allow(origins, &headers, response.headers_mut()),
        _ => gate.all.allow(&headers, response.headers_mut()),
    }
    response
}

async fn wrong_method(request: Request<Body>) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    ApiError::bad_data(format!("{} does not take {} requests", request.uri().path(), request.method()))
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
        .into_response()
}

/// The answer for paths below `/api/` that are nothing.
pub fn no_such_endpoint(path: &str) -> ApiError {
    ApiError::new(ErrorKind::NotFound, format!("there is no endpoint {path}"))
}
