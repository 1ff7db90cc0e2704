//! TLS towards a target: what is trusted, and what came of the handshake.

pub mod certificate;

use crate::trial::{Failure, Trial};
use certificate::Leaf;
use scrape::config::{TlsConfig, TlsVersion};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, RootCertStore, SignatureScheme, version,
};

/// How the client of a module speaks TLS.
pub(crate) struct Tls {
    client: ClientConfig,
    /// Authorities, to tell when a chain expires; none where nothing is checked.
    roots: Arc<Vec<CertificateDer<'static>>>,
    /// The name that the certificate must hold, where it is not the target's.
    pub server_name: Option<String>,
}

/// What came of a handshake.
pub(crate) struct Handshake {
    version: &'static str,
    cipher: String,
    leaf: Option<Leaf>,
    earliest_expiry: i64,
    chain_expiry: i64,
}

impl Tls {
    /// Reads certificates and keys: files anew, authorities of the system once.
    pub fn new(config: Option<&TlsConfig>) -> Result<Tls, Failure> {
        let default = TlsConfig::default();
        let c = config.unwrap_or(&default);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut versions = Vec::new();
        if c.max_version != Some(TlsVersion::Tls12) {
            versions.push(&version::TLS13);
        }
        if c.min_version != Some(TlsVersion::Tls13) {
            versions.push(&version::TLS12);
        }
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|e| format!("tls_config: {e}"))?;
        let roots = match (c.insecure_skip_verify, pem(c.ca.as_deref(), c.ca_file.as_deref(), "ca_file")?) {
            (true, _) => Arc::default(),
            (false, None) => system_roots(),
            (false, Some(text)) => {
                let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
                let all = all.map_err(|e| format!("tls_config.ca: {e}"))?;
                if all.is_empty() {
                    return Err("tls_config.ca: holds no certificate in PEM form".into());
                }
                Arc::new(all)
            }
        };
        let builder = match c.insecure_skip_verify {
            true => builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider))),
            false => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(roots.iter().cloned());
                builder.with_root_certificates(store)
            }
        };
        let cert = pem(c.cert.as_deref(), c.cert_file.as_deref(), "cert_file")?;
        let key = pem(c.key.as_ref().map(|k| k.expose()), c.key_file.as_deref(), "key_file")?;
        let client = match (cert, key) {
            (Some(cert), Some(key)) => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&cert).collect();
                let chain = chain.map_err(|e| format!("tls_config.cert: {e}"))?;
                let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| format!("tls_config.key: {e}"))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|e| format!("tls_config.cert and tls_config.key: {e}"))?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Tls { client, roots, server_name: c.server_name.clone() })
    }

    /// Begins TLS on a connection. `host` is the target's name, `protocols` what is offered to be spoken above.
    pub async fn connect<S>(
        &self,
        stream: S,
        host: &str,
        protocols: &[&str],
    ) -> Result<(TlsStream<S>, Handshake), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut client = self.client.clone();
        client.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        let name = self.server_name.as_deref().unwrap_or(host).trim_matches(['[', ']']);
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("{name:?} is not a name that a certificate can hold"))?;
        let stream = TlsConnector::from(Arc::new(client))
            .connect(server, stream)
            .await
            .map_err(|e| format!("TLS handshake with {name}: {e}"))?;
        let handshake = self.look(stream.get_ref().1);
        Ok((stream, handshake))
    }

    fn look(&self, session: &tokio_rustls::rustls::ClientConnection) -> Handshake {
        let chain = session.peer_certificates().unwrap_or(&[]);
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "unknown",
        };
        let cipher = session.negotiated_cipher_suite().map_or(String::new(), |s| format!("{:?}", s.suite()));
        Handshake {
            version,
            cipher: cipher.replacen("TLS13_", "TLS_", 1),
            leaf: chain.first().and_then(|c| Leaf::read(c)),
            earliest_expiry: certificate::earliest_expiry(chain),
            chain_expiry: certificate::chain_expiry(chain, &self.roots),
        }
    }
}

impl Handshake {
    /// Notes what a handshake came to.
    pub fn note(&self, trial: &mut Trial, cipher: bool, chain: bool) {
        trial.debug(format!("{} with {}", self.version, self.cipher));
        trial.set("probe_ssl_earliest_cert_expiry", self.earliest_expiry as f64);
        trial.metrics.set("probe_tls_version_info", &[("version", self.version)], 1.0);
        if cipher {
            trial.metrics.set("probe_tls_cipher_info", &[("cipher", self.cipher.as_str())], 1.0);
        }
        if chain {
            trial.set("probe_ssl_last_chain_expiry_timestamp_seconds", self.chain_expiry as f64);
        }
        if let Some(leaf) = &self.leaf {
            let names = leaf.names.join(",");
            let labels = [
                ("fingerprint_sha256", leaf.fingerprint_sha256.as_str()),
                ("subject", leaf.subject.as_str()),
                ("issuer", leaf.issuer.as_str()),
                ("subjectalternative", names.as_str()),
                ("serialnumber", leaf.serial.as_str()),
            ];
            trial.metrics.set("probe_ssl_last_chain_info", &labels, 1.0);
        }
    }
}

/// Authorities that this system trusts. What cannot be read is left out: a handshake then says which is missing.
fn system_roots() -> Arc<Vec<CertificateDer<'static>>> {
    static ROOTS: OnceLock<Arc<Vec<CertificateDer<'static>>>> = OnceLock::new();
    Arc::clone(ROOTS.get_or_init(|| Arc::new(rustls_native_certs::load_native_certs().certs)))
}

fn pem(text: Option<&str>, file: Option<&Path>, setting: &str) -> Result<Option<Vec<u8>>, Failure> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(file)) => std::fs::read(file)
            .map(Some)
            .map_err(|e| Failure(format!("tls_config.{setting} {}: {e}", file.display()))),
        (None, None) => Ok(None),
    }
}

/// Takes every certificate, as `insecure_skip_verify` asks for. Signatures of the handshake are checked all the same.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
