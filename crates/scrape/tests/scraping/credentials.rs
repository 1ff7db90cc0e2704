//! Credentials and TLS, against servers that check them.

use crate::server::{Request, Server, ok, text, with};
use crate::{eventually, scraped, start};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use scrape::Health;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs};

async fn authorized(more: &str, header: &'static str) {
    let server = Server::start(move |r: &Request| match r.header("authorization") {
        Some(given) if given == header => text("a 1\n"),
        _ => with("401 Unauthorized", b""),
    })
    .await;
    let (scraper, _) = start(&server.job(more));
    let status = scraped(&scraper).await;
    assert_eq!((status.health, status.last_error.as_str()), (Health::Up, ""), "{more}");
    scraper.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_credentials_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "s3cret\n").unwrap();
    let path = file.display();
    authorized("  basic_auth: {username: u, password: p}\n", "Basic dTpw").await;
    authorized(&format!("  basic_auth: {{username: u, password_file: {path}}}\n"), "Basic dTpzM2NyZXQ=")
        .await;
    authorized("  authorization: {credentials: x}\n", "Bearer x").await;
    authorized(&format!("  authorization: {{type: Token, credentials_file: {path}}}\n"), "Token s3cret")
        .await;
    authorized("  bearer_token: y\n", "Bearer y").await;
    authorized(&format!("  bearer_token_file: {path}\n"), "Bearer s3cret").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_file_is_named() {
    let server = Server::start(|_| text("a 1\n")).await;
    let (scraper, _) = start(&server.job("  authorization: {credentials_file: /nowhere/token}\n"));
    assert_eq!(
        scraped(&scraper).await.last_error,
        "authorization.credentials_file /nowhere/token: No such file or directory (os error 2)"
    );
    assert!(server.seen.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth_tokens_are_fetched_kept_and_renewed() {
    let issued = Arc::new(AtomicUsize::new(0));
    let counter = issued.clone();
    let issuer = Server::start(move |r: &Request| {
        let asked = r.header("authorization").as_deref() == Some("Basic bWU6cCUyNncu")
            && r.body == "grant_type=client_credentials&scope=read+write&audience=metrics";
        if !asked {
            return with("400 Bad Request", r.body.as_bytes());
        }
        let n = counter.fetch_add(1, SeqCst);
        ok(
            "application/json",
            &format!("{{\"access_token\":\"t{n}\",\"token_type\":\"bearer\",\"expires_in\":3600}}"),
        )
    })
    .await;
    let valid = Arc::new(AtomicUsize::new(0));
    let accepted = valid.clone();
    let server = Server::start(move |r: &Request| {
        let want = format!("Bearer t{}", accepted.load(SeqCst));
        if r.header("authorization") == Some(want) { text("a 1\n") } else { with("401 Unauthorized", b"") }
    })
    .await;
    let (scraper, store) = start(&server.job(&format!(
        "  oauth2: {{client_id: me, client_secret: \"p&w.\", token_url: \"http://{}/token\", scopes: [read, write], \
         endpoint_params: {{audience: metrics}}}}\n",
        issuer.address
    )));
    assert_eq!(scraped(&scraper).await.last_error, "");
    let up = format!("up{{instance=\"{}\", job=\"j\"}}", server.address);
    eventually("three scrapes", || store.values(&up).get(2).copied()).await;
    assert_eq!(issued.load(SeqCst), 1, "one token serves many scrapes");
    valid.store(1, SeqCst);
    eventually("a new token", || (issued.load(SeqCst) == 2).then_some(())).await;
    let before = store.values(&up).len();
    eventually("another scrape", || store.values(&up).get(before + 1).copied()).await;
    assert!(store.values(&up).iter().all(|v| *v == Some(1.0)), "a revoked token costs no scrape");
}

struct Pki {
    dir: tempfile::TempDir,
    server: Arc<ServerConfig>,
    demanding: Arc<ServerConfig>,
}

/// An authority, a server certificate for `metrics.test`, and a client certificate, all new.
fn pki() -> Pki {
    let dir = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        (certificate, key)
    };
    let (server, server_key) = issue("metrics.test");
    let (client, client_key) = issue("client.test");
    for (name, pem) in
        [("ca.pem", ca.pem()), ("client.pem", client.pem()), ("client.key", client_key.serialize_pem())]
    {
        std::fs::write(dir.path().join(name), pem).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let chain = || vec![CertificateDer::from(server.der().to_vec())];
    let key = || PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let builder = || {
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap()
    };
    Pki {
        dir,
        server: Arc::new(builder().with_no_client_auth().with_single_cert(chain(), key()).unwrap()),
        demanding: Arc::new(
            builder().with_client_cert_verifier(verifier).with_single_cert(chain(), key()).unwrap(),
        ),
    }
}

impl Pki {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

async fn over_tls(config: &Arc<ServerConfig>, tls: &str) -> (Health, String, Vec<String>) {
    let server = Server::tls(config.clone(), |_| text("a 1\n")).await;
    let yaml = server.job(&format!("  scheme: https\n  tls_config: {{{tls}}}\n")).replace("250ms", "2s");
    let (scraper, _) = start(&yaml);
    let status = scraped(&scraper).await;
    scraper.stop().await;
    let seen = server.seen.lock().unwrap().clone();
    (status.health, status.last_error, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked() {
    let pki = pki();
    let ca = format!("ca_file: {}", pki.path("ca.pem").display());
    let (health, error, _) = over_tls(&pki.server, "").await;
    assert_eq!(health, Health::Down);
    assert!(error.contains("certificate"), "{error}");
    let (_, error, _) = over_tls(&pki.server, &ca).await;
    assert!(error.contains("not valid for name"), "the address is not in the certificate: {error}");
    let (health, error, seen) = over_tls(&pki.server, &format!("{ca}, server_name: metrics.test")).await;
    assert_eq!((health, error.as_str()), (Health::Up, ""));
    assert!(seen[0].contains("host: 127.0.0.1:"), "{}", seen[0]);
    let (health, error, _) = over_tls(&pki.server, "insecure_skip_verify: true, min_version: TLS13").await;
    assert_eq!((health, error.as_str()), (Health::Up, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown() {
    let pki = pki();
    let base = format!("ca_file: {}, server_name: metrics.test", pki.path("ca.pem").display());
    let (health, error, _) = over_tls(&pki.demanding, &base).await;
    assert_eq!(health, Health::Down, "{error}");
    let pair = format!(
        "cert_file: {}, key_file: {}",
        pki.path("client.pem").display(),
        pki.path("client.key").display()
    );
    let (health, error, _) = over_tls(&pki.demanding, &format!("{base}, {pair}")).await;
    assert_eq!((health, error.as_str()), (Health::Up, ""));
    let (_, error, _) = over_tls(&pki.demanding, "ca_file: /nowhere/ca.pem").await;
    assert_eq!(error, "tls_config.ca_file /nowhere/ca.pem: No such file or directory (os error 2)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_asked_unless_the_target_is_exempt() {
    let proxy = Server::start(|_| text("via_proxy 1\n")).await;
    let yaml = |more: &str| {
        format!(
            "scrape_configs: [{{job_name: j, scrape_interval: 250ms, static_configs: [{{targets: [\"nowhere.invalid:81\"]}}], \
             proxy_url: \"http://{}\"{more}}}]",
            proxy.address
        )
    };
    let (scraper, store) = start(&yaml(""));
    assert_eq!(scraped(&scraper).await.last_error, "");
    assert!(store.exposed()[0].starts_with("via_proxy{"));
    let head = proxy.seen.lock().unwrap()[0].clone();
    assert!(head.starts_with("GET http://nowhere.invalid:81/metrics HTTP/1.1"), "{head}");
    scraper.stop().await;
    let asked = proxy.seen.lock().unwrap().len();
    let (scraper, _) = start(&yaml(", no_proxy: .invalid"));
    assert_eq!(scraped(&scraper).await.health, Health::Down);
    assert_eq!(proxy.seen.lock().unwrap().len(), asked);
}
