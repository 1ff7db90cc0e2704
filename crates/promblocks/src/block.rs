//! A block directory.

use crate::chunk;
use crate::error::{BlockError, Fault};
use crate::index::{Index, SeriesEntry};
use crate::meta::{self, Meta};
use crate::segments::{check_header, read_chunk};
use crate::tombstones::{self, Tombstones};
use memmap2::Mmap;
use model::{Labels, Samples, TimeRange};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A Prometheus TSDB block, opened for reading. Nobody may change its files meanwhile; Prometheus never does.
pub struct Block {
    dir: PathBuf,
    meta: Meta,
    index: Bytes,
    segments: Vec<(PathBuf, Bytes)>,
    tombstones: Tombstones,
}

/// The bytes of a file. An empty file has no mapping.
struct Bytes(Option<Mmap>);

impl Bytes {
    fn open(path: &Path) -> Result<Bytes, BlockError> {
        let io = |source| BlockError::Io { file: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.len() == 0 {
            return Ok(Bytes(None));
        }
        // SAFETY: the mapping is only read, as bytes without further validity. Its contract, that nobody changes
        // or truncates the file, is passed on to the caller: blocks are immutable by their format.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        Ok(Bytes(Some(map)))
    }

    fn get(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}

impl Block {
    /// Opens the block in a directory: reads `meta.json` and `tombstones`, checks the index's table of contents
    /// and symbols and the headers of the chunk files. Series and chunks are checked as they are read.
    pub fn open(dir: &Path) -> Result<Block, BlockError> {
        let meta_path = dir.join("meta.json");
        let text =
            std::fs::read(&meta_path).map_err(|source| BlockError::Io { file: meta_path.clone(), source })?;
        let meta = meta::parse(&text).map_err(|f| f.within(meta_path))?;
        let index_path = dir.join("index");
        let index = Bytes::open(&index_path)?;
        Index::open(index.get()).map_err(|f| f.within(index_path))?;
        let segments = open_segments(&dir.join("chunks"))?;
        let tombstones_path = dir.join("tombstones");
        let tombstones = match std::fs::read(&tombstones_path) {
            Ok(bytes) => tombstones::parse(&bytes).map_err(|f| f.within(tombstones_path))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Tombstones::default(),
            Err(source) => return Err(BlockError::Io { file: tombstones_path, source }),
        };
        Ok(Block { dir: dir.to_owned(), meta, index, segments, tombstones })
    }

    /// What the block says of itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Every sample that is not tombstoned, series by series in the order of their labels, each series in the
    /// order of time and in batches, so that memory stays bounded however long a series is. A series of more
    /// than one batch is yielded more than once.
    pub fn batches(&self) -> Batches<'_> {
        Batches { block: self, index: None, position: 0, series: None, failed: false }
    }

    fn chunk_samples(&self, series: &SeriesEntry, at: usize, out: &mut Samples) -> Result<(), BlockError> {
        let chunk = series.chunks[at];
        let Some((path, bytes)) = self.segments.get(chunk.segment as usize) else {
            let reason = format!(
                "series {} has a chunk in segment {} but there are {} segments",
                series.labels,
                chunk.segment + 1,
                self.segments.len()
            );
            return Err(BlockError::Corrupt { file: self.dir.join("index"), offset: series.offset, reason });
        };
        let (encoding, data) = read_chunk(bytes.get(), chunk.offset).map_err(|f| f.within(path))?;
        chunk::decode(encoding, data, out).map_err(|e| {
            let reason = format!("series {}: {e}", series.labels);
            BlockError::Corrupt { file: path.clone(), offset: u64::from(chunk.offset), reason }
        })
    }
}

fn open_segments(dir: &Path) -> Result<Vec<(PathBuf, Bytes)>, BlockError> {
    let io = |source| BlockError::Io { file: dir.to_owned(), source };
    let mut names = Vec::new();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        // A block whose every series was deleted may have no chunks at all.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io(e)),
    };
    for entry in entries {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        if let Ok(n) = name.parse::<u64>() {
            names.push((n, path));
        }
    }
    names.sort();
    let mut out = Vec::new();
    for (n, path) in names {
        if n != out.len() as u64 + 1 {
            let file = dir.join(format!("{:06}", out.len() + 1));
            return Err(BlockError::Io { file, source: std::io::ErrorKind::NotFound.into() });
        }
        let bytes = Bytes::open(&path)?;
        check_header(bytes.get()).map_err(|f| f.within(&path))?;
        out.push((path, bytes));
    }
    Ok(out)
}

