//! OpenTelemetry logs: `ExportLogsServiceRequest` in protocol buffers and JSON, and the answer to it.
//!
//! Resource attributes that identify who speaks ([`IDENTIFYING`](super::roles::IDENTIFYING)) are the labels of the
//! stream; the others, and those of the scope, are attributes of each record, before its own. `scope.name`,
//! `scope.version`, `severity_text`, `event_name`, `flags` and `dropped_attributes_count` are attributes where they are
//! set. A record without a time has the time it was observed, or of arrival.

mod json;
mod protobuf;

pub use json::json;
pub use protobuf::protobuf;

use super::LogOutcome;
use super::document::show_text;
use crate::wire::{put_bytes, put_message, put_number};

/// The answer in protocol buffers: empty, or what was refused and why.
pub fn answer(outcome: &LogOutcome, accepted: u64) -> Vec<u8> {
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
pub fn answer_json(outcome: &LogOutcome, accepted: u64) -> String {
    let Some(message) = outcome.refusal(accepted) else { return "{\"partialSuccess\":{}}".to_owned() };
    let mut out =
        format!("{{\"partialSuccess\":{{\"rejectedLogRecords\":\"{}\",\"errorMessage\":", outcome.rejected);
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
