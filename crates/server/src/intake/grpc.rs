//! gRPC: OTLP's and Jaeger's calls are unary, over HTTP/2, so the framing is written here instead of bringing in a framework
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).

use super::otlp::code;
use super::{metrics, receive};
use crate::http::error::ApiError;
use crate::state::App;
use crate::telemetry::Way;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ingest::compress::{Decompressor, Encoding};
use ingest::records::RecordWriter;
use ingest::{DecodeError, Limits, logs, traces};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const JAEGER: &str = "/jaeger.api_v2.CollectorService/PostSpans";
const GRPC: &str = "application/grpc";

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Messages in headers are percent-encoded, and what is not ASCII always is.
const IN_HEADER: &AsciiSet = &CONTROLS.add(b'%');

/// The codes of gRPC that are not those of errors over HTTP.
const OK: u64 = 0;
const UNIMPLEMENTED: u64 = 12;

/// The services.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route(LOGS, post(export_logs))
        .route(METRICS, post(export_metrics))
        .route(TRACES, post(export_traces))
        .route(JAEGER, post(post_spans))
        .fallback(unknown)
        .with_state(app)
}

/// A connection is asked whether it is alive after this long a silence.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Calls at the same time on one connection.
const STREAMS_MAX: u32 = 64;

/// Serves one connection.
pub async fn serve(stream: TcpStream, router: Router) {
    // Answers are small; waiting for more to send only adds delay.
    let _ = stream.set_nodelay(true);
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(64 << 10);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
    if let Err(e) = served {
        tracing::debug!(error = %e, "gRPC connection ended early");
    }
}

async fn unknown(request: Request<Body>) -> Response {
    let path = request.uri().path();
    failed(UNIMPLEMENTED, &format!("{path} is not served here; {LOGS}, {METRICS}, {TRACES} and {JAEGER} are"))
}

/// A decoder of messages.
type Decode = fn(&[u8], &mut RecordWriter) -> Result<(), DecodeError>;

async fn export_logs(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    call(&app, Way::Otlp, logs::otlp::protobuf, request).await
}

async fn export_traces(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    call(&app, Way::OtlpTraces, traces::otlp::protobuf, request).await
}

/// Jaeger's answer has no place for what was refused.
async fn post_spans(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    call(&app, Way::Jaeger, traces::jaeger::protobuf, request).await
}

async fn export_metrics(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let compression = match compression(&parts.headers) {
        Ok(compression) => compression,
        Err(refusal) => return failed(UNIMPLEMENTED, &refusal),
    };
    let limits = app.decoding();
    let open = move |body: &[u8], take: metrics::Take<'_>| message(body, compression, &limits, take);
    match metrics::receive(&app, &parts.headers, body, open, metrics::protobuf).await {
        Ok(partial) => answer(&partial.protobuf()),
        Err(e) => refused(&e),
    }
}

async fn call(app: &Arc<App>, way: Way, decode: Decode, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let compression = match compression(&parts.headers) {
        Ok(compression) => compression,
        Err(refusal) => return failed(UNIMPLEMENTED, &refusal),
    };
    let limits = app.decoding();
    let decode = move |body: &[u8], w: &mut RecordWriter| {
        message(body, compression, &limits, |message| decode(message, w))
    };
    match receive(app, way, &parts.headers, body, Encoding::Identity, decode).await {
        Ok(_) if way == Way::Jaeger => answer(&[]),
        Ok(((), stored)) => answer(&stored.partial(way).protobuf()),
        Err(e) => refused(&e),
    }
}

/// How the messages of a call are compressed, or why they cannot be read.
fn compression(headers: &HeaderMap) -> Result<Encoding, String> {
    match headers.get("grpc-encoding").map(|v| v.to_str().unwrap_or("?")) {
        None | Some("identity") => Ok(Encoding::Identity),
        Some("gzip") => Ok(Encoding::Gzip),
        Some("zstd") => Ok(Encoding::Zstd),
        Some("snappy") => Ok(Encoding::Snappy),
        Some("deflate") => Ok(Encoding::Zlib),
        Some(other) => Err(format!(
            "grpc-encoding {other:?} is not supported; accepted are gzip, zstd, snappy, deflate and identity"
        )),
    }
}

/// The one message of a call: a byte that says whether it is compressed, its length, and itself.
fn message<T>(
    body: &[u8],
    compression: Encoding,
    limits: &Limits,
    decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let wrong = |reason: String| DecodeError::Malformed { what: "gRPC call", at: 0, reason };
    let [flag, a, b, c, d, message @ ..] = body else {
        return Err(wrong("the head of the message is missing".to_owned()));
    };
    let length = u32::from_be_bytes([*a, *b, *c, *d]);
    if length as usize != message.len() {
        return Err(wrong(format!(
            "the message has {length} bytes by its head and {} in fact",
            message.len()
        )));
    }
    let encoding = if *flag == 0 { Encoding::Identity } else { compression };
    let mut decompressor = Decompressor::new();
    decode(decompressor.decompress(encoding, message, limits)?)
}

fn answer(message: &[u8]) -> Response {
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from(OK));
    let body =
        http_body_util::Full::new(Bytes::from(framed)).with_trailers(std::future::ready(Some(Ok(trailers))));
    respond(Body::new(body))
}

fn refused(e: &ApiError) -> Response {
    failed(code(e), &e.message)
}

/// An error: its status is in the head, as there is no message.
fn failed(code: u64, message: &str) -> Response {
    let mut response = respond(Body::empty());
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(code));
    let text = utf8_percent_encode(message, IN_HEADER).to_string();
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert(MESSAGE, text);
    }
    response
}

fn respond(body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(GRPC));
    response
}
