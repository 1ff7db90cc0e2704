//! Chunks of native histograms, of whole and of float counts.

use super::float::{advance, split_header};
use super::layout::{Layout, buckets};
use super::start::StartReader;
use super::{ChunkError, Encoding, Window, push_start};
use crate::bits::{BitReader, BitWriter};
use model::{Counts, Histogram, ResetHint, STALE_NAN_BITS, Samples};
use std::sync::Arc;

const GAUGE: u8 = 0b1100_0000;

/// Outer `None`: the data ends. Inner: it contradicts itself.
type Read<T> = Option<Result<T, &'static str>>;

/// Unwraps the inner result of a [`Read`], passing errors on.
macro_rules! fine {
    ($e:expr) => {
        match $e {
            Ok(v) => v,
            Err(e) => return Some(Err(e)),
        }
    };
}

/// One kind of counts: what is remembered from sample to sample.
pub(super) trait Kind: Sized {
    /// The first sample: counts, sum, buckets.
    fn first(r: &mut BitReader<'_>, positive: usize, negative: usize) -> Option<Self>;
    /// A later one; the sum's bits tell whether it is stale and has no buckets.
    fn next(&mut self, r: &mut BitReader<'_>) -> Read<()>;
    fn sum(&self) -> u64;
    /// The counts as of the last sample read.
    fn counts(&self) -> Result<Counts, &'static str>;
    /// What a stale marker has for counts.
    fn none() -> Counts;
}

pub(super) fn decode<K: Kind>(data: &[u8], with_starts: bool, out: &mut Samples) -> Result<(), ChunkError> {
    let (header, rest) = split_header::<3>(data)?;
    let head = u16::from_be_bytes([header[0], header[1]]);
    // With start times the reset bits move from the third byte into the first, which makes room for the header
    // of the start times.
    let (count, resets, start_header) = match with_starts {
        true => (head & 0x3fff, header[0] & GAUGE, header[2]),
        false => (head, header[2] & GAUGE, 0),
    };
    if count == 0 {
        return Ok(());
    }
    let mut r = BitReader::new(rest);
    let layout = Layout::read(&mut r)?;
    check_repeated_size(&layout, count, data.len())?;
    let many =
        ChunkError::Invalid { at: 0, reason: "its spans describe more buckets than the chunk can hold" };
    let positive = buckets(&layout.positive, r.left()).ok_or(many.clone())?;
    let negative = buckets(&layout.negative, r.left()).ok_or(many)?;
    let mut starts = StartReader::new(start_header);
    let mut time = r.varbit_int().ok_or(ChunkError::Truncated(0))?;
    let mut state = K::first(&mut r, positive, negative).ok_or(ChunkError::Truncated(0))?;
    let (mut delta, mut before) = (0i64, 0i64);
    for at in 0..u32::from(count) {
        let truncated = || ChunkError::Truncated(at);
        let invalid = |reason| ChunkError::Invalid { at, reason };
        if at > 0 {
            before = time;
            delta = delta.wrapping_add(r.varbit_int().ok_or_else(truncated)?);
            time = advance(time, delta, at)?;
            state.next(&mut r).ok_or_else(truncated)?.map_err(invalid)?;
        }
        let start_ms = starts.read(&mut r, at, time, before).ok_or_else(truncated)?;
        let hint = match (resets, at) {
            (GAUGE, _) => ResetHint::Gauge,
            (_, 0) => ResetHint::Unknown,
            _ => ResetHint::No,
        };
        let histogram = histogram(&state, &layout, hint).map_err(invalid)?;
        push_start(&mut out.histogram_starts, out.histogram_times.len(), start_ms);
        out.histogram_times.push(time);
        out.histograms.push(Arc::new(histogram));
    }
    Ok(())
}

/// Spans and bounds are in the chunk once but in memory with every sample. Real ones are far below this bound.
fn check_repeated_size(layout: &Layout, count: u16, bytes: usize) -> Result<(), ChunkError> {
    let once = layout.positive.len() + layout.negative.len() + layout.bounds.len();
    if once as u64 * u64::from(count) <= bytes as u64 * 64 + (1 << 20) {
        return Ok(());
    }
    Err(ChunkError::Invalid { at: 0, reason: "it has more spans and bounds than its size allows for" })
}

fn histogram<K: Kind>(state: &K, layout: &Layout, reset_hint: ResetHint) -> Result<Histogram, &'static str> {
    let sum = f64::from_bits(state.sum());
    if state.sum() == STALE_NAN_BITS {
        return Ok(Histogram {
            reset_hint,
            schema: 0,
            zero_threshold: 0.0,
            sum,
            positive_spans: Vec::new(),
            negative_spans: Vec::new(),
            custom_bounds: Vec::new(),
            counts: K::none(),
        });
    }
    Ok(Histogram {
        reset_hint,
        schema: layout.schema,
        zero_threshold: layout.zero_threshold,
        sum,
        positive_spans: layout.positive.clone(),
        negative_spans: layout.negative.clone(),
        custom_bounds: layout.bounds.clone(),
        counts: state.counts()?,
    })
}

/// A number given by its second differences.
#[derive(Clone, Copy, Default)]
struct Twice {
    value: i64,
    delta: i64,
}

impl Twice {
    fn read(&mut self, r: &mut BitReader<'_>) -> Option<()> {
        self.delta = self.delta.wrapping_add(r.varbit_int()?);
        self.value = self.value.wrapping_add(self.delta);
        Some(())
    }

