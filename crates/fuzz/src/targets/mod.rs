//! The targets.

mod alerting;
mod blocks;
mod config;
mod errors;
mod events;
mod log_queries;
mod logs;
mod lookout;
mod query;
mod receive;
mod records;
mod rules;
mod search;
mod sql;
mod store;
mod text;
mod trace_queries;
mod traces;

use crate::Target;

/// Every target. Each has a file of its name in `fuzz/fuzz_targets/`; a test keeps the two equal.
pub const TARGETS: &[Target] = &[
    cheap("remote_write_v1", receive::remote_write_v1, receive::v1_seeds),
    cheap("remote_write_v2", receive::remote_write_v2, receive::v2_seeds),
    cheap("remote_read_request", receive::remote_read_request, receive::read_seeds),
    Target { cost: 4, ..cheap("decompress", receive::decompress, receive::compressed_seeds) },
    cheap("loki_protobuf", logs::loki_protobuf, logs::loki_protobuf_seeds),
    cheap("loki_json", logs::loki_json, logs::loki_json_seeds),
    cheap("otlp_logs_protobuf", logs::otlp_protobuf, logs::otlp_protobuf_seeds),
    cheap("otlp_logs_json", logs::otlp_json, logs::otlp_json_seeds),
    cheap("otlp_traces_protobuf", traces::otlp_protobuf, traces::otlp_protobuf_seeds),
    cheap("otlp_traces_json", traces::otlp_json, traces::otlp_json_seeds),
    cheap("jaeger_thrift", traces::jaeger_thrift, traces::jaeger_thrift_seeds),
    cheap("jaeger_protobuf", traces::jaeger_protobuf, traces::jaeger_protobuf_seeds),
    cheap("zipkin_json", traces::zipkin_json, traces::zipkin_json_seeds),
    cheap("zipkin_protobuf", traces::zipkin_protobuf, traces::zipkin_protobuf_seeds),
    Target { memory_mib: 64, ..cheap("cloud_events", events::cloud_events, events::cloud_events_seeds) },
    Target { memory_mib: 64, ..cheap("event_webhook", events::event_webhook, events::event_webhook_seeds) },
    Target {
        memory_mib: 64,
        ..cheap("event_alertmanager", events::alertmanager, events::alertmanager_seeds)
    },
    Target { memory_mib: 64, ..cheap("event_github", events::github, events::github_seeds) },
    Target { memory_mib: 64, ..cheap("event_gitlab", events::gitlab, events::gitlab_seeds) },
    Target { memory_mib: 64, ..cheap("event_kubernetes", events::kubernetes, events::kubernetes_seeds) },
    Target { memory_mib: 64, ..cheap("event_grafana", events::grafana, events::grafana_seeds) },
    cheap("kernel_message", events::kernel_message, events::kernel_message_seeds),
    Target { cost: 4, ..cheap("sentry_envelope", errors::sentry_envelope, errors::sentry_envelope_seeds) },
    Target { cost: 4, ..cheap("sentry_event", errors::sentry_event, errors::sentry_event_seeds) },
    cheap("stack_trace", errors::stack_trace, errors::stack_trace_seeds),
    Target { cost: 4, ..cheap("issues_record", errors::issues_record, errors::issues_record_seeds) },
    cheap("elastic_bulk", logs::elastic_bulk, logs::elastic_bulk_seeds),
    cheap("json_lines", logs::json_lines, logs::json_lines_seeds),
    cheap("syslog", logs::syslog, logs::syslog_seeds),
    cheap("syslog_frames", logs::syslog_frames, logs::syslog_frames_seeds),
    cheap("fluent_forward", logs::fluent_forward, logs::fluent_forward_seeds),
    cheap("gelf", logs::gelf, logs::gelf_seeds),
    Target {
        cost: 4,
        memory_mib: 64,
        ..cheap("probe_modules", lookout::probe_modules, lookout::probe_modules_seeds)
    },
    cheap("certificate", lookout::certificate, lookout::certificate_seeds),
    cheap("dns_answer", lookout::dns_answer, lookout::dns_answer_seeds),
    cheap("probe_replies", lookout::probe_replies, lookout::probe_replies_seeds),
    cheap("nagios_output", lookout::nagios_output, lookout::nagios_output_seeds),
    cheap("heartbeat_state", lookout::heartbeat_state, lookout::heartbeat_state_seeds),
    Target { cost: 40, ..cheap("cron", lookout::cron, lookout::cron_seeds) },
    cheap("log_time", logs::log_time, logs::log_time_seeds),
    cheap("text_exposition", text::prometheus, text::prometheus_seeds),
    cheap("openmetrics_exposition", text::openmetrics, text::openmetrics_seeds),
    cheap("protobuf_exposition", text::protobuf, text::protobuf_seeds),
    cheap("chunk", blocks::chunk, blocks::chunk_seeds),
    cheap("prometheus_index", blocks::index, blocks::index_seeds),
    cheap("prometheus_meta", blocks::meta, blocks::meta_seeds),
    cheap("prometheus_tombstones", blocks::tombstones, blocks::tombstone_seeds),
    cheap("prometheus_chunk_file", blocks::chunk_file, blocks::chunk_file_seeds),
    cheap("labels_key", query::labels_key, query::key_seeds),
    Target { cost: 10, ..cheap("matcher", query::matcher, query::matcher_seeds) },
    cheap("promql", query::promql, query::promql_seeds),
    Target { cost: 100, ..cheap("lucene", search::lucene, search::lucene_seeds) },
    Target {
        cost: 100,
        memory_mib: 64,
        ..cheap("search_body", search::search_body, search::search_body_seeds)
    },
    Target { cost: 2000, memory_mib: 96, ..cheap("sql", sql::statement, sql::statement_seeds) },
    cheap("postgres_message", sql::message, sql::message_seeds),
    cheap("template", rules::template, rules::template_seeds),
    cheap("rule_file", rules::rule_file, rules::rule_file_seeds),
    cheap("rule_test", rules::rule_test, rules::rule_test_seeds),
    Target { cost: 100, ..cheap("objectives", rules::objectives, rules::objectives_seeds) },
    Target {
        cost: 20,
        ..cheap("alertmanager_config", alerting::alertmanager_config, alerting::alertmanager_config_seeds)
    },
    Target { cost: 10, ..cheap("alert_matchers", alerting::alert_matchers, alerting::alert_matchers_seeds) },
    Target {
        cost: 4,
        ..cheap("alerting_record", alerting::alerting_record, alerting::alerting_record_seeds)
    },
    cheap("request_text", query::request_text, query::request_seeds),
    Target { cost: 20, ..cheap("server_config", config::server, config::server_seeds) },
    Target { cost: 4, ..cheap("agent_config", config::agent, config::agent_seeds) },
    Target { cost: 4, ..cheap("scrape_config", config::scrape, config::scrape_seeds) },
    Target { cost: 4, ..cheap("target_list", config::targets, config::targets_seeds) },
    Target { cost: 10, ..cheap("relabel", config::relabel, config::relabel_seeds) },
    Target { cost: 4, ..cheap("logql", log_queries::logql, log_queries::logql_seeds) },
    Target { cost: 4, ..cheap("logql_line", log_queries::line, log_queries::line_seeds) },
    Target { cost: 4, ..cheap("traceql", trace_queries::traceql, trace_queries::traceql_seeds) },
    cheap("host", query::host, query::host_seeds),
    cheap("journal_frame", store::frame, store::frame_seeds),
    Target { cost: 10, ..cheap("journal_segment", store::segment, store::segment_seeds) },
    Target { cost: 10, ..cheap("index_segment", store::index_segment, store::index_seeds) },
    Target { cost: 100, memory_mib: 96, ..cheap("tsdb_part", store::part, store::part_seeds) },
    Target { cost: 100, memory_mib: 96, ..cheap("tsdb_record", store::record, store::record_seeds) },
    Target { cost: 100, memory_mib: 96, ..cheap("tsdb_state", store::state, store::state_seeds) },
    Target { cost: 100, memory_mib: 96, ..cheap("records_part", records::part, records::part_seeds) },
    Target { cost: 100, memory_mib: 96, ..cheap("records_record", records::record, records::record_seeds) },
    Target { cost: 100, memory_mib: 96, ..cheap("records_state", records::state, records::state_seeds) },
    // A record of the spool says how long it is once decompressed; 16 MiB are read, encoded and read again.
    Target { cost: 4, memory_mib: 80, ..cheap("spool_record", store::spool_record, store::spool_seeds) },
    Target {
        cost: 4,
        memory_mib: 140,
        ..cheap("log_spool_record", store::log_spool_record, store::log_spool_seeds)
    },
    Target { cost: 10, memory_mib: 64, ..cheap("pipeline", logs::pipeline, logs::pipeline_seeds) },
    // Through a file, as there is no other way to read one.
    Target { cost: 100, ..cheap("tailed_file", logs::tailed_file, logs::tailed_file_seeds) },
];

const fn cheap(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, run, seeds, cost: 1, memory_mib: 24 }
}
