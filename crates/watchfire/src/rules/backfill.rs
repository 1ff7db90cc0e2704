//! `watchfire rules backfill`: recorded series for a time before their rules were there.

use super::args::BackfillArgs;
use super::{counted, read, told};
use crate::exit::{Exit, no, unable, written};
use crate::progress;
use crate::query::time;
use crate::remote::Remote;
use indicatif::ProgressBar;
use rules::{Expression, FileOptions, Group, Order, Rule, RuleFile, RuleKind};
use serde_json::{Value, json};
use server::http::time::{format_rfc3339, parse_duration};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Steps of one stretch of time: every rule of every group is evaluated over it before the next begins.
const STRETCH_STEPS: i64 = 500;
/// Between evaluations where neither the command nor the group says so, milliseconds.
const INTERVAL_MS: i64 = 60_000;
/// How often a request is made again to a server that is busy.
const ATTEMPTS: u32 = 60;
/// So many steps of a rule that fail one after the other end it all.
const FAILURES_MAX: u64 = 20;

/// What came of one rule.
#[derive(Default)]
struct Outcome {
    steps: u64,
    samples: u64,
    failed: u64,
    failed_in_a_row: u64,
    first_error: Option<(i64, String)>,
    /// Most steps that the server takes of it at once.
    steps_max: i64,
}

/// One group and when it is evaluated.
struct Job {
    file: String,
    group: Group,
    step_ms: i64,
}

/// A stretch of time; both ends count.
#[derive(Clone, Copy)]
struct Stretch {
    first_ms: i64,
    last_ms: i64,
}

/// Runs the command.
pub async fn run(args: &BackfillArgs) -> Result<(), Exit> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let start_ms = time(&args.start, now_ms)?;
    let end_ms = args.end.as_deref().map(|t| time(t, now_ms)).transpose()?.unwrap_or(now_ms);
    if end_ms < start_ms {
        return Err(no("the time ends before it begins: --end must not be before --start"));
    }
    let jobs = jobs(args)?;
    let order = Order::of(&jobs.iter().map(|j| j.group.clone()).collect::<Vec<_>>());
    if order.circular {
        eprintln!("groups read each other in a circle: all of them go step by step, which takes long");
    }
    let mut work = Work {
        remote: Remote::new(&args.url)?,
        bar: progress::things(steps_in_all(&jobs, start_ms, end_ms), "evaluations"),
        outcomes: BTreeMap::new(),
    };
    let shortest = jobs.iter().map(|j| j.step_ms).min().unwrap_or(INTERVAL_MS);
    let length = if order.circular { shortest } else { shortest.saturating_mul(STRETCH_STEPS) };
    let mut from_ms = start_ms;
    while from_ms <= end_ms {
        let until_ms = from_ms.saturating_add(length - 1).min(end_ms);
        for place in &order.groups {
            work.group(*place, &jobs[*place], (from_ms, until_ms), order.stepwise[*place]).await?;
        }
        from_ms = until_ms.saturating_add(1);
    }
    work.bar.finish_and_clear();
    report(&jobs, &work.outcomes)
}

/// The groups with recording rules.
fn jobs(args: &BackfillArgs) -> Result<Vec<Job>, Exit> {
    let step_ms = match &args.eval_interval {
        Some(text) => {
            let ms = parse_duration(text).map_err(|e| no(format!("--eval-interval: {e}")))?;
            Some(Some(ms).filter(|ms| *ms > 0).ok_or_else(|| no("--eval-interval: it must be positive"))?)
        }
        None => None,
    };
    let options = FileOptions { language: args.language.unwrap_or_default(), ..FileOptions::default() };
    let mut out = Vec::new();
    for path in &args.files {
        let file = RuleFile::parse(&read(path)?, options).map_err(|problems| no(told(path, &problems)))?;
        let alerts = file.groups.iter().flat_map(|g| &g.rules).filter(|r| r.kind == RuleKind::Alert).count();
        if alerts > 0 {
            eprintln!("{}: {} left out", path.display(), counted(alerts, "alerting rule"));
        }
        out.extend(file.groups.into_iter().map(|group| Job {
            file: path.display().to_string(),
            step_ms: step_ms.or(group.interval_ms).unwrap_or(INTERVAL_MS),
            group,
        }));
    }
    out.retain(|job| job.group.rules.iter().any(|r| r.kind == RuleKind::Record));
    if out.is_empty() {
        return Err(no("there are no recording rules in these files"));
    }
    Ok(out)
}

