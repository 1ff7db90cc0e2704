//! Who is told what, and when.

use alerting::{Alert, Config, Delivery, Desk, Matchers, Outcome, Posted, Reason, RuleState, Silence};
use env::{Disk, SimDisk};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A desk with time that passes when told to. Every delivery is taken at once.
struct Stage {
    desk: Desk,
    now_ms: i64,
}

const BEGIN: i64 = 1_800_000_000_000;

impl Stage {
    fn new(config: &str) -> Stage {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
        disk.create_dir_all(Path::new("/d")).unwrap();
        let config = Arc::new(Config::parse(config, Path::new("/")).unwrap());
        let (desk, _) = Desk::open(disk, PathBuf::from("/d/a"), config, BEGIN).unwrap();
        Stage { desk, now_ms: BEGIN }
    }

    fn post(&mut self, labels: &str, ended: bool) {
        let labels = labels.split(',').map(|p| p.split_once('=').unwrap());
        let posted = Posted {
            labels: labels.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            ends_ms: ended.then_some(self.now_ms),
            ..Posted::default()
        };
        let now = self.now_ms;
        assert!(self.desk.act(|core, out| core.post(now, vec![posted], out)).is_empty());
    }

    /// Lets seconds pass; gives what was told meanwhile as `receiver reason firing/resolved`.
    fn pass(&mut self, seconds: i64) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            let now = self.now_ms;
            self.desk.act(|core, out| core.tick(now, out));
            for d in self.desk.commit(now).sends {
                told.push(shown(&d));
                self.desk.act(|core, out| core.done(now, d.id, Outcome::Delivered, out));
            }
            self.desk.commit(now);
            self.now_ms += 1_000;
        }
        told
    }
}

fn shown(d: &Delivery) -> String {
    let resolved = d.alerts.iter().filter(|a| a.is_resolved(d.decided_ms)).count();
    format!("{} {:?} {}/{resolved}", d.way.receiver, d.reason, d.alerts.len() - resolved)
}

const PLAIN: &str = "
route: {receiver: a, group_by: [g], group_wait: 10s, group_interval: 60s, repeat_interval: 10m}
receivers: [{name: a, webhook_configs: [{url: 'http://x'}]}]
";

#[test]
fn groups_wait_then_tell_changes_then_repeat() {
    let mut stage = Stage::new(PLAIN);
    stage.post("alertname=A,g=1", false);
    assert!(stage.pass(9).is_empty());
    stage.post("alertname=B,g=1", false);
    stage.post("alertname=C,g=2", false);
    assert_eq!(stage.pass(2), ["a First 2/0"]);
    assert_eq!(stage.pass(10), ["a First 1/0"]);
    stage.post("alertname=D,g=1", false);
    assert_eq!(stage.pass(60), ["a NewAlerts 3/0"]);
    stage.post("alertname=A,g=1", true);
    assert_eq!(stage.pass(60), ["a SomeResolved 2/1"]);
    for _ in 0..10 {
        stage.post("alertname=B,g=1", false);
        stage.post("alertname=D,g=1", false);
        stage.post("alertname=C,g=2", false);
        stage.pass(60);
    }
    stage.post("alertname=B,g=1", true);
    stage.post("alertname=D,g=1", true);
    assert_eq!(stage.pass(60), ["a AllResolved 0/2"]);
    assert!(stage.pass(120).is_empty());
    assert_eq!(stage.desk.core().groups().len(), 1);
    // An alert nobody repeats is over after the resolve timeout.
    assert_eq!(stage.pass(400), ["a AllResolved 0/1"]);
    assert_eq!((stage.desk.core().groups().len(), stage.desk.core().alerts().len()), (0, 0));
}

#[test]
fn what_did_not_change_is_repeated() {
    let mut stage = Stage::new(PLAIN);
    let mut told = Vec::new();
    for _ in 0..23 {
        stage.post("alertname=A,g=1", false);
        told.extend(stage.pass(60));
    }
    assert_eq!(told, ["a First 1/0", "a Repeat 1/0", "a Repeat 1/0"]);
}

#[test]
fn routes_go_on_inherit_and_do_without_ends() {
    let mut stage = Stage::new(
        "
route:
  receiver: root
  group_wait: 0s
  group_interval: 5s
  routes:
  - {matchers: [team=db], receiver: db, continue: true}
  - {matchers: ['team=~\"d.*\"'], receiver: log}
receivers:
- {name: root, webhook_configs: [{url: 'http://x'}]}
- {name: db, webhook_configs: [{url: 'http://x', send_resolved: false}, {url: 'http://y'}]}
- {name: log, webhook_configs: [{url: 'http://x'}]}
",
    );
    stage.post("alertname=A,team=db", false);
    stage.post("alertname=B,team=web", false);
    let mut told = stage.pass(1);
    told.sort();
    assert_eq!(told, ["db First 1/0", "db First 1/0", "log First 1/0", "root First 1/0"]);
    stage.post("alertname=A,team=db", true);
    let mut told = stage.pass(10);
    told.sort();
    assert_eq!(told, ["db AllResolved 0/1", "log AllResolved 0/1"]);
}

