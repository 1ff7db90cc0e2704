//! Looks at services from outside, as blackbox_exporter does; refuses to know where results are kept.
//!
//! A [`config::Modules`] is read from a file of blackbox_exporter, as it is, and made ready with [`Prober::new`].
//! [`Prober::probe`] then looks at one target and gives [`Outcome`]: whether it is well, metrics under the names
//! that blackbox_exporter gives them, and a log of what was done.

pub mod config;
mod dialogue;
mod dns;
mod grpc;
mod http;
mod icmp;
mod metrics;
mod resolve;
mod run;
mod tcp;
mod tls;
mod trial;

pub use dns::records as dns_records;
pub use grpc::wire as grpc_wire;
pub use icmp::packet as icmp_packet;
pub use metrics::{Family, Metrics, Sample, help};
pub use run::{Outcome, Prober};
pub use tls::certificate::Leaf;
pub use trial::{Level, LogLine};
