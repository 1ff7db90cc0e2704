//! An appender that writes down every call, so that two decodings can be compared.

use model::{AppendDone, AppendError, Appender, Committed, Exemplar, Histogram, Labels, Metadata, SeriesRef};
use std::collections::HashMap;

/// One call. Floats are held by their bits, so that NaN equals itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// Series, time, bits of the value, start time.
    Sample(SeriesRef, i64, u64, i64),
    /// Series, time, the histogram with a sum of zero, bits of the sum, start time. Float counts are compared
    /// as printed.
    Histogram(SeriesRef, i64, String, u64, i64),
    /// Series, labels, bits of the value, time.
    Exemplar(SeriesRef, Labels, u64, i64),
    /// Family and metadata.
    Metadata(String, Metadata),
}

/// Remembers series, calls and histograms.
#[derive(Default)]
pub struct Recorder {
    by_key: HashMap<Vec<u8>, SeriesRef>,
    pub series: Vec<Labels>,
    pub calls: Vec<Call>,
    pub histograms: Vec<Histogram>,
    pub exemplars: Vec<Exemplar>,
}

impl Appender for Recorder {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        self.by_key.get(key).copied()
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        let id = SeriesRef(self.series.len() as u32);
        let before = self.by_key.insert(labels.key().to_vec(), id);
        assert!(before.is_none(), "{labels} was to be looked up before it is made");
        assert_eq!(&Labels::from_key(labels.key()).expect("made labels have a valid key"), labels);
        self.series.push(labels.clone());
        Ok(id)
    }

    fn sample(&mut self, s: SeriesRef, time_ms: i64, value: f64, start_ms: i64) -> Result<(), AppendError> {
        self.calls.push(Call::Sample(s, time_ms, value.to_bits(), start_ms));
        Ok(())
    }

    fn histogram(
        &mut self,
        s: SeriesRef,
        time_ms: i64,
        h: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        h.check().expect("a histogram is checked before it is appended");
        let shown = format!("{:?}", Histogram { sum: 0.0, ..h.clone() });
        self.calls.push(Call::Histogram(s, time_ms, shown, h.sum.to_bits(), start_ms));
        self.histograms.push(h);
        Ok(())
    }

    fn exemplar(&mut self, s: SeriesRef, e: Exemplar) -> Result<(), AppendError> {
        self.calls.push(Call::Exemplar(s, e.labels.clone(), e.value.to_bits(), e.time_ms));
        self.exemplars.push(e);
        Ok(())
    }

    fn metadata(&mut self, family: &str, m: Metadata) -> Result<(), AppendError> {
        self.calls.push(Call::Metadata(family.to_owned(), m));
        Ok(())
    }

    fn commit(self: Box<Self>) -> AppendDone {
        Box::pin(std::future::ready(Ok(Committed::default())))
    }
}
