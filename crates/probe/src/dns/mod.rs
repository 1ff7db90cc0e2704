//! Questions to name servers, over UDP, TCP and TLS.

pub mod records;

use crate::config::DnsProbe;
use crate::resolve::{Preference, resolve};
use crate::tcp::{connect, host_port};
use crate::tls::Tls;
use crate::trial::{Failure, Trial};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::Instant;

const DURATION: &str = "probe_dns_duration_seconds";
/// Most bytes of an answer over UDP.
const DATAGRAM_BYTES_MAX: usize = 64 << 10;

/// Probes a name server, `host` or `host:port`.
pub(crate) async fn probe(target: &str, config: &DnsProbe, trial: &mut Trial) -> Result<(), Failure> {
    for phase in ["resolve", "connect", "request"] {
        trial.phase(DURATION, phase, 0.0);
    }
    for name in [
        "probe_dns_answer_rrs",
        "probe_dns_authority_rrs",
        "probe_dns_additional_rrs",
        "probe_dns_query_succeeded",
    ] {
        trial.set(name, 0.0);
    }
    let (host, port) = host_port(target).unwrap_or((target, if config.dns_over_tls { 853 } else { 53 }));
    let preference = Preference {
        preferred: config.preferred_ip_protocol,
        fallback: config.ip_protocol_fallback.unwrap_or(true),
    };
    let (ip, took) = resolve(host, preference, trial).await?;
    trial.phase(DURATION, "resolve", took);
    let query =
        records::query(config, rand::random()).map_err(|(field, reason)| format!("dns.{field}: {reason}"))?;
    let bytes = query.to_vec().map_err(|e| format!("the question cannot be written: {e}"))?;
    let to = SocketAddr::new(ip, port);
    trial.debug(format!("asking {to} for {}", query.queries[0]));
    let answer = match config.transport_protocol.as_deref() {
        Some("tcp") => over_tcp(to, host, config, &bytes, trial).await?,
        _ => over_udp(to, config, &query, &bytes, trial).await?,
    };
    if answer.metadata.id != query.metadata.id {
        return Err("the answer is to another question: its id differs".into());
    }
    judge(&answer, &query, config, trial)
}

async fn over_udp(
    to: SocketAddr,
    config: &DnsProbe,
    query: &Message,
    bytes: &[u8],
    trial: &mut Trial,
) -> Result<Message, Failure> {
    let begun = Instant::now();
    let from = match &config.source_ip_address {
        Some(text) => text.parse().map_err(|_| format!("source_ip_address {text:?} is not an IP address"))?,
        None if to.is_ipv4() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let wrong = |e: std::io::Error| Failure(format!("asking {to}: {e}"));
    let socket = UdpSocket::bind(SocketAddr::new(from, 0)).await.map_err(wrong)?;
    socket.connect(to).await.map_err(wrong)?;
    trial.phase(DURATION, "connect", begun.elapsed().as_secs_f64());
    let asked = Instant::now();
    socket.send(bytes).await.map_err(wrong)?;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let n = socket.recv(&mut buffer).await.map_err(wrong)?;
        match records::read(&buffer[..n]) {
            // One that nobody asked for may come from anybody: the right one may follow.
            Ok(answer) if answer.metadata.id != query.metadata.id => {
                trial.debug("an answer to another question")
            }
            Ok(answer) => {
                trial.phase(DURATION, "request", asked.elapsed().as_secs_f64());
                return Ok(answer);
            }
            Err(e) => return Err(e.into()),
        }
    }
}

async fn over_tcp(
    to: SocketAddr,
    host: &str,
    config: &DnsProbe,
    bytes: &[u8],
    trial: &mut Trial,
) -> Result<Message, Failure> {
    let begun = Instant::now();
    let stream = connect(to, config.source_ip_address.as_deref()).await?;
    if !config.dns_over_tls {
        trial.phase(DURATION, "connect", begun.elapsed().as_secs_f64());
        return exchange(stream, bytes, trial).await;
    }
    let (stream, handshake) = Tls::new(config.tls_config.as_ref())?.connect(stream, host, &["dot"]).await?;
    trial.phase(DURATION, "connect", begun.elapsed().as_secs_f64());
    handshake.note(trial, false, true);
    exchange(stream, bytes, trial).await
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    bytes: &[u8],
    trial: &mut Trial,
) -> Result<Message, Failure> {
    let begun = Instant::now();
    let length = u16::try_from(bytes.len()).map_err(|_| Failure::from("the question is too long"))?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    let wrong = |e: std::io::Error| Failure(format!("asking over TCP: {e}"));
    stream.write_all(&framed).await.map_err(wrong)?;
    stream.flush().await.map_err(wrong)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).await.map_err(wrong)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).await.map_err(wrong)?;
    trial.phase(DURATION, "request", begun.elapsed().as_secs_f64());
    Ok(records::read(&answer)?)
}

fn judge(answer: &Message, query: &Message, config: &DnsProbe, trial: &mut Trial) -> Result<(), Failure> {
    let additional = answer.additionals.len() + usize::from(answer.edns.is_some());
    trial.set("probe_dns_answer_rrs", answer.answers.len() as f64);
    trial.set("probe_dns_authority_rrs", answer.authorities.len() as f64);
    trial.set("probe_dns_additional_rrs", additional as f64);
    trial.set("probe_dns_query_succeeded", 1.0);
    for record in answer.all_sections() {
        trial.debug(records::line(record));
    }
    if query.queries[0].query_type() == RecordType::SOA {
        trial.set("probe_dns_serial", 0.0);
        for record in &answer.answers {
            if let RData::SOA(soa) = &record.data {
                trial.set("probe_dns_serial", f64::from(soa.serial));
            }
        }
    }
    let code = answer.metadata.response_code;
    let valid: Vec<ResponseCode> = match config.valid_rcodes.is_empty() {
        true => vec![ResponseCode::NoError],
        false => config.valid_rcodes.iter().filter_map(|c| records::response_code(c)).collect(),
    };
    if !valid.contains(&code) {
        return Err(format!("the answer is {code}").into());
    }
    for (section, found, rules) in [
        ("answer", &answer.answers, &config.validate_answer_rrs),
        ("authority", &answer.authorities, &config.validate_authority_rrs),
        ("additional", &answer.additionals, &config.validate_additional_rrs),
    ] {
        let lines: Vec<String> = found.iter().map(records::line).collect();
        records::validate(&lines, rules).map_err(|reason| format!("section {section}: {reason}"))?;
    }
    Ok(())
}
