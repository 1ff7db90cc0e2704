//! All issues of all projects: what is counted about them, and what people decided.
//!
//! Counts follow from the events that are stored and from nothing else. Every batch of events gets a number before it is
//! stored ([`Book::begin`]) and is counted once it is ([`Book::apply`]). What is written of the book says which batches it
//! counts; after a crash the events of all others are read from the store and counted then. So an event that was
//! acknowledged is counted exactly once, and nothing has to be written for each event besides the event.

use crate::issue::{Comment, Group, Happening, Issue, IssueId};
use crate::life::{IgnoreUntil, Moment, Status, Turn};
use crate::record::Record;
use crate::releases::Releases;
use crate::sessions::{ReleaseHealth, SessionKey, Sessions};
use crate::tally::{Increment, Tally, Users};
use errors::EventId;
use errors::GroupHash;
use errors::{Note, Occurrence, SessionNote};
use hashbrown::{HashMap, HashSet};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Bounds of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLimits {
    /// Groups. Beyond it the one that was not seen for longest is forgotten, resolved and ignored ones first.
    pub groups_max: usize,
    /// Ids of the newest events, by which one that is sent again is known.
    pub ids_max: usize,
    /// Projects.
    pub projects_max: usize,
}

impl Default for BookLimits {
    fn default() -> BookLimits {
        BookLimits { groups_max: 50_000, ids_max: 500_000, projects_max: 2000 }
    }
}

/// What happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events counted.
    pub events: u64,
    /// Events that were there already.
    pub repeated: u64,
    /// Groups that came up.
    pub new_groups: u64,
    /// Issues that came back.
    pub regressed: u64,
    /// Groups forgotten because there are too many.
    pub forgotten: u64,
    /// Sessions counted.
    pub sessions: u64,
}

/// Something that whoever tells people wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regressed {
    /// A new issue.
    New(IssueId),
    /// One that came back.
    Back(IssueId),
}

/// What people can do to an issue.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It is open again.
    Unresolve,
    /// It is done: now, in a release, or in the one after the newest.
    Resolve {
        /// In this release.
        in_release: Option<String>,
        /// In the next one.
        in_next: bool,
    },
    /// Nobody should look.
    Ignore(Option<IgnoreUntil>),
    /// Somebody has it, or nobody.
    Assign(Option<String>),
    /// Other issues are the same.
    Merge(Vec<IssueId>),
    /// Groups that are something else.
    Split(Vec<GroupHash>),
    /// Something is said.
    Comment(String),
}

/// An action that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// There is no such issue.
    #[error("there is no issue {0}")]
    NotFound(String),
    /// It makes no sense.
    #[error("{0}")]
    Senseless(String),
}

/// Bytes of a comment, a name or a release.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// Groups of one issue.
const GROUPS_PER_ISSUE_MAX: usize = 1000;

type ProjectKey = (String, String);

/// The state.
#[derive(Debug, Default)]
pub struct Book {
    limits: BookLimits,
    groups: HashMap<GroupHash, Group>,
    issues: HashMap<IssueId, Issue>,
    of_group: HashMap<GroupHash, IssueId>,
    releases: BTreeMap<ProjectKey, Releases>,
    sessions: Sessions,
    /// Ids of the newest events.
    ids: HashSet<[u8; 16]>,
    id_order: VecDeque<[u8; 16]>,
    next_batch: u64,
    under_way: BTreeSet<u64>,
    /// Batches counted that are not below all of those under way.
    counted: BTreeSet<u64>,
    dirty_groups: HashSet<GroupHash>,
    dirty_issues: HashSet<IssueId>,
    dirty_projects: BTreeSet<ProjectKey>,
    gone: Vec<IssueId>,
    counts: Counts,
}

impl Book {
    /// An empty book.
    pub fn new(limits: BookLimits) -> Book {
        Book { limits, next_batch: 1, ..Book::default() }
    }

