//! Runs the Prometheus project's PromQL cases.

use std::path::Path;

#[test]
fn upstream_cases_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/promqltest");
    let Ok(entries) = std::fs::read_dir(&dir) else {
        eprintln!("no PromQL conformance cases at {}: nothing is checked", dir.display());
        return;
    };
    let mut files: Vec<_> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "test"))
        .collect();
    files.sort();
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let report = promql::script::run_file(&text, &name);
        for failure in &report.failures {
            println!("{failure}");
        }
        println!("{name}: {} passed, {} failed", report.passed, report.failures.len());
        passed += report.passed;
        failed += report.failures.len();
    }
    println!("{passed} passed, {failed} failed");
    assert_eq!(failed, 0);
}
