//! Remote write 2.0: `io.prometheus.write.v2.Request`.
//!
//! Strings are sent once, in a symbol table, and referred to by number. A series' key is put together from the
//! table and looked up; only an unknown series is checked and sorted.

use super::{metric_kind, read_sample};
use crate::error::{DecodeError, quote};
use crate::histogram;
use crate::limits::{Limits, cut, within};
use crate::outcome::Outcome;
use crate::resolve::{Resolver, exemplar_labels, show};
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, put_label};
use model::{AppendError, Appender, Exemplar, LabelError, METRIC_NAME, Metadata, MetricKind, SeriesRef};

const WHAT: &str = "remote write 2.0 body";

/// Appends a decompressed `io.prometheus.write.v2.Request`.
///
/// As the specification has it, series and samples that cannot be kept are counted in the outcome and the
/// others are appended; the answer's `X-Prometheus-Remote-Write-*-Written` headers are the outcome's counts.
/// Bytes that are not a request at all, or whose symbol table is unusable, are an error.
pub fn decode<A: Appender + ?Sized>(
    body: &[u8],
    limits: &Limits,
    out: &mut A,
) -> Result<Outcome, DecodeError> {
    let symbols = read_symbols(body)?;
    let mut decoder = Decoder {
        symbols,
        limits,
        out,
        outcome: Outcome::default(),
        resolver: Resolver::new(),
        key: Vec::new(),
        described: vec![Description::default(); DESCRIBED],
    };
    decoder.request(body).map_err(|e| e.within(WHAT))?;
    Ok(decoder.outcome)
}

/// A symbol can be two bytes but takes more memory than that, so their number is bounded too. Senders have a few
/// thousand.
const SYMBOLS_MAX: usize = 1 << 20;

/// The symbol table. It may lie anywhere in the message, so it is read before any series.
fn read_symbols(body: &[u8]) -> Result<Vec<&[u8]>, DecodeError> {
    let malformed = |e: crate::wire::WireError| e.within(WHAT);
    let mut symbols: Vec<&[u8]> = Vec::new();
    let mut r = Reader::new(body, 0);
    let (mut own, mut other) = (false, false);
    while let Some((field, wire)) = r.tag().map_err(malformed)? {
        own |= matches!(field, 4 | 5);
        other |= matches!(field, 1..=3);
        if field != 4 {
            r.skip(wire).map_err(malformed)?;
            continue;
        }
        r.expect(field, wire, LEN).map_err(malformed)?;
        if symbols.len() == SYMBOLS_MAX {
            let reason = format!("there are more than {SYMBOLS_MAX} symbols; send smaller requests");
            return Err(r.error(reason).within(WHAT));
        }
        symbols.push(r.bytes().map_err(malformed)?);
    }
    let refuse = |reason: String| Err(DecodeError::Malformed { what: WHAT, at: 0, reason });
    if other && !own {
        return refuse(
            "this looks like a 1.0 message; its content type is \
             application/x-protobuf;proto=prometheus.WriteRequest"
                .to_owned(),
        );
    }
    match symbols.first() {
        Some(first) if !first.is_empty() => {
            refuse(format!("the first symbol is {}; it must be the empty string", quote(first)))
        }
        _ => Ok(symbols),
    }
}

struct Decoder<'a, 'b, A: ?Sized> {
    symbols: Vec<&'a [u8]>,
    limits: &'b Limits,
    out: &'b mut A,
    outcome: Outcome,
    resolver: Resolver<&'a str>,
    key: Vec<u8>,
    /// Metadata comes with every series; this remembers what was handed on already, forgetting some.
    described: Vec<Description>,
}

const DESCRIBED: usize = 256;

/// The metadata of one series by symbol number. The default is metadata that says nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Description {
    name: u32,
    kind: u32,
    help: u32,
    unit: u32,
}

impl Description {
    fn says_something(&self) -> bool {
        (self.kind, self.help, self.unit) != (0, 0, 0)
    }

    fn slot(&self) -> usize {
        let mixed = self.name ^ self.kind << 28 ^ self.help.rotate_left(11) ^ self.unit.rotate_left(22);
        (mixed.wrapping_mul(0x9e37_79b1) >> 24) as usize % DESCRIBED
    }
}

/// The parts of a series that are not samples; kept from series to series for its buffer.
#[derive(Default)]
struct Head {
    refs: Refs,
    samples: u64,
    histograms: u64,
    exemplars: u64,
    created_ms: i64,
    description: Description,
}

/// Label references, as many as the limit allows to be of use.
#[derive(Default)]
struct Refs {
    kept: Vec<u32>,
    seen: u64,
}

impl Refs {
    fn clear(&mut self) {
        self.kept.clear();
        self.seen = 0;
    }

