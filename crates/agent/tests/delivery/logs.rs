//! The spool for logs against a server that keeps deliveries as a Watchfire server does: each batch once and in order,
//! whatever fails.

use crate::receiver::{nowhere, options, until, wait};
use agent::{LogReader, LogSpool, LogsConfig, READER, Start};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use env::{Disk, RealClock, RealDisk, RealRandom, SimDisk, SimRandom};
use model::Labels;
use model::record::{Delivery, Record, RecordBatch, RecordSink, SenderId, Tenant};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a server has taken.
#[derive(Default)]
struct Taken {
    lines: Vec<String>,
    labels: Vec<String>,
    last: HashMap<SenderId, u64>,
    repeated: usize,
}

type Fails = Box<dyn FnMut() -> Option<u16> + Send>;

#[derive(Clone)]
struct Server {
    taken: Arc<Mutex<Taken>>,
    /// Gives the status of a request that is answered with an error although it was taken.
    fails: Arc<Mutex<Fails>>,
}

async fn take(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let raw = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let limits = ingest::records::RecordLimits::default();
    let mut w = ingest::records::RecordWriter::new(Tenant::unnamed(), limits, 0);
    ingest::logs::loki::protobuf(&raw, &mut w).unwrap();
    let delivery = Delivery::from_text(headers["x-watchfire-delivery"].to_str().unwrap()).unwrap();
    let mut taken = server.taken.lock().unwrap();
    let last = taken.last.entry(delivery.sender).or_default();
    let new = delivery.sequence > *last;
    *last = delivery.sequence.max(*last);
    match new {
        true => {
            let batch = w.finish().batch;
            taken.labels.extend(batch.streams().iter().map(ToString::to_string));
            taken.lines.extend(batch.iter().map(|r| r.record.body.as_str().unwrap().to_owned()));
        }
        false => taken.repeated += 1,
    }
    let failed = (server.fails.lock().unwrap())();
    failed.map_or(StatusCode::NO_CONTENT, |status| StatusCode::from_u16(status).unwrap())
}

/// Serves until the returned sender is dropped.
fn serve(at: SocketAddr, fails: Fails) -> (Server, SocketAddr, tokio::sync::oneshot::Sender<()>) {
    let listener = TcpListener::bind(at).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server { taken: Arc::default(), fails: Arc::new(Mutex::new(fails)) };
    let app = axum::Router::new().route("/loki/api/v1/push", post(take)).with_state(server.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            tokio::select! {
                served = async { axum::serve(listener, app).await } => served.unwrap(),
                _ = stopped => {}
            }
        });
    });
    (server, address, stop)
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn start(
    address: SocketAddr,
    dir: &std::path::Path,
    disk: Arc<dyn Disk>,
) -> Result<LogSpool, agent::SpoolError> {
    let options = options(&format!("http://{address}"), dir);
    LogSpool::start(options, disk, Arc::new(RealClock::new()), Arc::new(RealRandom))
}

fn batch(n: u64) -> RecordBatch {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let stream = batch.stream(Labels::from_pairs([("service.name", "x")]).unwrap());
    if !n.is_multiple_of(5) {
        batch.push(stream, &Record::line(1, &n.to_string()));
    }
    batch.set_delivery(Delivery { sender: READER, sequence: n, state: n.to_string().into_bytes() });
    batch
}

#[test]
fn batches_arrive_once_and_states_come_back_after_power_losses() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let dice = SimRandom::new(seed ^ 0x1095);
        let chance = SimRandom::new(seed ^ 0xfa11);
        let fails: Fails = Box::new(move || chance.chance(0.2).then_some(503));
        let (server, address, _stop) = serve(anywhere(), fails);
        let dir = std::path::PathBuf::from("/spool");
        let (mut next, mut acknowledged) = (1, 0);
        let mut expected = Vec::new();
        for round in 0..4 {
            if round < 3 {
                disk.crash_after(5 + dice.below(80));
            }
            if let Ok(spool) = start(address, &dir, Arc::new(disk.clone())) {
                // As a reader does: on from the state that was kept.
                let state = spool.last_delivery(&READER).map(|d| String::from_utf8(d.state).unwrap());
                let kept = state.map_or(0, |s| s.parse().unwrap());
                assert!(kept == acknowledged || kept == next, "seed {seed}: {kept} after {acknowledged}");
                if kept > acknowledged && kept % 5 > 0 {
                    expected.push(kept.to_string());
                }
                (next, acknowledged) = (kept + 1, kept);
                for _ in 0..15 {
                    if wait(spool.append(batch(next))).is_err() {
                        break;
                    }
                    if next % 5 > 0 {
                        expected.push(next.to_string());
                    }
                    (acknowledged, next) = (next, next + 1);
                }
                if round == 3 {
                    until("delivery", || spool.status().waiting_records == 0);
                }
            }
            disk.crash();
        }
        let taken = server.taken.lock().unwrap();
        assert_eq!(taken.lines, expected, "seed {seed}");
    }
}

#[test]
fn an_outage_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let address = nowhere();
    let spool = start(address, dir.path(), Arc::new(RealDisk)).unwrap();
    assert_eq!(spool.last_delivery(&READER), None);
    for n in 1..30 {
        wait(spool.append(batch(n))).unwrap();
    }
    until("a failure", || spool.status().retries > 0);
    let (server, _, _stop) = serve(address, Box::new(|| None));
    until("delivery", || spool.status().waiting_records == 0);
    assert_eq!(server.taken.lock().unwrap().lines.len(), 24);
    drop(spool);
    // All is delivered, and the state is still there.
    let again = start(address, dir.path(), Arc::new(RealDisk)).unwrap();
    assert_eq!(again.last_delivery(&READER).unwrap().state, b"29");
    assert_eq!(again.last_delivery(&SenderId([0; 16])), None);
}

#[test]
fn files_are_read_into_the_spool_and_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("app.log");
    let mut failures = 0;
    let fails: Fails = Box::new(move || {
        failures += 1;
        (failures < 3).then_some(500)
    });
    let (server, address, _stop) = serve(anywhere(), fails);
    let config: LogsConfig = LogsConfig {
        files: Some(vec![agent::FileLogs {
            include: vec![format!("{}/*.log", dir.path().display())],
            ..agent::FileLogs::default()
        }]),
        containers: false,
        journald: Some(false),
        start: Start::Beginning,
        ..LogsConfig::default()
    };
    let mut written = Vec::new();
    for round in 0..3 {
        let spool = Arc::new(start(address, &dir.path().join("spool"), Arc::new(RealDisk)).unwrap());
        let reader = LogReader::start(config.clone(), "h".into(), spool.clone(), Arc::new(RealClock::new()));
        let reader = reader.unwrap();
        let lines: Vec<String> = (0..50).map(|n| format!("{round} line {n}")).collect();
        let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        file.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
        written.extend(lines);
        until("the lines", || server.taken.lock().unwrap().lines.len() >= written.len());
        until("an end", || reader.status().files.lag_bytes == 0);
        let status = reader.status();
        assert_eq!((status.files.files, status.last_error.as_str()), (1, ""));
        drop(reader);
        spool.stop(Duration::from_secs(10));
    }
    let taken = server.taken.lock().unwrap();
    assert_eq!(taken.lines, written);
    assert!(taken.repeated > 0, "some were sent again");
    let path = log.display().to_string();
    assert_eq!(
        taken.labels[0],
        format!(r#"{{"host.name"="h", "log.file.path"="{path}", "service.name"="app"}}"#)
    );
}
