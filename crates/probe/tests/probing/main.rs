//! Probes against servers of our own: what is measured, and what is taken for well.

mod config;
mod dns;
mod grpc;
mod http;
mod icmp;
mod servers;
mod tcp;
