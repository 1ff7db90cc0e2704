//! Which rows of a row group a scan asked for, and their columns.

use super::block::Columns;
use super::{Attributes, Chosen, Scanner, Taken, Wanted};
use crate::error::RecordsError;
use crate::group::{Column, Kind, Texts};
use crate::part::{Part, Run, ShapeTable, Slot};
use crate::shape::{self, Judge, ShapeFilter, VARS_MAX, Verdict};
use model::record::{Attributes as Encoded, SpanId, TraceId};
use std::cell::OnceCell;
use std::ops::Range;

/// What a scan knows of a part.
pub(super) struct Known<'v> {
    pub part: &'v Part,
    pub streams: Vec<Option<Chosen<'v>>>,
    /// Read once shapes or bodies matter.
    shapes: OnceCell<ShapeTable>,
    /// By shape, what the filters say of it; empty without filters.
    pub verdicts: Vec<Verdict>,
    /// Whether there is one filter and its text can only lie within one variable, whatever the shape.
    only_within: bool,
}

/// Rows of one stream and shape within the time asked for, ascending in time.
#[derive(Debug, Clone)]
pub(super) struct Picked {
    pub stream: u32,
    pub shape: u32,
    pub rows: Range<usize>,
    /// Whether each row has to be tested.
    pub test: bool,
}

/// A row group that is being read.
pub(super) struct Open<'v, 's> {
    pub known: &'v Known<'v>,
    pub group: usize,
    pub times: Vec<i64>,
    pub picked: Vec<Picked>,
    /// By name of the attributes asked for: the fields that may hold it.
    named: Vec<Vec<usize>>,
    loaded: Loaded,
    taken: Taken<'s>,
}

/// Columns read so far.
#[derive(Default)]
struct Loaded {
    vars: [Option<Texts>; VARS_MAX],
    severity: Option<Vec<u8>>,
    ids: Option<(Vec<TraceId>, Vec<SpanId>, Vec<i64>)>,
    fields: Vec<Option<Column>>,
    rest: Option<Texts>,
}

