//! `watchfire checks`: plugins of Nagios, and what they said.

use crate::cli::ListFormat;
use crate::exit::{Exit, no, unable, written};
use crate::heartbeats::span;
use crate::remote::Remote;
use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;
use std::io::Write;

#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 1 if the plugin of a check last said warning, critical or unknown.

Examples:
  watchfire checks
  watchfire checks --problems
  watchfire checks --format json")]
pub struct ChecksArgs {
    /// Only checks that are not ok.
    #[arg(long)]
    pub problems: bool,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7766", env = "WATCHFIRE_URL")]
    pub url: String,
    /// How the answer looks.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    name: String,
    state: String,
    hard_state: String,
    attempt: u32,
    attempts_max: u32,
    last_ms: i64,
    duration_seconds: f64,
    summary: String,
    trouble: Option<String>,
}

impl Check {
    fn is_problem(&self) -> bool {
        !matches!(self.state.as_str(), "ok" | "pending")
    }
}

/// Lists checks.
pub async fn list(args: &ChecksArgs) -> Result<(), Exit> {
    let (status, body) = Remote::new(&args.url)?.get("/api/v1/checks").await?;
    if status != 200 {
        return Err(no(format!("the server answers {status}: {}", String::from_utf8_lossy(&body).trim())));
    }
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|e| unable(format!("{} does not answer as Watchfire does: {e}", args.url)))?;
    let shown = match args.format {
        ListFormat::Json => format!("{}\n", String::from_utf8_lossy(&body)),
        ListFormat::Text => {
            let wanted = answer.data.iter().filter(|c| !args.problems || c.is_problem());
            table(&wanted.collect::<Vec<_>>(), Timestamp::now().as_millisecond())
        }
    };
    written(std::io::stdout().lock().write_all(shown.as_bytes()))?;
    match answer.data.iter().any(Check::is_problem) {
        true => Err(no("")),
        false => Ok(()),
    }
}

const HEAD: [&str; 6] = ["CHECK", "STATE", "TRY", "LAST", "TOOK", "SAID"];

fn table(checks: &[&Check], now_ms: i64) -> String {
    if checks.is_empty() {
        return "no checks\n".to_owned();
    }
    let rows: Vec<[String; 6]> = checks.iter().map(|c| row(c, now_ms)).collect();
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

fn row(c: &Check, now_ms: i64) -> [String; 6] {
    // A state that has not held for all its tries is soft, as Nagios has it.
    let state = match c.state == c.hard_state {
        true => c.state.clone(),
        false => format!("{} (soft)", c.state),
    };
    let (last, took) = match c.last_ms > 0 {
        true => {
            let took = (c.duration_seconds * 1000.0) as i64;
            (format!("{} ago", span(now_ms - c.last_ms)), span(took))
        }
        false => ("never".to_owned(), String::new()),
    };
    let said = c.trouble.as_deref().unwrap_or(&c.summary).to_owned();
    [c.name.clone(), state, format!("{}/{}", c.attempt, c.attempts_max), last, took, said]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_rows() {
        let check = |name: &str, state: &str, hard: &str, last_ms: i64, trouble: Option<&str>| Check {
            name: name.to_owned(),
            state: state.to_owned(),
            hard_state: hard.to_owned(),
            attempt: 1,
            attempts_max: 3,
            last_ms,
            duration_seconds: 0.25,
            summary: format!("{} - said", state.to_uppercase()),
            trouble: trouble.map(str::to_owned),
        };
        let all = [
            check("load", "ok", "ok", 90_500, None),
            check("disk", "critical", "ok", 40_000, None),
            check("new", "pending", "pending", 0, None),
            check("gone", "unknown", "unknown", 40_000, Some("no such program")),
        ];
        let expected = "\
CHECK  STATE            TRY  LAST       TOOK  SAID
load   ok               1/3  9.5s ago   0.2s  OK - said
disk   critical (soft)  1/3  1m00s ago  0.2s  CRITICAL - said
new    pending          1/3  never            PENDING - said
gone   unknown          1/3  1m00s ago  0.2s  no such program
";
        assert_eq!(table(&all.iter().collect::<Vec<_>>(), 100_000), expected);
        assert_eq!(all.iter().filter(|c| c.is_problem()).count(), 2);
        assert_eq!(table(&[], 0), "no checks\n");
    }
}