    fn write(&mut self, w: &mut BitWriter, value: i64) {
        let delta = value.wrapping_sub(self.value);
        w.varbit_int(delta.wrapping_sub(self.delta));
        *self = Twice { value, delta };
    }
}

/// Whole counts. Buckets are relative to their left neighbour.
pub(super) struct Integers {
    count: Twice,
    zero: Twice,
    sum: u64,
    sum_window: Window,
    positive: Vec<Twice>,
    negative: Vec<Twice>,
}

impl Kind for Integers {
    fn first(r: &mut BitReader<'_>, positive: usize, negative: usize) -> Option<Self> {
        let plain = |value| Twice { value, delta: 0 };
        let count = plain(r.varbit_uint()? as i64);
        let zero = plain(r.varbit_uint()? as i64);
        let sum = r.read(64)?;
        let mut side = |n| (0..n).map(|_| r.varbit_int().map(plain)).collect::<Option<Vec<_>>>();
        let (positive, negative) = (side(positive)?, side(negative)?);
        Some(Integers { count, zero, sum, sum_window: Window::default(), positive, negative })
    }

    fn next(&mut self, r: &mut BitReader<'_>) -> Read<()> {
        self.count.read(r)?;
        self.zero.read(r)?;
        if self.sum_window.read(r, &mut self.sum)?.is_none() {
            return Some(Err("its significant bits are more than 64"));
        }
        if self.sum != STALE_NAN_BITS {
            for b in self.positive.iter_mut().chain(&mut self.negative) {
                b.read(r)?;
            }
        }
        Some(Ok(()))
    }

    fn sum(&self) -> u64 {
        self.sum
    }

    fn counts(&self) -> Result<Counts, &'static str> {
        let absolute = |side: &[Twice]| {
            let mut at = 0i64;
            let step = |b: &Twice| {
                at = at.checked_add(b.value).filter(|c| *c >= 0)?;
                Some(at as u64)
            };
            side.iter().map(step).collect::<Option<Vec<u64>>>().ok_or("a bucket has no valid count")
        };
        Ok(Counts::Integer {
            count: self.count.value as u64,
            zero: self.zero.value as u64,
            positive: absolute(&self.positive)?,
            negative: absolute(&self.negative)?,
        })
    }

    fn none() -> Counts {
        Counts::Integer { count: 0, zero: 0, positive: Vec::new(), negative: Vec::new() }
    }
}

/// A float given by what changed in its bits.
#[derive(Clone, Copy, Default)]
struct Xored {
    bits: u64,
    window: Window,
}

impl Xored {
    fn first(r: &mut BitReader<'_>) -> Option<Xored> {
        Some(Xored { bits: r.read(64)?, window: Window::default() })
    }

    fn read(&mut self, r: &mut BitReader<'_>) -> Read<()> {
        Some(self.window.read(r, &mut self.bits)?.ok_or("its significant bits are more than 64"))
    }

    fn write(&mut self, w: &mut BitWriter, v: f64) {
        self.window.write(w, v.to_bits(), self.bits);
        self.bits = v.to_bits();
    }

    fn value(&self) -> f64 {
        f64::from_bits(self.bits)
    }
}

/// Float counts. Buckets are absolute.
pub(super) struct Floats {
    count: Xored,
    zero: Xored,
    sum: Xored,
    positive: Vec<Xored>,
    negative: Vec<Xored>,
}

