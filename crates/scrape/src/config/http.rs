//! How requests are made: credentials, TLS, proxies, headers.

use super::section::section;
use super::{Invalid, Secret};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

section! {
    /// User name and password.
    pub struct BasicAuth {
        /// The user.
        pub username: Option<String>,
        /// A file that holds the user.
        pub username_file: Option<PathBuf>,
        /// The password.
        pub password: Option<Secret>,
        /// A file that holds the password; read again for each request.
        pub password_file: Option<PathBuf>,
    }
}

section! {
    /// An `Authorization` header.
    pub struct Authorization {
        /// The scheme, `Bearer` if absent.
        #[serde(rename = "type")]
        pub kind: Option<String>,
        /// What follows the scheme.
        pub credentials: Option<Secret>,
        /// A file that holds it; read again for each request.
        pub credentials_file: Option<PathBuf>,
    }
}

section! {
    /// A token by OAuth 2.0 client credentials (RFC 6749, section 4.4).
    pub struct OAuth2 {
        /// The client.
        pub client_id: String,
        /// Its secret.
        pub client_secret: Option<Secret>,
        /// A file that holds the secret.
        pub client_secret_file: Option<PathBuf>,
        /// Scopes to ask for.
        pub scopes: Vec<String>,
        /// Where tokens are had.
        pub token_url: String,
        /// Further parameters of the token request.
        pub endpoint_params: BTreeMap<String, String>,
        /// TLS towards the token server.
        pub tls_config: Option<TlsConfig>,
        /// A proxy for the token request.
        pub proxy_url: Option<String>,
        /// Hosts, domains and networks reached without the proxy, separated by commas.
        pub no_proxy: Option<String>,
        /// Whether the proxy comes from the environment.
        pub proxy_from_environment: bool,
        /// Headers sent to the proxy in a CONNECT request.
        pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    }
}

section! {
    /// TLS towards a server.
    pub struct TlsConfig {
        /// Certificates of authorities to trust instead of the system's, PEM.
        pub ca: Option<String>,
        /// This client's certificate, PEM.
        pub cert: Option<String>,
        /// Its key, PEM.
        pub key: Option<Secret>,
        /// A file for `ca`.
        pub ca_file: Option<PathBuf>,
        /// A file for `cert`.
        pub cert_file: Option<PathBuf>,
        /// A file for `key`.
        pub key_file: Option<PathBuf>,
        /// The name the server's certificate must hold, when it is not the host of the URL.
        pub server_name: Option<String>,
        /// Whether the server's certificate is taken unchecked.
        pub insecure_skip_verify: bool,
        /// The oldest protocol version: `TLS10` to `TLS13`. Nothing older than 1.2 is ever spoken.
        pub min_version: Option<TlsVersion>,
        /// The newest protocol version: `TLS12` or `TLS13`.
        pub max_version: Option<TlsVersion>,
    }
}

/// A TLS protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum TlsVersion {
    /// 1.0
    #[serde(rename = "TLS10")]
    Tls10,
    /// 1.1
    #[serde(rename = "TLS11")]
    Tls11,
    /// 1.2
    #[serde(rename = "TLS12")]
    Tls12,
    /// 1.3
    #[serde(rename = "TLS13")]
    Tls13,
}

section! {
    /// Values of one request header.
    pub struct HeaderValues {
        /// Plain values.
        pub values: Vec<String>,
        /// Values that are never shown.
        pub secrets: Vec<Secret>,
        /// Files that hold values; read again for each request.
        pub files: Vec<PathBuf>,
    }
}

