//! Lines become records: pieces that a runtime has cut and lines that belong together are joined.

use super::config::Multiline;
use super::container::Written;
use regex::bytes::Regex;

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Event {
    /// The lines, with line feeds between them.
    pub text: Vec<u8>,
    /// When the first was written, if the runtime told.
    pub time_ns: Option<i64>,
    pub stream: Option<&'static str>,
    pub lines: usize,
    /// Bytes that were left out.
    pub cut: u64,
    /// Where in the file the next record begins.
    pub end: u64,
    /// The line goes on in the next one.
    partial: bool,
}

/// How lines are joined.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    auto: bool,
    start: Option<Regex>,
    timeout_ms: i64,
    lines_max: usize,
    bytes_max: usize,
}

impl Rules {
    /// The rules of a configuration that was checked.
    pub fn new(config: &Multiline) -> Rules {
        Rules {
            auto: config.auto,
            start: config.start.as_deref().and_then(|s| Regex::new(s).ok()),
            timeout_ms: config.timeout.0.as_millis() as i64,
            lines_max: config.lines_max,
            bytes_max: config.bytes_max.0 as usize,
        }
    }
}

/// What kind of stack trace the lines before are, where that decides what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Trace {
    #[default]
    None,
    /// A traceback of Python: its end is the first line that is not indented.
    Python,
    /// A panic of Go: goes on over empty lines.
    Go,
}

/// Holds the record that may go on.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    open: Option<Event>,
    trace: Trace,
    /// When the last line of the open record came, Unix milliseconds.
    touched_ms: i64,
}

impl Joiner {
    /// Takes a line of which `cut` bytes were left out and behind which the file goes on at `end`.
    pub fn push(
        &mut self,
        rules: &Rules,
        line: &Written<'_>,
        (cut, end): (u64, u64),
        now_ms: i64,
        each: &mut dyn FnMut(&Event),
    ) {
        self.touched_ms = now_ms;
        if let Some(open) = &mut self.open
            && open.stream == line.stream
        {
            let goes_on = open.partial;
            let joins = goes_on
                || (open.lines < rules.lines_max
                    && open.text.len() + line.text.len() < rules.bytes_max
                    && belongs(rules, &mut self.trace, &line.text));
            if joins {
                if !goes_on {
                    open.text.push(b'\n');
                    open.lines += 1;
                }
                let kept = line.text.len().min(rules.bytes_max.saturating_sub(open.text.len()));
                open.text.extend_from_slice(&line.text[..kept]);
                open.cut += cut + (line.text.len() - kept) as u64;
                (open.end, open.partial) = (end, line.partial);
                return;
            }
        }
        self.flush(each);
        let event = Event {
            text: line.text.to_vec(),
            time_ns: line.time_ns,
            stream: line.stream,
            lines: 1,
            cut,
            end,
            partial: line.partial,
        };
        if rules.auto {
            self.trace = begins(&event.text);
        }
        match rules.auto || rules.start.is_some() || event.partial {
            true => self.open = Some(event),
            false => each(&event),
        }
    }

    /// Gives the open record if nothing has come for long enough.
    pub fn expire(&mut self, rules: &Rules, now_ms: i64, each: &mut dyn FnMut(&Event)) {
        // A clock that was set back ends the wait, too.
        let waited = now_ms.wrapping_sub(self.touched_ms);
        if self.open.as_ref().is_some_and(|e| !e.partial) && !(0..rules.timeout_ms).contains(&waited) {
            self.flush(each);
        }
    }

    /// Gives the open record.
    pub fn flush(&mut self, each: &mut dyn FnMut(&Event)) {
        self.trace = Trace::None;
        if let Some(event) = self.open.take() {
            each(&event);
        }
    }
}

