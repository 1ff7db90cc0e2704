//! Incidents and who is on call: what the state machine knows of the rest of the server, and the HTTP API.

mod act;
mod answer;
mod list;
mod oncall;
mod timeline;

pub use act::{one as act, several as act_on_several};
pub use list::{list, one};
pub use oncall::{add_override, all as oncall, end_override, overrides, schedule};
pub use timeline::{postmortem, timeline};

use crate::config::Config;
use crate::entities::Known;
use crate::notify::Routing;
use crate::telemetry::{Family, OwnSample};
use ::entities::{EntityId, recognise};
use ::incidents::oncall::OnCall;
use ::incidents::{Core, Desk, Histogram, Incident, PageRequest, Seen, Settings, Status, Surroundings};
use alerting::{Alert, Fingerprint, LabelSet, Paging, Suppression};
use env::Disk;
use model::MetricKind;
use std::path::PathBuf;
use std::sync::Arc;

/// Alerts in one page.
const PAGED_ALERTS_MAX: usize = 100;

/// What is configured of incidents.
pub struct Response {
    /// What belongs together, and how long it is kept.
    pub settings: Settings,
    /// Who is on call.
    pub oncall: Arc<OnCall>,
}

impl Response {
    /// What the configuration of the server says.
    pub fn load(config: &Config, routing: &Routing) -> Result<Response, String> {
        let said = |(field, reason): (String, String)| format!("{field}: {reason}");
        let settings = config.incidents.settings().map_err(said)?;
        let oncall = crate::config::incidents::oncall(&config.on_call, &routing.config).map_err(said)?;
        Ok(Response { settings, oncall: Arc::new(oncall) })
    }

    /// Reads what was kept in a directory.
    pub fn open(self, disk: Arc<dyn Disk>, dir: PathBuf, now_ms: i64) -> Result<Desk, String> {
        let (desk, damages) = Desk::open(disk, dir, self.settings, self.oncall, now_ms)
            .map_err(|e| format!("cannot open the journal of incidents: {e}"))?;
        for damage in damages.iter().filter(|d| !d.is_torn_tail()) {
            tracing::error!(%damage, "the journal of incidents is damaged");
        }
        if desk.unreadable() > 0 {
            tracing::error!(
                records = desk.unreadable(),
                "records of incidents cannot be read and are left out"
            );
        }
        Ok(desk)
    }
}

/// What is known besides incidents.
pub struct Around<'a> {
    alerts: &'a alerting::Core,
    known: &'a Known,
    now_ms: i64,
}

impl<'a> Around<'a> {
    /// At a moment.
    pub fn new(alerts: &'a alerting::Core, known: &'a Known, now_ms: i64) -> Around<'a> {
        Around { alerts, known, now_ms }
    }
}

impl Surroundings for Around<'_> {
    fn entities(&self, labels: &LabelSet) -> Vec<EntityId> {
        let rules = self.known.rules.read();
        let found = recognise(labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        found.entities.into_iter().map(|(id, ..)| rules.named(id)).collect()
    }

    fn neighbours(&self, id: &EntityId, from_ms: i64, to_ms: i64) -> Vec<EntityId> {
        let catalogue = self.known.catalogue.read();
        catalogue.neighbours(id, (from_ms, to_ms)).into_iter().map(|n| n.id).collect()
    }

    fn group(&self, labels: &LabelSet) -> String {
        let routes = self.alerts.routes();
        let route = routes.matching(labels).first().map(|id| routes.get(*id));
        route.map(|r| format!("{}:{}", r.key, alerting::shown(&r.group_labels(labels)))).unwrap_or_default()
    }

    fn is_suppressed(&self, labels: &LabelSet) -> bool {
        self.alerts.suppression(labels, self.now_ms) != Suppression::default()
    }

    fn alert(&self, id: Fingerprint) -> Option<Seen> {
        self.alerts.alert(id).map(Seen::from)
    }
}

