//! Entities and relations by name.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityType {
    /// What answers to a name: `service.name`, with `service.namespace` before it where there is one.
    Service,
    /// One running copy of a service.
    Instance,
    /// A machine.
    Host,
    /// A process on a machine.
    Process,
    /// A container.
    Container,
    /// A pod of Kubernetes.
    Pod,
    /// A node of Kubernetes.
    Node,
    /// A database.
    Database,
    /// A queue or topic.
    Queue,
    /// An operation that a service offers.
    Endpoint,
}

impl EntityType {
    /// All of them.
    pub const ALL: [EntityType; 10] = [
        EntityType::Service,
        EntityType::Instance,
        EntityType::Host,
        EntityType::Process,
        EntityType::Container,
        EntityType::Pod,
        EntityType::Node,
        EntityType::Database,
        EntityType::Queue,
        EntityType::Endpoint,
    ];

    /// Its word.
    pub fn text(self) -> &'static str {
        match self {
            EntityType::Service => "service",
            EntityType::Instance => "instance",
            EntityType::Host => "host",
            EntityType::Process => "process",
            EntityType::Container => "container",
            EntityType::Pod => "pod",
            EntityType::Node => "node",
            EntityType::Database => "database",
            EntityType::Queue => "queue",
            EntityType::Endpoint => "endpoint",
        }
    }

    /// By its word.
    pub fn from_text(word: &str) -> Option<EntityType> {
        EntityType::ALL.into_iter().find(|t| t.text() == word)
    }
}

/// An entity by its type and what names it among those of its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntityId {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: EntityType,
    /// What names it: pieces with `/` between them.
    pub id: String,
}

impl EntityId {
    /// An id of pieces; empty ones are left out. `None` if nothing is left.
    pub fn new(kind: EntityType, pieces: &[&str]) -> Option<EntityId> {
        let pieces: Vec<&str> = pieces.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).collect();
        let id = pieces.join("/");
        (!id.is_empty() && id.len() <= EntityId::BYTES_MAX).then_some(EntityId { kind, id })
    }

    /// Bytes of an id.
    pub const BYTES_MAX: usize = 512;

    /// The last piece, which is what people call it.
    pub fn name(&self) -> &str {
        match self.kind {
            // Operations have slashes of their own.
            EntityType::Endpoint => self.id.split_once('/').map_or(&self.id, |(_, name)| name),
            _ => self.id.rsplit('/').next().unwrap_or(&self.id),
        }
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.text(), self.id)
    }
}

/// How one entity is related to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It runs on the other.
    RunsOn,
    /// It sends requests to the other.
    Calls,
    /// It is a part of the other.
    PartOf,
}

impl Relation {
    /// Its word.
    pub fn text(self) -> &'static str {
        match self {
            Relation::RunsOn => "runs_on",
            Relation::Calls => "calls",
            Relation::PartOf => "part_of",
        }
    }
}
