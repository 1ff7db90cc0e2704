//! What OTLP has for all signals: attributes, the JSON form of its messages, and the answers to a request.

pub(crate) mod json;
mod value;

pub(crate) use value::{Any, any_value, key_value, raw_key_value, too_deep};

use crate::logs::document::show_text;
use crate::metrics::Taken;
use crate::records::{RecordOutcome, Signal};
use crate::wire::{put_bytes, put_message, put_number};

/// What became of a request that was taken, at least in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// What the count is called in JSON.
    name: &'static str,
    /// How much was refused.
    rejected: u64,
    /// What is to be told, if anything.
    message: Option<String>,
}

impl Partial {
    /// Of a request with records, of which `accepted` were kept.
    pub fn of_records(signal: Signal, outcome: &RecordOutcome, accepted: u64) -> Partial {
        let name = match signal {
            Signal::Traces => "rejectedSpans",
            // OTLP has no errors and no events of their own; the word is that of logs.
            Signal::Logs | Signal::Events | Signal::Errors => "rejectedLogRecords",
        };
        Partial { name, rejected: outcome.rejected, message: outcome.refusal(accepted) }
    }

    /// Of a request with metrics.
    pub fn of_metrics(taken: &Taken) -> Partial {
        let (rejected, message) = (taken.outcome.rejected, taken.refusal());
        Partial { name: "rejectedDataPoints", rejected, message }
    }

    /// The answer in protocol buffers: empty, or what was refused and why.
    pub fn protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(message) = &self.message {
            put_message(&mut out, 1, |out| {
                put_number(out, 1, self.rejected);
                put_bytes(out, 2, message.as_bytes());
            });
        }
        out
    }

    /// The answer in JSON.
    pub fn json(&self) -> String {
        let Some(message) = &self.message else { return "{\"partialSuccess\":{}}".to_owned() };
        let mut out =
            format!("{{\"partialSuccess\":{{\"{}\":\"{}\",\"errorMessage\":", self.name, self.rejected);
        show_text(message, &mut out);
        out.push_str("}}");
        out
    }
}

/// An error in protocol buffers: `google.rpc.Status` with a code of gRPC.
pub fn status(code: u64, message: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 1, code);
    put_bytes(&mut out, 2, message.as_bytes());
    out
}
