//! Requests to receivers.

use super::send::judged;
use alerting::config::{HttpConfig, TlsConfig};
use alerting::message::{HttpRequest, Verdict};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, redirect, tls};
use std::path::Path;
use std::time::Duration;

/// Bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: usize = 64 << 10;
const USER_AGENT: &str = concat!("Watchfire/", env!("CARGO_PKG_VERSION"));

/// Clients by their settings; there are as many as there are different settings.
#[derive(Default)]
pub(super) struct Clients(Mutex<Vec<(Option<HttpConfig>, Client)>>);

impl Clients {
    /// Forgets all, so that certificates are read again.
    pub fn forget(&self) {
        self.0.lock().clear();
    }

    fn get(&self, config: &Option<HttpConfig>) -> Result<Client, String> {
        let mut all = self.0.lock();
        if let Some((_, client)) = all.iter().find(|(c, _)| c == config) {
            return Ok(client.clone());
        }
        let client = build(config.as_ref())?;
        all.push((config.clone(), client.clone()));
        Ok(client)
    }
}

fn build(config: Option<&HttpConfig>) -> Result<Client, String> {
    let default = HttpConfig::default();
    let c = config.unwrap_or(&default);
    let mut b = Client::builder().user_agent(USER_AGENT).redirect(match c.follow_redirects.unwrap_or(true) {
        true => redirect::Policy::limited(10),
        false => redirect::Policy::none(),
    });
    if c.oauth2.is_some() {
        return Err("http_config.oauth2 is not supported for receivers: use authorization".to_owned());
    }
    if !c.enable_http2.unwrap_or(true) {
        b = b.http1_only();
    }
    if let Some(url) = &c.proxy_url {
        let proxy = reqwest::Proxy::all(url).map_err(|e| format!("proxy_url: {e}"))?;
        b = b.proxy(proxy.no_proxy(c.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string)));
    } else if !c.proxy_from_environment {
        b = b.no_proxy();
    }
    if let Some(t) = &c.tls_config {
        b = with_tls(b, t)?;
    }
    b.build().map_err(|e| describe(&e))
}

fn pem(text: Option<&str>, file: Option<&Path>) -> Result<Option<Vec<u8>>, String> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(file)) => std::fs::read(file)
            .map(Some)
            .map_err(|e| format!("tls_config: cannot read {}: {e}", file.display())),
        (None, None) => Ok(None),
    }
}

fn with_tls(mut b: ClientBuilder, t: &TlsConfig) -> Result<ClientBuilder, String> {
    if t.server_name.is_some() {
        return Err(
            "tls_config.server_name is not supported for receivers: use the name in the URL".to_owned()
        );
    }
    if t.insecure_skip_verify {
        b = b.tls_danger_accept_invalid_certs(true);
    }
    if let Some(ca) = pem(t.ca.as_deref(), t.ca_file.as_deref())? {
        let certificates = reqwest::Certificate::from_pem_bundle(&ca)
            .map_err(|e| format!("tls_config.ca: {}", describe(&e)))?;
        b = b.tls_certs_only(certificates);
    }
    let key = pem(t.key.as_ref().map(|k| k.expose()), t.key_file.as_deref())?;
    if let (Some(cert), Some(key)) = (pem(t.cert.as_deref(), t.cert_file.as_deref())?, key) {
        let both = [cert, b"\n".to_vec(), key].concat();
        b = b.identity(
            reqwest::Identity::from_pem(&both).map_err(|e| format!("tls_config.cert: {}", describe(&e)))?,
        );
    }
    if t.min_version.as_deref() == Some("TLS13") {
        b = b.tls_version_min(tls::Version::TLS_1_3);
    }
    if t.max_version.as_deref() == Some("TLS12") {
        b = b.tls_version_max(tls::Version::TLS_1_2);
    }
    Ok(b)
}

/// The whole chain of reasons, without the URL: it may hold secrets.
fn describe(e: &reqwest::Error) -> String {
    let mut out = String::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(e);
    while let Some(e) = next {
        if !out.is_empty() {
            out.push_str(": ");
        }
        out.push_str(&e.to_string());
        next = e.source();
    }
    match out.is_empty() {
        true if e.is_timeout() => "timed out".to_owned(),
        true if e.is_builder() => "the URL or a header is not valid".to_owned(),
        true => "the request failed".to_owned(),
        false => out,
    }
}

