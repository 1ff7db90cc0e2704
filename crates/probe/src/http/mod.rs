//! Requests over HTTP: what is asked, redirects, and how long each phase takes.

mod body;
mod exchange;
mod judge;
mod proxy;

use crate::config::HttpProbe;
use crate::resolve::{Preference, look_up, resolve};
use crate::tls::{Handshake, Tls};
use crate::trial::{Failure, Level, Trial};
use body::Limits;
use bytes::Bytes;
use exchange::{Answer, Route};
use hyper::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE,
    USER_AGENT as AGENT,
};
use hyper::{Method, StatusCode, Version};
use proxy::Proxies;
use scrape::RequestHeaders;
use tokio::time::Instant;
use url::Url;

/// What requests say of themselves.
pub(crate) const USER_AGENT: &str = concat!("Watchfire/", env!("CARGO_PKG_VERSION"), " (probe)");
const DURATION: &str = "probe_http_duration_seconds";
/// Redirects that are followed, as in blackbox_exporter.
const REDIRECTS_MAX: u32 = 10;
/// Bytes of a file that is sent.
const BODY_FILE_BYTES_MAX: u64 = 16 << 20;
/// Cookies that are kept from one redirect to the next.
const COOKIES_MAX: usize = 50;

/// A request as it changes from redirect to redirect.
struct Journey {
    url: Url,
    method: Method,
    body: Bytes,
    /// What is sent in any case.
    headers: HeaderMap,
    /// What the `Host` header says, where it is not the URL's host.
    host: Option<String>,
    redirects: u32,
    /// Host, name and value.
    cookies: Vec<(String, String, String)>,
}

/// Probes a URL.
pub(crate) async fn probe(
    target: &str,
    config: &HttpProbe,
    own_headers: &RequestHeaders,
    trial: &mut Trial,
) -> Result<(), Failure> {
    for phase in ["resolve", "connect", "tls", "processing", "transfer"] {
        trial.phase(DURATION, phase, 0.0);
    }
    for name in [
        "probe_http_content_length",
        "probe_http_uncompressed_body_length",
        "probe_http_redirects",
        "probe_http_ssl",
        "probe_http_status_code",
        "probe_http_version",
        "probe_failed_due_to_regex",
    ] {
        trial.set(name, 0.0);
    }
    let mut journey = begin(target, config, own_headers).await?;
    let proxies = Proxies::new(config)?;
    let tls = Tls::new(config.tls_config.as_ref())?;
    let preference = Preference {
        preferred: config.preferred_ip_protocol,
        fallback: config.ip_protocol_fallback.unwrap_or(true),
    };
    let first = journey.url.clone();
    let mut answer;
    loop {
        let url = journey.url.clone();
        let host = url.host_str().ok_or_else(|| format!("{url} names no host"))?;
        let proxy = proxies.of(&url)?;
        let ip = match (journey.redirects, &proxy) {
            (0, Some(_)) if config.skip_resolve_phase_with_proxy => None,
            (0, _) => {
                let (ip, took) = resolve(host, preference, trial).await?;
                trial.phase(DURATION, "resolve", took);
                Some(ip)
            }
            _ => {
                let begun = Instant::now();
                let ip =
                    look_up(host, preference).await.map_err(|e| format!("cannot resolve {host:?}: {e}"))?;
                trial.phase(DURATION, "resolve", begun.elapsed().as_secs_f64());
                Some(ip)
            }
        };
        // The name in the certificate follows the Host header, but not to other hosts.
        let same_host = url.host_str() == first.host_str();
        let certificate_host = journey.host.as_deref().filter(|_| same_host).map_or(host, without_port);
        let route = Route { url: &url, ip, proxy: proxy.as_ref(), tls: &tls, certificate_host };
        let http2 = config.enable_http2.unwrap_or(true);
        answer = exchange::send(route, http2, journey.request(&first), trial).await?;
        if !journey.follow(&answer, config.follow_redirects.unwrap_or(true), trial)? {
            break;
        }
    }
    trial.set("probe_http_redirects", f64::from(journey.redirects));
    conclude(answer, config, trial).await
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').filter(|(_, p)| p.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(h, _)| h)
}

async fn begin(target: &str, config: &HttpProbe, own: &RequestHeaders) -> Result<Journey, Failure> {
    let lower = target.to_ascii_lowercase();
    let with_scheme = lower.starts_with("http://") || lower.starts_with("https://");
    let text = if with_scheme { target.to_owned() } else { format!("http://{target}") };
    let url = Url::parse(&text).map_err(|e| format!("the target {target:?} is not a URL: {e}"))?;
    let mut headers = own.read().await?;
    let mut host = None;
    for (name, value) in &config.headers {
        if name.eq_ignore_ascii_case("host") {
            host = Some(value.clone());
            continue;
        }
        let wrong = || format!("headers.{name}: cannot be sent");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| wrong())?);
    }
    if !headers.contains_key(AUTHORIZATION)
        && !url.username().is_empty()
        && let Some(basic) = proxy::basic(&url)
    {
        headers.insert(AUTHORIZATION, basic);
    }
    if !headers.contains_key(AGENT) {
        headers.insert(AGENT, HeaderValue::from_static(USER_AGENT));
    }
    let body = match (&config.body, &config.body_file) {
        (Some(body), _) => Bytes::from(body.clone()),
        (None, Some(file)) => {
            let wrong = |e: String| Failure(format!("body_file {}: {e}", file.display()));
            let length = tokio::fs::metadata(file).await.map_err(|e| wrong(e.to_string()))?.len();
            if length > BODY_FILE_BYTES_MAX {
                return Err(wrong(format!("{length} bytes, over the limit of {BODY_FILE_BYTES_MAX}")));
            }
            Bytes::from(tokio::fs::read(file).await.map_err(|e| wrong(e.to_string()))?)
        }
        (None, None) => Bytes::new(),
    };
    let method = config.method.as_deref().filter(|m| !m.is_empty()).unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is no method"))?;
    Ok(Journey { url, method, body, headers, host, redirects: 0, cookies: Vec::new() })
}

