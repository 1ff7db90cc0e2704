//! `watchfire backup` and `watchfire restore`.

use crate::cli::{BackupArgs, RestoreArgs};
use crate::exit::{Exit, no, unable};
use crate::remote::Remote;
use crate::{dirs, on_one_thread, progress, verify};
use env::{Disk, RealClock, RealDisk};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tsdb::{Db, Options, TsdbError};

/// Copies the data as it is at one moment.
pub fn backup(args: &BackupArgs) -> Result<(), Exit> {
    let data = dirs::data(args.data.as_ref())?;
    if !data.join("blocks").is_dir() {
        return Err(unable(format!("{} is not a data directory: it has no blocks/ in it", data.display())));
    }
    if args.to.exists() {
        return Err(unable(format!("{} exists already: name a directory that does not", args.to.display())));
    }
    let options = Options { background: false, ..Options::new(&data) };
    match Db::open(options, Arc::new(RealDisk), Arc::new(RealClock::new())) {
        Ok(db) => {
            db.snapshot(&args.to).map_err(unable)?;
            journals(&data, &args.to)?;
            records(&data, &args.to)?;
        }
        // Somebody has it open: the server that runs on it.
        Err(TsdbError::DataDir(_)) => from_server(args, &data)?,
        Err(e) => return Err(unable(e)),
    }
    println!("{}", args.to.display());
    Ok(())
}

/// Copies the journals of issues and of incidents, if there are any: nobody writes to them now.
fn journals(data: &Path, to: &Path) -> Result<(), Exit> {
    for name in ["issues", "incidents"] {
        let from = data.join(name);
        if from.is_dir() {
            copy(&from, &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies logs, traces and errors, if there are any, of data that is ours for the moment.
fn records(data: &Path, to: &Path) -> Result<(), Exit> {
    for name in verify::RECORDS {
        let from = data.join(name);
        if !from.join("blocks").is_dir() {
            continue;
        }
        let options = records::Options { background: false, ..records::Options::new(from) };
        let store = records::Store::open(options, Arc::new(RealDisk), Arc::new(RealClock::new()));
        store.and_then(|s| s.snapshot(&to.join(name))).map_err(unable)?;
    }
    Ok(())
}

fn from_server(args: &BackupArgs, data: &Path) -> Result<(), Exit> {
    let snapshot = on_one_thread(async {
        let remote = Remote::new(&args.url)?;
        let body = remote.form("/api/v1/admin/tsdb/snapshot", &[]).await?;
        let answer: serde_json::Value = serde_json::from_slice(&body)
            .map_err(|e| unable(format!("{} does not answer as a Watchfire: {e}", args.url)))?;
        match answer["data"]["name"].as_str() {
            Some(name) => Ok(data.join("snapshots").join(name)),
            None => Err(unable(format!(
                "{} made no snapshot: {}",
                args.url,
                answer["error"].as_str().unwrap_or("no reason given")
            ))),
        }
    })?;
    if !snapshot.is_dir() {
        return Err(unable(format!(
            "the server at {} made a snapshot, but not of {}: name its data with --data",
            args.url,
            data.display()
        )));
    }
    copy(&snapshot, &args.to)?;
    fs::remove_dir_all(&snapshot)
        .map_err(|e| unable(format!("{} is copied but cannot be removed: {e}", snapshot.display())))
}

/// Puts a backup in place, once every byte of it was checked.
pub fn restore(args: &RestoreArgs) -> Result<(), Exit> {
    let occupied = fs::read_dir(&args.data).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(unable(format!(
            "{} is not empty: restore into an empty directory and start the server on it",
            args.data.display()
        )));
    }
    let report = verify::check(&args.from)?;
    if let Some(first) = report.damages.first() {
        return Err(no(format!(
            "the backup is damaged in {} places, the first being {first}; nothing was restored",
            report.damages.len()
        )));
    }
    copy(&args.from, &args.data)?;
    println!("{}: {} bytes, {}", args.data.display(), report.bytes, report.content());
    Ok(())
}

/// Copies a directory durably: the copy appears under its name when it is whole.
fn copy(from: &Path, to: &Path) -> Result<(), Exit> {
    let failed = |what: &Path, e: io::Error| unable(format!("cannot copy {}: {e}", what.display()));
    let mut files = Vec::new();
    list(from, Path::new(""), &mut files).map_err(|e| failed(from, e))?;
    let total = files.iter().map(|(_, size)| size).sum();
    let bar = progress::bytes(total, "copying");
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let disk = RealDisk;
    disk.create_dir_all(&part).map_err(|e| failed(&part, e))?;
    for (name, size) in &files {
        let target = part.join(name);
        let dir = target.parent().unwrap_or(&part);
        disk.create_dir_all(dir).map_err(|e| failed(dir, e))?;
        fs::copy(from.join(name), &target).map_err(|e| failed(name, e))?;
        fs::File::open(&target).and_then(|f| f.sync_all()).map_err(|e| failed(name, e))?;
        disk.sync_dir(dir).map_err(|e| failed(dir, e))?;
        bar.inc(*size);
    }
    bar.finish_and_clear();
    if to.is_dir() {
        fs::remove_dir(to).map_err(|e| failed(to, e))?;
    }
    fs::rename(&part, to).map_err(|e| failed(to, e))?;
    match to.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => disk.sync_dir(parent).map_err(|e| failed(parent, e)),
        None => Ok(()),
    }
}

/// Every file below a directory with its size. Locks belong to whoever holds them and are left out.
fn list(root: &Path, below: &Path, out: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(root, &name, out)?;
        } else if entry.file_name() != "lock" {
            out.push((name, entry.metadata()?.len()));
        }
    }
    Ok(())
}
