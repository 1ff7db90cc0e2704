//! Traces whose frames begin with `at`: Java and its kin, .NET, JavaScript.

use super::{FRAMES_MAX, Trace, head, number, place};
use crate::event::{Exception, Frame, Stack};
use crate::names;

/// Who writes a frame so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Java,
    DotNet,
    Script,
}

/// Whether a line is a frame.
pub(super) fn is_frame(line: &str) -> bool {
    let lead = &line[..line.len() - line.trim_start().len()];
    (lead.ends_with('\t') || lead.ends_with("  ")) && frame(line).is_some()
}

/// The trace around the frame at a place.
pub(super) fn parse(lines: &[&str], at: usize) -> Option<(usize, Trace)> {
    let style = majority(&lines[at..])?;
    let (start, kind, value) = headline(lines, at, style)?;
    let mut trace = Trace {
        platform: match style {
            Style::Java => "java",
            Style::DotNet => "csharp",
            Style::Script => "node",
        },
        ..Trace::default()
    };
    match style {
        Style::DotNet => dot_net(lines, start, at, &mut trace),
        _ => chain(lines, at, style, (kind, value), &mut trace),
    }
    Some((start, trace))
}

/// One unclear frame does not decide.
fn majority(lines: &[&str]) -> Option<Style> {
    let mut votes = [0u32; 3];
    for (style, _) in lines.iter().take(60).filter_map(|l| frame(l)) {
        votes[style as usize] += 1;
    }
    let best = votes.iter().max().filter(|n| **n > 0)?;
    [Style::Java, Style::DotNet, Style::Script].into_iter().find(|s| votes[*s as usize] == *best)
}

/// Where the exception is named before its first frame: the nearest line above that names a type; messages may have
/// several lines.
fn headline<'a>(lines: &[&'a str], at: usize, style: Style) -> Option<(usize, &'a str, String)> {
    const LOOK_BACK: usize = 20;
    let from = at.saturating_sub(LOOK_BACK);
    let mut found = None;
    for start in (from..at).rev() {
        let line = unlabelled(lines[start]);
        if let Some((kind, value)) = head::exception(line) {
            found = Some((start, kind, value));
            // Of a message with several lines the first names the type; a type that begins its line is it.
            let is_inner = lines[start].trim_start().starts_with("--->");
            if line.trim_start().starts_with(kind) || (style == Style::DotNet && !is_inner) {
                break;
            }
        }
    }
    match found {
        Some((start, kind, value)) => {
            let mut value = value.to_owned();
            for more in &lines[start + 1..at] {
                value.push('\n');
                value.push_str(more.trim_end());
            }
            Some((start, kind, value.trim().to_owned()))
        }
        // JavaScript can throw anything; the line above is what there is.
        None if at > 0 && !lines[at - 1].trim().is_empty() => {
            Some((at - 1, "", lines[at - 1].trim().to_owned()))
        }
        None => Some((at, "", String::new())),
    }
}

/// A line without what announces the exception.
fn unlabelled(line: &str) -> &str {
    let line = line.trim();
    for label in ["Unhandled exception. ", "Unhandled Exception: ", "Uncaught ", "Caused by: ", "[cause]: "] {
        if let Some(rest) = line.strip_prefix(label) {
            return rest.trim_start_matches("(in promise) ");
        }
    }
    match line
        .strip_prefix("Exception in thread ")
        .and_then(|r| r.strip_prefix('"'))
        .and_then(|r| r.split_once("\" "))
    {
        Some((_, rest)) => rest,
        None => line,
    }
}