/// A batch is complete once it has this many samples (and the chunk that brought it there is finished).
const BATCH_SAMPLES: usize = 8192;
/// Histograms are much larger than floats.
const BATCH_HISTOGRAMS: usize = 256;

/// The samples of a block in batches: labels, and samples of that series with times that ascend.
pub struct Batches<'a> {
    block: &'a Block,
    index: Option<Index<'a>>,
    position: usize,
    series: Option<(SeriesEntry, usize)>,
    failed: bool,
}

impl Batches<'_> {
    fn advance(&mut self) -> Result<Option<(Labels, Samples)>, BlockError> {
        loop {
            if let Some((series, at)) = &mut self.series {
                let mut samples = Samples::default();
                *at = batch(self.block, series, *at, &mut samples)?;
                let labels = series.labels.clone();
                if *at >= series.chunks.len() {
                    self.series = None;
                }
                if !samples.is_empty() {
                    return Ok(Some((labels, samples)));
                }
                continue;
            }
            let fault = |f: Fault| f.within(self.block.dir.join("index"));
            let index = match &self.index {
                Some(index) => index,
                None => self.index.insert(Index::open(self.block.index.get()).map_err(fault)?),
            };
            let Some((series, next)) = index.series_from(self.position).map_err(fault)? else {
                return Ok(None);
            };
            self.position = next;
            if !series.chunks.is_empty() {
                self.series = Some((series, 0));
            }
        }
    }
}

/// Reads chunks from `at` on until the batch is large enough; the first chunk not read.
fn batch(block: &Block, series: &SeriesEntry, mut at: usize, out: &mut Samples) -> Result<usize, BlockError> {
    let deleted = block.tombstones.of(series.reference);
    let mut last = i64::MIN;
    while at < series.chunks.len()
        && out.times.len() < BATCH_SAMPLES
        && out.histograms.len() < BATCH_HISTOGRAMS
    {
        let chunk = series.chunks[at];
        // Chunks that overlap are against the format but exist; they go into batches of their own.
        if !out.is_empty() && chunk.from_ms <= last {
            break;
        }
        let gone = |d: &TimeRange| d.start_ms <= chunk.from_ms && chunk.to_ms <= d.end_ms;
        if !deleted.iter().any(gone) {
            let (floats, histograms) = (out.times.len(), out.histogram_times.len());
            block.chunk_samples(series, at, out)?;
            last = last.max(chunk.to_ms);
            if deleted.iter().any(|d| d.start_ms <= chunk.to_ms && chunk.from_ms <= d.end_ms) {
                remove(out, floats, histograms, deleted);
            }
        }
        at += 1;
    }
    Ok(at)
}

/// Removes deleted samples behind the given positions.
fn remove(out: &mut Samples, floats: usize, histograms: usize, deleted: &[TimeRange]) {
    let kept = |t: i64| !deleted.iter().any(|d| d.contains(t));
    let mask: Vec<bool> = out.times.iter().enumerate().map(|(i, t)| i < floats || kept(*t)).collect();
    retain(&mut out.times, &mask);
    retain(&mut out.values, &mask);
    retain(&mut out.starts, &mask);
    let mask: Vec<bool> =
        out.histogram_times.iter().enumerate().map(|(i, t)| i < histograms || kept(*t)).collect();
    retain(&mut out.histogram_times, &mask);
    retain(&mut out.histograms, &mask);
    retain(&mut out.histogram_starts, &mask);
}

fn retain<T>(column: &mut Vec<T>, mask: &[bool]) {
    let mut keep = mask.iter();
    column.retain(|_| keep.next().copied().unwrap_or(true));
}

impl Iterator for Batches<'_> {
    type Item = Result<(Labels, Samples), BlockError>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.advance();
        self.failed = item.is_err();
        item.transpose()
    }
}
