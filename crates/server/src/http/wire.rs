//! One connection as HTTP sees it: which version it speaks, when bytes moved on it last, and whether a request is
//! being worked on.

use super::listen::Place;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, Version, header};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::Service;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What a client sends first if it knows beforehand that the server speaks HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a connection is in use.
#[derive(Debug)]
pub struct Activity {
    start: Instant,
    /// When bytes moved last, milliseconds after `start`.
    moved_ms: AtomicU64,
    /// Requests the server works on: from their head until their answer needs nothing more than to be sent.
    busy: AtomicUsize,
}

impl Activity {
    fn moved(&self) {
        self.moved_ms.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// How long neither side has done anything.
    pub fn silence(&self) -> Duration {
        if self.busy.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        let moved = Duration::from_millis(self.moved_ms.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(moved)
    }
}

/// A request being worked on.
struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Busy {
        activity.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // The silence begins now.
        self.0.moved();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stream of a connection. The bytes read to find out the version are given out again first.
pub struct Wire {
    stream: TcpStream,
    first: [u8; PREFACE.len()],
    /// How many bytes of `first` there are, and how many were given out.
    have: usize,
    given: usize,
    activity: Arc<Activity>,
}

impl Wire {
    /// A stream nothing was read from.
    pub fn new(stream: TcpStream) -> Wire {
        let activity =
            Activity { start: Instant::now(), moved_ms: AtomicU64::new(0), busy: AtomicUsize::new(0) };
        Wire { stream, first: [0; PREFACE.len()], have: 0, given: 0, activity: Arc::new(activity) }
    }

    /// Whether it is in use.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Reads until it is clear whether the client begins with HTTP/2. A client that ends before that gets what
    /// HTTP/1 says to it.
    pub async fn speaks_http2(&mut self) -> io::Result<bool> {
        while self.have < PREFACE.len() && PREFACE.starts_with(&self.first[..self.have]) {
            match self.stream.read(&mut self.first[self.have..]).await? {
                0 => return Ok(false),
                n => self.have += n,
            }
        }
        self.activity.moved();
        Ok(self.first == *PREFACE)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if wire.given < wire.have {
            let n = buf.remaining().min(wire.have - wire.given);
            buf.put_slice(&wire.first[wire.given..wire.given + n]);
            wire.given += n;
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut wire.stream).poll_read(cx, buf))?;
        wire.activity.moved();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let n = ready!(Pin::new(&mut wire.stream).poll_write(cx, buf))?;
        wire.activity.moved();
        Poll::Ready(Ok(n))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let n = ready!(Pin::new(&mut wire.stream).poll_write_vectored(cx, bufs))?;
        wire.activity.moved();
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// A service that tells the connection when it works.
#[derive(Clone)]
pub struct Watched<S> {
    inner: S,
    activity: Arc<Activity>,
    place: Place,
}

impl<S> Watched<S> {
    /// A service for one connection.
    pub fn new(inner: S, activity: Arc<Activity>, place: Place) -> Watched<S> {
        Watched { inner, activity, place }
    }
}

impl<S> Service<Request<Incoming>> for Watched<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<WatchedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        name_host(&mut request);
        request.extensions_mut().insert(self.place.clone());
        let busy = Busy::new(&self.activity);
        let activity = Arc::clone(&self.activity);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            drop(busy);
            Ok(response.map(|body| WatchedBody { body, activity, busy: None }))
        })
    }
}

/// HTTP/2 names the host beside the path; everything behind this reads the header (RFC 9113, section 8.3.1).
fn name_host<B>(request: &mut Request<B>) {
    if request.version() == Version::HTTP_2
        && !request.headers().contains_key(header::HOST)
        && let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// An answer's body. While it is still being made the connection is in use; while it waits to be read it is not.
pub struct WatchedBody {
    body: Body,
    activity: Arc<Activity>,
    busy: Option<Busy>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match polled {
            Poll::Pending if this.busy.is_none() => this.busy = Some(Busy::new(&this.activity)),
            Poll::Pending => {}
            Poll::Ready(_) => this.busy = None,
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    /// What a server finds when a client sends these pieces and, if told so, ends.
    async fn found(pieces: &[&[u8]], end: bool) -> (bool, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut wire = Wire::new(listener.accept().await.unwrap().0);
        let sent: usize = pieces.iter().map(|p| p.len()).sum();
        let send = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            if end {
                client.shutdown().await.unwrap();
            }
        };
        let (http2, ()) = tokio::join!(wire.speaks_http2(), send);
        let mut bytes = vec![0; sent];
        wire.read_exact(&mut bytes).await.unwrap();
        (http2.unwrap(), bytes)
    }

    #[tokio::test]
    async fn the_version_shows_in_the_first_bytes_and_none_is_lost() {
        let preface = PREFACE.as_slice();
        for (pieces, end, http2) in [
            (vec![preface, b"\0\0\0\x04\0\0\0\0\0"], false, true),
            (vec![&preface[..1], &preface[1..20], &preface[20..]], false, true),
            (vec![b"GET / HTTP/1.1\r\n\r\n".as_slice()], false, false),
            (vec![b"P".as_slice(), b"OST / HTTP/1.1\r\n"], false, false),
            (vec![b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r!".as_slice()], false, false),
            (vec![&preface[..10]], true, false),
            (vec![], true, false),
        ] {
            let (is, bytes) = found(&pieces, end).await;
            assert_eq!((is, bytes), (http2, pieces.concat()), "{pieces:?}");
        }
    }

    #[test]
    fn the_host_is_where_http_1_has_it() {
        let request = |uri: &str, version| {
            let mut r = Request::builder().uri(uri).version(version).body(()).unwrap();
            name_host(&mut r);
            r.headers().get(header::HOST).map(|h| h.to_str().unwrap().to_owned())
        };
        assert_eq!(request("http://h:7766/x", Version::HTTP_2).as_deref(), Some("h:7766"));
        assert_eq!(request("/x", Version::HTTP_2), None);
        assert_eq!(request("http://h:7766/x", Version::HTTP_11), None);
    }
}
