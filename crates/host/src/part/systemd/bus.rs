//! A connection to the system's message bus, for calls and their answers only.

use crate::parse::dbus::{FIXED_BYTES, Message, message, message_len};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long the bus may be silent while an answer is due. The other collectors wait meanwhile.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// A call of a method of systemd's.
pub(super) struct Call<'a> {
    pub path: &'a str,
    pub interface: &'a str,
    pub method: &'a str,
    /// All arguments are strings.
    pub arguments: &'a [&'a str],
}

const SYSTEMD: &str = "org.freedesktop.systemd1";

/// An authenticated connection.
pub(super) struct Bus {
    stream: BufReader<UnixStream>,
    serial: u32,
}

/// A message in memory.
pub(super) struct Answer(Vec<u8>);

impl Answer {
    /// What it says; an error's name where the call failed.
    pub(super) fn read(&self) -> Result<Message<'_>, String> {
        let m = message(&self.0).ok_or("an answer is not understood")?;
        match m.error {
            Some(error) => Err(error.to_owned()),
            None => Ok(m),
        }
    }
}

impl Bus {
    pub(super) fn connect(socket: &Path) -> io::Result<Bus> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        let mut bus = Bus { stream: BufReader::new(stream), serial: 0 };
        bus.authenticate()?;
        let hello = Call {
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            method: "Hello",
            arguments: &[],
        };
        bus.exchange(&[hello], "org.freedesktop.DBus")?;
        Ok(bus)
    }

    /// The bus knows who we are from the socket; what is sent is the user to be, in hexadecimal digits of its digits.
    fn authenticate(&mut self) -> io::Result<()> {
        let user = rustix::process::geteuid().as_raw().to_string();
        let digits: String = user.bytes().map(|b| format!("{b:02x}")).collect();
        self.stream.get_mut().write_all(format!("\0AUTH EXTERNAL {digits}\r\n").as_bytes())?;
        let mut line = String::new();
        self.stream.by_ref().take(1024).read_line(&mut line)?;
        if !line.starts_with("OK ") {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, line.trim().to_owned()));
        }
        self.stream.get_mut().write_all(b"BEGIN\r\n")
    }

    /// Makes all calls at once and waits for all answers, in the order of the calls.
    pub(super) fn calls(&mut self, calls: &[Call<'_>]) -> io::Result<Vec<Answer>> {
        self.exchange(calls, SYSTEMD)
    }

    fn exchange(&mut self, calls: &[Call<'_>], destination: &str) -> io::Result<Vec<Answer>> {
        let first = self.serial + 1;
        let mut bytes = Vec::new();
        for call in calls {
            self.serial += 1;
            put_call(&mut bytes, self.serial, destination, call);
        }
        self.stream.get_mut().write_all(&bytes)?;
        let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
        let mut due = calls.len();
        while due > 0 {
            let bytes = self.receive()?;
            let Some(m) = message(&bytes) else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is not understood"));
            };
            // Signals come too, that of our own name for one.
            let place = m.answers.and_then(|s| s.checked_sub(first)).map(|at| at as usize);
            if let Some(slot @ None) = place.and_then(|at| answers.get_mut(at)) {
                *slot = Some(Answer(bytes));
                due -= 1;
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut fixed = [0; FIXED_BYTES];
        self.stream.read_exact(&mut fixed)?;
        let len = message_len(&fixed)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a message is not understood"))?;
        let mut bytes = fixed.to_vec();
        // Grows with what arrives, whatever length was announced.
        self.stream.by_ref().take((len - FIXED_BYTES) as u64).read_to_end(&mut bytes)?;
        if bytes.len() < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

fn put_call(out: &mut Vec<u8>, serial: u32, destination: &str, call: &Call<'_>) {
    let mut body = Vec::new();
    for argument in call.arguments {
        put_string(&mut body, argument);
    }
    let mut fields = Vec::new();
    for (field, kind, value) in
        [(1, "o", call.path), (2, "s", call.interface), (3, "s", call.method), (6, "s", destination)]
    {
        put_field(&mut fields, field, kind);
        put_string(&mut fields, value);
    }
    if !call.arguments.is_empty() {
        put_field(&mut fields, 8, "g");
        put_signature(&mut fields, &"s".repeat(call.arguments.len()));
    }
    // Little-endian, a call, no flags, the protocol's version.
    out.extend_from_slice(&[b'l', 1, 0, 1]);
    for number in [body.len() as u32, serial, fields.len() as u32] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    fields.resize(fields.len().next_multiple_of(8), 0);
    out.extend_from_slice(&fields);
    out.extend_from_slice(&body);
}

pub(super) fn put_field(out: &mut Vec<u8>, field: u8, kind: &str) {
    out.resize(out.len().next_multiple_of(8), 0);
    out.push(field);
    put_signature(out, kind);
}

pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

pub(super) fn put_signature(out: &mut Vec<u8>, text: &str) {
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}
