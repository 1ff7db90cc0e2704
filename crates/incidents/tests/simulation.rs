//! The process dies at random, with alerting beside incidents as the server has them: no change of an alert that was
//! acknowledged is missing, nothing that people did, nobody is told twice but where the answer itself was lost.

mod common;

use alerting::{Alert, Config, Delivery, DeliveryId, Happened, Outcome, Paging, Posted, Reason};
use common::{World, oncall};
use env::{Disk, Random, SimDisk, SimRandom};
use incidents::oncall::OnCall;
use incidents::{Action, IncidentId, Notification, Seen, Settings, Status, What};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CONFIG: &str = "
route: {receiver: none, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1000h}
receivers:
- name: none
  webhook_configs: [{url: 'http://a'}]
- name: phone
  webhook_configs: [{url: 'http://b'}]
- name: mail
  webhook_configs: [{url: 'http://c', send_resolved: false}]
";

const ON_CALL: &str = "
people: [{name: ann, receivers: [phone, mail]}, {name: bob, receivers: [mail]}]
schedules: []
policies: [{name: all, steps: [{people: [ann], wait: 20s}, {people: [bob], wait: 20s}], repeat: 1}]
";

/// What outlives the process.
#[derive(Default)]
struct Truth {
    /// Of each alert, whether it fires, as acknowledged.
    firing: BTreeMap<String, bool>,
    /// Alerts of which the last change was not acknowledged.
    unsure: BTreeSet<String>,
    /// Notes that were acknowledged, and those that may have been taken.
    notes: BTreeSet<String>,
    maybe: BTreeSet<String>,
    next_note: u64,
    /// What was told of incidents, by group key, person, and alerts.
    told: BTreeMap<(u64, String), u64>,
    /// Decisions whose answer did not become durable.
    answers_lost: BTreeSet<DeliveryId>,
    uncertain: BTreeSet<DeliveryId>,
}

struct Process {
    alerts: alerting::Desk,
    incidents: incidents::Desk,
    sending: VecDeque<Arc<Delivery>>,
}

fn world(core: &alerting::Core) -> World {
    World { alerts: core.alerts().map(|(id, a)| (id, Seen::from(a))).collect(), ..World::default() }
}

impl Process {
    fn open(disk: &SimDisk, plan: &Arc<OnCall>, now_ms: i64) -> Option<Process> {
        let process: Arc<dyn Disk> = Arc::new(disk.process());
        let config = Arc::new(Config::parse(CONFIG, Path::new("/")).unwrap());
        let dir = |name: &str| PathBuf::from("/data").join(name);
        let (alerts, _) = alerting::Desk::open(Arc::clone(&process), dir("alerting"), config, now_ms).ok()?;
        let settings = Settings { rest_ms: 30_000, ..Settings::default() };
        let opened = incidents::Desk::open(process, dir("incidents"), settings, Arc::clone(plan), now_ms);
        let (mut incidents, _) = opened.ok()?;
        let around = world(alerts.core());
        let open: BTreeSet<u64> = alerts.core().open().map(|d| d.id.0).collect();
        incidents.act(|of, out| {
            of.reconcile(now_ms, &around, &open, out);
            around.alerts.values().for_each(|seen| of.observe(now_ms, seen, &around, out));
        });
        Some(Process { alerts, incidents, sending: VecDeque::new() })
    }

