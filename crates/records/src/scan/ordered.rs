//! Blocks in order of time, one window after the other.
//!
//! Row groups overlap in time: each holds some streams over a long while. A window is as wide as promises a handful of
//! blocks; only row groups that reach into it are opened, and of their columns only those of rows that are given are
//! read. A limit therefore ends the scan after the first windows.

use super::any::BLOCK_ROWS;
use super::block::{Block, Columns};
use super::head::HeadRows;
use super::pick::{Known, Open, Picked};
use super::{Direction, Scanner, Sink, Taken};
use crate::engine::View;
use crate::error::RecordsError;
use model::Labels;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A window without a limit holds about so many records, and never more than four times as many.
const WINDOW_ROWS: usize = 64 << 10;
/// Columns of open row groups are forgotten between windows once they take this much.
const LOADED_BYTES_MAX: usize = 48 << 20;

/// A row group.
struct Source<'v, 's> {
    known: &'v Known<'v>,
    group: usize,
    min_ns: i64,
    max_ns: i64,
    open: Option<Open<'v, 's>>,
    done: bool,
}

/// A record of a window.
#[derive(Clone, Copy)]
struct Item {
    stream: u32,
    time_ns: i64,
    /// Place among the sources; [`HEAD`] for records in memory.
    source: u32,
    shape: u32,
    row: u32,
}

const HEAD: u32 = u32::MAX;

/// All that windows look into.
struct Sources<'v, 's> {
    groups: Vec<Source<'v, 's>>,
    head: HeadRows,
    /// By stream of `head`: its number here.
    head_streams: Vec<u32>,
    /// Places in `head` in order of time.
    head_order: Vec<u32>,
    streams: Vec<Labels>,
    numbers: BTreeMap<Labels, u32>,
}

