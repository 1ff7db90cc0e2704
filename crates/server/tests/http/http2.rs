//! HTTP/2 at the address of HTTP/1.1: the same answers, the same bounds.

use crate::site::{Site, quiet, until};
use server::config::TimeSpan;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const DATA: u8 = 0;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().http2_prior_knowledge().timeout(Duration::from_secs(30));
    builder.no_gzip().no_zstd().build().unwrap()
}

/// A connection on which frames are written by hand.
struct Frames(TcpStream);

/// Kind, flags, stream and payload.
type Frame = (u8, u8, u32, Vec<u8>);

impl Frames {
    fn open(site: &Site) -> Frames {
        let stream = TcpStream::connect(site.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut frames = Frames(stream);
        frames.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        frames.send(SETTINGS, 0, 0, &[]);
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut head = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        head.extend_from_slice(&[kind, flags]);
        head.extend_from_slice(&stream.to_be_bytes());
        self.0.write_all(&[head, payload.to_vec()].concat()).unwrap();
    }

    /// The head of a request that pushes text of that length.
    fn push(&mut self, stream: u32, flags: u8, bytes: usize) {
        let mut block = vec![0x83, 0x86];
        let bytes = bytes.to_string();
        for (name, value) in [(&b"\x04"[..], "/api/v1/push/text"), (b"\x01", "h"), (b"\x0f\x0d", &bytes)] {
            block.extend_from_slice(name);
            block.push(value.len() as u8);
            block.extend_from_slice(value.as_bytes());
        }
        self.send(HEADERS, flags, stream, &block);
    }

    /// The next frame; `None` at the end.
    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.0.read_exact(&mut payload).ok()?;
        Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
    }

    fn find(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        std::iter::from_fn(|| self.next()).find(wanted)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_many_requests() {
    let mut config = quiet();
    config.http.streams_max = 8;
    let site = Site::with(config).await;
    let client = client();
    let ready = client.get(site.url("/-/ready")).send().await.unwrap();
    assert_eq!((ready.status().as_u16(), ready.version()), (200, reqwest::Version::HTTP_2));
    let pushes: Vec<_> = (0..200)
        .map(|i| client.post(site.url("/api/v1/push/text")).body(format!("n{{i=\"{i}\"}} {i}\n")).send())
        .collect();
    for answer in futures::future::join_all(pushes).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    let answer = client.get(site.url("/api/v1/query?query=sum(n)")).send().await.unwrap();
    let sum: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(sum["data"]["result"][0]["value"][1], "19900");
    // A larger answer comes whole, and says how long it is.
    let all = client.get(site.url("/api/v1/series?match[]=n")).send().await.unwrap();
    let length = all.content_length();
    let body = all.bytes().await.unwrap();
    assert_eq!(length, Some(body.len() as u64));
    let all: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(all["data"].as_array().unwrap().len(), 200);
    let metrics = site.get("/metrics").await.body;
    let open = metrics.lines().find_map(|l| l.strip_prefix("watchfire_connections_accepted_total "));
    assert_eq!(open, Some("2"), "one for HTTP/2, one to ask for this");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_known_by_the_authority() {
    let site = Site::start().await;
    let flush = async |origin: String| {
        let request = client().post(site.url("/-/flush")).header("origin", origin);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(flush(format!("http://{}", site.address)).await, 200);
    assert_eq!(flush("http://elsewhere.example".to_owned()).await, 403);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_beyond_all_bounds_are_refused() {
    let site = Site::start().await;
    let client = client();
    let answer = client.get(site.url("/-/ready")).header("x", "y".repeat(100_000)).send().await;
    assert!(answer.as_ref().map_or(true, |a| a.status() == 431), "{answer:?}");
    assert_eq!(client.get(site.url("/-/ready")).send().await.unwrap().status(), 200);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_request_is_withdrawn_ends() {
    let site = Site::start().await;
    let client = client();
    let path = "/api/v1/query_range?query=quantile_over_time(0.5,vector(time())[1d:1s])&start=1000000&end=2000000&step=100";
    let running = async |n: &str| {
        let text = site.get("/metrics").await.body;
        text.lines().any(|l| l == format!("watchfire_queries_running {n}")).then_some(())
    };
    tokio::select! {
        answer = client.get(site.url(path)).send() => panic!("that was quick: {answer:?}"),
        () = until("the query to run", async || running("1").await) => {}
    }
    until("the query to end", async || running("0").await).await;
    // The connection goes on, and does not hold up the end of the server.
    assert_eq!(client.get(site.url("/-/ready")).send().await.unwrap().status(), 200);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_misbehave() {
    let mut config = quiet();
    config.http.header_timeout = TimeSpan::from_millis(400);
    config.http.body_idle_timeout = TimeSpan::from_millis(300);
    config.http.streams_max = 2;
    let site = Site::with(config).await;
    let site = tokio::task::spawn_blocking(move || {
        // Silence after the preface: told to go, and closed. What the server bears it has said at once.
        let mut silent = Frames::open(&site);
        let (_, _, _, settings) = silent.find(|f| f.0 == SETTINGS && f.1 == 0).unwrap();
        let bounds: Vec<(u8, u32)> =
            settings.chunks_exact(6).map(|s| (s[1], u32::from_be_bytes([s[2], s[3], s[4], s[5]]))).collect();
        assert!(bounds.contains(&(3, 2)) && bounds.contains(&(6, 64 << 10)), "{bounds:?}");
        assert!(silent.find(|f| f.0 == GOAWAY).is_some());
        assert!(silent.find(|_| false).is_none());

        // Half a preface, and a head that never ends.
        let mut half = TcpStream::connect(site.address).unwrap();
        half.write_all(b"PRI * HTTP/2.0\r\n").unwrap();
        half.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(half.read(&mut [0; 100]).unwrap(), 0);
        let mut endless = Frames::open(&site);
        endless.push(1, 0, 0);
        assert!(endless.find(|f| f.0 == HEADERS).is_none());

        // A body that stops arriving is answered; others on the connection are not disturbed.
        let mut slow = Frames::open(&site);
        slow.push(1, END_HEADERS, 100);
        slow.send(DATA, 0, 1, b"abc");
        slow.push(3, END_HEADERS, 4);
        slow.send(DATA, END_STREAM, 3, b"x 1\n");
        assert!(slow.find(|f| f.0 == HEADERS && f.2 == 3).is_some());
        let (.., said) = slow.find(|f| f.0 == DATA && f.2 == 1).unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("3 of 100 bytes arrived"), "{said}");

        // More requests at a time than allowed: refused, and may come again.
        let mut many = Frames::open(&site);
        for stream in [1, 3, 5] {
            many.push(stream, END_HEADERS, 4);
        }
        let (_, _, refused, code) = many.find(|f| f.0 == RST_STREAM).unwrap();
        assert_eq!((refused, code), (5, vec![0, 0, 0, 7]));
        many.send(DATA, END_STREAM, 1, b"y 1\n");
        assert!(many.find(|f| f.0 == HEADERS && f.2 == 1).is_some());

        // Who closes the sending half has left.
        let mut leaver = Frames::open(&site);
        leaver.push(1, END_HEADERS, 100);
        leaver.0.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(leaver.find(|f| f.0 == DATA).is_none());
        site
    })
    .await
    .unwrap();
    assert_eq!(site.get("/-/ready").await.status, 200);
    site.stop().await;
}
