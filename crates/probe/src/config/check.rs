//! What one field alone cannot show.

use super::{Invalid, Kind, Module, TlsConfig};
use crate::dns::records;
use std::net::IpAddr;

impl Module {
    /// Checks the section of this module's kind.
    pub fn check(&self) -> Result<(), Invalid> {
        let section = match self.prober {
            Kind::Http => ("http", self.http.check()),
            Kind::Tcp => {
                ("tcp", check_tls(&self.tcp.tls_config).and_then(|()| source(&self.tcp.source_ip_address)))
            }
            Kind::Unix => ("unix", check_tls(&self.unix.tls_config)),
            Kind::Icmp => ("icmp", source(&self.icmp.source_ip_address)),
            Kind::Dns => ("dns", self.dns.check()),
            Kind::Grpc => ("grpc", check_tls(&self.grpc.tls_config).and_then(|()| self.check_metadata())),
        };
        let (name, checked) = section;
        checked.map_err(|e| e.within(name))?;
        if self.timeout.is_some_and(|t| t.is_zero()) {
            return Err(Invalid::new("timeout", "must be more than 0"));
        }
        Ok(())
    }

    fn check_metadata(&self) -> Result<(), Invalid> {
        for (name, values) in &self.grpc.metadata {
            let field = format!("metadata.{name}");
            if hyper::header::HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).is_err() {
                return Err(Invalid::new(field, "not a valid name of metadata"));
            }
            if values.iter().any(|v| hyper::header::HeaderValue::from_str(v).is_err()) {
                return Err(Invalid::new(field, "not a valid value of metadata"));
            }
        }
        Ok(())
    }
}

impl super::DnsProbe {
    fn check(&self) -> Result<(), Invalid> {
        check_tls(&self.tls_config)?;
        source(&self.source_ip_address)?;
        records::question(self).map_err(|(field, reason)| Invalid::new(field, reason))?;
        let transport = self.transport_protocol.as_deref().unwrap_or("udp");
        if !matches!(transport, "udp" | "tcp") {
            return Err(Invalid::new("transport_protocol", format!("{transport:?} is not one of udp, tcp")));
        }
        if self.dns_over_tls && transport != "tcp" {
            return Err(Invalid::new("dns_over_tls", "needs transport_protocol: tcp"));
        }
        for code in &self.valid_rcodes {
            if records::response_code(code).is_none() {
                return Err(Invalid::new("valid_rcodes", format!("{code:?} is not a code of an answer")));
            }
        }
        Ok(())
    }
}

fn check_tls(tls: &Option<TlsConfig>) -> Result<(), Invalid> {
    tls.as_ref().map_or(Ok(()), |tls| tls.check("tls_config"))
}

fn source(address: &Option<String>) -> Result<(), Invalid> {
    match address {
        Some(a) if a.parse::<IpAddr>().is_err() => {
            Err(Invalid::new("source_ip_address", format!("{a:?} is not an IP address")))
        }
        _ => Ok(()),
    }
}
