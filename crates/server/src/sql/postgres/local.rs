//! Statements about the session, which are answered without a query.

use sql::pg;
use sql::{Local, SqlError};

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    Begins,
    Ends,
    Unchanged,
}

/// The answer to a statement about the session.
#[derive(Debug)]
pub struct Done {
    pub tag: String,
    pub transaction: Transaction,
    /// A column and its only row.
    pub row: Option<(String, String)>,
    /// Whether prepared statements are forgotten: all, or one.
    pub forget: Option<Option<String>>,
}

impl Done {
    fn tag(tag: &str) -> Done {
        Done { tag: tag.to_owned(), transaction: Transaction::Unchanged, row: None, forget: None }
    }
}

/// Answers what concerns the session alone; `None` if the statement is a query.
pub fn answer(statement: &sql::Parsed) -> Result<Option<Done>, SqlError> {
    Ok(Some(match statement.local()? {
        None => return Ok(None),
        Some(Local::Begin) => Done { transaction: Transaction::Begins, ..Done::tag("BEGIN") },
        Some(Local::Commit) => Done { transaction: Transaction::Ends, ..Done::tag("COMMIT") },
        Some(Local::Rollback) => Done { transaction: Transaction::Ends, ..Done::tag("ROLLBACK") },
        Some(Local::Savepoint) => Done::tag("SAVEPOINT"),
        Some(Local::Release) => Done::tag("RELEASE"),
        Some(Local::RollbackTo) => Done::tag("ROLLBACK"),
        Some(Local::Set) => Done::tag("SET"),
        Some(Local::Reset) => Done::tag("RESET"),
        Some(Local::Unlisten) => Done::tag("UNLISTEN"),
        Some(Local::Discard) => Done { forget: Some(None), ..Done::tag("DISCARD ALL") },
        Some(Local::Deallocate(name)) => Done { forget: Some(name), ..Done::tag("DEALLOCATE") },
        Some(Local::Show(name)) => {
            let Some(value) = pg::show(&name) else { return Ok(None) };
            Done { row: Some((name, value.to_owned())), ..Done::tag("SHOW") }
        }
    }))
}
