//! The names of a simulated disk, and which of them are left after a crash.

use crate::random::SimRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File(u64),
    Dir,
}

/// A change of one directory that is not durable before that directory is synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Put(PathBuf, u64),
    Remove(PathBuf),
    /// Of this file, within its directory.
    Move(PathBuf, PathBuf, u64),
    MoveTree(PathBuf, PathBuf),
    RemoveTree(PathBuf),
}

impl Change {
    /// The directory whose sync makes it durable.
    fn dir(&self) -> &Path {
        match self {
            Change::Put(path, _)
            | Change::Remove(path)
            | Change::Move(_, path, _)
            | Change::MoveTree(_, path)
            | Change::RemoveTree(path) => parent(path),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Change::Put(path, inode) => {
                names.insert(path.clone(), Node::File(*inode));
            }
            Change::Remove(path) => {
                names.remove(path);
            }
            Change::Move(from, to, inode) => {
                // The old name may stand for another file by now, if changes before this one did not happen.
                if names.get(from) == Some(&Node::File(*inode)) {
                    names.remove(from);
                }
                names.insert(to.clone(), Node::File(*inode));
            }
            Change::MoveTree(from, to) => {
                for old in below(names, from) {
                    if let (Some(node), Ok(rest)) = (names.remove(&old), old.strip_prefix(from)) {
                        // Joining nothing would add a slash.
                        let new = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                        names.insert(new, node);
                    }
                }
            }
            Change::RemoveTree(path) => {
                for old in below(names, path) {
                    names.remove(&old);
                }
            }
        }
    }
}

/// The directory a name is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// A name and, if it is a directory, everything below it.
fn below(names: &BTreeMap<PathBuf, Node>, path: &Path) -> Vec<PathBuf> {
    names.keys().filter(|name| name.starts_with(path)).cloned().collect()
}

/// All names by full path. The empty path and `/` are always directories.
#[derive(Default)]
pub(super) struct Names {
    volatile: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn get(&self, path: &Path) -> Option<Node> {
        if path.parent().is_none() { Some(Node::Dir) } else { self.volatile.get(path).copied() }
    }

    pub(super) fn list(&self, dir: &Path) -> Vec<String> {
        let inside = self.volatile.keys().filter(|name| name.parent() == Some(dir));
        inside.filter_map(|name| Some(name.file_name()?.to_str()?.to_owned())).collect()
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = self.volatile.iter().filter(|(_, node)| matches!(node, Node::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }

    /// Every inode that has a name, or will have one again if the power fails now.
    pub(super) fn inodes(&self) -> BTreeSet<u64> {
        let nodes = self.volatile.values().chain(self.durable.values());
        nodes.filter_map(|node| if let Node::File(inode) = node { Some(*inode) } else { None }).collect()
    }

    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.volatile);
        self.pending.push(change);
    }

    /// Directories are made durably.
    pub(super) fn make_dirs(&mut self, path: &Path) {
        for dir in path.ancestors().filter(|dir| dir.parent().is_some()) {
            self.volatile.insert(dir.to_owned(), Node::Dir);
            self.durable.insert(dir.to_owned(), Node::Dir);
        }
    }

    pub(super) fn sync(&mut self, dir: &Path) {
        let durable = &mut self.durable;
        self.pending.retain(|change| {
            let ours = change.dir() == dir;
            if ours {
                change.apply(durable);
            }
            !ours
        });
    }

    /// Lets some of the pending changes become durable: none, all, the first ones, or any.
    pub(super) fn crash(&mut self, random: &SimRandom) {
        let pending = std::mem::take(&mut self.pending);
        let mode = random.below(4);
        let first = random.below(pending.len() as u64 + 1) as usize;
        for (at, change) in pending.iter().enumerate() {
            let happens = match mode {
                0 => false,
                1 => true,
                2 => at < first,
                _ => random.chance(0.5),
            };
            if happens {
                change.apply(&mut self.durable);
            }
        }
        // What is in a directory that is gone is gone too.
        let names = std::mem::take(&mut self.durable);
        let dirs: BTreeSet<PathBuf> =
            names.iter().filter(|(_, node)| **node == Node::Dir).map(|(path, _)| path.clone()).collect();
        let stands =
            |path: &Path| path.ancestors().skip(1).all(|dir| dir.parent().is_none() || dirs.contains(dir));
        self.durable = names.into_iter().filter(|(path, _)| stands(path)).collect();
        self.volatile = self.durable.clone();
    }
}
