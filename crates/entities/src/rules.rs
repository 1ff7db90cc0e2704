//! Other names for entities, where sources disagree.

use crate::entity::{EntityId, EntityType};
use regex::Regex;
use serde::{Deserialize, Serialize};

/// A rule: entities of a type whose id matches are called otherwise. Several that get one name are one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// The type.
    #[serde(rename = "type")]
    pub kind: EntityType,
    /// A regular expression for the whole id.
    #[serde(rename = "match")]
    pub pattern: String,
    /// The id they get; `$1` is the first group.
    pub id: String,
}

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {number}: {reason}")]
pub struct RuleError {
    /// Which, from 1.
    pub number: usize,
    /// What is wrong.
    pub reason: String,
}

/// Rules, compiled.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<(EntityType, Regex, String)>);

/// A compiled pattern may take this much memory.
const REGEX_BYTES_MAX: usize = 1 << 20;

impl Rules {
    /// Compiles rules.
    pub fn new(configs: &[RuleConfig]) -> Result<Rules, RuleError> {
        let one = |(i, config): (usize, &RuleConfig)| {
            let pattern = format!("^(?:{})$", config.pattern);
            let compiled = regex::RegexBuilder::new(&pattern).size_limit(REGEX_BYTES_MAX).build();
            let wrong = |reason: String| RuleError { number: i + 1, reason };
            if config.id.is_empty() {
                return Err(wrong("id: is empty: give the name they get".to_owned()));
            }
            let regex = compiled.map_err(|e| wrong(format!("match: {e}")))?;
            Ok((config.kind, regex, config.id.clone()))
        };
        configs.iter().enumerate().map(one).collect::<Result<_, _>>().map(Rules)
    }

    /// The id by which an entity is known: that of the first rule that matches.
    pub fn named(&self, id: EntityId) -> EntityId {
        for (kind, pattern, to) in &self.0 {
            if *kind == id.kind
                && let Some(groups) = pattern.captures(&id.id)
            {
                let mut renamed = String::new();
                groups.expand(to, &mut renamed);
                return match renamed.is_empty() || renamed.len() > EntityId::BYTES_MAX {
                    true => id,
                    false => EntityId { kind: id.kind, id: renamed },
                };
            }
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(id: &str) -> EntityId {
        EntityId { kind: EntityType::Service, id: id.to_owned() }
    }

    #[test]
    fn names_are_made_one() {
        let rule = |pattern: &str, id: &str| RuleConfig {
            kind: EntityType::Service,
            pattern: pattern.to_owned(),
            id: id.to_owned(),
        };
        let rules = Rules::new(&[rule("(?:shop/)?(cart)(?:-svc)?", "shop/$1"), rule("x", "y")]).unwrap();
        for (from, to) in [
            ("cart", "shop/cart"),
            ("cart-svc", "shop/cart"),
            ("shop/cart", "shop/cart"),
            ("carts", "carts"),
            ("x", "y"),
        ] {
            assert_eq!(rules.named(service(from)), service(to));
        }
        let host = EntityId { kind: EntityType::Host, id: "cart".to_owned() };
        assert_eq!(rules.named(host.clone()), host);
        assert_eq!(Rules::new(&[rule("(", "y")]).unwrap_err().number, 1);
        assert!(Rules::new(&[rule("a", "")]).unwrap_err().to_string().contains("empty"));
    }
}
