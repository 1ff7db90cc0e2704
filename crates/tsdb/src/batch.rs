//! One write as the journal keeps it.

use crate::bytes::{Malformed, Reader, malformed, put_bytes, put_uvarint, put_varint};
use crate::codec::histograms;
use index::SeriesId;
use model::{Exemplar, Histogram, Labels, Metadata, MetricKind};
use std::sync::Arc;

/// Everything one append brings, in order of arrival. Of two samples of a series with the same timestamp, the
/// later wins.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    /// Series that no durable record names yet, so that this record can be replayed by itself.
    pub definitions: Vec<(SeriesId, Labels)>,
    pub samples: Vec<Sample>,
    /// Start timestamps: position in `samples`, ascending, and milliseconds.
    pub starts: Vec<(u32, i64)>,
    pub histograms: Vec<HistogramSample>,
    pub exemplars: Vec<(SeriesId, Exemplar)>,
    pub metadata: Vec<(String, Metadata)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub id: SeriesId,
    pub time_ms: i64,
    pub value: f64,
}

/// By bits: samples are the same if they read back the same.
impl PartialEq for Sample {
    fn eq(&self, o: &Sample) -> bool {
        self.id == o.id && self.time_ms == o.time_ms && self.value.to_bits() == o.value.to_bits()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HistogramSample {
    pub id: SeriesId,
    pub time_ms: i64,
    pub start_ms: i64,
    pub histogram: Arc<Histogram>,
}

const VERSION: u8 = 1;

impl Batch {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
            && self.histograms.is_empty()
            && self.exemplars.is_empty()
            && self.metadata.is_empty()
    }

    /// The journal record; `docs/format/record.md` has its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.samples.len() * 12 + self.definitions.len() * 256);
        out.push(VERSION);
        put_uvarint(&mut out, self.definitions.len() as u64);
        for (id, labels) in &self.definitions {
            put_uvarint(&mut out, u64::from(id.0));
            put_bytes(&mut out, labels.key());
        }
        self.encode_samples(&mut out);
        put_uvarint(&mut out, self.histograms.len() as u64);
        for h in &self.histograms {
            put_uvarint(&mut out, u64::from(h.id.0));
            put_varint(&mut out, h.time_ms);
            put_varint(&mut out, h.start_ms);
            histograms::encode_one(&h.histogram, None, &mut out);
        }
        put_uvarint(&mut out, self.exemplars.len() as u64);
        for (id, e) in &self.exemplars {
            put_exemplar(&mut out, *id, e);
        }
        put_uvarint(&mut out, self.metadata.len() as u64);
        for (family, m) in &self.metadata {
            put_metadata(&mut out, family, m);
        }
        out
    }

    fn encode_samples(&self, out: &mut Vec<u8>) {
        put_uvarint(out, self.samples.len() as u64);
        let (mut id, mut at) = (0i64, 0i64);
        for s in &self.samples {
            put_varint(out, i64::from(s.id.0) - id);
            put_varint(out, s.time_ms.wrapping_sub(at));
            out.extend_from_slice(&s.value.to_le_bytes());
            (id, at) = (i64::from(s.id.0), s.time_ms);
        }
        put_uvarint(out, self.starts.len() as u64);
        let (mut i, mut start) = (0, 0i64);
        for (at, start_ms) in &self.starts {
            put_uvarint(out, u64::from(at - i));
            put_varint(out, start_ms.wrapping_sub(start));
            (i, start) = (*at, *start_ms);
        }
    }

    /// Reads what [`Batch::encode`] wrote.
    pub fn decode(record: &[u8]) -> Result<Batch, Malformed> {
        let mut r = Reader::new(record);
        if r.u8("record version")? != VERSION {
            return malformed("record version");
        }
        let mut b = Batch::default();
        for _ in 0..r.count("definitions")? {
            let id = SeriesId(r.u32("series id")?);
            let labels = Labels::from_key(r.bytes("series key")?).or(malformed("series key"))?;
            b.definitions.push((id, labels));
        }
        b.decode_samples(&mut r)?;
        for _ in 0..r.count("histograms")? {
            b.histograms.push(HistogramSample {
                id: SeriesId(r.u32("series id")?),
                time_ms: r.varint("timestamp")?,
                start_ms: r.varint("start timestamp")?,
                histogram: Arc::new(histograms::decode_one(&mut r, None)?),
            });
        }
        for _ in 0..r.count("exemplars")? {
            b.exemplars.push(read_exemplar(&mut r)?);
        }
        for _ in 0..r.count("metadata")? {
            b.metadata.push(read_metadata(&mut r)?);
        }
        if r.is_empty() { Ok(b) } else { malformed("end of record") }
    }

