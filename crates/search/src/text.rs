//! Words of a text: how it is taken apart, and how words are found in it.
//!
//! A word is a run of letters, digits and underscores; each ideograph is a word by itself. Case does not count. This is
//! finer than Elasticsearch's standard analyzer, which keeps `example.com` together: here the words of a text that is
//! looked for must follow each other where no blank is between them.

use std::ops::Range;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Gap,
    Part,
    Single,
}

fn class(c: char) -> Class {
    match c {
        '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}'
        | '\u{3040}'..='\u{309f}'
        | '\u{0e00}'..='\u{0eff}'
        | '\u{1780}'..='\u{17ff}' => Class::Single,
        '\u{0300}'..='\u{036f}' | '_' => Class::Part,
        c if c.is_alphanumeric() => Class::Part,
        _ => Class::Gap,
    }
}

/// The words of a text, as ranges of its bytes.
#[derive(Clone)]
pub(crate) struct Words<'a> {
    text: &'a str,
    at: usize,
}

/// Takes a text apart.
pub(crate) fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

impl Words<'_> {
    /// The class and length of the character at a place.
    #[inline]
    fn class_at(&self, at: usize) -> Option<(Class, usize)> {
        let b = *self.text.as_bytes().get(at)?;
        if b < 0x80 {
            let part = b.is_ascii_alphanumeric() || b == b'_';
            return Some((if part { Class::Part } else { Class::Gap }, 1));
        }
        let c = self.text[at..].chars().next()?;
        Some((class(c), c.len_utf8()))
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        let mut at = self.at;
        let first = loop {
            let (class, length) = self.class_at(at)?;
            at += length;
            if class != Class::Gap {
                break (class, at - length);
            }
        };
        if first.0 == Class::Part {
            while let Some((Class::Part, length)) = self.class_at(at) {
                at += length;
            }
        }
        self.at = at;
        Some(first.1..at)
    }
}

/// A text in lower case.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether a word is the folded one.
#[inline]
fn same(word: &str, folded: &str) -> bool {
    if word.is_ascii() {
        return word.eq_ignore_ascii_case(folded);
    }
    word.chars().flat_map(char::to_lowercase).eq(folded.chars())
}

fn begins(word: &str, folded: &str) -> bool {
    let mut letters = word.chars().flat_map(char::to_lowercase);
    folded.chars().all(|c| letters.next() == Some(c))
}

/// Words that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    words: Vec<String>,
    /// How far words may be from their places, all together.
    slop: u32,
    /// Whether the last word is only the beginning of one.
    prefix: bool,
}

/// Only so many places of each word are looked at when they need not be adjacent.
const SLOPPY_PLACES_MAX: usize = 1024;

impl Phrase {
    /// The words of a text in their order.
    pub fn new(text: &str) -> Phrase {
        let words = words(text).map(|w| fold(&text[w])).collect();
        Phrase { words, slop: 0, prefix: false }
    }

    /// The same with words that may be out of place.
    pub fn with_slop(mut self, slop: u32) -> Phrase {
        self.slop = slop;
        self
    }

    /// The same with a last word that may go on.
    pub fn with_prefix(mut self) -> Phrase {
        self.prefix = true;
        self
    }

    /// Its words in lower case.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether words may be out of place or unfinished.
    pub fn is_loose(&self) -> bool {
        self.slop > 0 || self.prefix
    }

    /// Whether it has no words: nothing matches it.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn is_word(&self, place: usize, word: &str) -> bool {
        let wanted = &self.words[place];
        match self.prefix && place + 1 == self.words.len() {
            true => begins(word, wanted),
            false => same(word, wanted),
        }
    }

    /// Whether a text holds it.
    pub fn is_in(&self, text: &str) -> bool {
        self.find(text, 0).is_some()
    }

    /// Where it is first found at or after a place.
    pub fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        if self.words.is_empty() {
            return None;
        }
        if self.slop > 0 && self.words.len() > 1 {
            return self.find_sloppy(text, from);
        }
        let mut all = Words { text, at: from };
        while let Some(first) = all.next() {
            if !self.is_word(0, &text[first.clone()]) {
                continue;
            }
            let mut end = first.end;
            let mut behind = all.clone();
            let rest = (1..self.words.len()).all(|place| {
                behind.next().is_some_and(|w| {
                    end = w.end;
                    self.is_word(place, &text[w])
                })
            });
            if rest {
                return Some(first.start..end);
            }
        }
        None
    }

    /// Places of words, each less its place in the phrase, must lie within `slop` of each other.
    fn find_sloppy(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let mut places: Vec<Vec<(i64, Range<usize>)>> = vec![Vec::new(); self.words.len()];
        for (at, word) in (Words { text, at: from }).enumerate() {
            for (place, found) in places.iter_mut().enumerate() {
                if found.len() < SLOPPY_PLACES_MAX && self.is_word(place, &text[word.clone()]) {
                    found.push((at as i64 - place as i64, word.clone()));
                }
            }
        }
        let mut at = vec![0usize; places.len()];
        loop {
            let heads: Option<Vec<&(i64, Range<usize>)>> =
                places.iter().zip(&at).map(|(p, i)| p.get(*i)).collect();
            let heads = heads?;
            let (low, least) = heads.iter().enumerate().map(|(i, h)| (h.0, i)).min()?;
            let high = heads.iter().map(|h| h.0).max()?;
            let distinct = (1..heads.len()).all(|i| heads[..i].iter().all(|h| h.1 != heads[i].1));
            if distinct && high - low <= i64::from(self.slop) {
                let start = heads.iter().map(|h| h.1.start).min()?;
                return Some(start..heads.iter().map(|h| h.1.end).max()?);
            }
            at[least] += 1;
        }
    }
}

