//! Reading stored events.

use super::Tracker;
use crate::api::query::failed;
use crate::ask;
use crate::http::error::{ApiError, ErrorKind};
use crate::loki::Bounded;
use crate::state::App;
use errors::{EventId, GroupHash};
use issues::{Book, Issue, IssueId};
use model::Labels;
use model::record::error::{ErrorView, kind, name};
use model::record::{AttributesBuf, Record, SpanId, Tenant, TraceId, Value};
use promql::Control;
use records::{Attributes, Direction, Scan, StreamTest, Wanted};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Reads for one request.
pub struct Reader<'a> {
    /// Events and issues.
    pub tracker: &'a Tracker,
    /// Whose.
    pub tenant: &'a Tenant,
    /// Now, Unix milliseconds.
    pub now_ms: i64,
    control: &'a Control,
    memory_max: u64,
}

/// Runs a question about the errors of the asker.
pub async fn ask<T: Send + 'static>(
    app: &Arc<App>,
    tenant: Tenant,
    work: impl Fn(&Reader<'_>) -> Result<T, ApiError> + Send + Sync + 'static,
) -> Result<T, ApiError> {
    ask::ask(app, app.query_timeout(), None, move |app, reins| {
        let memory_max = app.config().query.memory_per_query.bytes().min(app.budgets.query_bytes);
        let tracker = &app.ready()?.errors;
        work(&Reader { tracker, tenant: &tenant, now_ms: app.now_ms(), control: &reins.control, memory_max })
    })
    .await
}

/// Which records.
pub struct Sought<'a> {
    /// Of which kind.
    pub kind: &'static str,
    /// Of which groups; all without.
    pub groups: Option<&'a HashSet<String>>,
    /// Of which project; all without.
    pub project: Option<&'a str>,
    /// From when to before when, Unix nanoseconds.
    pub span_ns: (i64, i64),
    /// Of which trace; all without.
    pub trace: Option<TraceId>,
    /// At most so many, the newest first.
    pub limit: Option<usize>,
    /// The oldest first instead.
    pub forward: bool,
}

impl Sought<'_> {
    /// All records of a kind.
    pub fn all(kind: &'static str) -> Sought<'static> {
        Sought {
            kind,
            groups: None,
            project: None,
            span_ns: (i64::MIN, i64::MAX),
            trace: None,
            limit: None,
            forward: false,
        }
    }
}

