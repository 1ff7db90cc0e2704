//! Finds files, reads them in turn, and follows them through rotation.

use super::config::{FileLogs, LogsConfig, Start};
use super::discover::{Globs, find};
use super::family::{Relative, directory, is_rotated_name};
use super::file::{CHUNK_BYTES, Look, Tail, last_line_at};
use super::multiline::Rules;
use super::position::{Inode, Position, Positions};
use super::records::{Builder, labels_of_file, local_offset_s};
use model::Labels;
use model::record::RecordBatch;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of records in one batch, about.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes read from one file before the next has its turn.
const TURN_BYTES: usize = 256 << 10;
/// Files that are finished and still there: more are forgotten.
const DONE_MAX: usize = 4096;

/// What one round of reading gave.
#[derive(Debug)]
pub struct Gathered {
    /// The records.
    pub batch: RecordBatch,
    /// Whether there is more to read at once.
    pub more: bool,
}

/// Figures of reading files, since the start where they count.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TailCounts {
    /// Files that are open.
    pub files: usize,
    /// Files beyond `logs.files_max`, which are not read.
    pub files_left_out: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Records made of them.
    pub records: u64,
    /// Bytes written to files and not handed over yet.
    pub lag_bytes: u64,
    /// Files that were rotated away.
    pub rotated: u64,
    /// Files that were emptied.
    pub emptied: u64,
    /// Files that cannot be read, each with the reason.
    pub problems: BTreeMap<String, String>,
}

struct Source {
    config: FileLogs,
    rules: Rules,
}

/// Reads files as they grow.
pub struct Tailer {
    config: LogsConfig,
    sources: Vec<Source>,
    globs: Vec<Globs>,
    host: String,
    /// In the order in which they were found; of one path what was rotated away comes first.
    tails: Vec<(Tail, Labels)>,
    /// Files that are finished and still there.
    done: Vec<Position>,
    /// Whether files that are new to us began after we did.
    begun: bool,
    /// Whose turn is next.
    turn: usize,
    last_ns: i64,
    buffer: Box<[u8]>,
    counts: TailCounts,
}

impl Tailer {
    /// A reader that goes on where it was; `None` at the very first start. The configuration was checked.
    pub fn new(
        config: &LogsConfig,
        journald: bool,
        host: &str,
        state: Option<&Positions>,
        now_ms: i64,
    ) -> Tailer {
        let sources = config.sources(journald);
        let mut tailer = Tailer {
            globs: sources.iter().map(Globs::new).collect(),
            sources: sources
                .into_iter()
                .map(|c| Source { rules: Rules::new(&c.multiline), config: c })
                .collect(),
            config: config.clone(),
            host: host.to_owned(),
            tails: Vec::new(),
            done: Vec::new(),
            begun: state.is_some() || config.start == Start::Beginning,
            turn: 0,
            last_ns: 0,
            buffer: vec![0; CHUNK_BYTES].into(),
            counts: TailCounts::default(),
        };
        if let Some(state) = state {
            tailer.restore(&state.files, now_ms);
        }
        tailer
    }

    /// Where every file stands.
    pub fn positions(&self) -> Vec<Position> {
        let open = self.tails.iter().map(|(tail, _)| tail.position(false));
        open.chain(self.done.iter().cloned()).collect()
    }

    /// Figures.
    pub fn counts(&self) -> TailCounts {
        let lag_bytes = self.tails.iter().map(|(t, _)| t.lag_bytes()).sum();
        TailCounts { files: self.tails.len(), lag_bytes, ..self.counts.clone() }
    }

