//! The section about webhooks.

use serde::{Deserialize, Serialize};

/// What senders of webhooks must know. Without a secret everybody who reaches the server may send.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// The secret with which GitHub signs.
    #[serde(skip_serializing)]
    pub github_secret: Option<String>,
    /// The token that GitLab sends.
    #[serde(skip_serializing)]
    pub gitlab_token: Option<String>,
}
