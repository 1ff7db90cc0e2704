//! Syslog messages: RFC 5424, RFC 3164 and what is sent in their name.
//!
//! Host and program are the stream's labels (`host.name`, `service.name`); `syslog.facility`, `syslog.procid`,
//! `syslog.msgid` and the structured data (`<id>.<name>`) are attributes. A message that cannot be taken apart is kept
//! whole as the body: nothing that arrives is lost for want of form.

use super::document::syslog_severity;
use super::time::{self, Clock, SECOND_NS};
use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused};
use model::record::{AttributesBuf, Record, Severity, Value};

/// What is known of the sender beside the message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sender<'a> {
    /// The host of messages that name none: the address they come from.
    pub peer: Option<&'a str>,
    /// Seconds east of UTC of times without a zone.
    pub offset_s: i64,
    /// Bytes that the transport cut off the message.
    pub cut: u64,
}

/// Appends one message.
pub fn message(bytes: &[u8], sender: Sender<'_>, w: &mut RecordWriter) -> Result<(), DecodeError> {
    // Not all senders write UTF-8; what is not is replaced.
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches(['\n', '\r', '\0']);
    if text.is_empty() {
        return Ok(());
    }
    let parsed = parse(text, w.now_ns(), sender.offset_s);
    let done = write(&parsed, sender, w);
    w.settle(done)
}

/// A message taken apart.
#[derive(Debug, Default, PartialEq)]
struct Parsed<'a> {
    priority: Option<u8>,
    time_ns: Option<i64>,
    host: &'a str,
    program: &'a str,
    process: &'a str,
    message_id: &'a str,
    structured: &'a str,
    body: &'a str,
}

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

fn write(p: &Parsed<'_>, sender: Sender<'_>, w: &mut RecordWriter) -> Result<(), Refused> {
    let host = if p.host.is_empty() { sender.peer.unwrap_or("") } else { p.host };
    let mut key = Vec::with_capacity(host.len() + p.program.len() + 1);
    key.extend_from_slice(host.as_bytes());
    // No name holds a line feed: messages end with one.
    key.push(b'\n');
    key.extend_from_slice(p.program.as_bytes());
    let stream = match w.known(&key) {
        Some(stream) => stream,
        None => w.stream(&key, &[("host.name", host), ("service.name", p.program)])?,
    };
    let mut attributes = AttributesBuf::new();
    let mut count = 0;
    let mut text = |name: &str, value: &str, attributes: &mut AttributesBuf| {
        if !value.is_empty() {
            attributes.push(name, Value::String(value));
            count += 1;
        }
    };
    let facility = p.priority.and_then(|p| FACILITIES.get(usize::from(p / 8))).copied();
    text("syslog.facility", facility.unwrap_or(""), &mut attributes);
    text("syslog.procid", p.process, &mut attributes);
    text("syslog.msgid", p.message_id, &mut attributes);
    structured(p.structured, &mut |name, value| text(name, value, &mut attributes));
    if sender.cut > 0 {
        attributes.push("syslog.cut_bytes", Value::Int(i64::try_from(sender.cut).unwrap_or(i64::MAX)));
        count += 1;
    }
    let record = Record {
        severity: p.priority.map_or(Severity::UNKNOWN, |p| syslog_severity(p % 8)),
        attributes: attributes.as_attributes(),
        ..Record::line(p.time_ns.unwrap_or(w.now_ns()), p.body)
    };
    w.push(stream, &record, count)
}

/// Takes a message apart as far as it goes.
fn parse(text: &str, now_ns: i64, offset_s: i64) -> Parsed<'_> {
    let (priority, rest) = priority(text);
    if priority.is_some()
        && let Some(rest) = rest.strip_prefix("1 ")
        && let Some(parsed) = rfc5424(rest)
    {
        return Parsed { priority, ..parsed };
    }
    Parsed { priority, ..rfc3164(rest, now_ns, offset_s) }
}

