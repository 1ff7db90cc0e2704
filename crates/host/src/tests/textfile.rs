//! Files that scripts leave.

use super::{collect, options, unpack};
use crate::recorder::Recorder;
use crate::{Collector, Options};
use std::path::Path;

const NOW_MS: i64 = 1_700_001_000_000;

fn collector(root: &Path) -> Collector {
    let labels = vec![("instance".to_owned(), "here".to_owned()), ("job".to_owned(), "node".to_owned())];
    Collector::new(Options { labels, ..options(root) })
}

/// What came of the files, `job` left out and the directory with it.
fn lines(recorder: &Recorder, root: &Path) -> Vec<String> {
    const OTHERS: [&str; 5] = ["node_scrape", "watchfire", "up", "node_selinux", "node_time_zone"];
    let of_files = |l: &&String| !OTHERS.iter().any(|name| l.starts_with(name));
    let all = recorder.samples().map(|(l, _, v)| format!("{} {v}", l.filtered(|n| n != "job")));
    let all: Vec<String> = all.map(|l| l.replace(root.to_str().unwrap(), "")).collect();
    let mut all: Vec<String> = all.iter().filter(of_files).cloned().collect();
    all.sort();
    all
}

#[test]
fn samples_of_scripts_are_samples_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    unpack(
        "== textfiles/backup.prom\n# HELP backup_bytes Size of the last.\n# TYPE backup_bytes gauge\n\
         backup_bytes{instance=\"db 1\"} 5e9\nbackup_bytes{a=\"\"} 7\n\
         == textfiles/times.prom\n# TYPE t histogram\nt_bucket{le=\"1.0\"} 1\nt_bucket{le=\"+Inf\"} 2\nt_sum 3\nt_count 2\n\
         == textfiles/notes.txt\nnot_read 1\n",
        dir.path(),
    );
    let mtime = std::fs::File::options().append(true).open(dir.path().join("textfiles/times.prom")).unwrap();
    mtime.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_500)).unwrap();
    let mut collector = collector(dir.path());
    let first = collect(&mut collector, NOW_MS);
    let second = collect(&mut collector, NOW_MS + 1000);
    let lines = lines(&second, dir.path());
    let wanted = [
        r#"backup_bytes{exported_instance="db 1", instance="here"} 5000000000"#,
        r#"backup_bytes{instance="here"} 7"#,
        r#"node_textfile_mtime_seconds{file="/textfiles/times.prom", instance="here"} 1.5"#,
        r#"node_textfile_scrape_error{instance="here"} 0"#,
        r#"t_bucket{instance="here", le="+Inf"} 2"#,
        r#"t_bucket{instance="here", le="1.0"} 1"#,
        r#"t_count{instance="here"} 2"#,
        r#"t_sum{instance="here"} 3"#,
    ];
    let known: Vec<&str> = lines.iter().map(String::as_str).filter(|l| !l.contains("backup.prom")).collect();
    assert_eq!(known, wanted);
    assert_eq!(first.metadata["backup_bytes"].help, "Size of the last.");
    assert_eq!(first.metadata["t"].kind, model::MetricKind::Histogram);
    // A script's series ends with its file.
    std::fs::remove_file(dir.path().join("textfiles/backup.prom")).unwrap();
    let third = collect(&mut collector, NOW_MS + 2000);
    let stale: Vec<String> = third
        .samples()
        .filter(|(_, _, v)| model::is_stale(*v))
        .map(|(l, _, _)| l.metric_name().to_owned())
        .collect();
    assert_eq!(stale.iter().filter(|n| *n == "backup_bytes").count(), 2, "{stale:?}");
}

#[test]
fn a_wrong_file_costs_itself_and_is_named() {
    for (text, what) in [
        ("x 1\ny{ 2\n", "bad.prom is not understood"),
        ("x 1 1395066363000\n", "bad.prom is not understood: x has a timestamp"),
        ("x one\n", "bad.prom is not understood"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        unpack(&format!("== textfiles/bad.prom\n{text}== textfiles/good.prom\ng 1\n"), dir.path());
        let mut collector = collector(dir.path());
        let lines = lines(&collect(&mut collector, NOW_MS), dir.path());
        let values: Vec<&str> = lines.iter().map(String::as_str).filter(|l| !l.contains("mtime")).collect();
        assert_eq!(values, [r#"g{instance="here"} 1"#, r#"node_textfile_scrape_error{instance="here"} 1"#]);
        let status = collector.status().into_iter().find(|c| c.name == "textfile").unwrap();
        assert!(!status.success && status.problem.contains(what), "{}", status.problem);
    }
}
