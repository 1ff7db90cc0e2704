//! HTTP.

use crate::servers::{EXPIRY, probe, serve, tls, why};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads the head of a request, and its body if its length is stated.
async fn request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.map_or(0, |l| l.parse().unwrap()) {
                return Some(text);
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(n @ 1..) => got.extend_from_slice(&piece[..n]),
            _ => return None,
        }
    }
}

async fn answer<S: AsyncWrite + Unpin>(mut stream: S, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body).await;
    let _ = stream.shutdown().await;
}

/// Answers by path, and keeps what it was asked.
async fn site() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let address = serve(move |mut stream| {
        let kept = Arc::clone(&kept);
        async move {
            let Some(request) = request(&mut stream).await else { return };
            kept.lock().unwrap().push(request.clone());
            let path = request.split(' ').nth(1).unwrap().to_owned();
            match path.as_str() {
                "/missing" => answer(stream, "404 Not Found", "", b"no").await,
                "/to" => {
                    answer(stream, "302 Found", "location: /cookie\r\nset-cookie: a=b; Path=/\r\n", b"").await
                }
                "/cookie" => answer(stream, "307 Temporary Redirect", "location: /fine\r\n", b"").await,
                "/round" => answer(stream, "301 Moved", "location: /round\r\n", b"").await,
                "/gzip" => {
                    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                    gz.write_all(&b"fire ".repeat(1000)).unwrap();
                    answer(stream, "200 OK", "content-encoding: gzip\r\n", &gz.finish().unwrap()).await;
                }
                _ => {
                    let headers = "x-state: burning\r\nlast-modified: Thu, 01 Jan 1970 00:01:00 GMT\r\n";
                    answer(stream, "200 OK", headers, b"all is well").await;
                }
            }
        }
    })
    .await;
    (address, asked)
}

const PLAIN: &str = "modules: {m: {prober: http}}";

fn with(http: &str) -> String {
    format!("modules: {{m: {{prober: http, http: {{{http}}}}}}}")
}

#[tokio::test]
async fn what_is_measured() {
    let (address, asked) = site().await;
    let o = probe(PLAIN, &format!("{address}/a?b=c")).await;
    assert_eq!(why(&o), "");
    let m = &o.metrics;
    for (name, want) in [
        ("probe_success", 1.0),
        ("probe_http_status_code", 200.0),
        ("probe_http_version", 1.1),
        ("probe_http_content_length", 11.0),
        ("probe_http_uncompressed_body_length", 11.0),
        ("probe_http_redirects", 0.0),
        ("probe_http_ssl", 0.0),
        ("probe_http_last_modified_timestamp_seconds", 60.0),
        ("probe_failed_due_to_regex", 0.0),
        ("probe_ip_protocol", 4.0),
        ("probe_timeout_seconds", 60.0),
    ] {
        assert_eq!(m.value(name), Some(want), "{name}");
    }
    for phase in ["connect", "processing", "transfer"] {
        assert!(m.labelled("probe_http_duration_seconds", "phase", phase).unwrap() > 0.0, "{phase}");
    }
    assert_eq!(m.labelled("probe_http_duration_seconds", "phase", "tls"), Some(0.0));
    assert!(m.value("probe_duration_seconds").unwrap() > 0.0);
    let asked = asked.lock().unwrap();
    assert!(asked[0].starts_with("GET /a?b=c HTTP/1.1\r\n"), "{}", asked[0]);
    assert!(asked[0].to_lowercase().contains(&format!("\r\nhost: {address}\r\n")), "{}", asked[0]);
}

