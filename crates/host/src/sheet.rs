//! From parsed fields to samples: a series' labels are built once and found again by their place.

use crate::part::textfile::with_base;
use model::{Appender, Labels, METRIC_NAME, Metadata, MetricKind, stale_nan};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A metric family. Its name is the three parts in a row; `field` comes out of a kernel file and is brought
/// into the alphabet of metric names.
#[derive(Clone, Copy)]
pub(crate) struct Family<'a> {
    prefix: &'static str,
    field: &'a [u8],
    suffix: &'static str,
    kind: MetricKind,
    /// One sentence; followed by the field, if there is one.
    help: &'static str,
}

impl Family<'static> {
    pub(crate) const fn counter(name: &'static str, help: &'static str) -> Family<'static> {
        Family { prefix: name, field: b"", suffix: "", kind: MetricKind::Counter, help }
    }

    pub(crate) const fn gauge(name: &'static str, help: &'static str) -> Family<'static> {
        Family { prefix: name, field: b"", suffix: "", kind: MetricKind::Gauge, help }
    }
}

impl<'a> Family<'a> {
    pub(crate) const fn of_field(
        prefix: &'static str,
        field: &'a [u8],
        suffix: &'static str,
        kind: MetricKind,
        help: &'static str,
    ) -> Family<'a> {
        Family { prefix, field, suffix, kind, help }
    }

    /// The metric name. Brackets end nothing (`Active(anon)` gives `Active_anon`), all else foreign becomes `_`.
    fn name(&self) -> String {
        let mut field = String::from_utf8_lossy(self.field).replace(')', "");
        field = field.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_");
        format!("{}{}{}", self.prefix, field, self.suffix)
    }

    fn metadata(&self) -> Metadata {
        let help = match self.field {
            b"" => self.help.to_owned(),
            field => format!("{} {}.", self.help, String::from_utf8_lossy(field)),
        };
        let name = self.name();
        let base = name.strip_suffix("_total").unwrap_or(&name);
        let unit = ["seconds", "bytes", "celsius", "hertz", "volts", "amps", "joules"]
            .into_iter()
            .find(|unit| base.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')));
        Metadata { kind: self.kind, help, unit: unit.unwrap_or("").to_owned() }
    }
}

/// Label names are fixed, values come from the kernel.
pub(crate) type Pair<'a> = (&'static str, &'a [u8]);

/// The series one collector wrote last time, in the order in which it wrote them.
///
/// Kernel files list the same things in the same order, so the series at `cursor` nearly always is the one
/// wanted: comparing the raw fields with those it was built from costs no hashing and no allocation. At the
/// first difference (a device came or went) the rest of the sheet comes loose and each series is found again
/// by its fields, or built. What is still loose at the end of the pass has vanished, and is marked stale.
#[derive(Default)]
pub(crate) struct Sheet {
    slots: Vec<Slot>,
    cursor: usize,
    loose: HashMap<Vec<u8>, Slot>,
    /// Label sets of all slots: different fields can lead to one label set, which is then written once.
    known: HashSet<Labels>,
}

impl Sheet {
    /// Everything from the cursor on loses its place.
    fn loosen(&mut self) {
        for slot in self.slots.drain(self.cursor..).filter(|slot| !slot.doubled) {
            self.known.remove(&slot.labels);
            self.loose.insert(slot.given.clone(), slot);
        }
    }
}

struct Slot {
    /// Family and label values as they were given, see [`encode`].
    given: Vec<u8>,
    labels: Labels,
    /// An earlier slot has the same labels.
    doubled: bool,
}

/// Where a collector writes its samples.
pub(crate) struct Out<'a> {
    pub(crate) appender: &'a mut dyn Appender,
    pub(crate) time_ms: i64,
    pub(crate) now: std::time::Instant,
    pub(crate) base: &'a [(String, String)],
    pub(crate) sheet: &'a mut Sheet,
    pub(crate) families: &'a mut BTreeMap<String, Metadata>,
    pub(crate) tally: &'a mut Tally,
}

/// What one collection wrote.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) samples: u64,
    pub(crate) rejected: u64,
    pub(crate) first_rejection: Option<String>,
}

