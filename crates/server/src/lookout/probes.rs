//! Targets that this server probes itself, and the modules that it has.

use super::Parts;
use super::rounds::{Round, Rounds};
use super::series::Point;
use crate::config::{ProbeEndpoint, ProbeTargets, ProbesConfig, check_labels};
use crate::telemetry::{Counter, Family};
use model::{Labels, MetricKind};
use parking_lot::{Mutex, RwLock};
use probe::config::{Kind, Module, built_in};
use probe::{Outcome, Prober};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Between two probes unless configured.
const INTERVAL: Duration = Duration::from_secs(60);
/// The longest time unless configured.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Targets in all.
const TARGETS_MAX: usize = 50_000;

/// What a configuration says about probes, ready to be used.
pub(super) struct ProbeSet {
    /// What is configured, for the endpoint.
    modules: BTreeMap<String, Arc<Prober>>,
    rounds: Vec<ProbeRound>,
    endpoint: ProbeEndpoint,
    allowed: regex::Regex,
    concurrency: usize,
}

impl ProbeSet {
    /// Reads the file of modules and checks all of it; the error is the field and why.
    pub fn load(config: &ProbesConfig, dir: &Path) -> Result<ProbeSet, (String, String)> {
        let wrong = |field: String, reason: String| (format!("probes.{field}"), reason);
        let all = config.modules(dir)?;
        let ready = |name: &str, module: &Module| {
            Prober::new(module).map(Arc::new).map_err(|e| wrong(format!("modules.{name}"), e))
        };
        let mut modules = BTreeMap::new();
        for (name, module) in &all {
            modules.insert(name.clone(), ready(name, module)?);
        }
        let mut known = modules.clone();
        for (name, module) in built_in() {
            if !known.contains_key(&name) {
                known.insert(name.clone(), ready(&name, &module)?);
            }
        }
        let allowed = regex::Regex::new(&format!("^(?:{})$", config.endpoint.targets)).map_err(|e| {
            let reason = e.to_string();
            wrong("endpoint.targets".to_owned(), reason.lines().last().unwrap_or("").to_owned())
        })?;
        let mut rounds: BTreeMap<Labels, ProbeRound> = BTreeMap::new();
        for (i, group) in config.targets.iter().enumerate() {
            for round in of_group(group, &known).map_err(|(f, r)| wrong(format!("targets[{i}].{f}"), r))? {
                if rounds.len() >= TARGETS_MAX {
                    return Err(wrong("targets".to_owned(), format!("more than {TARGETS_MAX} targets")));
                }
                let target = round.target.clone();
                if rounds.insert(round.labels.clone(), round).is_some() {
                    return Err(wrong(
                        format!("targets[{i}]"),
                        format!(
                            "{target:?} is there twice with the same labels: give one of them another label"
                        ),
                    ));
                }
            }
        }
        Ok(ProbeSet {
            modules,
            rounds: rounds.into_values().collect(),
            endpoint: config.endpoint.clone(),
            allowed,
            concurrency: config.concurrency,
        })
    }
}

fn of_group(
    group: &ProbeTargets,
    known: &BTreeMap<String, Arc<Prober>>,
) -> Result<Vec<ProbeRound>, (&'static str, String)> {
    let Some(prober) = known.get(&group.module) else {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        return Err((
            "module",
            format!("there is no module {:?}; there are {}", group.module, names.join(", ")),
        ));
    };
    check_labels(&group.labels, &["job", "instance"]).map_err(|reason| ("labels", reason))?;
    let interval = group.interval.map_or(INTERVAL, Duration::from);
    if interval < Duration::from_millis(100) {
        return Err(("interval", "must be at least 100ms".to_owned()));
    }
    let timeout = group.timeout.or(prober.module().timeout).map_or(TIMEOUT, Duration::from);
    if group.timeout.is_some_and(|t| t.is_zero() || Duration::from(t) > interval) {
        return Err(("timeout", "must be more than 0 and not more than the interval".to_owned()));
    }
    let mut out = Vec::new();
    for target in &group.targets {
        if target.trim().is_empty() {
            return Err(("targets", "a target is empty".to_owned()));
        }
        let own = [("job", group.job.as_deref().unwrap_or("probe")), ("instance", target.as_str())];
        let mut pairs: BTreeMap<&str, &str> = BTreeMap::from([("module", group.module.as_str())]);
        pairs.extend(group.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        pairs.extend(own);
        let labels = Labels::from_pairs(pairs).map_err(|e| ("labels", e.to_string()))?;
        out.push(ProbeRound {
            labels,
            target: target.clone(),
            module: group.module.clone(),
            prober: Arc::clone(prober),
            interval,
            timeout: timeout.min(interval),
            last: Mutex::default(),
        });
    }
    Ok(out)
}

/// A target and what was seen of it last.
pub(super) struct ProbeRound {
    labels: Labels,
    target: String,
    module: String,
    prober: Arc<Prober>,
    interval: Duration,
    timeout: Duration,
    last: Mutex<Option<LastProbe>>,
}

/// What the last probe of a target came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct LastProbe {
    success: bool,
    duration_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    phases: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_expiry: Option<f64>,
}

