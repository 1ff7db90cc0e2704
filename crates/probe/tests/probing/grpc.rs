//! The health service of gRPC.

use crate::servers::{EXPIRY, probe, serve, tls, why};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use probe::grpc_wire;
use tokio::io::{AsyncRead, AsyncWrite};

type Answer = http_body_util::combinators::BoxBody<Bytes, hyper::Error>;

/// The health of services by name.
async fn check(request: Request<Incoming>) -> Result<Response<Answer>, hyper::Error> {
    let token = request.headers().get("authorization").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
    let asked = request.into_body().collect().await?.to_bytes();
    let is = |name: &str| asked[..] == grpc_wire::request(name)[..];
    let (status, code) = match () {
        () if is("") => (1, "0"),
        () if is("ill") => (2, "0"),
        () if is("closed") && token != "Bearer t" => (0, "16"),
        () if is("closed") => (1, "0"),
        () => (0, "5"),
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(code));
    trailers.insert("grpc-message", HeaderValue::from_static("said so"));
    let head = Response::builder().header("content-type", "application/grpc");
    if code != "0" {
        let mut response = head.body(Full::new(Bytes::new()).map_err(|e| match e {}).boxed()).unwrap();
        response.headers_mut().extend(trailers);
        return Ok(response);
    }
    let frames =
        [Ok(Frame::data(Bytes::from(vec![0, 0, 0, 0, 2, 8, status]))), Ok(Frame::trailers(trailers))];
    Ok(head.body(BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)))).unwrap())
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) {
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(check)).await;
}

#[tokio::test]
async fn services_say_how_they_are() {
    let address = serve(answer).await;
    for (grpc, failure, code, serving) in [
        ("", "", 0.0, Some("SERVING")),
        ("service: ill", "the service is NOT_SERVING", 0.0, Some("NOT_SERVING")),
        ("service: none", "the call ended with status 5: said so", 5.0, None),
        ("service: closed", "the call ended with status 16: said so", 16.0, None),
        ("service: closed, metadata: {Authorization: ['Bearer t']}", "", 0.0, Some("SERVING")),
    ] {
        let o =
            probe(&format!("modules: {{m: {{prober: grpc, grpc: {{{grpc}}}}}}}"), &address.to_string()).await;
        assert_eq!(why(&o), failure, "{grpc}");
        assert_eq!(o.metrics.value("probe_grpc_status_code"), Some(code), "{grpc}");
        for status in ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] {
            let is = o.metrics.labelled("probe_grpc_healthcheck_response", "serving_status", status);
            assert_eq!(is, Some(f64::from(u8::from(serving == Some(status)))), "{grpc} {status}");
        }
        assert_eq!(o.metrics.value("probe_grpc_ssl"), Some(0.0));
    }
}

#[tokio::test]
async fn health_is_asked_for_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let acceptor = tls(dir.path(), &["h2"]);
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream).await;
            }
        }
    })
    .await;
    let ca = dir.path().join("ca.pem").display().to_string();
    let config = format!(
        "modules: {{m: {{prober: grpc, grpc: {{tls: true, preferred_ip_protocol: ip4, tls_config: {{ca_file: {ca}}}}}}}}}"
    );
    let o = probe(&config, &format!("localhost:{}", address.port())).await;
    assert_eq!((why(&o), o.metrics.value("probe_grpc_ssl")), ("", Some(1.0)));
    assert_eq!(o.metrics.value("probe_ssl_earliest_cert_expiry"), Some(EXPIRY));
}

#[tokio::test]
async fn what_is_no_grpc_is_told() {
    let address = serve(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let o = probe("modules: {m: {prober: grpc}}", &address.to_string()).await;
    assert!(why(&o).starts_with("asking 127.0.0.1:"), "{}", why(&o));
    assert_eq!(o.metrics.value("probe_grpc_status_code"), Some(14.0));
}
