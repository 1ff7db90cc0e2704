//! A small world around incidents.

// Each test uses a part of it.
#![allow(dead_code)]

use alerting::{Fingerprint, LabelSet};
use entities::{EntityId, EntityType, recognise};
use incidents::oncall::{OnCall, OnCallConfig};
use incidents::{Seen, Surroundings};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Alerts as they are, what is related, and what is silenced.
#[derive(Default)]
pub struct World {
    pub alerts: BTreeMap<Fingerprint, Seen>,
    pub relations: BTreeSet<(EntityId, EntityId)>,
    pub silenced: BTreeSet<String>,
}

impl Surroundings for World {
    fn entities(&self, labels: &LabelSet) -> Vec<EntityId> {
        let found = recognise(labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        found.entities.into_iter().map(|(id, ..)| id).collect()
    }

    fn neighbours(&self, id: &EntityId, _: i64, _: i64) -> Vec<EntityId> {
        let beside = |(a, b): &(EntityId, EntityId)| match (a == id, b == id) {
            (true, _) => Some(b.clone()),
            (_, true) => Some(a.clone()),
            _ => None,
        };
        self.relations.iter().filter_map(beside).collect()
    }

    fn group(&self, labels: &LabelSet) -> String {
        labels.get("team").cloned().unwrap_or_default()
    }

    fn is_suppressed(&self, labels: &LabelSet) -> bool {
        labels.get("alertname").is_some_and(|n| self.silenced.contains(n))
    }

    fn alert(&self, id: Fingerprint) -> Option<Seen> {
        self.alerts.get(&id).cloned()
    }
}

/// An alert that fires until somebody ends it.
pub fn firing(name: &str, labels: &[(&str, &str)], starts_ms: i64) -> Seen {
    let named = [("alertname", name)].into_iter().chain(labels.iter().copied());
    let labels: LabelSet = named.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Seen {
        labels: Arc::new(labels),
        annotations: Arc::default(),
        generator_url: "".into(),
        starts_ms,
        ends_ms: i64::MAX,
    }
}

/// An entity by its type and id.
pub fn entity(text: &str) -> EntityId {
    let (kind, id) = text.split_once('/').unwrap();
    EntityId { kind: EntityType::from_text(kind).unwrap(), id: id.to_owned() }
}

/// Who is on call, by a section in YAML.
pub fn oncall(yaml: &str) -> Result<OnCall, String> {
    let config: OnCallConfig = serde_saphyr::from_str(yaml).map_err(|e| e.to_string())?;
    OnCall::new(&config, &BTreeSet::from(["phone", "mail"]))
        .map_err(|(field, reason)| format!("{field}: {reason}"))
}