/// A target as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownProbe {
    target: String,
    module: String,
    prober: Kind,
    labels: BTreeMap<String, String>,
    interval_seconds: f64,
    timeout_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastProbe>,
}

/// All that the API shows.
#[derive(Debug, Serialize)]
pub(super) struct ShownProbes {
    modules: Vec<String>,
    targets: Vec<ShownProbe>,
}

/// Metrics whose samples are times of phases.
const PHASES: [&str; 4] = [
    "probe_http_duration_seconds",
    "probe_dns_duration_seconds",
    "probe_icmp_duration_seconds",
    "probe_grpc_duration_seconds",
];

impl LastProbe {
    fn of(outcome: &Outcome) -> LastProbe {
        let samples = PHASES.iter().filter_map(|n| outcome.metrics.family(n)).flat_map(|f| &f.samples);
        LastProbe {
            success: outcome.success,
            duration_seconds: outcome.duration_seconds,
            failure: outcome.failure.clone(),
            phases: samples.filter_map(|s| Some((s.labels.first()?.1.clone(), s.value))).collect(),
            certificate_expiry: outcome.metrics.value("probe_ssl_earliest_cert_expiry"),
        }
    }
}

impl Round for ProbeRound {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn is_same(&self, other: &ProbeRound) -> bool {
        self.prober.module() == other.prober.module()
            && self.interval == other.interval
            && self.timeout == other.timeout
    }

    fn help(name: &str) -> (&'static str, MetricKind) {
        match name {
            "up" => ("1 for a target that is probed", MetricKind::Gauge),
            name => (probe::help(name), MetricKind::Gauge),
        }
    }

    async fn look(&self) -> (Vec<Point>, Option<Duration>) {
        let outcome = self.prober.probe(&self.target, Some(self.timeout)).await;
        let families = outcome.metrics.families().iter();
        let mut points: Vec<Point> = families
            .flat_map(|f| {
                f.samples.iter().map(|s| Point { name: f.name, labels: s.labels.clone(), value: s.value })
            })
            .collect();
        points.push(Point::new("up", 1.0));
        *self.last.lock() = Some(LastProbe::of(&outcome));
        (points, None)
    }
}

/// What the endpoint has in force.
pub(super) struct Endpoint {
    pub config: ProbeEndpoint,
    pub modules: BTreeMap<String, Arc<Prober>>,
    allowed: regex::Regex,
    permits: Arc<Semaphore>,
}

impl Endpoint {
    /// Whether this may be probed.
    pub fn allows(&self, target: &str) -> bool {
        self.allowed.is_match(target)
    }

    /// A place for one probe, if there is one.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }
}

/// Probes at work.
pub(super) struct Probes {
    rounds: Rounds<ProbeRound>,
    endpoint: RwLock<Option<Arc<Endpoint>>>,
    /// Probes that were asked for over HTTP, and those that were refused.
    pub asked: Counter,
    pub refused: Counter,
}

impl Probes {
    pub fn new(parts: &Parts) -> Probes {
        Probes {
            rounds: Rounds::new(parts),
            endpoint: RwLock::new(None),
            asked: Counter::default(),
            refused: Counter::default(),
        }
    }

    pub async fn apply(&self, set: ProbeSet) {
        let permits = Arc::new(Semaphore::new(set.endpoint.concurrency));
        let ProbeSet { modules, rounds, endpoint, allowed, concurrency } = set;
        *self.endpoint.write() = Some(Arc::new(Endpoint { config: endpoint, modules, allowed, permits }));
        self.rounds.apply(rounds, concurrency).await;
    }

    pub fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.endpoint.read().clone()
    }

    pub async fn stop(&self) {
        self.rounds.stop().await;
    }

    pub fn shown(&self) -> ShownProbes {
        let modules = self.endpoint().map_or(Vec::new(), |e| e.modules.keys().cloned().collect());
        let of = |r: &Arc<ProbeRound>| ShownProbe {
            target: r.target.clone(),
            module: r.module.clone(),
            prober: r.prober.module().prober,
            labels: r.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            interval_seconds: r.interval.as_secs_f64(),
            timeout_seconds: r.timeout.as_secs_f64(),
            last: r.last.lock().clone(),
        };
        ShownProbes { modules, targets: self.rounds.shown().iter().map(of).collect() }
    }

    pub fn families(&self) -> Vec<Family> {
        use MetricKind::{Counter as C, Gauge as G};
        let shown = self.rounds.shown();
        let failing = shown.iter().filter(|r| r.last.lock().as_ref().is_some_and(|l| !l.success)).count();
        vec![
            Family::single("watchfire_probe_targets", "Targets that are probed.", G, shown.len() as f64),
            Family::single(
                "watchfire_probe_targets_failing",
                "Targets whose last probe failed.",
                G,
                failing as f64,
            ),
            Family::single(
                "watchfire_probe_requests_total",
                "Probes that were asked for at /probe.",
                C,
                self.asked.get() as f64,
            ),
            Family::single(
                "watchfire_probe_requests_refused_total",
                "Probes that were asked for at /probe and refused.",
                C,
                self.refused.get() as f64,
            ),
        ]
    }
}
