//! The list of issues.

use super::answer::{Window, ok, summary};
use super::overview::{Facets, Timeline, timeline};
use super::read::ask;
use crate::api::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::Encoding;
use crate::intake::tenant;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use issues::{Book, Group, Issue, Status, Tally};
use serde_json::json;

const LIMIT: usize = 50;
const LIMIT_MAX: usize = 500;
const BUCKETS: usize = 24;
const BUCKETS_MAX: usize = 500;
/// The window of a list without `start`.
const SINCE_MS: i64 = 14 * 86_400_000;

/// The window that a request is about.
pub fn window(params: &Params, now_ms: i64) -> Result<Window, ApiError> {
    let end_ms = params.time("end")?.unwrap_or(now_ms);
    let since = params.duration("since")?.unwrap_or(SINCE_MS);
    let start_ms = params.time("start")?.unwrap_or(end_ms.saturating_sub(since));
    if end_ms <= start_ms {
        return Err(ApiError::parameter("end", "the end of the range is not after its start"));
    }
    const RANGE_MAX_MS: i64 = 200 * 366 * 86_400_000;
    if end_ms.checked_sub(start_ms).is_none_or(|length| length > RANGE_MAX_MS) {
        return Err(ApiError::parameter("start", "the range is longer than 200 years"));
    }
    let buckets = match params.get("buckets") {
        None => BUCKETS,
        Some(text) => match text.parse::<usize>() {
            Ok(n) if (1..=BUCKETS_MAX).contains(&n) => n,
            _ => {
                return Err(ApiError::parameter(
                    "buckets",
                    format!("{text:?} is not a number from 1 to {BUCKETS_MAX}"),
                ));
            }
        },
    };
    Ok(Window { start_ms, end_ms, buckets })
}

/// What is asked for.
struct Wanted {
    project: Option<String>,
    status: Option<Status>,
    terms: Vec<Term>,
    sort: Sort,
    limit: usize,
    offset: usize,
    window: Window,
    timeline: Option<Timeline>,
    facets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    LastSeen,
    FirstSeen,
    Events,
    Users,
    Trend,
}

/// A condition: `name:value`, `!name:value` or text.
struct Term {
    name: String,
    value: String,
    negated: bool,
}

/// Names that a condition may have.
const NAMES: [&str; 13] = [
    "is",
    "type",
    "title",
    "culprit",
    "service",
    "level",
    "platform",
    "release",
    "environment",
    "assigned",
    "project",
    "rule",
    "id",
];

impl Wanted {
    fn of(params: &Params, now_ms: i64) -> Result<Wanted, ApiError> {
        let status = match params.get("status").unwrap_or("unresolved") {
            "all" => None,
            word => Some(Status::from_text(word).ok_or_else(|| {
                ApiError::parameter(
                    "status",
                    format!("{word:?} is none of unresolved, resolved, ignored, all"),
                )
            })?),
        };
        let sort = match params.get("sort").unwrap_or("last_seen") {
            "last_seen" => Sort::LastSeen,
            "first_seen" => Sort::FirstSeen,
            "events" => Sort::Events,
            "users" => Sort::Users,
            "trend" => Sort::Trend,
            other => {
                return Err(ApiError::parameter(
                    "sort",
                    format!("{other:?} is none of last_seen, first_seen, events, users, trend"),
                ));
            }
        };
        let offset = match params.get("offset") {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| ApiError::parameter("offset", format!("{text:?} is not a whole number")))?,
        };
        Ok(Wanted {
            project: params.get("project").map(str::to_owned),
            status,
            terms: terms(params.get("query").unwrap_or(""))?,
            sort,
            limit: params.limit()?.unwrap_or(LIMIT).min(LIMIT_MAX),
            offset,
            window: window(params, now_ms)?,
            timeline: params.get("timeline").map(Timeline::of).transpose()?,
            facets: params.get("facets") == Some("true"),
        })
    }
}

/// Conditions of a query: words, `name:value`, quotes around what has blanks.
fn terms(query: &str) -> Result<Vec<Term>, ApiError> {
    const TERMS_MAX: usize = 50;
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in query.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    let mut terms = Vec::new();
    for word in words.into_iter().filter(|w| !w.is_empty()) {
        let (negated, bare) = match word.strip_prefix('!') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, word.as_str()),
        };
        let (name, value) = match bare.split_once(':') {
            Some((name, value)) if NAMES.contains(&name) => (name.to_owned(), value.to_owned()),
            _ => (String::new(), bare.to_owned()),
        };
        if name == "is"
            && ![
                "unresolved",
                "resolved",
                "ignored",
                "regressed",
                "assigned",
                "unassigned",
                "unhandled",
                "new",
            ]
            .contains(&value.as_str())
        {
            return Err(ApiError::parameter(
                "query",
                format!(
                    "is:{value} is none of is:unresolved, resolved, ignored, regressed, assigned, unassigned, unhandled, new"
                ),
            ));
        }
        terms.push(Term { name, value: value.to_lowercase(), negated });
    }
    if terms.len() > TERMS_MAX {
        return Err(ApiError::parameter("query", format!("{} conditions: at most {TERMS_MAX}", terms.len())));
    }
    Ok(terms)
}

