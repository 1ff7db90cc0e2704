//! Simulated crashes, failing disks and decay. One seed replays everything; `WATCHFIRE_SEEDS` sets how many are run
//! and `WATCHFIRE_SEED` runs a single one.

mod common;

use common::{matcher, read_all, series, write};
use env::{Random, SimClock, SimDisk, SimRandom};
use model::TimeRange;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use tsdb::{Db, Options};

const NOW_MS: i64 = 1_700_000_000_000;
const DIR: &str = "/data";

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

/// What each sample may be: a value, or absent. One candidate where the outcome is known.
#[derive(Default)]
struct Expected(BTreeMap<(u8, i64), Vec<Option<u64>>>);

impl Expected {
    fn set(&mut self, samples: &[(u8, i64, u64)], certain: bool) {
        for (s, t, v) in samples {
            let candidates = self.0.entry((*s, *t)).or_insert_with(|| vec![None]);
            if certain {
                candidates.clear();
            }
            candidates.push(Some(*v));
        }
    }

    fn delete(&mut self, series: u8, range: TimeRange, certain: bool) {
        for ((s, t), candidates) in &mut self.0 {
            if *s == series && range.contains(*t) {
                if certain {
                    candidates.clear();
                }
                candidates.push(None);
            }
        }
    }

    /// Compares with what the store holds; what was uncertain is certain from then on.
    fn check(&mut self, db: &Db, seed: u64) {
        let mut found = BTreeMap::new();
        for (labels, points) in read_all(db, TimeRange::ALL) {
            let s: u8 = labels.get("s").unwrap().parse().unwrap();
            assert_eq!(labels, series(s), "seed {seed}: a series has other labels");
            for (t, (_, bits, _)) in points {
                assert_eq!(found.insert((s, t), bits), None, "seed {seed}: sample {s} at {t} is doubled");
            }
        }
        for (key, candidates) in &mut self.0 {
            let is = found.remove(key);
            assert!(candidates.contains(&is), "seed {seed}: {key:?} is {is:?}, may be {candidates:?}");
            *candidates = vec![is];
        }
        assert_eq!(found, BTreeMap::new(), "seed {seed}: samples that were never written");
    }
}

fn open(disk: &SimDisk) -> Result<Db, tsdb::TsdbError> {
    let mut options = Options::new(DIR);
    options.background = false;
    // Small enough for replay to flush on its way at times.
    options.head_bytes_max = 600_000;
    Db::open(options, Arc::new(disk.clone()), Arc::new(SimClock::at(NOW_MS)))
}

/// Opens, with the power failing during recovery now and then.
fn recover(disk: &SimDisk, dice: &Dice, seed: u64) -> Db {
    for _ in 0..3 {
        disk.crash();
        disk.heal();
        if dice.below(3) == 0 {
            disk.crash_after(dice.below(30));
        }
        match open(disk) {
            Ok(db) if !disk.is_down() => {
                disk.heal();
                return db;
            }
            Ok(_) => {}
            Err(e) => assert!(disk.is_down(), "seed {seed}: cannot open: {e}"),
        }
    }
    disk.crash();
    disk.heal();
    open(disk).unwrap_or_else(|e| panic!("seed {seed}: cannot open: {e}"))
}

fn random_samples(dice: &Dice) -> Vec<(u8, i64, u64)> {
    let n = 1 + dice.below(40);
    let day = 86_400_000 * dice.below(2) as i64;
    (0..n)
        .map(|_| {
            (
                dice.below(20) as u8,
                NOW_MS - day - dice.below(60) as i64 * 1000,
                (dice.below(1000) as f64).to_bits(),
            )
        })
        .collect()
}

