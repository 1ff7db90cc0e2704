//! `watchfire import`: takes in data of other systems.

use crate::exit::{Exit, no, unable};
use crate::remote::Remote;
use crate::{on_one_thread, progress};
use env::{RealClock, RealDisk};
use indicatif::ProgressBar;
use ingest::remote_write::encode::{HEADERS, Writer};
use model::{AppendError, Appendable, Appender, Committed, Labels, Samples};
use promblocks::Block;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tsdb::{Db, Options};

/// Samples sent or committed at a time.
const BATCH_SAMPLES: u64 = 50_000;
/// How often a batch is offered again to a server that is busy.
const ATTEMPTS: u32 = 60;

/// What came of it.
#[derive(Default)]
struct Count {
    samples: u64,
    histograms: u64,
    /// Older than the retention of the store.
    too_old: u64,
    refused: u64,
    first_refusal: Option<String>,
}

/// Takes in Prometheus blocks, into data on this machine or through a server.
pub fn prometheus(dir: &Path, data: Option<&Path>, url: &str) -> Result<(), Exit> {
    let blocks = open_blocks(dir)?;
    let total = blocks.iter().map(|b| b.meta().stats.samples).sum();
    let bar = progress::things(total, "importing");
    let count = match data {
        Some(data) => into_data(&blocks, data, &bar)?,
        None => on_one_thread(into_server(&blocks, url, &bar))?,
    };
    bar.finish_and_clear();
    println!(
        "{} blocks: {} samples and {} histograms taken in, {} samples left out as older than the retention",
        blocks.len(),
        count.samples,
        count.histograms,
        count.too_old
    );
    match count.first_refusal {
        Some(reason) => Err(no(format!("{} refused, the first because: {reason}", count.refused))),
        None => Ok(()),
    }
}

/// The blocks in a directory, oldest first; the directory may be a block itself.
fn open_blocks(dir: &Path) -> Result<Vec<Block>, Exit> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    if dir.join("meta.json").is_file() {
        dirs.push(dir.to_owned());
    } else {
        let entries =
            std::fs::read_dir(dir).map_err(|e| unable(format!("cannot read {}: {e}", dir.display())))?;
        dirs.extend(entries.flatten().map(|e| e.path()).filter(|p| p.join("meta.json").is_file()));
    }
    if dirs.is_empty() {
        return Err(unable(format!(
            "{} holds no Prometheus blocks (directories with a meta.json). A server that ran for less than two \
             hours has none yet: make a snapshot of it first",
            dir.display()
        )));
    }
    let mut blocks = Vec::new();
    for dir in dirs {
        blocks.push(Block::open(&dir).map_err(|e| no(e.to_string()))?);
    }
    blocks.sort_by_key(|b| b.meta().from_ms);
    Ok(blocks)
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

fn into_data(blocks: &[Block], data: &Path, bar: &ProgressBar) -> Result<Count, Exit> {
    let db = Db::open(Options::new(data), Arc::new(RealDisk), Arc::new(RealClock::new())).map_err(unable)?;
    let mut count = Count::default();
    let mut batch = DataBatch { db: &db, appender: db.appender(), held: 0 };
    for block in blocks {
        for item in block.batches() {
            let (labels, samples) = item.map_err(|e| no(e.to_string()))?;
            batch.add(&labels, &samples, &mut count);
            bar.inc(samples.len() as u64);
            if batch.held >= BATCH_SAMPLES {
                batch = batch.commit(&mut count)?;
            }
        }
    }
    batch.commit(&mut count)?;
    db.close().map_err(unable)?;
    Ok(count)
}

struct DataBatch<'a> {
    db: &'a Db,
    appender: Box<dyn Appender + 'a>,
    held: u64,
}

