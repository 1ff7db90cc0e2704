//! Messages out of a stream of bytes: syslog's two framings over TCP, and GELF's.

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// RFC 6587: a message that begins with a number and a blank is that many bytes long; any other ends with a
    /// line feed or a zero byte.
    Syslog,
    /// Each message ends with a zero byte.
    Null,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its bytes, without what frames it.
    pub bytes: &'a [u8],
    /// How many more it had; they are not kept.
    pub cut: u64,
}

/// Takes bytes as they arrive and gives whole messages. Holds at most one message.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    bytes_max: usize,
    held: Vec<u8>,
    cut: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between messages.
    Start,
    /// Within the digits of a length.
    Length(u64),
    /// Within a message of which so many bytes are to come.
    Counted(u64),
    /// Within a message that ends with a byte.
    Ended,
}

/// A longer length cannot be meant: more digits than these begin a line of text.
const LENGTH_MAX: u64 = 9_999_999_999;

impl Framer {
    /// A framer of messages of at most `bytes_max` bytes; what is longer is cut.
    pub fn new(framing: Framing, bytes_max: usize) -> Framer {
        Framer { framing, bytes_max, held: Vec::new(), cut: 0, state: State::Start }
    }

    /// Takes the next bytes and calls `each` for every message that is complete now.
    pub fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) {
        while let Some(&first) = bytes.first() {
            bytes = match self.state {
                State::Start => self.start(first, bytes),
                State::Length(n) => self.length(n, first, bytes),
                State::Counted(left) => self.counted(left, bytes, each),
                State::Ended => self.ended(bytes, each),
            };
        }
    }

    /// The stream has ended: what is left is a message if it is not empty.
    pub fn finish(&mut self, each: &mut dyn FnMut(Frame<'_>)) {
        if !self.held.is_empty() {
            self.give(each);
        }
        self.state = State::Start;
    }

    fn start<'b>(&mut self, first: u8, bytes: &'b [u8]) -> &'b [u8] {
        match (self.framing, first) {
            // Line ends between messages are not messages.
            (Framing::Syslog, b'\n' | b'\r' | 0 | b' ') | (Framing::Null, 0) => &bytes[1..],
            (Framing::Syslog, b'1'..=b'9') => {
                self.state = State::Length(0);
                bytes
            }
            _ => {
                self.state = State::Ended;
                bytes
            }
        }
    }

    fn length<'b>(&mut self, n: u64, byte: u8, bytes: &'b [u8]) -> &'b [u8] {
        match byte {
            b'0'..=b'9' if n * 10 <= LENGTH_MAX => {
                self.held.push(byte);
                self.state = State::Length(n * 10 + u64::from(byte - b'0'));
                &bytes[1..]
            }
            b' ' => {
                self.held.clear();
                self.state = State::Counted(n);
                &bytes[1..]
            }
            // Not a length after all: the digits are the beginning of a line.
            _ => {
                self.state = State::Ended;
                bytes
            }
        }
    }

    fn counted<'b>(&mut self, left: u64, bytes: &'b [u8], each: &mut dyn FnMut(Frame<'_>)) -> &'b [u8] {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.keep(&bytes[..count]);
        let left = left - count as u64;
        self.state = State::Counted(left);
        if left == 0 {
            self.give(each);
        }
        &bytes[count..]
    }

    fn ended<'b>(&mut self, bytes: &'b [u8], each: &mut dyn FnMut(Frame<'_>)) -> &'b [u8] {
        let end = match self.framing {
            Framing::Syslog => memchr::memchr2(b'\n', 0, bytes),
            Framing::Null => memchr::memchr(0, bytes),
        };
        self.keep(&bytes[..end.unwrap_or(bytes.len())]);
        match end {
            None => &[],
            Some(end) => {
                self.give(each);
                &bytes[end + 1..]
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.bytes_max.saturating_sub(self.held.len()).min(bytes.len());
        self.held.extend_from_slice(&bytes[..room]);
        self.cut += (bytes.len() - room) as u64;
    }

    fn give(&mut self, each: &mut dyn FnMut(Frame<'_>)) {
        each(Frame { bytes: &self.held, cut: self.cut });
        self.held.clear();
        self.cut = 0;
        self.state = State::Start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(framing: Framing, max: usize, pieces: &[&[u8]]) -> Vec<(String, u64)> {
        let mut framer = Framer::new(framing, max);
        let mut out = Vec::new();
        let mut each = |f: Frame<'_>| out.push((String::from_utf8_lossy(f.bytes).into_owned(), f.cut));
        pieces.iter().for_each(|p| framer.push(p, &mut each));
        framer.finish(&mut each);
        out
    }

    #[test]
    fn both_framings_of_syslog() {
        let all = |text: &str| -> Vec<String> {
            frames(Framing::Syslog, 20, &[text.as_bytes()]).into_iter().map(|(t, _)| t).collect()
        };
        assert_eq!(all("<1>a\n<2>b\r\n\n<3>c"), ["<1>a", "<2>b\r", "<3>c"]);
        assert_eq!(all("4 <1>a6 <2>b\nc\n<3>d\n"), ["<1>a", "<2>b\nc", "<3>d"]);
        assert_eq!(all("12:30 a line\n99999999999 x\n"), ["12:30 a line", "99999999999 x"]);
        assert_eq!(all("<1>a\0<2>b\0"), ["<1>a", "<2>b"]);
        assert_eq!(all("10 short"), ["short"], "a stream that breaks off");
        let long = frames(Framing::Syslog, 5, &[b"<1>abcdef\n9 <2>abcdef<3>\n"]);
        assert_eq!(long, [("<1>ab".into(), 4), ("<2>ab".into(), 4), ("<3>".into(), 0)]);
    }

    #[test]
    fn null_bytes_frame_gelf() {
        let got = frames(Framing::Null, 50, &[b"{\"a\":\n1}\0\0{", b"}\0{\"la", b"st\"}"]);
        let texts: Vec<&str> = got.iter().map(|(t, _)| t.as_str()).collect();
        assert_eq!(texts, ["{\"a\":\n1}", "{}", "{\"last\"}"]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_arrive(
            bytes in prop::collection::vec(prop::sample::select(b"12 9<>ab\n\0".to_vec()), 0..60),
            cuts in prop::collection::vec(0usize..60, 0..6),
            null in any::<bool>(),
        ) {
            let framing = if null { Framing::Null } else { Framing::Syslog };
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(frames(framing, 8, &pieces), frames(framing, 8, &[&bytes]));
        }
    }
}
