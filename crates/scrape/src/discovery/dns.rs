//! Targets listed in the DNS.

use super::{ADDRESS, Report};
use crate::config::{DnsKind, DnsSdConfig};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use model::Labels;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Looks the names up every refresh interval. A name that cannot be looked up keeps its targets; a name that
/// does not exist has none.
pub(super) async fn poll(config: DnsSdConfig, servers: Vec<SocketAddr>, report: Report) {
    let refresh = Duration::from(config.refresh());
    let mut known: BTreeMap<String, Vec<Labels>> = BTreeMap::new();
    let mut sent: Option<Vec<Labels>> = None;
    loop {
        // Made anew each time, so that a changed resolv.conf is seen.
        match resolver(&servers) {
            Ok(resolver) => {
                for name in &config.names {
                    match lookup(&resolver, name, &config).await {
                        Ok(targets) => {
                            known.insert(name.clone(), targets);
                        }
                        Err(e) => report.failed("dns", name, &e),
                    }
                }
            }
            Err(e) => report.failed("dns", "the resolver", &e),
        }
        let all: Vec<Labels> = known.values().flatten().cloned().collect();
        if !known.is_empty() && sent.as_ref() != Some(&all) {
            report.send(all.clone()).await;
            sent = Some(all);
        }
        tokio::time::sleep(refresh).await;
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(|e| e.to_string())?
    } else {
        let one = |server: &SocketAddr| {
            let mut c = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut c.connections {
                connection.port = server.port();
            }
            c
        };
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(one).collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    builder.options_mut().cache_size = 0;
    builder.build().map_err(|e| e.to_string())
}

async fn lookup(resolver: &TokioResolver, name: &str, config: &DnsSdConfig) -> Result<Vec<Labels>, String> {
    let kind = match config.kind() {
        DnsKind::A => RecordType::A,
        DnsKind::Aaaa => RecordType::AAAA,
        DnsKind::Srv => RecordType::SRV,
        DnsKind::Mx => RecordType::MX,
        DnsKind::Ns => RecordType::NS,
    };
    let answers = match resolver.lookup(name, kind).await {
        Ok(answers) => answers,
        Err(e) if e.is_nx_domain() || e.is_no_records_found() => return Ok(Vec::new()),
        Err(e) => return Err(e.to_string()),
    };
    let port = config.port.unwrap_or(0);
    let mut targets: Vec<Labels> =
        answers.answers().iter().filter_map(|record| target(name, port, &record.data)).collect();
    // Servers rotate their answers; the targets are the same in any order.
    targets.sort();
    targets.dedup();
    Ok(targets)
}

fn target(name: &str, port: u16, data: &RData) -> Option<Labels> {
    let host = |n: &Name| n.to_utf8().trim_end_matches('.').to_owned();
    let dotted = |n: &Name| format!("{}.", host(n));
    let mut labels: Vec<(&str, String)> = vec![("__meta_dns_name", name.to_owned())];
    let address = match data {
        RData::A(a) => format!("{}:{port}", a.0),
        RData::AAAA(a) => format!("[{}]:{port}", a.0),
        RData::SRV(srv) => {
            labels.push(("__meta_dns_srv_record_target", dotted(&srv.target)));
            labels.push(("__meta_dns_srv_record_port", srv.port.to_string()));
            format!("{}:{}", host(&srv.target), srv.port)
        }
        RData::MX(mx) => {
            labels.push(("__meta_dns_mx_record_target", dotted(&mx.exchange)));
            format!("{}:{port}", host(&mx.exchange))
        }
        RData::NS(ns) => {
            labels.push(("__meta_dns_ns_record_target", dotted(&ns.0)));
            format!("{}:{port}", host(&ns.0))
        }
        // Aliases on the way to the answer.
        _ => return None,
    };
    labels.push((ADDRESS, address));
    Labels::from_pairs(labels).ok()
}
