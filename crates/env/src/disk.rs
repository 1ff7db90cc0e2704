//! Files and directories, with nothing assumed about what survives a crash.

use bytes::Bytes;
use std::io;
use std::path::Path;

/// A file system. What is written is *volatile* until synced: the contents of a file by [`DiskFile::sync`], the
/// names in a directory (created, renamed, linked or removed) by [`Disk::sync_dir`].
pub trait Disk: Send + Sync + 'static {
    /// A new, empty file. `AlreadyExists` if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// An existing file, for reading and appending. Where writing is not allowed the file is still opened, and
    /// appends fail.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// The whole of a file that no longer changes.
    fn map(&self, path: &Path) -> io::Result<Bytes>;

    /// Gives a file or directory another name; what had that name is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and everything in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory and its missing parents, durably. No error if it is there already.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Names in a directory (files and directories), sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Whether there is a file or directory of this name.
    fn exists(&self, path: &Path) -> bool;

    /// Whether the name is a directory.
    fn is_dir(&self, path: &Path) -> bool;

    /// The length of a file in bytes.
    fn size(&self, path: &Path) -> io::Result<u64>;

    /// Bytes that can still be written below `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;

    /// A second name for a file. `AlreadyExists` if it is taken.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes an exclusive lock, made if need be. `WouldBlock` if anyone else has it; released on drop and when
    /// the process ends.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;
}

/// An open file. Appending is the only way to write.
pub trait DiskFile: Send + Sync {
    /// Writes at the end. After an error any prefix may have been written; [`DiskFile::len`] says which.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes several pieces at the end, as one write where the platform can.
    fn append_vectored(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        parts.iter().try_for_each(|part| self.append(part))
    }

    /// Puts contents and length on stable storage. After an error nothing is known about what was written since
    /// the last success, even if a later call succeeds.
    fn sync(&mut self) -> io::Result<()>;

    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether nothing is in the file.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from this position; `UnexpectedEof` if the file ends before.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Cuts the file to `len` bytes. Never makes it longer.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// Held while locked; dropping it unlocks.
pub trait DiskLock: Send + Sync {}
