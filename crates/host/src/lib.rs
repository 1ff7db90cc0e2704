//! This machine's kernel counters as samples; refuses to know networks and stores.
