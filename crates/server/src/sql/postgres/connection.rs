//! One session, message by message.

use super::Entry;
use super::local::{self, Done, Transaction};
use super::portal::{Messages, Next, Portal, Rows, Statement, Values, describe, question};
use super::wire::Wire;
use crate::api::query::CancelOnDrop;
use crate::http::error::ErrorKind;
use crate::sql::run::{self, Failure, Question, Sink, start};
use crate::state::App;
use model::record::Tenant;
use promql::{Control, EvalError};
use sql::pg::{self, Formats, Message, Severity, Target, write};
use sql::{DataType, Parsed, SchemaRef, SqlError};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Prepared statements, and portals, of one connection.
const KEPT_MAX: usize = 1000;
/// Bytes of their texts and parameters.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Names of the database of whoever names no tenant.
const UNNAMED: [&str; 2] = ["watchfire", "postgres"];

/// Why a message cannot be answered, as the protocol tells it.
struct Refusal {
    code: &'static str,
    told: String,
    hint: Option<String>,
    /// The character of the statement, from 1.
    position: Option<usize>,
}

impl Refusal {
    fn new(code: &'static str, told: impl Into<String>) -> Refusal {
        Refusal { code, told: told.into(), hint: None, position: None }
    }

    fn cancelled() -> Refusal {
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
enum Fault {
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

/// A session.
pub struct Connection {
    wire: Wire,
    app: Arc<App>,
    entry: Entry,
    base: Question,
    statements: HashMap<String, Statement>,
    portals: HashMap<String, Portal>,
    kept_bytes: usize,
    /// `I`, `T` or `E`.
    transaction: u8,
    /// After an error within a group nothing is done until its end.
    skipping: bool,
}

fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
}

/// The tenant of a database.
fn tenant(app: &App, database: &str) -> Result<Tenant, Refusal> {
    let running = app.ready().map_err(Failure::Api)?;
    let unnamed = Tenant::unnamed();
    if database == unnamed.as_str() {
        return Ok(unnamed);
    }
    if let Ok(tenant) = Tenant::new(database)
        && running.logs.tenants().contains(&tenant)
    {
        return Ok(tenant);
    }
    if UNNAMED.contains(&database) {
        return Ok(unnamed);
    }
    let hint = format!(
        "A database is a tenant of logs; {} and {:?} stand for that of whoever names none: psql -d watchfire",
        UNNAMED.map(|n| format!("{n:?}")).join(", "),
        unnamed.as_str()
    );
    Err(Refusal {
        hint: Some(hint),
        ..Refusal::new("3D000", format!("database {database:?} does not exist"))
    })
}

impl Connection {
    /// Serves a session to its end.
    pub async fn serve(
        mut wire: Wire,
        app: &Arc<App>,
        entry: Entry,
        parameters: &[(String, String)],
        idle: Duration,
    ) -> io::Result<()> {
        let user = parameter(parameters, "user").unwrap_or("watchfire");
        let database = parameter(parameters, "database").unwrap_or(user);
        let tenant = match tenant(app, database) {
            Ok(tenant) => tenant,
            Err(e) => {
                wire.fatal(e.code, &e.told, e.hint.as_deref()).await;
                return Ok(());
            }
        };
        let base = Question {
            tenant,
            user: user.to_owned(),
            statement: Parsed::nothing(),
            limit: None,
            timeout: app.query_timeout(),
            values: Values::default().make(),
            sink: Arc::new(|schema| Ok(Box::new(Messages::new(schema, &[], false)?) as Box<dyn Sink>)),
        };
        write::authenticated(&mut wire.out);
        for name in
            ["server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone", "IntervalStyle"]
        {
            write::parameter(&mut wire.out, name, pg::show(name).unwrap_or_default());
        }
        for name in [
            "integer_datetimes",
            "standard_conforming_strings",
            "is_superuser",
            "default_transaction_read_only",
        ] {
            write::parameter(&mut wire.out, name, pg::show(name).unwrap_or_default());
        }
        let named = parameter(parameters, "application_name").unwrap_or_default();
        write::parameter(&mut wire.out, "application_name", named);
        write::parameter(&mut wire.out, "session_authorization", user);
        write::key(&mut wire.out, entry.process, entry.key);
        let mut connection = Connection {
            wire,
            app: Arc::clone(app),
            entry,
            base,
            statements: HashMap::new(),
            portals: HashMap::new(),
            kept_bytes: 0,
            transaction: b'I',
            skipping: false,
        };
        connection.ready().await?;
        connection.messages(idle).await
    }

    async fn messages(&mut self, idle: Duration) -> io::Result<()> {
        loop {
            let Ok(message) = tokio::time::timeout(idle, self.wire.message()).await else {
                let told =
                    format!("nothing was asked for {} s: raise sql.postgres.idle_timeout", idle.as_secs());
                self.wire.fatal("57P05", &told, None).await;
                return Ok(());
            };
            let Some(message) = message? else { return Ok(()) };
            let grouped = !matches!(message, Message::Query(_) | Message::Sync | Message::Terminate);
            if self.skipping && grouped {
                continue;
            }
            match message {
                Message::Terminate => return Ok(()),
                Message::Sync => {
                    self.skipping = false;
                    if self.transaction == b'I' {
                        self.portals.clear();
                    }
                    self.ready().await?;
                }
                Message::Query(text) => {
                    self.skipping = false;
                    let done = self.query(&text).await;
                    self.told(done, &text)?;
                    self.ready().await?;
                }
                other => {
                    let text = self.text_of(&other);
                    let done = self.extended(other).await;
                    self.skipping = matches!(done, Err(Fault::Refused(_)));
                    self.told(done, &text)?;
                    self.wire.flush_much().await?;
                }
            }
        }
    }

    /// The statement that a message is about, to find places in.
    fn text_of(&self, message: &Message) -> String {
        match message {
            Message::Parse { text, .. } => text.clone(),
            Message::Execute { portal, .. } => {
                self.portals.get(portal).map(|p| text(&p.statement)).unwrap_or_default()
            }
            Message::Describe(Target::Portal, name) => {
                self.portals.get(name).map(|p| text(&p.statement)).unwrap_or_default()
            }
            Message::Describe(Target::Statement, name) => {
                self.statements.get(name).map(text).unwrap_or_default()
            }
            _ => String::new(),
        }
    }

    /// Tells an error; one of the socket ends the connection.
    fn told(&mut self, done: Result<(), Fault>, text: &str) -> io::Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(Fault::Broken(e)) => Err(e),
            Err(Fault::Refused(e)) => {
                if self.transaction == b'T' {
                    self.transaction = b'E';
                }
                let position = e.position.map(|at| text.get(..at).map_or(0, |t| t.chars().count()) + 1);
                write::error(
                    &mut self.wire.out,
                    Severity::Error,
                    e.code,
                    &e.told,
                    e.hint.as_deref(),
                    position,
                );
                Ok(())
            }
        }
    }

