//! `watchfire serve`, and `watchfire` alone.

use crate::cli::ServeArgs;
use crate::exit::{Exit, no, unable};
use crate::{asked_to_end, dirs, on_all_threads};
use server::config::{Config, find, load};
use server::state::Origin;
use server::{Server, StartError};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(args: &ServeArgs) -> Result<(), Exit> {
    let data_dir = dirs::data(args.data.as_ref())?;
    let (config, file) = configuration(args, &data_dir)?;
    if args.print_config {
        print!("{}", config.effective_yaml());
        return Ok(());
    }
    let origin = Origin { flags: flags(args, &config, &data_dir), config_file: file, data_dir };
    crate::allocator::configure();
    on_all_threads(serve(config, origin))
}

/// The configuration of the file, with the command line's word above it.
fn configuration(args: &ServeArgs, data_dir: &Path) -> Result<(Config, Option<PathBuf>), Exit> {
    let mut dirs = vec![data_dir];
    let platform = dirs::config();
    if args.data.is_none() {
        dirs.extend(platform.as_deref());
    }
    let file = find(args.config.as_deref(), &dirs);
    let mut config = match &file {
        Some(path) => load(path).map_err(|e| no(e.to_string()))?,
        None => Config::default(),
    };
    if let Some(listen) = &args.listen {
        config.http.listen.clone_from(listen);
    }
    if args.no_agent {
        config.agent.enabled = false;
        config.own.enabled = false;
    }
    Ok((config, file))
}

fn flags(args: &ServeArgs, config: &Config, data_dir: &Path) -> Vec<(String, String)> {
    let file = args.config.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
    [
        ("data", data_dir.display().to_string()),
        ("listen", config.http.listen.clone()),
        ("config", file),
        ("no-agent", args.no_agent.to_string()),
    ]
    .map(|(n, v)| (n.to_owned(), v))
    .to_vec()
}

async fn serve(config: Config, origin: Origin) -> Result<(), Exit> {
    let data_dir = origin.data_dir.clone();
    let watches = config.agent.enabled;
    let mut server = Server::start(config, origin).await.map_err(failed)?;
    let url = format!("http://{}", server.address());
    tracing::info!(url, data = %data_dir.display(), "listening");
    let opened = tokio::select! {
        opened = server.ready() => Some(opened),
        asked = asked_to_end() => { asked?; None }
    };
    match opened {
        Some(Err(e)) => {
            let _ = server.stop().await;
            return Err(failed(e));
        }
        Some(Ok(())) => {
            welcome(&url, watches, &data_dir);
            tokio::select! {
                asked = asked_to_end() => asked?,
                // What came of it is in the log.
                () = crate::each_hangup(async || drop(server.reload().await)) => {}
            }
        }
        None => {}
    }
    tracing::info!("ending: requests under way are finished, memory is written");
    server.stop().await.map_err(failed)
}

fn failed(e: StartError) -> Exit {
    match e {
        StartError::Config(_) => no(e.to_string()),
        StartError::Listen { .. } | StartError::Store(_) => unable(e),
    }
}

/// Where to look, for a person; programs read the log.
fn welcome(url: &str, watches: bool, data_dir: &Path) {
    if !std::io::stdout().is_terminal() {
        return;
    }
    let what = if watches { "this machine" } else { "what is sent to it" };
    println!("\n  Watchfire 烽火 watches {what}.\n");
    println!("  Console   {url}");
    println!("  Send      {url}/api/v1/write  (Prometheus remote write)");
    println!("  Query     watchfire query up");
    println!("  Data      {}\n", data_dir.display());
    println!("  Ctrl-C ends it.\n");
}
