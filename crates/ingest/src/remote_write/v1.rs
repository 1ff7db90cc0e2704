//! Remote write 1.0: `prometheus.WriteRequest`.
//!
//! The labels of a series, as they lie in the body, are the key under which the store knows the series
//! ([`model::Labels::key`]). So a known series costs one lookup by a slice of the body and nothing per label.
//! Only series that are new are taken apart; where a sender does not sort labels, or sends empty ones, its way of
//! writing them is remembered.

use super::{metric_kind, read_sample};
use crate::error::DecodeError;
use crate::histogram;
use crate::limits::{Limits, cut, within};
use crate::outcome::Outcome;
use crate::resolve::{Resolver, exemplar_labels, show};
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, WireError};
use model::{AppendError, Appender, Exemplar, LabelError, Metadata, SeriesRef};

const WHAT: &str = "remote write 1.0 body";

/// Appends a decompressed `prometheus.WriteRequest`.
///
/// Series and samples that cannot be kept are counted in the outcome and the others are appended. Bytes that
/// are not a `WriteRequest` at all are an error; what was appended before it was met is then best dropped
/// with the appender.
pub fn decode<A: Appender + ?Sized>(
    body: &[u8],
    limits: &Limits,
    out: &mut A,
) -> Result<Outcome, DecodeError> {
    let mut decoder = Decoder { limits, out, outcome: Outcome::default(), labels: Resolver::new() };
    decoder.request(body).map_err(|e| e.within(WHAT))?;
    Ok(decoder.outcome)
}

struct Decoder<'a, 'b, A: ?Sized> {
    limits: &'b Limits,
    out: &'b mut A,
    outcome: Outcome,
    labels: Resolver<&'a str>,
}