fn secret(own: Option<&str>, file: Option<&Path>) -> Result<String, String> {
    match (own, file) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, Some(path)) => std::fs::read_to_string(path)
            .map(|t| t.trim().to_owned())
            .map_err(|e| format!("cannot read {}: {e}", path.display())),
        (None, None) => Ok(String::new()),
    }
}

fn headers(request: &HttpRequest) -> Result<(HeaderMap, Option<(String, String)>), String> {
    let mut out = HeaderMap::new();
    let mut add = |name: &str, value: &str| -> Result<(), String> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| format!("header {name:?}: {e}"))?;
        let value =
            HeaderValue::from_str(value.trim()).map_err(|_| format!("header {name}: not a valid value"))?;
        out.append(name, value);
        Ok(())
    };
    for (name, value) in &request.headers {
        add(name, value)?;
    }
    let Some(c) = &request.http else { return Ok((out, None)) };
    for (name, values) in &c.http_headers {
        for value in &values.values {
            add(name, value)?;
        }
        for value in &values.secrets {
            add(name, value.expose())?;
        }
        for file in &values.files {
            add(name, &secret(None, Some(file))?)?;
        }
    }
    let mut basic = None;
    if let Some(a) = &c.authorization {
        let kind = a.kind.as_deref().unwrap_or("Bearer");
        let credentials = secret(a.credentials.as_ref().map(|s| s.expose()), a.credentials_file.as_deref())?;
        add(AUTHORIZATION.as_str(), &format!("{kind} {credentials}"))?;
    } else if c.bearer_token.is_some() || c.bearer_token_file.is_some() {
        let token = secret(c.bearer_token.as_ref().map(|s| s.expose()), c.bearer_token_file.as_deref())?;
        add(AUTHORIZATION.as_str(), &format!("Bearer {token}"))?;
    } else if let Some(b) = &c.basic_auth {
        let user = secret(b.username.as_deref(), b.username_file.as_deref())?;
        basic = Some((user, secret(b.password.as_ref().map(|s| s.expose()), b.password_file.as_deref())?));
    }
    Ok((out, basic))
}

/// Sends a request and judges the answer.
pub(super) async fn send(clients: &Clients, kind: &str, request: &HttpRequest, attempt: Duration) -> Verdict {
    let client = match clients.get(&request.http) {
        Ok(client) => client,
        Err(reason) => return Verdict::Refused(reason),
    };
    let timeout = request.timeout_ms.map_or(attempt, |ms| Duration::from_millis(ms.unsigned_abs()));
    let mut url = request.url.clone();
    if let Some(token) = &request.token {
        let found = match exchange(client.get(&token.url).timeout(timeout)).await {
            Ok((_, body)) => serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default(),
            Err(Verdict::Unknown(reason) | Verdict::Retry(reason)) => return Verdict::Retry(reason),
            Err(verdict) => return verdict,
        };
        let Some(value) = found.get(token.field).and_then(serde_json::Value::as_str) else {
            return Verdict::Retry(format!(
                "no {} was given: {}",
                token.field,
                found.get("errmsg").unwrap_or(&found)
            ));
        };
        let joint = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{joint}{}={value}", token.field);
    }
    let (headers, basic) = match headers(request) {
        Ok(headers) => headers,
        Err(reason) => return Verdict::Refused(reason),
    };
    let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap_or(reqwest::Method::POST);
    let mut r = client.request(method, &url).headers(headers).body(request.body.clone()).timeout(timeout);
    if let Some((user, password)) = basic {
        r = r.basic_auth(user, Some(password));
    }
    match exchange(r).await {
        Ok((status, body)) => judged(kind, status, &body),
        Err(lost) => lost,
    }
}

/// The status and the beginning of the body.
async fn exchange(request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), Verdict> {
    let lost = |e: reqwest::Error| match e.is_connect() || e.is_builder() {
        true => Verdict::Retry(describe(&e)),
        // It was sent, perhaps in part.
        false => Verdict::Unknown(describe(&e)),
    };
    let response = request.send().await.map_err(lost)?;
    let status = response.status().as_u16();
    let mut body = reqwest::Body::from(response);
    let mut out = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            out.extend_from_slice(&data[..data.len().min(ANSWER_BYTES_MAX - out.len())]);
        }
        if out.len() >= ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok((status, out))
}
