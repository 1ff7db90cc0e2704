//! A file system in memory that fails on request and replays from a seed.

mod contents;
mod names;

use crate::disk::{Disk, DiskFile, DiskLock};
use crate::random::SimRandom;
use bytes::Bytes;
use contents::Contents;
use names::{Change, Names, Node, parent};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file system in memory. Clones are handles to the same disk.
///
/// What is written and not yet synced may or may not outlive [`SimDisk::crash`], in any combination: nothing, all,
/// writes up to one that is torn at some byte, single sectors with zeros or garbage between, the length without
/// the bytes, a rename without the file it renames. All of it follows from the seed and the calls made.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    /// The only generation that this handle may be used in, if it belongs to a process.
    process: Option<u64>,
}

struct State {
    random: SimRandom,
    names: Names,
    inodes: BTreeMap<u64, Contents>,
    next_inode: u64,
    locks: BTreeSet<PathBuf>,
    /// Grows whenever the process that uses the disk dies; its open files and locks die with it.
    generation: u64,
    /// Operations that would change the disk, so far.
    operations: u64,
    faults: Faults,
}

#[derive(Default)]
struct Faults {
    /// The power is off.
    down: bool,
    read_only: bool,
    capacity: Option<u64>,
    /// The power fails at this operation.
    crash_at: Option<u64>,
    /// Operations of these numbers fail.
    failing: Option<(std::ops::Range<u64>, ErrorKind)>,
    /// Any operation fails with this probability.
    rate: f64,
}

impl SimDisk {
    /// An empty disk. The seed decides everything that is left to chance.
    pub fn new(seed: u64) -> SimDisk {
        let state = State {
            random: SimRandom::new(seed),
            names: Names::default(),
            inodes: BTreeMap::new(),
            next_inode: 0,
            locks: BTreeSet::new(),
            generation: 0,
            operations: 0,
            faults: Faults::default(),
        };
        SimDisk { state: Arc::new(Mutex::new(state)), process: None }
    }

    /// A handle for something that runs on the machine: after the next [`SimDisk::crash`] or [`SimDisk::kill`] every
    /// operation on it fails, so that threads of a dead process can do no more harm.
    pub fn process(&self) -> SimDisk {
        SimDisk { state: self.state.clone(), process: Some(self.lock_state().generation) }
    }

    /// The power fails and comes back: open files and locks are gone, and of what was not synced some part.
    pub fn crash(&self) {
        let mut state = self.lock_state();
        let State { random, names, inodes, .. } = &mut *state;
        names.crash(random);
        inodes.values_mut().for_each(|contents| contents.crash(random));
        let reachable = names.inodes();
        inodes.retain(|inode, _| reachable.contains(inode));
        state.faults.down = false;
        state.faults.crash_at = None;
        state.die();
    }

    /// The process dies and the machine does not: open files and locks are gone, nothing that was written is.
    pub fn kill(&self) {
        self.lock_state().die();
    }

    /// The power fails in the middle of the `n`-th operation from now that would change the disk (0 is the next).
    /// Everything fails from then on until [`SimDisk::crash`] brings the power back.
    pub fn crash_after(&self, n: u64) {
        let mut state = self.lock_state();
        state.faults.crash_at = Some(state.operations + n);
    }

    /// Whether the power is off.
    pub fn is_down(&self) -> bool {
        self.lock_state().faults.down
    }

    /// After `skip` more operations that would change the disk, `count` of them fail with this kind of error. A
    /// failing append may write a part; after a failing sync what was written may be lost for good, although it can
    /// still be read and later syncs succeed, as on a real kernel.
    pub fn fail_after(&self, skip: u64, count: u64, kind: ErrorKind) {
        let mut state = self.lock_state();
        let first = state.operations + skip;
        state.faults.failing = Some((first..first.saturating_add(count), kind));
    }

    /// From now on each operation that would change the disk fails with this probability.
    pub fn fail_at_random(&self, probability: f64) {
        self.lock_state().faults.rate = probability;
    }

    /// Takes back every fault that was asked for: the disk is sound, roomy and writable. Damage stays.
    pub fn heal(&self) {
        let mut state = self.lock_state();
        let down = state.faults.down;
        state.faults = Faults { down, ..Faults::default() };
    }

