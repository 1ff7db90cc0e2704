//! Conditions on one field.

use crate::dates::{Format, MILLI_NS, default_formats};
use crate::fields::{Field, Place, Scalar, Terms};
use crate::pattern::Pattern;
use crate::text::{Fuzzy, Phrase};
use hashbrown::HashSet;
use jiff::tz::TimeZone;
use std::cmp::Ordering;
use std::ops::Range as Bytes;

/// A condition on the values of a field.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// There is a value.
    Exists,
    /// Full text.
    Match(Match),
    /// One of these terms.
    Terms(Values),
    /// Between bounds.
    Range(Range),
    /// A pattern matches a term.
    Pattern(Pattern),
    /// A term is like this word.
    Fuzzy(Fuzzy),
}

/// Text as people write it: words of it, or all of it.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    /// All of it, which labels and values that are not text must be.
    pub raw: String,
    pub number: Option<Number>,
    /// Pieces, of which text must hold some.
    pub pieces: Vec<Piece>,
    /// How many.
    pub need: usize,
}

/// A piece of a text.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Phrase(Phrase),
    Fuzzy(Fuzzy),
}

/// A number, exact where it is whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub fn parse(text: &str) -> Option<Number> {
        let text = text.trim();
        if !text.bytes().next().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.')) {
            return None;
        }
        match text.parse::<i64>() {
            Ok(i) => Some(Number::Int(i)),
            Err(_) => text.parse::<f64>().ok().map(Number::Float),
        }
    }

    fn float(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Float(x) => x,
        }
    }

    pub fn order(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
            (a, b) => a.float().partial_cmp(&b.float()),
        }
    }
}

impl Piece {
    pub fn find(&self, text: &str, from: usize) -> Option<Bytes<usize>> {
        match self {
            Piece::Phrase(phrase) => phrase.find(text, from),
            Piece::Fuzzy(fuzzy) => fuzzy.find(text, from),
        }
    }
}

impl Match {
    /// Some of these pieces. Pieces without a word say nothing.
    pub fn of(raw: &str, pieces: Vec<Piece>, need: usize) -> Match {
        let pieces: Vec<Piece> =
            pieces.into_iter().filter(|p| !matches!(p, Piece::Phrase(p) if p.is_empty())).collect();
        let need = need.clamp(1, pieces.len().max(1));
        Match { raw: raw.to_owned(), number: Number::parse(raw), pieces, need }
    }

    fn holds(&self, text: &str) -> bool {
        let mut found = 0;
        self.pieces.iter().any(|piece| {
            found += usize::from(piece.find(text, 0).is_some());
            found >= self.need
        })
    }
}

/// Values of which a term must be one.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    whole: HashSet<String>,
    numbers: Vec<Number>,
    /// Those that are single words in lower case, as words of texts are.
    words: Vec<Phrase>,
    ignore_case: bool,
}

impl Values {
    pub fn new(values: &[String], ignore_case: bool) -> Values {
        let word = |v: &String| {
            let phrase = Phrase::new(v);
            let is_term = match phrase.words() {
                [word] => word == v || (ignore_case && *word == crate::text::fold(v)),
                _ => false,
            };
            is_term.then_some(phrase)
        };
        let fold = |v: &String| if ignore_case { crate::text::fold(v) } else { v.clone() };
        Values {
            whole: values.iter().map(fold).collect(),
            numbers: values.iter().filter_map(|v| Number::parse(v)).collect(),
            words: values.iter().filter_map(word).collect(),
            ignore_case,
        }
    }

    fn is_whole(&self, text: &str) -> bool {
        match self.ignore_case {
            true => self.whole.contains(&crate::text::fold(text)),
            false => self.whole.contains(text),
        }
    }
}

/// A range of values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Range {
    pub from: Option<Bound>,
    pub to: Option<Bound>,
}

/// One end of a range.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub text: String,
    pub number: Option<Number>,
    /// Unix nanoseconds.
    pub date: Option<i64>,
    /// Whether the bound itself is in the range.
    pub included: bool,
}

impl Range {
    fn holds(&self, order: &dyn Fn(&Bound) -> Option<Ordering>) -> bool {
        let fits = |bound: &Option<Bound>, wanted: Ordering| match bound {
            None => true,
            Some(b) => order(b).is_some_and(|o| o == wanted || (o == Ordering::Equal && b.included)),
        };
        fits(&self.from, Ordering::Greater) && fits(&self.to, Ordering::Less)
    }

    fn holds_number(&self, n: Number) -> bool {
        self.holds(&|b| match (b.number, b.date) {
            (Some(bound), _) => n.order(bound),
            // A number may be a date in milliseconds.
            (None, Some(date)) => n.float().partial_cmp(&(date as f64 / MILLI_NS as f64)),
            (None, None) => None,
        })
    }

