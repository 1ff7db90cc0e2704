//! LogQL over a pure source of log lines; refuses to know stores, HTTP and the time of day.
//!
//! [`parse`] makes a checked syntax tree of a query, [`Engine`] evaluates it over anything that is a [`Source`]: for
//! lines with [`Engine::logs`], for numbers with [`Engine::instant`] and [`Engine::range`]; [`Engine::explain`] tells how. What LogQL shares with
//! PromQL (operators, aggregations, results, errors, limits) is PromQL's own.

pub mod ast;
mod engine;
mod eval;
mod explain;
mod memory;
pub mod names;
mod parser;
mod pipeline;
mod printer;
pub mod script;
pub mod source;
mod units;
mod value;

pub use ast::{Expr, LogExpr, Metric, Span};
pub use engine::{Engine, EngineOptions};
pub use explain::PlanNode;
pub use memory::MemorySource;
pub use parser::{NESTING_MAX, QUERY_BYTES_MAX, parse, parse_log, parse_selector};
pub use pipeline::line_filters;
pub use printer::pretty;
pub use promql::{Control, EvalError, MemoryPool, ParseError};
pub use source::Source;
pub use units::{format_duration, parse_bytes, parse_value_duration};
pub use value::{
    Direction, Explained, LogEntry, LogOutput, LogRange, LogStream, MatrixSeries, Output, Point, Stats,
    Value, VectorSample, When,
};
