//! One look at every process.

use super::groups::Groups;
use crate::Problem;
use crate::parse::process::{self, ProcessStat};
use crate::parse::text::uint;
use crate::part::Roots;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use std::collections::HashMap;
use std::ffi::CStr;
use std::io::Write;
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is known about a process that was there in the last scan.
pub(crate) struct Seen {
    pub(crate) pid: u64,
    pub(crate) name: Box<[u8]>,
    pub(crate) state: u8,
    pub(crate) threads: u64,
    pub(crate) start_ticks: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) resident_pages: u64,
    pub(crate) now: Counters,
    /// What was counted since the scan before. All of `now` for a process first seen.
    pub(crate) gained: Counters,
    /// Whether the files were read that are read for processes of kept groups only.
    detailed: bool,
    pub(crate) swapped_bytes: u64,
    pub(crate) open_files: u64,
    /// For the table, read when first wanted.
    pub(crate) about: Option<About>,
    scan: u64,
}

/// What a person wants to know of a process.
pub(crate) struct About {
    pub(crate) cmdline: String,
    pub(crate) uid: u32,
    pub(crate) read: u64,
}

/// What only grows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_bytes: u64,
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
}

impl Counters {
    fn each(a: Counters, b: Counters, f: impl Fn(u64, u64) -> u64) -> Counters {
        Counters {
            user_ticks: f(a.user_ticks, b.user_ticks),
            system_ticks: f(a.system_ticks, b.system_ticks),
            minor_faults: f(a.minor_faults, b.minor_faults),
            major_faults: f(a.major_faults, b.major_faults),
            read_bytes: f(a.read_bytes, b.read_bytes),
            written_bytes: f(a.written_bytes, b.written_bytes),
            voluntary: f(a.voluntary, b.voluntary),
            involuntary: f(a.involuntary, b.involuntary),
        }
    }

    pub(crate) fn add(&mut self, gained: Counters) {
        *self = Counters::each(*self, gained, u64::wrapping_add);
    }

    fn since(self, before: Counters) -> Counters {
        Counters::each(self, before, u64::saturating_sub)
    }

    pub(crate) fn ticks(&self) -> u64 {
        self.user_ticks + self.system_ticks
    }
}

/// Processes of kept groups whose further files are read in one scan.
const DETAILED_MAX: usize = 256;
/// Longest command line kept.
const CMDLINE_BYTES_MAX: usize = 1024;

/// All processes, by id.
pub(crate) struct Scan {
    root: PathBuf,
    dir: Option<OwnedFd>,
    limit: usize,
    pub(crate) passwd: PathBuf,
    pub(crate) seen: HashMap<u64, Seen>,
    pub(crate) pids: usize,
    pub(crate) threads: u64,
    pub(crate) states: [u64; 128],
    /// Time since the scan before; `None` in the first.
    pub(crate) elapsed: Option<Duration>,
    pub(crate) number: u64,
    at: Option<Instant>,
    list: Vec<u64>,
    buf: Vec<u8>,
}

impl Scan {
    pub(crate) fn new(roots: &Roots, limit: usize) -> Scan {
        Scan {
            root: roots.proc.clone(),
            dir: None,
            limit,
            passwd: roots.root.join("etc/passwd"),
            seen: HashMap::new(),
            pids: 0,
            threads: 0,
            states: [0; 128],
            elapsed: None,
            number: 0,
            at: None,
            list: Vec::new(),
            buf: vec![0; 4096],
        }
    }

    pub(crate) fn run(&mut self, now: Instant, groups: &Groups) -> Result<(), Problem> {
        self.elapsed = self.at.map(|at| now.duration_since(at));
        self.at = Some(now);
        self.number += 1;
        self.list_pids()?;
        (self.pids, self.threads, self.states) = (self.list.len(), 0, [0; 128]);
        let list = std::mem::take(&mut self.list);
        let mut detailed = 0;
        for pid in list.iter().take(self.limit) {
            self.look(*pid, groups, &mut detailed);
        }
        self.list = list;
        let number = self.number;
        self.seen.retain(|_, seen| seen.scan == number);
        Ok(())
    }

