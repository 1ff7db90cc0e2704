//! Parts as files of a local directory.

use crate::{BlockInfo, BlockWriter, Blocks, name};
use bytes::Bytes;
use env::{Disk, DiskFile};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Parts as files below a directory:
///
/// - `NAME`: a finished part.
/// - `.tmp/N`: a part being written. All of these are removed at open: nobody can be writing them.
/// - `.quarantine/NAME.N`: a damaged part, moved aside.
///
/// A part is written under `.tmp`, synced, renamed, and its directory is synced; only the rename makes it visible.
pub struct LocalBlocks {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Names the next file under `.tmp`.
    next_temp: AtomicU64,
    /// Held while a name is looked up and given away.
    naming: Arc<Mutex<()>>,
}

const TEMP: &str = ".tmp";
const QUARANTINE: &str = ".quarantine";
/// Names are at most this many pieces deep; deeper directories are not ours and are not walked.
const DEPTH_MAX: usize = 16;
/// Bytes are handed to the file in pieces of about this size.
const WRITE_BYTES: usize = 256 << 10;

impl LocalBlocks {
    /// Opens the directory, makes it if need be, and removes what unfinished writers left behind.
    pub fn open(disk: Arc<dyn Disk>, dir: PathBuf) -> io::Result<LocalBlocks> {
        let temp = dir.join(TEMP);
        match prepare(&*disk, &temp) {
            // On a read-only disk what is there can still be served; creating parts fails when it is tried.
            Err(e) if e.kind() == ErrorKind::ReadOnlyFilesystem && disk.exists(&dir) => {}
            other => other?,
        }
        Ok(LocalBlocks { disk, dir, next_temp: AtomicU64::new(0), naming: Arc::default() })
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        name::check(name)?;
        if name.split('/').count() > DEPTH_MAX {
            let message = format!("block name {name:?}: it has more than {DEPTH_MAX} pieces");
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(self.dir.join(name))
    }

    /// A name under quarantine that is still free.
    fn quarantine_name(&self, name: &str) -> String {
        (0u64..)
            .map(|n| format!("{QUARANTINE}/{name}.{n}"))
            .find(|to| !self.disk.exists(&self.dir.join(to)))
            .expect("fewer than 2^64 parts are in quarantine")
    }
}

fn prepare(disk: &dyn Disk, temp: &Path) -> io::Result<()> {
    disk.create_dir_all(temp)?;
    for left in disk.list(temp)? {
        disk.remove(&temp.join(left))?;
    }
    Ok(())
}

impl Blocks for LocalBlocks {
    fn create(&self, name: &str) -> io::Result<Box<dyn BlockWriter>> {
        let path = self.path(name)?;
        if self.disk.exists(&path) {
            return Err(taken(name));
        }
        let number = self.next_temp.fetch_add(1, Ordering::Relaxed);
        let temp = self.dir.join(TEMP).join(number.to_string());
        let file = self.disk.create(&temp)?;
        Ok(Box::new(LocalWriter {
            disk: self.disk.clone(),
            file: Some(file),
            buffer: Vec::new(),
            position: 0,
            temp,
            path,
            name: name.to_owned(),
            naming: self.naming.clone(),
        }))
    }

