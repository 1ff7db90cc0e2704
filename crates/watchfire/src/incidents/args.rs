//! Arguments of `watchfire incidents` and `watchfire oncall`.

use crate::cli::ListFormat;
use clap::{Args, Subcommand, ValueEnum};

/// Which server, and who asks.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// The server.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:7766",
        env = "WATCHFIRE_URL",
        global = true
    )]
    pub url: String,
}

/// Who does something.
#[derive(Debug, Clone, Args)]
pub struct ByArgs {
    /// Who [default: the user].
    #[arg(long, value_name = "NAME", env = "USER")]
    pub by: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  watchfire incidents
  watchfire incidents list --status all --since 7d
  watchfire incidents show 12
  watchfire incidents ack 12 13
  watchfire incidents note 12 'disk replaced'
  watchfire incidents export 12 --lang zh > 12.md")]
pub struct IncidentsArgs {
    #[command(subcommand)]
    pub what: Option<IncidentCommand>,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// List incidents; those that are not resolved.
    List(ListArgs),
    /// Show one with its alerts and its timeline.
    Show {
        /// Its number.
        id: String,
        /// How the answer looks.
        #[arg(long, value_enum, default_value = "text")]
        format: ListFormat,
    },
    /// Acknowledge incidents: escalation ends.
    Ack(SeveralArgs),
    /// Take an acknowledgement back: escalation begins anew.
    Unack(SeveralArgs),
    /// Resolve incidents.
    Resolve(SeveralArgs),
    /// Reopen incidents.
    Reopen(SeveralArgs),
    /// Note something.
    Note {
        /// Its number.
        id: String,
        /// What.
        text: String,
        #[command(flatten)]
        by: ByArgs,
    },
    /// Give one to somebody; to nobody without a name.
    Assign {
        /// Its number.
        id: String,
        /// To whom.
        to: Option<String>,
        #[command(flatten)]
        by: ByArgs,
    },
    /// Tell people now: those of the next step of its policy, or these.
    Escalate {
        /// Its number.
        id: String,
        /// People of on_call.people.
        people: Vec<String>,
        #[command(flatten)]
        by: ByArgs,
    },
    /// Make others part of one.
    Merge {
        /// Its number.
        id: String,
        /// Numbers of the others.
        #[arg(required = true)]
        others: Vec<u64>,
        #[command(flatten)]
        by: ByArgs,
    },
    /// Write a post-mortem in Markdown, for people to complete.
    Export {
        /// Its number.
        id: String,
        /// Its language.
        #[arg(long, value_enum, default_value = "en")]
        lang: Language,
    },
}

/// A language of reports.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// Chinese.
    Zh,
}

#[derive(Debug, Default, Args)]
pub struct ListArgs {
    /// Which: open, triggered, acknowledged, resolved or all.
    #[arg(long, value_name = "STATUS", default_value = "open")]
    pub status: String,
    /// This grave: critical, error, warning, info; several with commas.
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Option<String>,
    /// Those of somebody.
    #[arg(long, value_name = "NAME")]
    pub assigned: Option<String>,
    /// Those about an entity.
    #[arg(long, value_name = "TYPE/ID")]
    pub entity: Option<String>,
    /// Those that were not over so long ago.
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Words of title and labels.
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Option<ListFormat>,
}

#[derive(Debug, Args)]
pub struct SeveralArgs {
    /// Their numbers.
    #[arg(required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub by: ByArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  watchfire oncall
  watchfire oncall platform --days 14")]
pub struct OncallArgs {
    /// A schedule, to see its shifts.
    pub schedule: Option<String>,
    /// So many days of shifts.
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
    /// Who was, or will be, at this time: RFC 3339 or Unix seconds.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}
