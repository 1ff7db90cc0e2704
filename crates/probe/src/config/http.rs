//! The section `http` of a module.

use super::{Invalid, IpProtocol, Pattern, section};
use scrape::config::{Authorization, BasicAuth, ByteSize, HeaderValues, HttpClientConfig, OAuth2, TlsConfig};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A secret of Prometheus' configuration.
type Secret = scrape::config::Secret;

section! {
    /// What is asked over HTTP, and which answers are right.
    pub struct HttpProbe {
        /// Statuses that are right; all of 200 to 299 if there is none.
        pub valid_status_codes: Vec<u16>,
        /// Versions that are right, such as `HTTP/1.1` and `HTTP/2.0`; all if there is none.
        pub valid_http_versions: Vec<String>,
        /// The IP protocol that is preferred.
        pub preferred_ip_protocol: IpProtocol,
        /// Whether the other one is taken where there is no address of that.
        pub ip_protocol_fallback: Option<bool>,
        /// Whether the proxy resolves the target's name.
        pub skip_resolve_phase_with_proxy: bool,
        /// Whether an answer over TLS is wrong.
        pub fail_if_ssl: bool,
        /// Whether an answer without TLS is wrong.
        pub fail_if_not_ssl: bool,
        /// GET if absent.
        pub method: Option<String>,
        /// Headers of the request.
        pub headers: BTreeMap<String, String>,
        /// What the body must not hold.
        pub fail_if_body_matches_regexp: Vec<Pattern>,
        /// What the body must hold.
        pub fail_if_body_not_matches_regexp: Vec<Pattern>,
        /// What headers must not hold.
        pub fail_if_header_matches: Vec<HeaderMatch>,
        /// What headers must hold.
        pub fail_if_header_not_matches: Vec<HeaderMatch>,
        /// The body of the request.
        pub body: Option<String>,
        /// A file with the body of the request.
        pub body_file: Option<PathBuf>,
        /// How the answer's body is compressed: `gzip`, `br`, `deflate` or `identity`.
        pub compression: Option<String>,
        /// The largest body, after decompression. 0 is no limit but our own.
        pub body_size_limit: ByteSize,
        /// User name and password.
        pub basic_auth: Option<BasicAuth>,
        /// An `Authorization` header.
        pub authorization: Option<Authorization>,
        /// A token by OAuth 2.0 client credentials.
        pub oauth2: Option<OAuth2>,
        /// The older way to write `authorization.credentials`.
        pub bearer_token: Option<Secret>,
        /// The older way to write `authorization.credentials_file`.
        pub bearer_token_file: Option<PathBuf>,
        /// TLS towards the target.
        pub tls_config: Option<TlsConfig>,
        /// Whether redirects are followed. True if absent.
        pub follow_redirects: Option<bool>,
        /// Whether HTTP/2 is offered. True if absent.
        pub enable_http2: Option<bool>,
        /// A proxy for all requests.
        pub proxy_url: Option<String>,
        /// Hosts, domains and networks reached without the proxy, separated by commas.
        pub no_proxy: Option<String>,
        /// Whether the proxy comes from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
        pub proxy_from_environment: bool,
        /// Headers sent to the proxy in a CONNECT request.
        pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
        /// Headers sent with each request, with values from files among them.
        pub http_headers: BTreeMap<String, HeaderValues>,
    }
}

section! {
    /// A header and what it holds.
    pub struct HeaderMatch {
        /// Its name.
        pub header: String,
        /// What is searched for in its values.
        pub regexp: Option<Pattern>,
        /// Whether it may be absent.
        pub allow_missing: bool,
    }
}

impl HttpProbe {
    /// The keys of the HTTP client.
    pub fn client(&self) -> HttpClientConfig {
        HttpClientConfig {
            basic_auth: self.basic_auth.clone(),
            authorization: self.authorization.clone(),
            oauth2: self.oauth2.clone(),
            bearer_token: self.bearer_token.clone(),
            bearer_token_file: self.bearer_token_file.clone(),
            tls_config: self.tls_config.clone(),
            follow_redirects: self.follow_redirects,
            enable_http2: self.enable_http2,
            proxy_url: self.proxy_url.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.clone(),
            http_headers: self.http_headers.clone(),
        }
    }

    pub(super) fn resolve_paths(&mut self, dir: &Path) {
        let mut client = self.client();
        client.resolve_paths(dir);
        self.basic_auth = client.basic_auth;
        self.authorization = client.authorization;
        self.oauth2 = client.oauth2;
        self.bearer_token_file = client.bearer_token_file;
        self.tls_config = client.tls_config;
        self.http_headers = client.http_headers;
        if let Some(file) = &mut self.body_file {
            *file = dir.join(&*file);
        }
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.client().check()?;
        if self.body.is_some() && self.body_file.is_some() {
            return Err(Invalid::new("body_file", "at most one of body and body_file may be given"));
        }
        if let Some(c) = self.compression.as_deref()
            && !matches!(c, "gzip" | "br" | "deflate" | "identity" | "")
        {
            return Err(Invalid::new(
                "compression",
                format!("{c:?} is not one of gzip, br, deflate, identity"),
            ));
        }
        if let Some(method) = &self.method
            && hyper::Method::from_bytes(method.as_bytes()).is_err()
        {
            return Err(Invalid::new("method", format!("{method:?} is not a method of HTTP")));
        }
        for status in &self.valid_status_codes {
            if !(100..1000).contains(status) {
                return Err(Invalid::new("valid_status_codes", format!("{status} is not a status of HTTP")));
            }
        }
        for (name, value) in &self.headers {
            let field = || format!("headers.{name}");
            if hyper::header::HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(Invalid::new(field(), "not a valid HTTP header name"));
            }
            if hyper::header::HeaderValue::from_str(value).is_err() {
                return Err(Invalid::new(field(), "not a valid HTTP header value"));
            }
            if name.eq_ignore_ascii_case("accept-encoding") && !self.accepts(value) {
                return Err(Invalid::new(
                    field(),
                    format!(
                        "{value:?} does not allow the compression {:?}",
                        self.compression.as_deref().unwrap_or("")
                    ),
                ));
            }
        }
        for (key, all) in [
            ("fail_if_header_matches", &self.fail_if_header_matches),
            ("fail_if_header_not_matches", &self.fail_if_header_not_matches),
        ] {
            for (i, m) in all.iter().enumerate() {
                if m.header.is_empty() || m.regexp.is_none() {
                    return Err(Invalid::new(format!("{key}[{i}]"), "header and regexp are required"));
                }
            }
        }
        Ok(())
    }

    /// Whether a value of `Accept-Encoding` lets the compression be used.
    fn accepts(&self, value: &str) -> bool {
        let Some(wanted) = self.compression.as_deref().filter(|c| !c.is_empty()) else { return true };
        let quality = |item: &str| {
            let parameter =
                item.split(';').skip(1).find_map(|p| p.trim().strip_prefix("q=")?.parse::<f64>().ok());
            parameter.unwrap_or(1.0)
        };
        let named = |item: &&str, name: &str| item.split(';').next().is_some_and(|n| n.trim() == name);
        let items: Vec<&str> = value.split(',').collect();
        match items.iter().find(|i| named(i, wanted)).or(items.iter().find(|i| named(i, "*"))) {
            Some(item) => quality(item) > 0.0,
            None => wanted == "identity",
        }
    }
}