#[tokio::test]
async fn what_is_asked() {
    let (address, asked) = site().await;
    let config = with(
        "method: PUT, body: '{\"a\":1}', headers: {Host: vhost.test, X-Own: one}, basic_auth: {username: u, password: p}, \
         http_headers: {X-More: {values: [two], secrets: [three]}}",
    );
    assert_eq!(why(&probe(&config, &format!("http://{address}/")).await), "");
    let asked = asked.lock().unwrap()[0].to_lowercase();
    for part in [
        "put / http/1.1\r\n",
        "\r\nhost: vhost.test\r\n",
        "\r\nx-own: one\r\n",
        "\r\nx-more: two\r\n",
        "\r\nx-more: three\r\n",
        "\r\nauthorization: basic dtpw\r\n",
        "\r\nuser-agent: watchfire/",
        "\r\n\r\n{\"a\":1}",
    ] {
        assert!(asked.contains(part), "{part:?} in {asked}");
    }
}

#[tokio::test]
async fn what_is_right() {
    let (address, _) = site().await;
    for (http, path, failure) in [
        ("", "/missing", "the status is 404, and 2xx is right"),
        ("valid_status_codes: [404]", "/missing", ""),
        ("valid_status_codes: [404]", "/", "the status is 200, and right are [404]"),
        ("fail_if_body_matches_regexp: [well]", "/", "the body matches \"well\""),
        ("fail_if_body_not_matches_regexp: [well]", "/", ""),
        ("fail_if_body_not_matches_regexp: [ill]", "/", "the body does not match \"ill\""),
        (
            "fail_if_header_matches: [{header: x-state, regexp: burn}]",
            "/",
            "the header x-state matches \"burn\"",
        ),
        ("fail_if_header_not_matches: [{header: X-State, regexp: burn}]", "/", ""),
        ("fail_if_header_not_matches: [{header: x-none, regexp: a}]", "/", "there is no header x-none"),
        ("fail_if_header_not_matches: [{header: x-none, regexp: a, allow_missing: true}]", "/", ""),
        ("valid_http_versions: [HTTP/2.0]", "/", "the answer is HTTP/1.1, and right are HTTP/2.0"),
        ("valid_http_versions: [HTTP/1.1]", "/", ""),
        ("fail_if_not_ssl: true", "/", "the last request was not encrypted"),
        ("fail_if_ssl: true", "/", ""),
        ("body_size_limit: 10B", "/", "the body is longer than 10 bytes, the limit of body_size_limit"),
        ("compression: gzip, fail_if_body_not_matches_regexp: ['^(fire ){1000}$']", "/gzip", ""),
        (
            "compression: gzip, body_size_limit: 1KB",
            "/gzip",
            "the body is longer than 1024 bytes, the limit of body_size_limit",
        ),
        ("preferred_ip_protocol: ip6, ip_protocol_fallback: false", "/", "has no IPv6 address"),
    ] {
        let o = probe(&with(http), &format!("http://{address}{path}")).await;
        match failure {
            "" => assert_eq!(why(&o), "", "{http}"),
            part => assert!(why(&o).contains(part), "{http}: {}", why(&o)),
        }
        assert_eq!(o.metrics.value("probe_success"), Some(f64::from(u8::from(failure.is_empty()))));
        let of_regex = failure.contains("match") || failure.contains("no header");
        assert_eq!(
            o.metrics.value("probe_failed_due_to_regex"),
            Some(f64::from(u8::from(of_regex))),
            "{http}"
        );
    }
    let broken = probe(&with("compression: gzip"), &format!("http://{address}/")).await;
    assert!(why(&broken).contains("the body is not gzip"), "{}", why(&broken));
}

#[tokio::test]
async fn redirects_are_followed_with_cookies() {
    let (address, asked) = site().await;
    let o = probe(&with("method: POST, body: x"), &format!("http://{address}/to")).await;
    assert_eq!((why(&o), o.metrics.value("probe_http_redirects")), ("", Some(2.0)));
    {
        let asked = asked.lock().unwrap();
        assert!(
            asked[0].starts_with("POST /to")
                && asked[1].starts_with("GET /cookie")
                && asked[2].starts_with("GET /fine")
        );
        assert!(asked[2].to_lowercase().contains("\r\ncookie: a=b\r\n"), "{}", asked[2]);
    }
    let o =
        probe(&with("follow_redirects: false, valid_status_codes: [302]"), &format!("http://{address}/to"))
            .await;
    assert_eq!((why(&o), o.metrics.value("probe_http_redirects")), ("", Some(1.0)));
    let o = probe(PLAIN, &format!("http://{address}/round")).await;
    assert_eq!(why(&o), "the status is 301, and 2xx is right");
    assert_eq!(o.metrics.value("probe_http_redirects"), Some(11.0));
}

