//! Base64 and percent encoding for templates.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn base64_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |g, (i, b)| g | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            let sextet = (group >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() { ALPHABET[sextet as usize] as char } else { '=' });
        }
    }
    out
}

/// The text behind a base64 text, whose padding may be missing.
pub(super) fn base64_decode(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut group, mut bits) = (0u32, 0);
    for (at, b) in text.bytes().enumerate() {
        let Some(sextet) = ALPHABET.iter().position(|a| *a == b) else {
            return Err(format!("illegal base64 data at input byte {at}"));
        };
        group = (group << 6) | sextet as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((group >> bits) as u8);
        }
    }
    String::from_utf8(out).map_err(|_| "the decoded bytes are not text".to_owned())
}

/// The text behind a percent-encoded one; `+` is a space.
pub(super) fn url_decode(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok());
                let byte = hex.and_then(|h| u8::from_str_radix(h, 16).ok());
                let shown: String = text[text.len() - after.len() - 1..].chars().take(3).collect();
                out.push(byte.ok_or_else(|| format!("invalid URL escape {shown:?}"))?);
                rest = &after[2..];
            }
            b => out.push(b),
        }
    }
    String::from_utf8(out).map_err(|_| "the decoded bytes are not text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("烽火", "54O954Gr")]
        {
            assert_eq!(base64_encode(plain.as_bytes()), encoded);
            assert_eq!(base64_decode(encoded).as_deref(), Ok(plain));
        }
        assert_eq!(base64_decode("Zg").as_deref(), Ok("f"));
        assert!(base64_decode("Z!").is_err() && base64_decode("/w==").is_err());
        assert_eq!(url_decode("a%20b+c%C3%A9").as_deref(), Ok("a b cé"));
        assert!(url_decode("%2").is_err() && url_decode("%zz").is_err() && url_decode("%ff").is_err());
    }
}
