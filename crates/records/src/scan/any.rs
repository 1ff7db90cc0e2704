//! Blocks in the order in which they lie.

use super::block::{Block, Columns};
use super::head::{HeadRow, HeadRows};
use super::{Attributes, Scanner, Sink};
use crate::engine::View;
use crate::error::RecordsError;
use model::Labels;
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
                let given = self.give_group(&mut open, picked, &mut columns, sink);
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

    /// Gives the rows of a row group stream by stream. Rows of one shape lie together, those of one stream do not: a
    /// block takes in what several shapes have of its stream.
    fn give_group(
        &mut self,
        open: &mut super::pick::Open<'_, '_>,
        mut picked: Vec<super::pick::Picked>,
        columns: &mut Columns,
        sink: Sink<'_>,
    ) -> Result<ControlFlow<()>, RecordsError> {
        let known = open.known;
        let wants = open.wants_columns(&self.scan.wanted);
        let mut times = Vec::new();
        columns.clear();
        picked.sort_by_key(|p| p.stream);
        for picks in picked.chunk_by(|a, b| a.stream == b.stream) {
            let labels = &known.part.directory.streams[picks[0].stream as usize].labels;
            for pick in picks {
                if !pick.test && !wants {
                    times.extend_from_slice(&open.times[pick.rows.clone()]);
                    continue;
                }
                let kept = open.test(self, pick)?;
                if wants && !kept.is_empty() {
                    open.load(self, pick.shape)?;
                }
                for row in kept {
                    times.push(open.times[row as usize]);
                    if wants {
                        open.columns(self, pick.shape, row as usize, columns);
                        if times.len() >= BLOCK_ROWS
                            && self.give_rows(labels, &mut times, columns, sink)?.is_break()
                        {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                }
            }
            if self.give_rows(labels, &mut times, columns, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Gives rows, and forgets them.
    fn give_rows(
        &mut self,
        labels: &Labels,
        times: &mut Vec<i64>,
        columns: &mut Columns,
        sink: Sink<'_>,
    ) -> Result<ControlFlow<()>, RecordsError> {
        let times_ns = &times[..times.len().min(self.left())];
        let done = self.give(&Block { labels, times_ns, settled_ns: UNSETTLED, columns }, sink);
        times.clear();
        columns.clear();
        self.check()?;
        Ok(done)
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
