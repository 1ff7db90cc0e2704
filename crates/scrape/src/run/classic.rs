//! Classic histograms as native ones with custom buckets.

use model::{Counts, Exemplar, Histogram, Labels, METRIC_NAME, ResetHint, Span};

/// The series of one classic histogram, gathered as they come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Classic {
    /// The name and labels of the histogram itself.
    pub labels: Labels,
    /// Upper bounds and the observations up to each, as exposed.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
    pub time_ms: Option<i64>,
    pub start_ms: i64,
    pub exemplars: Vec<Exemplar>,
}

/// What one series says about its histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// Observations up to this bound.
    Bucket(f64),
    Count,
    Sum,
}

/// Which histogram of a family a series is part of, and which part.
pub(super) fn part_of(family: &str, series: &Labels) -> Option<(Labels, Part)> {
    let part = match series.metric_name().strip_prefix(family)? {
        "_bucket" => Part::Bucket(series.get("le")?.parse().ok()?),
        "_count" => Part::Count,
        "_sum" => Part::Sum,
        _ => return None,
    };
    let mut labels = series.to_builder();
    labels.set(METRIC_NAME, family);
    if matches!(part, Part::Bucket(_)) {
        labels.remove("le");
    }
    Some((labels.build(), part))
}

impl Classic {
    pub(super) fn new(labels: Labels) -> Classic {
        Classic {
            labels,
            buckets: Vec::new(),
            count: None,
            sum: 0.0,
            time_ms: None,
            start_ms: 0,
            exemplars: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, part: Part, value: f64) {
        match part {
            Part::Bucket(bound) => self.buckets.push((bound, value)),
            Part::Count => self.count = Some(value),
            Part::Sum => self.sum = value,
        }
    }

    /// The native histogram, or why these series are none.
    pub(super) fn finish(mut self) -> Result<Histogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|a, b| a.0 == b.0);
        let last = self.buckets.last().copied();
        let infinite = last.filter(|(bound, _)| *bound == f64::INFINITY);
        let count = self
            .count
            .or(infinite.map(|(_, n)| n))
            .or(last.map(|(_, n)| n))
            .ok_or("has neither a count nor buckets")?;
        if infinite.is_none() {
            self.buckets.push((f64::INFINITY, count));
        }
        let bounds: Vec<f64> = self.buckets.iter().map(|(b, _)| *b).filter(|b| b.is_finite()).collect();
        let (spans, counts) = absolute(&self.buckets)?;
        let whole = |n: &f64| n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(n);
        let counts = if counts.iter().chain([&count]).all(whole) {
            let positive = counts.iter().map(|n| *n as u64).collect();
            Counts::Integer { count: count as u64, zero: 0, positive, negative: Vec::new() }
        } else {
            Counts::Float { count, zero: 0.0, positive: counts, negative: Vec::new() }
        };
        let histogram = Histogram {
            reset_hint: ResetHint::Unknown,
            schema: Histogram::CUSTOM_SCHEMA,
            zero_threshold: 0.0,
            sum: self.sum,
            positive_spans: spans,
            negative_spans: Vec::new(),
            custom_bounds: bounds,
            counts,
        };
        histogram.check().map_err(|e| e.to_string())?;
        Ok(histogram)
    }
}

/// From observations up to each bound to those within each bucket; empty buckets are left out.
fn absolute(buckets: &[(f64, f64)]) -> Result<(Vec<Span>, Vec<f64>), String> {
    let mut spans: Vec<Span> = Vec::new();
    let mut counts = Vec::new();
    let mut below = 0.0;
    let mut next = 0usize;
    for (at, (bound, upto)) in buckets.iter().enumerate() {
        let count = upto - below;
        if count.is_nan() || count < 0.0 {
            return Err(format!("the bucket le={bound:?} holds {upto}, fewer than the {below} below it"));
        }
        below = *upto;
        if count == 0.0 {
            continue;
        }
        counts.push(count);
        match spans.last_mut() {
            Some(span) if at == next => span.length += 1,
            _ => spans.push(Span { offset: i32::try_from(at - next).unwrap_or(i32::MAX), length: 1 }),
        }
        next = at + 1;
    }
    Ok((spans, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classic(parts: &[(Part, f64)]) -> Classic {
        let mut c = Classic::new(Labels::empty());
        for (part, value) in parts {
            c.add(*part, *value);
        }
        c
    }

    #[test]
    fn series_are_assigned_to_their_histogram() {
        let of = |pairs: &[(&str, &str)]| {
            let series = Labels::from_pairs(pairs.iter().copied()).unwrap();
            part_of("h", &series).map(|(labels, part)| (labels.to_string(), part))
        };
        let h = r#"h{x="y"}"#.to_owned();
        assert_eq!(
            of(&[("__name__", "h_bucket"), ("le", "0.5"), ("x", "y")]),
            Some((h.clone(), Part::Bucket(0.5)))
        );
        assert_eq!(
            of(&[("__name__", "h_bucket"), ("le", "+Inf"), ("x", "y")]),
            Some((h.clone(), Part::Bucket(f64::INFINITY)))
        );
        assert_eq!(of(&[("__name__", "h_sum"), ("x", "y")]), Some((h, Part::Sum)));
        assert_eq!(of(&[("__name__", "h_created")]), None);
        assert_eq!(of(&[("__name__", "h_bucket"), ("le", "wide")]), None);
        assert_eq!(of(&[("__name__", "other_sum")]), None);
    }

    #[test]
    fn buckets_become_absolute_and_empty_ones_vanish() {
        let inf = f64::INFINITY;
        let c = classic(&[
            (Part::Bucket(1.0), 2.0),
            (Part::Bucket(2.0), 2.0),
            (Part::Bucket(5.0), 7.0),
            (Part::Bucket(inf), 8.0),
            (Part::Sum, 21.5),
            (Part::Count, 8.0),
        ]);
        let h = c.finish().unwrap();
        assert_eq!(h.custom_bounds, [1.0, 2.0, 5.0]);
        assert_eq!(h.positive_spans, [Span { offset: 0, length: 1 }, Span { offset: 1, length: 2 }]);
        assert_eq!(h.sum, 21.5);
        assert_eq!(
            h.counts,
            Counts::Integer { count: 8, zero: 0, positive: vec![2, 5, 1], negative: Vec::new() }
        );
    }

    #[test]
    fn what_is_missing_is_made_up_from_the_rest() {
        let h = classic(&[(Part::Bucket(1.0), 2.5), (Part::Count, 4.0)]).finish().unwrap();
        assert_eq!(
            h.counts,
            Counts::Float { count: 4.0, zero: 0.0, positive: vec![2.5, 1.5], negative: Vec::new() }
        );
        let h = classic(&[(Part::Bucket(1.0), 2.0)]).finish().unwrap();
        assert_eq!(h.counts, Counts::Integer { count: 2, zero: 0, positive: vec![2], negative: Vec::new() });
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let e = classic(&[(Part::Bucket(1.0), 5.0), (Part::Bucket(2.0), 3.0)]).finish().unwrap_err();
        assert_eq!(e, "the bucket le=2.0 holds 3, fewer than the 5 below it");
        assert_eq!(classic(&[(Part::Sum, 1.0)]).finish().unwrap_err(), "has neither a count nor buckets");
        let e = classic(&[(Part::Bucket(1.0), 5.0), (Part::Count, f64::NAN)]).finish().unwrap_err();
        assert!(e.contains("fewer than"), "{e}");
    }
}
