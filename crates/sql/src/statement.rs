//! Which statements may be run: those that only read.

use crate::bounds;
use crate::error::SqlError;
use crate::pg;
use datafusion::common::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement as Ast, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use promql::{ParseError, Span};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The longest text of a statement.
pub(crate) const TEXT_BYTES_MAX: usize = 256 << 10;
/// How deep expressions and queries may nest.
const NESTING_MAX: usize = 50;
/// Statements in one text.
const STATEMENTS_MAX: usize = 64;

/// A statement that was read and may be run.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub(crate) text: String,
    /// Trees can be deep: they are not copied where stacks are small.
    pub(crate) statement: Arc<Statement>,
}

impl Parsed {
    /// A statement that selects nothing.
    pub fn nothing() -> Parsed {
        let ast = Ast::Commit { chain: false, end: false, modifier: None };
        Parsed { text: String::new(), statement: Arc::new(Statement::Statement(Box::new(ast))) }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Refuses what does not only read.
    pub fn check(&self) -> Result<(), SqlError> {
        match bounds::deep(|| refused(&self.statement)) {
            None => Ok(()),
            Some(what) => {
                let word = self.text.trim_start();
                let start = self.text.len() - word.len();
                let end = start + word.find(char::is_whitespace).unwrap_or(word.len());
                let message = format!(
                    "{what} is not allowed: SQL only reads here (SELECT, WITH, VALUES, EXPLAIN, SHOW)"
                );
                Err(SqlError::Refused(ParseError::new(&self.text, Span { start, end }, message)))
            }
        }
    }
}

/// Reads the statements of a text; there may be none. Whether each may be run, [`Parsed::check`] says.
pub fn parse(text: &str) -> Result<Vec<Parsed>, SqlError> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the statement has {} bytes, over the limit of {TEXT_BYTES_MAX}", text.len());
        return Err(SqlError::Statement(ParseError::new("", Span { start: 0, end: 0 }, message)));
    }
    bounds::check_text(text)?;
    bounds::deep(|| parse_deep(text))
}

fn parse_deep(text: &str) -> Result<Vec<Parsed>, SqlError> {
    let failed = |e: DataFusionError| SqlError::of(text, &e);
    let dialect = PostgreSqlDialect {};
    let mut parser = DFParserBuilder::new(text)
        .with_dialect(&dialect)
        .with_recursion_limit(NESTING_MAX)
        .build()
        .map_err(failed)?;
    let statements = parser.parse_statements().map_err(failed)?;
    if statements.len() > STATEMENTS_MAX {
        let message =
            format!("{} statements in one text, over the limit of {STATEMENTS_MAX}", statements.len());
        return Err(SqlError::Statement(ParseError::new(text, Span { start: 0, end: 0 }, message)));
    }
    let parsed = |mut statement: Statement| {
        if let Statement::Statement(ast) = &statement {
            bounds::check_tables(text, ast)?;
        }
        pg::rewrite(&mut statement);
        Ok(Parsed { text: text.to_owned(), statement: Arc::new(statement) })
    };
    statements.into_iter().map(parsed).collect()
}

/// What a statement does that is not allowed, `None` if nothing.
fn refused(statement: &Statement) -> Option<&'static str> {
    match statement {
        Statement::Statement(ast) => refused_ast(ast),
        Statement::Explain(explain) => refused(&explain.statement),
        Statement::CreateExternalTable(_) => Some("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => Some("COPY"),
        Statement::Reset(_) => Some("RESET"),
    }
}

fn refused_ast(ast: &Ast) -> Option<&'static str> {
    Some(match ast {
        Ast::Query(query) => return query.visit(&mut Changes).break_value(),
        Ast::Explain { statement, .. } => return refused_ast(statement),
        Ast::ShowVariable { .. }
        | Ast::ShowTables { .. }
        | Ast::ShowColumns { .. }
        | Ast::ExplainTable { .. } => {
            return None;
        }
        Ast::ShowFunctions { .. } | Ast::ShowDatabases { .. } | Ast::ShowSchemas { .. } => return None,
        Ast::Insert(_) => "INSERT",
        Ast::Update { .. } => "UPDATE",
        Ast::Delete(_) => "DELETE",
        Ast::Merge { .. } => "MERGE",
        Ast::Truncate { .. } => "TRUNCATE",
        Ast::CreateTable(_)
        | Ast::CreateView { .. }
        | Ast::CreateSchema { .. }
        | Ast::CreateDatabase { .. } => "CREATE",
        Ast::CreateFunction(_) | Ast::CreateIndex(_) | Ast::CreateRole { .. } => "CREATE",
        Ast::Drop { .. } | Ast::DropFunction { .. } => "DROP",
        Ast::AlterTable { .. } | Ast::AlterView { .. } => "ALTER",
        Ast::Copy { .. } | Ast::CopyIntoSnowflake { .. } => "COPY",
        Ast::Set(_) => "SET",
        Ast::StartTransaction { .. } => "BEGIN",
        Ast::Commit { .. } => "COMMIT",
        Ast::Rollback { .. } => "ROLLBACK",
        Ast::Prepare { .. } => "PREPARE",
        Ast::Execute { .. } => "EXECUTE",
        Ast::Deallocate { .. } => "DEALLOCATE",
        Ast::Grant { .. } => "GRANT",
        Ast::Revoke { .. } => "REVOKE",
        Ast::Discard { .. } => "DISCARD",
        Ast::Declare { .. } => "DECLARE",
        Ast::Fetch { .. } => "FETCH",
        Ast::Close { .. } => "CLOSE",
        Ast::Analyze { .. } => "ANALYZE",
        Ast::Call(_) => "CALL",
        Ast::LISTEN { .. } => "LISTEN",
        _ => "this statement",
    })
}

