//! Stack traces in plain text: Rust, Java and its kin, Python, Go, JavaScript and .NET.
//!
//! [`may_hold`] is asked of every log line and looks at bytes alone; only what passes is taken apart by [`find`]. Both
//! take any text; what is looked at is bounded by [`BYTES_MAX`] and [`LINES_MAX`].

mod at;
mod go;
mod head;
mod python;
mod rust;

use crate::event::{Event, Exception, Thread};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// Bytes of a text that are looked at.
pub const BYTES_MAX: usize = 256 << 10;
/// Lines of a text that are looked at.
pub const LINES_MAX: usize = 4000;
/// Frames of all stacks of a text together.
const FRAMES_MAX: usize = 2000;

/// A stack trace that was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The language, in Sentry's words.
    pub platform: &'static str,
    /// What was thrown: the first cause first.
    pub exceptions: Vec<Exception>,
    /// Other threads, where the text has them.
    pub threads: Vec<Thread>,
    /// What stands before the trace, on its own lines: the message of the line that brought it.
    pub before: String,
}

impl Trace {
    /// Puts what was found into an event.
    pub fn into_event(self, event: &mut Event) {
        event.platform = self.platform.to_owned();
        event.exceptions = self.exceptions;
        event.threads = self.threads;
    }
}

/// Something of which every trace in text has at least one.
static MARKS: LazyLock<[Finder<'static>; 10]> = LazyLock::new(|| {
    [
        "\tat ",
        "  at ",
        "Traceback (most",
        "panicked at",
        "goroutine ",
        "stack backtrace:",
        "Stack backtrace:",
        "panic: ",
        "fatal error: ",
        "Caused by:",
    ]
    .map(Finder::new)
});

/// The same where a text with escapes, JSON say, has them.
static ESCAPED: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| ["\\n", "\\tat "].map(Finder::new));

/// Whether a text may hold a stack trace. False for nearly every log line after one look for a line break.
#[inline]
pub fn may_hold(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Traces have lines. Those that come line by line begin so.
    match memchr::memchr2(b'\n', b'\\', bytes) {
        Some(_) => has_marks(&bytes[..bytes.len().min(BYTES_MAX)]),
        None => is_panic(bytes),
    }
}

/// A panic of Rust without a backtrace may stand on one line in logs.
fn is_panic(bytes: &[u8]) -> bool {
    bytes.starts_with(b"thread '") && memchr::memmem::find(bytes, b" panicked at ").is_some()
}

#[cold]
fn has_marks(bytes: &[u8]) -> bool {
    let escaped = || ESCAPED.iter().all(|m| m.find(bytes).is_some());
    MARKS.iter().any(|m| m.find(bytes).is_some()) || escaped()
}

/// The first stack trace in a text, with its causes. Text in which line breaks are escaped (a stack within JSON) is
/// read as if they were not.
pub fn find(text: &str) -> Option<Trace> {
    let text = &text[..text.floor_char_boundary(BYTES_MAX)];
    if (memchr::memchr(b'\n', text.as_bytes()).is_none() || !has_real_marks(text))
        && let Some(plain) = unescaped(text)
        && let Some(mut trace) = find_plain(&plain)
    {
        // What stands around it is not text that somebody wrote.
        trace.before.clear();
        return Some(trace);
    }
    find_plain(text)
}

fn has_real_marks(text: &str) -> bool {
    MARKS.iter().any(|m| m.find(text.as_bytes()).is_some())
}

fn find_plain(text: &str) -> Option<Trace> {
    let lines: Vec<&str> = text.lines().take(LINES_MAX).map(|l| l.trim_end_matches('\r')).collect();
    let (start, mut trace) = first_of(&lines)?;
    let before: Vec<&str> = lines[..start].iter().map(|l| l.trim()).filter(|l| !l.is_empty()).collect();
    trace.before = before.join("\n");
    trace.exceptions.retain(|e| !e.kind.is_empty() || !e.value.is_empty() || !e.stack.is_empty());
    (!trace.exceptions.is_empty()).then_some(trace)
}

/// Tries the lines in order; the language whose sign comes first has the text.
fn first_of(lines: &[&str]) -> Option<(usize, Trace)> {
    let mut failed = 0;
    for (at, line) in lines.iter().enumerate() {
        let rest = &lines[at..];
        let found = if python::begins(line) {
            python::parse(rest)
        } else if rust::begins_report(line) {
            match rust::parse_report(lines, at) {
                Some(found) => return Some(found),
                None => continue,
            }
        } else if rust::begins_panic(line) {
            rust::parse_panic(rest)
        } else if go::begins(line) {
            go::parse(rest)
        } else if at::is_frame(line) {
            return at::parse(lines, at);
        } else {
            continue;
        };
        if let Some(trace) = found {
            return Some((at, trace));
        }
        failed += 1;
        if failed >= BEGINNINGS_MAX {
            break;
        }
    }
    None
}

/// Lines that begin like a stack trace and are none: behind so many nothing more is looked for.
const BEGINNINGS_MAX: usize = 50;

/// The text with what `\n`, `\t`, `\"`, `\\` and `\/` stand for in their place, if it has line breaks so. Quotes that are
/// not escaped end a text within it, and so a line.
fn unescaped(text: &str) -> Option<String> {
    ESCAPED[0].find(text.as_bytes())?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\\', b'"', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        if rest.as_bytes()[at] == b'"' {
            out.push('\n');
            rest = &rest[at + 1..];
            continue;
        }
        let mut chars = rest[at + 1..].chars();
        let next = chars.next();
        match next {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => {}
            Some(c @ ('"' | '\\' | '/' | '\'')) => out.push(c),
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => out.push('\\'),
        }
        rest = &rest[at + 1 + next.map_or(0, char::len_utf8)..];
    }
    out.push_str(rest);
    Some(out)
}

/// A text of digits as a number; 0 where it is none.
fn number(text: &str) -> u32 {
    text.parse().unwrap_or(0)
}

/// Parts a place `file:line:column` or `file:line`.
fn place(text: &str) -> (&str, u32, u32) {
    let is_number = |t: &str| !t.is_empty() && t.len() < 10 && t.bytes().all(|b| b.is_ascii_digit());
    match text.rsplit_once(':') {
        Some((head, last)) if is_number(last) => match head.rsplit_once(':') {
            Some((file, line)) if is_number(line) => (file, number(line), number(last)),
            _ => (head, number(last), 0),
        },
        _ => (text, 0, 0),
    }
}

#[cfg(test)]
mod tests;
