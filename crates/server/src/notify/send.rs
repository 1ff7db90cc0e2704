//! Carries out a decision to notify: attempts with growing pauses until it is taken, refused, or too late.

use super::{Job, Shared, client};
use alerting::message::{ExecCall, Outgoing, Verdict, judge};
use alerting::{Delivery, Outcome};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::watch;

/// The first pause, how it grows, and the longest.
const PAUSE: Duration = Duration::from_millis(500);
const GROWTH: f64 = 1.5;
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long one attempt may take unless configured.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Bytes of a file that holds a secret.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// Attempts until the delivery is done, and tells the state machine. When the server ends in between it stays open, and
/// is sent again after the next start.
pub(super) async fn deliver(shared: Arc<Shared>, jobs: SyncSender<Job>, delivery: Arc<Delivery>) {
    let mut stop = shared.stop.subscribe();
    let permit = tokio::select! {
        permit = shared.deliveries.acquire() => permit,
        _ = stop.wait_for(|s| *s) => return,
    };
    if *shared.stop.borrow() {
        return;
    }
    match attempts(&shared, &delivery, &mut stop).await {
        Some(outcome) => {
            shared.journal.finish(&delivery, outcome, shared.clock.now_ms());
            super::done(jobs, delivery.id, outcome).await;
        }
        None => shared.journal.leave(delivery.id),
    }
    drop(permit);
}

async fn attempts(shared: &Shared, delivery: &Delivery, stop: &mut watch::Receiver<bool>) -> Option<Outcome> {
    let (mut pause, mut number, mut failure) = (PAUSE, 0u32, Outcome::Failed);
    let way = &delivery.way;
    loop {
        number += 1;
        let verdict = attempt(shared, delivery).await;
        let outcome = match &verdict {
            Verdict::Delivered => 0,
            Verdict::Retry(_) | Verdict::Unknown(_) => 1,
            Verdict::Refused(_) => 2,
        };
        shared.metrics.attempts.lock().entry(way.kind.clone()).or_default()[outcome] += 1;
        let (receiver, kind, group) = (&way.receiver, &way.kind, &delivery.group_key);
        if let Verdict::Refused(reason) | Verdict::Retry(reason) | Verdict::Unknown(reason) = &verdict {
            shared.journal.failed(delivery.id, reason);
        }
        match verdict {
            Verdict::Delivered => return Some(Outcome::Delivered),
            Verdict::Refused(reason) => {
                tracing::error!(receiver, kind, group, number, reason, "a message was refused");
                return Some(failure);
            }
            Verdict::Retry(ref reason) | Verdict::Unknown(ref reason) => {
                if matches!(verdict, Verdict::Unknown(_)) {
                    failure = Outcome::Unknown;
                }
                let left = delivery.deadline_ms.saturating_sub(shared.clock.now_ms());
                if left <= i64::try_from(pause.as_millis()).unwrap_or(i64::MAX) {
                    tracing::error!(receiver, kind, group, number, reason, "a message was given up for now");
                    return Some(failure);
                }
                tracing::warn!(receiver, kind, group, number, reason, "a message is tried again");
            }
        }
        // Between half and one and a half of the pause, so that those who wait do not all come at once.
        let jitter = 0.5 + (env::Random::next_u64(&env::RealRandom) >> 11) as f64 / (1u64 << 53) as f64;
        tokio::select! {
            () = tokio::time::sleep(pause.mul_f64(jitter)) => {}
            _ = stop.wait_for(|s| *s) => return None,
        }
        pause = pause.mul_f64(GROWTH).min(PAUSE_MAX);
    }
}

/// One attempt, for a trial.
pub(super) async fn once(shared: &Shared, delivery: &Delivery) -> Result<(), String> {
    match attempt(shared, delivery).await {
        Verdict::Delivered => Ok(()),
        Verdict::Retry(reason) | Verdict::Unknown(reason) | Verdict::Refused(reason) => Err(reason),
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if length > SECRET_BYTES_MAX {
        return Err(format!("{length} bytes, over the limit of {SECRET_BYTES_MAX}"));
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

async fn attempt(shared: &Shared, delivery: &Delivery) -> Verdict {
    let routing = Arc::clone(&shared.routing.read());
    let made = {
        let (routing, delivery) = (Arc::clone(&routing), delivery.clone());
        // Large groups take a while to write, and files are read.
        let make = move || routing.renderer.outgoing(&routing.config, &delivery, &read_secret);
        tokio::task::spawn_blocking(make).await
    };
    let outgoing = match made {
        Ok(Ok(outgoing)) => outgoing,
        Ok(Err(e)) => return Verdict::Refused(e.to_string()),
        Err(e) => return Verdict::Refused(format!("making the message met a fault: {e}")),
    };
    for one in outgoing {
        let verdict = match one {
            Outgoing::Http(request) => {
                client::send(&shared.clients, &delivery.way.kind, &request, ATTEMPT).await
            }
            Outgoing::Mail(mail) => super::mail::send(&mail, ATTEMPT).await,
            Outgoing::Exec(_) if !routing.exec => {
                Verdict::Refused("programs may not be run: set alerting.exec to allow it".to_owned())
            }
            Outgoing::Exec(call) => run(call).await,
        };
        if verdict != Verdict::Delivered {
            return verdict;
        }
    }
    Verdict::Delivered
}

/// Runs a program; it took the message if it ends with 0. 75, "try again later" of sysexits.h, is a reason to.
async fn run(call: ExecCall) -> Verdict {
    const TRY_AGAIN: i32 = 75;
    let timeout = Duration::from_millis(call.timeout_ms.unsigned_abs());
    let Some((program, arguments)) = call.command.split_first() else {
        return Verdict::Refused("there is no program".to_owned());
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", path)
        .envs(call.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(e) => return Verdict::Refused(format!("cannot run {program}: {e}")),
    };
    let input = child.stdin.take();
    let work = async {
        if let Some(mut input) = input {
            // A program that does not read its input is fine.
            let _ = input.write_all(&call.input).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(timeout, work).await {
        Err(_) => Verdict::Unknown(format!(
            "{program} did not end within {} s and was killed",
            timeout.as_secs_f64()
        )),
        Ok(Err(e)) => Verdict::Retry(format!("{program}: {e}")),
        Ok(Ok(status)) if status.success() => Verdict::Delivered,
        Ok(Ok(status)) if status.code() == Some(TRY_AGAIN) => {
            Verdict::Retry(format!("{program} ended with {status}"))
        }
        Ok(Ok(status)) => Verdict::Refused(format!("{program} ended with {status}")),
    }
}

/// What an answer of a receiver means; the answer itself may be long.
pub(super) fn judged(kind: &str, status: u16, body: &[u8]) -> Verdict {
    judge(kind, &alerting::message::Answer { status, body: String::from_utf8_lossy(body).into_owned() })
}
