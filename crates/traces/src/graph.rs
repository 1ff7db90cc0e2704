//! Which service calls which: both halves of a call are matched as they come in.

use crate::histogram::DurationHistogram;
use crate::metrics::OTHER;
use crate::watch::{Exemplar, Point, PointValue, WatchLimits, cut};
use hashbrown::HashMap;
use model::record::span::{Span, SpanKind, SpanStatus};
use model::record::{SpanId, TraceId, Value};
use std::collections::VecDeque;

/// Who calls where no caller is known, because a trace begins there.
const USER: &str = "user";

/// How two services speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Connection {
    /// Calls that both sides report.
    Direct,
    /// Through a queue.
    Messaging,
    /// To a database, which reports nothing itself.
    Database,
    /// One side reports nothing.
    Virtual,
}

impl Connection {
    fn word(self) -> &'static str {
        match self {
            Connection::Direct => "",
            Connection::Messaging => "messaging_system",
            Connection::Database => "database",
            Connection::Virtual => "virtual_node",
        }
    }
}

/// A service by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Service(u32);

/// One half of a call, until the other comes.
#[derive(Debug, Clone, Copy)]
struct Half {
    service: Service,
    /// Who is called as the caller says, if nobody answers.
    peer: Option<Service>,
    is_client: bool,
    messaging: bool,
    failed: bool,
    duration_ns: i64,
    exemplar: Exemplar,
}

/// What is counted of one edge.
#[derive(Debug, Default)]
struct Edge {
    requests: u64,
    failed: u64,
    client: DurationHistogram,
    server: DurationHistogram,
    exemplar: Option<Exemplar>,
    since_ms: i64,
    last_ms: i64,
}

type CallKey = (TraceId, SpanId);

/// Calls between services.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    numbers: HashMap<Box<str>, Service>,
    names: Vec<Box<str>>,
    edges: HashMap<(Service, Service, Connection), Edge>,
    waiting: HashMap<CallKey, Half>,
    /// The same in order of arrival, with the time.
    queue: VecDeque<(i64, CallKey)>,
    /// Halves given up because too many waited.
    pub crowded_out: u64,
}

impl Graph {
    pub fn observe(&mut self, span: &Span<'_>, exemplar: &Exemplar, now_ms: i64, limits: &WatchLimits) {
        let messaging = matches!(span.kind, SpanKind::Producer | SpanKind::Consumer);
        let half = |service, peer, is_client| Half {
            service,
            peer,
            is_client,
            messaging,
            failed: span.status == SpanStatus::Error,
            duration_ns: span.duration_ns,
            exemplar: *exemplar,
        };
        match span.kind {
            SpanKind::Client | SpanKind::Producer => {
                let service = self.number(span.service(), limits);
                let (peer, database) = peer(span);
                let peer = peer.map(|p| self.number(p, limits));
                let own = half(service, peer, true);
                match peer {
                    Some(peer) if database => {
                        self.count(service, peer, Connection::Database, &own, None, now_ms)
                    }
                    _ => self.meet((span.trace_id, span.span_id), own, now_ms, limits),
                }
            }
            SpanKind::Server | SpanKind::Consumer => {
                let service = self.number(span.service(), limits);
                let own = half(service, None, false);
                if span.parent_id.is_none() {
                    let user = self.number(USER, limits);
                    self.count(user, service, Connection::Virtual, &own, None, now_ms);
                } else {
                    self.meet((span.trace_id, span.parent_id), own, now_ms, limits);
                }
            }
            SpanKind::Internal | SpanKind::Unspecified => {}
        }
    }

    fn number(&mut self, service: &str, limits: &WatchLimits) -> Service {
        let mut service = cut(service, limits);
        if let Some(n) = self.numbers.get(service) {
            return *n;
        }
        if self.names.len() >= limits.services_max {
            service = OTHER;
            if let Some(n) = self.numbers.get(service) {
                return *n;
            }
        }
        let n = Service(self.names.len() as u32);
        self.names.push(service.into());
        self.numbers.insert(service.into(), n);
        n
    }

