//! Which message of remote write is sent to whom.

use crate::receiver::*;
use agent::RemoteWriteMessage;
use env::RealDisk;
use model::{Appendable, Metadata, MetricKind};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_server_of_2_gets_start_times_and_metadata_with_the_series() {
    let dir = tempfile::tempdir().unwrap();
    let server = Receiver::start(always(200));
    let spool = spool(options(&server.url(), dir.path()), Arc::new(RealDisk)).unwrap();
    let mut batch = spool.appender();
    let series = batch.series(&labels("n_total")).unwrap();
    let metadata = Metadata { kind: MetricKind::Counter, help: "Things.".into(), unit: String::new() };
    batch.metadata("n_total", metadata).unwrap();
    batch.sample(series, 1000, 5.0, 7).unwrap();
    wait(batch.commit()).unwrap();
    spool.stop(Duration::from_secs(20));
    server.seen(|s| {
        assert_eq!(
            (&s.two[..], &s.starts[..], &s.metadata[..]),
            (&[true][..], &[7][..], &["n_total".to_owned()][..])
        );
    });
    assert_eq!(spool.status().message, Some(RemoteWriteMessage::V2));
}

#[test]
fn a_server_of_1_gets_everything_once_however_it_answers_to_2() {
    for status in [415, 400, 204] {
        let dir = tempfile::tempdir().unwrap();
        let server = Receiver::start(always(200));
        server.refuse_two(status);
        let spool = spool(options(&server.url(), dir.path()), Arc::new(RealDisk)).unwrap();
        for n in 0..5 {
            append(&spool, "n", n, n as f64).unwrap();
            until("delivery", || spool.status().waiting_records == 0);
        }
        let values: Vec<f64> = server.taken().iter().map(|g| g.value).collect();
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0]);
        server.seen(|s| {
            assert_eq!(s.answers[0], status);
            // Asked once, and known from then on.
            assert_eq!(s.two.iter().filter(|two| **two).count(), 1);
        });
        let told = spool.status();
        assert_eq!((told.message, told.rejected_records), (Some(RemoteWriteMessage::V1), 0), "{status}");
    }
}

#[test]
fn a_configured_message_is_the_one_that_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let server = Receiver::start(always(200));
    let mut options = options(&server.url(), dir.path());
    options.message = Some(RemoteWriteMessage::V1);
    let spool = spool(options, Arc::new(RealDisk)).unwrap();
    append(&spool, "n", 1, 1.0).unwrap();
    spool.stop(Duration::from_secs(20));
    server.seen(|s| assert_eq!((&s.two[..], s.taken.len()), (&[false][..], 1)));
    let yaml = "protobuf_message: io.prometheus.write.v2.Request\n";
    let read = agent::AgentConfig::from_yaml(yaml).unwrap();
    assert_eq!(read.protobuf_message, Some(RemoteWriteMessage::V2));
    assert!(agent::AgentConfig::from_yaml("protobuf_message: v2\n").is_err());
}

#[test]
fn what_a_server_of_2_wrote_of_a_bad_batch_counts_as_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let rule: Rule = Box::new(|got, _| {
        let written = got.len() - 1;
        (400, vec![("x-prometheus-remote-write-samples-written", written.to_string())])
    });
    let server = Receiver::start(rule);
    let spool = spool(options(&server.url(), dir.path()), Arc::new(RealDisk)).unwrap();
    let mut batch = spool.appender();
    let series = batch.series(&labels("n")).unwrap();
    for n in 0..10 {
        batch.sample(series, n, 1.0, 0).unwrap();
    }
    wait(batch.commit()).unwrap();
    until("delivery", || spool.status().waiting_records == 0);
    let told = spool.status();
    assert_eq!((told.rejected_records, told.rejected_samples, told.delivered_samples), (1, 1, 9));
}
