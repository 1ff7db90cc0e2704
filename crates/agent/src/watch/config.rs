//! The section `events` of an agent.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which events of this machine are noted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Whether this machine is watched for events at all.
    pub enabled: bool,
    /// Where the kernel's messages are read if there is no systemd journal.
    pub kmsg: PathBuf,
}

impl Default for WatchConfig {
    fn default() -> Self {
        WatchConfig { enabled: true, kmsg: "/dev/kmsg".into() }
    }
}
