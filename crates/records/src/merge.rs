//! Neighbouring parts become one; what is deleted or past retention is left out.

use crate::engine::Engine;
use crate::error::{Damage, RecordsError};
use crate::flush::choose_fields;
use crate::group::{Field, Group, Kind};
use crate::options::RowKey;
use crate::part::{Directory, GROUP_BYTES, Layout, Part, PartWriter, Reach, ShapeTable, Slot, StreamInfo};
use crate::partset::{LivePart, PartId};
use crate::shape;
use crate::tombstones::{Tombstone, Tombstones};
use hashbrown::HashMap;
use model::Labels;
use model::record::AttributesBuf;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Engine {
    /// Does one piece of background work, if there is any: drops what is past retention, merges, carries out
    /// deletions. Says whether it did.
    pub fn merge_once(&self) -> Result<bool, RecordsError> {
        let _one = self.merging.lock();
        if self.drop_expired()? {
            return Ok(true);
        }
        let next = self.state.read().parts.next_merge();
        match next {
            Some(sources) => self.merge(&sources).map(|()| true),
            None => self.carry_out_deletions(),
        }
    }

    /// Flushes, merges each day into one part as far as one merge after the other can, and carries out deletions.
    pub fn compact(&self) -> Result<(), RecordsError> {
        self.flush()?;
        let _one = self.merging.lock();
        while self.drop_expired()? {}
        loop {
            let next = self.state.read().parts.next_full_merge();
            match next {
                Some(sources) => self.merge(&sources)?,
                None if self.carry_out_deletions()? => {}
                None => return Ok(()),
            }
        }
    }

    /// Rewrites one part that holds deleted or expired records; when there is none left, forgets the deletions. Says
    /// whether there was anything to do.
    fn carry_out_deletions(&self) -> Result<bool, RecordsError> {
        let (parts, known) = {
            let state = self.state.read();
            (state.parts.clone(), state.tombstones.clone())
        };
        let now_ms = self.clock.now_ms();
        let concerned = parts.iter().find(|p| {
            let d = &p.part.directory;
            let deleted = known.of_part(&p.id, d).any(|t| {
                d.streams.iter().any(|s| {
                    s.rows > 0 && t.start_ns <= s.max_ns && s.min_ns < t.end_ns && t.concerns(&s.labels)
                })
            });
            // Streams that are kept for less long than others of the part: once all their records are past.
            deleted
                || d.streams
                    .iter()
                    .any(|s| s.rows > 0 && s.max_ns < self.options.oldest_ns(&p.id.tenant, &s.labels, now_ms))
        });
        if let Some(p) = concerned {
            self.merge(std::slice::from_ref(p))?;
            return Ok(true);
        }
        if known.0.is_empty() {
            return Ok(false);
        }
        {
            let mut state = self.state.write();
            let left = state.tombstones.0.iter().filter(|t| !known.0.contains(t)).cloned().collect();
            state.tombstones = Arc::new(Tombstones(left));
        }
        let _one = self.flushing.lock();
        self.checkpoint()?;
        Ok(true)
    }

    /// Drops parts past retention by time or by size, oldest first. Says whether there were any.
    fn drop_expired(&self) -> Result<bool, RecordsError> {
        let now_ms = self.clock.now_ms();
        let set = self.state.read().parts.clone();
        let mut total: u64 = set.iter().map(|p| p.part.size()).sum();
        let newest_day = set.iter().map(|p| p.id.day).max();
        let mut by_age: Vec<_> = set.iter().cloned().collect();
        by_age.sort_by_key(|p| p.id.day);
        let mut gone = Vec::new();
        for p in by_age {
            let past = |s: &StreamInfo| s.max_ns < self.options.oldest_ns(&p.id.tenant, &s.labels, now_ms);
            let too_old = p.part.directory.streams.iter().all(past);
            let limit = self.options.retention_bytes;
            let too_much = limit > 0 && total > limit && Some(p.id.day) < newest_day;
            if too_old || too_much {
                total -= p.part.size();
                gone.push(p.clone());
            }
        }
        if gone.is_empty() {
            return Ok(false);
        }
        let ids: Vec<PartId> = gone.iter().map(|p| p.id.clone()).collect();
        {
            let mut state = self.state.write();
            state.parts = Arc::new(state.parts.changed(&ids, None));
        }
        for p in &gone {
            self.counters.expired.fetch_add(p.part.directory.rows, Ordering::Relaxed);
            self.delete_part(p);
        }
        Ok(true)
    }

    /// Replaces neighbouring parts by one that holds the same records less the deleted ones.
    fn merge(&self, sources: &[Arc<LivePart>]) -> Result<(), RecordsError> {
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else { return Ok(()) };
        let tombstones = self.state.read().tombstones.clone();
        let generation = if sources.len() == 1 { first.id.generation + 1 } else { 0 };
        let id = PartId {
            tenant: first.id.tenant.clone(),
            day: first.id.day,
            first: first.id.first,
            last: last.id.last,
            generation,
        };
        let of_sources =
            |f: fn(&Directory) -> u64| sources.iter().map(|p| f(&p.part.directory)).max().unwrap_or(0);
        let numbers = tombstones.0.iter().map(|t| t.number);
        let reach = Reach {
            end_offset: of_sources(|d| d.end_offset),
            deleted_through: numbers.max().unwrap_or(0).max(of_sources(|d| d.deleted_through)),
        };
        let mut merge = Merge::new(self, sources, &tombstones)?;
        let merged = self.write_part(&id, merge.layout(), reach, |writer| merge.run(writer))?;
        let damaged = merge.damages();
        let records = merged.as_ref().map_or(0, |p| p.part.directory.rows);
        let gone: Vec<PartId> = sources.iter().map(|p| p.id.clone()).collect();
        {
            let mut state = self.state.write();
            state.parts = Arc::new(state.parts.changed(&gone, merged));
        }
        for (p, damages) in sources.iter().zip(damaged) {
            if damages.is_empty() {
                self.delete_part(p);
                continue;
            }
            // What could be read is in the merged part; the rest is evidence.
            damages.into_iter().for_each(|d| self.report(d));
            let name = p.part.name();
            self.blocks.quarantine(name).map_err(|e| RecordsError::io("quarantine", name, e))?;
        }
        self.counters.merges.fetch_add(1, Ordering::Relaxed);
        self.counters.merged_records.fetch_add(records, Ordering::Relaxed);
        Ok(())
    }
}

