//! Numbers of one series, step by step.

use std::collections::BTreeMap;

/// Cells of one series; as many as there are steps.
#[derive(Debug)]
pub(super) enum Cells {
    /// Spans, each with its weight.
    Count(Vec<f64>),
    Min(Vec<f64>),
    Max(Vec<f64>),
    /// Sums and how many; a cell without values has none.
    Sum(Vec<(f64, f64)>),
    Avg(Vec<(f64, f64)>),
    Spread(Vec<Spread>),
}

/// How numbers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellKind {
    Count,
    Min,
    Max,
    Sum,
    Avg,
    Spread,
}

impl Cells {
    pub fn new(kind: CellKind, steps: usize) -> Cells {
        match kind {
            CellKind::Count => Cells::Count(vec![0.0; steps]),
            CellKind::Min => Cells::Min(vec![f64::NAN; steps]),
            CellKind::Max => Cells::Max(vec![f64::NAN; steps]),
            CellKind::Sum => Cells::Sum(vec![(0.0, 0.0); steps]),
            CellKind::Avg => Cells::Avg(vec![(0.0, 0.0); steps]),
            CellKind::Spread => Cells::Spread(vec![Spread::default(); steps]),
        }
    }

    /// Bytes of so many cells.
    pub fn bytes(kind: CellKind, steps: usize) -> u64 {
        let each = match kind {
            CellKind::Count | CellKind::Min | CellKind::Max => 8,
            CellKind::Sum | CellKind::Avg => 16,
            CellKind::Spread => size_of::<Spread>(),
        };
        (each * steps) as u64
    }

    /// Adds a value; gives the bytes that took.
    pub fn add(&mut self, step: usize, value: f64, weight: f64) -> u64 {
        match self {
            Cells::Count(cells) => cells[step] += weight,
            // A comparison with NaN is false: the first value always counts.
            Cells::Min(cells) if cells[step] <= value => {}
            Cells::Max(cells) if cells[step] >= value => {}
            Cells::Min(cells) | Cells::Max(cells) => cells[step] = value,
            Cells::Sum(cells) | Cells::Avg(cells) => {
                cells[step].0 += value * weight;
                cells[step].1 += weight;
            }
            Cells::Spread(cells) => return cells[step].add(value, weight),
        }
        0
    }

    /// One number per step, NaN where there is none.
    pub fn values(&self) -> Vec<f64> {
        match self {
            Cells::Count(cells) | Cells::Min(cells) | Cells::Max(cells) => cells.clone(),
            Cells::Sum(cells) => cells.iter().map(|(s, n)| if *n > 0.0 { *s } else { f64::NAN }).collect(),
            Cells::Avg(cells) => cells.iter().map(|(s, n)| s / n).collect(),
            Cells::Spread(_) => Vec::new(),
        }
    }
}

/// Buckets that double are divided into so many.
const PARTS: f64 = 64.0;

/// How values are spread, to within a hundredth of each value.
///
/// A value that is not negative falls into the bucket from `2^(i/64)` to before `2^((i+1)/64)`, a negative one likewise by
/// its absolute value.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    /// Weights by sign and bucket, in order of value.
    buckets: BTreeMap<(i8, i32), f64>,
    least: f64,
    most: f64,
}

impl Default for Spread {
    fn default() -> Spread {
        Spread { buckets: BTreeMap::new(), least: f64::INFINITY, most: f64::NEG_INFINITY }
    }
}

impl Spread {
    fn add(&mut self, value: f64, weight: f64) -> u64 {
        if value.is_nan() {
            return 0;
        }
        let bucket = (value.abs().log2() * PARTS).floor().clamp(-1e6, 1e6) as i32;
        let key = match value.partial_cmp(&0.0) {
            Some(std::cmp::Ordering::Greater) => (1, bucket),
            Some(std::cmp::Ordering::Less) => (-1, -bucket),
            _ => (0, 0),
        };
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        let before = self.buckets.len();
        *self.buckets.entry(key).or_default() += weight;
        // What an entry of the map takes.
        if self.buckets.len() > before { 32 } else { 0 }
    }

    /// The quantile, NaN where there are no values.
    pub fn quantile(&self, q: f64) -> f64 {
        let total: f64 = self.buckets.values().sum();
        if total <= 0.0 {
            return f64::NAN;
        }
        let wanted = (q * total).max(f64::MIN_POSITIVE);
        let mut below = 0.0;
        for ((sign, bucket), weight) in &self.buckets {
            if below + weight >= wanted {
                // Where within the bucket, evenly on a scale of logarithms.
                let part = (wanted - below) / weight;
                let value = match sign {
                    0 => 0.0,
                    1 => ((f64::from(*bucket) + part) / PARTS).exp2(),
                    _ => -((f64::from(-*bucket) + 1.0 - part) / PARTS).exp2(),
                };
                return value.clamp(self.least, self.most);
            }
            below += weight;
        }
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near() {
        let mut spread = Spread::default();
        assert!(spread.quantile(0.5).is_nan());
        let values: Vec<f64> = (-200..800).map(|i| f64::from(i) * 1.7).collect();
        for v in &values {
            spread.add(*v, 1.0);
        }
        for q in [0.0, 0.1, 0.19, 0.2, 0.5, 0.9, 0.99, 1.0] {
            let exact = values[((q * values.len() as f64).ceil() as usize).max(1) - 1];
            let got = spread.quantile(q);
            assert!((got - exact).abs() <= exact.abs() * 0.012 + 1e-9, "{q}: {got} is not {exact}");
        }
    }
}
