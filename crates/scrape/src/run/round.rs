//! The life of one target: scrape, keep, wait, and again.

use super::batch::{Batch, Float, Native};
use super::body::format;
use super::cache::SeriesCache;
use super::digest::{Counts, Rules, digest};
use super::failures;
use super::metadata::MetadataSeen;
use super::report::{Figures, Report};
use super::scraper::Shared;
use super::status::Health;
use super::target::Target;
use super::time::{Aligned, now_ms, now_ns, until_turn};
use crate::config::Job;
use crate::http::{FetchError, HttpClient, read_body};
use model::{AppendDone, Counts as Buckets, Histogram, Labels, ResetHint, Unavailable, stale_nan};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How a job scrapes, as long as its configuration stays the same.
pub(super) struct Settings {
    pub job: Arc<Job>,
    pub client: Result<Arc<HttpClient>, String>,
    pub accept: String,
    /// Set when no target of the job may be scraped, with the reason.
    pub refused: Option<String>,
}

/// Why a target's rounds end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The target is gone: its series end now.
    Removed,
    /// Another target takes over the series.
    Replaced,
    /// The process ends; whoever comes next continues the series.
    Shutdown,
}

/// Commits of one target under way at a time; more wait, and so does the next scrape.
const COMMITS_MAX: usize = 4;
/// How often a batch is offered to a busy store.
const COMMIT_TRIES: u32 = 4;
/// The longest wait between two tries.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long the last commits may take once the rounds are over.
const LAST_COMMITS_WAIT: Duration = Duration::from_secs(5);
/// Bodies up to this size are read on the spot, larger ones where they hold up nobody.
const SMALL_BODY_BYTES: usize = 64 << 10;

const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// What a target's rounds carry from one to the next.
#[derive(Default)]
pub(super) struct Memory {
    pub cache: SeriesCache,
    metadata: MetadataSeen,
    /// The timestamp of the last scrape, if there was one.
    last_ms: Option<i64>,
}

pub(super) struct Rounds {
    target: Arc<Target>,
    shared: Arc<Shared>,
    settings: watch::Receiver<Arc<Settings>>,
    report: Report,
    memory: Memory,
    commits: JoinSet<bool>,
}

impl Rounds {
    pub(super) fn new(
        target: Arc<Target>,
        shared: Arc<Shared>,
        settings: watch::Receiver<Arc<Settings>>,
        mut memory: Memory,
    ) -> Rounds {
        memory.cache.forget_lines();
        let report = Report::new(&target.public);
        Rounds { target, shared, settings, report, memory, commits: JoinSet::new() }
    }

