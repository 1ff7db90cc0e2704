//! How a section of the configuration is declared.

use serde::{Deserialize, Deserializer};

/// A key without a value (`relabel_configs:` and nothing after it) means the same as no key.
pub(crate) fn or_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// Whether a value need not be written out.
pub(crate) fn is_default<T: Default + PartialEq>(v: &T) -> bool {
    *v == T::default()
}

/// Declares a section: every key optional, unknown keys refused, and only what was set written back.
///
/// With `+ http` the section also has the keys of an HTTP client, side by side with its own as in
/// Prometheus, and a function `http` that gathers them. (`#[serde(flatten)]` would do this too, but loses
/// the positions of errors and cannot refuse unknown keys.)
macro_rules! section {
    (
        $(#[$attr:meta])*
        pub struct $name:ident { $( $(#[$field_attr:meta])* pub $field:ident: $type:ty, )* }
    ) => {
        $(#[$attr])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(
                $(#[$field_attr])*
                #[serde(
                    deserialize_with = "crate::config::section::or_default",
                    skip_serializing_if = "crate::config::section::is_default"
                )]
                pub $field: $type,
            )*
        }
    };
    (
        $(#[$attr:meta])*
        pub struct $name:ident + http { $( $(#[$field_attr:meta])* pub $field:ident: $type:ty, )* }
    ) => {
        section! {
            $(#[$attr])*
            pub struct $name {
                $( $(#[$field_attr])* pub $field: $type, )*
                /// User name and password.
                pub basic_auth: Option<crate::config::BasicAuth>,
                /// An `Authorization` header.
                pub authorization: Option<crate::config::Authorization>,
                /// A token by OAuth 2.0 client credentials.
                pub oauth2: Option<crate::config::OAuth2>,
                /// The older way to write `authorization.credentials`.
                pub bearer_token: Option<crate::config::Secret>,
                /// The older way to write `authorization.credentials_file`.
                pub bearer_token_file: Option<std::path::PathBuf>,
                /// TLS towards the server.
                pub tls_config: Option<crate::config::TlsConfig>,
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
                pub proxy_connect_header: std::collections::BTreeMap<String, Vec<crate::config::Secret>>,
                /// Headers sent with each request.
                pub http_headers: std::collections::BTreeMap<String, crate::config::HeaderValues>,
            }
        }
        impl $name {
            /// The keys of the HTTP client.
            pub fn http(&self) -> crate::config::HttpClientConfig {
                crate::config::HttpClientConfig {
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
        }
    };
}
pub(crate) use section;
