//! What pages of other sites may do: read, as Prometheus lets them; never change anything.

use super::error::{ApiError, ErrorKind};
use axum::http::{HeaderMap, HeaderValue, header};

/// Which origins may read answers.
#[derive(Debug, Clone)]
pub struct Origins {
    pattern: regex::Regex,
    any: bool,
}

impl Origins {
    /// Origins that match a regular expression as a whole.
    pub fn new(pattern: &str) -> Result<Origins, regex::Error> {
        Ok(Origins { pattern: regex::Regex::new(&format!("^(?:{pattern})$"))?, any: pattern == ".*" })
    }

    /// Adds what a browser asks before it shows an answer to a page of another site.
    pub fn allow(&self, request: &HeaderMap, response: &mut HeaderMap) {
        let Some(origin) = request.get(header::ORIGIN) else { return };
        let fixed = [
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        ];
        for (name, value) in fixed {
            response.insert(name, HeaderValue::from_static(value));
        }
        response.append(header::VARY, HeaderValue::from_static("Origin"));
        if self.any {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else if origin.to_str().is_ok_and(|o| self.pattern.is_match(o)) {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}

/// Refuses a change that a page of another site asks for. A browser sends such a request without asking first,
/// with the reach of whoever sits before it; programs send no `Origin`.
pub fn refuse_foreign_page(headers: &HeaderMap) -> Result<(), ApiError> {
    let foreign_site = headers.get("sec-fetch-site").is_some_and(|v| v == "cross-site");
    let origin = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok());
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("");
    let foreign_origin = origin.is_some_and(|o| o.split_once("://").map_or(o, |(_, h)| h) != host);
    if foreign_site || foreign_origin {
        return Err(ApiError::new(
            ErrorKind::Forbidden,
            format!(
                "a page of {} may not change this server; ask from the server's own address, or without a browser",
                origin.unwrap_or("another site")
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (n.parse::<header::HeaderName>().unwrap(), HeaderValue::from_static(v)))
            .collect()
    }

    #[test]
    fn pages_of_other_sites_may_not_change_anything() {
        for (pairs, allowed) in [
            (vec![], true),
            (vec![("host", "127.0.0.1:7766"), ("origin", "http://127.0.0.1:7766")], true),
            (vec![("host", "127.0.0.1:7766"), ("origin", "https://evil.example")], false),
            (vec![("host", "h"), ("origin", "null")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-origin")], true),
        ] {
            assert_eq!(refuse_foreign_page(&headers(&pairs)).is_ok(), allowed, "{pairs:?}");
        }
    }

    #[test]
    fn allowed_origins_are_named() {
        let allow = |pattern: &str| {
            let mut out = HeaderMap::new();
            Origins::new(pattern).unwrap().allow(&headers(&[("origin", "https://a.example")]), &mut out);
            out.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|v| v.to_str().unwrap().to_owned())
        };
        assert_eq!(allow(".*").as_deref(), Some("*"));
        assert_eq!(allow("https://a.example").as_deref(), Some("https://a.example"));
        assert_eq!(allow("https://b.example"), None);
    }
}
