//! Parts under power failures, killed processes and failing disks: a finished part is there and whole, an unfinished
//! one is never seen.
//!
//! `WATCHFIRE_SEEDS=N` runs N seeds, `WATCHFIRE_SEED=S` only one; a failure names its seed.

use blocks::{BlockWriter, Blocks, LocalBlocks};
use env::{Disk, Random, SimDisk, SimRandom};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DIR: &str = "/data/parts";

#[test]
fn finished_parts_outlive_everything_and_others_are_never_seen() {
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
    /// Parts that must be there.
    finished: BTreeMap<String, Vec<u8>>,
    /// Parts that may be there, whole: nobody heard what became of finishing or deleting them.
    unknown: BTreeMap<String, Vec<u8>>,
    /// Damaged parts that must stay where they were put.
    aside: BTreeMap<PathBuf, Vec<u8>>,
    created: u64,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let random = SimRandom::new(seed);
        let disk = SimDisk::new(random.next_u64());
        let (finished, unknown, aside) = Default::default();
        Simulation { random, disk, finished, unknown, aside, created: 0 }
    }

    fn run(&mut self) {
        for _ in 0..2 + self.random.below(5) {
            let blocks = self.open();
            self.compare(&blocks);
            for _ in 0..self.random.below(25) {
                self.step(&blocks);
            }
            drop(blocks);
            match self.random.below(3) {
                0 if !self.disk.is_down() => self.disk.kill(),
                _ => self.disk.crash(),
            }
            self.disk.heal();
        }
        let blocks = self.open();
        self.compare(&blocks);
    }

    fn open(&self) -> LocalBlocks {
        if self.random.chance(0.3) {
            self.disk.crash_after(self.random.below(4));
        }
        loop {
            match LocalBlocks::open(Arc::new(self.disk.clone()), PathBuf::from(DIR)) {
                Ok(blocks) if !self.disk.is_down() => {
                    self.disk.heal();
                    return blocks;
                }
                _ => {
                    assert!(self.disk.is_down(), "a sound disk must do");
                    self.disk.crash();
                }
            }
        }
    }

    fn compare(&mut self, blocks: &LocalBlocks) {
        let mut seen = BTreeMap::new();
        for part in blocks.list("").unwrap() {
            let bytes = blocks.open(&part.name).unwrap();
            assert_eq!(part.size, bytes.len() as u64);
            seen.insert(part.name, bytes.to_vec());
        }
        for (name, bytes) in &self.finished {
            assert_eq!(seen.get(name), Some(bytes), "finished part {name}");
        }
        for (name, bytes) in seen {
            match self.finished.get(&name) {
                Some(known) => assert_eq!(known, &bytes, "part {name}"),
                None => assert_eq!(self.unknown.get(&name), Some(&bytes), "part {name} was not finished"),
            }
        }
        for (path, bytes) in &self.aside {
            assert_eq!(self.disk.map(path).unwrap(), bytes[..], "{}", path.display());
        }
        assert_eq!(self.disk.list(&Path::new(DIR).join(".tmp")).unwrap(), [""; 0]);
    }

    fn step(&mut self, blocks: &LocalBlocks) {
        match self.random.below(10) {
            0 => self.break_disk(),
            1 => self.disk.heal(),
            2 => self.delete(blocks),
            3 => self.quarantine(blocks),
            _ => self.create(blocks),
        }
    }

    fn break_disk(&self) {
        let disk = &self.disk;
        match self.random.below(5) {
            0 => disk.set_capacity(Some(self.random.below(100_000))),
            1 => disk.set_read_only(true),
            2 => disk.fail_after(self.random.below(10), self.random.below(10), ErrorKind::Other),
            3 => disk.fail_at_random(0.1),
            _ => disk.crash_after(self.random.below(20)),
        }
    }

    fn create(&mut self, blocks: &LocalBlocks) {
        self.created += 1;
        let name = format!("{}/{}/part", self.random.below(3), self.created);
        let mut bytes = self.created.to_le_bytes().to_vec();
        bytes.resize(8 + self.random.below(3_000) as usize, self.created as u8);
        let Ok(mut writer) = blocks.create(&name) else { return };
        let pieces = bytes.chunks(1 + self.random.below(1_000) as usize).try_for_each(|p| writer.write(p));
        if pieces.is_err() || self.random.chance(0.2) {
            return;
        }
        let was_up = !self.disk.is_down();
        match writer.finish() {
            Ok(()) => drop(self.finished.insert(name, bytes)),
            Err(_) if was_up => drop(self.unknown.insert(name, bytes)),
            Err(_) => {}
        }
    }

    fn any_finished(&self) -> Option<String> {
        let at = self.random.below(self.finished.len() as u64) as usize;
        self.finished.keys().nth(at).cloned()
    }

    fn delete(&mut self, blocks: &LocalBlocks) {
        let Some(name) = self.any_finished() else { return };
        let result = blocks.delete(&name);
        // Refused before anything happened, or else nobody knows.
        if result.is_err() && !self.disk.is_down() && blocks.open(&name).is_ok() {
            return;
        }
        if let (Some(bytes), true) = (self.finished.remove(&name), result.is_err()) {
            self.unknown.insert(name, bytes);
        }
    }

    fn quarantine(&mut self, blocks: &LocalBlocks) {
        let Some(name) = self.any_finished() else { return };
        let result = blocks.quarantine(&name);
        if result.is_err() && !self.disk.is_down() && blocks.open(&name).is_ok() {
            return;
        }
        let Some(bytes) = self.finished.remove(&name) else { return };
        match result {
            Ok(aside) => drop(self.aside.insert(Path::new(DIR).join(aside), bytes)),
            Err(_) => drop(self.unknown.insert(name, bytes)),
        }
    }
}

