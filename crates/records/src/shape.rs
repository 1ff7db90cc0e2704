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

/// Values of one variable of one shape, which lie one behind the other.
pub(crate) struct Values<'a> {
    /// Where the first begins, counted as the ends are.
    pub start: u32,
    pub ends: &'a [u32],
    pub bytes: &'a [u8],
}

fn classes(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, b| all | CLASS[*b as usize])
}

impl Habit {
    /// Takes values into account, and their trigrams if they are kept.
    pub fn see(&mut self, values: &Values<'_>, trigrams: &mut Trigrams) {
        let all = classes(values.bytes);
        self.classes |= all;
        let mut start = values.start;
        for end in values.ends {
            self.longest = self.longest.max((end - start).min(255) as u8);
            if all & WORDY != 0 {
                let value = &values.bytes[(start - values.start) as usize..(end - values.start) as usize];
                if classes(value) & WORDY != 0 {
                    trigrams.insert_all(value);
                }
            }
            start = *end;
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
    /// Each line has to be asked, and those alone pass that have all of what is looked for within one variable.
    Within,
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
            Verdict::Each | Verdict::Within => Verdict::Each,
        }
    }
}

/// A filter made ready to be asked about many shapes.
pub(crate) struct ShapeFilter<'a> {
    filter: &'a TextFilter,
    plain: Option<Plain<'a>>,
}

/// A text that is looked for.
struct Plain<'a> {
    finder: Finder<'a>,
    /// As much of it as is laid along shapes.
    along: &'a [u8],
    /// Finds `along`, where that is not all.
    beginning: Option<Finder<'a>>,
    /// Classes of its bytes.
    classes: u8,
    /// By byte: the classes of what follows it, and of what comes before it.
    following: [u8; 256],
    preceding: [u8; 256],
    /// Whether it has a hole in it, which would match the holes of shapes.
    holed: bool,
}

/// Only this much of a pattern is laid along a shape.
const ALONG_MAX: usize = 64;