    #[inline]
    fn read(&mut self, r: &mut Reader<'_>, field: u32, wire: u8, limits: &Limits) -> Wire<()> {
        let most = limits.labels_per_series_max.saturating_mul(2);
        r.repeated(field, wire, VARINT, |r| {
            let v = r.varint()?;
            self.seen += 1;
            if self.seen <= most {
                // A reference beyond 32 bits is as wrong as one beyond the table.
                self.kept.push(u32::try_from(v).unwrap_or(u32::MAX));
            }
            Ok(())
        })
    }
}

impl Head {
    fn read(&mut self, mut r: Reader<'_>, limits: &Limits) -> Wire<()> {
        self.refs.clear();
        let mut next = Head { refs: std::mem::take(&mut self.refs), ..Head::default() };
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, _) => next.refs.read(&mut r, field, wire, limits)?,
                (2..=5, w) if w != LEN => {
                    return Err(r.error(format!("field {field} of a series has wire type {w}")));
                }
                (5, _) => next.describe(r.message()?)?,
                (6, VARINT) => next.created_ms = r.varint()? as i64,
                _ => {
                    match field {
                        2 => next.samples += 1,
                        3 => next.histograms += 1,
                        4 => next.exemplars += 1,
                        _ => {}
                    }
                    r.skip(wire)?;
                }
            }
        }
        *self = next;
        Ok(())
    }

    fn describe(&mut self, mut r: Reader<'_>) -> Wire<()> {
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, VARINT) => self.description.kind = r.varint()? as u32 & 15,
                (3, VARINT) => self.description.help = r.varint()? as u32,
                (4, VARINT) => self.description.unit = r.varint()? as u32,
                _ => r.skip(wire)?,
            }
        }
        Ok(())
    }
}

