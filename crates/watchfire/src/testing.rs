//! `watchfire test`: runs tests written in files.

use crate::exit::{Exit, no, unable};
use std::path::PathBuf;

/// Runs scripts and tells each failing case. The last line says how many passed and failed.
pub fn run(files: &[PathBuf], run_file: fn(&str, &str) -> promql::script::Report) -> Result<(), Exit> {
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|e| unable(format!("cannot read {name}: {e}")))?;
        let report = run_file(&text, &name);
        passed += report.passed;
        failed += report.failures.len();
        for f in &report.failures {
            println!("{name}:{}: {}", f.line, f.query);
            println!("{}", indented("expected", &f.expected));
            println!("{}", indented("got", &f.got));
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 { Err(no("")) } else { Ok(()) }
}

fn indented(title: &str, text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let mut out = format!("    {title:<9}{}", lines.next().unwrap_or("nothing"));
    for line in lines {
        out.push_str(&format!("\n             {line}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn answers_of_many_lines_are_aligned() {
        assert_eq!(indented("got", "a\nb\n"), "    got      a\n             b");
        assert_eq!(indented("expected", ""), "    expected nothing");
    }
}
