//! Kills the server under load, again and again, and looks for every acknowledged sample and log line.

use crate::server::{Host, Server};
use crate::torture_logs as logs;
use crate::write::{Body, send};
use anyhow::{Context, bail, ensure};
use model::Labels;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const WRITERS: u32 = 4;
const SERIES: u32 = 40;
/// Every writer's steps are this far apart in time; every fifth lands a day earlier, as late data.
const STEP_MS: i64 = 10;
pub const DAY_MS: i64 = 86_400_000;
/// Totals of all rounds are checked this often: it reads everything.
const FULL_CHECK_ROUNDS: u32 = 50;

/// Steps of one writer in one round.
#[derive(Default, Clone)]
pub struct Steps {
    pub acknowledged: Vec<u32>,
    /// Sent, with no answer: may be there or not.
    pub open: Vec<u32>,
}

pub async fn run(host: &Host, rounds: u32, seed: u64) -> anyhow::Result<()> {
    host.wipe()?;
    let base_ms = now_ms() - DAY_MS / 4;
    let mut random = seed;
    let mut history: Vec<(Vec<Steps>, Vec<Steps>)> = Vec::new();
    let (mut checked, mut lines) = (0u64, 0u64);
    let mut slowest = Duration::ZERO;
    let mut server = host.start().await?;
    for round in 0..rounds {
        let alive = Arc::new(AtomicBool::new(true));
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| {
                let (client, url, alive) = (server.client.clone(), server.url.clone(), alive.clone());
                tokio::spawn(
                    async move { write_until_killed(&client, &url, &alive, base_ms, round, w).await },
                )
            })
            .collect();
        let log_writers: Vec<_> = (0..logs::WRITERS)
            .map(|w| {
                let (client, url, alive) = (server.client.clone(), server.url.clone(), alive.clone());
                tokio::spawn(async move {
                    logs::write_until_killed(&client, &url, &alive, base_ms, round, w).await
                })
            })
            .collect();
        let upset = match next(&mut random) % 4 {
            0 => Some("/-/flush"),
            1 => Some("/-/compact"),
            _ => None,
        };
        let wait = 20 + next(&mut random) % 600;
        if let Some(path) = upset {
            let (client, url) = (server.client.clone(), format!("{}{path}", server.url));
            let at = next(&mut random) % wait;
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(at)).await;
                // Whether it succeeds is up to the moment of the kill.
                let _ = client.post(url).send().await;
            });
        }
        tokio::time::sleep(Duration::from_millis(wait)).await;
        server.kill().await?;
        alive.store(false, Ordering::Release);
        let (mut steps, mut log_steps) = (Vec::new(), Vec::new());
        for w in writers {
            steps.push(w.await??);
        }
        for w in log_writers {
            log_steps.push(w.await??);
        }
        server = host.start().await?;
        slowest = slowest.max(server.ready_after);
        checked += check_round(&server, base_ms, round, &mut steps).await?;
        lines += logs::check_round(&server, base_ms, round, &mut log_steps).await?;
        history.push((steps, log_steps));
        if (round + 1) % FULL_CHECK_ROUNDS == 0 || round + 1 == rounds {
            for (r, (steps, log_steps)) in (0..).zip(history.iter_mut()) {
                let late = || format!("long after round {r}");
                check_round(&server, base_ms, r, steps).await.with_context(late)?;
                logs::check_round(&server, base_ms, r, log_steps).await.with_context(late)?;
            }
            println!(
                "round {}: {checked} acknowledged samples and {lines} lines found, each once and exact",
                round + 1
            );
        }
    }
    println!(
        "{rounds} kills, {checked} acknowledged samples and {lines} log lines: none missing, none doubled, none wrong"
    );
    println!("slowest return after a kill: {slowest:?}");
    server.kill().await?;
    host.wipe()
}

