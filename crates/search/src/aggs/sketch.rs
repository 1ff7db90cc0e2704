//! Sums that stay small: how many different values there are, and where they lie.

use hashbrown::HashSet;

/// Up to so many different values are counted exactly.
const EXACT_MAX: usize = 10_000;
/// Registers of the estimate beyond: 2^14, a standard error of 0.8 %.
const BITS: u32 = 14;

/// How many different hashes were seen (Flajolet and others: *HyperLogLog: the analysis of a near-optimal cardinality
/// estimation algorithm*, 2007; the correction for small numbers is not needed, as those are exact).
#[derive(Debug, Clone)]
pub(crate) enum Distinct {
    Exact(HashSet<u64>),
    Estimate(Box<[u8]>),
}

impl Default for Distinct {
    fn default() -> Distinct {
        Distinct::Exact(HashSet::new())
    }
}

impl Distinct {
    /// Counts a hash; gives the bytes that this took.
    pub fn insert(&mut self, hash: u64) -> u64 {
        match self {
            Distinct::Exact(set) => {
                if !set.insert(hash) {
                    return 0;
                }
                if set.len() > EXACT_MAX {
                    let mut registers = vec![0; 1 << BITS].into_boxed_slice();
                    set.iter().for_each(|h| note(&mut registers, *h));
                    *self = Distinct::Estimate(registers);
                }
                16
            }
            Distinct::Estimate(registers) => {
                note(registers, hash);
                0
            }
        }
    }

    pub fn count(&self) -> u64 {
        match self {
            Distinct::Exact(set) => set.len() as u64,
            Distinct::Estimate(registers) => {
                let m = registers.len() as f64;
                let sum: f64 = registers.iter().map(|r| 2f64.powi(-i32::from(*r))).sum();
                (0.7213 / (1.0 + 1.079 / m) * m * m / sum).round() as u64
            }
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let place = (hash >> (64 - BITS)) as usize;
    let rank = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
    registers[place] = registers[place].max(rank);
}

/// Up to so many numbers are kept as they are.
const VALUES_MAX: usize = 2048;
/// How finely the others are told apart: at most about so many pieces.
const COMPRESSION: f64 = 200.0;

/// Where numbers lie: a merging t-digest (Dunning and Ertl: *Computing extremely accurate quantiles using t-digests*,
/// 2019), exact while they are few.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest {
    values: Vec<f64>,
    /// Means and weights in order; empty while all numbers are in `values`.
    pieces: Vec<(f64, f64)>,
    min: f64,
    max: f64,
}

impl Digest {
    /// Takes a number in; gives the bytes that this took.
    pub fn insert(&mut self, x: f64) -> u64 {
        if self.values.is_empty() && self.pieces.is_empty() {
            (self.min, self.max) = (x, x);
        }
        (self.min, self.max) = (self.min.min(x), self.max.max(x));
        self.values.push(x);
        if self.values.len() >= VALUES_MAX {
            self.compress();
        }
        if self.pieces.is_empty() { 8 } else { 0 }
    }

    fn compress(&mut self) {
        let mut all = std::mem::take(&mut self.pieces);
        all.extend(self.values.drain(..).map(|x| (x, 1.0)));
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = all.iter().map(|p| p.1).sum();
        // A piece may reach from one quantile to another if the scale function grows by no more than one between them.
        let scale = |q: f64| COMPRESSION / std::f64::consts::TAU * (2.0 * q - 1.0).clamp(-1.0, 1.0).asin();
        let mut before = 0.0;
        let mut merged: Vec<(f64, f64)> = Vec::new();
        for (mean, weight) in all {
            match merged.last_mut() {
                Some(last) if scale((before + last.1 + weight) / total) - scale(before / total) <= 1.0 => {
                    last.1 += weight;
                    last.0 += (mean - last.0) * weight / last.1;
                }
                Some(last) => {
                    before += last.1;
                    merged.push((mean, weight));
                }
                None => merged.push((mean, weight)),
            }
        }
        self.pieces = merged;
    }

    /// The number below which a part of all lie, 0 to 1; `None` without any.
    pub fn quantile(&mut self, q: f64) -> Option<f64> {
        if self.pieces.is_empty() {
            self.values.sort_by(f64::total_cmp);
            let last = self.values.len().checked_sub(1)?;
            let at = q.clamp(0.0, 1.0) * last as f64;
            let (low, high) = (self.values[at.floor() as usize], self.values[at.ceil() as usize]);
            return Some(if low == high { low } else { low + (high - low) * at.fract() });
        }
        if !self.values.is_empty() {
            self.compress();
        }
        let total: f64 = self.pieces.iter().map(|p| p.1).sum();
        let wanted = q.clamp(0.0, 1.0) * total;
        let mut before = 0.0;
        let mut left = (0.0, self.min);
        for (mean, weight) in &self.pieces {
            let middle = (before + weight / 2.0, *mean);
            if wanted <= middle.0 {
                return Some(between(left, middle, wanted));
            }
            left = middle;
            before += weight;
        }
        Some(between(left, (total, self.max), wanted))
    }

    /// Which part of all is no larger than a number, 0 to 1.
    pub fn rank(&mut self, x: f64) -> Option<f64> {
        if self.pieces.is_empty() {
            let all = self.values.len();
            let below = self.values.iter().filter(|v| **v <= x).count();
            return (all > 0).then(|| below as f64 / all as f64);
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if self.quantile(middle)? <= x { low = middle } else { high = middle }
        }
        Some(high)
    }
}

fn between(left: (f64, f64), right: (f64, f64), at: f64) -> f64 {
    let width = right.0 - left.0;
    if width <= 0.0 { right.1 } else { left.1 + (right.1 - left.1) * (at - left.0) / width }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn distinct_values_are_counted() {
        let mut d = Distinct::default();
        for n in 0..100_000u64 {
            d.insert(xxh3_64(&(n % 50_000).to_le_bytes()));
            if n == 8_999 {
                assert_eq!(d.count(), 9_000, "few are counted exactly");
            }
        }
        let error = (d.count() as f64 / 50_000.0 - 1.0).abs();
        assert!(error < 0.04, "{}", d.count());
    }

    #[test]
    fn quantiles_are_close() {
        let mut few = Digest::default();
        assert_eq!(few.quantile(0.5), None);
        [3.0, 1.0, 2.0, 10.0].into_iter().for_each(|x| {
            few.insert(x);
        });
        assert_eq!(
            (few.quantile(0.0), few.quantile(0.5), few.quantile(1.0)),
            (Some(1.0), Some(2.5), Some(10.0))
        );
        assert_eq!((few.rank(0.5), few.rank(2.0)), (Some(0.0), Some(0.5)));
        let mut many = Digest::default();
        for n in 0..100_000u64 {
            many.insert((n * 7919 % 100_000) as f64);
        }
        for q in [0.001, 0.25, 0.5, 0.99, 0.999] {
            let found = many.quantile(q).unwrap();
            assert!((found / 100_000.0 - q).abs() < 0.003, "{q}: {found}");
            assert!((many.rank(found).unwrap() - q).abs() < 0.003, "{q}");
        }
        assert!(many.pieces.len() < 400, "{}", many.pieces.len());
    }
}
