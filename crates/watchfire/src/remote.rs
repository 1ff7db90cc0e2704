//! A server somewhere, asked over HTTP.

use crate::exit::{Exit, unable};
use reqwest::Url;

/// Answers larger than this are not read.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// A server by its URL.
pub struct Remote {
    base: Url,
    client: reqwest::Client,
}

impl Remote {
    /// The server at a URL; a path in it is kept.
    pub fn new(url: &str) -> Result<Remote, Exit> {
        let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let base = Url::parse(&with_scheme).map_err(|e| unable(format!("{url:?} is not a URL: {e}")))?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| unable(format!("cannot set up HTTP: {e}")))?;
        Ok(Remote { base, client })
    }

    /// The URL of an endpoint.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Posts a form and gives the answer's body, whatever its status: an API error is JSON too.
    pub async fn form(&self, path: &str, params: &[(&str, String)]) -> Result<Vec<u8>, Exit> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let request = self
            .client
            .post(self.url(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        Ok(self.send(request).await?.1)
    }

    /// Gets an endpoint's status and body.
    pub async fn get(&self, path: &str) -> Result<(u16, Vec<u8>), Exit> {
        self.send(self.client.get(self.url(path))).await
    }

    /// Gets a URL made from [`Remote::url`].
    pub async fn get_url(&self, url: Url) -> Result<(u16, Vec<u8>), Exit> {
        self.send(self.client.get(url)).await
    }

    /// The same, as a tenant.
    pub async fn get_as(&self, url: Url, tenant: Option<&str>) -> Result<(u16, Vec<u8>), Exit> {
        let request = self.client.get(url);
        self.send(match tenant {
            Some(tenant) => request.header("x-scope-orgid", tenant),
            None => request,
        })
        .await
    }

    /// Deletes what is at an endpoint and gives status and body.
    pub async fn delete(&self, path: &str) -> Result<(u16, Vec<u8>), Exit> {
        self.send(self.client.delete(self.url(path))).await
    }

    /// Posts bytes and gives status and body.
    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), Exit> {
        let mut request = self.client.post(self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    /// Posts bytes with a query, and gives status and body.
    pub async fn post_with(&self, path: &str, query: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), Exit> {
        let mut url = self.url(path);
        url.set_query((!query.is_empty()).then_some(query));
        self.send(self.client.post(url).body(body)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), Exit> {
        let mut response = request.send().await.map_err(|e| {
            let reason = if e.is_connect() { "no server answers there".to_owned() } else { root_cause(&e) };
            unable(format!("cannot reach {}: {reason} (another server: --url)", self.base))
        })?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(piece) =
            response.chunk().await.map_err(|e| unable(format!("the answer broke off: {}", root_cause(&e))))?
        {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(unable(format!("the answer is larger than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok((status, body))
    }
}

fn root_cause(e: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = e;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
