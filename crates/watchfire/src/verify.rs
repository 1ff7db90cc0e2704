//! `watchfire verify`: reads every byte of the data.

use crate::cli::VerifyArgs;
use crate::exit::{Exit, no, unable};
use crate::{dirs, progress};
use env::{Disk, RealDisk};
use std::path::Path;
use std::sync::Arc;

/// Where stores of records lie in the data directory.
pub const RECORDS: [&str; 4] = ["logs", "traces", "events", "errors"];

/// What a check found.
#[derive(Default)]
pub struct Report {
    pub files: u64,
    pub bytes: u64,
    /// Samples in sound parts.
    pub samples: u64,
    /// Log records, spans, events and error events in sound parts.
    pub records: [u64; RECORDS.len()],
    /// Every damaged place, in words.
    pub damages: Vec<String>,
}

impl Report {
    /// What is there, in words.
    pub fn content(&self) -> String {
        let [logs, spans, events, errors] = self.records;
        format!(
            "{} samples, {logs} log records, {spans} spans, {events} events and {errors} error events in parts",
            self.samples
        )
    }
}

/// Runs the command.
pub fn run(args: &VerifyArgs) -> Result<(), Exit> {
    let dir = dirs::data(args.data.as_ref())?;
    let report = check(&dir)?;
    println!("{}: {} files, {} bytes, {}", dir.display(), report.files, report.bytes, report.content());
    for damage in &report.damages {
        println!("damaged: {damage}");
    }
    match report.damages.len() {
        0 => {
            println!("every byte is as it was written");
            Ok(())
        }
        1 => Err(no("1 damaged place")),
        n => Err(no(format!("{n} damaged places"))),
    }
}

/// Checks a data directory, with a progress bar. Data of older servers has no logs, traces, events or errors.
pub fn check(dir: &Path) -> Result<Report, Exit> {
    let bar = progress::bytes(0, "checking");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let samples = tsdb::verify(disk.clone(), dir, &mut |p| {
        bar.set_length(p.bytes_total);
        bar.set_position(p.bytes);
    });
    let samples = samples.map_err(unable)?;
    let mut report = Report {
        files: samples.files,
        bytes: samples.bytes,
        samples: samples.samples,
        damages: samples.damages.iter().map(ToString::to_string).collect(),
        ..Report::default()
    };
    for (n, name) in RECORDS.into_iter().enumerate() {
        let store = dir.join(name);
        if !store.join("blocks").is_dir() {
            continue;
        }
        let before = report.bytes;
        let found = records::verify(Arc::clone(&disk), &store, &mut |p| {
            bar.set_length(before + p.bytes_total);
            bar.set_position(before + p.bytes);
        });
        let found = found.map_err(unable)?;
        report.files += found.files;
        report.bytes += found.bytes;
        report.records[n] = found.records;
        report.damages.extend(found.damages.iter().map(|d| format!("{name}/{d}")));
    }
    bar.finish_and_clear();
    Ok(report)
}
