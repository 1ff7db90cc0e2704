//! SQL: over HTTP, and as PostgreSQL's clients speak it.

mod http;
pub mod postgres;
mod run;
mod source;

pub use http::query;
