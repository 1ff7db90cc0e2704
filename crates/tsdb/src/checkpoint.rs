//! What survives a restart besides parts, series and the journal: where replay begins, deletions in force, and
//! metadata. Rewritten whole after each flush; exemplars, being more, are rewritten only when there are new ones.

use crate::batch::{put_exemplar, put_metadata, read_exemplar, read_metadata};
use crate::bytes::{Malformed, Reader, malformed, put_uvarint};
use crate::error::{Damage, TsdbError};
use crate::tombstones::Tombstones;
use blocks::Blocks;
use index::SeriesId;
use journal::Offset;
use model::{Exemplar, Metadata};

const STATE: &str = "state/";
const EXEMPLARS: &str = "exemplars/";
const MAGIC: &[u8; 8] = b"WFSTATE\x01";

/// The checkpoint proper.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    /// Every record before this one is in parts.
    pub replay_from: Offset,
    /// The number of the last flush.
    pub last_flush: u64,
    pub tombstones: Tombstones,
    pub metadata: Vec<(String, Metadata)>,
}

impl Checkpoint {
    pub fn store(&self, blocks: &dyn Blocks) -> Result<(), TsdbError> {
        let mut raw = Vec::new();
        put_uvarint(&mut raw, self.replay_from.0);
        put_uvarint(&mut raw, self.last_flush);
        self.tombstones.encode(&mut raw);
        put_uvarint(&mut raw, self.metadata.len() as u64);
        for (family, m) in &self.metadata {
            put_metadata(&mut raw, family, m);
        }
        replace(blocks, STATE, &raw)
    }

    /// The newest whole checkpoint, and damage met on the way to it.
    pub fn load(blocks: &dyn Blocks) -> Result<(Option<Checkpoint>, Vec<Damage>), TsdbError> {
        load(blocks, STATE, |raw| {
            let mut r = Reader::new(raw);
            let replay_from = Offset(r.uvarint("replay offset")?);
            let last_flush = r.uvarint("last flush")?;
            let tombstones = Tombstones::decode(&mut r)?;
            let n = r.count("metadata")?;
            let metadata = (0..n).map(|_| read_metadata(&mut r)).collect::<Result<_, _>>()?;
            Ok(Checkpoint { replay_from, last_flush, tombstones, metadata })
        })
    }
}

pub(crate) fn store_exemplars<'a>(
    blocks: &dyn Blocks,
    all: impl ExactSizeIterator<Item = &'a (SeriesId, Exemplar)>,
) -> Result<(), TsdbError> {
    let mut raw = Vec::new();
    put_uvarint(&mut raw, all.len() as u64);
    for (id, e) in all {
        put_exemplar(&mut raw, *id, e);
    }
    replace(blocks, EXEMPLARS, &raw)
}

type Exemplars = Vec<(SeriesId, Exemplar)>;

pub(crate) fn load_exemplars(blocks: &dyn Blocks) -> Result<(Exemplars, Vec<Damage>), TsdbError> {
    let (found, damages) = load(blocks, EXEMPLARS, |raw| {
        let mut r = Reader::new(raw);
        let n = r.count("exemplars")?;
        (0..n).map(|_| read_exemplar(&mut r)).collect::<Result<Exemplars, _>>()
    })?;
    Ok((found.unwrap_or_default(), damages))
}

/// Checks a state or exemplar block; `None` if it is neither.
pub(crate) fn check(name: &str, file: &[u8]) -> Option<Result<(), Damage>> {
    if !name.starts_with(STATE) && !name.starts_with(EXEMPLARS) {
        return None;
    }
    Some(unwrap(file).map(|_| ()).map_err(|m| damage(name, m)))
}

fn damage(name: &str, m: Malformed) -> Damage {
    Damage { file: name.to_owned(), offset: 0, what: format!("{} is wrong", m.what) }
}

fn number(name: &str, prefix: &str) -> Option<u64> {
    name.strip_prefix(prefix)?.parse().ok()
}

/// Writes the next block of its kind, then removes the ones before it.
fn replace(blocks: &dyn Blocks, prefix: &'static str, raw: &[u8]) -> Result<(), TsdbError> {
    let fail = |e| TsdbError::io("write", prefix, e);
    let old = blocks.list(prefix).map_err(fail)?;
    let next = old.iter().filter_map(|b| number(&b.name, prefix)).max().unwrap_or(0) + 1;
    let mut file = blocks.create(&format!("{prefix}{next:012}")).map_err(fail)?;
    let stored = zstd::bulk::compress(raw, 1).map_err(fail)?;
    file.write(MAGIC).map_err(fail)?;
    file.write(&crc32c::crc32c(&stored).to_le_bytes()).map_err(fail)?;
    file.write(&(raw.len() as u32).to_le_bytes()).map_err(fail)?;
    file.write(&stored).map_err(fail)?;
    file.finish().map_err(fail)?;
    for b in old {
        blocks.delete(&b.name).map_err(fail)?;
    }
    Ok(())
}

const RAW_MAX: usize = 1 << 30;

fn unwrap(file: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut r = Reader::new(file);
    if r.take(8, "magic")? != MAGIC {
        return malformed("magic");
    }
    let crc = r.u32_le("checksum")?;
    let len = r.u32_le("length")? as usize;
    let stored = r.take(r.remaining(), "content")?;
    if crc32c::crc32c(stored) != crc || len > RAW_MAX {
        return malformed("checksum");
    }
    match zstd::bulk::decompress(stored, len) {
        Ok(raw) if raw.len() == len => Ok(raw),
        _ => malformed("compressed content"),
    }
}

fn load<T>(
    blocks: &dyn Blocks,
    prefix: &'static str,
    read: impl Fn(&[u8]) -> Result<T, Malformed>,
) -> Result<(Option<T>, Vec<Damage>), TsdbError> {
    let mut names: Vec<String> = blocks
        .list(prefix)
        .map_err(|e| TsdbError::io("list", prefix, e))?
        .into_iter()
        .map(|b| b.name)
        .collect();
    names.sort();
    let mut damages = Vec::new();
    for name in names.iter().rev() {
        let file = blocks.open(name).map_err(|e| TsdbError::io("open", name, e))?;
        match unwrap(&file).and_then(|raw| read(&raw)) {
            Ok(found) => return Ok((Some(found), damages)),
            Err(m) => {
                let aside = blocks.quarantine(name).map_err(|e| TsdbError::io("quarantine", name, e))?;
                let mut d = damage(name, m);
                d.what = format!("{}; set aside as {aside}", d.what);
                damages.push(d);
            }
        }
    }
    Ok((None, damages))
}
