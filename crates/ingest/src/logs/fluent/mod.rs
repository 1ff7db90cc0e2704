//! The Fluent forward protocol, version 1, as a state machine over bytes
//! (<https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1>).
//!
//! All four modes are understood, and the two forms of an entry's time (seconds, and the extension with nanoseconds).
//! The tag is the label `tag` of the stream; a record is a document, see [`Roles`]. An acknowledgement is handed out
//! with the records it is for, so that a caller can send it when they are safe.

mod handshake;
mod pack;

pub use handshake::Secret;

use super::Roles;
use super::document::{Documents, Fields, Origin, show_object};
use crate::Limits;
use crate::compress::{Decompressor, Encoding};
use crate::error::DecodeError;
use crate::records::{RecordLimits, RecordWriter, Refused};
use handshake::Handshake;
use pack::{Pack, Stop, Token, Unread, held, read_map};
use std::borrow::Cow;

/// A buffer that grew beyond this is given back after a message.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// What the caller has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes now.
    Send(Vec<u8>),
    /// Send these bytes once all that was written so far is safe.
    Acknowledge(Vec<u8>),
}

/// One connection.
pub struct Session {
    limits: Limits,
    roles: Roles,
    handshake: Option<Handshake>,
    decompressor: Decompressor,
    /// Bytes of a message that is not complete yet.
    held: Vec<u8>,
    /// How far they are known to be well formed, and how many things are missing there.
    scanned: usize,
    missing: u64,
}

impl Session {
    /// A connection. With a secret, the sender has to prove that it knows it before anything is taken in.
    pub fn new(limits: Limits, roles: Roles, secret: Option<Secret>) -> Session {
        Session {
            limits,
            roles,
            handshake: secret.map(Handshake::new),
            decompressor: Decompressor::new(),
            held: Vec::new(),
            scanned: 0,
            missing: 1,
        }
    }

    /// What to send before anything arrives.
    pub fn greeting(&self) -> Option<Vec<u8>> {
        self.handshake.as_ref().map(Handshake::hello)
    }

    /// Takes bytes as they arrive and writes the records that are complete now. An error ends the connection; what was
    /// written before is good, and bytes to send are in `outputs`.
    pub fn step(
        &mut self,
        bytes: &[u8],
        w: &mut RecordWriter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), DecodeError> {
        self.held.extend_from_slice(bytes);
        let mut held = std::mem::take(&mut self.held);
        let mut taken = 0;
        let done = loop {
            match self.complete(&held[taken..]) {
                Err(e) => break Err(e),
                Ok(None) => break Ok(()),
                Ok(Some(length)) => {
                    (self.scanned, self.missing) = (0, 1);
                    let message = &held[taken..taken + length];
                    taken += length;
                    if let Err(e) = self.message(message, w, outputs) {
                        break Err(e);
                    }
                }
            }
        };
        // Moves only what follows whole messages, not a large one that is still coming.
        held.drain(..taken);
        if held.is_empty() && held.capacity() > KEPT_BYTES_MAX {
            held = Vec::new();
        }
        self.held = held;
        done
    }

    /// The length of the message at the start, if all of it is there. Bytes are looked at once, however they arrive.
    fn complete(&mut self, bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
        let mut pack = Pack::new(bytes);
        pack.at = self.scanned;
        while self.missing > 0 {
            match pack.next() {
                Ok(token) => self.missing = self.missing - 1 + held(token),
                Err(Stop::Reserved) => return Err(broken(pack.at, "0xc1 is not MessagePack")),
                Err(Stop::Incomplete) => {
                    self.scanned = pack.at;
                    crate::compress::check_body(bytes.len() as u64, &self.limits)?;
                    return Ok(None);
                }
            }
        }
        crate::compress::check_body(pack.at as u64, &self.limits)?;
        Ok(Some(pack.at))
    }

