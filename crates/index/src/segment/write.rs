//! Writes a segment out of other sources: the mutable part, or older segments.

use super::hashes;
use super::keys::KeyWriter;
use super::layout::{Footer, HEADER_BYTES, MAGIC, Section, VERSION};
use super::terms::{Placed, TermWriter, encode_posting};
use crate::Flaw;
use crate::codec::put_crc;
use crate::digest::random_u64;
use crate::source::{Keys, MergedValues, NameStats, Order, Source};
use blocks::{BlockWriter, Blocks};
use roaring::RoaringBitmap;
use std::collections::BTreeSet;
use std::io;

/// Bytes are handed on in pieces of this size.
const WRITE_BYTES: usize = 256 << 10;

/// Why a segment was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The place to write to failed.
    Io(io::Error),
    /// A source is damaged; its position among the sources.
    Source(usize, Flaw),
}

impl From<io::Error> for WriteError {
    fn from(e: io::Error) -> Self {
        WriteError::Io(e)
    }
}

struct Output {
    block: Box<dyn BlockWriter>,
    buffer: Vec<u8>,
    /// Bytes of the section so far.
    length: u64,
    lengths: Vec<u64>,
}

impl Output {
    fn flush(&mut self, at_least: usize) -> io::Result<()> {
        if self.buffer.len() >= at_least.max(1) {
            self.length += self.buffer.len() as u64;
            self.block.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Bytes of the current section, those waiting included.
    fn position(&self) -> u64 {
        self.length + self.buffer.len() as u64
    }

    fn end_section(&mut self) -> io::Result<()> {
        self.flush(0)?;
        self.lengths.push(std::mem::take(&mut self.length));
        Ok(())
    }

    fn section(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.block.write(bytes)?;
        self.lengths.push(bytes.len() as u64);
        Ok(())
    }
}

/// Writes a durable segment named `name` with the series of all sources, except `drop`, which must all lie in
/// `from..to`. No id may be in two sources.
pub(crate) fn write(
    blocks: &dyn Blocks,
    name: &str,
    (from, to): (u32, u64),
    sources: &[&dyn Source],
    drop: &RoaringBitmap,
) -> Result<(), WriteError> {
    let mut out = Output { block: blocks.create(name)?, buffer: Vec::new(), length: 0, lengths: Vec::new() };
    out.block.write(&[&MAGIC[..], &VERSION.to_le_bytes()].concat())?;
    debug_assert_eq!(out.block.position(), HEADER_BYTES as u64);
    let hash_seed = random_u64();

    let mut keys = KeyWriter::new();
    let mut hashes_of = Vec::new();
    let ids = write_keys(&mut out, sources, drop, |key, buffer| {
        hashes_of.push(hashes::hash(hash_seed, key));
        keys.push(key, buffer);
    })?;
    let (key_directory, dictionary) = keys.finish(&mut out.buffer);
    out.end_section()?;

    let mut terms = TermWriter::default();
    write_terms(&mut out, sources, drop, &mut terms)?;
    out.end_section()?;
    let (term_directory, names) = terms.finish();
    out.section(&terms.terms)?;

    let mut footer =
        Footer { series: hashes_of.len() as u32, from, to, hash_seed, lengths: [0; Section::ALL.len()] };
    let (hashes, hash_directory) = hashes::encode(hashes_of, footer.position_bytes());
    out.section(&hashes)?;
    for section in [&key_directory, &term_directory, &hash_directory, &names] {
        out.section(section)?;
    }
    out.section(&if footer.is_dense() { Vec::new() } else { id_section(ids) })?;
    out.section(&dictionary)?;
    footer.lengths.copy_from_slice(&out.lengths);
    out.block.write(&footer.encode())?;
    out.block.finish()?;
    Ok(())
}

fn id_section(mut ids: RoaringBitmap) -> Vec<u8> {
    ids.optimize();
    let mut out = Vec::new();
    ids.serialize_into(&mut out).expect("a Vec takes all bytes");
    let crc_of = out.clone();
    put_crc(&mut out, &crc_of);
    out
}

/// Hands every key to `each` in order of id; returns the ids.
fn write_keys(
    out: &mut Output,
    sources: &[&dyn Source],
    drop: &RoaringBitmap,
    mut each: impl FnMut(&[u8], &mut Vec<u8>),
) -> Result<RoaringBitmap, WriteError> {
    let mut ids = RoaringBitmap::new();
    let mut walks: Vec<(usize, Keys<'_>)> = Vec::new();
    for (i, source) in sources.iter().enumerate() {
        let mut keys = source.keys(0);
        if keys.advance().map_err(|f| WriteError::Source(i, f))? {
            walks.push((i, keys));
        }
    }
    // Sources mostly follow each other, so the one with the least id is found once and stays.
    while let Some(least) = (0..walks.len()).min_by_key(|w| walks[*w].1.id()) {
        let bound = walks.iter().enumerate().filter(|(w, _)| *w != least).map(|(_, w)| w.1.id()).min();
        let (source, keys) = &mut walks[least];
        let mut more = true;
        while more && bound.is_none_or(|b| keys.id() < b) {
            if !drop.contains(keys.id()) {
                ids.insert(keys.id());
                each(keys.key(), &mut out.buffer);
                out.flush(WRITE_BYTES)?;
            }
            more = keys.advance().map_err(|f| WriteError::Source(*source, f))?;
        }
        if !more {
            walks.swap_remove(least);
        }
    }
    Ok(ids)
}

fn write_terms(
    out: &mut Output,
    sources: &[&dyn Source],
    drop: &RoaringBitmap,
    terms: &mut TermWriter,
) -> Result<(), WriteError> {
    let mut names = BTreeSet::new();
    for (i, source) in sources.iter().enumerate() {
        let own: Vec<(String, NameStats)> = source.names().map_err(|f| WriteError::Source(i, f))?;
        names.extend(own.into_iter().map(|(name, _)| name));
    }
    for name in &names {
        let mut walks = Vec::with_capacity(sources.len());
        for (i, source) in sources.iter().enumerate() {
            walks.push(source.values(name, "", Order::Ascending).map_err(|f| WriteError::Source(i, f))?);
        }
        let blame = |(i, flaw)| WriteError::Source(i, flaw);
        let mut values = MergedValues::new(walks).map_err(blame)?;
        let mut presence = RoaringBitmap::new();
        while values.advance().map_err(blame)? {
            let mut set = RoaringBitmap::new();
            for (i, posting) in values.postings() {
                let posting = posting.map_err(|f| WriteError::Source(i, f))?;
                let bad = |_| WriteError::Source(i, bad_posting());
                posting.add_to(&mut set).map_err(bad)?;
            }
            set -= drop;
            presence |= &set;
            if let Some(at) = put_posting(out, &mut set)? {
                terms.value(values.value(), at.0, at.1);
            }
        }
        if let Some((_, at)) = put_posting(out, &mut presence)? {
            terms.name(name, at);
        }
    }
    Ok(())
}

fn bad_posting() -> Flaw {
    Flaw { section: Section::Postings.name(), offset: 0, what: "not a posting".to_owned() }
}

/// Writes a posting; none if it is empty. Returns where it starts, or would start.
fn put_posting(out: &mut Output, set: &mut RoaringBitmap) -> Result<Option<(u64, Placed)>, WriteError> {
    set.optimize();
    let offset = out.position();
    let written = encode_posting(set, offset, &mut out.buffer);
    out.flush(WRITE_BYTES)?;
    Ok(written.map(|w| (offset, w)))
}
