//! Syslog over TLS (RFC 5425).

use super::syslog;
use crate::config::SyslogConfig;
use crate::state::App;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The longest time for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What accepts connections with the configured certificate.
pub fn acceptor(config: &SyslogConfig) -> Result<TlsAcceptor, String> {
    let (Some(certificate), Some(key)) = (&config.certificate, &config.key) else {
        return Err(
            "receivers.syslog.tls needs receivers.syslog.certificate and receivers.syslog.key: files in PEM"
                .into(),
        );
    };
    let wrong = |setting: &str, file: &std::path::Path, e: &dyn std::fmt::Display| {
        format!("{setting}: {}: {e}", file.display())
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong("receivers.syslog.certificate", certificate, &e))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong("receivers.syslog.key", key, &e))?;
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| wrong("receivers.syslog.certificate", certificate, &e))?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

/// Serves one connection.
pub async fn stream(
    acceptor: TlsAcceptor,
    connection: TcpStream,
    peer: SocketAddr,
    app: Arc<App>,
    stop: watch::Receiver<bool>,
) {
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(connection)).await {
        Ok(Ok(connection)) => syslog::stream(connection, peer, app, stop).await,
        Ok(Err(e)) => tracing::debug!(%peer, error = %e, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}
