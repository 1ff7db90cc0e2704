//! Durable series of samples; refuses to know protocols, query languages and async runtimes.
