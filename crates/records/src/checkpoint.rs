//! What survives a restart besides parts and the journal: where replay begins, deletions in force, and who delivered
//! what. Rewritten whole after each flush.

use crate::codec::{Malformed, Reader, malformed, put_uvarint};
use crate::error::{Damage, RecordsError};
use crate::senders::Senders;
use crate::tombstones::Tombstones;
use blocks::Blocks;
use journal::Offset;

pub(crate) const PREFIX: &str = "state/";
const MAGIC: &[u8; 7] = b"WFRECST";
/// Without senders. Written while there are none, so that an earlier release can read it.
const VERSION: u8 = 1;
const VERSION_SENDERS: u8 = 2;
/// A state is never larger than this.
const RAW_MAX: usize = 64 << 20;

/// The checkpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Checkpoint {
    /// Every record before this one is in parts.
    pub replay_from: Offset,
    /// The number of the last flush or deletion.
    pub last_flush: u64,
    pub tombstones: Tombstones,
    /// Deliveries before `replay_from`.
    pub senders: Senders,
}

impl Checkpoint {
    /// Writes the next state, then removes the ones before it.
    pub fn store(&self, blocks: &dyn Blocks) -> Result<(), RecordsError> {
        let fail = |e| RecordsError::io("write", PREFIX, e);
        let mut raw = Vec::new();
        put_uvarint(&mut raw, self.replay_from.0);
        put_uvarint(&mut raw, self.last_flush);
        self.tombstones.encode(&mut raw);
        let version = if self.senders.is_empty() { VERSION } else { VERSION_SENDERS };
        if version == VERSION_SENDERS {
            self.senders.encode(&mut raw);
        }
        let old = blocks.list(PREFIX).map_err(fail)?;
        let next = old.iter().filter_map(|b| number(&b.name)).max().unwrap_or(0) + 1;
        let stored = zstd::bulk::compress(&raw, 1).map_err(fail)?;
        let mut file = blocks.create(&format!("{PREFIX}{next:012}")).map_err(fail)?;
        file.write(MAGIC).map_err(fail)?;
        file.write(&[version]).map_err(fail)?;
        file.write(&crc32c::crc32c(&stored).to_le_bytes()).map_err(fail)?;
        file.write(&(raw.len() as u32).to_le_bytes()).map_err(fail)?;
        file.write(&stored).map_err(fail)?;
        file.finish().map_err(fail)?;
        old.iter().try_for_each(|b| blocks.delete(&b.name).map_err(fail))
    }

    /// The newest whole checkpoint, and damage met on the way to it.
    pub fn load(blocks: &dyn Blocks) -> Result<(Option<Checkpoint>, Vec<Damage>), RecordsError> {
        let fail = |e| RecordsError::io("list", PREFIX, e);
        let mut names: Vec<String> = blocks.list(PREFIX).map_err(fail)?.into_iter().map(|b| b.name).collect();
        names.sort();
        let mut damages = Vec::new();
        for name in names.iter().rev() {
            let file = blocks.open(name).map_err(|e| RecordsError::io("open", name, e))?;
            match Checkpoint::decode(&file) {
                Ok(found) => return Ok((Some(found), damages)),
                Err(m) => {
                    let aside =
                        blocks.quarantine(name).map_err(|e| RecordsError::io("quarantine", name, e))?;
                    let what = format!("{} is wrong; set aside as {aside}", m.what);
                    damages.push(Damage { file: name.clone(), offset: 0, what });
                }
            }
        }
        Ok((None, damages))
    }

    /// Reads a state's bytes.
    pub fn decode(file: &[u8]) -> Result<Checkpoint, Malformed> {
        let mut r = Reader::new(file);
        if r.take(7, "magic")? != MAGIC {
            return malformed("magic");
        }
        let version = r.byte("version")?;
        if !matches!(version, VERSION | VERSION_SENDERS) {
            return malformed("version");
        }
        let crc = r.u32_le("checksum")?;
        let len = r.u32_le("length")? as usize;
        let stored = r.take(r.remaining(), "content")?;
        if crc32c::crc32c(stored) != crc || len > RAW_MAX {
            return malformed("checksum");
        }
        // A length that is not what the frame says would be believed with memory.
        if zstd::zstd_safe::get_frame_content_size(stored).ok().flatten() != Some(len as u64) {
            return malformed("length");
        }
        let raw = match zstd::bulk::decompress(stored, len) {
            Ok(raw) if raw.len() == len => raw,
            _ => return malformed("compressed content"),
        };
        let mut r = Reader::new(&raw);
        let replay_from = Offset(r.uvarint("replay offset")?);
        let last_flush = r.uvarint("last flush")?;
        let tombstones = Tombstones::decode(&mut r)?;
        let senders = if version == VERSION_SENDERS { Senders::decode(&mut r)? } else { Senders::default() };
        Ok(Checkpoint { replay_from, last_flush, tombstones, senders })
    }
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}
