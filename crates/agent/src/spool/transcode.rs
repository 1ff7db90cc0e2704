//! From what lies in the spool, requests of remote write 1.0, to one request of 2.0.

use hashbrown::{DefaultHashBuilder, HashTable};
use ingest::Limits;
use ingest::remote_write::encode_v2::{Request, RequestSeries};
use ingest::remote_write::v1;
use model::{
    AppendDone, AppendError, Appender, Committed, Exemplar, Histogram, Labels, METRIC_NAME, Metadata,
    SeriesRef,
};
use std::collections::BTreeMap;
use std::hash::BuildHasher;

/// Families whose metadata waits for a series of theirs; more are forgotten.
const OWED_MAX: usize = 10_000;

/// What was journaled was within bounds; here it is only passed on.
const NO_LIMITS: Limits = Limits {
    body_bytes_max: u64::MAX,
    decompressed_bytes_max: u64::MAX,
    labels_per_series_max: u64::MAX,
    label_name_bytes_max: u64::MAX,
    label_value_bytes_max: u64::MAX,
    exemplar_labels_bytes_max: u64::MAX,
    histogram_buckets_max: u64::MAX,
    metadata_bytes_max: u64::MAX,
};

/// Metadata by family.
pub(super) type Families = BTreeMap<String, Metadata>;

/// The request of 2.0 for one or more requests of 1.0, one after another, and the metadata that found no series in
/// it: in 2.0 metadata belongs to series, so that of `owed` and of the requests goes with the first of its family.
/// `None` if there is anything that 2.0 cannot say; then 1.0 must.
pub(super) fn transcode(raw: &[u8], owed: &Families) -> Option<(Vec<u8>, Families)> {
    let mut transcoder = Transcoder {
        request: Request::new(),
        hasher: DefaultHashBuilder::default(),
        by_key: HashTable::new(),
        series: Vec::new(),
        families: owed.clone(),
    };
    let outcome = v1::decode(raw, &NO_LIMITS, &mut transcoder).ok()?;
    if !outcome.is_complete() || transcoder.request.samples() == 0 {
        return None;
    }
    Some(transcoder.finish())
}

struct Transcoder {
    request: Request,
    hasher: DefaultHashBuilder,
    by_key: HashTable<u32>,
    series: Vec<(Labels, RequestSeries)>,
    families: Families,
}

impl Transcoder {
    fn finish(mut self) -> (Vec<u8>, Families) {
        for (labels, series) in &self.series {
            if self.families.is_empty() {
                break;
            }
            let name = labels.get(METRIC_NAME).unwrap_or("");
            if let Some(metadata) = take(&mut self.families, name) {
                self.request.metadata(*series, &metadata);
            }
        }
        while self.families.len() > OWED_MAX {
            self.families.pop_last();
        }
        (self.request.finish(), self.families)
    }
}

