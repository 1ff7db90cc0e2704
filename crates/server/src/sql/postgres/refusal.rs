//! Errors as the protocol tells them.

use crate::http::error::ErrorKind;
use crate::sql::run::Failure;
use promql::EvalError;
use sql::SqlError;
use std::io;

/// Why a message cannot be answered, as the protocol tells it.
pub struct Refusal {
    pub code: &'static str,
    pub told: String,
    pub hint: Option<String>,
    /// The character of the statement, from 1.
    pub position: Option<usize>,
}

impl Refusal {
    pub fn new(code: &'static str, told: impl Into<String>) -> Refusal {
        Refusal { code, told: told.into(), hint: None, position: None }
    }

    pub fn cancelled() -> Refusal {
        Refusal::new("57014", "canceling statement due to user request")
    }
}

impl From<SqlError> for Refusal {
    fn from(e: SqlError) -> Refusal {
        Refusal::from(Failure::Sql(e))
    }
}

/// The code of a statement that cannot be planned, by what is said of it.
fn code_of(message: &str) -> &'static str {
    let is = |words: &str| message.contains(words);
    if is("table") && is("not found") {
        "42P01"
    } else if is("No field named") || is("no field named") || is("column") && is("not found") {
        "42703"
    } else if is("nvalid function") {
        "42883"
    } else {
        "42601"
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        match failure {
            Failure::Sql(SqlError::Statement(e)) => Refusal {
                hint: e.help.clone(),
                position: Some(e.start),
                ..Refusal::new(code_of(&e.message), e.message)
            },
            Failure::Sql(SqlError::Refused(e)) => Refusal::new("25006", e.message),
            Failure::Sql(SqlError::Run(e)) => {
                let code = match &e {
                    EvalError::Query(_) => "22000",
                    EvalError::Limit { .. } => "54000",
                    EvalError::Busy { .. } => "53200",
                    EvalError::Timeout(_) | EvalError::Cancelled => "57014",
                    EvalError::Source(_) => "58000",
                };
                Refusal::new(code, e.to_string())
            }
            Failure::Api(e) => {
                let code = match e.kind {
                    ErrorKind::Timeout => "57014",
                    ErrorKind::Unavailable => "57P03",
                    _ => "XX000",
                };
                Refusal::new(code, e.message)
            }
        }
    }
}

/// What a message came to: to be told, or the end of the connection.
pub enum Fault {
    Refused(Refusal),
    Broken(io::Error),
}

impl From<io::Error> for Fault {
    fn from(e: io::Error) -> Fault {
        Fault::Broken(e)
    }
}

impl From<Refusal> for Fault {
    fn from(e: Refusal) -> Fault {
        Fault::Refused(e)
    }
}

impl From<Failure> for Fault {
    fn from(e: Failure) -> Fault {
        Fault::Refused(e.into())
    }
}

impl From<SqlError> for Fault {
    fn from(e: SqlError) -> Fault {
        Fault::Refused(e.into())
    }
}