impl Kind for Floats {
    fn first(r: &mut BitReader<'_>, positive: usize, negative: usize) -> Option<Self> {
        let (count, zero, sum) = (Xored::first(r)?, Xored::first(r)?, Xored::first(r)?);
        let mut side = |n| (0..n).map(|_| Xored::first(r)).collect::<Option<Vec<_>>>();
        let (positive, negative) = (side(positive)?, side(negative)?);
        Some(Floats { count, zero, sum, positive, negative })
    }

    fn next(&mut self, r: &mut BitReader<'_>) -> Read<()> {
        fine!(self.count.read(r)?);
        fine!(self.zero.read(r)?);
        fine!(self.sum.read(r)?);
        if self.sum.bits != STALE_NAN_BITS {
            for b in self.positive.iter_mut().chain(&mut self.negative) {
                fine!(b.read(r)?);
            }
        }
        Some(Ok(()))
    }

    fn sum(&self) -> u64 {
        self.sum.bits
    }

    fn counts(&self) -> Result<Counts, &'static str> {
        let values = |side: &[Xored]| side.iter().map(Xored::value).collect();
        Ok(Counts::Float {
            count: self.count.value(),
            zero: self.zero.value(),
            positive: values(&self.positive),
            negative: values(&self.negative),
        })
    }

    fn none() -> Counts {
        Counts::Float { count: 0.0, zero: 0.0, positive: Vec::new(), negative: Vec::new() }
    }
}

/// An encoded chunk of histograms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramChunk {
    /// How it is encoded.
    pub encoding: Encoding,
    /// Its bytes.
    pub data: Vec<u8>,
    /// The number of samples in it.
    pub count: usize,
}

/// A chunk of as many histograms from the beginning as fit one: of one kind of counts, one layout, without a
/// counter reset, and no more than `count_max`. Times ascend. Nothing at all gives an empty chunk.
///
/// Start times are left out, and hints about resets only survive for the first histogram and for gauges, as in
/// all chunks of these encodings.
pub fn encode(times: &[i64], histograms: &[Arc<Histogram>], count_max: usize) -> HistogramChunk {
    let most = times.len().min(histograms.len()).min(count_max).min(usize::from(u16::MAX));
    let Some(first) = histograms[..most].first() else {
        return HistogramChunk { encoding: Encoding::Histogram, data: vec![0; 3], count: 0 };
    };
    let layout = Layout::of(first);
    let cut = histograms[..most].windows(2).position(|w| !layout.suits(&w[1]) || !follows(&w[0], &w[1]));
    let count = cut.map_or(most, |p| p + 1);
    let mut header = (count as u16).to_be_bytes().to_vec();
    header.push(match first.reset_hint {
        ResetHint::Unknown => 0,
        ResetHint::Yes => 0b1000_0000,
        ResetHint::No => 0b0100_0000,
        ResetHint::Gauge => GAUGE,
    });
    let mut w = BitWriter::after(header);
    layout.write(&mut w);
    let encoding = match first.counts {
        Counts::Integer { .. } => Encoding::Histogram,
        Counts::Float { .. } => Encoding::FloatHistogram,
    };
    let mut writer = Writer::default();
    for (t, h) in times.iter().zip(histograms).take(count) {
        writer.time(&mut w, *t);
        writer.histogram(&mut w, h);
        writer.begun = true;
    }
    HistogramChunk { encoding, data: w.finish(), count }
}

/// Whether a chunk can go on from `before` with `next`.
fn follows(before: &Histogram, next: &Histogram) -> bool {
    let gauge = |h: &Histogram| h.reset_hint == ResetHint::Gauge;
    let same_kind = matches!(
        (&before.counts, &next.counts),
        (Counts::Integer { .. }, Counts::Integer { .. }) | (Counts::Float { .. }, Counts::Float { .. })
    );
    if !same_kind || gauge(before) != gauge(next) {
        return false;
    }
    // Counts behind a stale marker would be relative to counts it does not have.
    if before.is_stale() || next.is_stale() {
        return next.is_stale();
    }
    gauge(next) || (next.reset_hint != ResetHint::Yes && !shrinks(before, next))
}

