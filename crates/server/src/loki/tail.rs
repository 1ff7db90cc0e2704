//! `tail`: lines as they come, over a WebSocket.
//!
//! The store is asked again and again for what is new. A record may come a little after its time, so each look goes back
//! some seconds before the last one, and what was sent already is remembered for as long. When the client does not keep
//! up nothing is lost: the next look begins where the lines sent so far end.

use super::answer;
use super::params;
use super::query::engine;
use super::source::LogSource;
use crate::api::query::failed;
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::listen::Place;
use crate::http::params::Params;
use crate::state::App;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use logql::{Direction, Expr, LogExpr, LogRange, LogStream};
use model::record::Tenant;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the store is asked.
const PAUSE: Duration = Duration::from_millis(250);
/// How late a record may come and still be shown.
const LATE_NS: i64 = 5_000_000_000;
/// How long nothing is said before it is tried whether the client is still there.
const SILENCE: Duration = Duration::from_secs(20);
/// How long a client may take to read a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// Lines in one message.
const LINES_MAX: usize = 2000;
/// Lines of the past that a client gets without `limit`.
const PAST_LINES: usize = 100;
/// As Loki has it.
const DELAY_S_MAX: i64 = 5;

struct Tail {
    tenant: Tenant,
    log: LogExpr,
    /// Lines before this time are of no interest.
    from_ns: i64,
    delay_ns: i64,
    /// Whether the labels of lines are wanted apart from those of streams.
    categorise: bool,
    sent: Sent,
}

/// `/loki/api/v1/tail`
pub async fn tail(
    State(app): Shared,
    place: Option<Extension<Place>>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Answer {
    let params = Params::of_query(uri.query().unwrap_or(""));
    let Expr::Log(log) = super::query::expression(&params)? else {
        return Err(ApiError::parameter(
            "query",
            "lines can be followed, numbers cannot: leave out the functions",
        ));
    };
    let delay_s = match params.get("delay_for") {
        None => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(s @ 0..=DELAY_S_MAX) => s,
            _ => {
                let reason = format!("{text:?} is not a whole number of seconds from 0 to {DELAY_S_MAX}");
                return Err(ApiError::parameter("delay_for", reason));
            }
        },
    };
    let now = app.now_ms().saturating_mul(1_000_000);
    let start = params::time_ns(&params, "start")?;
    let past = params.limit()?.unwrap_or(PAST_LINES).min(LINES_MAX);
    let tenant = params::tenant(&headers)?;
    app.ready()?;
    let tail = Tail {
        tenant,
        log,
        from_ns: start.unwrap_or(now),
        delay_ns: delay_s * 1_000_000_000,
        categorise: params::categorise_tail(&headers, &params),
        sent: Sent::default(),
    };
    let upgraded = upgrade.on_upgrade(move |socket| async move {
        // An error ends the connection; the client sees that and asks again.
        let _ = tail.run(&app, socket, past).await;
        drop(place);
    });
    Ok(upgraded.into_response())
}

impl Tail {
    async fn run(mut self, app: &Arc<App>, mut socket: WebSocket, past: usize) -> Result<(), axum::Error> {
        let mut limit = past;
        let mut spoken = Instant::now();
        loop {
            match self.look(app, limit).await {
                Ok(streams) if !streams.is_empty() => {
                    send(&mut socket, Message::text(message(&streams, self.categorise))).await?;
                    spoken = Instant::now();
                }
                Ok(_) if spoken.elapsed() < SILENCE => {}
                Ok(_) => {
                    send(&mut socket, Message::Ping(Bytes::new())).await?;
                    spoken = Instant::now();
                }
                Err(e) => {
                    let close = CloseFrame { code: 1011, reason: close_reason(&e).into() };
                    return send(&mut socket, Message::Close(Some(close))).await;
                }
            }
            limit = LINES_MAX;
            match tokio::time::timeout(PAUSE, socket.recv()).await {
                Err(_) => {}
                Ok(Some(Ok(Message::Close(_)))) | Ok(None) => return Ok(()),
                Ok(Some(received)) => {
                    received?;
                }
            }
        }
    }