#[tokio::test]
async fn certificates_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let acceptor = tls(dir.path(), &["http/1.1"]);
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if request(&mut stream).await.is_some() {
                answer(stream, "200 OK", "", b"secret").await;
            }
        }
    })
    .await;
    let ca = dir.path().join("ca.pem").display().to_string();
    let target = format!("https://localhost:{}/", address.port());
    let ip4 = "preferred_ip_protocol: ip4";
    let o =
        probe(&with(&format!("{ip4}, fail_if_not_ssl: true, tls_config: {{ca_file: {ca}}}")), &target).await;
    assert_eq!(why(&o), "");
    let m = &o.metrics;
    assert_eq!(m.value("probe_http_ssl"), Some(1.0));
    assert_eq!(m.value("probe_ssl_earliest_cert_expiry"), Some(EXPIRY));
    assert_eq!(m.value("probe_ssl_last_chain_expiry_timestamp_seconds"), Some(EXPIRY));
    assert_eq!(m.label("probe_tls_version_info", "version"), Some("TLS 1.3"));
    assert!(m.label("probe_tls_cipher_info", "cipher").unwrap().starts_with("TLS_"));
    assert_eq!(m.label("probe_ssl_last_chain_info", "subjectalternative"), Some("localhost"));
    assert_eq!(m.label("probe_ssl_last_chain_info", "subject"), Some("CN=a fire"));
    assert!(m.labelled("probe_http_duration_seconds", "phase", "tls").unwrap() > 0.0);
    for (tls, target, part) in [
        (String::new(), target.clone(), "TLS handshake with localhost"),
        (format!("ca_file: {ca}, server_name: other.test"), target.clone(), "TLS handshake with other.test"),
        (
            format!("ca_file: {ca}"),
            format!("https://127.0.0.1:{}/", address.port()),
            "TLS handshake with 127.0.0.1",
        ),
        ("ca_file: /no/such".to_owned(), target.clone(), "tls_config.ca_file /no/such"),
        ("insecure_skip_verify: true".to_owned(), target.clone(), ""),
        (
            format!("ca_file: {ca}, server_name: localhost"),
            format!("https://127.0.0.1:{}/", address.port()),
            "",
        ),
        (format!("ca_file: {ca}, max_version: TLS12"), target.clone(), ""),
    ] {
        let o = probe(&with(&format!("{ip4}, tls_config: {{{tls}}}")), &target).await;
        match part {
            "" => assert_eq!(why(&o), "", "{tls}"),
            part => assert!(why(&o).contains(part), "{tls}: {}", why(&o)),
        }
        if tls.contains("TLS12") {
            assert_eq!(o.metrics.label("probe_tls_version_info", "version"), Some("TLS 1.2"));
        }
        if tls.contains("insecure") {
            // What is not checked has no chain that is trusted: Go's zero time.
            let chain = o.metrics.value("probe_ssl_last_chain_expiry_timestamp_seconds");
            assert_eq!(chain, Some(-62_135_596_800.0));
        }
    }
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered() {
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let dir = tempfile::tempdir().unwrap();
    let acceptor = tls(dir.path(), &["h2", "http/1.1"]);
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let two = stream.get_ref().1.alpn_protocol() == Some(&b"h2"[..]);
            let service = service_fn(|r: hyper::Request<hyper::body::Incoming>| async move {
                let host = r.uri().host().map(str::to_owned);
                let host = host.or(r.headers().get("host").map(|h| h.to_str().unwrap().to_owned()));
                let body = http_body_util::Full::new(bytes::Bytes::from(host.unwrap_or_default()));
                Ok::<_, hyper::Error>(hyper::Response::new(body))
            });
            let io = TokioIo::new(stream);
            let _ = match two {
                true => {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(io, service)
                        .await
                }
                false => hyper::server::conn::http1::Builder::new().serve_connection(io, service).await,
            };
        }
    })
    .await;
    let ca = dir.path().join("ca.pem").display().to_string();
    let target = format!("https://localhost:{}/", address.port());
    for (more, version) in [
        ("fail_if_body_not_matches_regexp: ['^localhost']", 2.0),
        (
            "headers: {Host: own.test}, tls_config: {insecure_skip_verify: true}, fail_if_body_not_matches_regexp: ['^own.test$']",
            2.0,
        ),
        ("enable_http2: false", 1.1),
    ] {
        let tls = if more.contains("tls_config") {
            String::new()
        } else {
            format!(", tls_config: {{ca_file: {ca}}}")
        };
        let o = probe(&with(&format!("preferred_ip_protocol: ip4, {more}{tls}")), &target).await;
        assert_eq!((why(&o), o.metrics.value("probe_http_version")), ("", Some(version)), "{more}");
    }
}

