//! `watchfire agent`: collects on this host, keeps elsewhere.

use crate::cli::AgentArgs;
use crate::exit::{Exit, no, unable};
use crate::{asked_to_end, dirs, on_all_threads};
use agent::{Agent, AgentConfig, AgentError};
use env::{RealClock, RealDisk, RealRandom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Undelivered samples stay in the spool; this only spares the next start some work.
const DELIVER_AT_THE_END: Duration = Duration::from_secs(5);

/// Runs the command.
pub fn run(args: &AgentArgs) -> Result<(), Exit> {
    let mut config = match &args.config {
        Some(file) => read(file)?,
        None => AgentConfig::default(),
    };
    config.to.clone_from(&args.to);
    if args.spool.is_some() || config.spool_dir.as_os_str().is_empty() {
        config.spool_dir = dirs::spool(args.spool.as_ref())?;
    }
    let dir = args.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    on_all_threads(watch(config, dir))
}

fn read(file: &Path) -> Result<AgentConfig, Exit> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| no(format!("cannot read the configuration {}: {e}", file.display())))?;
    AgentConfig::from_yaml(&text).map_err(|problem| no(format!("{}: {problem}", file.display())))
}

async fn watch(config: AgentConfig, dir: &Path) -> Result<(), Exit> {
    let agent =
        Agent::start(&config, dir, Arc::new(RealDisk), Arc::new(RealClock::new()), Arc::new(RealRandom))
            .map_err(|e| match e {
                AgentError::Scrape(_) | AgentError::Logs { .. } => no(e.to_string()),
                AgentError::Spool(_) | AgentError::Thread(_) => unable(e),
            })?;
    tracing::info!(to = config.to, spool = %config.spool_dir.display(), "watching this host");
    asked_to_end().await?;
    tracing::info!("ending: what is left is delivered, or stays in the spool");
    agent.stop(DELIVER_AT_THE_END).await;
    Ok(())
}
