//! One batch on its way into the journal.

use super::record::{RECORD_BYTES, Record};
use super::{Shared, unavailable};
use hashbrown::{DefaultHashBuilder, HashTable};
use ingest::remote_write::encode::Writer;
use model::{
    AppendDone, AppendError, Appender, Committed, Exemplar, Histogram, Labels, Metadata, SeriesRef,
    Unavailable,
};
use std::hash::BuildHasher;
use std::sync::Arc;

pub(super) struct Batch {
    shared: Arc<Shared>,
    hasher: DefaultHashBuilder,
    by_key: HashTable<u32>,
    series: Vec<Labels>,
    points: Vec<(u32, Point)>,
    metadata: Vec<(String, Metadata)>,
    committed: Committed,
}

enum Point {
    /// Time, value and start.
    Float(i64, f64, i64),
    Histogram(i64, Box<Histogram>, i64),
    Exemplar(Box<Exemplar>),
}

impl Batch {
    pub(super) fn new(shared: Arc<Shared>) -> Batch {
        Batch {
            shared,
            hasher: DefaultHashBuilder::default(),
            by_key: HashTable::new(),
            series: Vec::new(),
            points: Vec::new(),
            metadata: Vec::new(),
            committed: Committed::default(),
        }
    }

    /// The batch as one record, or as several if it is large.
    fn records(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        let mut writer = Writer::new();
        for (family, metadata) in &self.metadata {
            end_if_large(&mut writer, &mut records);
            writer.metadata(family, metadata);
        }
        // A series' samples must stand together, in the order in which they came.
        self.points.sort_by_key(|(series, _)| *series);
        let mut last = None;
        for (series, point) in &self.points {
            let ended = end_if_large(&mut writer, &mut records);
            if ended || last != Some(series) {
                writer.series(&self.series[*series as usize]);
                last = Some(series);
            }
            match point {
                Point::Float(time_ms, value, start_ms) => writer.sample_since(*time_ms, *value, *start_ms),
                Point::Histogram(time_ms, histogram, start_ms) => {
                    writer.histogram_since(*time_ms, histogram, *start_ms);
                }
                Point::Exemplar(exemplar) => writer.exemplar(exemplar),
            }
        }
        records.push(record(&mut writer));
        records
    }
}

fn record(writer: &mut Writer) -> Record {
    let samples = u32::try_from(writer.samples()).unwrap_or(u32::MAX);
    Record { samples, request: writer.finish_raw() }
}

/// Ends the record being written if it has its size.
fn end_if_large(writer: &mut Writer, records: &mut Vec<Record>) -> bool {
    let large = writer.len() >= RECORD_BYTES;
    if large {
        records.push(record(writer));
    }
    large
}

impl Appender for Batch {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        let series = &self.series;
        let found = self.by_key.find(self.hasher.hash_one(key), |id| series[*id as usize].key() == key);
        found.map(|id| SeriesRef(*id))
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        if let Some(known) = self.lookup(labels.key()) {
            return Ok(known);
        }
        let id = self.series.len() as u32;
        self.series.push(labels.clone());
        let (series, hasher) = (&self.series, &self.hasher);
        let hash = |id: &u32| hasher.hash_one(series[*id as usize].key());
        self.by_key.insert_unique(hasher.hash_one(labels.key()), id, hash);
        Ok(SeriesRef(id))
    }

    fn sample(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        value: f64,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        self.points.push((series.0, Point::Float(time_ms, value, start_ms)));
        self.committed.samples += 1;
        Ok(())
    }

    fn histogram(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        histogram: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        self.points.push((series.0, Point::Histogram(time_ms, Box::new(histogram), start_ms)));
        self.committed.histograms += 1;
        Ok(())
    }

    fn exemplar(&mut self, series: SeriesRef, exemplar: Exemplar) -> Result<(), AppendError> {
        self.points.push((series.0, Point::Exemplar(Box::new(exemplar))));
        self.committed.exemplars += 1;
        Ok(())
    }

    fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError> {
        self.metadata.push((family.to_owned(), metadata));
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> AppendDone {
        if self.points.is_empty() && self.metadata.is_empty() {
            return Box::pin(std::future::ready(Ok(self.committed)));
        }
        let encoded: std::io::Result<Vec<Vec<u8>>> = self.records().iter().map(Record::encode).collect();
        let records = match encoded {
            Ok(records) => records,
            Err(e) => return Box::pin(std::future::ready(Err(Unavailable::ReadOnly(e.to_string())))),
        };
        let all: Vec<_> = records.into_iter().map(|bytes| self.shared.journal(bytes)).collect();
        let committed = self.committed;
        Box::pin(async move {
            for told in all {
                match told.await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Err(unavailable(error)),
                    Err(_) => return Err(Unavailable::Closed),
                }
            }
            Ok(committed)
        })
    }
}
