//! Every decoder of foreign bytes as a fuzz target; refuses to know how inputs are found.
//!
//! A target takes any bytes, must not panic, and checks what it can beyond that: what decodes must encode and
//! decode to the same again, what is known must be found again, what is damaged must be named. [`TARGETS`] lists
//! all of them; the smoke test runs each on mutated seeds with a bound on memory, and the targets of the `fuzz/`
//! directory hand them to libFuzzer:
//!
//! ```text
//! FUZZ_ITERATIONS=1000000 cargo test -p fuzz --test smoke    # more of the smoke test
//! scripts/fuzz 60 remote_write_v1                             # coverage-guided, a minute of it
//! ```

pub mod mutate;
mod recorder;
mod targets;

pub use targets::TARGETS;

/// One decoder.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, also that of its file in `fuzz/fuzz_targets/`.
    pub name: &'static str,
    /// Runs it once.
    pub run: fn(&[u8]),
    /// Valid inputs to begin from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How much dearer one run is than a cheap one; the smoke test makes that many times fewer.
    pub cost: u32,
    /// Most memory one run on a small input may hold at a time, in MiB.
    pub memory_mib: usize,
}

/// Runs the target of that name, for the harness in `fuzz/`.
///
/// # Panics
/// When there is no such target.
pub fn run(name: &str, data: &[u8]) {
    match TARGETS.iter().find(|t| t.name == name) {
        Some(target) => (target.run)(data),
        None => panic!("there is no fuzz target {name}"),
    }
}
