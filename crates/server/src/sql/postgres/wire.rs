//! Messages over a socket.

use super::Connections;
use sql::pg::{MESSAGE_BYTES_MAX, Message, STARTUP_BYTES_MAX, Severity, Startup, WireError, write};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest time for a piece of an answer to be taken.
const WRITE: Duration = Duration::from_secs(60);
/// What is written at once is sent once it has so many bytes.
const SEND_BYTES: usize = 64 << 10;

/// A connection.
pub struct Wire {
    stream: TcpStream,
    /// Read and not looked at.
    input: Vec<u8>,
    /// Written and not sent.
    pub out: Vec<u8>,
}

fn wrong(e: WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e)
}

impl Wire {
    pub fn new(stream: TcpStream) -> Wire {
        Wire { stream, input: Vec::new(), out: Vec::new() }
    }

    /// The parameters of a session; `None` if the connection was for something else.
    pub async fn start(&mut self, connections: &Connections) -> io::Result<Option<Vec<(String, String)>>> {
        // Each kind of encryption may be asked for once.
        for _ in 0..3 {
            let length = self.peek_length(0).await?;
            if !(8..=STARTUP_BYTES_MAX).contains(&length) {
                self.fatal("08P01", &format!("the first message has {length} bytes"), None).await;
                return Ok(None);
            }
            let body = self.take(4, length).await?;
            match Startup::read(&body) {
                Ok(Startup::Ssl | Startup::Gss) => {
                    self.stream.write_all(b"N").await?;
                }
                Ok(Startup::Cancel { process, key }) => {
                    connections.cancel(process, key);
                    return Ok(None);
                }
                Ok(Startup::Start { minor, parameters }) => {
                    let options: Vec<String> = parameters
                        .iter()
                        .map(|(n, _)| n)
                        .filter(|n| n.starts_with("_pq_."))
                        .cloned()
                        .collect();
                    if minor > 0 || !options.is_empty() {
                        write::negotiate(&mut self.out, &options);
                    }
                    return Ok(Some(parameters));
                }
                Err(e) => {
                    self.fatal("0A000", &e.to_string(), None).await;
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// The next message; `None` at the end.
    pub async fn message(&mut self) -> io::Result<Option<Message>> {
        if !self.fill(5).await? {
            return Ok(None);
        }
        let letter = self.input[0];
        let length = self.peek_length(1).await?;
        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
            let told = format!("a message has {length} bytes, over the limit of {MESSAGE_BYTES_MAX}");
            self.fatal("08P01", &told, None).await;
            return Ok(None);
        }
        let body = self.take(5, length + 1).await?;
        match Message::read(letter, &body) {
            Ok(message) => Ok(Some(message)),
            Err(e) => {
                self.fatal("08P01", &e.to_string(), None).await;
                Err(wrong(e))
            }
        }
    }

    /// The length that is stated at a place, itself included.
    async fn peek_length(&mut self, at: usize) -> io::Result<usize> {
        if !self.fill(at + 4).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes = &self.input[at..at + 4];
        let length = i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Ok(usize::try_from(length).unwrap_or(0))
    }

    /// Takes bytes up to `end`, without the first `skip`.
    async fn take(&mut self, skip: usize, end: usize) -> io::Result<Vec<u8>> {
        if !self.fill(end).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let body = self.input[skip..end].to_vec();
        self.input.drain(..end);
        Ok(body)
    }

    /// Reads until there are so many bytes; false if the connection ended before the first of them.
    async fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.input.len() < wanted {
            // Memory grows with what arrives, not with what is promised.
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return match self.input.is_empty() {
                    true => Ok(false),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
        Ok(true)
    }

    /// Waits until the client has hung up. A client that sends on while it waits is taken to be there.
    pub async fn gone(&self) {
        let mut byte = [0];
        if self.input.is_empty() && matches!(self.stream.peek(&mut byte).await, Ok(0) | Err(_)) {
            return;
        }
        std::future::pending().await
    }

    /// Sends what was written.
    pub async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            let sent = tokio::time::timeout(WRITE, self.stream.write_all(&self.out)).await;
            self.out.clear();
            sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        Ok(())
    }

    /// Sends what was written if it is much.
    pub async fn flush_much(&mut self) -> io::Result<()> {
        if self.out.len() >= SEND_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Tells why the connection ends.
    pub async fn fatal(&mut self, code: &str, told: &str, hint: Option<&str>) {
        write::error(&mut self.out, Severity::Fatal, code, told, hint, None);
        // Whether it arrives is not for us to say.
        let _ = self.flush().await;
    }
}
