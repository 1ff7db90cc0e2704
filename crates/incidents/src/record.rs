//! What is made durable, as records of a journal. `docs/format/incidents.md` describes them.

use crate::incident::{Entry, Head, IncidentId, Member, Notification};
use crate::oncall::Override;
use alerting::{Fingerprint, Outcome};
use serde::{Deserialize, Serialize};

/// The version of the records written.
const VERSION: u8 = 1;

/// A record: what changed together is in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// A whole state follows, up to [`Record::SnapshotEnd`], and takes the place of everything before.
    SnapshotBegin,
    /// The state is complete.
    SnapshotEnd { next: IncidentId },
    /// Changes that are all made, or none.
    Step(Vec<Change>),
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// An incident as it is now, but for its alerts and its timeline.
    Head(Box<Head>),
    /// An alert of an incident as it is now.
    Alert { incident: IncidentId, alert: Box<Member> },
    /// An alert is not of an incident any more.
    AlertGone { incident: IncidentId, alert: Fingerprint },
    /// Something happened.
    Entry { incident: IncidentId, entry: Box<Entry> },
    /// The decisions to notify of a page are made.
    Asked { incident: IncidentId, entry: u64, notifications: Vec<Notification> },
    /// What became of a decision to notify.
    Told { incident: IncidentId, entry: u64, delivery: u64, outcome: Outcome, at_ms: i64 },
    /// Entries that were too many; only in snapshots.
    Dropped { incident: IncidentId, entries: u64 },
    /// An incident is forgotten.
    Forgotten { incident: IncidentId },
    /// Somebody stands in for others.
    Override(Override),
    /// Nobody does any more.
    OverrideGone { id: String },
}

impl Record {
    /// One byte of version, then JSON.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        // Writing to memory fails only for maps with keys that are no texts, of which there are none.
        let _ = serde_json::to_writer(&mut out, self);
        out
    }

    /// The record of these bytes, or what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Record, String> {
        match bytes.split_first() {
            Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|e| e.to_string()),
            Some((version, _)) => {
                Err(format!("version {version}, known is {VERSION}: written by a newer program"))
            }
            None => Err("no bytes".to_owned()),
        }
    }
}

/// Decodes any bytes; for fuzzing. What is decoded follows into a state without harm.
pub fn decode_any(bytes: &[u8]) -> bool {
    let Ok(record) = Record::decode(bytes) else { return false };
    assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(&record));
    let mut replay = crate::state::Replay::default();
    replay.apply(record);
    replay.apply(Record::SnapshotEnd { next: IncidentId(1) });
    let _ = replay.finish();
    true
}
