//! GELF, the format of Graylog: JSON, compressed or not, in datagrams that may be split
//! (<https://go2docs.graylog.org/current/getting_in_log_data/gelf.html>).
//!
//! `host` is the stream's label, `short_message` the body, `timestamp` the time and `level` a number of syslog.
//! Additional fields lose the underscore they are sent with; the rest is a document, see [`Roles`].

use super::document::{Documents, Fields, Origin};
use super::json::read_object;
use super::{Roles, time};
use crate::Limits;
use crate::compress::{Decompressor, Encoding};
use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused};
use hashbrown::HashMap;
use std::collections::VecDeque;

/// Appends one message. `peer` is the host of messages that name none.
pub fn message(
    bytes: &[u8],
    peer: Option<&str>,
    roles: &Roles,
    decompressor: &mut Decompressor,
    limits: &Limits,
    w: &mut RecordWriter,
) -> Result<(), DecodeError> {
    let encoding = match bytes {
        [0x1f, 0x8b, ..] => Encoding::Gzip,
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Encoding::Zlib,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Encoding::Zstd,
        _ => Encoding::Identity,
    };
    let plain = decompressor.decompress(encoding, bytes, limits)?;
    let text = String::from_utf8_lossy(plain);
    let done = one(text.trim_matches(['\0', '\n', '\r', ' ']), peer, roles, w);
    w.settle(done)
}

/// What fields of GELF mean where they do not name the host themselves.
pub fn roles() -> Roles {
    let mut roles = Roles::default();
    roles.set_messages(&["short_message", "full_message", "message"]);
    roles.set_ignored(&["version"]);
    roles
}

fn one(text: &str, peer: Option<&str>, roles: &Roles, w: &mut RecordWriter) -> Result<(), Refused> {
    let mut fields = Fields::without_underscores();
    read_object(text, w.limits(), &mut fields).map_err(|e| Refused::Record(format!("GELF message: {e}")))?;
    let named = fields.iter().any(|(name, _)| name == "host");
    let host = [("host", peer.unwrap_or(""))];
    let labels = if named { &[] } else { &host[..] };
    Documents::new(roles).write(&mut fields, Origin { labels, raw: text, ..Origin::default() }, w)
}

/// Bounds on messages that have not arrived completely.
#[derive(Debug, Clone, Copy)]
pub struct ChunkLimits {
    /// Messages at the same time; the oldest one goes when there are more.
    pub messages_max: usize,
    /// Bytes of all of them.
    pub bytes_max: usize,
    /// How long a message may take, nanoseconds.
    pub wait_ns: i64,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        ChunkLimits { messages_max: 1024, bytes_max: 16 << 20, wait_ns: 5 * time::SECOND_NS }
    }
}

/// Puts datagrams together again.
#[derive(Debug)]
pub struct Chunks {
    limits: ChunkLimits,
    open: HashMap<[u8; 8], Open>,
    /// Messages in the order in which they began.
    began: VecDeque<(i64, [u8; 8])>,
    bytes: usize,
    given_up: u64,
}

#[derive(Debug)]
struct Open {
    began_ns: i64,
    pieces: Vec<Option<Box<[u8]>>>,
    missing: usize,
    bytes: usize,
}

/// The first bytes of a piece, its id, number and count.
const MAGIC: [u8; 2] = [0x1e, 0x0f];
const PIECES_MAX: u8 = 128;

impl Chunks {
    /// Nothing has arrived yet.
    pub fn new(limits: ChunkLimits) -> Chunks {
        Chunks { limits, open: HashMap::new(), began: VecDeque::new(), bytes: 0, given_up: 0 }
    }

