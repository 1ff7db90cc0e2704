//! Keys in order of id: frames of about 64 keys, each key without what it shares with the key before, compressed
//! against a dictionary that is the beginning of the section itself.
//!
//! Series arrive host by host, so that the keys of the first hosts contain almost all of every later key. The
//! dictionary brings that within reach of each frame: a frame can be read alone and yet costs about three bytes
//! for a series, a quarter of what it costs alone.

use super::{Section, Segment};
use crate::Flaw;
use crate::codec::{Reader, put_crc, put_varint, shared_prefix, u32_at, u64_at};
use model::Labels;
use std::cell::RefCell;
use std::sync::Arc;
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, compress_bound};

/// A frame is closed when it has this many keys …
pub(super) const FRAME_KEYS: usize = 64;
/// … or this many bytes of keys.
const FRAME_KEY_BYTES: usize = 64 << 10;
/// No key is longer; a frame's keys together are at most this plus [`FRAME_KEY_BYTES`].
pub(crate) const KEY_BYTES_MAX: usize = 16 << 20;
const DICTIONARY_BYTES: usize = 112 << 10;
/// With this much at hand it is decided whether a dictionary pays.
const SAMPLE_BYTES: usize = 4 * DICTIONARY_BYTES;
/// Below this, a dictionary is not even tried.
const DICTIONARY_TRY_BYTES: usize = 16 << 10;
const LEVEL: i32 = 9;
const DICTIONARY_LEVEL: i32 = 19;

/// first position u32, coded bytes u32, key bytes u32, frame offset u64.
const ENTRY_BYTES: usize = 20;

/// Makes the section and its directory.
pub(super) struct KeyWriter {
    open: CodedFrame,
    last: Vec<u8>,
    position: u32,
    /// Frames that wait for the decision about the dictionary.
    waiting: Vec<CodedFrame>,
    waiting_bytes: usize,
    coder: Option<Coder>,
    offset: u64,
    directory: Vec<u8>,
}

#[derive(Default)]
struct CodedFrame {
    first: u32,
    keys: usize,
    key_bytes: usize,
    coded: Vec<u8>,
}

struct Coder {
    context: CCtx<'static>,
    dictionary: Option<CDict<'static>>,
    /// The dictionary as stored.
    stored: Vec<u8>,
}

impl Coder {
    fn plain() -> Coder {
        Coder { context: CCtx::create(), dictionary: None, stored: Vec::new() }
    }

    fn with(dictionary: &[u8]) -> Option<Coder> {
        let stored = zstd::bulk::compress(dictionary, DICTIONARY_LEVEL).ok()?;
        let cdict = CDict::try_create(dictionary, LEVEL)?;
        Some(Coder { context: CCtx::create(), dictionary: Some(cdict), stored })
    }

    /// Appends the compressed bytes.
    fn compress(&mut self, coded: &[u8], out: &mut Vec<u8>) {
        let mut compressed = Vec::with_capacity(compress_bound(coded.len()));
        let done = match &self.dictionary {
            Some(d) => self.context.compress_using_cdict(&mut compressed, coded, d),
            None => self.context.compress(&mut compressed, coded, LEVEL),
        };
        done.expect("a buffer of the bound takes any compressed frame");
        out.extend_from_slice(&compressed);
    }

    /// The dictionary to use for these first frames. `all` says that no more follow.
    fn choose(frames: &[CodedFrame], all: bool) -> Coder {
        let total: usize = frames.iter().map(|f| f.coded.len()).sum();
        if total < DICTIONARY_TRY_BYTES {
            return Coder::plain();
        }
        let mut dictionary = Vec::with_capacity(DICTIONARY_BYTES);
        let mut inside = 0;
        for frame in frames {
            let room = DICTIONARY_BYTES - dictionary.len();
            dictionary.extend_from_slice(&frame.coded[..frame.coded.len().min(room)]);
            inside += usize::from(frame.coded.len() <= room);
        }
        let (mut plain, Some(mut with)) = (Coder::plain(), Coder::with(&dictionary)) else {
            return Coder::plain();
        };
        // Frames inside the dictionary come out tiny. That counts only when they are all there is.
        let (sample, cost) =
            if all { (frames, with.stored.len()) } else { (&frames[inside.min(frames.len())..], 0) };
        let size = |coder: &mut Coder| {
            let mut out = Vec::new();
            sample.iter().for_each(|f| coder.compress(&f.coded, &mut out));
            out.len()
        };
        if size(&mut with) + cost < size(&mut plain) { with } else { plain }
    }
}

