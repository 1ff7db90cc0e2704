//! Successful answers: JSON, compressed where that pays.

use super::json::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::io::Write;

/// What a client can decode, as its `Accept-Encoding` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// Answers below this size travel as they are: compressing them costs more time than sending them.
const COMPRESS_BYTES_MIN: usize = 8 << 10;
/// Higher levels gain a few per cent of size on JSON for a multiple of the time.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

impl Encoding {
    /// The encoding to answer with. zstd is preferred over gzip: it takes a third of the time.
    pub fn accepted(headers: &HeaderMap) -> Encoding {
        let mut best = Encoding::Identity;
        for value in headers.get_all(header::ACCEPT_ENCODING) {
            for item in value.to_str().unwrap_or("").split(',') {
                let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
                let refused = parameters
                    .trim()
                    .strip_prefix("q=")
                    .is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
                match name.trim().to_ascii_lowercase().as_str() {
                    "zstd" if !refused => return Encoding::Zstd,
                    "gzip" if !refused => best = Encoding::Gzip,
                    _ => {}
                }
            }
        }
        best
    }

    /// The name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
        }
    }

    fn encode(self, body: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Encoding::Identity => Ok(body.to_vec()),
            Encoding::Gzip => {
                let out = Vec::with_capacity(body.len() / 6);
                let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
                encoder.write_all(body)?;
                encoder.finish()
            }
            Encoding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        }
    }
}

/// An answer with a body of this type. Compresses on the calling thread: call it where work may block when the
/// body can be large.
pub fn respond(body: Vec<u8>, content_type: &'static str, encoding: Encoding) -> Response<Body> {
    respond_with(body, content_type, encoding, Body::from)
}

/// The same; `finish` is given what is sent.
pub fn respond_with(
    body: Vec<u8>,
    content_type: &'static str,
    encoding: Encoding,
    finish: impl FnOnce(Vec<u8>) -> Body,
) -> Response<Body> {
    let mut encoded = None;
    if encoding != Encoding::Identity && body.len() >= COMPRESS_BYTES_MIN {
        // An encoder that fails leaves the plain body, which every client takes.
        encoded = encoding.encode(&body).ok().filter(|e| e.len() < body.len());
    }
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if body.len() >= COMPRESS_BYTES_MIN {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if encoded.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    *response.body_mut() = finish(encoded.unwrap_or(body));
    response
}

/// Things to say beside a result.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// Likely wrong.
    pub warnings: Vec<String>,
    /// Good to know.
    pub infos: Vec<String>,
}

impl Notes {
    /// A note that a result was cut.
    pub fn truncated(&mut self) {
        self.warnings.push("results truncated due to limit".to_owned());
    }
}

/// `{"status":"success","data":…}` with what `data` writes.
pub fn success(notes: &Notes, data: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut j = Json::new();
    j.raw(r#"{"status":"success","data":"#);
    data(&mut j);
    if !notes.warnings.is_empty() {
        j.key("warnings").strings(&notes.warnings);
    }
    if !notes.infos.is_empty() {
        j.key("infos").strings(&notes.infos);
    }
    j.raw("}");
    j.into_bytes()
}

/// A small successful JSON answer.
pub fn json(data: impl FnOnce(&mut Json)) -> Response<Body> {
    respond(success(&Notes::default(), data), "application/json", Encoding::Identity)
}

/// A plain text with a status.
pub fn text(status: StatusCode, body: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(value: &str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
        Encoding::accepted(&headers)
    }

    #[test]
    fn the_client_chooses_the_encoding() {
        assert_eq!(accepted("gzip, deflate, br, zstd"), Encoding::Zstd);
        assert_eq!(accepted("gzip;q=0.8"), Encoding::Gzip);
        assert_eq!(accepted("gzip;q=0"), Encoding::Identity);
        assert_eq!(accepted("identity"), Encoding::Identity);
    }

    #[test]
    fn large_bodies_are_compressed_and_come_back() {
        let body = b"{\"a\":[1,2,3]}".repeat(4000);
        let gzip = Encoding::Gzip.encode(&body).unwrap();
        let mut back = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(&gzip[..]), &mut back).unwrap();
        assert_eq!(back, body);
        let small = respond(b"{}".to_vec(), "application/json", Encoding::Gzip);
        assert!(!small.headers().contains_key(header::CONTENT_ENCODING));
        let large = respond(body, "application/json", Encoding::Zstd);
        assert_eq!(large.headers()[header::CONTENT_ENCODING], "zstd");
    }
}
