//! Proxies: which is used for a URL, and tunnels through it.

use crate::config::HttpProbe;
use crate::resolve::{Preference, look_up};
use crate::trial::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// Most bytes of a proxy's answer before the tunnel.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The proxies of a module.
pub(super) struct Proxies {
    /// By scheme: `http`, `https`.
    by_scheme: [Option<Url>; 2],
    except: Vec<String>,
    /// Lines of a CONNECT request.
    headers: Vec<String>,
}

/// A proxy for one request.
pub(super) struct Proxy {
    url: Url,
    headers: Vec<String>,
}

impl Proxies {
    pub fn new(config: &HttpProbe) -> Result<Proxies, Failure> {
        let variable = |name: &str| {
            let lower = std::env::var(name.to_ascii_lowercase());
            lower.or_else(|_| std::env::var(name)).ok().filter(|v| !v.is_empty())
        };
        let (http, https, except) = match (&config.proxy_url, config.proxy_from_environment) {
            (Some(url), _) => (Some(url.clone()), Some(url.clone()), config.no_proxy.clone()),
            (None, true) => (variable("HTTP_PROXY"), variable("HTTPS_PROXY"), variable("NO_PROXY")),
            (None, false) => (None, None, None),
        };
        let parse = |text: Option<String>| -> Result<Option<Url>, Failure> {
            let Some(text) = text else { return Ok(None) };
            let with_scheme = if text.contains("://") { text } else { format!("http://{text}") };
            let url = Url::parse(&with_scheme)
                .map_err(|e| format!("proxy_url: {with_scheme:?} is not a URL: {e}"))?;
            match url.scheme() {
                "http" => Ok(Some(url)),
                other => Err(format!("proxy_url: proxies are spoken to over http, not {other}").into()),
            }
        };
        let headers = config
            .proxy_connect_header
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |v| format!("{name}: {}\r\n", v.expose())))
            .collect();
        let except = except.unwrap_or_default();
        Ok(Proxies {
            by_scheme: [parse(http)?, parse(https)?],
            except: except
                .split(',')
                .map(|e| e.trim().to_ascii_lowercase())
                .filter(|e| !e.is_empty())
                .collect(),
            headers,
        })
    }

    /// The proxy for a URL.
    pub fn of(&self, url: &Url) -> Result<Option<Proxy>, Failure> {
        let proxy = &self.by_scheme[usize::from(url.scheme() == "https")];
        let host = url.host_str().unwrap_or("").trim_matches(['[', ']']);
        match proxy {
            Some(proxy) if !self.except.iter().any(|e| is_meant(e, host)) => {
                Ok(Some(Proxy { url: proxy.clone(), headers: self.headers.clone() }))
            }
            _ => Ok(None),
        }
    }
}

/// Whether an entry of `no_proxy` means a host: `*`, an address, a network, a domain and all below it.
fn is_meant(entry: &str, host: &str) -> bool {
    if entry == "*" || entry == host {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        let (Ok(network), Ok(bits), Ok(ip)) = (network.parse(), bits.parse(), host.parse()) else {
            return false;
        };
        return within(network, bits, ip);
    }
    let domain = entry.trim_start_matches('.');
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && !domain.is_empty())
}

fn within(network: IpAddr, bits: u32, ip: IpAddr) -> bool {
    let (network, ip, width): (u128, u128, u32) = match (network, ip) {
        (IpAddr::V4(n), IpAddr::V4(i)) => (u32::from(n).into(), u32::from(i).into(), 32),
        (IpAddr::V6(n), IpAddr::V6(i)) => (n.into(), i.into(), 128),
        _ => return false,
    };
    let Some(rest) = width.checked_sub(bits) else { return false };
    network.checked_shr(rest).unwrap_or(0) == ip.checked_shr(rest).unwrap_or(0)
}

/// The user and password in a URL as a header.
pub(super) fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() {
        return None;
    }
    let user = url.username();
    let pair = format!("{}:{}", decoded(user), decoded(url.password().unwrap_or("")));
    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()
}

/// Text of a URL without its escapes.
fn decoded(text: &str) -> String {
    url::form_urlencoded::parse(format!("v={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map_or(String::new(), |(_, v)| v.into_owned())
}

impl Proxy {
    /// Its host and port.
    pub fn name(&self) -> String {
        let host = self.url.host_str().unwrap_or("");
        format!("{host}:{}", self.url.port_or_known_default().unwrap_or(80))
    }

    pub async fn address(&self) -> Result<SocketAddr, Failure> {
        let host = self.url.host_str().unwrap_or("");
        let any = Preference { preferred: crate::config::IpProtocol::Ip4, fallback: true };
        let ip = look_up(host, any).await.map_err(|e| format!("cannot resolve the proxy {host:?}: {e}"))?;
        Ok(SocketAddr::new(ip, self.url.port_or_known_default().unwrap_or(80)))
    }

    pub fn authorization(&self) -> Option<HeaderValue> {
        basic(&self.url)
    }

    /// Asks for a connection to `to`, `host:port`.
    pub async fn tunnel(&self, mut stream: TcpStream, to: &str) -> Result<TcpStream, Failure> {
        let wrong = |e: std::io::Error| Failure(format!("the proxy {}: {e}", self.name()));
        let mut head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{}", self.headers.concat());
        if let Some(value) = self.authorization()
            && let Ok(value) = value.to_str()
        {
            head.push_str(&format!("Proxy-Authorization: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.map_err(wrong)?;
        let mut answer = Vec::new();
        // One byte at a time: what follows the head belongs to the tunnel.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= HEAD_BYTES_MAX {
                return Err(format!(
                    "the proxy {} answers with more than {HEAD_BYTES_MAX} bytes",
                    self.name()
                )
                .into());
            }
            answer.push(stream.read_u8().await.map_err(wrong)?);
        }
        let line = String::from_utf8_lossy(&answer);
        let line = line.lines().next().unwrap_or("").to_owned();
        match line.split_whitespace().nth(1) {
            Some(status) if status.starts_with('2') => Ok(stream),
            _ => Err(format!("the proxy {} refuses {to}: {line}", self.name()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hosts_are_reached_without_the_proxy() {
        for (entry, host, meant) in [
            ("*", "a.test", true),
            ("a.test", "a.test", true),
            ("a.test", "b.a.test", true),
            (".a.test", "b.a.test", true),
            ("a.test", "ba.test", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("10.0.0.0/99", "10.1.2.3", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("10.0.0.0/8", "a.test", false),
        ] {
            assert_eq!(is_meant(entry, host), meant, "{entry} {host}");
        }
    }

    #[test]
    fn users_are_unescaped() {
        let url = Url::parse("http://a%40b:c%3Ad+@h").unwrap();
        assert_eq!(basic(&url).unwrap().to_str().unwrap(), format!("Basic {}", STANDARD.encode("a@b:c:d+")));
        assert!(basic(&Url::parse("http://h").unwrap()).is_none());
    }
}
