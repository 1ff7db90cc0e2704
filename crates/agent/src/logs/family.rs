//! A log and what rotation made of it: files of one directory with related names.

use super::position::{Inode, Print};
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Names of compressed files. What is in them was read before, or is lost.
const COMPRESSED: [&str; 10] = ["gz", "bz2", "xz", "zst", "lz4", "lzma", "zip", "Z", "7z", "br"];

/// Whether a file holds compressed lines, by its name.
pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| COMPRESSED.contains(&e))
}

/// A file of the directory of a log.
#[derive(Debug)]
pub(super) struct Relative {
    pub path: PathBuf,
    pub inode: Inode,
    pub modified: SystemTime,
    pub bytes: u64,
}

impl Relative {
    pub fn open(&self) -> std::io::Result<File> {
        let file = File::open(&self.path)?;
        // The name may mean another file by now.
        match Inode::of(&file.metadata()?) == self.inode {
            true => Ok(file),
            false => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether it begins with these bytes, of which there are some.
    pub fn begins_with(&self, print: &Print) -> bool {
        print.bytes > 0 && self.open().and_then(|f| print.fits(&f)).unwrap_or(false)
    }
}

/// More names of a directory are not looked at.
const NAMES_MAX: usize = 10_000;

/// All files of the directory of a log that are not compressed.
pub(super) fn directory(log: &Path) -> Vec<Relative> {
    // The log may be a link to where the runtime writes and rotates.
    let real = std::fs::canonicalize(log).unwrap_or_else(|_| log.to_owned());
    let Some(Ok(entries)) = real.parent().map(std::fs::read_dir) else { return Vec::new() };
    let relative = |path: PathBuf| {
        let metadata = std::fs::metadata(&path).ok().filter(Metadata::is_file)?;
        let modified = metadata.modified().ok()?;
        Some(Relative { path, inode: Inode::of(&metadata), modified, bytes: metadata.len() })
    };
    let paths = entries.take(NAMES_MAX).filter_map(|e| Some(e.ok()?.path()));
    paths.filter(|p| !is_compressed(p)).filter_map(relative).collect()
}

/// Whether a name is one that rotation gives: `app.log.1`, `app.log-20261121`, `app.1.log`, `app-2026-11-21.log`.
pub(super) fn is_rotated_name(log: &Path, other: &Path) -> bool {
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let (log, other) = (name(log), name(other));
    let (stem, extension) = log.rsplit_once('.').unwrap_or((&log, ""));
    let between = match (other.strip_prefix(&log), other.strip_prefix(stem)) {
        (Some(rest), _) if !log.is_empty() => rest,
        (None, Some(rest)) if !stem.is_empty() && !extension.is_empty() => {
            match rest.strip_suffix(extension).and_then(|r| r.strip_suffix('.')) {
                Some(rest) => rest,
                None => return false,
            }
        }
        _ => return false,
    };
    let mut rest = between.chars();
    matches!(rest.next(), Some('.' | '-' | '_'))
        && rest.any(|c| c.is_ascii_digit() || between == ".old" || between == ".bak")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names() {
        for (other, is) in [
            ("app.log.1", true),
            ("app.log-20261121", true),
            ("app.log.2026-11-21_10", true),
            ("app.1.log", true),
            ("app-2026-11-21.log", true),
            ("app.log.old", true),
            ("app.log", false),
            ("app2.log", false),
            ("app-error.log", false),
            ("app.log.txt", false),
            ("other.log.1", false),
        ] {
            assert_eq!(
                is_rotated_name(Path::new("/l/app.log"), Path::new("/l").join(other).as_path()),
                is,
                "{other}"
            );
        }
        assert!(is_rotated_name(Path::new("/l/syslog"), Path::new("/l/syslog.1")));
        assert!(is_compressed(Path::new("a.log.1.gz")) && !is_compressed(Path::new("a.log.1")));
    }
}