/// What a receiver of somebody is told.
pub fn paging(
    incident: &Incident,
    request: &PageRequest,
    receiver: &str,
    external_url: &str,
    now_ms: i64,
) -> Paging {
    let (id, end) = (request.incident, request.page.end);
    let url = format!("{external_url}/incidents/{id}");
    let named: LabelSet = [
        ("incident", id.to_string()),
        ("severity", request.severity.text().to_owned()),
        ("person", request.page.person.clone()),
        ("title", request.title.clone()),
    ]
    .map(|(n, v)| (n.to_owned(), v))
    .into();
    let told = incident.members.values().filter(|m| end || !m.ended).take(PAGED_ALERTS_MAX);
    let mut alerts: Vec<Alert> = told
        .map(|m| {
            let mut annotations = (*m.annotations).clone();
            annotations.insert("incident".to_owned(), format!("#{id} {}", request.title));
            annotations.insert("incident_url".to_owned(), url.clone());
            Alert {
                labels: Arc::clone(&m.labels),
                annotations: Arc::new(annotations),
                starts_ms: m.starts_ms,
                ends_ms: if end { m.ends_ms.min(now_ms) } else { i64::MAX },
                generator_url: Arc::clone(&m.generator_url),
                updated_ms: now_ms,
                timeout: false,
            }
        })
        .collect();
    if alerts.is_empty() {
        // Somebody is told of an incident none of whose alerts fires.
        let mut labels = named.clone();
        labels.insert("alertname".to_owned(), "Incident".to_owned());
        let annotations = [("summary", request.title.clone()), ("incident_url", url.clone())];
        alerts.push(Alert {
            labels: Arc::new(labels),
            annotations: Arc::new(annotations.map(|(n, v)| (n.to_owned(), v)).into()),
            starts_ms: incident.head.started_ms,
            ends_ms: if end { now_ms } else { i64::MAX },
            generator_url: url.into(),
            updated_ms: now_ms,
            timeout: false,
        });
    }
    alerts.sort_by(|a, b| (a.starts_ms, &a.labels).cmp(&(b.starts_ms, &b.labels)));
    Paging {
        key: format!("incident/{id}/{}", request.entry),
        group_key: format!("incident/{id}"),
        group_labels: named,
        receiver: receiver.to_owned(),
        alerts,
    }
}

fn histogram(name: &'static str, help: &'static str, of: &Histogram) -> Family {
    let mut family = Family::labelled(name, help, MetricKind::Histogram);
    let mut count = 0;
    for (place, n) in of.buckets.iter().enumerate() {
        count += n;
        let bound = Histogram::BOUNDS_S.get(place).copied().unwrap_or(f64::INFINITY);
        let labels = vec![("le", crate::http::number::format_float(bound))];
        family.samples.push(OwnSample { suffix: "_bucket", labels, value: count as f64 });
    }
    for (suffix, value) in [("_sum", of.sum_s), ("_count", count as f64)] {
        family.samples.push(OwnSample { suffix, labels: Vec::new(), value });
    }
    family
}

/// Incidents as metrics.
pub fn families(core: &Core) -> Vec<Family> {
    use MetricKind::{Counter, Gauge};
    let counts = core.counts();
    let mut open =
        Family::labelled("watchfire_incidents_open", "Incidents that are not resolved, by status.", Gauge);
    for status in [Status::Triggered, Status::Acknowledged] {
        let n = core.incidents().filter(|i| i.head.status == status).count();
        open.push(&[("status", status.text())], n as f64);
    }
    let single = |name, help, n: u64| Family::single(name, help, Counter, n as f64);
    vec![
        open,
        single("watchfire_incidents_opened_total", "Incidents that came to be.", counts.opened),
        single("watchfire_incidents_resolved_total", "Incidents that were resolved.", counts.resolved),
        single(
            "watchfire_incidents_pages_total",
            "Times that somebody was to be told of an incident by a policy, or of its end.",
            counts.pages,
        ),
        single(
            "watchfire_incidents_left_out_total",
            "Alerts for which there was no room for another incident.",
            counts.left_out,
        ),
        histogram(
            "watchfire_incidents_time_to_acknowledge_seconds",
            "From the beginning of an incident until somebody acknowledged it.",
            &counts.acknowledge,
        ),
        histogram(
            "watchfire_incidents_time_to_resolve_seconds",
            "From the beginning of an incident to its end.",
            &counts.resolve,
        ),
    ]
}