impl<'a> DataBatch<'a> {
    fn add(&mut self, labels: &Labels, samples: &Samples, count: &mut Count) {
        let series = match self.appender.series(labels) {
            Ok(series) => series,
            Err(e) => return count.refuse(samples.len() as u64, &e),
        };
        for (t, v) in samples.times.iter().zip(&samples.values) {
            if let Err(e) = self.appender.sample(series, *t, *v, 0) {
                count.refuse(1, &e);
            }
        }
        for (t, h) in samples.histogram_times.iter().zip(&samples.histograms) {
            if let Err(e) = self.appender.histogram(series, *t, (**h).clone(), 0) {
                count.refuse(1, &e);
            }
        }
        self.held += samples.len() as u64;
    }

    fn commit(self, count: &mut Count) -> Result<DataBatch<'a>, Exit> {
        let committed = on_one_thread(async { self.appender.commit().await.map_err(unable) })?;
        count.add(&committed);
        Ok(DataBatch { db: self.db, appender: self.db.appender(), held: 0 })
    }
}

impl Count {
    fn add(&mut self, c: &Committed) {
        self.samples += c.samples;
        self.histograms += c.histograms;
    }

    fn refuse(&mut self, n: u64, e: &AppendError) {
        match e {
            AppendError::OutOfBounds { setting: "storage.retention", .. } => self.too_old += n,
            _ => {
                self.refused += n;
                self.first_refusal.get_or_insert_with(|| e.to_string());
            }
        }
    }
}

async fn into_server(blocks: &[Block], url: &str, bar: &ProgressBar) -> Result<Count, Exit> {
    let remote = Remote::new(url)?;
    let oldest_ms = now_ms() - retention_ms(&remote).await?;
    let mut count = Count::default();
    let mut writer = Writer::new();
    for block in blocks {
        for item in block.batches() {
            let (labels, samples) = item.map_err(|e| no(e.to_string()))?;
            write_young(&mut writer, &labels, &samples, oldest_ms, &mut count);
            bar.inc(samples.len() as u64);
            if writer.samples() >= BATCH_SAMPLES {
                send(&remote, &mut writer, &mut count).await?;
            }
        }
    }
    if writer.samples() > 0 {
        send(&remote, &mut writer, &mut count).await?;
    }
    Ok(count)
}

/// How long the server keeps samples; all of time for a server that does not say.
async fn retention_ms(remote: &Remote) -> Result<i64, Exit> {
    let (status, body) = remote.get("/api/v1/status/store").await?;
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let told = answer["data"]["store"]["retention_ms"].as_i64();
    Ok(told.filter(|_| status == 200).unwrap_or(i64::MAX / 2))
}

fn write_young(writer: &mut Writer, labels: &Labels, samples: &Samples, oldest_ms: i64, count: &mut Count) {
    let floats = samples.times.partition_point(|t| *t < oldest_ms);
    let histograms = samples.histogram_times.partition_point(|t| *t < oldest_ms);
    count.too_old += (floats + histograms) as u64;
    if floats == samples.times.len() && histograms == samples.histogram_times.len() {
        return;
    }
    writer.series(labels);
    for (t, v) in samples.times.iter().zip(&samples.values).skip(floats) {
        count.samples += 1;
        writer.sample(*t, *v);
    }
    for (t, h) in samples.histogram_times.iter().zip(&samples.histograms).skip(histograms) {
        count.histograms += 1;
        writer.histogram(*t, h);
    }
}

async fn send(remote: &Remote, writer: &mut Writer, count: &mut Count) -> Result<(), Exit> {
    let body = writer.finish().to_vec();
    for attempt in 1..=ATTEMPTS {
        let (status, answer) = remote.post("/api/v1/write", &HEADERS, body.clone()).await?;
        match status {
            200..=299 => return Ok(()),
            400 => {
                // The rest of the body is stored; what was refused is told.
                count.refused += 1;
                let reason = String::from_utf8_lossy(&answer).trim().to_owned();
                count.first_refusal.get_or_insert(reason);
                return Ok(());
            }
            503 if attempt < ATTEMPTS => tokio::time::sleep(Duration::from_secs(1)).await,
            _ => {
                let answer = String::from_utf8_lossy(&answer);
                return Err(unable(format!("the server answers {status}: {}", answer.trim())));
            }
        }
    }
    Ok(())
}
