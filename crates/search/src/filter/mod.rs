//! Which records a search is about: conditions put together, and what of them a source can see to.

pub(crate) mod test;

pub(crate) use test::{Bound, Match, Number, Piece, Range, Test, Values};

use crate::fields::{FieldId, Found, INDEX, Kind, Place, Rows, Scalar, Table, index_of};
use model::Labels;
use model::record::{FilterOp, TextFilter};

/// Conditions put together.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    All,
    Nothing,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    /// So many of them.
    AtLeast(usize, Vec<Filter>),
    Not(Box<Filter>),
    Leaf(Leaf),
}

/// A condition on a field.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub target: Target,
    pub test: Test,
}

/// Which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Field(FieldId),
    /// Any whose name fits a pattern.
    Fitting(String),
}

/// What is known before rows are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Never,
    Always,
    Perhaps,
}

impl Filter {
    /// All of them.
    pub fn and(parts: Vec<Filter>) -> Filter {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Filter::All => {}
                Filter::Nothing => return Filter::Nothing,
                Filter::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Filter::All,
            1 => kept.remove(0),
            _ => Filter::And(kept),
        }
    }

    /// Any of them.
    pub fn or(parts: Vec<Filter>) -> Filter {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Filter::All => return Filter::All,
                Filter::Nothing => {}
                Filter::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Filter::Nothing,
            1 => kept.remove(0),
            _ => Filter::Or(kept),
        }
    }

    /// The contrary.
    pub fn not(self) -> Filter {
        match self {
            Filter::All => Filter::Nothing,
            Filter::Nothing => Filter::All,
            Filter::Not(inner) => *inner,
            other => Filter::Not(Box::new(other)),
        }
    }

    /// At least so many of them.
    pub fn at_least(need: usize, parts: Vec<Filter>) -> Filter {
        match need {
            0 => Filter::All,
            1 => Filter::or(parts),
            n if n == parts.len() => Filter::and(parts),
            n if n > parts.len() => Filter::Nothing,
            n => Filter::AtLeast(n, parts),
        }
    }

    /// Its fields.
    pub fn fields(&self, out: &mut Vec<FieldId>) {
        self.leaves(&mut |leaf| {
            if let Target::Field(id) = leaf.target {
                out.push(id);
            }
        });
    }

    /// Whether it asks for fields by a pattern, which needs all of them.
    pub fn needs_all(&self) -> bool {
        let mut any = false;
        self.leaves(&mut |leaf| any |= matches!(leaf.target, Target::Fitting(_)));
        any
    }

    fn leaves<'f>(&'f self, visit: &mut dyn FnMut(&'f Leaf)) {
        match self {
            Filter::All | Filter::Nothing => {}
            Filter::And(parts) | Filter::Or(parts) | Filter::AtLeast(_, parts) => {
                parts.iter().for_each(|p| p.leaves(visit));
            }
            Filter::Not(inner) => inner.leaves(visit),
            Filter::Leaf(leaf) => visit(leaf),
        }
    }

    /// The conditions that records fulfil rather than not, to be highlighted.
    pub fn wanted<'f>(&'f self, visit: &mut dyn FnMut(&'f Leaf)) {
        match self {
            Filter::All | Filter::Nothing | Filter::Not(_) => {}
            Filter::And(parts) | Filter::Or(parts) | Filter::AtLeast(_, parts) => {
                parts.iter().for_each(|p| p.wanted(visit));
            }
            Filter::Leaf(leaf) => visit(leaf),
        }
    }

    /// Whether a row passes.
    pub fn passes(&self, rows: &Rows<'_>, row: usize) -> bool {
        match self {
            Filter::All => true,
            Filter::Nothing => false,
            Filter::And(parts) => parts.iter().all(|p| p.passes(rows, row)),
            Filter::Or(parts) => parts.iter().any(|p| p.passes(rows, row)),
            Filter::AtLeast(need, parts) => {
                parts.iter().filter(|p| p.passes(rows, row)).take(*need).count() == *need
            }
            Filter::Not(inner) => !inner.passes(rows, row),
            Filter::Leaf(leaf) => leaf.passes(rows, row),
        }
    }

    /// What the labels of a stream say of all its rows.
    pub fn judge(&self, labels: &Labels, table: &Table) -> Verdict {
        let all = |parts: &[Filter]| {
            parts.iter().fold(Verdict::Always, |v, p| match (v, p.judge(labels, table)) {
                (Verdict::Never, _) | (_, Verdict::Never) => Verdict::Never,
                (Verdict::Always, Verdict::Always) => Verdict::Always,
                _ => Verdict::Perhaps,
            })
        };
        match self {
            Filter::All => Verdict::Always,
            Filter::Nothing => Verdict::Never,
            Filter::And(parts) => all(parts),
            Filter::Or(parts) => {
                parts.iter().fold(Verdict::Never, |v, p| match (v, p.judge(labels, table)) {
                    (Verdict::Always, _) | (_, Verdict::Always) => Verdict::Always,
                    (Verdict::Never, Verdict::Never) => Verdict::Never,
                    _ => Verdict::Perhaps,
                })
            }
            Filter::AtLeast(need, parts) => {
                let verdicts: Vec<Verdict> = parts.iter().map(|p| p.judge(labels, table)).collect();
                let count = |v: Verdict| verdicts.iter().filter(|x| **x == v).count();
                if count(Verdict::Always) >= *need {
                    Verdict::Always
                } else if parts.len() - count(Verdict::Never) < *need {
                    Verdict::Never
                } else {
                    Verdict::Perhaps
                }
            }
            Filter::Not(inner) => match inner.judge(labels, table) {
                Verdict::Always => Verdict::Never,
                Verdict::Never => Verdict::Always,
                Verdict::Perhaps => Verdict::Perhaps,
            },
            Filter::Leaf(leaf) => leaf.judge(labels, table),
        }
    }

    /// Takes the conditions on the time out that hold for all that is asked for, as a span of which the end is excluded.
    pub fn take_span(self, table: &Table) -> (Filter, i64, i64) {
        let is_time =
            |target: &Target| matches!(target, Target::Field(id) if table.fields[*id].kind == Kind::Time);
        let parts = match self {
            Filter::And(parts) => parts,
            other => vec![other],
        };
        let (mut start, mut end) = (i64::MIN, i64::MAX);
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Filter::Leaf(Leaf { ref target, test: Test::Range(ref range) }) if is_time(target) => {
                    let (from, to) = range.span();
                    (start, end) = (start.max(from), end.min(to));
                }
                other => kept.push(other),
            }
        }
        (Filter::and(kept), start, end)
    }

    /// Conditions on the text of bodies that all records asked for fulfil. Passing them is not enough.
    pub fn texts(&self, table: &Table) -> Vec<TextFilter> {
        let parts = match self {
            Filter::And(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut out = Vec::new();
        for part in parts {
            let Filter::Leaf(Leaf { target: Target::Field(id), test: Test::Match(m) }) = part else {
                continue;
            };
            let field = &table.fields[*id];
            if field.kind != Kind::Message || m.need < m.pieces.len() {
                continue;
            }
            for piece in &m.pieces {
                let Piece::Phrase(phrase) = piece else { continue };
                if !phrase.is_loose() {
                    out.extend(
                        phrase
                            .words()
                            .iter()
                            .filter(|w| has_no_case(w))
                            .filter_map(|w| TextFilter::new(FilterOp::Contains, w).ok()),
                    );
                }
            }
        }
        out
    }
}

/// Whether a word is written in one way only.
fn has_no_case(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

impl Leaf {
    fn passes(&self, rows: &Rows<'_>, row: usize) -> bool {
        match &self.target {
            Target::Field(id) => {
                let field = rows.field(*id);
                let found = rows.get(*id, row);
                match (&self.test, &found) {
                    (Test::Exists, found) => found.exists(),
                    (test, Found::One(value)) => test.passes(field, *value),
                    (test, found) => found.any(&mut |value| test.passes(field, value)),
                }
            }
            Target::Fitting(pattern) => {
                rows.any_of(pattern, row, &mut |field, value| self.test.passes(field, value))
            }
        }
    }

    fn judge(&self, labels: &Labels, table: &Table) -> Verdict {
        let Target::Field(id) = self.target else { return Verdict::Perhaps };
        let field = &table.fields[id];
        let label = match field.kind {
            Kind::Time | Kind::Message => {
                return if matches!(self.test, Test::Exists) { Verdict::Always } else { Verdict::Perhaps };
            }
            Kind::Id => return Verdict::Perhaps,
            Kind::Index => Some(index_of(labels)),
            _ => labels.get(&field.name),
        };
        match label {
            None => Verdict::Perhaps,
            Some(value) if self.test.passes(field, Scalar::Text(value, Place::Label)) => Verdict::Always,
            Some(_) => Verdict::Never,
        }
    }
}

/// Which indices a request is about: `logs-*,-logs-old`, with everything where there is no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indices {
    /// Patterns in their order, and whether each takes indices in or out.
    patterns: Vec<(String, bool)>,
}

impl Indices {
    /// Every index.
    pub fn all() -> Indices {
        Indices { patterns: Vec::new() }
    }

    /// From the name in an address.
    pub fn parse(text: &str) -> Indices {
        let one = |name: &str| match name.strip_prefix('-') {
            Some(out) if !out.is_empty() => (out.to_owned(), false),
            _ => (if name == "_all" { "*".to_owned() } else { name.to_owned() }, true),
        };
        Indices { patterns: text.split(',').map(str::trim).filter(|n| !n.is_empty()).map(one).collect() }
    }

    /// The names among the patterns that have no wildcard: indices that the asker expects to be there.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().filter(|(p, takes)| *takes && !p.contains(['*', '?'])).map(|(p, _)| p.as_str())
    }

    /// Whether an index is among them.
    pub fn has(&self, index: &str) -> bool {
        let mut has = self.patterns.iter().all(|(_, takes)| !takes);
        for (pattern, takes) in &self.patterns {
            if crate::pattern::glob(pattern, index) {
                has = *takes;
            }
        }
        has
    }

    /// Whether the records of a stream are in one of them.
    pub fn has_stream(&self, labels: &Labels) -> bool {
        self.patterns.is_empty() || self.has(labels.get(INDEX).unwrap_or(crate::fields::INDEX_OTHERS))
    }
}
