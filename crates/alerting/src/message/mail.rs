//! Mail.

use super::{Made, Maker};
use crate::config::{EmailConfig, TlsConfig};
use std::collections::BTreeMap;

/// A mail and the server that takes it.
#[derive(Clone, PartialEq)]
pub struct Mail {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How we call ourselves.
    pub hello: String,
    /// The user, if there is one.
    pub username: Option<String>,
    /// The password.
    pub password: String,
    /// Whether the connection must be encrypted.
    pub require_tls: bool,
    /// Whether the connection is encrypted from its first byte.
    pub implicit_tls: bool,
    /// TLS towards the server.
    pub tls: Option<TlsConfig>,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// The text part, if there is one.
    pub text: String,
    /// The HTML part, if there is one.
    pub html: String,
    /// Names the group, so that mails about it form a thread.
    pub thread: String,
    /// When it was decided, Unix milliseconds.
    pub at_ms: i64,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// The port on which the connection is encrypted from its first byte.
const IMPLICIT_TLS_PORT: u16 = 465;

pub(super) fn mail(m: &Maker<'_>, c: &EmailConfig) -> Made<Mail> {
    // The address was checked with the configuration.
    let (host, port) = c.smarthost.as_deref().unwrap_or("").rsplit_once(':').unwrap_or(("", "25"));
    let port = port.parse().unwrap_or(25);
    let mut headers = BTreeMap::new();
    for (name, text) in &c.headers {
        headers.insert(name.clone(), m.text(text)?);
    }
    let has = |name: &str| c.headers.keys().any(|n| n.eq_ignore_ascii_case(name));
    if !has("subject") {
        headers.insert("Subject".to_owned(), m.text(r#"{{ template "email.default.subject" . }}"#)?);
    }
    let to = m.text(&c.to)?;
    Ok(Mail {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        hello: c.hello.clone().unwrap_or_else(|| "localhost".to_owned()),
        username: c.auth_username.clone().filter(|u| !u.is_empty()),
        password: m.secret(&c.auth_password, &c.auth_password_file)?,
        require_tls: c.require_tls.unwrap_or(true),
        implicit_tls: c.force_implicit_tls.unwrap_or(port == IMPLICIT_TLS_PORT),
        tls: c.tls_config.clone(),
        from: m.or(&c.from, "")?,
        to: to.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect(),
        headers,
        text: m.or(&c.text, "")?,
        html: m.html(c.html.as_deref().unwrap_or(r#"{{ template "email.default.html" . }}"#))?,
        thread: m.group_hash(),
        at_ms: m.delivery.decided_ms,
    })
}