/// A word and how many letters may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fuzzy {
    word: Vec<char>,
    distance: usize,
    /// So many letters at the beginning must be right.
    prefix: usize,
}

/// As at Elasticsearch.
pub(crate) const FUZZY_DISTANCE_MAX: usize = 2;

impl Fuzzy {
    /// A word; `None` for the distance goes by its length, as `AUTO` does.
    pub fn new(word: &str, distance: Option<usize>, prefix: usize) -> Fuzzy {
        let word: Vec<char> = fold(word).chars().collect();
        let auto = match word.len() {
            0..=2 => 0,
            3..=5 => 1,
            _ => 2,
        };
        Fuzzy { distance: distance.unwrap_or(auto).min(FUZZY_DISTANCE_MAX), word, prefix }
    }

    /// Where a text holds a word like it.
    pub fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        (Words { text, at: from }).find(|w| self.is_like(&text[w.clone()]))
    }

    /// Whether a word is like it: insertions, deletions, substitutions and swaps of neighbours count one each.
    pub fn is_like(&self, word: &str) -> bool {
        let other: Vec<char> = word.chars().flat_map(char::to_lowercase).take(256).collect();
        let (a, b) = (&self.word, &other);
        if a.len().abs_diff(b.len()) > self.distance
            || a.iter().take(self.prefix).ne(b.iter().take(self.prefix.min(a.len())))
        {
            return false;
        }
        let mut before: Vec<usize> = Vec::new();
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for i in 1..=a.len() {
            let mut next = vec![i; b.len() + 1];
            for j in 1..=b.len() {
                let wrong = usize::from(a[i - 1] != b[j - 1]);
                next[j] = (row[j - 1] + wrong).min(row[j] + 1).min(next[j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    next[j] = next[j].min(before[j - 2] + 1);
                }
            }
            before = std::mem::replace(&mut row, next);
        }
        row[b.len()] <= self.distance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        words(text).map(|w| &text[w]).collect()
    }

    #[test]
    fn texts_fall_into_words() {
        assert_eq!(split("GET /api/v1 user_id=7, café!"), ["GET", "api", "v1", "user_id", "7", "café"]);
        assert_eq!(split("发生 timeout错误"), ["发", "生", "timeout", "错", "误"]);
        assert_eq!(split("--- \u{1f525}"), Vec::<&str>::new());
    }

    #[test]
    fn phrases_are_found() {
        for (phrase, text, found) in [
            ("disk full", "ERROR: Disk  full!", Some(7..17)),
            ("disk", "diskette disk", Some(9..13)),
            ("10.0.0.1", "from 10.0.0.1:80", Some(5..13)),
            ("10.0.0.1", "from 10.0.0.12", None),
            ("错误", "发生了错误", Some(9..15)),
            ("ÉTÉ", "en été", Some(3..8)),
            ("", "x", None),
            ("a a b", "a a a b", Some(2..7)),
        ] {
            assert_eq!(Phrase::new(phrase).find(text, 0), found, "{phrase} in {text}");
        }
        assert!(Phrase::new("conn ref").with_prefix().is_in("Connection conn refused"));
        assert!(!Phrase::new("conn ref").with_prefix().is_in("conn x"));
    }

    #[test]
    fn sloppy_phrases_let_words_move() {
        let sloppy = |slop| Phrase::new("quick fox").with_slop(slop);
        assert!(!sloppy(0).is_in("quick brown fox") && sloppy(1).is_in("quick brown fox"));
        assert!(!sloppy(1).is_in("fox quick") && sloppy(2).is_in("fox quick"));
        assert!(!Phrase::new("a a").with_slop(3).is_in("a b"));
    }

    #[test]
    fn fuzzy_words_are_like() {
        let like = |word: &str, other: &str| Fuzzy::new(word, None, 0).is_like(other);
        assert!(like("timeout", "tmieout") && like("timeout", "Timeouts") && !like("timeout", "time"));
        assert!(like("ab", "AB") && !like("ab", "ac") && like("abc", "abd"));
        assert!(
            !Fuzzy::new("abc", Some(1), 1).is_like("xbc") && Fuzzy::new("abc", Some(1), 1).is_like("axc")
        );
    }
}
