//! Durable ordered log by partition and offset; refuses to know what a record means.
