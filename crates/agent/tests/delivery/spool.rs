//! The spool against a real HTTP server: order, outages, restarts, poison, bounds and power loss.

use crate::receiver::*;
use agent::{Credentials, SpoolError};
use env::{Disk, RealDisk, SimDisk, SimRandom};
use model::{Appendable, Metadata, MetricKind};
use std::sync::Arc;
use std::time::Duration;

fn real() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

/// Values in the order of their first arrival.
fn first_arrivals(got: &[Got]) -> Vec<f64> {
    let mut seen = std::collections::HashSet::new();
    got.iter().map(|g| g.value).filter(|v| seen.insert(v.to_bits())).collect()
}

fn numbers(range: std::ops::Range<i64>) -> Vec<f64> {
    range.map(|n| n as f64).collect()
}

#[test]
fn what_is_appended_arrives_with_labels_metadata_and_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let server = Receiver::start(Box::new(|_, headers| {
        let known = headers.get("authorization").is_some_and(|v| v == "Bearer s3cret");
        (if known && headers["x-scope-orgid"] == "t1" { 204 } else { 401 }, Vec::new())
    }));
    let mut options = options(&server.url(), dir.path());
    options.credentials = Credentials::Token("s3cret".into());
    options.headers = vec![("X-Scope-OrgID".into(), "t1".into())];
    let spool = spool(options, real()).unwrap();
    let mut batch = spool.appender();
    let a = batch.series(&labels("a_total")).unwrap();
    let b = batch.series(&labels("b")).unwrap();
    assert_eq!(batch.series(&labels("a_total")).unwrap(), a);
    assert_eq!(batch.lookup(labels("b").key()), Some(b));
    assert_eq!(batch.lookup(labels("c").key()), None);
    let kind = MetricKind::Counter;
    batch.metadata("a_total", Metadata { kind, help: "h".into(), unit: String::new() }).unwrap();
    // Interleaved, as a caller may; a NaN keeps its payload and a zero its sign.
    batch.sample(a, 1, 1.5, 0).unwrap();
    batch.sample(b, 1, f64::from_bits(0x7ff0_0000_0000_0002), 0).unwrap();
    batch.sample(a, 2, -0.0, 0).unwrap();
    assert_eq!(wait(batch.commit()).unwrap().samples, 3);
    spool.stop(Duration::from_secs(20));
    let got = server.taken();
    let series: Vec<_> = got.iter().map(|g| (g.series.as_str(), g.time_ms, g.value.to_bits())).collect();
    let a = r#"a_total{job="test"}"#;
    assert_eq!(
        series,
        [
            (a, 1, 1.5f64.to_bits()),
            (a, 2, (-0.0f64).to_bits()),
            (r#"b{job="test"}"#, 1, 0x7ff0_0000_0000_0002)
        ]
    );
    server.seen(|s| assert_eq!(s.metadata, ["a_total"]));
    let status = spool.status();
    assert_eq!((status.waiting_records, status.delivered_samples, status.last_error.as_str()), (0, 3, ""));
}

#[test]
fn an_outage_costs_nothing_and_is_made_up_for_in_large_requests() {
    let dir = tempfile::tempdir().unwrap();
    let address = nowhere();
    let spool = spool(options(&format!("http://{address}"), dir.path()), real()).unwrap();
    for n in 0..200 {
        append(&spool, "n", n, n as f64).unwrap();
    }
    until("a failure", || spool.status().retries > 0);
    assert!(spool.status().last_error.contains("onnect"), "{}", spool.status().last_error);
    assert_eq!(spool.status().waiting_records, 200);
    let server = Receiver::start_at(address, always(204));
    until("delivery", || spool.status().waiting_records == 0);
    assert_eq!(server.taken().iter().map(|g| g.value).collect::<Vec<_>>(), numbers(0..200));
    let requests = server.seen(|s| s.answers.len());
    assert!(requests < 20, "{requests} requests for 200 batches");
}

#[test]
fn a_killed_agent_goes_on_where_it_was_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let random = SimRandom::new(7);
    // One request in three fails, so that a kill finds delivery in all states.
    let flaky = SimRandom::new(8);
    let rule: Rule = Box::new(move |_, _| (if flaky.below(3) == 0 { 503 } else { 200 }, Vec::new()));
    let server = Receiver::start(rule);
    let mut next = 0;
    for _ in 0..15 {
        let mut options = options(&server.url(), dir.path());
        options.request_bytes_max = 400;
        let spool = spool(options, real()).unwrap();
        for _ in 0..random.below(40) {
            append(&spool, "n", next, next as f64).unwrap();
            next += 1;
        }
        // Dropped without `stop`: nothing is flushed and no position is written.
    }
    let last = spool(options(&server.url(), dir.path()), real()).unwrap();
    until("delivery", || last.status().waiting_records == 0);
    assert_eq!(first_arrivals(&server.taken()), numbers(0..next));
}

