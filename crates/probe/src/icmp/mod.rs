//! Echoes: what `ping` does.

pub mod packet;
mod socket;

use crate::config::IcmpProbe;
use crate::resolve::{Preference, resolve};
use crate::trial::{Failure, Trial};
use packet::Echo;
use socket::EchoSocket;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::time::Instant;

const DURATION: &str = "probe_icmp_duration_seconds";
/// What the payload begins with.
const PAYLOAD: &[u8] = b"Watchfire probe";
/// No more fits into a packet of IPv4 with its headers.
const PAYLOAD_BYTES_MAX: usize = 65_507;

/// No two probes of this process that run at the same time have the same number.
static SEQUENCE: AtomicU16 = AtomicU16::new(1);

/// Probes a host.
pub(crate) async fn probe(target: &str, config: &IcmpProbe, trial: &mut Trial) -> Result<(), Failure> {
    for phase in ["resolve", "setup", "rtt"] {
        trial.phase(DURATION, phase, 0.0);
    }
    let preference = Preference {
        preferred: config.preferred_ip_protocol,
        fallback: config.ip_protocol_fallback.unwrap_or(true),
    };
    let (ip, took) = resolve(target, preference, trial).await?;
    trial.phase(DURATION, "resolve", took);
    let begun = Instant::now();
    let source: Option<IpAddr> = match &config.source_ip_address {
        Some(text) => {
            Some(text.parse().map_err(|_| format!("source_ip_address {text:?} is not an IP address"))?)
        }
        None => None,
    };
    let socket = EchoSocket::open(ip, source, config)?;
    trial.debug(socket.kind());
    let length = usize::from(config.payload_size).min(PAYLOAD_BYTES_MAX);
    let mut payload = PAYLOAD.to_vec();
    if length > 0 {
        payload.resize(length, 0);
    }
    let echo = Echo {
        v6: ip.is_ipv6(),
        id: rand::random(),
        sequence: SEQUENCE.fetch_add(1, Ordering::Relaxed),
        payload: &payload,
    };
    let bytes = echo.request();
    trial.phase(DURATION, "setup", begun.elapsed().as_secs_f64());
    let sent = Instant::now();
    socket.send(&bytes, SocketAddr::new(ip, 0)).await?;
    trial.debug(format!("sent {} bytes to {ip}", bytes.len()));
    loop {
        let (answer, from, hops) = socket.receive().await?;
        if from != Some(ip) || !echo.is_reply(socket.icmp_of(&answer), socket.kernel_has_id()) {
            continue;
        }
        trial.phase(DURATION, "rtt", sent.elapsed().as_secs_f64());
        if let Some(hops) = hops {
            trial.set("probe_icmp_reply_hop_limit", f64::from(hops));
        }
        return Ok(());
    }
}
