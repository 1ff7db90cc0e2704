//! The handshake of the forward protocol: who sends proves that it knows the shared key, and so does who receives.

use super::pack::{Pack, Stop};
use crate::error::DecodeError;
use rmp::encode::{write_array_len, write_bin, write_bool, write_map_len, write_str};
use sha2::{Digest, Sha512};

/// What both sides must know.
#[derive(Clone)]
pub struct Secret {
    /// The name of this host, as the sender is told.
    pub hostname: String,
    /// The key.
    pub shared_key: String,
    /// Random bytes, different for each connection.
    pub nonce: [u8; 16],
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

/// The handshake of one connection.
pub(super) struct Handshake {
    secret: Secret,
    done: bool,
}

/// Only memory is written to, and that does not fail.
const MEMORY: &str = "memory does not fail";

impl Handshake {
    pub fn new(secret: Secret) -> Handshake {
        Handshake { secret, done: false }
    }

    pub fn is_done(&self) -> bool {
        self.done
    }

    /// `["HELO", {"nonce": …, "auth": "", "keepalive": true}]`: no users are asked for.
    pub fn hello(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_array_len(&mut out, 2).expect(MEMORY);
        write_str(&mut out, "HELO").expect(MEMORY);
        write_map_len(&mut out, 3).expect(MEMORY);
        write_str(&mut out, "nonce").expect(MEMORY);
        write_bin(&mut out, &self.secret.nonce).expect(MEMORY);
        write_str(&mut out, "auth").expect(MEMORY);
        write_str(&mut out, "").expect(MEMORY);
        write_str(&mut out, "keepalive").expect(MEMORY);
        write_bool(&mut out, true).expect(MEMORY);
        out
    }

    /// Takes `["PING", hostname, salt, digest, …]` apart, of which the list's head is read already; gives the `PONG`
    /// and whether the sender may go on.
    pub fn pong(
        &mut self,
        pack: &mut Pack<'_>,
        count: u32,
    ) -> Result<(Vec<u8>, Result<(), DecodeError>), Stop> {
        let mut words: [Vec<u8>; 4] = Default::default();
        for word in words.iter_mut().take(count as usize) {
            if let super::pack::Token::Str(b) | super::pack::Token::Bin(b) = pack.next()? {
                *word = b.to_vec();
            }
        }
        let [ping, hostname, salt, digest] = words;
        let secret = &self.secret;
        let wanted = hex_digest(&[&salt, &hostname, &secret.nonce, secret.shared_key.as_bytes()]);
        let reason = match (&ping[..], same(wanted.as_bytes(), &digest)) {
            (b"PING", true) => "",
            (b"PING", false) => "shared_key mismatch",
            _ => "a handshake is expected: configure the shared key of the receiver",
        };
        self.done = reason.is_empty();
        let own =
            hex_digest(&[&salt, secret.hostname.as_bytes(), &secret.nonce, secret.shared_key.as_bytes()]);
        let mut out = Vec::new();
        write_array_len(&mut out, 5).expect(MEMORY);
        write_str(&mut out, "PONG").expect(MEMORY);
        write_bool(&mut out, self.done).expect(MEMORY);
        write_str(&mut out, reason).expect(MEMORY);
        write_str(&mut out, if self.done { &secret.hostname } else { "" }).expect(MEMORY);
        write_str(&mut out, if self.done { &own } else { "" }).expect(MEMORY);
        let done = match self.done {
            true => Ok(()),
            false => Err(DecodeError::Unreadable(format!("Fluent forward: {reason}"))),
        };
        Ok((out, done))
    }
}

/// SHA-512 of all parts, in hexadecimal digits.
pub(super) fn hex_digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha512::new();
    parts.iter().for_each(|p| hash.update(p));
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Compares without telling by the time it takes where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}
