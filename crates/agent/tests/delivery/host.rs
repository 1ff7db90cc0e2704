//! Measuring this host: into a store that fails now and then, and as a whole agent.

use crate::receiver::*;
use agent::{Agent, AgentConfig, Local, LocalOptions};
use env::{RealClock, RealDisk, RealRandom, SimClock};
use model::*;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps the times of batches, and can be full.
#[derive(Default)]
struct Store {
    full: AtomicBool,
    times: Arc<Mutex<Vec<i64>>>,
}

struct Batch<'a>(&'a Store, BTreeSet<i64>);

impl Appendable for Store {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch(self, BTreeSet::new()))
    }
}

impl Appender for Batch<'_> {
    fn lookup(&mut self, _: &[u8]) -> Option<SeriesRef> {
        None
    }
    fn series(&mut self, _: &Labels) -> Result<SeriesRef, AppendError> {
        Ok(SeriesRef(0))
    }
    fn sample(&mut self, _: SeriesRef, time_ms: i64, _: f64, _: i64) -> Result<(), AppendError> {
        self.1.insert(time_ms);
        Ok(())
    }
    fn histogram(&mut self, _: SeriesRef, _: i64, _: Histogram, _: i64) -> Result<(), AppendError> {
        Ok(())
    }
    fn exemplar(&mut self, _: SeriesRef, _: Exemplar) -> Result<(), AppendError> {
        Ok(())
    }
    fn metadata(&mut self, _: &str, _: Metadata) -> Result<(), AppendError> {
        Ok(())
    }
    fn commit(self: Box<Self>) -> AppendDone {
        if self.0.full.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(Unavailable::ReadOnly("no room".into()))));
        }
        assert_eq!(self.1.len(), 1, "one timestamp in a batch");
        self.0.times.lock().unwrap().extend(self.1);
        Box::pin(std::future::ready(Ok(Committed::default())))
    }
}

#[test]
fn collections_a_store_refuses_are_kept_and_handed_over_later() {
    let clock = SimClock::at(10_500);
    let store = Arc::new(Store::default());
    let options = LocalOptions { pending_max: 3, ..LocalOptions::default() };
    let mut local = Local::start(options, store.clone(), Arc::new(clock.clone())).unwrap();
    let collected =
        |n| until("a collection", || local.status().collections == n && local.status().last_ms > 0);
    let times = || store.times.lock().unwrap().clone();
    collected(1);
    until("the first", || times() == [10_000]);
    store.full.store(true, Ordering::SeqCst);
    for n in 2..=6 {
        clock.advance(Duration::from_secs(1));
        collected(n);
    }
    until("two are given up", || local.status().lost == 2 && local.status().pending == 3);
    assert_eq!(local.status().last_error, "the store cannot write: no room");
    store.full.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    collected(7);
    // Three were kept, and the newest pushes out one more unless the others are handed over just before.
    until("the rest", || times().last() == Some(&16_000) && local.status().pending == 0);
    let kept = [10_000, 13_000, 14_000, 15_000, 16_000];
    match local.status().lost {
        2 => assert_eq!(times(), kept),
        lost => assert_eq!((lost, times()), (3, [&kept[..1], &kept[2..]].concat())),
    }
    assert!(local.processes().iter().any(|p| p.pid == u64::from(std::process::id())));
    assert!(local.collectors().iter().any(|c| c.name == "cpu" && c.success));
    local.stop();
}

#[test]
fn an_agent_delivers_this_host_and_its_targets() {
    let dir = tempfile::tempdir().unwrap();
    let server = Receiver::start(always(200));
    let yaml = format!(
        "to: {}\nspool_dir: spool\ninterval: 100ms\nlogs: {{ enabled: false }}\nlabels: {{ instance: here, site: a }}\nscrape_configs:\n- job_name: t\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['127.0.0.1:9']\n",
        server.url()
    );
    let config: AgentConfig = AgentConfig::from_yaml(&yaml).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(RealClock::new());
        let agent =
            Agent::start(&config, dir.path(), Arc::new(RealDisk), clock, Arc::new(RealRandom)).unwrap();
        let has = |what: &'static str| server.taken().iter().any(|g| g.series.contains(what));
        tokio::task::block_in_place(|| {
            until("this host's load", || has(r#"node_load1{instance="here", job="node", site="a"}"#));
            until("the target's state", || has(r#"up{instance="127.0.0.1:9", job="t"}"#));
        });
        let status = agent.status();
        assert!(status.targets == 1 && status.host.is_some_and(|h| h.collections > 0));
        agent.stop(Duration::from_secs(20)).await;
        assert_eq!(agent.status().spool.waiting_records, 0);
    });
    server.seen(|s| assert!(s.metadata.iter().any(|m| m == "node_load1")));
}

#[test]
fn a_wrong_configuration_says_what_is_wrong() {
    let parse = |yaml: &str| AgentConfig::from_yaml(yaml);
    let error = parse("to: x\nspool_dirr: y\n").unwrap_err().to_string();
    assert!(error.contains("spool_dirr") && error.contains("spool_dir"), "{error}");
    let start = |config: &AgentConfig| {
        let dir = PathBuf::from("/nonexistent");
        let disk = Arc::new(env::SimDisk::new(1));
        Agent::start(config, &dir, disk, Arc::new(RealClock::new()), Arc::new(RealRandom))
            .err()
            .unwrap()
            .to_string()
    };
    let mut config = AgentConfig::default();
    assert_eq!(start(&config), "to: is not set: give the URL of the server to deliver to");
    config.to = "http://127.0.0.1:9".into();
    assert_eq!(start(&config), "spool_dir: is not set: give a directory that outlives restarts");
    config.spool_dir = "s".into();
    config.bearer_token = Some("t".into());
    config.username = Some("u".into());
    assert_eq!(
        start(&config),
        "bearer_token: only one of bearer_token, bearer_token_file and username can be set"
    );
    config.username = None;
    config.interval.0 = Duration::from_millis(1);
    assert_eq!(start(&config), "interval: is 1ms, below the least of 100ms");
}