    fn message(
        &mut self,
        bytes: &[u8],
        w: &mut RecordWriter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), DecodeError> {
        let mut pack = Pack::new(bytes);
        let stop = |stop| broken_at(stop, 0);
        let count = match pack.next().map_err(stop)? {
            // A heartbeat.
            Token::Nil => return Ok(()),
            Token::Array(count) => count,
            _ => return Err(broken(0, "a message is a list of tag, entries and options")),
        };
        if let Some(handshake) = &mut self.handshake
            && !handshake.is_done()
        {
            let (pong, done) = handshake.pong(&mut pack, count).map_err(stop)?;
            outputs.push(Output::Send(pong));
            return done;
        }
        let tag = pack.text().map_err(stop)?.ok_or_else(|| broken(pack.at, "the tag must be text"))?;
        if count < 2 {
            return Err(broken(pack.at, "a message is a list of tag, entries and options"));
        }
        let entries = pack.clone();
        let first = pack.next().map_err(stop)?;
        // Where the options stand depends on the mode.
        let before_options = match first {
            Token::Array(_) | Token::Str(_) | Token::Bin(_) => 2,
            _ => 3,
        };
        pack = entries.clone();
        for _ in 1..before_options.min(count) {
            pack.skip().map_err(stop)?;
        }
        let options =
            if count > before_options { options(&mut pack).map_err(stop)? } else { Options::default() };
        let writing = Writing {
            documents: Documents::new(&self.roles),
            tag: &tag,
            limits: *w.limits(),
            shown: String::new(),
        };
        match first {
            Token::Array(count) => {
                let mut entries = entries;
                entries.next().map_err(stop)?;
                writing.entries(&mut entries, Some(count), w)?;
            }
            Token::Str(bytes) | Token::Bin(bytes) => {
                let encoding = match &options.compressed {
                    None => Encoding::Identity,
                    Some(name) => match name.as_ref() {
                        "text" => Encoding::Identity,
                        "gzip" => Encoding::Gzip,
                        "zstd" => Encoding::Zstd,
                        other => {
                            return Err(DecodeError::Unsupported(format!(
                                "Fluent forward: compression {other:?} is not supported; accepted are gzip, zstd and text"
                            )));
                        }
                    },
                };
                let plain = self.decompressor.decompress(encoding, bytes, &self.limits)?;
                writing.entries(&mut Pack::new(plain), None, w)?;
            }
            _ => writing.entry(&mut entries.clone(), w)?,
        }
        if let Some(chunk) = options.chunk {
            outputs.push(Output::Acknowledge(acknowledgement(&chunk)));
        }
        Ok(())
    }
}

/// `{"ack": chunk}`.
fn acknowledgement(chunk: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let written = rmp::encode::write_map_len(&mut out, 1)
        .and_then(|_| rmp::encode::write_str(&mut out, "ack"))
        .and_then(|()| rmp::encode::write_str(&mut out, chunk));
    written.expect("memory does not fail");
    out
}

/// What a message says about itself.
#[derive(Default)]
struct Options<'a> {
    chunk: Option<Cow<'a, str>>,
    compressed: Option<Cow<'a, str>>,
}

fn options<'a>(pack: &mut Pack<'a>) -> Result<Options<'a>, Stop> {
    let mut options = Options::default();
    let Token::Map(count) = pack.next()? else { return Ok(options) };
    for _ in 0..count {
        match pack.text()?.as_deref() {
            Some("chunk") => options.chunk = pack.text()?,
            Some("compressed") => options.compressed = pack.text()?,
            _ => pack.skip()?,
        }
    }
    Ok(options)
}

/// Writes the entries of one message.
struct Writing<'r, 't> {
    documents: Documents<'r>,
    tag: &'t str,
    limits: RecordLimits,
    shown: String,
}

