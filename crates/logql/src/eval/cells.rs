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
        Cells { bounds, windows, used, ends }
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

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        (self.bounds.len() * 9 + self.windows.len() * 16) as u64
    }
}

/// Finds the cells of rows in ascending order of time.
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

    /// The cell of an instant that is not before the one asked for last, if a window holds it.
    pub fn cell(&mut self, time_ns: i64) -> Option<u32> {
        let bounds = &self.cells.bounds;
        if time_ns > self.cell_end() {
            // Mostly the next one.
            self.cell += 1;
            if time_ns > self.cell_end() {
                self.cell += bounds[self.cell + 1..].partition_point(|b| *b < time_ns);
            }
        }
        let inside = bounds.get(self.cell).is_some_and(|b| *b < time_ns);
        (inside && self.cells.used[self.cell] && self.cell + 1 < bounds.len()).then_some(self.cell as u32)
    }

    /// How many of these times, ascending, are in the current cell.
    pub fn run(&self, times_ns: &[i64]) -> usize {
        let end = self.cell_end();
        if times_ns.last().is_some_and(|last| *last <= end) {
            return times_ns.len();
        }
        // Short runs are found from the front.
        let mut reach = 1;
        while reach < times_ns.len() && times_ns[reach] <= end {
            reach *= 2;
        }
        let within = &times_ns[..reach.min(times_ns.len())];
        within.partition_point(|t| *t <= end)
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
            let steps = Steps { start_ns: start, step_ns: step, count };
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
                let run = cursor.run(&times[i..]);
                let end = cursor.cell_end();
                prop_assert_eq!(run, times[i..].iter().filter(|t| **t <= end).count());
            }
        }
    }
}
