//! SQL over logs and metrics, through DataFusion; refuses to know stores, HTTP and sockets.
//!
//! A [`Source`] is one tenant's data. A [`Session`] plans one statement over it and runs it on the calling thread,
//! under the reins of a [`Control`] and within its memory. Conditions on time, labels and bodies, columns and limits
//! are handed to the source, so that it reads little; what is left DataFusion does.

mod bounds;
mod catalog;
mod columns;
mod error;
pub mod format;
mod functions;
mod memory;
mod memory_source;
pub mod pg;
mod promql_table;
mod pushdown;
pub mod scan;
mod session;
pub mod source;
mod statement;
mod tables;
mod text;

pub use arrow::datatypes::{DataType, SchemaRef};
pub use arrow::record_batch::RecordBatch;
pub use datafusion::common::ScalarValue;
pub use error::SqlError;
pub use memory_source::MemorySource;
pub use promql::{Control, EvalError, MemoryPool};
pub use session::{Options, Prepared, Session, values_of_texts};
pub use source::Source;
pub use statement::{Local, Parsed, parse};
