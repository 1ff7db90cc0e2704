//! Python: tracebacks, chained ones, and groups of exceptions.

use super::{FRAMES_MAX, Trace, head, number};
use crate::event::{Exception, Frame};

const BEGIN: &str = "Traceback (most recent call last):";

/// Whether a traceback begins in a line. Loggers may put something before it.
pub(super) fn begins(line: &str) -> bool {
    line.contains(BEGIN)
}

/// Tracebacks chained to each other; in the text the first cause comes first.
pub(super) fn parse(lines: &[&str]) -> Option<Trace> {
    let mut trace = Trace { platform: "python", ..Trace::default() };
    let mut at = 0;
    loop {
        let Some((exception, next)) = traceback(lines, at) else {
            // The text ends within a chain.
            return (!trace.exceptions.is_empty()).then_some(trace);
        };
        trace.exceptions.push(exception);
        match chained(lines, next) {
            Some(next) => at = next,
            None => return Some(trace),
        }
    }
}

/// Where the next traceback of a chain begins.
fn chained(lines: &[&str], from: usize) -> Option<usize> {
    let mut linked = false;
    for (at, line) in lines.iter().enumerate().skip(from).take(6) {
        let line = bare(line).trim();
        if line.starts_with("During handling of the above exception")
            || line.starts_with("The above exception was the direct cause")
        {
            linked = true;
        } else if linked && begins(line) {
            return Some(at);
        } else if !line.is_empty() {
            return None;
        }
    }
    None
}

/// A line without the rules that are drawn around groups of exceptions.
fn bare(line: &str) -> &str {
    let trimmed = line.trim_start();
    match trimmed.strip_prefix("| ").or_else(|| trimmed.strip_prefix("+ ")) {
        Some(rest) => rest,
        None => line,
    }
}

/// One traceback, and the line behind it.
fn traceback(lines: &[&str], from: usize) -> Option<(Exception, usize)> {
    let column = indent(bare(lines[from]));
    let mut exception = Exception::default();
    let mut at = from + 1;
    while let Some(line) = lines.get(at) {
        let line = bare(line);
        let text = line.trim();
        if let Some(frame) = frame(text) {
            if exception.stack.frames.len() < FRAMES_MAX {
                exception.stack.frames.push(frame);
            }
        } else if text.is_empty() || text.starts_with("[Previous line repeated") {
        } else if indent(line) > column && exception.stack.frames.last().is_some() {
            // A line of source, or marks below it.
            let is_marks = text.bytes().all(|b| matches!(b, b'^' | b'~' | b' '));
            if let Some(f) = exception.stack.frames.last_mut().filter(|f| f.source.is_empty() && !is_marks) {
                f.source = text.to_owned();
            }
        } else {
            said(text, &mut exception);
            return Some((exception, message_end(lines, at + 1)));
        }
        at += 1;
    }
    // The text was cut before it said what was raised.
    (!exception.stack.is_empty()).then_some((exception, at))
}

/// The line behind the message; further lines of it are not told apart from what follows and are left.
fn message_end(lines: &[&str], from: usize) -> usize {
    let more = lines[from.min(lines.len())..].iter().take(40);
    match more.clone().position(|l| bare(l).trim().is_empty()) {
        Some(n) if chained(lines, from + n).is_some() => from + n,
        _ => from,
    }
}

/// `package.Kind: message`, or the name alone.
fn said(text: &str, exception: &mut Exception) {
    let (kind, value) = match text.split_once(": ") {
        Some((kind, value)) if !kind.contains(' ') => (kind, value),
        _ => match text.contains(' ') {
            true => head::exception(text).unwrap_or(("", text)),
            false => (text.trim_end_matches(':'), ""),
        },
    };
    let (module, bare) = kind.rsplit_once('.').unwrap_or(("", kind));
    exception.kind = bare.to_owned();
    exception.module = module.to_owned();
    exception.value = value.to_owned();
}

/// `File "a.py", line 3, in f`
fn frame(text: &str) -> Option<Frame> {
    let rest = text.strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let (line, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some(Frame {
        function: function.trim().to_owned(),
        file: file.to_owned(),
        path: file.to_owned(),
        line: number(line.trim()),
        ..Frame::default()
    })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
