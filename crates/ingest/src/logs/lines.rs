//! JSON lines: one object to a line, as VictoriaLogs takes them.

use super::Roles;
use super::document::{Documents, Fields, Origin};
use super::json::read_object;
use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused};
use std::borrow::Cow;

/// Appends every line of a body. Lines that are no objects, or whose time is none, are refused alone; empty ones are
/// passed over. A record without a message has the whole line as its body.
pub fn decode(body: &[u8], roles: &Roles, w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut documents = Documents::new(roles);
    let mut fields = Fields::default();
    for (number, line) in each(body) {
        let done = match std::str::from_utf8(line) {
            Ok(text) => one(text, &mut fields, &mut documents, w),
            // What is not UTF-8 is replaced, so that the rest of the line is not lost.
            Err(_) => one(&String::from_utf8_lossy(line), &mut Fields::default(), &mut documents, w),
        };
        let done = done.map_err(|refused| match refused {
            Refused::Record(why) => Refused::Record(format!("line {number}: {why}")),
            body => body,
        });
        w.settle(done)?;
    }
    Ok(())
}

fn one<'a>(
    text: &'a str,
    fields: &mut Fields<'a>,
    documents: &mut Documents<'_>,
    w: &mut RecordWriter,
) -> Result<(), Refused> {
    read_object(text, w.limits(), fields).map_err(Refused::Record)?;
    documents.write(fields, Origin { raw: text, ..Origin::default() }, w)
}

/// The lines of a body that are not blank, without their ends, numbered from 1.
pub(crate) fn each(body: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = body;
    let mut number = 0;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let line = &rest[..end.unwrap_or(rest.len())];
            rest = &rest[end.map_or(rest.len(), |e| e + 1)..];
            number += 1;
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some((number, line));
            }
        }
        None
    })
}

/// Where a request says what the fields mean: parameters of the URL, then headers.
pub trait Parameters {
    /// The value of `_msg_field` or of the header `VL-Msg-Field`, for example.
    fn get(&self, parameter: &str, header: &str) -> Option<Cow<'_, str>>;
}

/// What the fields mean according to a request, with the parameters of VictoriaLogs: `_time_field`, `_msg_field`,
/// `_stream_fields`, `ignore_fields` and `extra_fields` (or `VL-Time-Field` and so on), each a list with commas.
pub fn roles(request: &impl Parameters) -> Result<Roles, DecodeError> {
    let mut roles = Roles::default();
    let list = |parameter, header| {
        let given = request.get(parameter, header)?;
        let names: Vec<String> =
            given.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
        (!names.is_empty()).then_some(names)
    };
    if let Some(names) = list("_time_field", "VL-Time-Field") {
        roles.set_times(&names);
    }
    if let Some(names) = list("_msg_field", "VL-Msg-Field") {
        roles.set_messages(&names);
    }
    if let Some(names) = list("_stream_fields", "VL-Stream-Fields") {
        roles.set_stream(&names);
    }
    if let Some(names) = list("ignore_fields", "VL-Ignore-Fields") {
        roles.set_ignored(&names);
    }
    for pair in list("extra_fields", "VL-Extra-Fields").unwrap_or_default() {
        match pair.split_once('=') {
            Some((name, value)) => roles.add_extra(name, value),
            None => {
                return Err(DecodeError::Unreadable(format!(
                    "extra_fields has {:?}: write name=value, several with commas between them",
                    crate::limits::cut(&pair, 100)
                )));
            }
        }
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{records, writer};
    use super::*;

    struct Given(&'static [(&'static str, &'static str)]);

    impl Parameters for Given {
        fn get(&self, parameter: &str, _: &str) -> Option<Cow<'_, str>> {
            self.0.iter().find(|(n, _)| *n == parameter).map(|(_, v)| Cow::Borrowed(*v))
        }
    }

    fn decoded(given: &'static [(&'static str, &'static str)], body: &[u8]) -> String {
        let mut w = writer();
        decode(body, &roles(&Given(given)).unwrap(), &mut w).unwrap();
        records(w)
    }

    #[test]
    fn defaults() {
        let body = br#"{"_time":"2026-11-21T10:20:30.5Z","_msg":"hello \"you\"","app":"shop","host":"h1","level":"warn","n":1.5}

{"@timestamp":1795256430,"message":"second","host":{"name":"h2","ip":["10.0.0.1",2,null,{"a":[]}]},"ok":true,"none":null,"o":{}}
{"ts":"soon","msg":"no time","trace_id":"0102030405060708090a0b0c0d0e0f10","span_id":"0102030405060708","big":18446744073709551615}
{"a":{"b":{"c":-1}}}
"#;
        insta::assert_snapshot!(decoded(&[], body));
    }

    #[test]
    fn parameters_say_what_fields_mean() {
        let body = br#"{"t":1795256430123,"text":"x","who":"me","level":7,"secret":"s","host":"h"}"#;
        insta::assert_snapshot!(decoded(
            &[
                ("_time_field", "t"),
                ("_msg_field", "body, text"),
                ("_stream_fields", "who,team"),
                ("ignore_fields", "secret"),
                ("extra_fields", "team=a=b,dc=1")
            ],
            body
        ));
        let wrong = roles(&Given(&[("extra_fields", "x")])).unwrap_err().to_string();
        assert_eq!(wrong, "extra_fields has \"x\": write name=value, several with commas between them");
    }

    #[test]
    fn what_is_wrong_is_refused_alone() {
        let mut body =
            b"nonsense\n[1]\n{\"_msg\":\"kept \xff\"}\n{\"_time\":\"noon\"}\n{\"a\":1} {}\n".to_vec();
        body.extend_from_slice(b"{\"a\":\"\\ud800\"}\n");
        body.extend_from_slice(format!("{}1{}\n", "{\"a\":".repeat(40), "}".repeat(40)).as_bytes());
        body.extend_from_slice(format!("{{\"a\":{}1{}}}\n", "[".repeat(40), "]".repeat(40)).as_bytes());
        body.extend_from_slice(format!("{{\"_msg\":\"{}\"}}\n", "x".repeat(200)).as_bytes());
        let many: Vec<String> = (0..30).map(|i| format!("\"k{i}\":1")).collect();
        body.extend_from_slice(format!("{{{}}}\n", many.join(",")).as_bytes());
        body.extend_from_slice(format!("{{\"{}\":1}}\n", "k".repeat(60)).as_bytes());
        insta::assert_snapshot!(super::super::testing::each_refusal(&body, |line, w| {
            decode(line, &Roles::default(), w).unwrap();
        }));
    }
}
