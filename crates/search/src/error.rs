//! Why a search gives no result, in Elasticsearch's words.

use promql::EvalError;

/// Why a search gives no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// The request is wrong or asks for what is not supported.
    #[error("{reason}")]
    Refused {
        /// Elasticsearch's name for this kind of mistake.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The request is right and could not be carried out.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

impl SearchError {
    /// The request cannot be read.
    pub(crate) fn parsing(reason: impl Into<String>) -> SearchError {
        SearchError::Refused { kind: "parsing_exception", reason: reason.into() }
    }

    /// A value is not one that is possible.
    pub(crate) fn illegal(reason: impl Into<String>) -> SearchError {
        SearchError::Refused { kind: "illegal_argument_exception", reason: reason.into() }
    }

    /// A query that can be read has no meaning.
    pub(crate) fn query(reason: impl Into<String>) -> SearchError {
        SearchError::Refused { kind: "query_shard_exception", reason: reason.into() }
    }

    /// A date cannot be read.
    pub(crate) fn date(reason: impl Into<String>) -> SearchError {
        SearchError::Refused { kind: "parse_exception", reason: reason.into() }
    }

    /// Something Elasticsearch has and we have not.
    pub(crate) fn unsupported(what: impl std::fmt::Display) -> SearchError {
        SearchError::illegal(format!("{what} is not supported"))
    }
}