    /// The number of the next batch, which is under way from now on.
    pub fn begin(&mut self) -> u64 {
        let batch = self.next_batch;
        self.next_batch += 1;
        self.under_way.insert(batch);
        batch
    }

    /// A batch was not stored.
    pub fn abandon(&mut self, batch: u64) {
        self.under_way.remove(&batch);
        self.settle();
    }

    /// A batch was stored: counts it.
    pub fn apply(&mut self, batch: u64, notes: &[Note]) -> Vec<Regressed> {
        let news = self.count(batch, notes);
        self.under_way.remove(&batch);
        self.counted.insert(batch);
        self.settle();
        news
    }

    fn count(&mut self, batch: u64, notes: &[Note]) -> Vec<Regressed> {
        let mut news = Vec::new();
        for note in notes {
            match note {
                Note::Event(o) => news.extend(self.event(batch, o)),
                Note::Session(s) => self.session(s),
            }
        }
        news
    }

    fn settle(&mut self) {
        let watermark = self.watermark();
        self.counted = self.counted.split_off(&watermark);
    }

    /// All batches below this one are counted or abandoned.
    fn watermark(&self) -> u64 {
        self.under_way.first().copied().unwrap_or(self.next_batch)
    }

    /// Whether an event was counted lately.
    pub fn is_known(&self, tenant: &str, project: &str, id: EventId) -> bool {
        self.ids.contains(&identity(tenant, project, id))
    }

    fn learn(&mut self, o: &Occurrence) -> bool {
        let id = identity(&o.tenant, &o.project, o.id);
        if !self.ids.insert(id) {
            return false;
        }
        self.id_order.push_back(id);
        if self.id_order.len() > self.limits.ids_max
            && let Some(oldest) = self.id_order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }

    fn event(&mut self, batch: u64, o: &Occurrence) -> Option<Regressed> {
        if !self.learn(o) {
            self.counts.repeated += 1;
            return None;
        }
        self.counts.events += 1;
        let is_new = !self.groups.contains_key(&o.group);
        if is_new {
            self.make_room();
        }
        self.hear_release(o, is_new);
        let group = self.groups.entry(o.group).or_insert_with(|| Group {
            hash: o.group,
            tenant: o.tenant.clone(),
            project: o.project.clone(),
            ..Group::default()
        });
        count_event(group, o);
        self.dirty_groups.insert(o.group);
        self.turn(batch, o, is_new)
    }

    /// What an event means to the life of its issue.
    fn turn(&mut self, batch: u64, o: &Occurrence, is_new: bool) -> Option<Regressed> {
        let Some(id) = self.of_group.get(&o.group).copied() else {
            let id = self.open_issue(o);
            self.counts.new_groups += 1;
            return Some(Regressed::New(id));
        };
        self.counts.new_groups += u64::from(is_new);
        let counts = match self.issues.get(&id).is_some_and(|i| i.life.status == Status::Ignored) {
            true => {
                let tally = self.tally_of(id);
                (tally.count, tally.users.count())
            }
            false => (0, 0),
        };
        let none = Releases::default();
        let releases = self.releases.get(&(o.tenant.clone(), o.project.clone())).unwrap_or(&none);
        let issue = self.issues.get_mut(&id)?;
        let moment = Moment { batch, now_ms: o.accepted_ms, release: &o.release, counts };
        let turn = issue.life.event(&moment, releases)?;
        self.dirty_issues.insert(id);
        match turn {
            Turn::Regressed => {
                self.counts.regressed += 1;
                issue.happened(o.accepted_ms, "", Happening::Regressed { release: o.release.clone() });
                Some(Regressed::Back(id))
            }
            Turn::Escalated => {
                issue.happened(o.accepted_ms, "", Happening::Escalated);
                None
            }
        }
    }