/// `<34>`: eight times the facility plus the severity.
fn priority(text: &str) -> (Option<u8>, &str) {
    let Some(rest) = text.strip_prefix('<') else { return (None, text) };
    let Some((digits, rest)) = rest.split_once('>') else { return (None, text) };
    let number = match digits.len() {
        1..=3 if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<u8>().ok(),
        _ => None,
    };
    match number.filter(|n| *n <= 191) {
        Some(n) => (Some(n), rest),
        None => (None, text),
    }
}

/// What follows the version: `TIME HOST APP PROCID MSGID STRUCTURED-DATA [MESSAGE]`.
fn rfc5424(text: &str) -> Option<Parsed<'_>> {
    let mut rest = text;
    let mut word = || {
        let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = tail;
        (!word.is_empty()).then_some(if word == "-" { "" } else { word })
    };
    let (when, host, program, process, message_id) = (word()?, word()?, word()?, word()?, word()?);
    let time_ns = match when {
        "" => None,
        when => Some(time::parse(when)?),
    };
    let length = structured_length(rest)?;
    let (structured, body) = rest.split_at(length);
    let body = body.strip_prefix(' ').unwrap_or(body);
    let structured = if structured == "-" { "" } else { structured };
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    Some(Parsed { priority: None, time_ns, host, program, process, message_id, structured, body })
}

/// How long the structured data at the start of a text are: `-`, or elements in brackets.
fn structured_length(text: &str) -> Option<usize> {
    let b = text.as_bytes();
    if b.first() == Some(&b'-') {
        return Some(1);
    }
    let (mut at, mut quoted) = (0, false);
    while b.get(at) == Some(&b'[') {
        loop {
            at += 1;
            match (b.get(at)?, quoted) {
                (b'\\', true) => at += 1,
                (b'"', _) => quoted = !quoted,
                (b']', false) => break,
                _ => {}
            }
        }
        at += 1;
    }
    // A message of RFC 5424 without structured data at all has been seen; it begins with the text.
    (at <= text.len() && text.is_char_boundary(at)).then_some(at)
}

/// Calls `each` with `id.name` and value of every parameter.
fn structured(text: &str, each: &mut dyn FnMut(&str, &str)) {
    let mut rest = text;
    let mut name = String::new();
    let mut value = String::new();
    while let Some(element) = rest.strip_prefix('[') {
        let id_bytes = element.bytes().take_while(|b| !matches!(b, b' ' | b']')).count();
        let (id, mut tail) = element.split_at(id_bytes);
        let mut any = false;
        while let Some((key, after)) = tail.trim_start_matches(' ').split_once("=\"") {
            if key.contains(']') {
                break;
            }
            value.clear();
            let end = unescape(after, &mut value);
            tail = &after[end..];
            name.clear();
            name.push_str(id);
            name.push('.');
            name.push_str(key);
            each(&name, &value);
            any = true;
        }
        if !any && !id.is_empty() {
            each(id, "true");
        }
        rest = tail.split_once(']').map_or("", |(_, rest)| rest);
    }
}

/// Reads a parameter's value up to its quote; gives where what follows the quote begins.
fn unescape(text: &str, out: &mut String) -> usize {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return at + 1,
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\' | ']'))) => out.push(c),
                Some((_, c)) => out.extend(['\\', c]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    text.len()
}

/// `TIME HOST TAG[PID]: MESSAGE`, of which anything may be missing.
fn rfc3164(text: &str, now_ns: i64, offset_s: i64) -> Parsed<'_> {
    let whole = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = after_sequence(whole);
    let mut parsed = Parsed::default();
    let Some((time_ns, after)) = bsd_time(rest, now_ns, offset_s).or_else(|| iso_time(rest)) else {
        // Without a time only a tag is looked for: the first word may be anything.
        (parsed.program, parsed.process, parsed.body) = tag(whole);
        return parsed;
    };
    parsed.time_ns = Some(time_ns);
    let after = after.trim_start_matches(' ');
    let after = after.strip_prefix(": ").unwrap_or(after);
    let (word, tail) = after.split_once(' ').unwrap_or((after, ""));
    let is_host = !word.is_empty()
        && !word.ends_with(':')
        && !word.starts_with('%')
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/' | b'%'))
        && !tail.is_empty();
    let rest = if is_host { tail } else { after };
    // Some devices put a blank before the colon that ends the host.
    let rest = rest.strip_prefix(": ").unwrap_or(rest);
    parsed.host = if is_host { word } else { "" };
    (parsed.program, parsed.process, parsed.body) = tag(rest.trim_start_matches(' '));
    parsed
}

