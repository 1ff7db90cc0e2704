//! Whether a webhook comes from who knows the secret.

use sha2::{Digest, Sha256};

/// HMAC with SHA-256, RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0u8; BLOCK];
    match key.len() > BLOCK {
        true => block[..32].copy_from_slice(&Sha256::digest(key)),
        false => block[..key.len()].copy_from_slice(key),
    }
    let part = |pad: u8, message: &[u8]| -> [u8; 32] {
        Sha256::new().chain_update(block.map(|b| b ^ pad)).chain_update(message).finalize().into()
    };
    part(0x5c, &part(0x36, message))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let (a, b): ([u8; 32], [u8; 32]) = (Sha256::digest(a).into(), Sha256::digest(b).into());
    a.iter().zip(&b).fold(0, |different, (x, y)| different | (x ^ y)) == 0
}

/// Whether a header `sha256=HEX`, as GitHub's `X-Hub-Signature-256`, is the signature of a body.
pub fn is_signed(secret: &str, body: &[u8], header: &str) -> bool {
    let hex: String = hmac(secret.as_bytes(), body).iter().map(|b| format!("{b:02x}")).collect();
    header
        .trim()
        .strip_prefix("sha256=")
        .is_some_and(|given| same(given.to_ascii_lowercase().as_bytes(), hex.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures() {
        // The example of GitHub's documentation.
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(secret, body, good));
        assert!(is_signed(secret, body, &good.replace("757107ea", "757107EA")));
        for wrong in ["", "sha256=", "757107ea", &good.replace("75", "76"), &good[..70]] {
            assert!(!is_signed(secret, body, wrong), "{wrong}");
        }
        assert!(!is_signed("other", body, good) && !is_signed(secret, b"Hello", good));
        assert!(same(b"a", b"a") && !same(b"a", b"b"));
        // RFC 4231, case 6: a key longer than a block.
        let long = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(long[..4], [0x60, 0xe4, 0x31, 0x59]);
    }
}