impl<'a> Scanner<'a> {
    /// Judges the shapes of a part, and says whether any row can be asked for.
    pub(super) fn know<'v>(
        &self,
        part: &'v Part,
        streams: Vec<Option<Chosen<'v>>>,
    ) -> Result<Option<Known<'v>>, RecordsError> {
        if streams.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut known =
            Known { part, streams, shapes: OnceCell::new(), verdicts: Vec::new(), only_within: false };
        if self.scan.filters.is_empty() {
            return Ok(Some(known));
        }
        let filters: Vec<ShapeFilter<'_>> = self.scan.filters.iter().map(ShapeFilter::new).collect();
        let judges: Vec<Judge<'_, '_>> = filters.iter().map(|f| f.judge(None)).collect();
        let Some(shapes) = self.readable(known.shapes())? else { return Ok(None) };
        let judge = |n: u32| judged(&judges, shapes, n);
        let verdicts: Vec<Verdict> = (0..shapes.len() as u32).map(judge).collect();
        if verdicts.iter().all(|v| *v == Verdict::None) {
            return Ok(None);
        }
        known.only_within =
            filters.len() == 1 && verdicts.iter().all(|v| matches!(v, Verdict::None | Verdict::Within));
        known.verdicts = verdicts;
        Ok(Some(known))
    }

    /// Opens a row group if it holds rows asked for.
    pub(super) fn open<'v>(
        &mut self,
        known: &'v Known<'v>,
        group: usize,
    ) -> Result<Option<Open<'v, 'a>>, RecordsError> {
        self.check()?;
        let info = &known.part.directory.groups[group];
        let chosen = &known.streams[info.first_stream as usize..=info.last_stream as usize];
        let begins = chosen.iter().flatten().map(|s| s.from_ns).min();
        if begins.is_none_or(|from| info.max_ns < from) || info.min_ns >= self.scan.end_ns {
            return Ok(None);
        }
        self.stats.row_groups += 1;
        if let Some(ids) = self.scan.only_traces()
            && !self.readable(known.part.may_hold_any(group, ids))?.unwrap_or(false)
        {
            return Ok(None);
        }
        if known.only_within && !self.may_lie_within(known, group)? {
            return Ok(None);
        }
        let mut runs: Vec<(Run, Verdict)> = Vec::new();
        let read = known.part.runs(group, |run| {
            let verdict = known.verdict(run.shape);
            if verdict != Verdict::None && known.streams[run.stream as usize].is_some() {
                runs.push((run, verdict));
            }
        });
        if self.readable(read)?.is_none() {
            return Ok(None);
        }
        if !known.only_within && runs.iter().any(|(_, v)| is_open(*v)) {
            self.judge_again(known, group, &mut runs)?;
        }
        if runs.is_empty() {
            return Ok(None);
        }
        self.stats.row_groups_read += 1;
        let Some(times) = self.readable(known.part.times(group))? else { return Ok(None) };
        let mut picked = Vec::with_capacity(runs.len());
        for (run, verdict) in runs {
            picked.extend(self.pick(known, &times, &run, verdict));
        }
        let mut taken = Taken::none(self.budget);
        taken.set((times.len() * 8) as u64)?;
        let loaded = Loaded { fields: vec![None; known.part.directory.fields.len()], ..Loaded::default() };
        let named = match self.scan.wanted.attributes {
            Attributes::Named(names) => {
                names.iter().map(|n| known.part.fields_of(group, n).collect()).collect()
            }
            _ => Vec::new(),
        };
        Ok((!picked.is_empty()).then_some(Open { known, group, times, picked, named, loaded, taken }))
    }

    /// Asks the trigrams of the row group whether any variable may hold what the only filter looks for.
    fn may_lie_within(&self, known: &Known<'_>, group: usize) -> Result<bool, RecordsError> {
        let Some(trigrams) = self.readable(known.part.trigrams(group))? else { return Ok(true) };
        Ok(self.scan.filters.iter().all(|f| ShapeFilter::new(f).judge(Some(&trigrams)).whole()))
    }

    /// Asks the trigrams of the row group about shapes whose rows would have to be tested one by one.
    fn judge_again(
        &self,
        known: &Known<'_>,
        group: usize,
        runs: &mut Vec<(Run, Verdict)>,
    ) -> Result<(), RecordsError> {
        let shapes = known.shapes()?;
        let Some(trigrams) = self.readable(known.part.trigrams(group))? else { return Ok(()) };
        let filters: Vec<ShapeFilter<'_>> = self.scan.filters.iter().map(ShapeFilter::new).collect();
        let judges: Vec<Judge<'_, '_>> = filters.iter().map(|f| f.judge(Some(&trigrams))).collect();
        // Runs are in order of shape.
        let mut last = (u32::MAX, Verdict::None);
        for (run, verdict) in runs.iter_mut().filter(|(_, v)| is_open(*v)) {
            if *verdict == Verdict::Within && filters.len() == 1 && !judges[0].whole() {
                *verdict = Verdict::None;
                continue;
            }
            if last.0 != run.shape {
                last = (run.shape, judged(&judges, shapes, run.shape));
            }
            *verdict = last.1;
        }
        runs.retain(|(_, v)| *v != Verdict::None);
        Ok(())
    }

    fn pick(&self, known: &Known<'_>, times: &[i64], run: &Run, verdict: Verdict) -> Option<Picked> {
        let chosen = known.streams[run.stream as usize].as_ref()?;
        let of_run = &times[run.rows.clone()];
        let start = run.rows.start + of_run.partition_point(|t| *t < chosen.from_ns);
        let end = run.rows.start + of_run.partition_point(|t| *t < self.scan.end_ns);
        if start >= end {
            return None;
        }
        let (from, to) = (times[start], times[end - 1]);
        let deleted = chosen.deleting.iter().any(|t| t.start_ns <= to && from < t.end_ns);
        let test = is_open(verdict) || deleted || self.scan.only_traces().is_some();
        Some(Picked { stream: run.stream, shape: run.shape, rows: start..end, test })
    }
}

/// Whether a verdict leaves it to each line.
fn is_open(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Each | Verdict::Within)
}

