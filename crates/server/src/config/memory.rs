//! How much memory there is, and who gets how much of it.

use super::Config;
use std::fs;
use std::path::Path;

/// Shares of the machine's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// For samples that are not in a part yet.
    pub storage_bytes: u64,
    /// For pages of parts that were read lately.
    pub page_cache_bytes: u64,
    /// For all queries together.
    pub query_bytes: u64,
    /// For kept results of range queries.
    pub cache_bytes: u64,
}

const MIB: u64 = 1 << 20;

impl Budgets {
    /// The budgets as configured. By default the store keeps its own modest shares, less where the machine is
    /// small, queries may have an eighth of the machine, and their kept results an eighth of that.
    pub fn of(config: &Config, machine_bytes: u64) -> Budgets {
        let modest = tsdb::Options::new("");
        let storage = (machine_bytes / 32).clamp(8 * MIB, modest.head_bytes_max as u64);
        let pages = (machine_bytes / 32).clamp(8 * MIB, modest.page_cache_bytes as u64);
        let query = (machine_bytes / 8).clamp(64 * MIB, 8192 * MIB);
        let cache = (machine_bytes / 64).clamp(8 * MIB, 1024 * MIB);
        Budgets {
            storage_bytes: config.storage.memory.map_or(storage, |m| m.bytes()),
            page_cache_bytes: config.storage.page_cache.map_or(pages, |m| m.bytes()),
            query_bytes: config.query.memory.map_or(query, |m| m.bytes()),
            cache_bytes: config.query.cache.map_or(cache, |m| m.bytes()),
        }
    }
}

/// The memory this process can have: that of the machine, or less where its cgroup says so.
pub fn machine_memory_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|t| mem_total_bytes(&t));
    let group = fs::read_to_string("/proc/self/cgroup")
        .ok()
        .and_then(|t| cgroup_limit_bytes(&t, Path::new("/sys/fs/cgroup")));
    match (machine, group) {
        (Some(m), Some(g)) => m.min(g),
        (Some(m), None) => m,
        (None, Some(g)) => g,
        (None, None) => 1024 * MIB,
    }
}

fn mem_total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
}

/// The least limit on the way from the process' own group up to the root, for both versions of cgroups.
fn cgroup_limit_bytes(proc_cgroup: &str, root: &Path) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in proc_cgroup.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (base, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            c if c.split(',').any(|c| c == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        let mut dir = Some(Path::new(path.trim_start_matches('/')));
        while let Some(d) = dir {
            let limit = fs::read_to_string(base.join(d).join(file))
                .ok()
                .and_then(|t| t.trim().parse::<u64>().ok())
                // Version 1 writes "no limit" as a number near the largest one.
                .filter(|l| *l > 0 && *l < i64::MAX as u64 / 2);
            least = [least, limit].into_iter().flatten().min();
            dir = d.parent();
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_states_its_memory() {
        assert_eq!(mem_total_bytes("MemTotal:       24506904 kB\nMemFree: 1 kB\n"), Some(24_506_904 * 1024));
        assert!(machine_memory_bytes() > 16 * MIB);
    }

    #[test]
    fn the_least_limit_of_the_groups_above_counts() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("memory.max"), "max\n").unwrap();
        fs::write(dir.path().join("a/memory.max"), "1000\n").unwrap();
        assert_eq!(cgroup_limit_bytes("0::/a/b\n", dir.path()), Some(1000));
        assert_eq!(cgroup_limit_bytes("0::/c\n", dir.path()), None);
        let v1 = dir.path().join("memory/x");
        fs::create_dir_all(&v1).unwrap();
        fs::write(v1.join("memory.limit_in_bytes"), "500\n").unwrap();
        assert_eq!(cgroup_limit_bytes("5:cpu,memory:/x\n0::/a\n", dir.path()), Some(500));
    }

    #[test]
    fn budgets_are_shares_within_bounds() {
        let config = Config::default();
        assert_eq!(Budgets::of(&config, 100 * MIB).storage_bytes, 8 * MIB);
        assert_eq!(Budgets::of(&config, 8192 * MIB).query_bytes, 1024 * MIB);
        assert_eq!(Budgets::of(&config, 8192 * MIB).cache_bytes, 128 * MIB);
        let modest = tsdb::Options::new("").head_bytes_max as u64;
        assert_eq!(Budgets::of(&config, 1 << 50).storage_bytes, modest);
    }
}