impl Reader<'_> {
    /// Gives records to `visit` until it breaks off, with the named attributes or with all.
    pub fn records(
        &self,
        sought: &Sought<'_>,
        names: Option<&[&str]>,
        visit: &mut dyn FnMut(&Labels, &Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), ApiError> {
        let test = |labels: &Labels| {
            labels.get(name::KIND) == Some(sought.kind)
                && sought.project.is_none_or(|p| labels.get(name::PROJECT) == Some(p))
                && sought.groups.is_none_or(|g| g.contains(labels.get(name::GROUP).unwrap_or("")))
        };
        let scan = Scan {
            streams: Some(StreamTest(&test)),
            start_ns: sought.span_ns.0,
            end_ns: sought.span_ns.1,
            direction: if sought.forward { Direction::Forward } else { Direction::Backward },
            trace_id: sought.trace,
            wanted: Wanted {
                body: true,
                severity: true,
                ids: true,
                attributes: names.map_or(Attributes::All, Attributes::Named),
            },
            limit: sought.limit,
            ..Scan::all(self.tenant)
        };
        let budget = Bounded::new(self.control, self.memory_max);
        let mut row_attributes = AttributesBuf::new();
        let done = self.tracker.store.scan(&scan, &budget, &mut |block| {
            for row in 0..block.len() {
                let record = Record {
                    observed_ns: block.observed_ns(row),
                    severity: block.severity(row),
                    trace_id: block.trace_id(row),
                    span_id: block.span_id(row),
                    body: Value::String(block.body(row)),
                    ..Record::line(block.times_ns[row], "")
                };
                let flow = match names {
                    None => visit(block.labels, &Record { attributes: block.attributes(row), ..record }),
                    Some(names) => {
                        row_attributes.clear();
                        for (place, name) in names.iter().enumerate() {
                            if let Some(value) = block.attribute(place, row) {
                                row_attributes.push(name, value);
                            }
                        }
                        visit(block.labels, &Record { attributes: row_attributes.as_attributes(), ..record })
                    }
                };
                if flow.is_break() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        done.map(drop).map_err(|e| failed(budget.error(e)))
    }

    /// The issue with an id, or with the one id that begins so.
    pub fn issue<'b>(&self, book: &'b Book, text: &str) -> Result<&'b Issue, ApiError> {
        find_issue(book, self.tenant, text)
    }

    /// One event with everything, if it is there.
    pub fn event(&self, id: EventId, sought: &Sought<'_>) -> Result<Option<Found>, ApiError> {
        let mut place = None;
        self.records(sought, Some(&[name::ID]), &mut |labels, record| {
            if ErrorView::of(labels, record).id == id.0 {
                place = Some((record.time_ns, labels.get(name::GROUP).unwrap_or("").to_owned()));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let Some((time_ns, group)) = place else { return Ok(None) };
        let groups = HashSet::from([group]);
        let exact =
            Sought { span_ns: (time_ns, time_ns + 1), groups: Some(&groups), ..Sought::all(kind::EVENT) };
        let mut found = None;
        self.records(&exact, None, &mut |labels, record| {
            let view = ErrorView::of(labels, record);
            if view.id != id.0 {
                return ControlFlow::Continue(());
            }
            found = Some(Found::of(&view));
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The newest event of an issue.
    pub fn latest(&self, groups: &HashSet<String>, span_ns: (i64, i64)) -> Result<Option<Found>, ApiError> {
        let sought = Sought { groups: Some(groups), span_ns, limit: Some(1), ..Sought::all(kind::EVENT) };
        let mut found = None;
        self.records(&sought, None, &mut |labels, record| {
            found = Some(Found::of(&ErrorView::of(labels, record)));
            ControlFlow::Break(())
        })?;
        Ok(found)
    }
}

/// An event with everything.
pub struct Found {
    /// The project.
    pub project: String,
    /// Its group.
    pub group: String,
    /// Its title.
    pub title: String,
    /// When it happened, Unix nanoseconds.
    pub time_ns: i64,
    /// When it was accepted, Unix nanoseconds.
    pub accepted_ns: i64,
    /// The trace and span.
    pub ids: (TraceId, SpanId),
    /// The rule that grouped it.
    pub rule: String,
    /// All of it.
    pub event: serde_json::Value,
}

impl Found {
    fn of(view: &ErrorView<'_>) -> Found {
        Found {
            project: view.project.to_owned(),
            group: view.group.to_owned(),
            title: view.title.to_owned(),
            time_ns: view.time_ns,
            accepted_ns: view.observed_ns,
            ids: (view.trace_id, view.span_id),
            rule: view.rule.to_owned(),
            event: serde_json::from_str(view.event).unwrap_or_default(),
        }
    }
}

/// The issue with an id, or with the one id that begins so.
pub fn find_issue<'b>(book: &'b Book, tenant: &Tenant, text: &str) -> Result<&'b Issue, ApiError> {
    const SHORTEST: usize = 4;
    let text = text.trim();
    let mine = |i: &&Issue| i.tenant == tenant.as_str();
    let none = || ApiError::new(ErrorKind::NotFound, format!("there is no issue {text:?}"));
    if let Some(hash) = GroupHash::from_text(text) {
        // The id of a group finds the issue that it is part of now.
        let found = book.issue(IssueId(hash)).or_else(|| book.issue_of(hash));
        return found.filter(mine).ok_or_else(none);
    }
    if text.len() < SHORTEST || text.len() > 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ApiError::bad_data(format!(
            "{text:?} is not the id of an issue: it has 16 hexadecimal digits, of which the first {SHORTEST} may do"
        )));
    }
    let lower = text.to_ascii_lowercase();
    let mut all = book.issues().filter(mine).filter(|i| i.id.to_string().starts_with(&lower));
    match (all.next(), all.next()) {
        (Some(issue), None) => Ok(issue),
        (None, _) => Err(none()),
        (Some(_), Some(_)) => {
            Err(ApiError::bad_data(format!("several issues begin with {text}: write more digits")))
        }
    }
}

/// The groups of an issue as their labels have them.
pub fn group_labels(issue: &Issue) -> HashSet<String> {
    issue.groups.iter().map(GroupHash::to_string).collect()
}