    /// Takes up files where they were left.
    fn restore(&mut self, positions: &[Position], now_ms: i64) {
        self.done = positions.iter().filter(|p| p.done).cloned().collect();
        let found = find(&self.globs, self.config.files_max);
        let mut moved_away = Vec::new();
        for position in positions.iter().filter(|p| !p.done) {
            // What no source names any more is not ours to read.
            let source = found.files.get(&position.path).copied().or_else(|| self.source_of(&position.path));
            let Some(source) = source else { continue };
            let current = open(&position.path).ok();
            let same = current.as_ref().is_some_and(|(file, inode)| {
                let long = file.metadata().is_ok_and(|m| m.len() >= position.offset);
                *inode == position.inode && long && position.print.fits(file).unwrap_or(false)
            });
            if let (true, Some((file, _))) = (same, current) {
                self.add(&position.path, source, file, position.offset);
                continue;
            }
            // Rotated away, or copied and emptied, while we did not look.
            let all = directory(&position.path);
            let moved = all.iter().find(|r| r.inode == position.inode && r.bytes >= position.offset);
            let moved = moved.filter(|r| position.print.bytes == 0 || r.begins_with(&position.print));
            let moved = moved.or_else(|| copy_of(all.iter(), position));
            let Some(relative) = moved else {
                tracing::warn!(path = %position.path.display(), offset = position.offset, "a log was rotated out of sight; lines after this offset are lost if there were any");
                continue;
            };
            let (modified, Ok(file)) = (relative.modified, relative.open()) else { continue };
            self.add(&position.path, source, file, position.offset);
            self.finish_last(now_ms);
            moved_away.push((position.path.clone(), source, all, modified));
        }
        // Once all that is known is here: what is known is not missed.
        for (path, source, all, modified) in moved_away {
            self.add_missed(&path, source, &all, modified, now_ms);
        }
    }

    /// The source that would name a path if it were there.
    fn source_of(&self, path: &Path) -> Option<usize> {
        self.sources.iter().position(|s| {
            s.config.include.iter().any(|p| glob::Pattern::new(p).is_ok_and(|p| p.matches_path(path)))
        })
    }

    fn add(&mut self, path: &Path, source: usize, file: File, offset: u64) {
        let bytes_max = self.config.line_bytes_max.0 as usize;
        match Tail::new(path, source, file, offset, bytes_max) {
            Ok(tail) => {
                self.counts.problems.remove(&*path.to_string_lossy());
                let labels = labels_of_file(path, &self.sources[source].config, &self.host);
                self.tails.push((tail, labels));
            }
            Err(e) => self.problem(path, &e),
        }
    }

    fn finish_last(&mut self, now_ms: i64) {
        if let Some((tail, _)) = self.tails.last_mut() {
            tail.finish_from(now_ms);
        }
    }

    /// Reads what was written to a log and rotated away without our seeing it: files with names of rotation that are
    /// newer than the one we know of and were never read.
    fn add_missed(&mut self, path: &Path, source: usize, all: &[Relative], after: SystemTime, now_ms: i64) {
        let current = open(path).ok().map(|(_, inode)| inode);
        let mut missed: Vec<&Relative> = all
            .iter()
            .filter(|r| r.modified >= after && Some(r.inode) != current && is_rotated_name(path, &r.path))
            .filter(|r| !self.knows(r.inode) && !self.is_copy(path, r))
            .collect();
        missed.sort_by_key(|r| r.modified);
        for relative in missed {
            if let Ok(file) = relative.open() {
                self.add(path, source, file, 0);
                self.finish_last(now_ms);
            }
        }
    }

    fn knows(&self, inode: Inode) -> bool {
        self.tails.iter().any(|(t, _)| t.inode == inode) || self.done.iter().any(|p| p.inode == inode)
    }

    /// Whether a file is a copy of what was read of a log, made by rotation.
    fn is_copy(&self, path: &Path, relative: &Relative) -> bool {
        let of_log = self.tails.iter().filter(|(t, _)| t.path == path).map(|(t, _)| *t.print());
        let done = self.done.iter().filter(|p| p.path == path).map(|p| p.print);
        of_log.chain(done).any(|print| relative.begins_with(&print))
    }

    fn problem(&mut self, path: &Path, error: &std::io::Error) {
        let (path, reason) = (path.display().to_string(), error.to_string());
        if self.counts.problems.get(&path) != Some(&reason) && self.counts.problems.len() < 100 {
            tracing::warn!(path, reason, "a log cannot be read");
            self.counts.problems.insert(path, reason);
        }
    }

