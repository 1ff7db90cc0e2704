//! How much of an event is kept. Whatever a sender says, an event is bounded before it is stored.

use crate::event::{Event, Frame, Stack};
use serde_json::Value;

/// Bounds on one event. What is beyond them is left out and counted in [`Event::left_out`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Exceptions of one chain: the outermost and the innermost are kept.
    pub exceptions_max: usize,
    /// Frames of one stack: those next to the failure and the outermost are kept.
    pub frames_max: usize,
    /// Threads.
    pub threads_max: usize,
    /// Breadcrumbs: the newest are kept.
    pub breadcrumbs_max: usize,
    /// Tags.
    pub tags_max: usize,
    /// Bytes of the name of a tag.
    pub tag_name_bytes_max: usize,
    /// Bytes of the value of a tag.
    pub tag_value_bytes_max: usize,
    /// Bytes of a message or of the value of an exception.
    pub text_bytes_max: usize,
    /// Bytes of names: functions, files, modules, types.
    pub name_bytes_max: usize,
    /// Lines of source before and after a line.
    pub source_lines_max: usize,
    /// Bytes of one line of source.
    pub source_bytes_max: usize,
    /// Bytes of what is kept as sent, each: contexts, extra, variables of a frame, the body of a request.
    pub json_bytes_max: usize,
    /// Contexts.
    pub contexts_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// Packages.
    pub modules_max: usize,
    /// Parts of a fingerprint.
    pub fingerprint_max: usize,
    /// Bytes of the whole, written as JSON.
    pub event_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            exceptions_max: 20,
            frames_max: 250,
            threads_max: 100,
            breadcrumbs_max: 100,
            tags_max: 100,
            tag_name_bytes_max: 200,
            tag_value_bytes_max: 1024,
            text_bytes_max: 8192,
            name_bytes_max: 512,
            source_lines_max: 5,
            source_bytes_max: 256,
            json_bytes_max: 16 << 10,
            contexts_max: 50,
            headers_max: 64,
            modules_max: 200,
            fingerprint_max: 16,
            event_bytes_max: 512 << 10,
        }
    }
}

impl Bounds {
    /// Leaves out of an event what is beyond the bounds.
    pub fn apply(&self, event: &mut Event) {
        let mut cut = Cut { bounds: *self, left_out: 0 };
        cut.event(event);
        event.left_out = event.left_out.saturating_add(cut.left_out);
        self.fit(event);
    }

    /// The parts that weigh most go first, until the whole fits.
    fn fit(&self, event: &mut Event) {
        let steps: [fn(&mut Event); 6] = [
            |e| e.stacks_mut().flat_map(|s| &mut s.frames).for_each(|f| f.vars = Value::Null),
            |e| {
                e.threads.retain(|t| t.crashed || t.current);
                e.modules.clear();
            },
            |e| e.breadcrumbs.iter_mut().for_each(|b| b.data = Value::Null),
            |e| {
                e.extra = Value::Null;
                e.contexts.clear();
                e.request = None;
            },
            |e| {
                e.stacks_mut().flat_map(|s| &mut s.frames).for_each(|f| {
                    f.before.clear();
                    f.after.clear();
                });
                e.breadcrumbs.clear();
                e.threads.clear();
            },
            |e| {
                let mut counted = Cut { bounds: Bounds { frames_max: 20, ..Bounds::default() }, left_out: 0 };
                e.exceptions.truncate(3);
                e.stacks_mut().for_each(|s| counted.stack(s));
            },
        ];
        for step in steps {
            if json_bytes(event) <= self.event_bytes_max {
                return;
            }
            step(event);
            event.left_out = event.left_out.saturating_add(1);
        }
    }
}

