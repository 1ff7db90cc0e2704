//! The tree of routes: who is told of which alerts, and in which groups.

use crate::config::{Config, RouteConfig};
use crate::labels::LabelSet;
use crate::matcher::Matchers;
use std::collections::BTreeSet;

/// What a new group waits unless configured, milliseconds.
const GROUP_WAIT_MS: i64 = 30_000;
/// Until changes of a group are told unless configured, milliseconds.
const GROUP_INTERVAL_MS: i64 = 300_000;
/// Until what did not change is told again unless configured, milliseconds.
const REPEAT_INTERVAL_MS: i64 = 4 * 3_600_000;

/// A node of the tree by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub usize);

/// A node of the tree with everything it has from those above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The matchers of all nodes down to this one.
    pub key: String,
    /// Who is told.
    pub receiver: String,
    /// See [`RouteConfig::group_by`]; `None` for all labels.
    pub group_by: Option<BTreeSet<String>>,
    /// Milliseconds.
    pub group_wait_ms: i64,
    /// Milliseconds.
    pub group_interval_ms: i64,
    /// Milliseconds.
    pub repeat_interval_ms: i64,
    /// See [`RouteConfig::mute_time_intervals`].
    pub mute_times: Vec<String>,
    /// See [`RouteConfig::active_time_intervals`].
    pub active_times: Vec<String>,
    /// Which alerts go this way.
    pub matchers: Matchers,
    /// Whether the nodes after this one are tried too.
    pub goes_on: bool,
    /// Labels of the route.
    pub labels: LabelSet,
    /// The nodes below.
    pub below: Vec<RouteId>,
}

/// The tree; its root is the first node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// The tree of a configuration.
    pub fn new(config: &Config) -> Routes {
        let mut routes = Routes::default();
        if let Some(root) = &config.route {
            routes.add(root, None);
        }
        routes
    }

    fn add(&mut self, own: &RouteConfig, above: Option<RouteId>) -> RouteId {
        let above = above.map(|id| self.0[id.0].clone());
        let key = match &above {
            Some(a) => format!("{}/{}", a.key, own.matchers),
            None => own.matchers.to_string(),
        };
        let mut route = above.unwrap_or(Route {
            key: String::new(),
            receiver: String::new(),
            group_by: Some(BTreeSet::new()),
            group_wait_ms: GROUP_WAIT_MS,
            group_interval_ms: GROUP_INTERVAL_MS,
            repeat_interval_ms: REPEAT_INTERVAL_MS,
            mute_times: Vec::new(),
            active_times: Vec::new(),
            matchers: Matchers::default(),
            goes_on: false,
            labels: LabelSet::new(),
            below: Vec::new(),
        });
        route.key = key;
        route.below = Vec::new();
        route.matchers = own.matchers.clone();
        route.goes_on = own.goes_on;
        route.mute_times.clone_from(&own.mute_time_intervals);
        route.active_times.clone_from(&own.active_time_intervals);
        route.labels.extend(own.labels.clone());
        if let Some(receiver) = own.receiver.as_ref().filter(|r| !r.is_empty()) {
            route.receiver.clone_from(receiver);
        }
        if let Some(labels) = &own.group_by {
            let all = labels.iter().any(|l| l == "...");
            route.group_by = (!all).then(|| labels.iter().cloned().collect());
        }
        for (ms, span) in [
            (&mut route.group_wait_ms, own.group_wait),
            (&mut route.group_interval_ms, own.group_interval),
            (&mut route.repeat_interval_ms, own.repeat_interval),
        ] {
            *ms = span.map_or(*ms, |s| s.0);
        }
        let id = RouteId(self.0.len());
        self.0.push(route);
        let below = own.routes.iter().map(|r| self.add(r, Some(id))).collect();
        self.0[id.0].below = below;
        id
    }

    /// A node.
    pub fn get(&self, id: RouteId) -> &Route {
        &self.0[id.0]
    }

    /// All nodes, each before those below it.
    pub fn iter(&self) -> impl Iterator<Item = (RouteId, &Route)> {
        self.0.iter().enumerate().map(|(i, r)| (RouteId(i), r))
    }

    /// The nodes that an alert with these labels comes to.
    pub fn matching(&self, labels: &LabelSet) -> Vec<RouteId> {
        let mut found = Vec::new();
        if !self.0.is_empty() {
            self.search(RouteId(0), labels, &mut found);
        }
        found
    }

    /// Whether the node matches; it and what is below it are as deep as the configuration allows.
    fn search(&self, id: RouteId, labels: &LabelSet, found: &mut Vec<RouteId>) -> bool {
        let route = self.get(id);
        if !route.matchers.matches(labels) {
            return false;
        }
        let before = found.len();
        for below in &route.below {
            if self.search(*below, labels, found) && !self.get(*below).goes_on {
                break;
            }
        }
        if found.len() == before {
            found.push(id);
        }
        true
    }
}

impl Route {
    /// The labels that the group of an alert has.
    pub fn group_labels(&self, labels: &LabelSet) -> LabelSet {
        match &self.group_by {
            None => labels.clone(),
            Some(by) => {
                labels.iter().filter(|(n, _)| by.contains(*n)).map(|(n, v)| (n.clone(), v.clone())).collect()
            }
        }
    }
}
