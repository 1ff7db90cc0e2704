//! Remote write 1.0 requests.

use crate::proto::Message;
use model::Labels;
use reqwest::StatusCode;

/// Builds one body. Labels are in the wire format already: a series' key is its `labels` field.
#[derive(Default)]
pub struct Body {
    raw: Message,
    series: Message,
    pub samples: usize,
}

impl Body {
    pub fn push(&mut self, labels: &Labels, time_ms: i64, value: f64) {
        self.series(labels, |series| {
            series.message(2, |sample| {
                sample.double(1, value).number(2, time_ms as u64);
            });
        });
    }

    /// A native histogram of durations, in seconds, around a middle: each of its buckets holds an equal share.
    pub fn push_durations(&mut self, labels: &Labels, time_ms: i64, count: u64, middle_s: f64) {
        const BUCKETS: u64 = 12;
        // Of schema 3, eight buckets double.
        let first = (middle_s.log2() * 8.0) as i64 - BUCKETS as i64 / 2;
        let each = count / BUCKETS;
        self.series(labels, |series| {
            series.message(4, |h| {
                h.number(1, each * BUCKETS).double(3, each as f64 * BUCKETS as f64 * middle_s).signed(4, 3);
                h.double(5, 1e-9).number(6, 0);
                h.message(11, |span| {
                    span.signed(1, first).number(2, BUCKETS);
                });
                let deltas = (0..BUCKETS).map(|bucket| if bucket == 0 { each as i64 } else { 0 });
                h.signed_list(12, deltas).number(15, time_ms as u64);
            });
        });
    }

    fn series(&mut self, labels: &Labels, sample: impl FnOnce(&mut Message)) {
        self.series.0.clear();
        self.series.0.extend_from_slice(labels.key());
        sample(&mut self.series);
        self.raw.bytes(1, &self.series.0);
        self.samples += 1;
    }

    pub fn compressed(&self) -> anyhow::Result<Vec<u8>> {
        Ok(snap::raw::Encoder::new().compress_vec(&self.raw.0)?)
    }
}

/// Sends a compressed body. `Ok` is an answer, whatever it says; `Err` leaves open what became of the request.
pub async fn send(
    client: &reqwest::Client,
    url: &str,
    body: Vec<u8>,
) -> reqwest::Result<(StatusCode, String)> {
    let request = client
        .post(format!("{url}/api/v1/write"))
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
        .header("x-prometheus-remote-write-version", "0.1.0")
        .body(body);
    let answer = request.send().await?;
    let status = answer.status();
    Ok((status, answer.text().await.unwrap_or_default()))
}
