//! The health of releases: how many sessions ended in a crash.

use crate::tally::{HOUR_S, Users};
use errors::{SessionNote, SessionStatus};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use xxhash_rust::xxh3::Xxh3Default;

/// Releases and environments of all projects that are told apart.
const KEYS_MAX: usize = 2000;
/// Hours of one of them.
const HOURS_MAX: usize = 24 * 31;
/// Sessions under way that are remembered, so that what is told of one twice counts once.
const OPEN_MAX: usize = 200_000;

/// Whose sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionKey {
    /// The tenant.
    pub tenant: String,
    /// The project.
    pub project: String,
    /// The release.
    pub release: String,
    /// The environment.
    pub environment: String,
}

/// Sessions of one hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hour {
    /// Sessions that began.
    pub started: u64,
    /// Those with errors that were handled.
    pub errored: u64,
    /// Those that ended in a crash.
    pub crashed: u64,
    /// Those that ended nobody knows how.
    pub abnormal: u64,
    /// Who was served.
    pub users: Users,
    /// Whose session ended in a crash.
    pub crashed_users: Users,
}

impl Hour {
    fn merge(&mut self, other: &Hour) {
        self.started += other.started;
        self.errored += other.errored;
        self.crashed += other.crashed;
        self.abnormal += other.abnormal;
        self.users.merge(&other.users);
        self.crashed_users.merge(&other.crashed_users);
    }
}

/// How a release is in a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReleaseHealth {
    /// All sessions of the time.
    pub total: Hour,
    /// Sessions that began and that crashed, in buckets.
    pub buckets: Vec<(u64, u64)>,
}

impl ReleaseHealth {
    /// The share of sessions that did not crash; nothing where there were none.
    pub fn crash_free_sessions(&self) -> Option<f64> {
        share(self.total.started, self.total.crashed)
    }

    /// The share of users who met no crash; nothing where there were none.
    pub fn crash_free_users(&self) -> Option<f64> {
        share(self.total.users.count(), self.total.crashed_users.count())
    }
}

fn share(all: u64, bad: u64) -> Option<f64> {
    (all > 0).then(|| 1.0 - bad.min(all) as f64 / all as f64)
}

/// What was told of a session so far.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    errored: bool,
    ended: bool,
}

/// Which session of which project; nothing where they were counted by the sender.
fn identity(note: &SessionNote) -> Option<u128> {
    let mut hash = Xxh3Default::new();
    for text in [&note.tenant, &note.project] {
        hash.update(text.as_bytes());
        hash.update(&[0xff]);
    }
    hash.update(&note.id?.0);
    Some(hash.digest128())
}

/// Sessions of all projects.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    hours: BTreeMap<SessionKey, BTreeMap<u32, Hour>>,
    told: HashMap<u128, Told>,
    order: VecDeque<u128>,
    /// What changed since it was last written.
    dirty: std::collections::BTreeSet<(SessionKey, u32)>,
    /// Sessions left out because there are too many releases.
    pub left_out: u64,
}

impl Sessions {
    pub fn apply(&mut self, note: &SessionNote) {
        let id = identity(note);
        let told = id.map(|id| self.told(id));
        let Some(hour) = self.hour(note) else { return };
        if let Some([exited, errored, crashed, abnormal]) = note.counted {
            hour.started += exited + errored + crashed + abnormal;
            hour.errored += errored;
            hour.crashed += crashed;
            hour.abnormal += abnormal;
            if let Some(user) = note.user {
                hour.users.add(user);
                if crashed > 0 {
                    hour.crashed_users.add(user);
                }
            }
            return;
        }
        let (known, mut now) = told.unwrap_or((false, Told::default()));
        if note.init && !known {
            hour.started += 1;
        }
        if let Some(user) = note.user {
            hour.users.add(user);
        }
        let ends_badly = matches!(note.status, SessionStatus::Crashed | SessionStatus::Abnormal);
        if ends_badly && !now.ended {
            now.ended = true;
            if now.errored {
                hour.errored = hour.errored.saturating_sub(1);
            }
            match note.status {
                SessionStatus::Crashed => hour.crashed += 1,
                _ => hour.abnormal += 1,
            }
            if let Some(user) = note.user.filter(|_| note.status == SessionStatus::Crashed) {
                hour.crashed_users.add(user);
            }
        } else if !ends_badly
            && !now.errored
            && !now.ended
            && (note.errors > 0 || note.status == SessionStatus::Errored)
        {
            now.errored = true;
            hour.errored += 1;
        }
        if let Some(id) = id {
            self.told.insert(id, now);
        }
    }

    /// Learns what was told of a session that is counted already.
    pub fn remember(&mut self, note: &SessionNote) {
        let Some(id) = identity(note) else { return };
        let (_, mut now) = self.told(id);
        now.ended |= matches!(note.status, SessionStatus::Crashed | SessionStatus::Abnormal);
        now.errored |= note.errors > 0 || note.status == SessionStatus::Errored;
        self.told.insert(id, now);
    }

    /// Whether a session is known, and what was told of it.
    fn told(&mut self, id: u128) -> (bool, Told) {
        if let Some(told) = self.told.get(&id) {
            return (true, *told);
        }
        if self.order.len() >= OPEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
        self.order.push_back(id);
        (false, Told::default())
    }

