//! The configuration: one typed tree, of which each component is handed its own part.

mod alerting;
mod events;
mod issues;
mod load;
mod lookout;
mod memory;
mod receivers;
mod records;
mod sections;
mod sql;

pub use alerting::{AlertingConfig, RulesConfig, rule_files};
pub use events::WebhooksConfig;
pub use issues::{EnvelopeConfig, IssuesConfig, ProjectConfig, Stranger, unnamed};
pub use load::{ConfigError, find, load, parse};
pub(crate) use lookout::check_labels;
pub use lookout::{
    CheckConfig, ChecksConfig, HeartbeatConfig, HeartbeatsConfig, ProbeEndpoint, ProbeTargets, ProbesConfig,
    UnknownJobs,
};
pub use memory::{Budgets, machine_memory_bytes};
pub use receivers::{ReceiversConfig, SyslogConfig};
pub use records::RecordsConfig;
pub use scrape::config::{ByteSize, TimeSpan};
pub use sections::{
    AgentConfig, HttpConfig, IngestConfig, IngestLimits, QueryConfig, SelfConfig, StorageConfig,
    StorageLimits,
};
pub use sql::{PostgresConfig, SqlConfig};

use ingest::records::Signal;
use rules::Language;
use scrape::config::{GlobalConfig, ScrapeConfig};
use serde::{Deserialize, Serialize};

/// Everything that can be set. A key that is absent has its default; nothing at all is a valid configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Defaults of the scrape jobs, as in `prometheus.yml`.
    pub global: GlobalConfig,
    /// What is scraped, as in `prometheus.yml`.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Files with rules, as in `prometheus.yml`; patterns.
    pub rule_files: Vec<String>,
    /// Objectives of services.
    pub objectives: Vec<objectives::ObjectiveConfig>,
    /// Files with more of them; patterns.
    pub objective_files: Vec<String>,
    /// How alerts become messages.
    pub alerting: AlertingConfig,
    /// How rules are evaluated.
    pub rules: RulesConfig,
    /// What is looked at from outside.
    pub probes: ProbesConfig,
    /// Jobs that must report.
    pub heartbeats: HeartbeatsConfig,
    /// Plugins of Nagios that are run.
    pub checks: ChecksConfig,
    /// What is kept, and for how long.
    pub storage: StorageConfig,
    /// What is taken in.
    pub ingest: IngestConfig,
    /// Which logs are kept, and for how long.
    pub logs: RecordsConfig,
    /// Which spans are kept, and for how long.
    pub traces: RecordsConfig,
    /// Which events are kept, and for how long.
    pub events: RecordsConfig,
    /// Which error events are kept, and for how long.
    pub errors: RecordsConfig,
    /// What becomes of errors.
    pub issues: IssuesConfig,
    /// What is done with logs before they are kept.
    pub pipelines: Vec<pipeline::PipelineConfig>,
    /// What is done with events before they are kept, and which metrics are derived from them.
    pub event_pipelines: Vec<pipeline::PipelineConfig>,
    /// Other names of entities.
    pub entities: Vec<entities::RuleConfig>,
    /// What senders of webhooks must know.
    pub webhooks: WebhooksConfig,
    /// Sockets of their own for protocols of logs and traces.
    pub receivers: ReceiversConfig,
    /// What queries may use.
    pub query: QueryConfig,
    /// SQL.
    pub sql: SqlConfig,
    /// The agent inside the server.
    pub agent: AgentConfig,
    /// The HTTP server.
    pub http: HttpConfig,
    /// What the server records about itself.
    #[serde(rename = "self")]
    pub own: SelfConfig,
}

impl Config {
    /// The lists of rule files: what they are written in unless they say so, the setting, and its patterns.
    pub fn rule_file_lists(&self) -> [(Language, &'static str, &[String]); 3] {
        [
            (Language::PromQl, "rule_files", &self.rule_files),
            (Language::LogQl, "rules.logql_files", &self.rules.logql_files),
            (Language::TraceQl, "rules.traceql_files", &self.rules.traceql_files),
        ]
    }
}

impl Config {
    /// The section about the records of a signal.
    pub fn records(&self, signal: Signal) -> &RecordsConfig {
        match signal {
            Signal::Logs => &self.logs,
            Signal::Traces => &self.traces,
            Signal::Events => &self.events,
            Signal::Errors => &self.errors,
        }
    }

    /// The configuration as YAML with every value that is in force, for `--print-config` and the API.
    pub fn effective_yaml(&self) -> String {
        let mut full = self.clone();
        let budgets = Budgets::of(&full, machine_memory_bytes());
        full.storage.memory = Some(ByteSize(budgets.storage_bytes));
        full.storage.page_cache = Some(ByteSize(budgets.page_cache_bytes));
        full.query.memory = Some(ByteSize(budgets.query_bytes));
        full.query.cache = Some(ByteSize(budgets.cache_bytes));
        full.query.concurrency = Some(full.query.concurrency());
        full.query.threads = Some(full.query.threads());
        full.query.concurrency_heavy = Some(full.query.concurrency_heavy());
        full.agent.interval = Some(full.agent.interval());
        serde_saphyr::to_string(&full).unwrap_or_else(|e| format!("# cannot be written as YAML: {e}\n"))
    }
}
