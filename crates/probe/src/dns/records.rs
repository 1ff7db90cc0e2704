//! Questions, and records as text.

use crate::config::{DnsProbe, Pattern, RecordRules};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use std::str::FromStr;

/// What a module asks for; or the field that is wrong, and why.
pub fn question(config: &DnsProbe) -> Result<Query, (&'static str, String)> {
    if config.query_name.is_empty() {
        return Err(("query_name", "is required".to_owned()));
    }
    let mut name = Name::from_ascii(&config.query_name)
        .map_err(|e| ("query_name", format!("{:?} is not a name: {e}", config.query_name)))?;
    name.set_fqdn(true);
    let kind = config.query_type.as_deref().unwrap_or("ANY");
    let kind = RecordType::from_str(kind)
        .map_err(|_| ("query_type", format!("{kind:?} is not a type of record, such as A, AAAA, SOA")))?;
    let class = config.query_class.as_deref().unwrap_or("IN");
    let class = DNSClass::from_str(class)
        .map_err(|_| ("query_class", format!("{class:?} is not one of IN, CH, HS, NONE, ANY")))?;
    let mut query = Query::query(name, kind);
    query.set_query_class(class);
    Ok(query)
}

/// The message that a module sends.
pub fn query(config: &DnsProbe, id: u16) -> Result<Message, (&'static str, String)> {
    let mut message = Message::query();
    message.metadata.id = id;
    message.metadata.recursion_desired = config.recursion_desired.unwrap_or(true);
    message.add_query(question(config)?);
    Ok(message)
}

/// Reads an answer.
pub fn read(bytes: &[u8]) -> Result<Message, String> {
    Message::from_vec(bytes).map_err(|e| format!("the answer cannot be read: {e}"))
}

/// A code of an answer by its name.
pub fn response_code(name: &str) -> Option<ResponseCode> {
    use ResponseCode as R;
    Some(match name {
        "NOERROR" => R::NoError,
        "FORMERR" => R::FormErr,
        "SERVFAIL" => R::ServFail,
        "NXDOMAIN" => R::NXDomain,
        "NOTIMP" | "NOTIMPL" => R::NotImp,
        "REFUSED" => R::Refused,
        "YXDOMAIN" => R::YXDomain,
        "YXRRSET" => R::YXRRSet,
        "NXRRSET" => R::NXRRSet,
        "NOTAUTH" => R::NotAuth,
        "NOTZONE" => R::NotZone,
        "BADSIG" | "BADVERS" => R::BADSIG,
        "BADKEY" => R::BADKEY,
        "BADTIME" => R::BADTIME,
        "BADMODE" => R::BADMODE,
        "BADNAME" => R::BADNAME,
        "BADALG" => R::BADALG,
        "BADTRUNC" => R::BADTRUNC,
        "BADCOOKIE" => R::BADCOOKIE,
        _ => return None,
    })
}

/// A record as a line of a zone file, tabs between its parts.
pub fn line(record: &Record) -> String {
    let class: &str = record.dns_class.into();
    let data = match &record.data {
        RData::TXT(txt) => {
            let parts = txt.txt_data.iter().map(|part| {
                let text = String::from_utf8_lossy(part);
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            });
            parts.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    };
    format!("{}\t{}\t{class}\t{}\t{data}", record.name, record.ttl, record.record_type())
}

/// Whether records are what they must be.
pub fn validate(lines: &[String], rules: &RecordRules) -> Result<(), String> {
    let matches = |line: &String, pattern: &Pattern| pattern.is_match(line.as_bytes());
    for (key, patterns) in [
        ("fail_if_not_matches_regexp", &rules.fail_if_not_matches_regexp),
        ("fail_if_none_matches_regexp", &rules.fail_if_none_matches_regexp),
    ] {
        if lines.is_empty() && !patterns.is_empty() {
            return Err(format!("{key} is given, and there is no record"));
        }
    }
    for line in lines {
        if let Some(p) = rules.fail_if_matches_regexp.iter().find(|p| matches(line, p)) {
            return Err(format!("the record {line:?} matches {:?}", p.as_str()));
        }
        if let Some(p) = rules.fail_if_not_matches_regexp.iter().find(|p| !matches(line, p)) {
            return Err(format!("the record {line:?} does not match {:?}", p.as_str()));
        }
    }
    let all = &rules.fail_if_all_match_regexp;
    if !all.is_empty() && !lines.iter().all(|line| all.iter().all(|p| matches(line, p))) {
        return Err("not all records match fail_if_all_match_regexp".to_owned());
    }
    let none = &rules.fail_if_none_matches_regexp;
    if !none.is_empty() && !lines.iter().any(|line| none.iter().any(|p| matches(line, p))) {
        return Err("no record matches any of fail_if_none_matches_regexp".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_what_they_must_be() {
        let two = ["a.\t1\tIN\tA\t192.0.2.1".to_owned(), "a.\t1\tIN\tA\t192.0.2.2".to_owned()];
        let one = |text: &str| vec![Pattern::new(text).unwrap()];
        type Change = fn(&mut RecordRules, Vec<Pattern>);
        let matches: Change = |r, p| r.fail_if_matches_regexp = p;
        let not: Change = |r, p| r.fail_if_not_matches_regexp = p;
        let all: Change = |r, p| r.fail_if_all_match_regexp = p;
        let none: Change = |r, p| r.fail_if_none_matches_regexp = p;
        for (change, pattern, ok, ok_if_empty) in [
            (matches, "\\.1$", false, true),
            (matches, "\\.3$", true, true),
            (not, "192", true, false),
            (not, "\\.1$", false, false),
            // As blackbox_exporter has it: named after what it does not do.
            (all, "192", true, true),
            (all, "\\.1$", false, true),
            (none, "\\.2$", true, false),
            (none, "\\.3$", false, false),
        ] {
            let mut rules = RecordRules::default();
            change(&mut rules, one(pattern));
            assert_eq!(validate(&two, &rules).is_ok(), ok, "{rules:?}");
            assert_eq!(validate(&[], &rules).is_ok(), ok_if_empty, "{rules:?}");
        }
    }
}