    /// Messages given up because a piece of them did not arrive in time, or for want of room.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Takes a datagram and calls `each` with the message if it is complete now.
    pub fn push(
        &mut self,
        datagram: &[u8],
        now_ns: i64,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DecodeError> {
        self.expire(now_ns);
        if !datagram.starts_with(&MAGIC) {
            each(datagram);
            return Ok(());
        }
        let wrong = |at, reason: String| DecodeError::Malformed { what: "GELF chunk", at, reason };
        let Some((head, piece)) = datagram.split_first_chunk::<12>() else {
            return Err(wrong(datagram.len(), "a chunk has a head of 12 bytes".to_owned()));
        };
        let [_, _, id @ .., number, count] = *head;
        if count == 0 || count > PIECES_MAX || number >= count {
            let why =
                format!("chunk {number} of {count}: there are 1 to {PIECES_MAX} chunks, counted from 0");
            return Err(wrong(10, why));
        }
        self.make_room(piece.len());
        let began = &mut self.began;
        let open = self.open.entry(id).or_insert_with(|| {
            began.push_back((now_ns, id));
            Open {
                began_ns: now_ns,
                pieces: vec![None; usize::from(count)],
                missing: usize::from(count),
                bytes: 0,
            }
        });
        if open.pieces.len() != usize::from(count) {
            return Err(wrong(11, format!("the message has {} chunks, not {count}", open.pieces.len())));
        }
        let place = &mut open.pieces[usize::from(number)];
        // A datagram may be delivered twice.
        if place.is_none() {
            *place = Some(Box::from(piece));
            open.missing -= 1;
            open.bytes += piece.len();
            self.bytes += piece.len();
        }
        if open.missing == 0
            && let Some(open) = self.open.remove(&id)
        {
            self.bytes -= open.bytes;
            each(&open.pieces.into_iter().flatten().collect::<Vec<_>>().concat());
        }
        Ok(())
    }

    fn expire(&mut self, now_ns: i64) {
        while let Some((began_ns, _)) = self.began.front()
            && now_ns.saturating_sub(*began_ns) > self.limits.wait_ns
        {
            self.give_up_oldest();
        }
    }

    fn make_room(&mut self, more: usize) {
        let l = self.limits;
        while !self.began.is_empty()
            && (self.began.len() >= l.messages_max || self.bytes.saturating_add(more) > l.bytes_max)
        {
            self.give_up_oldest();
        }
    }

    fn give_up_oldest(&mut self) {
        let Some((began_ns, id)) = self.began.pop_front() else { return };
        // An id may have been completed, and even begun anew, since.
        if self.open.get(&id).is_some_and(|open| open.began_ns == began_ns)
            && let Some(open) = self.open.remove(&id)
        {
            self.bytes -= open.bytes;
            self.given_up += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{records, writer};
    use super::*;
    use std::io::Write;

    fn decoded(bytes: &[u8]) -> String {
        let mut w = writer();
        let done =
            message(bytes, Some("10.0.0.9"), &roles(), &mut Decompressor::new(), &Limits::default(), &mut w);
        format!("{}{}", records(w), done.map_or_else(|e| format!("{e}\n"), |()| String::new()))
    }

    #[test]
    fn messages() {
        let full = br#"{"version":"1.1","host":"web-1","short_message":"Broke","full_message":"Broke\nat line 3","timestamp":1795256430.25,"level":3,"_user_id":9001,"_app":"shop","_tags":["a"],"facility":"f"}"#;
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(full).unwrap();
        let zlib = zlib.finish().unwrap();
        assert_eq!(decoded(&zlib), decoded(full));
        let mut out = decoded(full);
        out += &decoded(b"{\"short_message\":\"no host\"}\0");
        out += &decoded(b"{\"host\":\"h\"}");
        out += &decoded(b"plain text");
        out += &decoded(&zlib[..20]);
        insta::assert_snapshot!(out);
    }

    fn piece(id: u8, number: u8, count: u8, bytes: &[u8]) -> Vec<u8> {
        [&MAGIC[..], &[id; 8], &[number, count], bytes].concat()
    }

    #[test]
    fn pieces_are_put_together() {
        let mut chunks = Chunks::new(ChunkLimits { messages_max: 2, bytes_max: 10, wait_ns: 100 });
        let mut got: Vec<String> = Vec::new();
        let mut push = |chunks: &mut Chunks, datagram: &[u8], now| {
            chunks.push(datagram, now, &mut |m| got.push(String::from_utf8_lossy(m).into_owned()))
        };
        push(&mut chunks, b"{}", 0).unwrap();
        // In any order, some twice.
        for (number, text) in [(2, "c"), (0, "a"), (0, "a"), (1, "b")] {
            push(&mut chunks, &piece(1, number, 3, text.as_bytes()), 0).unwrap();
        }
        // A message that takes too long is given up, and its id can be used again.
        push(&mut chunks, &piece(2, 0, 2, b"old"), 0).unwrap();
        push(&mut chunks, &piece(2, 1, 2, b"new"), 101).unwrap();
        push(&mut chunks, &piece(2, 0, 2, b"the "), 150).unwrap();
        assert_eq!(chunks.given_up(), 1);
        // Neither more messages nor more bytes than there is room for.
        push(&mut chunks, &piece(3, 0, 2, b"12345678"), 160).unwrap();
        push(&mut chunks, &piece(4, 0, 2, b"12345678"), 160).unwrap();
        assert_eq!((chunks.given_up(), chunks.bytes), (2, 8));
        for wrong in [piece(5, 2, 2, b""), piece(5, 0, 0, b""), piece(4, 1, 3, b""), vec![0x1e, 0x0f, 1]] {
            push(&mut chunks, &wrong, 160).unwrap_err();
        }
        assert_eq!(got, ["{}", "abc", "the new"]);
    }
}