    /// Scrapes until told to stop. What is remembered of the series comes back, for a successor.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<Stop>) -> Memory {
        let reason = tokio::select! {
            // A dropped sender means that the job is gone without a word, as at shutdown.
            reason = &mut stop => reason.unwrap_or(Stop::Shutdown),
            never = self.scrape_forever() => match never {},
        };
        if reason == Stop::Removed {
            self.end_series();
        }
        let all = async { while self.commits.join_next().await.is_some() {} };
        // Commits run to their end on their own; only their outcome is lost.
        let _ = tokio::time::timeout(LAST_COMMITS_WAIT, all).await;
        self.commits.detach_all();
        self.memory
    }

    async fn scrape_forever(&mut self) -> std::convert::Infallible {
        let interval = Duration::from(self.target.interval);
        let wait = until_turn(now_ns(), interval, self.target.hash() ^ self.shared.options.offset_seed);
        let mut next = Instant::now() + wait;
        let mut aligned = Aligned::default();
        let mut applied = self.settings.borrow_and_update().clone();
        loop {
            tokio::time::sleep_until(next).await;
            if self.settings.has_changed().unwrap_or(false) {
                let new = self.settings.borrow_and_update().clone();
                if !Arc::ptr_eq(&new.job, &applied.job) {
                    self.memory.cache.forget_lines();
                }
                applied = new;
            }
            while self.commits.len() >= COMMITS_MAX {
                self.reap(true).await;
            }
            self.reap(false).await;
            let time_ms = aligned.stamp(now_ms(), interval);
            self.scrape(&applied, time_ms).await;
            next += interval;
            let now = Instant::now();
            if next < now {
                // Turns that went by are skipped; the next keeps its place within the interval.
                let late = (now - next).as_nanos() / interval.as_nanos().max(1) + 1;
                next += interval * u32::try_from(late).unwrap_or(u32::MAX);
            }
        }
    }

    /// Takes note of commits that are done.
    async fn reap(&mut self, wait: bool) {
        let done = if wait { self.commits.join_next().await } else { self.commits.try_join_next() };
        if let Some(Ok(false)) = done {
            self.memory.metadata.clear();
        }
    }

    async fn scrape(&mut self, settings: &Arc<Settings>, time_ms: i64) {
        let Ok(_turn) = self.shared.turns.acquire().await else { return };
        let started = Instant::now();
        let mut body = self.shared.buffers.take();
        let fetched = match &settings.refused {
            Some(reason) => Err(FetchError::Request(reason.clone())),
            None => self.fetch(settings, &mut body).await,
        };
        let work = Work {
            target: self.target.clone(),
            shared: self.shared.clone(),
            settings: settings.clone(),
            fetched,
            body,
            time_ms,
            started,
        };
        let mut memory = std::mem::take(&mut self.memory);
        let report = &self.report;
        // A store may take its time to append, and a large body to be read: neither may hold up other targets.
        let kept = if work.body.len() <= SMALL_BODY_BYTES {
            work.keep(&mut memory, report)
        } else {
            tokio::task::block_in_place(|| work.keep(&mut memory, report))
        };
        memory.last_ms = Some(time_ms);
        self.memory = memory;
        self.commits.spawn(settle(kept.done, kept.batch, self.target.clone(), self.shared.clone()));
    }

    async fn fetch(&self, settings: &Settings, body: &mut Vec<u8>) -> Result<String, FetchError> {
        let client = settings.client.as_ref().map_err(|e| FetchError::Request(e.clone()))?;
        let headers = headers(settings, &self.target)
            .map_err(|e| FetchError::Request(format!("a request header is not valid: {e}")))?;
        let own = settings.job.body_size_limit.bytes();
        let most = self.shared.options.body_bytes_max;
        let (limit, setting) =
            if own > 0 && own < most { (own, "body_size_limit") } else { (most, "body_bytes_max") };
        let answer = async {
            let response = client.get(&self.target.url, headers).await?;
            let kind =
                response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
            read_body(response, limit, setting, body).await?;
            Ok(kind)
        };
        match tokio::time::timeout(Duration::from(self.target.timeout), answer).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Request(format!(
                "no complete answer within the scrape_timeout of {}",
                self.target.timeout
            ))),
        }
    }

    /// Ends every series of a target that is gone.
    fn end_series(&mut self) {
        // No scrape, no series; and a marker has to lie behind the last sample.
        let Some(last) = self.memory.last_ms else { return };
        let time_ms = now_ms().max(last + 1);
        let mut batch = Batch::default();
        self.memory.cache.begin();
        self.memory.cache.fail(|labels, histogram| mark_stale(labels, histogram, time_ms, &mut batch));
        self.report.end(self.settings.borrow().job.extra_metrics, time_ms, &mut batch);
        let (done, _) = batch.append(&*self.shared.store);
        self.commits.spawn(settle(done, batch, self.target.clone(), self.shared.clone()));
    }
}

fn headers(settings: &Settings, target: &Target) -> Result<HeaderMap, reqwest::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_str(&settings.accept)?);
    let encoding = if settings.job.compression { "gzip" } else { "identity" };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    let seconds = Duration::from(target.timeout).as_secs_f64().to_string();
    headers.insert(TIMEOUT_HEADER, HeaderValue::from_str(&seconds)?);
    Ok(headers)
}

/// One scrape after its answer has come (or not): everything that needs no waiting.
struct Work {
    target: Arc<Target>,
    shared: Arc<Shared>,
    settings: Arc<Settings>,
    fetched: Result<String, FetchError>,
    body: Vec<u8>,
    time_ms: i64,
    started: Instant,
}

struct Kept {
    batch: Batch,
    done: AppendDone,
}

impl Work {
    fn keep(self, memory: &mut Memory, report: &Report) -> Kept {
        let mut batch = Batch::default();
        let (counts, error) = self.read(memory, &mut batch);
        let job = &self.settings.job;
        let body_bytes = match &self.fetched {
            Err(FetchError::BodySize { .. }) => -1,
            Err(_) => 0,
            Ok(_) => self.body.len() as i64,
        };
        let took = self.started.elapsed();
        let figures = Figures {
            up: error.is_none(),
            duration_s: took.as_secs_f64(),
            scraped: counts.scraped,
            kept: counts.kept,
            added: counts.added,
            timeout_s: Duration::from(self.target.timeout).as_secs_f64(),
            sample_limit: job.sample_limit,
            body_bytes,
        };
        report.write(&figures, job.extra_metrics, self.time_ms, &mut batch);
        let (done, refused) = batch.append(&*self.shared.store);
        let counters = &self.shared.counters;
        counters.scrapes.fetch_add(1, Relaxed);
        counters.samples.fetch_add(batch.len() as u64, Relaxed);
        let lost = counts.refused + refused.count;
        counters.refused.fetch_add(lost + counts.duplicates, Relaxed);
        if error.is_some() {
            counters.failed.fetch_add(1, Relaxed);
        }
        let message = error.clone().unwrap_or_else(|| {
            let first = counts.first_refusal.or(refused.first);
            partial(lost, first.map(|e| e.to_string()), counts.duplicates)
        });
        self.note(&message, error.is_none(), took);
        self.shared.buffers.give(self.body);
        Kept { batch, done }
    }

