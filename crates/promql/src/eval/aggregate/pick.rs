//! Operators that keep some series of a group as they are: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use super::groups;
use crate::ast::{Aggregate, AggregateOp};
use crate::error::EvalError;
use crate::eval::series::drop_empty;
use crate::eval::{Evaluator, Grid, Series, is_absent};
use crate::text::format_float_short;
use model::Labels;

impl Evaluator<'_> {
    pub(super) fn pick(
        &mut self,
        a: &Aggregate,
        series: Vec<Series>,
        param: &[f64],
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        if !self.check_param(a, param)? {
            return Ok(Vec::new());
        }
        let groups = groups(&series, a);
        self.grow_columns(series.len(), grid)?;
        let mut out: Vec<Series> =
            series.iter().map(|s| Series::absent(s.labels.clone(), s.drop_name, grid.count)).collect();
        let mut order = Vec::new();
        let mut chosen: Vec<(f64, usize)> = Vec::new();
        for members in &groups.members {
            for (step, param) in param.iter().copied().enumerate() {
                if step.is_multiple_of(64) {
                    self.control.check()?;
                }
                chosen.clear();
                match a.op {
                    AggregateOp::LimitRatio => limit_ratio(&series, members, step, param, &mut chosen),
                    AggregateOp::Limitk => {
                        let k = whole(param, members.len());
                        let present = members.iter().filter(|m| series[**m].is_present(step));
                        chosen.extend(present.take(k).map(|m| (0.0, *m)));
                    }
                    op => {
                        if members.iter().any(|m| series[*m].histogram(step).is_some()) {
                            self.annotations.histogram_ignored(op.as_str(), a.span);
                        }
                        let k = whole(param, members.len());
                        let values = members.iter().map(|m| (series[*m].floats[step], *m));
                        best(values, k, op == AggregateOp::Topk, &mut chosen);
                    }
                }
                for (_, m) in &chosen {
                    if let Some(cell) = series[*m].get(step) {
                        out[*m].set(step, cell);
                    }
                }
                if grid.count == 1 {
                    order.extend(chosen.iter().map(|c| c.1));
                }
            }
        }
        if grid.count == 1 {
            let mut slots: Vec<Option<Series>> = out.into_iter().map(Some).collect();
            out = order.into_iter().filter_map(|m| slots[m].take()).collect();
        }
        drop_empty(&mut out);
        Ok(out)
    }

    /// Whether anything is to be kept at all.
    fn check_param(&mut self, a: &Aggregate, param: &[f64]) -> Result<bool, EvalError> {
        let nan = param.iter().any(|p| p.is_nan());
        let most = param.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = param.iter().copied().fold(f64::INFINITY, f64::min);
        if a.op == AggregateOp::LimitRatio {
            if nan {
                return Err(EvalError::query("Ratio value is NaN"));
            }
            let span = a.param.as_ref().map_or(a.span, |p| p.span());
            if most > 1.0 {
                self.annotations.invalid_ratio(most, 1.0, span);
            }
            if least < -1.0 {
                self.annotations.invalid_ratio(least, -1.0, span);
            }
            return Ok(most != 0.0 || least != 0.0);
        }
        if nan {
            return Err(EvalError::query("Parameter value is NaN"));
        }
        if most < 1.0 {
            return Ok(false);
        }
        // The bounds of a 64 bit integer, as upstream.
        if least <= i64::MIN as f64 {
            let least = format_float_short(least);
            return Err(EvalError::query(format!("Scalar value {least} underflows int64")));
        }
        if most >= i64::MAX as f64 {
            let most = format_float_short(most);
            return Err(EvalError::query(format!("Scalar value {most} overflows int64")));
        }
        Ok(true)
    }
}

fn whole(k: f64, most: usize) -> usize {
    if k < 1.0 { 0 } else { (k as usize).min(most) }
}

/// The `k` largest (or smallest) values, best first. NaN loses to all. Which of equal values are kept, and in which
/// order, is that of the same binary heap that upstream uses.
fn best(values: impl Iterator<Item = (f64, usize)>, k: usize, largest: bool, heap: &mut Vec<(f64, usize)>) {
    if k == 0 {
        return;
    }
    let worse = |a: f64, b: f64| a.is_nan() || if largest { a < b } else { a > b };
    for (v, m) in values.filter(|(v, _)| !is_absent(*v)) {
        if heap.len() < k {
            heap.push((v, m));
            sift_up(heap, worse);
        } else if (heap[0].0.is_nan() && !v.is_nan()) || (!v.is_nan() && worse(heap[0].0, v)) {
            heap[0] = (v, m);
            sift_down(heap, worse);
        }
    }
    if heap.len() <= INSERTION_SORT_MAX {
        for i in 1..heap.len() {
            let mut j = i;
            while j > 0 && worse(heap[j - 1].0, heap[j].0) {
                heap.swap(j, j - 1);
                j -= 1;
            }
        }
    } else {
        heap.sort_by(|a, b| match (a.0.is_nan(), b.0.is_nan()) {
            (false, false) if largest => b.0.total_cmp(&a.0),
            (false, false) => a.0.total_cmp(&b.0),
            (a, b) => a.cmp(&b),
        });
    }
}

/// Up to this many elements are sorted by insertion, which keeps the order of equal ones.
const INSERTION_SORT_MAX: usize = 12;

fn sift_up(heap: &mut [(f64, usize)], worse: impl Fn(f64, f64) -> bool) {
    let mut child = heap.len() - 1;
    while child > 0 {
        let parent = (child - 1) / 2;
        if !worse(heap[child].0, heap[parent].0) {
            break;
        }
        heap.swap(child, parent);
        child = parent;
    }
}

fn sift_down(heap: &mut [(f64, usize)], worse: impl Fn(f64, f64) -> bool) {
    let mut parent = 0;
    loop {
        let left = 2 * parent + 1;
        if left >= heap.len() {
            break;
        }
        let right = left + 1;
        let child = if right < heap.len() && worse(heap[right].0, heap[left].0) { right } else { left };
        if !worse(heap[child].0, heap[parent].0) {
            break;
        }
        heap.swap(child, parent);
        parent = child;
    }
}

fn limit_ratio(
    series: &[Series],
    members: &[usize],
    step: usize,
    ratio: f64,
    chosen: &mut Vec<(f64, usize)>,
) {
    let ratio = ratio.clamp(-1.0, 1.0);
    for m in members.iter().filter(|m| series[**m].is_present(step)) {
        let offset = sampling_offset(&series[*m].labels);
        let kept = if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio };
        if kept {
            chosen.push((0.0, *m));
        }
    }
}

/// A number in [0, 1] that is the same for equal labels. The same as Prometheus', so that both keep the same
/// series: XXH64 over each string preceded by its length.
fn sampling_offset(labels: &Labels) -> f64 {
    let mut bytes = Vec::with_capacity(labels.key().len());
    for text in labels.iter().flat_map(|(n, v)| [n, v]) {
        match text.len() {
            len @ 0..=254 => bytes.push(len as u8),
            len => {
                bytes.push(255);
                bytes.extend_from_slice(&(len as u32).to_le_bytes()[..3]);
            }
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    xxhash_rust::xxh64::xxh64(&bytes, 0) as f64 / u64::MAX as f64
}
