//! `watchfire check pipeline`: what each stage makes of lines.

use crate::exit::{Exit, no, unable};
use model::Labels;
use pipeline::{Explained, PipelineConfig, Pipelines, Shown};
use server::config::load;
use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Lines that are explained together.
const LINES_AT_ONCE: usize = 256;

/// Reads lines from standard input and prints what becomes of each.
pub fn check(file: &Path, name: Option<&str>, labels: &[String]) -> Result<(), Exit> {
    let config = load(file).map_err(|e| no(e.to_string()))?;
    let pipeline = choose(&config.pipelines, name, file)?;
    let labels = labels_of(labels)?;
    let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64);
    let (mut lines, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    loop {
        let mut some: Vec<String> = Vec::new();
        let mut line = Vec::new();
        while some.len() < LINES_AT_ONCE && lines.read_until(b'\n', &mut line).map_err(unable)? > 0 {
            let text = String::from_utf8_lossy(&line);
            some.push(text.trim_end_matches(['\n', '\r']).to_owned());
            line.clear();
        }
        if some.is_empty() {
            return Ok(());
        }
        let lines: Vec<&str> = some.iter().map(String::as_str).collect();
        let explained =
            Pipelines::explain(pipeline, &labels, &lines, now_ns).map_err(|e| no(e.to_string()))?;
        for e in &explained {
            // Whoever reads may have seen enough.
            if out.write_all(shown(e, now_ns).as_bytes()).is_err() {
                return Ok(());
            }
        }
    }
}

fn choose<'a>(
    all: &'a [PipelineConfig],
    name: Option<&str>,
    file: &Path,
) -> Result<&'a PipelineConfig, Exit> {
    let names = || all.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ");
    match (all, name) {
        ([], _) => Err(no(format!("{}: there is no section pipelines", file.display()))),
        ([one], None) => Ok(one),
        (_, None) => Err(no(format!("{}: give --name, one of {}", file.display(), names()))),
        (_, Some(name)) => all.iter().find(|p| p.name == name).ok_or_else(|| {
            no(format!("{}: there is no pipeline {name:?}; there are {}", file.display(), names()))
        }),
    }
}

fn labels_of(given: &[String]) -> Result<Labels, Exit> {
    let pair = |text: &String| {
        let (name, value) =
            text.split_once('=').ok_or_else(|| no(format!("--label {text}: is not NAME=VALUE")))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    let pairs = given.iter().map(pair).collect::<Result<Vec<_>, Exit>>()?;
    Labels::from_pairs(pairs).map_err(|e| no(format!("--label: {e}")))
}

/// A line and its way, one stage to a line.
fn shown(e: &Explained, now_ns: i64) -> String {
    let mut out = format!("{}\n", e.line);
    // Writing to a string cannot fail.
    let _ = e.steps.iter().try_for_each(|step| {
        let note = if step.note.is_empty() { String::new() } else { format!(": {}", step.note) };
        writeln!(out, "  {}{note}", step.stage)?;
        match &step.record {
            Some(record) => write_record(&mut out, record, now_ns),
            None => Ok(()),
        }
    });
    out.push('\n');
    out
}

fn write_record(out: &mut String, r: &Shown, now_ns: i64) -> std::fmt::Result {
    let time = if r.time_ns == now_ns { "now".to_owned() } else { utc(r.time_ns) };
    writeln!(out, "    {time} {} {}", r.level, r.body)?;
    let pairs = |all: &[(String, String)]| all.iter().map(|(n, v)| format!(" {n}={v:?}")).collect::<String>();
    if !r.attributes.is_empty() {
        writeln!(out, "     {}", pairs(&r.attributes))?;
    }
    if !r.labels.is_empty() {
        writeln!(out, "      labels:{}", pairs(&r.labels))?;
    }
    if !r.trace_id.is_empty() {
        writeln!(out, "      trace {} span {}", r.trace_id, r.span_id)?;
    }
    Ok(())
}

/// `2026-11-21T10:20:30.5Z`.
fn utc(ns: i64) -> String {
    let (seconds, fraction) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month) = ingest::logs::time::civil_from_days(days);
    let first = ingest::logs::time::days_from_civil(year, month, 1).unwrap_or(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let mut text = format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}", days - first + 1);
    if fraction > 0 {
        text.push_str(format!(".{fraction:09}").trim_end_matches('0'));
    }
    text + "Z"
}