impl<'a> Scanner<'a> {
    pub(super) fn ordered(&mut self, view: &View, sink: Sink<'_>) -> Result<ControlFlow<()>, RecordsError> {
        let head = self.head_rows(view);
        let mut knowns = Vec::new();
        let parts: Vec<_> = self.parts(view).collect();
        for live in parts {
            let streams = self.choose(view, live);
            knowns.extend(self.know(&live.part, streams)?);
        }
        let mut sources = Sources::new(head, &knowns);
        let Some((first, end)) = sources.span(self.scan.start_ns, self.scan.end_ns) else {
            return Ok(ControlFlow::Continue(()));
        };
        let rows: usize = sources.rows().max(1);
        let target = self.scan.limit.map_or(WINDOW_ROWS, |l| l.saturating_mul(2).clamp(256, WINDOW_ROWS));
        let span = i128::from(end) - i128::from(first);
        let mut width = (span * target as i128 / rows as i128).clamp(1, span.max(1));
        let backward = self.scan.direction == Direction::Backward;
        let mut columns = Columns::new(&self.scan.wanted);
        let mut taken = Taken::none(self.budget);
        let (mut lo, mut hi) = (i128::from(first), i128::from(end));
        while lo < hi {
            let window = if backward { (lo.max(hi - width), hi) } else { (lo, hi.min(lo + width)) };
            let (from, to) = (window.0 as i64, window.1 as i64);
            self.check()?;
            let held = sources.count(self, from, to)?;
            if held > 4 * WINDOW_ROWS && width > 1 {
                width = (width / 2).max(1);
                continue;
            }
            taken.set((held * size_of::<Item>()) as u64)?;
            let items = sources.items(self, from, to)?;
            let found = items.len();
            let settled_ns = if backward { to - 1 } else { from };
            if self.give_window(&mut sources, items, settled_ns, &mut columns, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if backward {
                hi = window.0;
            } else {
                lo = window.1;
            }
            if found * 4 < target {
                width = (width * 4).min(span);
            } else if found > 2 * target {
                width = (width / 2).max(1);
            }
            sources.tidy(lo as i64, hi as i64)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn give_window(
        &mut self,
        sources: &mut Sources<'_, 'a>,
        mut items: Vec<Item>,
        settled_ns: i64,
        columns: &mut Columns,
        sink: Sink<'_>,
    ) -> Result<ControlFlow<()>, RecordsError> {
        let backward = self.scan.direction == Direction::Backward;
        let in_time = |i: &Item| (i.time_ns, i.source, i.row);
        let left = self.left();
        if items.len() > left {
            items.sort_unstable_by_key(in_time);
            if backward {
                items.drain(..items.len() - left);
            } else {
                items.truncate(left);
            }
        }
        items.sort_unstable_by(|a, b| {
            let times = if backward { in_time(b).cmp(&in_time(a)) } else { in_time(a).cmp(&in_time(b)) };
            a.stream.cmp(&b.stream).then(times)
        });
        let mut times = Vec::new();
        let mut taken = Taken::none(self.budget);
        for of_stream in items.chunk_by(|a, b| a.stream == b.stream) {
            for rows in of_stream.chunks(BLOCK_ROWS) {
                columns.clear();
                times.clear();
                times.extend(rows.iter().map(|i| i.time_ns));
                if self.wants_columns() {
                    for item in rows {
                        sources.columns(self, item, columns)?;
                    }
                    taken.set(columns.memory_bytes() as u64)?;
                }
                let labels = &sources.streams[rows[0].stream as usize];
                if self.give(&Block { labels, times_ns: &times, settled_ns, columns }, sink).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.check()?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl<'v, 's> Sources<'v, 's> {
    fn new(head: HeadRows, knowns: &'v [Known<'v>]) -> Sources<'v, 's> {
        let mut numbers: BTreeMap<Labels, u32> = BTreeMap::new();
        let mut groups = Vec::new();
        for known in knowns {
            let d = &known.part.directory;
            for (info, _) in d.streams.iter().zip(&known.streams).filter(|(_, c)| c.is_some()) {
                numbers.insert(info.labels.clone(), 0);
            }
            groups.extend(d.groups.iter().enumerate().map(|(group, g)| {
                Source {
                    known,
                    group,
                    min_ns: g.min_ns,
                    max_ns: g.max_ns,
                    open: None,
                    done: known.streams[g.first_stream as usize..=g.last_stream as usize]
                        .iter()
                        .all(Option::is_none),
                }
            }));
        }
        numbers.extend(head.labels.iter().map(|labels| (labels.clone(), 0)));
        numbers.values_mut().enumerate().for_each(|(n, v)| *v = n as u32);
        let head_streams = head.labels.iter().map(|labels| numbers[labels]).collect();
        let mut head_order: Vec<u32> = (0..head.rows.len() as u32).collect();
        head_order.sort_by_key(|i| head.rows[*i as usize].time_ns);
        let streams = numbers.keys().cloned().collect();
        Sources { groups, head, head_streams, head_order, streams, numbers }
    }

    /// From the earliest record to behind the latest, within bounds.
    fn span(&self, start_ns: i64, end_ns: i64) -> Option<(i64, i64)> {
        let head = self.head_order.first().zip(self.head_order.last());
        let head =
            head.map(|(a, b)| (self.head.rows[*a as usize].time_ns, self.head.rows[*b as usize].time_ns));
        let all = self.groups.iter().filter(|g| !g.done).map(|g| (g.min_ns, g.max_ns)).chain(head);
        let (first, last) = all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let (first, end) = (first.max(start_ns), last.saturating_add(1).min(end_ns));
        (first < end).then_some((first, end))
    }

    fn rows(&self) -> usize {
        let groups = self.groups.iter().filter(|g| !g.done);
        self.head.rows.len()
            + groups.map(|g| g.known.part.directory.groups[g.group].rows as usize).sum::<usize>()
    }

    fn head_range(&self, from: i64, to: i64) -> std::ops::Range<usize> {
        let time = |i: &u32| self.head.rows[*i as usize].time_ns;
        let start = self.head_order.partition_point(|i| time(i) < from);
        start..self.head_order.partition_point(|i| time(i) < to).max(start)
    }

    /// Opens what reaches into a window; says how many records may be in it.
    fn count(&mut self, scanner: &mut Scanner<'s>, from: i64, to: i64) -> Result<usize, RecordsError> {
        let mut held = self.head_range(from, to).len();
        for g in self.groups.iter_mut().filter(|g| !g.done && g.min_ns < to && from <= g.max_ns) {
            if g.open.is_none() {
                g.open = scanner.open(g.known, g.group)?;
                g.done = g.open.is_none();
            }
            if let Some(open) = &g.open {
                held += open.picked.iter().map(|p| within(open, p, from, to).len()).sum::<usize>();
            }
        }
        Ok(held)
    }

    /// The records of a window that pass all tests.
    fn items(&mut self, scanner: &mut Scanner<'s>, from: i64, to: i64) -> Result<Vec<Item>, RecordsError> {
        let mut items = Vec::new();
        for place in self.head_range(from, to) {
            let row = self.head_order[place];
            let found = &self.head.rows[row as usize];
            let (stream, time_ns) = (self.head_streams[found.stream as usize], found.time_ns);
            items.push(Item { stream, time_ns, source: HEAD, shape: 0, row });
        }
        for (source, g) in self.groups.iter_mut().enumerate() {
            let Some(open) = &mut g.open else { continue };
            if g.min_ns >= to || g.max_ns < from {
                continue;
            }
            for p in 0..open.picked.len() {
                let rows = within(open, &open.picked[p], from, to);
                if rows.is_empty() {
                    continue;
                }
                let pick = Picked { rows, ..open.picked[p].clone() };
                let tested = open.test(scanner, &pick);
                let Some(kept) = scanner.readable(tested)? else { continue };
                let labels = &g.known.part.directory.streams[pick.stream as usize].labels;
                let stream = self.numbers[labels];
                items.extend(kept.into_iter().map(|row| Item {
                    stream,
                    time_ns: open.times[row as usize],
                    source: source as u32,
                    shape: pick.shape,
                    row,
                }));
            }
        }
        Ok(items)
    }

    fn columns(
        &mut self,
        scanner: &Scanner<'s>,
        item: &Item,
        columns: &mut Columns,
    ) -> Result<(), RecordsError> {
        if item.source == HEAD {
            self.head.columns(&self.head.rows[item.row as usize], scanner, columns);
            return Ok(());
        }
        let Some(open) = &mut self.groups[item.source as usize].open else { return Ok(()) };
        let loaded = open.load(scanner, item.shape);
        scanner.readable(loaded)?;
        open.columns(scanner, item.shape, item.row as usize, columns);
        Ok(())
    }

    /// Lets go of what no further window needs, and of columns if they are many.
    fn tidy(&mut self, lo: i64, hi: i64) -> Result<(), RecordsError> {
        let mut loaded = 0;
        for g in self.groups.iter_mut().filter(|g| !g.done) {
            if g.max_ns < lo || g.min_ns >= hi {
                g.done = true;
                g.open = None;
            }
            loaded += g.open.as_ref().map_or(0, Open::loaded_bytes);
        }
        if loaded > LOADED_BYTES_MAX {
            self.groups.iter_mut().filter_map(|g| g.open.as_mut()).try_for_each(Open::unload)?;
        }
        Ok(())
    }
}

/// The rows of a pick within a window.
fn within(open: &Open<'_, '_>, pick: &Picked, from: i64, to: i64) -> std::ops::Range<usize> {
    let times = &open.times[pick.rows.clone()];
    let start = times.partition_point(|t| *t < from);
    let end = times.partition_point(|t| *t < to).max(start);
    pick.rows.start + start..pick.rows.start + end
}
