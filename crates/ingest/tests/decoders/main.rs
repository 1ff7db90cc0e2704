//! The decoders against independent encoders, naive models, and bad input.

mod compress;
mod otlp_metrics;
mod otlp_metrics_model;
mod prometheus;
mod protobuf;
mod reference;
mod remote_read;
mod remote_write_v1;
mod remote_write_v2;
mod text;
