//! Tokens by OAuth 2.0 client credentials (RFC 6749, section 4.4).

use super::{FetchError, basic_header, build, describe, read_body, read_secret};
use crate::config::{BasicAuth, OAuth2};
use reqwest::Client;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Fetches tokens and keeps the current one.
pub(super) struct TokenSource {
    config: OAuth2,
    client: Client,
    current: Mutex<Option<Token>>,
}

struct Token {
    header: String,
    /// When it should no longer be used; `None` is never.
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<f64>,
}

/// A token is replaced this long before it expires.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);
/// The largest answer of a token server.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// How long a token server may take.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

impl TokenSource {
    pub(super) fn new(config: &OAuth2, user_agent: &str) -> Result<TokenSource, String> {
        let client = build::client(&config.http(), user_agent, None).map_err(|e| format!("oauth2: {e}"))?;
        Ok(TokenSource { config: config.clone(), client, current: Mutex::new(None) })
    }

    /// The value of the `Authorization` header, from a new token if `fresh`.
    pub(super) async fn header(&self, fresh: bool) -> Result<String, FetchError> {
        let mut current = self.current.lock().await;
        let usable = |t: &&Token| !fresh && t.until.is_none_or(|until| Instant::now() < until);
        if let Some(token) = current.as_ref().filter(usable) {
            return Ok(token.header.clone());
        }
        let token = tokio::time::timeout(ANSWER_WAIT, self.fetch())
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_WAIT.as_secs())))
            .map_err(|e| FetchError::Request(format!("oauth2.token_url {}: {e}", self.config.token_url)))?;
        let header = token.header.clone();
        *current = Some(token);
        Ok(header)
    }

    async fn fetch(&self) -> Result<Token, String> {
        let c = &self.config;
        let secret = match &c.client_secret_file {
            Some(file) => read_secret(file, "oauth2.client_secret_file").await.map_err(|e| e.to_string())?,
            None => c.client_secret.as_ref().map_or(String::new(), |s| s.expose().to_owned()),
        };
        let mut form = reqwest::Url::parse("form:").map_err(|e| e.to_string())?;
        {
            let mut pairs = form.query_pairs_mut();
            pairs.append_pair("grant_type", "client_credentials");
            if !c.scopes.is_empty() {
                pairs.append_pair("scope", &c.scopes.join(" "));
            }
            pairs.extend_pairs(&c.endpoint_params);
        }
        let basic = BasicAuth {
            username: Some(escaped(&c.client_id)),
            password: Some(escaped(&secret).as_str().into()),
            ..BasicAuth::default()
        };
        let response = self
            .client
            .post(&c.token_url)
            .header(AUTHORIZATION, basic_header(&basic).await.map_err(|e| e.to_string())?)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form.query().unwrap_or("").to_owned())
            .send()
            .await
            .map_err(describe)?;
        let status = response.status();
        let mut body = Vec::new();
        read_body(response, ANSWER_BYTES_MAX, "the token answer", &mut body)
            .await
            .map_err(|e| e.to_string())?;
        if !status.is_success() {
            return Err(format!("HTTP status {status}"));
        }
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|e| format!("the answer is not a token: {e}"))?;
        Ok(Token::new(answer))
    }
}

impl Token {
    fn new(answer: TokenAnswer) -> Token {
        let kind = match answer.token_type.as_deref() {
            None | Some("") => "Bearer",
            Some(kind) if kind.eq_ignore_ascii_case("bearer") => "Bearer",
            Some(kind) => kind,
        };
        let lives = answer.expires_in.filter(|s| *s > 0.0 && *s < 1e9).map(Duration::from_secs_f64);
        Token {
            header: format!("{kind} {}", answer.access_token),
            until: lives.map(|l| Instant::now() + l.saturating_sub(EXPIRY_MARGIN)),
        }
    }
}

/// Client id and secret are form-encoded before they are joined (RFC 6749, section 2.3.1).
fn escaped(text: &str) -> String {
    let mut url = match reqwest::Url::parse("form:") {
        Ok(url) => url,
        Err(_) => return text.to_owned(),
    };
    url.query_pairs_mut().append_pair("", text);
    url.query().and_then(|q| q.strip_prefix('=')).unwrap_or(text).to_owned()
}