/// The metadata of a metric: its own, or of the family it is a part of.
fn take(families: &mut Families, name: &str) -> Option<Metadata> {
    const SUFFIXES: [&str; 8] =
        ["_total", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_created", "_info"];
    families.remove(name).or_else(|| SUFFIXES.iter().find_map(|s| families.remove(name.strip_suffix(s)?)))
}

impl Appender for Transcoder {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        let series = &self.series;
        let same = |id: &u32| series[*id as usize].0.key() == key;
        self.by_key.find(self.hasher.hash_one(key), same).map(|id| SeriesRef(*id))
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        if let Some(known) = self.lookup(labels.key()) {
            return Ok(known);
        }
        let id = self.series.len() as u32;
        self.series.push((labels.clone(), self.request.series(labels)));
        let (series, hasher) = (&self.series, &self.hasher);
        let hash = |id: &u32| hasher.hash_one(series[*id as usize].0.key());
        self.by_key.insert_unique(hasher.hash_one(labels.key()), id, hash);
        Ok(SeriesRef(id))
    }

    fn sample(&mut self, s: SeriesRef, time_ms: i64, value: f64, start_ms: i64) -> Result<(), AppendError> {
        self.request.sample(self.series[s.0 as usize].1, time_ms, value, start_ms);
        Ok(())
    }

    fn histogram(
        &mut self,
        s: SeriesRef,
        time_ms: i64,
        histogram: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        self.request.histogram(self.series[s.0 as usize].1, time_ms, &histogram, start_ms);
        Ok(())
    }

    fn exemplar(&mut self, s: SeriesRef, exemplar: Exemplar) -> Result<(), AppendError> {
        self.request.exemplar(self.series[s.0 as usize].1, &exemplar);
        Ok(())
    }

    fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError> {
        self.families.insert(family.to_owned(), metadata);
        Ok(())
    }

    /// Nothing is kept here: the request is taken out instead.
    fn commit(self: Box<Self>) -> AppendDone {
        Box::pin(std::future::ready(Ok(Committed::default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingest::remote_write::encode::Writer;
    use model::MetricKind;

    fn metadata(kind: MetricKind, help: &str) -> Metadata {
        Metadata { kind, help: help.to_owned(), unit: String::new() }
    }

    fn labels(name: &str, a: &str) -> Labels {
        Labels::from_pairs([(METRIC_NAME, name), ("a", a)]).unwrap()
    }

    /// What a receiver of 2.0 finds: series with their samples, and families.
    #[derive(Default)]
    struct Found {
        series: Vec<Labels>,
        samples: Vec<(String, i64, f64, i64)>,
        families: Families,
    }

    impl Appender for Found {
        fn lookup(&mut self, _: &[u8]) -> Option<SeriesRef> {
            None
        }
        fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
            self.series.push(labels.clone());
            Ok(SeriesRef(self.series.len() as u32 - 1))
        }
        fn sample(&mut self, s: SeriesRef, t: i64, v: f64, start: i64) -> Result<(), AppendError> {
            self.samples.push((self.series[s.0 as usize].to_string(), t, v, start));
            Ok(())
        }
        fn histogram(&mut self, s: SeriesRef, t: i64, h: Histogram, start: i64) -> Result<(), AppendError> {
            self.sample(s, t, h.sum, start)
        }
        fn exemplar(&mut self, s: SeriesRef, e: Exemplar) -> Result<(), AppendError> {
            self.samples.push((format!("{} {}", self.series[s.0 as usize], e.labels), e.time_ms, e.value, 0));
            Ok(())
        }
        fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError> {
            self.families.insert(family.to_owned(), metadata);
            Ok(())
        }
        fn commit(self: Box<Self>) -> AppendDone {
            unreachable!("nothing is committed here")
        }
    }

    fn found(body: &[u8]) -> Found {
        let mut found = Found::default();
        let outcome =
            ingest::remote_write::v2::decode(body, &Limits::default(), &mut found).expect("it is a request");
        assert!(outcome.is_complete(), "{:?}", outcome.refusal());
        found
    }

    #[test]
    fn joined_requests_become_one_with_each_series_once() {
        let mut raw = Vec::new();
        let mut w = Writer::new();
        for t in [1, 2] {
            w.series(&labels("n_total", "é"));
            w.sample_since(t, -0.0, 7);
            w.exemplar(&Exemplar { labels: labels("x", "trace"), value: 2.5, time_ms: t });
            w.series(&labels("m", ""));
            w.sample(t, f64::from_bits(0x7ff0_0000_0000_0002));
            raw.extend(w.finish_raw());
        }
        let (body, _) = transcode(&raw, &Families::new()).unwrap();
        let got = found(&body);
        let n = labels("n_total", "é").to_string();
        let exemplar = format!("{n} {}", labels("x", "trace"));
        let shown: Vec<_> =
            got.samples.iter().map(|(s, t, v, start)| (s.as_str(), *t, v.to_bits(), *start)).collect();
        let (zero, marker) = ((-0.0f64).to_bits(), 0x7ff0_0000_0000_0002);
        let m = labels("m", "").to_string();
        assert_eq!(
            shown,
            [
                (n.as_str(), 1, zero, 7),
                (&n, 2, zero, 7),
                (&exemplar, 1, 2.5f64.to_bits(), 0),
                (&exemplar, 2, 2.5f64.to_bits(), 0),
                (&m, 1, marker, 0),
                (&m, 2, marker, 0)
            ]
        );
        assert_eq!(got.series.len(), 2);
    }

    #[test]
    fn metadata_waits_for_a_series_of_its_family() {
        let mut w = Writer::new();
        w.metadata("lat", &metadata(MetricKind::Histogram, "How long."));
        w.metadata("later", &metadata(MetricKind::Gauge, "Not yet."));
        w.series(&labels("lat_bucket", "1"));
        w.sample(1, 1.0);
        w.series(&labels("lat_bucket", "2"));
        w.sample(1, 1.0);
        let (body, owed) = transcode(&w.finish_raw(), &Families::new()).unwrap();
        assert_eq!(
            found(&body).families,
            BTreeMap::from([("lat".to_owned(), metadata(MetricKind::Histogram, "How long."))])
        );
        assert_eq!(owed.keys().collect::<Vec<_>>(), ["later"]);
        w.series(&labels("later", "1"));
        w.sample(2, 1.0);
        let (body, owed) = transcode(&w.finish_raw(), &owed).unwrap();
        assert_eq!(found(&body).families["later"].help, "Not yet.");
        assert!(owed.is_empty());
    }

    #[test]
    fn what_2_cannot_say_is_left_to_1() {
        let mut w = Writer::new();
        w.metadata("alone", &metadata(MetricKind::Gauge, "No series."));
        assert_eq!(transcode(&w.finish_raw(), &Families::new()), None);
        assert_eq!(transcode(b"\x0a\xff", &Families::new()), None);
    }
}
