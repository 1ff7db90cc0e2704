//! Grok: regular expressions put together from named patterns. The patterns here are written from the definitions of what
//! they stand for (RFCs, manuals of the programs), without constructs that need backtracking.

use crate::condition::regex;
use crate::config::{Grok, PipelineError};
use crate::parse::{Groups, Kind};
use std::collections::BTreeMap;

/// Patterns within patterns.
const DEPTH_MAX: usize = 12;
/// Bytes of a pattern once all names are replaced.
const BYTES_MAX: usize = 64 << 10;

/// Name and pattern, in order of name.
const STANDARD: &[(&str, &str)] = &[
    ("BASE10NUM", r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"),
    ("BASE16NUM", r"[+-]?(?:0[xX])?[0-9A-Fa-f]+"),
    ("BOOL", r"(?i:true|false|yes|no|on|off)"),
    ("COMBINEDAPACHELOG", r#"%{COMMONAPACHELOG} (?:"%{QUOTEDTEXT:referrer}"|-) (?:"%{QUOTEDTEXT:agent}"|-)"#),
    (
        "COMMONAPACHELOG",
        r#"%{IPORHOST:clientip} %{NOTSPACE:ident} %{NOTSPACE:auth} \[%{HTTPDATE:timestamp}\] "(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{QUOTEDTEXT:rawrequest})" %{INT:response:int} (?:%{INT:bytes:int}|-)"#,
    ),
    ("DATA", r".*?"),
    ("DATE", r"%{DATE_US}|%{DATE_EU}"),
    ("DATESTAMP", r"(?:%{DATE})[- ]%{TIME}"),
    ("DATE_EU", r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE_US", r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DAY", r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"),
    ("EMAILADDRESS", r"%{EMAILLOCALPART}@%{HOSTNAME}"),
    ("EMAILLOCALPART", r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"),
    ("GREEDYDATA", r".*"),
    (
        "HOSTNAME",
        r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?(?:\.[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?)*\.?",
    ),
    ("HOSTPORT", r"%{IPORHOST}:%{POSINT}"),
    ("HOUR", r"(?:2[0-3]|[01]?[0-9])"),
    ("HTTPDATE", r"%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    (
        "HTTPD_ERRORLOG",
        r"\[(?P<timestamp>%{DAY} %{MONTH} +%{MONTHDAY} %{TIME} %{YEAR})\] \[(?:%{WORD:module})?:%{LOGLEVEL:level}\] \[pid %{POSINT:pid:int}(?::tid %{NUMBER:tid})?\](?: \[client %{NOTSPACE:client}\])? %{GREEDYDATA:message}",
    ),
    ("INT", r"[+-]?[0-9]+"),
    ("IP", r"(?:%{IPV6}|%{IPV4})"),
    ("IPORHOST", r"(?:%{IP}|%{HOSTNAME})"),
    ("IPV4", r"(?:%{OCTET}\.){3}%{OCTET}"),
    (
        "IPV6",
        r"(?:(?:[0-9A-Fa-f]{1,4}:){6}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|%{IPV4})|(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::(?:(?:[0-9A-Fa-f]{1,4}:){0,5}(?:[0-9A-Fa-f]{1,4}|%{IPV4}))?)(?:%[0-9A-Za-z]+)?",
    ),
    ("ISO8601_TIMEZONE", r"(?:Z|[+-]%{HOUR}(?::?%{MINUTE})?)"),
    (
        "LOGLEVEL",
        r"(?i:trace|debug|dbg|info(?:rmation(?:al)?)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|severe|alert|fatal|panic|emerg(?:ency)?)",
    ),
    ("MAC", r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"),
    ("MINUTE", r"[0-5][0-9]"),
    (
        "MONTH",
        r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)",
    ),
    ("MONTHDAY", r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])"),
    ("MONTHNUM", r"(?:0[1-9]|1[0-2]|[1-9])"),
    ("NONNEGINT", r"[0-9]+"),
    ("NOTSPACE", r"\S+"),
    ("NUMBER", r"%{BASE10NUM}"),
    ("OCTET", r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"),
    ("PATH", r"(?:%{UNIXPATH}|%{WINPATH})"),
    ("POSINT", r"[1-9][0-9]*"),
    ("PROG", r"[\x21-\x5a\x5c\x5e-\x7e]+"),
    ("QS", r"%{QUOTEDSTRING}"),
    ("QUOTEDSTRING", r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`"#),
    ("QUOTEDTEXT", r#"(?:[^"\\]|\\.)*"#),
    ("SECOND", r"(?:[0-5]?[0-9]|60)(?:[.,:][0-9]+)?"),
    ("SPACE", r"\s*"),
    ("SYSLOG5424PRI", r"<%{NONNEGINT:priority:int}>"),
    (
        "SYSLOGBASE",
        r"%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:",
    ),
    ("SYSLOGFACILITY", r"<%{NONNEGINT:facility:int}\.%{NONNEGINT:priority:int}>"),
    ("SYSLOGHOST", r"%{IPORHOST}"),
    ("SYSLOGLINE", r"%{SYSLOGBASE} %{GREEDYDATA:message}"),
    ("SYSLOGPROG", r"%{PROG:program}(?:\[%{POSINT:pid:int}\])?"),
    ("SYSLOGTIMESTAMP", r"%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("TIME", r"%{HOUR}:%{MINUTE}(?::%{SECOND})?"),
    (
        "TIMESTAMP_ISO8601",
        r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})? ?(?:%{ISO8601_TIMEZONE})?",
    ),
    ("TTY", r"/dev/(?:pts|tty(?:[pq])?)[0-9/]*[0-9]"),
    ("TZ", r"[A-Z]{3,4}"),
    ("UNIXPATH", r"(?:/[\w_%!$@:.,+~-]*)+"),
    ("URI", r"%{URIPROTO}://(?:%{USER}(?::[^@\s]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?"),
    ("URIHOST", r"%{IPORHOST}(?::%{POSINT})?"),
    ("URIPARAM", r"\?[^\s#]*"),
    ("URIPATH", r"(?:/[^\s?#]*)+"),
    ("URIPATHPARAM", r"%{URIPATH}(?:%{URIPARAM})?"),
    ("URIPROTO", r"[A-Za-z][A-Za-z0-9+.-]*"),
    ("USER", r"%{USERNAME}"),
    ("USERNAME", r"[a-zA-Z0-9._-]+"),
    ("UUID", r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    ("WINPATH", r"(?:[A-Za-z]:|\\)(?:\\[^\\?*\s]*)+"),
    ("WORD", r"\b\w+\b"),
    ("YEAR", r"(?:[0-9]{4}|[0-9]{2})"),
];

/// Compiles a grok pattern.
pub(crate) fn compile(config: &Grok) -> Result<Groups, PipelineError> {
    let mut expansion = Expansion { own: &config.patterns, out: String::new(), names: Vec::new() };
    expansion.expand(&config.pattern, 0).map_err(|reason| PipelineError::new("pattern", reason))?;
    let regex = regex("pattern", &expansion.out)?;
    let mut groups = Vec::new();
    for (number, group) in regex.capture_names().enumerate() {
        let Some(group) = group else { continue };
        let generated = group.strip_prefix("grok__").and_then(|n| n.parse::<usize>().ok());
        groups.push(match generated.and_then(|n| expansion.names.get(n)) {
            Some((name, kind)) => (number, name.clone(), *kind),
            None => (number, group.to_owned(), Kind::Text),
        });
    }
    if groups.is_empty() {
        let reason = format!("{:?} names nothing: write %{{PATTERN:name}}", config.pattern);
        return Err(PipelineError::new("pattern", reason));
    }
    Ok(Groups { regex, groups })
}

/// Compiles a regular expression whose named groups are wanted.
pub(crate) fn named_groups(pattern: &str) -> Result<Groups, PipelineError> {
    let regex = regex("pattern", pattern)?;
    let groups: Vec<_> = (0..)
        .zip(regex.capture_names())
        .filter_map(|(number, name)| Some((number, name?.to_owned(), Kind::Text)))
        .collect();
    if groups.is_empty() {
        let reason = format!("{pattern:?} names nothing: write (?P<name>…)");
        return Err(PipelineError::new("pattern", reason));
    }
    Ok(Groups { regex, groups })
}

struct Expansion<'a> {
    own: &'a BTreeMap<String, String>,
    out: String,
    /// Names may hold what names of groups may not: groups have numbers, and stand for these.
    names: Vec<(String, Kind)>,
}

impl Expansion<'_> {
    /// Appends a pattern with all names in it replaced.
    fn expand(&mut self, pattern: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("patterns nest deeper than {DEPTH_MAX}: does one use itself?"));
        }
        let mut rest = pattern;
        while let Some(at) = rest.find("%{") {
            self.out.push_str(&rest[..at]);
            let end = rest[at..].find('}').ok_or_else(|| format!("%{{ has no }} in {pattern:?}"))?;
            self.reference(&rest[at + 2..at + end], depth)?;
            rest = &rest[at + end + 1..];
            if self.out.len() > BYTES_MAX {
                return Err(format!("it is longer than {BYTES_MAX} bytes once all names are replaced"));
            }
        }
        self.out.push_str(rest);
        Ok(())
    }

    /// `PATTERN`, `PATTERN:name` or `PATTERN:name:kind`.
    fn reference(&mut self, text: &str, depth: usize) -> Result<(), String> {
        let mut parts = text.splitn(3, ':');
        let (pattern, name, kind) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let standard = || STANDARD.iter().find(|(n, _)| *n == pattern).map(|(_, p)| (*p).to_owned());
        let Some(body) = self.own.get(pattern).cloned().or_else(standard) else {
            return Err(unknown(pattern, self.own));
        };
        let kind = match kind {
            None => Kind::Text,
            Some("int" | "long") => Kind::Int,
            Some("float" | "double") => Kind::Float,
            Some(other) => return Err(format!("{other:?} in %{{{text}}} is no kind: use int or float")),
        };
        match name.filter(|n| !n.is_empty()) {
            Some(name) => {
                self.out.push_str(&format!("(?P<grok__{}>", self.names.len()));
                self.names.push((plain_name(name), kind));
            }
            None => self.out.push_str("(?:"),
        }
        self.expand(&body, depth + 1)?;
        self.out.push(')');
        Ok(())
    }
}

/// Elasticsearch's `[a][b]` is `a.b`.
fn plain_name(name: &str) -> String {
    name.trim_start_matches('[').trim_end_matches(']').replace("][", ".")
}

fn unknown(pattern: &str, own: &BTreeMap<String, String>) -> String {
    let all = STANDARD.iter().map(|(n, _)| *n).chain(own.keys().map(String::as_str));
    let near = all.filter(|n| alike(n, pattern)).take(4).collect::<Vec<_>>();
    let advice = match near.is_empty() {
        true => "define it under patterns".to_owned(),
        false => format!("did you mean {}?", near.join(", ")),
    };
    format!("there is no pattern {pattern:?}: {advice}")
}

fn alike(a: &str, b: &str) -> bool {
    let b = b.to_ascii_uppercase();
    a == b || (b.len() >= 3 && (a.starts_with(&b[..b.floor_char_boundary(3)]) || a.contains(b.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use model::record::Record;

    fn of(pattern: &str, patterns: &[(&str, &str)]) -> Result<Groups, PipelineError> {
        let patterns = patterns.iter().map(|(n, p)| ((*n).to_owned(), (*p).to_owned())).collect();
        compile(&Grok { pattern: pattern.into(), patterns, field: None })
    }

    fn found(pattern: &str, line: &str) -> String {
        let groups = of(pattern, &[]).unwrap();
        let mut draft = Draft::of(&Record::line(0, line));
        match groups.take(line, &mut draft) {
            Ok(()) => draft.fields.iter().map(|(n, v)| format!("{n}={v:?}")).collect::<Vec<_>>().join(" "),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn every_standard_pattern_compiles_and_stands_in_order() {
        for (name, _) in STANDARD {
            of(&format!("%{{{name}:x}}"), &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        assert!(STANDARD.is_sorted_by_key(|(n, _)| *n));
    }

    /// What each matches, whole, and what it does not.
    #[test]
    fn standard_patterns_match_what_they_stand_for() {
        for (name, yes, no) in [
            ("IPV4", &["10.0.0.1", "255.255.255.255"][..], &["256.0.0.1", "1.2.3"][..]),
            (
                "IPV6",
                &["::1", "2001:db8::8:800:200c:417a", "fe80::1%eth0", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8"],
                &["1:2:3", "12345::"],
            ),
            ("IPORHOST", &["a.example.org", "h", "10.0.0.1", "::1"], &["-a", ""]),
            ("HOSTPORT", &["h:80"], &["h:0", "h"]),
            ("NUMBER", &["1", "-1.5", ".5", "+2."], &["1e5", "x"]),
            ("INT", &["0", "-12"], &["1.5"]),
            ("UUID", &["123e4567-e89b-12d3-a456-426614174000"], &["123e4567"]),
            ("MAC", &["00:1b:44:11:3a:b7", "001b.4411.3ab7"], &["00:1b"]),
            (
                "TIMESTAMP_ISO8601",
                &["2026-11-21T10:20:30.5Z", "2026-11-21 10:20:30,5", "2026-11-21 10:20:30 +0100"],
                &["2026-13-21 10:20"],
            ),
            ("SYSLOGTIMESTAMP", &["Nov 21 10:20:30", "Nov  1 10:20:30"], &["21 Nov"]),
            ("HTTPDATE", &["21/Nov/2026:10:20:30 +0100"], &["21/11/2026"]),
            ("LOGLEVEL", &["INFO", "warning", "Err", "emerg"], &["chatty"]),
            ("EMAILADDRESS", &["a.b+c@example.org"], &["a@", "@b"]),
            ("QUOTEDSTRING", &[r#""a \" b""#, "'x'"], &["\"a"]),
            ("PATH", &["/var/log/x.log", r"C:\a\b"], &["var"]),
            ("URI", &["https://u:p@h:80/a/b?c=d", "ftp://h"], &["//h"]),
            ("DATE_EU", &["21.11.2026"], &["32.11.2026"]),
            ("DATE_US", &["11/21/2026"], &["13/21/2026"]),
            ("DAY", &["Mon", "Tuesday", "Wednesday", "Sat", "Saturday"], &["Mo"]),
            ("WORD", &["a_1"], &["a b"]),
        ] {
            let groups = of(&format!("^%{{{name}:x}}$"), &[]).unwrap();
            yes.iter().for_each(|t| assert!(groups.regex.is_match(t), "{name} {t}"));
            no.iter().for_each(|t| assert!(!groups.regex.is_match(t), "{name} {t}"));
        }
    }

    #[test]
    fn lines_of_known_programs() {
        assert_eq!(
            found(
                "^%{COMBINEDAPACHELOG}$",
                r#"10.0.0.1 - frank [21/Nov/2026:10:20:30 +0000] "GET /a?b=c HTTP/1.1" 200 512 "http://x/" "curl/8 \"q\"""#
            ),
            r#"clientip="10.0.0.1" ident="-" auth="frank" timestamp="21/Nov/2026:10:20:30 +0000" verb="GET" request="/a?b=c" httpversion="1.1" response=200 bytes=512 referrer="http://x/" agent="curl/8 \\\"q\\\"""#
        );
        assert_eq!(
            found("^%{SYSLOGLINE}$", "Nov 21 10:20:30 web-1 sshd[77]: Accepted publickey for x"),
            r#"timestamp="Nov 21 10:20:30" logsource="web-1" program="sshd" pid=77 message="Accepted publickey for x""#
        );
        assert_eq!(found("%{INT:a:int} %{NUMBER:[b][c]:float}", "5 2.5"), "a=5 b.c=2.5");
        assert_eq!(found("^%{INT:a}$", "x"), "the pattern does not match");
    }

    #[test]
    fn wrong_patterns_teach() {
        let message = |pattern: &str, own: &[(&str, &str)]| of(pattern, own).unwrap_err().to_string();
        assert_eq!(
            message("%{IPADDR:x}", &[]),
            "pattern: there is no pattern \"IPADDR\": define it under patterns"
        );
        assert!(message("%{int:x}", &[]).contains("did you mean INT"), "{}", message("%{int:x}", &[]));
        assert!(message("%{A:x}", &[("A", "%{B}"), ("B", "%{A}")]).contains("does one use itself?"));
        assert!(message("%{INT:x", &[]).contains("has no }"));
        assert!(message("%{INT:x:date}", &[]).contains("use int or float"));
        assert!(message("%{INT}", &[]).contains("names nothing"));
        assert!(message("(%{INT:x}", &[]).contains("unclosed group"));
        let wide = "%{B}".repeat(50);
        let own =
            [("A", wide.as_str()), ("B", "%{C}%{C}%{C}%{C}%{C}%{C}%{C}%{C}%{C}"), ("C", "%{IPV6}%{IPV6}")];
        assert!(message("%{A:x}", &own).contains("longer than 65536 bytes"));
    }
}
