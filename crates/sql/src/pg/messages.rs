//! Messages of the protocol, as documented in *Frontend/Backend Protocol* of PostgreSQL's manual.

/// The longest message a client may send.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// The longest first message.
pub const STARTUP_BYTES_MAX: usize = 10_000;

const PROTOCOL_3: u32 = 3;
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WireError(pub String);

fn short(of: &str) -> WireError {
    WireError(format!("the {of} message ends too early"))
}

/// The first message of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// Asks for TLS.
    Ssl,
    /// Asks for encryption by GSSAPI.
    Gss,
    /// Asks to stop what another connection does.
    Cancel {
        /// The connection.
        process: i32,
        /// Its secret.
        key: i32,
    },
    /// Begins a session.
    Start {
        /// The minor version of the protocol.
        minor: u32,
        /// Names and values: `user`, `database`, `application_name`.
        parameters: Vec<(String, String)>,
    },
}

/// What a message concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A prepared statement.
    Statement,
    /// A portal: a statement with its parameters.
    Portal,
}

/// A message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Run the statements of a text.
    Query(String),
    /// Prepare a statement.
    Parse {
        /// Its name, maybe empty.
        name: String,
        /// Its text.
        text: String,
        /// Types of its first parameters, 0 where not stated.
        types: Vec<u32>,
    },
    /// Make a portal of a statement.
    Bind {
        /// The portal's name, maybe empty.
        portal: String,
        /// The statement's name.
        statement: String,
        /// Whether values are binary: none, one for all, or one each.
        formats: Vec<bool>,
        /// The parameters; `None` is null.
        values: Vec<Option<Vec<u8>>>,
        /// Whether columns are wanted in binary: none, one for all, or one each.
        results: Vec<bool>,
    },
    /// Tell the columns, and of a statement the parameters.
    Describe(Target, String),
    /// Run a portal.
    Execute {
        /// Its name.
        portal: String,
        /// Rows at most; 0 is all.
        rows: u32,
    },
    /// Forget a statement or portal.
    Close(Target, String),
    /// End of a group of messages.
    Sync,
    /// Send what there is.
    Flush,
    /// End of the session.
    Terminate,
    /// A password or what else a client answers when it is asked who it is.
    Password,
    /// Part of a copy, which is over.
    Copy,
    /// A call of a function.
    Function,
}

