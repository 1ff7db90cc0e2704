//! The issues of an entity: those of its service, or of the services that run on it.

use super::signals::Range;
use crate::collect::Running;
use crate::http::json::Json;
use ::entities::{Catalogue, EntityId, EntityType, Entry, Relation};
use issues::{Book, Issue};
use model::record::Tenant;
use std::collections::{BTreeMap, BTreeSet};

/// Names under which labels say the service, as error events take it from them.
const LABELS: [&str; 2] = ["service.name", "service_name"];
/// Services of one entity that are asked for.
const SERVICES_MAX: usize = 20;

/// The names of a service as its labels have it; its own name if none were seen.
fn own(id: &EntityId, entry: Option<&Entry>) -> BTreeSet<String> {
    let handles = entry.into_iter().flat_map(|e| &e.handles);
    let named = handles.filter_map(|(_, pairs)| LABELS.iter().find_map(|name| pairs.get(*name)));
    let mut names: BTreeSet<String> = named.cloned().collect();
    if names.is_empty() && id.kind == EntityType::Service {
        names.insert(id.name().to_owned());
    }
    names
}

/// The services whose errors are those of an entity: its own, else that which it is part of, else those that run on it.
pub fn services(
    catalogue: &Catalogue,
    id: &EntityId,
    entry: Option<&Entry>,
    range_ms: (i64, i64),
) -> BTreeSet<String> {
    let mut names = own(id, entry);
    if names.is_empty() {
        for n in catalogue.neighbours(id, range_ms) {
            let related = match n.relation {
                Relation::PartOf => !n.incoming,
                Relation::RunsOn => n.incoming,
                Relation::Calls => false,
            };
            if related && n.id.kind == EntityType::Service {
                names.extend(own(&n.id, catalogue.get(&n.id)));
            }
        }
    }
    // A query has no way to write them.
    names.retain(|name| !name.contains('"'));
    while names.len() > SERVICES_MAX {
        names.pop_last();
    }
    names
}

/// The issues of a service with events in a range, whatever their status.
fn of_service<'b>(book: &'b Book, service: &str, (start_ms, end_ms): (i64, i64)) -> Vec<&'b Issue> {
    let service = service.to_lowercase();
    let tenant = Tenant::unnamed();
    let all = book.issues().filter(|i| i.tenant == tenant.as_str());
    all.filter(|issue| {
        book.groups(issue).any(|g| g.service.to_lowercase() == service)
            && book.groups(issue).any(|g| g.tally.is_within(start_ms, end_ms))
    })
    .collect()
}

/// Writes how to ask for the issues of each service, and how many there are.
pub fn write(j: &mut Json, running: &Running, services: &BTreeSet<String>, range: Range) {
    let range_ms = (range.0 / 1_000_000, range.1 / 1_000_000);
    let counted: BTreeMap<&String, usize> = running
        .errors
        .book(|book| services.iter().map(|name| (name, of_service(book, name, range_ms).len())).collect());
    j.list(&counted, |j, (name, issues)| {
        j.raw("{").key("selector").string(&format!("service:\"{name}\"")).key("issues").int(*issues as i64);
        j.raw("}");
    });
}

/// Writes the issues that were seen last.
pub fn write_newest(
    j: &mut Json,
    running: &Running,
    services: &BTreeSet<String>,
    range: Range,
    limit: usize,
) {
    let range_ms = (range.0 / 1_000_000, range.1 / 1_000_000);
    let found = running.errors.book(|book| {
        let mut found: Vec<(i64, String, String)> = services
            .iter()
            .flat_map(|name| of_service(book, name, range_ms))
            .filter_map(|issue| {
                let last_ms = book.groups(issue).map(|g| g.tally.last_ms).max()?;
                Some((last_ms, issue.id.to_string(), book.newest_group(issue)?.title.clone()))
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.dedup();
        found.truncate(limit);
        found
    });
    j.list(&found, |j, (last_ms, id, title)| {
        j.raw("{").key("id").string(id).key("title").string(title);
        j.key("lastSeen").time(*last_ms).raw("}");
    });
}
