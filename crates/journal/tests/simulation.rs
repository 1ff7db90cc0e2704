//! The log under power failures, killed processes, failing, full and read-only disks, and flipped bits, beside a
//! model of what must be in it.
//!
//! `WATCHFIRE_SEEDS=N` runs N seeds, `WATCHFIRE_SEED=S` only one; a failure names its seed.

use env::{Disk, Random, SimDisk, SimRandom};
use journal::{
    Damage, FRAME_HEADER_BYTES, Flaw, HEADER_BYTES, JournalError, JournalOptions, Log, Offset, decode_frame,
    decode_header, verify,
};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const JOURNAL: &str = "/journal";
const PARTITION: &str = "/journal/00000";

#[test]
fn acknowledged_records_outlive_everything() {
    for seed in seeds() {
        // The seed is told before anything can panic and shown only if it does.
        eprintln!("seed {seed}");
        Simulation::new(seed).run();
    }
}

fn seeds() -> Range<u64> {
    let number = |name| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    match number("WATCHFIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WATCHFIRE_SEEDS").unwrap_or(300),
    }
}

struct Simulation {
    random: SimRandom,
    disk: SimDisk,
    options: JournalOptions,
    /// Every record that must be readable, by offset; those below `floor` may be gone.
    acknowledged: BTreeMap<u64, Vec<u8>>,
    floor: u64,
    /// Records of which nothing is known: the power failed meanwhile, or undoing them failed.
    unknown: Vec<(u64, Vec<u8>)>,
    /// Makes every record different.
    written: u64,
    /// Whether anything happened that may leave damage.
    hurt: bool,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let random = SimRandom::new(seed);
        let options = JournalOptions {
            segment_bytes: 100 + random.below(5_000),
            record_bytes_max: 4_000,
            ..JournalOptions::default()
        };
        let disk = SimDisk::new(random.next_u64());
        let (acknowledged, unknown) = Default::default();
        Simulation { random, disk, options, acknowledged, floor: 0, unknown, written: 0, hurt: false }
    }

    fn run(&mut self) {
        for _ in 0..2 + self.random.below(6) {
            let mut log = self.recover();
            self.live(&mut log);
            drop(log);
            match self.random.below(4) {
                0 => {}
                1 => self.disk.kill(),
                _ => self.crash(),
            }
            if self.disk.is_down() {
                self.crash();
            }
            self.disk.heal();
            if self.random.chance(0.4) {
                self.decay();
            }
        }
        self.recover();
    }

    fn crash(&mut self) {
        self.disk.crash();
        self.hurt = true;
    }

    fn open(&self) -> Result<(Log, Vec<Damage>), JournalError> {
        Log::open(Arc::new(self.disk.clone()), PathBuf::from(PARTITION), self.options.clone())
    }

    /// Opens the log, through a few more failures, and compares it with the model.
    fn recover(&mut self) -> Log {
        if self.random.chance(0.3) {
            self.disk.crash_after(self.random.below(12));
        }
        let (log, _) = loop {
            match self.open() {
                Ok(opened) if !self.disk.is_down() => break opened,
                _ => {
                    assert!(self.disk.is_down(), "a sound disk must do");
                    self.crash();
                }
            }
        };
        self.disk.heal();
        self.compare(&log, true);
        log
    }

    /// Everything acknowledged is there, in order and as it was written, and nothing is that was refused.
    fn compare(&mut self, log: &Log, recovered: bool) {
        let mut seen = BTreeMap::new();
        let mut last = None;
        for item in log.read(Offset(0)) {
            let (offset, record) = match item {
                Ok((Offset(offset), record)) => (offset, record),
                // Nothing acknowledged may be missing, see below, so this is about what was not.
                Err(JournalError::Damaged(damage)) if self.hurt => {
                    assert!(damage.kept.is_some() || matches!(damage.what, Flaw::Missing { .. }), "{damage}");
                    continue;
                }
                Err(e) => panic!("{e}"),
            };
            assert!(last < Some(offset), "offset {offset} comes after {last:?}");
            last = Some(offset);
            seen.insert(offset, record);
        }
        for (offset, record) in self.acknowledged.range(self.floor..) {
            assert_eq!(seen.get(offset), Some(record), "acknowledged record {offset}");
        }
        for (offset, record) in seen {
            match self.acknowledged.get(&offset) {
                Some(known) => assert_eq!(known, &record, "record {offset}"),
                None => {
                    let unknown = self.unknown.contains(&(offset, record.clone()));
                    assert!(unknown && recovered, "record {offset} was refused and is there");
                    self.acknowledged.insert(offset, record);
                }
            }
        }
        if recovered {
            self.unknown.clear();
        }
        let end = self.acknowledged.keys().next_back().map_or(0, |last| last + 1);
        assert!(log.next_offset().0 >= end);
    }

    /// What a process does until it ends.
    fn live(&mut self, log: &mut Log) {
        for _ in 0..self.random.below(40) {
            match self.random.below(20) {
                0 => self.truncate(log),
                1 => self.advance(log),
                2 => self.compare(log, false),
                3 => self.break_disk(),
                4 | 5 => {
                    self.disk.heal();
                    assert!(self.append(log), "a sound disk takes records again");
                }
                _ => {
                    self.append(log);
                }
            }
            if self.disk.is_down() {
                return;
            }
        }
    }

    fn break_disk(&mut self) {
        let disk = &self.disk;
        let kind = [ErrorKind::Other, ErrorKind::StorageFull][self.random.below(2) as usize];
        match self.random.below(5) {
            0 => disk.set_capacity(Some(self.random.below(20_000))),
            1 => disk.set_read_only(true),
            2 => disk.fail_after(self.random.below(10), self.random.below(10), kind),
            3 => disk.fail_at_random(0.2),
            _ => disk.crash_after(self.random.below(20)),
        }
    }

    fn record(&mut self) -> Vec<u8> {
        self.written += 1;
        let len = match self.random.below(10) {
            0 => 0,
            1 => self.random.below(4_000),
            _ => self.random.below(300),
        };
        let mut record = self.written.to_le_bytes().to_vec();
        record.resize(record.len().max(len as usize), self.written as u8);
        record
    }

    fn append(&mut self, log: &mut Log) -> bool {
        let records: Vec<Vec<u8>> = (0..1 + self.random.below(5)).map(|_| self.record()).collect();
        let before = log.next_offset().0;
        let result = log.append(&records);
        // A start of a segment that failed earlier may have moved it.
        let first = if let Ok(offset) = result { offset.0 } else { log.next_offset().0 };
        assert!(first >= before);
        let numbered = (first..).zip(records);
        match result {
            Ok(_) => {
                self.acknowledged.extend(numbered);
                return true;
            }
            // Nobody hears this answer.
            Err(_) if self.disk.is_down() => self.unknown.extend(numbered),
            Err(JournalError::Unresolved { .. }) => self.unknown.extend(numbered),
            Err(JournalError::Failed { .. }) => {}
            Err(e) => panic!("{e}"),
        }
        false
    }

    fn truncate(&mut self, log: &mut Log) {
        let next = log.next_offset().0;
        let from = self.floor.min(next);
        self.floor = from + self.random.below(next - from + 1);
        if let Err(e) = log.truncate_before(Offset(self.floor)) {
            assert!(matches!(e, JournalError::Io { .. } | JournalError::Failed { .. }), "{e}");
        }
    }

    fn advance(&mut self, log: &mut Log) {
        let to = log.next_offset().0 + self.random.below(3);
        if log.advance(Offset(to)).is_ok() && !self.disk.is_down() {
            assert!(log.next_offset().0 >= to);
        }
    }

    /// Flips a bit in an acknowledged record or in a header, sees that it is found and named, and takes the record
    /// from the model.
    fn decay(&mut self) {
        let targets = self.targets();
        let Some(target) = (!targets.is_empty()).then(|| self.random.below(targets.len() as u64) as usize)
        else {
            return;
        };
        let Target { file, bytes, offset } = &targets[target];
        let byte = bytes.start + self.random.below(bytes.end - bytes.start);
        self.disk.flip_bit(file, byte * 8 + self.random.below(8)).unwrap();
        let found = verify(&self.disk, Path::new(JOURNAL), &self.options, &mut |_| ()).unwrap();
        let named = |d: &Damage| d.file == *file && (d.position..d.position + d.bytes).contains(&byte);
        assert!(found.damages.iter().any(named), "byte {byte} of {}: {:?}", file.display(), found.damages);
        self.hurt = true;
        if let Some(offset) = offset {
            self.acknowledged.remove(offset);
        }
    }

    /// Where the acknowledged records are, and the headers. A record may be there twice: what is written again when
    /// a log is opened ends the segment before.
    fn targets(&self) -> Vec<Target> {
        let first = |file: &PathBuf| file.file_stem().and_then(|s| s.to_str()?.parse::<u64>().ok());
        let files = self.disk.files().into_iter().filter(|f| f.parent() == Some(Path::new(PARTITION)));
        let segments: Vec<_> = files
            .filter_map(|file| Some((first(&file)?, self.disk.map(&file).ok()?, file)))
            .map(|(first, bytes, file)| {
                (first, decode_header(&bytes).map_or(first, |h| h.prior), bytes, file)
            })
            .collect();
        let mut targets = Vec::new();
        for (at, (first, prior, bytes, file)) in segments.iter().enumerate() {
            let target = |bytes, offset| Target { file: file.clone(), bytes, offset };
            // A header that says more than the name is not known otherwise.
            if first == prior {
                targets.push(target(0..HEADER_BYTES as u64, None));
            }
            let live = *first..segments.get(at + 1).map_or(u64::MAX, |after| after.1);
            for start in HEADER_BYTES..bytes.len().saturating_sub(FRAME_HEADER_BYTES) {
                let Ok(frame) = decode_frame(*first, &bytes[start..], self.options.record_bytes_max) else {
                    continue;
                };
                let known = self.acknowledged.get(&frame.offset).is_some_and(|r| r == frame.payload);
                if known && live.contains(&frame.offset) {
                    let end = start + frame.encoded_len();
                    targets.push(target(start as u64..end as u64, Some(frame.offset)));
                }
            }
        }
        targets
    }
}

struct Target {
    file: PathBuf,
    bytes: Range<u64>,
    offset: Option<u64>,
}
