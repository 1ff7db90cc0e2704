//! Requests to targets and discovery servers, as `HttpClientConfig` describes them.

mod build;
mod oauth;

use crate::config::{Authorization, BasicAuth, HttpClientConfig};
use oauth::TokenSource;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Why a request gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The request could not be made or was not answered.
    #[error("{0}")]
    Request(String),
    /// The answer is not `200 OK`.
    #[error("server returned HTTP status {0}")]
    Status(String),
    /// The body is over a limit.
    #[error("{setting} exceeded: the body holds more than {limit} bytes after decompression")]
    BodySize {
        /// The setting that moves the limit.
        setting: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
}

impl FetchError {
    fn request(e: impl std::fmt::Display) -> FetchError {
        FetchError::Request(e.to_string())
    }
}

/// The largest secret read from a file.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// A client built from a configuration; cheap to share behind an `Arc`.
pub(crate) struct HttpClient {
    config: HttpClientConfig,
    user_agent: String,
    client: Client,
    /// With `server_name`, one client for each host: see [`HttpClient::pinned`].
    pinned: Mutex<HashMap<String, Client>>,
    headers: RequestHeaders,
    tls_files: Vec<Option<(SystemTime, u64)>>,
}

impl HttpClient {
    pub(crate) fn new(config: &HttpClientConfig, user_agent: &str) -> Result<HttpClient, String> {
        let headers = RequestHeaders::new(config, user_agent)?;
        Ok(HttpClient {
            config: config.clone(),
            user_agent: user_agent.to_owned(),
            client: build::client(config, user_agent, None)?,
            pinned: Mutex::default(),
            headers,
            tls_files: fingerprint(config),
        })
    }

    /// Whether a certificate or key file has changed since this client was built.
    pub(crate) fn is_outdated(&self) -> bool {
        self.tls_files != fingerprint(&self.config)
    }

    /// Sends a GET with credentials and configured headers; anything but `200 OK` is an error.
    pub(crate) async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Response, FetchError> {
        let response = self.send(url, headers.clone(), false).await?;
        let response = match (response.status(), &self.headers.tokens) {
            // The token may have been revoked before its time: one try with a fresh one.
            (StatusCode::UNAUTHORIZED, Some(_)) => self.send(url, headers, true).await?,
            _ => response,
        };
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or("");
        Err(FetchError::Status(format!("{} {reason}", status.as_u16()).trim_end().to_owned()))
    }

    async fn send(&self, url: &Url, mut headers: HeaderMap, fresh: bool) -> Result<Response, FetchError> {
        self.headers.add(&mut headers, fresh).await?;
        let (client, url) = self.route(url, &mut headers)?;
        client.get(url).headers(headers).send().await.map_err(|e| FetchError::Request(describe(e)))
    }

    /// The client and URL for a request. With `tls_config.server_name` the URL names that server, so that the
    /// handshake and the check of the certificate use it, while the connection goes where the URL pointed.
    fn route(&self, url: &Url, headers: &mut HeaderMap) -> Result<(Client, Url), FetchError> {
        let name = self.config.tls_config.as_ref().and_then(|t| t.server_name.as_deref());
        let (Some(name), Some(host), "https") = (name, url.host_str(), url.scheme()) else {
            return Ok((self.client.clone(), url.clone()));
        };
        if name == host {
            return Ok((self.client.clone(), url.clone()));
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        headers.insert(HOST, HeaderValue::from_str(&authority).map_err(FetchError::request)?);
        let mut named = url.clone();
        named
            .set_host(Some(name))
            .map_err(|e| FetchError::Request(format!("tls_config.server_name: {e}")))?;
        Ok((self.pinned(host)?, named))
    }

    /// A client that connects to `host` whatever name it is asked for.
    fn pinned(&self, host: &str) -> Result<Client, FetchError> {
        let mut pinned = self.pinned.lock();
        if let Some(client) = pinned.get(host) {
            return Ok(client.clone());
        }
        let client =
            build::client(&self.config, &self.user_agent, Some(host)).map_err(FetchError::Request)?;
        pinned.insert(host.to_owned(), client.clone());
        Ok(client)
    }
}

/// The headers that a configuration adds to each request, credentials among them, for whoever sends requests by other
/// means.
pub struct RequestHeaders {
    config: HttpClientConfig,
    tokens: Option<TokenSource>,
}

impl RequestHeaders {
    /// Of a configuration. The user agent is that of requests for tokens.
    pub fn new(config: &HttpClientConfig, user_agent: &str) -> Result<RequestHeaders, String> {
        let tokens = config.oauth2.as_ref().map(|o| TokenSource::new(o, user_agent)).transpose()?;
        Ok(RequestHeaders { config: config.clone(), tokens })
    }

    /// Reads them: files anew, tokens when they are due.
    pub async fn read(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        self.add(&mut headers, false).await.map_err(|e| e.to_string())?;
        Ok(headers)
    }

    async fn add(&self, headers: &mut HeaderMap, fresh: bool) -> Result<(), FetchError> {
        self.configured_headers(headers).await?;
        if let Some(value) = self.credentials(fresh).await? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(())
    }