#[test]
fn a_poisonous_batch_is_given_up_and_only_that() {
    let dir = tempfile::tempdir().unwrap();
    let address = nowhere();
    let spool = spool(options(&format!("http://{address}"), dir.path()), real()).unwrap();
    for n in 0..50 {
        append(&spool, "n", n, n as f64).unwrap();
    }
    let rule: Rule =
        Box::new(|got, _| (if got.iter().any(|g| g.value == 20.0) { 400 } else { 200 }, Vec::new()));
    let server = Receiver::start_at(address, rule);
    until("delivery", || spool.status().waiting_records == 0);
    let expected: Vec<f64> = numbers(0..50).into_iter().filter(|n| *n != 20.0).collect();
    assert_eq!(first_arrivals(&server.taken()), expected);
    let status = spool.status();
    assert_eq!((status.rejected_records, status.rejected_samples, status.delivered_records), (1, 1, 49));
    assert_eq!(status.last_rejection, "400 Bad Request: as told");
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut left = 3;
    let rule: Rule = Box::new(move |_, _| {
        left -= 1;
        match left {
            2 => (429, vec![("retry-after", "0".to_owned())]),
            1 => (503, vec![("retry-after", "1".to_owned())]),
            0 => (404, Vec::new()),
            _ => (200, Vec::new()),
        }
    });
    let server = Receiver::start(rule);
    let spool = spool(options(&server.url(), dir.path()), real()).unwrap();
    append(&spool, "n", 1, 1.0).unwrap();
    until("delivery", || spool.status().waiting_records == 0);
    server.seen(|s| assert_eq!(s.answers, [429, 503, 404, 200]));
    let status = spool.status();
    assert_eq!((status.retries, status.rejected_records, status.delivered_records), (3, 0, 1));
}

#[test]
fn a_full_spool_drops_the_oldest_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let address = nowhere();
    let mut options = options(&format!("http://{address}"), dir.path());
    options.bytes_max = 300_000;
    let spool = spool(options, real()).unwrap();
    // Values that do not compress, so that the spool fills.
    let random = SimRandom::new(3);
    let mut values = Vec::new();
    for n in 0..1000i64 {
        let mut batch = spool.appender();
        let series = batch.series(&labels("n")).unwrap();
        for k in 0..100 {
            let value = f64::from_bits(random.below(1 << 62));
            batch.sample(series, n * 100 + k, value, 0).unwrap();
            values.push((n * 100 + k, value));
        }
        wait(batch.commit()).unwrap();
    }
    until("the bound", || spool.status().disk_bytes <= 300_000);
    let dropped = spool.status().dropped_records;
    assert!(dropped > 0);
    let server = Receiver::start_at(address, always(200));
    until("delivery", || spool.status().waiting_records == 0);
    // A request under way while the oldest go may still bring some of them.
    let mut got: Vec<_> = server.taken().iter().map(|g| (g.time_ms, g.value)).collect();
    got.dedup();
    assert!(got.len() as u64 >= (1000 - dropped) * 100, "{} samples and {dropped} dropped", got.len());
    assert_eq!(got.last(), values.last());
    let newest = &values[dropped as usize * 100..];
    assert_eq!(&got[got.len() - newest.len()..], newest);
}

#[test]
fn stopping_delivers_what_there_is_or_gives_up_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = Receiver::start(always(200));
    let first = spool(options(&server.url(), dir.path()), real()).unwrap();
    for n in 0..20 {
        append(&first, "n", n, n as f64).unwrap();
    }
    first.stop(Duration::from_secs(20));
    assert_eq!(server.taken().len(), 20);
    drop(first);
    server.set(always(503));
    let second = spool(options(&server.url(), dir.path()), real()).unwrap();
    append(&second, "n", 20, 20.0).unwrap();
    second.stop(Duration::from_millis(50));
    assert_eq!(second.status().waiting_records, 1);
    drop(second);
    server.set(always(200));
    let third = spool(options(&server.url(), dir.path()), real()).unwrap();
    until("delivery", || third.status().waiting_records == 0);
    // The position was written: nothing came twice.
    assert_eq!(server.taken().iter().map(|g| g.value).collect::<Vec<_>>(), numbers(0..21));
}

