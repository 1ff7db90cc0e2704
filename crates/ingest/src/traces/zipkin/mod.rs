//! Zipkin v2: lists of spans in JSON and protocol buffers.
//!
//! The local endpoint is the resource (`service.name`, `net.host.ip`, `net.host.port`), the remote one is
//! `peer.service`, `net.peer.ip` and `net.peer.port`, annotations are events. Two spans that share an id, as those of B3
//! propagation do, are kept as two; the one of the server has `zipkin.shared`.

mod json;
mod protobuf;

pub use json::json;
pub use protobuf::protobuf;

use super::tags;
use super::writer::{Fields, SpanWriter};
use crate::error::DecodeError;
use model::record::Value;
use model::record::span::name;

/// The attribute of a span that reports under the id of its caller's.
pub const SHARED: &str = "zipkin.shared";

/// One side of a call.
#[derive(Default)]
struct Endpoint<'a> {
    service: &'a str,
    /// As text, version 4 if there is one.
    ip: &'a str,
    port: i64,
}

impl Endpoint<'_> {
    /// The resource of the spans that come next.
    fn begin(&self, sw: &mut SpanWriter<'_>) -> Result<(), DecodeError> {
        sw.begin_resource();
        if !self.service.is_empty() {
            sw.resource_attribute(name::SERVICE, Value::String(self.service));
        }
        if !self.ip.is_empty() {
            sw.resource_attribute("net.host.ip", Value::String(self.ip));
        }
        if self.port != 0 {
            sw.resource_attribute("net.host.port", Value::Int(self.port));
        }
        sw.end_resource()
    }

    /// The other side, as attributes of the span.
    fn peer(&self, sw: &mut SpanWriter<'_>) {
        if !self.service.is_empty() {
            sw.attribute("peer.service", Value::String(self.service));
        }
        if !self.ip.is_empty() {
            sw.attribute("net.peer.ip", Value::String(self.ip));
        }
        if self.port != 0 {
            sw.attribute("net.peer.port", Value::Int(self.port));
        }
    }
}

/// Ends a span.
fn end_span(
    sw: &mut SpanWriter<'_>,
    fields: Fields<'_>,
    remote: &Endpoint<'_>,
    shared: bool,
) -> Result<(), DecodeError> {
    remote.peer(sw);
    if shared {
        sw.attribute(SHARED, Value::Bool(true));
    }
    tags::end_span(sw, fields)
}