impl<'a, A: Appender + ?Sized> Decoder<'a, '_, A> {
    fn request(&mut self, body: &'a [u8]) -> Wire<()> {
        let mut r = Reader::new(body, 0);
        let (mut own, mut other) = (false, false);
        while let Some((field, wire)) = r.tag()? {
            own |= matches!(field, 1 | 3);
            other |= matches!(field, 4 | 5);
            match (field, wire) {
                (1, LEN) => {
                    let message = r.bytes()?;
                    if !self.known_series_with_one_sample(message) {
                        self.series(message, r.position() - message.len())?;
                    }
                }
                (3, LEN) => self.metadata(r.message()?)?,
                (1 | 3, w) => return Err(r.error(format!("field {field} has wire type {w}"))),
                _ => r.skip(wire)?,
            }
        }
        if other && !own {
            return Err(r.error(
                "this looks like a 2.0 message; its content type is \
                 application/x-protobuf;proto=io.prometheus.write.v2.Request",
            ));
        }
        Ok(())
    }

    /// The common case in a few instructions: the message ends in exactly one sample of the usual shape, and
    /// all before it is the key of a known series. A key is a run of whole label fields, so when the lookup
    /// succeeds the guess about where the labels end is proven right.
    #[inline]
    fn known_series_with_one_sample(&mut self, message: &[u8]) -> bool {
        let Some((key, value, time_ms)) = split_one_sample(message) else { return false };
        let Some(series) = self.out.lookup(key) else { return false };
        match self.out.sample(series, time_ms, value, 0) {
            Ok(()) => self.outcome.samples += 1,
            Err(e) => self.outcome.reject(1, e),
        }
        true
    }

    fn series(&mut self, message: &'a [u8], base: usize) -> Wire<()> {
        let labels_end = leading_labels(message, base)?;
        let (labels, rest) = message.split_at(labels_end);
        let rest_base = base + labels_end;
        let shape = Shape::of(Reader::new(rest, rest_base))?;
        if shape.items() == 0 {
            return Ok(());
        }
        let known = if shape.labels == 0 { self.out.lookup(labels) } else { None };
        let series = match known {
            Some(s) => Ok(s),
            None => self.new_series(message, base).inspect(|s| {
                // All labels are in `labels`, in a form that a sender will repeat.
                if shape.labels == 0 && self.labels.key() != labels {
                    self.out.remember(labels, *s);
                }
            }),
        };
        match series {
            Ok(series) => self.items(series, message, rest, rest_base),
            Err(e) => {
                self.outcome.reject(shape.samples + shape.histograms, e.refused()?);
                Ok(())
            }
        }
    }

    fn new_series(&mut self, message: &'a [u8], base: usize) -> Result<SeriesRef, Refusal> {
        read_labels(Reader::new(message, base), self.limits, &mut self.labels.pairs)?;
        Ok(self.labels.resolve(self.limits, self.out)?)
    }

    fn items(&mut self, series: SeriesRef, message: &'a [u8], rest: &'a [u8], base: usize) -> Wire<()> {
        let mut r = Reader::new(rest, base);
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (2, LEN) => {
                    let s = read_sample(r.message()?)?;
                    match self.out.sample(series, s.time_ms, s.value, s.start_ms) {
                        Ok(()) => self.outcome.samples += 1,
                        Err(e) => self.outcome.reject(1, e),
                    }
                }
                (3, LEN) => self.exemplar(series, r.message()?)?,
                (4, LEN) => {
                    let sent = histogram::read(r.message()?)?;
                    let name = || show_message(message);
                    let done = sent
                        .parts
                        .finish(self.limits, name)
                        .and_then(|h| self.out.histogram(series, sent.time_ms, h, sent.start_ms));
                    match done {
                        Ok(()) => self.outcome.histograms += 1,
                        Err(e) => self.outcome.reject(1, e),
                    }
                }
                (2..=4, w) => return Err(r.error(format!("field {field} of a series has wire type {w}"))),
                _ => r.skip(wire)?,
            }
        }
        Ok(())
    }

    fn exemplar(&mut self, series: SeriesRef, mut r: Reader<'a>) -> Wire<()> {
        let mut pairs = Vec::new();
        let (mut value, mut time_ms) = (0.0, 0);
        let whole = r.clone();
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (2, FIXED64) => value = r.double()?,
                (3, VARINT) => time_ms = r.varint()? as i64,
                (2 | 3, w) => return Err(r.error(format!("field {field} of an exemplar has wire type {w}"))),
                _ => r.skip(wire)?,
            }
        }
        let done = match read_labels(whole, self.limits, &mut pairs) {
            Ok(()) => exemplar_labels(&pairs, self.limits).and_then(|labels| {
                self.out.exemplar(series, Exemplar { labels, value, time_ms }).map_err(|e| e.to_string())
            }),
            Err(e) => Err(format!("exemplar: {}", e.refused()?)),
        };
        match done {
            Ok(()) => self.outcome.exemplars += 1,
            Err(e) => self.outcome.reject_exemplar(e),
        }
        Ok(())
    }

    fn metadata(&mut self, mut r: Reader<'a>) -> Wire<()> {
        let (mut family, mut help, mut unit, mut kind) = ("", "", "", 0);
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, VARINT) => kind = r.varint()?,
                (2, LEN) => family = r.str()?,
                (4, LEN) => help = r.str()?,
                (5, LEN) => unit = r.str()?,
                (1 | 2 | 4 | 5, w) => {
                    return Err(r.error(format!("field {field} of metadata has wire type {w}")));
                }
                _ => r.skip(wire)?,
            }
        }
        if family.is_empty() || family.len() as u64 > self.limits.label_value_bytes_max {
            return Ok(());
        }
        let max = self.limits.metadata_bytes_max;
        let metadata = Metadata {
            kind: metric_kind(kind),
            help: cut(help, max).to_owned(),
            unit: cut(unit, max).to_owned(),
        };
        // Metadata only helps people; a store that has no room for it still takes the samples.
        if self.out.metadata(family, metadata).is_ok() {
            self.outcome.metadata += 1;
        }
        Ok(())
    }
}

/// Either the bytes are wrong (and with them the body) or just this series is.
enum Refusal {
    Wire(WireError),
    Series(AppendError),
}

impl Refusal {
    fn refused(self) -> Wire<AppendError> {
        match self {
            Refusal::Wire(e) => Err(e),
            Refusal::Series(e) => Ok(e),
        }
    }
}

impl From<WireError> for Refusal {
    fn from(e: WireError) -> Self {
        Refusal::Wire(e)
    }
}

impl From<AppendError> for Refusal {
    fn from(e: AppendError) -> Self {
        Refusal::Series(e)
    }
}

/// What a series holds beyond its leading labels.
#[derive(Default)]
struct Shape {
    labels: u64,
    samples: u64,
    exemplars: u64,
    histograms: u64,
}

impl Shape {
    fn of(mut r: Reader<'_>) -> Wire<Shape> {
        let mut s = Shape::default();
        while let Some((field, wire)) = r.tag()? {
            match field {
                1 => s.labels += 1,
                2 => s.samples += 1,
                3 => s.exemplars += 1,
                4 => s.histograms += 1,
                _ => {}
            }
            r.skip(wire)?;
        }
        Ok(s)
    }

    fn items(&self) -> u64 {
        self.samples + self.exemplars + self.histograms
    }
}

/// Where the run of label fields at the start of a series ends.
#[inline]
fn leading_labels(message: &[u8], base: usize) -> Wire<usize> {
    let mut at = 0;
    while message.get(at) == Some(&0x0a) {
        let mut r = Reader::new(&message[at + 1..], base + at + 1);
        r.bytes()?;
        at = r.position() - base;
    }
    Ok(at)
}