    fn holds_text(&self, text: &str) -> bool {
        let number = Number::parse(text);
        let mut date = None;
        let needs_date =
            |b: &Option<Bound>| b.as_ref().is_some_and(|b| b.number.is_none() && b.date.is_some());
        if needs_date(&self.from) || needs_date(&self.to) {
            date = default_formats().iter().find_map(|f: &Format| f.read(text, &TimeZone::UTC, false));
        }
        self.holds(&|b| match (b.number, number, b.date, date) {
            (Some(bound), Some(n), ..) => n.order(bound),
            (Some(_), None, ..) => None,
            (None, _, Some(bound), Some(at)) => Some(at.cmp(&bound)),
            _ => Some(text.cmp(b.text.as_str())),
        })
    }

    fn holds_time(&self, ns: i64) -> bool {
        self.holds(&|b| b.date.map(|date| ns.cmp(&date)))
    }

    /// The instants of the range, the last one excluded; for the time.
    pub fn span(&self) -> (i64, i64) {
        let from = self.from.as_ref().map_or(i64::MIN, |b| match b.date {
            Some(date) if b.included => date,
            Some(date) => date.saturating_add(1),
            None => i64::MAX,
        });
        let to = self.to.as_ref().map_or(i64::MAX, |b| match b.date {
            Some(date) if b.included => date.saturating_add(1),
            Some(date) => date,
            None => i64::MIN,
        });
        (from, to)
    }
}

impl Test {
    /// Whether a value passes.
    pub fn passes(&self, field: &Field, value: Scalar<'_>) -> bool {
        match value {
            Scalar::Text(text, place) => self.passes_text(text, place, field.terms),
            Scalar::Int(i) => self.passes_number(Number::Int(i)),
            Scalar::Float(x) => self.passes_number(Number::Float(x)),
            Scalar::Bool(b) => self.passes_text(if b { "true" } else { "false" }, Place::Label, Terms::Whole),
            Scalar::Time(ns) => match self {
                Test::Exists => true,
                Test::Range(range) => range.holds_time(ns),
                _ => false,
            },
        }
    }

    fn passes_text(&self, text: &str, place: Place, terms: Terms) -> bool {
        let whole = terms != Terms::Words;
        let words = terms != Terms::Whole && place != Place::Label;
        match self {
            Test::Exists => true,
            Test::Match(m) => (whole && m.raw == text) || (words && m.holds(text)),
            Test::Terms(v) => {
                (whole && v.is_whole(text)) || (words && v.words.iter().any(|phrase| phrase.is_in(text)))
            }
            Test::Range(range) => range.holds_text(text),
            Test::Pattern(p) => (whole && p.is_value(text)) || (words && p.find_word(text, 0).is_some()),
            Test::Fuzzy(f) => (whole && f.is_like(text)) || (words && f.find(text, 0).is_some()),
        }
    }

    fn passes_number(&self, n: Number) -> bool {
        let equal = |other: &Number| n.order(*other) == Some(Ordering::Equal);
        match self {
            Test::Exists => true,
            Test::Match(m) => m.number.as_ref().is_some_and(equal),
            Test::Terms(v) => v.numbers.iter().any(equal),
            Test::Range(range) => range.holds_number(n),
            Test::Pattern(p) => match n {
                Number::Int(i) => p.is_value(&i.to_string()),
                Number::Float(x) => p.is_value(&x.to_string()),
            },
            Test::Fuzzy(_) => false,
        }
    }

    /// The places of a text that made it pass, to be highlighted.
    pub fn spans(&self, text: &str, place: Place, terms: Terms, out: &mut Vec<Bytes<usize>>) {
        let words = terms != Terms::Whole && place != Place::Label;
        let mut each = |find: &dyn Fn(usize) -> Option<Bytes<usize>>| {
            let mut from = 0;
            while let Some(found) = find(from) {
                from = found.end;
                out.push(found);
            }
        };
        match self {
            Test::Match(m) if words => m.pieces.iter().for_each(|p| each(&|from| p.find(text, from))),
            Test::Terms(v) if words => v.words.iter().for_each(|p| each(&|from| p.find(text, from))),
            Test::Pattern(p) if words => each(&|from| p.find_word(text, from)),
            Test::Fuzzy(f) if words => each(&|from| f.find(text, from)),
            Test::Exists | Test::Range(_) => return,
            _ => {}
        }
        if out.is_empty() && !text.is_empty() && self.passes_text(text, place, terms) {
            out.push(0..text.len());
        }
    }
}
