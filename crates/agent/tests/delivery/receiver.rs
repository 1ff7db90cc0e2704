//! A server that takes remote write, over real HTTP, and does as it is told.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use env::{Disk, RealClock, RealRandom};
use model::*;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One sample as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    pub series: String,
    pub time_ms: i64,
    pub value: f64,
}

/// What to answer to a request with these samples; called once for each request.
pub type Rule = Box<dyn FnMut(&[Got], &HeaderMap) -> (u16, Vec<(&'static str, String)>) + Send>;

#[derive(Default)]
pub struct Seen {
    /// Samples of requests answered with success, in order.
    pub taken: Vec<Got>,
    pub metadata: Vec<String>,
    /// Statuses answered.
    pub answers: Vec<u16>,
    /// Whether the requests were of remote write 2.0.
    pub two: Vec<bool>,
    /// When the samples taken were last zero.
    pub starts: Vec<i64>,
    /// What a server of 1.0 answers to a request of 2.0; 0 is a server that understands both.
    pub refuses_two: u16,
}

#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Seen>>,
    rule: Arc<Mutex<Rule>>,
}

/// Stops when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    shared: Shared,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub fn start(rule: Rule) -> Receiver {
        Receiver::start_at("127.0.0.1:0".parse().unwrap(), rule)
    }

    pub fn start_at(address: SocketAddr, rule: Rule) -> Receiver {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { seen: Arc::default(), rule: Arc::new(Mutex::new(rule)) };
        let app = axum::Router::new()
            .route("/api/v1/write", post(take))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(shared.clone());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Receiver { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, rule: Rule) {
        *self.shared.rule.lock().unwrap() = rule;
    }

    pub fn taken(&self) -> Vec<Got> {
        self.shared.seen.lock().unwrap().taken.clone()
    }

    /// A server of 1.0 from now on, with its answer to requests of 2.0.
    pub fn refuse_two(&self, status: u16) {
        self.shared.seen.lock().unwrap().refuses_two = status;
    }

    pub fn seen<T>(&self, f: impl FnOnce(&Seen) -> T) -> T {
        f(&self.shared.seen.lock().unwrap())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn take(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["content-encoding"], "snappy");
    let two = headers["content-type"] == "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    assert_eq!(headers["x-prometheus-remote-write-version"], if two { "2.0.0" } else { "0.1.0" });
    let refuses = shared.seen.lock().unwrap().refuses_two;
    if two && refuses != 0 {
        let mut seen = shared.seen.lock().unwrap();
        seen.answers.push(refuses);
        seen.two.push(true);
        return (StatusCode::from_u16(refuses).unwrap(), "not my message").into_response();
    }
    let raw = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let mut batch = Batch::default();
    let limits = ingest::Limits::default();
    let outcome = match two {
        true => ingest::remote_write::v2::decode(&raw, &limits, &mut batch),
        false => ingest::remote_write::v1::decode(&raw, &limits, &mut batch),
    };
    let outcome = outcome.unwrap();
    assert!(outcome.is_complete(), "{:?}", outcome.refusal());
    let (status, answer) = (shared.rule.lock().unwrap())(&batch.got, &headers);
    let mut seen = shared.seen.lock().unwrap();
    seen.answers.push(status);
    seen.two.push(two);
    let taken = (200..300).contains(&status);
    let written = if taken { batch.got.len() } else { 0 };
    if taken {
        seen.taken.append(&mut batch.got);
        seen.starts.append(&mut batch.starts);
        seen.metadata.append(&mut batch.metadata);
    }
    drop(seen);
    let mut response = (StatusCode::from_u16(status).unwrap(), "as told").into_response();
    if two {
        response.headers_mut().insert("x-prometheus-remote-write-samples-written", written.into());
    }
    for (name, value) in answer {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

#[derive(Default)]
struct Batch {
    series: Vec<String>,
    got: Vec<Got>,
    starts: Vec<i64>,
    metadata: Vec<String>,
}

impl Appender for Batch {
    fn lookup(&mut self, _: &[u8]) -> Option<SeriesRef> {
        None
    }
    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        self.series.push(labels.to_string());
        Ok(SeriesRef(self.series.len() as u32 - 1))
    }
    fn sample(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        value: f64,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        let series = self.series[series.0 as usize].clone();
        self.got.push(Got { series, time_ms, value });
        self.starts.push(start_ms);
        Ok(())
    }
    fn histogram(
        &mut self,
        s: SeriesRef,
        time_ms: i64,
        h: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        self.sample(s, time_ms, h.sum, start_ms)
    }
    fn exemplar(&mut self, _: SeriesRef, _: Exemplar) -> Result<(), AppendError> {
        Ok(())
    }
    fn metadata(&mut self, family: &str, _: Metadata) -> Result<(), AppendError> {
        self.metadata.push(family.to_owned());
        Ok(())
    }
    fn commit(self: Box<Self>) -> AppendDone {
        unreachable!("nothing is committed here")
    }
}

/// Always the same answer.
pub fn always(status: u16) -> Rule {
    Box::new(move |_, _| (status, Vec::new()))
}

/// An address where nothing listens.
pub fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Options with short pauses.
pub fn options(url: &str, dir: &std::path::Path) -> agent::SpoolOptions {
    agent::SpoolOptions {
        retry_min: Duration::from_millis(5),
        retry_max: Duration::from_millis(50),
        ..agent::SpoolOptions::new(url, dir)
    }
}

pub fn spool(options: agent::SpoolOptions, disk: Arc<dyn Disk>) -> Result<agent::Spool, agent::SpoolError> {
    agent::Spool::start(options, disk, Arc::new(RealClock::new()), Arc::new(RealRandom))
}

pub fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "test")]).unwrap()
}

/// Appends one sample and waits for the answer.
pub fn append(
    store: &dyn Appendable,
    name: &str,
    time_ms: i64,
    value: f64,
) -> Result<Committed, Unavailable> {
    let mut batch = store.appender();
    let series = batch.series(&labels(name)).unwrap();
    batch.sample(series, time_ms, value, 0).unwrap();
    wait(batch.commit())
}

/// Waits for a future on this thread.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Waits until something holds, for at most half a minute.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(5));
    }
}
