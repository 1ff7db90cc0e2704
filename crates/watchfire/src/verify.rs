//! `watchfire verify`: reads every byte of the data.

use crate::cli::VerifyArgs;
use crate::exit::{Exit, no, unable};
use crate::{dirs, progress};
use env::{Disk, RealDisk};
use std::path::Path;
use std::sync::Arc;
use tsdb::Report;

/// Runs the command.
pub fn run(args: &VerifyArgs) -> Result<(), Exit> {
    let dir = dirs::data(args.data.as_ref())?;
    let report = check(&dir)?;
    println!(
        "{}: {} files, {} bytes, {} samples in parts",
        dir.display(),
        report.files,
        report.bytes,
        report.samples
    );
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

/// Checks a data directory, with a progress bar.
pub fn check(dir: &Path) -> Result<Report, Exit> {
    let bar = progress::bytes(0, "checking");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let report = tsdb::verify(disk, dir, &mut |p| {
        bar.set_length(p.bytes_total);
        bar.set_position(p.bytes);
    });
    bar.finish_and_clear();
    report.map_err(unable)
}
