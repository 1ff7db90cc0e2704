//! Finds and scrapes Prometheus targets; refuses to know where samples are kept.