/// Whether any count is lower than before, layouts being equal: a counter reset.
fn shrinks(before: &Histogram, next: &Histogram) -> bool {
    fn any<T: PartialOrd>(before: (&T, &T, &[T], &[T]), next: (&T, &T, &[T], &[T])) -> bool {
        let less = |a: &[T], b: &[T]| a.iter().zip(b).any(|(a, b)| b < a);
        next.0 < before.0 || next.1 < before.1 || less(before.2, next.2) || less(before.3, next.3)
    }
    match (&before.counts, &next.counts) {
        (
            Counts::Integer { count, zero, positive, negative },
            Counts::Integer { count: c, zero: z, positive: p, negative: n },
        ) => any((count, zero, positive, negative), (c, z, p, n)),
        (
            Counts::Float { count, zero, positive, negative },
            Counts::Float { count: c, zero: z, positive: p, negative: n },
        ) => any((count, zero, positive, negative), (c, z, p, n)),
        _ => true,
    }
}

/// What the writer remembers from sample to sample; mirrors what the reader does.
#[derive(Default)]
struct Writer {
    begun: bool,
    time: Twice,
    count: Twice,
    zero: Twice,
    buckets: Vec<Twice>,
    float_count: Xored,
    float_zero: Xored,
    float_buckets: Vec<Xored>,
    sum: Xored,
}

impl Writer {
    fn time(&mut self, w: &mut BitWriter, t: i64) {
        if self.begun {
            self.time.write(w, t);
        } else {
            w.varbit_int(t);
            self.time = Twice { value: t, delta: 0 };
        }
    }

    fn histogram(&mut self, w: &mut BitWriter, h: &Histogram) {
        let stale = h.is_stale();
        match &h.counts {
            _ if stale && self.begun => self.stale(w, h),
            Counts::Integer { .. } if stale => {
                self.first_integers(w, 0, 0, h.sum, Vec::new());
            }
            Counts::Float { .. } if stale => self.first_floats(w, 0.0, 0.0, h.sum, Vec::new()),
            Counts::Integer { count, zero, positive, negative } => {
                let buckets = relative(positive).chain(relative(negative));
                if !self.begun {
                    return self.first_integers(w, *count, *zero, h.sum, buckets.collect());
                }
                self.count.write(w, *count as i64);
                self.zero.write(w, *zero as i64);
                self.sum.write(w, h.sum);
                for (at, b) in self.buckets.iter_mut().zip(buckets) {
                    at.write(w, b);
                }
            }
            Counts::Float { count, zero, positive, negative } => {
                let buckets = positive.iter().chain(negative).copied();
                if !self.begun {
                    return self.first_floats(w, *count, *zero, h.sum, buckets.collect());
                }
                self.float_count.write(w, *count);
                self.float_zero.write(w, *zero);
                self.sum.write(w, h.sum);
                for (at, b) in self.float_buckets.iter_mut().zip(buckets) {
                    at.write(w, b);
                }
            }
        }
    }

    /// No change of the counts, whatever that makes of them: a stale marker has none.
    fn stale(&mut self, w: &mut BitWriter, h: &Histogram) {
        w.write(0, 2);
        self.sum.write(w, h.sum);
    }

    fn first_integers(&mut self, w: &mut BitWriter, count: u64, zero: u64, sum: f64, buckets: Vec<i64>) {
        let plain = |value| Twice { value, delta: 0 };
        w.varbit_uint(count);
        w.varbit_uint(zero);
        w.write(sum.to_bits(), 64);
        self.count = plain(count as i64);
        self.zero = plain(zero as i64);
        self.sum.bits = sum.to_bits();
        self.buckets = buckets.into_iter().map(plain).collect();
        for b in &self.buckets {
            w.varbit_int(b.value);
        }
    }

    fn first_floats(&mut self, w: &mut BitWriter, count: f64, zero: f64, sum: f64, buckets: Vec<f64>) {
        let xored = |v: f64| Xored { bits: v.to_bits(), window: Window::default() };
        self.float_count = xored(count);
        self.float_zero = xored(zero);
        self.sum = xored(sum);
        self.float_buckets = buckets.into_iter().map(xored).collect();
        let heads = [self.float_count, self.float_zero, self.sum];
        for x in heads.iter().chain(&self.float_buckets) {
            w.write(x.bits, 64);
        }
    }
}

/// Each count relative to the one before it.
fn relative(counts: &[u64]) -> impl Iterator<Item = i64> + '_ {
    let mut last = 0u64;
    counts.iter().map(move |c| {
        let d = c.wrapping_sub(last) as i64;
        last = *c;
        d
    })
}
