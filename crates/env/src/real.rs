//! The host's file system.

use crate::disk::{Disk, DiskFile, DiskLock};
use bytes::Bytes;
use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The host's file system. Errors carry the operation and the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

/// One vectored write takes this many pieces at most (`IOV_MAX` on Linux).
const PIECES_MAX: usize = 1024;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|e| at("create", path, e))?;
        Ok(Box::new(RealFile { file, len: 0, read_only: None }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let (file, read_only) = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => (file, None),
            Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                (File::open(path).map_err(|e| at("open", path, e))?, Some(e.kind()))
            }
            Err(e) => return Err(at("open", path, e)),
        };
        let len = file.metadata().map_err(|e| at("stat", path, e))?.len();
        Ok(Box::new(RealFile { file, len, read_only }))
    }

    fn map(&self, path: &Path) -> io::Result<Bytes> {
        let file = File::open(path).map_err(|e| at("open", path, e))?;
        if file.metadata().map_err(|e| at("stat", path, e))?.len() == 0 {
            return Ok(Bytes::new());
        }
        // SAFETY: a map is unsound if the file is changed or cut while it is mapped. Callers map only files that
        // are finished: they are never written again, only renamed or removed, and both keep the mapped inode.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| at("map", path, e))?;
        Ok(Bytes::from_owner(map))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to).map_err(|e| at("rename", from, e))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path).map_err(|e| at("remove", path, e))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(path).map_err(|e| at("remove directory", path, e))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(Path::new(""));
        self.create_dir_all(parent)?;
        match std::fs::create_dir(path) {
            // Made by someone else since; if it is a file there is no directory.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && path.is_dir() => self.sync_dir(parent),
            Err(e) => Err(at("create directory", path, e)),
            Ok(()) => self.sync_dir(parent),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(|e| at("list", dir, e))? {
            let name = entry.map_err(|e| at("list", dir, e))?.file_name();
            // Nothing of ours has a name that is not UTF-8; what others leave here is none of our business.
            if let Ok(name) = name.into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        File::open(dir).and_then(|d| d.sync_all()).map_err(|e| at("sync directory", dir, e))
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(std::fs::metadata(path).map_err(|e| at("stat", path, e))?.len())
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir).map_err(|e| at("statvfs", dir, e.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to).map_err(|e| at("link", from, e))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|e| at("open lock", path, e))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|e| {
            let e = io::Error::from(e);
            match e.kind() {
                ErrorKind::WouldBlock => io::Error::new(
                    ErrorKind::WouldBlock,
                    format!("lock {}: another process is using this directory", path.display()),
                ),
                _ => at("lock", path, e),
            }
        })?;
        Ok(Box::new(RealLock { _file: file }))
    }
}

/// Adds operation and path to an error and keeps its kind.
fn at(operation: &str, path: &Path, e: io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{operation} {}: {e}", path.display()))
}

struct RealLock {
    /// Closing the file releases the lock.
    _file: File,
}

impl DiskLock for RealLock {}

struct RealFile {
    file: File,
    len: u64,
    /// Why the file could be opened for reading only, if so.
    read_only: Option<ErrorKind>,
}

impl RealFile {
    fn writable(&self) -> io::Result<()> {
        self.read_only.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl DiskFile for RealFile {
    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.writable()?;
        while !bytes.is_empty() {
            match self.file.write_at(bytes, self.len) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.len += n as u64;
                    bytes = &bytes[n..];
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn append_vectored(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.writable()?;
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|p| IoSlice::new(p)).collect();
        let mut rest = &mut slices[..];
        // Empty slices in front would make a write of zero bytes look like a full disk.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let batch = &rest[..rest.len().min(PIECES_MAX)];
            match rustix::io::pwritev(&self.file, batch, self.len) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.len += n as u64;
                    IoSlice::advance_slices(&mut rest, n);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.writable()?;
        if len < self.len {
            self.file.set_len(len)?;
            self.len = len;
        }
        Ok(())
    }
}
