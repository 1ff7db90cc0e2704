//! The command line of `watchfire rules`.

use crate::cli::ListFormat;
use clap::{Args, Subcommand};
use rules::Language;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Record over the past what recording rules would have recorded.
    Backfill(BackfillArgs),
    /// Say when alerting rules would have fired.
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The server evaluates and writes, a stretch of time after the other; rules find what the rules that they read
have given. The same again writes the same samples again, which changes nothing. Alerting rules are left out.

Examples:
  watchfire rules backfill --start -7d rules/*.yml
  watchfire rules backfill --start 2026-11-01T00:00:00Z --end 2026-11-08T00:00:00Z --eval-interval 5m api.yml")]
pub struct BackfillArgs {
    /// The rule files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// From when on: Unix seconds, 2026-11-21T08:00:00Z, or -7d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start: String,
    /// Until when [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub end: Option<String>,
    /// Between evaluations [default: the interval of each group, else 1m].
    #[arg(long, value_name = "DURATION")]
    pub eval_interval: Option<String>,
    /// What expressions are written in where the files do not say so: promql, logql, traceql.
    #[arg(long, value_name = "NAME")]
    pub language: Option<Language>,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is stored, and nobody is told. The exit code is 1 if evaluations failed.

Examples:
  watchfire rules replay rules/api.yml --start -24h
  watchfire rules replay ApiDown --start -7d --step 1m --format json")]
pub struct ReplayArgs {
    /// A rule file, or the name of an alerting rule that the server has.
    #[arg(value_name = "FILE|NAME")]
    pub what: String,
    /// Of a file, only the rules of this name.
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// From when on: Unix seconds, 2026-11-21T08:00:00Z, or -24h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "-24h")]
    pub start: String,
    /// Until when [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub end: Option<String>,
    /// Between evaluations [default: 15s, or as long as 5,000 of them need].
    #[arg(long, value_name = "DURATION")]
    pub step: Option<String>,
    /// What expressions are written in where the file does not say so: promql, logql, traceql.
    #[arg(long, value_name = "NAME")]
    pub language: Option<Language>,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}
