//! A head becomes parts.

use crate::engine::Engine;
use crate::error::RecordsError;
use crate::group::{Field, Group, Kind};
use crate::head::{Head, HeadView};
use crate::json;
use crate::options::{RowKey, RowOrder, day_of};
use crate::part::{GROUP_BYTES, Layout, Part, PartWriter, Reach};
use crate::partset::{LivePart, PartId};
use crate::shape;
use hashbrown::HashMap;
use model::record::{AttributesBuf, Record, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Parts are compressed at this level as they are flushed and when they are merged: variables are numbers for the most
/// part, which higher levels make no smaller.
pub(crate) const ZSTD_LEVEL: i32 = 1;
/// So many attributes have columns at most.
const FIELDS_MAX: usize = 64;
/// An attribute of fewer than one in so many records has no column.
const FIELD_SHARE: u64 = 64;

impl Engine {
    /// Makes parts of all that is in memory, and shortens the journal.
    pub fn flush(&self) -> Result<(), RecordsError> {
        let _one = self.flushing.lock();
        {
            let mut state = self.state.write();
            let active = state.active.get_mut();
            if active.rows() > 0 {
                let fresh = Head::new(active.end(), active.senders().clone());
                let full = std::mem::replace(active, fresh);
                state.frozen.push(Arc::new(full));
            }
        }
        loop {
            let Some(oldest) = self.state.read().frozen.first().cloned() else { break };
            let added = self.flush_head(&oldest)?;
            let mut state = self.state.write();
            state.parts = Arc::new(state.parts.changed(&[], added));
            state.frozen.remove(0);
            self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        }
        self.checkpoint()?;
        self.wake.merge.raise();
        Ok(())
    }

    /// Writes a frozen head as one part per tenant and day.
    fn flush_head(&self, head: &Head) -> Result<Vec<Arc<LivePart>>, RecordsError> {
        let number = self.last_flush.fetch_add(1, Ordering::AcqRel) + 1;
        let view = head.view();
        let mut added: Vec<Arc<LivePart>> = Vec::new();
        let Sorted { by_labels, rows } = sorted(&view, self.options.order);
        for (tenant_day, rows) in rows {
            let numbers = numbers(by_labels.len(), &rows);
            let id = PartId {
                tenant: view.streams[tenant_day.0 as usize].0.clone(),
                day: tenant_day.1,
                first: number,
                last: number,
                generation: 0,
            };
            let reach = Reach { end_offset: head.end().0, deleted_through: 0 };
            let written = self.write_part(&id, layout(&view, &by_labels, &numbers, &rows), reach, |writer| {
                write_rows(writer, &view, &numbers, (&rows, self.options.order))
            });
            match written {
                Ok(part) => added.extend(part),
                Err(e) => {
                    self.doubtful.lock().extend(added.iter().map(|p| p.id.name()));
                    return Err(e);
                }
            }
        }
        Ok(added)
    }

    /// Writes a part and opens it. There is none if `fill` writes no rows.
    pub fn write_part(
        &self,
        id: &PartId,
        layout: Layout,
        reach: Reach,
        fill: impl FnOnce(&mut PartWriter) -> Result<(), RecordsError>,
    ) -> Result<Option<Arc<LivePart>>, RecordsError> {
        self.remove_doubtful()?;
        let name = id.name();
        let write = || {
            let block = self.blocks.create(&name).map_err(|e| RecordsError::io("create", &name, e))?;
            let mut writer = PartWriter::new(&name, block, layout, ZSTD_LEVEL)?;
            fill(&mut writer)?;
            if !writer.finish(reach)? {
                return Ok(None);
            }
            let bytes = self.blocks.open(&name).map_err(|e| RecordsError::io("open", &name, e))?;
            let part = Part::open(&name, bytes)?;
            Ok(Some(Arc::new(LivePart { id: id.clone(), part })))
        };
        let written = write();
        if written.is_err() {
            self.doubtful.lock().push(name.clone());
        }
        written
    }
}

/// A row of a head: its key, chunk and place within it. Streams are numbered in order of labels.
type Place = (RowKey, u32, u32);

/// The rows of a head.
struct Sorted {
    /// The streams of the head, in order of labels.
    by_labels: Vec<u32>,
    /// By tenant (as one of its streams) and day, each in order of keys.
    rows: Vec<((u32, i64), Vec<Place>)>,
}

/// The rows of a head in the order in which they are written.
fn sorted(view: &HeadView, order: RowOrder) -> Sorted {
    let mut by_labels: Vec<u32> = (0..view.streams.len() as u32).collect();
    by_labels.sort_by_key(|s| &view.streams[*s as usize]);
    let mut rank = vec![0u32; view.streams.len()];
    by_labels.iter().enumerate().for_each(|(r, s)| rank[*s as usize] = r as u32);
    // Any stream of a tenant stands for it: the first in order.
    let mut stands = vec![0u32; view.streams.len()];
    for (r, s) in by_labels.iter().enumerate() {
        let before = r.checked_sub(1).map(|r| by_labels[r]);
        stands[*s as usize] = match before {
            Some(b) if view.streams[b as usize].0 == view.streams[*s as usize].0 => stands[b as usize],
            _ => *s,
        };
    }
    let mut all: HashMap<(u32, i64), Vec<Place>> = HashMap::new();
    for (c, chunk) in view.chunks.iter().enumerate() {
        for (i, row) in chunk.rows.iter().enumerate() {
            let of = (stands[row.stream as usize], day_of(row.time_ns));
            let key = order.key(chunk.trace_id(i), rank[row.stream as usize], row.time_ns);
            all.entry(of).or_default().push((key, c as u32, i as u32));
        }
    }
    let mut rows: Vec<_> = all.into_iter().collect();
    rows.sort_unstable_by_key(|(of, _)| *of);
    // Chunk and place last: records of one time stay in order of arrival.
    rows.iter_mut().for_each(|(_, rows)| rows.sort_unstable());
    Sorted { by_labels, rows }
}

/// The streams of some rows: by rank, the number in the part.
fn numbers(ranks: usize, rows: &[Place]) -> Vec<Option<u32>> {
    let mut numbers = vec![None; ranks];
    rows.iter().for_each(|((_, rank, _), ..)| numbers[*rank as usize] = Some(0));
    numbers.iter_mut().flatten().enumerate().for_each(|(n, number)| *number = n as u32);
    numbers
}

/// What the part of these rows holds.
fn layout(view: &HeadView, by_labels: &[u32], numbers: &[Option<u32>], rows: &[Place]) -> Layout {
    let held = by_labels.iter().zip(numbers).filter(|(_, number)| number.is_some());
    let streams = held.map(|(s, _)| view.streams[*s as usize].1.clone()).collect();
    let mut layout = Layout { streams, ..Layout::default() };
    let mut counts: HashMap<(String, Kind), u64> = HashMap::new();
    for (_, c, i) in rows {
        let chunk = &view.chunks[*c as usize];
        let r = chunk.record(*i as usize);
        layout.observed |= r.observed_ns != 0;
        layout.trace |= !r.trace_id.is_none();
        layout.span |= !r.span_id.is_none();
        layout.values |= r.body.as_str().is_none();
        for (name, value) in r.attributes.iter() {
            if let Some(kind) = Kind::of(&value) {
                // Bounded, because every record may bring names of its own.
                let room = counts.len() < FIELDS_MAX * 64;
                match counts.get_mut(&Key(name, kind)) {
                    Some(n) => *n += 1,
                    None if room => drop(counts.insert((name.to_owned(), kind), 1)),
                    None => {}
                }
            }
        }
    }
    layout.fields = choose_fields(counts, rows.len() as u64);
    layout
}

/// A borrowed key of the counts.
#[derive(Hash)]
struct Key<'a>(&'a str, Kind);

