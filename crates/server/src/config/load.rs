//! Finds, reads and checks configuration files.

use super::Config;
use ingest::records::Signal;
use scrape::config::{Jobs, Problem, explain};
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is wrong.
    #[error("{file}: {problem}")]
    Text {
        /// The file.
        file: String,
        /// Where and what.
        problem: Problem,
    },
    /// A value cannot be meant.
    #[error("{file}: {field}: {reason}")]
    Value {
        /// The file.
        file: String,
        /// The key.
        field: String,
        /// What is wrong.
        reason: String,
    },
}

/// Sections of a `prometheus.yml` that have no counterpart here yet.
const FOREIGN_SECTIONS: [(&str, &str); 7] = [
    (
        "alertmanagers",
        "this server tells people itself: put the file of Alertmanager into alerting.config_file",
    ),
    ("remote_write", "to send on what is collected, run `watchfire agent --to URL`"),
    ("remote_read", "queries are answered from this server's own store only"),
    ("scrape_config_files", "write the jobs into scrape_configs"),
    ("tracing", "this server sends no traces"),
    (
        "otlp",
        "logs and traces are received over OTLP at /v1/logs and /v1/traces; see the section receivers for ports of its own",
    ),
    ("runtime", "there is no Go runtime to tune"),
];

/// The configuration file to use: the one named, else `watchfire.yml` in the first of `dirs` that has it.
pub fn find(named: Option<&Path>, dirs: &[&Path]) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        None => dirs.iter().map(|d| d.join("watchfire.yml")).find(|p| p.is_file()),
    }
}

/// Reads a configuration file. Paths in it are relative to its directory.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, &path.display().to_string(), path.parent().unwrap_or(Path::new("")))
}

/// Reads a configuration from text and checks all of it. `dir` is what paths in it are relative to.
pub fn parse(text: &str, file: &str, dir: &Path) -> Result<Config, ConfigError> {
    let has_content = text.lines().any(|l| !matches!(l.trim(), "" | "---") && !l.trim().starts_with('#'));
    let config: Config = if has_content {
        serde_saphyr::from_str(text).map_err(|e| text_error(file, &e))?
    } else {
        Config::default()
    };
    check(&config, file, dir)?;
    Ok(config)
}

fn text_error(file: &str, error: &serde_saphyr::Error) -> ConfigError {
    let mut problem = explain(error);
    if let serde_saphyr::Error::SerdeUnknownField { field, .. } = error.without_snippet()
        && let Some((_, advice)) = FOREIGN_SECTIONS.iter().find(|(name, _)| name == field)
    {
        problem.message = format!("the section {field:?} of Prometheus is not supported: {advice}");
    }
    ConfigError::Text { file: file.to_owned(), problem }
}

