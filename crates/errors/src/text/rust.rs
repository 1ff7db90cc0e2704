//! Rust: panics with and without a backtrace, and errors with causes as `anyhow` shows them.

use super::{FRAMES_MAX, Trace, place};
use crate::event::{Exception, Frame, Mechanism};

/// Whether a panic begins in a line.
pub(super) fn begins_panic(line: &str) -> bool {
    panic_at(line).is_some()
}

/// Whether the causes or the backtrace of an error begin in a line.
pub(super) fn begins_report(line: &str) -> bool {
    is_report(line) || is_backtrace(line)
}

/// What stands behind `thread 'x' panicked at`.
fn panic_at(line: &str) -> Option<&str> {
    let at = line.find("panicked at ")?;
    let before = line[..at].trim_end();
    // `thread 'main'`, in newer versions with its number behind.
    let before = before.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '(' | ')')).trim_end();
    (before.ends_with('\'') || before.ends_with('>') || before.is_empty())
        .then(|| line[at + "panicked at ".len()..].trim())
}

fn is_report(line: &str) -> bool {
    line.trim() == "Caused by:"
}

fn is_backtrace(line: &str) -> bool {
    matches!(line.trim(), "stack backtrace:" | "Stack backtrace:")
}

/// A panic.
pub(super) fn parse_panic(lines: &[&str]) -> Option<Trace> {
    let mut trace = Trace { platform: "rust", ..Trace::default() };
    panic(lines, panic_at(lines[0])?, &mut trace);
    Some(trace)
}

/// An error whose causes or backtrace begin at a line; above it stands what it says itself.
pub(super) fn parse_report(lines: &[&str], at: usize) -> Option<(usize, Trace)> {
    let mut trace = Trace { platform: "rust", ..Trace::default() };
    let above = (at.saturating_sub(3)..at).rev().find(|i| !lines[*i].trim().is_empty());
    let said = above.map_or("", |i| lines[i].trim());
    let said = said.rsplit_once("Error: ").map_or(said, |(_, said)| said);
    report(&lines[at..], said, &mut trace)?;
    Some((above.unwrap_or(at), trace))
}

fn panic(lines: &[&str], at: &str, trace: &mut Trace) {
    let mut e = Exception { kind: "panic".to_owned(), ..Exception::default() };
    e.mechanism = Some(Mechanism { kind: "panic".to_owned(), handled: Some(false) });
    // Before 1.73: 'message', file:line:column. Since: file:line:column: and the message on lines of its own.
    let (value, location, next) = match at.strip_prefix('\'').and_then(|m| m.rsplit_once("', ")) {
        Some((message, location)) => (message.to_owned(), location, 1),
        None => {
            let location = at.trim_end_matches(':');
            let end = lines.iter().skip(1).position(|l| ends_message(l)).map_or(lines.len(), |n| n + 1);
            let end = end.min(20);
            let message: Vec<&str> = lines[1.min(end)..end].iter().map(|l| l.trim_end()).collect();
            (message.join("\n").trim().to_owned(), location, end)
        }
    };
    e.value = value;
    e.stack.frames = backtrace(&lines[next.min(lines.len())..]);
    if e.stack.frames.is_empty() {
        let (file, line, column) = place(location);
        let file = file.to_owned();
        e.stack.frames.push(Frame { path: file.clone(), file, line, column, ..Frame::default() });
    }
    trace.exceptions.push(e);
}

fn ends_message(line: &str) -> bool {
    line.starts_with("note: ") || is_backtrace(line) || line.trim().is_empty()
}

/// `Caused by:`, `0: inner`, and maybe a backtrace; of an error that says `said`.
fn report(lines: &[&str], said: &str, trace: &mut Trace) -> Option<()> {
    let mut causes: Vec<String> = vec![said.to_owned()];
    let mut at = 0;
    if is_report(lines[0]) {
        at = 1;
        while let Some(line) = lines.get(at).filter(|l| l.starts_with(' ') && !l.trim().is_empty()) {
            let text = line.trim();
            let numbered = text.split_once(": ").filter(|(n, _)| n.bytes().all(|b| b.is_ascii_digit()));
            match numbered {
                Some((_, cause)) => causes.push(cause.to_owned()),
                None if causes.len() == 1 => causes.push(text.to_owned()),
                None => {
                    if let Some(last) = causes.last_mut() {
                        last.push(' ');
                        last.push_str(text);
                    }
                }
            }
            at += 1;
            if causes.len() >= 20 {
                break;
            }
        }
        if causes.len() == 1 {
            return None;
        }
    }
    let start = lines.iter().enumerate().skip(at).take(4).find(|(_, l)| is_backtrace(l)).map(|(n, _)| n);
    let frames = start.map(|n| backtrace(&lines[n..])).unwrap_or_default();
    if causes.len() == 1 && frames.is_empty() {
        return None;
    }
    let error = |value| Exception { kind: "Error".to_owned(), value, ..Exception::default() };
    trace.exceptions.extend(causes.into_iter().rev().map(error));
    if let Some(last) = trace.exceptions.last_mut() {
        last.stack.frames = frames;
    }
    Some(())
}

/// `   3: app::run` and `             at src/main.rs:3:5`, the innermost call first. What only raises the panic is left out.
fn backtrace(lines: &[&str]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let begin = lines.iter().take(3).position(|l| is_backtrace(l));
    let Some(begin) = begin else { return frames };
    for line in &lines[begin + 1..] {
        let text = line.trim();
        if let Some(at) = text.strip_prefix("at ") {
            if let Some(last) = frames.last_mut() {
                let (file, line, column) = place(at);
                (last.file, last.path) = (file.to_owned(), file.to_owned());
                (last.line, last.column) = (line, column);
            }
        } else if let Some((number, function)) = text.split_once(": ")
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            // With addresses: `3: 0x55d0 - app::run`.
            let function = function.trim();
            let function = match function.split_once(" - ") {
                Some((address, name)) if address.trim().starts_with("0x") => name,
                _ => function,
            };
            if frames.len() < FRAMES_MAX {
                frames.push(Frame { function: function.trim().to_owned(), ..Frame::default() });
            }
        } else if !text.is_empty() || !frames.is_empty() {
            break;
        }
    }
    frames.reverse();
    let raising = |f: &Frame| {
        let name = f.function.trim_start_matches('<');
        [
            "std::panicking::",
            "core::panicking::",
            "rust_begin_unwind",
            "std::backtrace",
            "__rustc",
            "anyhow::",
        ]
        .iter()
        .any(|p| name.starts_with(p))
    };
    while frames.len() > 1 && frames.last().is_some_and(raising) {
        frames.pop();
    }
    frames
}
