//! `rate`, `increase` and `delta` of plain floats.
//!
//! Series that are scraped together have the same timestamps. Where the windows lie in these, and how far what is
//! seen in them is extrapolated, is found once for all such series; what is left for each window is a subtraction
//! and a multiplication.

use super::rate::{Extent, Resets};
use super::series::ABSENT;
use super::window::{Buffer, Sliding, Window};
use crate::eval::matrix::RangeContext;

/// A window over some column of timestamps.
#[derive(Debug, Clone, Copy)]
struct Slide {
    from: usize,
    to: usize,
    /// Seconds between the first sample and the last.
    sampled: f64,
    /// Seconds to which the change is extrapolated before the first sample and after the last.
    to_start: f64,
    to_end: f64,
    /// What the change is multiplied with, unless a counter was zero within `to_start`.
    factor: f64,
}

/// The windows of all steps.
#[derive(Debug, Default)]
pub(super) struct Slides {
    times: Vec<i64>,
    slides: Vec<Slide>,
}

impl Slides {
    /// Finds the windows over the timestamps of `buffer`, unless they are those found last.
    pub fn find(
        &mut self,
        c: &RangeContext<'_>,
        buffer: &Buffer,
        mut sliding: Sliding<'_>,
        per_second: bool,
    ) {
        if self.times == buffer.times && !self.slides.is_empty() {
            return;
        }
        self.times.clone_from(&buffer.times);
        self.slides.clear();
        for step in 0..sliding.steps() {
            let w = sliding.at(step);
            self.slides.push(slide(&w, per_second.then_some(c.range_ms)));
        }
    }

    /// The change in every window.
    pub fn change(
        &self,
        buffer: &Buffer,
        resets: Option<&Resets>,
        range_ms: Option<i64>,
        out: &mut Vec<f64>,
    ) {
        let values = &buffer.values[..];
        out.clear();
        out.extend(self.slides.iter().map(|s| {
            if s.to - s.from < 2 {
                return ABSENT;
            }
            let (first, last) = (values[s.from], values[s.to - 1]);
            let mut result = last - first;
            let Some(resets) = resets else { return result * s.factor };
            for i in resets.between(s.from, s.to) {
                result += values[i - 1];
            }
            if result > 0.0 && first >= 0.0 && s.may_start_inside(first, result) {
                let zero = s.sampled * (first / result);
                if zero < s.to_start {
                    return result * s.factor_from(zero, range_ms);
                }
            }
            result * s.factor
        }));
    }
}

impl Slide {
    /// Whether the counter may have been zero within `to_start`. Spares a division, and may only err with "yes".
    #[inline]
    fn may_start_inside(&self, first: f64, result: f64) -> bool {
        let (seen, needed) = (self.sampled * first, self.to_start * result * (1.0 + 1e-9));
        // Very small and very large products say nothing.
        !(seen > needed && (1e-290..1e290).contains(&seen))
    }

    fn factor_from(&self, to_start: f64, range_ms: Option<i64>) -> f64 {
        let factor = (self.sampled + to_start + self.to_end) / self.sampled;
        match range_ms {
            Some(range_ms) => factor / super::rate::seconds(range_ms),
            None => factor,
        }
    }
}

fn slide(w: &Window<'_>, range_ms: Option<i64>) -> Slide {
    let (from, to) = (w.f.start, w.f.end);
    let mut slide = Slide { from, to, sampled: 0.0, to_start: 0.0, to_end: 0.0, factor: 0.0 };
    let times = w.times();
    if let [first, .., last] = times {
        let extent = Extent { first: *first, last: *last, gaps: times.len() - 1, start: 0 };
        (slide.sampled, slide.to_start, slide.to_end) = extent.reach(w);
        slide.factor = slide.factor_from(slide.to_start, range_ms);
    }
    slide
}