    fn list_pids(&mut self) -> Result<(), Problem> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = match self.dir.take() {
            Some(dir) => dir,
            None => rustix::fs::open(&self.root, flags, Mode::empty())
                .map_err(|e| Problem::read(&self.root, e.into()))?,
        };
        self.list.clear();
        rustix::fs::seek(&dir, rustix::fs::SeekFrom::Start(0))
            .map_err(|e| Problem::read(&self.root, e.into()))?;
        let mut space = [MaybeUninit::uninit(); 8192];
        let mut entries = RawDir::new(&dir, &mut space);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|e| Problem::read(&self.root, e.into()))?;
            self.list.extend(uint(entry.file_name().to_bytes()));
        }
        self.dir = Some(dir);
        self.list.sort_unstable();
        Ok(())
    }

    /// A process may be gone at any moment; then there is nothing to say about it.
    fn look(&mut self, pid: u64, groups: &Groups, detailed: &mut usize) {
        let Some(dir) = &self.dir else { return };
        let Some(len) = read_file(dir, pid, "stat", &mut self.buf) else { return };
        let Some(stat) = process::stat(&self.buf[..len]) else { return };
        self.threads += stat.threads;
        self.states[usize::from(stat.state & 0x7f)] += 1;

        let known = self.seen.remove(&pid).filter(|seen| seen.start_ticks == stat.start_ticks);
        let mut before = known.as_ref().map(|seen| seen.now);
        let mut now = before.unwrap_or_default();
        now.user_ticks = stat.user_ticks;
        now.system_ticks = stat.system_ticks;
        now.minor_faults = stat.minor_faults;
        now.major_faults = stat.major_faults;
        let name: Box<[u8]> = stat.name.into();
        let stat = ProcessStat { name: b"", ..stat };
        let mut further = None;
        if *detailed < DETAILED_MAX && groups.is_kept(&name) {
            *detailed += 1;
            further = Some(details(dir, pid, &mut now, &mut self.buf));
        }
        if let (Some(before), Some(known)) = (&mut before, &known)
            && !known.detailed
        {
            // First read now although the process is older: what it did before must not look like a burst.
            (before.read_bytes, before.written_bytes) = (now.read_bytes, now.written_bytes);
            (before.voluntary, before.involuntary) = (now.voluntary, now.involuntary);
        }
        let detailed = further.is_some();
        let (swapped_bytes, open_files) = further.unwrap_or_default();
        let gained = now.since(before.unwrap_or_default());
        let about = known.filter(|seen| seen.name == name).and_then(|seen| seen.about);
        let seen = Seen {
            pid,
            name,
            state: stat.state,
            threads: stat.threads,
            start_ticks: stat.start_ticks,
            virtual_bytes: stat.virtual_bytes,
            resident_pages: stat.resident_pages,
            now,
            gained,
            detailed,
            swapped_bytes,
            open_files,
            about,
            scan: self.number,
        };
        self.seen.insert(pid, seen);
    }

    /// Reads command line and owner if they are not known, or old: a process may change both.
    pub(crate) fn describe(&mut self, pid: u64) {
        const SCANS_OLD: u64 = 24;
        let Some(dir) = &self.dir else { return };
        let Some(seen) = self.seen.get_mut(&pid) else { return };
        if seen.about.as_ref().is_some_and(|about| self.number - about.read < SCANS_OLD) {
            return;
        }
        let cmdline = read_file(dir, pid, "cmdline", &mut self.buf)
            .map(|len| process::cmdline(&self.buf[..len.min(CMDLINE_BYTES_MAX)]))
            .unwrap_or_default();
        let mut path = [0; 40];
        let stat = rustix::fs::statat(dir, file_name(&mut path, pid, ""), AtFlags::empty());
        seen.about = Some(About { cmdline, uid: stat.map_or(u32::MAX, |s| s.st_uid), read: self.number });
    }
}

/// Reads what costs more; returns bytes in swap and open files.
fn details(dir: &OwnedFd, pid: u64, now: &mut Counters, buf: &mut [u8]) -> (u64, u64) {
    let mut swapped = 0;
    if let Some(len) = read_file(dir, pid, "status", buf) {
        (swapped, now.voluntary, now.involuntary) = process::status(&buf[..len]);
    }
    let io = read_file(dir, pid, "io", buf).and_then(|len| process::io(&buf[..len]));
    if let Some((read, written)) = io {
        (now.read_bytes, now.written_bytes) = (read, written);
    }
    // Since Linux 6.2 the size of this directory is the number of open files; listing it would cost too much.
    let mut path = [0; 40];
    let fds = rustix::fs::statat(dir, file_name(&mut path, pid, "fd"), AtFlags::empty());
    (swapped, fds.map_or(0, |s| s.st_size.max(0) as u64))
}

/// `<pid>/<file>` with its NUL.
fn file_name<'a>(space: &'a mut [u8; 40], pid: u64, file: &str) -> &'a CStr {
    let mut rest = &mut space[..];
    // A pid has at most 20 digits and the files are a few letters, so this always fits.
    let _ = write!(rest, "{pid}/{file}\0");
    CStr::from_bytes_until_nul(space).unwrap_or(c"")
}

fn read_file(dir: &OwnedFd, pid: u64, file: &str, buf: &mut [u8]) -> Option<usize> {
    let mut path = [0; 40];
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, file_name(&mut path, pid, file), flags, Mode::empty()).ok()?;
    rustix::io::read(&file, buf).ok()
}
