//! `watchfire heartbeats` and `watchfire heartbeat`: jobs that must report, and what reports for them.

use crate::cli::{HeartbeatArgs, HeartbeatsArgs, ListFormat};
use crate::exit::{Exit, no, unable, written};
use crate::remote::Remote;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::io::Write;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// The longest time for one report, and how often it is tried.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of the end of a command's output that are sent along.
const SAID_BYTES_MAX: usize = 1000;
/// How long output is waited for after the command has ended: a daemon that it left behind may hold it open.
const LINGER: Duration = Duration::from_secs(1);

/// Lists jobs.
pub async fn list(args: &HeartbeatsArgs) -> Result<(), Exit> {
    let (status, body) = Remote::new(&args.url)?.get("/api/v1/heartbeats").await?;
    if status != 200 {
        return Err(no(format!("the server answers {status}: {}", String::from_utf8_lossy(&body).trim())));
    }
    let mut out = std::io::stdout().lock();
    if args.format == ListFormat::Json {
        return written(writeln!(out, "{}", String::from_utf8_lossy(&body)));
    }
    let answer: Value =
        serde_json::from_slice(&body).map_err(|e| unable(format!("the answer is no JSON: {e}")))?;
    let empty = Vec::new();
    let jobs = answer["data"].as_array().unwrap_or(&empty);
    let now_ms = Timestamp::now().as_millisecond();
    let rows: Vec<[String; 6]> = jobs.iter().map(|job| row(job, now_ms)).collect();
    written(out.write_all(table(&rows).as_bytes()))?;
    match jobs.iter().any(|j| matches!(j["state"].as_str(), Some("late" | "failed"))) {
        true => Err(no("")),
        false => Ok(()),
    }
}

const HEAD: [&str; 6] = ["JOB", "STATE", "LAST SUCCESS", "TOOK", "EXPECTED", "FAILED"];

fn row(job: &Value, now_ms: i64) -> [String; 6] {
    let ago = |key: &str| match job[key].as_i64() {
        Some(ms) => format!("{} ago", span(now_ms - ms)),
        None => "never".to_owned(),
    };
    let expected = match job["deadlineMs"].as_i64() {
        Some(ms) if ms > now_ms => format!("within {}", span(ms - now_ms)),
        Some(ms) => format!("{} ago", span(now_ms - ms)),
        None => String::new(),
    };
    let text = |key: &str| job[key].as_str().unwrap_or("").to_owned();
    let took = job["lastDurationMs"].as_i64().map_or(String::new(), span);
    let failed =
        format!("{} of {}", job["failures"].as_u64().unwrap_or(0), job["runs"].as_u64().unwrap_or(0));
    [text("name"), text("state"), ago("lastSuccessMs"), took, expected, failed]
}

/// A length of time with its largest two units.
pub fn span(ms: i64) -> String {
    let d = SignedDuration::from_millis(ms.max(0));
    let s = d.as_secs();
    match s {
        0..10 => format!("{:.1}s", d.as_secs_f64()),
        10..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3600 % 24),
    }
}

fn table(rows: &[[String; 6]]) -> String {
    if rows.is_empty() {
        return "no jobs\n".to_owned();
    }
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

/// Runs a command and reports; without one, reports. Ends as the command does, whatever becomes of reports.
pub async fn run(args: &HeartbeatArgs) -> Result<(), Exit> {
    let remote = Remote::new(&args.url)?;
    let path = format!("/api/v1/heartbeats/{}", args.name);
    let Some((program, arguments)) = args.command.split_first() else {
        let kind = if args.fail {
            "/fail"
        } else if args.start {
            "/start"
        } else {
            ""
        };
        return tell(&remote, &format!("{path}{kind}"), "", &[]).await.map_err(unable);
    };
    warn(&args.name, tell(&remote, &format!("{path}/start"), "", &[]).await);
    let begun = Instant::now();
    let (code, said) = match command(program, arguments).await {
        Ok(done) => done,
        Err(e) => {
            let reason = format!("cannot run {program}: {e}");
            warn(&args.name, tell(&remote, &format!("{path}/127"), "", reason.as_bytes()).await);
            return Err(unable(reason));
        }
    };
    let query = format!("duration={:.3}", begun.elapsed().as_secs_f64());
    warn(&args.name, tell(&remote, &format!("{path}/{code}"), &query, &said).await);
    match code {
        0 => Ok(()),
        code => std::process::exit(i32::from(code)),
    }
}

/// A report that is lost is no failure of the job.
fn warn(name: &str, told: Result<(), String>) {
    if let Err(reason) = told {
        eprintln!("watchfire: the report of {name} is lost: {reason}");
    }
}

async fn tell(remote: &Remote, path: &str, query: &str, said: &[u8]) -> Result<(), String> {
    let mut reason = String::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let asked = remote.post_with(path, query, said.to_vec());
        match timeout(REPORT_TIMEOUT, asked).await {
            Ok(Ok((200..300, _))) => return Ok(()),
            Ok(Ok((status, body))) => {
                reason = format!("the server answers {status}: {}", String::from_utf8_lossy(&body).trim());
                // What is wrong stays wrong.
                if status < 500 && status != 429 {
                    return Err(reason);
                }
            }
            Ok(Err(e)) => reason = e.to_string(),
            Err(_) => reason = format!("no answer within {} s", REPORT_TIMEOUT.as_secs()),
        }
    }
    Err(reason)
}

/// Runs a command with our own input and output; gives its exit code and the end of what it printed.
async fn command(program: &str, arguments: &[String]) -> std::io::Result<(u8, Vec<u8>)> {
    let mut child =
        Command::new(program).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let out = tokio::spawn(pass(out, std::io::stdout()));
    let err = tokio::spawn(pass(err, std::io::stderr()));
    let mut terminate = signal(SignalKind::terminate())?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            // Who ends us means the command.
            _ = terminate.recv() => forward(&child),
        }
    };
    let ended = timeout(LINGER, async { (out.await, err.await) }).await;
    let (mut said, err) = match ended {
        Ok((out, err)) => (out.unwrap_or_default(), err.unwrap_or_default()),
        Err(_) => Default::default(),
    };
    said.extend(err);
    let from = said.len().saturating_sub(SAID_BYTES_MAX);
    Ok((exit_code(status), said.split_off(from)))
}

fn forward(child: &tokio::process::Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // It may have ended meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// The code, or 128 and the signal's number as shells have it.
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(255);
    u8::try_from(code).unwrap_or(255)
}

/// Passes output on as it comes, and keeps its end.
async fn pass(from: Option<impl AsyncRead + Unpin>, mut to: impl Write) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return kept };
    let mut piece = [0; 8192];
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        // A reader that went away does not end the job.
        let _ = to.write_all(&piece[..n]).and_then(|()| to.flush());
        kept.extend_from_slice(&piece[..n]);
        if kept.len() > 2 * SAID_BYTES_MAX {
            kept.drain(..kept.len() - SAID_BYTES_MAX);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units() {
        for (ms, want) in
            [(1500, "1.5s"), (59_000, "59s"), (61_000, "1m01s"), (3_660_000, "1h01m"), (90_000_000, "1d01h")]
        {
            assert_eq!(span(ms), want);
        }
    }
}
