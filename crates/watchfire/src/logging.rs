//! Logs on stderr.

use crate::cli::{LogArgs, LogFormat};
use crate::exit::{Exit, no};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Sets up logging. `quiet` raises the level to warnings unless a level was asked for.
pub fn start(args: &LogArgs, quiet: bool) -> Result<(), Exit> {
    let level = if quiet && args.log_level == "info" { "warn" } else { &args.log_level };
    let filter = EnvFilter::try_new(level).map_err(|e| no(format!("--log-level {level:?}: {e}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colour = args.log_format == LogFormat::Auto
        && std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    match args.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Auto | LogFormat::Text => builder.with_ansi(colour).with_target(false).init(),
    }
    Ok(())
}
