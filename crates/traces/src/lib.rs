//! Traces out of spans: assembly, search, span metrics and the service graph; refuses to know stores, HTTP and async
//! runtimes.
//!
//! Spans come as [`OwnedSpan`]s or as batches of records, in any order, twice, late, and from clocks that disagree.
//! [`Trace::assemble`] makes a tree of them, [`Criteria`] says which are looked for, and [`Watch`] counts them as they
//! come in.

mod assemble;
mod criteria;
mod graph;
mod histogram;
mod metrics;
mod owned;
mod watch;

pub use assemble::{Node, Trace, occasions};
pub use criteria::{Criteria, value_text};
pub use histogram::DurationHistogram;
pub use owned::OwnedSpan;
pub use watch::{Exemplar, Point, PointValue, Seen, Watch, WatchLimits};
