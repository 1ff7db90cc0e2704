//! Deploys that nobody tells of: a service that runs in another version than before.

use super::Outlet;
use hashbrown::HashMap;
use model::Labels;
use model::record::event::{EventDraft, kind, name};
use model::record::{RecordBatch, Severity, Tenant, Value};
use model::{MatchOp, Matcher};
use parking_lot::Mutex;
use records::{Attributes, Direction, Scan, Store, Unlimited, Wanted};
use std::ops::ControlFlow;

/// Services that are watched; those that come later are not.
const SERVICES_MAX: usize = 10_000;
/// Versions of one service that are remembered.
const VERSIONS_MAX: usize = 32;
/// A version that was not seen for so long, while another was, is deployed anew when it comes back.
const GONE_NS: i64 = 3_600_000_000_000;
/// Events of the past that are looked at for versions.
const PAST_MAX: usize = 10_000;

/// What makes a service, besides its version.
const IDENTITY: [&str; 3] = ["service.name", "service.namespace", "deployment.environment.name"];
const VERSION: &str = "service.version";
/// The older name of the environment.
const ENVIRONMENT: &str = "deployment.environment";

type Service = [String; 3];

/// A version and when it was seen last, Unix nanoseconds.
type Seen = Vec<(String, i64)>;

/// Watches the versions of services.
pub struct DeployWatch {
    outlet: Outlet,
    services: Mutex<HashMap<Service, Seen>>,
}

/// What a new sight of a version means.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// Nothing.
    Known,
    /// It took the place of this one.
    Instead(String),
}

/// A version is a name; what is longer is none.
const VERSION_BYTES_MAX: usize = 256;

/// Takes note of a version.
fn sight(seen: &mut Seen, version: &str, time_ns: i64) -> Sight {
    let newest = seen.iter().max_by_key(|(_, at)| *at).map(|(v, at)| (v.clone(), *at));
    let before = seen.iter_mut().find(|(v, _)| v == version);
    let is_news = match (&before, &newest) {
        // The first version of a service that is known, or news of the past.
        (_, None) => false,
        (_, Some((_, at))) if time_ns < at.saturating_sub(GONE_NS) => false,
        (None, Some(_)) => true,
        // Of versions of before the start it is not known when they were seen.
        (Some((_, last)), Some((other, at))) => {
            *last > 0 && other != version && at.saturating_sub(*last) > GONE_NS
        }
    };
    match before {
        Some((_, last)) => *last = (*last).max(time_ns),
        None => {
            if seen.len() >= VERSIONS_MAX
                && let Some(oldest) = seen.iter().enumerate().min_by_key(|(_, (_, at))| *at)
            {
                let oldest = oldest.0;
                seen.swap_remove(oldest);
            }
            seen.push((version.to_owned(), time_ns));
        }
    }
    match newest {
        Some((other, _)) if is_news => Sight::Instead(other),
        _ => Sight::Known,
    }
}

fn service(labels: &Labels) -> Option<Service> {
    labels.get(IDENTITY[0]).filter(|s| !s.is_empty())?;
    let value = |name: &str| labels.get(name).unwrap_or("").to_owned();
    let mut service = IDENTITY.map(value);
    if service[2].is_empty() {
        service[2] = value(ENVIRONMENT);
    }
    Some(service)
}

impl DeployWatch {
    /// Watches, and notes deploys.
    pub fn new(outlet: Outlet) -> DeployWatch {
        DeployWatch { outlet, services: Mutex::default() }
    }

