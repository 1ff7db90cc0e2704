//! Reads Prometheus TSDB blocks; refuses to know our own store.
