//! Go: panics, fatal errors and goroutines.

use super::{FRAMES_MAX, Trace, place};
use crate::event::{Exception, Frame, Mechanism, Stack, Thread};

/// Goroutines that are kept besides the first.
const THREADS_MAX: usize = 50;

/// Whether a panic or a goroutine begins in a line.
pub(super) fn begins(line: &str) -> bool {
    line.starts_with("panic: ")
        || line.starts_with("fatal error: ")
        || goroutine(line).is_some()
        || line.contains(" panic: ")
}

/// Number and state of `goroutine 1 [running]:`.
fn goroutine(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start().strip_prefix("goroutine ")?;
    let (number, rest) = rest.split_once(" [")?;
    let (state, _) = rest.split_once("]:")?;
    number.bytes().all(|b| b.is_ascii_digit()).then_some((number, state))
}

/// What failed and what the goroutines were doing.
pub(super) fn parse(lines: &[&str]) -> Option<Trace> {
    let mut said: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if goroutine(line).is_some() {
            break;
        }
        if at > 40 {
            return None;
        }
        said.push(line);
        at += 1;
    }
    let mut threads = goroutines(lines, at);
    if threads.is_empty() {
        return None;
    }
    let first = threads.remove(0);
    let (kind, value) = what(&said);
    let stack = without_raising(first.stack);
    let mechanism =
        Some(Mechanism { kind: "panic".to_owned(), handled: Some(false) }).filter(|_| !said.is_empty());
    let exception = Exception { kind, value, mechanism, stack, ..Exception::default() };
    Some(Trace { platform: "go", exceptions: vec![exception], threads, ..Trace::default() })
}

/// `panic: text [recovered]`, maybe with further panics and a signal below. The last panic is the one that ended it.
fn what(said: &[&str]) -> (String, String) {
    let mut found = ("panic".to_owned(), String::new());
    for line in said {
        let line = line.trim();
        if let Some((_, text)) = line.split_once("panic: ").filter(|(h, _)| h.is_empty() || h.ends_with(' '))
        {
            let text = text.split(" [recovered").next().unwrap_or(text);
            let (kind, value) = match text.strip_prefix("runtime error: ") {
                Some(value) => ("runtime error", value),
                None => ("panic", text),
            };
            // `panic: main.MyError{...}` names a type; `&errors.errorString{s:"x"}` and `error(…)` do not help.
            found = (kind.to_owned(), value.trim().to_owned());
        } else if let Some(text) = line.strip_prefix("fatal error: ") {
            found = ("fatal error".to_owned(), text.to_owned());
        }
    }
    found
}

fn goroutines(lines: &[&str], from: usize) -> Vec<Thread> {
    let mut all: Vec<Thread> = Vec::new();
    let mut frames = 0;
    let mut call: Option<Frame> = None;
    for line in &lines[from..] {
        let text = line.trim();
        if let Some((number, state)) = goroutine(line) {
            if all.len() > THREADS_MAX {
                break;
            }
            let crashed = all.is_empty();
            let (id, name) = (number.to_owned(), state.to_owned());
            all.push(Thread { id, name, crashed, current: crashed, stack: Stack::default() });
            call = None;
        } else if let Some(mut f) = call.take() {
            // The place of the call before.
            let path = text.split(" +0x").next().unwrap_or(text).trim();
            let (file, line, _) = place(path);
            if line != 0 {
                (f.path, f.file, f.line) = (file.to_owned(), file.to_owned(), line);
            }
            if let Some(last) = all.last_mut().filter(|_| frames < FRAMES_MAX) {
                frames += 1;
                last.stack.frames.push(f);
            }
        } else if text.is_empty() {
            call = None;
        } else if let Some(f) = function(text) {
            call = Some(f);
        } else if !text.starts_with("...") {
            break;
        }
    }
    for thread in &mut all {
        thread.stack.frames.reverse();
    }
    all
}

/// `main.(*Server).handle(0xc000, {0x1, 0x2})`, `created by main.main in goroutine 1`
fn function(text: &str) -> Option<Frame> {
    let created = text.strip_prefix("created by ");
    let name = match created {
        Some(rest) => rest.split(" in goroutine ").next().unwrap_or(rest),
        None => {
            let name = text.strip_suffix(')')?;
            let open = arguments(name)?;
            &name[..open]
        }
    };
    if name == "panic" {
        return Some(Frame {
            function: "gopanic".to_owned(),
            module: "runtime".to_owned(),
            ..Frame::default()
        });
    }
    if name.is_empty() || name.contains(' ') || !name.contains('.') {
        return None;
    }
    // The package ends at the first dot behind its last slash.
    let from = name.rfind('/').map_or(0, |at| at + 1);
    let dot = from + name[from..].find('.')?;
    let (module, function) = (name[..dot].to_owned(), name[dot + 1..].to_owned());
    Some(Frame { function, module, ..Frame::default() })
}

/// Where the arguments of a call begin: at the parenthesis that the last one closes.
fn arguments(name: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, b) in name.bytes().enumerate().rev() {
        match b {
            b')' => depth += 1,
            b'(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// What only raises the panic is left out.
fn without_raising(mut stack: Stack) -> Stack {
    let raising = |f: &Frame| {
        matches!(
            (f.module.as_str(), f.function.as_str()),
            (
                "runtime",
                "gopanic" | "panicmem" | "sigpanic" | "goPanicIndex" | "panicdivide" | "throw" | "fatal"
            ) | ("runtime/debug", _)
        ) || (f.module == "runtime" && f.function.starts_with("goPanic"))
    };
    while stack.frames.len() > 1 && stack.frames.last().is_some_and(raising) {
        stack.frames.pop();
    }
    stack
}
