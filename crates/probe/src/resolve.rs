//! From the name of a target to the address that is probed.

use crate::config::IpProtocol;
use crate::trial::{Failure, Trial};
use std::net::IpAddr;
use tokio::time::Instant;

/// Which addresses a module takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preference {
    pub preferred: IpProtocol,
    pub fallback: bool,
}

/// The address to probe, and the seconds it took to find it.
pub(crate) async fn resolve(host: &str, p: Preference, trial: &mut Trial) -> Result<(IpAddr, f64), Failure> {
    let begun = Instant::now();
    let found = look_up(host, p).await;
    let took = begun.elapsed().as_secs_f64();
    trial.metrics.add("probe_dns_lookup_time_seconds", &[], took);
    trial.set("probe_ip_protocol", 0.0);
    trial.set("probe_ip_addr_hash", 0.0);
    let ip = found.map_err(|reason| Failure(format!("cannot resolve {host:?}: {reason}")))?;
    trial.set("probe_ip_protocol", if ip.is_ipv4() { 4.0 } else { 6.0 });
    trial.set("probe_ip_addr_hash", f64::from(hash(ip)));
    trial.debug(format!("{host} is {ip}"));
    Ok((ip, took))
}

/// The same without a trace: for the hosts of redirects.
pub(crate) async fn look_up(host: &str, p: Preference) -> Result<IpAddr, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err("it is empty".to_owned());
    }
    let found: Vec<IpAddr> = match host.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) => {
            let all = tokio::net::lookup_host((host, 0)).await.map_err(|e| e.to_string())?;
            all.map(|a| a.ip()).collect()
        }
    };
    choose(&found, p)
}

fn choose(found: &[IpAddr], p: Preference) -> Result<IpAddr, String> {
    let preferred = |ip: &&IpAddr| ip.is_ipv4() == (p.preferred == IpProtocol::Ip4);
    let other = || if p.fallback { found.first() } else { None };
    found.iter().find(preferred).or_else(other).copied().ok_or_else(|| match (found.len(), p.preferred) {
        (0, _) => "it has no address".to_owned(),
        (_, IpProtocol::Ip4) => "it has no IPv4 address, and ip_protocol_fallback is false".to_owned(),
        (_, IpProtocol::Ip6) => "it has no IPv6 address, and ip_protocol_fallback is false".to_owned(),
    })
}

/// FNV-1a, 32 bits, of the address' bytes, as blackbox_exporter has it.
fn hash(ip: IpAddr) -> u32 {
    let fnv = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5u32, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
    };
    match ip {
        IpAddr::V4(v4) => fnv(&v4.octets()),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => fnv(&v4.octets()),
            None => fnv(&v6.octets()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_protocol_is_taken_and_the_other_where_that_may_be() {
        let (v4, v6): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        for (found, preferred, fallback, want) in [
            (vec![v4, v6], IpProtocol::Ip6, true, Some(v6)),
            (vec![v4, v6], IpProtocol::Ip4, true, Some(v4)),
            (vec![v4], IpProtocol::Ip6, true, Some(v4)),
            (vec![v4], IpProtocol::Ip6, false, None),
            (vec![v6], IpProtocol::Ip4, false, None),
            (vec![], IpProtocol::Ip4, true, None),
        ] {
            assert_eq!(choose(&found, Preference { preferred, fallback }).ok(), want);
        }
    }

    #[test]
    fn the_hash_of_an_address_is_that_of_blackbox_exporter() {
        assert_eq!(hash("127.0.0.1".parse().unwrap()), 3668918509);
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        assert_eq!(hash("127.0.0.1".parse().unwrap()), hash(mapped));
    }
}