    async fn configured_headers(&self, headers: &mut HeaderMap) -> Result<(), FetchError> {
        for (name, values) in &self.config.http_headers {
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(FetchError::request)?;
            let mut add = |value: &str| {
                let value = HeaderValue::from_str(value.trim()).map_err(|_| {
                    FetchError::Request(format!("http_headers.{name}: not a valid header value"))
                })?;
                headers.append(header.clone(), value);
                Ok(())
            };
            for value in &values.values {
                add(value)?;
            }
            for secret in &values.secrets {
                add(secret.expose())?;
            }
            for file in &values.files {
                add(&read_secret(file, "http_headers").await?)?;
            }
        }
        Ok(())
    }

    async fn credentials(&self, fresh: bool) -> Result<Option<HeaderValue>, FetchError> {
        let text = if let Some(tokens) = &self.tokens {
            tokens.header(fresh).await?
        } else if let Some(basic) = &self.config.basic_auth {
            basic_header(basic).await?
        } else if let Some(authorization) = self.config.authorization() {
            authorization_header(&authorization).await?
        } else {
            return Ok(None);
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            FetchError::Request("the credentials hold bytes a header cannot carry".to_owned())
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

async fn basic_header(basic: &BasicAuth) -> Result<String, FetchError> {
    let user = match &basic.username_file {
        Some(file) => read_secret(file, "basic_auth.username_file").await?,
        None => basic.username.clone().unwrap_or_default(),
    };
    let password = match &basic.password_file {
        Some(file) => read_secret(file, "basic_auth.password_file").await?,
        None => basic.password.as_ref().map_or(String::new(), |p| p.expose().to_owned()),
    };
    Ok(format!("Basic {}", base64(format!("{user}:{password}").as_bytes())))
}

async fn authorization_header(a: &Authorization) -> Result<String, FetchError> {
    let credentials = match &a.credentials_file {
        Some(file) => read_secret(file, "authorization.credentials_file").await?,
        None => a.credentials.as_ref().map_or(String::new(), |c| c.expose().to_owned()),
    };
    Ok(format!("{} {credentials}", a.kind.as_deref().unwrap_or("Bearer").trim()))
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |g, (i, b)| g | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            let sextet = (group >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    out
}

/// Reads a file that holds one secret; white space around it is not part of it.
async fn read_secret(path: &Path, setting: &str) -> Result<String, FetchError> {
    let wrong = |e: String| FetchError::Request(format!("{setting} {}: {e}", path.display()));
    let size = tokio::fs::metadata(path).await.map_err(|e| wrong(e.to_string()))?.len();
    if size > SECRET_BYTES_MAX {
        return Err(wrong(format!("holds {size} bytes, at most {SECRET_BYTES_MAX} are read")));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(|e| wrong(e.to_string()))?;
    Ok(text.trim().to_owned())
}

fn tls_files(config: &HttpClientConfig) -> impl Iterator<Item = &PathBuf> {
    let tls = config.tls_config.iter().chain(config.oauth2.iter().filter_map(|o| o.tls_config.as_ref()));
    tls.flat_map(|t| [&t.ca_file, &t.cert_file, &t.key_file]).flatten()
}

fn fingerprint(config: &HttpClientConfig) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |p: &PathBuf| std::fs::metadata(p).ok().and_then(|m| Some((m.modified().ok()?, m.len())));
    tls_files(config).map(stamp).collect()
}

/// What a request failed of: the causes behind the outermost error, which only repeats the URL.
pub(crate) fn describe(e: reqwest::Error) -> String {
    let e = e.without_url();
    let mut causes: Vec<String> = Vec::new();
    let mut next = std::error::Error::source(&e);
    while let Some(cause) = next {
        let text = cause.to_string();
        // Wrappers often repeat what they wrap; the innermost says it best.
        causes.retain(|outer| !text.contains(outer.as_str()) && !outer.contains(text.as_str()));
        causes.push(text);
        next = cause.source();
    }
    if causes.is_empty() { e.to_string() } else { causes.join(": ") }
}

/// Reads a body to its end, or to the limit. `out` is emptied first.
pub(crate) async fn read_body(
    mut response: Response,
    limit: u64,
    setting: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), FetchError> {
    out.clear();
    while let Some(chunk) = response.chunk().await.map_err(|e| FetchError::Request(describe(e)))? {
        if (out.len() + chunk.len()) as u64 > limit {
            return Err(FetchError::BodySize { setting, limit });
        }
        out.extend_from_slice(&chunk);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsConfig;

    #[test]
    fn a_client_is_outdated_once_a_certificate_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let pem = || {
            let key = rcgen::KeyPair::generate().unwrap();
            rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
        };
        std::fs::write(&file, pem()).unwrap();
        let tls = TlsConfig { ca_file: Some(file.clone()), ..TlsConfig::default() };
        let config = HttpClientConfig { tls_config: Some(tls), ..HttpClientConfig::default() };
        let client = HttpClient::new(&config, "test").unwrap();
        assert!(!client.is_outdated());
        std::fs::write(&file, format!("{}{}", pem(), pem())).unwrap();
        assert!(client.is_outdated());
        std::fs::write(&file, "no certificate").unwrap();
        let error = HttpClient::new(&config, "test").err().unwrap();
        assert_eq!(error, "tls_config.ca: holds no certificate in PEM form");
    }

    #[test]
    fn base64_pads() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0x00]), "//4A");
    }
}
