//! From a configuration to a `reqwest` client.

use crate::config::{HttpClientConfig, TlsConfig, TlsVersion};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy, redirect, tls};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Redirects that are followed before a request is given up.
const REDIRECTS_MAX: usize = 10;
/// How long an unused connection is kept: longer than most scrape intervals.
const IDLE_CONNECTION: Duration = Duration::from_secs(300);
/// Connections kept to one host: one target needs one.
const IDLE_PER_HOST_MAX: usize = 2;

/// A client. With `pinned`, it connects to that host whatever name a URL holds.
pub(super) fn client(c: &HttpClientConfig, user_agent: &str, pinned: Option<&str>) -> Result<Client, String> {
    let built = builder(c, user_agent, pinned)?.build();
    let default_tls = c.tls_config.is_none();
    match built {
        Ok(client) => Ok(client),
        // A host without any certificate authority can still scrape over plain HTTP.
        Err(_) if default_tls => {
            builder(c, user_agent, pinned)?.tls_certs_only([]).build().map_err(super::describe)
        }
        Err(e) => Err(super::describe(e)),
    }
}

fn builder(c: &HttpClientConfig, user_agent: &str, pinned: Option<&str>) -> Result<ClientBuilder, String> {
    let mut b = Client::builder()
        .user_agent(user_agent)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .redirect(if c.follow_redirects.unwrap_or(true) {
            redirect::Policy::limited(REDIRECTS_MAX)
        } else {
            redirect::Policy::none()
        });
    if !c.enable_http2.unwrap_or(true) || pinned.is_some() {
        b = b.http1_only();
    }
    if let Some(host) = pinned {
        b = b.dns_resolver(Arc::new(Pinned(host.trim_matches(['[', ']']).to_owned())));
    }
    if let Some(url) = &c.proxy_url {
        b = b.proxy(proxy(c, url)?);
    } else if !c.proxy_from_environment {
        b = b.no_proxy();
    }
    match &c.tls_config {
        Some(t) => with_tls(b, t),
        None => Ok(b),
    }
}

fn proxy(c: &HttpClientConfig, url: &str) -> Result<Proxy, String> {
    let wrong = |e: String| format!("proxy_url: {e}");
    let mut proxy = Proxy::all(url).map_err(|e| wrong(super::describe(e)))?;
    proxy = proxy.no_proxy(c.no_proxy.as_deref().and_then(NoProxy::from_string));
    let mut headers = HeaderMap::new();
    for (name, values) in &c.proxy_connect_header {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("proxy_connect_header.{name}: not a valid header name"))?;
        for value in values {
            let value = HeaderValue::from_str(value.expose())
                .map_err(|_| format!("proxy_connect_header.{name}: not a valid header value"))?;
            headers.append(header.clone(), value);
        }
    }
    Ok(if headers.is_empty() { proxy } else { proxy.headers(headers) })
}

fn with_tls(mut b: ClientBuilder, t: &TlsConfig) -> Result<ClientBuilder, String> {
    if t.insecure_skip_verify {
        b = b.tls_danger_accept_invalid_certs(true);
    }
    if let Some(pem) = pem(t.ca.as_deref(), t.ca_file.as_deref(), "tls_config.ca_file")? {
        let certificates = Certificate::from_pem_bundle(&pem)
            .map_err(|e| format!("tls_config.ca: {}", super::describe(e)))?;
        if certificates.is_empty() {
            return Err("tls_config.ca: holds no certificate in PEM form".to_owned());
        }
        b = b.tls_certs_only(certificates);
    }
    let key = t.key.as_ref().map(|k| k.expose());
    let key = pem(key, t.key_file.as_deref(), "tls_config.key_file")?;
    let cert = pem(t.cert.as_deref(), t.cert_file.as_deref(), "tls_config.cert_file")?;
    if let (Some(cert), Some(key)) = (cert, key) {
        let both = [cert, b"\n".to_vec(), key].concat();
        let identity = Identity::from_pem(&both)
            .map_err(|e| format!("tls_config.cert and tls_config.key: {}", super::describe(e)))?;
        b = b.identity(identity);
    }
    // Nothing older than 1.2 can be spoken, so an older minimum is met as it is.
    if t.min_version == Some(TlsVersion::Tls13) {
        b = b.tls_version_min(tls::Version::TLS_1_3);
    }
    if t.max_version == Some(TlsVersion::Tls12) {
        b = b.tls_version_max(tls::Version::TLS_1_2);
    }
    Ok(b)
}

fn pem(text: Option<&str>, file: Option<&Path>, setting: &str) -> Result<Option<Vec<u8>>, String> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(file)) => match std::fs::read(file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) => Err(format!("{setting} {}: {e}", file.display())),
        },
        (None, None) => Ok(None),
    }
}

/// Resolves every name to one host.
struct Pinned(String);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
