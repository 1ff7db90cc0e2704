//! The book with its journal.
//!
//! What people do is written when they do it. Counts are written from time to time, together with which batches of events
//! they count; see [`Book`] for why that is enough.

use crate::book::{Action, ActionError, Book, BookLimits, Regressed};
use crate::issue::{Issue, IssueId};
use crate::record::Record;
use env::Disk;
use errors::Note;
use journal::{Damage, JournalError, JournalOptions, Log, Offset};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A segment of the journal.
const SEGMENT_BYTES: u64 = 4 << 20;
/// So much is written before everything is written again, and more if everything is larger.
const SNAPSHOT_BYTES_MIN: u64 = 8 << 20;
/// Events older than this before a checkpoint make the journal say so before they are stored; the ids of younger ones are
/// known after a restart. Milliseconds.
const FLOOR_MS: i64 = 3_600_000;
/// How long after a failed write the next one is tried, milliseconds.
const RETRY_MS: i64 = 1_000;

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Opened {
    /// Damage in the journal.
    pub damages: Vec<Damage>,
    /// Records that could not be read.
    pub unreadable: u64,
    /// Events from this time on are to be read from the store, Unix milliseconds.
    pub floor_ms: i64,
}

/// The book and its journal.
pub struct Desk {
    book: Book,
    log: Log,
    /// The oldest event of each batch under way.
    under_way: BTreeMap<u64, i64>,
    floor_ms: i64,
    written: u64,
    snapshot: u64,
    /// Set while what is on disk is behind what is in memory; not before this time is it tried again.
    behind: Option<i64>,
    /// Until [`Desk::recovered`]: what the store has and the journal does not.
    found: Vec<(u64, Note)>,
}

