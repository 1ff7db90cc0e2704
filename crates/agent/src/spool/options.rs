//! What a spool is told, what it tells, and what can be wrong with it.

use super::protocol::RemoteWriteMessage;
use crate::config::TlsOptions;
use journal::JournalError;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Where a spool lies, where it delivers to, and its bounds.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// The server; without a path, `/api/v1/write` is meant, and `/loki/api/v1/push` for logs.
    pub url: String,
    /// Where the spool lies.
    pub dir: PathBuf,
    /// Bytes the spool may take on disk. Beyond, the oldest records go, a segment at a time.
    pub bytes_max: u64,
    /// One request holds about this much at most, uncompressed (a single batch may be larger).
    pub request_bytes_max: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// The message of remote write to send; `None` sends 2.0 where the server takes it and 1.0 elsewhere.
    pub message: Option<RemoteWriteMessage>,
    /// The first pause after a failure; doubled each time.
    pub retry_min: Duration,
    /// The longest pause, unless the server asks for more.
    pub retry_max: Duration,
    /// Who we are to the server.
    pub credentials: Credentials,
    /// Further headers of each request.
    pub headers: Vec<(String, String)>,
    /// Certificates.
    pub tls: TlsOptions,
}

impl SpoolOptions {
    /// Defaults, for a server and a directory.
    pub fn new(url: impl Into<String>, dir: impl Into<PathBuf>) -> SpoolOptions {
        SpoolOptions {
            url: url.into(),
            dir: dir.into(),
            bytes_max: 1 << 30,
            request_bytes_max: 2 << 20,
            timeout: Duration::from_secs(30),
            message: None,
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            credentials: Credentials::None,
            headers: Vec::new(),
            tls: TlsOptions::default(),
        }
    }
}

/// Who a spool is to its server.
#[derive(Clone, Default, PartialEq)]
pub enum Credentials {
    /// Nobody.
    #[default]
    None,
    /// The bearer of this token.
    Token(String),
    /// The bearer of the token in this file, read anew for each request.
    TokenFile(PathBuf),
    /// A user with a password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
}

/// Secrets stay out of logs.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Credentials::None => f.write_str("None"),
            Credentials::Token(_) => f.write_str("Token(…)"),
            Credentials::TokenFile(path) => write!(f, "TokenFile({})", path.display()),
            Credentials::Basic { username, .. } => write!(f, "Basic({username}, …)"),
        }
    }
}

/// How the delivery goes. Counters count since the start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SpoolStatus {
    /// Where requests go.
    pub url: String,
    /// The message the server takes, once that is known.
    pub message: Option<RemoteWriteMessage>,
    /// Bytes of the spool on disk.
    pub disk_bytes: u64,
    /// Batches not yet delivered.
    pub waiting_records: u64,
    /// Everything before this offset is delivered, rejected or dropped.
    pub delivered_offset: u64,
    /// Batches delivered.
    pub delivered_records: u64,
    /// Samples (or log records) delivered.
    pub delivered_samples: u64,
    /// Requests answered with success.
    pub requests: u64,
    /// Requests that failed and were sent again.
    pub retries: u64,
    /// Batches the server refused for good.
    pub rejected_records: u64,
    /// Samples in them.
    pub rejected_samples: u64,
    /// Batches dropped undelivered because the spool was full.
    pub dropped_records: u64,
    /// Batches lost to damage of the disk.
    pub damaged_records: u64,
    /// When the server last took something, Unix milliseconds; 0 if never.
    pub last_delivery_ms: i64,
    /// Why the last request failed; empty once one succeeds.
    pub last_error: String,
    /// Why the server refused a batch, the last time it did.
    pub last_rejection: String,
    /// Damage found at the start.
    pub damages: Vec<String>,
}

/// Why a spool cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A setting is wrong.
    #[error("{field}: {reason}")]
    Setting {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory cannot be used.
    #[error("cannot {what} spool directory {}: {error}", dir.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The directory.
        dir: PathBuf,
        /// Why it failed.
        error: std::io::Error,
    },
    /// The journal cannot be opened.
    #[error("spool: {0}")]
    Journal(#[from] JournalError),
}
