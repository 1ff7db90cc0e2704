//! The web console, packed into the binary when it was built.

use crate::api::no_such_endpoint;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;

/// A file of the console.
pub struct Asset {
    path: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Pages load nothing from elsewhere and run no script but our own files. Styles may be inline: the component
/// library sets them on elements.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Watchfire</title>\
<h1>Watchfire</h1><p>The server runs, but its console was not built into this binary. Build it with \
<code>npm --prefix console ci &amp;&amp; npm --prefix console run build</code>, then build the binary again, \
or use <code>make run</code>, which does both.</p><p>The HTTP API is there all the same: \
<a href=\"/api/v1/status/buildinfo\">/api/v1/status/buildinfo</a>, <a href=\"/metrics\">/metrics</a>.</p>";

/// Everything that is not an endpoint: a file of the console, or its page, which finds its way by the path.
pub async fn serve(request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    // Paths of Elasticsearch begin with an underscore; a page would only confuse its clients.
    if path.starts_with("/api/")
        || path.starts_with("/_")
        || path.starts_with("/loki/")
        || path.starts_with("/-/")
        || path.starts_with("/metrics/")
    {
        return no_such_endpoint(path).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return no_such_endpoint(path).with_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
    }
    answer(ASSETS, path.trim_start_matches('/'), request.headers())
}

fn answer(assets: &'static [Asset], name: &str, headers: &HeaderMap) -> Response<Body> {
    let find = |name: &str| assets.iter().find(|a| a.path == name);
    let asset = match find(name) {
        Some(asset) => asset,
        // A missing file must not turn into a page: a script that is HTML only confuses.
        None if name.rsplit('/').next().is_some_and(|last| last.contains('.')) => {
            return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
        }
        None => match find("index.html") {
            Some(index) => index,
            None => return secured(page(NOT_BUILT.as_bytes(), "text/html; charset=utf-8")),
        },
    };
    let fresh = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(',').any(|e| e.trim().trim_start_matches("W/") == asset.etag));
    let mut response = if fresh { StatusCode::NOT_MODIFIED.into_response() } else { body(asset, headers) };
    let cache =
        if asset.path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let out = response.headers_mut();
    out.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    secured(response)
}

fn body(asset: &Asset, headers: &HeaderMap) -> Response<Body> {
    let gzip_ok = headers.get_all(header::ACCEPT_ENCODING).iter().any(|v| {
        v.to_str().is_ok_and(|v| v.split(',').any(|e| e.trim().starts_with("gzip") && !e.contains("q=0")))
    });
    match asset.gzip {
        Some(packed) if gzip_ok => {
            let mut response = page(packed, media_type(asset.path));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        _ => page(asset.plain, media_type(asset.path)),
    }
}

fn page(bytes: &'static [u8], media_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(bytes)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn secured(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SAMPLE: &[Asset] = &[
        Asset { path: "assets/a-1.js", etag: "\"1\"", plain: b"plain", gzip: Some(b"packed") },
        Asset { path: "index.html", etag: "\"2\"", plain: b"<p>", gzip: None },
    ];

    fn get(name: &str, headers: &[(header::HeaderName, &'static str)]) -> Response<Body> {
        let headers = headers.iter().map(|(n, v)| (n.clone(), HeaderValue::from_static(v))).collect();
        answer(SAMPLE, name, &headers)
    }

    #[test]
    fn hashed_files_are_kept_for_ever_and_packed() {
        let r = get("assets/a-1.js", &[(header::ACCEPT_ENCODING, "gzip, br")]);
        assert_eq!(r.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(r.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(r.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(!get("assets/a-1.js", &[]).headers().contains_key(header::CONTENT_ENCODING));
    }

    #[test]
    fn every_page_is_the_index_and_is_asked_for_again() {
        for name in ["", "explore", "status/storage"] {
            let r = get(name, &[]);
            assert_eq!(r.headers()[header::CACHE_CONTROL], "no-cache");
            assert_eq!(r.headers()[header::ETAG], "\"2\"");
            assert!(r.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        }
        assert_eq!(get("", &[(header::IF_NONE_MATCH, "\"2\"")]).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_missing_file_is_not_a_page() {
        assert_eq!(get("assets/gone.js", &[]).status(), StatusCode::NOT_FOUND);
        let r = answer(&[], "", &HeaderMap::new());
        assert_eq!(r.status(), StatusCode::OK);
    }
}
