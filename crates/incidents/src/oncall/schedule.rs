//! Layers and overrides together: who is on call.

use super::AHEAD_MS_MAX;
use super::layer::Layer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Somebody stands in for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Its id.
    pub id: String,
    /// In which schedule.
    pub schedule: String,
    /// Who.
    pub person: String,
    /// From, Unix milliseconds.
    pub from_ms: i64,
    /// To, Unix milliseconds.
    pub to_ms: i64,
    /// Who said so.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When that was said, Unix milliseconds; 0 for those of the configuration.
    pub made_ms: i64,
}

/// Who is on call when.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// Its time zone.
    pub time_zone: String,
    /// Rotations; a later one stands over those before it.
    pub layers: Vec<Layer>,
    /// Overrides of the configuration.
    pub overrides: Vec<Override>,
}

/// Who is on call at a moment, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn<'s> {
    /// Who.
    pub person: &'s str,
    /// The name of the layer, if it is by one.
    pub layer: Option<&'s str>,
    /// The id of the override, if it is by one.
    pub stands_in: Option<&'s str>,
}

/// Somebody is on call for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift<'s> {
    /// Who, and why.
    pub turn: Turn<'s>,
    /// From, Unix milliseconds.
    pub from_ms: i64,
    /// To, Unix milliseconds.
    pub to_ms: i64,
}

/// A first and further stretches that are looked at to find a change, milliseconds.
const STRETCHES_MS: [i64; 4] = [2 * 86_400_000, 16 * 86_400_000, 100 * 86_400_000, AHEAD_MS_MAX];

impl Schedule {
    /// Who is on call at a moment. `made` are overrides that people made, of any schedule.
    pub fn at<'s>(&'s self, at_ms: i64, made: &[&'s Override]) -> Option<Turn<'s>> {
        let holds = |o: &&'s Override| o.schedule == self.name && o.from_ms <= at_ms && at_ms < o.to_ms;
        let by_people = made.iter().copied().filter(holds).max_by_key(|o| (o.made_ms, &o.id));
        // Of the configuration's the last one counts.
        if let Some(o) = by_people.or_else(|| self.overrides.iter().rev().find(holds)) {
            return Some(Turn { person: &o.person, layer: None, stands_in: Some(&o.id) });
        }
        self.layers.iter().rev().find_map(|layer| {
            let person = layer.at(at_ms)?;
            Some(Turn { person, layer: Some(&layer.name), stands_in: None })
        })
    }

    /// The moments within a range at which something may change.
    fn changes(&self, from_ms: i64, to_ms: i64, made: &[&Override]) -> BTreeSet<i64> {
        let mut out = BTreeSet::new();
        self.layers.iter().for_each(|l| l.changes(from_ms, to_ms, &mut out));
        let made = made.iter().copied().filter(|o| o.schedule == self.name);
        for o in made.chain(&self.overrides) {
            out.extend([o.from_ms, o.to_ms].into_iter().filter(|ms| *ms > from_ms && *ms < to_ms));
        }
        out
    }

    /// Who is on call from one moment to another; nobody in between them.
    pub fn shifts<'s>(&'s self, from_ms: i64, to_ms: i64, made: &[&'s Override]) -> Vec<Shift<'s>> {
        stretched(from_ms, to_ms, self.changes(from_ms, to_ms, made), |ms| self.at(ms, made))
    }

    /// The same of one layer alone.
    pub fn shifts_of<'s>(&'s self, layer: &'s Layer, from_ms: i64, to_ms: i64) -> Vec<Shift<'s>> {
        let mut changes = BTreeSet::new();
        layer.changes(from_ms, to_ms, &mut changes);
        stretched(from_ms, to_ms, changes, |ms| {
            let person = layer.at(ms)?;
            Some(Turn { person, layer: Some(&layer.name), stands_in: None })
        })
    }

    /// The shift of a moment, if somebody is on call, and the one after that. A shift that has no beginning or end within
    /// [`AHEAD_MS_MAX`] is cut there.
    pub fn around<'s>(&'s self, at_ms: i64, made: &[&'s Override]) -> (Option<Shift<'s>>, Option<Shift<'s>>) {
        let turn = self.at(at_ms, made);
        let begun = || {
            for ms in STRETCHES_MS {
                let from_ms = at_ms.saturating_sub(ms);
                let before = self.shifts(from_ms, at_ms.saturating_add(1), made);
                if let Some(last) = before.last().filter(|s| s.from_ms > from_ms || ms == AHEAD_MS_MAX) {
                    return last.from_ms;
                }
            }
            at_ms
        };
        let mut next = None;
        let mut until_ms = at_ms.saturating_add(AHEAD_MS_MAX);
        for ms in STRETCHES_MS {
            let to_ms = at_ms.saturating_add(ms);
            let shifts = self.shifts(at_ms, to_ms, made);
            let after = usize::from(turn.is_some());
            if after == 1
                && let Some(first) = shifts.first()
            {
                until_ms = first.to_ms;
            }
            let found = shifts.get(after).filter(|s| s.to_ms < to_ms || ms == AHEAD_MS_MAX);
            if found.is_some() {
                next = found.cloned();
                break;
            }
        }
        let now = turn.map(|turn| Shift { turn, from_ms: begun(), to_ms: until_ms });
        (now, next)
    }
}

/// Stretches between changes, those that are alike together.
fn stretched<'s>(
    from_ms: i64,
    to_ms: i64,
    changes: BTreeSet<i64>,
    at: impl Fn(i64) -> Option<Turn<'s>>,
) -> Vec<Shift<'s>> {
    let mut out: Vec<Shift<'s>> = Vec::new();
    if to_ms <= from_ms {
        return out;
    }
    let begins: Vec<i64> = std::iter::once(from_ms).chain(changes).collect();
    for (place, begin) in begins.iter().enumerate() {
        let end = begins.get(place + 1).copied().unwrap_or(to_ms);
        let Some(turn) = at(*begin) else { continue };
        match out.last_mut() {
            Some(last) if last.to_ms == *begin && last.turn == turn => last.to_ms = end,
            _ => out.push(Shift { turn, from_ms: *begin, to_ms: end }),
        }
    }
    out
}
