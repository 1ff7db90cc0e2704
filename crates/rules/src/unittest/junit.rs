//! Reports as JUnit XML, which build servers read.

use super::report::{Case, Failure, FileReport, GroupReport};
use std::fmt::Write;

/// One test suite for each file, named as it is, with one test case for each test group. A file that could not be read
/// has its reason instead of a report.
pub fn junit(files: &[(String, Result<FileReport, String>)]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (file, report) in files {
        let file = escaped(file);
        match report {
            Ok(report) => {
                let failures: usize = report.groups.iter().map(|g| g.failed()).sum();
                let tests = report.groups.len();
                let _ = writeln!(
                    out,
                    "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
                );
                report.groups.iter().for_each(|g| push_group(&mut out, g));
            }
            Err(reason) => {
                let _ =
                    writeln!(out, "  <testsuite name=\"{file}\" tests=\"0\" failures=\"0\" errors=\"1\">");
                let _ = writeln!(out, "    <testcase name=\"{file}\">");
                let _ = writeln!(out, "      <error message=\"not run\">{}</error>", escaped(reason));
                let _ = writeln!(out, "    </testcase>");
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn push_group(out: &mut String, group: &GroupReport) {
    let name = escaped(&group.name);
    if group.failed() == 0 {
        let _ = writeln!(out, "    <testcase name=\"{name}\"></testcase>");
        return;
    }
    let _ = writeln!(out, "    <testcase name=\"{name}\">");
    for case in &group.cases {
        if let Some(failure) = &case.failure {
            push_failure(out, case, failure);
        }
    }
    if let Some(error) = &group.error {
        let _ = writeln!(out, "      <failure message=\"not run to its end\">{}</failure>", escaped(error));
    }
    let _ = writeln!(out, "    </testcase>");
}

fn push_failure(out: &mut String, case: &Case, failure: &Failure) {
    let text = match failure {
        Failure::Error(reason) => reason.clone(),
        Failure::Different { expected, got } => {
            let lines = |lines: &[String]| match lines.is_empty() {
                true => "nothing".to_owned(),
                false => lines.join("\n"),
            };
            format!("expected:\n{}\ngot:\n{}", lines(expected), lines(got))
        }
    };
    let title = escaped(&case.title);
    let _ = writeln!(out, "      <failure message=\"{title}\">{}</failure>", escaped(&text));
}

/// For text and attributes; characters that XML does not have are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#xA;"),
            '\t' => out.push('\t'),
            c if (c as u32) < 0x20 || matches!(c as u32, 0xfffe | 0xffff) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