/// The keys of an HTTP client, gathered from the section that holds them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HttpClientConfig {
    /// User name and password.
    pub basic_auth: Option<BasicAuth>,
    /// An `Authorization` header.
    pub authorization: Option<Authorization>,
    /// A token by OAuth 2.0.
    pub oauth2: Option<OAuth2>,
    /// See [`Authorization::credentials`].
    pub bearer_token: Option<Secret>,
    /// See [`Authorization::credentials_file`].
    pub bearer_token_file: Option<PathBuf>,
    /// TLS towards the server.
    pub tls_config: Option<TlsConfig>,
    /// Whether redirects are followed.
    pub follow_redirects: Option<bool>,
    /// Whether HTTP/2 is offered.
    pub enable_http2: Option<bool>,
    /// A proxy for all requests.
    pub proxy_url: Option<String>,
    /// What is reached without the proxy.
    pub no_proxy: Option<String>,
    /// Whether the proxy comes from the environment.
    pub proxy_from_environment: bool,
    /// Headers of CONNECT requests.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Headers of each request.
    pub http_headers: BTreeMap<String, HeaderValues>,
}

/// Headers that other settings or the protocol itself decide.
const RESERVED_HEADERS: [&str; 16] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-scrape-timeout-seconds",
    "accept",
    "te",
    "transfer-encoding",
];

impl HttpClientConfig {
    /// The `Authorization` header, whichever way it is written.
    pub fn authorization(&self) -> Option<Authorization> {
        if self.authorization.is_some() {
            return self.authorization.clone();
        }
        if self.bearer_token.is_none() && self.bearer_token_file.is_none() {
            return None;
        }
        Some(Authorization {
            kind: None,
            credentials: self.bearer_token.clone(),
            credentials_file: self.bearer_token_file.clone(),
        })
    }

    /// Checks what one field alone cannot show.
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_credentials()?;
        if let Some(tls) = &self.tls_config {
            tls.check("tls_config")?;
        }
        check_proxy("", &self.proxy_url, &self.no_proxy, self.proxy_from_environment)?;
        if !self.proxy_connect_header.is_empty() && self.proxy_url.is_none() && !self.proxy_from_environment {
            return Err(Invalid::new(
                "proxy_connect_header",
                "needs proxy_url or proxy_from_environment beside it",
            ));
        }
        for name in self.http_headers.keys() {
            let field = format!("http_headers.{name}");
            if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(Invalid::new(
                    field,
                    "this header is set by other settings or by the protocol and cannot be set here",
                ));
            }
            if reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(Invalid::new(field, "not a valid HTTP header name"));
            }
        }
        Ok(())
    }

    fn check_credentials(&self) -> Result<(), Invalid> {
        let ways = [
            ("basic_auth", self.basic_auth.is_some()),
            ("authorization", self.authorization.is_some()),
            ("oauth2", self.oauth2.is_some()),
            ("bearer_token", self.bearer_token.is_some()),
            ("bearer_token_file", self.bearer_token_file.is_some()),
        ];
        let set: Vec<&str> = ways.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        if set.len() > 1 {
            return Err(Invalid::new(
                set[1],
                format!("only one kind of credentials may be given, but {} are", set.join(" and ")),
            ));
        }
        if let Some(b) = &self.basic_auth {
            one_of("basic_auth", "username", b.username.is_some(), b.username_file.is_some())?;
            one_of("basic_auth", "password", b.password.is_some(), b.password_file.is_some())?;
        }
        if let Some(a) = &self.authorization {
            one_of("authorization", "credentials", a.credentials.is_some(), a.credentials_file.is_some())?;
            if a.kind.as_deref().is_some_and(|k| k.trim().eq_ignore_ascii_case("basic")) {
                return Err(Invalid::new("authorization.type", "\"Basic\" is written as basic_auth"));
            }
        }
        if let Some(o) = &self.oauth2 {
            o.check()?;
        }
        Ok(())
    }

    /// Makes relative file names relative to `dir`.
    pub fn resolve_paths(&mut self, dir: &Path) {
        let mut files: Vec<&mut Option<PathBuf>> = vec![&mut self.bearer_token_file];
        let mut tls: Vec<&mut TlsConfig> = self.tls_config.iter_mut().collect();
        if let Some(o) = &mut self.oauth2 {
            files.push(&mut o.client_secret_file);
            tls.extend(o.tls_config.iter_mut());
        }
        for t in tls {
            files.extend(t.files());
        }
        if let Some(b) = &mut self.basic_auth {
            files.extend([&mut b.username_file, &mut b.password_file]);
        }
        if let Some(a) = &mut self.authorization {
            files.push(&mut a.credentials_file);
        }
        let headers = self.http_headers.values_mut().flat_map(|h| &mut h.files);
        for file in files.into_iter().flatten().chain(headers) {
            *file = dir.join(&*file);
        }
    }
}