fn check(config: &Config, file: &str, dir: &Path) -> Result<(), ConfigError> {
    let wrong = |field: &str, reason: String| {
        Err(ConfigError::Value { file: file.to_owned(), field: field.to_owned(), reason })
    };
    if let Err(e) = Jobs::resolve(&config.global, &config.scrape_configs, dir) {
        let problem = Problem { at: None, message: e.to_string() };
        return Err(ConfigError::Text { file: file.to_owned(), problem });
    }
    let nonzero = [
        ("storage.retention", config.storage.retention.as_millis()),
        ("storage.limits.series", config.storage.limits.series),
        ("storage.limits.series_per_metric", config.storage.limits.series_per_metric),
        ("storage.limits.series_key_bytes", config.storage.limits.series_key_bytes),
        ("ingest.limits.body_bytes_max", config.ingest.limits.body_bytes_max.bytes()),
        ("ingest.limits.decompressed_bytes_max", config.ingest.limits.decompressed_bytes_max.bytes()),
        ("ingest.limits.labels_per_series_max", config.ingest.limits.labels_per_series_max),
        ("logs.retention", config.logs.retention.as_millis()),
        ("logs.limits.line_bytes_max", config.logs.limits.line_bytes_max.bytes()),
        ("logs.limits.nesting_max", config.logs.limits.nesting_max),
        ("traces.retention", config.traces.retention.as_millis()),
        ("traces.limits.line_bytes_max", config.traces.limits.line_bytes_max.bytes()),
        ("traces.limits.nesting_max", config.traces.limits.nesting_max),
        ("events.retention", config.events.retention.as_millis()),
        ("events.limits.line_bytes_max", config.events.limits.line_bytes_max.bytes()),
        ("events.limits.nesting_max", config.events.limits.nesting_max),
        ("errors.retention", config.errors.retention.as_millis()),
        ("receivers.connections_max", config.receivers.connections_max as u64),
        ("alerting.deliveries_max", config.alerting.deliveries_max as u64),
        ("rules.concurrency", config.rules.concurrency as u64),
        ("rules.timeout", config.rules.timeout.as_millis()),
        ("rules.rules_max", config.rules.rules_max as u64),
        ("probes.concurrency", config.probes.concurrency as u64),
        ("probes.endpoint.concurrency", config.probes.endpoint.concurrency as u64),
        ("probes.endpoint.timeout_max", config.probes.endpoint.timeout_max.as_millis()),
        ("checks.concurrency", config.checks.concurrency as u64),
        ("checks.output_bytes_max", config.checks.output_bytes_max.bytes()),
        ("query.lookback", config.query.lookback.as_millis()),
        ("query.timeout", config.query.timeout.as_millis()),
        ("query.samples_max", config.query.samples_max),
        ("query.steps_max", config.query.steps_max),
        ("query.concurrency", config.query.concurrency.unwrap_or(1) as u64),
        ("query.threads", config.query.threads.unwrap_or(1) as u64),
        ("sql.columns_max", config.sql.columns_max as u64),
        ("sql.tables_listed_max", config.sql.tables_listed_max as u64),
        ("sql.tables_per_query_max", config.sql.tables_per_query_max as u64),
        ("sql.postgres.connections_max", config.sql.postgres.connections_max as u64),
        ("sql.postgres.idle_timeout", config.sql.postgres.idle_timeout.as_millis()),
        ("http.connections_max", config.http.connections_max as u64),
        ("http.streams_max", u64::from(config.http.streams_max)),
        ("http.header_timeout", config.http.header_timeout.as_millis()),
        ("http.body_idle_timeout", config.http.body_idle_timeout.as_millis()),
        ("http.body_timeout", config.http.body_timeout.as_millis()),
    ];
    if let Some((field, _)) = nonzero.iter().find(|(_, v)| *v == 0) {
        return wrong(field, "must be more than 0".to_owned());
    }
    if let Err((field, reason)) = crate::lookout::check(config, dir) {
        return wrong(&field, reason);
    }
    let ingest = &config.ingest.limits;
    if ingest.decompressed_bytes_max < ingest.body_bytes_max {
        return wrong(
            "ingest.limits.decompressed_bytes_max",
            "must not be less than ingest.limits.body_bytes_max".to_owned(),
        );
    }
    if ingest.in_flight_bytes_max < ingest.decompressed_bytes_max {
        return wrong(
            "ingest.limits.in_flight_bytes_max",
            "must not be less than ingest.limits.decompressed_bytes_max".to_owned(),
        );
    }
    for (field, interval) in
        [("agent.interval", config.agent.interval()), ("self.interval", config.own.interval)]
    {
        if interval.as_millis() < 100 {
            return wrong(field, format!("{interval} is too short: at least 100ms"));
        }
    }
    for (field, memory) in [("storage.memory", config.storage.memory), ("query.memory", config.query.memory)]
    {
        if memory.is_some_and(|m| m.bytes() < 4 << 20) {
            return wrong(field, "must be at least 4MB".to_owned());
        }
    }
    if let Err(e) = pipeline::Pipelines::new(&config.pipelines) {
        return wrong(&e.field, e.reason);
    }
    if let Err(e) = pipeline::Pipelines::new(&config.event_pipelines) {
        return wrong(&format!("event_{}", e.field), e.reason);
    }
    if let Err(e) = entities::Rules::new(&config.entities) {
        return wrong("entities", e.to_string());
    }
    if let Err((field, reason)) = config.agent.logs.check() {
        return wrong(&format!("agent.{field}"), reason);
    }
    if let Err(e) = crate::http::origin::Origins::new(&config.http.cors_origin) {
        let reason = e.to_string();
        return wrong("http.cors_origin", reason.lines().last().unwrap_or("").to_owned());
    }
    let r = &config.receivers;
    for (field, address) in [
        ("receivers.otlp.grpc", &r.otlp.grpc),
        ("receivers.otlp.http", &r.otlp.http),
        ("receivers.syslog.udp", &r.syslog.udp),
        ("receivers.syslog.tcp", &r.syslog.tcp),
        ("receivers.syslog.tls", &r.syslog.tls),
        ("receivers.fluent.listen", &r.fluent.listen),
        ("receivers.gelf.udp", &r.gelf.udp),
        ("receivers.gelf.tcp", &r.gelf.tcp),
        ("sql.postgres.listen", &config.sql.postgres.listen),
        ("receivers.jaeger.compact", &r.jaeger.compact),
        ("receivers.jaeger.binary", &r.jaeger.binary),
        ("receivers.jaeger.http", &r.jaeger.http),
        ("receivers.jaeger.grpc", &r.jaeger.grpc),
        ("receivers.zipkin.http", &r.zipkin.http),
    ] {
        if let Some(address) = address.as_ref().filter(|a| !a.contains(':')) {
            return wrong(field, format!("{address:?} is not host:port"));
        }
    }
    if r.syslog.utc_offset_minutes.unsigned_abs() > 24 * 60 {
        return wrong("receivers.syslog.utc_offset_minutes", "no place is a day away from UTC".to_owned());
    }
    for (field, signal) in [
        ("logs.retention_rules", Signal::Logs),
        ("traces.retention_rules", Signal::Traces),
        ("events.retention_rules", Signal::Events),
        ("errors.retention_rules", Signal::Errors),
    ] {
        if let Err(reason) = config.records(signal).options(signal, dir) {
            return wrong(field, reason);
        }
    }
    if let Err((field, reason)) = config.issues.check() {
        return wrong(&field, reason);
    }
    let relabel = &config.alerting.alert_relabel_configs;
    if let Err(e) =
        scrape::relabel::Rules::compile(relabel, Default::default(), "alerting.alert_relabel_configs")
    {
        return wrong(&e.field, e.reason.clone());
    }
    for (_, setting, patterns) in config.rule_file_lists() {
        if let Err(reason) = super::rule_files(setting, patterns, dir) {
            return wrong(setting, reason);
        }
    }
    if let Err(problems) = objectives::resolve(&config.objectives) {
        return wrong("objectives", problems.join("\n"));
    }
    if let Err(reason) = super::rule_files("objective_files", &config.objective_files, dir) {
        return wrong("objective_files", reason);
    }
    if !config.http.listen.contains(':') {
        return wrong("http.listen", format!("{:?} is not host:port", config.http.listen));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, "watchfire.yml", Path::new(".")).expect_err(text).to_string()
    }

    #[test]
    fn nothing_is_a_configuration() {
        for text in ["", "# only a comment\n", "---\n"] {
            assert_eq!(parse(text, "f", Path::new(".")).unwrap(), Config::default());
        }
    }

    #[test]
    fn what_is_in_force_can_be_read_back() {
        let text = "storage: {retention: 12h, memory: 64MB, page_cache: 32MB}\nquery: {concurrency: 3}\nscrape_configs:\n- job_name: a\n  static_configs: [{targets: ['h:1']}]\n";
        let config = parse(text, "f", Path::new(".")).unwrap();
        let back = parse(&config.effective_yaml(), "f", Path::new(".")).unwrap();
        assert_eq!(back.storage, config.storage);
        assert_eq!(back.scrape_configs, config.scrape_configs);
        assert_eq!(back.query.concurrency, Some(3));
        assert!(back.query.memory.is_some());
    }

    #[test]
    fn the_documentation_states_the_defaults() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        let text = std::fs::read_to_string(path).unwrap();
        let block = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let mut stated = parse(block, "configuration.md", Path::new(".")).unwrap();
        // These follow the machine.
        stated.storage.memory = None;
        stated.query.memory = None;
        stated.query.cache = None;
        stated.query.concurrency = None;
        stated.query.threads = None;
        stated.storage.page_cache = None;
        stated.query.concurrency_heavy = None;
        stated.agent.interval = None;
        assert_eq!(stated, Config::default());
        // Every key there is, is documented.
        for line in Config::default().effective_yaml().lines() {
            if let Some((key, _)) = line.trim().split_once(':') {
                assert!(
                    block.contains(&format!("{key}:")) || ["global", "scrape_configs"].contains(&key),
                    "{key}"
                );
            }
        }
    }

    #[test]
    fn messages_say_where_and_what() {
        let cases = [
            (
                "storage:\n  retentoin: 3d\n",
                r#"watchfire.yml: line 2, column 3: unknown key "retentoin": did you mean "retention"?"#,
            ),
            (
                "alerting: {alertmanagers: []}\n",
                r#"watchfire.yml: line 1, column 12: the section "alertmanagers" of Prometheus is not supported: this server tells people itself: put the file of Alertmanager into alerting.config_file"#,
            ),
            (
                "storage: {retention: 3 days}\n",
                r#"watchfire.yml: line 1, column 22: "3 days" is not a duration: write for example "15s", "1m30s" or "250ms""#,
            ),
            ("query: {timeout: 0s}\n", "watchfire.yml: query.timeout: must be more than 0"),
            ("storage: {memory: 1MB}\n", "watchfire.yml: storage.memory: must be at least 4MB"),
            (
                "logs:\n  retention_rules: [{selector: '{app=\"a\"}', keep: 3d}, {selector: '{app=', keep: 1h}]\n",
                "watchfire.yml: logs.retention_rules: rule 2: selector: 1:6: parse error: unexpected end of input inside braces",
            ),
            ("http: {listen: here}\n", r#"watchfire.yml: http.listen: "here" is not host:port"#),
            ("http: {cors_origin: '('}\n", "watchfire.yml: http.cors_origin: error: unclosed group"),
            ("agent: {interval: 1ms}\n", "watchfire.yml: agent.interval: 1ms is too short: at least 100ms"),
        ];
        for (text, message) in cases {
            assert_eq!(error(text), message);
        }
    }
}
