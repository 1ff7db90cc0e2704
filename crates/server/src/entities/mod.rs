//! Entities: a catalogue fed from what is kept, questions about it, and the other signals of any point.

pub mod api;
mod feed;
mod issues;
pub mod signals;

pub use feed::feed;
pub use issues::services;

use ::entities::{Catalogue, Limits, Rules};
use parking_lot::RwLock;

/// The catalogue and the rules by which entities are named.
pub struct Known {
    /// What was found.
    pub catalogue: RwLock<Catalogue>,
    /// Other names.
    pub rules: RwLock<Rules>,
}

impl Known {
    /// Nothing yet. The rules were checked.
    pub fn new(configs: &[::entities::RuleConfig]) -> Known {
        Known {
            catalogue: RwLock::new(Catalogue::new(Limits::default())),
            rules: RwLock::new(Rules::new(configs).unwrap_or_default()),
        }
    }

    /// Puts other rules in force. What was found before keeps its name until it is found again.
    pub fn replace(&self, configs: &[::entities::RuleConfig]) {
        match Rules::new(configs) {
            Ok(rules) => *self.rules.write() = rules,
            Err(error) => tracing::error!(%error, "rules of entities stay as they were"),
        }
    }
}