    fn open_issue(&mut self, o: &Occurrence) -> IssueId {
        let id = IssueId(o.group);
        // The group was forgotten and its issue lives on with others.
        if let Some(issue) = self.issues.get_mut(&id) {
            issue.groups.push(o.group);
            self.of_group.insert(o.group, id);
            self.dirty_issues.insert(id);
            return id;
        }
        let mut issue = Issue {
            id,
            tenant: o.tenant.clone(),
            project: o.project.clone(),
            groups: vec![o.group],
            ..Issue::default()
        };
        issue.life.since_ms = o.accepted_ms;
        issue.happened(o.accepted_ms, "", Happening::Created);
        self.issues.insert(id, issue);
        self.of_group.insert(o.group, id);
        self.dirty_issues.insert(id);
        id
    }

    fn hear_release(&mut self, o: &Occurrence, is_new: bool) {
        if o.release.is_empty() {
            return;
        }
        let Some((key, releases)) = self.releases_of(&o.tenant, &o.project) else { return };
        // Their order is when they were first heard of, not what clocks of senders say.
        let release = releases.hear(&o.release, o.accepted_ms);
        release.events += 1;
        release.new_groups += u64::from(is_new);
        self.dirty_projects.insert(key);
    }

    fn releases_of(&mut self, tenant: &str, project: &str) -> Option<(ProjectKey, &mut Releases)> {
        let key = (tenant.to_owned(), project.to_owned());
        if !self.releases.contains_key(&key) && self.releases.len() >= self.limits.projects_max {
            return None;
        }
        let releases = self.releases.entry(key.clone()).or_default();
        Some((key, releases))
    }

    fn session(&mut self, s: &SessionNote) {
        self.counts.sessions += 1;
        if !s.release.is_empty()
            && let Some((key, releases)) = self.releases_of(&s.tenant, &s.project)
        {
            releases.hear(&s.release, s.started_ms);
            self.dirty_projects.insert(key);
        }
        self.sessions.apply(s);
    }

    /// Forgets the group that matters least, if there are too many.
    fn make_room(&mut self) {
        if self.groups.len() < self.limits.groups_max {
            return;
        }
        let rank = |g: &Group| {
            let issue = self.of_group.get(&g.hash).and_then(|id| self.issues.get(id));
            let open = issue.is_none_or(|i| i.life.status == Status::Unresolved || i.life.assigned.is_some());
            (open, g.tally.last_ms, g.hash)
        };
        // A tenth at a time, so that not every new group has to look at all of them.
        let mut all: Vec<_> = self.groups.values().map(rank).collect();
        let some = (all.len() / 10).max(1);
        all.select_nth_unstable(some - 1);
        for (_, _, hash) in all.into_iter().take(some) {
            self.forget(hash);
        }
    }

    fn forget(&mut self, hash: GroupHash) {
        self.counts.forgotten += 1;
        self.groups.remove(&hash);
        self.dirty_groups.remove(&hash);
        let Some(id) = self.of_group.remove(&hash) else { return };
        let Some(issue) = self.issues.get_mut(&id) else { return };
        issue.groups.retain(|g| *g != hash);
        if issue.groups.is_empty() {
            self.issues.remove(&id);
            self.dirty_issues.remove(&id);
            self.gone.push(id);
        } else {
            self.dirty_issues.insert(id);
        }
    }

