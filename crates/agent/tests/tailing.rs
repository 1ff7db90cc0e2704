//! Logs that are written, rotated, copied and emptied while a reader is killed at any point, compared with what was
//! written: every line exactly once, and in order within each file. One seed replays everything; `WATCHFIRE_SEEDS` sets
//! how many are run and `WATCHFIRE_SEED` runs a single one.

use agent::{FileLogs, LogsConfig, Positions, Start, Tailer};
use env::{Random, SimRandom};
use scrape::config::{ByteSize, TimeSpan};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn seeds(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    match number("WATCHFIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WATCHFIRE_SEEDS").unwrap_or(usual),
    }
}

struct Dice(SimRandom);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        self.0.next_u64() % n
    }
}

/// A program that logs, and what rotates its log.
struct Writer {
    path: PathBuf,
    /// Lines of each file that ever was the log, by number.
    written: Vec<Vec<String>>,
    /// The beginning of a line that is not complete.
    begun: Option<String>,
    /// Whether what is kept tells how the file begins: before, a copy cannot be told from others.
    known: bool,
}

impl Writer {
    fn new(path: PathBuf) -> Writer {
        fs::write(&path, "").unwrap();
        Writer { path, written: vec![Vec::new()], begun: None, known: false }
    }

    fn append(&self, bytes: &[u8]) {
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn write(&mut self, dice: &Dice, next: &mut u64) {
        self.complete();
        let mut out = String::new();
        for _ in 0..1 + dice.below(20) {
            *next += 1;
            // Indented lines are joined to those before them; no two lines begin alike.
            let indent = if dice.below(5) == 0 { " " } else { "" };
            let line = format!("{indent}{next:08} {}", "x".repeat(dice.below(300) as usize));
            if dice.below(20) == 0 && line.len() > 20 {
                out.push_str(&line[..15]);
                self.append(out.as_bytes());
                // What is left of it is written next time.
                self.begun = Some(line[15..].to_owned());
                return self.written.last_mut().unwrap().push(line);
            }
            out.push_str(&line);
            out.push('\n');
            self.written.last_mut().unwrap().push(line);
        }
        self.append(out.as_bytes());
    }

    /// Ends a line that was begun.
    fn complete(&mut self) {
        if let Some(rest) = self.begun.take() {
            self.append(format!("{rest}\n").as_bytes());
        }
    }

    fn rotated(&self, n: usize) -> PathBuf {
        PathBuf::from(format!("{}.{n}", self.path.display()))
    }

    fn make_room(&self) {
        let last = (1..).find(|n| !self.rotated(*n).exists()).unwrap();
        (1..last).rev().for_each(|n| fs::rename(self.rotated(n), self.rotated(n + 1)).unwrap());
    }

    fn rename(&mut self) {
        self.complete();
        self.make_room();
        fs::rename(&self.path, self.rotated(1)).unwrap();
        fs::write(&self.path, "").unwrap();
        self.written.push(Vec::new());
        self.known = false;
    }

    fn copy_and_empty(&mut self) {
        if !self.known {
            return;
        }
        self.complete();
        self.make_room();
        fs::copy(&self.path, self.rotated(1)).unwrap();
        OpenOptions::new().write(true).open(&self.path).unwrap().set_len(0).unwrap();
        self.written.push(Vec::new());
        self.known = false;
    }

    fn step(&mut self, dice: &Dice, next: &mut u64) {
        match dice.below(12) {
            0 => self.rename(),
            1 => self.copy_and_empty(),
            _ => self.write(dice, next),
        }
    }
}

/// A reader and what is kept of it: batches and state together, as a store keeps them.
struct Reader {
    config: LogsConfig,
    tailer: Tailer,
    kept: Option<Positions>,
    lines: BTreeMap<PathBuf, Vec<String>>,
    now_ms: i64,
}

impl Reader {
    fn new(dir: &Path) -> Reader {
        let include = vec![format!("{}/**/*.log", dir.display())];
        let config = LogsConfig {
            files: Some(vec![FileLogs { include, ..FileLogs::default() }]),
            containers: false,
            start: Start::Beginning,
            line_bytes_max: ByteSize(1000),
            rotate_wait: TimeSpan(Duration::from_secs(2)),
            ..LogsConfig::default()
        };
        let now_ms = 1_700_000_000_000;
        let tailer = Tailer::new(&config, false, "h", None, now_ms);
        Reader { config, tailer, kept: None, lines: BTreeMap::new(), now_ms }
    }

    /// Reads once; what is read is kept, unless the power fails.
    fn step(&mut self, keeps: bool) -> bool {
        self.now_ms += 300;
        let gathered = self.tailer.gather(self.now_ms);
        if !keeps {
            self.restart();
            return true;
        }
        for row in gathered.batch.iter() {
            let path = PathBuf::from(gathered.batch.labels(row.stream).get("log.file.path").unwrap());
            let text = row.record.body.as_str().unwrap();
            self.lines.entry(path).or_default().extend(text.split('\n').map(str::to_owned));
        }
        let state = Positions { files: self.tailer.positions(), cursor: None };
        self.kept = Some(Positions::decode(&state.encode()).unwrap());
        gathered.more || !gathered.batch.is_empty()
    }

