//! What the tests of the decoders share: how spans are shown, and Thrift written in both protocols.

use super::thrift::Protocol;
use crate::records::{RecordLimits, RecordWriter, Signal};
use crate::wire::{put_varint, unzigzag};
use model::record::Tenant;
use model::record::span::Span;
use std::fmt::Write;

/// The time of arrival in tests: 2026-11-21T12:00:00Z.
pub(crate) const NOW_NS: i64 = 1_795_262_400_000_000_000;

/// A writer with small limits.
pub(crate) fn writer() -> RecordWriter {
    let limits = RecordLimits {
        signal: Signal::Traces,
        line_bytes_max: 100,
        attributes_per_record_max: 20,
        attributes_bytes_max: 700,
        name_bytes_max: 50,
        label_value_bytes_max: 40,
        labels_per_stream_max: 8,
        ..RecordLimits::default()
    };
    RecordWriter::new(Tenant::unnamed(), limits, NOW_NS)
}

/// Every span with all it says, and what was refused.
pub(crate) fn spans(w: RecordWriter) -> String {
    let decoded = w.finish();
    let mut out = String::new();
    for row in decoded.batch.iter() {
        let labels = decoded.batch.labels(row.stream);
        let s = Span::of(labels, &row.record);
        let _ = write!(
            out,
            "{} {} < {} {:?} {} {}",
            s.trace_id, s.span_id, s.parent_id, s.name, s.start_ns, s.duration_ns
        );
        let _ = writeln!(out, " {} {} {:?}", s.kind.text(), s.status.text(), s.status_message);
        let _ = writeln!(out, "  {labels}");
        let _ = writeln!(out, "  {:?}", row.record.attributes);
    }
    if let Some(refusal) = decoded.outcome.refusal(decoded.batch.len() as u64) {
        let _ = writeln!(out, "{refusal}");
    }
    out
}

/// A value of Thrift.
pub(crate) enum T {
    Bool(bool),
    I32(i32),
    I64(i64),
    F64(f64),
    Text(&'static str),
    Structs(Vec<T>),
    Struct(Vec<(i16, T)>),
    /// A map of numbers to texts, which nobody reads.
    Map(Vec<(i32, &'static str)>),
}

impl T {
    /// The bytes of a structure.
    pub fn encode(&self, protocol: Protocol) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(protocol, &mut out);
        out
    }

    /// The same as the argument of a call.
    pub fn call(self, protocol: Protocol, name: &str) -> Vec<u8> {
        let mut out = Vec::new();
        match protocol {
            Protocol::Compact => {
                out.extend_from_slice(&[0x82, 0x81, 0]);
                put_varint(&mut out, name.len() as u64);
                out.extend_from_slice(name.as_bytes());
            }
            Protocol::Binary => {
                out.extend_from_slice(&0x8001_0004u32.to_be_bytes());
                out.extend_from_slice(&(name.len() as u32).to_be_bytes());
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(&[0; 4]);
            }
        }
        T::Struct(vec![(1, self)]).put(protocol, &mut out);
        out
    }

    fn kind(&self, protocol: Protocol) -> u8 {
        let (compact, binary) = match self {
            T::Bool(true) => (1, 2),
            T::Bool(false) => (2, 2),
            T::I32(_) => (5, 8),
            T::I64(_) => (6, 10),
            T::F64(_) => (7, 4),
            T::Text(_) => (8, 11),
            T::Structs(_) => (9, 15),
            T::Map(_) => (11, 13),
            T::Struct(_) => (12, 12),
        };
        if protocol == Protocol::Compact { compact } else { binary }
    }

    fn put(&self, protocol: Protocol, out: &mut Vec<u8>) {
        let compact = protocol == Protocol::Compact;
        let size = |n: usize, out: &mut Vec<u8>| match compact {
            true => put_varint(out, n as u64),
            false => out.extend_from_slice(&(n as u32).to_be_bytes()),
        };
        match self {
            // Within structures of the compact protocol it is in the type.
            T::Bool(b) => {
                if !compact {
                    out.push(u8::from(*b));
                }
            }
            T::I32(n) if compact => put_varint(out, unzigzag(i64::from(*n))),
            T::I32(n) => out.extend_from_slice(&n.to_be_bytes()),
            T::I64(n) if compact => put_varint(out, unzigzag(*n)),
            T::I64(n) => out.extend_from_slice(&n.to_be_bytes()),
            T::F64(x) if compact => out.extend_from_slice(&x.to_le_bytes()),
            T::F64(x) => out.extend_from_slice(&x.to_be_bytes()),
            T::Text(s) => {
                size(s.len(), out);
                out.extend_from_slice(s.as_bytes());
            }
            T::Structs(all) => {
                if compact && all.len() < 15 {
                    out.push((all.len() as u8) << 4 | 12);
                } else if compact {
                    out.push(0xfc);
                    put_varint(out, all.len() as u64);
                } else {
                    out.push(12);
                    size(all.len(), out);
                }
                all.iter().for_each(|t| t.put(protocol, out));
            }
            T::Map(pairs) => {
                if compact {
                    put_varint(out, pairs.len() as u64);
                    if !pairs.is_empty() {
                        out.push(0x58);
                    }
                } else {
                    out.extend_from_slice(&[8, 11]);
                    size(pairs.len(), out);
                }
                for (k, v) in pairs {
                    T::I32(*k).put(protocol, out);
                    T::Text(v).put(protocol, out);
                }
            }
            T::Struct(fields) => {
                let mut last = 0;
                for (id, value) in fields {
                    let kind = value.kind(protocol);
                    match id - last {
                        delta @ 1..16 if compact => out.push((delta as u8) << 4 | kind),
                        _ if compact => {
                            out.push(kind);
                            put_varint(out, unzigzag(i64::from(*id)));
                        }
                        _ => {
                            out.push(kind);
                            out.extend_from_slice(&id.to_be_bytes());
                        }
                    }
                    last = *id;
                    value.put(protocol, out);
                }
                out.push(0);
            }
        }
    }
}
