//! The state machine with its journal: nobody is told of what is not durable.

use crate::core::{Core, Out, Settings};
use crate::escalate::PageRequest;
use crate::oncall::OnCall;
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
/// What happened together is written in records of about this much.
const RECORD_BYTES: usize = 1 << 20;
/// How long after a failed write the next one is tried, milliseconds.
const RETRY_MS: i64 = 1_000;

/// What a commit came to.
#[derive(Debug)]
pub struct Committed {
    /// Who is to be told now.
    pub pages: Vec<PageRequest>,
    /// Why it is not durable. People are told all the same: twice is better than not at all.
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
    /// Reads what is kept and goes on from there. Who may not have been told is in the first commit.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        settings: Settings,
        oncall: Arc<OnCall>,
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
        let core = Core::recovered(settings, oncall, replay.finish(), now_ms, &mut out);
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

    /// Makes all that happened since the last commit durable, and says who is to be told.
    pub fn commit(&mut self, now_ms: i64) -> Committed {
        let mut out = std::mem::take(&mut self.out);
        out.close();
        let failure = self.write(out.records, now_ms).err();
        if failure.is_some() {
            self.behind = Some(now_ms.saturating_add(RETRY_MS));
        }
        Committed { pages: out.pages, failure }
    }

    /// Writes the whole state as a journal of its own, for a backup.
    pub fn copy(&self, disk: Arc<dyn Disk>, dir: PathBuf) -> Result<(), JournalError> {
        let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::default() };
        let (mut log, _) = Log::open(disk, dir, options)?;
        let encoded: Vec<Vec<u8>> = self.core.snapshot().iter().map(Record::encode).collect();
        log.append(&encoded).map(drop)
    }

    fn write(&mut self, records: Vec<Record>, now_ms: i64) -> Result<(), JournalError> {
        if let Some(retry_ms) = self.behind {
            if now_ms < retry_ms && retry_ms.saturating_sub(now_ms) <= RETRY_MS {
                return Ok(());
            }
            return self.write_snapshot();
        }
        // Of a group a crash may leave any records without those they follow from: each is a group of its own.
        for record in joined(records) {
            let encoded = record.encode();
            self.log.append(&[&encoded])?;
            self.written += encoded.len() as u64;
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

/// The same changes in few records.
fn joined(records: Vec<Record>) -> Vec<Record> {
    let mut out: Vec<Record> = Vec::new();
    let mut room = 0;
    for record in records {
        let bytes = record.encode().len();
        match (out.last_mut(), record) {
            (Some(Record::Step(joined)), Record::Step(changes)) if bytes <= room => {
                joined.extend(changes);
                room -= bytes;
            }
            (_, record) => {
                out.push(record);
                room = RECORD_BYTES.saturating_sub(bytes);
            }
        }
    }
    out
}
