//! A machine made of files. `WATCHFIRE_BLESS=1` writes the expected samples anew.

use super::{collect, options, unpack};
use crate::{Collector, Problem};
use std::path::Path;

const MACHINE: &str = include_str!("machine.txt");
const EXPECTED: &str = include_str!("machine.expected.txt");
const NOW_MS: i64 = 1_700_001_000_000;

/// Durations and the like differ from run to run, and some paths by where the tree lies.
fn lines(recorder: &crate::recorder::Recorder, root: &Path) -> Vec<String> {
    let root = root.to_str().unwrap();
    recorder
        .lines()
        .iter()
        .filter(|l| !l.starts_with("node_scrape_collector_duration") && !l.starts_with("node_time_zone"))
        .map(|l| l.replace(root, "").replace(env!("CARGO_PKG_VERSION"), "VERSION"))
        .filter(|l| !l.contains("open_filedesc"))
        .collect()
}

#[test]
fn every_sample_of_a_known_machine() {
    let dir = tempfile::tempdir().unwrap();
    unpack(MACHINE, dir.path());
    let mut collector = Collector::new(options(dir.path()));
    collect(&mut collector, NOW_MS);
    let second = collect(&mut collector, NOW_MS + 1000);
    let got = lines(&second, dir.path()).join("\n") + "\n";
    if std::env::var_os("WATCHFIRE_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/machine.expected.txt");
        std::fs::write(path, &got).unwrap();
        return;
    }
    for (got, expected) in got.lines().zip(EXPECTED.lines()) {
        assert_eq!(got, expected);
    }
    assert_eq!(got.lines().count(), EXPECTED.lines().count());
    assert!(collector.families().values().all(|m| m.help.ends_with('.')), "help is a sentence");
}

#[test]
fn a_machine_without_anything_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let mut collector = Collector::new(options(dir.path()));
    let recorder = collect(&mut collector, NOW_MS);
    assert_eq!(recorder.value("up{instance=\"x\"}"), None);
    assert!(
        lines(&recorder, dir.path()).contains(&"node_scrape_collector_success{collector=\"cpu\"} 0".into())
    );
    assert!(collector.status().iter().all(|c| c.problem.is_empty()), "absence is not a problem");
}

#[test]
fn a_file_that_is_nonsense_is_named() {
    let dir = tempfile::tempdir().unwrap();
    unpack("== proc/loadavg\n???\n== proc/stat\ncpu0 x\n== proc/uptime\n\n", dir.path());
    let mut collector = Collector::new(options(dir.path()));
    collect(&mut collector, NOW_MS);
    let status = collector.status();
    let problem = |name: &str| status.iter().find(|c| c.name == name).unwrap().problem.clone();
    assert!(
        problem("loadavg").ends_with("proc/loadavg is not understood: it does not start with three numbers")
    );
    assert!(problem("cpu").ends_with("proc/stat is not understood: there is no line of a CPU"));
    assert!(problem("processes").contains("proc/uptime"));
    assert_eq!(problem("meminfo"), "");
}

#[test]
fn what_goes_away_is_marked_stale_and_what_fails_does_not_stop_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    unpack(MACHINE, dir.path());
    let mut collector = Collector::new(options(dir.path()));
    collect(&mut collector, NOW_MS);
    std::fs::remove_dir_all(dir.path().join("sys/fs/cgroup/app.slice/pod")).unwrap();
    std::fs::write(dir.path().join("proc/net/dev"), "").unwrap();
    for second in 1..8 {
        let recorder = collect(&mut collector, NOW_MS + second * 1000);
        let stale: Vec<String> = recorder
            .samples()
            .filter(|(_, _, v)| model::is_stale(*v))
            .map(|(l, _, _)| l.metric_name().to_owned())
            .collect();
        let network = stale.iter().filter(|name| name.starts_with("node_network_")).count();
        assert_eq!(network, if second == 1 { 16 } else { 0 });
        let groups = stale.iter().filter(|name| name.starts_with("container_")).count();
        // The group had one file; its series ends with the file, not with the next walk.
        assert_eq!(groups, usize::from(second == 1));
        assert!(recorder.samples().any(|(l, _, v)| l.metric_name() == "node_load1" && v == 0.28));
    }
}

#[test]
fn the_table_shows_who_runs_what() {
    let dir = tempfile::tempdir().unwrap();
    unpack(MACHINE, dir.path());
    let mut collector = Collector::new(options(dir.path()));
    collect(&mut collector, NOW_MS);
    let table = collector.processes();
    assert_eq!(table.len(), 2);
    let app = &table[0];
    assert_eq!((app.pid, app.name.as_str(), app.cmdline.as_str()), (77, "my (app)", "my-app -x"));
    assert_eq!((app.threads, app.state, app.rss_bytes), (4, 'R', 4096 * rustix::param::page_size() as u64));
    // 910 s of CPU time in the 500 s since it started.
    assert_eq!((app.start_ms, app.cpu_percent), (NOW_MS - 500_000, 182.0));
    // The same number, but another process: nothing of the first may be left.
    std::fs::write(
        dir.path().join("proc/77/stat"),
        "77 (new) S 1 77 77 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 99000 4096 1 0",
    )
    .unwrap();
    std::fs::write(dir.path().join("proc/77/cmdline"), "new\0").unwrap();
    collect(&mut collector, NOW_MS + 1000);
    let table = collector.processes();
    let new = table.iter().find(|p| p.pid == 77).unwrap();
    assert_eq!((new.name.as_str(), new.cmdline.as_str(), new.start_ms), ("new", "new", NOW_MS - 10_000));
}

#[test]
fn absence_is_told_from_failure() {
    let absent = Problem::read(Path::new("/x"), std::io::ErrorKind::NotFound.into());
    let denied = Problem::read(Path::new("/x"), std::io::ErrorKind::PermissionDenied.into());
    assert!(absent.is_absence() && !denied.is_absence());
    assert_eq!(denied.to_string(), "cannot read /x: permission denied");
}
