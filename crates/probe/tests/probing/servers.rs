//! Servers that say what they are told to, on ports of their own, until the test ends.

use probe::config::Modules;
use probe::{Outcome, Prober};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Probes with the module `m` of a text.
pub async fn probe(modules: &str, target: &str) -> Outcome {
    let modules = Modules::from_yaml(modules).unwrap_or_else(|e| panic!("{modules}: {e}"));
    let prober = Prober::new(&modules.modules["m"]).unwrap();
    prober.probe(target, Some(Duration::from_secs(60))).await
}

/// Why a probe failed; empty if it did not.
pub fn why(outcome: &Outcome) -> &str {
    outcome.failure.as_deref().unwrap_or("")
}

/// Answers each connection with `answer`.
pub async fn serve<F, A>(answer: F) -> SocketAddr
where
    F: Fn(TcpStream) -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the runtime of the test.
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

/// An authority with its certificate in `ca.pem`, and a server that it vouches for as `localhost` until 2040.
pub fn tls(dir: &Path, protocols: &[&str]) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = rcgen::date_time_ymd(2045, 1, 1);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    leaf.distinguished_name.push(rcgen::DnType::CommonName, "a fire");
    leaf.not_after = rcgen::date_time_ymd(2040, 1, 1);
    let leaf = leaf.signed_by(&key, &ca).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(leaf.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// 2040-01-01, Unix seconds.
pub const EXPIRY: f64 = 2_208_988_800.0;
