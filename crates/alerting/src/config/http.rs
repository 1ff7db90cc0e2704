//! How requests to receivers are made.

use super::Secret;
use serde::Deserialize;
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
        /// The name the server's certificate must hold.
        pub server_name: Option<String>,
        /// Whether the server's certificate is taken unchecked.
        pub insecure_skip_verify: bool,
        /// The oldest protocol version: `TLS10` to `TLS13`. Nothing older than 1.2 is ever spoken.
        pub min_version: Option<String>,
        /// The newest protocol version: `TLS12` or `TLS13`.
        pub max_version: Option<String>,
    }
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

section! {
    /// A token by OAuth 2.0 client credentials.
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
        /// Hosts reached without the proxy.
        pub no_proxy: Option<String>,
        /// Whether the proxy comes from the environment.
        pub proxy_from_environment: bool,
    }
}

section! {
    /// How requests are made: credentials, TLS, proxies, headers.
    pub struct HttpConfig {
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
}

impl TlsConfig {
    pub(crate) fn resolve_paths(&mut self, dir: &Path) {
        for file in [&mut self.ca_file, &mut self.cert_file, &mut self.key_file] {
            absolute(file, dir);
        }
    }
}

/// Makes a relative file name relative to `dir`.
pub(crate) fn absolute(file: &mut Option<PathBuf>, dir: &Path) {
    if let Some(path) = file {
        *path = dir.join(&path);
    }
}

impl HttpConfig {
    pub(crate) fn resolve_paths(&mut self, dir: &Path) {
        absolute(&mut self.bearer_token_file, dir);
        if let Some(a) = &mut self.authorization {
            absolute(&mut a.credentials_file, dir);
        }
        if let Some(b) = &mut self.basic_auth {
            absolute(&mut b.username_file, dir);
            absolute(&mut b.password_file, dir);
        }
        if let Some(t) = &mut self.tls_config {
            t.resolve_paths(dir);
        }
        if let Some(o) = &mut self.oauth2 {
            absolute(&mut o.client_secret_file, dir);
            if let Some(t) = &mut o.tls_config {
                t.resolve_paths(dir);
            }
        }
        for values in self.http_headers.values_mut() {
            values.files.iter_mut().for_each(|f| *f = dir.join(&f));
        }
    }

    /// Checks what one field alone cannot show.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ways = [
            ("basic_auth", self.basic_auth.is_some()),
            ("authorization", self.authorization.is_some()),
            ("oauth2", self.oauth2.is_some()),
            ("bearer_token", self.bearer_token.is_some()),
            ("bearer_token_file", self.bearer_token_file.is_some()),
        ];
        let set: Vec<&str> = ways.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        match set.len() {
            0 | 1 => Ok(()),
            _ => Err(format!("only one kind of credentials may be given, but {} are", set.join(" and "))),
        }
    }
}
