//! Lines without the escape sequences that colour them.

use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;

const ESCAPE: char = '\u{1b}';
const CONTROL: char = '\u{9b}';

/// A line without terminal escape sequences (ECMA-48).
pub(super) fn decolorize<'b>(line: &'b str, arena: &'b Bump) -> &'b str {
    let Some(first) = line.find([ESCAPE, CONTROL]) else { return line };
    let mut out = ArenaString::with_capacity_in(line.len(), arena);
    let mut rest = &line[first..];
    out.push_str(&line[..first]);
    while !rest.is_empty() {
        rest = &rest[sequence(rest)..];
        let next = rest.find([ESCAPE, CONTROL]).unwrap_or(rest.len());
        out.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    out.into_bump_str()
}

/// The length of the escape sequence at the start of a text.
fn sequence(text: &str) -> usize {
    let mut chars = text.char_indices();
    let opens = match chars.next() {
        Some((_, CONTROL)) => true,
        _ => match chars.next() {
            Some((_, '[')) => true,
            // A title or link: up to the bell or the string terminator.
            Some((at, ']')) => {
                let body = &text[at..];
                let bell = body.find('\u{7}').map(|i| at + i + 1);
                let terminator = body.find("\u{1b}\\").map(|i| at + i + 2);
                return bell.into_iter().chain(terminator).min().unwrap_or(at + 1);
            }
            // A charset, of one more character.
            Some((_, '(' | ')' | '#')) => {
                return chars.next().map_or(text.len(), |(at, c)| at + c.len_utf8());
            }
            Some((at, c)) if c.is_ascii() => return at + 1,
            Some((at, _)) => return at,
            None => return text.len(),
        },
    };
    debug_assert!(opens, "only control sequences are left");
    // Parameters and intermediates, then one final character.
    for (at, c) in chars {
        match c {
            ' '..='?' => {}
            '@'..='~' => return at + 1,
            _ => return at,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_text_stays() {
        let arena = Bump::new();
        for (line, plain) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("plain", "plain"),
            ("a\u{1b}[1;38;5;202mb\u{1b}[mc", "abc"),
            ("\u{9b}32mgreen", "green"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://a\u{1b}\\link", "link"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\u{1b}(Bx", "x"),
            ("\u{1b}é", "é"),
        ] {
            assert_eq!(decolorize(line, &arena), plain, "{line:?}");
        }
    }
}
