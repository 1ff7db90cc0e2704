//! Plugins of Nagios that are run on schedule.

use super::Parts;
use super::plugin::{Plugin, Ran};
use super::rounds::{Round, Rounds};
use super::series::Point;
use crate::config::{CheckConfig, ChecksConfig};
use crate::events::Outlet;
use crate::telemetry::Family;
use env::Clock;
use model::record::Severity;
use model::record::event::EventDraft;
use model::{Labels, MetricKind};
use nagios::{Output, Perfdata, Progress, State};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);
const ATTEMPTS_MAX: u32 = 3;
/// The kind of events about checks.
const KIND: &str = "check";
/// Bytes of a plugin's text in an event.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// A plugin and where it stands.
pub(super) struct CheckRound {
    config: CheckConfig,
    labels: Labels,
    plugin: Plugin,
    interval: Duration,
    attempts_max: u32,
    outlet: Outlet,
    clock: Arc<dyn Clock>,
    standing: Arc<Mutex<Standing>>,
}

/// What is known of a plugin.
#[derive(Debug, Default)]
struct Standing {
    progress: Progress,
    /// Since when the hard state holds, Unix milliseconds.
    since_ms: i64,
    last_ms: i64,
    took: Duration,
    output: Output,
    trouble: Option<String>,
}

/// A plugin as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownCheck {
    name: String,
    labels: BTreeMap<String, String>,
    /// The program; its arguments may be secret.
    program: String,
    interval_seconds: f64,
    state: &'static str,
    hard_state: &'static str,
    attempt: u32,
    attempts_max: u32,
    last_ms: i64,
    since_ms: i64,
    duration_seconds: f64,
    summary: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    perfdata: usize,
}

impl CheckRound {
    fn new(config: &CheckConfig, output_bytes_max: usize, checks: &Checks) -> Option<CheckRound> {
        let mut pairs: BTreeMap<&str, &str> =
            config.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        pairs.insert("check", &config.name);
        pairs.entry("job").or_insert("nagios");
        let command = match &config.shell {
            Some(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
            None => config.command.clone(),
        };
        let labels = match Labels::from_pairs(pairs) {
            Ok(labels) => labels,
            Err(error) => {
                tracing::error!(check = config.name, %error, "the plugin is not run");
                return None;
            }
        };
        let standing = checks.standings.lock().entry(labels.clone()).or_default().clone();
        Some(CheckRound {
            labels,
            plugin: Plugin {
                command,
                environment: config.environment.clone(),
                timeout: config.timeout.map_or(TIMEOUT, Duration::from),
                output_bytes_max,
            },
            interval: config.interval.map_or(INTERVAL, Duration::from),
            attempts_max: config.max_attempts.unwrap_or(ATTEMPTS_MAX).max(1),
            outlet: checks.outlet.clone(),
            clock: Arc::clone(&checks.clock),
            standing,
            config: config.clone(),
        })
    }

    /// Takes in what a run came to; gives what is stored of it, and whether another look should come soon.
    fn take(&self, ran: Ran, took: Duration) -> (Vec<Point>, bool) {
        let state = ran.code.map_or(State::Unknown, State::of_exit);
        let output = Output::read(&ran.output);
        let now_ms = self.clock.now_ms();
        let mut standing = self.standing.lock();
        let step = standing.progress.step(state, self.attempts_max);
        standing.last_ms = now_ms;
        standing.took = took;
        standing.output = output;
        standing.trouble = ran.trouble;
        if let Some((before, now)) = step.change {
            standing.since_ms = now_ms;
            // That all is well from the first is no news.
            if before.is_some() || now != State::Ok {
                self.outlet.note(self.event(&standing, before, now, now_ms));
            }
        }
        (points(&standing), standing.progress.is_soft())
    }

    fn event(&self, standing: &Standing, before: Option<State>, now: State, now_ms: i64) -> EventDraft {
        let name = &self.config.name;
        let said = standing.trouble.as_deref().unwrap_or(&standing.output.summary);
        let mut event = EventDraft::new(
            KIND,
            format!("{name} is {}: {said}", now.name()),
            now_ms.saturating_mul(1_000_000),
        );
        event.subject.clone_from(name);
        event.result = now.name().to_owned();
        event.severity = match now {
            State::Ok => Severity::INFO,
            State::Warning => Severity::WARN,
            State::Critical | State::Unknown => Severity::ERROR,
        };
        let text = &standing.output.text;
        event.text = text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned();
        event.set("check.state.before", before.map_or("pending", State::name));
        for (label, value) in self.config.labels.iter() {
            event.set(label, value);
        }
        event
    }
}

/// What is stored of a plugin's last run.
fn points(s: &Standing) -> Vec<Point> {
    let number = |state: Option<State>| state.map(|s| f64::from(s.number()));
    let mut out = vec![
        Point::new("nagios_check_duration_seconds", s.took.as_secs_f64()),
        Point::new("nagios_attempt", f64::from(s.progress.attempt)),
    ];
    out.extend(number(s.progress.current).map(|v| Point::new("nagios_state", v)));
    out.extend(number(s.progress.hard).map(|v| Point::new("nagios_hard_state", v)));
    s.output.perfdata.iter().for_each(|p| of_perfdata(p, &mut out));
    out
}

fn of_perfdata(p: &Perfdata, out: &mut Vec<Point>) {
    let quantity = p.quantity();
    let unit = if quantity.unit == "other" { p.unit.as_str() } else { quantity.unit };
    let labels = [("perfdata", p.label.as_str()), ("unit", unit)];
    let mut push = |name, value: Option<f64>| {
        out.extend(value.map(|v| Point::with(name, &labels, v)));
    };
    let scaled = |v: Option<f64>| v.map(|v| v * quantity.factor);
    push("nagios_perfdata_value", scaled(p.value));
    push("nagios_perfdata_min", scaled(p.min));
    push("nagios_perfdata_max", scaled(p.max));
    let range = |r: Option<nagios::Range>| r.map(|r| r.scaled(quantity.factor));
    let (warning, critical) = (range(p.warning), range(p.critical));
    push("nagios_perfdata_warning_low", warning.map(|r| r.low));
    push("nagios_perfdata_warning_high", warning.map(|r| r.high));
    push("nagios_perfdata_warning_inside", warning.map(|r| f64::from(u8::from(r.inside))));
    push("nagios_perfdata_critical_low", critical.map(|r| r.low));
    push("nagios_perfdata_critical_high", critical.map(|r| r.high));
    push("nagios_perfdata_critical_inside", critical.map(|r| f64::from(u8::from(r.inside))));
}

impl Round for CheckRound {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn is_same(&self, other: &CheckRound) -> bool {
        self.config == other.config && self.plugin == other.plugin
    }

