//! The shape of a line, stored once, and what differs from line to line.
//!
//! A *variable* is a maximal run of ASCII letters and digits with a digit in it. The *shape* is the line with each
//! variable replaced by [`HOLE`]. Lines with more than [`VARS_MAX`] variables keep their tail, from the last of them
//! on, as one variable; lines that hold a [`HOLE`] or whose shape would be long are one variable as a whole. In every
//! case the line is its shape with the variables put back, byte for byte.

use crate::part::Trigrams;
use memchr::memmem::Finder;
use model::record::{FilterOp, TextFilter};

/// Stands for a variable in a shape: the ASCII control character SUBSTITUTE.
pub(crate) const HOLE: u8 = 0x1a;
/// Variables of a line at most.
pub(crate) const VARS_MAX: usize = 16;
/// A longer shape is not worth keeping apart.
const SHAPE_BYTES_MAX: usize = 4096;
/// The shape of lines that are one variable as a whole.
pub(crate) const WHOLE: &[u8] = &[HOLE];

/// Splits a line. `shape` and `vars` are cleared first; variables are `(start, end)` within the line.
pub(crate) fn split(line: &[u8], shape: &mut Vec<u8>, vars: &mut Vec<(u32, u32)>) {
    shape.clear();
    vars.clear();
    let (mut at, mut copied) = (0, 0);
    while at < line.len() {
        let class = CLASS[line[at] as usize];
        if class & TOKEN == 0 {
            if line[at] == HOLE {
                return whole(line, shape, vars);
            }
            at += 1;
            continue;
        }
        let (start, mut seen) = (at, 0);
        while at < line.len() && CLASS[line[at] as usize] & TOKEN != 0 {
            seen |= CLASS[line[at] as usize];
            at += 1;
        }
        if seen & DIGIT == 0 {
            continue;
        }
        shape.extend_from_slice(&line[copied..start]);
        shape.push(HOLE);
        if vars.len() + 1 == VARS_MAX {
            at = line.len();
        }
        vars.push((start as u32, at as u32));
        copied = at;
    }
    shape.extend_from_slice(&line[copied..]);
    if shape.len() > SHAPE_BYTES_MAX {
        whole(line, shape, vars);
    }
}

/// Makes a line one variable.
pub(crate) fn whole(line: &[u8], shape: &mut Vec<u8>, vars: &mut Vec<(u32, u32)>) {
    shape.clear();
    shape.extend_from_slice(WHOLE);
    vars.clear();
    vars.push((0, line.len() as u32));
}

/// Appends the line of a shape and its variables.
pub(crate) fn join<'a>(shape: &[u8], mut var: impl FnMut(usize) -> &'a [u8], out: &mut Vec<u8>) {
    let mut rest = shape;
    for k in 0.. {
        let Some(hole) = memchr::memchr(HOLE, rest) else { break };
        out.extend_from_slice(&rest[..hole]);
        out.extend_from_slice(var(k));
        rest = &rest[hole + 1..];
    }
    out.extend_from_slice(rest);
}

/// How many variables a shape has.
pub(crate) fn holes(shape: &[u8]) -> usize {
    memchr::memchr_iter(HOLE, shape).count()
}

/// Classes of bytes, as bits.
pub(crate) const DIGIT: u8 = 1;
const LOWER_HEX: u8 = 2;
const LOWER: u8 = 4;
const UPPER_HEX: u8 = 8;
const UPPER: u8 = 16;
/// No letter and no digit: occurs in variables that are the tail of a line or all of it.
const OTHER: u8 = 32;
/// What variables are made of.
const TOKEN: u8 = DIGIT | LOWER_HEX | LOWER | UPPER_HEX | UPPER;
/// What makes a variable more than a number: its trigrams are kept.
const WORDY: u8 = LOWER | UPPER | OTHER;

const CLASS: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = match b as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' => LOWER_HEX,
            b'g'..=b'z' => LOWER,
            b'A'..=b'F' => UPPER_HEX,
            b'G'..=b'Z' => UPPER,
            _ => OTHER,
        };
        b += 1;
    }
    table
};

/// What all values of one variable of one shape have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Habit {
    /// Classes of bytes that occur.
    pub classes: u8,
    /// Length of the longest; 255 stands for any.
    pub longest: u8,
}

impl Habit {
    /// Takes a value into account, and its trigrams if they are kept.
    pub fn see(&mut self, value: &[u8], trigrams: &mut Trigrams) {
        let classes = value.iter().fold(0, |all, b| all | CLASS[*b as usize]);
        self.classes |= classes;
        self.longest = self.longest.max(value.len().min(255) as u8);
        if classes & WORDY != 0 {
            trigrams.insert_all(value);
        }
    }
}