impl Writing<'_, '_> {
    /// Entries, as many as the list says or until the bytes end.
    fn entries(
        mut self,
        pack: &mut Pack<'_>,
        count: Option<u32>,
        w: &mut RecordWriter,
    ) -> Result<(), DecodeError> {
        let mut fields = Fields::default();
        let mut left = count;
        while left != Some(0) && (count.is_some() || !pack.is_empty()) {
            left = left.map(|n| n - 1);
            let start = pack.clone();
            // Entries that are packed have not been looked at yet.
            let mut end = start.clone();
            end.skip().map_err(|e| broken_at(e, start.at))?;
            match pack.next().map_err(|e| broken_at(e, pack.at))? {
                Token::Array(2) => {
                    let done = self.one(pack, &mut fields, w);
                    settle(done, w)?;
                }
                _ => w.reject(1, "an entry is not a list of time and record"),
            }
            *pack = end;
        }
        Ok(())
    }

    /// The single entry of a message: time and record.
    fn entry(mut self, pack: &mut Pack<'_>, w: &mut RecordWriter) -> Result<(), DecodeError> {
        let done = self.one(pack, &mut Fields::default(), w);
        settle(done, w)
    }

    fn one<'a>(
        &mut self,
        pack: &mut Pack<'a>,
        fields: &mut Fields<'a>,
        w: &mut RecordWriter,
    ) -> Result<(), Fault> {
        let time_ns = time(pack)?;
        let Token::Map(members) = pack.next()? else {
            return Err(Fault::Record("a record is not a map".to_owned()));
        };
        fields.clear();
        read_map(pack, members, 0, &self.limits, fields)?;
        self.shown.clear();
        show_object(fields.iter(), &mut self.shown);
        let origin = Origin { labels: &[("tag", self.tag)], raw: &self.shown, time_ns, ..Origin::default() };
        self.documents.write(fields, origin, w).map_err(Fault::from)
    }
}

/// What is wrong with an entry.
enum Fault {
    Broken(Stop),
    Record(String),
    Body(DecodeError),
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Fault::Broken(stop)
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Broken(stop) => Fault::Broken(stop),
            Unread::Refused(why) => Fault::Record(why),
        }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Record(why) => Fault::Record(why),
            Refused::Body(e) => Fault::Body(e),
        }
    }
}

fn settle(done: Result<(), Fault>, w: &mut RecordWriter) -> Result<(), DecodeError> {
    match done {
        Ok(()) => Ok(()),
        Err(Fault::Record(why)) => {
            w.reject(1, why);
            Ok(())
        }
        Err(Fault::Broken(stop)) => Err(broken_at(stop, 0)),
        Err(Fault::Body(e)) => Err(e),
    }
}

/// The time of an entry: seconds, the extension 0 with seconds and nanoseconds, or (Fluent Bit) a list of one of
/// these and metadata. `None` where none is stated.
fn time(pack: &mut Pack<'_>) -> Result<Option<i64>, Fault> {
    let wrong =
        |found: &str| Fault::Record(format!("the time of an entry is {found}, not seconds or an EventTime"));
    let mut token = pack.next()?;
    let mut after = 0;
    if let Token::Array(count) = token {
        if count == 0 {
            return Ok(None);
        }
        after = count - 1;
        token = pack.next()?;
    }
    let time_ns = match token {
        Token::Nil | Token::Int(0) => None,
        Token::Int(seconds) => Some(seconds.checked_mul(1_000_000_000).ok_or_else(|| wrong("out of range"))?),
        Token::Float(x) => Some(super::time::from_float(x).ok_or_else(|| wrong("out of range"))?),
        Token::Ext(0, [a, b, c, d, e, f, g, h]) => {
            let seconds = i64::from(u32::from_be_bytes([*a, *b, *c, *d]));
            Some(seconds * 1_000_000_000 + i64::from(u32::from_be_bytes([*e, *f, *g, *h])))
        }
        _ => return Err(wrong("something else")),
    };
    for _ in 0..after {
        pack.skip()?;
    }
    Ok(time_ns)
}

fn broken(at: usize, reason: &str) -> DecodeError {
    DecodeError::Malformed { what: "Fluent forward message", at, reason: reason.to_owned() }
}

fn broken_at(stop: Stop, at: usize) -> DecodeError {
    broken(
        at,
        match stop {
            Stop::Incomplete => "the entries end within an entry",
            Stop::Reserved => "0xc1 is not MessagePack",
        },
    )
}

#[cfg(test)]
mod tests;
