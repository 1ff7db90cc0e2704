//! The format of a scraped body, and buffers for bodies.

use crate::config::{EscapingScheme, Job, ScrapeProtocol};
use ingest::exposition::Format;
use parking_lot::Mutex;

/// The value of the `Accept` header: formats in the order they are wanted.
pub(super) fn accept(job: &Job) -> String {
    let escaping = escaping_parameter(job.escaping);
    let mut weight = 6;
    let mut out = String::new();
    for protocol in &job.protocols {
        out.push_str(protocol.media_type());
        // Only the newer text formats can carry names that need escaping.
        if matches!(protocol, ScrapeProtocol::PrometheusText1_0_0 | ScrapeProtocol::OpenMetricsText1_0_0) {
            out.push_str(&escaping);
        }
        out.push_str(&format!(";q=0.{weight},"));
        weight -= 1;
    }
    out.push_str(&format!("*/*;q=0.{weight}"));
    out
}

fn escaping_parameter(escaping: EscapingScheme) -> String {
    format!(";escaping={}", escaping.as_str())
}

/// The format of a body with that `Content-Type`.
pub(super) fn format(content_type: &str, fallback: Option<ScrapeProtocol>) -> Result<Format, String> {
    let media = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let known = match media.as_str() {
        "text/plain" => Some(Format::Text),
        "application/openmetrics-text" => Some(Format::OpenMetrics),
        "application/vnd.google.protobuf" => Some(Format::Protobuf),
        _ => None,
    };
    match (known, fallback) {
        (Some(format), _) => Ok(format),
        (None, Some(protocol)) => Ok(match protocol {
            ScrapeProtocol::PrometheusProto => Format::Protobuf,
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Format::Text,
            ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
                Format::OpenMetrics
            }
        }),
        (None, None) if media.is_empty() => {
            Err("the target sent no Content-Type: set fallback_scrape_protocol to say what it sends"
                .to_owned())
        }
        (None, None) => Err(format!(
            "the target sent the unsupported Content-Type {content_type:?}: \
             set fallback_scrape_protocol to read it all the same"
        )),
    }
}

/// Buffers that are used again.
#[derive(Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

/// Buffers kept, and the largest that is.
const KEPT_MAX: usize = 16;
const KEPT_BYTES_MAX: usize = 8 << 20;

impl Buffers {
    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().pop().unwrap_or_default()
    }

    pub(super) fn give(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.lock();
        if buffer.capacity() <= KEPT_BYTES_MAX && kept.len() < KEPT_MAX {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_read_and_missing_ones_explained() {
        assert_eq!(format("text/plain; version=0.0.4; charset=utf-8", None), Ok(Format::Text));
        assert_eq!(format("Application/OpenMetrics-Text;version=1.0.0", None), Ok(Format::OpenMetrics));
        assert_eq!(format("", Some(ScrapeProtocol::OpenMetricsText1_0_0)), Ok(Format::OpenMetrics));
        assert_eq!(format("text/html", Some(ScrapeProtocol::PrometheusText0_0_4)), Ok(Format::Text));
        assert_eq!(
            format("text/html", None).unwrap_err(),
            "the target sent the unsupported Content-Type \"text/html\": \
             set fallback_scrape_protocol to read it all the same"
        );
    }
}
