//! What stays the same of a message from one event to the next, and how an event is called.

use crate::event::{Event, Stack};
use crate::names;

/// Bytes of a message that are looked at.
const LOOKED_AT_BYTES_MAX: usize = 2048;
/// Bytes of a title.
const TITLE_BYTES_MAX: usize = 200;

/// A message with what varies replaced: `<uuid>`, `<hex>`, `<ip>`, `<email>`, `<url>`, `<time>`, `<num>`, `<str>` (quoted
/// text), `<path>`. Only the first line that says something counts.
pub fn normalise(message: &str) -> String {
    let message = &message[..message.floor_char_boundary(LOOKED_AT_BYTES_MAX)];
    let line = message.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(quoted) = quoted(rest, out.as_bytes().last().copied()) {
            push(&mut out, "<str>");
            rest = &rest[quoted..];
            continue;
        }
        if is_word(c) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            // What ends a sentence is none of the word.
            let bare = word.trim_end_matches(['.', ':', '/', '-', '@', '+']);
            let (word, tail) = match bare.is_empty() {
                true => (word, tail),
                false => rest.split_at(bare.len()),
            };
            match class(word) {
                // What is asked of an address is a part of it.
                Some("<url>") => {
                    push(&mut out, "<url>");
                    let end =
                        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ']' | '>' | ',' | '`');
                    rest = &tail[tail.find(end).unwrap_or(tail.len())..];
                    continue;
                }
                Some(class) => push(&mut out, class),
                None => out.push_str(&digits_replaced(word)),
            }
            rest = tail;
            continue;
        }
        if c.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    out.truncate(out.trim_end().len());
    out
}

/// Lists of equal things are as long as they happen to be: `<num>, <num>, <num>` is `<num>`.
fn push(out: &mut String, class: &str) {
    let listed = out.trim_end_matches([',', ' ']);
    if listed.len() < out.len() && out[listed.len()..].contains(',') && listed.ends_with(class) {
        out.truncate(listed.len());
        return;
    }
    out.push_str(class);
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '@' | '\\' | '+' | '%' | '~' | '$')
}

/// The length of quoted text at the beginning. An apostrophe within a word opens nothing.
/// Characters of a quotation; what is longer is taken for text.
const QUOTATION_MAX: usize = 256;

fn quoted(rest: &str, before: Option<u8>) -> Option<usize> {
    let open = rest.chars().next()?;
    let close = match open {
        '"' | '`' => open,
        '\'' if !before.is_some_and(|b| b.is_ascii_alphanumeric()) => open,
        '“' => '”',
        '«' => '»',
        _ => return None,
    };
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1).take(QUOTATION_MAX) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == close => {
                let end = at + c.len_utf8();
                // `don't … can't` is no quotation.
                let within = close == '\'' && rest[end..].starts_with(|c: char| c.is_alphanumeric());
                if !within {
                    return Some(end);
                }
            }
            _ => {}
        }
    }
    None
}

/// What a word is, if it is something that varies.
fn class(word: &str) -> Option<&'static str> {
    let bytes = word.as_bytes();
    let has_digit = bytes.iter().any(u8::is_ascii_digit);
    if word.contains("://") {
        return Some("<url>");
    }
    if word.contains('@') && word.split('@').all(|p| !p.is_empty()) && word.rsplit('@').next()?.contains('.')
    {
        return Some("<email>");
    }
    if has_digit && is_uuid(word) {
        return Some("<uuid>");
    }
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    if hex.is_some_and(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Some("<hex>");
    }
    if has_digit && is_time(bytes) {
        return Some("<time>");
    }
    if has_digit && is_ip(word) {
        return Some("<ip>");
    }
    if is_number(word) {
        return Some("<num>");
    }
    if has_digit && bytes.len() >= 8 && bytes.iter().all(u8::is_ascii_hexdigit) {
        return Some("<hex>");
    }
    let is_path = bytes[0] == b'/' || word.starts_with("~/") || word.starts_with("./") || is_drive(bytes);
    if is_path && word.len() > 1 {
        return Some("<path>");
    }
    // Names made up by machines: long, of letters and digits in turns.
    let turns = bytes.windows(2).filter(|w| w[0].is_ascii_digit() != w[1].is_ascii_digit()).count();
    (bytes.len() >= 16
        && turns >= 4
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')))
    .then_some("<id>")
}

fn is_drive(word: &[u8]) -> bool {
    matches!(word, [a, b':', b'\\' | b'/', ..] if a.is_ascii_alphabetic())
}

fn is_uuid(word: &str) -> bool {
    let mut lengths =
        word.split('-').map(|p| if p.bytes().all(|b| b.is_ascii_hexdigit()) { p.len() } else { 0 });
    [8, 4, 4, 4, 12].into_iter().all(|want| lengths.next() == Some(want)) && lengths.next().is_none()
}

/// Whether it begins as a date (`2026-11-22`) or is a time of day (`10:20:30`).
fn is_time(b: &[u8]) -> bool {
    let digits =
        |range: std::ops::Range<usize>| b.get(range).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    let is = |at: usize, c: &[u8]| b.get(at).is_some_and(|x| c.contains(x));
    let date = digits(0..4) && is(4, b"-/") && digits(5..7) && is(7, b"-/") && digits(8..10);
    let clock = digits(0..2) && is(2, b":") && digits(3..5) && is(5, b":") && digits(6..8);
    date || clock
}