    /// Reads which versions there were before the start: those of spans that are kept, and of deploys.
    pub fn remember(&self, traces: &Store, events: &Store) {
        let tenant = Tenant::unnamed();
        let mut services = self.services.lock();
        let mut put = |service: Service, version: &str, time_ns: i64| {
            if services.len() < SERVICES_MAX || services.contains_key(&service) {
                sight(services.entry(service).or_default(), version, time_ns);
            }
        };
        // When a stream was written to last is not told: its versions are as old as can be.
        for found in traces.streams(&Scan::all(&tenant)) {
            if let (Some(service), Some(version)) = (service(&found.labels), found.labels.get(VERSION)) {
                put(service, version, 0);
            }
        }
        let Ok(of_deploys) = Matcher::new(MatchOp::Equal, name::KIND, kind::DEPLOY) else { return };
        let scan = Scan {
            matchers: std::slice::from_ref(&of_deploys),
            direction: Direction::Backward,
            limit: Some(PAST_MAX),
            wanted: Wanted { attributes: Attributes::Named(&[VERSION]), ..Wanted::default() },
            ..Scan::all(&tenant)
        };
        let read = events.scan(&scan, &Unlimited, &mut |block| {
            for row in 0..block.len() {
                let version = block.attribute(0, row).and_then(Value::as_str);
                if let (Some(service), Some(version)) = (service(block.labels), version) {
                    put(service, version, block.times_ns[row]);
                }
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = read {
            tracing::warn!(%error, "deploys of the past cannot be read");
        }
    }

    /// Looks at a batch of spans, whose streams have the version among their labels.
    pub fn see_spans(&self, batch: &RecordBatch) {
        let mut left = batch.streams().iter().filter(|l| l.get(VERSION).is_some()).count();
        let mut seen = vec![false; batch.streams().len()];
        for row in 0..batch.len() {
            if left == 0 {
                return;
            }
            let (stream, time_ns, _) = batch.outline(row);
            let labels = batch.labels(stream);
            if let Some(version) = labels.get(VERSION)
                && !std::mem::replace(&mut seen[stream.0 as usize], true)
            {
                left -= 1;
                self.see(labels, version, time_ns);
            }
        }
    }

    /// Looks at a batch of log records: one of each stream, which has the version among its attributes.
    pub fn see_records(&self, batch: &RecordBatch) {
        if batch.tenant() != &Tenant::unnamed() {
            return;
        }
        let mut left = batch.streams().len();
        let mut seen = vec![false; left];
        for row in 0..batch.len() {
            if left == 0 {
                return;
            }
            let (stream, time_ns, _) = batch.outline(row);
            if std::mem::replace(&mut seen[stream.0 as usize], true) {
                continue;
            }
            left -= 1;
            let labels = batch.labels(stream);
            if labels.get(IDENTITY[0]).is_some()
                && let Some(Value::String(version)) = batch.get(row).record.attributes.get(VERSION)
            {
                self.see(labels, version, time_ns);
            }
        }
    }

    fn see(&self, labels: &Labels, version: &str, time_ns: i64) {
        let is_version = !version.is_empty() && version.len() <= VERSION_BYTES_MAX;
        let Some(service) = service(labels).filter(|_| is_version) else { return };
        // A clock that is ahead must not make all that follows old.
        let time_ns = time_ns.min(self.outlet.now_ns());
        let before = {
            let mut services = self.services.lock();
            if services.len() >= SERVICES_MAX && !services.contains_key(&service) {
                return;
            }
            match sight(services.entry(service.clone()).or_default(), version, time_ns) {
                Sight::Known => return,
                Sight::Instead(before) => before,
            }
        };
        let [name, namespace, environment] = &service;
        let mut event = EventDraft::new(kind::DEPLOY, format!("{name} {version}"), time_ns);
        event.text = format!("{name} runs in version {version}; before it was {before}.");
        event.severity = Severity::INFO;
        event.result = "ok".to_owned();
        event.subject = name.clone();
        event.id = format!("version/{namespace}/{name}/{environment}/{version}/{}", time_ns / GONE_NS);
        event.set(IDENTITY[0], name);
        event.set(IDENTITY[1], namespace);
        event.set(IDENTITY[2], environment);
        event.set(VERSION, version);
        event.set("service.version.previous", &before);
        self.outlet.note(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_news_once() {
        let mut seen = Seen::new();
        let minute = 60_000_000_000;
        assert_eq!(sight(&mut seen, "1", 10 * minute), Sight::Known, "the first is no change");
        assert_eq!(sight(&mut seen, "2", 11 * minute), Sight::Instead("1".into()));
        assert_eq!(sight(&mut seen, "1", 12 * minute), Sight::Known, "both run for a while");
        assert_eq!(sight(&mut seen, "2", 13 * minute), Sight::Known);
        assert_eq!(sight(&mut seen, "2", 100 * minute), Sight::Known);
        assert_eq!(sight(&mut seen, "1", 101 * minute), Sight::Instead("2".into()), "it is back");
        assert_eq!(sight(&mut seen, "0", 20 * minute), Sight::Known, "news of the past");
        for n in 0..100 {
            sight(&mut seen, &format!("v{n}"), (200 + n) * minute);
        }
        assert_eq!(seen.len(), VERSIONS_MAX);
    }
}
