//! Alerts that begin and end while the server is killed again and again, told to a receiver some of whose answers are
//! lost: none may be missing, and none may be told twice but where the answer was lost.
//!
//! Each item is a series that an alerting rule reads. It is written to; once the receiver has been told that its alert
//! fires, or is over, it is written to again with the opposite, until there were as many changes as asked for. What the
//! receiver is told is known by its item, its state and its beginning: the same once more is allowed only if the answer to
//! it was kept back on purpose, or if the server was killed before it could have noted the answer.

use crate::server::{Host, Server};
use crate::torture::{next, now_ms};
use crate::transitions_hook::{Hook, Message};
use crate::write::{Body, send};
use anyhow::{Context, bail, ensure};
use model::Labels;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// What is done.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Changes of alerts, beginnings and ends, in all.
    pub transitions: u64,
    /// Alerts that change at the same time.
    pub items: u32,
    /// The longest time between two kills; the shortest is a twentieth.
    pub between_kills: Duration,
    /// One answer in so many is lost.
    pub lost: u64,
    /// Decides the moments of killing, and which answers are lost.
    pub seed: u64,
}

/// What came of it.
pub struct Report {
    pub plan: Plan,
    /// Changes that were told.
    pub told: u64,
    /// How often the server was killed.
    pub kills: u64,
    /// Answers that were kept back.
    pub answers_lost: u64,
    /// Messages refused with 500, which the receiver did not take.
    pub refused: u64,
    /// Told again after the answer was kept back.
    pub again_answer_lost: u64,
    /// Told again after a kill that came before the answer was noted.
    pub again_killed: u64,
    /// Decisions that starts found open: all that may be told again after a kill are among them.
    pub uncertain: u64,
    pub took: Duration,
    /// The longest time from the acknowledged sample until it was told, the server being away included.
    pub slowest: Duration,
}

/// How long a change may take to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at what was told.
const LOOK: Duration = Duration::from_millis(20);
/// Between the end of a server and the start of the next.
const AFTER_KILL: Duration = Duration::from_millis(30);
const ITEM: &str = "item";

/// One alert.
#[derive(Default)]
struct Item {
    /// Whether its series is such that the alert fires.
    fires: bool,
    /// Whether its last change was told.
    told: bool,
    /// When its last change was acknowledged.
    changed: Option<Instant>,
    /// The beginning of the alert that was told last.
    starts: String,
    /// Whether it was told last that it fires.
    told_fires: bool,
}

/// Kills and drives until all changes were told.
pub async fn run(host: &mut Host, plan: Plan) -> anyhow::Result<Report> {
    host.wipe()?;
    let mut hook = Hook::start(plan.lost, plan.seed).await?;
    configure(host, &hook.url)?;
    let mut random = plan.seed;
    let begun = Instant::now();
    let mut drive = Drive {
        items: (0..plan.items.max(1)).map(|_| Item { told: true, ..Item::default() }).collect(),
        seen: BTreeMap::new(),
        begun: 0,
        report: Report {
            plan,
            told: 0,
            kills: 0,
            answers_lost: 0,
            refused: 0,
            again_answer_lost: 0,
            again_killed: 0,
            uncertain: 0,
            took: Duration::ZERO,
            slowest: Duration::ZERO,
        },
    };
    let mut server = host.start().await?;
    while drive.report.told < plan.transitions {
        let most = u64::try_from(plan.between_kills.as_millis())?.max(20);
        let alive = Duration::from_millis(most / 20 + next(&mut random) % most);
        let ends = Instant::now() + alive;
        while Instant::now() < ends && drive.report.told < plan.transitions {
            drive.take(&mut hook)?;
            drive.change(&server).await?;
            tokio::time::sleep(LOOK).await;
        }
        if drive.report.told < plan.transitions {
            server.kill().await?;
            drive.report.kills += 1;
            // Connections that the dead one made are taken before the next one can make any.
            tokio::time::sleep(AFTER_KILL).await;
            hook.next_life();
            server = host.start().await?;
            drive.report.uncertain += uncertain(&server).await?;
        }
    }
    // What is told too much comes late.
    tokio::time::sleep(Duration::from_secs(3)).await;
    drive.take(&mut hook)?;
    server.kill().await?;
    host.wipe()?;
    let mut report = drive.report;
    (report.answers_lost, report.refused) = (hook.answers_lost(), hook.refused());
    report.took = begun.elapsed();
    ensure!(
        report.again_killed <= report.uncertain,
        "{} told again after kills, and starts found only {} decisions open",
        report.again_killed,
        report.uncertain
    );
    Ok(report)
}

fn configure(host: &mut Host, hook: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(&host.data)?;
    let path = |name: &str| host.data.join(name).display().to_string();
    std::fs::write(
        path("rules.yml"),
        "groups:\n- name: flips\n  rules:\n  - {alert: Flip, expr: 'flip > 0', labels: {severity: page}}\n",
    )?;
    std::fs::write(
        path("alertmanager.yml"),
        format!(
            "route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}\n\
             receivers: [{{name: hook, webhook_configs: [{{url: '{hook}', send_resolved: true}}]}}]\n"
        ),
    )?;
    host.config = Some(format!(
        "global: {{evaluation_interval: 1s}}\nrule_files: ['{}']\nalerting: {{config_file: '{}'}}\n",
        path("rules.yml"),
        path("alertmanager.yml")
    ));
    Ok(())
}