/// Parts on their way to become one. One row group of each is in memory at a time.
struct Merge<'a> {
    sources: Vec<Source<'a>>,
    streams: Vec<Labels>,
    fields: Vec<Field>,
    /// Of a row group.
    rows_max: usize,
    attributes: AttributesBuf,
    scratch: AttributesBuf,
}

/// One part, read in order of keys.
struct Source<'a> {
    engine: &'a Engine,
    live: &'a LivePart,
    /// The same part, mapped anew every few row groups: what was read once is not kept in memory.
    read: Part,
    shapes: ShapeTable,
    /// By shape of the part: its number in the result, where it has one.
    shape_numbers: Vec<Option<u32>>,
    /// By stream of the part: its number in the result.
    stream_numbers: Vec<u32>,
    /// By stream of the part: what deletes of it, and the time before which it is past retention.
    gone: Vec<(Vec<&'a Tombstone>, i64)>,
    /// By field of the part: its place in the result.
    field_places: Vec<Option<usize>>,
    next_group: usize,
    group: Group,
    order: Vec<u32>,
    at: usize,
    damages: Vec<Damage>,
}

impl<'a> Merge<'a> {
    fn new(
        engine: &'a Engine,
        parts: &'a [Arc<LivePart>],
        tombstones: &'a Tombstones,
    ) -> Result<Merge<'a>, RecordsError> {
        let mut numbers: BTreeMap<&Labels, u32> = BTreeMap::new();
        let mut counts: HashMap<(String, Kind), u64> = HashMap::new();
        let mut rows = 0;
        for p in parts {
            let d = &p.part.directory;
            rows += d.rows;
            numbers.extend(d.streams.iter().filter(|s| s.rows > 0).map(|s| (&s.labels, 0)));
            // A column of a source is frequent in it; how frequent is not worth a look at every row.
            d.fields.iter().for_each(|f| *counts.entry((f.name.clone(), f.kind)).or_default() += d.rows);
        }
        numbers.values_mut().enumerate().for_each(|(n, v)| *v = n as u32);
        let streams = numbers.keys().map(|l| (*l).clone()).collect();
        let fields = choose_fields(counts, rows);
        let now_ms = engine.clock.now_ms();
        let mut sources = Vec::new();
        for live in parts {
            let d = &live.part.directory;
            let mut damages = Vec::new();
            let shapes = match live.part.shapes() {
                Ok(shapes) => shapes,
                Err(RecordsError::Corrupt(damage)) => {
                    damages.push(damage);
                    ShapeTable::default()
                }
                Err(e) => return Err(e),
            };
            let deleting: Vec<&Tombstone> = tombstones.of_part(&live.id, d).collect();
            let gone = d.streams.iter().map(|s| {
                let of_stream = deleting.iter().copied().filter(|t| t.concerns(&s.labels)).collect();
                (of_stream, engine.options.oldest_ns(&live.id.tenant, &s.labels, now_ms))
            });
            sources.push(Source {
                read: mapped(engine, &live.part)?,
                engine,
                shape_numbers: vec![None; shapes.len()],
                shapes,
                stream_numbers: d
                    .streams
                    .iter()
                    .map(|s| numbers.get(&s.labels).copied().unwrap_or(0))
                    .collect(),
                gone: gone.collect(),
                field_places: d.fields.iter().map(|f| fields.iter().position(|g| g == f)).collect(),
                live,
                next_group: 0,
                group: Group::default(),
                order: Vec::new(),
                at: 0,
                damages,
            });
        }
        Ok(Merge {
            sources,
            streams,
            fields,
            rows_max: engine.options.order.group_rows_max(),
            attributes: AttributesBuf::new(),
            scratch: AttributesBuf::new(),
        })
    }

    fn layout(&self) -> Layout {
        let any = |f: fn(&Directory) -> bool| self.sources.iter().any(|s| f(&s.live.part.directory));
        Layout {
            streams: self.streams.clone(),
            fields: self.fields.clone(),
            observed: any(|d| d.says(Slot::Observed)),
            trace: any(|d| d.says(Slot::Trace)),
            span: any(|d| d.says(Slot::Span)),
            values: any(|d| d.says(Slot::Values)),
        }
    }

    fn damages(self) -> Vec<Vec<Damage>> {
        self.sources.into_iter().map(|s| s.damages).collect()
    }

    fn run(&mut self, writer: &mut PartWriter) -> Result<(), RecordsError> {
        let mut heads = BinaryHeap::new();
        for (i, s) in self.sources.iter_mut().enumerate() {
            if let Some(key) = s.advance()? {
                heads.push(Reverse((key, i)));
            }
        }
        let mut out = Group::new(self.fields.len());
        while let Some(Reverse((_, i))) = heads.pop() {
            // Rows of one source that come before those of all others are taken in one go.
            loop {
                self.take(i, &mut out, writer)?;
                if out.rows() >= self.rows_max || out.content_bytes() >= GROUP_BYTES {
                    writer.write(&out)?;
                    out.clear();
                }
                let s = &mut self.sources[i];
                s.at += 1;
                let Some(key) = s.advance()? else { break };
                if heads.peek().is_some_and(|Reverse(least)| *least < (key, i)) {
                    heads.push(Reverse((key, i)));
                    break;
                }
            }
        }
        writer.write(&out)
    }

    /// Appends the row that source `i` is at.
    fn take(&mut self, i: usize, out: &mut Group, writer: &mut PartWriter) -> Result<(), RecordsError> {
        let s = &mut self.sources[i];
        let (from, row) = (s.order[s.at] as usize, out.rows());
        let g = &s.group;
        let number = g.shape[from];
        let (old, text) = (number as usize, s.shapes.text(number));
        if s.shape_numbers[old].is_none() {
            s.shape_numbers[old] = writer.shapes.number(text);
        }
        out.time.push(g.time[from]);
        out.stream.push(s.stream_numbers[g.stream[from] as usize]);
        out.severity.push(g.severity[from]);
        out.set_ids(g.observed(from), g.trace(from), g.span(from));
        match s.shape_numbers[old] {
            Some(new) => {
                out.shape.push(new);
                for k in 0..s.shapes.habits(number).len() {
                    out.vars[k].set(row, g.vars[k].get(from));
                }
            }
            None => {
                // No room for its shape: the line is one variable.
                out.shape.push(writer.shapes.number(shape::WHOLE).unwrap_or(0));
                out.vars[0].put(row, |line| shape::join(text, |k| g.vars[k].get(from), line));
            }
        }
        out.values.set(row, g.values.get(from));
        let fits = s.field_places.iter().zip(&g.columns).all(|(p, c)| p.is_some() || c.is_empty());
        if fits {
            let fields = &s.live.part.directory.fields;
            for ((place, column), f) in s.field_places.iter().zip(&g.columns).zip(fields) {
                if let (Some(place), Some(value)) = (place, column.get(f.kind, from)) {
                    out.columns[*place].set(row, &value);
                }
            }
            out.rest.set(row, g.rest.get(from));
        } else {
            self.attributes.clear();
            g.attributes(&s.live.part.directory.fields, from, &mut self.attributes);
            out.set_attributes(&self.fields, self.attributes.as_attributes(), &mut self.scratch);
        }
        Ok(())
    }
}

