//! Which failures are the same one. `docs/errors.md` states the rules for users.

use crate::event::{Event, Exception, Frame, Stack};
use crate::message::normalise;
use crate::names;
use crate::variables::{self, Part};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What events of one group have in common, as a number.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct GroupHash(pub u64);

impl GroupHash {
    /// From 16 hexadecimal digits.
    pub fn from_text(text: &str) -> Option<GroupHash> {
        (text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| u64::from_str_radix(text, 16).ok().map(GroupHash))
            .flatten()
    }
}

impl fmt::Display for GroupHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for GroupHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<GroupHash> for String {
    fn from(hash: GroupHash) -> String {
        hash.to_string()
    }
}

impl TryFrom<String> for GroupHash {
    type Error = String;

    fn try_from(text: String) -> Result<GroupHash, String> {
        GroupHash::from_text(&text)
            .ok_or_else(|| format!("{text:?} is not a group: it has 16 hexadecimal digits"))
    }
}

/// Which rule made a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The application's fingerprint.
    Fingerprint,
    /// The application's own frames.
    OwnFrames,
    /// All frames, as none is the application's own.
    AllFrames,
    /// Type and message of what was thrown.
    Exception,
    /// The message.
    Message,
}

impl Rule {
    /// Its word.
    pub fn text(self) -> &'static str {
        match self {
            Rule::Fingerprint => "fingerprint",
            Rule::OwnFrames => "own_frames",
            Rule::AllFrames => "all_frames",
            Rule::Exception => "exception",
            Rule::Message => "message",
        }
    }
}

/// The group of an event, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// The group.
    pub hash: GroupHash,
    /// The rule.
    pub rule: Rule,
    /// What was hashed, in order: for people who wonder why.
    pub parts: Vec<String>,
}

/// Own frames that count, counted from the failure.
const OWN_FRAMES_MAX: usize = 30;
/// Frames that count where none is own.
const ALL_FRAMES_MAX: usize = 8;
/// Exceptions of a chain that count: the ones caught last.
const EXCEPTIONS_MAX: usize = 6;
/// How many frames a repeated sequence of calls may have.
const CYCLE_MAX: usize = 6;