/// Whether a line belongs to the record before it.
fn belongs(rules: &Rules, trace: &mut Trace, line: &[u8]) -> bool {
    match &rules.start {
        Some(start) => !start.is_match(line),
        None => rules.auto && continues(trace, line),
    }
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

fn begins(line: &[u8]) -> Trace {
    match line {
        _ if line.starts_with(TRACEBACK) => Trace::Python,
        _ if line.starts_with(b"panic: ") || line.starts_with(b"fatal error: ") => Trace::Go,
        _ => Trace::None,
    }
}

/// What stack traces and dumps look like: indented lines, and what the usual languages write between them.
fn continues(trace: &mut Trace, line: &[u8]) -> bool {
    if line.starts_with(TRACEBACK) {
        *trace = Trace::Python;
        return true;
    }
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return true;
    }
    match *trace {
        Trace::Go if line.is_empty() || is_go(line) => return true,
        Trace::Python if !line.is_empty() => {
            *trace = Trace::None;
            return true;
        }
        _ => {}
    }
    line.starts_with(b"Caused by: ") || is_exception(line)
}

/// `goroutine 1 [running]:`, `main.main()`, `created by …`, `[signal SIGSEGV…]`.
fn is_go(line: &[u8]) -> bool {
    [&b"goroutine "[..], b"created by ", b"[signal ", b"exit status "].iter().any(|s| line.starts_with(s))
        || (line.ends_with(b")") && !line.contains(&b' ') && line.contains(&b'.'))
        || line.windows(4).any(|w| w == b"(0x" || w == b"(...")
        || line.windows(3).any(|w| w == b"(0x")
}

/// `java.lang.IllegalStateException: text`: a dotted name that ends in Exception or Error, alone or before a colon.
fn is_exception(line: &[u8]) -> bool {
    let name = line.split(|b| *b == b':').next().unwrap_or_default();
    name.contains(&b'.')
        && (name.ends_with(b"Exception") || name.ends_with(b"Error"))
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(config: &Multiline, text: &str) -> Vec<String> {
        let rules = Rules::new(config);
        let (mut joiner, mut out) = (Joiner::default(), Vec::new());
        let mut each = |e: &Event| out.push(String::from_utf8_lossy(&e.text).into_owned());
        for line in text.lines() {
            joiner.push(&rules, &Written::of_runtime(line.as_bytes()), (0, 0), 0, &mut each);
        }
        joiner.flush(&mut each);
        out
    }

    /// Records are separated by `---`.
    #[test]
    fn stack_traces() {
        let all = include_str!("multiline_traces.txt");
        let records: Vec<&str> = all.split("---\n").map(str::trim_end).collect();
        let text = records.join("\n");
        assert_eq!(joined(&Multiline::default(), &text), records);
        let off = Multiline { auto: false, ..Multiline::default() };
        assert_eq!(joined(&off, &text).len(), text.lines().count());
    }

    #[test]
    fn a_start_decides_alone() {
        let config = Multiline { start: Some(r"^\d".into()), ..Multiline::default() };
        assert_eq!(joined(&config, "1 a\nb\n  c\n2\n3 d\ne"), ["1 a\nb\n  c", "2", "3 d\ne"]);
    }

    #[test]
    fn records_are_bounded() {
        let config = Multiline { lines_max: 3, ..Multiline::default() };
        assert_eq!(joined(&config, "a\n b\n c\n d\n e"), ["a\n b\n c", " d\n e"]);
        let config = Multiline { bytes_max: scrape::config::ByteSize(6), ..Multiline::default() };
        assert_eq!(joined(&config, "abc\n d\n e"), ["abc\n d", " e"]);
    }

    #[test]
    fn pieces_of_runtimes_are_joined_without_a_line_feed() {
        let off = Multiline { auto: false, ..Multiline::default() };
        let t = "2026-11-21T10:20:30Z";
        let text = format!(
            "{t} stdout P one \n{t} stdout P two \n{t} stdout F three\n{t} stderr P a\n{t} stdout F b"
        );
        assert_eq!(joined(&off, &text), ["one two three", "a", "b"]);
    }

    #[test]
    fn silence_ends_a_record() {
        let rules = Rules::new(&Multiline::default());
        let (mut joiner, mut given) = (Joiner::default(), 0);
        joiner.push(&rules, &Written::plain(b"a"), (0, 2), 1000, &mut |_| given += 1);
        joiner.expire(&rules, 1499, &mut |_| given += 1);
        assert_eq!(given, 0);
        joiner.expire(&rules, 1500, &mut |e| given += e.end);
        assert_eq!(given, 2);
    }
}