    fn decode_samples(&mut self, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let n = r.count("samples")?;
        self.samples.reserve(n);
        let (mut id, mut time_ms) = (0i64, 0i64);
        for _ in 0..n {
            id = id.wrapping_add(r.varint("series id")?);
            time_ms = time_ms.wrapping_add(r.varint("timestamp")?);
            let value = r.f64_le("value")?;
            let id = SeriesId(u32::try_from(id).or(malformed("series id"))?);
            self.samples.push(Sample { id, time_ms, value });
        }
        let (mut i, mut start) = (0u64, 0i64);
        for _ in 0..r.count("start timestamps")? {
            i += r.uvarint("position of a start timestamp")?;
            start = start.wrapping_add(r.varint("start timestamp")?);
            if i >= n as u64 {
                return malformed("position of a start timestamp");
            }
            self.starts.push((i as u32, start));
        }
        Ok(())
    }
}

pub(crate) fn put_exemplar(out: &mut Vec<u8>, id: SeriesId, e: &Exemplar) {
    put_uvarint(out, u64::from(id.0));
    put_varint(out, e.time_ms);
    out.extend_from_slice(&e.value.to_le_bytes());
    put_bytes(out, e.labels.key());
}

pub(crate) fn read_exemplar(r: &mut Reader<'_>) -> Result<(SeriesId, Exemplar), Malformed> {
    let id = SeriesId(r.u32("series id")?);
    let time_ms = r.varint("timestamp")?;
    let value = r.f64_le("value")?;
    let labels = Labels::from_key(r.bytes("exemplar labels")?).or(malformed("exemplar labels"))?;
    Ok((id, Exemplar { labels, value, time_ms }))
}

pub(crate) fn put_metadata(out: &mut Vec<u8>, family: &str, m: &Metadata) {
    put_bytes(out, family.as_bytes());
    put_bytes(out, m.kind.as_str().as_bytes());
    put_bytes(out, m.help.as_bytes());
    put_bytes(out, m.unit.as_bytes());
}

pub(crate) fn read_metadata(r: &mut Reader<'_>) -> Result<(String, Metadata), Malformed> {
    let family = r.text("family")?.to_owned();
    let kind = MetricKind::parse(r.text("kind")?).unwrap_or_default();
    let help = r.text("help")?.to_owned();
    let unit = r.text("unit")?.to_owned();
    Ok((family, Metadata { kind, help, unit }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn batches_round_trip(
            samples in proptest::collection::vec((any::<u32>(), any::<i64>(), any::<u64>()), 0..50),
            starts in proptest::collection::btree_map(0u32..50, any::<i64>(), 0..10),
            value in any::<f64>(),
        ) {
            let labels = Labels::from_pairs([("a", "b")]).unwrap();
            let n = samples.len() as u32;
            let b = Batch {
                definitions: vec![(SeriesId(7), labels.clone())],
                samples: samples.into_iter().map(|(id, time_ms, v)| Sample {
                    id: SeriesId(id), time_ms, value: f64::from_bits(v),
                }).collect(),
                starts: starts.into_iter().filter(|(i, _)| *i < n).collect(),
                histograms: Vec::new(),
                exemplars: vec![(SeriesId(7), Exemplar { labels, value, time_ms: -5 })],
                metadata: vec![("up".into(), Metadata { kind: MetricKind::Gauge, help: "h".into(), unit: "u".into() })],
            };
            prop_assert_eq!(Batch::decode(&b.encode()).unwrap(), b);
        }

        #[test]
        fn foreign_bytes_never_panic(mut b in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Batch::decode(&b);
            if let Some(first) = b.first_mut() {
                *first = VERSION;
            }
            let _ = Batch::decode(&b);
        }
    }
}
