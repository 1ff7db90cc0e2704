//! Runs the scripts beside this file.

use std::path::Path;

#[test]
fn every_script_passes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let report = traceql::script::run_file(&std::fs::read_to_string(&file).unwrap(), &name);
        report.failures.iter().for_each(|f| println!("{f}"));
        println!("{name}: {} passed, {} failed", report.passed, report.failures.len());
        passed += report.passed;
        failed += report.failures.len();
    }
    assert!(passed > 200, "the scripts are there");
    assert_eq!(failed, 0);
}
