//! A real server in this process, on a free port and a directory of its own.

use model::Labels;
use server::Server;
use server::config::Config;
use server::state::Origin;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running server and what it needs.
pub struct Site {
    server: Option<Server>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data.
    pub dir: TempDir,
    client: reqwest::Client,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

/// A configuration that does nothing by itself.
pub fn quiet() -> Config {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".to_owned();
    config.agent.enabled = false;
    config.own.enabled = false;
    config
}

impl Site {
    /// A server with the quiet configuration.
    pub async fn start() -> Site {
        Site::with(quiet()).await
    }

    /// A server with this configuration.
    pub async fn with(config: Config) -> Site {
        Site::at(config, tempfile::tempdir().unwrap(), None).await
    }

    /// A server over this directory.
    pub async fn at(config: Config, dir: TempDir, config_file: Option<std::path::PathBuf>) -> Site {
        let origin = Origin {
            data_dir: dir.path().join("data"),
            config_file,
            flags: vec![("listen".into(), "127.0.0.1:0".into())],
        };
        let mut server = Server::start(config, origin).await.unwrap();
        server.ready().await.unwrap();
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(30)).no_gzip().no_zstd().build().unwrap();
        Site { address: server.address(), server: Some(server), dir, client }
    }

    /// Stops the server and gives its directory back.
    pub async fn stop(mut self) -> TempDir {
        self.server.take().unwrap().stop().await.unwrap();
        self.dir
    }

    /// Where a receiver with a socket of its own listens.
    pub fn receiver(&self, name: &str) -> SocketAddr {
        self.server.as_ref().unwrap().receiver(name).unwrap_or_else(|| panic!("{name} has no address"))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.url(path))).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        self.request("POST", path, headers, body).await
    }

    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let mut r = self.client.request(method.parse().unwrap(), self.url(path)).body(body.into());
        for (n, v) in headers {
            r = r.header(*n, *v);
        }
        self.send(r).await
    }

    pub async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.post(path, &[("content-type", "application/x-www-form-urlencoded")], body).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned(),
        }
    }

    /// Pushes text in the Prometheus format.
    pub async fn push(&self, text: &str) {
        let a = self.post("/api/v1/push/text", &[], text).await;
        assert_eq!(a.status, 200, "{}", a.body);
    }

    /// The result of an instant query as JSON.
    pub async fn query(&self, expr: &str, time_s: i64) -> serde_json::Value {
        let a = self.form("/api/v1/query", &[("query", expr), ("time", &time_s.to_string())]).await;
        assert_eq!(a.status, 200, "{expr}: {}", a.body);
        a.json()["data"]["result"].clone()
    }

    /// Sends bytes as they are, closes the sending half if asked to, and gives all that comes back.
    pub async fn raw(&self, bytes: &[u8], half_close: bool) -> String {
        let (address, bytes) = (self.address, bytes.to_vec());
        let exchange = move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // The server may answer and close before all is written.
            let _ = stream.write_all(&bytes);
            if half_close {
                let _ = stream.shutdown(std::net::Shutdown::Write);
            }
            let mut out = Vec::new();
            let _ = stream.read_to_end(&mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        tokio::task::spawn_blocking(exchange).await.unwrap()
    }
}

/// Everything in the logs of a stopped server, oldest first: stream, body, severity and attributes, without the times.
pub fn logs_of(dir: &TempDir, tenant: &str) -> Vec<String> {
    use records::{Attributes, Direction, Scan, Store, Unlimited, Wanted};
    let options = server::config::Config::default().logs;
    let options = options.options(ingest::records::Signal::Logs, &dir.path().join("data")).unwrap();
    let clock = std::sync::Arc::new(env::RealClock::new());
    let store = Store::open(options, std::sync::Arc::new(env::RealDisk), clock).unwrap();
    let tenant = model::record::Tenant::new(tenant).unwrap();
    let wanted = Wanted { body: true, severity: true, ids: true, attributes: Attributes::All };
    let scan = Scan { direction: Direction::Forward, wanted, ..Scan::all(&tenant) };
    let mut found = Vec::new();
    let mut take = |block: &records::Block<'_>| {
        for row in 0..block.len() {
            found.push((
                block.times_ns[row],
                format!(
                    "{} {:?} {} {:?}",
                    block.labels,
                    block.body(row),
                    block.severity(row).text(),
                    block.attributes(row)
                ),
            ));
        }
        std::ops::ControlFlow::Continue(())
    };
    store.scan(&scan, &Unlimited, &mut take).unwrap();
    store.close().unwrap();
    found.sort();
    found.into_iter().map(|(_, line)| line).collect()
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// Asks again and again until the answer is there; gives up loudly.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come to be");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A time in the recent past, on a whole minute, Unix seconds.
pub fn recent() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    now / 60 * 60 - 600
}

/// Labels from pairs.
pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

/// Labels, time in milliseconds and value of one sample.
pub type Sent<'a> = (&'a [(&'a str, &'a str)], i64, f64);

/// A remote write 1.0 body with one sample for each series.
pub fn write_body(samples: &[Sent<'_>]) -> Vec<u8> {
    let mut w = ingest::remote_write::encode::Writer::new();
    for (pairs, ms, v) in samples {
        w.series(&labels(pairs));
        w.sample(*ms, *v);
    }
    w.finish().to_vec()
}

/// The headers of remote write 1.0.
pub const WRITE_1: [(&str, &str); 2] =
    [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