/// Finds queries that change data within others.
struct Changes;

impl Visitor for Changes {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<&'static str> {
        if !query.locks.is_empty() {
            return ControlFlow::Break("FOR UPDATE");
        }
        match body_refused(&query.body) {
            Some(what) => ControlFlow::Break(what),
            None => ControlFlow::Continue(()),
        }
    }
}

/// Whether the body of a query changes data; queries within it are looked at one by one.
fn body_refused(body: &SetExpr) -> Option<&'static str> {
    match body {
        SetExpr::Insert(_) => Some("INSERT"),
        SetExpr::Update(_) => Some("UPDATE"),
        SetExpr::Delete(_) => Some("DELETE"),
        SetExpr::Merge(_) => Some("MERGE"),
        SetExpr::Select(select) if select.into.is_some() => Some("SELECT INTO"),
        SetExpr::SetOperation { left, right, .. } => body_refused(left).or_else(|| body_refused(right)),
        _ => None,
    }
}

/// A statement about a client's session, not about data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// Begins a transaction, which has no effect on what is read.
    Begin,
    /// Ends it.
    Commit,
    /// Ends it.
    Rollback,
    /// A place within it.
    Savepoint,
    /// Forgets the place.
    Release,
    /// Goes back to the place.
    RollbackTo,
    /// Sets one of the settings that may be set, to no effect.
    Set,
    /// Sets it back.
    Reset,
    /// Forgets prepared statements and all else.
    Discard,
    /// Forgets one prepared statement, or all.
    Deallocate(Option<String>),
    /// Waits for no notifications.
    Unlisten,
    /// Shows a setting.
    Show(String),
}

/// Settings a client may set. They are kept as they are: times are UTC, text is UTF-8, nothing is written.
const SETTINGS: [&str; 16] = [
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_transaction_read_only",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "intervalstyle",
    "lock_timeout",
    "names",
    "search_path",
    "standard_conforming_strings",
    "statement_timeout",
    "timezone",
    "time zone",
];

impl Parsed {
    /// The statement if it is about the session.
    pub fn local(&self) -> Result<Option<Local>, SqlError> {
        let ast = match self.statement.as_ref() {
            Statement::Statement(ast) => ast.as_ref(),
            Statement::Reset(_) => return Ok(Some(Local::Reset)),
            _ => return Ok(None),
        };
        Ok(Some(match ast {
            Ast::StartTransaction { .. } => Local::Begin,
            Ast::Commit { .. } => Local::Commit,
            Ast::Rollback { savepoint: None, .. } => Local::Rollback,
            Ast::Rollback { .. } => Local::RollbackTo,
            Ast::Savepoint { .. } => Local::Savepoint,
            Ast::ReleaseSavepoint { .. } => Local::Release,
            Ast::Discard { .. } => Local::Discard,
            Ast::UNLISTEN { .. } => Local::Unlisten,
            Ast::Deallocate { name, .. } => {
                let all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
                Local::Deallocate((!all).then(|| name.value.clone()))
            }
            Ast::Set(set) => {
                self.check_set(&set.to_string())?;
                Local::Set
            }
            Ast::ShowVariable { variable } => {
                let name: Vec<&str> = variable.iter().map(|v| v.value.as_str()).collect();
                let name = name.join(" ").to_ascii_lowercase();
                Local::Show(match name.as_str() {
                    "transaction isolation level" => "transaction_isolation".to_owned(),
                    "time zone" => "timezone".to_owned(),
                    _ => name,
                })
            }
            _ => return Ok(None),
        }))
    }

    /// Refuses to set what would mean something.
    fn check_set(&self, text: &str) -> Result<(), SqlError> {
        let text = text.to_ascii_lowercase();
        let name =
            text.trim_start_matches("set ").trim_start_matches("session ").trim_start_matches("local ");
        let known = SETTINGS.iter().any(|s| name.starts_with(s))
            || ["characteristics", "transaction"].iter().any(|s| name.starts_with(s));
        let utf8 = !(name.starts_with("client_encoding") || name.starts_with("names"))
            || ["utf8", "utf-8", "unicode"].iter().any(|e| name.contains(e));
        if known && utf8 {
            return Ok(());
        }
        let word = name.split([' ', '=']).next().unwrap_or(name);
        let message = match known {
            true => "client_encoding can only be UTF8".to_owned(),
            false => {
                format!("{word:?} cannot be set; what a client may set to no effect: {}", SETTINGS.join(", "))
            }
        };
        let start = self.text.to_ascii_lowercase().find(word).unwrap_or(0);
        let span = Span { start, end: start + word.len() };
        Err(SqlError::Refused(ParseError::new(&self.text, span, message)))
    }
}
