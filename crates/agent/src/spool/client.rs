//! Requests to the server.

use super::options::{Credentials, SpoolError, SpoolOptions};
use super::retry::{Verdict, verdict};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Identity, Url};
use std::path::Path;

/// What is kept of an answer that says what is wrong.
const MESSAGE_BYTES_MAX: usize = 512;
const USER_AGENT: &str = concat!("watchfire-agent/", env!("CARGO_PKG_VERSION"));

pub(super) struct Client {
    client: reqwest::Client,
    url: Url,
    /// Those of the configuration.
    headers: HeaderMap,
    credentials: Credentials,
}

/// What came of a request.
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    /// The status, 0 if there was no answer.
    pub(super) status: u16,
    /// Samples and histograms written, where the server tells.
    pub(super) written: Option<u64>,
    /// Why it was not delivered.
    pub(super) message: String,
}

impl Client {
    /// A client for an address, where `path` is meant if it has none.
    pub(super) fn new(options: &SpoolOptions, path: &str) -> Result<Client, SpoolError> {
        let setting = |field| move |reason: String| SpoolError::Setting { field, reason };
        let url = endpoint(&options.url, path).map_err(setting("to"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|e| setting("headers")(e.to_string()))?;
            let value = HeaderValue::from_str(value).map_err(|e| setting("headers")(e.to_string()))?;
            headers.insert(name, value);
        }
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .timeout(options.timeout)
            .pool_max_idle_per_host(1)
            .redirect(reqwest::redirect::Policy::none());
        let builder = tls(builder, options).map_err(setting("tls"))?;
        let client = match builder.build() {
            // A host without any certificate authority can still deliver over plain HTTP.
            Err(_) if url.scheme() == "http" => {
                let builder = reqwest::Client::builder().user_agent(USER_AGENT).timeout(options.timeout);
                builder.tls_certs_only([]).redirect(reqwest::redirect::Policy::none()).build()
            }
            built => built,
        };
        let client = client.map_err(|e| setting("tls")(described(&e)))?;
        Ok(Client { client, url, headers, credentials: options.credentials.clone() })
    }

    /// Without a password, should there be one in it.
    pub(super) fn url(&self) -> String {
        let mut url = self.url.clone();
        // Fails only for URLs that cannot have one.
        let _ = url.set_password(None);
        url.into()
    }

    /// Sends a request. What is configured goes before the `headers` of the protocol.
    pub(super) async fn send(&self, headers: HeaderMap, body: Vec<u8>, now_ms: i64) -> Answer {
        let mut headers = headers;
        headers.extend(self.headers.clone());
        let request = self.client.post(self.url.clone()).headers(headers).body(body);
        let request = match &self.credentials {
            Credentials::None => request,
            Credentials::Token(token) => request.bearer_auth(token),
            Credentials::Basic { username, password } => request.basic_auth(username, Some(password)),
            Credentials::TokenFile(path) => match std::fs::read_to_string(path) {
                Ok(token) => request.bearer_auth(token.trim()),
                Err(e) => {
                    let message = format!("cannot read the token in {}: {e}", path.display());
                    return Answer::none(message);
                }
            },
        };
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(e) => return Answer::none(described(&e)),
        };
        let status = response.status();
        let written = written(response.headers());
        let after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
        let verdict = verdict(status.as_u16(), after, now_ms);
        let mut body = Vec::new();
        // Read to its end even if it is not kept, so that the connection can be used again.
        let mut budget = 64 * MESSAGE_BYTES_MAX;
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MESSAGE_BYTES_MAX.saturating_sub(body.len());
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            budget = budget.saturating_sub(chunk.len());
            if budget == 0 {
                break;
            }
        }
        let text = String::from_utf8_lossy(&body);
        let message = format!("{status}: {}", text.trim()).trim_end_matches(": ").to_owned();
        Answer { verdict, status: status.as_u16(), written, message }
    }
}

impl Answer {
    /// There was none.
    fn none(message: String) -> Answer {
        Answer { verdict: Verdict::Again(None), status: 0, written: None, message }
    }
}

/// Samples and histograms written, as a server of remote write 2.0 tells; `None` if it tells neither.
fn written(headers: &HeaderMap) -> Option<u64> {
    let count = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let samples = count("x-prometheus-remote-write-samples-written");
    let histograms = count("x-prometheus-remote-write-histograms-written");
    (samples.is_some() || histograms.is_some())
        .then(|| samples.unwrap_or(0).saturating_add(histograms.unwrap_or(0)))
}

/// The address to write to: `host:port` and `http://host:port` mean the usual path there.
fn endpoint(to: &str, path: &str) -> Result<Url, String> {
    let with_scheme = if to.contains("://") { to.to_owned() } else { format!("http://{to}") };
    let mut url = Url::parse(&with_scheme).map_err(|e| format!("{to:?} is not a URL: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("{to:?} is not an http or https URL with a host"));
    }
    if matches!(url.path(), "" | "/") {
        url.set_path(path);
    }
    Ok(url)
}

fn tls(
    mut builder: reqwest::ClientBuilder,
    options: &SpoolOptions,
) -> Result<reqwest::ClientBuilder, String> {
    let tls = &options.tls;
    let read = |path: &Path| std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()));
    if let Some(path) = &tls.ca_file {
        let certificates = Certificate::from_pem_bundle(&read(path)?)
            .map_err(|e| format!("{}: {}", path.display(), described(&e)))?;
        builder = builder.tls_certs_only(certificates);
    }
    match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => {
            let mut pem = read(cert)?;
            pem.push(b'\n');
            pem.extend(read(key)?);
            let identity =
                Identity::from_pem(&pem).map_err(|e| format!("{}: {}", cert.display(), described(&e)))?;
            builder = builder.identity(identity);
        }
        (None, None) => {}
        _ => return Err("cert_file and key_file are given together or not at all".into()),
    }
    if tls.insecure_skip_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    Ok(builder)
}

/// An error with what lies below it, which is where the reason is.
fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let of = |to: &str| endpoint(to, "/api/v1/write").map(String::from);
        assert_eq!(of("server:7766").unwrap(), "http://server:7766/api/v1/write");
        assert_eq!(of("https://server/").unwrap(), "https://server/api/v1/write");
        assert_eq!(of("http://server/push?x=1").unwrap(), "http://server/push?x=1");
        assert_eq!(
            of("ftp://server").unwrap_err(),
            "\"ftp://server\" is not an http or https URL with a host"
        );
        assert!(of("http://").unwrap_err().starts_with("\"http://\" is not a URL"));
    }
}