impl KeyWriter {
    pub(super) fn new() -> KeyWriter {
        KeyWriter {
            open: CodedFrame::default(),
            last: Vec::new(),
            position: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            coder: None,
            offset: 0,
            directory: Vec::new(),
        }
    }

    /// Adds a key and appends to `out` what is ready to be written.
    pub(super) fn push(&mut self, key: &[u8], out: &mut Vec<u8>) {
        let frame = &mut self.open;
        let shared = if frame.keys == 0 { 0 } else { shared_prefix(&self.last, key) };
        put_varint(&mut frame.coded, shared as u64);
        put_varint(&mut frame.coded, (key.len() - shared) as u64);
        frame.coded.extend_from_slice(&key[shared..]);
        frame.keys += 1;
        frame.key_bytes += key.len();
        self.last.clear();
        self.last.extend_from_slice(key);
        self.position += 1;
        if frame.keys == FRAME_KEYS || frame.key_bytes >= FRAME_KEY_BYTES {
            self.close_frame(out);
        }
    }

    fn close_frame(&mut self, out: &mut Vec<u8>) {
        let next = CodedFrame { first: self.position, ..CodedFrame::default() };
        let frame = std::mem::replace(&mut self.open, next);
        if frame.keys == 0 {
            return;
        }
        if self.coder.is_some() {
            self.emit(&frame, out);
            return;
        }
        self.waiting_bytes += frame.coded.len();
        self.waiting.push(frame);
        if self.waiting_bytes >= SAMPLE_BYTES {
            self.decide(false, out);
        }
    }

    fn decide(&mut self, all: bool, out: &mut Vec<u8>) {
        self.coder = Some(Coder::choose(&self.waiting, all));
        for frame in std::mem::take(&mut self.waiting) {
            self.emit(&frame, out);
        }
    }

    fn emit(&mut self, frame: &CodedFrame, out: &mut Vec<u8>) {
        let Some(coder) = &mut self.coder else { return };
        let start = out.len();
        coder.compress(&frame.coded, out);
        let crc_of = out[start..].to_vec();
        put_crc(out, &crc_of);
        self.directory.extend_from_slice(&frame.first.to_le_bytes());
        self.directory.extend_from_slice(&(frame.coded.len() as u32).to_le_bytes());
        self.directory.extend_from_slice(&(frame.key_bytes as u32).to_le_bytes());
        self.directory.extend_from_slice(&self.offset.to_le_bytes());
        self.offset += (out.len() - start) as u64;
    }

    /// Appends the rest of the section to `out`; returns the directory and the dictionary sections.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> (Vec<u8>, Vec<u8>) {
        self.close_frame(out);
        if self.coder.is_none() {
            self.decide(true, out);
        }
        let mut directory = self.directory;
        let crc_of = directory.clone();
        put_crc(&mut directory, &crc_of);
        let mut dictionary = self.coder.map(|c| c.stored).unwrap_or_default();
        if !dictionary.is_empty() {
            let crc_of = dictionary.clone();
            put_crc(&mut dictionary, &crc_of);
        }
        (directory, dictionary)
    }
}

