//! The line that says what was thrown.

/// Type and message of `[anything] package.SomeError: message`. Nothing where the line has no word that can be a type.
pub(super) fn exception(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    // The type is the word before the first colon that follows a word that can be one.
    let mut from = 0;
    for (at, _) in line.match_indices(':').take(12) {
        // `std::io::Error` has colons within.
        if line[at + 1..].starts_with(':') || line[..at].ends_with(':') {
            continue;
        }
        if let Some(word) = last_word(&line[from..at])
            && is_type(word)
        {
            return Some((word, line[at + 1..].trim()));
        }
        from = at + 1;
    }
    let word = last_word(&line[from..])?;
    (is_type(word) && (from > 0 || word.len() == line.len() || line.contains("xception")))
        .then_some((word, ""))
}

fn last_word(text: &str) -> Option<&str> {
    text.trim_end()
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '=' | ']'))
        .next()
        .filter(|w| !w.is_empty())
}

/// Whether a word looks like the name of something thrown: the last part begins in upper case, or ends like an error.
pub(super) fn is_type(word: &str) -> bool {
    let letters = word.bytes().all(|b| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$' | b'+' | b'`' | b'/' | b':' | b'<' | b'>')
    });
    let last = word.rsplit(['.', '$', '+', ':', '/']).next().unwrap_or("");
    let upper = last.starts_with(|c: char| c.is_ascii_uppercase()) && last.len() > 2;
    let named = [
        "Error",
        "Exception",
        "Throwable",
        "Failure",
        "Fault",
        "Warning",
        "Exit",
        "Interrupt",
        "Panic",
        "Timeout",
    ];
    // Words of levels are in upper case and say nothing of types.
    let level = last.bytes().all(|b| b.is_ascii_uppercase());
    letters && upper && !level && (word.contains('.') || named.iter().any(|n| last.contains(n)))
}
