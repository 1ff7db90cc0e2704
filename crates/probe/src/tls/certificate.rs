//! What certificates say, as blackbox_exporter shows it.

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, GeneralName, X509Certificate, X509Name};

/// The Unix seconds of Go's zero time: what blackbox_exporter gives where nothing is known.
const NEVER: i64 = -62_135_596_800;

/// The certificate of a target itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Hexadecimal.
    pub fingerprint_sha256: String,
    /// Whose it is.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// DNS names that it holds.
    pub names: Vec<String>,
    /// Hexadecimal, without leading zeros.
    pub serial: String,
    /// When it expires, Unix seconds.
    pub expiry: i64,
}

impl Leaf {
    /// Reads a certificate; `None` if it is none.
    pub fn read(der: &[u8]) -> Option<Leaf> {
        let cert = parsed(der)?;
        let serial = cert.raw_serial();
        let zeros = serial.iter().take_while(|b| **b == 0).count();
        let names = cert.subject_alternative_name().ok().flatten();
        let names = names.into_iter().flat_map(|n| &n.value.general_names);
        let dns = names.filter_map(|name| match name {
            GeneralName::DNSName(dns) => Some((*dns).to_owned()),
            _ => None,
        });
        Some(Leaf {
            fingerprint_sha256: hex(&Sha256::digest(der)),
            subject: name(cert.subject()),
            issuer: name(cert.issuer()),
            names: dns.collect(),
            serial: hex(&serial[zeros..]),
            expiry: expiry(&cert),
        })
    }
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().map(|(_, cert)| cert)
}

fn expiry(cert: &X509Certificate<'_>) -> i64 {
    cert.validity().not_after.timestamp()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A name as RFC 2253 writes it: the last part first, and what has a meaning escaped.
fn name(name: &X509Name<'_>) -> String {
    let part = |a: &AttributeTypeAndValue<'_>| {
        let kind = a.attr_type().to_id_string();
        let kind = match kind.as_str() {
            "2.5.4.3" => "CN",
            "2.5.4.5" => "SERIALNUMBER",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.9" => "STREET",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            "2.5.4.17" => "POSTALCODE",
            other => other,
        };
        let value = match a.as_str() {
            Ok(text) => escaped(text),
            Err(_) => format!("#{}", hex(a.as_slice())),
        };
        format!("{kind}={value}")
    };
    let parts: Vec<String> =
        name.iter().map(|set| set.iter().map(part).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    for (i, c) in text.chars().enumerate() {
        let meant = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (c == '#' && i == 0)
            || (c == ' ' && (i == 0 || i == last));
        if meant {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// When the first of the certificates expires that a target shows.
pub fn earliest_expiry(chain: &[CertificateDer<'_>]) -> i64 {
    chain.iter().filter_map(|der| Some(expiry(&parsed(der)?))).min().unwrap_or(NEVER)
}

/// When the chain from a target's certificate to an authority expires: the latest of all such chains, each of which ends
/// with its first certificate to expire. The handshake has checked signatures; chains are followed by names.
pub fn chain_expiry(shown: &[CertificateDer<'_>], roots: &[CertificateDer<'_>]) -> i64 {
    let links = |all: &[CertificateDer<'_>]| -> Vec<(Vec<u8>, Vec<u8>, i64)> {
        all.iter()
            .filter_map(|der| {
                let cert = parsed(der)?;
                Some((cert.subject().as_raw().to_vec(), cert.issuer().as_raw().to_vec(), expiry(&cert)))
            })
            .collect()
    };
    let shown = links(shown);
    let Some((_, issuer, mut ends)) = shown.first().cloned() else { return NEVER };
    let roots = links(roots);
    let (mut issuer, mut last) = (issuer, NEVER);
    // A chain has no more links than there are certificates.
    for _ in 0..=shown.len() {
        for root in roots.iter().filter(|r| r.0 == issuer) {
            last = last.max(ends.min(root.2));
        }
        match shown.iter().skip(1).find(|c| c.0 == issuer && c.1 != issuer) {
            Some(next) => {
                ends = ends.min(next.2);
                issuer = next.1.clone();
            }
            None => break,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_name_is_escaped() {
        for (text, want) in
            [("a", "a"), ("a, b", "a\\, b"), (" a ", "\\ a\\ "), ("#1", "\\#1"), ("a=b", "a=b")]
        {
            assert_eq!(escaped(text), want);
        }
    }

    #[test]
    fn a_chain_ends_with_its_first_certificate() {
        use rcgen::{
            BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
        };
        let authority = |cn: &str, year| {
            let mut p = CertificateParams::new(Vec::new()).unwrap();
            p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            p.distinguished_name.push(DnType::CommonName, cn);
            p.not_after = date_time_ymd(year, 1, 1);
            p
        };
        let root =
            CertifiedIssuer::self_signed(authority("root", 2040), KeyPair::generate().unwrap()).unwrap();
        let between =
            CertifiedIssuer::signed_by(authority("between", 2031), KeyPair::generate().unwrap(), &root)
                .unwrap();
        let mut leaf = CertificateParams::new(vec!["a.test".to_owned(), "b.test".to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, "a.test");
        leaf.distinguished_name.push(DnType::OrganizationName, "A, B");
        leaf.not_after = date_time_ymd(2035, 1, 1);
        leaf.serial_number = Some(vec![0x0a, 0xff].into());
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &between).unwrap();
        let chain = [leaf.der().clone(), between.der().clone()];
        let year = |y| date_time_ymd(y, 1, 1).unix_timestamp();
        assert_eq!(earliest_expiry(&chain), year(2031));
        assert_eq!(chain_expiry(&chain, &[root.der().clone()]), year(2031));
        assert_eq!(chain_expiry(&chain, &[between.der().clone()]), year(2031));
        assert_eq!(chain_expiry(&chain[..1], &[root.der().clone()]), NEVER);
        assert_eq!(chain_expiry(&[], &[]), NEVER);
        let read = Leaf::read(leaf.der()).unwrap();
        assert_eq!(read.names, ["a.test", "b.test"]);
        assert_eq!((read.serial.as_str(), read.expiry), ("0aff", year(2035)));
        assert!(read.subject.contains("CN=a.test") && read.subject.contains("O=A\\, B"), "{}", read.subject);
        assert_eq!(read.fingerprint_sha256.len(), 64);
        assert!(Leaf::read(b"none").is_none());
    }
}