    async fn ready(&mut self) -> io::Result<()> {
        write::ready(&mut self.wire.out, self.transaction);
        self.wire.flush().await
    }

    /// Statements of a text, one after the other until one fails.
    async fn query(&mut self, text: &str) -> Result<(), Fault> {
        self.portals.remove("");
        let all = sql::parse(text)?;
        if all.is_empty() {
            write::bare(&mut self.wire.out, b'I');
        }
        for parsed in all {
            if let Some(done) = self.local(&parsed)? {
                self.write_local(&done, true);
                continue;
            }
            parsed.check()?;
            let question = Question { statement: parsed, ..self.base.clone() };
            let mut rows = Rows::new(start(&self.app, question));
            self.send(&mut rows, u64::MAX).await?;
            write::complete(&mut self.wire.out, &format!("SELECT {}", rows.count));
        }
        Ok(())
    }

    /// Answers what concerns the session alone. In a transaction that failed nothing else is done.
    fn local(&mut self, parsed: &Parsed) -> Result<Option<Done>, Fault> {
        let done = local::answer(parsed)?;
        let ends = done.as_ref().is_some_and(|d| d.transaction == Transaction::Ends);
        if self.transaction == b'E' && !ends {
            let told = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(Refusal::new("25P02", told).into());
        }
        if let Some(done) = &done {
            match done.transaction {
                Transaction::Begins => self.transaction = b'T',
                Transaction::Ends => {
                    self.transaction = b'I';
                    self.portals.clear();
                }
                Transaction::Unchanged => {}
            }
            match &done.forget {
                None => {}
                Some(None) => self.statements.clear(),
                Some(Some(name)) => drop(self.statements.remove(name)),
            }
            self.count_kept();
        }
        Ok(done)
    }

    fn write_local(&mut self, done: &Done, described: bool) {
        if let Some((name, value)) = &done.row {
            if described {
                write::columns(&mut self.wire.out, [(name.as_str(), 25, -1, false)].into_iter());
            }
            write::message(&mut self.wire.out, b'D', |out| {
                out.extend_from_slice(&1u16.to_be_bytes());
                out.extend_from_slice(&(value.len() as u32).to_be_bytes());
                out.extend_from_slice(value.as_bytes());
            });
        }
        write::complete(&mut self.wire.out, &done.tag);
    }

