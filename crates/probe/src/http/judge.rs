//! Whether an answer is right.

use crate::config::{HeaderMatch, HttpProbe};
use crate::trial::Failure;
use hyper::header::HeaderMap;

pub(super) fn status(status: u16, config: &HttpProbe) -> Result<(), Failure> {
    let valid = &config.valid_status_codes;
    match valid.is_empty() {
        true if (200..300).contains(&status) => Ok(()),
        true => Err(format!("the status is {status}, and 2xx is right").into()),
        false if valid.contains(&status) => Ok(()),
        false => Err(format!("the status is {status}, and right are {valid:?}").into()),
    }
}

pub(super) fn headers(headers: &HeaderMap, config: &HttpProbe) -> Result<(), Failure> {
    for (all, must) in [(&config.fail_if_header_matches, false), (&config.fail_if_header_not_matches, true)] {
        all.iter().try_for_each(|m| header(headers, m, must))?;
    }
    Ok(())
}

fn header(headers: &HeaderMap, m: &HeaderMatch, must: bool) -> Result<(), Failure> {
    let Some(pattern) = &m.regexp else { return Ok(()) };
    let values: Vec<&[u8]> = headers.get_all(m.header.as_str()).iter().map(|v| v.as_bytes()).collect();
    if values.is_empty() {
        return match m.allow_missing {
            true => Ok(()),
            false => Err(format!("there is no header {}", m.header).into()),
        };
    }
    match (values.iter().any(|v| pattern.is_match(v)), must) {
        (true, false) => Err(format!("the header {} matches {:?}", m.header, pattern.as_str()).into()),
        (false, true) => Err(format!("the header {} does not match {:?}", m.header, pattern.as_str()).into()),
        _ => Ok(()),
    }
}

pub(super) fn body(body: &[u8], config: &HttpProbe) -> Result<(), Failure> {
    if let Some(p) = config.fail_if_body_matches_regexp.iter().find(|p| p.is_match(body)) {
        return Err(format!("the body matches {:?}", p.as_str()).into());
    }
    if let Some(p) = config.fail_if_body_not_matches_regexp.iter().find(|p| !p.is_match(body)) {
        return Err(format!("the body does not match {:?}", p.as_str()).into());
    }
    Ok(())
}

pub(super) fn version(version: &str, config: &HttpProbe) -> Result<(), Failure> {
    let valid = &config.valid_http_versions;
    let is = |v: &String| v == version || format!("{v}.0") == version;
    if valid.is_empty() || valid.iter().any(is) {
        return Ok(());
    }
    Err(format!("the answer is {version}, and right are {}", valid.join(", ")).into())
}

pub(super) fn encryption(encrypted: bool, config: &HttpProbe) -> Result<(), Failure> {
    match encrypted {
        true if config.fail_if_ssl => Err("the last request was encrypted".into()),
        false if config.fail_if_not_ssl => Err("the last request was not encrypted".into()),
        _ => Ok(()),
    }
}
