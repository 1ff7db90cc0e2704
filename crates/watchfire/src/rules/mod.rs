//! `watchfire check rules`, `watchfire test rules` and `watchfire rules`.

pub mod args;
mod backfill;
mod replay;

use crate::cli::TestRulesArgs;
use crate::exit::{Exit, no, unable, written};
use regex::Regex;
use rules::unittest::{self, Failure, FileReport, RunOptions, TestFile};
use rules::{FileOptions, Language, Problem, RuleFile};
use similar::{Algorithm, ChangeTag, capture_diff_slices};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Runs `watchfire rules`.
pub async fn run(what: &args::RulesCommand) -> Result<(), Exit> {
    match what {
        args::RulesCommand::Backfill(args) => backfill::run(args).await,
        args::RulesCommand::Replay(args) => replay::run(args).await,
    }
}

fn read(file: &Path) -> Result<String, Exit> {
    std::fs::read_to_string(file).map_err(|e| unable(format!("cannot read {}: {e}", file.display())))
}

fn told(file: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|p| format!("{}:{p}", file.display())).collect();
    lines.join("\n")
}

fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// What a file is written in, unless all of it is PromQL.
fn languages(file: &RuleFile) -> String {
    let mut all: Vec<Language> = file.groups.iter().map(|g| g.language).collect();
    all.sort_unstable();
    all.dedup();
    match all.as_slice() {
        [] | [Language::PromQl] => String::new(),
        all => format!(", {}", all.iter().map(|l| l.title()).collect::<Vec<_>>().join(" and ")),
    }
}

/// Checks rule files and tells all that is wrong with them.
pub fn check(files: &[PathBuf], options: FileOptions, lint_fatal: bool) -> Result<(), Exit> {
    let mut wrong = false;
    for file in files {
        let name = file.display();
        match RuleFile::parse(&read(file)?, options) {
            Ok(rules) => {
                let (groups, count) = (rules.groups.len(), rules.rule_count());
                let languages = languages(&rules);
                println!(
                    "{name}: right\n  {} in {}{languages}",
                    counted(count, "rule"),
                    counted(groups, "group")
                );
                for warning in &rules.warnings {
                    println!("  {warning}");
                }
                for duplicate in rules.duplicates() {
                    wrong |= lint_fatal;
                    let at: Vec<String> = duplicate.at.iter().map(|at| at.line.to_string()).collect();
                    let labels: Vec<String> =
                        duplicate.labels.iter().map(|(n, v)| format!("{n}={}", promql::quote(v))).collect();
                    let (rule, labels) = (&duplicate.name, labels.join(", "));
                    println!(
                        "  lines {}: the rules have name and labels in common: {rule}{{{labels}}}",
                        at.join(", ")
                    );
                }
            }
            Err(problems) => {
                wrong = true;
                println!("{}", told(file, &problems));
            }
        }
    }
    if wrong { Err(no("")) } else { Ok(()) }
}

/// Runs unit tests and tells each case that fails. The last line says how many passed and failed.
pub fn test(args: &TestRulesArgs) -> Result<(), Exit> {
    let only = match args.run.as_slice() {
        [] => None,
        patterns => Some(Regex::new(&patterns.join("|")).map_err(|e| no(format!("--run: {e}")))?),
    };
    let options = RunOptions { only, dump: args.debug };
    let mut reports = Vec::new();
    for file in &args.files {
        let text = read(file)?;
        reports.push((file.display().to_string(), test_file(file, &text, args, &options)));
    }
    let (mut passed, mut failed) = (0, 0);
    let mut out = std::io::stdout().lock();
    let look = Look {
        only_changes: args.diff,
        colour: out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    };
    for (file, report) in &reports {
        match report {
            Ok(report) => {
                passed += report.passed();
                failed += report.failed();
                written(look.report(&mut out, file, report))?;
            }
            Err(reason) => {
                failed += 1;
                written(writeln!(out, "{reason}"))?;
            }
        }
    }
    if let Some(path) = &args.junit {
        std::fs::write(path, unittest::junit(&reports))
            .map_err(|e| unable(format!("cannot write {}: {e}", path.display())))?;
    }
    written(writeln!(out, "{passed} passed, {failed} failed"))?;
    if failed > 0 { Err(no("")) } else { Ok(()) }
}

