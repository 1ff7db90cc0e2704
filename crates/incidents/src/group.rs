//! Which incident an alert belongs to.

use crate::ALERTS_MAX;
use crate::core::{Core, Surroundings};
use crate::incident::IncidentId;
use entities::EntityId;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Neighbours of an entity that are looked at.
const NEIGHBOURS_MAX: usize = 1_000;

/// The first of several: what is nearer, began later, has the lower number.
type Rank = (u8, Reverse<i64>, IncidentId);

impl Core {
    /// The incident that an alert joins: one with an alert about the same entity, else about a neighbour; of alerts about
    /// none, one with an alert of the same group. That alert began within the window.
    pub(crate) fn choose(
        &self,
        entities: &[EntityId],
        group: Option<&str>,
        starts_ms: i64,
        around: &dyn Surroundings,
    ) -> Option<IncidentId> {
        let mut best: Option<Rank> = None;
        if let Some(group) = group {
            self.nearest(self.by_group.get(group), 0, starts_ms, &mut best);
        }
        for entity in entities {
            self.nearest(self.by_entity.get(entity), 0, starts_ms, &mut best);
        }
        if best.is_none() && !self.by_entity.is_empty() {
            let window_ms = self.settings.window_ms;
            let (from_ms, to_ms) = (starts_ms.saturating_sub(window_ms), starts_ms.saturating_add(window_ms));
            let mut seen: BTreeSet<EntityId> = BTreeSet::new();
            for entity in entities {
                for near in around.neighbours(entity, from_ms, to_ms).into_iter().take(NEIGHBOURS_MAX) {
                    if seen.insert(near.clone()) {
                        self.nearest(self.by_entity.get(&near), 1, starts_ms, &mut best);
                    }
                }
            }
        }
        best.map(|(_, _, id)| id)
    }

    fn nearest(
        &self,
        begun: Option<&BTreeSet<(i64, IncidentId, alerting::Fingerprint)>>,
        distance: u8,
        starts_ms: i64,
        best: &mut Option<Rank>,
    ) {
        let Some(begun) = begun else { return };
        let window_ms = self.settings.window_ms;
        let from = (starts_ms.saturating_sub(window_ms), IncidentId(0), alerting::Fingerprint(0));
        let to = (starts_ms.saturating_add(window_ms), IncidentId(u64::MAX), alerting::Fingerprint(u64::MAX));
        let mut last = None;
        for (_, id, _) in begun.range(from..=to) {
            if last == Some(*id) {
                continue;
            }
            last = Some(*id);
            let Some(incident) = self.get(*id).filter(|i| i.members.len() < ALERTS_MAX) else { continue };
            let rank = (distance, Reverse(incident.head.started_ms), *id);
            if best.is_none_or(|b| rank < b) {
                *best = Some(rank);
            }
        }
    }
}
