//! One partition's segments, without threads: every effect on the disk follows from the calls made.

use crate::frame::{self, FRAME_HEADER_BYTES};
use crate::read::{LogRecords, keep, segment_names};
use crate::scan::{Scan, Step};
use crate::segment::{self, HEADER_BYTES, Header, HeaderError};
use crate::{Damage, Flaw, JournalError, JournalOptions, Offset};
use env::{Disk, DiskFile};
use parking_lot::Mutex;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The log of one partition.
///
/// A segment is *active* while records may be appended to it. All of its bytes up to `durable` are synced; there
/// is nothing behind them except while a group is being written. A group that fails is cut off again. If even that
/// fails, or if a sync failed and so nothing is known about the file's pages, the segment is *abandoned*: the log
/// has no active segment until it can start the next one, whose header says where the abandoned one ends.
pub struct Log {
    options: JournalOptions,
    shared: Arc<Shared>,
    active: Option<Active>,
    /// Frame headers of the group being written, kept for their capacity.
    headers: Vec<[u8; FRAME_HEADER_BYTES]>,
}

struct Active {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    /// Bytes known to be on stable storage.
    durable: u64,
}

/// What readers see: changed only once it is durable.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// In order; never empty once something could be written.
    spans: Vec<Span>,
    /// Offset behind the last acknowledged record.
    next: u64,
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    /// See [`Header::prior`].
    pub(crate) prior: u64,
    /// Its length in bytes.
    pub(crate) end: u64,
}

impl Shared {
    pub(crate) fn path(&self, first: u64) -> PathBuf {
        self.dir.join(segment::file_name(first))
    }

    pub(crate) fn snapshot(&self) -> (Vec<Span>, u64) {
        let state = self.state.lock();
        (state.spans.clone(), state.next)
    }

    pub(crate) fn has(&self, first: u64) -> bool {
        self.state.lock().spans.iter().any(|s| s.first == first)
    }

    pub(crate) fn next(&self) -> u64 {
        self.state.lock().next
    }

    /// Number of segments, their bytes, and the first offset that can be read.
    pub(crate) fn extent(&self) -> (u64, u64, u64) {
        let state = self.state.lock();
        let bytes = state.spans.iter().map(|s| s.end).sum();
        (state.spans.len() as u64, bytes, state.spans.first().map_or(state.next, |s| s.first))
    }
}

const TEMP: &str = "segment.tmp";

