//! Reads records across segments.

use crate::log::{Shared, Span};
use crate::scan::{Scan, Step};
use crate::segment;
use crate::{Damage, Flaw, JournalError, Offset};
use env::Disk;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Damaged segments are linked to here, below the directory of their partition, so that they outlive truncation.
pub(crate) const DAMAGED: &str = "damaged";
/// Copies of one segment that are kept at most.
const KEPT_MAX: u32 = 16;

/// The records of a log in order, as they were when reading began.
pub struct LogRecords {
    shared: Arc<Shared>,
    /// Segments not yet begun.
    spans: VecDeque<Span>,
    /// Records before this are passed over.
    from: u64,
    /// Behind the last record.
    next: u64,
    payload_bytes_max: usize,
    current: Option<Current>,
}

struct Current {
    scan: Scan,
    path: PathBuf,
    limit: u64,
    /// What is missing at the end was already told as part of a damaged tail.
    told: bool,
}

impl LogRecords {
    pub(crate) fn new(shared: Arc<Shared>, from: u64, payload_bytes_max: usize) -> LogRecords {
        let (spans, next) = shared.snapshot();
        LogRecords { shared, spans: spans.into(), from, next, payload_bytes_max, current: None }
    }

    /// Opens the next segment that can hold a record to be read.
    fn open_next(&mut self) -> Option<Result<(), JournalError>> {
        loop {
            let span = self.spans.pop_front()?;
            let limit = self.spans.front().map_or(self.next, |after| after.prior);
            if limit <= self.from || limit <= span.first {
                continue;
            }
            let path = self.shared.path(span.first);
            return match self.shared.disk.open(&path) {
                Ok(file) => {
                    // A file can be shorter than it was, and then its records are missing; never read further.
                    let end = span.end.min(file.len());
                    let scan = Scan::new(file, span.first, end, limit, self.payload_bytes_max);
                    self.current = Some(Current { scan, path, limit, told: false });
                    Some(Ok(()))
                }
                // Truncated away since reading began: nobody needs these records any more.
                Err(e) if e.kind() == ErrorKind::NotFound && !self.shared.has(span.first) => continue,
                Err(e) if e.kind() == ErrorKind::NotFound => Some(Err(missing(path, 0, span.first, limit))),
                Err(e) => Some(Err(JournalError::io("open", &path, e))),
            };
        }
    }
}

impl Iterator for LogRecords {
    type Item = Result<(Offset, Vec<u8>), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(current) = &mut self.current else {
                match self.open_next()? {
                    Ok(()) => continue,
                    Err(e) => return Some(Err(e)),
                }
            };
            let (position, bytes, offset) = match current.scan.next() {
                Ok(Step::Record { offset, payload, .. }) => {
                    if offset < self.from {
                        continue;
                    }
                    return Some(Ok((Offset(offset), payload.to_vec())));
                }
                Ok(Step::Hole { resumes, .. }) if resumes <= self.from => continue,
                Ok(Step::Hole { position, bytes: 0, offset, resumes }) => {
                    return Some(Err(missing(current.path.clone(), position, offset, resumes)));
                }
                Ok(Step::Hole { position, bytes, offset, .. }) => (position, bytes, offset),
                Ok(Step::Tail { position, bytes, offset, .. }) => {
                    current.told = true;
                    (position, bytes, offset)
                }
                Ok(Step::End) => {
                    let (expected, position) = (current.scan.expected(), current.scan.position());
                    let short = expected < current.limit && !current.told;
                    let (path, limit) = (current.path.clone(), current.limit);
                    self.current = None;
                    if short {
                        return Some(Err(missing(path, position, expected, limit)));
                    }
                    continue;
                }
                Err(e) => {
                    let e = JournalError::io("read", &current.path, e);
                    // The rest of this segment cannot be had; others may.
                    self.current = None;
                    return Some(Err(e));
                }
            };
            let file = current.path.clone();
            let kept = keep(&*self.shared.disk, &self.shared.dir, &file);
            let damage = Damage { file, position, bytes, offset: Offset(offset), what: Flaw::Corrupt, kept };
            return Some(Err(JournalError::Damaged(damage)));
        }
    }
}

fn missing(file: PathBuf, position: u64, first: u64, limit: u64) -> JournalError {
    let what = Flaw::Missing { records: limit - first };
    JournalError::Damaged(Damage { file, position, bytes: 0, offset: Offset(first), what, kept: None })
}

/// Links a damaged segment where truncation does not reach it. Best effort: on a disk that cannot be written the
/// segment cannot be truncated either.
pub(crate) fn keep(disk: &dyn Disk, dir: &Path, file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_str()?;
    let aside = dir.join(DAMAGED);
    disk.create_dir_all(&aside).ok()?;
    for n in 0..KEPT_MAX {
        let to = aside.join(format!("{name}.{n}"));
        match disk.hard_link(file, &to) {
            Ok(()) => {
                disk.sync_dir(&aside).ok()?;
                return Some(to);
            }
            // The same damage, found before.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                if disk.size(&to).ok()? == disk.size(file).ok()? {
                    return Some(to);
                }
            }
            Err(_) => return None,
        }
    }
    None
}

/// The segments in a directory, by first offset.
pub(crate) fn segment_names(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, JournalError> {
    let names = disk.list(dir).map_err(|e| JournalError::io("list", dir, e))?;
    Ok(names.iter().filter_map(|name| segment::parse_file_name(name)).collect())
}