/// Cisco devices count messages before the time, `123: *Nov 21 …`; the mark says how sure they are of it.
fn after_sequence(text: &str) -> &str {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = match text[digits..].strip_prefix(": ") {
        Some(rest) if (1..=12).contains(&digits) => rest,
        _ => text,
    };
    rest.strip_prefix(['*', '.']).unwrap_or(rest)
}

/// `Nov 21 10:20:30`, also with a fraction, a year before or after the time of day, and a zone `UTC:`.
fn bsd_time(text: &str, now_ns: i64, offset_s: i64) -> Option<(i64, &str)> {
    let month = time::month(text)?;
    let rest = text.get(3..)?.strip_prefix(' ')?.trim_start_matches(' ');
    let (day, rest) = number(rest, 2)?;
    let rest = rest.strip_prefix(' ')?;
    let (year, rest) = match number(rest, 4) {
        Some((year, tail)) if year >= 1000 && tail.starts_with(' ') => {
            (Some(year), tail.trim_start_matches(' '))
        }
        _ => (None, rest),
    };
    let (clock, rest) = time::clock(rest)?;
    let (year, rest) = match (year, rest.strip_prefix(' ').and_then(|r| number(r, 4))) {
        (None, Some((year, tail))) if (1970..2262).contains(&year) && tail.starts_with([' ', ':']) => {
            (Some(year), tail)
        }
        _ => (year, rest),
    };
    let (offset_s, rest) = match rest.strip_prefix(' ').unwrap_or(rest).split_once(':') {
        Some((zone @ ("UTC" | "GMT" | "Z"), tail)) => (time::zone(zone).unwrap_or(offset_s), tail),
        _ => (offset_s, rest.strip_prefix(':').unwrap_or(rest)),
    };
    let time_ns = match year {
        Some(year) => clock.on(time::days_from_civil(year, month, day)?, offset_s)?,
        None => nearest(month, day, clock, now_ns, offset_s)?,
    };
    Some((time_ns, rest))
}

/// A clock that is wrong may be this far ahead.
const AHEAD_NS: i64 = 2 * 86_400 * SECOND_NS;

/// The time in the year that puts it next to now and not far after it: a message of New Year's Eve may arrive on New
/// Year's Day, or be sent again in November.
fn nearest(month: i64, day: i64, clock: Clock, now_ns: i64, offset_s: i64) -> Option<i64> {
    let (year, _) = time::civil_from_days(now_ns.div_euclid(86_400 * SECOND_NS));
    [year - 1, year, year + 1]
        .into_iter()
        .filter_map(|year| clock.on(time::days_from_civil(year, month, day)?, offset_s))
        .filter(|ns| ns.saturating_sub(AHEAD_NS) <= now_ns)
        .min_by_key(|ns| ns.abs_diff(now_ns))
}

/// A time in one word, as newer senders write it: `2026-11-21T10:20:30.5+01:00`.
fn iso_time(text: &str) -> Option<(i64, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let word = word.strip_suffix(':').unwrap_or(word);
    if word.len() < 19 || word.as_bytes()[4] != b'-' {
        return None;
    }
    Some((time::parse(word)?, rest))
}

/// At most `digits` digits.
fn number(text: &str, digits: usize) -> Option<(i64, &str)> {
    let count = text.bytes().take(digits).take_while(u8::is_ascii_digit).count();
    Some((text[..count].parse().ok()?, &text[count..]))
}

/// A tag is no longer than this; the RFC says 32.
const TAG_BYTES_MAX: usize = 64;

