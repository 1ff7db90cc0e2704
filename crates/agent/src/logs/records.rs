//! Records as they leave the reader.

use super::config::FileLogs;
use super::container;
use super::multiline::Event;
use model::Labels;
use model::record::{AttributesBuf, Record, RecordBatch, Severity, StreamRef, Tenant, Value};
use pipeline::detect::{line_level, line_time};
use std::collections::HashMap;
use std::path::Path;

/// The labels of a file's stream: who writes it, on which host, and where.
pub(super) fn labels_of_file(path: &Path, source: &FileLogs, host: &str) -> Labels {
    let mut pairs: Vec<(String, String)> = vec![("host.name".into(), host.into())];
    let mut set = |name: &str, value: String| {
        pairs.retain(|(n, _)| n != name);
        pairs.push((name.to_owned(), value));
    };
    let of_container = container::labels_of(path);
    if of_container.is_empty() {
        set("log.file.path", path.to_string_lossy().into_owned());
        set("service.name", service_of(path));
    }
    of_container.into_iter().for_each(|(n, v)| set(n, v));
    source.service.iter().for_each(|s| set("service.name", s.clone()));
    source.labels.iter().for_each(|(n, v)| set(n, v.clone()));
    // Names are ours or were checked, and none is there twice.
    Labels::from_pairs(pairs)
        .unwrap_or_else(|_| Labels::from_pairs([("host.name", host)]).unwrap_or_default())
}

/// The directory of `/var/log/nginx/error.log`, else the name without what rotation and habit put behind it.
fn service_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    let below = text.strip_prefix("/var/log/").unwrap_or_default();
    if let Some((dir, _)) = below.split_once('/') {
        return dir.to_owned();
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let end = name.find('.').filter(|at| *at > 0).unwrap_or(name.len());
    name[..end].to_owned()
}

/// Builds a batch.
pub(super) struct Builder {
    pub batch: RecordBatch,
    streams: HashMap<Labels, StreamRef>,
    attributes: AttributesBuf,
    /// The time of the last record without one of its own.
    last_ns: i64,
    /// How far east of UTC times without a zone are, if times and levels are looked for.
    detects: Option<i64>,
}

/// A year and a day: what looks like a time further off is none, and the line must not be refused for it.
const PLAUSIBLE_NS: std::ops::RangeInclusive<i64> = -366 * DAY_NS..=DAY_NS;
const DAY_NS: i64 = 86_400_000_000_000;

/// How far east of UTC this machine's clocks are, in seconds.
pub(super) fn local_offset_s(now_s: i64) -> i64 {
    // SAFETY: `tm` is a plain structure for which zeros are a value, and the call writes to nothing but it.
    unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        match libc::localtime_r(&now_s, &mut tm).is_null() {
            true => 0,
            false => tm.tm_gmtoff,
        }
    }
}

impl Builder {
    pub fn new(last_ns: i64, detects: Option<i64>) -> Builder {
        Builder {
            batch: RecordBatch::new(Tenant::unnamed()),
            streams: HashMap::new(),
            attributes: AttributesBuf::new(),
            last_ns,
            detects,
        }
    }

    /// Bytes so far, with what each record takes besides.
    pub fn bytes(&self) -> usize {
        self.batch.content_bytes() + self.batch.len() * 64
    }

    /// The time of the last record without one of its own.
    pub fn last_ns(&self) -> i64 {
        self.last_ns
    }

    fn stream(&mut self, labels: &Labels) -> StreamRef {
        match self.streams.get(labels) {
            Some(stream) => *stream,
            None => {
                let stream = self.batch.stream(labels.clone());
                self.streams.insert(labels.clone(), stream);
                stream
            }
        }
    }

    /// A time for what is read now, later than all before it: lines stay in order.
    fn next_ns(&mut self, now_ns: i64) -> i64 {
        self.last_ns = now_ns.max(self.last_ns + 1);
        self.last_ns
    }

    /// Adds a record of a file.
    pub fn event(&mut self, labels: &Labels, event: &Event, now_ns: i64) {
        if event.text.is_empty() {
            return;
        }
        let mut text = String::from_utf8_lossy(&event.text).into_owned();
        self.attributes.clear();
        if let Some(stream) = event.stream {
            self.attributes.push("log.iostream", Value::String(stream));
        }
        if event.cut > 0 {
            text.push_str(&format!("…[{} bytes cut]", event.cut));
            self.attributes.push("log.cut_bytes", Value::Int(event.cut as i64));
        }
        let observed_ns = self.next_ns(now_ns);
        let found = self.detects.and_then(|offset_s| line_time(&text, now_ns, offset_s));
        let time_ns = event.time_ns.or(found.filter(|t| PLAUSIBLE_NS.contains(&t.saturating_sub(now_ns))));
        let severity = self.detects.map_or(Severity::UNKNOWN, |_| line_level(&text));
        let stream = self.stream(labels);
        self.batch.push(
            stream,
            &Record {
                observed_ns,
                severity,
                attributes: self.attributes.as_attributes(),
                ..Record::line(time_ns.unwrap_or(observed_ns), &text)
            },
        );
    }

    /// Adds an entry of the systemd journal.
    pub fn entry(&mut self, labels: &Labels, entry: &Entry<'_>, now_ns: i64) {
        self.attributes.clear();
        entry.attributes.iter().for_each(|(n, v)| self.attributes.push(n, Value::String(v)));
        let observed_ns = self.next_ns(now_ns);
        let stream = self.stream(labels);
        self.batch.push(
            stream,
            &Record {
                observed_ns,
                severity: entry.severity,
                attributes: self.attributes.as_attributes(),
                ..Record::line(entry.time_ns.unwrap_or(observed_ns), entry.text)
            },
        );
    }
}

/// An entry of the systemd journal.
pub(super) struct Entry<'a> {
    pub time_ns: Option<i64>,
    pub severity: Severity,
    pub text: &'a str,
    pub attributes: &'a [(String, String)],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_files() {
        let of = |path: &str, source: &FileLogs| labels_of_file(Path::new(path), source, "h").to_string();
        let plain = FileLogs::default();
        assert_eq!(
            of("/var/log/nginx/error.log", &plain),
            r#"{"host.name"="h", "log.file.path"="/var/log/nginx/error.log", "service.name"="nginx"}"#
        );
        assert_eq!(service_of(Path::new("/var/log/dpkg.log")), "dpkg");
        assert_eq!(service_of(Path::new("/srv/app/out.2026.log")), "out");
        assert_eq!(service_of(Path::new("/var/log/.x")), ".x");
        let mut own = FileLogs { service: Some("shop".into()), ..FileLogs::default() };
        own.labels.insert("team".into(), "a".into());
        own.labels.insert("host.name".into(), "other".into());
        assert_eq!(
            of("/a/b.log", &own),
            r#"{"host.name"="other", "log.file.path"="/a/b.log", "service.name"="shop", team="a"}"#
        );
    }
}
