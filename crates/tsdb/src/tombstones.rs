//! Deletions that merges have not carried out yet.

use crate::bytes::{Malformed, Reader, malformed, put_bytes, put_uvarint, put_varint};
use index::SeriesId;
use model::{Samples, TimeRange};
use roaring::RoaringBitmap;

/// Samples of `series` within `range` are gone from all parts up to flush `last`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tombstone {
    pub last: u64,
    pub range: TimeRange,
    pub series: RoaringBitmap,
}

/// All deletions in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tombstones(pub Vec<Tombstone>);

impl Tombstones {
    /// Whether any of them concerns a part up to flush `last`.
    pub fn concern(&self, series: &RoaringBitmap, last: u64, covers: TimeRange) -> bool {
        self.0.iter().any(|t| last <= t.last && t.range.overlaps(&covers) && !t.series.is_disjoint(series))
    }

    /// Removes from `samples`, which come from a part whose last flush is `last`, what is deleted.
    pub fn apply(&self, id: SeriesId, last: u64, samples: &mut Samples) {
        for t in self.0.iter().filter(|t| last <= t.last && t.series.contains(id.0)) {
            let gone = |at: &i64| t.range.contains(*at);
            if samples.times.iter().any(gone) {
                let keep: Vec<bool> = samples.times.iter().map(|at| !gone(at)).collect();
                retain(&mut samples.times, &keep);
                retain(&mut samples.values, &keep);
                retain(&mut samples.starts, &keep);
            }
            if samples.histogram_times.iter().any(gone) {
                let keep: Vec<bool> = samples.histogram_times.iter().map(|at| !gone(at)).collect();
                retain(&mut samples.histogram_times, &keep);
                retain(&mut samples.histograms, &keep);
                retain(&mut samples.histogram_starts, &keep);
            }
        }
    }

    /// Of `series`, which have samples in a part up to flush `last` over `covers`, those not deleted altogether.
    pub fn less_deleted(&self, series: &RoaringBitmap, last: u64, covers: TimeRange) -> RoaringBitmap {
        let whole = |t: &&Tombstone| {
            last <= t.last && t.range.start_ms <= covers.start_ms && covers.end_ms <= t.range.end_ms
        };
        self.0.iter().filter(whole).fold(series.clone(), |left, t| left - &t.series)
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_uvarint(out, self.0.len() as u64);
        for t in &self.0 {
            put_uvarint(out, t.last);
            put_varint(out, t.range.start_ms);
            put_varint(out, t.range.end_ms);
            let mut series = Vec::with_capacity(t.series.serialized_size());
            // Writing to memory cannot fail.
            t.series.serialize_into(&mut series).unwrap_or_default();
            put_bytes(out, &series);
        }
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<Tombstones, Malformed> {
        let mut all = Vec::new();
        for _ in 0..r.count("tombstones")? {
            let last = r.uvarint("tombstone's flush")?;
            let range = TimeRange::new(r.varint("tombstone start")?, r.varint("tombstone end")?);
            let series = RoaringBitmap::deserialize_from(r.bytes("tombstone series")?);
            let Ok(series) = series else { return malformed("tombstone series") };
            all.push(Tombstone { last, range, series });
        }
        Ok(Tombstones(all))
    }
}

fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut at = 0;
    column.retain(|_| {
        at += 1;
        keep[at - 1]
    });
}
