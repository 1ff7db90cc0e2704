//! A receiver of webhooks that loses answers: it takes a message and closes the connection without a word.

use crate::torture::next;
use anyhow::Context;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A message that was taken.
pub struct Message {
    /// In which life of the server it came.
    pub life: u64,
    /// Whether an answer was sent.
    pub answered: bool,
    /// Its alerts, as they came.
    pub alerts: Vec<serde_json::Value>,
}

/// The receiver.
pub struct Hook {
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    taken: Mutex<Vec<Message>>,
    random: Mutex<u64>,
    /// One answer in so many is lost.
    lost_one_in: u64,
    life: AtomicU64,
    answers_lost: AtomicU64,
    refused: AtomicU64,
}

/// A request larger than this is none of ours.
const REQUEST_BYTES_MAX: usize = 16 << 20;

/// What becomes of a request.
enum Fate {
    Answered,
    AnswerLost,
    Refused,
}

impl Hook {
    /// A receiver that loses one answer in so many, and refuses half as many messages.
    pub async fn start(lost_one_in: u64, seed: u64) -> anyhow::Result<Hook> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for webhooks")?;
        let url = format!("http://{}/", listener.local_addr()?);
        let shared = Arc::new(Shared {
            taken: Mutex::default(),
            random: Mutex::new(seed ^ 0x5eed),
            lost_one_in: lost_one_in.max(2),
            life: AtomicU64::new(0),
            answers_lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection is of one life of the server.
                let life = serving.life.load(Ordering::Acquire);
                let shared = Arc::clone(&serving);
                // A connection that breaks off is the other side's affair.
                tokio::spawn(async move { drop(serve(stream, life, &shared).await) });
            }
        });
        Ok(Hook { url, shared })
    }

    /// What was taken since the last time.
    pub fn take(&mut self) -> Vec<Message> {
        std::mem::take(&mut *self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The server was killed; connections from now on are of another.
    pub fn next_life(&self) {
        self.shared.life.fetch_add(1, Ordering::AcqRel);
    }

    pub fn answers_lost(&self) -> u64 {
        self.shared.answers_lost.load(Ordering::Relaxed)
    }

    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        match next(&mut random) % (2 * self.lost_one_in) {
            0 | 1 => Fate::AnswerLost,
            2 => Fate::Refused,
            _ => Fate::Answered,
        }
    }
}

/// Serves one connection until it is closed, or an answer on it is lost.
async fn serve(mut stream: TcpStream, life: u64, shared: &Shared) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some(body) = request(&mut stream, &mut buffer).await? else { return Ok(()) };
        let fate = shared.fate();
        if let Fate::Refused = fate {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n").await?;
            continue;
        }
        let message: serde_json::Value = serde_json::from_slice(&body)?;
        let alerts = message["alerts"].as_array().cloned().unwrap_or_default();
        let answered = matches!(fate, Fate::Answered);
        let taken = Message { life, answered, alerts };
        shared.taken.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        if !answered {
            shared.answers_lost.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}

/// The body of the next request; nothing if there is none any more.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
            let length: usize = length.context("a request without a length")?.trim().parse()?;
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Ok(Some(body));
            }
        }
        if buffer.len() > REQUEST_BYTES_MAX || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}