    fn hour(&mut self, note: &SessionNote) -> Option<&mut Hour> {
        let key = SessionKey {
            tenant: note.tenant.clone(),
            project: note.project.clone(),
            release: note.release.clone(),
            environment: note.environment.clone(),
        };
        if !self.hours.contains_key(&key) && self.hours.len() >= KEYS_MAX {
            self.left_out += 1;
            return None;
        }
        let hour = u32::try_from(note.started_ms.div_euclid(HOUR_S * 1000)).unwrap_or(0);
        let of_key = self.hours.entry(key.clone()).or_default();
        if of_key.len() >= HOURS_MAX && !of_key.contains_key(&hour) {
            of_key.pop_first();
        }
        self.dirty.insert((key, hour));
        Some(of_key.entry(hour).or_default())
    }

    /// What changed since the last call.
    pub fn take_dirty(&mut self) -> Vec<(SessionKey, u32, Hour)> {
        let dirty = std::mem::take(&mut self.dirty);
        let of = |(key, hour): (SessionKey, u32)| {
            let found = self.hours.get(&key)?.get(&hour)?.clone();
            Some((key, hour, found))
        };
        dirty.into_iter().filter_map(of).collect()
    }

    /// Whether nothing changed since then.
    pub fn is_clean(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Everything.
    pub fn all(&self) -> impl Iterator<Item = (&SessionKey, u32, &Hour)> {
        self.hours.iter().flat_map(|(key, hours)| hours.iter().map(move |(at, hour)| (key, *at, hour)))
    }

    /// Takes in what was written.
    pub fn restore(&mut self, key: SessionKey, at: u32, hour: Hour) {
        self.hours.entry(key).or_default().insert(at, hour);
    }

    /// The health of releases of a project, from `start_ms` to before `end_ms`, whole hours.
    pub fn health(
        &self,
        tenant: &str,
        project: Option<&str>,
        span_ms: (i64, i64),
        steps: usize,
    ) -> Vec<(SessionKey, ReleaseHealth)> {
        let (start_ms, end_ms) = span_ms;
        let mut out = Vec::new();
        for (key, hours) in &self.hours {
            if key.tenant != tenant || project.is_some_and(|p| p != key.project) {
                continue;
            }
            let mut health = ReleaseHealth { buckets: vec![(0, 0); steps], ..ReleaseHealth::default() };
            for (at, hour) in hours {
                let at_ms = i64::from(*at) * HOUR_S * 1000;
                if at_ms + HOUR_S * 1000 <= start_ms || at_ms >= end_ms {
                    continue;
                }
                health.total.merge(hour);
                let place = (at_ms - start_ms).max(0) as i128 * steps as i128
                    / i128::from((end_ms - start_ms).max(1));
                if let Some(bucket) = health.buckets.get_mut(place as usize) {
                    *bucket = (bucket.0 + hour.started, bucket.1 + hour.crashed);
                }
            }
            if health.total.started + health.total.crashed + health.total.errored + health.total.abnormal > 0
            {
                out.push((key.clone(), health));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use errors::EventId;

    fn note(id: u8, init: bool, status: SessionStatus, errors: u64) -> SessionNote {
        SessionNote {
            tenant: "t".into(),
            project: "p".into(),
            id: Some(EventId([id; 16])),
            release: "1".into(),
            user: Some(u64::from(id)),
            started_ms: HOUR_S * 1000,
            init,
            status,
            errors,
            ..SessionNote::default()
        }
    }

    #[test]
    fn what_is_told_twice_counts_once() {
        use SessionStatus::{Crashed, Exited, Ok};
        let mut all = Sessions::default();
        for n in [
            note(1, true, Ok, 0),
            note(1, true, Ok, 0),
            note(1, false, Exited, 0),
            note(2, true, Ok, 1),
            note(2, false, Ok, 2),
            note(2, false, Crashed, 3),
            note(2, false, Crashed, 3),
            note(3, true, Ok, 1),
        ] {
            all.apply(&n);
        }
        all.apply(&SessionNote { id: None, counted: Some([7, 0, 0, 0]), ..note(9, false, Ok, 0) });
        let health = all.health("t", Some("p"), (0, 10 * HOUR_S * 1000), 10);
        let (_, h) = &health[0];
        assert_eq!((h.total.started, h.total.errored, h.total.crashed), (10, 1, 1));
        assert_eq!(h.crash_free_sessions(), Some(0.9));
        assert_eq!(h.crash_free_users(), Some(0.75));
        assert_eq!(h.buckets[1], (10, 1));
        assert!(all.health("t", None, (3 * HOUR_S * 1000, 10 * HOUR_S * 1000), 1).is_empty());
    }

    #[test]
    fn one_id_in_two_projects_is_two_sessions() {
        let mut all = Sessions::default();
        all.apply(&note(1, true, SessionStatus::Crashed, 1));
        all.apply(&SessionNote { project: "q".into(), ..note(1, true, SessionStatus::Crashed, 1) });
        all.apply(&SessionNote { tenant: "u".into(), ..note(1, true, SessionStatus::Crashed, 1) });
        for (tenant, project) in [("t", "p"), ("t", "q"), ("u", "p")] {
            let health = all.health(tenant, Some(project), (0, 10 * HOUR_S * 1000), 1);
            assert_eq!((health[0].1.total.started, health[0].1.total.crashed), (1, 1), "{tenant} {project}");
        }
    }
}
