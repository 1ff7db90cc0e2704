//! What was found, since when and until when.
//!
//! An entity is known by the labels that named it, for each signal: its *handles*, by which the signals of it are asked
//! for again. A relation holds over spans of time: one that is not seen for long ended when it was last seen.

use crate::entity::{EntityId, EntityType, Relation};
use crate::recognise::Found;
use crate::rules::Rules;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Labels of series.
    Metrics,
    /// Labels of streams of logs.
    Logs,
    /// Attributes of resources of spans.
    Traces,
    /// Labels of events.
    Events,
}

impl Signal {
    /// Its word.
    pub fn text(self) -> &'static str {
        match self {
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
            Signal::Traces => "traces",
            Signal::Events => "events",
        }
    }
}

/// Labels that name an entity in a signal.
pub type Handle = (Signal, BTreeMap<String, String>);

/// Bounds of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entities; those that were not seen for longest go.
    pub entities_max: usize,
    /// Relations; those that were not seen for longest go.
    pub relations_max: usize,
    /// Handles of one entity.
    pub handles_max: usize,
    /// Attributes of one entity, and values of each that are remembered.
    pub attributes_max: usize,
    /// A relation that was not seen for so long ended.
    pub gone_ms: i64,
    /// Spans of time of one relation; the oldest are forgotten.
    pub spans_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            entities_max: 100_000,
            relations_max: 400_000,
            handles_max: 16,
            attributes_max: 32,
            gone_ms: 3_600_000,
            spans_max: 16,
        }
    }
}

/// What is known of an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// First seen, Unix milliseconds.
    pub first_ms: i64,
    /// Last seen, Unix milliseconds.
    pub last_ms: i64,
    /// Attributes as they were last.
    pub attributes: BTreeMap<String, String>,
    /// Attributes that changed: when, which, from what. The newest last.
    pub changes: Vec<(i64, String, String)>,
    /// How it is named in signals.
    pub handles: BTreeSet<Handle>,
}

/// What was noted of one sight.
#[derive(Debug, Clone, Copy)]
pub struct Noted {
    /// Where.
    pub signal: Signal,
    /// When first, Unix milliseconds.
    pub from_ms: i64,
    /// When last.
    pub to_ms: i64,
}

/// An entity beside another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Which.
    pub id: EntityId,
    /// How the two are related.
    pub relation: Relation,
    /// Whether the relation goes from the neighbour to the other.
    pub incoming: bool,
    /// Since when, Unix milliseconds.
    pub from_ms: i64,
    /// Until when it was seen.
    pub to_ms: i64,
}

type Edge = (EntityId, Relation, EntityId);

/// Entities and relations. See the module.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    limits: Limits,
    entities: BTreeMap<EntityId, Entry>,
    relations: BTreeMap<Edge, Vec<(i64, i64)>>,
    /// The same from the other end.
    backward: BTreeSet<(EntityId, Relation, EntityId)>,
}

/// A catalogue as it is written down.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Saved {
    entities: Vec<(EntityId, Entry)>,
    relations: Vec<(Edge, Vec<(i64, i64)>)>,
    /// Up to when was read, Unix milliseconds.
    pub until_ms: i64,
}

/// Of a full catalogue so much goes at once.
const SHED: usize = 16;
/// Changes of one entity that are remembered.
const CHANGES_MAX: usize = 64;

impl Catalogue {
    /// An empty one.
    pub fn new(limits: Limits) -> Catalogue {
        Catalogue { limits, ..Catalogue::default() }
    }

