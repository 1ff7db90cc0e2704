//! One request and its answer, over a connection of its own.

use super::proxy::Proxy;
use super::{DURATION, Wanted};
use crate::dialogue::{Connection, Driver};
use crate::tcp::connect;
use crate::tls::{Handshake, Tls};
use crate::trial::{Failure, Trial};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::http::response::Parts;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::{IpAddr, SocketAddr};
use tokio::time::Instant;
use url::Url;

/// Where a request goes, and how.
pub(super) struct Route<'a> {
    pub url: &'a Url,
    /// The address of the URL's host, unless the proxy finds it.
    pub ip: Option<IpAddr>,
    pub proxy: Option<&'a Proxy>,
    pub tls: &'a Tls,
    /// The name that the certificate must hold.
    pub certificate_host: &'a str,
}

/// An answer whose body is still to be read.
pub(super) struct Answer {
    pub head: Parts,
    pub body: Incoming,
    pub tls: Option<Handshake>,
    /// Drives the connection.
    pub driver: Driver,
}

type Sent = (Response<Incoming>, Driver);

/// Sends a request and waits for the head of its answer.
pub(super) async fn send(
    route: Route<'_>,
    http2: bool,
    wanted: Wanted,
    trial: &mut Trial,
) -> Result<Answer, Failure> {
    let url = route.url;
    let encrypted = url.scheme() == "https";
    let port = url.port_or_known_default().unwrap_or(80);
    let begun = Instant::now();
    let mut stream: Box<dyn Connection> = match (route.proxy, route.ip) {
        (Some(proxy), ip) => {
            let stream = connect(proxy.address().await?, None).await?;
            trial.debug(format!("connected to the proxy {}", proxy.name()));
            let host = ip.map_or(url.host_str().unwrap_or("").to_owned(), |ip| match ip {
                IpAddr::V4(v4) => v4.to_string(),
                IpAddr::V6(v6) => format!("[{v6}]"),
            });
            match encrypted {
                true => Box::new(proxy.tunnel(stream, &format!("{host}:{port}")).await?),
                false => Box::new(stream),
            }
        }
        (None, Some(ip)) => {
            let to = SocketAddr::new(ip, port);
            let stream = connect(to, None).await?;
            trial.debug(format!("connected to {to}"));
            Box::new(stream)
        }
        (None, None) => return Err(format!("{url} has no address").into()),
    };
    trial.phase(DURATION, "connect", begun.elapsed().as_secs_f64());
    let mut tls = None;
    let mut speaks_http2 = false;
    if encrypted {
        let begun = Instant::now();
        let protocols: &[&str] = if http2 { &["h2", "http/1.1"] } else { &["http/1.1"] };
        let (over, handshake) = route.tls.connect(stream, route.certificate_host, protocols).await?;
        trial.phase(DURATION, "tls", begun.elapsed().as_secs_f64());
        speaks_http2 = over.get_ref().1.alpn_protocol() == Some(&b"h2"[..]);
        tls = Some(handshake);
        stream = Box::new(over);
    }
    trial.debug(format!("{} {url}", wanted.method));
    let through = route.proxy.filter(|_| !encrypted);
    let request = request(url, wanted, speaks_http2, through)?;
    let begun = Instant::now();
    let io = TokioIo::new(stream);
    let (response, driver) =
        if speaks_http2 { over_http2(io, request).await } else { over_http1(io, request).await }
            .map_err(|e| format!("asking {url}: {}", cause(&e)))?;
    trial.phase(DURATION, "processing", begun.elapsed().as_secs_f64());
    let (head, body) = response.into_parts();
    trial.debug(format!("{:?} {}", head.version, head.status));
    Ok(Answer { head, body, tls, driver })
}

/// What an error of hyper was caused by; its own words say little.
fn cause(e: &hyper::Error) -> String {
    let mut text = e.to_string();
    let mut next = std::error::Error::source(e);
    while let Some(inner) = next {
        text = format!("{text}: {inner}");
        next = inner.source();
    }
    text
}

fn request(
    url: &Url,
    wanted: Wanted,
    http2: bool,
    proxy: Option<&Proxy>,
) -> Result<Request<Full<Bytes>>, Failure> {
    let wrong = |e: String| Failure(format!("the request for {url} cannot be made: {e}"));
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = wanted.headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or("").to_owned();
    // In HTTP/2 the authority stands for the Host header; a proxy wants the whole URL.
    let uri = match http2 || proxy.is_some() {
        true => format!("{}://{host}{path}", url.scheme()),
        false => path,
    };
    let uri: Uri = uri.parse().map_err(|e| wrong(format!("{e}")))?;
    let has_body = !wanted.body.is_empty();
    let empty_post = !has_body && matches!(wanted.method, Method::POST | Method::PUT | Method::PATCH);
    let mut request = Request::new(Full::new(wanted.body));
    *request.method_mut() = wanted.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = wanted.headers;
    if http2 {
        request.headers_mut().remove(HOST);
    } else {
        request.headers_mut().insert("connection", hyper::header::HeaderValue::from_static("close"));
    }
    if empty_post {
        request.headers_mut().insert(CONTENT_LENGTH, 0.into());
    }
    if let Some(value) = proxy.and_then(Proxy::authorization) {
        request.headers_mut().insert("proxy-authorization", value);
    }
    Ok(request)
}

type Io = TokioIo<Box<dyn Connection>>;

async fn over_http1(io: Io, request: Request<Full<Bytes>>) -> Result<Sent, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .title_case_headers(true)
        .handshake::<_, Full<Bytes>>(io)
        .await?;
    // Its errors reach whoever reads the answer.
    let driver = Driver::start(async move {
        let _ = connection.await;
    });
    Ok((sender.send_request(request).await?, driver))
}

async fn over_http2(io: Io, request: Request<Full<Bytes>>) -> Result<Sent, hyper::Error> {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), io).await?;
    let driver = Driver::start(async move {
        let _ = connection.await;
    });
    Ok((sender.send_request(request).await?, driver))
}