    fn open(&self, name: &str) -> io::Result<Bytes> {
        self.disk.map(&self.path(name)?)
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<BlockInfo>> {
        let mut found = Vec::new();
        // Only the deepest directory that the prefix names in full has to be walked.
        let top = prefix.rfind('/').map_or("", |slash| &prefix[..slash]);
        if !top.is_empty() {
            name::check(top)?;
        }
        let mut dirs = vec![(top.to_owned(), 0)];
        while let Some((dir, depth)) = dirs.pop() {
            let path = self.dir.join(&dir);
            if !self.disk.is_dir(&path) {
                continue;
            }
            for piece in self.disk.list(&path)? {
                let name = if dir.is_empty() { piece.clone() } else { format!("{dir}/{piece}") };
                if name::check(&piece).is_err() || !(name.starts_with(prefix) || prefix.starts_with(&name)) {
                    continue;
                }
                let path = path.join(&piece);
                if self.disk.is_dir(&path) {
                    if depth < DEPTH_MAX {
                        dirs.push((name, depth + 1));
                    }
                } else if name.starts_with(prefix) {
                    match self.disk.size(&path) {
                        Ok(size) => found.push(BlockInfo { name, size }),
                        // Deleted since the directory was read.
                        Err(e) if e.kind() == ErrorKind::NotFound => {}
                        Err(e) => return Err(e),
                    }
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let path = self.path(name)?;
        self.disk.remove(&path)?;
        self.disk.sync_dir(parent(&path))
    }

    fn quarantine(&self, name: &str) -> io::Result<String> {
        let from = self.path(name)?;
        if !self.disk.exists(&from) {
            return Err(io::Error::new(ErrorKind::NotFound, format!("block {name}: there is none")));
        }
        let aside = self.quarantine_name(name);
        let to = self.dir.join(&aside);
        self.disk.create_dir_all(parent(&to))?;
        self.disk.rename(&from, &to)?;
        // The new name first: a crash between the two may leave both names, never none.
        self.disk.sync_dir(parent(&to))?;
        self.disk.sync_dir(parent(&from))?;
        Ok(aside)
    }

    fn copy_to(&self, name: &str, dir: &Path) -> io::Result<()> {
        let (from, to) = (self.path(name)?, dir.join(name));
        self.disk.create_dir_all(parent(&to))?;
        match self.disk.hard_link(&from, &to) {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => return Err(e),
            // Another file system, or one without links.
            Err(_) => copy(&*self.disk, &from, &to)?,
        }
        self.disk.sync_dir(parent(&to))
    }
}

fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    let bytes = disk.map(from)?;
    let mut file = disk.create(to)?;
    let written =
        bytes.chunks(WRITE_BYTES).try_for_each(|piece| file.append(piece)).and_then(|()| file.sync());
    if written.is_err() {
        drop(file);
        // Half a copy must not be taken for a whole one.
        disk.remove(to)?;
    }
    written
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn taken(name: &str) -> io::Error {
    io::Error::new(
        ErrorKind::AlreadyExists,
        format!("block {name}: the name is taken; parts are written once"),
    )
}

struct LocalWriter {
    disk: Arc<dyn Disk>,
    /// Gone once finished.
    file: Option<Box<dyn DiskFile>>,
    buffer: Vec<u8>,
    position: u64,
    temp: PathBuf,
    path: PathBuf,
    name: String,
    naming: Arc<Mutex<()>>,
}

impl LocalWriter {
    fn file(&mut self) -> io::Result<&mut Box<dyn DiskFile>> {
        self.file.as_mut().ok_or_else(|| io::Error::other("an earlier write of this block failed"))
    }

    fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        self.append(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    /// Hands bytes to the file. A failed append may have written some of them: the part is then given up.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let appended = self.file()?.append(bytes);
        if appended.is_err() {
            self.file = None;
            // Frees the space at once; whatever is left is removed at the next open.
            let _ = self.disk.remove(&self.temp);
        }
        appended
    }
}

impl BlockWriter for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > WRITE_BYTES {
            self.flush()?;
        }
        if bytes.len() >= WRITE_BYTES {
            self.append(bytes)?;
        } else {
            self.file()?;
            self.buffer.extend_from_slice(bytes);
        }
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()?;
        self.file()?.sync()?;
        let dir = parent(&self.path);
        self.disk.create_dir_all(dir)?;
        // Linking would refuse a taken name by itself, but not every file system has links.
        let naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        if self.disk.exists(&self.path) {
            return Err(taken(&self.name));
        }
        self.disk.rename(&self.temp, &self.path)?;
        drop(naming);
        self.file = None;
        self.disk.sync_dir(dir).inspect_err(|_| {
            // Not known to be durable, so not to be seen; a crash may still bring it back, whole.
            let _ = self.disk.remove(&self.path);
        })
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Whatever cannot be removed now is removed at the next open.
            let _ = self.disk.remove(&self.temp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::RealDisk;

    fn put(blocks: &LocalBlocks, name: &str, bytes: &[u8]) {
        let mut w = blocks.create(name).unwrap();
        w.write(bytes).unwrap();
        assert_eq!(w.position(), bytes.len() as u64);
        w.finish().unwrap();
    }

    fn names(blocks: &LocalBlocks, prefix: &str) -> Vec<(String, u64)> {
        blocks.list(prefix).unwrap().into_iter().map(|b| (b.name, b.size)).collect()
    }

    fn on_a_real_disk() -> (tempfile::TempDir, LocalBlocks) {
        let dir = tempfile::tempdir().unwrap();
        let blocks = LocalBlocks::open(Arc::new(RealDisk), dir.path().join("parts")).unwrap();
        (dir, blocks)
    }

    #[test]
    fn a_part_is_seen_once_finished() {
        let (_dir, blocks) = on_a_real_disk();
        let mut w = blocks.create("m/1/chunks").unwrap();
        w.write(&[7; 300_000]).unwrap();
        w.write(b"end").unwrap();
        assert_eq!(names(&blocks, ""), []);
        assert_eq!(blocks.open("m/1/chunks").unwrap_err().kind(), ErrorKind::NotFound);
        w.finish().unwrap();
        let bytes = blocks.open("m/1/chunks").unwrap();
        assert_eq!(bytes.len(), 300_003);
        assert!(bytes.ends_with(b"\x07end"));
        assert_eq!(blocks.create("m/1/chunks").err().unwrap().kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_name_has_one_winner() {
        let (_dir, blocks) = on_a_real_disk();
        let (first, second) = (blocks.create("a").unwrap(), blocks.create("a").unwrap());
        second.finish().unwrap();
        assert_eq!(first.finish().unwrap_err().kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn lists_by_prefix_in_order() {
        let (_dir, blocks) = on_a_real_disk();
        for name in ["b/2/x", "b/10/x", "b/10/y", "bc", "a"] {
            put(&blocks, name, name.as_bytes());
        }
        let listed = |prefix| names(&blocks, prefix).into_iter().map(|(n, _)| n).collect::<Vec<_>>();
        assert_eq!(listed(""), ["a", "b/10/x", "b/10/y", "b/2/x", "bc"]);
        assert_eq!(listed("b"), ["b/10/x", "b/10/y", "b/2/x", "bc"]);
        assert_eq!(listed("b/1"), ["b/10/x", "b/10/y"]);
        assert_eq!(listed("b/10/y"), ["b/10/y"]);
        assert_eq!(listed("none/such"), [""; 0]);
        assert_eq!(names(&blocks, "a"), [("a".to_owned(), 1)]);
    }

    #[test]
    fn deleted_parts_stay_readable_to_those_who_opened_them() {
        let (_dir, blocks) = on_a_real_disk();
        put(&blocks, "a", b"bytes");
        let open = blocks.open("a").unwrap();
        blocks.delete("a").unwrap();
        assert_eq!(names(&blocks, ""), []);
        assert_eq!(&open[..], b"bytes");
        assert_eq!(blocks.delete("a").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn quarantine_keeps_every_damaged_part() {
        let (dir, blocks) = on_a_real_disk();
        let aside: Vec<String> = (0..2)
            .map(|n| {
                put(&blocks, "p/x", &[n]);
                blocks.quarantine("p/x").unwrap()
            })
            .collect();
        assert_eq!(aside, [".quarantine/p/x.0", ".quarantine/p/x.1"]);
        assert_eq!(names(&blocks, ""), []);
        assert_eq!(std::fs::read(dir.path().join("parts").join(&aside[1])).unwrap(), [1]);
        assert_eq!(blocks.quarantine("p/x").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_was_never_finished_is_removed() {
        let (dir, blocks) = on_a_real_disk();
        let mut w = blocks.create("a").unwrap();
        w.write(b"half").unwrap();
        drop(w);
        let temp = dir.path().join("parts/.tmp");
        assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0);
        std::fs::write(temp.join("17"), b"left by a crash").unwrap();
        LocalBlocks::open(Arc::new(RealDisk), dir.path().join("parts")).unwrap();
        assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0);
    }

    #[test]
    fn copies_share_bytes() {
        use std::os::unix::fs::MetadataExt;
        let (dir, blocks) = on_a_real_disk();
        put(&blocks, "p/x", b"bytes");
        let to = dir.path().join("snapshot");
        blocks.copy_to("p/x", &to).unwrap();
        let inode = |p: &Path| std::fs::metadata(p).unwrap().ino();
        assert_eq!(inode(&to.join("p/x")), inode(&dir.path().join("parts/p/x")));
        assert_eq!(blocks.copy_to("p/x", &to).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(blocks.copy_to("p/y", &to).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