/// What a filter says of all lines of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No line passes.
    None,
    /// Every line passes.
    All,
    /// Each line has to be asked.
    Each,
}

impl Verdict {
    pub fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::None, _) | (_, Verdict::None) => Verdict::None,
            (Verdict::All, v) | (v, Verdict::All) => v,
            _ => Verdict::Each,
        }
    }

    fn not(self) -> Verdict {
        match self {
            Verdict::None => Verdict::All,
            Verdict::All => Verdict::None,
            Verdict::Each => Verdict::Each,
        }
    }
}

/// A filter made ready to be asked about many shapes.
pub(crate) struct ShapeFilter<'a> {
    filter: &'a TextFilter,
    finder: Option<Finder<'a>>,
}

/// Only this much of a pattern is laid along a shape; if that cannot lie there, the whole cannot.
const ALONG_MAX: usize = 64;

impl<'a> ShapeFilter<'a> {
    pub fn new(filter: &'a TextFilter) -> ShapeFilter<'a> {
        let plain = matches!(filter.op(), FilterOp::Contains | FilterOp::NotContains);
        let finder = plain.then(|| Finder::new(filter.pattern().as_bytes()));
        ShapeFilter { filter, finder }
    }

    /// Judges a shape by what its variables are like, and by the trigrams of all variables around where they are known.
    pub fn judge(&self, shape: &[u8], habits: &[Habit], trigrams: Option<&Trigrams>) -> Verdict {
        let negative = matches!(self.filter.op(), FilterOp::NotContains | FilterOp::NotMatches);
        let verdict = match &self.finder {
            Some(finder) => self.judge_plain(finder, shape, habits, trigrams),
            None => return self.judge_regex(shape, habits),
        };
        if negative { verdict.not() } else { verdict }
    }

    fn judge_regex(&self, shape: &[u8], habits: &[Habit]) -> Verdict {
        match std::str::from_utf8(shape) {
            Ok(line) if habits.is_empty() => {
                if self.filter.passes(line) {
                    Verdict::All
                } else {
                    Verdict::None
                }
            }
            _ => Verdict::Each,
        }
    }

    fn judge_plain(
        &self,
        finder: &Finder<'_>,
        shape: &[u8],
        habits: &[Habit],
        trigrams: Option<&Trigrams>,
    ) -> Verdict {
        let pattern = self.filter.pattern().as_bytes();
        // A pattern with the hole in it would match the shape's own holes.
        let constant =
            pattern.is_empty() || (memchr::memchr(HOLE, pattern).is_none() && finder.find(shape).is_some());
        if constant {
            return Verdict::All;
        }
        let mut pieces: [&[u8]; VARS_MAX + 1] = [&[]; VARS_MAX + 1];
        let mut n = 0;
        for piece in shape.split(|b| *b == HOLE).take(VARS_MAX + 1) {
            pieces[n] = piece;
            n += 1;
        }
        let along = Along {
            pattern: &pattern[..pattern.len().min(ALONG_MAX)],
            pieces: &pieces[..n],
            habits,
            trigrams,
        };
        if along.possible() { Verdict::Each } else { Verdict::None }
    }
}

/// A pattern laid along a shape so that it touches a variable.
struct Along<'a> {
    pattern: &'a [u8],
    pieces: &'a [&'a [u8]],
    habits: &'a [Habit],
    trigrams: Option<&'a Trigrams>,
}