/// A request without where it goes.
struct Wanted {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Journey {
    fn request(&self, first: &Url) -> Wanted {
        let mut headers = self.headers.clone();
        let host = self.url.host_str().unwrap_or("");
        let authority = match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let said = self.host.clone().unwrap_or(authority);
        if let Ok(value) = HeaderValue::from_str(&said) {
            headers.insert(HOST, value);
        }
        if self.url.host_str() != first.host_str() {
            // What is meant for one host is not told to another.
            headers.remove(AUTHORIZATION);
            headers.remove(COOKIE);
        }
        let own: Vec<String> =
            self.cookies.iter().filter(|(h, ..)| h == host).map(|(_, n, v)| format!("{n}={v}")).collect();
        if !own.is_empty()
            && let Ok(value) = HeaderValue::from_str(&own.join("; "))
        {
            headers.append(COOKIE, value);
        }
        Wanted { method: self.method.clone(), headers, body: self.body.clone() }
    }

    /// Goes where the answer says; false if it says nothing of the kind, or is not heeded.
    fn follow(&mut self, answer: &Answer, heed: bool, trial: &mut Trial) -> Result<bool, Failure> {
        let status = answer.head.status;
        let to = answer.head.headers.get(LOCATION).and_then(|v| v.to_str().ok());
        let (301 | 302 | 303 | 307 | 308, Some(to)) = (status.as_u16(), to) else { return Ok(false) };
        trial.say(Level::Info, format!("{status}: redirected to {to}"));
        self.redirects += 1;
        if !heed {
            return Ok(false);
        }
        if self.redirects > REDIRECTS_MAX {
            trial.say(Level::Info, format!("more than {REDIRECTS_MAX} redirects are not followed"));
            return Ok(false);
        }
        self.keep_cookies(&answer.head.headers);
        let next = self.url.join(to).map_err(|e| format!("the redirect to {to:?} is no URL: {e}"))?;
        if !matches!(next.scheme(), "http" | "https") {
            return Err(format!("the redirect to {next} is neither http nor https").into());
        }
        if next.host_str() != self.url.host_str() || next.port() != self.url.port() {
            self.host = None;
        }
        if !matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
            if self.method != Method::HEAD {
                self.method = Method::GET;
            }
            self.body = Bytes::new();
            self.headers.remove(hyper::header::CONTENT_TYPE);
        }
        self.url = next;
        Ok(true)
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        let host = self.url.host_str().unwrap_or("").to_owned();
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok()) {
            let Some((name, value)) = cookie.split(';').next().and_then(|c| c.split_once('=')) else {
                continue;
            };
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            self.cookies.retain(|(h, n, _)| *h != host || *n != name);
            if self.cookies.len() < COOKIES_MAX {
                self.cookies.push((host.clone(), name, value));
            }
        }
    }
}

/// Reads the last answer and judges it.
async fn conclude(answer: Answer, config: &HttpProbe, trial: &mut Trial) -> Result<(), Failure> {
    let Answer { head, body, tls, driver } = answer;
    trial.set("probe_http_status_code", f64::from(head.status.as_u16()));
    let (name, number) = match head.version {
        Version::HTTP_10 => ("HTTP/1.0", 1.0),
        Version::HTTP_11 => ("HTTP/1.1", 1.1),
        Version::HTTP_2 => ("HTTP/2.0", 2.0),
        _ => ("", 0.0),
    };
    trial.set("probe_http_version", number);
    let length = head.headers.get("content-length").and_then(|v| v.to_str().ok()?.parse::<f64>().ok());
    trial.set("probe_http_content_length", length.unwrap_or(-1.0));
    if let Some(time) =
        head.headers.get("last-modified").and_then(|v| httpdate::parse_http_date(v.to_str().ok()?).ok())
    {
        let seconds = time.duration_since(std::time::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        trial.set("probe_http_last_modified_timestamp_seconds", seconds);
    }
    note_tls(tls.as_ref(), trial);
    let mut verdict = judge::status(head.status.as_u16(), config);
    let mut failed_of_regex = false;
    if verdict.is_ok() {
        verdict = judge::headers(&head.headers, config);
        failed_of_regex = verdict.is_err();
    }
    let limits = Limits::of(config);
    let begun = Instant::now();
    let read = body::read(body, config.compression.as_deref(), limits).await;
    trial.phase(DURATION, "transfer", begun.elapsed().as_secs_f64());
    drop(driver);
    match read {
        Ok(read) => {
            trial.set("probe_http_uncompressed_body_length", read.bytes as f64);
            if verdict.is_ok() {
                verdict = judge::body(&read.kept, config);
                failed_of_regex = verdict.is_err();
            }
        }
        Err(failure) => verdict = verdict.and(Err(failure)),
    }
    trial.set("probe_failed_due_to_regex", f64::from(u8::from(failed_of_regex)));
    verdict?;
    judge::version(name, config)?;
    judge::encryption(tls.is_some(), config)
}

fn note_tls(tls: Option<&Handshake>, trial: &mut Trial) {
    if let Some(tls) = tls {
        trial.set("probe_http_ssl", 1.0);
        tls.note(trial, true, true);
    }
}