    /// Sends at most so many rows. Ends early when another connection asks for it, or the client is gone.
    async fn send(&mut self, rows: &mut Rows, most: u64) -> Result<(), Fault> {
        let mut left = most;
        while left > 0 {
            let next = tokio::select! {
                next = rows.next(left) => next,
                () = self.entry.stop.notified() => return Err(Refusal::cancelled().into()),
                () = self.wire.gone() => return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
            };
            match next {
                (Next::Messages(messages), found) => {
                    self.wire.out.extend_from_slice(&messages);
                    self.wire.flush_much().await?;
                    left -= found;
                }
                (Next::End, _) => return Ok(()),
                (Next::Failed(failure), _) => return Err(failure.into()),
            }
        }
        Ok(())
    }

    async fn extended(&mut self, message: Message) -> Result<(), Fault> {
        match message {
            Message::Parse { name, text, types } => self.parse(name, &text, types),
            Message::Bind { portal, statement, formats, values, results } => {
                let statement = self.statement(&statement)?.clone();
                let types = statement.types.clone();
                let values = Values { binary: formats, values, types };
                let bound = Portal { statement, values, results, rows: None, done: false };
                self.portals.insert(portal, bound);
                self.room()?;
                write::bare(&mut self.wire.out, b'2');
                Ok(())
            }
            Message::Describe(Target::Statement, name) => self.describe_statement(&name).await,
            Message::Describe(Target::Portal, name) => self.describe_portal(&name).await,
            Message::Execute { portal, rows } => self.execute(portal, rows).await,
            Message::Close(target, name) => {
                match target {
                    Target::Statement => drop(self.statements.remove(&name)),
                    Target::Portal => drop(self.portals.remove(&name)),
                }
                self.count_kept();
                write::bare(&mut self.wire.out, b'3');
                Ok(())
            }
            Message::Flush => Ok(self.wire.flush().await?),
            Message::Function => Err(Refusal::new("0A000", "calls of functions are not supported").into()),
            Message::Copy | Message::Password => {
                Err(Refusal::new("08P01", "the message is out of place: nothing is being copied").into())
            }
            Message::Query(_) | Message::Sync | Message::Terminate => Ok(()),
        }
    }

    fn statement(&self, name: &str) -> Result<&Statement, Refusal> {
        let missing = || Refusal::new("26000", format!("prepared statement {name:?} does not exist"));
        self.statements.get(name).ok_or_else(missing)
    }

    fn portal(&self, name: &str) -> Result<&Portal, Refusal> {
        self.portals.get(name).ok_or_else(|| Refusal::new("34000", format!("portal {name:?} does not exist")))
    }

    fn count_kept(&mut self) {
        let values = |v: &Values| v.values.iter().flatten().map(Vec::len).sum::<usize>();
        self.kept_bytes = self.statements.values().map(|s| text(s).len()).sum::<usize>()
            + self.portals.values().map(|p| text(&p.statement).len() + values(&p.values)).sum::<usize>();
    }

    /// Refuses to keep too much.
    fn room(&mut self) -> Result<(), Refusal> {
        self.count_kept();
        let count = self.statements.len().max(self.portals.len());
        if count <= KEPT_MAX && self.kept_bytes <= KEPT_BYTES_MAX {
            return Ok(());
        }
        let told = format!(
            "the connection keeps {count} statements or portals with {} bytes, over the limit of {KEPT_MAX} and \
             {KEPT_BYTES_MAX} bytes: close those that are not needed",
            self.kept_bytes
        );
        self.portals.clear();
        self.statements.clear();
        self.count_kept();
        Err(Refusal::new("54000", told))
    }