impl<'a> ShapeFilter<'a> {
    pub fn new(filter: &'a TextFilter) -> ShapeFilter<'a> {
        let plain = matches!(filter.op(), FilterOp::Contains | FilterOp::NotContains);
        ShapeFilter { filter, plain: plain.then(|| Plain::new(filter.pattern().as_bytes())) }
    }

    /// A judge of shapes by what their variables are like, and by the trigrams of all variables around where they are
    /// known.
    pub fn judge<'f, 't>(&'f self, trigrams: Option<&'t Trigrams>) -> Judge<'f, 't> {
        let whole = self.plain.as_ref().is_none_or(|p| known(trigrams, p.along));
        Judge { filter: self.filter, plain: self.plain.as_ref(), trigrams, whole }
    }
}

impl<'a> Plain<'a> {
    fn new(pattern: &'a [u8]) -> Plain<'a> {
        let along = &pattern[..pattern.len().min(ALONG_MAX)];
        let (mut following, mut preceding) = ([0; 256], [0; 256]);
        for pair in along.windows(2) {
            following[usize::from(pair[0])] |= CLASS[usize::from(pair[1])];
            preceding[usize::from(pair[1])] |= CLASS[usize::from(pair[0])];
        }
        Plain {
            finder: Finder::new(pattern),
            along,
            beginning: (along.len() < pattern.len()).then(|| Finder::new(along)),
            classes: along.iter().fold(0, |all, b| all | CLASS[*b as usize]),
            following,
            preceding,
            holed: memchr::memchr(HOLE, pattern).is_some(),
        }
    }

    /// Whether a variable of this kind may hold all of it.
    fn fits(&self, habit: &Habit) -> bool {
        self.classes & !habit.classes == 0
            && (habit.longest == 255 || self.along.len() <= usize::from(habit.longest))
    }

    /// Whether it may lie partly within a variable and partly outside: it has the byte before one and then what may be
    /// in that variable, or the byte behind one after what may be in it.
    fn may_cross(&self, shape: &[u8], habits: &[Habit]) -> bool {
        let meets = |table: &[u8; 256], b: Option<&u8>, habit: &Habit| {
            b.is_some_and(|b| *b == HOLE || table[usize::from(*b)] & habit.classes != 0)
        };
        memchr::memchr_iter(HOLE, shape).zip(habits).any(|(at, habit)| {
            meets(&self.following, at.checked_sub(1).map(|i| &shape[i]), habit)
                || meets(&self.preceding, shape.get(at + 1), habit)
        })
    }
}

/// Whether a variable may hold a piece of a pattern, as far as trigrams tell.
fn known(trigrams: Option<&Trigrams>, piece: &[u8]) -> bool {
    match trigrams {
        Some(t) if piece.iter().any(|b| CLASS[*b as usize] & WORDY != 0) => t.contains_all(piece),
        _ => true,
    }
}

/// Says what a filter makes of shapes.
pub(crate) struct Judge<'f, 't> {
    filter: &'f TextFilter,
    plain: Option<&'f Plain<'f>>,
    trigrams: Option<&'t Trigrams>,
    /// Whether any variable may hold all of the pattern.
    whole: bool,
}

impl Judge<'_, '_> {
    pub fn of(&self, shape: &[u8], habits: &[Habit]) -> Verdict {
        let negative = matches!(self.filter.op(), FilterOp::NotContains | FilterOp::NotMatches);
        let verdict = match self.plain {
            Some(plain) => self.judge_plain(plain, shape, habits),
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

    fn judge_plain(&self, plain: &Plain<'_>, shape: &[u8], habits: &[Habit]) -> Verdict {
        let pattern = plain.finder.needle();
        if pattern.is_empty() || (!plain.holed && plain.finder.find(shape).is_some()) {
            return Verdict::All;
        }
        if habits.is_empty() {
            return Verdict::None;
        }
        // What is laid along may lie in the constant text, and what follows it in a variable.
        if plain.beginning.as_ref().is_some_and(|f| f.find(shape).is_some()) {
            return Verdict::Each;
        }
        let within = self.whole && habits.iter().any(|h| plain.fits(h));
        if !plain.may_cross(shape, habits) {
            return if within { Verdict::Within } else { Verdict::None };
        }
        if within {
            return Verdict::Each;
        }
        let mut pieces: [&[u8]; VARS_MAX + 1] = [&[]; VARS_MAX + 1];
        let mut n = 0;
        for piece in shape.split(|b| *b == HOLE).take(VARS_MAX + 1) {
            pieces[n] = piece;
            n += 1;
        }
        let along = Along { pattern: plain.along, pieces: &pieces[..n], habits, trigrams: self.trigrams };
        if along.possible() { Verdict::Each } else { Verdict::None }
    }

    /// Whether any variable may hold all of what is looked for.
    pub fn whole(&self) -> bool {
        self.whole
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
        if fits == rest.len() && known(self.trigrams, rest) {
            return true;
        }
        let next = self.pieces[k + 1];
        (1..=fits.min(rest.len() - 1)).any(|s| {
            let behind = &rest[s..];
            if !known(self.trigrams, &rest[..s]) {
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
            h.see(&Values { start: *a, ends: &[*b], bytes: &line[*a as usize..*b as usize] }, trigrams);
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
                        let verdict = ShapeFilter::new(&filter).judge(t).of(&shape, &habits);
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
            ShapeFilter::new(&filter).judge(Some(&t)).of(&shape, &habits)
        };
        assert_eq!(judge("blk_12", "at blk_-1234"), Verdict::None);
        assert_eq!(judge("123", "at blk_-1234"), Verdict::Within);
        assert_eq!(judge("blk_-12", "at blk_-1234"), Verdict::Each);
        assert_eq!(judge("nosuch9", "10.2.3.4 user17 eth0 was here"), Verdict::None);
        assert_eq!(judge("was he", "10.2.3.4 was here"), Verdict::All);
        assert_eq!(judge("4 was", "10.2.3.4 was here"), Verdict::Each);
        assert_eq!(judge("x was", "10.2.3.4 was here"), Verdict::None);
        // Longer than what is laid along shapes, and ending in a variable.
        let long = "no digit in all of this text, which is longer than what is laid along a shape, then ";
        assert_eq!(judge(&format!("{long}12"), &format!("so {long}1234 and more")), Verdict::Each);
        assert_eq!(judge(&format!("x{long}12"), &format!("so {long}1234 and more")), Verdict::None);
    }
}
