//! The section about errors and the issues they make.

use super::ByteSize;
use errors::EventId;
use ingest::sentry::SentryLimits;
use serde::{Deserialize, Serialize};

/// What becomes of errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IssuesConfig {
    /// Who may send. Without any every key is taken, and projects are called by their number.
    pub projects: Vec<ProjectConfig>,
    /// Whether exceptions and stack traces in log records become errors.
    pub from_logs: bool,
    /// Whether exceptions in spans become errors.
    pub from_spans: bool,
    /// Origins of pages that may send, a regular expression.
    pub browser_origins: String,
    /// Groups that are remembered.
    pub groups_max: usize,
    /// Bounds of what SDKs may send.
    pub envelope: EnvelopeConfig,
}

impl Default for IssuesConfig {
    fn default() -> IssuesConfig {
        IssuesConfig {
            projects: Vec::new(),
            from_logs: true,
            from_spans: true,
            browser_origins: ".*".to_owned(),
            groups_max: issues::BookLimits::default().groups_max,
            envelope: EnvelopeConfig::default(),
        }
    }
}

/// A project that SDKs send to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectConfig {
    /// Its number, the last part of the DSN.
    pub id: u64,
    /// What it is called; `project-ID` without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Public keys of its DSNs.
    pub keys: Vec<String>,
}

/// Bounds of envelopes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvelopeConfig {
    /// Items of one envelope.
    pub items_max: u64,
    /// Bytes of one item that is no attachment.
    pub item_bytes_max: ByteSize,
    /// Bytes of one attachment.
    pub attachment_bytes_max: ByteSize,
    /// Bytes of all attachments of one envelope.
    pub attachments_bytes_max: ByteSize,
}

impl Default for EnvelopeConfig {
    fn default() -> EnvelopeConfig {
        let of = SentryLimits::default();
        EnvelopeConfig {
            items_max: of.items_max as u64,
            item_bytes_max: ByteSize(of.item_bytes_max as u64),
            attachment_bytes_max: ByteSize(of.attachment_bytes_max as u64),
            attachments_bytes_max: ByteSize(of.attachments_bytes_max as u64),
        }
    }
}

/// Why a sender is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// No project has this number.
    #[error(
        "there is no project {0}: its number is the last part of the DSN, and issues.projects names those there are"
    )]
    Project(String),
    /// The key is none of the project's.
    #[error(
        "the key {key:?} is none of project {project}'s: it stands before the @ of the DSN, and issues.projects names those that are"
    )]
    Key {
        /// The project.
        project: u64,
        /// The key.
        key: String,
    },
    /// There is no key.
    #[error(
        "no key: send sentry_key in the header X-Sentry-Auth, in the query string, or as dsn in the head of the envelope"
    )]
    NoKey,
}

impl IssuesConfig {
    /// The name of the project that a sender with a key may send to.
    pub fn project(&self, id: &str, key: Option<&str>) -> Result<String, Stranger> {
        let number = id.parse::<u64>().ok();
        let Some(key) = key else { return Err(Stranger::NoKey) };
        if self.projects.is_empty() {
            let shown: String = id.chars().take(40).collect();
            return number.map(|n| n.to_string()).ok_or(Stranger::Project(shown));
        }
        let found = self.projects.iter().find(|p| Some(p.id) == number);
        let project = found.ok_or_else(|| Stranger::Project(id.chars().take(40).collect()))?;
        if !project.keys.iter().any(|k| k == key) {
            return Err(Stranger::Key { project: project.id, key: key.chars().take(64).collect() });
        }
        Ok(project.name())
    }

    /// As the decoder takes them.
    pub fn limits(&self) -> SentryLimits {
        let e = &self.envelope;
        SentryLimits {
            items_max: usize::try_from(e.items_max).unwrap_or(usize::MAX),
            item_bytes_max: e.item_bytes_max.bytes() as usize,
            attachment_bytes_max: e.attachment_bytes_max.bytes() as usize,
            attachments_bytes_max: e.attachments_bytes_max.bytes() as usize,
        }
    }

    /// What takes effect at a start only.
    pub fn only_at_start(&self) -> (bool, bool, &str, usize) {
        (self.from_logs, self.from_spans, &self.browser_origins, self.groups_max)
    }

    /// Takes that over from what is in force.
    pub fn keep_from_start(&mut self, old: &IssuesConfig) {
        (self.from_logs, self.from_spans, self.groups_max) = (old.from_logs, old.from_spans, old.groups_max);
        self.browser_origins.clone_from(&old.browser_origins);
    }

    /// What cannot be meant: the field and why.
    pub fn check(&self) -> Result<(), (String, String)> {
        if let Err(e) = crate::http::origin::Origins::new(&self.browser_origins) {
            return Err((
                "issues.browser_origins".to_owned(),
                e.to_string().lines().last().unwrap_or("").to_owned(),
            ));
        }
        for (i, p) in self.projects.iter().enumerate() {
            let wrong = |what: &str| Err((format!("issues.projects[{i}]"), what.to_owned()));
            if p.keys.is_empty() || p.keys.iter().any(String::is_empty) {
                return wrong("keys: at least one, and none empty");
            }
            if p.name.as_ref().is_some_and(|n| n.is_empty() || n.len() > 200) {
                return wrong("name: must have 1 to 200 bytes");
            }
            if self.projects[..i].iter().any(|q| q.id == p.id || q.name() == p.name()) {
                return wrong("another project has the same id or name");
            }
        }
        if self.groups_max == 0 || self.envelope.items_max == 0 {
            return Err((
                "issues".to_owned(),
                "groups_max and envelope.items_max must be more than 0".to_owned(),
            ));
        }
        Ok(())
    }
}

impl ProjectConfig {
    /// What it is called.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("project-{}", self.id))
    }
}

/// An id for what has none: no two are the same.
pub fn unnamed(number: u64, now_ns: i64) -> EventId {
    EventId::of_parts(&[b"unnamed", &number.to_be_bytes(), &now_ns.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_send() {
        let open = IssuesConfig::default();
        assert_eq!(open.project("7", Some("any")).as_deref(), Ok("7"));
        assert_eq!(open.project("7", None), Err(Stranger::NoKey));
        assert!(matches!(open.project("x", Some("k")), Err(Stranger::Project(_))));
        let shop = ProjectConfig { id: 7, name: Some("shop".into()), keys: vec!["k".into()] };
        let named = IssuesConfig { projects: vec![shop.clone()], ..IssuesConfig::default() };
        assert_eq!(named.project("7", Some("k")).as_deref(), Ok("shop"));
        assert!(matches!(named.project("7", Some("other")), Err(Stranger::Key { .. })));
        assert!(matches!(named.project("8", Some("k")), Err(Stranger::Project(_))));
        assert!(named.check().is_ok());
        let twice = IssuesConfig { projects: vec![shop.clone(), shop], ..IssuesConfig::default() };
        assert!(twice.check().is_err());
    }
}
