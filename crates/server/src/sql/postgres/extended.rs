//! Statements that are prepared, bound and run in steps.

use super::connection::{Connection, KEPT_BYTES_MAX, KEPT_MAX, text};
use super::local::{self, Done};
use super::portal::{Portal, Rows, Statement, Values, describe, question};
use super::refusal::{Fault, Refusal};
use crate::ask::CancelOnDrop;
use crate::sql::run::{self, Failure, start};
use promql::Control;
use sql::pg::{self, Formats, Message, Target, write};
use sql::{DataType, Parsed, SchemaRef};
use std::sync::Arc;
use std::time::Instant;

impl Connection {
    pub(super) async fn extended(&mut self, message: Message) -> Result<(), Fault> {
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

    pub(super) fn count_kept(&mut self) {
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
            .with_pool(Arc::clone(&self.app.light_memory))
            .with_brake(Arc::clone(&self.app.brake));
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
