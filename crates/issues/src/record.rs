//! What is made durable, as records of a journal. `docs/format/errors.md` describes them.

use crate::issue::{Group, Issue, IssueId};
use crate::releases::Release;
use crate::sessions::{Hour, SessionKey};
use serde::{Deserialize, Serialize};

/// The version of the records written.
const VERSION: u8 = 1;

/// A change of state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// Everything follows, up to the next [`Record::Mark`], and takes the place of what was before.
    Snapshot,
    /// Counts follow, up to the next [`Record::Mark`].
    Checkpoint,
    /// An issue as it is now; within a snapshot or checkpoint.
    Issue(Issue),
    /// A group as it is now, likewise.
    Group(Group),
    /// Releases of a project, likewise.
    Releases { tenant: String, project: String, releases: Vec<Release> },
    /// Sessions of an hour, likewise.
    Sessions { key: SessionKey, at: u32, hour: Hour },
    /// A snapshot or checkpoint is complete: it counts all batches below `watermark`, and those of `counted` above it.
    Mark { watermark: u64, counted: Vec<u64>, floor_ms: i64 },
    /// What somebody did: issues as they are now, and those that are no more.
    Acted { issues: Vec<Issue>, gone: Vec<IssueId> },
    /// Events that are not counted in the last checkpoint may be as old as this.
    Floor { floor_ms: i64 },
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

/// Decodes any bytes; for fuzzing.
pub fn decode_any(bytes: &[u8]) -> bool {
    Record::decode(bytes).is_ok_and(|r| Record::decode(&r.encode()) == Ok(r))
}
