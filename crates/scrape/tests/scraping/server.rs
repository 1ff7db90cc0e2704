//! An HTTP server of few words, so that it can also speak badly.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What to do with a request.
#[derive(Clone)]
pub enum Answer {
    /// These bytes, then the next request.
    Bytes(Vec<u8>),
    /// These bytes, then the connection is closed.
    Close(Vec<u8>),
    /// These bytes, then silence.
    Hang(Vec<u8>),
    /// These bytes over and over, until the client has had enough.
    Forever(Vec<u8>, Vec<u8>),
}

type Handler = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

pub struct Request {
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.head.lines().skip(1).filter_map(|l| l.split_once(':'));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
    }
}

pub struct Server {
    pub address: SocketAddr,
    /// The heads of all requests.
    pub seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn ok(kind: &str, body: &str) -> Answer {
    with(&format!("200 OK\r\nContent-Type: {kind}"), body.as_bytes())
}

pub fn text(body: &str) -> Answer {
    ok("text/plain; version=0.0.4", body)
}

pub fn with(status_and_headers: &str, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 {status_and_headers}\r\nContent-Length: {}\r\n\r\n", body.len());
    Answer::Bytes([head.as_bytes(), body].concat())
}

impl Server {
    pub async fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Server {
        Self::listen(Arc::new(handler), None).await
    }

    pub async fn tls(
        config: Arc<tokio_rustls::rustls::ServerConfig>,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Server {
        Self::listen(Arc::new(handler), Some(config.into())).await
    }

    async fn listen(handler: Handler, tls: Option<tokio_rustls::TlsAcceptor>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let heads = seen.clone();
        let task = tokio::spawn(async move {
            // Connections end with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, heads, tls) = (handler.clone(), heads.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, handler, heads).await;
                            }
                        }
                        None => serve(stream, handler, heads).await,
                    }
                });
            }
        });
        Server { address, seen, task }
    }

    /// A static configuration of this server as the only target of job `j`, scraped every 250 ms.
    pub fn job(&self, more: &str) -> String {
        format!(
            "scrape_configs:\n- job_name: j\n  scrape_interval: 250ms\n  static_configs: [{{targets: [\"{}\"]}}]\n{more}",
            self.address
        )
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    handler: Handler,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read_buf(&mut buffer).await {
                Ok(n) if n > 0 => {}
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let mut request = Request { head, body: String::new() };
        let length = request.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
        while buffer.len() < end + length {
            match stream.read_buf(&mut buffer).await {
                Ok(n) if n > 0 => {}
                _ => return,
            }
        }
        request.body = String::from_utf8_lossy(&buffer[end..end + length]).into_owned();
        buffer.drain(..end + length);
        heads.lock().unwrap().push(request.head.clone());
        match handler(&request) {
            Answer::Bytes(b) => {
                if stream.write_all(&b).await.is_err() {
                    return;
                }
            }
            Answer::Close(b) => {
                let _ = stream.write_all(&b).await;
                let _ = stream.shutdown().await;
                return;
            }
            Answer::Hang(b) => {
                let _ = stream.write_all(&b).await;
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }
            Answer::Forever(head, more) => {
                let _ = stream.write_all(&head).await;
                while stream.write_all(&more).await.is_ok() {}
                return;
            }
        }
    }
}
