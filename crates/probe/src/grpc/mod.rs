//! The health service of gRPC, <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>.

pub mod wire;

use crate::config::GrpcProbe;
use crate::dialogue::{Connection, Driver};
use crate::resolve::{Preference, resolve};
use crate::tcp::connect;
use crate::tls::Tls;
use crate::trial::{Failure, Trial};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::time::Instant;
use url::Url;
use wire::ServingStatus;

const DURATION: &str = "probe_grpc_duration_seconds";
const METHOD: &str = "/grpc.health.v1.Health/Check";
/// Most bytes of an answer: a status is two.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The status of a call that could not be made.
const UNAVAILABLE: u32 = 14;

/// Probes `host:port`.
pub(crate) async fn probe(target: &str, config: &GrpcProbe, trial: &mut Trial) -> Result<(), Failure> {
    trial.phase(DURATION, "resolve", 0.0);
    trial.set("probe_grpc_ssl", 0.0);
    trial.set("probe_grpc_status_code", 0.0);
    let with_scheme = if target.contains("://") { target.to_owned() } else { format!("http://{target}") };
    let url = Url::parse(&with_scheme).map_err(|e| format!("the target {target:?} is not host:port: {e}"))?;
    let host = url.host_str().ok_or_else(|| format!("the target {target:?} names no host"))?;
    let port = url.port().unwrap_or(if config.tls { 443 } else { 80 });
    let preference = Preference {
        preferred: config.preferred_ip_protocol,
        fallback: config.ip_protocol_fallback.unwrap_or(true),
    };
    let (ip, took) = resolve(host, preference, trial).await?;
    trial.phase(DURATION, "resolve", took);
    let begun = Instant::now();
    let asked = ask(SocketAddr::new(ip, port), host, config, trial).await;
    trial.phase(DURATION, "check", begun.elapsed().as_secs_f64());
    let (code, message, status) = match asked {
        Ok(answer) => answer,
        Err(failure) => {
            note(trial, UNAVAILABLE, None);
            return Err(failure);
        }
    };
    note(trial, code, status);
    match (code, status) {
        (0, Some(ServingStatus::Serving)) => Ok(()),
        (0, Some(status)) => Err(format!("the service is {}", status.name()).into()),
        (0, None) => Err("the answer holds no status".into()),
        (code, _) => Err(format!("the call ended with status {code}: {message}").into()),
    }
}

fn note(trial: &mut Trial, code: u32, status: Option<ServingStatus>) {
    trial.set("probe_grpc_status_code", f64::from(code));
    for one in ServingStatus::ALL {
        let is = f64::from(u8::from(status == Some(one)));
        trial.metrics.set("probe_grpc_healthcheck_response", &[("serving_status", one.name())], is);
    }
}

type Answer = (u32, String, Option<ServingStatus>);

async fn ask(to: SocketAddr, host: &str, config: &GrpcProbe, trial: &mut Trial) -> Result<Answer, Failure> {
    let stream = connect(to, None).await?;
    let mut stream: Box<dyn Connection> = Box::new(stream);
    if config.tls {
        let tls = Tls::new(config.tls_config.as_ref())?;
        let (encrypted, handshake) = tls.connect(stream, host, &["h2"]).await?;
        trial.set("probe_grpc_ssl", 1.0);
        handshake.note(trial, false, false);
        stream = Box::new(encrypted);
    }
    let wrong = |e: hyper::Error| Failure(format!("asking {to}: {e}"));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(wrong)?;
    // What goes wrong with it reaches whoever waits for the answer.
    let _driver = Driver::start(async move {
        let _ = connection.await;
    });
    call(&mut sender, host, to.port(), config).await
}

async fn call(
    sender: &mut hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    host: &str,
    port: u16,
    config: &GrpcProbe,
) -> Result<Answer, Failure> {
    let scheme = if config.tls { "https" } else { "http" };
    let uri: Uri = format!("{scheme}://{host}:{port}{METHOD}")
        .parse()
        .map_err(|e| format!("{host}:{port} cannot be asked: {e}"))?;
    let body = Full::new(Bytes::from(wire::request(&config.service)));
    let mut request = Request::post(uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", crate::http::USER_AGENT)
        .body(body)
        .map_err(|e| format!("the request cannot be made: {e}"))?;
    for (name, values) in &config.metadata {
        let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes())
            .map_err(|_| format!("metadata.{name}: not a valid name"))?;
        for value in values {
            let value =
                HeaderValue::from_str(value).map_err(|_| format!("metadata.{name}: not a valid value"))?;
            request.headers_mut().append(name.clone(), value);
        }
    }
    let response = sender.send_request(request).await.map_err(|e| format!("asking {host}:{port}: {e}"))?;
    let (parts, mut body) = response.into_parts();
    if parts.status != 200 {
        return Err(format!("the answer has status {} of HTTP", parts.status).into());
    }
    let (mut data, mut trailers) = (Vec::new(), parts.headers);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| format!("the answer broke off: {e}"))?;
        match frame.into_data() {
            Ok(piece) if data.len() + piece.len() > ANSWER_BYTES_MAX => {
                return Err(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes").into());
            }
            Ok(piece) => data.extend_from_slice(&piece),
            Err(frame) => {
                if let Ok(more) = frame.into_trailers() {
                    trailers.extend(more);
                }
            }
        }
    }
    let text = |trailers: &HeaderMap, name: &str| {
        trailers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned()
    };
    let code = text(&trailers, "grpc-status")
        .parse()
        .map_err(|_| Failure::from("the answer has no grpc-status: it is not gRPC's"))?;
    Ok((code, text(&trailers, "grpc-message"), wire::response(&data)))
}
