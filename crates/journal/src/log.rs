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

    /// Where the records before a segment that starts at `first` end.
    fn prior(&self, first: u64) -> u64 {
        let state = self.state.lock();
        match state.spans.last() {
            // It takes the place of this one and follows on the same record.
            Some(last) if last.first == first => last.prior,
            _ => state.next.min(first),
        }
    }

    /// Adds a segment at the end, or in the place of the last.
    fn add(&self, span: Span, next: u64) {
        let mut state = self.state.lock();
        state.next = next;
        match state.spans.last_mut() {
            Some(last) if last.first == span.first => *last = span,
            _ => state.spans.push(span),
        }
    }

    /// Takes the oldest segment from the list if no record in it is needed. Readers that come later see that it is
    /// meant to be gone.
    fn take_before(&self, offset: u64) -> Option<Span> {
        let mut state = self.state.lock();
        let unneeded = state.spans.get(1).is_some_and(|after| after.prior <= offset);
        unneeded.then(|| state.spans.remove(0))
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
    /// Opens a partition's directory, makes it if need be, and recovers: a torn tail is left behind, damage in the last
    /// segment is named. Earlier segments are checked when they are read. On a read-only disk the log opens, and
    /// appends fail until that changes.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        options: JournalOptions,
    ) -> Result<(Log, Vec<Damage>), JournalError> {
        disk.create_dir_all(&dir).map_err(|e| JournalError::io("create directory", &dir, e))?;
        // Whoever made it may have been killed before it was durable.
        if let Some(parent) = dir.parent() {
            disk.sync_dir(parent).map_err(|e| JournalError::io("sync directory", parent, e))?;
        }
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
        Ok((log, damages))
    }

    /// Walks the last segment and starts the next one.
    ///
    /// The process that wrote it synced each group before it wrote the next, so all but the last group is on stable
    /// storage. Of the last group that is not known, and a sync now need not tell: one that failed before leaves
    /// pages that read well and count as clean. So the last group is written again into the new segment.
    fn recover(&mut self) -> Result<Vec<Damage>, JournalError> {
        let Some(span) = self.shared.state.lock().spans.last().copied() else {
            self.begin(0, &[]);
            return Ok(Vec::new());
        };
        let path = self.shared.path(span.first);
        let io = |operation, e| JournalError::io(operation, &path, e);
        let file = self.shared.disk.open(&path).map_err(|e| io("open", e))?;
        let mut scan = Scan::new(file, span.first, span.end, u64::MAX, self.options.record_bytes_max);
        let mut damages = Vec::new();
        let (mut last_group, mut records) = (span.first, Vec::new());
        loop {
            let (position, bytes, offset, torn) = match scan.next().map_err(|e| io("read", e))? {
                Step::Record { offset, group, payload } => {
                    if group != last_group {
                        last_group = group;
                        records.clear();
                    }
                    records.push((offset, payload.to_vec()));
                    continue;
                }
                // Lost and told before this segment was written.
                Step::Hole { bytes: 0, .. } => continue,
                Step::Hole { position, bytes, offset, .. } => (position, bytes, offset, false),
                Step::Tail { position, bytes, offset, torn } => (position, bytes, offset, torn),
                Step::End => break,
            };
            let what = if torn { Flaw::TornTail } else { Flaw::Corrupt };
            let file = path.clone();
            damages.push(Damage { file, position, bytes, offset: Offset(offset), what, kept: None });
        }
        {
            let mut state = self.shared.state.lock();
            state.next = scan.expected();
            if let Some(last) = state.spans.last_mut() {
                last.end = scan.sound();
            }
        }
        if !damages.iter().all(Damage::is_torn_tail) {
            let kept = keep(&*self.shared.disk, &self.shared.dir, &path);
            damages.iter_mut().for_each(|d| d.kept.clone_from(&kept));
        }
        self.begin(last_group, &records);
        Ok(damages)
    }

    /// Starts the first segment of this process. What cannot be written now is tried again before each append.
    fn begin(&mut self, first: u64, records: &[(u64, Vec<u8>)]) {
        if let Err(e) = self.start(first, records) {
            tracing::warn!(error = %e, dir = %self.shared.dir.display(), "journal cannot be written yet");
        }
    }

    /// Writes records as one group and syncs once. Gives the offset of the first; the others follow.
    ///
    /// On an error none of them is in the log, and none comes back after a crash, unless the error is
    /// [`JournalError::Unresolved`].
    pub fn append<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Result<Offset, JournalError> {
        if records.is_empty() {
            return Ok(self.next_offset());
        }
        let bytes = self.check(records)?;
        self.make_room(bytes)?;
        let first = self.shared.next();
        let Some(mut active) = self.active.take() else {
            return Err(JournalError::Closed);
        };
        let segment = self.shared.state.lock().spans.last().map_or(first, |s| s.first);
        let group = (first..).zip(records.iter().map(AsRef::as_ref));
        if let Err(e) = write(&mut *active.file, &mut self.headers, segment, first, group) {
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
            self.start(next, &[]).map_err(|e| self.failed(next, e))?;
        }
        Ok(())
    }

    /// Starts a segment with these records in it. It gets its name only once all of that is durable.
    fn start(&mut self, first: u64, records: &[(u64, Vec<u8>)]) -> io::Result<()> {
        let prior = self.shared.prior(first);
        let disk = &*self.shared.disk;
        let (temp, path) = (self.shared.dir.join(TEMP), self.shared.path(first));
        if disk.exists(&temp) {
            disk.remove(&temp)?;
        }
        let mut file = disk.create(&temp)?;
        file.append(&segment::encode_header(Header { first, prior }))?;
        let group = records.iter().map(|(offset, record)| (*offset, &record[..]));
        write(&mut *file, &mut self.headers, first, first, group)?;
        file.sync()?;
        // The new name ends the segment before, even if it fails to become durable: then the next start takes its place.
        self.active = None;
        // This may replace a segment in which nothing was ever acknowledged, or one with these very records.
        disk.rename(&temp, &path)?;
        let span = Span { first, prior, end: file.len() };
        self.shared.add(span, records.last().map_or(first, |(offset, _)| offset + 1));
        disk.sync_dir(&self.shared.dir)?;
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
        match self.start(next, &[]) {
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
            self.start(next, &[]).map_err(|e| self.failed(next, e))?;
        }
        let (disk, dir) = (&self.shared.disk, &self.shared.dir);
        let mut removed = false;
        while let Some(oldest) = self.shared.take_before(offset.0) {
            let path = self.shared.path(oldest.first);
            // One at a time, each after a sync: if a newer one were gone and an older one came back after a crash, its
            // end would no longer be known.
            let gone = disk.sync_dir(dir).and_then(|()| match disk.remove(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            });
            if let Err(e) = gone {
                self.shared.state.lock().spans.insert(0, oldest);
                return Err(JournalError::io("remove", &path, e));
            }
            removed = true;
        }
        if removed {
            disk.sync_dir(dir).map_err(|e| JournalError::io("sync directory", dir, e))?;
        }
        Ok(())
    }

    /// Makes sure that no record gets an offset below this one.
    pub fn advance(&mut self, offset: Offset) -> Result<(), JournalError> {
        let next = self.shared.next();
        if offset.0 > next {
            self.start(offset.0, &[]).map_err(|e| self.failed(offset.0, e))?;
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

/// Appends a group to a file. Its records have ascending offsets from `first` on.
fn write<'a>(
    file: &mut dyn DiskFile,
    headers: &mut Vec<[u8; FRAME_HEADER_BYTES]>,
    segment: u64,
    first: u64,
    group: impl Iterator<Item = (u64, &'a [u8])> + Clone,
) -> io::Result<()> {
    let header = |(offset, record)| frame::encode_header(segment, offset, (offset - first) as u32, record);
    headers.clear();
    headers.extend(group.clone().map(header));
    let parts: Vec<&[u8]> = headers.iter().zip(group).flat_map(|(h, (_, r))| [&h[..], r]).collect();
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
