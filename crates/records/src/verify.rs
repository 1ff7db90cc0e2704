//! Checks every byte of a data directory that nobody has open, without changing any.

use crate::checkpoint::{self, Checkpoint};
use crate::engine::{from_journal, from_journal_damage};
use crate::error::{Damage, RecordsError};
use crate::part::Part;
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
    /// Records in sound parts.
    pub records: u64,
    /// Every stretch of damaged bytes.
    pub damages: Vec<Damage>,
}

/// Checks a data directory. `progress` is told after each file.
pub fn verify(
    disk: Arc<dyn Disk>,
    data_dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, RecordsError> {
    let shown = data_dir.display().to_string();
    if !disk.exists(&data_dir.join("blocks")) {
        return Err(RecordsError::DataDir(format!(
            "{shown} is not a data directory: it has no blocks/ in it"
        )));
    }
    let _lock = disk.lock(&data_dir.join("lock")).map_err(|e| {
        RecordsError::DataDir(format!("{shown} cannot be locked ({e}): stop the process that uses it first"))
    })?;
    let blocks = LocalBlocks::open(disk.clone(), data_dir.join("blocks"));
    let blocks = blocks.map_err(|e| RecordsError::io("open", &shown, e))?;
    let mut report = Report::default();
    let names = blocks.list("").map_err(|e| RecordsError::io("list", "blocks", e))?;
    let bytes_total = names.iter().map(|b| b.size).sum();
    for b in &names {
        let file = blocks.open(&b.name).map_err(|e| RecordsError::io("open", &b.name, e))?;
        check_block(&b.name, file, &mut report);
        report.files += 1;
        report.bytes += b.size;
        progress(Progress { bytes: report.bytes, bytes_total });
    }
    let options = JournalOptions::default();
    let found =
        journal::verify(&*disk, &data_dir.join("journal"), &options, &mut |_| {}).map_err(from_journal)?;
    report.files += found.segments;
    report.bytes += found.bytes;
    report.damages.extend(found.damages.iter().map(|d| from_journal_damage(data_dir, d)));
    progress(Progress { bytes: report.bytes, bytes_total: report.bytes });
    Ok(report)
}

fn check_block(name: &str, file: bytes::Bytes, report: &mut Report) {
    let named = |offset, what: String| Damage { file: name.to_owned(), offset, what };
    if partset::PartId::parse(name).is_some() {
        match Part::open(name, file) {
            Ok(part) => {
                let bad = part.check();
                if bad.is_empty() {
                    report.records += part.directory.rows;
                }
                report.damages.extend(bad);
            }
            Err(RecordsError::Corrupt(d)) => report.damages.push(d),
            Err(e) => report.damages.push(named(0, e.to_string())),
        }
    } else if name.starts_with(checkpoint::PREFIX) {
        report
            .damages
            .extend(Checkpoint::decode(&file).err().map(|m| named(0, format!("{} is wrong", m.what))));
    } else {
        report.damages.push(named(0, "a file of no known kind".to_owned()));
    }
}
