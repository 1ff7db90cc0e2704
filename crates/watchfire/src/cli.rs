//! The command line.

use crate::checks::ChecksArgs;
use crate::objectives::args::ObjectivesArgs;
use crate::rules::args::RulesCommand;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rules::Language;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Examples:
  watchfire                                    watch this machine; console at http://127.0.0.1:7766
  watchfire serve --data /var/lib/watchfire --listen 0.0.0.0:7766
  watchfire agent --to http://monitor:7766     collect here, keep there
  watchfire query 'rate(node_cpu_seconds_total[5m])' --start -1h
  watchfire check config watchfire.yml
  watchfire test rules tests/*.yml             unit tests of rules, as promtool has them

Exit codes:
  0  done
  1  done, and the answer is no: a test failed, bytes are damaged, a configuration or a query is wrong
  2  the command line is wrong
  3  it could not be done: no server there, no such file, no permission";

/// Watches a distributed system: one binary that collects, stores, queries and shows.
///
/// Without a subcommand, starts the server with its defaults.
#[derive(Debug, Parser)]
#[command(name = "watchfire", version, after_help = AFTER_HELP, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub log: LogArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// How much is logged: error, warn, info, debug, trace, or per module (`info,tsdb=debug`).
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info", env = "WATCHFIRE_LOG")]
    pub log_level: String,
    /// How log lines look: for people, or one JSON object each.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people; in colour on a terminal.
    Auto,
    /// For people, without colour.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server.
    Serve(ServeArgs),
    /// Collect on this host and deliver to a server elsewhere.
    Agent(AgentArgs),
    /// Ask a server a PromQL question.
    Query(QueryArgs),
    /// Ask a server for log lines, or follow them.
    Logs(LogsArgs),
    /// Ask a server for traces, with TraceQL.
    Traces(TracesArgs),
    /// Show a trace as a waterfall.
    Trace(TraceArgs),
    /// Ask a server for events, or send one.
    Events(Box<EventsArgs>),
    /// Show the issues that errors make, or one of them.
    Errors(ErrorsArgs),
    /// Show what fires.
    Alerts(AlertsArgs),
    /// Make, list and end silences.
    Silence {
        #[command(subcommand)]
        what: SilenceCommand,
    },
    /// Replay alerting rules, and record what recording rules would have recorded.
    Rules {
        #[command(subcommand)]
        what: RulesCommand,
    },
    /// Show how objectives stand, or print the rules that come of them.
    Objectives(ObjectivesArgs),
    /// Look at a target from here: HTTP, TCP, TLS, DNS, ICMP, gRPC.
    Probe(ProbeArgs),
    /// List jobs that must report.
    Heartbeats(HeartbeatsArgs),
    /// Run a job and report how it went, or just report.
    Heartbeat(HeartbeatArgs),
    /// List plugins of Nagios that are run, and what they said.
    Checks(ChecksArgs),
    /// Ask a server for logs and samples in SQL.
    Sql(SqlArgs),
    /// Check files without touching data.
    Check {
        #[command(subcommand)]
        what: Check,
    },
    /// Run tests written in files.
    Test {
        #[command(subcommand)]
        what: Test,
    },
    /// Read every byte of the data and name what is damaged.
    Verify(VerifyArgs),
    /// Copy the data, consistent and complete, while the server runs or not.
    Backup(BackupArgs),
    /// Put a backup in place as the data of a server.
    Restore(RestoreArgs),
    /// Take in data of other systems.
    Import {
        #[command(subcommand)]
        from: Import,
    },
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  watchfire completions bash > /etc/bash_completion.d/watchfire")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args, Default)]
#[command(after_help = "\
Examples:
  watchfire serve
  watchfire serve --data ./data --listen 127.0.0.1:9000 --no-agent
  watchfire serve --config watchfire.yml --print-config")]
pub struct ServeArgs {
    /// Where data is kept [default: watchfire in the platform's data directory].
    #[arg(long, value_name = "DIR", env = "WATCHFIRE_DATA")]
    pub data: Option<PathBuf>,
    /// The address to listen at [default: 127.0.0.1:7766].
    #[arg(long, value_name = "ADDR", env = "WATCHFIRE_LISTEN")]
    pub listen: Option<String>,
    /// The configuration file [default: watchfire.yml in the data directory, if it is there].
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Watch neither this machine nor the server itself: store only what is sent or scraped.
    #[arg(long)]
    pub no_agent: bool,
    /// Print the configuration with every value in force, and end.
    #[arg(long)]
    pub print_config: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Samples are kept in a spool on disk until the server has acknowledged them; nothing is lost while it is away.

Examples:
  watchfire agent --to http://monitor:7766
  watchfire agent --to https://monitor/api/v1/write --config scrape.yml --spool /var/spool/watchfire")]
pub struct AgentArgs {
    /// The server, or any receiver of remote write.
    #[arg(long, value_name = "URL", env = "WATCHFIRE_TO")]
    pub to: String,
    /// Where samples wait for delivery [default: watchfire-agent in the platform's data directory].
    #[arg(long, value_name = "DIR", env = "WATCHFIRE_SPOOL")]
    pub spool: Option<PathBuf>,
    /// A configuration file: `global` and `scrape_configs` as in prometheus.yml, and keys such as `interval`,
    /// `labels`, `bearer_token_file`, `tls`.
    #[arg(long, value_name = "FILE", env = "WATCHFIRE_CONFIG")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Times are Unix seconds, RFC 3339, `now`, or relative to now: `-1h`, `now-30m`.

Examples:
  watchfire query up
  watchfire query 'sum by (mode) (rate(node_cpu_seconds_total[5m]))' --start -1h
  watchfire query 'sum by (mode) (rate(node_cpu_seconds_total[5m]))' --start -1h --explain
  watchfire query 'node_load1' --start -6h --step 1m --format csv > load.csv
  watchfire query 'node_filesystem_avail_bytes' --at 2026-11-21T08:00:00Z --format json")]
pub struct QueryArgs {
    /// The expression.
    pub expr: String,
    /// Ask about one instant [default: now].
    #[arg(long, value_name = "TIME", conflicts_with_all = ["start", "end", "step"], allow_hyphen_values = true)]
    pub at: Option<String>,
    /// Ask about a range that begins here.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<String>,
    /// The end of the range [default: now].
    #[arg(long, value_name = "TIME", requires = "start", allow_hyphen_values = true)]
    pub end: Option<String>,
    /// Time between points [default: 1/120 of the range].
    #[arg(long, value_name = "DURATION", requires = "start")]
    pub step: Option<String>,
    /// The server; any that speaks the Prometheus API.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "table")]
    pub format: OutputFormat,
    /// Show how the server evaluates it instead of the answer: what each part gave, read, took and held.
    #[arg(long)]
    pub explain: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Lines are coloured by level on a terminal. Times are Unix seconds, RFC 3339, `now`, or relative to now: `-1h`.

Examples:
  watchfire logs '{service_name=\"shop\"} |= \"timeout\"'
  watchfire logs -f '{service_name=~\".+\"} | detected_level=\"error\"'
  watchfire logs '{host=\"web-1\"}' --start -1d --limit 0 --forward --format json > lines.ndjson
  watchfire logs 'sum by (detected_level) (count_over_time({host=\"web-1\"}[5m]))' --start -6h")]
pub struct LogsArgs {
    /// The query, in LogQL: of lines, or of numbers made from them.
    pub query: String,
    /// Go on with the lines that come.
    #[arg(short, long, conflicts_with = "end")]
    pub follow: bool,
    /// The beginning of the range [default: an hour before its end].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<String>,
    /// The end of the range [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub end: Option<String>,
    /// How many lines of the past, the newest unless --forward is given; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// Begin with the oldest line, and write lines while more are read.
    #[arg(long)]
    pub forward: bool,
    /// Show how the query is evaluated instead of what it gives.
    #[arg(long, conflicts_with = "follow")]
    pub explain: bool,
    /// The server; any that speaks Loki's API.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// Whose lines, where there are several tenants.
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_TENANT")]
    pub tenant: Option<String>,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: LogsFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  watchfire traces
  watchfire traces '{ status = error }' --start -15m
  watchfire traces '{ resource.service.name = \"shop\" } >> { duration > 1s } | select(.http.url)'
  watchfire traces '{ } | quantile_over_time(duration, 0.99) by (resource.service.name)' --start -6h")]
pub struct TracesArgs {
    /// The query, in TraceQL: of traces, or of numbers made from them.
    #[arg(default_value = "{ }")]
    pub query: String,
    /// The beginning of the range [default: an hour before its end].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<String>,
    /// The end of the range [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub end: Option<String>,
    /// How many traces, the latest.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// How many of the spans found in each.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub spans: usize,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// Whose traces, where there are several tenants.
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_TENANT")]
    pub tenant: Option<String>,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  watchfire events
  watchfire events --kind deploy --service cart --start -7d
  watchfire events --severity error --details
  watchfire events send --title 'cart 1.4.2' --kind deploy --service cart --version 1.4.2
  watchfire events send --title backup -- /usr/local/bin/backup --all")]
pub struct EventsArgs {
    #[command(subcommand)]
    pub what: Option<EventsCommand>,
    #[command(flatten)]
    pub list: EventsListArgs,
}

#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Send an event, or run a command and send how it went.
    Send(EventsSendArgs),
}

#[derive(Debug, Args)]
pub struct EventsListArgs {
    /// The beginning of the range [default: a day before its end].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<String>,
    /// The end of the range [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub end: Option<String>,
    /// Only events of this kind; may be given several times.
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,
    /// Only events of this service; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
    /// Only events of this host; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Only events with this attribute; may be given several times.
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub attribute: Vec<String>,
    /// Only events that are this grave: debug, info, warn, error or fatal.
    #[arg(long, value_name = "WORD")]
    pub severity: Option<String>,
    /// Only events whose title, text or subject holds this.
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// How many events, the latest.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Show texts and attributes, too.
    #[arg(short, long)]
    pub details: bool,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// Whose events, where there are several tenants.
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_TENANT")]
    pub tenant: Option<String>,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  watchfire events send --title 'cart 1.4.2' --kind deploy --service cart --version 1.4.2 --environment prod
  watchfire events send --title 'price list imported' --attribute items=1200 --duration 90s
  watchfire events send --title backup -- /usr/local/bin/backup --all

With a command, the event has its duration and its result (ok or failed) and is of the kind cron, unless --kind says
otherwise; the exit code is the command's.")]
pub struct EventsSendArgs {
    /// What happened, in one line [default: the command].
    #[arg(long)]
    pub title: Option<String>,
    /// What kind of event: deploy, config, cron, or a word of your own [default: event].
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// More than the title.
    #[arg(long)]
    pub text: Option<String>,
    /// How grave it is: debug, info, warn, error or fatal [default: by the result].
    #[arg(long, value_name = "WORD")]
    pub severity: Option<String>,
    /// How it went: ok, failed, or a word of your own.
    #[arg(long, value_name = "WORD")]
    pub result: Option<String>,
    /// When it began [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub time: Option<String>,
    /// How long it took, as 90 or 1m30s.
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,
    /// The service it happened to.
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// The version of the service.
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// The environment: prod, staging.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The host it happened on [default: this one].
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// What it happened to, if that is no service.
    #[arg(long)]
    pub subject: Option<String>,
    /// Who says so.
    #[arg(long, value_name = "NAME", default_value = "script")]
    pub source: String,
    /// Where to read more.
    #[arg(long, value_name = "URL")]
    pub link: Option<String>,
    /// What the source calls it: of several events with one id the first is kept.
    #[arg(long)]
    pub id: Option<String>,
    /// A further attribute; may be given several times. Numbers can be added by metrics.
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub attribute: Vec<String>,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// Whose event, where there are several tenants.
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_TENANT")]
    pub tenant: Option<String>,
    /// A command to run.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  watchfire trace 4bf92f3577b34da6a3ce929d0e0e4736 --details")]
pub struct TraceArgs {
    /// The id of the trace, hexadecimal.
    pub id: String,
    /// Show attributes and events, too.
    #[arg(short, long)]
    pub details: bool,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// Whose trace, where there are several tenants.
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_TENANT")]
    pub tenant: Option<String>,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  watchfire errors
  watchfire errors --query 'service:shop is:regressed' --sort events
  watchfire errors 4f1c")]
pub struct ErrorsArgs {
    /// The id of an issue, or the beginning of it; all issues without.
    pub id: Option<String>,
    /// Words of the title, and conditions: `service:shop level:fatal !type:Timeout is:regressed`.
    #[arg(short, long)]
    pub query: Option<String>,
    /// Of this project only.
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
    /// unresolved, resolved, ignored or all.
    #[arg(long, default_value = "unresolved")]
    pub status: String,
    /// last_seen, first_seen, events or users.
    #[arg(long, default_value = "last_seen")]
    pub sort: String,
    /// Issues with events within this time.
    #[arg(long, value_name = "DURATION", default_value = "14d")]
    pub since: String,
    /// How many.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// Whose errors, where there are several tenants.
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_TENANT")]
    pub tenant: Option<String>,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogsFormat {
    /// Time, labels and line, for people.
    Text,
    /// The line alone, as it was sent.
    Raw,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  watchfire sql \"SELECT app, count(*) FROM logs WHERE timestamp > now() - interval '1 day' GROUP BY app\"
  watchfire sql 'SELECT * FROM node_load1 ORDER BY timestamp DESC LIMIT 10'
  watchfire sql 'SELECT * FROM logs WHERE body LIKE $1' --param '%timeout%' --format csv > lines.csv
  watchfire sql \"EXPLAIN SELECT count(*) FROM logs WHERE app = 'shop'\"")]
pub struct SqlArgs {
    /// The statement; - reads it from stdin.
    pub query: String,
    /// A value for $1, $2 and so on, as text; once for each.
    #[arg(short, long = "param", value_name = "VALUE", allow_hyphen_values = true)]
    pub params: Vec<String>,
    /// No more rows than this; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 0)]
    pub limit: usize,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// Whose logs, where there are several tenants.
    #[arg(long, value_name = "NAME", env = "WATCHFIRE_TENANT")]
    pub tenant: Option<String>,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "table")]
    pub format: SqlFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlFormat {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values with a line of names.
    Csv,
    /// The server's answer as it came: columns and rows.
    Json,
    /// One JSON object a line.
    Ndjson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Aligned columns with units; a sparkline per series for ranges.
    Table,
    /// The server's answer as it came.
    Json,
    /// One line per value.
    Csv,
    /// One large sparkline per series.
    Sparkline,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  watchfire alerts
  watchfire alerts severity=page 'instance=~web.*'
  watchfire alerts --format json")]
pub struct AlertsArgs {
    /// Conditions on labels, all of which must hold.
    #[arg(value_name = "MATCHER")]
    pub matchers: Vec<String>,
    /// Leave out what is silenced or inhibited.
    #[arg(long)]
    pub active: bool,
    /// The server; any that speaks Alertmanager's API.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Lines for people.
    Text,
    /// The server's answer as it came.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Built in are http_2xx, http_post_2xx, tcp_connect, tls_connect, icmp, grpc, grpc_plain, dns_soa and
ssh_banner. The exit code is 1 if the target is not well.

Examples:
  watchfire probe http_2xx https://example.org
  watchfire probe tls_connect example.org:443 --format json
  watchfire probe icmp 192.0.2.1 --timeout 2s
  watchfire probe smtp_starttls mail.example.org:25 --config /etc/prometheus/blackbox.yml --verbose")]
pub struct ProbeArgs {
    /// How it is looked at: a module of the configuration, or one that is built in.
    #[arg(value_name = "MODULE")]
    pub module: String,
    /// What is looked at: a URL, host:port, a host.
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// A file with more modules: watchfire.yml, or blackbox.yml.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The longest time [default: that of the module, or 2m].
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Show what was done, too.
    #[arg(short, long)]
    pub verbose: bool,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ProbeFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProbeFormat {
    /// Phases as bars, and what is worth knowing.
    Text,
    /// Everything, as one JSON object.
    Json,
    /// Metrics as Prometheus reads them.
    Metrics,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 1 if a job is late or failed.

Examples:
  watchfire heartbeats
  watchfire heartbeats --format json")]
pub struct HeartbeatsArgs {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is that of the command, also when the server cannot be reached. Output goes where it
would go without; its end is sent along with the report.

Examples:
  0 3 * * *  watchfire heartbeat backup -- /usr/local/bin/backup --all
  watchfire heartbeat nightly-import
  watchfire heartbeat nightly-import --fail")]
pub struct HeartbeatArgs {
    /// The job.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The command; without one the job is reported as done.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Report that the job begins.
    #[arg(long, conflicts_with_all = ["command", "fail"])]
    pub start: bool,
    /// Report that the job failed.
    #[arg(long, conflicts_with = "command")]
    pub fail: bool,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
}

#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// Make a silence; its id is printed.
    #[command(
        after_help = "Example:\n  watchfire silence add --for 2h --comment 'new disks' alertname=Full 'host=~db.*'"
    )]
    Add {
        /// Conditions on labels, all of which must hold.
        #[arg(required = true, value_name = "MATCHER")]
        matchers: Vec<String>,
        /// How long.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
        length: String,
        /// Why.
        #[arg(long, value_name = "TEXT", default_value = "")]
        comment: String,
        /// Who [default: the user].
        #[arg(long, value_name = "NAME", env = "USER")]
        author: Option<String>,
        /// The server; any that speaks Alertmanager's API.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
        url: String,
    },
    /// List silences that are not over.
    List {
        /// Those that are over, too.
        #[arg(long)]
        expired: bool,
        /// The server; any that speaks Alertmanager's API.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
        url: String,
        /// How the answer looks.
        #[arg(long, value_enum, default_value = "text")]
        format: ListFormat,
    },
    /// End silences.
    Expire {
        /// Their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// The server; any that speaks Alertmanager's API.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
        url: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Check {
    /// Check a configuration file.
    #[command(after_help = "Example:\n  watchfire check config watchfire.yml")]
    Config {
        /// The file: watchfire.yml, or the scraping sections of a prometheus.yml.
        file: PathBuf,
    },
    /// Show what a pipeline makes of lines.
    #[command(after_help = "\
Lines are read from standard input. Under each stands what every stage made of it, or why it did
nothing.

Examples:
  watchfire check pipeline watchfire.yml < sample.log
  tail -n 5 /var/log/nginx/access.log | watchfire check pipeline watchfire.yml --name nginx")]
    Pipeline {
        /// The configuration with the pipeline.
        file: PathBuf,
        /// Which pipeline, if the file has several.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// A label of the lines' stream; may be given several times.
        #[arg(long = "label", value_name = "NAME=VALUE")]
        labels: Vec<String>,
    },
    /// Check a configuration file of Alertmanager, with its templates.
    #[command(after_help = "Example:\n  watchfire check alertmanager /etc/prometheus/alertmanager.yml")]
    Alertmanager {
        /// The file.
        file: PathBuf,
        /// Take receivers that run programs, as a server with alerting.exec does.
        #[arg(long)]
        exec: bool,
    },
    /// Check files with objectives.
    #[command(after_help = "Example:\n  watchfire check objectives objectives.yml")]
    Objectives {
        /// The files: with objectives, or configurations of a server.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Check rule files.
    #[command(after_help = "\
All that is wrong is told at once, each with file, line and column. Rules that have name and
labels in common are told too; they are a mistake only with --lint-fatal.

Examples:
  watchfire check rules rules/*.yml
  watchfire check rules --language logql loki/*.yml")]
    Rules {
        /// The files, as Prometheus has them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What expressions are written in where the files do not say so: promql, logql, traceql.
        #[arg(long, value_name = "NAME")]
        language: Option<Language>,
        /// Leave keys alone that are not known.
        #[arg(long)]
        ignore_unknown_fields: bool,
        /// Take rules with name and labels in common for a mistake.
        #[arg(long)]
        lint_fatal: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Test {
    /// Run PromQL test scripts.
    #[command(after_help = "Example:\n  watchfire test promql tests/*.test")]
    Promql {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Run LogQL test scripts.
    #[command(after_help = "Example:\n  watchfire test logql tests/*.test")]
    Logql {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Run TraceQL test scripts.
    #[command(after_help = "Example:\n  watchfire test traceql tests/*.test")]
    Traceql {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Run unit tests of rules.
    #[command(after_help = "\
The files are those of `promtool test rules`. What is expected and did not come is marked with
-, what came unexpected with +. The last line counts cases: each item of alert_rule_test and
promql_expr_test is one.

Examples:
  watchfire test rules tests/*.yml
  watchfire test rules --run latency --junit results.xml tests/*.yml")]
    Rules(TestRulesArgs),
}

#[derive(Debug, Args)]
pub struct TestRulesArgs {
    /// The test files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Run only tests whose name matches; may be given several times.
    #[arg(long, value_name = "REGEX")]
    pub run: Vec<String>,
    /// Show only lines that differ, in colour on a terminal.
    #[arg(long)]
    pub diff: bool,
    /// Show all series at the end of each test, on stderr.
    #[arg(long)]
    pub debug: bool,
    /// Leave keys alone that are not known.
    #[arg(long)]
    pub ignore_unknown_fields: bool,
    /// Also write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The server must not be running on the data.\n\nExample:\n  watchfire verify --data /var/lib/watchfire"
)]
pub struct VerifyArgs {
    /// The data [default: watchfire in the platform's data directory].
    #[arg(long, value_name = "DIR", env = "WATCHFIRE_DATA")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
If a server runs on the data, it is asked for a snapshot; else the data is read directly.

Example:
  watchfire backup --to /backup/2026-11-21")]
pub struct BackupArgs {
    /// A directory that does not exist yet.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The data [default: watchfire in the platform's data directory].
    #[arg(long, value_name = "DIR", env = "WATCHFIRE_DATA")]
    pub data: Option<PathBuf>,
    /// The server that runs on the data, if one does.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The backup is verified first.\n\nExample:\n  watchfire restore --from /backup/2026-11-21 --data /var/lib/watchfire"
)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// A directory that is empty or does not exist yet.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// Take in the blocks of a Prometheus server.
    #[command(after_help = "\
DIR is a data directory of Prometheus (stopped), a snapshot of one, or a single block. What is older than the
retention is left out.

Examples:
  watchfire import prometheus /var/lib/prometheus/metrics2
  watchfire import prometheus ./snapshot --data ./data")]
    Prometheus {
        /// The directory.
        dir: PathBuf,
        /// Write into this data directly; no server may run on it.
        #[arg(long, value_name = "DIR", conflicts_with = "url")]
        data: Option<PathBuf>,
        /// The server to send to.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
        url: String,
    },
}