    /// Looks for files that are new, moved or gone.
    pub fn discover(&mut self, now_ms: i64) {
        let found = find(&self.globs, self.config.files_max);
        self.counts.files_left_out = found.left_out;
        self.counts.problems.retain(|path, _| found.files.contains_key(Path::new(path)));
        let mut here: BTreeMap<PathBuf, Inode> = BTreeMap::new();
        for path in found.files.keys() {
            match std::fs::metadata(path) {
                Ok(metadata) => {
                    here.insert(path.clone(), Inode::of(&metadata));
                }
                Err(e) => self.problem(path, &e),
            }
        }
        for (tail, _) in &mut self.tails {
            let inode = here.get(&tail.path).copied();
            match inode == Some(tail.inode) {
                // A name that comes back is taken up again; a copy that has taken the place of the log is not the log.
                true => tail.keep(),
                false if !tail.is_finishing() => {
                    tail.finish_from(now_ms);
                    self.counts.rotated += 1;
                }
                false => {}
            }
        }
        for (path, inode) in here {
            self.consider(&path, found.files[&path], inode, now_ms);
        }
        self.forget_gone();
        self.begun = true;
    }

    /// Begins to read a file, unless it is known.
    fn consider(&mut self, path: &Path, source: usize, inode: Inode, now_ms: i64) {
        if self.tails.iter().any(|(t, _)| t.inode == inode) {
            return;
        }
        let (file, inode) = match open(path) {
            Ok(opened) => opened,
            Err(e) => return self.problem(path, &e),
        };
        let length = file.metadata().map_or(0, |m| m.len());
        if let Some(at) = self.done.iter().position(|p| p.inode == inode) {
            let done = &self.done[at];
            if !done.print.fits(&file).unwrap_or(false) || length < done.offset {
                // The number was given to another file.
                self.done.remove(at);
            } else if length == done.offset {
                return;
            } else {
                let offset = self.done.remove(at).offset;
                return self.add(path, source, file, offset);
            }
        }
        let relative =
            Relative { path: path.to_owned(), inode, modified: SystemTime::UNIX_EPOCH, bytes: length };
        let logs = self.tails.iter().map(|(t, _)| t.path.clone()).collect::<BTreeSet<_>>();
        if logs.iter().any(|log| is_rotated_name(log, path) && self.is_copy(log, &relative)) {
            // It is read on when the log is found to be emptied.
            return;
        }
        let before = self.tails.iter().rfind(|(t, _)| t.path == path);
        if let Some(modified) = before.and_then(|(t, _)| t.modified()) {
            self.add_missed(path, source, &directory(path), modified, now_ms);
        }
        let offset = if self.begun { 0 } else { last_line_at(&file).unwrap_or(length) };
        self.add(path, source, file, offset);
    }

    /// Forgets files that are finished and no longer there.
    fn forget_gone(&mut self) {
        let mut there: BTreeMap<PathBuf, Vec<Inode>> = BTreeMap::new();
        self.done.retain(|p| {
            let dir = p.path.parent().unwrap_or(Path::new("/")).to_owned();
            let inodes =
                there.entry(dir).or_insert_with(|| directory(&p.path).iter().map(|r| r.inode).collect());
            inodes.contains(&p.inode)
        });
        let surplus = self.done.len().saturating_sub(DONE_MAX);
        self.done.drain(..surplus);
    }

    /// Reads what is there, up to a batch.
    pub fn gather(&mut self, now_ms: i64) -> Gathered {
        let now_ns = now_ms.saturating_mul(1_000_000);
        let offset_s = match self.config.utc_offset_minutes {
            Some(minutes) => i64::from(minutes) * 60,
            None => local_offset_s(now_ms.div_euclid(1000)),
        };
        let mut builder = Builder::new(self.last_ns, self.config.detect.then_some(offset_s));
        let mut more = false;
        let count = self.tails.len();
        let first = if count == 0 { 0 } else { self.turn % count };
        let mut emptied = Vec::new();
        for step in 0..count {
            let at = (first + step) % count;
            if builder.bytes() >= BATCH_BYTES {
                (self.turn, more) = (at, true);
                break;
            }
            let path = self.tails[at].0.path.clone();
            if self.tails[..at].iter().any(|(t, _)| t.holds_up(&path)) {
                more = true;
                continue;
            }
            match self.read(at, &mut builder, now_ms, now_ns) {
                Some(Look::More) => more = true,
                Some(Look::Emptied) => emptied.push(self.tails[at].0.inode),
                Some(Look::End) | None => {}
            }
        }
        for inode in emptied {
            if let Some(at) = self.tails.iter().position(|(t, _)| t.inode == inode) {
                self.emptied(at, &mut builder, now_ms, now_ns);
                more = true;
            }
        }
        self.close_finished(&mut builder, now_ms, now_ns);
        self.last_ns = builder.last_ns();
        self.counts.records += builder.batch.len() as u64;
        Gathered { batch: builder.batch, more }
    }