#[test]
fn silences_and_inhibition_and_times_keep_quiet() {
    let mut stage = Stage::new(
        "
route: {receiver: a, group_by: ['...'], group_wait: 0s, group_interval: 5s, routes: [{matchers: [night=yes], mute_time_intervals: [always]}]}
receivers: [{name: a, webhook_configs: [{url: 'http://x'}]}]
inhibit_rules: [{source_matchers: [sev=page], target_matchers: [sev=warn], equal: [host]}]
time_intervals: [{name: always, time_intervals: [{}]}]
",
    );
    let now = stage.now_ms;
    let silence = Silence {
        id: String::new(),
        matchers: Matchers::parse("alertname=~\"Quiet.*\"").unwrap(),
        starts_ms: now,
        ends_ms: now + 60_000,
        created_by: "me".into(),
        comment: "so".into(),
        updated_ms: 0,
    };
    let id = stage.desk.act(|core, out| core.set_silence(now, silence.clone(), "one".into(), out)).unwrap();
    stage.post("alertname=Quiet1", false);
    stage.post("alertname=Loud,host=h,sev=page", false);
    stage.post("alertname=Softer,host=h,sev=warn", false);
    stage.post("alertname=Other,host=i,sev=warn", false);
    stage.post("alertname=Night,night=yes", false);
    assert_eq!(stage.desk.core().preview(&silence.matchers, now).len(), 1);
    assert_eq!(stage.pass(20), ["a First 1/0", "a First 1/0"]);
    let muted = stage.desk.core().groups().filter(|g| !g.muted_by.is_empty()).count();
    assert_eq!(muted, 1);
    let now = stage.now_ms;
    stage.desk.act(|core, out| core.expire_silence(now, &id, out)).unwrap();
    assert!(stage.desk.act(|core, out| core.expire_silence(now, &id, out)).is_err());
    stage.post("alertname=Loud,host=h,sev=page", true);
    let mut told = stage.pass(20);
    told.sort();
    assert_eq!(told, ["a AllResolved 0/1", "a First 1/0", "a First 1/0"]);
}

#[test]
fn a_failed_delivery_is_decided_again_with_what_is_true_then() {
    let mut stage = Stage::new(PLAIN);
    stage.post("alertname=A,g=1", false);
    stage.now_ms += 10_000;
    let now = stage.now_ms;
    stage.desk.act(|core, out| core.tick(now, out));
    let sends = stage.desk.commit(now).sends;
    assert_eq!(sends.len(), 1);
    stage.desk.act(|core, out| core.done(now, sends[0].id, Outcome::Failed, out));
    stage.post("alertname=B,g=1", false);
    assert_eq!(stage.pass(61), ["a First 2/0"]);
    assert_eq!(stage.desk.core().counts().failed, 1);
    assert_eq!(sends[0].reason, Reason::First);
}

#[test]
fn a_restart_goes_on_and_what_was_open_is_sent_again() {
    let disk = SimDisk::new(7);
    disk.create_dir_all(Path::new("/d")).unwrap();
    let config = Arc::new(Config::parse(PLAIN, Path::new("/")).unwrap());
    let open = |now| {
        let process: Arc<dyn Disk> = Arc::new(disk.process());
        let (desk, _) = Desk::open(process, PathBuf::from("/d/a"), Arc::clone(&config), now).unwrap();
        Stage { desk, now_ms: now }
    };
    let mut stage = open(BEGIN);
    stage.post("alertname=A,g=1", false);
    stage.now_ms += 10_000;
    let now = stage.now_ms;
    stage.desk.act(|core, out| core.tick(now, out));
    assert_eq!(stage.desk.commit(now).sends.len(), 1);
    drop(stage);
    disk.crash();
    let mut stage = open(now + 1);
    assert_eq!(stage.pass(30), ["a First 1/0"]);
    assert_eq!(stage.desk.core().counts().uncertain, 1);
    drop(stage);
    disk.crash();
    let mut stage = open(now + 40_000);
    assert!(stage.pass(30).is_empty(), "told before");
    stage.post("alertname=A,g=1", true);
    assert_eq!(stage.pass(70), ["a AllResolved 0/1"]);
}

#[test]
fn what_ended_between_two_turns_is_over_after_a_restart() {
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new("/d")).unwrap();
    let config = Arc::new(Config::parse(PLAIN, Path::new("/")).unwrap());
    let open = |now| {
        let process: Arc<dyn Disk> = Arc::new(disk.process());
        let (desk, _) = Desk::open(process, PathBuf::from("/d/a"), Arc::clone(&config), now).unwrap();
        Stage { desk, now_ms: now }
    };
    let mut stage = open(BEGIN);
    // The turn of the rule is before the moment at which the alert was seen to end.
    let rule = |stage: &mut Stage, ends_ms: i64, turn_ms: i64| {
        let labels = [("alertname", "A"), ("g", "1")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let alert = Alert {
            labels: Arc::new(labels.into()),
            annotations: Arc::default(),
            starts_ms: BEGIN,
            ends_ms,
            generator_url: "".into(),
            updated_ms: turn_ms,
            timeout: false,
        };
        let state = RuleState { rule: "r".to_owned(), changed: Vec::new(), gone: Vec::new() };
        let now = stage.now_ms;
        stage.desk.act(|core, out| core.rule(now, state, vec![alert], out));
    };
    rule(&mut stage, i64::MAX, BEGIN);
    assert_eq!(stage.pass(20), ["a First 1/0"]);
    let ended = stage.now_ms;
    rule(&mut stage, ended, ended - 500);
    let mut told = Vec::new();
    while told.is_empty() {
        stage.now_ms += 1_000;
        let now = stage.now_ms;
        stage.desk.act(|core, out| core.tick(now, out));
        told = stage.desk.commit(now).sends;
    }
    assert_eq!(shown(&told[0]), "a AllResolved 0/1");
    let now = stage.now_ms;
    drop(stage);
    disk.crash();
    let mut stage = open(now + 1);
    assert_eq!(stage.pass(400), ["a AllResolved 0/1"], "told again, as nobody knows whether it was taken");
    assert_eq!(stage.desk.core().alerts().len(), 0);
}