    /// Reads the body into the batch; without a good one, the series that were alive end.
    fn read(&self, memory: &mut Memory, batch: &mut Batch) -> (Counts, Option<String>) {
        let job = &*self.settings.job;
        let Memory { cache, metadata, .. } = memory;
        cache.begin();
        let read = match &self.fetched {
            Err(e) => (Counts::default(), Err(e.to_string())),
            Ok(content_type) => match format(content_type, job.fallback_protocol) {
                Err(e) => (Counts::default(), Err(e)),
                Ok(format) => {
                    let limits = &self.shared.options.limits;
                    let rules = Rules { job, target: &self.target.public, limits };
                    digest(&self.body, format, self.time_ms, &rules, cache, metadata, batch)
                }
            },
        };
        let time_ms = self.time_ms;
        match read {
            (counts, Ok(())) => {
                cache.succeed(|labels, histogram| mark_stale(labels, histogram, time_ms, batch));
                (counts, None)
            }
            (counts, Err(error)) => {
                *batch = Batch::default();
                metadata.clear();
                cache.fail(|labels, histogram| mark_stale(labels, histogram, time_ms, batch));
                (counts, Some(error))
            }
        }
    }

    fn note(&self, message: &str, up: bool, took: Duration) {
        let (job, url) = (&self.target.pool, self.target.url.as_str());
        let mut unwritten = None;
        if let (false, Some(path)) = (up, &self.settings.job.failure_log) {
            unwritten = failures::append(path, self.time_ms, job, url, message).err().map(|e| (path, e));
        }
        let mut last = self.target.last.lock();
        if last.error != message && !message.is_empty() {
            if let Some((path, e)) = unwritten {
                tracing::warn!(job, path = %path.display(), error = %e, "cannot write to scrape_failure_log_file");
            }
            if up {
                tracing::warn!(job, url, reason = message, "part of a scrape was not kept");
            } else {
                tracing::info!(job, url, reason = message, "scrape failed");
            }
        }
        last.health = if up { Health::Up } else { Health::Down };
        message.clone_into(&mut last.error);
        last.at_ms = Some(self.time_ms);
        last.took = took;
    }
}

/// In words, what of a scrape was not kept; empty if all was.
fn partial(lost: u64, first: Option<String>, duplicates: u64) -> String {
    match (lost, first, duplicates) {
        (0, _, 0) => String::new(),
        (0, _, d) => format!("{} dropped because the series already had one in this scrape", samples(d)),
        (n, first, _) => format!("{} not kept; the first: {}", samples(n), first.unwrap_or_default()),
    }
}

fn samples(n: u64) -> String {
    if n == 1 { "1 sample was".to_owned() } else { format!("{n} samples were") }
}

fn mark_stale(labels: &Labels, histogram: bool, time_ms: i64, batch: &mut Batch) {
    let labels = labels.clone();
    if !histogram {
        batch.floats.push(Float { labels, time_ms, value: stale_nan(), start_ms: 0 });
        return;
    }
    let histogram = Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 0,
        zero_threshold: 0.0,
        sum: stale_nan(),
        positive_spans: Vec::new(),
        negative_spans: Vec::new(),
        custom_bounds: Vec::new(),
        counts: Buckets::Integer { count: 0, zero: 0, positive: Vec::new(), negative: Vec::new() },
    };
    batch.histograms.push(Native { labels, time_ms, histogram, start_ms: 0 });
}

/// Waits until a batch is safe, and offers it again while the store is busy. False if it is lost.
async fn settle(mut done: AppendDone, batch: Batch, target: Arc<Target>, shared: Arc<Shared>) -> bool {
    for tries in 1.. {
        let refusal = match done.await {
            Ok(_) => return true,
            Err(refusal) => refusal,
        };
        let wait = match &refusal {
            Unavailable::Busy { retry_after, .. } => (*retry_after).min(COMMIT_WAIT_MAX),
            Unavailable::ReadOnly(_) => COMMIT_WAIT_MAX.min(Duration::from_secs(1)),
            Unavailable::Closed => Duration::ZERO,
        };
        if tries >= COMMIT_TRIES || refusal == Unavailable::Closed {
            let samples = batch.len() as u64;
            shared.counters.lost.fetch_add(samples, Relaxed);
            tracing::warn!(job = target.pool, url = target.url.as_str(), samples, reason = %refusal, "a scrape is lost");
            target.last.lock().error = format!("scraped, but {samples} samples are lost: {refusal}");
            return false;
        }
        shared.counters.retries.fetch_add(1, Relaxed);
        tokio::time::sleep(wait).await;
        done = batch.append(&*shared.store).0;
    }
    false
}