fn is_ip(word: &str) -> bool {
    let (address, port) = word.rsplit_once(':').unwrap_or((word, "0"));
    let v4 = |text: &str| text.parse::<std::net::Ipv4Addr>().is_ok();
    v4(word)
        || (v4(address) && port.bytes().all(|b| b.is_ascii_digit()))
        || (word.contains("::") || word.matches(':').count() == 7)
            && word.parse::<std::net::Ipv6Addr>().is_ok()
}

/// A number, with a sign, a fraction, an exponent, groups, a unit: `-3.5`, `1e9`, `1,000`, `250ms`, `10%`, `3/5`.
fn is_number(word: &str) -> bool {
    let word = word.trim_start_matches(['-', '+', '$']).trim_end_matches('%');
    let Some(end) = word.rfind(|c: char| c.is_ascii_digit()) else { return false };
    let (number, unit) = word.split_at(end + 1);
    let is_unit = unit.len() <= 4 && unit.bytes().all(|b| b.is_ascii_alphabetic());
    let begins = number.starts_with(|c: char| c.is_ascii_digit());
    is_unit
        && begins
        && number
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+' | b':' | b'/' | b'_'))
}

/// Digits within a word: `worker-12` is `worker-<num>`. Names that end in one digit keep it: `utf8`, `http2`, `sha256`.
fn digits_replaced(word: &str) -> String {
    let parts: Vec<&str> = word.split_inclusive(['-', '_', ':', '/', '.', '=']).collect();
    let mut out = String::with_capacity(word.len());
    for part in parts {
        let bare = part.trim_end_matches(['-', '_', ':', '/', '.', '=']);
        let class = match bare {
            "" => None,
            bare if bare.bytes().all(|b| b.is_ascii_digit()) => Some("<num>"),
            bare if bare.len() >= 8
                && bare.bytes().any(|b| b.is_ascii_digit())
                && bare.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                Some("<hex>")
            }
            _ => None,
        };
        out.push_str(class.unwrap_or(bare));
        out.push_str(&part[bare.len()..]);
    }
    out
}

/// How an event is called: type and first line of what was caught, else its message.
pub fn title(event: &Event) -> String {
    let mut title = match event.exception() {
        Some(e) if e.kind.is_empty() => first_line(&e.value).to_owned(),
        Some(e) => match first_line(&e.value) {
            "" => e.kind.clone(),
            line => format!("{}: {line}", e.kind),
        },
        None => {
            first_line(if event.message.is_empty() { &event.template } else { &event.message }).to_owned()
        }
    };
    if title.is_empty() {
        title = "(no message)".to_owned();
    }
    title.truncate(title.floor_char_boundary(TITLE_BYTES_MAX));
    title
}

/// Where it failed: the own call next to the failure, else the transaction.
pub fn culprit(event: &Event) -> String {
    let stacks = event.exceptions.iter().rev().map(|e| &e.stack).chain(event.stack.as_ref());
    let own = |s: &'_ Stack| s.frames.iter().rposition(names::in_app);
    let any = |s: &'_ Stack| s.frames.len().checked_sub(1);
    let frame = stacks
        .clone()
        .find_map(|s| own(s).map(|at| &s.frames[at]))
        .or_else(|| stacks.clone().find_map(|s| any(s).map(|at| &s.frames[at])));
    let mut text = match frame {
        None => event.transaction.clone(),
        Some(f) => {
            let place = if f.file.is_empty() { &f.path } else { &f.file };
            match (f.function.is_empty(), f.module.is_empty(), place.is_empty()) {
                (true, _, _) if f.line > 0 => format!("{place}:{}", f.line),
                (true, _, _) => place.clone(),
                (false, false, _) => format!("{} in {}", f.module, f.function),
                (false, true, false) => format!("{place} in {}", f.function),
                (false, true, true) => f.function.clone(),
            }
        }
    };
    text.truncate(text.floor_char_boundary(TITLE_BYTES_MAX));
    text
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_varies_is_replaced() {
        for (message, want) in [
            ("user 123 not found", "user <num> not found"),
            ("order 9ec79c33-ec99-42ab-8353-589fcb2e04dc: 3.5 % off", "order <uuid>: <num> % off"),
            ("connect to 10.0.0.7:5432 failed after 250ms", "connect to <ip> failed after <num>"),
            ("no such key 'abc'", "no such key <str>"),
            ("can't open \"/etc/x\": don't", "can't open <str>: don't"),
            ("GET https://a.example/b?c=1 gave 502", "GET <url> gave <num>"),
            ("at 2026-11-22T10:20:30.123Z by bob@example.org", "at <time> by <email>"),
            ("pointer 0xdeadbeef in deadbeef01", "pointer <hex> in <hex>"),
            ("cannot read /var/lib/app/7/data", "cannot read <path>"),
            ("worker-12 of utf8 and sha256", "worker-<num> of utf8 and sha256"),
            ("ids 1, 2, 3 and 4", "ids <num> and <num>"),
            ("  \n first line\nsecond", "first line"),
            ("", ""),
            ("key id_01HZY3K9ABCDEFGH7XYZ12", "key <id>"),
        ] {
            assert_eq!(normalise(message), want, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_normalised(text in "\\PC{0,200}") {
            let _ = normalise(&text);
        }
    }
}
