//! One session, message by message.

use super::Entry;
use super::local::{self, Done, Transaction};
use super::portal::{Messages, Next, Portal, Rows, Statement, Values};
use super::refusal::{Fault, Refusal};
use super::wire::Wire;
use crate::sql::run::{Failure, Question, Sink, start};
use crate::state::App;
use model::record::Tenant;
use sql::Parsed;
use sql::pg::{self, Message, Severity, Target, write};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Prepared statements, and portals, of one connection.
pub(super) const KEPT_MAX: usize = 1000;
/// Bytes of their texts and parameters.
pub(super) const KEPT_BYTES_MAX: usize = 16 << 20;

/// Names of the database of whoever names no tenant.
const UNNAMED: [&str; 2] = ["watchfire", "postgres"];

/// A session.
pub struct Connection {
    pub(super) wire: Wire,
    pub(super) app: Arc<App>,
    entry: Entry,
    pub(super) base: Question,
    pub(super) statements: HashMap<String, Statement>,
    pub(super) portals: HashMap<String, Portal>,
    pub(super) kept_bytes: usize,
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
    pub(super) fn local(&mut self, parsed: &Parsed) -> Result<Option<Done>, Fault> {
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

    pub(super) fn write_local(&mut self, done: &Done, described: bool) {
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
    pub(super) async fn send(&mut self, rows: &mut Rows, most: u64) -> Result<(), Fault> {
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
}

pub(super) fn text(statement: &Statement) -> String {
    statement.parsed.as_ref().map(|p| p.text().to_owned()).unwrap_or_default()
}
