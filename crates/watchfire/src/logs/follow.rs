//! Lines as they come, over Loki's WebSocket. A connection that breaks is made again where it broke.
//!
//! A line may come a little after its time. Every connection therefore begins some seconds before what was shown last,
//! and what was shown is passed over.

use super::line::Painter;
use super::page::{Entry, Streams};
use crate::cli::LogsArgs;
use crate::exit::{Exit, no, unable, written};
use crate::remote::Remote;
use futures::StreamExt;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How late a line may come.
const LATE_NS: i64 = 5_000_000_000;

/// What was shown, as far back as it may come again.
#[derive(Debug)]
pub struct Shown {
    newest_ns: i64,
    /// Lines before this were left out on purpose.
    floor_ns: i64,
    lines: VecDeque<(i64, u64)>,
    /// How often each line is to be passed over on the present connection.
    again: HashMap<u64, usize>,
}

impl Shown {
    /// Everything before a time was looked for.
    pub fn until(time_ns: i64) -> Shown {
        Shown { newest_ns: time_ns, floor_ns: i64::MIN, lines: VecDeque::new(), again: HashMap::new() }
    }

    /// Lines before a time are not wanted.
    pub fn leave_out_before(&mut self, time_ns: i64) {
        self.floor_ns = time_ns;
    }

    /// Notes a line.
    pub fn add(&mut self, entry: &Entry) {
        self.newest_ns = self.newest_ns.max(entry.time_ns);
        self.lines.push_back((entry.time_ns, hash(entry)));
        let oldest = self.newest_ns.saturating_sub(2 * LATE_NS);
        while self.lines.front().is_some_and(|(time_ns, _)| *time_ns < oldest) {
            self.lines.pop_front();
        }
    }

    /// A connection begins: the time from which lines are asked for.
    fn begin(&mut self) -> i64 {
        let from_ns = self.newest_ns.saturating_sub(LATE_NS).max(self.floor_ns);
        self.again.clear();
        for (_, hash) in self.lines.iter().filter(|(time_ns, _)| *time_ns >= from_ns) {
            *self.again.entry(*hash).or_default() += 1;
        }
        from_ns
    }

    /// Whether a line was not shown yet; then it counts as shown.
    fn is_new(&mut self, entry: &Entry) -> bool {
        match self.again.get_mut(&hash(entry)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => {
                self.add(entry);
                true
            }
        }
    }
}

fn hash(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (entry.time_ns, &entry.line, &entry.labels).hash(&mut hasher);
    hasher.finish()
}

/// Shows lines that were not shown yet until the program is ended.
pub async fn run(args: &LogsArgs, remote: &Remote, painter: &Painter, mut shown: Shown) -> Result<(), Exit> {
    let mut pause = PAUSE_MIN;
    let mut first = true;
    loop {
        match one(args, remote, painter, &mut shown).await {
            Ended::Refused(why) => return Err(why),
            Ended::Reader => return Ok(()),
            Ended::Away(why) if first => return Err(unable(format!("cannot reach {}: {why}", args.url))),
            Ended::Away(why) => {
                eprintln!("the connection broke ({why}); trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Ended::Broken => pause = PAUSE_MIN,
        }
        first = false;
    }
}

enum Ended {
    /// Nobody answers, or says nothing before the end.
    Away(String),
    /// Lines had come.
    Broken,
    Refused(Exit),
    /// Whoever reads our output went away, or it cannot be written.
    Reader,
}

async fn one(args: &LogsArgs, remote: &Remote, painter: &Painter, shown: &mut Shown) -> Ended {
    let request = match request(args, remote, shown.begin()) {
        Ok(request) => request,
        Err(why) => return Ended::Refused(why),
    };
    let mut socket = match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => socket,
        Err(Error::Http(answer)) => {
            let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            return Ended::Refused(no(format!("the server answers {}: {body}", answer.status())));
        }
        Err(e) => return Ended::Away(e.to_string()),
    };
    let mut came = false;
    let broken = |came, why: String| if came { Ended::Broken } else { Ended::Away(why) };
    while let Some(message) = socket.next().await {
        let text = match message {
            Ok(Message::Text(text)) => text,
            Ok(Message::Close(Some(frame))) if !frame.reason.is_empty() => {
                return Ended::Refused(no(frame.reason.to_string()));
            }
            Ok(Message::Close(_)) => break,
            Ok(_) => continue,
            Err(e) => return broken(came, e.to_string()),
        };
        let Ok(streams) = serde_json::from_str::<Streams>(&text) else {
            return Ended::Refused(unable(format!("{} does not answer as Loki does: {text}", args.url)));
        };
        came = true;
        let mut out = std::io::stdout().lock();
        for entry in streams.entries(true).into_iter().filter(|e| shown.is_new(e)) {
            if painter.write(&mut out, &entry).is_err() {
                return Ended::Reader;
            }
        }
        if written(out.flush()).is_err() {
            return Ended::Reader;
        }
    }
    broken(came, "the server closed it".to_owned())
}

fn request(
    args: &LogsArgs,
    remote: &Remote,
    start_ns: i64,
) -> Result<tokio_tungstenite::tungstenite::http::Request<()>, Exit> {
    let mut url = remote.url("/loki/api/v1/tail");
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    // Both pairs of schemes are special ones, between which a change is allowed.
    url.set_scheme(scheme).map_err(|()| unable(format!("{} has no WebSocket form", args.url)))?;
    url.query_pairs_mut()
        .append_pair("query", &args.query)
        .append_pair("start", &start_ns.to_string())
        .append_pair("limit", "2000");
    let mut request = url.as_str().into_client_request().map_err(unable)?;
    if let Some(tenant) = &args.tenant {
        let value =
            HeaderValue::from_str(tenant).map_err(|_| no("--tenant has characters no header takes"))?;
        request.headers_mut().insert("x-scope-orgid", value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_again_is_passed_over_and_a_late_one_is_not() {
        let entry = |s: i64, line: &str| Entry {
            time_ns: s * 1_000_000_000,
            line: line.to_owned(),
            labels: Default::default(),
        };
        let mut shown = Shown::until(0);
        for e in [entry(90, "old"), entry(97, "a"), entry(97, "a"), entry(100, "b")] {
            shown.add(&e);
        }
        assert_eq!(shown.begin(), 95_000_000_000);
        let came = [entry(96, "late"), entry(97, "a"), entry(97, "a"), entry(97, "a"), entry(100, "b")];
        let new: Vec<bool> = came.iter().map(|e| shown.is_new(e)).collect();
        assert_eq!(new, [true, false, false, true, false]);
        shown.begin();
        assert!(came.iter().all(|e| !shown.is_new(e)), "what was new is shown now");
        shown.leave_out_before(97_000_000_000);
        assert_eq!(shown.begin(), 97_000_000_000);
    }
}
