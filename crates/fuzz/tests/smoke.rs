//! Runs every target on its seeds and on mutations of them: a bounded number of times, always the same ones, with a
//! bound on the memory a run may hold. `FUZZ_ITERATIONS` raises the number, `FUZZ_SEED` changes the mutations,
//! `FUZZ_TARGET` picks one target.

use fuzz::mutate::Mutator;
use fuzz::{TARGETS, Target};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs of a cheap target.
const ITERATIONS: u64 = 20_000;

thread_local! {
    /// Bytes this thread holds, and the most it held.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(change: isize) {
    // A thread that is ending has no counter any more; what it frees does not matter.
    let _ = HELD.try_with(|h| {
        let (held, most) = h.get();
        h.set((held + change, most.max(held + change)));
    });
}

// SAFETY: every call is passed on to the system allocator unchanged; counting touches only a thread-local that
// needs neither allocation nor destruction.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// Runs one input; the message says how to run it again.
fn run(target: &Target, input: &[u8], which: &str) -> Result<(), String> {
    let before = HELD.with(|h| {
        let (held, _) = h.get();
        h.set((held, held));
        held
    });
    let done = std::panic::catch_unwind(|| (target.run)(input));
    let held = HELD.with(Cell::get).1 - before;
    let shown = || input.iter().map(|b| format!("{b:02x}")).collect::<String>();
    if let Err(panic) = done {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
        return Err(format!("{} failed on {which}: {text}\ninput: {}", target.name, shown()));
    }
    if held > (target.memory_mib << 20) as isize {
        let mib = held as f64 / f64::from(1 << 20);
        return Err(format!(
            "{} held {mib:.1} MiB on {which}, {} allowed\ninput: {}",
            target.name,
            target.memory_mib,
            shown()
        ));
    }
    Ok(())
}

fn smoke(target: &Target, iterations: u64, seed: u64) -> Result<u64, String> {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    for (i, s) in seeds.iter().enumerate() {
        run(target, s, &format!("seed input {i}"))?;
    }
    let mut mutator = Mutator::new(&seeds, seed);
    let runs = (iterations / u64::from(target.cost)).max(20);
    for i in 0..runs {
        run(target, &mutator.input(), &format!("mutation {i} of FUZZ_SEED={seed}"))?;
    }
    Ok(runs)
}

#[test]
fn every_target_survives_mutated_seeds() {
    let (iterations, seed) = (setting("FUZZ_ITERATIONS", ITERATIONS), setting("FUZZ_SEED", 1));
    let only = std::env::var("FUZZ_TARGET").ok();
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|t| only.as_deref().is_none_or(|o| o == t.name)).collect();
    assert!(!chosen.is_empty(), "FUZZ_TARGET names no target");
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(chosen.len());
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(target) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match smoke(target, iterations, seed) {
                        Ok(runs) => eprintln!("{}: {runs} runs", target.name),
                        Err(e) => failures.lock().unwrap_or_else(|p| p.into_inner()).push(e),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(|p| p.into_inner());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_bound_on_memory_can_fail() {
    let greedy = Target {
        name: "greedy",
        run: |b| drop(std::hint::black_box(vec![0u8; (2 << 20) + b.len()])),
        seeds: Vec::new,
        cost: 1,
        memory_mib: 1,
    };
    assert!(run(&greedy, b"", "nothing").unwrap_err().contains("held 2.0 MiB"));
    let panicking = Target { run: |_| panic!("oh"), ..greedy };
    assert!(run(&panicking, b"\x01", "one byte").unwrap_err().ends_with("oh\ninput: 01"));
}

#[test]
fn libfuzzer_has_every_target() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut files: Vec<String> = std::fs::read_dir(dir.join("fuzz_targets"))
        .unwrap()
        .map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
    files.sort();
    names.sort_unstable();
    assert_eq!(files, names);
    let manifest = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap();
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml lacks {name}");
    }
}
