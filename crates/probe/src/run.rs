//! Probes: from a module and a target to an outcome.

use crate::config::{Kind, Module};
use crate::metrics::Metrics;
use crate::trial::{Failure, Level, LogLine, Trial};
use crate::{dns, grpc, http, icmp, tcp};
use scrape::RequestHeaders;
use std::time::Duration;
use tokio::time::timeout;

/// The longest time for a probe where neither its module nor whoever asks says another.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// Headers whose values are not shown.
const SECRET_HEADERS: [&str; 6] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token", "x-token"];

/// What came of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether the target is well.
    pub success: bool,
    /// Seconds that it took.
    pub duration_seconds: f64,
    /// Why it is not well.
    pub failure: Option<String>,
    /// All that was measured, `probe_success` and `probe_duration_seconds` among it.
    pub metrics: Metrics,
    /// What was done.
    pub log: Vec<LogLine>,
}

/// A module that is ready to probe.
pub struct Prober {
    module: Module,
    headers: RequestHeaders,
}

impl Prober {
    /// Makes a module ready.
    pub fn new(module: &Module) -> Result<Prober, String> {
        module.check().map_err(|e| e.to_string())?;
        let headers = RequestHeaders::new(&module.http.client(), http::USER_AGENT)?;
        Ok(Prober { module: module.clone(), headers })
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The module as YAML, without secrets.
    pub fn shown(&self) -> String {
        let mut module = self.module.clone();
        let hide = |name: &str, value: &mut String| {
            if SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                "<secret>".clone_into(value);
            }
        };
        module.http.headers.iter_mut().for_each(|(name, value)| hide(name, value));
        module
            .grpc
            .metadata
            .iter_mut()
            .for_each(|(name, values)| values.iter_mut().for_each(|v| hide(name, v)));
        serde_saphyr::to_string(&module).unwrap_or_else(|e| format!("# cannot be written as YAML: {e}\n"))
    }

    /// The same module with another name of the host: the `Host` header of `http`, the name in the certificate of `tcp`.
    pub fn with_hostname(&self, hostname: &str) -> Result<Prober, String> {
        let mut module = self.module.clone();
        match module.prober {
            Kind::Http => {
                let own = module.http.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("host"));
                if let Some((_, own)) = own.filter(|(_, v)| v.as_str() != hostname) {
                    return Err(format!(
                        "the module has the header Host: {own}, and hostname says {hostname}"
                    ));
                }
                module.http.headers.retain(|n, _| !n.eq_ignore_ascii_case("host"));
                module.http.headers.insert("Host".to_owned(), hostname.to_owned());
            }
            Kind::Tcp => {
                let tls = module.tcp.tls_config.get_or_insert_default();
                tls.server_name.get_or_insert_with(|| hostname.to_owned());
            }
            _ => {}
        }
        Prober::new(&module)
    }

    /// The longest time for a probe: that of the module, and no more than whoever asks allows.
    pub fn timeout(&self, allowed: Option<Duration>) -> Duration {
        let own = self.module.timeout.map(Duration::from);
        own.unwrap_or(TIMEOUT_MAX).min(allowed.unwrap_or(TIMEOUT_MAX))
    }

    /// Looks at a target. The runtime must be tokio's, with its drivers.
    pub async fn probe(&self, target: &str, allowed: Option<Duration>) -> Outcome {
        let limit = self.timeout(allowed);
        let mut trial = Trial::new();
        let done = match timeout(limit, self.look(target, &mut trial)).await {
            Ok(done) => done,
            Err(_) => Err(Failure(format!("nothing came of it within {} s", limit.as_secs_f64()))),
        };
        let duration_seconds = trial.begun.elapsed().as_secs_f64();
        let failure = done.err().map(|f| f.0);
        if let Some(reason) = &failure {
            trial.say(Level::Error, reason.as_str());
        }
        trial.set("probe_success", f64::from(u8::from(failure.is_none())));
        trial.set("probe_duration_seconds", duration_seconds);
        trial.set("probe_timeout_seconds", limit.as_secs_f64());
        let Trial { metrics, log, .. } = trial;
        Outcome { success: failure.is_none(), duration_seconds, failure, metrics, log }
    }

    async fn look(&self, target: &str, trial: &mut Trial) -> Result<(), Failure> {
        let m = &self.module;
        match m.prober {
            Kind::Http => http::probe(target, &m.http, &self.headers, trial).await,
            Kind::Tcp => tcp::probe(target, &m.tcp, trial).await,
            Kind::Unix => tcp::probe_unix(target, &m.unix, trial).await,
            Kind::Icmp => icmp::probe(target, &m.icmp, trial).await,
            Kind::Dns => dns::probe(target, &m.dns, trial).await,
            Kind::Grpc => grpc::probe(target, &m.grpc, trial).await,
        }
    }
}
