//! Name servers.

use crate::servers::{EXPIRY, probe, serve, tls, why};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;

fn answer(bytes: &[u8]) -> Vec<u8> {
    let query = Message::from_vec(bytes).unwrap();
    let asked = query.queries[0].clone();
    let mut out = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    let name = asked.name().clone();
    if name.to_ascii() == "none.test." {
        out.metadata.response_code = ResponseCode::NXDomain;
    }
    match asked.query_type() {
        RecordType::A => {
            for last in [1, 2] {
                out.add_answer(Record::from_rdata(name.clone(), 300, RData::A(A::new(192, 0, 2, last))));
            }
            let ns = Name::from_ascii("ns.test.").unwrap();
            out.add_additional(Record::from_rdata(ns, 60, RData::A(A::new(192, 0, 2, 53))));
        }
        RecordType::SOA => {
            let n = |s| Name::from_ascii(s).unwrap();
            let soa = SOA::new(n("ns.test."), n("admin.test."), 2_026_112_201, 1, 2, 3, 4);
            out.add_answer(Record::from_rdata(name, 300, RData::SOA(soa)));
        }
        RecordType::TXT => {
            let txt = TXT::new(vec!["a \"b\"".to_owned(), "c".to_owned()]);
            out.add_answer(Record::from_rdata(name, 300, RData::TXT(txt)));
        }
        _ => {}
    }
    out.add_query(asked);
    out.to_vec().unwrap()
}

async fn over_stream<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let Ok(length) = stream.read_u16().await else { return };
    let mut bytes = vec![0; usize::from(length)];
    if stream.read_exact(&mut bytes).await.is_err() {
        return;
    }
    let out = answer(&bytes);
    let _ = stream.write_u16(out.len() as u16).await;
    let _ = stream.write_all(&out).await;
    let _ = stream.shutdown().await;
}

/// Answers after an answer to another question, as somebody who wants to be believed would send it.
async fn over_udp() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
            let right = answer(&buffer[..n]);
            let mut wrong = right.clone();
            wrong[0] ^= 0xff;
            let _ = socket.send_to(&wrong, from).await;
            let _ = socket.send_to(&right, from).await;
        }
    });
    address
}

fn with(dns: &str) -> String {
    format!("modules: {{m: {{prober: dns, dns: {{{dns}}}}}}}")
}

#[tokio::test]
async fn answers_are_counted_and_judged() {
    let udp = over_udp().await;
    let tcp = serve(over_stream).await;
    for (dns, failure) in [
        ("query_name: www.test, query_type: A", ""),
        ("query_name: none.test, query_type: A", "the answer is Non-Existent Domain"),
        ("query_name: none.test, query_type: A, valid_rcodes: [NXDOMAIN]", ""),
        (
            "query_name: www.test, query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ['^www\\.test\\.\\t300\\tIN\\tA\\t192\\.0\\.2\\.[12]$']}",
            "",
        ),
        (
            "query_name: www.test, query_type: A, validate_answer_rrs: {fail_if_matches_regexp: ['2\\.2$']}",
            "section answer: the record",
        ),
        (
            "query_name: www.test, query_type: A, validate_additional_rrs: {fail_if_none_matches_regexp: ['^ns']}",
            "",
        ),
        (
            "query_name: www.test, query_type: A, validate_authority_rrs: {fail_if_none_matches_regexp: ['^ns']}",
            "section authority: fail_if_none_matches_regexp is given, and there is no record",
        ),
        (
            "query_name: www.test, query_type: TXT, validate_answer_rrs: {fail_if_not_matches_regexp: ['\"a ..b..\" \"c\"$']}",
            "",
        ),
    ] {
        for (target, transport) in [(udp, ""), (tcp, ", transport_protocol: tcp")] {
            let o = probe(&with(&format!("{dns}{transport}")), &target.to_string()).await;
            match failure {
                "" => assert_eq!(why(&o), "", "{dns}{transport}"),
                part => assert!(why(&o).contains(part), "{dns}{transport}: {}", why(&o)),
            }
            assert_eq!(o.metrics.value("probe_dns_query_succeeded"), Some(1.0));
        }
    }
    let o = probe(&with("query_name: www.test, query_type: A"), &udp.to_string()).await;
    for (name, want) in
        [("probe_dns_answer_rrs", 2.0), ("probe_dns_authority_rrs", 0.0), ("probe_dns_additional_rrs", 1.0)]
    {
        assert_eq!(o.metrics.value(name), Some(want), "{name}");
    }
    assert!(o.metrics.labelled("probe_dns_duration_seconds", "phase", "request").unwrap() > 0.0);
    let o = probe(&with("query_name: test, query_type: SOA"), &udp.to_string()).await;
    assert_eq!(o.metrics.value("probe_dns_serial"), Some(2_026_112_201.0));
}

#[tokio::test]
async fn questions_are_asked_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let acceptor = tls(dir.path(), &["dot"]);
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                over_stream(stream).await;
            }
        }
    })
    .await;
    let ca = dir.path().join("ca.pem").display().to_string();
    let dns = "query_name: www.test, query_type: A, transport_protocol: tcp, dns_over_tls: true, preferred_ip_protocol: ip4";
    let target = format!("localhost:{}", address.port());
    let o = probe(&with(&format!("{dns}, tls_config: {{ca_file: {ca}}}")), &target).await;
    assert_eq!((why(&o), o.metrics.value("probe_ssl_earliest_cert_expiry")), ("", Some(EXPIRY)));
    let o = probe(&with(dns), &target).await;
    assert!(why(&o).contains("TLS handshake"), "{}", why(&o));
}

#[tokio::test]
async fn what_is_no_answer_is_told() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((_, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(b"no", from).await;
        }
    });
    let o = probe(&with("query_name: www.test"), &address.to_string()).await;
    assert!(why(&o).contains("cannot be read"), "{}", why(&o));
    assert_eq!(o.metrics.value("probe_dns_query_succeeded"), Some(0.0));
}
