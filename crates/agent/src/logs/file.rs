//! One file that is read as it grows.

use super::container::Written;
use super::lines::{Line, Lines};
use super::multiline::{Event, Joiner, Rules};
use super::position::{Inode, Position, Print};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes read at once.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// A file, how far it is read, and what of it is not a record yet.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where it was found; its labels follow from this.
    pub path: PathBuf,
    /// Which source it belongs to.
    pub source: usize,
    pub inode: Inode,
    file: File,
    print: Print,
    /// The next byte to read.
    read_at: u64,
    /// Behind the last record that was given.
    given_to: u64,
    lines: Lines,
    joiner: Joiner,
    /// Since when nothing is expected any more, Unix milliseconds: it was rotated away.
    finishing_ms: Option<i64>,
    /// Whether its end was reached at the last look.
    at_end: bool,
    /// Its length at the last look.
    length: u64,
    /// When it was written to, as of the last look.
    written: Option<SystemTime>,
    /// Whether a container runtime writes it.
    runtime: bool,
}

/// What a look at a file came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Look {
    /// Everything there is was read.
    End,
    /// There is more.
    More,
    /// It was emptied, and perhaps filled anew.
    Emptied,
}

impl Tail {
    /// Reads a file from `offset` on.
    pub fn new(
        path: &Path,
        source: usize,
        file: File,
        offset: u64,
        line_bytes_max: usize,
    ) -> io::Result<Tail> {
        let metadata = file.metadata()?;
        Ok(Tail {
            path: path.to_owned(),
            source,
            inode: Inode::of(&metadata),
            print: Print::of(&file)?,
            file,
            read_at: offset,
            given_to: offset,
            lines: Lines::new(line_bytes_max),
            joiner: Joiner::default(),
            finishing_ms: None,
            at_end: false,
            length: metadata.len(),
            written: None,
            runtime: super::container::is_runtime(path),
        })
    }

    /// Goes on in a copy of the file, made before the file was emptied.
    pub fn go_on_in(&mut self, copy: File, now_ms: i64) -> io::Result<()> {
        let metadata = copy.metadata()?;
        (self.inode, self.length, self.file) = (Inode::of(&metadata), metadata.len(), copy);
        self.finish_from(now_ms);
        Ok(())
    }

    /// Nothing is expected any more: it is closed once it stays as it is for a while.
    pub fn finish_from(&mut self, now_ms: i64) {
        self.at_end = false;
        self.finishing_ms.get_or_insert(now_ms);
    }

    /// It cannot be read for now: nothing waits for it.
    pub fn give_up(&mut self) {
        self.at_end = true;
    }

    /// It has its name back.
    pub fn keep(&mut self) {
        self.finishing_ms = None;
    }

    pub fn is_finishing(&self) -> bool {
        self.finishing_ms.is_some()
    }

    /// Whether it still holds up what comes after it: it was rotated away and not read to its end yet.
    pub fn holds_up(&self, path: &Path) -> bool {
        self.finishing_ms.is_some() && !self.at_end && self.path == path
    }

    /// Whether it can be closed.
    pub fn is_over(&self, now_ms: i64, wait_ms: i64) -> bool {
        let waited = |since: i64| now_ms.wrapping_sub(since);
        self.at_end && self.finishing_ms.is_some_and(|since| !(0..wait_ms).contains(&waited(since)))
    }

    /// Bytes that are not handed over yet.
    pub fn lag_bytes(&self) -> u64 {
        self.length.saturating_sub(self.given_to)
    }

    pub fn print(&self) -> &Print {
        &self.print
    }

    pub fn read_at(&self) -> u64 {
        self.read_at
    }

    pub fn modified(&self) -> Option<SystemTime> {
        self.file.metadata().and_then(|m| m.modified()).ok()
    }

    /// Where it stands.
    pub fn position(&self, done: bool) -> Position {
        Position {
            path: self.path.clone(),
            inode: self.inode,
            print: self.print,
            offset: self.given_to,
            done,
        }
    }

    /// Reads on, at most about `bytes_max`, and gives the records.
    pub fn look(
        &mut self,
        rules: &Rules,
        buffer: &mut [u8],
        bytes_max: usize,
        now_ms: i64,
        each: &mut dyn FnMut(&Event),
    ) -> io::Result<(Look, u64)> {
        let mut taken = 0u64;
        self.at_end = false;
        loop {
            let n = self.file.read_at(buffer, self.read_at)?;
            let metadata = self.file.metadata()?;
            let modified = metadata.modified().ok();
            let touched = n > 0 || modified != self.written;
            self.length = metadata.len();
            // Looked at after reading: had the file been emptied before, it shows now.
            if self.length < self.read_at || (touched && !self.print.fits(&self.file)?) {
                return Ok((Look::Emptied, taken));
            }
            self.written = modified;
            if n == 0 {
                self.expire(rules, now_ms, each);
                self.at_end = true;
                return Ok((Look::End, taken));
            }
            if !self.print.is_full() {
                self.print = Print::of(&self.file)?;
            }
            if let Some(since) = &mut self.finishing_ms {
                *since = now_ms;
            }
            let (lines, joiner, given_to) = (&mut self.lines, &mut self.joiner, &mut self.given_to);
            let runtime = self.runtime;
            let mut given = |event: &Event| {
                *given_to = event.end;
                each(event);
            };
            lines.push(&buffer[..n], self.read_at, &mut |line: Line<'_>| {
                let written = written(runtime, line.bytes);
                joiner.push(rules, &written, (line.cut, line.end), now_ms, &mut given);
            });
            self.read_at += n as u64;
            taken += n as u64;
            if taken >= bytes_max as u64 {
                return Ok((Look::More, taken));
            }
        }
    }

    /// Gives a record that nothing has joined for long enough.
    fn expire(&mut self, rules: &Rules, now_ms: i64, each: &mut dyn FnMut(&Event)) {
        let given_to = &mut self.given_to;
        self.joiner.expire(rules, now_ms, &mut |event| {
            *given_to = event.end;
            each(event);
        });
    }

    /// Gives all that is left: the file ends here for good.
    pub fn close(&mut self, rules: &Rules, now_ms: i64, each: &mut dyn FnMut(&Event)) {
        let (lines, joiner, given_to) = (&mut self.lines, &mut self.joiner, &mut self.given_to);
        let runtime = self.runtime;
        let mut given = |event: &Event| {
            *given_to = event.end;
            each(event);
        };
        lines.finish(self.read_at, &mut |line: Line<'_>| {
            let written = written(runtime, line.bytes);
            joiner.push(rules, &written, (line.cut, line.end), now_ms, &mut given);
        });
        joiner.flush(&mut given);
    }
}

fn written(runtime: bool, line: &[u8]) -> Written<'_> {
    if runtime { Written::of_runtime(line) } else { Written::plain(line) }
}

/// The beginning of the last line that is not complete yet, so that reading from the end of a file begins with a whole
/// line. Of a very long line the end of the file.
pub(super) fn last_line_at(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut tail = [0; 4096];
    let from = length.saturating_sub(tail.len() as u64);
    let n = file.read_at(&mut tail, from)?;
    let found = memchr::memrchr(b'\n', &tail[..n]).map(|at| from + at as u64 + 1);
    Ok(found.unwrap_or(if from == 0 { 0 } else { length }))
}