#[tokio::test]
async fn proxies_are_asked() {
    // A proxy that answers by itself, and joins tunnels to where they are meant to go.
    let address = serve(|mut stream| async move {
        let _ = stream.write_all(b"220 a greeting, and no TLS\r\n").await;
    })
    .await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let proxy = serve(move |mut stream| {
        let kept = Arc::clone(&kept);
        async move {
            let Some(request) = request(&mut stream).await else { return };
            kept.lock().unwrap().push(request.clone());
            if !request.starts_with("CONNECT ") {
                return answer(stream, "200 OK", "", b"from the proxy").await;
            }
            if request.contains("refuse.test") {
                return answer(stream, "403 Forbidden", "", b"").await;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            let Ok(mut to) = tokio::net::TcpStream::connect(address).await else { return };
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut to).await;
        }
    })
    .await;
    let http = format!(
        "proxy_url: 'http://me:pw@{proxy}', skip_resolve_phase_with_proxy: true, proxy_connect_header: {{X-Tunnel: [yes]}}, \
         tls_config: {{insecure_skip_verify: true}}"
    );
    let o =
        probe(&with(&format!("{http}, fail_if_body_not_matches_regexp: [proxy]")), "http://nowhere.test/x")
            .await;
    assert_eq!(why(&o), "");
    let o = probe(&with(&http), "https://refuse.test/").await;
    assert!(why(&o).contains("refuses refuse.test:443: HTTP/1.1 403 Forbidden"), "{}", why(&o));
    // Behind the tunnel is no TLS.
    let o = probe(&with(&http), "https://tunnel.test/").await;
    assert!(why(&o).contains("TLS handshake with tunnel.test"), "{}", why(&o));
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("GET http://nowhere.test/x HTTP/1.1\r\n"), "{}", seen[0]);
    assert!(seen[0].to_lowercase().contains("proxy-authorization: basic bwu6chc="), "{}", seen[0]);
    assert!(
        seen[1].starts_with("CONNECT refuse.test:443 HTTP/1.1\r\n") && seen[1].contains("X-Tunnel: yes\r\n")
    );
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let address = serve(|stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let o = probe("modules: {m: {prober: http, timeout: 300ms}}", &format!("http://{address}")).await;
    assert_eq!(why(&o), "nothing came of it within 0.3 s");
    assert_eq!(o.metrics.value("probe_success"), Some(0.0));
    assert_eq!(o.metrics.value("probe_timeout_seconds"), Some(0.3));
    assert!(o.metrics.labelled("probe_http_duration_seconds", "phase", "connect").unwrap() > 0.0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let o = probe(PLAIN, &format!("http://{closed}")).await;
    assert!(why(&o).starts_with(&format!("cannot connect to {closed}: ")), "{}", why(&o));
}