    fn restart(&mut self) {
        self.now_ms += 1000;
        self.tailer = Tailer::new(&self.config, false, "h", self.kept.as_ref(), self.now_ms);
        self.tailer.discover(self.now_ms);
    }

    fn discover(&mut self) {
        self.tailer.discover(self.now_ms);
    }
}

fn run(seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let dice = Dice(SimRandom::new(seed));
    fs::create_dir(dir.path().join("sub")).unwrap();
    let mut writers: Vec<Writer> =
        ["a.log", "b.log", "sub/c.log"].iter().map(|n| Writer::new(dir.path().join(n))).collect();
    let mut reader = Reader::new(dir.path());
    reader.discover();
    reader.step(true);
    let mut next = 0;
    for _ in 0..150 {
        match dice.below(10) {
            0..=5 => writers[dice.below(3) as usize].step(&dice, &mut next),
            6 => reader.discover(),
            7 => reader.restart(),
            _ => {
                let keeps = dice.below(4) > 0;
                reader.step(keeps);
                if keeps {
                    for w in &mut writers {
                        let of = |p: &&agent::Position| p.path == w.path && p.print.bytes > 0 && !p.done;
                        let kept = reader.kept.iter().flat_map(|k| &k.files).rfind(of);
                        use std::os::unix::fs::MetadataExt;
                        let inode = fs::metadata(&w.path).unwrap().ino();
                        let empty = w.written.last().unwrap().is_empty();
                        w.known = !empty && kept.is_some_and(|p| p.inode.1 == inode);
                    }
                }
            }
        }
    }
    writers.iter_mut().for_each(Writer::complete);
    // Progress: once nothing is written any more, everything arrives.
    for _ in 0..40 {
        reader.discover();
        while reader.step(true) {}
        reader.now_ms += 1000;
    }
    for w in &writers {
        let got = reader.lines.remove(&w.path).unwrap_or_default();
        let mut place: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        got.iter().enumerate().for_each(|(i, line)| place.entry(line).or_default().push(i));
        for (generation, lines) in w.written.iter().enumerate() {
            let mut last = 0;
            for line in lines {
                let at = place.remove(line.as_str()).unwrap_or_default();
                let shown = format!("seed {seed}: {} generation {generation} {line:.12}", w.path.display());
                assert_eq!(at.len(), 1, "{shown}: times it came");
                assert!(last <= at[0], "{shown}: out of order");
                last = at[0];
            }
        }
        assert!(place.is_empty(), "seed {seed}: never written: {place:?}");
    }
    let counts = reader.tailer.counts();
    assert_eq!((counts.lag_bytes, counts.problems.len()), (0, 0), "seed {seed}");
}

#[test]
fn every_line_arrives_once_whatever_happens() {
    for seed in seeds(60) {
        run(seed);
    }
}

fn bodies(reader: &Reader, path: &Path) -> Vec<String> {
    reader.lines.get(path).cloned().unwrap_or_default()
}

#[test]
fn a_first_start_begins_at_the_end_and_later_files_at_their_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old.log"), dir.path().join("new.log"));
    fs::write(&old, "before\nhalf").unwrap();
    let mut reader = Reader::new(dir.path());
    reader.config.start = Start::End;
    reader.restart();
    reader.step(true);
    OpenOptions::new().append(true).open(&old).unwrap().write_all(b" and half\n").unwrap();
    fs::write(&new, "first\n").unwrap();
    reader.discover();
    for _ in 0..5 {
        reader.step(true);
    }
    assert_eq!(bodies(&reader, &old), ["half and half"]);
    assert_eq!(bodies(&reader, &new), ["first"]);
}

#[test]
fn long_lines_wrong_bytes_and_compressed_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.log");
    fs::write(&path, [&b"caf\xc3\xa9 \xff\n"[..], &[b'y'; 5000], b"\r\n", b"\nlast without an end"].concat())
        .unwrap();
    fs::write(dir.path().join("x.log.1.gz"), "not to be read").unwrap();
    fs::write(dir.path().join("y.log.gz"), "nor this").unwrap();
    let mut reader = Reader::new(dir.path());
    reader.discover();
    for _ in 0..5 {
        reader.step(true);
    }
    let cut = format!("{}…[4001 bytes cut]", "y".repeat(1000));
    assert_eq!(bodies(&reader, &path), ["café \u{fffd}".to_owned(), cut]);
    // A file that is gone ends its last line.
    fs::remove_file(&path).unwrap();
    reader.discover();
    for _ in 0..12 {
        reader.step(true);
    }
    assert_eq!(bodies(&reader, &path).last().unwrap(), "last without an end");
    assert_eq!(reader.tailer.counts().files, 0);
}

#[test]
fn files_beyond_the_bound_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.log");
    fs::write(&path, "a\n").unwrap();
    let mut reader = Reader::new(dir.path());
    reader.config.files_max = 0;
    reader.restart();
    assert_eq!(reader.tailer.counts().files_left_out, 1);
    reader.config.files_max = 1;
    reader.restart();
    assert_eq!((reader.tailer.counts().files, reader.tailer.counts().files_left_out), (1, 0));
}