impl Out<'_> {
    /// One sample now.
    pub(crate) fn sample(&mut self, family: &Family<'_>, pairs: &[Pair<'_>], value: f64) {
        let at = self.sheet.cursor;
        let found = self.sheet.slots.get(at).is_some_and(|slot| is_given(&slot.given, family, pairs));
        if !found {
            self.place(family, pairs);
        }
        self.sheet.cursor += 1;
        let slot = &self.sheet.slots[at];
        if !slot.doubled {
            append(self.appender, self.tally, &slot.labels, self.time_ms, value);
        }
    }

    /// The same value under a text: facts in labels, always 1.
    pub(crate) fn info(&mut self, family: &Family<'_>, pairs: &[Pair<'_>]) {
        self.sample(family, pairs, 1.0);
    }

    fn place(&mut self, family: &Family<'_>, pairs: &[Pair<'_>]) {
        let given = encode(family, pairs);
        if self.place_known(&given) {
            return;
        }
        let labels = build(self.base, family, pairs);
        if !self.families.contains_key(labels.metric_name()) {
            self.family(labels.metric_name(), &family.metadata());
        }
        self.place_new(given, labels);
    }

    /// Puts the series that was given like this last time at the cursor, if there is one.
    fn place_known(&mut self, given: &[u8]) -> bool {
        self.sheet.loosen();
        let Some(slot) = self.sheet.loose.remove(given) else { return false };
        self.place_new(slot.given, slot.labels);
        true
    }

    fn place_new(&mut self, given: Vec<u8>, labels: Labels) {
        let doubled = !self.sheet.known.insert(labels.clone());
        self.sheet.slots.push(Slot { given, labels, doubled });
    }

    /// A sample of a series that somebody else named; `given` is how, and stands for the same labels always.
    pub(crate) fn foreign(&mut self, given: &[u8], labels: &Labels, value: f64) {
        let at = self.sheet.cursor;
        if self.sheet.slots.get(at).is_none_or(|slot| slot.given != given) && !self.place_known(given) {
            self.place_new(given.to_vec(), with_base(self.base, labels));
        }
        self.sheet.cursor += 1;
        let slot = &self.sheet.slots[at];
        if !slot.doubled {
            append(self.appender, self.tally, &slot.labels, self.time_ms, value);
        }
    }

    /// What a family is, told to the store when it is new or has changed.
    pub(crate) fn family(&mut self, name: &str, metadata: &Metadata) {
        if self.families.get(name) != Some(metadata) {
            // A store that refuses metadata still takes the samples.
            let _ = self.appender.metadata(name, metadata.clone());
            self.families.insert(name.to_owned(), metadata.clone());
        }
    }

    /// Ends the pass: series that were not written this time are marked stale.
    pub(crate) fn finish(self) {
        let sheet = self.sheet;
        sheet.loosen();
        sheet.cursor = 0;
        for (_, slot) in sheet.loose.drain() {
            if !sheet.known.contains(&slot.labels) {
                append(self.appender, self.tally, &slot.labels, self.time_ms, stale_nan());
            }
        }
    }
}

fn append(appender: &mut dyn Appender, tally: &mut Tally, labels: &Labels, time_ms: i64, value: f64) {
    let series = match appender.lookup(labels.key()) {
        Some(series) => Ok(series),
        None => appender.series(labels),
    };
    match series.and_then(|series| appender.sample(series, time_ms, value, 0)) {
        Ok(()) => tally.samples += 1,
        Err(error) => {
            tally.rejected += 1;
            tally.first_rejection.get_or_insert_with(|| error.to_string());
        }
    }
}

/// The collector's own labels win over the configured ones: a device must never lose its name.
fn build(base: &[(String, String)], family: &Family<'_>, pairs: &[Pair<'_>]) -> Labels {
    let mut builder = model::LabelsBuilder::new();
    for (name, value) in base {
        builder.set(name.as_str(), value.as_str());
    }
    for (name, value) in pairs {
        builder.set(*name, String::from_utf8_lossy(value));
    }
    builder.set(METRIC_NAME, family.name());
    builder.build()
}

fn parts<'a>(family: &'a Family<'_>, pairs: &'a [Pair<'_>]) -> impl Iterator<Item = &'a [u8]> {
    [family.prefix.as_bytes(), family.field, family.suffix.as_bytes()]
        .into_iter()
        .chain(pairs.iter().flat_map(|(name, value)| [name.as_bytes(), value]))
}

/// Each part after its length, so that no two different inputs look alike.
fn encode(family: &Family<'_>, pairs: &[Pair<'_>]) -> Vec<u8> {
    let mut given = Vec::with_capacity(parts(family, pairs).map(|p| p.len() + 4).sum());
    for part in parts(family, pairs) {
        given.extend_from_slice(&(part.len() as u32).to_le_bytes());
        given.extend_from_slice(part);
    }
    given
}