    /// All issues.
    pub fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.values()
    }

    /// The issue with this id.
    pub fn issue(&self, id: IssueId) -> Option<&Issue> {
        self.issues.get(&id)
    }

    /// The issue of a group.
    pub fn issue_of(&self, group: GroupHash) -> Option<&Issue> {
        self.of_group.get(&group).and_then(|id| self.issues.get(id))
    }

    /// The groups of an issue that have events.
    pub fn groups<'a>(&'a self, issue: &'a Issue) -> impl Iterator<Item = &'a Group> {
        issue.groups.iter().filter_map(|g| self.groups.get(g))
    }

    /// The group of the newest event of an issue.
    pub fn newest_group<'a>(&'a self, issue: &'a Issue) -> Option<&'a Group> {
        self.groups(issue).max_by_key(|g| (g.tally.last_ms, g.hash))
    }

    /// What is counted of all groups of an issue.
    pub fn tally(&self, issue: &Issue) -> Tally {
        let mut groups = self.groups(issue);
        let Some(first) = groups.next() else { return Tally::default() };
        let mut all = first.tally.clone();
        groups.for_each(|g| all.merge(&g.tally));
        all
    }

    fn tally_of(&self, id: IssueId) -> Tally {
        self.issues.get(&id).map(|i| self.tally(i)).unwrap_or_default()
    }

    /// Releases of a project.
    pub fn releases(&self, tenant: &str, project: &str) -> Option<&Releases> {
        self.releases.get(&(tenant.to_owned(), project.to_owned()))
    }

    /// Projects of a tenant that have issues, releases or sessions.
    pub fn projects(&self, tenant: &str) -> BTreeSet<&str> {
        let of_issues = self.issues.values().filter(|i| i.tenant == tenant).map(|i| i.project.as_str());
        let of_releases = self.releases.keys().filter(|(t, _)| t == tenant).map(|(_, p)| p.as_str());
        let of_sessions =
            self.sessions.all().filter(|(k, ..)| k.tenant == tenant).map(|(k, ..)| k.project.as_str());
        of_issues.chain(of_releases).chain(of_sessions).collect()
    }

    /// The health of releases.
    pub fn health(
        &self,
        tenant: &str,
        project: Option<&str>,
        span_ms: (i64, i64),
        steps: usize,
    ) -> Vec<(SessionKey, ReleaseHealth)> {
        self.sessions.health(tenant, project, span_ms, steps)
    }

    /// What happened since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many groups and issues there are.
    pub fn sizes(&self) -> (usize, usize) {
        (self.groups.len(), self.issues.len())
    }

    /// Does what somebody wants; gives the records that make it durable, in one piece.
    pub(crate) fn act(
        &mut self,
        tenant: &str,
        id: IssueId,
        action: Action,
        by: &str,
        now_ms: i64,
    ) -> Result<Record, ActionError> {
        self.check(tenant, id, &action)?;
        let batch = self.next_batch;
        let mut changed = vec![id];
        let mut gone = Vec::new();
        match action {
            Action::Merge(others) => gone = self.merge(id, others, by, now_ms),
            Action::Split(groups) => changed.extend(self.split(id, groups, by, now_ms)),
            other => self.decide(id, other, by, (now_ms, batch)),
        }
        let issues = changed.iter().filter_map(|id| self.issues.get(id).cloned()).collect();
        Ok(Record::Acted { issues, gone })
    }

    fn check(&self, tenant: &str, id: IssueId, action: &Action) -> Result<(), ActionError> {
        let here = |id: &IssueId| self.issues.get(id).filter(|i| i.tenant == tenant);
        let issue = here(&id).ok_or_else(|| ActionError::NotFound(id.to_string()))?;
        let senseless = |why: String| Err(ActionError::Senseless(why));
        let text = match action {
            Action::Comment(text) | Action::Assign(Some(text)) => text,
            Action::Resolve { in_release: Some(text), .. } => text,
            _ => "-",
        };
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return senseless(format!("a text of {} bytes: it must have 1 to {TEXT_BYTES_MAX}", text.len()));
        }
        match action {
            Action::Merge(others) => {
                if others.is_empty() || others.contains(&id) {
                    return senseless("an issue is merged with others, at least one".to_owned());
                }
                let mut groups = issue.groups.len();
                for other in others {
                    let other = here(other).ok_or_else(|| ActionError::NotFound(other.to_string()))?;
                    if other.project != issue.project {
                        return senseless(format!(
                            "issue {} is of project {:?} and {} of {:?}: only issues of one project are merged",
                            other.id, other.project, id, issue.project
                        ));
                    }
                    groups += other.groups.len();
                }
                if groups > GROUPS_PER_ISSUE_MAX {
                    return senseless(format!(
                        "{groups} groups in one issue: at most {GROUPS_PER_ISSUE_MAX}"
                    ));
                }
            }
            Action::Split(groups) => {
                if let Some(other) = groups.iter().find(|g| !issue.groups.contains(g)) {
                    return senseless(format!("issue {id} has no group {other}"));
                }
                let distinct: BTreeSet<_> = groups.iter().collect();
                if distinct.is_empty() || distinct.len() >= issue.groups.len() {
                    return senseless(format!(
                        "{} of {} groups: at least one goes, and at least one stays",
                        distinct.len(),
                        issue.groups.len()
                    ));
                }
            }
            Action::Resolve { in_next: true, .. } => {
                let releases = self.releases(tenant, &issue.project);
                if releases.and_then(Releases::newest).is_none() {
                    return senseless(format!(
                        "project {:?} has told of no release: there is no next one",
                        issue.project
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn decide(&mut self, id: IssueId, action: Action, by: &str, (now_ms, batch): (i64, u64)) {
        let ignored_at = match action {
            Action::Ignore(Some(_)) => {
                let tally = self.tally_of(id);
                (tally.count, tally.users.count())
            }
            _ => (0, 0),
        };
        let newest = |book: &Book, i: &Issue| {
            let newest = book.releases(&i.tenant, &i.project).and_then(Releases::newest);
            newest.map(|r| r.name.clone())
        };
        let after = match (&action, self.issues.get(&id)) {
            (Action::Resolve { in_next: true, .. }, Some(i)) => newest(self, i),
            _ => None,
        };
        let Some(issue) = self.issues.get_mut(&id) else { return };
        let life = &mut issue.life;
        let happening = match action {
            Action::Assign(to) => {
                life.assigned = to.clone();
                Happening::Assigned { to }
            }
            Action::Comment(text) => Happening::Commented(Comment { text }),
            Action::Resolve { in_release, .. } => {
                life.set(Status::Resolved, now_ms, batch);
                (life.in_release, life.after_release) = (in_release.clone(), after.clone());
                Happening::Set { status: Status::Resolved, in_release, after_release: after, until: None }
            }
            Action::Ignore(until) => {
                life.set(Status::Ignored, now_ms, batch);
                (life.until, life.ignored_at) = (until, ignored_at);
                Happening::Set { status: Status::Ignored, in_release: None, after_release: None, until }
            }
            Action::Unresolve | Action::Merge(_) | Action::Split(_) => {
                life.set(Status::Unresolved, now_ms, batch);
                Happening::Set {
                    status: Status::Unresolved,
                    in_release: None,
                    after_release: None,
                    until: None,
                }
            }
        };
        issue.happened(now_ms, by, happening);
    }

    fn merge(&mut self, id: IssueId, others: Vec<IssueId>, by: &str, now_ms: i64) -> Vec<IssueId> {
        let mut gone = Vec::new();
        for other in others {
            let Some(from) = self.issues.remove(&other) else { continue };
            self.dirty_issues.remove(&other);
            gone.push(other);
            for group in &from.groups {
                self.of_group.insert(*group, id);
            }
            if let Some(into) = self.issues.get_mut(&id) {
                into.groups.extend(from.groups);
                into.life.regressions = into.life.regressions.max(from.life.regressions);
                into.life.assigned = into.life.assigned.take().or(from.life.assigned);
                let comments =
                    from.activity.into_iter().filter(|a| matches!(a.what, Happening::Commented(_)));
                into.activity.extend(comments);
                into.activity.sort_by_key(|a| a.at_ms);
            }
        }
        if let Some(into) = self.issues.get_mut(&id) {
            into.happened(now_ms, by, Happening::Merged { from: gone.clone() });
        }
        gone
    }

    fn split(&mut self, id: IssueId, groups: Vec<GroupHash>, by: &str, now_ms: i64) -> Vec<IssueId> {
        let Some(mut from) = self.issues.remove(&id) else { return Vec::new() };
        let groups: BTreeSet<GroupHash> = groups.into_iter().collect();
        from.groups.retain(|g| !groups.contains(g));
        let mut made = Vec::new();
        for hash in groups {
            // The id of the issue stays where it is, so its own group gets another.
            let id = match hash == id.0 {
                true => IssueId(GroupHash(hash.0 ^ u64::MAX)),
                false => IssueId(hash),
            };
            let mut issue = Issue {
                id,
                tenant: from.tenant.clone(),
                project: from.project.clone(),
                groups: vec![hash],
                ..Issue::default()
            };
            issue.life.since_ms = now_ms;
            issue.happened(now_ms, by, Happening::Split { into: vec![id] });
            self.issues.insert(id, issue);
            self.of_group.insert(hash, id);
            made.push(id);
        }
        from.happened(now_ms, by, Happening::Split { into: made.clone() });
        self.issues.insert(id, from);
        made
    }

    /// Records of what changed since the last call, to be written in one piece.
    pub(crate) fn checkpoint(&mut self, floor_ms: i64) -> Vec<Record> {
        let mut out = vec![Record::Checkpoint];
        let gone = std::mem::take(&mut self.gone);
        if !gone.is_empty() {
            out.push(Record::Acted { issues: Vec::new(), gone });
        }
        let issues = std::mem::take(&mut self.dirty_issues);
        out.extend(issues.iter().filter_map(|id| self.issues.get(id).cloned().map(Record::Issue)));
        let groups = std::mem::take(&mut self.dirty_groups);
        out.extend(groups.iter().filter_map(|g| self.groups.get(g).cloned().map(Record::Group)));
        let projects = std::mem::take(&mut self.dirty_projects);
        out.extend(projects.into_iter().filter_map(|key| self.releases_record(&key)));
        let sessions = self.sessions.take_dirty();
        out.extend(sessions.into_iter().map(|(key, at, hour)| Record::Sessions { key, at, hour }));
        out.push(self.mark(floor_ms));
        out
    }

    fn releases_record(&self, key: &ProjectKey) -> Option<Record> {
        let releases = self.releases.get(key)?.iter().cloned().collect();
        Some(Record::Releases { tenant: key.0.clone(), project: key.1.clone(), releases })
    }

    fn mark(&self, floor_ms: i64) -> Record {
        Record::Mark {
            watermark: self.watermark(),
            counted: self.counted.iter().copied().collect(),
            floor_ms,
        }
    }

    /// Records of everything.
    pub(crate) fn snapshot(&self, floor_ms: i64) -> Vec<Record> {
        let mut out = vec![Record::Snapshot];
        out.extend(self.issues.values().cloned().map(Record::Issue));
        out.extend(self.groups.values().cloned().map(Record::Group));
        out.extend(self.releases.keys().filter_map(|key| self.releases_record(key)));
        let session = |(key, at, hour): (&SessionKey, u32, &crate::sessions::Hour)| Record::Sessions {
            key: key.clone(),
            at,
            hour: hour.clone(),
        };
        out.extend(self.sessions.all().map(session));
        out.push(self.mark(floor_ms));
        out
    }

    /// All that changed so far is written.
    pub(crate) fn written(&mut self) {
        self.dirty_issues.clear();
        self.dirty_groups.clear();
        self.dirty_projects.clear();
        self.gone.clear();
        let _ = self.sessions.take_dirty();
    }

    /// Whether anything changed since the last checkpoint.
    pub(crate) fn is_dirty(&self) -> bool {
        !(self.dirty_groups.is_empty()
            && self.dirty_issues.is_empty()
            && self.dirty_projects.is_empty()
            && self.sessions.is_clean())
    }

    /// Takes in a record as it was written.
    pub(crate) fn restore(&mut self, record: Record) {
        match record {
            Record::Snapshot | Record::Checkpoint | Record::Floor { .. } => {}
            Record::Issue(issue) => self.restore_issue(issue),
            Record::Group(group) => {
                self.groups.insert(group.hash, group);
            }
            Record::Releases { tenant, project, releases } => {
                let mut all = Releases::default();
                for r in releases {
                    let known = all.hear(&r.name, r.first_ms);
                    *known = r;
                }
                self.releases.insert((tenant, project), all);
            }
            Record::Sessions { key, at, hour } => self.sessions.restore(key, at, hour),
            Record::Mark { watermark, counted, .. } => {
                self.next_batch = watermark.max(1);
                self.counted = counted.into_iter().collect();
            }
            Record::Acted { issues, gone } => {
                for id in gone {
                    // Its groups are another's by now, or forgotten.
                    if let Some(issue) = self.issues.remove(&id) {
                        for group in &issue.groups {
                            self.of_group.remove(group);
                        }
                    }
                }
                issues.into_iter().for_each(|issue| self.restore_issue(issue));
            }
        }
    }

    fn restore_issue(&mut self, issue: Issue) {
        if let Some(before) = self.issues.get(&issue.id) {
            for group in &before.groups {
                if self.of_group.get(group) == Some(&issue.id) {
                    self.of_group.remove(group);
                }
            }
        }
        for group in &issue.groups {
            self.of_group.insert(*group, issue.id);
        }
        self.issues.insert(issue.id, issue);
    }

    /// Ends the reading of records: groups that belong to no issue are forgotten ones.
    pub(crate) fn restored(&mut self) {
        let of_group = &self.of_group;
        self.groups.retain(|hash, _| of_group.contains_key(hash));
    }

    /// Whether a batch found in the store is counted already.
    pub(crate) fn is_counted(&self, batch: u64) -> bool {
        batch < self.next_batch || self.counted.contains(&batch)
    }

    /// Learns of what is counted already, so that it is known when it is sent again.
    pub(crate) fn remember(&mut self, note: &Note) {
        match note {
            Note::Event(o) => {
                self.learn(o);
            }
            Note::Session(s) => self.sessions.remember(s),
        }
    }

    /// Counts batches that were stored and are not counted, in their order, and goes on behind the last of them.
    pub(crate) fn recover(&mut self, mut notes: Vec<(u64, Note)>) {
        notes.sort_by_key(|(batch, _)| *batch);
        let mut last = self.counted.last().copied().unwrap_or(0).max(self.next_batch.saturating_sub(1));
        for (batch, note) in &notes {
            self.count(*batch, std::slice::from_ref(note));
            last = last.max(*batch);
        }
        // What people decided compares numbers of batches: these never go back.
        let decided = self.issues.values().map(|i| i.life.since_batch).max().unwrap_or(0);
        self.next_batch = (last + 1).max(decided);
        self.counted.clear();
        self.counts = Counts::default();
    }
}

/// By what an event is known again: two projects may be sent the same one.
fn identity(tenant: &str, project: &str, id: EventId) -> [u8; 16] {
    EventId::of_parts(&[tenant.as_bytes(), project.as_bytes(), &id.0]).0
}

fn count_event(group: &mut Group, o: &Occurrence) {
    let is_last = group.tally.count == 0 || o.time_ms >= group.tally.last_ms;
    group.tally.add(&Increment {
        time_ms: o.time_ms,
        user: (!o.user.is_empty()).then(|| Users::hash(&o.user)),
        release: &o.release,
        environment: &o.environment,
        unhandled: o.handled == Some(false),
    });
    if is_last {
        group.title.clone_from(&o.title);
        group.culprit.clone_from(&o.culprit);
        group.exception.clone_from(&o.exception);
        group.platform.clone_from(&o.platform);
        group.service.clone_from(&o.service);
        group.rule.clone_from(&o.rule);
        group.level = o.level;
        group.last_event = o.id.0;
    }
}