/// Decisions that a start found open.
async fn uncertain(server: &Server) -> anyhow::Result<u64> {
    let metrics = server.client.get(format!("{}/metrics", server.url)).send().await?.text().await?;
    let line = metrics.lines().find_map(|l| l.strip_prefix("watchfire_alerting_deliveries_uncertain_total "));
    Ok(line.context("the server does not count what is uncertain")?.trim().parse::<f64>()? as u64)
}

/// A message about an item, as it is known again.
type Key = (usize, bool, String);

struct Drive {
    items: Vec<Item>,
    /// The last receipt of each message: in which life of the server, and whether it was answered.
    seen: BTreeMap<Key, (u64, bool)>,
    /// Changes begun.
    begun: u64,
    report: Report,
}

impl Drive {
    /// Looks at what the receiver was told since the last look.
    fn take(&mut self, hook: &mut Hook) -> anyhow::Result<()> {
        for message in hook.take() {
            for alert in &message.alerts {
                self.told(&message, alert)?;
            }
        }
        let late =
            self.items.iter().position(|i| !i.told && i.changed.is_some_and(|c| c.elapsed() > TOLD_WITHIN));
        if let Some(late) = late {
            let state = if self.items[late].fires { "fires" } else { "is over" };
            bail!("missing: nobody was told within {TOLD_WITHIN:?} that alert {late} {state}");
        }
        Ok(())
    }

    fn told(&mut self, message: &Message, alert: &serde_json::Value) -> anyhow::Result<()> {
        let text = |v: &serde_json::Value| v.as_str().unwrap_or("").to_owned();
        let at: usize = text(&alert["labels"][ITEM]).parse().context("an alert without an item")?;
        let (fires, starts) = (alert["status"] == "firing", text(&alert["startsAt"]));
        let item = self.items.get_mut(at).context("an alert of an item that is not there")?;
        let receipt = (message.life, message.answered);
        if let Some((life, answered)) = self.seen.insert((at, fires, starts.clone()), receipt) {
            // What is told again is what was told last: nothing further is told before it is known what became of it.
            ensure!(
                (fires, &starts) == (item.told_fires, &item.starts),
                "told again what is no longer so: alert {at}, {alert}"
            );
            match (life == message.life, answered) {
                (_, false) => self.report.again_answer_lost += 1,
                (false, true) => self.report.again_killed += 1,
                (true, true) => bail!("told twice though it was answered: alert {at}, {alert}"),
            }
            return Ok(());
        }
        match (fires, item.fires) {
            (true, true) => ensure!(
                !item.told,
                "told twice, with another beginning: alert {at} fires since {} and since {starts}",
                item.starts
            ),
            (false, false) => ensure!(
                starts == item.starts,
                "alert {at} is over that began at {starts}; the one that was told began at {}",
                item.starts
            ),
            _ => bail!("told what is not so: alert {at}, {alert}"),
        }
        (item.told, item.told_fires, item.starts) = (true, fires, starts);
        self.report.told += 1;
        self.report.slowest = self.report.slowest.max(item.changed.map_or(Duration::ZERO, |c| c.elapsed()));
        Ok(())
    }

    /// Writes to items whose last change was told. A server that is killed meanwhile is told again later.
    async fn change(&mut self, server: &Server) -> anyhow::Result<()> {
        let mut body = Body::default();
        let mut changed = Vec::new();
        let time_ms = now_ms();
        for (at, item) in self.items.iter().enumerate() {
            let again = !item.told && item.changed.is_none();
            if again || (item.told && self.begun + (changed.len() as u64) < self.report.plan.transitions) {
                let fires = if again { item.fires } else { !item.fires };
                body.push(&labels(at), time_ms, f64::from(u8::from(fires)));
                changed.push((at, fires, again));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        for (at, fires, again) in &changed {
            self.begun += u64::from(!again);
            let item = &mut self.items[*at];
            (item.fires, item.told, item.changed) = (*fires, false, None);
        }
        let (status, text) = match send(&server.client, &server.url, body.compressed()?).await {
            Ok(answer) => answer,
            // It is written again at the next look.
            Err(_) => return Ok(()),
        };
        ensure!(!status.is_client_error(), "{status}: {text}");
        if status.is_success() {
            for (at, ..) in changed {
                self.items[at].changed = Some(Instant::now());
            }
        }
        Ok(())
    }
}

fn labels(item: usize) -> Labels {
    Labels::from_pairs([("__name__", "flip".to_owned()), (ITEM, item.to_string())]).unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} transitions of {} alerts, {} kills in {:.1?}: none missing, none told twice but where the answer was lost",
            self.told, self.plan.items, self.kills, self.took
        )?;
        writeln!(
            f,
            "{} answers lost on purpose, {} messages refused; told again: {} whose answer was lost, {} whose server was \
             killed before it noted the answer (starts found {} decisions open)",
            self.answers_lost, self.refused, self.again_answer_lost, self.again_killed, self.uncertain
        )?;
        write!(f, "slowest from sample to message, the server being away included: {:.2?}", self.slowest)
    }
}
