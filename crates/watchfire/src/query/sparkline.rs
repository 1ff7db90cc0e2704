//! A series as a line of block characters.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `width` characters for the points of a series between two times; a gap is a blank. Each character shows the
/// mean of the points that fall on it. The scale is that of the series itself.
pub fn sparkline(points: &[(f64, f64)], start: f64, end: f64, width: usize) -> String {
    let means = means(points, start, end, width);
    let (low, high) = bounds(means.iter().flatten().copied());
    means
        .iter()
        .map(|m| match m {
            None => ' ',
            Some(_) if high <= low => BLOCKS[3],
            Some(v) => BLOCKS[(((v - low) / (high - low)) * 7.0).round() as usize],
        })
        .collect()
}

/// The same over `height` lines, the highest first.
pub fn tall(points: &[(f64, f64)], start: f64, end: f64, width: usize, height: usize) -> Vec<String> {
    let means = means(points, start, end, width);
    let (low, high) = bounds(means.iter().flatten().copied());
    let eighths = |v: f64| {
        if high <= low {
            height * 4
        } else {
            1 + ((v - low) / (high - low) * (height * 8 - 1) as f64).round() as usize
        }
    };
    let cell = |m: &Option<f64>, row: usize| match m.map(eighths) {
        Some(e) if e >= (row + 1) * 8 => BLOCKS[7],
        Some(e) if e > row * 8 => BLOCKS[e - row * 8 - 1],
        _ => ' ',
    };
    (0..height).rev().map(|row| means.iter().map(|m| cell(m, row)).collect()).collect()
}

/// The mean of the points in each of `width` equal spans, where there are any.
fn means(points: &[(f64, f64)], start: f64, end: f64, width: usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0u32); width.max(1)];
    let span = (end - start).max(f64::MIN_POSITIVE);
    for (t, v) in points.iter().filter(|(_, v)| v.is_finite()) {
        let at = ((t - start) / span * width as f64).floor().clamp(0.0, (sums.len() - 1) as f64) as usize;
        sums[at].0 += v;
        sums[at].1 += 1;
    }
    sums.iter().map(|(s, n)| (*n > 0).then(|| s / f64::from(*n))).collect()
}

/// The least and the greatest of the finite values.
pub fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_rises_and_gaps_stay_blank() {
        let ramp: Vec<(f64, f64)> = (0..8).map(|i| (f64::from(i), f64::from(i))).collect();
        assert_eq!(sparkline(&ramp, 0.0, 8.0, 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[ramp[0], ramp[7]], 0.0, 8.0, 8), "▁      █");
        assert_eq!(sparkline(&[(0.0, 5.0), (1.0, 5.0)], 0.0, 2.0, 2), "▄▄");
        assert_eq!(sparkline(&[(0.0, f64::NAN)], 0.0, 1.0, 2), "  ");
    }

    #[test]
    fn a_tall_one_fills_from_below() {
        let ramp: Vec<(f64, f64)> = (0..4).map(|i| (f64::from(i), f64::from(i))).collect();
        assert_eq!(tall(&ramp, 0.0, 4.0, 4, 2), ["  ▃█", "▁▆██"]);
    }
}
