//! Forwarding metadata only when it is new.

use model::{Metadata, MetricKind};
use std::borrow::Cow;
use std::collections::HashMap;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The most families a target is remembered to have.
const FAMILIES_MAX: usize = 20_000;

/// Hashes of the metadata a target was seen with, by hash of the family.
#[derive(Default)]
pub(super) struct MetadataSeen(HashMap<u64, u64>);

impl MetadataSeen {
    fn is_new(&mut self, family: u64, content: u64) -> bool {
        if self.0.len() >= FAMILIES_MAX && !self.0.contains_key(&family) {
            self.0.clear();
        }
        self.0.insert(family, content) != Some(content)
    }

    /// Makes everything new again, after it could not be kept.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Gathers the lines about one family, which stand together.
#[derive(Default)]
pub(super) struct FamilyReader<'a> {
    family: Cow<'a, str>,
    kind: MetricKind,
    help: Cow<'a, str>,
    unit: Cow<'a, str>,
}

impl<'a> FamilyReader<'a> {
    pub(super) fn kind(&mut self, family: Cow<'a, str>, kind: MetricKind, out: &mut Sink<'_>) {
        self.enter(family, out);
        self.kind = kind;
    }

    pub(super) fn help(&mut self, family: Cow<'a, str>, text: Cow<'a, str>, out: &mut Sink<'_>) {
        self.enter(family, out);
        self.help = text;
    }

    pub(super) fn unit(&mut self, family: Cow<'a, str>, unit: Cow<'a, str>, out: &mut Sink<'_>) {
        self.enter(family, out);
        self.unit = unit;
    }

    fn enter(&mut self, family: Cow<'a, str>, out: &mut Sink<'_>) {
        if self.family != family {
            self.finish(out);
            self.family = family;
        }
    }

    /// Ends the current family.
    pub(super) fn finish(&mut self, out: &mut Sink<'_>) {
        let done = std::mem::take(self);
        if done.family.is_empty() {
            return;
        }
        let mut content = Xxh3::new();
        content.update(&[done.kind as u8]);
        content.update(&(done.help.len() as u64).to_le_bytes());
        content.update(done.help.as_bytes());
        content.update(done.unit.as_bytes());
        if out.seen.is_new(xxh3_64(done.family.as_bytes()), content.digest()) {
            let cut = |text: Cow<'_, str>| text[..text.floor_char_boundary(out.text_bytes_max)].to_owned();
            let metadata = Metadata { kind: done.kind, help: cut(done.help), unit: cut(done.unit) };
            out.new.push((done.family.into_owned(), metadata));
        }
    }
}

/// Where finished families go.
pub(super) struct Sink<'s> {
    pub seen: &'s mut MetadataSeen,
    pub new: &'s mut Vec<(String, Metadata)>,
    /// The most bytes of a help text or unit; longer ones are cut.
    pub text_bytes_max: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(seen: &mut MetadataSeen, help: &'static str) -> Vec<String> {
        let mut new = Vec::new();
        let mut sink = Sink { seen, new: &mut new, text_bytes_max: 5 };
        let mut reader = FamilyReader::default();
        reader.help("a".into(), help.into(), &mut sink);
        reader.kind("a".into(), MetricKind::Counter, &mut sink);
        reader.kind("b".into(), MetricKind::Gauge, &mut sink);
        reader.unit("b".into(), "bytes".into(), &mut sink);
        reader.finish(&mut sink);
        new.iter().map(|(f, m)| format!("{f} {} {:?} {:?}", m.kind, m.help, m.unit)).collect()
    }

    #[test]
    fn only_what_changed_is_forwarded() {
        let mut seen = MetadataSeen::default();
        assert_eq!(read(&mut seen, "one"), [r#"a counter "one" """#, r#"b gauge "" "bytes""#]);
        assert!(read(&mut seen, "one").is_empty());
        assert_eq!(read(&mut seen, "two"), [r#"a counter "two" """#]);
        assert_eq!(read(&mut seen, "long \u{e9}"), [r#"a counter "long " """#]);
        assert_eq!(read(&mut seen, "two").len(), 1);
        seen.clear();
        assert_eq!(read(&mut seen, "two").len(), 2);
    }
}
