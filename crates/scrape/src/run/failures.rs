//! The log of failed scrapes: for each a line of JSON, as Prometheus writes it.

use super::time::rfc3339;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Appends one failure. The file is opened each time, so that it can be moved away at any moment.
pub(super) fn append(path: &Path, at_ms: i64, job: &str, url: &str, reason: &str) -> io::Result<()> {
    let line = serde_json::json!({
        "time": rfc3339(at_ms),
        "level": "ERROR",
        "msg": reason,
        "job_name": job,
        "target": url,
    });
    // In one piece: jobs can share a file.
    File::options().append(true).create(true).open(path)?.write_all(format!("{line}\n").as_bytes())
}
