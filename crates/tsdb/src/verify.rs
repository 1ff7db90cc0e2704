//! Checks every byte of a data directory that nobody has open, without changing any.

use crate::bytes::Malformed;
use crate::checkpoint;
use crate::engine::{from_journal, from_journal_damage};
use crate::error::{Damage, TsdbError};
use crate::part::{Part, scan_blocks};
use crate::partset;
use blocks::{Blocks, LocalBlocks};
use env::Disk;
use journal::JournalOptions;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes checked.
    pub bytes: u64,
    /// Bytes to check in all.
    pub bytes_total: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files checked.
    pub files: u64,
    /// Bytes checked.
    pub bytes: u64,
    /// Samples in sound parts.
    pub samples: u64,
    /// Every stretch of damaged bytes.
    pub damages: Vec<Damage>,
}

/// Checks a data directory. `progress` is told after each file.
pub fn verify(
    disk: Arc<dyn Disk>,
    data_dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, TsdbError> {
    let shown = data_dir.display().to_string();
    if !disk.exists(&data_dir.join("blocks")) {
        return Err(TsdbError::DataDir(format!("{shown} is not a data directory: it has no blocks/ in it")));
    }
    let _lock = disk.lock(&data_dir.join("lock")).map_err(|e| {
        TsdbError::DataDir(format!("{shown} cannot be locked ({e}): stop the process that uses it first"))
    })?;
    let blocks = LocalBlocks::open(disk.clone(), data_dir.join("blocks"));
    let blocks = blocks.map_err(|e| TsdbError::io("open", &shown, e))?;
    let mut report = Report::default();
    let names = blocks.list("").map_err(|e| TsdbError::io("list", "blocks", e))?;
    let bytes_total = names.iter().map(|b| b.size).sum();
    for b in &names {
        let file = blocks.open(&b.name).map_err(|e| TsdbError::io("open", &b.name, e))?;
        check_block(&b.name, file, &mut report);
        report.files += 1;
        report.bytes += b.size;
        progress(Progress { bytes: report.bytes, bytes_total });
    }
    check_journal(&disk, data_dir, &mut report)?;
    progress(Progress { bytes: report.bytes, bytes_total: report.bytes });
    Ok(report)
}

fn check_block(name: &str, file: bytes::Bytes, report: &mut Report) {
    if name.starts_with(partset::PREFIX) {
        let bad = scan_blocks(name, &file);
        match Part::open(name, file) {
            // Checksums first: a chunk in a damaged block is named once.
            Ok(part) if bad.is_empty() => {
                report.damages.extend(part.check_chunks());
                report.samples += part.summary().samples;
            }
            Err(TsdbError::Corrupt(d)) if bad.is_empty() => report.damages.push(d),
            _ => report.damages.extend(bad),
        }
    } else if name.starts_with(&index::IndexOptions::default().prefix) {
        let named = |f: index::Flaw| Damage { file: name.to_owned(), offset: f.offset, what: f.to_string() };
        report.damages.extend(index::verify_block(name, file).into_iter().map(named));
    } else if let Some(checked) = checkpoint::check(name, &file) {
        report.damages.extend(checked.err());
    } else {
        let unknown = Malformed { what: "a file of no known kind" };
        report.damages.push(Damage { file: name.to_owned(), offset: 0, what: unknown.what.to_owned() });
    }
}

fn check_journal(disk: &Arc<dyn Disk>, data_dir: &Path, report: &mut Report) -> Result<(), TsdbError> {
    let dir = data_dir.join("journal");
    let options = JournalOptions::default();
    let found = journal::verify(&**disk, &dir, &options, &mut |_| {}).map_err(from_journal)?;
    report.files += found.segments;
    report.bytes += found.bytes;
    report.damages.extend(found.damages.iter().map(|d| from_journal_damage(data_dir, d)));
    Ok(())
}