/// Runs one file, or says why it cannot be run.
fn test_file(
    file: &Path,
    text: &str,
    args: &TestRulesArgs,
    options: &RunOptions,
) -> Result<FileReport, String> {
    let file_options =
        FileOptions { ignore_unknown_fields: args.ignore_unknown_fields, ..FileOptions::default() };
    let tests = TestFile::parse(text, file_options).map_err(|problems| told(file, &problems))?;
    let rule_options = FileOptions { language: tests.language, ..file_options };
    let mut rule_files = Vec::new();
    for path in found(file, &tests.rule_files)? {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| format!("{}: cannot read the rule file {}: {e}", file.display(), path.display()))?;
        let rules = RuleFile::parse(&text, rule_options).map_err(|problems| told(&path, &problems))?;
        rule_files.push(rules);
    }
    Ok(unittest::run(&tests, &rule_files, options))
}

/// The files that patterns stand for, relative to the test file. One that stands for none is told and left out.
fn found(test_file: &Path, patterns: &[String]) -> Result<Vec<PathBuf>, String> {
    let dir = test_file.parent().unwrap_or(Path::new(""));
    let mut out = Vec::new();
    for pattern in patterns {
        // The directory is meant as it is, whatever characters are in it.
        let absolute = Path::new(pattern).is_absolute();
        let dir = glob::Pattern::escape(&dir.to_string_lossy());
        let full = if absolute {
            pattern.clone()
        } else {
            Path::new(&dir).join(pattern).to_string_lossy().into_owned()
        };
        let paths = glob::glob(&full)
            .map_err(|e| format!("{}: rule_files: {pattern:?}: {e}", test_file.display()))?;
        let before = out.len();
        out.extend(paths.flatten());
        if out.len() == before {
            eprintln!("{}: no file matches {pattern:?} of rule_files", test_file.display());
        }
    }
    Ok(out)
}

/// How reports look.
struct Look {
    only_changes: bool,
    colour: bool,
}

impl Look {
    fn report(&self, out: &mut impl Write, file: &str, report: &FileReport) -> std::io::Result<()> {
        for group in &report.groups {
            let name = &group.name;
            for line in &group.dump {
                eprintln!("{name}: {line}");
            }
            for case in &group.cases {
                let Some(failure) = &case.failure else { continue };
                let at = case.at;
                writeln!(out, "{file}:{}:{}: test {name:?}: {}", at.line, at.column, case.title)?;
                match failure {
                    Failure::Error(reason) => indented(out, reason)?,
                    Failure::Different { expected, got } => self.difference(out, expected, got)?,
                }
            }
            if let Some(error) = &group.error {
                let at = group.at;
                writeln!(out, "{file}:{}:{}: test {name:?} could not be run to its end", at.line, at.column)?;
                indented(out, error)?;
            }
        }
        Ok(())
    }

    fn difference(&self, out: &mut impl Write, expected: &[String], got: &[String]) -> std::io::Result<()> {
        for (mark, what, lines) in [('-', "expected", expected), ('+', "there", got)] {
            if lines.is_empty() {
                self.line(out, mark, &format!("nothing {what}"))?;
            }
        }
        for op in capture_diff_slices(Algorithm::Myers, expected, got) {
            for change in op.iter_changes(expected, got) {
                let line: &String = &change.value();
                match change.tag() {
                    ChangeTag::Delete => self.line(out, '-', line)?,
                    ChangeTag::Insert => self.line(out, '+', line)?,
                    ChangeTag::Equal if self.only_changes => {}
                    ChangeTag::Equal => self.line(out, ' ', line)?,
                }
            }
        }
        Ok(())
    }

    fn line(&self, out: &mut impl Write, mark: char, text: &str) -> std::io::Result<()> {
        match (self.colour, mark) {
            (true, '-') => writeln!(out, "    \x1b[31m- {text}\x1b[0m"),
            (true, '+') => writeln!(out, "    \x1b[32m+ {text}\x1b[0m"),
            _ => writeln!(out, "    {mark} {text}"),
        }
    }
}

fn indented(out: &mut impl Write, text: &str) -> std::io::Result<()> {
    text.lines().try_for_each(|line| writeln!(out, "    {line}"))
}