/// The multiples of a step within a span of time; nothing if there are none.
fn within(from_ms: i64, until_ms: i64, step_ms: i64) -> Option<Stretch> {
    let first_ms = from_ms + (-from_ms).rem_euclid(step_ms);
    let last_ms = until_ms - until_ms.rem_euclid(step_ms);
    (first_ms <= last_ms).then_some(Stretch { first_ms, last_ms })
}

fn steps_in_all(jobs: &[Job], start_ms: i64, end_ms: i64) -> u64 {
    let of = |job: &Job| {
        let steps =
            within(start_ms, end_ms, job.step_ms).map_or(0, |s| (s.last_ms - s.first_ms) / job.step_ms + 1);
        steps.unsigned_abs() * records(&job.group).count() as u64
    };
    jobs.iter().map(of).sum()
}

fn records(group: &Group) -> impl Iterator<Item = (usize, &Rule)> {
    group.rules.iter().enumerate().filter(|(_, r)| r.kind == RuleKind::Record)
}

struct Work {
    remote: Remote,
    bar: ProgressBar,
    /// By the places of group and rule.
    outcomes: BTreeMap<(usize, usize), Outcome>,
}

impl Work {
    async fn group(
        &mut self,
        place: usize,
        job: &Job,
        (from_ms, until_ms): (i64, i64),
        stepwise: bool,
    ) -> Result<(), Exit> {
        let Some(all) = within(from_ms, until_ms, job.step_ms) else { return Ok(()) };
        let length = if stepwise { 0 } else { all.last_ms - all.first_ms };
        let mut first_ms = all.first_ms;
        while first_ms <= all.last_ms {
            let last_ms = first_ms + length;
            for (i, rule) in records(&job.group) {
                let mut outcome = self.outcomes.remove(&(place, i)).unwrap_or_default();
                let done = self.rule(job, rule, Stretch { first_ms, last_ms }, &mut outcome).await;
                self.outcomes.insert((place, i), outcome);
                done?;
            }
            first_ms = last_ms + job.step_ms;
        }
        Ok(())
    }

