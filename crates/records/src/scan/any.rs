//! Blocks in the order in which they lie.

use super::block::{Block, Columns};
use super::head::{HeadRow, HeadRows};
use super::{Attributes, Scanner, Sink};
use crate::engine::View;
use crate::error::RecordsError;
use std::ops::ControlFlow;

/// Blocks with columns besides times have so many records at most.
pub(super) const BLOCK_ROWS: usize = 8192;

/// Blocks in any order settle nothing.
const UNSETTLED: i64 = i64::MIN;

impl Scanner<'_> {
    pub(super) fn any(&mut self, view: &View, sink: Sink<'_>) -> Result<ControlFlow<()>, RecordsError> {
        let mut columns = Columns::new(&self.scan.wanted);
        let head = self.head_rows(view);
        for rows in head.rows.chunk_by(|a, b| a.stream == b.stream) {
            for rows in rows.chunks(BLOCK_ROWS) {
                if self.give_head(&head, rows, &mut columns, sink)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        let parts: Vec<_> = self.parts(view).collect();
        for live in parts {
            let streams = self.choose(view, live);
            let Some(known) = self.know(&live.part, streams)? else { continue };
            for group in 0..live.part.directory.groups.len() {
                let Some(mut open) = self.open(&known, group)? else { continue };
                let picked = std::mem::take(&mut open.picked);
                let given = self.give_group(&mut open, &picked, &mut columns, sink);
                match self.readable(given)? {
                    Some(ControlFlow::Break(())) => return Ok(ControlFlow::Break(())),
                    Some(ControlFlow::Continue(())) | None => {}
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn give_head(
        &mut self,
        head: &HeadRows,
        rows: &[HeadRow],
        columns: &mut Columns,
        sink: Sink<'_>,
    ) -> Result<ControlFlow<()>, RecordsError> {
        self.check()?;
        columns.clear();
        let rows = &rows[..rows.len().min(self.left())];
        let times: Vec<i64> = rows.iter().map(|r| r.time_ns).collect();
        if self.wants_columns() {
            rows.iter().for_each(|r| head.columns(r, self, columns));
        }
        let Some(first) = rows.first() else { return Ok(ControlFlow::Break(())) };
        let labels = &head.labels[first.stream as usize];
        Ok(self.give(&Block { labels, times_ns: &times, settled_ns: UNSETTLED, columns }, sink))
    }

    fn give_group(
        &mut self,
        open: &mut super::pick::Open<'_, '_>,
        picked: &[super::pick::Picked],
        columns: &mut Columns,
        sink: Sink<'_>,
    ) -> Result<ControlFlow<()>, RecordsError> {
        let known = open.known;
        let mut kept_times = Vec::new();
        for pick in picked {
            let labels = &known.part.directory.streams[pick.stream as usize].labels;
            if !pick.test && !self.wants_columns() {
                let end = pick.rows.end.min(pick.rows.start.saturating_add(self.left()));
                let times_ns = &open.times[pick.rows.start..end];
                if self.give(&Block { labels, times_ns, settled_ns: UNSETTLED, columns }, sink).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            }
            let kept = open.test(self, pick)?;
            if kept.is_empty() {
                continue;
            }
            if self.wants_columns() {
                open.load(self, pick.shape)?;
            }
            for rows in kept.chunks(BLOCK_ROWS) {
                let rows = &rows[..rows.len().min(self.left())];
                columns.clear();
                kept_times.clear();
                kept_times.extend(rows.iter().map(|r| open.times[*r as usize]));
                if self.wants_columns() {
                    rows.iter().for_each(|r| open.columns(self, pick.shape, *r as usize, columns));
                }
                let block = Block { labels, times_ns: &kept_times, settled_ns: UNSETTLED, columns };
                if rows.is_empty() || self.give(&block, sink).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.check()?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Gives a block; breaks off once the limit is reached.
    pub(super) fn give(&mut self, block: &Block<'_>, sink: Sink<'_>) -> ControlFlow<()> {
        if block.is_empty() {
            return ControlFlow::Continue(());
        }
        self.stats.records += block.len() as u64;
        sink(block)?;
        if self.left() == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Records that may still be given.
    pub(super) fn left(&self) -> usize {
        self.scan.limit.map_or(usize::MAX, |l| l.saturating_sub(self.stats.records as usize))
    }

    pub(super) fn wants_columns(&self) -> bool {
        let w = &self.scan.wanted;
        w.body || w.severity || w.ids || !matches!(w.attributes, Attributes::None)
    }
}