    fn read(&mut self, at: usize, builder: &mut Builder, now_ms: i64, now_ns: i64) -> Option<Look> {
        let (tail, labels) = &mut self.tails[at];
        let rules = &self.sources[tail.source].rules;
        let looked = tail.look(rules, &mut self.buffer, TURN_BYTES, now_ms, &mut |event| {
            builder.event(labels, event, now_ns);
        });
        match looked {
            Ok((look, bytes)) => {
                self.counts.bytes += bytes;
                Some(look)
            }
            Err(e) => {
                // It holds up nothing.
                tail.give_up();
                let path = tail.path.clone();
                self.problem(&path, &e);
                None
            }
        }
    }

    /// A file was emptied: what was not read yet is in a copy, if rotation made one.
    fn emptied(&mut self, at: usize, builder: &mut Builder, now_ms: i64, now_ns: i64) {
        self.counts.emptied += 1;
        let (tail, _) = &self.tails[at];
        let (path, source, inode) = (tail.path.clone(), tail.source, tail.inode);
        let position = Position { offset: tail.read_at(), ..tail.position(false) };
        let all = directory(&path);
        let others = all.iter().filter(|r| !self.knows(r.inode));
        let copy = copy_of(others, &position).and_then(|r| Some((r.open().ok()?, r.modified)));
        match copy {
            Some((file, modified)) => {
                if let Err(e) = self.tails[at].0.go_on_in(file, now_ms) {
                    self.problem(&path, &e);
                }
                self.add_missed(&path, source, &all, modified, now_ms);
            }
            None => {
                let (mut tail, labels) = self.tails.remove(at);
                let rules = &self.sources[source].rules;
                tail.close(rules, now_ms, &mut |event| builder.event(&labels, event, now_ns));
            }
        }
        match open(&path) {
            Ok((file, now)) if now == inode => self.add(&path, source, file, 0),
            // It was filled anew and then renamed: no search finds it under that name.
            _ if !self.knows(inode) => {
                if let Some(file) =
                    directory(&path).iter().find(|r| r.inode == inode).and_then(|r| r.open().ok())
                {
                    self.add(&path, source, file, 0);
                    self.finish_last(now_ms);
                }
            }
            _ => {}
        }
    }

    /// Closes files that were rotated away and are quiet.
    fn close_finished(&mut self, builder: &mut Builder, now_ms: i64, now_ns: i64) {
        let wait_ms = self.config.rotate_wait.0.as_millis() as i64;
        let mut at = 0;
        while at < self.tails.len() {
            if !self.tails[at].0.is_over(now_ms, wait_ms) {
                at += 1;
                continue;
            }
            let (mut tail, labels) = self.tails.remove(at);
            let rules = &self.sources[tail.source].rules;
            tail.close(rules, now_ms, &mut |event| builder.event(&labels, event, now_ns));
            self.done.push(tail.position(true));
        }
    }
}

/// The copy of a file that was emptied afterwards: it begins as the file did and is at least as long as what was read
/// of it.
fn copy_of<'a>(all: impl Iterator<Item = &'a Relative>, position: &Position) -> Option<&'a Relative> {
    let fits = |r: &&Relative| {
        r.inode != position.inode
            && r.bytes >= position.offset
            && is_rotated_name(&position.path, &r.path)
            && r.begins_with(&position.print)
    };
    all.filter(fits).max_by_key(|r| r.modified)
}

fn open(path: &Path) -> std::io::Result<(File, Inode)> {
    let file = File::open(path)?;
    let inode = Inode::of(&file.metadata()?);
    Ok((file, inode))
}