impl hashbrown::Equivalent<(String, Kind)> for Key<'_> {
    fn equivalent(&self, other: &(String, Kind)) -> bool {
        self.0 == other.0 && self.1 == other.1
    }
}

/// The attributes that are worth a column.
pub(crate) fn choose_fields(counts: HashMap<(String, Kind), u64>, rows: u64) -> Vec<Field> {
    let mut often: Vec<_> = counts.into_iter().filter(|(_, n)| *n * FIELD_SHARE >= rows).collect();
    often.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    often.truncate(FIELDS_MAX);
    let mut fields: Vec<Field> = often.into_iter().map(|((name, kind), _)| Field { name, kind }).collect();
    fields.sort();
    fields
}

fn write_rows(
    writer: &mut PartWriter,
    view: &HeadView,
    numbers: &[Option<u32>],
    (rows, order): (&[Place], RowOrder),
) -> Result<(), RecordsError> {
    let fields = writer.fields().to_vec();
    let mut group = Group::new(fields.len());
    let mut lines = Lines::default();
    for ((_, rank, _), c, i) in rows {
        let stream = numbers[*rank as usize].unwrap_or(0);
        let record = view.chunks[*c as usize].record(*i as usize);
        lines.push(writer, &mut group, stream, &record, &fields);
        if group.rows() >= order.group_rows_max() || group.content_bytes() >= GROUP_BYTES {
            writer.write(&group)?;
            group.clear();
        }
    }
    writer.write(&group)
}

/// Turns records into rows of a group; keeps its buffers.
#[derive(Default)]
struct Lines {
    shape: Vec<u8>,
    vars: Vec<(u32, u32)>,
    shown: String,
    attributes: AttributesBuf,
}

impl Lines {
    fn push(
        &mut self,
        writer: &mut PartWriter,
        group: &mut Group,
        stream: u32,
        r: &Record<'_>,
        fields: &[Field],
    ) {
        let row = group.rows();
        group.time.push(r.time_ns);
        group.stream.push(stream);
        group.severity.push(r.severity.number());
        group.set_ids(r.observed_ns, r.trace_id, r.span_id);
        let line = match r.body {
            Value::String(s) => s.as_bytes(),
            other => {
                group.values.put(row, |bytes| other.encode(bytes));
                self.shown.clear();
                json::put_value(&mut self.shown, other);
                self.shown.as_bytes()
            }
        };
        shape::split(line, &mut self.shape, &mut self.vars);
        let number = writer.shapes.number(&self.shape).or_else(|| {
            shape::whole(line, &mut self.shape, &mut self.vars);
            writer.shapes.number(&self.shape)
        });
        group.shape.push(number.unwrap_or(0));
        for (k, (start, end)) in self.vars.iter().enumerate() {
            group.vars[k].set(row, &line[*start as usize..*end as usize]);
        }
        group.set_attributes(fields, r.attributes, &mut self.attributes);
    }
}