impl Log {
    /// Opens a partition's directory, makes it if need be, and recovers: a torn tail is cut off, damage in the last
    /// segment is named. Earlier segments are checked when they are read. On a read-only disk the log opens, and
    /// appends fail until that changes.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        options: JournalOptions,
    ) -> Result<(Log, Vec<Damage>), JournalError> {
        disk.create_dir_all(&dir).map_err(|e| JournalError::io("create directory", &dir, e))?;
        let mut damages = Vec::new();
        let mut spans = Vec::new();
        for first in segment_names(&*disk, &dir)? {
            let path = dir.join(segment::file_name(first));
            let (span, damage) = inspect(&*disk, &path, first)?;
            damages.extend(damage);
            spans.push(span);
        }
        let state = Mutex::new(State { spans, next: 0 });
        let shared = Arc::new(Shared { disk, dir, state });
        let mut log = Log { options, shared, active: None, headers: Vec::new() };
        damages.extend(log.recover()?);
        if log.active.is_none() {
            let next = log.shared.next();
            // What cannot be written now is tried again before each append.
            if let Err(e) = log.start(next, next) {
                tracing::warn!(error = %e, dir = %log.shared.dir.display(), "journal cannot be written yet");
            }
        }
        Ok((log, damages))
    }

    /// Walks the last segment and makes it the active one if it is sound.
    fn recover(&mut self) -> Result<Vec<Damage>, JournalError> {
        let Some(span) = self.shared.state.lock().spans.last().copied() else { return Ok(Vec::new()) };
        let path = self.shared.path(span.first);
        let io = |operation, e| JournalError::io(operation, &path, e);
        let file = self.shared.disk.open(&path).map_err(|e| io("open", e))?;
        let mut scan = Scan::new(file, span.first, span.end, u64::MAX, self.options.record_bytes_max);
        let mut damages = Vec::new();
        let mut sound = HEADER_BYTES as u64;
        let mut usable = span.end >= sound;
        loop {
            let (position, bytes, offset, what) = match scan.next().map_err(|e| io("read", e))? {
                Step::Record { .. } => {
                    sound = scan.position();
                    continue;
                }
                Step::Hole { position, bytes, offset, .. } => (position, bytes, offset, Flaw::Corrupt),
                Step::Tail { position, bytes, offset, torn: true } => {
                    (position, bytes, offset, Flaw::TornTail)
                }
                Step::Tail { position, bytes, offset, torn: false } => {
                    (position, bytes, offset, Flaw::Corrupt)
                }
                Step::End => break,
            };
            usable &= what == Flaw::TornTail;
            let file = path.clone();
            damages.push(Damage { file, position, bytes, offset: Offset(offset), what, kept: None });
        }
        let next = scan.expected();
        let mut file = scan.into_file();
        // A process that was killed leaves records that are not yet on stable storage. They are served from now on,
        // so they have to be; the same sync keeps a cut tail from coming back.
        if usable {
            let cut = if file.len() > sound { file.truncate(sound) } else { Ok(()) };
            usable = cut.and_then(|()| file.sync()).is_ok();
        }
        {
            let mut state = self.shared.state.lock();
            state.next = next;
            if let Some(last) = state.spans.last_mut() {
                last.end = sound.min(last.end);
            }
        }
        if usable {
            self.active = Some(Active { file, path, durable: sound });
        } else {
            let kept = keep(&*self.shared.disk, &self.shared.dir, &path);
            damages.iter_mut().for_each(|d| d.kept.clone_from(&kept));
        }
        Ok(damages)
    }

    /// Writes records as one group and syncs once. Gives the offset of the first; the others follow.
    ///
    /// On an error none of them is in the log, and none comes back after a crash, unless the error is
    /// [`JournalError::Unresolved`].
    pub fn append<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Result<Offset, JournalError> {
        let first = self.shared.next();
        if records.is_empty() {
            return Ok(Offset(first));
        }
        let bytes = self.check(records)?;
        self.make_room(bytes)?;
        let Some(mut active) = self.active.take() else {
            return Err(JournalError::Closed);
        };
        let segment = self.shared.state.lock().spans.last().map_or(first, |s| s.first);
        let written = write(&mut *active.file, &mut self.headers, segment, first, records);
        if let Err(e) = written {
            return Err(self.undo(active, e));
        }
        if let Err(e) = active.file.sync() {
            return Err(self.abandon(active, e));
        }
        active.durable += bytes;
        let mut state = self.shared.state.lock();
        state.next = first + records.len() as u64;
        if let Some(last) = state.spans.last_mut() {
            last.end = active.durable;
        }
        drop(state);
        self.active = Some(active);
        Ok(Offset(first))
    }

    /// The bytes a group takes.
    fn check<R: AsRef<[u8]>>(&self, records: &[R]) -> Result<u64, JournalError> {
        // The length on disk has 32 bits.
        let limit = self.options.record_bytes_max.min(u32::MAX as usize);
        let mut bytes = 0;
        for record in records {
            let len = record.as_ref().len();
            if len > limit {
                return Err(JournalError::TooLarge { observed: len as u64, limit: limit as u64 });
            }
            bytes += (FRAME_HEADER_BYTES + len) as u64;
        }
        Ok(bytes)
    }

    /// Sees to an active segment that can take this many bytes.
    fn make_room(&mut self, bytes: u64) -> Result<(), JournalError> {
        let full = match &self.active {
            None => true,
            Some(active) => {
                active.durable > HEADER_BYTES as u64 && active.durable + bytes > self.options.segment_bytes
            }
        };
        if full {
            let next = self.shared.next();
            self.start(next, next).map_err(|e| self.failed(next, e))?;
        }
        Ok(())
    }

    /// Starts a segment. It gets its name only once its header is durable, so a named segment always has one.
    fn start(&mut self, first: u64, prior: u64) -> io::Result<()> {
        let disk = &*self.shared.disk;
        let (temp, path) = (self.shared.dir.join(TEMP), self.shared.path(first));
        if disk.exists(&temp) {
            disk.remove(&temp)?;
        }
        let mut file = disk.create(&temp)?;
        file.append(&segment::encode_header(Header { first, prior }))?;
        file.sync()?;
        // This may replace an abandoned segment in which nothing was ever acknowledged.
        disk.rename(&temp, &path)?;
        disk.sync_dir(&self.shared.dir)?;
        let span = Span { first, prior, end: HEADER_BYTES as u64 };
        let mut state = self.shared.state.lock();
        state.next = first;
        match state.spans.last_mut() {
            Some(last) if last.first == first => *last = span,
            _ => state.spans.push(span),
        }
        drop(state);
        self.active = Some(Active { file, path, durable: span.end });
        Ok(())
    }

    /// Cuts off what a failed write left. If that works the segment goes on.
    fn undo(&mut self, mut active: Active, cause: io::Error) -> JournalError {
        let cut = active.file.len() == active.durable
            || active.file.truncate(active.durable).and_then(|()| active.file.sync()).is_ok();
        if !cut {
            return self.abandon(active, cause);
        }
        let source = Arc::new(cause);
        let file = active.path.clone();
        self.active = Some(active);
        JournalError::Failed { file, source }
    }

    /// Never writes to this file again: after a failed sync its cached pages may not be what is on disk.
    fn abandon(&mut self, mut active: Active, cause: io::Error) -> JournalError {
        // Frees space; nothing relies on it.
        let _ = active.file.truncate(active.durable);
        let next = self.shared.next();
        let (file, source) = (active.path, Arc::new(cause));
        match self.start(next, next) {
            Ok(()) => JournalError::Failed { file, source },
            Err(_) => JournalError::Unresolved { file, source },
        }
    }

    fn failed(&self, first: u64, e: io::Error) -> JournalError {
        JournalError::Failed { file: self.shared.path(first), source: Arc::new(e) }
    }

    /// The records from `from` on.
    pub fn read(&self, from: Offset) -> LogRecords {
        LogRecords::new(self.shared.clone(), from.0, self.options.record_bytes_max)
    }

    /// Removes segments all of whose records are before `offset`. If that is every record, the active segment is
    /// closed first, so that it goes too.
    pub fn truncate_before(&mut self, offset: Offset) -> Result<(), JournalError> {
        let next = self.shared.next();
        let used = self.active.as_ref().is_some_and(|a| a.durable > HEADER_BYTES as u64);
        if offset.0 >= next && used {
            self.start(next, next).map_err(|e| self.failed(next, e))?;
        }
        loop {
            let mut state = self.shared.state.lock();
            if state.spans.len() < 2 || state.spans[1].prior > offset.0 {
                return Ok(());
            }
            // Readers that come too late see that it is not in the list any more.
            let oldest = state.spans.remove(0);
            drop(state);
            let path = self.shared.path(oldest.first);
            let removed = match self.shared.disk.remove(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                // One at a time: if a newer one were gone and an older one came back after a crash, its end would
                // no longer be known.
                _ => self.shared.disk.sync_dir(&self.shared.dir),
            };
            if let Err(e) = removed {
                self.shared.state.lock().spans.insert(0, oldest);
                return Err(JournalError::io("remove", &path, e));
            }
        }
    }

    /// Makes sure that no record gets an offset below this one.
    pub fn advance(&mut self, offset: Offset) -> Result<(), JournalError> {
        let next = self.shared.next();
        if offset.0 > next {
            self.start(offset.0, next).map_err(|e| self.failed(offset.0, e))?;
        }
        Ok(())
    }

    /// The offset behind the last acknowledged record.
    pub fn next_offset(&self) -> Offset {
        Offset(self.shared.next())
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }
}