fn run(seed: u64) {
    let disk = SimDisk::new(seed);
    let dice = Dice(SimRandom::new(seed ^ 0x5eed));
    let mut expected = Expected::default();
    let mut db = recover(&disk, &dice, seed);
    for _ in 0..3 {
        match dice.below(4) {
            0 => disk.fail_after(dice.below(60), 1 + dice.below(5), ErrorKind::StorageFull),
            1 => disk.fail_after(dice.below(60), 1 + dice.below(5), ErrorKind::Other),
            _ => {}
        }
        disk.crash_after(5 + dice.below(150));
        for _ in 0..60 {
            if disk.is_down() {
                break;
            }
            match dice.below(20) {
                0..=11 => {
                    let samples = random_samples(&dice);
                    match write(&db, &samples) {
                        Ok(()) => expected.set(&samples, true),
                        Err(e) if disk.is_down() || e.to_string().contains("may appear") => {
                            expected.set(&samples, false);
                        }
                        Err(_) => {}
                    }
                }
                12..=14 => drop(db.flush()),
                15 | 16 => drop(db.merge_once()),
                17 => drop(db.compact()),
                18 => {
                    let s = dice.below(20) as u8;
                    let range = TimeRange::new(NOW_MS - 40_000, NOW_MS - 10_000);
                    let done = db.delete(&[matcher(s)], range);
                    expected.delete(s, range, done.is_ok());
                }
                _ if !disk.is_down() => {
                    // Uncertain outcomes stay so until a restart: do not collapse them here.
                    let mut now = Expected(expected.0.clone());
                    now.check(&db, seed);
                }
                _ => {}
            }
        }
        drop(db);
        db = recover(&disk, &dice, seed);
        expected.check(&db, seed);
        no_damage(&db.status().damages, seed);
    }
    // Progress: once faults are over, everything works.
    disk.heal();
    let samples = random_samples(&dice);
    write(&db, &samples).unwrap_or_else(|e| panic!("seed {seed}: cannot write after recovery: {e}"));
    expected.set(&samples, true);
    db.compact().unwrap_or_else(|e| panic!("seed {seed}: cannot compact after recovery: {e}"));
    expected.check(&db, seed);
    drop(db);
    let report = tsdb::verify(Arc::new(disk), Path::new(DIR), &mut |_| {}).unwrap();
    no_damage(&report.damages, seed);
}

/// A crash damages no part, segment or state. In the journal it can leave a write in pieces that was never
/// acknowledged; that it is reported does no harm, and that nothing acknowledged was in it is checked by content.
fn no_damage(damages: &[tsdb::Damage], seed: u64) {
    let other: Vec<_> = damages.iter().filter(|d| !d.file.starts_with("journal/")).collect();
    assert!(other.is_empty(), "seed {seed}: {other:?}");
}

#[test]
fn simulated_power_loss_loses_nothing_acknowledged() {
    for seed in seeds(150) {
        run(seed);
    }
}

#[test]
fn simulated_decay_is_found_and_never_believed() {
    for seed in seeds(150) {
        let disk = SimDisk::new(seed);
        let dice = Dice(SimRandom::new(seed ^ 0xdeca));
        // Losing a part can uncover a sample that it had overwritten, so every value ever written is right.
        let mut written = Expected::default();
        let db = open(&disk).unwrap();
        for _ in 0..6 {
            let samples = random_samples(&dice);
            write(&db, &samples).unwrap();
            written.set(&samples, false);
            match dice.below(4) {
                0 => db.flush().unwrap(),
                1 => db.compact().unwrap(),
                _ => {}
            }
        }
        drop(db);
        let lengths = disk.files().into_iter().filter_map(|f| {
            let len = env::Disk::open(&disk, &f).ok()?.len();
            (len > 0).then_some((f, len))
        });
        let files: Vec<_> = lengths.collect();
        let (file, len) = &files[dice.below(files.len() as u64) as usize];
        let bit = dice.below(len * 8);
        disk.flip_bit(file, bit).unwrap();
        let found = tsdb::verify(Arc::new(disk.clone()), Path::new(DIR), &mut |_| {}).unwrap();
        let named = found.damages.iter().any(|d| file.to_string_lossy().ends_with(&d.file));
        assert!(named, "seed {seed}: bit {bit} of {file:?} is flipped, found {:?}", found.damages);

        // All else is served, and nothing wrong is.
        let db = open(&disk).unwrap_or_else(|e| panic!("seed {seed}: {file:?} damaged, cannot open: {e}"));
        for (labels, points) in read_all(&db, TimeRange::ALL) {
            let s: u8 = labels.get("s").unwrap().parse().unwrap();
            for (t, (_, bits, _)) in points {
                let values = written.0.get(&(s, t)).map_or(&[][..], |v| v);
                assert!(
                    values.contains(&Some(bits)),
                    "seed {seed}: {s} at {t} is {bits}, written were {values:?}"
                );
            }
        }
        write(&db, &random_samples(&dice)).unwrap();
    }
}