    /// How many entities and relations.
    pub fn len(&self) -> (usize, usize) {
        (self.entities.len(), self.relations.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Takes note of what labels said. `labels` gives the value of a label that named an entity.
    pub fn note(
        &mut self,
        found: &Found,
        rules: &Rules,
        labels: &dyn Fn(&str) -> Option<String>,
        noted: Noted,
    ) {
        let mut ids = Vec::with_capacity(found.entities.len());
        for (id, named_by, attributes) in &found.entities {
            let id = rules.named(id.clone());
            let handle: BTreeMap<String, String> =
                named_by.iter().filter_map(|name| Some((name.clone(), labels(name)?))).collect();
            self.put(&id, attributes, (noted.signal, handle), noted);
            ids.push(id);
        }
        for (from, relation, to) in &found.relations {
            self.relate(ids[*from].clone(), *relation, ids[*to].clone(), noted);
        }
        self.shed();
    }

    fn put(&mut self, id: &EntityId, attributes: &BTreeMap<String, String>, handle: Handle, noted: Noted) {
        let limits = self.limits;
        if !self.entities.contains_key(id) {
            let entry = Entry {
                first_ms: noted.from_ms,
                last_ms: noted.to_ms,
                attributes: BTreeMap::new(),
                changes: Vec::new(),
                handles: BTreeSet::new(),
            };
            self.entities.insert(id.clone(), entry);
        }
        let Some(entry) = self.entities.get_mut(id) else { return };
        let is_news = noted.to_ms >= entry.last_ms;
        entry.first_ms = entry.first_ms.min(noted.from_ms);
        entry.last_ms = entry.last_ms.max(noted.to_ms);
        for (name, value) in attributes {
            match entry.attributes.get(name) {
                Some(before) if before == value => {}
                Some(_) if !is_news => {}
                Some(before) => {
                    entry.changes.push((noted.from_ms, name.clone(), before.clone()));
                    if entry.changes.len() > CHANGES_MAX {
                        entry.changes.remove(0);
                    }
                    entry.attributes.insert(name.clone(), value.clone());
                }
                None if entry.attributes.len() < limits.attributes_max => {
                    entry.attributes.insert(name.clone(), value.clone());
                }
                None => {}
            }
        }
        if !handle.1.is_empty() && entry.handles.len() < limits.handles_max {
            entry.handles.insert(handle);
        }
    }

    /// Takes note of a relation between two entities.
    pub fn relate(&mut self, from: EntityId, relation: Relation, to: EntityId, noted: Noted) {
        if from == to {
            return;
        }
        let Limits { gone_ms, spans_max, .. } = self.limits;
        self.backward.insert((to.clone(), relation, from.clone()));
        let spans = self.relations.entry((from, relation, to)).or_default();
        // Spans that touch, or nearly, are one.
        let (mut begin, mut end) = (noted.from_ms, noted.to_ms.max(noted.from_ms));
        spans.retain(|(b, e)| {
            let apart = *b > end.saturating_add(gone_ms) || e.saturating_add(gone_ms) < begin;
            if !apart {
                begin = begin.min(*b);
                end = end.max(*e);
            }
            apart
        });
        let at = spans.partition_point(|(b, _)| *b < begin);
        spans.insert(at, (begin, end));
        if spans.len() > spans_max {
            spans.remove(0);
        }
    }

    /// Lets go what was not seen for longest, where there is too much.
    fn shed(&mut self) {
        if self.entities.len() > self.limits.entities_max {
            let keep = self.limits.entities_max - self.limits.entities_max / SHED;
            let mut times: Vec<i64> = self.entities.values().map(|e| e.last_ms).collect();
            let excess = times.len() - keep;
            let (_, oldest, _) = times.select_nth_unstable(excess - 1);
            let oldest = *oldest;
            let mut gone = 0;
            self.entities.retain(|_, e| {
                let goes = e.last_ms <= oldest && gone < excess;
                gone += usize::from(goes);
                !goes
            });
            let entities = &self.entities;
            self.relations
                .retain(|(from, _, to), _| entities.contains_key(from) && entities.contains_key(to));
            self.backward.retain(|(to, _, from)| entities.contains_key(from) && entities.contains_key(to));
        }
        if self.relations.len() > self.limits.relations_max {
            let keep = self.limits.relations_max - self.limits.relations_max / SHED;
            let last = |spans: &[(i64, i64)]| spans.last().map_or(i64::MIN, |(_, end)| *end);
            let mut times: Vec<i64> = self.relations.values().map(|s| last(s)).collect();
            let excess = times.len() - keep;
            let (_, oldest, _) = times.select_nth_unstable(excess - 1);
            let oldest = *oldest;
            let (mut gone, backward) = (0, &mut self.backward);
            self.relations.retain(|(from, relation, to), spans| {
                let goes = last(spans) <= oldest && gone < excess;
                if goes {
                    gone += 1;
                    backward.remove(&(to.clone(), *relation, from.clone()));
                }
                !goes
            });
        }
    }

    /// What is known of an entity.
    pub fn get(&self, id: &EntityId) -> Option<&Entry> {
        self.entities.get(id)
    }

    /// Entities, of a type if one is given, whose id or an attribute's value holds a text in small letters, and that were
    /// seen within a range.
    pub fn search<'a>(
        &'a self,
        kind: Option<EntityType>,
        text: &'a str,
        (from_ms, to_ms): (i64, i64),
    ) -> impl Iterator<Item = (&'a EntityId, &'a Entry)> + 'a {
        self.entities.iter().filter(move |(id, entry)| {
            let holds = |s: &str| s.to_lowercase().contains(text);
            kind.is_none_or(|k| k == id.kind)
                && entry.last_ms >= from_ms
                && entry.first_ms <= to_ms
                && (text.is_empty() || holds(&id.id) || entry.attributes.values().any(|v| holds(v)))
        })
    }

    /// Entities beside one, at a time give or take.
    pub fn neighbours(&self, id: &EntityId, (from_ms, to_ms): (i64, i64)) -> Vec<Neighbour> {
        let within =
            |spans: &[(i64, i64)]| spans.iter().rev().find(|(b, e)| *b <= to_ms && *e >= from_ms).copied();
        let mut all = Vec::new();
        let from_here = (id.clone(), Relation::RunsOn, smallest());
        for ((from, relation, to), spans) in
            self.relations.range(from_here..).take_while(|((f, ..), _)| f == id)
        {
            debug_assert_eq!(from, id);
            if let Some((from_ms, to_ms)) = within(spans) {
                all.push(Neighbour { id: to.clone(), relation: *relation, incoming: false, from_ms, to_ms });
            }
        }
        let to_here = (id.clone(), Relation::RunsOn, smallest());
        for (to, relation, from) in self.backward.range(to_here..).take_while(|(t, ..)| t == id) {
            let edge = (from.clone(), *relation, to.clone());
            if let Some((from_ms, to_ms)) = self.relations.get(&edge).and_then(|spans| within(spans)) {
                all.push(Neighbour { id: from.clone(), relation: *relation, incoming: true, from_ms, to_ms });
            }
        }
        all
    }

