//! Connections and dialogues, over TCP and sockets of this machine.

use crate::servers::{EXPIRY, probe, serve, tls, why};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// A mail server that goes over to TLS.
async fn mail(acceptor: tokio_rustls::TlsAcceptor) -> std::net::SocketAddr {
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut plain = BufReader::new(stream);
            let mut line = String::new();
            let _ = plain.write_all(b"220 mx.test ESMTP Fire\r\n").await;
            while let Ok(1..) = plain.read_line(&mut line).await {
                let said = std::mem::take(&mut line);
                if said.starts_with("EHLO") {
                    let _ = plain.write_all(b"250-mx.test\r\n250-STARTTLS\r\n250 OK\r\n").await;
                } else if said.starts_with("STARTTLS") {
                    let _ = plain.write_all(b"220 go on\r\n").await;
                    let Ok(mut secure) = acceptor.accept(plain.into_inner()).await else { return };
                    let mut buffer = [0; 100];
                    let _ = secure.read(&mut buffer).await;
                    let _ = secure.write_all(b"250-AUTH PLAIN\r\n").await;
                    return;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_dialogue_goes_on_with_tls() {
    let dir = tempfile::tempdir().unwrap();
    let address = mail(tls(dir.path(), &[])).await;
    let ca = dir.path().join("ca.pem").display().to_string();
    let modules = format!(
        "modules:
  m:
    prober: tcp
    tcp:
      preferred_ip_protocol: ip4
      tls_config: {{ca_file: {ca}}}
      query_response:
      - expect: '^220 ([^ ]+) ESMTP (.+)$'
        labels: [{{name: host, value: '${{1}}'}}, {{name: software, value: '$2'}}]
      - send: 'EHLO prober'
      - expect: '^250-STARTTLS'
      - send: 'STARTTLS'
      - expect: '^220'
      - starttls: true
      - send: 'EHLO prober'
      - expect: '^250-AUTH'
"
    );
    let o = probe(&modules, &format!("localhost:{}", address.port())).await;
    // What the server had said before is not taken for what it says encrypted.
    assert!(why(&o).is_empty() || why(&o).contains("plain text"), "{}", why(&o));
    assert_eq!(o.metrics.label("probe_expect_info", "host"), Some("mx.test"));
    assert_eq!(o.metrics.label("probe_expect_info", "software"), Some("Fire"));
    assert_eq!(why(&o), "");
    assert_eq!(o.metrics.value("probe_ssl_earliest_cert_expiry"), Some(EXPIRY));
    assert_eq!(o.metrics.value("probe_failed_due_to_regex"), Some(0.0));
}

/// Says back what it hears, line by line.
async fn echo() -> std::net::SocketAddr {
    serve(|stream| async move {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while let Ok(1..) = stream.read_line(&mut line).await {
            if line.starts_with("bye")
                || stream.write_all(std::mem::take(&mut line).as_bytes()).await.is_err()
            {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn dialogues_fail_with_what_was_said() {
    let address = echo().await;
    for (steps, failure, regex, bytes) in [
        ("[]", "", 0.0, 0.0),
        (
            "[{send: 'number 42'}, {expect: 'number (.*)', send: 'again ${1}'}, {expect: '^again 42$'}]",
            "",
            0.0,
            0.0,
        ),
        ("[{send: abc}, {expect_bytes: abc}]", "", 0.0, 0.0),
        ("[{send: abd}, {expect_bytes: abc}]", "step 2: bytes \"abd\" came, not \"abc\"", 0.0, 1.0),
        (
            "[{send: one}, {send: bye}, {expect: two}]",
            "ended before a line holds \"two\"; the last was \"one\"",
            1.0,
            0.0,
        ),
        ("[{send: bye}, {expect_bytes: abc}]", "3 bytes were expected, and 0 came", 0.0, 0.0),
        ("[{send: !!binary AAEC}, {expect_bytes: !!binary AAEC}]", "", 0.0, 0.0),
    ] {
        let modules = format!("modules: {{m: {{prober: tcp, tcp: {{query_response: {steps}}}}}}}");
        let o = probe(&modules, &address.to_string()).await;
        match failure {
            "" => assert_eq!(why(&o), "", "{steps}"),
            part => assert!(why(&o).contains(part), "{steps}: {}", why(&o)),
        }
        assert_eq!(o.metrics.value("probe_failed_due_to_regex"), Some(regex), "{steps}");
        assert_eq!(o.metrics.value("probe_failed_due_to_bytes"), Some(bytes), "{steps}");
    }
    let o = probe("modules: {m: {prober: tcp}}", "no-port.test").await;
    assert_eq!(why(&o), "the target \"no-port.test\" is not host:port");
}

#[tokio::test]
async fn a_line_without_end_is_given_up() {
    let address =
        serve(|mut stream| async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} }).await;
    let o = probe("modules: {m: {prober: tcp, tcp: {query_response: [{expect: y}]}}}", &address.to_string())
        .await;
    assert_eq!(why(&o), "a line is longer than 65536 bytes");
}

#[tokio::test]
async fn sockets_of_this_machine_are_probed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 10];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"PONG\n").await;
        }
    });
    let modules = "modules: {m: {prober: unix, unix: {query_response: [{send: PING}, {expect: PONG}]}}}";
    for target in [path.display().to_string(), format!("unix://{}", path.display())] {
        assert_eq!(why(&probe(modules, &target).await), "");
    }
    assert!(why(&probe(modules, "/no/such").await).contains("/no/such"));
}
