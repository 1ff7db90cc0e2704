//! The edge: reading kernel files again and again without opening them anew.

use crate::Problem;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// No kernel file that we read is larger; what lies beyond is not read.
const FILE_BYTES_MAX: usize = 16 << 20;
const FIRST_READ_BYTES: usize = 16 << 10;

/// A file that stays open and is read from its start each time, which procfs and sysfs answer with fresh
/// content. It is opened on first use, and anew after an error (its device may have come back).
pub(crate) struct KeptFile {
    path: PathBuf,
    file: Option<File>,
}

impl KeptFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> KeptFile {
        KeptFile { path: path.into(), file: None }
    }

    /// The whole content, in `buf`.
    pub(crate) fn read<'b>(&mut self, buf: &'b mut Vec<u8>) -> Result<&'b [u8], Problem> {
        if let Some(file) = &self.file {
            if let Ok(len) = read_at_start(file, buf) {
                return Ok(&buf[..len]);
            }
            self.file = None;
        }
        let read = open(&self.path).and_then(|file| read_at_start(&file, buf).map(|len| (file, len)));
        match read {
            Ok((file, len)) => {
                self.file = Some(file);
                Ok(&buf[..len])
            }
            Err(error) => Err(Problem::read(&self.path, error)),
        }
    }

    /// That the content is not what was expected.
    pub(crate) fn malformed(&self, what: &'static str) -> Problem {
        Problem::Malformed { path: self.path.clone(), what: what.into() }
    }
}

/// A file that is read once in a while.
pub(crate) fn read_once<'b>(path: &Path, buf: &'b mut Vec<u8>) -> Result<&'b [u8], Problem> {
    match open(path).and_then(|file| read_at_start(&file, buf)) {
        Ok(len) => Ok(&buf[..len]),
        Err(error) => Err(Problem::read(path, error)),
    }
}

/// A sysfs attribute without the blanks around it; `None` if it is absent, unreadable or empty. Many
/// attributes exist but answer with an error while their device is down, so that is not worth a report.
pub(crate) fn attribute(dir: &Path, name: &str, buf: &mut Vec<u8>) -> Option<String> {
    let text = read_once(&dir.join(name), buf).ok()?.trim_ascii();
    (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
}

/// A sysfs attribute that is a number.
pub(crate) fn attribute_value(dir: &Path, name: &str, buf: &mut Vec<u8>) -> Option<f64> {
    crate::parse::text::value(read_once(&dir.join(name), buf).ok()?)
}

/// Names in a directory, sorted so that series keep their places; none if it cannot be read.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Names in a directory that must be there.
pub(crate) fn names_required(dir: &Path) -> Result<Vec<String>, Problem> {
    match std::fs::metadata(dir) {
        Ok(_) => Ok(names(dir)),
        Err(error) => Err(Problem::read(dir, error)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Not blocking: opening a FIFO or a tape must not hang the collection.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Reads until the end and says how much there was. A procfs read returns what fits in a page or so, never
/// all at once. The buffer only grows, so that it is not cleared for every file.
fn read_at_start(file: &File, buf: &mut Vec<u8>) -> io::Result<usize> {
    let mut len = 0;
    if buf.len() < FIRST_READ_BYTES {
        buf.resize(FIRST_READ_BYTES, 0);
    }
    while len < FILE_BYTES_MAX {
        if len == buf.len() {
            buf.resize(len * 2, 0);
        }
        match file.read_at(&mut buf[len..], len as u64) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_read_anew_and_outlives_replacement_by_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "one").unwrap();
        let (mut kept, mut buf) = (KeptFile::new(&path), Vec::new());
        assert_eq!(kept.read(&mut buf).unwrap(), b"one");
        std::fs::write(&path, "x".repeat(100_000)).unwrap();
        assert_eq!(kept.read(&mut buf).unwrap().len(), 100_000);
        std::fs::write(&path, "two").unwrap();
        assert_eq!(kept.read(&mut buf).unwrap(), b"two");
    }

    #[test]
    fn an_absent_file_is_absent_and_not_an_error() {
        let problem = KeptFile::new("/nonexistent/f").read(&mut Vec::new()).unwrap_err();
        assert!(matches!(problem, Problem::Absent { .. }));
    }
}