/// Java and JavaScript: frames, then causes with frames of their own.
fn chain(lines: &[&str], at: usize, style: Style, first: (&str, String), trace: &mut Trace) {
    let mut all = vec![Exception { kind: first.0.to_owned(), value: first.1, ..Exception::default() }];
    let mut frames = 0;
    let mut skipping = false;
    // JavaScript shows what else an error has in braces behind its frames.
    let mut braces = false;
    for line in &lines[at..] {
        let trimmed = line.trim();
        braces |= style == Style::Script && trimmed.ends_with('{');
        if let Some((_, f)) = frame(line) {
            if !skipping && frames < FRAMES_MAX {
                frames += 1;
                if let Some(last) = all.last_mut() {
                    last.stack.frames.push(f);
                }
            }
        } else if let Some(cause) = cause(trimmed) {
            skipping = false;
            let (kind, value) = head::exception(cause).unwrap_or(("", cause));
            all.push(Exception {
                kind: kind.to_owned(),
                value: value.trim_end_matches(" {").to_owned(),
                ..Exception::default()
            });
        } else if trimmed.starts_with("Suppressed: ") {
            // What else went wrong on the way is not the cause.
            skipping = true;
        } else if is_filler(trimmed, style) {
        } else if line.starts_with("Caused by") || trimmed.is_empty() {
            if style == Style::Java && trimmed.is_empty() {
                break;
            }
        } else if all.last().is_some_and(|e| e.stack.is_empty()) && all.len() > 1 {
            // The message of a cause goes on.
            if let Some(last) = all.last_mut().filter(|e| e.value.len() < 4096) {
                last.value.push('\n');
                last.value.push_str(trimmed);
            }
        } else if !braces {
            break;
        }
    }
    if let [first, ..] = all.as_mut_slice() {
        first.value = first.value.trim_end_matches(" {").to_owned();
    }
    for e in &mut all {
        e.stack.frames.reverse();
        // Java tells of a cause only what differs from what it caused, and what they share again below.
        split_kind(e, style);
    }
    all.reverse();
    trace.exceptions = all;
}

/// The package of a type apart from its name.
fn split_kind(e: &mut Exception, style: Style) {
    if style == Style::Java
        && let Some((package, _)) = e.kind.rsplit_once('.')
    {
        e.module = package.to_owned();
        e.kind = names::kind(&e.kind[package.len()..]).to_owned();
    }
}

fn cause(trimmed: &str) -> Option<&str> {
    ["Caused by: ", "[cause]: ", "Cause: "].into_iter().find_map(|label| trimmed.strip_prefix(label))
}

/// Lines between frames that say nothing about the failure.
fn is_filler(trimmed: &str, style: Style) -> bool {
    match style {
        Style::Java => trimmed.starts_with("... ") || trimmed.starts_with("[CIRCULAR REFERENCE"),
        _ => {
            matches!(trimmed, "{" | "}" | "]" | "}," | "")
                || trimmed.starts_with("... ")
                || trimmed.starts_with("--- ")
        }
    }
}

/// .NET: `Outer: text ---> Inner: text`, frames of the inner one, a line that ends them, frames of the outer one.
fn dot_net(lines: &[&str], start: usize, at: usize, trace: &mut Trace) {
    let said: Vec<&str> = lines[start..at].iter().map(|l| l.trim()).collect();
    let said = said.join("\n");
    let said = unlabelled(&said);
    let mut all: Vec<Exception> = said
        .split(" ---> ")
        .flat_map(|s| s.split("\n---> "))
        .map(|text| {
            let text = text.trim_start_matches("(Inner Exception #").trim();
            let text = text.split_once(") ").filter(|(n, _)| n.len() < 4).map_or(text, |(_, t)| t);
            let (kind, value) = head::exception(text).unwrap_or(("", text));
            let (module, bare) = kind.rsplit_once('.').unwrap_or(("", kind));
            Exception {
                kind: bare.to_owned(),
                value: value.to_owned(),
                module: module.to_owned(),
                ..Exception::default()
            }
        })
        .collect();
    // Frames come for the innermost first.
    let mut of = all.len().saturating_sub(1);
    let mut frames = 0;
    for line in &lines[at..] {
        let trimmed = line.trim();
        if let Some((_, f)) = frame(line) {
            if frames < FRAMES_MAX {
                frames += 1;
                all[of].stack.frames.push(f);
            }
        } else if trimmed.starts_with("--- End of inner exception stack trace") {
            if of == 0 {
                break;
            }
            of -= 1;
        } else if !trimmed.starts_with("--- End of stack trace") {
            break;
        }
    }
    for e in &mut all {
        e.stack = Stack { frames: std::mem::take(&mut e.stack.frames).into_iter().rev().collect() };
    }
    all.reverse();
    trace.exceptions = all;
}