    /// The disk holds at most this many bytes of file contents; `None` for no bound.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock_state().faults.capacity = bytes;
    }

    /// While set, nothing can be changed.
    pub fn set_read_only(&self, read_only: bool) {
        self.lock_state().faults.read_only = read_only;
    }

    /// How many operations that would change the disk there were.
    pub fn operations(&self) -> u64 {
        self.lock_state().operations
    }

    /// Every file.
    pub fn files(&self) -> Vec<PathBuf> {
        self.lock_state().names.files()
    }

    /// Turns over one bit of a file, as decay does: on the medium, unseen by anyone. Bits are counted from the low
    /// end of byte 0.
    pub fn flip_bit(&self, path: &Path, bit: u64) -> io::Result<()> {
        let mut state = self.lock_state();
        let inode = state.file(path)?;
        let flipped = state.inodes.get_mut(&inode).is_some_and(|contents| contents.flip(bit));
        if flipped { Ok(()) } else { Err(ErrorKind::InvalidInput.into()) }
    }

    /// The state, if the power is on and the process behind this handle alive.
    fn enter(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.lock_state();
        state.powered()?;
        match self.process {
            Some(generation) if generation != state.generation => {
                Err(io::Error::other("the simulated process is gone"))
            }
            _ => Ok(state),
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere says so itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn die(&mut self) {
        self.generation += 1;
        self.locks.clear();
    }

    fn powered(&self) -> io::Result<()> {
        if self.faults.down { Err(power_lost()) } else { Ok(()) }
    }

    /// Counts an operation that changes the disk and decides whether it fails.
    fn strike(&mut self) -> Result<(), io::Error> {
        self.powered()?;
        let number = self.operations;
        self.operations += 1;
        if self.faults.crash_at.is_some_and(|at| number >= at) {
            self.faults.down = true;
            return Err(power_lost());
        }
        if self.faults.read_only {
            return Err(ErrorKind::ReadOnlyFilesystem.into());
        }
        if let Some((numbers, kind)) = &self.faults.failing
            && numbers.contains(&number)
        {
            return Err((*kind).into());
        }
        if self.faults.rate > 0.0 && self.random.chance(self.faults.rate) {
            return Err(io::Error::other("simulated input/output error"));
        }
        Ok(())
    }

    /// Changes names, if the operation is not to fail. When the power fails meanwhile the change may have happened.
    fn change(&mut self, changes: Vec<Change>) -> io::Result<()> {
        let struck = self.strike();
        let happens = struck.is_ok() || (self.faults.down && self.random.chance(0.5));
        if happens {
            changes.into_iter().for_each(|change| self.names.change(change));
        }
        struck
    }

    fn file(&self, path: &Path) -> io::Result<u64> {
        match self.names.get(path) {
            Some(Node::File(inode)) => Ok(inode),
            Some(Node::Dir) => Err(ErrorKind::IsADirectory.into()),
            None => Err(self.absent(path)),
        }
    }

    fn dir(&self, path: &Path) -> io::Result<()> {
        match self.names.get(path) {
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            None => Err(self.absent(path)),
        }
    }

    /// Why there is nothing of this name.
    fn absent(&self, path: &Path) -> io::Error {
        let through_file = path.ancestors().any(|p| matches!(self.names.get(p), Some(Node::File(_))));
        let kind = if through_file { ErrorKind::NotADirectory } else { ErrorKind::NotFound };
        io::Error::new(kind, format!("{}: {kind}", path.display()))
    }

    fn contents(&mut self, inode: u64, generation: u64) -> io::Result<&mut Contents> {
        self.powered()?;
        if generation != self.generation {
            return Err(io::Error::other("the process that opened this file is gone"));
        }
        self.inodes.get_mut(&inode).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn free_bytes(&self) -> u64 {
        let Some(capacity) = self.faults.capacity else { return u64::MAX };
        let reachable = self.names.inodes();
        let used: u64 = reachable.iter().filter_map(|i| self.inodes.get(i)).map(|c| c.len()).sum();
        capacity.saturating_sub(used)
    }

    /// A new name for a new file.
    fn create(&mut self, path: &Path) -> io::Result<u64> {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Contents::default());
        self.change(vec![Change::Put(path.to_owned(), inode)])?;
        Ok(inode)
    }
}

fn power_lost() -> io::Error {
    io::Error::other("simulated power failure")
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.enter()?;
        state.dir(parent(path))?;
        if state.names.get(path).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let inode = state.create(path)?;
        Ok(Box::new(SimFile { disk: self.clone(), inode, generation: state.generation }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.enter()?;
        let inode = state.file(path)?;
        Ok(Box::new(SimFile { disk: self.clone(), inode, generation: state.generation }))
    }

    fn map(&self, path: &Path) -> io::Result<Bytes> {
        let mut state = self.enter()?;
        let (inode, generation) = (state.file(path)?, state.generation);
        Ok(Bytes::copy_from_slice(state.contents(inode, generation)?.bytes()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        let node = state.names.get(from).ok_or_else(|| state.absent(from))?;
        state.dir(parent(to))?;
        let target = state.names.get(to);
        if from == to || (matches!(node, Node::File(_)) && target == Some(node)) {
            // Two names of one file: POSIX leaves both.
            return Ok(());
        }
        let changes = match (node, target) {
            (Node::File(_), Some(Node::Dir)) => return Err(ErrorKind::IsADirectory.into()),
            (Node::Dir, Some(Node::File(_))) => return Err(ErrorKind::NotADirectory.into()),
            (Node::Dir, Some(Node::Dir)) if !state.names.list(to).is_empty() => {
                return Err(ErrorKind::DirectoryNotEmpty.into());
            }
            (Node::Dir, _) if to.starts_with(from) => return Err(ErrorKind::InvalidInput.into()),
            // Between directories the two names become durable each with its own directory.
            (Node::File(inode), _) if parent(from) != parent(to) => {
                vec![Change::Put(to.to_owned(), inode), Change::Remove(from.to_owned())]
            }
            (Node::File(inode), _) => vec![Change::Move(from.to_owned(), to.to_owned(), inode)],
            (Node::Dir, _) => vec![Change::MoveTree(from.to_owned(), to.to_owned())],
        };
        state.change(changes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        state.file(path)?;
        state.change(vec![Change::Remove(path.to_owned())])
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        state.dir(path)?;
        state.change(vec![Change::RemoveTree(path.to_owned())])
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        if state.names.get(path) == Some(Node::Dir) {
            return Ok(());
        }
        if state.names.get(path).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if path.ancestors().any(|p| matches!(state.names.get(p), Some(Node::File(_)))) {
            return Err(ErrorKind::NotADirectory.into());
        }
        state.strike()?;
        state.names.make_dirs(path);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.enter()?;
        state.dir(dir)?;
        Ok(state.names.list(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        state.dir(dir)?;
        if state.faults.read_only {
            // There is nothing to sync, and real file systems say so.
            return Ok(());
        }
        state.strike()?;
        state.names.sync(dir);
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.enter().is_ok_and(|state| state.names.get(path).is_some())
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.enter().is_ok_and(|state| state.names.get(path) == Some(Node::Dir))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        let mut state = self.enter()?;
        let (inode, generation) = (state.file(path)?, state.generation);
        Ok(state.contents(inode, generation)?.len())
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let state = self.enter()?;
        state.dir(dir)?;
        Ok(state.free_bytes())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        let inode = state.file(from)?;
        state.dir(parent(to))?;
        if state.names.get(to).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.change(vec![Change::Put(to.to_owned(), inode)])
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let mut state = self.enter()?;
        state.dir(parent(path))?;
        if state.names.get(path).is_none() {
            state.create(path)?;
        }
        if !state.locks.insert(path.to_owned()) {
            return Err(io::Error::new(ErrorKind::WouldBlock, "another process is using this directory"));
        }
        Ok(Box::new(SimLock { disk: self.clone(), path: path.to_owned(), generation: state.generation }))
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    generation: u64,
}

impl DiskLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock_state();
        if state.generation == self.generation {
            state.locks.remove(&self.path);
        }
    }
}

struct SimFile {
    disk: SimDisk,
    inode: u64,
    generation: u64,
}

impl DiskFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.contents(self.inode, self.generation)?;
        let struck = state.strike();
        let free = usize::try_from(state.free_bytes()).unwrap_or(usize::MAX);
        let written = match &struck {
            Ok(()) => bytes.len(),
            Err(e) if e.kind() == ErrorKind::ReadOnlyFilesystem => 0,
            Err(_) => state.random.below(bytes.len() as u64 + 1) as usize,
        };
        let written = written.min(free);
        if let Some(contents) = state.inodes.get_mut(&self.inode) {
            contents.append(&bytes[..written]);
        }
        struck?;
        if written < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn append_vectored(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.append(&parts.concat())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.contents(self.inode, self.generation)?;
        if state.faults.read_only {
            return Ok(());
        }
        let struck = state.strike();
        let State { random, inodes, faults, .. } = &mut *state;
        match inodes.get_mut(&self.inode) {
            Some(contents) if struck.is_ok() => contents.sync(),
            Some(contents) if !faults.down => contents.fail_sync(random),
            // The power failed: what survives is decided when it comes back.
            _ => {}
        }
        struck
    }

    fn len(&self) -> u64 {
        let mut state = self.disk.lock_state();
        state.contents(self.inode, self.generation).map_or(0, |c| c.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let bytes = state.contents(self.inode, self.generation)?.bytes();
        if buf.is_empty() {
            return Ok(());
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = start.checked_add(buf.len()).and_then(|end| bytes.get(start..end));
        buf.copy_from_slice(found.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.contents(self.inode, self.generation)?;
        state.strike()?;
        if let Some(contents) = state.inodes.get_mut(&self.inode) {
            contents.truncate(len);
        }
        Ok(())
    }
}