#[test]
fn what_was_acknowledged_before_a_power_loss_arrives() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let random = SimRandom::new(seed ^ 0xabcd);
        let server = Receiver::start(always(200));
        let dir = std::path::PathBuf::from("/spool");
        let (mut next, mut acknowledged) = (0, Vec::new());
        for _ in 0..3 {
            disk.crash_after(random.below(60));
            if let Ok(spool) = spool(options(&server.url(), &dir), Arc::new(disk.clone())) {
                for _ in 0..20 {
                    if append(&spool, "n", next, next as f64).is_ok() {
                        acknowledged.push(next as f64);
                    }
                    next += 1;
                    if disk.is_down() {
                        break;
                    }
                }
            }
            disk.crash();
        }
        let last = spool(options(&server.url(), &dir), Arc::new(disk.clone())).unwrap();
        until("delivery", || last.status().waiting_records == 0);
        let arrived = first_arrivals(&server.taken());
        assert!(arrived.is_sorted(), "seed {seed}: out of order");
        for value in &acknowledged {
            assert!(arrived.contains(value), "seed {seed}: {value} was acknowledged and is lost");
        }
        assert_eq!(last.status().damaged_records, 0, "seed {seed}");
    }
}

#[test]
fn a_full_disk_refuses_batches_until_there_is_room() {
    let disk = SimDisk::new(1);
    let server = Receiver::start(always(200));
    let spool = spool(options(&server.url(), "/spool".as_ref()), Arc::new(disk.clone())).unwrap();
    append(&spool, "n", 0, 0.0).unwrap();
    disk.set_capacity(Some(0));
    let error = append(&spool, "n", 1, 1.0).unwrap_err();
    assert!(error.to_string().starts_with("the store cannot write: journal cannot"), "{error}");
    disk.set_capacity(None);
    append(&spool, "n", 2, 2.0).unwrap();
    until("delivery", || spool.status().waiting_records == 0);
    assert_eq!(first_arrivals(&server.taken()), [0.0, 2.0]);
}

#[test]
fn one_spool_has_one_agent_and_settings_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let one = spool(options("http://127.0.0.1:9", dir.path()), real()).unwrap();
    let two = spool(options("http://127.0.0.1:9", dir.path()), real());
    assert!(matches!(two, Err(SpoolError::Io { what: "lock", .. })));
    drop(one);
    let mut bad = options("http://127.0.0.1:9", dir.path());
    bad.tls.cert_file = Some("/nonexistent/cert.pem".into());
    let error = spool(bad, real()).err().unwrap().to_string();
    assert_eq!(error, "tls: cert_file and key_file are given together or not at all");
}

#[test]
fn a_batch_too_large_for_a_record_is_divided_and_arrives_whole() {
    let dir = tempfile::tempdir().unwrap();
    let address = nowhere();
    let spool = spool(options(&format!("http://{address}"), dir.path()), real()).unwrap();
    let mut batch = spool.appender();
    // 12 MB, most of it labels, and one series with many samples at the end.
    let long = "x".repeat(2000);
    for n in 0..6000 {
        let labels = [("__name__", "wide".to_owned()), ("long", format!("{long}{n}"))];
        let series = batch.series(&model::Labels::from_pairs(labels).unwrap()).unwrap();
        batch.sample(series, 1, f64::from(n), 0).unwrap();
    }
    let series = batch.series(&labels("deep")).unwrap();
    for n in 0..1000 {
        batch.sample(series, n, 0.5, 0).unwrap();
    }
    assert_eq!(wait(batch.commit()).unwrap().samples, 7000);
    assert_eq!(spool.status().waiting_records, 2);
    let server = Receiver::start_at(address, always(200));
    until("delivery", || spool.status().waiting_records == 0);
    let got = server.taken();
    assert_eq!(got.len(), 7000);
    let wide: Vec<f64> = got.iter().filter(|g| g.series.starts_with("wide")).map(|g| g.value).collect();
    assert_eq!(wide, numbers(0..6000));
    let deep: Vec<i64> = got.iter().filter(|g| g.series.starts_with("deep")).map(|g| g.time_ms).collect();
    assert_eq!(deep, (0..1000).collect::<Vec<i64>>());
}