    /// Evaluates a rule over a stretch of time, in as many pieces as the server needs.
    async fn rule(
        &self,
        job: &Job,
        rule: &Rule,
        stretch: Stretch,
        outcome: &mut Outcome,
    ) -> Result<(), Exit> {
        if outcome.steps_max == 0 {
            outcome.steps_max = STRETCH_STEPS;
        }
        let (mut first_ms, mut attempts) = (stretch.first_ms, 0);
        while first_ms <= stretch.last_ms {
            let steps = ((stretch.last_ms - first_ms) / job.step_ms + 1).min(outcome.steps_max);
            let piece = Stretch { first_ms, last_ms: first_ms + (steps - 1) * job.step_ms };
            let body = asked(job, rule, piece).to_string();
            let json = [("content-type", "application/json")];
            let (status, answer) =
                self.remote.post("/api/v1/rules/backfill", &json, body.into_bytes()).await?;
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            let reason = || answer["error"].as_str().unwrap_or("it gives no reason").to_owned();
            match (status, answer["errorType"].as_str()) {
                (200, _) => outcome.take(&answer["data"]),
                // It is too much at once.
                (422, _) | (503, Some("timeout")) if steps > 1 => {
                    outcome.steps_max = steps / 2;
                    continue;
                }
                (422, _) | (503, Some("timeout")) => outcome.fail(first_ms, reason()),
                (503, _) if attempts < ATTEMPTS => {
                    attempts += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
                (404, _) => {
                    return Err(unable(format!(
                        "{}: this server cannot back-fill rules",
                        self.remote.url("/")
                    )));
                }
                _ => return Err(unable(format!("{}: the server answers {status}: {}", rule.name, reason()))),
            }
            if outcome.failed_in_a_row >= FAILURES_MAX {
                let (at, why) = outcome.first_error.clone().unwrap_or_default();
                return Err(no(format!(
                    "{}: group {:?}, {}: {FAILURES_MAX} evaluations failed one after the other, the first at {}: {why}",
                    job.file,
                    job.group.name,
                    rule.name,
                    format_rfc3339(at)
                )));
            }
            self.bar.inc(steps.unsigned_abs());
            first_ms = piece.last_ms + job.step_ms;
        }
        Ok(())
    }
}

fn asked(job: &Job, rule: &Rule, piece: Stretch) -> Value {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut asked = json!({
        "record": rule.name, "expr": rule.expr_text, "labels": rule.labels,
        "language": rule.expr.language().as_str(),
        "start": seconds(piece.first_ms), "end": seconds(piece.last_ms), "step": seconds(job.step_ms),
    });
    if let Some(tenant) = &job.group.tenant {
        asked["tenant"] = tenant.as_str().into();
    }
    if let Some(limit) = job.group.limit {
        asked["limit"] = limit.into();
    }
    if let Expression::TraceQl { range_ms, .. } = &rule.expr {
        asked["range"] = format!("{range_ms}ms").into();
    }
    asked
}

impl Outcome {
    fn take(&mut self, data: &Value) {
        let figure = |name: &str| data[name].as_u64().unwrap_or(0);
        let (steps, failed) = (figure("steps"), figure("errorCount"));
        self.steps += steps;
        self.samples += figure("samples");
        self.failed += failed;
        self.failed_in_a_row = if failed == steps && steps > 0 { self.failed_in_a_row + failed } else { 0 };
        if let Some(first) = data["errors"].get(0) {
            let at_ms = (first["at"].as_f64().unwrap_or(0.0) * 1000.0) as i64;
            self.first_error.get_or_insert((at_ms, first["error"].as_str().unwrap_or("").to_owned()));
        }
    }

    fn fail(&mut self, at_ms: i64, reason: String) {
        self.steps += 1;
        self.failed += 1;
        self.failed_in_a_row += 1;
        self.first_error.get_or_insert((at_ms, reason));
    }
}

/// Says what was written, rule by rule; failed evaluations are a no.
fn report(jobs: &[Job], outcomes: &BTreeMap<(usize, usize), Outcome>) -> Result<(), Exit> {
    let mut out = std::io::stdout().lock();
    let (mut samples, mut failed) = (0, 0);
    for ((place, i), outcome) in outcomes {
        let (job, rule) = (&jobs[*place], &jobs[*place].group.rules[*i]);
        let (name, group) = (&rule.name, &job.group.name);
        let line = format!(
            "{group}: {name}: {} at {}",
            counted_u64(outcome.samples, "sample"),
            counted_u64(outcome.steps, "instant")
        );
        written(writeln!(out, "{line}"))?;
        if let Some((at, why)) = &outcome.first_error {
            let at = format_rfc3339(*at);
            written(writeln!(out, "    {} failed, the first at {at}: {why}", outcome.failed))?;
        }
        samples += outcome.samples;
        failed += outcome.failed;
    }
    written(writeln!(
        out,
        "{} written, {} failed",
        counted_u64(samples, "sample"),
        counted_u64(failed, "evaluation")
    ))?;
    if failed > 0 { Err(no("")) } else { Ok(()) }
}

fn counted_u64(n: u64, one: &str) -> String {
    counted(usize::try_from(n).unwrap_or(usize::MAX), one)
}