    /// As it is written down.
    pub fn save(&self, until_ms: i64) -> Saved {
        Saved {
            entities: self.entities.iter().map(|(id, e)| (id.clone(), e.clone())).collect(),
            relations: self.relations.iter().map(|(edge, spans)| (edge.clone(), spans.clone())).collect(),
            until_ms,
        }
    }

    /// From what was written down, within limits.
    pub fn restore(limits: Limits, saved: Saved) -> Catalogue {
        let mut catalogue = Catalogue::new(limits);
        catalogue.entities = saved.entities.into_iter().collect();
        for ((from, relation, to), spans) in saved.relations {
            if catalogue.entities.contains_key(&from)
                && catalogue.entities.contains_key(&to)
                && !spans.is_empty()
            {
                catalogue.backward.insert((to.clone(), relation, from.clone()));
                catalogue.relations.insert((from, relation, to), spans);
            }
        }
        catalogue.shed();
        catalogue
    }
}

/// The id before all others.
fn smallest() -> EntityId {
    EntityId { kind: EntityType::Service, id: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;

    fn note(c: &mut Catalogue, pairs: &[(&str, &str)], from_ms: i64, to_ms: i64) {
        let found = recognise(pairs.iter().copied());
        let labels = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        c.note(&found, &Rules::default(), &labels, Noted { signal: Signal::Logs, from_ms, to_ms });
    }

    fn id(kind: EntityType, id: &str) -> EntityId {
        EntityId { kind, id: id.to_owned() }
    }

    #[test]
    fn relations_hold_for_a_time() {
        let mut c = Catalogue::new(Limits::default());
        let hour = 3_600_000;
        let on =
            |host: &'static str| [("service.name", "cart"), ("host.name", host), ("service.version", "1")];
        note(&mut c, &on("a"), 0, hour);
        note(&mut c, &on("b"), 10 * hour, 11 * hour);
        note(&mut c, &on("a"), 2 * hour, 3 * hour);
        note(&mut c, &on("a"), 20 * hour, 21 * hour);
        let cart = id(EntityType::Service, "cart");
        let hosts = |at: i64| -> Vec<String> {
            c.neighbours(&cart, (at, at))
                .into_iter()
                .map(|n| format!("{} {}-{}", n.id, n.from_ms / hour, n.to_ms / hour))
                .collect()
        };
        assert_eq!(hosts(hour + 1), ["host/a 0-3"]);
        assert_eq!(hosts(10 * hour), ["host/b 10-11"]);
        assert_eq!(hosts(15 * hour), [""; 0]);
        assert_eq!(hosts(20 * hour), ["host/a 20-21"]);
        let back = c.neighbours(&id(EntityType::Host, "a"), (0, 0));
        assert_eq!((back.len(), back[0].incoming, &back[0].id), (1, true, &cart));
        assert_eq!(c.get(&cart).unwrap().handles.len(), 1);
        let restored = Catalogue::restore(Limits::default(), c.save(5));
        assert_eq!(restored.neighbours(&cart, (0, i64::MAX)), c.neighbours(&cart, (0, i64::MAX)));
    }

    #[test]
    fn changes_are_remembered() {
        let mut c = Catalogue::new(Limits::default());
        for (version, at) in [("1", 10), ("2", 20), ("1", 15), ("2", 30), ("3", 40)] {
            note(&mut c, &[("service.name", "cart"), ("service.version", version)], at, at);
        }
        let entry = c.get(&id(EntityType::Service, "cart")).unwrap();
        assert_eq!(entry.attributes["service.version"], "3");
        let changes: Vec<(i64, &str)> =
            entry.changes.iter().map(|(at, _, from)| (*at, from.as_str())).collect();
        assert_eq!(changes, [(20, "1"), (40, "2")]);
        assert_eq!((entry.first_ms, entry.last_ms), (10, 40));
    }

    #[test]
    fn there_are_bounds() {
        let limits = Limits { entities_max: 100, relations_max: 50, handles_max: 2, ..Limits::default() };
        let mut c = Catalogue::new(limits);
        for n in 0..1000 {
            let (service, host) = (format!("s{n}"), format!("h{}", n % 7));
            note(&mut c, &[("service.name", &service), ("host.name", &host)], n, n);
        }
        let (entities, relations) = c.len();
        assert!(entities <= 101 && relations <= 51, "{entities} {relations}");
        assert_eq!(c.backward.len(), relations);
        assert!(c.get(&id(EntityType::Service, "s999")).is_some());
        assert!(c.get(&id(EntityType::Service, "s0")).is_none());
        assert_eq!(c.search(Some(EntityType::Service), "S99".to_lowercase().as_str(), (0, 2000)).count(), 10);
    }
}
