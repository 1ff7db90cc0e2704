//! Checks every byte of a journal without changing any.

use crate::local::partition_dirs;
use crate::log::inspect;
use crate::read::segment_names;
use crate::scan::{Scan, Step};
use crate::segment;
use crate::{Damage, Flaw, JournalError, JournalOptions, Offset};
use env::Disk;
use std::path::Path;

/// What [`verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segment files read.
    pub segments: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Sound records.
    pub records: u64,
    /// Everything that is not as it was written.
    pub damages: Vec<Damage>,
}

/// Reads all segments of a journal that nobody has open. `progress` is told the bytes read so far.
pub fn verify(
    disk: &dyn Disk,
    dir: &Path,
    options: &JournalOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, JournalError> {
    let mut found = Verified::default();
    if disk.exists(dir) {
        for (_, dir) in partition_dirs(disk, dir)? {
            verify_partition(disk, &dir, options, &mut found, progress)?;
        }
    }
    Ok(found)
}

fn verify_partition(
    disk: &dyn Disk,
    dir: &Path,
    options: &JournalOptions,
    found: &mut Verified,
    progress: &mut dyn FnMut(u64),
) -> Result<(), JournalError> {
    let mut spans = Vec::new();
    for first in segment_names(disk, dir)? {
        let (span, damage) = inspect(disk, &dir.join(segment::file_name(first)), first)?;
        found.damages.extend(damage);
        spans.push(span);
    }
    for (at, span) in spans.iter().enumerate() {
        let path = dir.join(segment::file_name(span.first));
        let file = disk.open(&path).map_err(|e| JournalError::io("open", &path, e))?;
        let limit = spans.get(at + 1).map(|after| after.prior);
        let damage = |position, bytes, offset, what| Damage {
            file: path.clone(),
            position,
            bytes,
            offset: Offset(offset),
            what,
            kept: None,
        };
        let mut scan =
            Scan::new(file, span.first, span.end, limit.unwrap_or(u64::MAX), options.record_bytes_max);
        let mut told = false;
        loop {
            let what = match scan.next().map_err(|e| JournalError::io("read", &path, e))? {
                Step::Record { .. } => {
                    found.records += 1;
                    continue;
                }
                Step::Hole { position, bytes: 0, offset, resumes } => {
                    damage(position, 0, offset, Flaw::Missing { records: resumes - offset })
                }
                Step::Hole { position, bytes, offset, .. } => damage(position, bytes, offset, Flaw::Corrupt),
                Step::Tail { position, bytes, offset, torn } => {
                    told = true;
                    let flaw = if torn && limit.is_none() { Flaw::TornTail } else { Flaw::Corrupt };
                    damage(position, bytes, offset, flaw)
                }
                Step::End => break,
            };
            found.damages.push(what);
        }
        if let Some(limit) = limit.filter(|&limit| scan.expected() < limit && !told) {
            let what = Flaw::Missing { records: limit - scan.expected() };
            found.damages.push(damage(scan.position(), 0, scan.expected(), what));
        }
        found.segments += 1;
        found.bytes += span.end;
        progress(found.bytes);
    }
    Ok(())
}
