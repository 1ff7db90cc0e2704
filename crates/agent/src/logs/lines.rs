//! Bytes become lines of bounded length.

use memchr::memchr;

/// A line, as far as it is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Without the line feed and a carriage return before it.
    pub bytes: &'a [u8],
    /// Bytes that were left out at its end.
    pub cut: u64,
    /// Where in the file the next line begins.
    pub end: u64,
}

/// Cuts what is read into lines. Holds the beginning of a line whose end is not there yet, and no more of it than a line
/// may have.
#[derive(Debug)]
pub(super) struct Lines {
    bytes_max: usize,
    begun: Vec<u8>,
    cut: u64,
}

impl Lines {
    pub fn new(bytes_max: usize) -> Lines {
        Lines { bytes_max, begun: Vec::new(), cut: 0 }
    }

    /// Takes the bytes that lie at `at` in the file.
    pub fn push(&mut self, chunk: &[u8], at: u64, each: &mut dyn FnMut(Line<'_>)) {
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &chunk[start..]) {
            let (piece, end) = (&chunk[start..start + length], at + (start + length) as u64 + 1);
            start += length + 1;
            if self.begun.is_empty() && self.cut == 0 && piece.len() <= self.bytes_max {
                each(Line { bytes: without_return(piece), cut: 0, end });
                continue;
            }
            self.keep(piece);
            each(Line { bytes: without_return(&self.begun), cut: self.cut, end });
            self.reset();
        }
        self.keep(&chunk[start..]);
    }

    /// The file ends here for good: what has begun is a line.
    pub fn finish(&mut self, at: u64, each: &mut dyn FnMut(Line<'_>)) {
        if !self.begun.is_empty() || self.cut > 0 {
            each(Line { bytes: &self.begun, cut: self.cut, end: at });
            self.reset();
        }
    }

    /// Forgets what has begun and keeps no memory for it: most files are quiet most of the time.
    fn reset(&mut self) {
        self.begun = Vec::new();
        self.cut = 0;
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = self.bytes_max - self.begun.len();
        let kept = piece.len().min(room);
        self.begun.extend_from_slice(&piece[..kept]);
        self.cut += (piece.len() - kept) as u64;
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &[u8], cuts: &[usize], bytes_max: usize) -> Vec<(Vec<u8>, u64, u64)> {
        let (mut lines, mut out, mut at) = (Lines::new(bytes_max), Vec::new(), 0);
        let mut each = |l: Line<'_>| out.push((l.bytes.to_vec(), l.cut, l.end));
        for cut in cuts.iter().chain([&text.len()]) {
            let to = (*cut).clamp(at, text.len());
            lines.push(&text[at..to], at as u64, &mut each);
            at = to;
        }
        lines.finish(text.len() as u64, &mut each);
        out
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_are_read(
            text in prop::collection::vec(prop::sample::select(b"ab\n\r".to_vec()), 0..200),
            mut cuts in prop::collection::vec(0usize..200, 0..6),
            bytes_max in 1usize..20,
        ) {
            cuts.sort_unstable();
            let got = split(&text, &cuts, bytes_max);
            let mut pieces: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
            if pieces.last().is_some_and(|l| l.is_empty()) {
                pieces.pop();
            }
            prop_assert_eq!(got.len(), pieces.len());
            for ((line, cut, _), piece) in got.iter().zip(&pieces) {
                prop_assert!(piece.starts_with(line) && line.len() <= bytes_max);
                let left = piece.len() - line.len() - *cut as usize;
                prop_assert!(left == 0 || (left == 1 && piece[line.len()] == b'\r'));
            }
            if let Some((.., end)) = got.last() {
                prop_assert_eq!(*end, text.len() as u64);
            }
        }
    }

    #[test]
    fn long_lines_are_cut_and_returns_dropped() {
        assert_eq!(
            split(b"abcdef\r\nxy\r\nlast", &[3], 4),
            [(b"abcd".to_vec(), 3, 8), (b"xy".to_vec(), 0, 12), (b"last".to_vec(), 0, 16)]
        );
    }
}