#[test]
fn a_full_disk_fails_the_part_and_gives_the_space_back() {
    let disk = SimDisk::new(1);
    let blocks = LocalBlocks::open(Arc::new(disk.clone()), PathBuf::from(DIR)).unwrap();
    disk.set_capacity(Some(600_000));
    let mut writer = blocks.create("big").unwrap();
    let failed = (0..1_000).find_map(|_| writer.write(&[1; 1_000]).err()).unwrap();
    assert_eq!(failed.kind(), ErrorKind::StorageFull);
    assert_eq!(writer.write(&[1]).unwrap_err().to_string(), "an earlier write of this block failed");
    drop(writer);
    assert_eq!(disk.free_bytes(Path::new(DIR)).unwrap(), 600_000);
    let mut writer: Box<dyn BlockWriter> = blocks.create("small").unwrap();
    writer.write(&[2; 1_000]).unwrap();
    writer.finish().unwrap();
    assert_eq!(blocks.list("").unwrap().len(), 1);
}

#[test]
fn a_read_only_disk_still_serves_its_parts() {
    let disk = SimDisk::new(1);
    let open = || LocalBlocks::open(Arc::new(disk.clone()), PathBuf::from(DIR)).unwrap();
    let mut writer = open().create("a").unwrap();
    writer.write(b"bytes").unwrap();
    writer.finish().unwrap();
    disk.set_read_only(true);
    let blocks = open();
    assert_eq!(blocks.open("a").unwrap(), b"bytes"[..]);
    assert_eq!(blocks.create("b").err().unwrap().kind(), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(blocks.delete("a").unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
}

#[test]
fn copies_are_made_where_links_are_not() {
    let disk = SimDisk::new(1);
    let blocks = LocalBlocks::open(Arc::new(disk.clone()), PathBuf::from(DIR)).unwrap();
    let mut writer = blocks.create("p/a").unwrap();
    writer.write(&[7; 300_000]).unwrap();
    writer.finish().unwrap();
    // The directory is there already, so the link is the first thing that can fail.
    disk.create_dir_all(Path::new("/snapshot/p")).unwrap();
    disk.fail_after(0, 1, ErrorKind::CrossesDevices);
    blocks.copy_to("p/a", Path::new("/snapshot")).unwrap();
    disk.crash();
    assert_eq!(disk.map(Path::new("/snapshot/p/a")).unwrap(), [7; 300_000][..]);
}