async fn write_until_killed(
    client: &reqwest::Client,
    url: &str,
    alive: &AtomicBool,
    base_ms: i64,
    round: u32,
    writer: u32,
) -> anyhow::Result<Steps> {
    let labels: Vec<Labels> = (0..SERIES).map(|s| series(round, writer, s)).collect();
    let mut steps = Steps::default();
    for step in 0.. {
        let time_ms = time_of(base_ms, step);
        let mut body = Body::default();
        for (s, l) in (0..).zip(&labels) {
            body.push(l, time_ms, value_of(round, writer, s, step));
        }
        match send(client, url, body.compressed()?).await {
            Ok((status, _)) if status.is_success() => steps.acknowledged.push(step),
            Ok((status, text)) if status.is_client_error() => bail!("refused with {status}: {text}"),
            Ok(_) => {}
            Err(_) => {
                steps.open.push(step);
                if !alive.load(Ordering::Acquire) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
                if steps.open.len() > 5000 {
                    break;
                }
            }
        }
    }
    Ok(steps)
}

/// Compares every series of a round with what was sent. What was open is settled by what is found.
async fn check_round(server: &Server, base_ms: i64, round: u32, steps: &mut [Steps]) -> anyhow::Result<u64> {
    let mut count = 0;
    for (w, steps) in (0u32..).zip(steps) {
        let expr = format!("torture{{round=\"{round}\",writer=\"{w}\"}}[2d]");
        let result = server.query(&expr, base_ms + DAY_MS / 2).await?;
        let found = result.as_array().context("no result")?;
        let mut settled = None;
        if steps.acknowledged.is_empty() && found.is_empty() {
            continue;
        }
        ensure!(
            found.len() == SERIES as usize,
            "round {round} writer {w}: {} series of {SERIES}",
            found.len()
        );
        for series in found {
            let s: u32 = series["metric"]["s"].as_str().context("no label")?.parse()?;
            let values = series["values"].as_array().context("no values")?;
            let mut by_time = BTreeMap::new();
            for v in values {
                let t = (v[0].as_f64().context("no time")? * 1000.0).round() as i64;
                let value: f64 = v[1].as_str().context("no value")?.parse()?;
                ensure!(
                    by_time.insert(t, value).is_none(),
                    "round {round} writer {w} series {s}: {t} doubled"
                );
            }
            for step in &steps.acknowledged {
                let got = by_time.remove(&time_of(base_ms, *step));
                let want = value_of(round, w, s, *step);
                ensure!(
                    got.map(f64::to_bits) == Some(want.to_bits()),
                    "round {round} writer {w} series {s} step {step}: acknowledged {want}, found {got:?}"
                );
                count += 1;
            }
            let mut appeared = Vec::new();
            for step in &steps.open {
                if let Some(got) = by_time.remove(&time_of(base_ms, *step)) {
                    ensure!(
                        got.to_bits() == value_of(round, w, s, *step).to_bits(),
                        "round {round} writer {w} series {s} step {step}: found {got}, which was never sent"
                    );
                    appeared.push(*step);
                }
            }
            ensure!(
                by_time.is_empty(),
                "round {round} writer {w} series {s}: samples never sent: {by_time:?}"
            );
            let same = settled.get_or_insert_with(|| appeared.clone());
            ensure!(*same == appeared, "round {round} writer {w}: a request is there in part");
        }
        steps.acknowledged.extend(settled.unwrap_or_default());
        steps.open.clear();
    }
    Ok(count)
}

fn series(round: u32, writer: u32, s: u32) -> Labels {
    let (round, writer, s) = (round.to_string(), writer.to_string(), s.to_string());
    let pairs = [("__name__", "torture"), ("round", &round), ("s", &s), ("writer", &writer)];
    Labels::from_pairs(pairs).unwrap_or_default()
}

fn time_of(base_ms: i64, step: u32) -> i64 {
    let late = if step % 5 == 4 { DAY_MS } else { 0 };
    base_ms - late + i64::from(step) * STEP_MS
}

/// A value that uses its whole mantissa, and that nobody else sends.
fn value_of(round: u32, writer: u32, s: u32, step: u32) -> f64 {
    let mut x = u64::from(round) << 48 ^ u64::from(writer) << 40 ^ u64::from(s) << 32 ^ u64::from(step);
    let bits = next(&mut x) >> 12 | 0x3ff0_0000_0000_0000;
    f64::from_bits(bits)
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