/// Splits `program[pid]: message`; without a tag all is the message.
fn tag(text: &str) -> (&str, &str, &str) {
    let part = |b: &u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'%' | b'(' | b')' | b'@')
    };
    let length = text.as_bytes().iter().take(TAG_BYTES_MAX).take_while(|b| part(b)).count();
    let (program, rest) = text.split_at(length);
    if program.is_empty() {
        return ("", "", text);
    }
    let (process, rest) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((process, rest)) if process.len() <= TAG_BYTES_MAX => (process, rest),
        _ => ("", rest),
    };
    match rest.strip_prefix(':') {
        // A colon within a word (an address, a time, a URL) does not end a tag.
        Some(body) if body.is_empty() || body.starts_with(' ') => {
            (program, process, body.strip_prefix(' ').unwrap_or(body))
        }
        _ => ("", "", text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{records, writer};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages() {
        let mut out = String::new();
        for text in [
            // RFC 5424, with its examples' features.
            "<34>1 2026-11-21T10:20:30.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed",
            "<165>1 2026-11-21T10:20:30.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.",
            r#"<165>1 2026-11-21T10:20:30Z h evntslog - ID47 [ex@32473 iut="3" q="a\"b\\c\]d"][on@1] An event"#,
            "<165>1 - - - - - -",
            "<13>1 2026-11-21T10:20:30Z h app 1 - [broken ",
            // RFC 3164.
            "<34>Nov 21 10:20:30 mymachine su: 'su root' failed",
            "<30>Nov  1 10:20:30 h sshd[123]: Accepted publickey",
            "<30>Dec 31 23:59:59 h cron[1]: last year",
            "<30>Nov 21 10:20:30.250 h app: fraction",
            "<30>Nov 21 2026 10:20:30 h app: year before",
            "<30>Nov 21 10:20:30 2025 h app: year after",
            "<30>2026-11-21T11:20:30.5+01:00 h app[7]: iso",
            "<30>Nov 21 10:20:30 app[7]: no host",
            "<30>Nov 21 10:20:30 fe80::1 app: host is an address",
            "<189>123: *Nov 21 10:20:30.123 UTC: %SYS-5-CONFIG_I: Configured from console",
            "<166>Nov 21 2026 10:20:30: %ASA-6-302013: Built outbound",
            "<166>Nov 21 2026 10:20:30 fw1 : %ASA-6-302013: Built outbound",
            // Neither.
            "<13>app: no time",
            "<13>just words, 12:30 or so",
            "<999>no priority",
            "<>nothing",
            "bare line",
            "<30>Nov 31 10:20:30 h app: no such day",
            "<",
            "\n",
        ] {
            let mut w = writer();
            message(text.as_bytes(), Sender { peer: Some("10.0.0.9"), ..Sender::default() }, &mut w).unwrap();
            out += &format!("{text:?}\n    {}\n", records(w).trim_end());
        }
        insta::assert_snapshot!(out);
    }

    #[test]
    fn what_was_cut_and_what_is_not_utf8() {
        let mut w = writer();
        let sender = Sender { peer: None, offset_s: 3600, cut: 9 };
        message(b"<30>Nov 21 11:20:30 h app: caf\xe9\0\r\n", sender, &mut w).unwrap();
        assert_eq!(
            records(w),
            "1795256430000000000 {\"host.name\"=\"h\", \"service.name\"=\"app\"} \"caf\u{fffd}\" severity 9 {\"syslog.facility\": \"daemon\", \"syslog.cut_bytes\": 9}\n"
        );
    }

    proptest! {
        #[test]
        fn anything_is_kept(text in "(<[0-9]{1,3}>)?(1 )?[A-Za-z0-9 :\\[\\]=\"\\\\.é-]{0,60}") {
            let mut w = writer();
            message(text.as_bytes(), Sender::default(), &mut w).unwrap();
            prop_assert_eq!(w.len() + w.outcome().rejected as usize, usize::from(!text.is_empty()));
        }
    }
}