/// What all filters say of a shape.
fn judged(judges: &[Judge<'_, '_>], shapes: &ShapeTable, n: u32) -> Verdict {
    judges.iter().fold(Verdict::All, |v, j| match v {
        Verdict::None => v,
        _ => v.and(j.of(shapes.text(n), shapes.habits(n))),
    })
}

impl Known<'_> {
    fn verdict(&self, shape: u32) -> Verdict {
        if self.verdicts.is_empty() {
            return Verdict::All;
        }
        // A number without a shape is damage; its rows cannot be tested.
        self.verdicts.get(shape as usize).copied().unwrap_or(Verdict::None)
    }

    fn shapes(&self) -> Result<&ShapeTable, RecordsError> {
        if let Some(known) = self.shapes.get() {
            return Ok(known);
        }
        let read = self.part.shapes()?;
        Ok(self.shapes.get_or_init(|| read))
    }

    /// A shape that is needed for a body; they have been read by then.
    fn shape(&self, shape: u32) -> &[u8] {
        self.shapes.get().map_or(&[], |s| s.text(shape))
    }
}

impl Open<'_, '_> {
    /// Whether the row group can say anything of the columns asked for besides times.
    pub fn wants_columns(&self, wanted: &Wanted<'_>) -> bool {
        let attributes = match wanted.attributes {
            Attributes::None => false,
            Attributes::All => true,
            Attributes::Named(_) => {
                self.named.iter().any(|fields| !fields.is_empty())
                    || self.known.part.says(self.group, Slot::Rest)
            }
        };
        wanted.body || wanted.severity || wanted.ids || attributes
    }

    /// Reads the variables of a shape.
    fn load_vars(&mut self, shape: u32) -> Result<(), RecordsError> {
        self.known.shapes()?;
        for k in 0..shape::holes(self.known.shape(shape)) {
            if self.loaded.vars[k].is_none() {
                self.loaded.vars[k] = Some(self.known.part.var(self.group, k)?);
                self.account()?;
            }
        }
        Ok(())
    }

    fn account(&mut self) -> Result<(), RecordsError> {
        let l = &self.loaded;
        let vars: usize = l.vars.iter().flatten().map(Texts::memory_bytes).sum();
        let fields: usize = l.fields.iter().flatten().map(Column::memory_bytes).sum();
        let rest = l.rest.as_ref().map_or(0, Texts::memory_bytes);
        self.taken.set((self.times.len() * 8 + vars + fields + rest) as u64)
    }

    /// Memory of what is loaded beyond times.
    pub fn loaded_bytes(&self) -> usize {
        self.taken.bytes as usize - self.times.len() * 8
    }

    /// Forgets columns; they are read again when needed.
    pub fn unload(&mut self) -> Result<(), RecordsError> {
        self.loaded = Loaded { fields: vec![None; self.loaded.fields.len()], ..Loaded::default() };
        self.account()
    }

    fn put_body(&self, shape: u32, row: usize, out: &mut Vec<u8>) {
        let var = |k: usize| self.loaded.vars[k].as_ref().map_or(&[][..], |t| t.get(row));
        shape::join(self.known.shape(shape), var, out);
    }

    /// The rows of a pick that pass all tests.
    pub fn test(&mut self, scanner: &mut Scanner<'_>, pick: &Picked) -> Result<Vec<u32>, RecordsError> {
        let all = pick.rows.clone().map(|r| r as u32);
        if !pick.test {
            return Ok(all.collect());
        }
        scanner.stats.records_tested += pick.rows.len() as u64;
        let Some(chosen) = &self.known.streams[pick.stream as usize] else { return Ok(Vec::new()) };
        let filters = scanner.scan.filters;
        let reads = !filters.is_empty() || chosen.deleting.iter().any(|t| !t.filters.is_empty());
        if reads {
            self.load_vars(pick.shape)?;
        }
        if scanner.scan.only_traces().is_some() {
            self.load_ids()?;
        }
        let mut text = Vec::new();
        let mut kept = Vec::new();
        for row in all {
            let at = row as usize;
            let traces = self.loaded.ids.as_ref().map(|ids| &ids.0);
            let trace = || traces.and_then(|t| t.get(at)).copied().unwrap_or_default();
            if scanner.scan.only_traces().is_some() && !scanner.scan.has_trace(trace()) {
                continue;
            }
            text.clear();
            if reads {
                self.put_body(pick.shape, at, &mut text);
            }
            let text = std::str::from_utf8(&text).unwrap_or_default();
            let deleted = chosen.deleting.iter().any(|t| t.covers(self.times[at]) && t.takes(text));
            if !deleted && filters.iter().all(|f| f.passes(text)) {
                kept.push(row);
            }
        }
        Ok(kept)
    }

