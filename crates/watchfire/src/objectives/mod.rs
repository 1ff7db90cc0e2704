//! `watchfire objectives` and `watchfire check objectives`.

pub mod args;

use crate::exit::{Exit, no, unable, written};
use crate::remote::Remote;
use args::{ObjectivesArgs, ObjectivesCommand};
use objectives::{Objective, ObjectiveConfig, file_text, format_span, resolve};
use serde::Deserialize;
use server::{load_objectives, read_objectives};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Cells of the bar that shows what remains of a budget.
const BAR_CELLS: usize = 10;

/// Shows objectives, or prints rules.
pub async fn run(args: &ObjectivesArgs) -> Result<(), Exit> {
    match &args.what {
        Some(ObjectivesCommand::Rules { files }) => rules(files),
        None => list(args).await,
    }
}

/// Checks files with objectives.
pub fn check(files: &[PathBuf]) -> Result<(), Exit> {
    let mut wrong = false;
    for file in files {
        match of_files(std::slice::from_ref(file)) {
            Ok(all) => {
                println!("{}: right", file.display());
                for o in &all {
                    let alerts = if o.alerting.is_some() { o.pairs.len() } else { 0 };
                    println!(
                        "  {}: {} over {}, {}",
                        o.name,
                        o.target,
                        format_span(o.window_ms),
                        counted(alerts, "alert")
                    );
                }
            }
            Err(problems) => {
                wrong = true;
                println!("{}", problems.join("\n"));
            }
        }
    }
    if wrong { Err(no("")) } else { Ok(()) }
}

fn rules(files: &[PathBuf]) -> Result<(), Exit> {
    let all = of_files(files).map_err(|problems| no(problems.join("\n")))?;
    written(std::io::stdout().lock().write_all(file_text(&all).as_bytes()))
}

/// The objectives of files; or all that is wrong with them, each with its file.
fn of_files(files: &[PathBuf]) -> Result<Vec<Objective>, Vec<String>> {
    let (mut configs, mut all, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let told = |found: Vec<String>| -> Vec<String> {
            found.iter().map(|p| format!("{}: {p}", file.display())).collect()
        };
        match read(file) {
            Ok(Found::Objectives(found)) => match resolve(&found) {
                Ok(_) => configs.extend(found),
                Err(found) => problems.extend(told(found)),
            },
            Ok(Found::Resolved(found)) => all.extend(found),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        match resolve(&configs) {
            Ok(found) => all.extend(found),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// What a file has.
enum Found {
    Objectives(Vec<ObjectiveConfig>),
    /// A configuration of a server, with the files it names.
    Resolved(Vec<Objective>),
}

fn read(file: &Path) -> Result<Found, Vec<String>> {
    let alone = read_objectives(file).map_err(|e| vec![e]);
    match alone {
        Ok(found) => Ok(Found::Objectives(found)),
        // It may be a configuration; if it is none either, it was meant to be objectives.
        Err(problem) => match server::config::load(file) {
            Ok(config) => {
                let found = load_objectives(&config, file.parent().unwrap_or(Path::new("")));
                found
                    .map(Found::Resolved)
                    .map_err(|problems| problems.iter().map(|p| format!("{}: {p}", file.display())).collect())
            }
            Err(_) => Err(problem),
        },
    }
}

fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

#[derive(Deserialize)]
struct Answer {
    data: Listed,
}

#[derive(Deserialize)]
struct Listed {
    objectives: Vec<Shown>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    target: f64,
    window: String,
    current: Option<f64>,
    budget_remaining: Option<f64>,
    burn_rates: BTreeMap<String, Option<f64>>,
    state: String,
}

async fn list(args: &ObjectivesArgs) -> Result<(), Exit> {
    let (status, body) = Remote::new(&args.url)?.get("/api/v1/objectives").await?;
    if status != 200 {
        return Err(no(format!("the server answers {status}: {}", String::from_utf8_lossy(&body).trim())));
    }
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|e| unable(format!("{} does not answer as Watchfire does: {e}", args.url)))?;
    let mut out = std::io::stdout().lock();
    let shown = match args.format {
        crate::cli::ListFormat::Json => format!("{}\n", String::from_utf8_lossy(&body)),
        crate::cli::ListFormat::Text => table(&answer.data.objectives),
    };
    written(out.write_all(shown.as_bytes()))?;
    match answer.data.objectives.iter().any(|o| matches!(o.state.as_str(), "burning" | "exhausted")) {
        true => Err(no("")),
        false => Ok(()),
    }
}

const HEAD: [&str; 6] = ["OBJECTIVE", "TARGET", "CURRENT", "BUDGET", "BURN 1h", "STATE"];

fn table(all: &[Shown]) -> String {
    if all.is_empty() {
        return "no objectives\n".to_owned();
    }
    let rows: Vec<[String; 6]> = all.iter().map(row).collect();
    let width =
        |i: usize| rows.iter().map(|r| r[i].chars().count()).chain([HEAD[i].len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut out = line(HEAD.to_vec());
    rows.iter().for_each(|r| out.push_str(&line(r.iter().map(String::as_str).collect())));
    out
}

fn row(o: &Shown) -> [String; 6] {
    let unknown = || "-".to_owned();
    let budget = match o.budget_remaining {
        Some(left) => format!("{} {:>4.0}%", bar(left), left * 100.0),
        None => unknown(),
    };
    let burn = o.burn_rates.get("1h").copied().flatten().map_or_else(unknown, |b| format!("{b:.1}x"));
    let state = if o.state == "noData" { "no data".to_owned() } else { o.state.clone() };
    [
        o.name.clone(),
        format!("{} / {}", percent(o.target), o.window),
        o.current.map_or_else(unknown, percent),
        budget,
        burn,
        state,
    ]
}

/// A share with as many decimal places as say something, up to four.
fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What remains of a budget, as so many of [`BAR_CELLS`]; a little left is one of them.
fn bar(left: f64) -> String {
    let cells = (left.clamp(0.0, 1.0) * BAR_CELLS as f64).ceil() as usize;
    format!("{}{}", "█".repeat(cells), "░".repeat(BAR_CELLS - cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_rows() {
        let shown = |name: &str, left: Option<f64>, burn: Option<f64>, state: &str| Shown {
            name: name.to_owned(),
            target: 0.999,
            window: "30d".to_owned(),
            current: left.map(|l| 1.0 - (1.0 - l) * 0.001),
            budget_remaining: left,
            burn_rates: BTreeMap::from([("1h".to_owned(), burn)]),
            state: state.to_owned(),
        };
        let all = [
            shown("checkout", Some(0.53), Some(0.47), "ok"),
            shown("search-fast", Some(-0.2), Some(20.0), "exhausted"),
            shown("new", None, None, "noData"),
        ];
        let expected = "\
OBJECTIVE    TARGET       CURRENT  BUDGET            BURN 1h  STATE
checkout     99.9% / 30d  99.953%  ██████░░░░   53%  0.5x     ok
search-fast  99.9% / 30d  99.88%   ░░░░░░░░░░  -20%  20.0x    exhausted
new          99.9% / 30d  -        -                 -        no data
";
        assert_eq!(table(&all), expected);
        assert_eq!(table(&[]), "no objectives\n");
    }
}
