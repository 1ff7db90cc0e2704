//! An appender that writes down every call, in words.

use model::{AppendDone, AppendError, Appender, Committed, Exemplar, Histogram, Labels, Metadata, SeriesRef};
use std::collections::HashMap;

#[derive(Default)]
pub struct Recorder {
    pub by_key: HashMap<Vec<u8>, SeriesRef>,
    pub labels: Vec<Labels>,
    /// Ways of writing a series that are not its key.
    pub aliases: Vec<Vec<u8>>,
    pub lines: Vec<String>,
    pub histograms: Vec<Histogram>,
    pub values: Vec<u64>,
    /// Samples at this time or later are refused.
    pub future_ms: Option<i64>,
}

impl Recorder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    fn name(&self, s: SeriesRef) -> &Labels {
        &self.labels[s.0 as usize]
    }
}

fn start(start_ms: i64) -> String {
    if start_ms == 0 { String::new() } else { format!(" since {start_ms}") }
}

impl Appender for Recorder {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        self.by_key.get(key).copied()
    }

    fn remember(&mut self, alias: &[u8], series: SeriesRef) {
        let before = self.by_key.insert(alias.to_vec(), series);
        assert!(before.is_none(), "it was there to be found");
        self.aliases.push(alias.to_vec());
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        assert!(!self.by_key.contains_key(labels.key()), "{labels} was to be looked up first");
        let id = SeriesRef(self.labels.len() as u32);
        self.by_key.insert(labels.key().to_vec(), id);
        self.labels.push(labels.clone());
        Ok(id)
    }

    fn sample(&mut self, s: SeriesRef, time_ms: i64, value: f64, start_ms: i64) -> Result<(), AppendError> {
        if self.future_ms.is_some_and(|f| time_ms >= f) {
            return Err(AppendError::OutOfBounds {
                series: self.name(s).to_string(),
                time_ms,
                relation: "too far in the future",
                from_ms: 0,
                to_ms: self.future_ms.unwrap_or(0) - 1,
                setting: "storage.future_ms_max",
            });
        }
        self.values.push(value.to_bits());
        self.lines.push(format!("{} {value}@{time_ms}{}", self.name(s), start(start_ms)));
        Ok(())
    }

    fn histogram(
        &mut self,
        s: SeriesRef,
        time_ms: i64,
        histogram: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        self.lines.push(format!("{} histogram@{time_ms}{}", self.name(s), start(start_ms)));
        self.histograms.push(histogram);
        Ok(())
    }

    fn exemplar(&mut self, s: SeriesRef, e: Exemplar) -> Result<(), AppendError> {
        self.lines.push(format!("{} exemplar {} {}@{}", self.name(s), e.labels, e.value, e.time_ms));
        Ok(())
    }

    fn metadata(&mut self, family: &str, m: Metadata) -> Result<(), AppendError> {
        self.lines.push(format!("# {family} {} {:?} {:?}", m.kind, m.help, m.unit));
        Ok(())
    }

    fn commit(self: Box<Self>) -> AppendDone {
        Box::pin(std::future::ready(Ok(Committed::default())))
    }
}
