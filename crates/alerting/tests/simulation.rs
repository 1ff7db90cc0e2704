//! The process dies at random; no transition is lost, and none is told twice but where the answer itself was lost.

use alerting::{Config, Delivery, DeliveryId, Desk, Outcome, Posted};
use env::{Disk, Random, SimDisk, SimRandom};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CONFIG: &str = "
route:
  receiver: a
  group_by: [group]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 1000h
receivers:
- name: a
  webhook_configs: [{url: 'http://a'}]
";

/// What a receiver saw of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Firing,
    Resolved,
}

#[derive(Default)]
struct Receiver {
    /// Of each alert what was told, in order, without what says the same again.
    seen: BTreeMap<String, Vec<Told>>,
    /// Messages by what they say, to find the same one told twice.
    messages: BTreeMap<(u64, String), u64>,
    /// Decisions whose answer did not become durable.
    answers_lost: BTreeSet<DeliveryId>,
}

impl Receiver {
    fn take(&mut self, d: &Delivery) {
        let text: Vec<String> = d
            .alerts
            .iter()
            .map(|a| format!("{:?} {} {}", a.labels, a.starts_ms, a.is_resolved(d.decided_ms)))
            .collect();
        *self.messages.entry((d.id.0, text.join("\n"))).or_default() += 1;
        for a in &d.alerts {
            let told = if a.is_resolved(d.decided_ms) { Told::Resolved } else { Told::Firing };
            let seen = self.seen.entry(a.labels["alertname"].clone()).or_default();
            if seen.last() != Some(&told) {
                seen.push(told);
            }
        }
    }
}

struct Life<'a> {
    disk: &'a SimDisk,
    random: &'a SimRandom,
    receiver: &'a mut Receiver,
    /// Acknowledged states of alerts in order.
    truth: &'a mut BTreeMap<String, Vec<Told>>,
    /// Alerts of which the last change was not acknowledged: the power failed, and it may have been taken or not.
    open: &'a mut BTreeSet<String>,
    now_ms: i64,
}

fn posted(name: &str, group: u64, ends_ms: Option<i64>) -> Posted {
    let labels = [("alertname", name.to_owned()), ("group", group.to_string())];
    Posted {
        labels: labels.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
        starts_ms: Some(1),
        ends_ms: Some(ends_ms.unwrap_or(i64::MAX / 2)),
        ..Posted::default()
    }
}

impl Life<'_> {
    fn open(&self, process: &SimDisk) -> Result<Desk, String> {
        let config = Arc::new(Config::parse(CONFIG, Path::new("/")).unwrap());
        let disk: Arc<dyn Disk> = Arc::new(process.clone());
        Desk::open(disk, PathBuf::from("/data/alerting"), config, self.now_ms)
            .map(|(d, _)| d)
            .map_err(|e| e.to_string())
    }

    /// Runs until the power fails or so many steps are done. Nothing of it is left but the disk.
    fn run(&mut self, steps: u64) {
        let process = self.disk.process();
        let Ok(mut desk) = self.open(&process) else { return };
        let mut sending: VecDeque<Arc<Delivery>> = VecDeque::new();
        for _ in 0..steps {
            let mut acknowledge = None;
            match self.random.below(4) {
                0 => {
                    let n = self.random.below(12);
                    let name = format!("alert{n}");
                    let firing = self.truth.get(&name).and_then(|t| t.last()) == Some(&Told::Firing);
                    let ends = firing.then_some(self.now_ms);
                    let now = self.now_ms;
                    let posts = vec![posted(&name, n % 3, ends)];
                    let refused = desk.act(|core, out| core.post(now, posts, out));
                    assert!(refused.is_empty(), "{refused:?}");
                    acknowledge = Some((name, if firing { Told::Resolved } else { Told::Firing }));
                }
                1 => self.now_ms += 1 + self.random.below(3_000) as i64,
                _ => {
                    if let Some(delivery) = sending.pop_front() {
                        // One in five attempts fails for good, the others reach the receiver.
                        let delivered = self.random.below(5) > 0;
                        if delivered {
                            self.receiver.take(&delivery);
                        }
                        let now = self.now_ms;
                        let outcome = if delivered { Outcome::Delivered } else { Outcome::Failed };
                        desk.act(|core, out| core.done(now, delivery.id, outcome, out));
                        if delivered {
                            self.receiver.answers_lost.insert(delivery.id);
                        }
                    }
                }
            }
            let now = self.now_ms;
            desk.act(|core, out| core.tick(now, out));
            let committed = desk.commit(self.now_ms);
            if committed.failure.is_some() {
                self.open.extend(acknowledge.map(|(name, _)| name));
                return;
            }
            let open: BTreeSet<DeliveryId> = desk.core().open().map(|d| d.id).collect();
            self.receiver.answers_lost.retain(|id| open.contains(id));
            if let Some((name, told)) = acknowledge {
                self.open.remove(&name);
                self.truth.entry(name).or_default().push(told);
            }
            sending.extend(committed.sends);
        }
    }

    /// With everything sound, time passes until nothing is left to be told.
    fn settle(&mut self) {
        let process = self.disk.process();
        let mut desk = self.open(&process).unwrap();
        for _ in 0..40 {
            let now = self.now_ms;
            desk.act(|core, out| core.tick(now, out));
            for delivery in desk.commit(now).sends {
                self.receiver.take(&delivery);
                desk.act(|core, out| core.done(now, delivery.id, Outcome::Delivered, out));
            }
            assert!(desk.commit(now).failure.is_none());
            self.now_ms += 1_000;
        }
    }
}

