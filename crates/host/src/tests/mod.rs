//! The collectors over a tree of files, and beside the real node exporter.

mod cgroup;
mod exporter;
mod machine;
mod textfile;

use crate::recorder::Recorder;
use crate::{Collector, Options};
use std::path::Path;
use std::time::Duration;

/// Options that read below `root`, with every collector due each time.
pub(crate) fn options(root: &Path) -> Options {
    Options {
        proc: root.join("proc"),
        sys: root.join("sys"),
        root: root.into(),
        textfile_dirs: vec![root.join("textfiles")],
        slow: Duration::ZERO,
        scan: Duration::ZERO,
        disabled: vec!["uname".into(), "time".into(), "timex".into(), "filesystem".into()],
        ..Options::default()
    }
}

/// Writes the files of a fixture: `== path` starts a file, the lines up to the next are its content. `~` in the
/// content stands for a NUL.
fn unpack(fixture: &str, root: &Path) {
    for file in fixture.split("== ").skip(1) {
        let (path, content) = file.split_once('\n').unwrap();
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content.replace('~', "\0")).unwrap();
    }
}

fn collect(collector: &mut Collector, now_ms: i64) -> Recorder {
    let mut recorder = Recorder::default();
    let report = collector.collect(now_ms, &mut recorder);
    assert_eq!(report.samples as usize, recorder.samples().count());
    recorder
}