    /// What is new, as of now.
    async fn look(&mut self, app: &Arc<App>, limit: usize) -> Result<Vec<LogStream>, ApiError> {
        let now = app.now_ms().saturating_mul(1_000_000).saturating_sub(self.delay_ns);
        let start = self.from_ns.max(self.sent.complete_ns.saturating_sub(LATE_NS));
        // What was sent is found again, and is no part of what may be sent.
        let limit = limit.saturating_add(self.sent.count());
        let range = LogRange { start_ns: start, end_ns: now, direction: Direction::Forward, limit };
        let (tenant, log) = (self.tenant.clone(), self.log.clone());
        let name = ask::name(("tail", log.to_string()));
        let found = ask::ask(app, app.query_timeout(), name, move |app, reins| {
            let engine = engine(app);
            let source = LogSource::new(app.ready()?, &tenant, engine.options.memory_max);
            engine.logs(&source, &log, &range, &reins.control).map_err(failed)
        })
        .await?;
        let full = found.streams.iter().map(|s| s.entries.len()).sum::<usize>() >= limit;
        let last = found.streams.iter().flat_map(|s| s.entries.last()).map(|e| e.time_ns).max();
        let mut streams = if self.categorise { found.streams } else { found.merged() };
        for stream in &mut streams {
            let labels = stream.labels.clone();
            stream
                .entries
                .retain(|e| self.sent.is_new(e.time_ns, &(&labels, &e.structured, e.time_ns, &e.line)));
        }
        streams.retain(|s| !s.entries.is_empty());
        // More lines wait behind the last one if there was no room for them.
        let complete = if full { last.unwrap_or(now) } else { now };
        self.sent.advance(complete);
        Ok(streams)
    }
}

/// What was sent, for as long as it may be found again.
#[derive(Debug, Default)]
struct Sent {
    /// How often a line was sent; two records may be equal.
    lines: HashMap<u64, u64>,
    order: VecDeque<(i64, u64)>,
    /// All before this time was sent, but for what comes late.
    complete_ns: i64,
    /// How often each line was met in the present look.
    met: HashMap<u64, u64>,
}

impl Sent {
    fn count(&self) -> usize {
        self.order.len()
    }

    fn is_new(&mut self, time_ns: i64, line: &impl Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        let hash = hasher.finish();
        let met = self.met.entry(hash).or_default();
        *met += 1;
        let sent = self.lines.entry(hash).or_default();
        if *met <= *sent {
            return false;
        }
        *sent += 1;
        self.order.push_back((time_ns, hash));
        true
    }

    /// The look is over. All up to a time was sent; what is older than [`LATE_NS`] before it is not met again.
    fn advance(&mut self, complete_ns: i64) {
        self.met.clear();
        self.complete_ns = self.complete_ns.max(complete_ns);
        let oldest = self.complete_ns.saturating_sub(LATE_NS);
        let lines = &mut self.lines;
        self.order.retain(|(time, hash)| {
            let stays = *time >= oldest;
            if !stays && let Some(n) = lines.get_mut(hash) {
                *n -= 1;
                if *n == 0 {
                    lines.remove(hash);
                }
            }
            stays
        });
    }
}

/// A client that reads nothing is left.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), axum::Error> {
    tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await.map_err(axum::Error::new)?
}

fn message(streams: &[LogStream], categorise: bool) -> String {
    let write = if categorise { answer::categorised_stream } else { answer::stream };
    let mut j = Json::new();
    j.raw("{").key("streams").list(streams, write).key("dropped_entries").raw("[]}");
    String::from_utf8(j.into_bytes()).unwrap_or_default()
}

/// A close frame has room for 123 bytes.
fn close_reason(e: &ApiError) -> String {
    let message = &e.message;
    message[..message.floor_char_boundary(120)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_sent_once_and_equal_lines_as_often_as_they_are_there() {
        let mut sent = Sent::default();
        assert!(sent.is_new(10, &"a") && sent.is_new(10, &"a") && sent.is_new(11, &"b"));
        sent.advance(LATE_NS);
        assert!(!sent.is_new(10, &"a") && !sent.is_new(10, &"a") && sent.is_new(10, &"a"));
        assert!(!sent.is_new(11, &"b") && sent.is_new(5, &"late"));
        sent.advance(LATE_NS + 11);
        assert_eq!((sent.count(), sent.lines.len()), (1, 1), "only b may come again");
    }
}