impl<'a, A: Appender + ?Sized> Decoder<'a, '_, A> {
    fn request(&mut self, body: &'a [u8]) -> Wire<()> {
        let mut r = Reader::new(body, 0);
        let mut head = Head::default();
        while let Some((field, wire)) = r.tag()? {
            if field == 5 {
                r.expect(field, wire, LEN)?;
                self.series(r.message()?, &mut head)?;
            } else {
                r.skip(wire)?;
            }
        }
        Ok(())
    }

    fn series(&mut self, message: Reader<'a>, head: &mut Head) -> Wire<()> {
        head.read(message.clone(), self.limits)?;
        let series = match self.resolve(head) {
            Ok(series) => series,
            Err(e) => {
                self.outcome.reject(head.samples + head.histograms, e);
                return Ok(());
            }
        };
        let last_ms = self.samples(series, head, message.clone())?;
        if head.exemplars > 0 {
            self.exemplars(series, message, last_ms)?;
        }
        if head.description.says_something() {
            self.metadata(head);
        }
        Ok(())
    }

    fn resolve(&mut self, head: &Head) -> Result<SeriesRef, AppendError> {
        let refs = &head.refs;
        if head.samples + head.histograms == 0 {
            return Err(self.invalid(refs, "a series must have samples or histograms".to_owned()));
        }
        self.key.clear();
        let mut whole = refs.seen == refs.kept.len() as u64 && refs.seen.is_multiple_of(2) && refs.seen > 0;
        for pair in refs.kept.chunks_exact(2) {
            match (self.symbol(pair[0]), self.symbol(pair[1])) {
                (Some(name), Some(value)) => put_label(&mut self.key, name, value),
                _ => {
                    whole = false;
                    break;
                }
            }
        }
        // What is a known key needs no checks: only sorted, unique, valid labels make one.
        if whole && let Some(series) = self.out.lookup(&self.key) {
            return Ok(series);
        }
        self.new_series(refs)
    }

    fn new_series(&mut self, refs: &Refs) -> Result<SeriesRef, AppendError> {
        let mut pairs = std::mem::take(&mut self.resolver.pairs);
        let read = self.pairs(refs, &mut pairs);
        self.resolver.pairs = pairs;
        read.map_err(|reason| self.invalid(refs, reason))?;
        within(
            refs.seen / 2,
            self.limits.labels_per_series_max,
            "ingest.limits.labels_per_series_max",
            || format!("the number of labels of series {}", show(&self.resolver.pairs)),
        )
        .map_err(AppendError::Limit)?;
        self.resolver.resolve(self.limits, self.out)
    }

    /// The pairs behind references, or what is wrong with them.
    fn pairs(&self, refs: &Refs, out: &mut Vec<(&'a str, &'a str)>) -> Result<(), String> {
        out.clear();
        if refs.seen % 2 == 1 {
            return Err(format!("labels_refs has {} entries; they must come in pairs", refs.seen));
        }
        for pair in refs.kept.chunks_exact(2) {
            out.push((self.text(pair[0])?, self.text(pair[1])?));
        }
        Ok(())
    }

    #[inline]
    fn symbol(&self, r: u32) -> Option<&'a [u8]> {
        self.symbols.get(r as usize).copied()
    }

    fn text(&self, r: u32) -> Result<&'a str, String> {
        let symbol = self
            .symbol(r)
            .ok_or_else(|| format!("a reference is {r} but there are only {} symbols", self.symbols.len()))?;
        std::str::from_utf8(symbol).map_err(|_| LabelError::NotUtf8(quote(symbol)).to_string())
    }

    #[cold]
    fn invalid(&self, refs: &Refs, reason: String) -> AppendError {
        AppendError::Invalid { series: self.show(refs), reason }
    }

    /// The series as far as its references make sense.
    fn show(&self, refs: &Refs) -> String {
        let readable =
            refs.kept.chunks_exact(2).map_while(|p| Some((self.text(p[0]).ok()?, self.text(p[1]).ok()?)));
        show(&readable.collect::<Vec<_>>())
    }

    /// Appends samples and histograms; the time of the last one.
    fn samples(&mut self, series: SeriesRef, head: &Head, mut r: Reader<'a>) -> Wire<i64> {
        let mut last_ms = 0;
        let since = |start_ms: i64| if start_ms == 0 { head.created_ms } else { start_ms };
        while let Some((field, wire)) = r.tag()? {
            match field {
                2 => {
                    let s = read_sample(r.message()?)?;
                    last_ms = s.time_ms;
                    match self.out.sample(series, s.time_ms, s.value, since(s.start_ms)) {
                        Ok(()) => self.outcome.samples += 1,
                        Err(e) => self.outcome.reject(1, e),
                    }
                }
                3 => {
                    let sent = histogram::read(r.message()?)?;
                    last_ms = sent.time_ms;
                    let done = sent
                        .parts
                        .finish(self.limits, || self.show(&head.refs))
                        .and_then(|h| self.out.histogram(series, sent.time_ms, h, since(sent.start_ms)));
                    match done {
                        Ok(()) => self.outcome.histograms += 1,
                        Err(e) => self.outcome.reject(1, e),
                    }
                }
                _ => r.skip(wire)?,
            }
        }
        Ok(last_ms)
    }

    /// Appends exemplars; one without a time gets that of the last sample.
    fn exemplars(&mut self, series: SeriesRef, mut r: Reader<'a>, last_ms: i64) -> Wire<()> {
        let mut refs = Refs::default();
        let mut pairs = Vec::new();
        while let Some((field, wire)) = r.tag()? {
            if field != 4 {
                r.skip(wire)?;
                continue;
            }
            refs.clear();
            let (mut value, mut time_ms) = (0.0, 0);
            let mut e = r.message()?;
            while let Some((field, wire)) = e.tag()? {
                match (field, wire) {
                    (1, _) => refs.read(&mut e, field, wire, self.limits)?,
                    (2, FIXED64) => value = e.double()?,
                    (3, VARINT) => time_ms = e.varint()? as i64,
                    _ => e.skip(wire)?,
                }
            }
            let time_ms = if time_ms == 0 { last_ms } else { time_ms };
            let done = self
                .pairs(&refs, &mut pairs)
                .map_err(|reason| format!("exemplar: {reason}"))
                .and_then(|()| exemplar_labels(&pairs, self.limits))
                .and_then(|labels| {
                    self.out.exemplar(series, Exemplar { labels, value, time_ms }).map_err(|e| e.to_string())
                });
            match done {
                Ok(()) => self.outcome.exemplars += 1,
                Err(e) => self.outcome.reject_exemplar(e),
            }
        }
        Ok(())
    }

    /// Hands on the metadata of a series that was kept. Metadata that cannot be read is passed over: the samples
    /// are worth more.
    fn metadata(&mut self, head: &Head) {
        let name = head.refs.kept.chunks_exact(2).find(|p| self.symbol(p[0]) == Some(METRIC_NAME.as_bytes()));
        let Some(&[_, name]) = name else { return };
        let description = Description { name, ..head.description };
        if std::mem::replace(&mut self.described[description.slot()], description) == description {
            return;
        }
        let Description { kind, help, unit, .. } = description;
        let (Ok(name), Ok(help), Ok(unit)) = (self.text(name), self.text(help), self.text(unit)) else {
            return;
        };
        let kind = metric_kind(u64::from(kind));
        let max = self.limits.metadata_bytes_max;
        let metadata = Metadata { kind, help: cut(help, max).to_owned(), unit: cut(unit, max).to_owned() };
        if self.out.metadata(family(name, kind), metadata).is_ok() {
            self.outcome.metadata += 1;
        }
    }
}

/// The metric family a series belongs to.
fn family(name: &str, kind: MetricKind) -> &str {
    let suffixes: &[&str] = match kind {
        MetricKind::Histogram => &["_bucket", "_count", "_sum"],
        MetricKind::GaugeHistogram => &["_bucket", "_gcount", "_gsum", "_count", "_sum"],
        MetricKind::Summary => &["_count", "_sum"],
        _ => &[],
    };
    suffixes.iter().find_map(|s| name.strip_suffix(s)).filter(|f| !f.is_empty()).unwrap_or(name)
}
