//! Delivery over TLS: trust, and proof of who we are.

use crate::receiver::*;
use agent::TlsOptions;
use env::RealDisk;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Writes `ca.pem`, `agent.pem` and `agent.key`, and makes a server that takes only whom that authority vouches for.
fn authority(dir: &Path) -> ServerConfig {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap(), key)
    };
    let ((server, server_key), (agent, agent_key)) = (issue("localhost"), issue("agent.test"));
    std::fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    std::fs::write(dir.join("agent.pem"), agent.pem()).unwrap();
    std::fs::write(dir.join("agent.key"), agent_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = Arc::new(default_provider());
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![CertificateDer::from(server.der().to_vec())],
            PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
        )
        .unwrap()
}

/// Answers one request of each connection with 204, and counts them.
fn serve(config: ServerConfig, taken: Arc<AtomicUsize>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    // The thread ends with the test's process.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let (mut got, mut buf) = (Vec::new(), [0; 4096]);
                // The bodies here are small: the first packet with a body is the whole request.
                while let Ok(n @ 1..) = stream.read(&mut buf).await {
                    got.extend_from_slice(&buf[..n]);
                    if got.windows(4).position(|w| w == b"\r\n\r\n").is_some_and(|at| got.len() > at + 4) {
                        taken.fetch_add(1, Ordering::SeqCst);
                        let answer = b"HTTP/1.1 204 No Content\r\nx-prometheus-remote-write-samples-written: 1\r\nconnection: close\r\n\r\n";
                        let _ = stream.write_all(answer).await;
                        let _ = stream.shutdown().await;
                        break;
                    }
                }
            }
        });
    });
    address
}

#[test]
fn both_sides_prove_who_they_are() {
    let pki = tempfile::tempdir().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let address = serve(authority(pki.path()), taken.clone());
    let start = |tls: TlsOptions| {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&format!("https://localhost:{}", address.port()), dir.path());
        options.tls = tls;
        let spool = spool(options, Arc::new(RealDisk)).unwrap();
        append(&spool, "n", 1, 1.0).unwrap();
        (spool, dir)
    };
    let ca_file = Some(pki.path().join("ca.pem"));
    let failure = |tls: TlsOptions| {
        let (spool, _dir) = start(tls);
        until("a failure", || spool.status().retries > 0);
        spool.status().last_error
    };
    let stranger = failure(TlsOptions::default());
    assert!(stranger.contains("UnknownIssuer") || stranger.contains("unknown issuer"), "{stranger}");
    failure(TlsOptions { ca_file: ca_file.clone(), ..TlsOptions::default() });
    assert_eq!(taken.load(Ordering::SeqCst), 0);

    let (cert_file, key_file) = (Some(pki.path().join("agent.pem")), Some(pki.path().join("agent.key")));
    let (spool, _dir) = start(TlsOptions {
        ca_file,
        cert_file: cert_file.clone(),
        key_file: key_file.clone(),
        insecure_skip_verify: false,
    });
    until("delivery", || spool.status().waiting_records == 0);
    assert_eq!((taken.load(Ordering::SeqCst), spool.status().delivered_records), (1, 1));
    let (spool, _dir) = start(TlsOptions { ca_file: None, cert_file, key_file, insecure_skip_verify: true });
    until("delivery without a check", || spool.status().waiting_records == 0);
}
