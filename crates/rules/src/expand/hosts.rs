//! Hosts, ports and paths in texts.

use std::net::IpAddr;

/// Host and port of `host:port` or `[host]:port`, if the text is one.
fn split(text: &str) -> Option<(&str, &str)> {
    let colon = text.rfind(':')?;
    let (host, before_port) = match text.strip_prefix('[') {
        Some(inside) => {
            let close = inside.find(']')? + 1;
            if close + 1 != colon {
                return None;
            }
            (&text[1..close], &text[close + 1..])
        }
        None => {
            let host = &text[..colon];
            if host.contains([':', '[', ']']) {
                return None;
            }
            (host, &text[colon..])
        }
    };
    (!host.contains('[') && !before_port.contains(['[', ']'])).then_some((host, &text[colon + 1..]))
}

/// The text without its port.
pub(super) fn strip_port(text: &str) -> &str {
    split(text).map_or(text, |(host, _)| host)
}

/// The first part of a host name, with the port; an address stays as it is.
pub(super) fn strip_domain(text: &str) -> String {
    let (host, port) = split(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let first = host.split('.').next().unwrap_or("");
    match (port.is_empty(), first.contains(':')) {
        (true, _) => first.to_owned(),
        (false, true) => format!("[{first}]:{port}"),
        (false, false) => format!("{first}:{port}"),
    }
}

/// The path of a URL.
pub(super) fn path(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = after_scheme.find(['?', '#']).unwrap_or(after_scheme.len());
    let place = &after_scheme[..end];
    place.find('/').map_or("", |slash| &place[slash..])
}

/// The first letter of every word as a capital, the rest as it is. Letters, digits and underscores make a word, and
/// `'`, `.` and `:` between two letters do not end it.
pub(super) fn title(text: &str) -> String {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    let mut chars = text.chars().peekable();
    let mut previous = ' ';
    while let Some(c) = chars.next() {
        if in_word(c) {
            // A leading digit or underscore does not use up the capital.
            if !inside && c.is_alphabetic() {
                out.extend(c.to_uppercase());
            } else {
                out.push(c);
            }
            inside |= c.is_alphabetic() || inside;
        } else {
            let joins = matches!(c, '\'' | '\u{2019}' | '.' | ':' | '\u{b7}')
                && previous.is_alphabetic()
                && chars.peek().is_some_and(|n| n.is_alphabetic());
            inside &= joins;
            out.push(c);
        }
        previous = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_apart() {
        for (text, port_gone, domain_gone) in [
            ("foo.example.com", "foo.example.com", "foo"),
            ("foo.example.com:12345", "foo.example.com", "foo:12345"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:12345", "192.0.2.1", "192.0.2.1:12345"),
            ("2001:0DB8::1", "2001:0DB8::1", "2001:0DB8::1"),
            ("[2001:0DB8::1]:12345", "2001:0DB8::1", "[2001:0DB8::1]:12345"),
            ("[2001:0DB8::1]::12345", "[2001:0DB8::1]::12345", "[2001:0DB8::1]::12345"),
            ("", "", ""),
            ("[a:1", "[a:1", "[a:1"),
        ] {
            assert_eq!((strip_port(text), strip_domain(text).as_str()), (port_gone, domain_gone), "{text}");
        }
        assert_eq!(path("http://testhost:9090/path/prefix?x#y"), "/path/prefix");
        assert_eq!((path("http://h"), path("")), ("", ""));
        assert_eq!(title("aa bb CC it's foo-bar x_y"), "Aa Bb CC It's Foo-Bar X_y");
    }
}
