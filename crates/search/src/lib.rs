//! Elasticsearch's query language over a pure source of records; refuses to know stores, HTTP and the time of day.
//!
//! [`SearchRequest`] reads the body of a search, [`Engine`] carries it out over anything that is a [`Source`]. Lucene's
//! syntax, which `query_string` holds, is read by [`lucene`]. What is not supported is refused by name.

mod aggs;
mod dates;
mod document;
mod engine;
mod error;
mod fields;
mod filter;
mod highlight;
mod hits;
mod json;
pub mod lucene;
mod memory;
mod pattern;
mod query;
mod request;
mod rounding;
pub mod source;
mod text;

pub use engine::{AnswerOptions, Engine, EngineOptions, Found};
pub use error::SearchError;
pub use fields::{ID, INDEX, INDEX_OTHERS, MESSAGE, TIME};
pub use filter::Indices;
pub use memory::MemorySource;
pub use promql::{Control, EvalError};
pub use request::{RESULT_WINDOW_MAX, SearchRequest};
pub use source::Source;
