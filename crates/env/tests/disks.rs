//! The real and the simulated disk agree as long as nothing fails, and the simulated one keeps what is synced.

use env::{Disk, RealDisk, SimDisk, SimRandom};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
enum Op {
    Create(u8),
    Append(u8, Vec<u8>),
    Truncate(u8, u64),
    Rename(u8, u8),
    Remove(u8),
    RemoveDir(u8),
    MakeDir(u8),
    Link(u8, u8),
    Sync(u8),
    Read(u8, u64, usize),
}

const DIRS: [&str; 3] = ["a", "b", "b/c"];

/// Files 0 to 8 in three directories; 9 is a directory's name.
fn path(root: &Path, n: u8) -> PathBuf {
    if n == 9 { root.join("b/c") } else { root.join(DIRS[n as usize % 3]).join((n / 3).to_string()) }
}

fn op() -> impl Strategy<Value = Op> {
    let name = 0u8..10;
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        3 => name.clone().prop_map(Op::Create),
        5 => (name.clone(), bytes).prop_map(|(n, b)| Op::Append(n, b)),
        1 => (name.clone(), 0u64..50).prop_map(|(n, l)| Op::Truncate(n, l)),
        3 => (name.clone(), name.clone()).prop_map(|(a, b)| Op::Rename(a, b)),
        1 => name.clone().prop_map(Op::Remove),
        1 => (0u8..3).prop_map(Op::RemoveDir),
        2 => (0u8..3).prop_map(Op::MakeDir),
        2 => (name.clone(), name.clone()).prop_map(|(a, b)| Op::Link(a, b)),
        2 => name.clone().prop_map(Op::Sync),
        2 => (name, 0u64..50, 0usize..50).prop_map(|(n, o, l)| Op::Read(n, o, l)),
    ]
}

/// What can be seen of one operation.
fn run(disk: &dyn Disk, root: &Path, op: &Op) -> io::Result<Vec<u8>> {
    let at = |n: &u8| path(root, *n);
    match op {
        Op::Create(n) => disk.create(&at(n)).map(|f| vec![f.len() as u8]),
        Op::Append(n, bytes) => {
            let mut file = disk.open(&at(n))?;
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            file.append(head)?;
            file.append_vectored(&[&[], tail, &[], head])?;
            Ok(vec![file.len() as u8])
        }
        Op::Truncate(n, len) => {
            let mut file = disk.open(&at(n))?;
            file.truncate(*len)?;
            Ok(vec![file.len() as u8, u8::from(file.is_empty())])
        }
        Op::Rename(a, b) => disk.rename(&at(a), &at(b)).map(|()| vec![]),
        Op::Remove(n) => disk.remove(&at(n)).map(|()| vec![]),
        Op::RemoveDir(n) => disk.remove_dir_all(&root.join(DIRS[*n as usize])).map(|()| vec![]),
        Op::MakeDir(n) => disk.create_dir_all(&root.join(DIRS[*n as usize])).map(|()| vec![]),
        Op::Link(a, b) => disk.hard_link(&at(a), &at(b)).map(|()| vec![]),
        Op::Sync(n) => {
            disk.open(&at(n))?.sync()?;
            disk.sync_dir(at(n).parent().unwrap()).map(|()| vec![])
        }
        Op::Read(n, offset, len) => {
            let mut buf = vec![0; *len];
            disk.open(&at(n))?.read_at(&mut buf, *offset)?;
            Ok(buf)
        }
    }
}

/// Every file with its bytes.
fn tree(disk: &dyn Disk, dir: &Path, found: &mut BTreeMap<PathBuf, Option<Vec<u8>>>, root: &Path) {
    for name in disk.list(dir).unwrap() {
        let path = dir.join(name);
        assert!(disk.exists(&path));
        let relative = path.strip_prefix(root).unwrap().to_owned();
        if disk.is_dir(&path) {
            found.insert(relative, None);
            tree(disk, &path, found, root);
        } else {
            let bytes = disk.map(&path).unwrap().to_vec();
            assert_eq!(disk.size(&path).unwrap(), bytes.len() as u64);
            found.insert(relative, Some(bytes));
        }
    }
}