/// Bytes of something written as JSON.
fn json_bytes(value: &impl serde::Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be written has no bytes; nothing in an event is such.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

struct Cut {
    bounds: Bounds,
    left_out: u32,
}

impl Cut {
    fn event(&mut self, e: &mut Event) {
        let b = self.bounds;
        for text in [
            &mut e.platform,
            &mut e.logger,
            &mut e.transaction,
            &mut e.server_name,
            &mut e.service,
            &mut e.release,
            &mut e.dist,
            &mut e.environment,
            &mut e.user.id,
            &mut e.user.username,
            &mut e.user.email,
            &mut e.user.ip,
            &mut e.sdk.name,
            &mut e.sdk.version,
        ] {
            self.text(text, b.name_bytes_max);
        }
        self.text(&mut e.message, b.text_bytes_max);
        self.text(&mut e.template, b.text_bytes_max);
        self.middle(&mut e.exceptions, b.exceptions_max);
        for exception in &mut e.exceptions {
            self.text(&mut exception.kind, b.name_bytes_max);
            self.text(&mut exception.module, b.name_bytes_max);
            self.text(&mut exception.value, b.text_bytes_max);
            if let Some(m) = &mut exception.mechanism {
                self.text(&mut m.kind, b.name_bytes_max);
            }
        }
        if e.threads.len() > b.threads_max {
            // The ones that matter are not the ones that are left out.
            e.threads.sort_by_key(|t| !(t.crashed || t.current));
            self.truncate(&mut e.threads, b.threads_max);
        }
        for thread in &mut e.threads {
            self.text(&mut thread.name, b.name_bytes_max);
            self.text(&mut thread.id, b.name_bytes_max);
        }
        e.stacks_mut().for_each(|s| self.stack(s));
        self.breadcrumbs(e);
        self.surroundings(e);
    }

    fn breadcrumbs(&mut self, e: &mut Event) {
        let b = self.bounds;
        let more = e.breadcrumbs.len().saturating_sub(b.breadcrumbs_max);
        e.breadcrumbs.drain(..more);
        self.left_out += more as u32;
        for crumb in &mut e.breadcrumbs {
            for text in [&mut crumb.kind, &mut crumb.category, &mut crumb.level] {
                self.text(text, b.name_bytes_max);
            }
            self.text(&mut crumb.message, b.text_bytes_max);
            self.json(&mut crumb.data);
        }
    }

    fn surroundings(&mut self, e: &mut Event) {
        let b = self.bounds;
        self.truncate(&mut e.tags, b.tags_max);
        for (name, value) in &mut e.tags {
            self.text(name, b.tag_name_bytes_max);
            self.text(value, b.tag_value_bytes_max);
        }
        self.truncate(&mut e.contexts, b.contexts_max);
        for context in &mut e.contexts {
            self.text(&mut context.name, b.name_bytes_max);
            self.json(&mut context.value);
        }
        self.json(&mut e.extra);
        if let Some(request) = &mut e.request {
            self.text(&mut request.method, b.name_bytes_max);
            self.text(&mut request.url, b.text_bytes_max);
            self.text(&mut request.query, b.text_bytes_max);
            self.truncate(&mut request.headers, b.headers_max);
            for (name, value) in &mut request.headers {
                self.text(name, b.tag_name_bytes_max);
                self.text(value, b.tag_value_bytes_max);
            }
            self.json(&mut request.data);
        }
        self.truncate(&mut e.modules, b.modules_max);
        for (name, version) in &mut e.modules {
            self.text(name, b.name_bytes_max);
            self.text(version, b.name_bytes_max);
        }
        self.truncate(&mut e.fingerprint, b.fingerprint_max);
        e.fingerprint.iter_mut().for_each(|part| self.text(part, b.tag_value_bytes_max));
    }

    fn stack(&mut self, stack: &mut Stack) {
        self.middle(&mut stack.frames, self.bounds.frames_max);
        stack.frames.iter_mut().for_each(|f| self.frame(f));
    }

    fn frame(&mut self, f: &mut Frame) {
        let b = self.bounds;
        for text in [&mut f.function, &mut f.module, &mut f.file, &mut f.path, &mut f.platform] {
            self.text(text, b.name_bytes_max);
        }
        let more = f.before.len().saturating_sub(b.source_lines_max);
        f.before.drain(..more);
        self.left_out += more as u32;
        self.truncate(&mut f.after, b.source_lines_max);
        for line in f.before.iter_mut().chain(&mut f.after).chain([&mut f.source]) {
            self.text(line, b.source_bytes_max);
        }
        self.json(&mut f.vars);
    }

    fn text(&mut self, text: &mut String, bytes_max: usize) {
        if text.len() > bytes_max {
            text.truncate(text.floor_char_boundary(bytes_max));
            self.left_out += 1;
        }
    }

    fn truncate<T>(&mut self, list: &mut Vec<T>, max: usize) {
        self.left_out += list.len().saturating_sub(max) as u32;
        list.truncate(max);
    }

    /// Keeps both ends, more of the last one.
    fn middle<T>(&mut self, list: &mut Vec<T>, max: usize) {
        let more = list.len().saturating_sub(max);
        if more > 0 {
            let head = max / 3;
            list.drain(head..head + more);
            self.left_out += more as u32;
        }
    }

    fn json(&mut self, value: &mut Value) {
        if !value.is_null() && json_bytes(value) > self.bounds.json_bytes_max {
            let mut left = self.bounds.json_bytes_max;
            shrink(value, &mut left);
            self.left_out += 1;
        }
    }
}

/// Keeps of a value what comes first, as far as `left` bytes reach.
fn shrink(value: &mut Value, left: &mut usize) {
    match value {
        Value::String(s) => {
            if s.len() + 2 > *left {
                s.truncate(s.floor_char_boundary(left.saturating_sub(2).min(s.len())));
            }
            *left = left.saturating_sub(s.len() + 3);
        }
        Value::Array(items) => {
            let mut kept = 0;
            for item in items.iter_mut() {
                if *left < 8 {
                    break;
                }
                shrink(item, left);
                kept += 1;
            }
            items.truncate(kept);
        }
        Value::Object(map) => {
            let mut over = Vec::new();
            for (name, item) in map.iter_mut() {
                if *left < name.len() + 12 {
                    over.push(name.clone());
                    continue;
                }
                *left -= name.len() + 4;
                shrink(item, left);
            }
            over.iter().for_each(|name| drop(map.remove(name)));
        }
        other => *left = left.saturating_sub(other.to_string().len() + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Breadcrumb, Exception};

    #[test]
    fn whatever_is_sent_is_bounded() {
        let frame = |n: usize| Frame {
            function: format!("f{n}"),
            vars: serde_json::json!({ "a": "x".repeat(100_000), "b": [1, 2, 3] }),
            before: vec!["line".into(); 50],
            ..Frame::default()
        };
        let mut event = Event { message: "é".repeat(10_000), ..Event::default() };
        event.exceptions = (0..100)
            .map(|n| Exception {
                kind: format!("E{n}"),
                stack: Stack { frames: (0..1000).map(frame).collect() },
                ..Exception::default()
            })
            .collect();
        event.breadcrumbs = vec![Breadcrumb::default(); 1000];
        let bounds = Bounds::default();
        bounds.apply(&mut event);
        assert!(json_bytes(&event) <= bounds.event_bytes_max, "{}", json_bytes(&event));
        assert!(event.left_out > 0);
        assert!(event.message.len() <= bounds.text_bytes_max);
        let frames = &event.exceptions[0].stack.frames;
        assert_eq!(frames.last().unwrap().function, "f999", "where it failed is kept");
        let before = event.clone();
        bounds.apply(&mut event);
        assert_eq!(event, before, "what fits is left alone");
    }

    #[test]
    fn values_shrink_to_their_share() {
        let mut value = serde_json::json!({ "first": "kept", "long": "x".repeat(1000), "list": [1, 2, 3], "last": "gone" });
        let mut left = 100;
        shrink(&mut value, &mut left);
        assert!(json_bytes(&value) < 140, "{value}");
        assert_eq!(value["first"], "kept");
        assert!(value.get("last").is_none());
    }
}