    fn load_ids(&mut self) -> Result<(), RecordsError> {
        if self.loaded.ids.is_none() {
            let (part, g) = (self.known.part, self.group);
            self.loaded.ids = Some((part.traces(g)?, part.spans(g)?, part.observed(g)?));
        }
        Ok(())
    }

    /// Reads what the columns of a pick need.
    pub fn load(&mut self, scanner: &Scanner<'_>, shape: u32) -> Result<(), RecordsError> {
        let (part, group, wanted) = (self.known.part, self.group, &scanner.scan.wanted);
        if wanted.body {
            self.load_vars(shape)?;
        }
        if wanted.severity && self.loaded.severity.is_none() {
            self.loaded.severity = Some(part.severities(group)?);
        }
        if wanted.ids {
            self.load_ids()?;
        }
        if matches!(wanted.attributes, Attributes::None) {
            return Ok(());
        }
        let all = matches!(wanted.attributes, Attributes::All);
        for k in 0..part.directory.fields.len() {
            let asked = all || self.named.iter().any(|fields| fields.contains(&k));
            if asked && self.loaded.fields[k].is_none() {
                self.loaded.fields[k] = Some(part.field(group, k)?);
            }
        }
        if self.loaded.rest.is_none() {
            self.loaded.rest = Some(part.rest(group)?);
        }
        self.account()
    }

    /// Appends a row's columns. They must be loaded.
    pub fn columns(&self, scanner: &Scanner<'_>, shape: u32, row: usize, columns: &mut Columns) {
        let wanted = &scanner.scan.wanted;
        let l = &self.loaded;
        if wanted.body {
            columns.body(|out| self.put_body(shape, row, out));
        }
        if wanted.severity {
            let n = l.severity.as_ref().and_then(|s| s.get(row)).copied().unwrap_or(0);
            columns.severity(model::record::Severity::from_number(n));
        }
        if let (true, Some((traces, spans, observed))) = (wanted.ids, &l.ids) {
            let trace = traces.get(row).copied().unwrap_or_default();
            let span = spans.get(row).copied().unwrap_or_default();
            columns.ids(trace, span, observed.get(row).copied().unwrap_or(0));
        }
        match wanted.attributes {
            Attributes::None => {}
            Attributes::Named(names) => {
                for (place, name) in names.iter().enumerate() {
                    self.named(place, name, row, columns);
                }
            }
            Attributes::All => {
                let out = columns.attributes();
                for (f, c) in self.fields() {
                    if let Some(value) = c.get(f.1, row) {
                        out.push(f.0, value);
                    }
                }
                self.rest(row).iter().for_each(|(name, value)| out.push(name, value));
            }
        }
        columns.next();
    }

    fn fields(&self) -> impl Iterator<Item = ((&str, Kind), &Column)> {
        let of = &self.known.part.directory.fields;
        of.iter().zip(&self.loaded.fields).filter_map(|(f, c)| Some(((f.name.as_str(), f.kind), c.as_ref()?)))
    }

    fn rest(&self, row: usize) -> Encoded<'_> {
        let bytes = self.loaded.rest.as_ref().map_or(&[][..], |t| t.get(row));
        Encoded::trusted(bytes)
    }

    fn named(&self, place: usize, name: &str, row: usize, columns: &mut Columns) {
        // The last of equal names counts, and the rest holds what came after a column's value.
        let rest = self.rest(row);
        if let (false, Some(value)) = (rest.is_empty(), rest.get(name)) {
            return columns.attribute(place, Some(value));
        }
        let fields = &self.known.part.directory.fields;
        let of_field = |k: &usize| self.loaded.fields[*k].as_ref()?.get(fields[*k].kind, row);
        columns.attribute(place, self.named[place].iter().find_map(of_field));
    }
}
