//! How far this machine was watched: the state that is kept together with the events.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a watcher needs to go on where it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WatchState {
    /// The run of the kernel that was seen last.
    pub boot: String,
    /// The last message of the kernel in that run.
    pub kmsg: Option<u64>,
    /// The cursor of the last entry of the systemd journal.
    pub cursor: Option<String>,
}

impl WatchState {
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Option<WatchState> {
        serde_json::from_slice(bytes)
            .inspect_err(|error| {
                tracing::error!(%error, "how far this machine was watched is not understood; it begins anew");
            })
            .ok()
    }
}

/// Events of one kind and subject within so many milliseconds are one: a dying disk complains without end.
const TOGETHER_MS: i64 = 60_000;
const SUBJECTS_MAX: usize = 1000;

/// Holds back what repeats itself.
#[derive(Debug, Default)]
pub(super) struct Throttle(BTreeMap<(&'static str, String), (i64, u64)>);

impl Throttle {
    /// Whether an event passes, and how many were held back before it.
    pub fn passes(&mut self, kind: &'static str, subject: &str, time_ms: i64) -> Option<u64> {
        if self.0.len() >= SUBJECTS_MAX {
            self.0.retain(|_, (last, _)| (0..TOGETHER_MS).contains(&time_ms.saturating_sub(*last)));
        }
        if self.0.len() >= SUBJECTS_MAX {
            self.0.clear();
        }
        match self.0.entry((kind, subject.to_owned())) {
            std::collections::btree_map::Entry::Vacant(e) => {
                e.insert((time_ms, 0));
                Some(0)
            }
            std::collections::btree_map::Entry::Occupied(mut e) => {
                let (last, held) = e.get_mut();
                if (0..TOGETHER_MS).contains(&time_ms.saturating_sub(*last)) {
                    *held += 1;
                    return None;
                }
                *last = time_ms;
                Some(std::mem::take(held))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_is_held_back() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.passes("disk_error", "sda", 0), Some(0));
        assert_eq!(throttle.passes("disk_error", "sda", 10), None);
        assert_eq!(throttle.passes("disk_error", "sdb", 10), Some(0));
        assert_eq!(throttle.passes("disk_error", "sda", TOGETHER_MS), Some(1));
        for n in 0..3000 {
            throttle.passes("disk_error", &n.to_string(), 5);
        }
        assert!(throttle.0.len() <= SUBJECTS_MAX);
    }

    #[test]
    fn states_come_back() {
        let state = WatchState { boot: "b".into(), kmsg: Some(7), cursor: Some("c".into()) };
        assert_eq!(WatchState::decode(&state.encode()), Some(state));
        assert_eq!(WatchState::decode(b"{"), None);
    }
}
