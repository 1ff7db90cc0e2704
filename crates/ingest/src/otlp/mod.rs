//! What OTLP has for all signals: attributes, the JSON form of its messages, and the answers to a request.

pub(crate) mod json;
mod value;

pub(crate) use value::{Any, any_value, key_value, too_deep};

use crate::logs::document::show_text;
use crate::records::{RecordOutcome, Signal};
use crate::wire::{put_bytes, put_message, put_number};

/// The answer in protocol buffers: empty, or what was refused and why.
pub fn answer(outcome: &RecordOutcome, accepted: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(message) = outcome.refusal(accepted) {
        put_message(&mut out, 1, |out| {
            put_number(out, 1, outcome.rejected);
            put_bytes(out, 2, message.as_bytes());
        });
    }
    out
}

/// The answer in JSON.
pub fn answer_json(signal: Signal, outcome: &RecordOutcome, accepted: u64) -> String {
    let Some(message) = outcome.refusal(accepted) else { return "{\"partialSuccess\":{}}".to_owned() };
    let rejected = match signal {
        Signal::Logs | Signal::Events => "rejectedLogRecords",
        Signal::Traces => "rejectedSpans",
        // OTLP has no errors of their own; the word is that of logs.
        Signal::Errors => "rejectedLogRecords",
    };
    let mut out = format!("{{\"partialSuccess\":{{\"{rejected}\":\"{}\",\"errorMessage\":", outcome.rejected);
    show_text(&message, &mut out);
    out.push_str("}}");
    out
}

/// An error in protocol buffers: `google.rpc.Status` with a code of gRPC.
pub fn status(code: u64, message: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 1, code);
    put_bytes(&mut out, 2, message.as_bytes());
    out
}
