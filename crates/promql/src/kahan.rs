//! Sums that keep the bits an ordinary float sum loses (Kahan, in Neumaier's form).

/// Adds to a sum with its compensation. An infinite sum has none.
#[inline(always)]
pub(crate) fn add(v: f64, sum: f64, c: f64) -> (f64, f64) {
    let t = sum + v;
    if t.is_infinite() {
        (t, 0.0)
    } else if sum.abs() >= v.abs() {
        (t, c + ((sum - t) + v))
    } else {
        (t, c + ((v - t) + sum))
    }
}

/// The mean of values: a compensated sum, and a running mean once that sum would leave the range of floats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mean {
    sum: f64,
    c: f64,
    count: f64,
    running: bool,
}

impl Mean {
    #[inline(always)]
    pub fn new(first: f64) -> Mean {
        Mean { sum: first, c: 0.0, count: 1.0, running: false }
    }

    #[inline(always)]
    pub fn add(&mut self, v: f64) {
        self.count += 1.0;
        if !self.running {
            let (sum, c) = add(v, self.sum, self.c);
            if !sum.is_infinite() {
                (self.sum, self.c) = (sum, c);
                return;
            }
            self.running = true;
            self.sum /= self.count - 1.0;
            self.c /= self.count - 1.0;
        }
        let q = (self.count - 1.0) / self.count;
        (self.sum, self.c) = add(v / self.count, q * self.sum, q * self.c);
    }

    pub fn value(self) -> f64 {
        if self.running { self.sum + self.c } else { self.sum / self.count + self.c / self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_large_ones() {
        let (mut sum, mut c) = (0.0, 0.0);
        for v in [1.0, 1e100, 1.0, -1e100] {
            (sum, c) = add(v, sum, c);
        }
        assert_eq!(sum + c, 2.0);
        let mut mean = Mean::new(f64::MAX);
        mean.add(f64::MAX);
        assert_eq!(mean.value(), f64::MAX);
    }
}
