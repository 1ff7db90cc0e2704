//! Targets listed by a server.

use super::{Report, merged};
use crate::config::{HttpSource, TargetGroup};
use crate::http::{FetchError, HttpClient, read_body};
use model::Labels;
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// The largest list that is read.
const LIST_BYTES_MAX: u64 = 64 << 20;
const REFRESH_HEADER: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");

/// Fetches the list every refresh interval; a list that cannot be had leaves the last one standing.
pub(super) async fn poll(config: Box<HttpSource>, user_agent: String, report: Report) {
    let refresh = Duration::from(config.refresh);
    let mut client: Option<HttpClient> = None;
    let mut last: Option<Vec<Labels>> = None;
    loop {
        if client.as_ref().is_none_or(HttpClient::is_outdated) {
            client = match HttpClient::new(&config.http, &user_agent) {
                Ok(client) => Some(client),
                Err(e) => {
                    report.failed("http", &config.url, &e);
                    None
                }
            };
        }
        if let Some(client) = &client {
            let list = tokio::time::timeout(refresh, fetch(client, &config)).await;
            match list.unwrap_or_else(|_| {
                Err(format!("no answer within the refresh_interval of {}", config.refresh))
            }) {
                Ok(targets) if last.as_ref() == Some(&targets) => {}
                Ok(targets) => {
                    report.send(targets.clone()).await;
                    last = Some(targets);
                }
                Err(e) => report.failed("http", &config.url, &e),
            }
        }
        tokio::time::sleep(refresh).await;
    }
}

async fn fetch(client: &HttpClient, config: &HttpSource) -> Result<Vec<Labels>, String> {
    let url = Url::parse(&config.url).map_err(|e| e.to_string())?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let seconds = config.refresh.0.as_secs_f64().to_string();
    headers.insert(REFRESH_HEADER, HeaderValue::from_str(&seconds).map_err(|e| e.to_string())?);
    let text = |e: FetchError| e.to_string();
    let response = client.get(&url, headers).await.map_err(text)?;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    if !kind.to_ascii_lowercase().starts_with("application/json") {
        return Err(format!("the content type is {kind:?}, not \"application/json\""));
    }
    let mut body = Vec::new();
    read_body(response, LIST_BYTES_MAX, "the list", &mut body).await.map_err(text)?;
    parse(&config.url, &body)
}

fn parse(url: &str, body: &[u8]) -> Result<Vec<Labels>, String> {
    let text = std::str::from_utf8(body).map_err(|e| format!("the list is not UTF-8: {e}"))?;
    let groups = TargetGroup::list(text, true)?;
    Ok(groups.iter().flat_map(|g| merged(g, &[("__meta_url", url)])).collect())
}
