//! Connections, and what is said over them.

use crate::config::{TcpProbe, UnixProbe};
use crate::dialogue::{Connection, hold};
use crate::resolve::{Preference, resolve};
use crate::tls::Tls;
use crate::trial::{Failure, Trial};
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream};

/// Splits `host:port`; the host may be an IPv6 address in brackets.
pub(crate) fn host_port(target: &str) -> Option<(&str, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match bare {
        None if host.contains(':') => None,
        _ => Some((bare.unwrap_or(host), port.parse().ok()?)),
    }
}

/// Connects, from an address of ours if one is named.
pub(crate) async fn connect(to: SocketAddr, from: Option<&str>) -> Result<TcpStream, Failure> {
    let wrong = |e: std::io::Error| Failure(format!("cannot connect to {to}: {e}"));
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(wrong)?;
    if let Some(from) = from {
        let ip: IpAddr =
            from.parse().map_err(|_| format!("source_ip_address {from:?} is not an IP address"))?;
        socket.bind(SocketAddr::new(ip, 0)).map_err(|e| format!("cannot connect from {from}: {e}"))?;
    }
    let stream = socket.connect(to).await.map_err(wrong)?;
    stream.set_nodelay(true).map_err(wrong)?;
    Ok(stream)
}

/// Probes `host:port`.
pub(crate) async fn probe(target: &str, config: &TcpProbe, trial: &mut Trial) -> Result<(), Failure> {
    let (host, port) = host_port(target).ok_or_else(|| format!("the target {target:?} is not host:port"))?;
    let preference = Preference {
        preferred: config.preferred_ip_protocol,
        fallback: config.ip_protocol_fallback.unwrap_or(true),
    };
    let (ip, _) = resolve(host, preference, trial).await?;
    let to = SocketAddr::new(ip, port);
    let stream = connect(to, config.source_ip_address.as_deref()).await?;
    trial.debug(format!("connected to {to}"));
    let tls = match config.tls || config.query_response.iter().any(|s| s.starttls) {
        true => Some(Tls::new(config.tls_config.as_ref())?),
        false => None,
    };
    let mut stream: Box<dyn Connection> = Box::new(stream);
    if let Some(tls) = tls.as_ref().filter(|_| config.tls) {
        let (encrypted, handshake) = tls.connect(stream, host, &[]).await?;
        handshake.note(trial, false, true);
        stream = Box::new(encrypted);
    }
    hold(stream, &config.query_response, tls.as_ref(), host, trial).await
}

/// Probes a socket of this machine by its path.
pub(crate) async fn probe_unix(target: &str, config: &UnixProbe, trial: &mut Trial) -> Result<(), Failure> {
    let path = target.strip_prefix("unix://").or(target.strip_prefix("unix:")).unwrap_or(target);
    let stream = tokio::net::UnixStream::connect(path).await;
    let mut stream: Box<dyn Connection> =
        Box::new(stream.map_err(|e| format!("cannot connect to the socket {path}: {e}"))?);
    trial.debug(format!("connected to {path}"));
    let wants = config.tls || config.query_response.iter().any(|s| s.starttls);
    let tls = if wants { Some(Tls::new(config.tls_config.as_ref())?) } else { None };
    if let Some(tls) = &tls
        && tls.server_name.is_none()
    {
        return Err("tls_config.server_name is required: a socket of this machine has no name".into());
    }
    if let Some(tls) = tls.as_ref().filter(|_| config.tls) {
        let (encrypted, handshake) = tls.connect(stream, "", &[]).await?;
        handshake.note(trial, false, true);
        stream = Box::new(encrypted);
    }
    hold(stream, &config.query_response, tls.as_ref(), "", trial).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_hosts_and_ports() {
        for (target, want) in [
            ("a.test:80", Some(("a.test", 80))),
            ("[::1]:443", Some(("::1", 443))),
            ("::1:443", None),
            ("a.test", None),
            ("a.test:http", None),
            ("a.test:65536", None),
        ] {
            assert_eq!(host_port(target), want, "{target}");
        }
    }
}