    /// A turn, as the server has it. Whether all of it is durable.
    fn turn(&mut self, now: i64) -> bool {
        self.alerts.act(|core, out| core.tick(now, out));
        let committed = self.alerts.commit(now);
        let mut sound = committed.failure.is_none();
        self.sending.extend(committed.sends.iter().cloned());
        if !sound {
            return false;
        }
        let around = world(self.alerts.core());
        self.incidents.act(|of, out| {
            for happened in &committed.happened {
                match happened {
                    Happened::Alert(alert) => of.observe(now, &Seen::from(alert), &around, out),
                    Happened::Done(id, outcome) => of.told(now, id.0, *outcome, out),
                }
            }
            for delivery in committed.sends.iter().filter(|d| d.reason != Reason::Escalation) {
                of.decided(delivery, out);
            }
            of.tick(now, &around, out);
        });
        let asked = self.incidents.commit(now);
        sound &= asked.failure.is_none();
        if !sound {
            return false;
        }
        for request in &asked.pages {
            let mut notifications = Vec::new();
            for receiver in &request.page.receivers {
                let incident = self.incidents.core().get(request.incident).unwrap();
                let alerts = incident.members.values().map(|m| Alert {
                    labels: Arc::clone(&m.labels),
                    annotations: Arc::clone(&m.annotations),
                    starts_ms: m.starts_ms,
                    ends_ms: if request.page.end { now } else { i64::MAX },
                    generator_url: Arc::clone(&m.generator_url),
                    updated_ms: now,
                    timeout: false,
                });
                let paging = Paging {
                    key: format!("incident/{}/{}", request.incident, request.entry),
                    group_key: format!("incident/{}", request.incident),
                    group_labels: [("entry".to_owned(), request.entry.to_string())].into(),
                    receiver: receiver.clone(),
                    alerts: alerts.collect(),
                };
                let told = self.alerts.act(|core, out| core.page(now, &paging, out));
                notifications.extend(told.into_iter().map(|(way, id)| Notification {
                    delivery: id.map(|id| id.0),
                    receiver: way.receiver,
                    way: way.kind,
                    index: way.index,
                    outcome: None,
                    done_ms: None,
                }));
            }
            self.incidents.act(|of, out| of.asked(request.incident, request.entry, notifications, out));
        }
        if !asked.pages.is_empty() {
            let committed = self.alerts.commit(now);
            self.sending.extend(committed.sends);
            sound &= committed.failure.is_none() && self.incidents.commit(now).failure.is_none();
        }
        sound
    }

    /// Sends what is first; whether it is known to have been taken once this turn is durable.
    fn send(&mut self, truth: &mut Truth, now: i64, taken: bool) {
        let Some(delivery) = self.sending.pop_front() else { return };
        if taken {
            if delivery.reason == Reason::Escalation {
                let to = format!("{} {}", delivery.group_key, delivery.way.receiver);
                *truth.told.entry((delivery.id.0, to)).or_default() += 1;
            }
            truth.answers_lost.insert(delivery.id);
        }
        let outcome = if taken { Outcome::Delivered } else { Outcome::Failed };
        self.alerts.act(|core, out| core.done(now, delivery.id, outcome, out));
    }
}

fn posted(name: &str, ends_ms: Option<i64>, now_ms: i64) -> Posted {
    let labels = [("alertname", name), ("service", &name[..1])];
    Posted {
        labels: labels.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        starts_ms: Some(now_ms.min(ends_ms.unwrap_or(now_ms))),
        ends_ms: Some(ends_ms.unwrap_or(i64::MAX / 2)),
        ..Posted::default()
    }
}

/// One life of the process.
fn live(
    disk: &SimDisk,
    random: &SimRandom,
    truth: &mut Truth,
    plan: &Arc<OnCall>,
    now_ms: &mut i64,
    steps: u64,
) {
    let Some(mut p) = Process::open(disk, plan, *now_ms) else { return };
    for _ in 0..steps {
        let now = *now_ms;
        let (mut changed, mut noted) = (None, None);
        match random.below(6) {
            0 | 1 => {
                let name = ["a1", "a2", "b1", "b2", "c1"][random.below(5) as usize];
                let fires = truth.firing.get(name).copied().unwrap_or(false);
                let post = posted(name, fires.then_some(now), now);
                assert!(p.alerts.act(|core, out| core.post(now, vec![post], out)).is_empty());
                changed = Some((name.to_owned(), !fires));
            }
            2 => *now_ms += 1 + random.below(8_000) as i64,
            3 => {
                let open: Vec<IncidentId> =
                    p.incidents.core().incidents().filter(|i| i.is_open()).map(|i| i.id()).collect();
                if !open.is_empty() {
                    let id = open[random.below(open.len() as u64) as usize];
                    let text = truth.next_note.to_string();
                    truth.next_note += 1;
                    let action = match random.below(8) {
                        0 => Action::Acknowledge,
                        1 => Action::Resolve,
                        2 => Action::Merge(open.iter().copied().filter(|o| *o != id).take(1).collect()),
                        _ => Action::Note(text.clone()),
                    };
                    let is_note = matches!(action, Action::Note(_));
                    let done = p.incidents.act(|core, out| core.act(now, id, action, "ann", out));
                    noted = (done.is_ok() && is_note).then_some(text);
                }
            }
            _ => p.send(truth, now, random.below(5) > 0),
        }
        let sound = p.turn(*now_ms);
        if !sound {
            truth.unsure.extend(changed.map(|(name, _)| name));
            truth.maybe.extend(noted);
            return;
        }
        let open: BTreeSet<DeliveryId> = p.alerts.core().open().map(|d| d.id).collect();
        truth.answers_lost.retain(|id| open.contains(id));
        if let Some((name, fires)) = changed {
            truth.unsure.remove(&name);
            truth.firing.insert(name, fires);
        }
        truth.notes.extend(noted);
    }
}