fn simulate(seed: u64) -> (u64, u64) {
    let disk = SimDisk::new(seed);
    disk.create_dir_all(Path::new("/data")).unwrap();
    let random = SimRandom::new(seed ^ 0x5eed);
    let (mut receiver, mut truth, mut open) = (Receiver::default(), BTreeMap::new(), BTreeSet::new());
    let mut now_ms = 1_000_000;
    let mut uncertain: BTreeSet<DeliveryId> = BTreeSet::new();
    for _ in 0..6 {
        disk.crash_after(random.below(60));
        let mut life = Life {
            disk: &disk,
            random: &random,
            receiver: &mut receiver,
            truth: &mut truth,
            open: &mut open,
            now_ms,
        };
        life.run(80);
        now_ms = life.now_ms + 1;
        uncertain.append(&mut receiver.answers_lost);
        match random.next_u64() % 2 {
            0 if !disk.is_down() => disk.kill(),
            _ => disk.crash(),
        }
        disk.heal();
    }
    let mut life = Life {
        disk: &disk,
        random: &random,
        receiver: &mut receiver,
        truth: &mut truth,
        open: &mut open,
        now_ms,
    };
    life.settle();
    for (name, states) in truth.iter().filter(|(name, _)| !open.contains(*name)) {
        let last = receiver.seen.get(name).and_then(|s| s.last());
        match states.last() {
            Some(Told::Firing) => {
                assert_eq!(last, Some(&Told::Firing), "seed {seed}: {name} fires and nobody knows")
            }
            _ => assert_ne!(last, Some(&Told::Firing), "seed {seed}: {name} is over and nobody knows"),
        }
    }
    let mut twice = 0;
    for ((id, text), times) in &receiver.messages {
        if *times > 1 {
            twice += 1;
            assert!(uncertain.contains(&DeliveryId(*id)), "seed {seed}: told {times} times: {id} {text}");
        }
    }
    (receiver.messages.len() as u64, twice)
}

#[test]
fn no_transition_is_lost_and_none_is_told_twice() {
    let seeds = std::env::var("WATCHFIRE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
    let (mut messages, mut twice) = (0, 0);
    for seed in 0..seeds {
        let (m, t) = simulate(seed);
        messages += m;
        twice += t;
    }
    assert!(messages > seeds, "{messages} messages in {seeds} lives");
    println!("{messages} messages, {twice} of them twice because the answer was lost");
}
