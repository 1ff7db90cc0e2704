//! What is kept of rows until the windows are known.

use super::cells::Cells;
use crate::ast::RangeOp;

/// What a range function needs besides its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finish {
    pub op: RangeOp,
    /// Of `quantile_over_time`.
    pub param: f64,
    pub range_ns: i64,
}

impl Finish {
    fn seconds(&self) -> f64 {
        self.range_ns as f64 / 1e9
    }

    fn per_second(&self, total: f64) -> f64 {
        match self.op {
            RangeOp::Rate | RangeOp::BytesRate => total / self.seconds(),
            _ => total,
        }
    }
}

/// A summary of rows that can be joined with that of later ones.
pub(super) trait Fold: Clone {
    fn of(time_ns: i64, value: f64) -> Self;
    fn add(&mut self, time_ns: i64, value: f64);
    fn join(&mut self, later: &Self);
    fn value(&self, finish: &Finish) -> f64;
}

/// A number of rows or bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Total(pub u64);

impl Fold for Total {
    fn of(_: i64, value: f64) -> Total {
        Total(value as u64)
    }

    fn add(&mut self, _: i64, value: f64) {
        self.0 += value as u64;
    }

    fn join(&mut self, later: &Total) {
        self.0 += later.0;
    }

    fn value(&self, finish: &Finish) -> f64 {
        finish.per_second(self.0 as f64)
    }
}

/// A sum, with what rounding lost of it (Neumaier).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Fold for Sum {
    fn of(_: i64, value: f64) -> Sum {
        Sum { sum: value, lost: 0.0 }
    }

    fn add(&mut self, _: i64, value: f64) {
        let sum = self.sum + value;
        if sum.is_finite() {
            self.lost += match self.sum.abs() >= value.abs() {
                true => (self.sum - sum) + value,
                false => (value - sum) + self.sum,
            };
        }
        self.sum = sum;
    }

    fn join(&mut self, later: &Sum) {
        self.add(0, later.sum);
        self.lost += later.lost;
    }

    fn value(&self, finish: &Finish) -> f64 {
        let sum = if self.sum.is_finite() { self.sum + self.lost } else { self.sum };
        finish.per_second(sum)
    }
}

/// The least or greatest value; a number is kept rather than NaN.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extreme<const GREATEST: bool>(f64);

impl<const GREATEST: bool> Fold for Extreme<GREATEST> {
    fn of(_: i64, value: f64) -> Self {
        Extreme(value)
    }

    fn add(&mut self, _: i64, value: f64) {
        self.0 = if GREATEST { self.0.max(value) } else { self.0.min(value) };
    }

    fn join(&mut self, later: &Self) {
        self.add(0, later.0);
    }

    fn value(&self, _: &Finish) -> f64 {
        self.0
    }
}

/// The earliest or latest value; of several at one instant the one that came first or last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge<const LATEST: bool> {
    time_ns: i64,
    value: f64,
}

impl<const LATEST: bool> Fold for Edge<LATEST> {
    fn of(time_ns: i64, value: f64) -> Self {
        Edge { time_ns, value }
    }

    fn add(&mut self, time_ns: i64, value: f64) {
        if (LATEST && time_ns >= self.time_ns) || (!LATEST && time_ns < self.time_ns) {
            *self = Edge { time_ns, value };
        }
    }

    fn join(&mut self, later: &Self) {
        self.add(later.time_ns, later.value);
    }

    fn value(&self, _: &Finish) -> f64 {
        self.value
    }
}

/// Mean and squared deviations (Welford; joined after Chan).
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Fold for Moments {
    fn of(_: i64, value: f64) -> Moments {
        Moments { count: 1.0, mean: value, squares: if value.is_finite() { 0.0 } else { f64::NAN } }
    }

    fn add(&mut self, time_ns: i64, value: f64) {
        self.join(&Moments::of(time_ns, value));
    }

    fn join(&mut self, later: &Moments) {
        let count = self.count + later.count;
        let delta = later.mean - self.mean;
        self.squares += later.squares + delta * delta * (self.count / count) * later.count;
        // Infinities stay; their difference would be no number.
        self.mean = match self.mean.is_infinite() || later.mean.is_infinite() {
            true => self.mean + later.mean,
            false => self.mean + delta * (later.count / count),
        };
        self.count = count;
    }

    fn value(&self, finish: &Finish) -> f64 {
        match finish.op {
            RangeOp::StdvarOverTime => self.squares / self.count,
            RangeOp::StddevOverTime => (self.squares / self.count).sqrt(),
            _ => self.mean,
        }
    }
}

