//! How the system's allocator keeps memory for a server.
//!
//! By default glibc has eight arenas for each processor and keeps in each what was freed there. Queries run on many threads
//! and free much at once, so that a server held twice what its budgets allow. Fewer arenas, and large pieces that go back to
//! the system when they are freed, cost the intake of samples nothing that can be measured.

/// Sets it, but for what the environment sets. To be called before there are threads.
#[cfg(target_env = "gnu")]
pub fn configure() {
    const MIB: libc::c_int = 1 << 20;
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    for (variable, parameter, value) in [
        ("MALLOC_ARENA_MAX", libc::M_ARENA_MAX, libc::c_int::try_from(processors.max(2)).unwrap_or(2)),
        // Setting either keeps glibc from raising both whenever a large piece is freed.
        ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, 2 * MIB),
        ("MALLOC_TRIM_THRESHOLD_", libc::M_TRIM_THRESHOLD, 64 * MIB),
    ] {
        if std::env::var_os(variable).is_none() {
            // SAFETY: no other thread is there yet, and each parameter takes any value above 0.
            let set = unsafe { libc::mallopt(parameter, value) };
            debug_assert_eq!(set, 1, "{variable}");
        }
    }
}

/// Other allocators are left as they are.
#[cfg(not(target_env = "gnu"))]
pub fn configure() {}
