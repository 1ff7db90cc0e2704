//! Time cut into cells, so that every window is a run of whole cells.
//!
//! The windows of a range function end at each step and reach back by the range. Their ends cut time into cells; a
//! row is added to one cell, and each window then sums up a run of cells. Rows are looked at once, however many
//! windows overlap.

use super::Steps;

/// The cells of a query.
#[derive(Debug)]
pub(super) struct Cells {
    /// Where cells begin and end, ascending: cell `i` is what is after `bounds[i]`, up to `bounds[i + 1]`.
    bounds: Vec<i64>,
    /// For each step, the first cell of its window and the one behind its last.
    pub windows: Vec<(u32, u32)>,
    /// Whether any window holds a cell.
    used: Vec<bool>,
    /// When each window ends.
    ends: Vec<i64>,
    /// How long each cell is, if all are equally long.
    width: Option<u64>,
}

impl Cells {
    pub fn new(steps: &Steps, range_ns: i64, offset_ns: i64) -> Cells {
        let ends: Vec<i64> = (0..steps.count).map(|i| steps.time(i).saturating_sub(offset_ns)).collect();
        let mut bounds: Vec<i64> = ends.iter().flat_map(|end| [end.saturating_sub(range_ns), *end]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let place = |t: i64| bounds.partition_point(|b| *b < t) as u32;
        let windows: Vec<(u32, u32)> =
            ends.iter().map(|end| (place(end.saturating_sub(range_ns)), place(*end))).collect();
        let mut used = vec![false; bounds.len()];
        let mut done = 0;
        for (first, end) in &windows {
            let (first, end) = ((*first as usize).max(done), *end as usize);
            used[first.min(end)..end].fill(true);
            done = done.max(end);
        }
        let width = bounds.get(1).map(|b| b.wrapping_sub(bounds[0]) as u64);
        let alike = bounds.windows(2).all(|b| Some(b[1].wrapping_sub(b[0]) as u64) == width);
        Cells { bounds, windows, used, ends, width: width.filter(|w| alike && *w > 0) }
    }

    /// The first instant of any window.
    pub fn start_ns(&self) -> i64 {
        self.bounds.first().map_or(0, |b| b.saturating_add(1))
    }

    /// One past the last instant of any window.
    pub fn end_ns(&self) -> i64 {
        self.bounds.last().map_or(0, |b| b.saturating_add(1))
    }

    /// When the window of a step ends.
    pub fn window_end_ns(&self, step: usize) -> i64 {
        self.ends[step]
    }

    /// Counts instants in any order, cell by cell, if that is quick: where cells are equally long and not many more
    /// than instants.
    pub fn count(&self, times_ns: &[i64], counts: &mut Vec<u32>) -> bool {
        let (Some(width), Some(first)) = (self.width, self.bounds.first()) else { return false };
        let cells = self.bounds.len() - 1;
        if cells > 4 * times_ns.len() {
            return false;
        }
        counts.clear();
        counts.resize(cells, 0);
        for t in times_ns {
            // What is before the first cell becomes far too much.
            let cell = t.wrapping_sub(*first).wrapping_sub(1) as u64 / width;
            if let Some(n) = counts.get_mut(usize::try_from(cell).unwrap_or(usize::MAX)) {
                *n += 1;
            }
        }
        for (n, used) in counts.iter_mut().zip(&self.used) {
            *n *= u32::from(*used);
        }
        true
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        (self.bounds.len() * 9 + self.windows.len() * 16) as u64
    }
}

/// Finds the cells of rows, fastest where their times ascend.
pub(super) struct Cursor<'c> {
    cells: &'c Cells,
    cell: usize,
}

impl<'c> Cursor<'c> {
    pub fn new(cells: &'c Cells, first_ns: i64) -> Cursor<'c> {
        let behind = cells.bounds.partition_point(|b| *b < first_ns);
        Cursor { cells, cell: behind.saturating_sub(1) }
    }

    /// The last instant of the current cell.
    fn cell_end(&self) -> i64 {
        self.cells.bounds.get(self.cell + 1).copied().unwrap_or(i64::MAX)
    }

    /// The cell of an instant, if a window holds it.
    pub fn cell(&mut self, time_ns: i64) -> Option<u32> {
        let bounds = &self.cells.bounds;
        if bounds.get(self.cell).is_some_and(|b| time_ns <= *b) {
            self.cell = bounds.partition_point(|b| *b < time_ns).saturating_sub(1);
        } else if time_ns > self.cell_end() {
            // Mostly the next one.
            self.cell += 1;
            if time_ns > self.cell_end() {
                self.cell += bounds[self.cell + 1..].partition_point(|b| *b < time_ns);
            }
        }
        let inside = bounds.get(self.cell).is_some_and(|b| *b < time_ns);
        (inside && self.cells.used[self.cell] && self.cell + 1 < bounds.len()).then_some(self.cell as u32)
    }

    /// How many of these times, from the first on, are in the current cell.
    pub fn run(&self, times_ns: &[i64]) -> usize {
        let (start, end) = (self.cells.bounds.get(self.cell).copied().unwrap_or(i64::MIN), self.cell_end());
        times_ns.iter().position(|t| *t <= start || end < *t).unwrap_or(times_ns.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_in_the_windows_it_belongs_to(
            start in -50i64..50,
            step in 1i64..20,
            count in 1usize..12,
            range in 1i64..60,
            offset in -30i64..30,
            mut times in proptest::collection::vec(-200i64..300, 1..60),
        ) {
            times.sort_unstable();
            let steps = Steps { start_ns: start, step_ns: step, count, instant: false };
            let cells = Cells::new(&steps, range, offset);
            let mut cursor = Cursor::new(&cells, times[0]);
            for (i, t) in times.iter().enumerate() {
                let cell = cursor.cell(*t);
                let found: Vec<bool> = cells
                    .windows
                    .iter()
                    .map(|(first, end)| cell.is_some_and(|c| (*first..*end).contains(&c)))
                    .collect();
                let wanted: Vec<bool> = (0..count)
                    .map(|s| {
                        let end = steps.time(s) - offset;
                        end - range < *t && *t <= end
                    })
                    .collect();
                prop_assert_eq!(found, wanted, "{}", t);
                if cell.is_some() {
                    let run = cursor.run(&times[i..]);
                    let end = cursor.cell_end();
                    prop_assert_eq!(run, times[i..].iter().filter(|t| **t <= end).count());
                }
            }
            let mut counts = Vec::new();
            if cells.count(&times, &mut counts) {
                let mut found = vec![0; counts.len()];
                times.iter().filter_map(|t| Cursor::new(&cells, *t).cell(*t)).for_each(|c| found[c as usize] += 1);
                prop_assert_eq!(counts, found);
            }
            let one_by_one = |t: &i64| Cursor::new(&cells, *t).cell(*t);
            let ascending: Vec<_> = times.iter().map(one_by_one).collect();
            let backwards: Vec<_> = times.iter().rev().map(|t| cursor.cell(*t)).collect();
            prop_assert!(ascending.iter().rev().eq(&backwards));
        }
    }
}