    fn parse(&mut self, name: String, text: &str, types: Vec<u32>) -> Result<(), Fault> {
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(Refusal::new("42P05", format!("prepared statement {name:?} already exists")).into());
        }
        let mut all = sql::parse(text)?;
        if all.len() > 1 {
            return Err(
                Refusal::new("42601", "cannot insert multiple commands into a prepared statement").into()
            );
        }
        let parsed = all.pop();
        if let Some(parsed) = &parsed
            && parsed.local()?.is_none()
        {
            parsed.check()?;
        }
        self.statements.insert(name, Statement { parsed, types });
        self.room()?;
        write::bare(&mut self.wire.out, b'1');
        Ok(())
    }

    /// Columns and parameters of a statement, with values in place of its parameters if there are any.
    async fn planned(
        &self,
        parsed: Parsed,
        values: Option<run::MakeValues>,
    ) -> Result<(SchemaRef, Vec<Option<DataType>>), Fault> {
        let timeout = self.base.timeout;
        let control = Control::new()
            .with_timeout(Instant::now(), timeout)
            .with_pool(Arc::clone(&self.app.light_memory));
        let _cancel = CancelOnDrop(control.clone());
        let (app, tenant, user) = (Arc::clone(&self.app), self.base.tenant.clone(), self.base.user.clone());
        let work = move || {
            let plan = || -> Result<_, Failure> {
                let session = run::session(&app, &tenant, &user, &control)?;
                let prepared = session.prepare(&parsed)?;
                let types = prepared.parameters()?;
                let schema = match values {
                    Some(make) => {
                        let values = make(&types)?;
                        if values.is_empty() { prepared.schema() } else { prepared.bind(values)?.schema() }
                    }
                    None => prepared.schema(),
                };
                Ok((schema, types))
            };
            Ok(plan())
        };
        let planned = self.app.queries.run(timeout, work).await.map_err(Failure::Api)?;
        Ok(planned?)
    }

    async fn describe_statement(&mut self, name: &str) -> Result<(), Fault> {
        let statement = self.statement(name)?.clone();
        let Some(parsed) = statement.parsed else {
            write::parameters(&mut self.wire.out, &[]);
            write::bare(&mut self.wire.out, b'n');
            return Ok(());
        };
        if let Some(done) = local::answer(&parsed)? {
            write::parameters(&mut self.wire.out, &[]);
            self.describe_local(&done);
            return Ok(());
        }
        let (schema, types) = self.planned(parsed, None).await?;
        let count = types.len().max(statement.types.len());
        let of = |i: usize| {
            let stated = statement.types.get(i).copied().and_then(pg::oid_of_known);
            stated.unwrap_or_else(|| types.get(i).and_then(Option::as_ref).map_or(25, pg::oid))
        };
        write::parameters(&mut self.wire.out, &(0..count).map(of).collect::<Vec<_>>());
        describe(&schema, &Formats::default(), &mut self.wire.out);
        Ok(())
    }

    fn describe_local(&mut self, done: &Done) {
        match &done.row {
            Some((name, _)) => {
                write::columns(&mut self.wire.out, [(name.as_str(), 25, -1, false)].into_iter())
            }
            None => write::bare(&mut self.wire.out, b'n'),
        }
    }

    async fn describe_portal(&mut self, name: &str) -> Result<(), Fault> {
        let portal = self.portal(name)?;
        let results = portal.results.clone();
        let values = portal.values.clone().make();
        let Some(parsed) = portal.statement.parsed.clone() else {
            write::bare(&mut self.wire.out, b'n');
            return Ok(());
        };
        if let Some(done) = local::answer(&parsed)? {
            self.describe_local(&done);
            return Ok(());
        }
        let (schema, _) = self.planned(parsed, Some(values)).await?;
        let formats = Formats::of(&results, schema.fields().len()).map_err(|e| Refusal::new("08P01", e))?;
        describe(&schema, &formats, &mut self.wire.out);
        Ok(())
    }

    async fn execute(&mut self, name: String, most: u32) -> Result<(), Fault> {
        self.portal(&name)?;
        let Some(mut portal) = self.portals.remove(&name) else { return Ok(()) };
        let Some(parsed) = portal.statement.parsed.clone() else {
            write::bare(&mut self.wire.out, b'I');
            self.portals.insert(name, portal);
            return Ok(());
        };
        if let Some(done) = self.local(&parsed)? {
            self.write_local(&done, false);
            return Ok(());
        }
        if portal.done {
            write::complete(&mut self.wire.out, "SELECT 0");
            self.portals.insert(name, portal);
            return Ok(());
        }
        let mut rows = match portal.rows.take() {
            Some(rows) => rows,
            None => Rows::new(start(&self.app, question(&self.base, &portal, parsed))),
        };
        let before = rows.count;
        let most = if most == 0 { u64::MAX } else { u64::from(most) };
        self.send(&mut rows, most).await?;
        let sent = rows.count - before;
        if sent == most && !rows.is_over() {
            write::bare(&mut self.wire.out, b's');
            portal.rows = Some(rows);
        } else {
            write::complete(&mut self.wire.out, &format!("SELECT {sent}"));
            portal.done = true;
        }
        self.portals.insert(name, portal);
        Ok(())
    }
}

fn text(statement: &Statement) -> String {
    statement.parsed.as_ref().map(|p| p.text().to_owned()).unwrap_or_default()
}