impl OAuth2 {
    fn check(&self) -> Result<(), Invalid> {
        if self.client_id.is_empty() {
            return Err(Invalid::new("oauth2.client_id", "is required"));
        }
        if self.token_url.is_empty() {
            return Err(Invalid::new("oauth2.token_url", "is required"));
        }
        if let Err(e) = reqwest::Url::parse(&self.token_url) {
            return Err(Invalid::new("oauth2.token_url", format!("{:?} is not a URL: {e}", self.token_url)));
        }
        one_of("oauth2", "client_secret", self.client_secret.is_some(), self.client_secret_file.is_some())?;
        if let Some(tls) = &self.tls_config {
            tls.check("oauth2.tls_config")?;
        }
        check_proxy("oauth2.", &self.proxy_url, &self.no_proxy, self.proxy_from_environment)
    }

    /// The client through which tokens are had.
    pub(crate) fn http(&self) -> HttpClientConfig {
        HttpClientConfig {
            tls_config: self.tls_config.clone(),
            proxy_url: self.proxy_url.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.clone(),
            ..HttpClientConfig::default()
        }
    }
}

impl TlsConfig {
    fn files(&mut self) -> [&mut Option<PathBuf>; 3] {
        [&mut self.ca_file, &mut self.cert_file, &mut self.key_file]
    }

    /// Makes relative file names relative to `dir`.
    pub fn resolve_paths(&mut self, dir: &Path) {
        for file in self.files().into_iter().flatten() {
            *file = dir.join(&*file);
        }
    }

    /// Checks what one field alone cannot show. `at` is the path of the section.
    pub fn check(&self, at: &str) -> Result<(), Invalid> {
        one_of(at, "ca", self.ca.is_some(), self.ca_file.is_some())?;
        one_of(at, "cert", self.cert.is_some(), self.cert_file.is_some())?;
        one_of(at, "key", self.key.is_some(), self.key_file.is_some())?;
        let cert = self.cert.is_some() || self.cert_file.is_some();
        let key = self.key.is_some() || self.key_file.is_some();
        if cert != key {
            let (has, lacks) = if cert { ("cert", "key") } else { ("key", "cert") };
            return Err(Invalid::new(
                format!("{at}.{has}_file"),
                format!("a client certificate needs both halves: set {lacks}_file or {lacks} too"),
            ));
        }
        if let Some(max) = self.max_version {
            if max < TlsVersion::Tls12 {
                return Err(Invalid::new(
                    format!("{at}.max_version"),
                    "nothing older than TLS12 is spoken: set TLS12 or TLS13",
                ));
            }
            if self.min_version.is_some_and(|min| min > max) {
                return Err(Invalid::new(format!("{at}.max_version"), "is below min_version"));
            }
        }
        Ok(())
    }
}

fn one_of(at: &str, name: &str, value: bool, file: bool) -> Result<(), Invalid> {
    if value && file {
        return Err(Invalid::new(
            format!("{at}.{name}_file"),
            format!("at most one of {name} and {name}_file may be given"),
        ));
    }
    Ok(())
}

fn check_proxy(
    at: &str,
    url: &Option<String>,
    no_proxy: &Option<String>,
    from_environment: bool,
) -> Result<(), Invalid> {
    if let Some(url) = url {
        if from_environment {
            return Err(Invalid::new(
                format!("{at}proxy_from_environment"),
                "at most one of proxy_url and proxy_from_environment may be given",
            ));
        }
        if let Err(e) = reqwest::Url::parse(url) {
            return Err(Invalid::new(format!("{at}proxy_url"), format!("{url:?} is not a URL: {e}")));
        }
    } else if no_proxy.is_some() {
        return Err(Invalid::new(format!("{at}no_proxy"), "needs proxy_url beside it"));
    }
    Ok(())
}
