//! How far delivery has come, on disk.

use env::Disk;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

const MAGIC: &[u8; 4] = b"WFDP";
const VERSION: u32 = 1;
const BYTES: usize = 20;

/// The offset behind the last record that need not be delivered any more. Written to a new file that replaces
/// the old one, so that a crash leaves one or the other.
pub(super) struct Position {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    delivered: u64,
}

impl Position {
    /// What is on disk, or 0 if there is nothing that can be used: then all records there are go out again.
    pub(super) fn load(disk: Arc<dyn Disk>, path: PathBuf) -> Position {
        let delivered = match disk.map(&path) {
            Ok(bytes) => decode(&bytes).unwrap_or_else(|| {
                let path = path.display().to_string();
                tracing::error!(
                    path,
                    "the position of the spool is damaged; everything in it is delivered again"
                );
                0
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => {
                let path = path.display().to_string();
                tracing::error!(path, %error, "the position of the spool cannot be read; everything in it is delivered again");
                0
            }
        };
        Position { disk, path, delivered }
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Makes a position durable.
    pub(super) fn save(&mut self, delivered: u64) -> io::Result<()> {
        if delivered == self.delivered {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        if self.disk.exists(&new) {
            self.disk.remove(&new)?;
        }
        let mut file = self.disk.create(&new)?;
        file.append(&encode(delivered))?;
        file.sync()?;
        drop(file);
        self.disk.rename(&new, &self.path)?;
        if let Some(dir) = self.path.parent() {
            self.disk.sync_dir(dir)?;
        }
        self.delivered = delivered;
        Ok(())
    }
}

fn encode(delivered: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4..8].copy_from_slice(&VERSION.to_le_bytes());
    bytes[8..16].copy_from_slice(&delivered.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..16]);
    bytes[16..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
    let delivered = u64::from_le_bytes(bytes[8..16].try_into().ok()?);
    (encode(delivered) == *bytes).then_some(delivered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::SimDisk;

    #[test]
    fn a_crash_leaves_one_position_or_the_other() {
        for seed in 0..300 {
            let disk = SimDisk::new(seed);
            let load = || Position::load(Arc::new(disk.clone()), PathBuf::from("/spool/delivered"));
            disk.create_dir_all("/spool".as_ref()).unwrap();
            disk.sync_dir("/".as_ref()).unwrap();
            load().save(5).unwrap();
            disk.crash_after(seed % 7);
            let mut position = load();
            let saved = [6, 7].into_iter().take_while(|p| position.save(*p).is_ok()).last().unwrap_or(5);
            disk.crash();
            let after = load().delivered();
            assert!((saved..=saved + 1).contains(&after), "seed {seed}: {after} after {saved}");
        }
    }

    #[test]
    fn a_damaged_position_is_none() {
        let good = encode(77);
        assert_eq!(decode(&good), Some(77));
        for bit in 0..BYTES * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), None, "bit {bit}");
        }
        assert_eq!(decode(&good[..19]), None);
    }
}
