//! Fingerprints that applications give, with variables in them.

use crate::event::Event;
use crate::message::normalise;
use crate::names;
use std::borrow::Cow;

/// What a part of a fingerprint stands for.
pub enum Part<'a> {
    /// What events would be grouped by without a fingerprint.
    Default,
    /// This text.
    Text(Cow<'a, str>),
}

/// A part of a fingerprint: `{{ default }}`, text, or text with variables. What a variable names and the event has not is
/// `<none>`; a name that is no variable stays as it is.
pub fn part<'a>(event: &Event, part: &'a str) -> Part<'a> {
    if let Some(name) = part.trim().strip_prefix("{{").and_then(|p| p.strip_suffix("}}"))
        && name.trim() == "default"
    {
        return Part::Default;
    }
    if !part.contains("{{") {
        return Part::Text(Cow::Borrowed(part));
    }
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    let mut left = VARIABLES_MAX;
    while let Some((head, tail)) = rest.split_once("{{").filter(|_| left > 0) {
        left -= 1;
        out.push_str(head);
        let Some((name, after)) = tail.split_once("}}") else {
            out.push_str("{{");
            rest = tail;
            break;
        };
        match variable(event, name.trim()) {
            Some(value) => out.push_str(&value),
            None => {
                out.push_str("{{");
                out.push_str(name);
                out.push_str("}}");
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Part::Text(Cow::Owned(out))
}

/// Variables of one part; further ones stay as they are written.
const VARIABLES_MAX: usize = 8;

fn variable(event: &Event, name: &str) -> Option<String> {
    let exception = event.exception();
    let frame = exception.and_then(|e| e.stack.frames.last());
    let text = match name {
        "type" | "error.type" => exception.map_or("", |e| &e.kind).to_owned(),
        "value" | "error.value" => exception.map_or("", |e| &e.value).to_owned(),
        "message" => match exception {
            Some(e) => normalise(&e.value),
            None => normalise(&event.message),
        },
        "transaction" => event.transaction.clone(),
        "level" => event.level.text().to_owned(),
        "logger" => event.logger.clone(),
        "release" => event.release.clone(),
        "environment" => event.environment.clone(),
        "function" | "stack.function" => frame.map_or(String::new(), |f| names::function(&f.function)),
        "module" | "stack.module" => frame.map_or("", |f| &f.module).to_owned(),
        "package" | "stack.abs_path" => frame.map_or("", |f| &f.path).to_owned(),
        name => event.tag(name.strip_prefix("tags.")?).unwrap_or("").to_owned(),
    };
    Some(if text.is_empty() { "<none>".to_owned() } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        let event = Event {
            transaction: "/cart".into(),
            tags: vec![("shard".into(), "7".into())],
            ..Event::default()
        };
        let text = |p: &str| match part(&event, p) {
            Part::Default => "(default)".to_owned(),
            Part::Text(t) => t.into_owned(),
        };
        for (given, want) in [
            ("{{ default }}", "(default)"),
            ("{{default}}", "(default)"),
            ("plain", "plain"),
            ("db {{ tags.shard }} at {{ transaction }}", "db 7 at /cart"),
            ("{{ release }}", "<none>"),
            ("{{ nonsense }} {{", "{{ nonsense }} {{"),
        ] {
            assert_eq!(text(given), want, "{given}");
        }
    }
}