/// The group of an event within a project.
pub fn group(project: &str, event: &Event) -> Grouped {
    let custom = event.fingerprint.iter().any(|p| !matches!(variables::part(event, p), Part::Default));
    let (rule, parts) = match custom {
        true => (Rule::Fingerprint, fingerprint(event)),
        false => by_content(event),
    };
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for part in [project, "1"].into_iter().chain(parts.iter().map(String::as_str)) {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    Grouped { hash: GroupHash(hash.digest()), rule, parts }
}

fn fingerprint(event: &Event) -> Vec<String> {
    let mut parts = Vec::new();
    for part in &event.fingerprint {
        match variables::part(event, part) {
            Part::Default => parts.extend(by_content(event).1),
            Part::Text(text) => parts.push(text.into_owned()),
        }
    }
    parts
}

fn by_content(event: &Event) -> (Rule, Vec<String>) {
    let chain: Vec<&Exception> = event.exceptions.iter().rev().take(EXCEPTIONS_MAX).collect();
    let stacks = || chain.iter().map(|e| &e.stack).chain(event.stack.as_ref());
    let has_frames = stacks().any(|s| s.frames.iter().any(says_something));
    if chain.is_empty() && !has_frames {
        return (Rule::Message, message(event));
    }
    if !has_frames {
        return (Rule::Exception, chain.iter().flat_map(|e| typed(event, e, true)).collect());
    }
    let own = stacks().any(|s| s.frames.iter().any(|f| says_something(f) && names::in_app(f)));
    let rule = if own { Rule::OwnFrames } else { Rule::AllFrames };
    let mut parts = Vec::new();
    for e in &chain {
        let frames = frames(event, &e.stack, own);
        // Without a function the message has to say which failure of a file it is.
        let vague = frames.iter().all(|f| f.starts_with('@'));
        parts.extend(typed(event, e, vague));
        parts.extend(frames);
    }
    if chain.is_empty()
        && let Some(stack) = &event.stack
    {
        parts.extend(frames(event, stack, own));
        // Where a message was written says which message it is, unless one place writes them all.
        parts.extend(message(event));
    }
    (rule, parts)
}

fn message(event: &Event) -> Vec<String> {
    let text = if event.template.is_empty() { &event.message } else { &event.template };
    vec![format!("message {}", normalise(text))]
}

/// Type and, if asked for, message of an exception.
fn typed(event: &Event, e: &Exception, with_value: bool) -> Vec<String> {
    let kind = names::kind(&e.kind);
    let mut parts = vec![format!("type {kind}")];
    if with_value {
        let value = normalise(&e.value);
        let value =
            if value.is_empty() && event.exceptions.len() == 1 { normalise(&event.message) } else { value };
        parts.push(format!("value {value}"));
    }
    parts
}

/// Whether a frame can tell one place from another.
fn says_something(f: &Frame) -> bool {
    !f.function.is_empty() || !f.file.is_empty() || !f.path.is_empty() || !f.module.is_empty()
}

/// Frames that count, the one that failed first; repeated sequences of calls count once.
fn frames(event: &Event, stack: &Stack, own: bool) -> Vec<String> {
    let max = if own { OWN_FRAMES_MAX } else { ALL_FRAMES_MAX };
    let mut out: Vec<String> = Vec::new();
    for f in stack.frames.iter().rev().filter(|f| says_something(f) && (!own || names::in_app(f))) {
        if out.len() >= max {
            break;
        }
        let shown = frame(event, f);
        if shown.is_empty() {
            continue;
        }
        out.push(shown);
        collapse(&mut out);
    }
    out
}

/// Takes the last frames away again if they repeat those before.
fn collapse(out: &mut Vec<String>) {
    let n = out.len();
    for cycle in 1..=CYCLE_MAX.min(n / 2) {
        if out[n - cycle..] == out[n - 2 * cycle..n - cycle] {
            out.truncate(n - cycle);
            return;
        }
    }
}

/// A frame without what varies: the function with its module where the language has such, else with its file. One without
/// a function begins with `@`.
fn frame(event: &Event, f: &Frame) -> String {
    let file = names::file(if f.file.is_empty() { &f.path } else { &f.file });
    let platform = if f.platform.is_empty() { &event.platform } else { &f.platform };
    let function = names::function(&f.function);
    let anonymous = matches!(function.as_str(), "" | "?" | "<anonymous>" | "anonymous" | "<unknown>" | "??");
    if anonymous {
        let source = f.source.trim();
        return match (source.is_empty(), file.is_empty()) {
            (false, _) => format!("{file} | {source}"),
            (true, false) => format!("@{file}"),
            (true, true) => names::function(&f.module),
        };
    }
    let qualified = qualify(&f.module, &function, platform);
    match by_module(platform, &file) {
        true => qualified,
        false if file.is_empty() => qualified,
        // Methods of scripting languages: some say the class, some do not.
        false => format!("{file} {}", function.rsplit('.').next().unwrap_or(&function)),
    }
}

/// Whether functions of a language are told apart by their module rather than by their file.
fn by_module(platform: &str, file: &str) -> bool {
    let of_file = ["java", "kt", "scala", "groovy", "cs", "fs", "vb", "go", "rs"];
    match platform {
        "java" | "csharp" | "dotnet" | "go" | "rust" | "native" => true,
        "python" | "javascript" | "node" | "ruby" | "php" => false,
        _ => file.rsplit_once('.').is_some_and(|(_, extension)| of_file.contains(&extension)),
    }
}

/// The function with its module before it, unless it has it already.
fn qualify(module: &str, function: &str, platform: &str) -> String {
    let module = names::function(module);
    if module.is_empty() || function.starts_with(&module) {
        return function.to_owned();
    }
    let separator = if platform == "rust" { "::" } else { "." };
    format!("{module}{separator}{function}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame_of(function: &str, file: &str, line: u32) -> Frame {
        Frame { function: function.into(), file: file.into(), line, ..Frame::default() }
    }

    fn python(kind: &str, value: &str, frames: Vec<Frame>) -> Event {
        Event {
            platform: "python".into(),
            exceptions: vec![Exception {
                kind: kind.into(),
                value: value.into(),
                stack: Stack { frames },
                ..Exception::default()
            }],
            ..Event::default()
        }
    }

    #[test]
    fn lines_and_messages_do_not_matter_where_there_are_frames() {
        let a = python("KeyError", "'a'", vec![frame_of("main", "app.py", 3), frame_of("load", "app.py", 9)]);
        let b = python(
            "KeyError",
            "'b'",
            vec![frame_of("main", "/srv/app.py", 4), frame_of("load", "/srv/app.py", 10)],
        );
        let other =
            python("KeyError", "'a'", vec![frame_of("main", "app.py", 3), frame_of("save", "app.py", 9)]);
        assert_eq!(group("p", &a).hash, group("p", &b).hash, "{:?} {:?}", group("p", &a), group("p", &b));
        assert_ne!(group("p", &a).hash, group("p", &other).hash);
        assert_ne!(group("p", &a).hash, group("q", &a).hash, "projects are apart");
        assert_eq!(group("p", &a).rule, Rule::OwnFrames);
    }

    #[test]
    fn recursion_counts_once() {
        let deep = |n: usize| {
            let mut frames = vec![frame_of("main", "a.py", 1)];
            for _ in 0..n {
                frames.push(frame_of("visit", "a.py", 2));
                frames.push(frame_of("each", "a.py", 3));
            }
            python("RecursionError", "", frames)
        };
        assert_eq!(group("p", &deep(5)).hash, group("p", &deep(12)).hash);
        assert_ne!(group("p", &deep(1)).hash, group("p", &deep(0)).hash);
    }

    #[test]
    fn fingerprints_replace_or_extend() {
        let mut a = python("E", "x", vec![frame_of("f", "a.py", 1)]);
        let mut b = python("F", "y", vec![frame_of("g", "a.py", 1)]);
        for e in [&mut a, &mut b] {
            e.fingerprint = vec!["payments".into()];
        }
        assert_eq!(group("p", &a).hash, group("p", &b).hash);
        for e in [&mut a, &mut b] {
            e.fingerprint = vec!["{{ default }}".into(), "payments".into()];
        }
        assert_ne!(group("p", &a).hash, group("p", &b).hash);
        let plain = python("E", "x", vec![frame_of("f", "a.py", 1)]);
        let mut said = plain.clone();
        said.fingerprint = vec!["{{ default }}".into()];
        assert_eq!(group("p", &plain), group("p", &said));
    }

    #[test]
    fn messages_are_the_last_resort() {
        let said = |message: &str| Event { message: message.into(), ..Event::default() };
        assert_eq!(group("p", &said("user 1 gone")).hash, group("p", &said("user 22 gone")).hash);
        assert_ne!(group("p", &said("user 1 gone")).hash, group("p", &said("order 1 gone")).hash);
        let bare = |value: &str| python("IOError", value, Vec::new());
        assert_eq!(group("p", &bare("no file 3")).hash, group("p", &bare("no file 4")).hash);
        assert_eq!(group("p", &bare("no file 3")).rule, Rule::Exception);
    }
}