impl Along<'_> {
    fn possible(&self) -> bool {
        // Places of the pattern already tried at the beginning of a variable, one bit each.
        let mut tried = [0u64; VARS_MAX];
        (0..self.habits.len()).any(|k| {
            let piece = self.pieces[k];
            // It starts within the variable, or in the text before it.
            let last = piece.last();
            let begins = |r: usize| Some(&self.pattern[r - 1]) == last && piece.ends_with(&self.pattern[..r]);
            self.within(k, 0, &mut tried)
                || (1..=piece.len().min(self.pattern.len() - 1))
                    .any(|r| begins(r) && self.within(k, r, &mut tried))
        })
    }

    /// Whether the pattern from `from` on can begin in variable `k`.
    fn within(&self, k: usize, from: usize, tried: &mut [u64; VARS_MAX]) -> bool {
        if tried[k] >> from & 1 == 1 {
            return false;
        }
        tried[k] |= 1 << from;
        let rest = &self.pattern[from..];
        let habit = self.habits[k];
        let fits = rest.iter().take_while(|b| CLASS[**b as usize] & habit.classes != 0).count();
        let fits = if habit.longest == 255 { fits } else { fits.min(usize::from(habit.longest)) };
        if fits == rest.len() && self.known(rest) {
            return true;
        }
        let next = self.pieces[k + 1];
        (1..=fits.min(rest.len() - 1)).any(|s| {
            let behind = &rest[s..];
            if !self.known(&rest[..s]) {
                false
            } else if behind.len() <= next.len() {
                next.starts_with(behind)
            } else {
                k + 1 < self.habits.len()
                    && behind.starts_with(next)
                    && self.within(k + 1, from + s + next.len(), tried)
            }
        })
    }

    /// Whether a variable may hold this piece of the pattern, as far as trigrams tell.
    fn known(&self, piece: &[u8]) -> bool {
        match self.trigrams {
            Some(t) if piece.iter().any(|b| CLASS[*b as usize] & WORDY != 0) => t.contains_all(piece),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(line: &[u8]) -> (Vec<u8>, Vec<(u32, u32)>) {
        let (mut shape, mut vars) = (Vec::new(), Vec::new());
        split(line, &mut shape, &mut vars);
        (shape, vars)
    }

    #[test]
    fn shapes() {
        for (line, shape) in [
            ("", ""),
            ("no digits here", "no digits here"),
            ("081109 203518 148 INFO blk_-38 done", "\x1a \x1a \x1a INFO blk_-\x1a done"),
            ("user7 from 10.2.3.4:80", "\x1a from \x1a.\x1a.\x1a.\x1a:\x1a"),
            ("holds \x1a itself 5", "\x1a"),
            ("é5ü", "é\x1aü"),
        ] {
            assert_eq!(String::from_utf8(pieces(line.as_bytes()).0).unwrap(), shape, "{line:?}");
        }
        let many = (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let (shape, vars) = pieces(many.as_bytes());
        assert_eq!((holes(&shape), vars.len()), (VARS_MAX, VARS_MAX));
    }

    fn habits(line: &[u8], vars: &[(u32, u32)], trigrams: &mut Trigrams) -> Vec<Habit> {
        let see = |(a, b): &(u32, u32)| {
            let mut h = Habit::default();
            h.see(&line[*a as usize..*b as usize], trigrams);
            h
        };
        vars.iter().map(see).collect()
    }

    proptest! {
        #[test]
        fn lines_come_back(line in prop_oneof![".*", "[a-f0-9 :.x\x1a-]{0,120}", "([0-9]{1,3} ){0,30}"]) {
            let (shape, vars) = pieces(line.as_bytes());
            let mut back = Vec::new();
            join(&shape, |k| &line.as_bytes()[vars[k].0 as usize..vars[k].1 as usize], &mut back);
            prop_assert_eq!(back, line.as_bytes());
            prop_assert_eq!(holes(&shape), vars.len());
        }

        #[test]
        fn verdicts_are_true(line in "[abz09 .x-]{0,30}", cut in any::<(u8, u8)>(), other in "[abz09 .]{0,4}") {
            let (shape, vars) = pieces(line.as_bytes());
            let mut trigrams = Trigrams::new();
            let habits = habits(line.as_bytes(), &vars, &mut trigrams);
            let at = |c: u8| usize::from(c) % (line.len() + 1);
            let (from, to) = (at(cut.0).min(at(cut.1)), at(cut.0).max(at(cut.1)));
            for pattern in [&line[from..to], other.as_str()] {
                for op in [FilterOp::Contains, FilterOp::NotContains] {
                    let filter = TextFilter::new(op, pattern).unwrap();
                    for t in [None, Some(&trigrams)] {
                        let verdict = ShapeFilter::new(&filter).judge(&shape, &habits, t);
                        let wrong = if filter.passes(&line) { Verdict::None } else { Verdict::All };
                        prop_assert_ne!(verdict, wrong, "{:?} {:?}", filter, line);
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_in_a_variable_needs_no_look() {
        let judge = |pattern: &str, line: &str| {
            let (shape, vars) = pieces(line.as_bytes());
            let mut t = Trigrams::new();
            let habits = habits(line.as_bytes(), &vars, &mut t);
            let filter = TextFilter::new(FilterOp::Contains, pattern).unwrap();
            ShapeFilter::new(&filter).judge(&shape, &habits, Some(&t))
        };
        assert_eq!(judge("blk_12", "at blk_-1234"), Verdict::None);
        assert_eq!(judge("blk_-12", "at blk_-1234"), Verdict::Each);
        assert_eq!(judge("nosuch9", "10.2.3.4 user17 eth0 was here"), Verdict::None);
        assert_eq!(judge("was he", "10.2.3.4 was here"), Verdict::All);
        assert_eq!(judge("4 was", "10.2.3.4 was here"), Verdict::Each);
        assert_eq!(judge("x was", "10.2.3.4 was here"), Verdict::None);
    }
}
