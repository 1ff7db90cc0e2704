//! Small versions of the measurements, against a server in this process, so that they do not rot.

use crate::server::{Host, Server};
use crate::{adversary, dashboard, transitions};
use ::server::config::Config;
use ::server::state::Origin;
use std::time::Duration;

/// A server with little memory, and the way to ask it.
async fn small() -> (::server::Server, Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".to_owned();
    (config.agent.enabled, config.own.enabled) = (false, false);
    config.query.memory = Some(::server::config::ByteSize(32 << 20));
    let origin = Origin { data_dir: dir.path().join("data"), ..Origin::default() };
    let mut running = ::server::Server::start(config, origin).await.unwrap();
    running.ready().await.unwrap();
    let server = Server::at(format!("http://{}", running.address()), std::process::id());
    (running, server, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_gets_the_same_answers_with_and_without_kept_results() {
    let (running, server, _dir) = small().await;
    let plan = dashboard::Plan {
        hosts: 3,
        range: Duration::from_secs(1800),
        step: Duration::from_secs(15),
        refresh: Duration::from_millis(200),
        lasting: Duration::from_secs(1),
        checks: 3,
    };
    let report = dashboard::run(&server, plan).await.unwrap();
    assert_eq!(report.compared, 90);
    assert!(report.to_string().contains("90 answers"), "{report}");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn adversaries_leave_those_who_write_alone() {
    let (running, server, _dir) = small().await;
    let plan = adversary::Plan {
        hosts: 2,
        range: Duration::from_secs(1200),
        queries: 28,
        rate: 20_000.0,
        lasting: Duration::from_secs(2),
        rounds: 1,
    };
    let report = adversary::run(&server, plan).await.unwrap();
    assert!(report.took.iter().chain(&report.light).all(|t| !t.is_empty()));
    assert!(report.to_string().contains("during: "), "{report}");
    assert!(report.answers.values().sum::<u64>() > 0, "{:?}", report.answers);
    running.stop().await.unwrap();
}

/// The binary beside this test; building all tests builds it.
fn binary() -> Option<std::path::PathBuf> {
    let this = std::env::current_exe().ok()?;
    let binary = this.parent()?.parent()?.join("watchfire");
    binary.is_file().then_some(binary)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_an_alert_is_told_once_though_the_server_is_killed() {
    let Some(binary) = binary() else {
        eprintln!("watchfire is absent beside this test (cargo build --workspace): kills are not tested");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host { binary, data: dir.path().join("data"), config: None };
    let plan = transitions::Plan {
        transitions: 60,
        items: 10,
        between_kills: Duration::from_secs(3),
        lost: 5,
        seed: 7,
    };
    let report = transitions::run(&mut host, plan).await.unwrap();
    assert!(report.told >= 60 && report.kills > 0 && report.answers_lost > 0, "{report}");
}
