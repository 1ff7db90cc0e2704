//! The command line of `watchfire objectives`.

use crate::cli::ListFormat;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
The exit code is 1 if the budget of an objective is gone or burns.

Examples:
  watchfire objectives
  watchfire objectives --format json
  watchfire objectives rules objectives.yml > rules.yml")]
pub struct ObjectivesArgs {
    #[command(subcommand)]
    pub what: Option<ObjectivesCommand>,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Subcommand)]
pub enum ObjectivesCommand {
    /// Print the rules that come of objectives, as a rule file that Prometheus takes, too.
    #[command(after_help = "\
Examples:
  watchfire objectives rules objectives.yml > rules.yml
  watchfire rules backfill --start -30d rules.yml      give new objectives their past")]
    Rules {
        /// The files: with objectives, or configurations of a server.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}