/// What is kept of the rows of each series.
pub(super) trait Store: Default {
    /// Bytes that one row may take.
    const ROW_BYTES: u64;
    /// Makes room for so many series.
    fn grow(&mut self, series: usize);
    /// Adds a row. Says whether it took more room.
    fn add(&mut self, series: u32, cell: u32, time_ns: i64, value: f64) -> bool;
    /// The value of a series at each step that has any.
    fn finish(&mut self, series: usize, cells: &Cells, finish: &Finish) -> Vec<(u32, f64)>;
}

/// A summary per cell that has rows.
pub(super) struct Summaries<F> {
    series: Vec<Cellwise<F>>,
}

/// The summaries of one series. Most series of a query with many have one cell only.
struct Cellwise<F> {
    /// The cell that came last.
    last: Option<(u32, F)>,
    others: Option<Box<Others<F>>>,
}

/// The summaries of other cells; those before `sorted` in ascending order, none twice among them.
struct Others<F> {
    cells: Vec<(u32, F)>,
    sorted: usize,
}

impl<F> Default for Cellwise<F> {
    fn default() -> Self {
        Cellwise { last: None, others: None }
    }
}

impl<F: Fold> Cellwise<F> {
    /// Adds a row. Says whether it took more room.
    #[inline]
    fn add(&mut self, cell: u32, time_ns: i64, value: f64) -> bool {
        match &mut self.last {
            Some((last, fold)) if *last == cell => {
                fold.add(time_ns, value);
                false
            }
            _ => self.turn(cell, time_ns, value),
        }
    }

    /// Blocks go back in time, so a cell may come again.
    fn turn(&mut self, cell: u32, time_ns: i64, value: f64) -> bool {
        let Some(before) = self.last.replace((cell, F::of(time_ns, value))) else { return true };
        let others = self.others.get_or_insert_with(|| Box::new(Others { cells: Vec::new(), sorted: 0 }));
        if let Ok(at) = others.cells[..others.sorted].binary_search_by_key(&before.0, |(c, _)| *c) {
            others.cells[at].1.join(&before.1);
            return false;
        }
        others.cells.push(before);
        if others.cells.len() > 2 * others.sorted + 16 {
            joined(&mut others.cells);
            others.sorted = others.cells.len();
        }
        true
    }

    fn take(&mut self) -> Vec<(u32, F)> {
        let mut all = self.others.take().map_or_else(Vec::new, |others| others.cells);
        all.extend(self.last.take());
        joined(&mut all);
        all
    }
}

impl<F> Default for Summaries<F> {
    fn default() -> Self {
        Summaries { series: Vec::new() }
    }
}

impl<F: Fold> Store for Summaries<F> {
    const ROW_BYTES: u64 = size_of::<(u32, F)>() as u64;

    fn grow(&mut self, series: usize) {
        if self.series.len() < series {
            self.series.resize_with(series, Cellwise::default);
        }
    }

    #[inline]
    fn add(&mut self, series: u32, cell: u32, time_ns: i64, value: f64) -> bool {
        self.series[series as usize].add(cell, time_ns, value)
    }

    fn finish(&mut self, series: usize, cells: &Cells, finish: &Finish) -> Vec<(u32, f64)> {
        let summaries = self.series[series].take();
        slide(&summaries, &cells.windows, |fold| fold.value(finish))
    }
}

/// One summary per cell, in ascending order.
fn joined<F: Fold>(cells: &mut Vec<(u32, F)>) {
    if cells.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    cells.sort_by_key(|(cell, _)| *cell);
    cells.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1.join(&later.1);
        }
        same
    });
}