/// Kinds of errors that callers tell apart.
fn kind(e: &io::Error) -> &'static str {
    match e.kind() {
        ErrorKind::NotFound => "not found",
        ErrorKind::AlreadyExists => "already exists",
        ErrorKind::UnexpectedEof => "end of file",
        _ => "other",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn real_and_simulated_disks_agree(ops in prop::collection::vec(op(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let (real, sim) = (RealDisk, SimDisk::new(0));
        let (real_root, sim_root) = (dir.path(), Path::new("/sim"));
        for (disk, root) in [(&real as &dyn Disk, real_root), (&sim, sim_root)] {
            disk.create_dir_all(&root.join("a")).unwrap();
            disk.create_dir_all(&root.join("b/c")).unwrap();
        }
        for op in &ops {
            let (r, s) = (run(&real, real_root, op), run(&sim, sim_root, op));
            // Where both names are wrong either may be complained of.
            let two_names = matches!(op, Op::Rename(..) | Op::Link(..));
            let kind = |e: &io::Error| if two_names { "any" } else { kind(e) };
            prop_assert_eq!(
                r.as_ref().map_err(kind), s.as_ref().map_err(kind), "{:?}: real {:?}, simulated {:?}", op, r, s
            );
            let (mut r, mut s) = (BTreeMap::new(), BTreeMap::new());
            tree(&real, real_root, &mut r, real_root);
            tree(&sim, sim_root, &mut s, sim_root);
            prop_assert_eq!(r, s, "after {:?}", op);
        }
    }
}

/// Random writes, syncs and crashes on a few files, beside what must and may be there.
fn crash_script(seed: u64) -> Vec<(PathBuf, Vec<u8>)> {
    let random = SimRandom::new(seed);
    let disk = SimDisk::new(seed);
    let dir = Path::new("/d");
    disk.create_dir_all(dir).unwrap();
    // By file: its durable bytes once its name is durable, and all bytes written since.
    let mut synced: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut written: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for _ in 0..random.below(5) {
        for step in 0..random.below(30) {
            let path = dir.join(format!("f{}", random.below(3)));
            if !disk.exists(&path) {
                disk.create(&path).unwrap();
                written.insert(path.clone(), Vec::new());
            }
            let mut file = disk.open(&path).unwrap();
            let bytes = vec![step as u8 + 1; random.below(1500) as usize];
            file.append(&bytes).unwrap();
            written.get_mut(&path).unwrap().extend_from_slice(&bytes);
            if random.chance(0.3) {
                file.sync().unwrap();
                disk.sync_dir(dir).unwrap();
                synced.insert(path.clone(), written[&path].clone());
            }
        }
        disk.crash();
        for (path, bytes) in &synced {
            let left = disk.map(path).unwrap();
            assert!(left.starts_with(bytes), "seed {seed}: synced bytes of {} are gone", path.display());
            assert!(left.len() <= written[path].len(), "seed {seed}: bytes nobody wrote");
        }
        written.clear();
        for path in disk.files() {
            let left = disk.map(&path).unwrap().to_vec();
            written.insert(path.clone(), left.clone());
            // What a crash left is on stable storage, and so is the name.
            synced.insert(path, left);
        }
    }
    disk.files().into_iter().map(|f| (f.clone(), disk.map(&f).unwrap().to_vec())).collect()
}

#[test]
fn synced_bytes_outlive_every_crash_and_seeds_replay() {
    for seed in 0..500 {
        assert_eq!(crash_script(seed), crash_script(seed), "seed {seed}");
    }
}

fn disk_with(path: &Path, bytes: &[u8], seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_dir_all(path.parent().unwrap()).unwrap();
    disk.create(path).unwrap().append(bytes).unwrap();
    disk
}

#[test]
fn what_is_not_synced_ends_in_every_way() {
    let path = Path::new("/d/f");
    let bytes: Vec<u8> = (0..2000u32).map(|n| (n % 251) as u8 + 1).collect();
    let (mut lost, mut whole, mut nameless, mut cut, mut holes, mut garbage) = (0, 0, 0, 0, 0, 0);
    for seed in 0..400 {
        let disk = disk_with(path, &bytes, seed);
        disk.crash();
        let Ok(left) = disk.map(path) else {
            nameless += 1;
            continue;
        };
        match &left[..] {
            [] => lost += 1,
            left if left == bytes => whole += 1,
            left if bytes.starts_with(left) => cut += 1,
            left if left.iter().zip(&bytes).all(|(l, b)| l == b || *l == 0) => holes += 1,
            _ => garbage += 1,
        }
    }
    let seen = [lost, whole, nameless, cut, holes, garbage];
    assert!(seen.iter().all(|&n| n > 3), "lost, whole, nameless, cut, holes, garbage: {seen:?}");
}

#[test]
fn a_rename_is_durable_only_once_its_directory_is_synced() {
    let (old, new) = (Path::new("/d/old"), Path::new("/d/new"));
    let mut outcomes = [0; 2];
    for seed in 0..100 {
        let disk = disk_with(old, b"x", seed);
        disk.open(old).unwrap().sync().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.rename(old, new).unwrap();
        disk.crash();
        assert_ne!(disk.exists(old), disk.exists(new), "seed {seed}: a rename within a directory is atomic");
        outcomes[usize::from(disk.exists(new))] += 1;
        if disk.exists(old) {
            disk.rename(old, new).unwrap();
        }
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.crash();
        assert!(disk.exists(new) && !disk.exists(old));
    }
    assert!(outcomes.iter().all(|&n| n > 10), "{outcomes:?}");
}

#[test]
fn after_a_failed_sync_bytes_can_be_read_and_are_lost_all_the_same() {
    let path = Path::new("/d/f");
    let mut lost = 0;
    for seed in 0..50 {
        let disk = disk_with(path, &[1; 100], seed);
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.fail_after(0, 1, ErrorKind::Other);
        let mut file = disk.open(path).unwrap();
        file.sync().unwrap_err();
        file.sync().unwrap();
        assert_eq!(disk.map(path).unwrap(), [1; 100][..]);
        disk.crash();
        lost += usize::from(disk.map(path).unwrap() != [1; 100][..]);
    }
    assert!(lost > 10, "{lost}");
}

#[test]
fn a_full_disk_takes_what_fits() {
    let path = Path::new("/d/f");
    let disk = disk_with(path, &[1; 100], 1);
    disk.set_capacity(Some(150));
    assert_eq!(disk.free_bytes(Path::new("/d")).unwrap(), 50);
    let mut file = disk.open(path).unwrap();
    assert_eq!(file.append(&[2; 60]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.len(), 150);
    file.truncate(100).unwrap();
    file.append(&[3; 50]).unwrap();
    disk.set_capacity(None);
    file.append(&[4; 60]).unwrap();
}

#[test]
fn a_read_only_disk_changes_nothing() {
    let path = Path::new("/d/f");
    let disk = disk_with(path, b"x", 1);
    disk.set_read_only(true);
    let mut file = disk.open(path).unwrap();
    let dir = Path::new("/d/e");
    for result in [
        file.append(b"y"),
        file.truncate(0),
        disk.remove(path),
        disk.rename(path, dir),
        disk.hard_link(path, dir),
        disk.create_dir_all(dir),
        disk.create(dir).map(drop),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    }
    assert_eq!(disk.map(path).unwrap(), b"x"[..]);
    disk.heal();
    file.append(b"y").unwrap();
    assert_eq!(disk.map(path).unwrap(), b"xy"[..]);
}

#[test]
fn power_fails_at_the_chosen_operation() {
    let path = Path::new("/d/f");
    let disk = disk_with(path, b"x", 3);
    let mut file = disk.open(path).unwrap();
    file.sync().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    disk.crash_after(1);
    file.append(b"y").unwrap();
    assert!(!disk.is_down());
    file.sync().unwrap_err();
    assert!(disk.is_down());
    assert!(disk.map(path).is_err() && disk.open(path).is_err() && disk.list(Path::new("/d")).is_err());
    disk.crash();
    assert!(disk.map(path).unwrap().starts_with(b"x"));
    // Files opened before are of no use any more.
    file.append(b"z").unwrap_err();
}

#[test]
fn a_killed_process_loses_its_locks_and_nothing_else() {
    let (path, lock) = (Path::new("/d/f"), Path::new("/d/lock"));
    let disk = disk_with(path, b"x", 3);
    let held = disk.lock(lock).unwrap();
    assert_eq!(disk.lock(lock).err().unwrap().kind(), ErrorKind::WouldBlock);
    disk.kill();
    let again = disk.lock(lock).unwrap();
    drop(held);
    assert_eq!(disk.lock(lock).err().unwrap().kind(), ErrorKind::WouldBlock);
    drop(again);
    disk.lock(lock).unwrap();
    assert_eq!(disk.map(path).unwrap(), b"x"[..]);
}

#[test]
fn a_dead_process_does_no_more_harm() {
    let path = Path::new("/d/f");
    for end in [SimDisk::kill, SimDisk::crash] {
        let disk = disk_with(path, b"x", 3);
        disk.open(path).unwrap().sync().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        let process = disk.process();
        let mut file = process.open(path).unwrap();
        end(&disk);
        file.append(b"y").unwrap_err();
        process.remove(path).unwrap_err();
        process.create(Path::new("/d/g")).err().unwrap();
        assert!(!process.exists(path));
        assert_eq!(disk.process().map(path).unwrap(), b"x"[..]);
    }
}

#[test]
fn real_locks_exclude_until_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let held = RealDisk.lock(&path).unwrap();
    let refused = RealDisk.lock(&path).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    assert!(refused.to_string().contains("another process is using this directory"), "{refused}");
    drop(held);
    RealDisk.lock(&path).unwrap();
    assert!(RealDisk.free_bytes(dir.path()).unwrap() > 0);
}

#[test]
fn a_flipped_bit_stays_flipped() {
    let path = Path::new("/d/f");
    let disk = disk_with(path, &[0; 4], 3);
    disk.flip_bit(path, 17).unwrap();
    disk.open(path).unwrap().sync().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    disk.crash();
    assert_eq!(disk.map(path).unwrap(), [0, 0, 2, 0][..]);
    disk.flip_bit(path, 32).unwrap_err();
}