    fn help(name: &str) -> (&'static str, MetricKind) {
        let help = match name {
            "nagios_state" => "What the plugin said last: 0 ok, 1 warning, 2 critical, 3 unknown.",
            "nagios_hard_state" => "What holds: a problem holds once it came as often as max_attempts says.",
            "nagios_attempt" => "Results in a row that are a problem.",
            "nagios_check_duration_seconds" => "Time that the plugin took.",
            "nagios_perfdata_value" => "What the plugin measured, times in seconds and sizes in bytes.",
            "nagios_perfdata_min" => "The least that the value can be.",
            "nagios_perfdata_max" => "The most that the value can be.",
            "nagios_perfdata_warning_low" => "The lower end of the range for warnings.",
            "nagios_perfdata_warning_high" => "The upper end of the range for warnings.",
            "nagios_perfdata_warning_inside" => "1 if it warns within the range, 0 if outside.",
            "nagios_perfdata_critical_low" => "The lower end of the critical range.",
            "nagios_perfdata_critical_high" => "The upper end of the critical range.",
            _ => "1 if it is critical within the range, 0 if outside.",
        };
        (help, MetricKind::Gauge)
    }

    async fn look(&self) -> (Vec<Point>, Option<Duration>) {
        let begun = Instant::now();
        let ran = self.plugin.run().await;
        let (points, soft) = self.take(ran, begun.elapsed());
        let retry = self.config.retry_interval.map(Duration::from).filter(|_| soft);
        (points, retry)
    }
}

/// Plugins at work.
pub(super) struct Checks {
    rounds: Rounds<CheckRound>,
    /// Where plugins stand; kept over reloads.
    standings: Mutex<BTreeMap<Labels, Arc<Mutex<Standing>>>>,
    outlet: Outlet,
    clock: Arc<dyn Clock>,
}

impl Checks {
    pub fn new(parts: &Parts) -> Checks {
        Checks {
            rounds: Rounds::new(parts),
            standings: Mutex::default(),
            outlet: parts.outlet.clone(),
            clock: Arc::clone(&parts.clock),
        }
    }

    pub async fn apply(&self, config: &ChecksConfig) {
        let max = usize::try_from(config.output_bytes_max.bytes()).unwrap_or(usize::MAX);
        let rounds: Vec<CheckRound> =
            config.commands.iter().filter_map(|c| CheckRound::new(c, max, self)).collect();
        let known: Vec<Labels> = rounds.iter().map(|r| r.labels.clone()).collect();
        self.standings.lock().retain(|labels, _| known.contains(labels));
        self.rounds.apply(rounds, config.concurrency).await;
    }

    pub async fn stop(&self) {
        self.rounds.stop().await;
    }

    pub fn shown(&self) -> Vec<ShownCheck> {
        let name = |s: Option<State>| s.map_or("pending", State::name);
        let of = |r: &Arc<CheckRound>| {
            let s = r.standing.lock();
            ShownCheck {
                name: r.config.name.clone(),
                labels: r.config.labels.clone(),
                program: r.plugin.command.first().cloned().unwrap_or_default(),
                interval_seconds: r.interval.as_secs_f64(),
                state: name(s.progress.current),
                hard_state: name(s.progress.hard),
                attempt: s.progress.attempt,
                attempts_max: r.attempts_max,
                last_ms: s.last_ms,
                since_ms: s.since_ms,
                duration_seconds: s.took.as_secs_f64(),
                summary: s.output.summary.clone(),
                text: s.output.text.clone(),
                trouble: s.trouble.clone(),
                perfdata: s.output.perfdata.len(),
            }
        };
        self.rounds.shown().iter().map(of).collect()
    }

    pub fn families(&self) -> Vec<Family> {
        let shown = self.rounds.shown();
        let mut states = Family::labelled(
            "watchfire_checks",
            "Plugins of Nagios that are run, by what holds of them.",
            MetricKind::Gauge,
        );
        let of =
            |state: Option<State>| shown.iter().filter(|r| r.standing.lock().progress.hard == state).count();
        for state in [State::Ok, State::Warning, State::Critical, State::Unknown] {
            states.push(&[("state", state.name())], of(Some(state)) as f64);
        }
        states.push(&[("state", "pending")], of(None) as f64);
        vec![states]
    }
}
