//! The `watchfire` program.

mod agent;
mod alerts;
mod allocator;
mod backup;
mod check;
mod checks;
mod cli;
mod dirs;
mod errors;
mod events;
mod exit;
mod heartbeats;
mod import;
mod logging;
mod logs;
mod objectives;
mod pipelines;
mod probing;
mod progress;
mod query;
mod remote;
mod rules;
mod serve;
mod sql;
mod testing;
mod traces;
mod verify;

use clap::{CommandFactory, Parser};
use cli::{Check, Cli, Command, Import, ServeArgs, Test};
use exit::{Exit, unable};
use std::future::Future;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let serves = matches!(cli.command, None | Some(Command::Serve(_) | Command::Agent(_)));
    let done = logging::start(&cli.log, !serves).and_then(|()| run(cli));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

fn run(cli: Cli) -> Result<(), Exit> {
    match cli.command.unwrap_or_else(|| Command::Serve(ServeArgs::default())) {
        Command::Serve(args) => serve::run(&args),
        Command::Agent(args) => agent::run(&args),
        Command::Query(args) => on_one_thread(query::run(&args)),
        Command::Logs(args) => on_one_thread(logs::run(&args)),
        Command::Sql(args) => on_one_thread(sql::run(&args)),
        Command::Probe(args) => on_one_thread(probing::run(&args)),
        Command::Heartbeats(args) => on_one_thread(heartbeats::list(&args)),
        Command::Checks(args) => on_one_thread(checks::list(&args)),
        Command::Heartbeat(args) => on_one_thread(heartbeats::run(&args)),
        Command::Traces(args) => on_one_thread(traces::search(&args)),
        Command::Events(args) => on_one_thread(events::run(*args)),
        Command::Trace(args) => on_one_thread(traces::show(&args)),
        Command::Errors(args) => on_one_thread(errors::run(&args)),
        Command::Check { what: Check::Config { file } } => check::config(&file),
        Command::Check { what: Check::Pipeline { file, name, labels } } => {
            pipelines::check(&file, name.as_deref(), &labels)
        }
        Command::Alerts(args) => on_one_thread(alerts::run(&args)),
        Command::Silence { what } => on_one_thread(alerts::silence(what)),
        Command::Check { what: Check::Alertmanager { file, exec } } => check::alertmanager(&file, exec),
        Command::Check { what: Check::Rules { files, language, ignore_unknown_fields, lint_fatal } } => {
            let language = language.unwrap_or_default();
            rules::check(&files, ::rules::FileOptions { language, ignore_unknown_fields }, lint_fatal)
        }
        Command::Check { what: Check::Objectives { files } } => objectives::check(&files),
        Command::Objectives(args) => on_one_thread(objectives::run(&args)),
        Command::Rules { what } => on_one_thread(rules::run(&what)),
        Command::Test { what: Test::Promql { files } } => testing::run(&files, promql::script::run_file),
        Command::Test { what: Test::Rules(args) } => rules::test(&args),
        Command::Test { what: Test::Logql { files } } => testing::run(&files, logql::script::run_file),
        Command::Test { what: Test::Traceql { files } } => testing::run(&files, traceql::script::run_file),
        Command::Verify(args) => verify::run(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Import { from: Import::Prometheus { dir, data, url } } => {
            import::prometheus(&dir, data.as_deref(), &url)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "watchfire", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Runs a client: something that mostly waits.
fn on_one_thread<T>(work: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| unable(format!("cannot start the runtime: {e}")))?.block_on(work)
}

/// Runs something that serves, on all processors.
fn on_all_threads<T>(work: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    allow_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("watchfire").build();
    runtime.map_err(|e| unable(format!("cannot start the runtime: {e}")))?.block_on(work)
}

/// Raises the soft limit of file descriptors to the hard one: the soft one is often 1,024, for the sake of programs
/// that use `select`.
fn allow_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(e) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(error = %e, "the limit of file descriptors stays as it is");
    }
}

/// Calls `then` each time the process is asked to read its files again.
async fn each_hangup(mut then: impl AsyncFnMut()) {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => {
            while hangup.recv().await.is_some() {
                then().await;
            }
        }
        Err(error) => tracing::warn!(%error, "SIGHUP is not listened for: reload with POST /-/reload"),
    }
    std::future::pending().await
}

/// Waits until the process is asked to end.
async fn asked_to_end() -> Result<(), Exit> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|e| unable(format!("cannot listen for signals: {e}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