impl Desk {
    /// Reads what is kept. What the store has from [`Opened::floor_ms`] on goes to [`Desk::found`],
    /// and then [`Desk::recovered`] is called, before anything else.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        limits: BookLimits,
    ) -> Result<(Desk, Opened), JournalError> {
        let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::default() };
        let (log, damages) = Log::open(disk, dir, options)?;
        let mut replay = Replay { book: Book::new(limits), limits, floor_ms: i64::MIN, open: None };
        let mut opened = Opened { damages, ..Opened::default() };
        let mut written = 0;
        for item in log.read(Offset(0)) {
            match item {
                Ok((_, bytes)) => {
                    written += bytes.len() as u64;
                    match Record::decode(&bytes) {
                        Ok(record) => replay.take(record),
                        Err(_) => opened.unreadable += 1,
                    }
                }
                Err(JournalError::Damaged(_)) => opened.unreadable += 1,
                // What cannot be read now may be read later; to go on without it would be to forget it.
                Err(e) => return Err(e),
            }
        }
        let Replay { mut book, floor_ms, .. } = replay;
        book.restored();
        opened.floor_ms = floor_ms;
        let desk = Desk {
            book,
            log,
            under_way: BTreeMap::new(),
            floor_ms,
            written,
            snapshot: 0,
            behind: None,
            found: Vec::new(),
        };
        Ok((desk, opened))
    }

    /// Takes in what the store has, with the number of its batch. What is counted already is remembered by its id.
    pub fn found(&mut self, batch: u64, note: Note) {
        match self.book.is_counted(batch) {
            true => self.book.remember(&note),
            false => self.found.push((batch, note)),
        }
    }

    /// The store has no more: counts what was not counted.
    pub fn recovered(&mut self) {
        let found = std::mem::take(&mut self.found);
        self.book.recover(found);
        // What a crash may have cut off in the middle is not written on: everything is, first.
        self.behind = Some(i64::MIN);
    }

    /// The book.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Whether all that is in memory can be read again.
    pub fn is_durable(&self) -> bool {
        self.behind.is_none()
    }

    /// Begins a batch whose oldest event is of `oldest_ms`; gives its number.
    pub fn begin(&mut self, oldest_ms: i64) -> Result<u64, JournalError> {
        if oldest_ms < self.floor_ms {
            self.append(&[Record::Floor { floor_ms: oldest_ms }])?;
            self.floor_ms = oldest_ms;
        }
        let batch = self.book.begin();
        self.under_way.insert(batch, oldest_ms);
        Ok(batch)
    }

    /// A batch was stored.
    pub fn apply(&mut self, batch: u64, notes: &[Note]) -> Vec<Regressed> {
        self.under_way.remove(&batch);
        self.book.apply(batch, notes)
    }

    /// A batch was not stored.
    pub fn abandon(&mut self, batch: u64) {
        self.under_way.remove(&batch);
        self.book.abandon(batch);
    }

    /// Does what somebody wants, and makes it durable. Gives the issue as it is then.
    pub fn act(
        &mut self,
        tenant: &str,
        id: IssueId,
        action: Action,
        by: &str,
        now_ms: i64,
    ) -> Result<(Option<Issue>, Result<(), JournalError>), ActionError> {
        let record = self.book.act(tenant, id, action, by, now_ms)?;
        let written = match self.behind {
            Some(_) => self.write_snapshot(now_ms),
            None => self.append(&[record]),
        };
        if written.is_err() {
            self.behind = Some(now_ms.saturating_add(RETRY_MS));
        }
        Ok((self.book.issue(id).cloned(), written))
    }

    /// Writes what was counted since the last checkpoint, if anything was.
    pub fn checkpoint(&mut self, now_ms: i64) -> Result<(), JournalError> {
        let done = match self.behind {
            Some(retry_ms) if now_ms < retry_ms => return Ok(()),
            Some(_) => self.write_snapshot(now_ms),
            None if !self.book.is_dirty() && !self.is_lowered(now_ms) => return Ok(()),
            None => {
                let floor_ms = self.next_floor(now_ms);
                let records = self.book.checkpoint(floor_ms);
                self.append_marked(&records).and_then(|(_, bytes)| {
                    self.written += bytes;
                    self.floor_ms = floor_ms;
                    match self.written > SNAPSHOT_BYTES_MIN.max(self.snapshot.saturating_mul(2)) {
                        true => self.write_snapshot(now_ms),
                        false => Ok(()),
                    }
                })
            }
        };
        self.behind = done.is_err().then(|| now_ms.saturating_add(RETRY_MS));
        done
    }

    /// Writes everything as a journal of its own, for a backup. What is copied of the store afterwards has at least the
    /// events that are counted here.
    pub fn copy(&self, disk: Arc<dyn Disk>, dir: PathBuf, now_ms: i64) -> Result<(), JournalError> {
        let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::default() };
        let (mut log, _) = Log::open(disk, dir, options)?;
        let floor_ms = self.next_floor(now_ms).min(self.floor_ms);
        let encoded: Vec<Vec<u8>> = self.book.snapshot(floor_ms).iter().map(Record::encode).collect();
        log.append(&encoded).map(drop)
    }

    /// Whether an old event, which may have been refused since, made the next start read more than it needs to.
    fn is_lowered(&self, now_ms: i64) -> bool {
        self.floor_ms < self.next_floor(now_ms).saturating_sub(FLOOR_MS)
    }

    fn next_floor(&self, now_ms: i64) -> i64 {
        let under_way = self.under_way.values().copied().min().unwrap_or(i64::MAX);
        now_ms.saturating_sub(FLOOR_MS).min(under_way)
    }

    /// Writes everything, and gives up what is before it.
    fn write_snapshot(&mut self, now_ms: i64) -> Result<(), JournalError> {
        let floor_ms = self.next_floor(now_ms);
        let (first, bytes) = self.append_marked(&self.book.snapshot(floor_ms))?;
        self.book.written();
        self.floor_ms = floor_ms;
        self.behind = None;
        self.written = 0;
        self.snapshot = bytes;
        self.log.truncate_before(first)
    }

    /// Appends a snapshot or checkpoint; gives its first offset and its bytes.
    ///
    /// Beginning and mark are groups of their own: where there is a mark, all before it was on stable storage first, and
    /// what a crash leaves of it without a mark has a beginning.
    fn append_marked(&mut self, records: &[Record]) -> Result<(Offset, u64), JournalError> {
        let encoded: Vec<Vec<u8>> = records.iter().map(Record::encode).collect();
        let end = encoded.len().saturating_sub(1);
        let first = self.log.append(&encoded[..1])?;
        self.log.append(&encoded[1..end])?;
        self.log.append(&encoded[end..])?;
        Ok((first, encoded.iter().map(|r| r.len() as u64).sum()))
    }

    fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let encoded: Vec<Vec<u8>> = records.iter().map(Record::encode).collect();
        self.log.append(&encoded)?;
        self.written += encoded.iter().map(|r| r.len() as u64).sum::<u64>();
        Ok(())
    }
}

/// Follows records. A snapshot or checkpoint that is not complete counts for nothing.
struct Replay {
    book: Book,
    limits: BookLimits,
    floor_ms: i64,
    /// Whether it takes the place of everything, and its records so far.
    open: Option<(bool, Vec<Record>)>,
}

impl Replay {
    fn take(&mut self, record: Record) {
        match (record, &mut self.open) {
            (Record::Snapshot, open) => *open = Some((true, Vec::new())),
            (Record::Checkpoint, open) => *open = Some((false, Vec::new())),
            (Record::Floor { floor_ms }, _) => self.floor_ms = self.floor_ms.min(floor_ms),
            (mark @ Record::Mark { .. }, _) => self.complete(mark),
            (record, Some((_, records))) => records.push(record),
            (record @ Record::Acted { .. }, None) => self.book.restore(record),
            // A checkpoint whose beginning is lost.
            (_, None) => {}
        }
    }

    fn complete(&mut self, mark: Record) {
        let Some((whole, records)) = self.open.take() else { return };
        if whole {
            self.book = Book::new(self.limits);
        }
        if let Record::Mark { floor_ms, .. } = &mark {
            self.floor_ms = *floor_ms;
        }
        records.into_iter().for_each(|r| self.book.restore(r));
        self.book.restore(mark);
    }
}

#[cfg(test)]
mod tests;