/// Row groups after which a source is mapped anew.
const MAPPED_GROUPS: usize = 4;

/// A part, mapped for itself.
fn mapped(engine: &Engine, part: &Part) -> Result<Part, RecordsError> {
    let bytes = engine.blocks.open(part.name()).map_err(|e| RecordsError::io("open", part.name(), e))?;
    Ok(part.over(bytes))
}

impl Source<'_> {
    /// Moves to the next row that is to be kept, this one included. Gives its key, with its stream in the result.
    fn advance(&mut self) -> Result<Option<RowKey>, RecordsError> {
        let (order, mut text) = (self.engine.options.order, Vec::new());
        loop {
            if self.at >= self.order.len() {
                if !self.load()? {
                    return Ok(None);
                }
                continue;
            }
            let row = self.order[self.at] as usize;
            let (stream, time) = (self.group.stream[row] as usize, self.group.time[row]);
            if self.keeps(row, stream, time, &mut text) {
                return Ok(Some(order.key(self.group.trace(row), self.stream_numbers[stream], time)));
            }
            self.at += 1;
        }
    }

    fn keeps(&self, row: usize, stream: usize, time: i64, text: &mut Vec<u8>) -> bool {
        let (deleting, oldest_ns) = &self.gone[stream];
        if time < *oldest_ns {
            return false;
        }
        let mut covering = deleting.iter().filter(|t| t.covers(time)).peekable();
        if covering.peek().is_none() {
            return true;
        }
        text.clear();
        let shape = self.shapes.text(self.group.shape[row]);
        shape::join(shape, |k| self.group.vars[k].get(row), text);
        let text = std::str::from_utf8(text).unwrap_or_default();
        !covering.any(|t| t.takes(text))
    }

    /// Reads the next row group that can be read; says whether there was one.
    fn load(&mut self) -> Result<bool, RecordsError> {
        self.order.clear();
        self.at = 0;
        while self.next_group < self.live.part.directory.groups.len() {
            let n = self.next_group;
            self.next_group += 1;
            if n.is_multiple_of(MAPPED_GROUPS) && n > 0 {
                self.read = mapped(self.engine, &self.live.part)?;
            }
            match self.read.group(n).map(|g| (g.shape.iter().all(|s| (*s as usize) < self.shapes.len()), g)) {
                Ok((true, g)) => self.group = g,
                // Without its shapes a row says nothing; that they are damaged is known.
                Ok((false, _)) => continue,
                Err(RecordsError::Corrupt(d)) => {
                    self.damages.push(d);
                    continue;
                }
                Err(e) => return Err(e),
            }
            self.order.extend(0..self.group.rows() as u32);
            let g = &self.group;
            let order = self.engine.options.order;
            let key = |r: usize| order.key(g.trace(r), g.stream[r], g.time[r]);
            self.order.sort_by_key(|r| key(*r as usize));
            return Ok(true);
        }
        self.group = Group::default();
        Ok(false)
    }
}