/// What frames are decompressed against.
pub(super) struct Dictionary(DDict<'static>);

impl Dictionary {
    pub(super) fn memory_bytes(&self) -> usize {
        self.0.sizeof()
    }
}

/// The keys of one frame.
#[derive(Debug)]
pub(crate) struct KeyBlock {
    /// Position of the first.
    first: u32,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl KeyBlock {
    /// The key at a position of the segment.
    fn key(&self, position: u32) -> Option<&[u8]> {
        let i = position.checked_sub(self.first)? as usize;
        let end = *self.ends.get(i)? as usize;
        let start = i.checked_sub(1).map_or(0, |i| self.ends[i] as usize);
        Some(&self.bytes[start..end])
    }
}

/// An entry of the directory.
#[derive(Clone, Copy)]
struct FrameEntry {
    first: u32,
    /// Keys in the frame.
    keys: u32,
    coded_bytes: usize,
    key_bytes: usize,
    start: usize,
    end: usize,
}

impl Segment {
    fn frame_count(&self) -> Result<usize, Flaw> {
        Ok(self.whole(Section::KeyDirectory)?.len() / ENTRY_BYTES)
    }

    fn frame_entry(&self, frame: usize) -> Result<FrameEntry, Flaw> {
        let directory = self.whole(Section::KeyDirectory)?;
        let at = frame * ENTRY_BYTES;
        let read = || {
            let next = directory.len() > at + ENTRY_BYTES;
            let (next_first, end) = if next {
                (u32_at(directory, at + ENTRY_BYTES)?, u64_at(directory, at + ENTRY_BYTES + 12)?)
            } else {
                (self.len(), self.section(Section::Keys).len() as u64)
            };
            let entry = FrameEntry {
                first: u32_at(directory, at)?,
                keys: next_first.checked_sub(u32_at(directory, at)?)?,
                coded_bytes: u32_at(directory, at + 4)? as usize,
                key_bytes: u32_at(directory, at + 8)? as usize,
                start: usize::try_from(u64_at(directory, at + 12)?).ok()?,
                end: usize::try_from(end).ok()?,
            };
            let key_bytes_max = KEY_BYTES_MAX + FRAME_KEY_BYTES;
            // Coded, a key is itself and two lengths at most.
            let coded_max = entry.key_bytes + 10 * FRAME_KEYS;
            let sane = entry.keys as usize <= FRAME_KEYS
                && next_first <= self.len()
                && entry.key_bytes <= key_bytes_max
                && entry.coded_bytes <= coded_max;
            sane.then_some(entry)
        };
        read().ok_or_else(|| self.flaw(Section::KeyDirectory, at, "an entry is not well formed"))
    }

    /// The frame that holds a position.
    fn frame_of(&self, position: u32) -> Result<usize, Flaw> {
        let directory = self.whole(Section::KeyDirectory)?;
        let (mut low, mut high) = (0, directory.len() / ENTRY_BYTES);
        while low < high {
            let middle = low + (high - low) / 2;
            if u32_at(directory, middle * ENTRY_BYTES).is_some_and(|first| first <= position) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1).ok_or_else(|| self.flaw(Section::KeyDirectory, 0, "it does not begin at zero"))
    }

    fn dictionary(&self) -> Result<Option<&DDict<'static>>, Flaw> {
        let read = || {
            if self.section(Section::Dictionary).is_empty() {
                return Ok(None);
            }
            let stored = self.whole(Section::Dictionary)?;
            let raw = zstd::bulk::decompress(stored, DICTIONARY_BYTES)
                .map_err(|_| self.flaw(Section::Dictionary, 0, "it does not decompress"))?;
            let made = DDict::try_create(&raw);
            made.map(|d| Some(Dictionary(d)))
                .ok_or_else(|| self.flaw(Section::Dictionary, 0, "it is not a dictionary"))
        };
        let dictionary = self.dictionary.get_or_init(read).as_ref().map_err(Flaw::clone)?;
        Ok(dictionary.as_ref().map(|d| &d.0))
    }

    fn read_frame(&self, frame: usize) -> Result<KeyBlock, Flaw> {
        thread_local! {
            static READ: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
        }
        let entry = self.frame_entry(frame)?;
        let compressed = self.frame(Section::Keys, entry.start, entry.end)?;
        let dictionary = self.dictionary()?;
        READ.with_borrow_mut(|(context, coded)| {
            coded.clear();
            coded.reserve(entry.coded_bytes);
            let done = match dictionary {
                Some(d) => context.decompress_using_ddict(coded, compressed, d),
                None => context.decompress(coded, compressed),
            };
            let block =
                done.ok().filter(|n| *n == entry.coded_bytes).and_then(|_| decode_frame(&entry, coded));
            // A long key should not stay in memory for ever.
            if coded.capacity() > 4 * FRAME_KEY_BYTES {
                *coded = Vec::new();
            }
            block.ok_or_else(|| self.flaw(Section::Keys, entry.start, "a frame of keys is not well formed"))
        })
    }

    /// The frame with a position, from the cache if it is there.
    fn cached_frame(&self, position: u32) -> Result<Arc<KeyBlock>, Flaw> {
        let frame = self.frame_of(position)?;
        if let Some(block) = self.cache.get(self.serial, frame) {
            return Ok(block);
        }
        let block = Arc::new(self.read_frame(frame)?);
        self.cache.put(self.serial, frame, block.clone());
        Ok(block)
    }

    /// Whether the key at a position is this one.
    pub(super) fn key_at_is(&self, position: u32, key: &[u8]) -> Result<bool, Flaw> {
        Ok(self.cached_frame(position)?.key(position) == Some(key))
    }

    /// Calls `f` with the key of an id, if the id is held.
    pub(crate) fn with_key<T>(&self, id: u32, f: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, Flaw> {
        let Some(position) = self.position_of(id)? else { return Ok(None) };
        Ok(self.cached_frame(position)?.key(position).map(f))
    }

    /// The labels of an id, if the id is held and its key is one.
    pub(crate) fn labels_of(&self, id: u32) -> Result<Option<Labels>, Flaw> {
        let Some(position) = self.position_of(id)? else { return Ok(None) };
        if let Some(labels) = self.cache.labels.get(&(self.serial, position)) {
            return Ok(Some(labels));
        }
        let block = self.cached_frame(position)?;
        let labels = block.key(position).and_then(|key| Labels::from_key(key).ok());
        if let Some(labels) = &labels {
            self.cache.labels.insert((self.serial, position), labels.clone());
        }
        Ok(labels)
    }

    /// Walks the whole section and collects what is wrong.
    pub(super) fn verify_keys(&self, flaws: &mut Vec<Flaw>) {
        let count = match self.whole(Section::KeyDirectory) {
            Ok(d) if d.len() % ENTRY_BYTES == 0 => d.len() / ENTRY_BYTES,
            Ok(_) => {
                return flaws.push(self.flaw(Section::KeyDirectory, 0, "its length is not that of entries"));
            }
            Err(flaw) => return flaws.push(flaw),
        };
        let (mut position, mut offset) = (0, 0);
        for frame in 0..count {
            let entry = match self.frame_entry(frame) {
                Ok(e) => e,
                Err(flaw) => return flaws.push(flaw),
            };
            if entry.first != position || entry.start != offset || entry.end < entry.start {
                let what = "frames do not follow each other";
                return flaws.push(self.flaw(Section::KeyDirectory, frame * ENTRY_BYTES, what));
            }
            (position, offset) = (entry.first + entry.keys, entry.end);
            match self.read_frame(frame) {
                Err(flaw) => flaws.push(flaw),
                Ok(block) => {
                    let keys = (entry.first..position).filter_map(|p| block.key(p));
                    let bad = keys.filter_map(|k| model::Labels::from_key(k).err()).next();
                    if let Some(e) = bad {
                        flaws.push(self.flaw(Section::Keys, entry.start, &e.to_string()));
                    }
                }
            }
        }
        if position != self.len() || offset != self.section(Section::Keys).len() {
            flaws.push(self.flaw(Section::KeyDirectory, 0, "it does not describe every key"));
        }
    }
}

fn decode_frame(entry: &FrameEntry, coded: &[u8]) -> Option<KeyBlock> {
    let mut bytes: Vec<u8> = Vec::with_capacity(entry.key_bytes);
    let mut ends = Vec::with_capacity(entry.keys as usize);
    let mut r = Reader(coded);
    let mut last = 0;
    while !r.is_empty() {
        let shared = r.varint32()? as usize;
        let own = r.varint32()? as usize;
        let own = r.bytes(own)?;
        let start = bytes.len();
        if shared > start - last || start + shared + own.len() > entry.key_bytes {
            return None;
        }
        bytes.extend_from_within(last..last + shared);
        bytes.extend_from_slice(own);
        ends.push(bytes.len() as u32);
        last = start;
    }
    (ends.len() == entry.keys as usize && bytes.len() == entry.key_bytes).then_some(KeyBlock {
        first: entry.first,
        bytes,
        ends,
    })
}

/// Walks series in order of id.
pub(crate) struct SegmentKeys<'a> {
    segment: &'a Segment,
    block: Option<KeyBlock>,
    /// Ids of the block's keys.
    ids: Vec<u32>,
    /// The next frame to read; `Err` until the first is known.
    next_frame: Result<usize, u32>,
    /// The next key within the block.
    next: usize,
}

impl<'a> SegmentKeys<'a> {
    pub(super) fn new(segment: &'a Segment, from: u32) -> Self {
        SegmentKeys { segment, block: None, ids: Vec::new(), next_frame: Err(from), next: 0 }
    }

    pub(crate) fn advance(&mut self) -> Result<bool, Flaw> {
        if let Err(from) = self.next_frame {
            // A flaw here leaves nothing that could be walked.
            self.next_frame = Ok(usize::MAX);
            self.next_frame = Ok(self.first_frame(from)?);
            while self.step()? {
                if self.id() >= from {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        self.step()
    }

    fn first_frame(&self, from: u32) -> Result<usize, Flaw> {
        if self.segment.len() == 0 || u64::from(from) >= self.segment.footer.to {
            return Ok(usize::MAX);
        }
        if from <= self.segment.footer.from {
            return Ok(0);
        }
        let position = if self.segment.footer.is_dense() {
            from - self.segment.footer.from
        } else {
            // How many ids come before.
            self.segment.sparse_ids()?.rank(from - 1) as u32
        };
        if position >= self.segment.len() { Ok(usize::MAX) } else { self.segment.frame_of(position) }
    }

    fn step(&mut self) -> Result<bool, Flaw> {
        self.next += 1;
        if self.next <= self.ids.len() {
            return Ok(true);
        }
        self.block = None;
        self.ids.clear();
        self.next = 0;
        loop {
            let frame = *self.next_frame.as_ref().unwrap_or(&usize::MAX);
            if frame == usize::MAX {
                return Ok(false);
            }
            // Whatever goes wrong below, the walk comes to an end.
            self.next_frame = Ok(usize::MAX);
            if frame >= self.segment.frame_count()? {
                return Ok(false);
            }
            self.next_frame = Ok(frame + 1);
            let block = self.segment.read_frame(frame)?;
            if block.ends.is_empty() {
                continue;
            }
            if self.segment.footer.is_dense() {
                let first = self.segment.footer.from + block.first;
                self.ids.extend(first..=first + (block.ends.len() as u32 - 1));
            } else {
                let ids = self.segment.sparse_ids()?;
                let first = self.segment.id_at(block.first)?;
                self.ids.extend(ids.range(first..).take(block.ends.len()));
            }
            self.block = Some(block);
            self.next = 1;
            return Ok(true);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.ids[self.next - 1]
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.block.as_ref().and_then(|b| b.key(b.first + self.next as u32 - 1)).unwrap_or(&[])
    }
}

/// What was read lately of the keys of all segments. Those who look keys up ask in order of arrival, so that the next
/// is mostly in the frame of the last; those who ask for labels ask for the same again, far from each other.
pub(crate) struct BlockCache {
    frames: quick_cache::sync::Cache<(u64, usize), Arc<KeyBlock>, Weight>,
    labels: quick_cache::sync::Cache<(u64, u32), Labels, Weight>,
}

/// A hundred frames or so.
const FRAMES_BYTES: usize = 2 << 20;
/// Labels of some 40,000 series.
const LABELS_BYTES: usize = 16 << 20;
/// About what a frame takes, and the labels of a series.
const FRAME_BYTES: usize = 16 << 10;
const SERIES_BYTES: usize = 400;
/// What an entry takes beside its content, about.
const CACHED_BYTES: usize = 96;
/// Larger frames are not kept, so that a few huge label sets cannot fill memory.
const CACHED_FRAME_BYTES_MAX: usize = 2 * FRAME_KEY_BYTES;

#[derive(Clone)]
struct Weight;

impl quick_cache::Weighter<(u64, usize), Arc<KeyBlock>> for Weight {
    fn weight(&self, _: &(u64, usize), block: &Arc<KeyBlock>) -> u64 {
        (block.bytes.capacity() + block.ends.capacity() * 4 + CACHED_BYTES) as u64
    }
}

impl quick_cache::Weighter<(u64, u32), Labels> for Weight {
    fn weight(&self, _: &(u64, u32), labels: &Labels) -> u64 {
        (labels.key().len() + CACHED_BYTES) as u64
    }
}

impl BlockCache {
    pub(crate) fn new() -> BlockCache {
        use quick_cache::sync::Cache;
        BlockCache {
            frames: Cache::with_weighter(FRAMES_BYTES / FRAME_BYTES, FRAMES_BYTES as u64, Weight),
            labels: Cache::with_weighter(LABELS_BYTES / SERIES_BYTES, LABELS_BYTES as u64, Weight),
        }
    }

    fn get(&self, serial: u64, frame: usize) -> Option<Arc<KeyBlock>> {
        self.frames.get(&(serial, frame))
    }

    fn put(&self, serial: u64, frame: usize, block: Arc<KeyBlock>) {
        if block.bytes.len() <= CACHED_FRAME_BYTES_MAX {
            self.frames.insert((serial, frame), block);
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        (self.frames.weight() + self.labels.weight()) as usize
    }
}
