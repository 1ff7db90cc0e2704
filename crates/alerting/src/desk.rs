//! The state machine with its journal: nothing is sent that is not durable.

use crate::config::Config;
use crate::core::{Core, Happened, Out};
use crate::delivery::Delivery;
use crate::record::Record;
use crate::state::Replay;
use env::Disk;
use journal::{Damage, JournalError, JournalOptions, Log, Offset};
use std::path::PathBuf;
use std::sync::Arc;

/// A segment of the journal.
const SEGMENT_BYTES: u64 = 4 << 20;
/// So much is written before the whole state is written again, and more if the state is larger.
const SNAPSHOT_BYTES_MIN: u64 = 4 << 20;
/// How long after a failed write the next one is tried, milliseconds.
const RETRY_MS: i64 = 1_000;

/// What a commit came to.
#[derive(Debug)]
pub struct Committed {
    /// What is to be sent now.
    pub sends: Vec<Arc<Delivery>>,
    /// What happened, in order.
    pub happened: Vec<Happened>,
    /// Why it is not durable. It is sent all the same: to be told twice is better than not at all.
    pub failure: Option<JournalError>,
}

/// The state machine and its journal.
pub struct Desk {
    core: Core,
    log: Log,
    out: Out,
    /// Bytes since the last snapshot, and those of the snapshot.
    written: u64,
    snapshot: u64,
    /// Set while what is in memory and what is on disk are not the same; not before this time is it tried again.
    behind: Option<i64>,
    unreadable: u64,
}

impl Desk {
    /// Reads what is kept and goes on from there. What was being sent is in the first commit.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        config: Arc<Config>,
        now_ms: i64,
    ) -> Result<(Desk, Vec<Damage>), JournalError> {
        let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::default() };
        let (log, damages) = Log::open(disk, dir, options)?;
        let mut replay = Replay::default();
        let (mut unreadable, mut written) = (0, 0);
        for item in log.read(Offset(0)) {
            match item {
                Ok((_, bytes)) => {
                    written += bytes.len() as u64;
                    match Record::decode(&bytes) {
                        Ok(record) => replay.apply(record),
                        Err(_) => unreadable += 1,
                    }
                }
                Err(JournalError::Damaged(_)) => unreadable += 1,
                // What cannot be read now may be read later; to go on without it would be to forget it.
                Err(e) => return Err(e),
            }
        }
        let mut out = Out::default();
        let core = Core::recovered(config, replay.finish(), now_ms, &mut out);
        // What a crash may have cut off in the middle of a snapshot is not written on: everything is, first.
        let behind = (written > 0).then_some(i64::MIN);
        Ok((Desk { core, log, out, written, snapshot: 0, behind, unreadable }, damages))
    }

    /// The state, for questions.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Records that could not be read at the start.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Whether all that is in memory is durable.
    pub fn is_durable(&self) -> bool {
        self.behind.is_none()
    }

    /// Lets something happen. Its effects come with the next commit.
    pub fn act<T>(&mut self, act: impl FnOnce(&mut Core, &mut Out) -> T) -> T {
        act(&mut self.core, &mut self.out)
    }

    /// Makes all that happened since the last commit durable, and gives what is to be sent.
    pub fn commit(&mut self, now_ms: i64) -> Committed {
        let out = std::mem::take(&mut self.out);
        let failure = self.write(&[&out.records, &out.known], now_ms).err();
        if failure.is_some() {
            self.behind = Some(now_ms.saturating_add(RETRY_MS));
        }
        Committed { sends: out.sends, happened: out.happened, failure }
    }

    fn write(&mut self, groups: &[&[Record]], now_ms: i64) -> Result<(), JournalError> {
        if let Some(retry_ms) = self.behind {
            if now_ms < retry_ms && retry_ms.saturating_sub(now_ms) <= RETRY_MS {
                return Ok(());
            }
            return self.write_snapshot();
        }
        for group in groups.iter().filter(|g| !g.is_empty()) {
            let encoded: Vec<Vec<u8>> = group.iter().map(Record::encode).collect();
            self.log.append(&encoded)?;
            self.written += encoded.iter().map(|r| r.len() as u64).sum::<u64>();
        }
        if self.written > SNAPSHOT_BYTES_MIN.max(self.snapshot.saturating_mul(2)) {
            self.write_snapshot()?;
        }
        Ok(())
    }

    /// Writes the whole state and gives up what is before it.
    ///
    /// Beginning and end are groups of their own: where there is an end, all before it was on stable storage first, and
    /// what a crash leaves of a state without an end has a beginning.
    fn write_snapshot(&mut self) -> Result<(), JournalError> {
        let encoded: Vec<Vec<u8>> = self.core.snapshot().iter().map(Record::encode).collect();
        let end = encoded.len().saturating_sub(1);
        let first = self.log.append(&encoded[..1])?;
        self.log.append(&encoded[1..end])?;
        self.log.append(&encoded[end..])?;
        self.behind = None;
        self.written = 0;
        self.snapshot = encoded.iter().map(|r| r.len() as u64).sum();
        self.log.truncate_before(first)
    }
}
