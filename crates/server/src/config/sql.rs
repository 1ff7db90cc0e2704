//! The section about SQL.

use super::TimeSpan;
use serde::{Deserialize, Serialize};

/// SQL over what is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqlConfig {
    /// Columns for labels, and as many for attributes, of one table; others are found in its maps.
    pub columns_max: usize,
    /// Metrics in lists of tables, as tools ask for them; others are found by name.
    pub tables_listed_max: usize,
    /// Tables that one query may read at the same time.
    pub tables_per_query_max: usize,
    /// For PostgreSQL's clients.
    pub postgres: PostgresConfig,
}

impl Default for SqlConfig {
    fn default() -> Self {
        SqlConfig {
            columns_max: 500,
            tables_listed_max: 1000,
            tables_per_query_max: 64,
            postgres: PostgresConfig::default(),
        }
    }
}

/// The socket for PostgreSQL's clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresConfig {
    /// The address to listen at. None is open without.
    pub listen: Option<String>,
    /// Connections at the same time; more are refused.
    pub connections_max: usize,
    /// The longest silence of a connection that asks nothing.
    pub idle_timeout: TimeSpan,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        PostgresConfig { listen: None, connections_max: 100, idle_timeout: TimeSpan::from_secs(8 * 3600) }
    }
}