struct Reader<'a> {
    bytes: &'a [u8],
    of: &'static str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        if n > self.bytes.len() {
            return Err(short(self.of));
        }
        let (taken, rest) = self.bytes.split_at(n);
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, WireError> {
        Ok(self.take(1)?[0])
    }

    fn i16(&mut self) -> Result<i16, WireError> {
        let bytes = self.take(2)?;
        Ok(i16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn i32(&mut self) -> Result<i32, WireError> {
        let bytes = self.take(4)?;
        Ok(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn text(&mut self) -> Result<String, WireError> {
        let end = self.bytes.iter().position(|b| *b == 0).ok_or_else(|| short(self.of))?;
        let text = std::str::from_utf8(self.take(end)?)
            .map_err(|_| WireError(format!("a text of the {} message is not UTF-8", self.of)))?;
        self.take(1)?;
        Ok(text.to_owned())
    }

    /// A count of things that take at least `each` bytes.
    fn count(&mut self, each: usize) -> Result<usize, WireError> {
        // It is unsigned in practice: drivers send up to 65,535.
        let count = usize::from(self.i16()? as u16);
        if count * each > self.bytes.len() {
            return Err(short(self.of));
        }
        Ok(count)
    }

    fn formats(&mut self) -> Result<Vec<bool>, WireError> {
        let count = self.count(2)?;
        let one = |_| match self.i16()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(WireError(format!("format {other} is neither text (0) nor binary (1)"))),
        };
        (0..count).map(one).collect()
    }

    fn target(&mut self) -> Result<(Target, String), WireError> {
        let target = match self.byte()? {
            b'S' => Target::Statement,
            b'P' => Target::Portal,
            other => return Err(WireError(format!("{:?} is neither S nor P", char::from(other)))),
        };
        Ok((target, self.text()?))
    }

    fn end<T>(self, value: T) -> Result<T, WireError> {
        match self.bytes.is_empty() {
            true => Ok(value),
            false => {
                Err(WireError(format!("the {} message has {} bytes too many", self.of, self.bytes.len())))
            }
        }
    }
}

impl Startup {
    /// The first message, without its length.
    pub fn read(bytes: &[u8]) -> Result<Startup, WireError> {
        let mut r = Reader { bytes, of: "startup" };
        let code = r.i32()? as u32;
        match code {
            SSL_REQUEST => r.end(Startup::Ssl),
            GSS_REQUEST => r.end(Startup::Gss),
            CANCEL_REQUEST => {
                let (process, key) = (r.i32()?, r.i32()?);
                r.end(Startup::Cancel { process, key })
            }
            _ if code >> 16 == PROTOCOL_3 => {
                let mut parameters = Vec::new();
                while r.bytes.first().is_some_and(|b| *b != 0) {
                    parameters.push((r.text()?, r.text()?));
                }
                r.take(1)?;
                r.end(Startup::Start { minor: code & 0xffff, parameters })
            }
            _ => {
                Err(WireError(format!("protocol version {}.{} is not supported", code >> 16, code & 0xffff)))
            }
        }
    }
}

impl Message {
    /// A message by its letter, without its length.
    pub fn read(letter: u8, bytes: &[u8]) -> Result<Message, WireError> {
        let reader = |of| Reader { bytes, of };
        match letter {
            b'Q' => {
                let mut r = reader("Query");
                let text = r.text()?;
                r.end(Message::Query(text))
            }
            b'P' => {
                let mut r = reader("Parse");
                let (name, text) = (r.text()?, r.text()?);
                let count = r.count(4)?;
                let types = (0..count).map(|_| r.i32().map(|t| t as u32)).collect::<Result<_, _>>()?;
                r.end(Message::Parse { name, text, types })
            }
            b'B' => {
                let mut r = reader("Bind");
                let (portal, statement, formats) = (r.text()?, r.text()?, r.formats()?);
                let count = r.count(4)?;
                let mut values = Vec::with_capacity(count);
                for _ in 0..count {
                    values.push(match r.i32()? {
                        -1 => None,
                        n => Some(r.take(usize::try_from(n).map_err(|_| short("Bind"))?)?.to_vec()),
                    });
                }
                let results = r.formats()?;
                r.end(Message::Bind { portal, statement, formats, values, results })
            }
            b'D' => {
                let mut r = reader("Describe");
                let (target, name) = r.target()?;
                r.end(Message::Describe(target, name))
            }
            b'E' => {
                let mut r = reader("Execute");
                let (portal, rows) = (r.text()?, r.i32()?);
                // What is not positive means all.
                r.end(Message::Execute { portal, rows: u32::try_from(rows).unwrap_or(0) })
            }
            b'C' => {
                let mut r = reader("Close");
                let (target, name) = r.target()?;
                r.end(Message::Close(target, name))
            }
            b'S' => Ok(Message::Sync),
            b'H' => Ok(Message::Flush),
            b'X' => Ok(Message::Terminate),
            b'p' => Ok(Message::Password),
            b'd' | b'c' | b'f' => Ok(Message::Copy),
            b'F' => Ok(Message::Function),
            other => Err(WireError(format!("{:?} is no message of the protocol", char::from(other)))),
        }
    }
}

/// How grave a message to a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
}

/// Messages of the server.
pub mod write {
    use super::Severity;

    /// Appends a message: its letter, its length, and what `body` writes.
    pub fn message(out: &mut Vec<u8>, letter: u8, body: impl FnOnce(&mut Vec<u8>)) {
        out.push(letter);
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        body(out);
        // A message of ours is bounded by a row, and that by memory for a query.
        let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn text(out: &mut Vec<u8>, text: &str) {
        out.extend(text.bytes().filter(|b| *b != 0));
        out.push(0);
    }

    /// Who the client is needs no proof.
    pub fn authenticated(out: &mut Vec<u8>) {
        message(out, b'R', |out| out.extend_from_slice(&0u32.to_be_bytes()));
    }

    /// A setting.
    pub fn parameter(out: &mut Vec<u8>, name: &str, value: &str) {
        message(out, b'S', |out| {
            text(out, name);
            text(out, value);
        });
    }

    /// The connection's number and its secret, for who wants to stop what it does.
    pub fn key(out: &mut Vec<u8>, process: i32, key: i32) {
        message(out, b'K', |out| {
            out.extend_from_slice(&process.to_be_bytes());
            out.extend_from_slice(&key.to_be_bytes());
        });
    }

    /// Which of the protocol's options are not known.
    pub fn negotiate(out: &mut Vec<u8>, unknown: &[String]) {
        message(out, b'v', |out| {
            out.extend_from_slice(&0u32.to_be_bytes());
            out.extend_from_slice(&(unknown.len() as u32).to_be_bytes());
            unknown.iter().for_each(|name| text(out, name));
        });
    }

    /// The next may come: `I` without a transaction, `T` within one, `E` within one that failed.
    pub fn ready(out: &mut Vec<u8>, state: u8) {
        message(out, b'Z', |out| out.push(state));
    }

    /// A statement is done.
    pub fn complete(out: &mut Vec<u8>, tag: &str) {
        message(out, b'C', |out| text(out, tag));
    }

    /// One of the messages without content: `1` parsed, `2` bound, `3` closed, `n` no rows, `s` suspended, `I` empty.
    pub fn bare(out: &mut Vec<u8>, letter: u8) {
        message(out, letter, |_| {});
    }

    /// Types of parameters.
    pub fn parameters(out: &mut Vec<u8>, types: &[u32]) {
        message(out, b't', |out| {
            out.extend_from_slice(&(types.len() as u16).to_be_bytes());
            types.iter().for_each(|t| out.extend_from_slice(&t.to_be_bytes()));
        });
    }

    /// Columns: name, type, size of the type, whether binary.
    pub fn columns<'a>(out: &mut Vec<u8>, columns: impl ExactSizeIterator<Item = (&'a str, u32, i16, bool)>) {
        message(out, b'T', |out| {
            out.extend_from_slice(&(columns.len() as u16).to_be_bytes());
            for (name, of, size, binary) in columns {
                text(out, name);
                // No table, no column of one.
                out.extend_from_slice(&[0; 6]);
                out.extend_from_slice(&of.to_be_bytes());
                out.extend_from_slice(&size.to_be_bytes());
                out.extend_from_slice(&(-1i32).to_be_bytes());
                out.extend_from_slice(&u16::from(binary).to_be_bytes());
            }
        });
    }

    /// Why a statement failed, with the character (from 1) of the text where.
    pub fn error(
        out: &mut Vec<u8>,
        severity: Severity,
        code: &str,
        told: &str,
        hint: Option<&str>,
        position: Option<usize>,
    ) {
        let severity = if severity == Severity::Fatal { "FATAL" } else { "ERROR" };
        message(out, b'E', |out| {
            for (field, value) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', told)] {
                out.push(field);
                text(out, value);
            }
            if let Some(hint) = hint {
                out.push(b'H');
                text(out, hint);
            }
            if let Some(position) = position {
                out.push(b'P');
                text(out, &position.to_string());
            }
            out.push(0);
        });
    }
}
