//! PromQL over a pure source of series; refuses to know stores, HTTP and the time of day.
//!
//! [`parse`] makes a checked syntax tree of a query, [`Engine`] evaluates it over anything that is a [`Source`].
//! A query is evaluated once for all its steps, over columns; see `ARCHITECTURE.md`.

mod almost;
mod annotations;
pub mod ast;
mod brake;
mod catalog;
mod control;
mod dates;
mod dependence;
mod engine;
mod error;
mod eval;
mod explain;
mod hint;
mod histogram;
mod kahan;
mod parser;
mod printer;
pub mod script;
mod source;
mod text;
mod value;

pub use annotations::{Annotation, Annotations, Severity};
pub use ast::{Expr, Span, ValueType};
pub use brake::{Brake, Hold};
pub use catalog::{Function, function, functions};
pub use control::{Control, Held, MemoryPool, Share};
pub use dependence::{Dependence, dependence};
pub use engine::{Engine, EngineOptions, Explained, Times, experimental_use, pinned};
pub use error::EvalError;
pub use explain::PlanNode;
pub use hint::empty_hint;
pub use histogram::{Bucket, FloatHistogram};
pub use parser::{NESTING_MAX, ParseError, nearest_name, parse, parse_labels, parse_selector};
pub use printer::pretty;
pub use source::{Hints, Selection, SeriesSet, Source, SourceError};
pub use text::{format_duration, format_float, parse_duration, quote, unquote};
pub use value::{MatrixSeries, Output, Point, Stats, Value, VectorSample};
