//! The configuration of `watchfire agent`.

use crate::logs::LogsConfig;
use crate::spool::{Credentials, RemoteWriteMessage, SpoolOptions};
use crate::watch::WatchConfig;
use scrape::config::{ByteSize, GlobalConfig, Problem, ScrapeConfig, TimeSpan, explain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an agent collects and where it delivers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// The server, `http://host:7766` say.
    pub to: String,
    /// Where the spool lies.
    pub spool_dir: PathBuf,
    /// Bytes the spool may take; beyond, the oldest batches are dropped.
    pub spool_bytes_max: ByteSize,
    /// Whether this host is measured.
    pub host: bool,
    /// Time between measurements of this host.
    pub interval: TimeSpan,
    /// Labels of every series of this host, on top of `job` and `instance`, which can be set here too.
    pub labels: BTreeMap<String, String>,
    /// Collectors of this host that are left out.
    pub disabled_collectors: Vec<String>,
    /// Collectors that run only if they are named: `systemd`.
    pub enabled_collectors: Vec<String>,
    /// Directories with files `*.prom` that scripts leave.
    pub textfile_dirs: Vec<PathBuf>,
    /// Defaults for scraping.
    pub global: GlobalConfig,
    /// Targets to scrape, as Prometheus has them.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Which logs of this host are read.
    pub logs: LogsConfig,
    /// Which events of this host are noted.
    pub events: WatchConfig,
    /// Where logs go, if not to the server's `/loki/api/v1/push`.
    pub logs_to: Option<String>,
    /// A token that tells the server who we are.
    #[serde(skip_serializing)]
    pub bearer_token: Option<String>,
    /// A file that holds such a token.
    pub bearer_token_file: Option<PathBuf>,
    /// The user, with `password`.
    pub username: Option<String>,
    /// The user's password.
    #[serde(skip_serializing)]
    pub password: Option<String>,
    /// Further headers of each request, a tenant's name say.
    #[serde(skip_serializing)]
    pub headers: BTreeMap<String, String>,
    /// Certificates towards the server.
    pub tls: TlsOptions,
    /// How long one request may take.
    pub timeout: TimeSpan,
    /// The message of remote write to send, by its name as in Prometheus. Without it, 2.0 is sent to servers that
    /// take it and 1.0 to others.
    pub protobuf_message: Option<RemoteWriteMessage>,
}

/// Certificates towards the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// The authorities to trust, in place of those of the system; PEM.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, PEM.
    pub cert_file: Option<PathBuf>,
    /// The key of our certificate, PEM.
    pub key_file: Option<PathBuf>,
    /// Takes any certificate. For trying things out.
    pub insecure_skip_verify: bool,
}

impl Default for AgentConfig {
    fn default() -> Self {
        AgentConfig {
            to: String::new(),
            spool_dir: PathBuf::new(),
            spool_bytes_max: ByteSize(1 << 30),
            host: true,
            interval: TimeSpan(Duration::from_secs(1)),
            labels: BTreeMap::new(),
            disabled_collectors: Vec::new(),
            enabled_collectors: Vec::new(),
            textfile_dirs: vec![host::TEXTFILE_DIR.into()],
            global: GlobalConfig::default(),
            scrape_configs: Vec::new(),
            logs: LogsConfig::default(),
            events: WatchConfig::default(),
            logs_to: None,
            bearer_token: None,
            bearer_token_file: None,
            username: None,
            password: None,
            headers: BTreeMap::new(),
            tls: TlsOptions::default(),
            timeout: TimeSpan(Duration::from_secs(30)),
            protobuf_message: None,
        }
    }
}

/// Below this, a spool could not hold two segments.
const SPOOL_BYTES_MIN: u64 = 1 << 20;
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// A URL without path and parameters.
fn origin(url: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find(['/', '?']).map_or(url.len(), |at| after_scheme + at);
    url[..end].to_owned()
}

impl AgentConfig {
    /// Reads a configuration from YAML. Whether its values go together shows when an agent starts with it.
    pub fn from_yaml(text: &str) -> Result<AgentConfig, Problem> {
        serde_saphyr::from_str(text).map_err(|e| explain(&e))
    }

    /// The spool this describes, if it is consistent; else the field at fault and what is wrong with it.
    pub(crate) fn spool(&self) -> Result<SpoolOptions, (&'static str, String)> {
        if self.to.is_empty() {
            return Err(("to", "is not set: give the URL of the server to deliver to".into()));
        }
        if self.spool_dir.as_os_str().is_empty() {
            return Err(("spool_dir", "is not set: give a directory that outlives restarts".into()));
        }
        let bytes_max = self.spool_bytes_max.0;
        if bytes_max < SPOOL_BYTES_MIN {
            return Err(("spool_bytes_max", format!("is {bytes_max}, below the least of {SPOOL_BYTES_MIN}")));
        }
        if self.interval.0 < INTERVAL_MIN {
            return Err((
                "interval",
                format!("is {:?}, below the least of {INTERVAL_MIN:?}", self.interval.0),
            ));
        }
        let credentials = match (&self.bearer_token, &self.bearer_token_file, &self.username) {
            (None, None, None) => Credentials::None,
            (Some(token), None, None) => Credentials::Token(token.clone()),
            (None, Some(path), None) => Credentials::TokenFile(path.clone()),
            (None, None, Some(username)) => Credentials::Basic {
                username: username.clone(),
                password: self.password.clone().unwrap_or_default(),
            },
            _ => {
                let reason = "only one of bearer_token, bearer_token_file and username can be set";
                return Err(("bearer_token", reason.into()));
            }
        };
        Ok(SpoolOptions {
            bytes_max,
            credentials,
            headers: self.headers.clone().into_iter().collect(),
            tls: self.tls.clone(),
            timeout: self.timeout.0,
            message: self.protobuf_message,
            ..SpoolOptions::new(self.to.clone(), self.spool_dir.clone())
        })
    }

    /// Where logs go: by default to the server that takes the samples, whatever path it takes them at.
    pub(crate) fn logs_to(&self) -> String {
        self.logs_to.clone().unwrap_or_else(|| origin(&self.to))
    }

    /// Where events go: to the server that takes the samples.
    pub(crate) fn events_to(&self) -> String {
        origin(&self.to)
    }

    /// How this host is measured. Paths are relative to `dir`.
    pub(crate) fn host_options(&self, dir: &Path) -> host::Options {
        let mut options = host::Options {
            disabled: self.disabled_collectors.clone(),
            enabled: self.enabled_collectors.clone(),
            textfile_dirs: self.textfile_dirs.iter().map(|d| dir.join(d)).collect(),
            ..Default::default()
        };
        let mut labels: BTreeMap<String, String> = options.labels.into_iter().collect();
        labels.extend(self.labels.clone());
        options.labels = labels.into_iter().collect();
        options
    }
}