/// Appends a group to a file.
fn write<R: AsRef<[u8]>>(
    file: &mut dyn DiskFile,
    headers: &mut Vec<[u8; FRAME_HEADER_BYTES]>,
    segment: u64,
    first: u64,
    records: &[R],
) -> io::Result<()> {
    headers.clear();
    let numbered = (first..).zip(records);
    headers.extend(numbered.map(|(offset, record)| frame::encode_header(segment, offset, record.as_ref())));
    let parts: Vec<&[u8]> = headers.iter().zip(records).flat_map(|(h, r)| [&h[..], r.as_ref()]).collect();
    file.append_vectored(&parts)
}

/// Reads a segment's header. A damaged one is survived: the name says as much, except where the segment before
/// ends, which then is where its records end.
pub(crate) fn inspect(
    disk: &dyn Disk,
    path: &Path,
    first: u64,
) -> Result<(Span, Option<Damage>), JournalError> {
    let file = disk.open(path).map_err(|e| JournalError::io("open", path, e))?;
    let end = file.len();
    let mut header = vec![0; HEADER_BYTES.min(usize::try_from(end).unwrap_or(HEADER_BYTES))];
    file.read_at(&mut header, 0).map_err(|e| JournalError::io("read", path, e))?;
    let damage = |what| Damage {
        file: path.to_owned(),
        position: 0,
        bytes: HEADER_BYTES as u64,
        offset: Offset(first),
        what,
        kept: None,
    };
    match segment::decode_header(&header) {
        Ok(h) if h.first == first && h.prior <= first => Ok((Span { first, prior: h.prior, end }, None)),
        Ok(_) | Err(HeaderError::Damaged) => {
            Ok((Span { first, prior: first, end }, Some(damage(Flaw::Header))))
        }
        // A newer version wrote this; going on could only do harm.
        Err(HeaderError::Version(v)) => Err(JournalError::Damaged(damage(Flaw::Version(v)))),
    }
}
