//! Acknowledged log lines, looked for after every kill as samples are.
//!
//! Each request brings one line to every stream of its writer; every fifth is a day late. A line says which request it
//! belongs to in a text that nobody else sends, so that what is found is compared letter by letter.

use crate::server::Server;
use crate::torture::{DAY_MS, Steps, next};
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub const WRITERS: u32 = 2;
const STREAMS: u32 = 8;
/// Every writer's requests are this far apart in time.
const STEP_NS: i64 = 10_000_019;

/// Sends one request after the other until the server is gone.
pub async fn write_until_killed(
    client: &reqwest::Client,
    url: &str,
    alive: &AtomicBool,
    base_ms: i64,
    round: u32,
    writer: u32,
) -> anyhow::Result<Steps> {
    let mut steps = Steps::default();
    for step in 0.. {
        let request = client
            .post(format!("{url}/loki/api/v1/push"))
            .header("content-type", "application/json")
            .body(body(base_ms, round, writer, step));
        let sent = match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                Ok((status, answer.text().await.unwrap_or_default()))
            }
            Err(e) => Err(e),
        };
        match sent {
            Ok((status, _)) if status.is_success() => steps.acknowledged.push(step),
            Ok((status, text)) if status.is_client_error() => bail!("lines refused with {status}: {text}"),
            Ok(_) => {}
            Err(_) => {
                steps.open.push(step);
                if !alive.load(Ordering::Acquire) || steps.open.len() > 5000 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
    Ok(steps)
}

fn body(base_ms: i64, round: u32, writer: u32, step: u32) -> String {
    let mut body = String::from("{\"streams\":[");
    for s in 0..STREAMS {
        let comma = if s > 0 { "," } else { "" };
        let time = time_of(base_ms, step);
        let line = line_of(round, writer, s, step);
        let _ = write!(
            body,
            "{comma}{{\"stream\":{{\"torture\":\"{round}-{writer}\",\"s\":\"{s}\"}},\
             \"values\":[[\"{time}\",\"{line}\",{{\"step\":\"{step}\"}}]]}}"
        );
    }
    body + "]}"
}

/// Compares every stream of a round with what was sent. What was open is settled by what is found.
pub async fn check_round(
    server: &Server,
    base_ms: i64,
    round: u32,
    steps: &mut [Steps],
) -> anyhow::Result<u64> {
    let mut count = 0;
    for (writer, steps) in (0u32..).zip(steps) {
        let mut found = found(server, base_ms, round, writer).await?;
        for step in &steps.acknowledged {
            for s in 0..STREAMS {
                let name = || format!("round {round} writer {writer} stream {s} step {step}");
                let got = found.remove(&(s, time_of(base_ms, *step)));
                let got = got.with_context(|| format!("{}: an acknowledged line is missing", name()))?;
                let want = line_of(round, writer, s, *step);
                ensure!(got == want, "{}: acknowledged {want:?}, found {got:?}", name());
                count += 1;
            }
        }
        let mut appeared = Vec::new();
        for step in &steps.open {
            let of_step: Vec<u32> =
                (0..STREAMS).filter(|s| found.contains_key(&(*s, time_of(base_ms, *step)))).collect();
            // A request is one record of the journal, so it is there as a whole or not at all.
            ensure!(
                of_step.is_empty() || of_step.len() == STREAMS as usize,
                "round {round} writer {writer} step {step}: a request is there in part: streams {of_step:?}"
            );
            for s in &of_step {
                let got = found.remove(&(*s, time_of(base_ms, *step))).unwrap_or_default();
                let want = line_of(round, writer, *s, *step);
                ensure!(got == want, "round {round} writer {writer} step {step}: {got:?} was never sent");
            }
            if !of_step.is_empty() {
                appeared.push(*step);
            }
        }
        ensure!(found.is_empty(), "round {round} writer {writer}: lines never sent: {found:?}");
        steps.acknowledged.extend(appeared);
        steps.open.clear();
    }
    Ok(count)
}

/// Every line of a writer in a round, by stream and time.
async fn found(
    server: &Server,
    base_ms: i64,
    round: u32,
    writer: u32,
) -> anyhow::Result<BTreeMap<(u32, i64), String>> {
    let selector = format!("{{torture=\"{round}-{writer}\"}}");
    let query = [
        ("query", selector.as_str()),
        ("start", &(base_ms - 2 * DAY_MS).saturating_mul(1_000_000).to_string()),
        ("end", &(base_ms + DAY_MS).saturating_mul(1_000_000).to_string()),
        ("limit", "100000"),
        ("direction", "forward"),
    ]
    .map(|(name, value)| format!("{name}={}", crate::server::encode(value)))
    .join("&");
    let url = format!("{}/loki/api/v1/query_range?{query}", server.url);
    let answer: serde_json::Value = server.client.get(url).send().await?.json().await?;
    let streams = answer["data"]["result"].as_array().with_context(|| format!("{selector}: {answer}"))?;
    let mut all = BTreeMap::new();
    for stream in streams {
        let s: u32 = stream["stream"]["s"].as_str().context("no label")?.parse()?;
        for value in stream["values"].as_array().context("no values")? {
            let time: i64 = value[0].as_str().context("no time")?.parse()?;
            let line = value[1].as_str().context("no line")?.to_owned();
            let twice = all.insert((s, time), line);
            ensure!(
                twice.is_none(),
                "round {round} writer {writer} stream {s}: the line at {time} is doubled"
            );
        }
    }
    Ok(all)
}

fn time_of(base_ms: i64, step: u32) -> i64 {
    let late = if step % 5 == 4 { DAY_MS } else { 0 };
    (base_ms - late) * 1_000_000 + i64::from(step) * STEP_NS
}

/// A line that nobody else sends: of a few shapes, some with many variables, some long.
fn line_of(round: u32, writer: u32, s: u32, step: u32) -> String {
    let mut x = u64::from(round) << 48 ^ u64::from(writer) << 40 ^ u64::from(s) << 32 ^ u64::from(step);
    let (id, n) = (next(&mut x), next(&mut x));
    match n % 4 {
        0 => format!("request {id:016x} of user{} took {}ms", n % 1000, n % 977),
        1 => format!("GET /item/{} from 10.{}.{}.7: step {step} é", id % 100_000, n % 200, id % 250),
        2 => (0..24).fold(format!("values {id}"), |line, k| format!("{line},{}", (n >> k) % 1000)),
        _ => format!("id={id:x} {}", "no variable here ".repeat((n % 40) as usize)),
    }
}
