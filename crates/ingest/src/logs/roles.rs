//! Which field of a document plays which part in a record.

use hashbrown::HashMap;

/// The resource attributes of OpenTelemetry that identify who speaks. They become the labels of the stream; all
/// others are attributes of each record. The list is Loki's default, and the host.
pub const IDENTIFYING: [&str; 20] = [
    "cloud.availability_zone",
    "cloud.region",
    "container.name",
    "deployment.environment",
    "deployment.environment.name",
    "host.name",
    "k8s.cluster.name",
    "k8s.container.name",
    "k8s.cronjob.name",
    "k8s.daemonset.name",
    "k8s.deployment.name",
    "k8s.job.name",
    "k8s.namespace.name",
    "k8s.node.name",
    "k8s.pod.name",
    "k8s.replicaset.name",
    "k8s.statefulset.name",
    "service.instance.id",
    "service.name",
    "service.namespace",
];

/// Fields by which documents of other origin say who speaks.
const STREAM: [&str; 25] = [
    "app",
    "app.kubernetes.io/name",
    "application",
    "cluster",
    "container",
    "container_name",
    "env",
    "environment",
    "host",
    "hostname",
    "instance",
    "job",
    "kubernetes.container.name",
    "kubernetes.container_name",
    "kubernetes.namespace",
    "kubernetes.namespace_name",
    "kubernetes.pod.name",
    "kubernetes.pod_name",
    "namespace",
    "pod",
    "region",
    "service",
    "service.environment",
    "service_name",
    "stream",
];

const TIME: [&str; 6] = ["@timestamp", "_time", "timestamp", "time", "ts", "datetime"];
const MESSAGE: [&str; 6] = ["message", "_msg", "msg", "short_message", "log", "MESSAGE"];
const LEVEL: [&str; 8] =
    ["level", "log.level", "severity", "severity_text", "log_level", "loglevel", "lvl", "levelname"];
const TRACE: [&str; 5] = ["trace.id", "trace_id", "traceId", "traceID", "traceid"];
const SPAN: [&str; 5] = ["span.id", "span_id", "spanId", "spanID", "spanid"];

/// What a field is good for. Numbers are ranks from 1 among the fields that could play the part; the lowest that is
/// present plays it. 0 is not at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub time: u8,
    pub message: u8,
    pub level: u8,
    pub trace: u8,
    pub span: u8,
    pub stream: bool,
    pub ignored: bool,
}

/// What fields of documents mean: the time, the message, the level, trace and span, who speaks.
///
/// A record keeps its message as body, its time, trace and span in their places and the stream's fields as labels.
/// Everything else, the level as it was sent included, is an attribute. Nested objects are fields with dotted names,
/// so that `{"host":{"name":"a"}}` and `{"host.name":"a"}` are the same.
#[derive(Debug, Clone)]
pub struct Roles {
    parts: HashMap<String, Part>,
    /// Time fields up to this rank must hold a time; others that do not are ordinary fields.
    pub(crate) strict_times: u8,
    /// Pairs that every record gets.
    pub(crate) extra: Vec<(String, String)>,
}

impl Default for Roles {
    /// The fields that Elastic Common Schema, OpenTelemetry and the usual logging libraries write.
    fn default() -> Roles {
        let mut roles = Roles { parts: HashMap::new(), strict_times: 2, extra: Vec::new() };
        roles.set_times(&TIME);
        roles.set_messages(&MESSAGE);
        roles.rank(&LEVEL, |p| &mut p.level);
        roles.rank(&TRACE, |p| &mut p.trace);
        roles.rank(&SPAN, |p| &mut p.span);
        IDENTIFYING.iter().chain(&STREAM).for_each(|name| roles.part(name).stream = true);
        roles.strict_times = 2;
        roles
    }
}

impl Roles {
    fn part(&mut self, name: &str) -> &mut Part {
        self.parts.entry_ref(name).or_default()
    }

    fn rank<S: AsRef<str>>(&mut self, names: &[S], part: fn(&mut Part) -> &mut u8) {
        self.parts.values_mut().for_each(|p| *part(p) = 0);
        for (i, name) in names.iter().take(usize::from(u8::MAX)).enumerate() {
            let rank = part(self.part(name.as_ref()));
            if *rank == 0 {
                *rank = i as u8 + 1;
            }
        }
    }

    /// Only these fields are the time, the first that is present. Each must hold a time.
    pub fn set_times<S: AsRef<str>>(&mut self, names: &[S]) {
        self.rank(names, |p| &mut p.time);
        self.strict_times = u8::MAX;
    }

    /// Only these fields are the message, the first that is present.
    pub fn set_messages<S: AsRef<str>>(&mut self, names: &[S]) {
        self.rank(names, |p| &mut p.message);
    }

    /// Only these fields are the stream's labels.
    pub fn set_stream<S: AsRef<str>>(&mut self, names: &[S]) {
        self.parts.values_mut().for_each(|p| p.stream = false);
        names.iter().for_each(|name| self.part(name.as_ref()).stream = true);
    }

    /// These fields are dropped.
    pub fn set_ignored<S: AsRef<str>>(&mut self, names: &[S]) {
        names.iter().for_each(|name| self.part(name.as_ref()).ignored = true);
    }

    /// Every record gets this field, whatever it says itself.
    pub fn add_extra(&mut self, name: &str, value: &str) {
        self.extra.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn of(&self, name: &str) -> Part {
        self.parts.get(name).copied().unwrap_or_default()
    }
}

/// Remembers the parts of the fields of one document by their place: the next one mostly has the same fields.
#[derive(Debug, Default)]
pub(crate) struct RoleMemo {
    names: String,
    /// Where the name at each place ends, and its part.
    places: Vec<(usize, Part)>,
}

/// No more fields are remembered than this.
const MEMO_MAX: usize = 64;

impl RoleMemo {
    /// The part of the field at a place.
    #[inline]
    pub fn of(&mut self, roles: &Roles, place: usize, name: &str) -> Part {
        if let Some((end, part)) = self.places.get(place) {
            let start = if place == 0 { 0 } else { self.places[place - 1].0 };
            if self.names.as_bytes()[start..*end] == *name.as_bytes() {
                return *part;
            }
            self.names.truncate(start);
            self.places.truncate(place);
        }
        let part = roles.of(name);
        if place == self.places.len() && place < MEMO_MAX {
            self.names.push_str(name);
            self.places.push((self.names.len(), part));
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_ranked_and_replaced() {
        let mut roles = Roles::default();
        assert_eq!(roles.of("@timestamp").time, 1);
        assert!(roles.of("host").stream && roles.of("service.name").stream);
        assert_eq!(roles.of("nothing"), Part::default());
        roles.set_times(&["when", "when"]);
        roles.set_stream(&["who", "level"]);
        assert_eq!((roles.of("@timestamp").time, roles.of("when").time), (0, 1));
        assert!(!roles.of("host").stream && roles.of("who").stream);
        assert!(roles.of("level").stream && roles.of("level").level == 1, "a field may play two parts");
    }

    #[test]
    fn the_memo_says_what_the_roles_say() {
        let roles = Roles::default();
        let mut memo = RoleMemo::default();
        for document in [["@timestamp", "message", "host"], ["message", "x", "host"], ["message", "x", "y"]] {
            for _ in 0..2 {
                for (place, name) in document.iter().enumerate() {
                    assert_eq!(memo.of(&roles, place, name), roles.of(name), "{name}");
                }
            }
        }
    }
}