/// A frame and who writes it so.
fn frame(line: &str) -> Option<(Style, Frame)> {
    let rest = line.trim().strip_prefix("at ")?.trim();
    if rest.is_empty() || rest.len() > 2000 {
        return None;
    }
    dot_net_frame(rest)
        .or_else(|| java_frame(rest))
        .or_else(|| script_frame(rest))
        .or_else(|| bare_dot_net_frame(rest))
}

/// `Shop.Orders.Place(String id) in /src/Orders.cs:line 12`
fn dot_net_frame(rest: &str) -> Option<(Style, Frame)> {
    let (call, at) = rest.rsplit_once(") in ")?;
    let (file, line) = at.rsplit_once(":line ")?;
    let (qualified, _) = call.split_once('(')?;
    let mut f =
        Frame { file: file.to_owned(), path: file.to_owned(), line: number(line.trim()), ..Frame::default() };
    split_method(qualified, &mut f);
    Some((Style::DotNet, f))
}

/// The same without symbols: `System.String.Concat(String a, String b)`
fn bare_dot_net_frame(rest: &str) -> Option<(Style, Frame)> {
    let (qualified, arguments) = rest.split_once('(')?;
    let is_name = qualified.contains('.') && !qualified.contains([' ', '/', ':']);
    if !is_name || !arguments.ends_with(')') {
        return None;
    }
    let mut f = Frame::default();
    split_method(qualified, &mut f);
    Some((Style::DotNet, f))
}

/// Class and method.
fn split_method(qualified: &str, f: &mut Frame) {
    let (module, function) = qualified.rsplit_once('.').unwrap_or(("", qualified));
    // `.ctor` and `.cctor` begin with a dot.
    f.module = module.trim_end_matches('.').to_owned();
    f.function = function.to_owned();
}

/// `app//com.acme.Order.place(Order.java:12) ~[shop.jar:1.0]`
fn java_frame(rest: &str) -> Option<(Style, Frame)> {
    let (qualified, tail) = rest.split_once('(')?;
    let (source, after) = tail.split_once(')')?;
    let (file, line, column) = place(source);
    let known = matches!(source, "Native Method" | "Unknown Source" | "<generated>" | "Unknown Source:0");
    let of_java = [".java", ".kt", ".scala", ".groovy", ".clj", ".kts"].iter().any(|e| file.ends_with(e));
    let of_jar = after.is_empty() || after.trim_start().starts_with(['~', '[']);
    if column != 0 || !of_jar || !(known || of_java) || qualified.contains(' ') {
        return None;
    }
    // Loader and module stand before a slash; what is made up by the machine has one within.
    let name = match qualified.split_once('/') {
        Some((head, tail)) if !head.contains('$') => tail.rsplit('/').next().unwrap_or(tail),
        _ => qualified,
    };
    let mut f = Frame { line, ..Frame::default() };
    if of_java {
        f.file = file.to_owned();
    }
    split_method(name, &mut f);
    (!f.module.is_empty()).then_some((Style::Java, f))
}

/// `async place (file:///srv/order.js:3:14)`, `/srv/order.js:3:14`, `Array.map (<anonymous>)`
fn script_frame(rest: &str) -> Option<(Style, Frame)> {
    let rest = rest.strip_suffix(" {").unwrap_or(rest);
    let (function, source) = match rest.rsplit_once(" (") {
        Some((function, tail)) => (function, tail.strip_suffix(')')?),
        None => ("", rest),
    };
    // `Object.f [as g]` goes by the name that it was called by.
    let function = function.split(" [as ").next().unwrap_or(function);
    let source = source.strip_prefix("async ").unwrap_or(source);
    let (file, line, column) = place(source);
    let known = matches!(source, "<anonymous>" | "native" | "index 0") || source.starts_with("index ");
    if known {
        return (!function.is_empty()).then(|| {
            let f =
                Frame { function: function.to_owned(), file: "<anonymous>".to_owned(), ..Frame::default() };
            (Style::Script, f)
        });
    }
    let is_place = line != 0 && column != 0 && !file.contains(' ');
    is_place.then(|| {
        let file = file.strip_prefix("file://").unwrap_or(file);
        let f = Frame {
            function: function.to_owned(),
            file: file.to_owned(),
            path: file.to_owned(),
            line,
            column,
            ..Frame::default()
        };
        (Style::Script, f)
    })
}