fn is_given(mut given: &[u8], family: &Family<'_>, pairs: &[Pair<'_>]) -> bool {
    for part in parts(family, pairs) {
        let Some((len, rest)) = given.split_first_chunk::<4>() else { return false };
        if u32::from_le_bytes(*len) as usize != part.len() || !rest.starts_with(part) {
            return false;
        }
        given = &rest[part.len()..];
    }
    given.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recorder;

    const F: Family<'_> = Family::gauge("f_bytes", "A thing");

    fn pass(sheet: &mut Sheet, time_ms: i64, devices: &[&str]) -> Recorder {
        let mut recorder = Recorder::default();
        let mut out = Out {
            appender: &mut recorder,
            time_ms,
            now: std::time::Instant::now(),
            base: &[("job".into(), "node".into())],
            sheet,
            families: &mut BTreeMap::new(),
            tally: &mut Tally::default(),
        };
        for device in devices {
            out.sample(&F, &[("device", device.as_bytes())], time_ms as f64);
        }
        out.finish();
        recorder
    }

    fn stale(recorder: &Recorder) -> Vec<String> {
        recorder.samples().filter(|(_, _, v)| model::is_stale(*v)).map(|(l, _, _)| l.to_string()).collect()
    }

    #[test]
    fn what_vanishes_is_marked_stale_once_and_may_come_back() {
        let mut sheet = Sheet::default();
        assert_eq!(stale(&pass(&mut sheet, 1, &["a", "b", "c"])), [""; 0]);
        let two = pass(&mut sheet, 2, &["a", "c"]);
        assert_eq!(stale(&two), [r#"f_bytes{device="b", job="node"}"#]);
        assert_eq!(two.value(r#"f_bytes{device="c", job="node"}"#), Some(2.0));
        assert_eq!(stale(&pass(&mut sheet, 3, &["a", "c"])), [""; 0]);
        let four = pass(&mut sheet, 4, &["c", "b", "a"]);
        assert_eq!((stale(&four).len(), four.samples().count()), (0, 3));
        assert_eq!(stale(&pass(&mut sheet, 5, &[])).len(), 3);
    }

    #[test]
    fn one_label_set_is_written_once_a_pass() {
        let mut sheet = Sheet::default();
        for t in 0..3 {
            assert_eq!(pass(&mut sheet, t, &["a", "b", "a"]).samples().count(), 2);
        }
        assert_eq!(pass(&mut sheet, 3, &["b", "a"]).samples().count(), 2);
        assert_eq!(stale(&pass(&mut sheet, 4, &["b"])), [r#"f_bytes{device="a", job="node"}"#]);
    }

    #[test]
    fn foreign_fields_become_metric_names() {
        let name = |field: &'static [u8]| {
            Family::of_field("node_memory_", field, "_bytes", MetricKind::Gauge, "Memory").name()
        };
        assert_eq!(name(b"Active(anon)"), "node_memory_Active_anon_bytes");
        assert_eq!(name(b"a-b\xff"), "node_memory_a_b__bytes");
        assert_eq!(F.metadata().unit, "bytes");
    }

    proptest::proptest! {
        #[test]
        fn the_last_pass_decides_what_lives(passes in proptest::collection::vec(
            proptest::collection::vec("[a-d]", 0..8), 1..8)) {
            let mut sheet = Sheet::default();
            let mut live: HashSet<String> = HashSet::new();
            for (t, devices) in passes.iter().enumerate() {
                let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
                let written = pass(&mut sheet, t as i64, &devices);
                let mut seen = HashSet::new();
                for (labels, _, value) in written.samples() {
                    proptest::prop_assert!(seen.insert(labels.clone()), "{labels} twice");
                    let device = labels.get("device").unwrap().to_owned();
                    if model::is_stale(value) { live.remove(&device); } else { live.insert(device); }
                }
                let now: HashSet<String> = devices.iter().map(|d| d.to_string()).collect();
                proptest::prop_assert_eq!(&live, &now);
            }
        }
    }
}