/// Every label of a message, wherever it stands. A label can be two bytes, so they are counted before more than
/// the limit are kept.
fn read_labels<'a>(
    mut r: Reader<'a>,
    limits: &Limits,
    pairs: &mut Vec<(&'a str, &'a str)>,
) -> Result<(), Refusal> {
    pairs.clear();
    let count = Shape::of(r.clone())?.labels;
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => {
                let mut label = r.message()?;
                let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
                while let Some((field, wire)) = label.tag()? {
                    match (field, wire) {
                        (1, LEN) => name = label.bytes()?,
                        (2, LEN) => value = label.bytes()?,
                        (1 | 2, w) => {
                            return Err(label
                                .error(format!("field {field} of a label has wire type {w}"))
                                .into());
                        }
                        _ => label.skip(wire)?,
                    }
                }
                match (std::str::from_utf8(name), std::str::from_utf8(value)) {
                    (Ok(n), Ok(v)) => pairs.push((n, v)),
                    _ => return Err(Refusal::Series(not_utf8(name, value, pairs))),
                }
            }
            (1, w) => return Err(r.error(format!("field 1 of a series has wire type {w}")).into()),
            _ => r.skip(wire)?,
        }
        if pairs.len() as u64 >= limits.labels_per_series_max {
            let what = || format!("the number of labels of series {}", show(pairs));
            within(count, limits.labels_per_series_max, "ingest.limits.labels_per_series_max", what)
                .map_err(AppendError::Limit)?;
        }
    }
    Ok(())
}

fn not_utf8(name: &[u8], value: &[u8], before: &[(&str, &str)]) -> AppendError {
    let what = format!("{}={}", crate::error::quote(name), crate::error::quote(value));
    AppendError::Labels { series: show(before), reason: LabelError::NotUtf8(what) }
}

#[cold]
fn show_message(message: &[u8]) -> String {
    let mut pairs = Vec::new();
    match read_labels(Reader::new(message, 0), &Limits::default(), &mut pairs) {
        Ok(()) => show(&pairs),
        Err(_) => "(unreadable)".to_owned(),
    }
}

/// Splits a series message that ends in one sample with a six-byte timestamp (the years 1971 to 2109) into the
/// bytes before it, the value and the timestamp.
#[inline]
fn split_one_sample(message: &[u8]) -> Option<(&[u8], f64, i64)> {
    if let Some((head, tail)) = message.split_last_chunk::<18>()
        && tail[..3] == [0x12, 0x10, 0x09]
        && tail[11] == 0x10
    {
        let value =
            f64::from_le_bytes([tail[3], tail[4], tail[5], tail[6], tail[7], tail[8], tail[9], tail[10]]);
        return Some((head, value, six_byte_varint(&tail[12..])?));
    }
    // The value zero is the default and is left out by most encoders.
    let (head, tail) = message.split_last_chunk::<9>()?;
    if tail[..3] != [0x12, 0x07, 0x10] {
        return None;
    }
    Some((head, 0.0, six_byte_varint(&tail[3..])?))
}

#[inline]
fn six_byte_varint(b: &[u8]) -> Option<i64> {
    let &[b0, b1, b2, b3, b4, b5] = b else { return None };
    let w = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, 0, 0]);
    if w & 0x8080_8080_8080 != 0x0080_8080_8080 {
        return None;
    }
    // Close the gaps left by the continuation bits: pairs, then fours, then all.
    let w = w & 0x7f7f_7f7f_7f7f;
    let w = (w & 0x007f_007f_007f) | (w & 0x7f00_7f00_7f00) >> 1;
    let w = (w & 0x3fff) | (w >> 2 & 0x0fff_c000) | (w >> 4 & 0x3ff_f000_0000);
    Some(w as i64)
}

#[cfg(test)]
mod tests {
    use super::six_byte_varint;
    use crate::wire::put_varint;

    #[test]
    fn six_byte_varints_agree_with_the_plain_encoding() {
        for shift in 35..42 {
            for v in [1u64 << shift, (1 << shift) + 12345, (1 << (shift + 1)) - 1, (1 << shift) | 0x5a5_a5a5]
            {
                let mut b = Vec::new();
                put_varint(&mut b, v);
                assert_eq!(six_byte_varint(&b), Some(v as i64), "{v:x}");
            }
        }
        assert_eq!(six_byte_varint(&[0x80, 0x80, 0x80, 0x80, 0x00, 0x01]), None);
        assert_eq!(six_byte_varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x81]), None);
    }
}
