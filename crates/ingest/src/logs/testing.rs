//! What the tests of the decoders share.

use crate::records::{RecordLimits, RecordWriter};
use model::record::Tenant;
use std::fmt::Write;

/// The time of arrival in tests: 2026-11-21T12:00:00Z.
pub(crate) const NOW_NS: i64 = 1_795_262_400_000_000_000;

/// A writer with small limits.
pub(crate) fn writer() -> RecordWriter {
    let limits = RecordLimits {
        line_bytes_max: 100,
        attributes_per_record_max: 20,
        attributes_bytes_max: 500,
        name_bytes_max: 50,
        label_value_bytes_max: 40,
        labels_per_stream_max: 8,
        streams_per_body_max: 10,
        records_per_body_max: 50,
        ..RecordLimits::default()
    };
    RecordWriter::new(Tenant::unnamed(), limits, NOW_NS)
}

/// Everything that was written, one record to a line, and what was refused.
pub(crate) fn records(w: RecordWriter) -> String {
    let decoded = w.finish();
    let mut out = String::new();
    for row in decoded.batch.iter() {
        let r = row.record;
        let _ = write!(out, "{} {} {:?}", r.time_ns, decoded.batch.labels(row.stream), r.body);
        if r.severity.number() > 0 {
            let _ = write!(out, " severity {}", r.severity.number());
        }
        if r.observed_ns > 0 {
            let _ = write!(out, " observed {}", r.observed_ns);
        }
        if !r.trace_id.is_none() || !r.span_id.is_none() {
            let _ = write!(out, " trace {} span {}", r.trace_id, r.span_id);
        }
        if !r.attributes.is_empty() {
            let _ = write!(out, " {:?}", r.attributes);
        }
        out.push('\n');
    }
    if let Some(refusal) = decoded.outcome.refusal(decoded.batch.len() as u64) {
        let _ = writeln!(out, "{refusal}");
    }
    out
}

/// What becomes of each line by itself.
pub(crate) fn each_refusal(body: &[u8], mut decode: impl FnMut(&[u8], &mut RecordWriter)) -> String {
    let mut out = String::new();
    for line in body.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let mut w = writer();
        decode(line, &mut w);
        let shown = String::from_utf8_lossy(&line[..line.len().min(30)]).into_owned();
        let _ = write!(out, "{shown}\n    {}", records(w));
    }
    out
}
