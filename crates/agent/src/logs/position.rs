//! How far logs are read: the state that is kept together with what was read.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_64;

/// Everything a reader needs to go on where it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Positions {
    /// Files that were read, also those that are finished and still there.
    pub files: Vec<Position>,
    /// The cursor of the last entry of the systemd journal.
    pub cursor: Option<String>,
}

impl Positions {
    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        // Paths are text, or the file is not read.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From what was kept.
    pub fn decode(bytes: &[u8]) -> Result<Positions, String> {
        serde_json::from_slice(bytes).map_err(|e| e.to_string())
    }
}

/// How far a file is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Where it was found; it may have another name by now.
    pub path: PathBuf,
    /// Its device and inode.
    pub inode: Inode,
    /// What it begins with.
    pub print: Print,
    /// Behind the last record that was handed over.
    pub offset: u64,
    /// Whether it was rotated away and read to its end.
    pub done: bool,
}

/// A device and the number of a file on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Inode(pub u64, pub u64);

impl Inode {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Inode {
        Inode(metadata.dev(), metadata.ino())
    }
}

/// What a file begins with: a hash of its first bytes. Numbers of files are given out again, and files are emptied and
/// filled anew; by this one can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Print {
    /// How many bytes; fewer than `PRINT_BYTES` while the file is short.
    pub bytes: u32,
    /// XXH3-64 of them.
    pub hash: u64,
}

/// So many first bytes are compared.
const PRINT_BYTES: usize = 256;

impl Print {
    /// Of a file as it is now.
    pub(super) fn of(file: &File) -> io::Result<Print> {
        Print::of_first(file, PRINT_BYTES)
    }

    fn of_first(file: &File, bytes: usize) -> io::Result<Print> {
        let mut first = [0; PRINT_BYTES];
        let mut filled = 0;
        while filled < bytes {
            match file.read_at(&mut first[filled..bytes], filled as u64)? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(Print { bytes: filled as u32, hash: xxh3_64(&first[..filled]) })
    }

    /// Whether a file begins with this.
    pub(super) fn fits(&self, file: &File) -> io::Result<bool> {
        Ok(Print::of_first(file, (self.bytes as usize).min(PRINT_BYTES))? == *self)
    }

    /// Whether it tells anything, and all it ever will.
    pub(super) fn is_full(&self) -> bool {
        self.bytes as usize >= PRINT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn positions_come_back() {
        let position = Position {
            path: "/var/log/é \"x\"".into(),
            inode: Inode(u64::MAX, 7),
            print: Print { bytes: 9, hash: u64::MAX },
            offset: u64::MAX,
            done: true,
        };
        let all = Positions { files: vec![position], cursor: Some("s=1;i=2".into()) };
        assert_eq!(Positions::decode(&all.encode()), Ok(all));
        assert!(Positions::decode(b"{\"files\":1}").is_err());
    }

    #[test]
    fn prints_grow_with_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        let empty = Print::of(&file).unwrap();
        file.write_all(&[b'a'; 100]).unwrap();
        let short = Print::of(&file).unwrap();
        file.write_all(&[b'b'; 1000]).unwrap();
        let full = Print::of(&file).unwrap();
        assert!([empty, short, full].iter().all(|p| p.fits(&file).unwrap()));
        assert_eq!((empty.bytes, short.bytes, full.is_full()), (0, 100, true));
        file.set_len(0).unwrap();
        assert!(empty.fits(&file).unwrap() && !short.fits(&file).unwrap() && !full.fits(&file).unwrap());
    }
}
