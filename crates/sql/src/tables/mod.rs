//! The tables.

mod logs;
mod samples;

pub(crate) use logs::LogTable;
pub(crate) use samples::SampleTable;

use crate::pushdown::Role;
use arrow::datatypes::{DataType, Field};
use promql::EvalError;
use std::collections::HashMap;

/// A column of a table: its type and what it is.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub field: Field,
    pub role: Role,
}

impl Described {
    fn new(name: &str, of: DataType, nullable: bool, role: Role) -> Described {
        Described { field: Field::new(name, of, nullable), role }
    }
}

/// The columns of a table by name.
#[derive(Debug, Default)]
pub(crate) struct ByName(HashMap<String, Role>);

impl ByName {
    fn of(columns: &[Described]) -> ByName {
        ByName(columns.iter().map(|c| (c.field.name().clone(), c.role.clone())).collect())
    }

    fn role(&self, name: &str) -> Role {
        self.0.get(name).cloned().unwrap_or(Role::Other)
    }
}

/// An error of Arrow's where only a fault of ours can cause one.
pub(crate) fn fault(e: impl std::fmt::Display) -> EvalError {
    EvalError::Query(format!("rows could not be put together: {e}"))
}

/// Texts for `EXPLAIN`.
fn shown_span(start_ns: i64, end_ns: i64) -> String {
    let instant = |ns: i64| match jiff::Timestamp::from_nanosecond(i128::from(ns)) {
        Ok(at) if ns != i64::MIN && ns != i64::MAX => at.to_string(),
        _ => "..".to_owned(),
    };
    format!("time=[{}, {})", instant(start_ns), instant(end_ns))
}
