//! Remote write 1.0 requests.

use model::Labels;
use reqwest::StatusCode;

/// Builds one body. Labels are in the wire format already: a series' key is its `labels` field.
#[derive(Default)]
pub struct Body {
    raw: Vec<u8>,
    series: Vec<u8>,
    pub samples: usize,
}

impl Body {
    pub fn push(&mut self, labels: &Labels, time_ms: i64, value: f64) {
        let mut sample = vec![0x09];
        sample.extend_from_slice(&value.to_le_bytes());
        sample.push(0x10);
        varint(&mut sample, time_ms as u64);
        self.series.clear();
        self.series.extend_from_slice(labels.key());
        self.series.push(0x12);
        varint(&mut self.series, sample.len() as u64);
        self.series.extend_from_slice(&sample);
        self.raw.push(0x0a);
        varint(&mut self.raw, self.series.len() as u64);
        self.raw.extend_from_slice(&self.series);
        self.samples += 1;
    }

    pub fn compressed(&self) -> anyhow::Result<Vec<u8>> {
        Ok(snap::raw::Encoder::new().compress_vec(&self.raw)?)
    }
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
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
