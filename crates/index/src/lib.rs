//! Which series exist and which of them match; refuses to know samples and queries.
