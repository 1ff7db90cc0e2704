//! TraceQL over a pure source of spans; refuses to know stores, HTTP and the time of day.
//!
//! [`parse`] makes a checked syntax tree of a query, [`Engine`] evaluates it over anything that is a [`Source`]: for
//! traces with [`Engine::search`], for numbers with [`Engine::metrics`]. Errors and limits are PromQL's own.

pub mod ast;
mod engine;
mod eval;
mod field;
mod literal;
mod memory;
mod parser;
mod printer;
pub mod script;
pub mod source;
mod units;
mod value;

pub use ast::{Body, Query};
pub use engine::{Engine, EngineOptions};
pub use field::{Field, Intrinsic, Scope};
pub use literal::{Kind, Literal, Status};
pub use memory::MemorySource;
pub use parser::{NESTING_MAX, QUERY_BYTES_MAX, parse, parse_field, parse_filter, parse_unfinished_filter};
pub use printer::pretty;
pub use promql::{Control, EvalError, Held, MemoryPool, ParseError};
pub use source::Source;
pub use units::{format_duration, parse_duration};
pub use value::{
    Exemplar, FoundSpan, FoundTrace, MetricsOutput, MetricsRange, Output, SearchRange, Series, ServiceCount,
    SpanSet, Stats,
};