/// The value of each window, by two stacks: what is older is summed up from its end, what is newer from its start,
/// so that each summary is joined twice at most.
fn slide<F: Fold>(cells: &[(u32, F)], windows: &[(u32, u32)], value: impl Fn(&F) -> f64) -> Vec<(u32, f64)> {
    let mut out = Vec::new();
    let mut older: Vec<F> = Vec::new();
    let mut newer: Option<F> = None;
    let (mut first, mut end) = (0, 0);
    for (step, (from, to)) in windows.iter().enumerate() {
        while end < cells.len() && cells[end].0 < *to {
            match &mut newer {
                Some(sum) => sum.join(&cells[end].1),
                none => *none = Some(cells[end].1.clone()),
            }
            end += 1;
        }
        while first < end && cells[first].0 < *from {
            if older.is_empty() {
                for (_, fold) in cells[first..end].iter().rev() {
                    let mut sum = fold.clone();
                    if let Some(after) = older.last() {
                        sum.join(after);
                    }
                    older.push(sum);
                }
                newer = None;
            }
            older.pop();
            first += 1;
        }
        let total = match (older.last(), &newer) {
            (Some(old), Some(new)) => {
                let mut sum = old.clone();
                sum.join(new);
                Some(sum)
            }
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        };
        if let Some(total) = total {
            out.push((step as u32, value(&total)));
        }
    }
    out
}

/// All values with their times, for functions that cannot be summed up.
#[derive(Default)]
pub(super) struct Samples {
    series: Vec<Vec<(i64, f64)>>,
}

impl Store for Samples {
    const ROW_BYTES: u64 = 16;

    fn grow(&mut self, series: usize) {
        self.series.resize_with(series, Vec::new);
    }

    fn add(&mut self, series: u32, _: u32, time_ns: i64, value: f64) -> bool {
        self.series[series as usize].push((time_ns, value));
        true
    }

    fn finish(&mut self, series: usize, cells: &Cells, finish: &Finish) -> Vec<(u32, f64)> {
        let mut samples = std::mem::take(&mut self.series[series]);
        samples.sort_by_key(|(time, _)| *time);
        let mut scratch = Vec::new();
        let mut out = Vec::new();
        for step in 0..cells.windows.len() {
            let end_ns = cells.window_end_ns(step);
            let from = samples.partition_point(|(t, _)| *t <= end_ns.saturating_sub(finish.range_ns));
            let to = samples.partition_point(|(t, _)| *t <= end_ns);
            let window = &samples[from..to];
            if window.is_empty() {
                continue;
            }
            let value = match finish.op {
                RangeOp::RateCounter => counter_rate(window, end_ns, finish.range_ns),
                _ => {
                    scratch.clear();
                    scratch.extend(window.iter().map(|(_, v)| *v));
                    quantile(finish.param, &mut scratch)
                }
            };
            out.push((step as u32, value));
        }
        out
    }
}

/// A quantile, interpolated between the two nearest values.
fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The increase of a counter per second, extrapolated to the edges of the window as Prometheus does.
fn counter_rate(samples: &[(i64, f64)], end_ns: i64, range_ns: i64) -> f64 {
    let ([(first_ns, first), .., (last_ns, last)], count) = (samples, samples.len()) else { return 0.0 };
    let seconds = |ns: i64| ns as f64 / 1e9;
    let mut increase = last - first;
    for pair in samples.windows(2) {
        if pair[1].1 < pair[0].1 {
            increase += pair[0].1;
        }
    }
    let sampled = seconds(last_ns - first_ns);
    if sampled == 0.0 {
        return 0.0;
    }
    let between = sampled / (count - 1) as f64;
    let threshold = between * 1.1;
    let near = |gap: f64| if gap < threshold { gap } else { between / 2.0 };
    let mut before = near(seconds(first_ns - end_ns.saturating_sub(range_ns)));
    if increase > 0.0 && *first >= 0.0 {
        // A counter was not below zero.
        before = before.min(sampled * (first / increase));
    }
    let after = near(seconds(end_ns - last_ns));
    increase * ((sampled + before + after) / sampled) / seconds(range_ns)
}
