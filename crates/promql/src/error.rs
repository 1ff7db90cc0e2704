//! Why a query gives no result.

use crate::source::SourceError;
use std::time::Duration;

/// Why a query gives no result. The variants are what a caller may decide upon.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// The query and the data do not go together.
    #[error("{0}")]
    Query(String),
    /// The query needs more than it may have.
    #[error("the query needs {observed} {what}, over the limit of {limit}: raise {setting} to allow it")]
    Limit {
        /// What is limited: `samples in memory`.
        what: &'static str,
        /// What it would take.
        observed: u64,
        /// What is allowed.
        limit: u64,
        /// The configuration key that moves the limit.
        setting: &'static str,
    },
    /// All queries together use the memory there is for them. The same query may succeed later.
    #[error(
        "queries use {used} of {limit} bytes and this one needs {wanted} more: try again, or raise query.memory"
    )]
    Busy {
        /// Bytes this query asked for.
        wanted: u64,
        /// Bytes in use by all queries.
        used: u64,
        /// Bytes there are.
        limit: u64,
    },
    /// The query took too long.
    #[error("the query took longer than {} s: raise query.timeout to allow it", .0.as_secs_f64())]
    Timeout(Duration),
    /// The asker went away.
    #[error("the query was cancelled")]
    Cancelled,
    /// The store could not answer.
    #[error("expanding series: {0}")]
    Source(#[from] SourceError),
}

impl EvalError {
    /// The query and the data do not go together.
    pub fn query(message: impl Into<String>) -> EvalError {
        EvalError::Query(message.into())
    }

    pub(crate) fn same_labels() -> EvalError {
        EvalError::query("vector cannot contain metrics with the same labelset")
    }
}
