//! Which alerts belong together, and who is told when: cases in `tests/grouping` and `tests/escalation`. A line is a time and
//! what happens then; `=` says what there is, `told` who was told since it was last said, with `!` of ends. A section
//! `on_call` in YAML may stand first, and `---` after it.
//!
//! ```text
//! related ENTITY ENTITY
//! TIME fire NAME LABEL=VALUE …     TIME end NAME      TIME silence NAME      TIME speak NAME
//! TIME ack|resolve|reopen N        TIME merge N M     TIME split N NAME
//! TIME unack N                     TIME escalate N [PERSON …]           TIME told PERSON …
//! TIME = N STATUS[ quiet] NAME… | …                  alerts that ended stand in brackets
//! ```

mod common;

use alerting::{Fingerprint, Matchers, config::Span};
use common::{World, entity, firing, oncall};
use env::SimDisk;
use incidents::oncall::OnCall;
use incidents::{Action, Desk, IncidentId, Seen, Settings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Case {
    world: World,
    desk: Desk,
    /// Alerts by name.
    named: BTreeMap<String, Fingerprint>,
    now_ms: i64,
    /// Who was told.
    told: Vec<String>,
}

/// The times of a case are since this.
const ZERO_MS: i64 = 1_000_000_000;

impl Case {
    fn new(plan: OnCall) -> Case {
        let disk = SimDisk::new(7);
        env::Disk::create_dir_all(&disk, Path::new("/data")).unwrap();
        let settings =
            Settings { leave_out: vec![Matchers::parse("severity=none").unwrap()], ..Settings::default() };
        let (desk, _) =
            Desk::open(Arc::new(disk), PathBuf::from("/data/incidents"), settings, Arc::new(plan), ZERO_MS)
                .unwrap();
        Case { world: World::default(), desk, named: BTreeMap::new(), now_ms: ZERO_MS, told: Vec::new() }
    }

    /// Time passes, second by second.
    fn until(&mut self, at_ms: i64) {
        while self.now_ms < at_ms {
            self.now_ms = (self.now_ms + 1_000).min(at_ms);
            let (now, world) = (self.now_ms, &self.world);
            self.desk.act(|core, out| core.tick(now, world, out));
            self.commit();
        }
    }

    fn commit(&mut self) {
        let committed = self.desk.commit(self.now_ms);
        assert!(committed.failure.is_none());
        for p in committed.pages {
            let end = if p.page.end { "!" } else { "" };
            self.told.push(p.page.person + end);
            self.desk.act(|core, out| core.asked(p.incident, p.entry, Vec::new(), out));
        }
    }

    fn tell(&mut self, seen: Seen) {
        let id = Fingerprint::of(&seen.labels);
        self.world.alerts.insert(id, seen.clone());
        let (now, world) = (self.now_ms, &self.world);
        self.desk.act(|core, out| core.observe(now, &seen, world, out));
    }

    fn act(&mut self, id: &str, action: Action) {
        let (now, id) = (self.now_ms, IncidentId(id.parse().unwrap()));
        self.desk.act(|core, out| core.act(now, id, action, "ann", out)).unwrap();
    }

    fn run(&mut self, words: &[&str]) -> Option<String> {
        let now = self.now_ms;
        match words {
            ["fire", name, labels @ ..] => {
                let labels: Vec<(&str, &str)> = labels.iter().map(|l| l.split_once('=').unwrap()).collect();
                let seen = firing(name, &labels, now);
                self.named.insert((*name).to_owned(), Fingerprint::of(&seen.labels));
                self.tell(seen);
            }
            ["end", name] => {
                let seen = self.world.alerts[&self.named[*name]].clone();
                self.tell(Seen { ends_ms: now, ..seen });
            }
            ["silence", name] => drop(self.world.silenced.insert((*name).to_owned())),
            ["speak", name] => drop(self.world.silenced.remove(*name)),
            ["ack", id] => self.act(id, Action::Acknowledge),
            ["unack", id] => self.act(id, Action::Unacknowledge),
            ["escalate", id, people @ ..] => {
                let people = people.iter().map(|p| (*p).to_owned()).collect();
                self.act(id, Action::Escalate { people, schedules: Vec::new() });
            }
            ["told", ..] => {
                // What is due at this very moment.
                let (now, world) = (self.now_ms, &self.world);
                self.desk.act(|core, out| core.tick(now, world, out));
                self.commit();
                return Some(std::mem::take(&mut self.told).join(" "));
            }
            ["resolve", id] => self.act(id, Action::Resolve),
            ["reopen", id] => self.act(id, Action::Reopen),
            ["merge", id, other] => self.act(id, Action::Merge(vec![IncidentId(other.parse().unwrap())])),
            ["split", id, name] => self.act(id, Action::Split(vec![self.named[*name]])),
            ["=", ..] => return Some(self.shown()),
            other => panic!("{other:?}"),
        }
        None
    }

    fn shown(&self) -> String {
        let all = self.desk.core().incidents().map(|i| {
            let quiet = if i.head.quiet_ms.is_some() { " quiet" } else { "" };
            let mut names: Vec<String> = i
                .members
                .values()
                .map(|m| if m.ended { format!("({})", m.name()) } else { m.name().to_owned() })
                .collect();
            names.sort_by_key(|n| n.trim_matches(['(', ')']).to_owned());
            format!("{} {}{quiet} {}", i.id(), i.head.status.text(), names.join(" ")).trim_end().to_owned()
        });
        all.collect::<Vec<_>>().join(" | ")
    }
}

#[test]
fn what_belongs_together() {
    run("grouping");
}

#[test]
fn who_is_told() {
    run("escalation");
}

fn run(dir: &str) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(dir);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (plan, lines) = text.split_once("---\n").unwrap_or(("", &text));
        let skipped = text.lines().count() - lines.lines().count();
        let plan = if plan.is_empty() { OnCall::default() } else { oncall(plan).unwrap() };
        let mut case = Case::new(plan);
        for (number, line) in lines.lines().enumerate() {
            let place = format!("{}:{}", file.display(), skipped + number + 1);
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["related", a, b] => drop(case.world.relations.insert((entity(a), entity(b)))),
                [at, rest @ ..] => {
                    let at: Span = at.parse().unwrap_or_else(|e| panic!("{place}: {e}"));
                    case.until(ZERO_MS + at.0);
                    if let Some(shown) = case.run(rest) {
                        assert_eq!(shown, rest[1..].join(" "), "{place}");
                    }
                }
            }
        }
    }
}