fn check(p: &Process, truth: &Truth, seed: u64) {
    let core = p.incidents.core();
    for (name, fires) in truth.firing.iter().filter(|(name, _)| !truth.unsure.contains(*name)) {
        let labels = posted(name, None, 0).labels;
        let id = alerting::Fingerprint::of(&labels);
        let place = core.place(id).and_then(|i| core.get(i)?.members.get(&id));
        let ended = place.map(|m| m.ended);
        assert_eq!(ended.unwrap_or(true), !fires, "seed {seed}: {name} fires: {fires}");
    }
    let mut notes: BTreeMap<&str, usize> = BTreeMap::new();
    for incident in core.incidents() {
        let mut firing: BTreeMap<String, bool> = BTreeMap::new();
        // What came from another incident began there.
        let is_whole = !incident.entries.iter().any(|e| matches!(e.what, What::Merged { .. }));
        let mut last = 0;
        for entry in &incident.entries {
            assert!(entry.number > last, "seed {seed}: entries of {} in disorder", incident.id());
            last = entry.number;
            match &entry.what {
                What::Note { text } => *notes.entry(text).or_default() += 1,
                What::Firing { alert } => drop(firing.insert(alert.name.clone(), true)),
                What::Ended { alert } => {
                    let before = firing.insert(alert.name.clone(), false);
                    assert!(before != Some(false) || !is_whole, "seed {seed}: {} ended twice", alert.name);
                }
                What::Paged(page) => assert!(page.asked, "seed {seed}: {} was not told", page.person),
                _ => {}
            }
        }
        if incident.head.status == Status::Triggered && incident.head.quiet_ms.is_none() {
            assert!(incident.firing().next().is_some(), "seed {seed}: {} is open for nothing", incident.id());
        }
    }
    for note in &truth.notes {
        assert_eq!(notes.get(note.as_str()), Some(&1), "seed {seed}: note {note}");
    }
    assert!(notes.keys().all(|n| truth.notes.contains(*n) || truth.maybe.contains(*n)), "seed {seed}");
}

fn simulate(seed: u64, plan: &Arc<OnCall>) -> (usize, usize) {
    let disk = SimDisk::new(seed);
    disk.create_dir_all(Path::new("/data")).unwrap();
    let random = SimRandom::new(seed ^ 0x5eed);
    let mut truth = Truth::default();
    let mut now_ms = 1_000_000;
    for _ in 0..6 {
        disk.crash_after(random.below(120));
        live(&disk, &random, &mut truth, plan, &mut now_ms, 80);
        now_ms += 1;
        let mut lost = std::mem::take(&mut truth.answers_lost);
        truth.uncertain.append(&mut lost);
        match random.next_u64() % 2 {
            0 if !disk.is_down() => disk.kill(),
            _ => disk.crash(),
        }
        disk.heal();
    }
    let mut p = Process::open(&disk, plan, now_ms).unwrap();
    for _ in 0..60 {
        while !p.sending.is_empty() {
            p.send(&mut truth, now_ms, true);
        }
        assert!(p.turn(now_ms), "seed {seed}");
        now_ms += 1_000;
    }
    check(&p, &truth, seed);
    let twice: Vec<_> = truth.told.iter().filter(|(_, times)| **times > 1).collect();
    for ((id, to), times) in &twice {
        assert!(truth.uncertain.contains(&DeliveryId(*id)), "seed {seed}: {to} was told {times} times");
    }
    (truth.told.len(), twice.len())
}

#[test]
fn nothing_is_lost_and_nobody_is_told_twice() {
    let seeds = std::env::var("WATCHFIRE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(200);
    let plan = Arc::new(oncall(ON_CALL).unwrap());
    let (mut told, mut twice) = (0, 0);
    for seed in 0..seeds {
        let (n, t) = simulate(seed, &plan);
        told += n;
        twice += t;
    }
    assert!(told > 100, "{told} pages in {seeds} lives");
    println!("{told} pages, {twice} of them twice because the answer was lost");
}