impl Term {
    fn holds(&self, book: &Book, issue: &Issue, now_ms: i64) -> bool {
        self.is_met(book, issue, now_ms) != self.negated
    }

    fn is_met(&self, book: &Book, issue: &Issue, now_ms: i64) -> bool {
        let value = self.value.as_str();
        let has = |text: &str| text.to_lowercase().contains(value);
        let any = |test: &dyn Fn(&Group) -> bool| book.groups(issue).any(test);
        let status = issue.life.status_at(now_ms);
        match self.name.as_str() {
            "is" => match value {
                "regressed" => issue.life.regressed && status == Status::Unresolved,
                "assigned" => issue.life.assigned.is_some(),
                "unassigned" => issue.life.assigned.is_none(),
                "unhandled" => any(&|g| g.tally.unhandled > 0),
                "new" => any(&|g| g.tally.first_ms > now_ms - 86_400_000),
                word => status.text() == word,
            },
            "type" => any(&|g| has(&g.exception)),
            "title" => any(&|g| has(&g.title)),
            "culprit" => any(&|g| has(&g.culprit)),
            "service" => any(&|g| g.service.to_lowercase() == value),
            "level" => any(&|g| g.level.text() == value),
            "platform" => any(&|g| g.platform == value),
            "rule" => any(&|g| g.rule == value),
            "release" => any(&|g| g.tally.releases.iter().any(|r| r.name.to_lowercase() == value)),
            "environment" => any(&|g| g.tally.environments.iter().any(|r| r.name.to_lowercase() == value)),
            "assigned" => issue.life.assigned.as_ref().is_some_and(|a| a.to_lowercase() == value),
            "project" => issue.project.to_lowercase() == value,
            "id" => issue.id.to_string().starts_with(value),
            _ => any(&|g| has(&g.title) || has(&g.culprit) || has(&g.exception)),
        }
    }
}

/// What issues are in order of, the greatest first. All issues are asked, so nothing is copied unless it must be.
fn sort_key(book: &Book, issue: &Issue, w: &Wanted) -> i64 {
    let groups = || book.groups(issue).map(|g| &g.tally);
    match w.sort {
        Sort::LastSeen => groups().map(|t| t.last_ms).max().unwrap_or(0),
        Sort::FirstSeen => groups().map(|t| t.first_ms).min().unwrap_or(0),
        Sort::Events => {
            let within = |t: &Tally| t.buckets(w.window.start_ms, w.window.end_ms, 1).iter().sum::<u64>();
            groups().map(within).sum::<u64>() as i64
        }
        Sort::Trend => {
            let halves = groups().map(|t| t.buckets(w.window.start_ms, w.window.end_ms, 2));
            halves.map(|h| h[1] as i64 - h[0] as i64).sum()
        }
        Sort::Users if issue.groups.len() > 1 => book.tally(issue).users.count() as i64,
        Sort::Users => groups().map(|t| t.users.count()).sum::<u64>() as i64,
    }
}

/// `/api/v1/errors/issues?project=&status=&query=&sort=&start=&end=&since=&buckets=&limit=&offset=&timeline=&facets=`
pub async fn list(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let wanted = Wanted::of(&params, app.now_ms())?;
    ask(&app, tenant, move |reader| {
        let w = &wanted;
        let now_ms = reader.now_ms;
        let (mut answer, over) = reader.tracker.book(|book| {
            let mut counts = [0u64; 3];
            let mut found: Vec<&Issue> = Vec::new();
            let mut facets = w.facets.then(Facets::default);
            for issue in book.issues().filter(|i| i.tenant == reader.tenant.as_str()) {
                if !book.groups(issue).any(|g| g.tally.is_within(w.window.start_ms, w.window.end_ms)) {
                    continue;
                }
                if let Some(facets) = &mut facets {
                    facets.add(book, issue);
                }
                let fits = w.project.as_ref().is_none_or(|p| *p == issue.project)
                    && w.terms.iter().all(|t| t.holds(book, issue, now_ms));
                if !fits {
                    continue;
                }
                let status = issue.life.status_at(now_ms);
                counts[status as usize] += 1;
                if w.status.is_none_or(|s| s == status) {
                    found.push(issue);
                }
            }
            found.sort_by_cached_key(|issue| (std::cmp::Reverse(sort_key(book, issue, w)), issue.id));
            let total = found.len();
            let shown = found.iter().skip(w.offset).take(w.limit);
            let issues: Vec<_> = shown.map(|i| summary(book, i, &book.tally(i), &w.window, now_ms)).collect();
            let mut answer = json!({
                "issues": issues,
                "total": total,
                "counts": { "unresolved": counts[0], "resolved": counts[1], "ignored": counts[2] },
                "start": super::answer::time(w.window.start_ms),
                "end": super::answer::time(w.window.end_ms),
                "bucketSeconds": w.window.bucket_s(),
            });
            if let Some(facets) = facets {
                answer["facets"] = facets.shown();
            }
            (answer, w.timeline.map(|by| (by, by.counted(book, &found, &w.window))))
        });
        if let Some((by, counted)) = over {
            answer["timeline"] = timeline(reader, by, counted, &w.window)?;
        }
        Ok(ok(&answer, encoding))
    })
    .await
}