    /// Matches a half with the other, or lets it wait.
    fn meet(&mut self, key: CallKey, half: Half, now_ms: i64, limits: &WatchLimits) {
        match self.waiting.get(&key) {
            // A call may be answered more than once, and a half may come twice; the caller's waits on.
            Some(other) if other.is_client != half.is_client => {
                let other = *other;
                let (client, server) = if half.is_client { (half, other) } else { (other, half) };
                let messaging = client.messaging || server.messaging;
                let connection = if messaging { Connection::Messaging } else { Connection::Direct };
                self.count(client.service, server.service, connection, &client, Some(&server), now_ms);
                self.waiting.remove(&key);
            }
            Some(_) => {}
            None => {
                if self.waiting.len() >= limits.waiting_max {
                    self.crowded_out += 1;
                    return;
                }
                self.waiting.insert(key, half);
                self.queue.push_back((now_ms, key));
            }
        }
    }

    fn count(
        &mut self,
        client: Service,
        server: Service,
        connection: Connection,
        one: &Half,
        other: Option<&Half>,
        now_ms: i64,
    ) {
        let edge = self
            .edges
            .entry((client, server, connection))
            .or_insert_with(|| Edge { since_ms: now_ms, ..Edge::default() });
        edge.requests += 1;
        edge.failed += u64::from(one.failed || other.is_some_and(|o| o.failed));
        edge.last_ms = now_ms;
        for half in std::iter::once(one).chain(other) {
            let side = if half.is_client { &mut edge.client } else { &mut edge.server };
            side.observe(half.duration_ns);
        }
        if edge.exemplar.as_ref().is_none_or(|e| e.value_ns < one.exemplar.value_ns) {
            edge.exemplar = Some(one.exemplar);
        }
    }

    /// Gives up waiting for halves that came before a time.
    pub fn expire(&mut self, before_ms: i64, now_ms: i64) {
        while let Some((came_ms, key)) = self.queue.front().copied() {
            if came_ms >= before_ms {
                break;
            }
            self.queue.pop_front();
            // Matched ones are gone already.
            let Some(half) = self.waiting.remove(&key) else { continue };
            if let (true, Some(peer)) = (half.is_client, half.peer) {
                let connection = if half.messaging { Connection::Messaging } else { Connection::Virtual };
                self.count(half.service, peer, connection, &half, None, now_ms);
            }
        }
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Gives all counts, and forgets what was idle for long.
    pub fn collect(&mut self, now_ms: i64, idle_ms: i64, give: &mut dyn FnMut(&Point<'_>)) {
        let names = &self.names;
        self.edges.retain(|(client, server, connection), edge| {
            let labels = [
                ("client", &*names[client.0 as usize]),
                ("server", &*names[server.0 as usize]),
                ("connection_type", connection.word()),
            ];
            let exemplar = edge.exemplar.take();
            let point = |name, value, exemplar| Point {
                name,
                labels: &labels,
                value,
                since_ms: edge.since_ms,
                exemplar,
            };
            give(&point("traces_service_graph_request_total", PointValue::Counter(edge.requests), None));
            give(&point("traces_service_graph_request_failed_total", PointValue::Counter(edge.failed), None));
            for (name, durations) in [
                ("traces_service_graph_request_client_seconds", &edge.client),
                ("traces_service_graph_request_server_seconds", &edge.server),
            ] {
                if durations.count() > 0 {
                    give(&point(name, PointValue::Durations(durations), exemplar));
                }
            }
            now_ms.saturating_sub(edge.last_ms) < idle_ms
        });
    }
}

/// Who is called as the caller says, and whether that is a database. By older and newer conventions, in one look at the
/// attributes.
fn peer<'a>(span: &Span<'a>) -> (Option<&'a str>, bool) {
    const NAMES: [&str; 10] = [
        "peer.service",
        "db.namespace",
        "db.name",
        "db.system.name",
        "db.system",
        "messaging.destination.name",
        "rpc.service",
        "server.address",
        "net.peer.name",
        "net.peer.ip",
    ];
    /// Places of databases among the names.
    const DATABASE: std::ops::Range<usize> = 1..5;
    let mut found: [Option<&str>; NAMES.len()] = [None; NAMES.len()];
    for (name, value) in span.attributes() {
        let (Value::String(text), b'p' | b'd' | b'm' | b'r' | b's' | b'n') =
            (value, name.as_bytes().first().copied().unwrap_or(0))
        else {
            continue;
        };
        if let Some(place) = NAMES.iter().position(|n| *n == name) {
            found[place] = Some(text).filter(|t| !t.is_empty());
        }
    }
    let is_database = span.kind == SpanKind::Client && found[3].or(found[4]).is_some();
    let named = |place: &usize| is_database || !DATABASE.contains(place);
    ((0..NAMES.len()).filter(named).find_map(|place| found[place]), is_database)
}
